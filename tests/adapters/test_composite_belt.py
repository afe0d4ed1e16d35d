"""A belt on a skirt: at the height the brief names, round the outline, over folds, under hands, nothing else."""

from fractions import Fraction

import cv2
import drawn_garments as drawn
import numpy as np
import pytest
from painted_skirt import in_skirt
from rendered_figure import rendered_plate

from twinbook.domain.brief import Accessory
from twinbook.domain.errors import EngineRefused
from twinbook.engines.composite.accessories import laid_on
from twinbook.vision.skin import to_linear

LUMINANCE = np.float32([0.2126, 0.7152, 0.0722])
HALFWAY, HIGH, STEEP = Fraction(1, 2), Fraction(1, 10), Fraction(1, 20)


@pytest.fixture(scope="module")
def trousered():
    return rendered_plate("mira-full-white")


@pytest.fixture(scope="module")
def skirted(trousered):
    return in_skirt(trousered, hips=1.3, flare=1.8)


@pytest.fixture(scope="module")
def worn(skirted):
    """The plate with the belt, by place."""
    plate = skirted.plate
    return {
        at: laid_on(plate.rgb_srgb, plate, Accessory("belt", "image:x", at), drawn.belt())
        for at in (HALFWAY, HIGH, STEEP, "waist")
    }


def belt_of(skirted, rgb):
    """Where the belt is, bool (h, w): leather and gold, not the shade it throws."""
    return np.abs(rgb.astype(int) - skirted.plate.rgb_srgb).max(axis=2) > 24


def buckle_of(skirted, rgb):
    """Of the gold of its frame, width and height in pixels."""
    red, blue = rgb[..., 0].astype(int), rgb[..., 2].astype(int)
    gold = belt_of(skirted, rgb) & (red > 150) & (red - blue > 40)
    _, _, pieces, _ = cv2.connectedComponentsWithStats(gold.astype(np.uint8))
    return max(pieces[1:], key=lambda piece: piece[4])[2:4]


@pytest.mark.parametrize("at", [HALFWAY, HIGH])
def test_it_lies_at_its_share_of_the_skirts_length(skirted, worn, at):
    long = skirted.hem - skirted.waist
    rows = np.flatnonzero(belt_of(skirted, worn[at]).any(axis=1))
    assert abs(rows.mean() - skirted.waist - float(at) * long) < 0.02 * long


def test_it_ends_where_the_skirt_does_in_every_row(skirted, worn):
    """The sides of a skirt slope, most at the hips: so do the ends of the belt."""
    for at in (STEEP, HALFWAY):
        belt = belt_of(skirted, worn[at])
        belt[:, 190:300] = False  # the buckle
        for side, from_side in enumerate((belt, belt[:, ::-1])):
            # Its ends are the upper rows of its arc.
            rows = np.flatnonzero(from_side[:, : belt.shape[1] // 2].any(axis=1))[1:7]
            ends = from_side[rows].argmax(axis=1)
            off = (belt.shape[1] - ends if side else ends) - skirted.edges[rows, side]
            assert np.abs(off).max() < 2


def test_folds_go_on_over_it_and_a_belt_is_as_broad_on_a_skirt_as_at_the_waist(skirted, worn):
    rgb = worn[HALFWAY]
    # Brown on red: told by its hue, as in a fold both are as dark.
    brown = (rgb[..., 1].astype(int) > rgb[..., 2] + 4) & (rgb != skirted.plate.rgb_srgb).any(axis=2)
    strap = cv2.erode(brown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    columns = np.flatnonzero(strap.sum(axis=0) >= 2)
    middle = np.nanmean(skirted.edges[round(skirted.waist + 0.5 * (skirted.hem - skirted.waist))])
    columns = columns[(np.abs(columns - middle) > 20) & (np.abs(columns - middle) < 75)]
    light = to_linear(rgb) @ LUMINANCE
    on_belt, on_cloth = (
        np.convolve([np.log(values[strap[:, x], x]).mean() for x in columns], np.ones(9) / 9, "valid")  # over stitches
        for values in (light, skirted.folds)
    )
    assert np.corrcoef(on_belt, on_cloth)[0, 1] > 0.75
    assert np.polyfit(on_cloth, on_belt, 1)[0] > 0.3
    (wide, high), (wide_at_waist, _) = (buckle_of(skirted, worn[at]) for at in (HALFWAY, "waist"))
    assert abs(wide / wide_at_waist - 1) < 0.15
    assert abs(wide / high - 1) < 0.2


def test_it_goes_under_her_hands_and_changes_nothing_else(skirted, worn):
    rgb, before = worn[HIGH], skirted.plate.rgb_srgb
    changed = (rgb != before).any(axis=2)
    belt = belt_of(skirted, rgb)
    rows = np.flatnonzero(belt.any(axis=1))
    hands = cv2.erode(skirted.hands.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    crossing = hands[rows[0] : rows[-1] + 1]
    assert crossing.sum() > 60  # they are there
    assert not changed[hands].any()
    # It comes close to them: not cut off somewhere before.
    reach = cv2.dilate(skirted.hands.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert (belt & reach).sum() > 8
    margin = round(0.25 * skirted.plate.facts.face.height)
    assert not changed[: rows[0] - margin].any()
    assert not changed[rows[-1] + margin :].any()
    assert not changed[skirted.plate.alpha == 0].sum() > 0.02 * changed.sum()


def test_halfway_down_trousers_a_belt_would_join_two_legs(trousered):
    with pytest.raises(EngineRefused, match="two legs"):
        laid_on(trousered.rgb_srgb, trousered, Accessory("belt", "image:x", HALFWAY), drawn.belt())
