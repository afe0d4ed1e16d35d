"""Her fitted body as a picture of depth: as broad and long as her measurements say, for networks that follow one."""

from dataclasses import replace

import numpy as np
import pytest
from painted_figure import paint, plate_of

from twinbook.domain.errors import EngineRefused, InputError
from twinbook.domain.generation import Generation
from twinbook.engines.composite.depth import depth_of_body

HERS = {"cm.height": 178.0, "cm.bust": 84.0, "cm.waist": 62.0, "cm.hips": 90.0}


@pytest.fixture(scope="module")
def plate():
    return plate_of(paint(high=240))


def drawn(plate, size=(512, 768), **changes):
    return depth_of_body(replace(plate, shape={**HERS, **changes}), *size)


def test_somebody_stands_in_the_middle_of_nothing(plate):
    depth = drawn(plate)
    assert depth.shape == (768, 512, 3)
    shown = depth[..., 0] > 0
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert 0.85 < (rows[-1] - rows[0]) / 768 < 0.9
    assert abs((columns[0] + columns[-1]) / 2 - 256) < 3
    assert not depth[0].any()
    assert not depth[-1].any()
    assert depth.max() == 255


def test_a_broader_waist_is_drawn_broader_and_the_rest_as_before(plate):
    def widths(depth):
        return (depth[..., 0] > 0).sum(axis=1)

    slim, broad = widths(drawn(plate)), widths(drawn(plate, **{"cm.waist": 80.0}))
    waist = slice(300, 360)
    assert broad[waist].min() > 1.1 * slim[waist].min()
    assert abs(int(broad[60]) - int(slim[60])) <= 3  # the head


def test_the_same_measurements_give_the_same_bytes(plate):
    assert drawn(plate).tobytes() == drawn(plate).tobytes()


def test_without_her_measurements_no_body_is_guessed(plate):
    with pytest.raises(EngineRefused, match=r"engine\.measurements"):
        depth_of_body(replace(plate, shape={}), 512, 768)
    with pytest.raises(EngineRefused, match=r"engine\.measurements"):
        drawn(plate, **{"cm.waist": 500.0})


def test_what_stays_of_a_plate_has_its_own_pose():
    assert Generation("walking", "base", pose="body").pictures == ()
    for keep in ("head", "person"):
        with pytest.raises(InputError, match="its own pose"):
            Generation("walking", "base", keep=keep, pose="body")
