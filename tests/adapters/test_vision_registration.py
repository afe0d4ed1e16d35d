"""A picture is laid on the plate it was made from, to a fraction of a pixel, and on no other."""

import cv2
import forgeries as forge
import numpy as np
import pytest
from pictures import astronaut, synthetic

from twinbook.vision.registration import register


def registered(picture, plate):
    return register(picture, plate.rgb_srgb, plate.alpha, plate.landmarks)


def dressed_up(plate, seed=5):
    """Her in front of something wild, in a garment of opposite hue, as an engine might render her."""
    alpha = plate.alpha[..., None] / 255
    lab = cv2.cvtColor(plate.rgb_srgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab[plate.facts.face.bottom + plate.facts.face.height // 3 :, :, 1:] *= -1
    hers = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255
    high, wide = plate.alpha.shape
    wild = np.random.default_rng(seed).integers(0, 256, (high // 40, wide // 40, 3)).astype(np.float32)
    wild = cv2.resize(wild, (wide, high), interpolation=cv2.INTER_CUBIC)
    return np.clip(hers * alpha + wild * (1 - alpha), 0, 255).astype(np.uint8)


def expected_place(plate, picture, left, top, factor):
    """Picture pixels to plate pixels, when ``left, top`` were cut away and the rest resized by ``factor``."""
    offset = (1 / factor - 1) / 2
    return np.array([[1 / factor, 0, offset + left], [0, 1 / factor, offset + top], [0, 0, 1]])


@pytest.mark.parametrize("talent", ["mira", pytest.param("sami", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("cut", "factor"), [((0, 0), 0.6), ((90, 40), 0.8)], ids=str)
@pytest.mark.parametrize("dressed", [False, True])
def test_it_finds_her_where_she_was_put(demo_plate, talent, cut, factor, dressed):
    plate = demo_plate(talent, "waist-front")
    picture = dressed_up(plate) if dressed else plate.rgb_srgb
    picture = forge.resized(picture[cut[1] :, cut[0] :], factor)
    found = registered(forge.reencoded(picture, 85), plate)
    assert found is not None
    true = expected_place(plate, picture, *cut, factor)
    face = np.column_stack([plate.landmarks, np.ones(5)])
    landed = found.matrix @ np.linalg.inv(true) @ face.T
    assert np.abs(landed[:2].T - plate.landmarks).max() < 0.75
    assert abs(found.stretch) < 0.5


def test_a_body_drawn_in_does_not_move_the_head(demo_plate):
    plate = demo_plate("mira", "waist-front")
    found = registered(forge.slimmed(plate.rgb_srgb, plate, 10), plate)
    face = np.column_stack([plate.landmarks, np.ones(5)])
    assert np.abs((found.matrix @ face.T)[:2].T - plate.landmarks).max() < 0.5
    sleeve = round(plate.facts.face.bottom + 2.2 * plate.facts.face.height)
    columns = np.flatnonzero(plate.alpha[sleeve] == 255)
    row = round(sleeve * found.scale)
    at_left, at_right = (round(columns[i] * found.scale) for i in (15, -15))
    assert found.flow[row, at_left - 3 : at_left + 9, 0].max() > 1
    assert found.flow[row, at_right - 9 : at_right + 3, 0].min() < -1


def test_a_picture_squeezed_as_a_whole_is_told_as_stretched(demo_plate):
    plate = demo_plate("mira", "waist-front")
    high, wide = plate.alpha.shape
    squeezed = cv2.resize(plate.rgb_srgb, (round(wide * 0.95), high), interpolation=cv2.INTER_AREA)
    found = registered(squeezed, plate)
    assert found.stretch == pytest.approx(-5, abs=1)


@pytest.mark.parametrize(
    "other",
    [pytest.param(("mira", "waist-threequarter"), marks=pytest.mark.slow), ("sami", "waist-front")],
    ids="-".join,
)
def test_another_photograph_is_not_made_from_this_plate(demo_plate, other):
    assert registered(demo_plate(*other).rgb_srgb, demo_plate("mira", "waist-front")) is None


@pytest.mark.parametrize(
    "picture",
    [
        synthetic("noise"),
        synthetic("grey"),
        synthetic("black", 90, 120),
        synthetic("gradient"),
        astronaut(),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((3, 2000, 3), np.uint8),
    ],
    ids=lambda picture: f"{picture.shape[1]}x{picture.shape[0]}",
)
def test_what_is_not_her_at_all_is_refused_and_nothing_breaks(demo_plate, picture):
    assert registered(picture, demo_plate("mira", "waist-front")) is None


def test_the_number_of_threads_changes_nothing(demo_plate):
    plate = demo_plate("sami", "waist-front")
    picture = forge.reencoded(forge.cropped(plate.rgb_srgb, 0.05, 0.02, 0.1, 0.1), 75)
    before = cv2.getNumThreads()
    try:
        results = []
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            results.append(registered(picture, plate))
    finally:
        cv2.setNumThreads(before)
    one, two = results
    assert np.array_equal(one.matrix, two.matrix)
    assert np.array_equal(one.found, two.found)
    assert np.array_equal(one.flow, two.flow)
