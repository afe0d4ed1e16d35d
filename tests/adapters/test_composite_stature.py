"""The height of a scene's camera: its horizon lies where the setting says, and people of other statures stand as much
higher or lower before it as they are."""

from dataclasses import replace

import numpy as np
import pytest
from painted_figure import paint, plate_of
from test_composite_scene import hall

from twinbook.engines.composite.placement import CAMERA, Sitter, alone, as_framed, together
from twinbook.engines.composite.scene import Layer, composite, fitted_scene

EYES = 0.936  # of a stature
MARK = (255, 0, 255)


@pytest.fixture(scope="module")
def half():
    return plate_of(paint(high=420, full=False))


def marked(horizon, high=800, wide=640):
    """A room with a line of a colour of its own along its horizon; a level line tells of no vanishing point."""
    scene = hall(horizon, horizon + 0.15, high, wide)
    row = round(horizon * high)
    scene[row - 3 : row + 4] = MARK
    return scene


def horizon_in(linear):
    """The row of the line in a fitted scene, whatever it was scaled and blurred by."""
    magenta = np.clip(np.minimum(linear[..., 0], linear[..., 2]) - linear[..., 1], 0, None).mean(axis=1)
    magenta[magenta < 0.3 * magenta.max()] = 0
    return float((magenta * np.arange(len(magenta))).sum() / magenta.sum())


@pytest.mark.parametrize("stature", [160.0, 187.0, None])
@pytest.mark.parametrize(
    ("framing", "horizon"),
    [
        *(("full", horizon) for horizon in (0.3, 0.36, 0.42)),
        *(("full in a square", horizon) for horizon in (0.3, 0.36, 0.42)),
        *(("half", horizon) for horizon in (0.42, 0.5, 0.58)),
    ],
)
def test_the_horizon_of_a_place_is_laid_where_the_camera_was(plate, half, framing, horizon, stature):
    sitter = Sitter("mira", half.facts if framing == "half" else plate.facts, stature)
    setting = alone(sitter, ("instagram-1x1",), 10**8) if framing == "full in a square" else as_framed(sitter)
    fitted, told = fitted_scene(marked(horizon), setting)
    assert told["horizon"] == "lines that run away"
    assert horizon_in(fitted) == pytest.approx(setting.horizon, abs=0.02 * setting.height)


def test_where_a_place_cannot_reach_it_is_told_by_how_much(plate):
    setting = as_framed(Sitter("mira", plate.facts, 160.0))
    fitted, told = fitted_scene(marked(0.65), setting)
    missed = abs(horizon_in(fitted) - setting.horizon) / setting.height
    assert missed > 0.06
    assert f"{missed:.0%} of the height" in told["horizon"]


@pytest.mark.parametrize("stature", [160.0, 187.0])
def test_who_stands_in_it_is_crossed_by_the_horizon_as_high_as_the_camera(plate, stature):
    setting = as_framed(Sitter("mira", plate.facts, stature))
    row = horizon_in(fitted_scene(marked(0.42), setting)[0])
    person = setting.person
    assert (person.bottom - row) / person.height * stature == pytest.approx(CAMERA, abs=4)


def test_two_of_other_heights_stand_in_one_place_each_as_high_as_she_is(plate):
    """The shorter one's plate is the larger: not pixels decide, but centimetres."""
    short, tall = plate, plate_of(paint(high=600, tee=(150, 70, 60)), photo="sami")
    heights = {"mira": 160.0, "sami": 187.0}
    plates = {"mira": short, "sami": tall}
    setting = together([Sitter(who, plates[who].facts, cm) for who, cm in heights.items()], ("web-3x4",), 10**8)
    layers = [
        Layer(placed, one.rgb_srgb, one.alpha, one.rgb_srgb)
        for placed, one in zip(setting.placed, plates.values(), strict=True)
    ]
    scene, _ = fitted_scene(marked(0.42), setting)
    row = horizon_in(scene)
    alpha = composite(setting, layers, scene).alpha
    seen = {}
    for placed in setting.placed:
        box = placed.person
        rows = np.flatnonzero((alpha[:, box.left : box.right] > 127).any(axis=1))
        seen[placed.talent] = int(rows[0]), int(rows[-1]) + 1
    for who, (top, bottom) in seen.items():
        assert (bottom - row) / (bottom - top) * heights[who] == pytest.approx(CAMERA, abs=5)
    assert abs(seen["mira"][1] - seen["sami"][1]) <= 3  # one floor
    above = seen["mira"][0] - seen["sami"][0]
    assert above / (seen["sami"][1] - seen["sami"][0]) == pytest.approx(27 / 187, abs=0.015)


def test_half_figures_have_their_eyes_as_far_apart_as_their_statures_say(half):
    other = replace(half.facts, id="id-other", photo="other")
    setting = together([Sitter("mira", half.facts, 160.0), Sitter("sami", other, 187.0)], ("web-3x4",), 10**8)
    mira, sami = setting.placed
    lower = (mira.face.top - sami.face.top) / setting.centimetre
    assert lower == pytest.approx(EYES * 27, abs=1)
    assert setting.horizon == pytest.approx(eyes(sami) + (EYES * 187 - CAMERA) * setting.centimetre, abs=2)
    assert setting.horizon == pytest.approx(eyes(mira) + (EYES * 160 - CAMERA) * setting.centimetre, abs=2)


def eyes(placed):
    return placed.face.top + 0.3 * placed.face.height
