"""The embedder: what it may cost, and that it always does the same."""

import time

import numpy as np
import pytest
from pictures import RELEASE, astronaut, studio, synthetic

from twinbook.domain.errors import SealRefused
from twinbook.seal import watermark


@pytest.mark.parametrize("name", ["grey", "white", "black", "gradient"])
def test_flat_pictures_depart_by_two_levels_at_most(name):
    before = synthetic(name)
    after = watermark.embed(before, RELEASE).rgb_srgb
    assert np.abs(after.astype(int) - before).max() <= 2


def test_a_flat_backdrop_stays_quiet_beside_a_lively_figure():
    before = studio()
    after = watermark.embed(before, RELEASE).rgb_srgb
    backdrop = (after.astype(int) - before)[60:200, 60:840]
    assert backdrop.std() < 0.8


@pytest.mark.parametrize("make", [astronaut, studio, lambda: synthetic("noise")], ids=["astronaut", "studio", "noise"])
def test_no_picture_falls_below_42_db(make):
    before = make()
    marked = watermark.embed(before, RELEASE)
    measured = 10 * np.log10(255**2 / np.mean((marked.rgb_srgb.astype(float) - before) ** 2))
    assert measured >= 42
    assert marked.psnr == pytest.approx(measured, abs=0.01)


def test_colour_stays():
    """All three channels move together, but where one of them is at its end."""
    before = astronaut()
    moved = watermark.embed(before, RELEASE).rgb_srgb.astype(int) - before
    inner = ((before > 12) & (before < 243)).all(axis=2)
    assert (moved[inner] == moved[inner][:, :1]).all()


def test_the_same_input_gives_the_same_pixels():
    before = studio()
    assert (watermark.embed(before, RELEASE).rgb_srgb == watermark.embed(before, RELEASE).rgb_srgb).all()


def test_a_thumbnail_is_refused():
    with pytest.raises(SealRefused, match=r"seal\.watermark"):
        watermark.embed(astronaut(180, 239), RELEASE)


def test_it_is_fast_enough():
    """Half a second at 1200x1600 is the aim; four times that on a busy machine is still no trouble."""
    picture = astronaut(1200, 1600)
    watermark.embed(picture, RELEASE)
    started = time.perf_counter()
    watermark.embed(picture, RELEASE)
    assert time.perf_counter() - started < 2.0
