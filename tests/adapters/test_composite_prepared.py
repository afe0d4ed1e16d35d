"""What every shot from one plate starts with is worked out once, and never given for another plate."""

from dataclasses import replace

import numpy as np
import pytest
from painted_figure import paint, plate_of

from twinbook.domain.errors import EngineRefused
from twinbook.engines.composite import prepared
from twinbook.engines.composite.prepared import Prepared


@pytest.fixture
def plate():
    return plate_of(paint())


@pytest.fixture
def worked_out(monkeypatch):
    """The names of what was worked out, in order."""
    done = []

    def noted(name, result):
        return lambda *asked: (done.append(name), result(*asked))[1]

    monkeypatch.setattr(prepared, "own_colours", noted("own", lambda rgb, alpha: rgb.copy()))
    monkeypatch.setattr(
        prepared, "garment_share", noted("share", lambda of, region: np.ones(of.alpha.shape, np.float32))
    )
    return done


def test_the_second_shot_finds_what_the_first_worked_out(plate, worked_out):
    kept = Prepared()
    first, second = kept.own(plate), kept.own(replace(plate))
    assert first is second
    assert worked_out == ["own"]
    kept.share(plate, "top"), kept.share(plate, "bottom"), kept.share(plate, "top")
    assert worked_out == ["own", "share", "share"]


def test_a_plate_made_anew_is_another_plate_whatever_its_name(plate, worked_out):
    kept = Prepared()
    kept.own(plate)
    corrected = plate.alpha.copy()
    corrected[0, 0] ^= 1
    assert kept.own(replace(plate, alpha=corrected)).shape == plate.rgb_srgb.shape
    assert worked_out == ["own", "own"]


def test_it_keeps_no_more_than_it_may_and_the_oldest_goes_first(plate, worked_out):
    size = plate.rgb_srgb.nbytes
    kept = Prepared(most_bytes=2 * size)
    others = [replace(plate, rgb_srgb=np.roll(plate.rgb_srgb, step, axis=1)) for step in (1, 2)]
    for one in (plate, *others, others[0]):
        kept.own(one)
    assert worked_out == ["own"] * 3
    kept.own(plate)
    assert worked_out == ["own"] * 4
    tiny = Prepared(most_bytes=size - 1)  # larger than all it may keep: worked out each time, given all the same
    assert (tiny.own(plate) == plate.rgb_srgb).all()
    assert (tiny.own(plate) == plate.rgb_srgb).all()


def test_nobody_can_write_into_what_others_get(plate):
    with pytest.raises(ValueError, match="read-only"):
        Prepared().own(plate)[0, 0] = 0


@pytest.mark.slow
def test_a_refusal_is_a_refusal_again(plate):
    kept = Prepared()
    for _ in range(2):
        with pytest.raises(EngineRefused):
            kept.share(replace(plate, rgb_srgb=np.full_like(plate.rgb_srgb, 128)), "shoes")
