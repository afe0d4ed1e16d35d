"""Mattes of a painted person whose alpha is known, and the judgement of backdrops."""

import numpy as np
import pytest
from painted_figure import paint
from scipy import ndimage
from skimage.data import astronaut, rocket

from twinbook.domain.twin import Box
from twinbook.vision import faces
from twinbook.vision.matte import estimated_person, extent, matte


@pytest.fixture(scope="module")
def cut():
    figure = paint()
    return figure, matte(figure.rgb_srgb, figure.face)


def test_alpha_is_near_the_true_one(cut):
    figure, alpha = cut
    error = np.abs(alpha / 255 - figure.alpha)
    edge = (figure.alpha > 0.02) & (figure.alpha < 0.98)
    assert error.mean() < 0.004
    assert error[edge].mean() < 0.15
    assert alpha.shape == figure.alpha.shape
    assert alpha.dtype == np.uint8


def test_strands_of_hair_are_there_in_part(cut):
    figure, alpha = cut
    head = figure.face.grown(0.7)
    window = np.s_[max(head.top, 0) : figure.face.top + figure.face.height // 3, head.left : head.right]
    true, found = figure.alpha[window], alpha[window] / 255
    strands = (true > 0.15) & (true < 0.85)
    assert strands.sum() > 100
    assert np.corrcoef(true[strands], found[strands])[0, 1] > 0.6
    assert np.abs(true - found).mean() < 0.03


def test_no_holes_in_the_body_and_the_gaps_open(cut):
    figure, alpha = cut
    assert (alpha[figure.tee | figure.trousers] == 255).mean() > 0.995
    assert (alpha[figure.gap] < 8).mean() > 0.96


def test_the_shadow_on_the_floor_is_not_her(cut):
    figure, alpha = cut
    below = figure.alpha.shape[0] - 12
    assert alpha[below:].max() == 0
    off = np.abs(alpha / 255 - figure.alpha)[int(0.9 * below) :]
    assert off.mean() < 0.01


def test_a_shirt_nearly_the_colour_of_the_paper():
    figure = paint(tee=(196, 195, 190))
    alpha = matte(figure.rgb_srgb, figure.face)
    assert alpha is not None
    assert (alpha[figure.tee] > 250).mean() > 0.97
    assert (alpha[figure.gap] < 8).mean() > 0.9


@pytest.mark.parametrize("paper", [(250, 250, 250), (40, 42, 46), (150, 175, 150)])
def test_other_papers(paper):
    figure = paint(high=420, paper=paper)
    alpha = matte(figure.rgb_srgb, figure.face)
    assert alpha is not None
    assert np.abs(alpha / 255 - figure.alpha).mean() < 0.012


def test_cropped_by_the_frame():
    figure = paint(high=500, full=False)
    alpha = matte(figure.rgb_srgb, figure.face)
    assert (alpha[-1] == 255).sum() > 50
    assert np.abs(alpha / 255 - figure.alpha).mean() < 0.01


def test_busy_backdrops_have_no_matte():
    photo = astronaut()
    assert matte(photo, faces.find_faces(photo)[0].box) is None
    figure = paint(high=400)
    street = np.asarray(rocket())[:400, :266]
    mixed = (figure.rgb_srgb * figure.alpha[..., None] + street * (1 - figure.alpha[..., None])).astype(np.uint8)
    stripes = figure.rgb_srgb.copy()
    stripes[(figure.alpha == 0) & (np.arange(266)[None, :] // 6 % 2 == 0)] = 90
    assert matte(mixed, figure.face) is None
    assert matte(stripes, figure.face) is None
    filling = Box(10, 5, 380, 390)
    assert matte(figure.rgb_srgb, filling) is None


def test_a_sheen_along_the_outline_is_not_see_through():
    figure = paint(high=900, tee=(110, 150, 110))
    inwards = ndimage.distance_transform_edt(figure.alpha > 0.5)
    paled = 0.75 * np.clip(1 - inwards / 7, 0, 1)[..., None] * figure.tee[..., None]
    sheen = (figure.rgb_srgb * (1 - paled) + np.array([192, 194, 190]) * paled).astype(np.uint8)
    alpha = matte(sheen, figure.face)
    assert (alpha[figure.tee & (inwards > 4)] == 255).mean() > 0.99
    assert (alpha[figure.tee & (inwards > 2)] > 200).mean() > 0.97


def test_specks_of_backdrop_between_hair_ends_are_open():
    figure = paint(high=900)
    face, random = figure.face, np.random.default_rng(8)
    y = np.arange(900)[:, None]
    ends = figure.hair & (y > face.top + 0.62 * face.height)
    ends &= ndimage.distance_transform_edt(figure.alpha > 0.02) < 0.12 * face.width
    specks = ends & (random.random(ends.shape) < 0.35)
    rgb = figure.rgb_srgb.copy()
    paper = np.median(rgb[face.top : face.bottom, face.right + face.width : face.right + 2 * face.width], axis=(0, 1))
    rgb[specks] = paper
    alpha = matte(rgb, face)
    assert specks.sum() > 60
    assert (alpha[specks] < 100).mean() > 0.8
    assert (alpha[ends & ~specks] > 200).mean() > 0.8


def test_same_alpha_twice():
    figure = paint(high=360)
    assert (matte(figure.rgb_srgb, figure.face) == matte(figure.rgb_srgb, figure.face)).all()


def test_boxes():
    alpha = np.zeros((50, 40), np.uint8)
    assert extent(alpha) == Box(0, 0, 40, 50)
    alpha[10:20, 5:9] = 200
    assert extent(alpha) == Box(5, 10, 4, 10)
    whole = estimated_person(Box(450, 100, 100, 100), 1000, 1500)
    assert whole.contains(Box(450, 100, 100, 100))
    assert 1000 < whole.height < 1200
    assert estimated_person(Box(0, 0, 100, 100), 200, 150) == Box(0, 0, 200, 150).clipped(214, 150).clipped(200, 150)
