"""How good a picture is: each fault is found, and what only looks like one isn't."""

import io

import cv2
import numpy as np
import pytest
from painted_figure import paint, plate_of
from PIL import Image

from twinbook.domain.twin import Box
from twinbook.vision.picture import banding, halo, quality, sharpness
from twinbook.vision.skin import to_linear, to_srgb

SHADE = np.linspace(90, 190, 900)  # a backdrop's slow gradient


def jpeg(rgb, quality=85):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def paper(grain=0.0, seed=1):
    """Studio paper with light falling off, as a camera with this much grain records it."""
    slope = SHADE[None, :] + 20 * np.linspace(-1, 1, 600)[:, None]
    noisy = slope + np.random.default_rng(seed).normal(0, grain, slope.shape) if grain else slope
    return np.repeat(np.clip(noisy, 0, 255).round().astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def portrait():
    """A face with edges: half a checkerboard in the face's box, at the size of a portrait."""
    plate = plate_of(paint(high=600, full=False, grain=1.0))
    face, rgb = plate.facts.face, plate.rgb_srgb.copy()
    y, x = np.mgrid[0 : face.height, 0 : face.width]
    drawn = ((x // 17 + y // 23) % 2 == 0)[..., None]
    area = np.s_[face.top : face.bottom, face.left : face.right]
    rgb[area] = np.where(drawn, rgb[area], rgb[area] * 0.55).astype(np.uint8)
    return rgb, plate.alpha, face


# --- sharpness --------------------------------------------------------------------------------------------------


def test_blur_widens_edges_and_exposure_does_not(portrait):
    rgb, _, face = portrait
    sharp = sharpness(rgb, face)
    assert sharp < 1.2
    widths = [sharpness(cv2.GaussianBlur(rgb, (0, 0), share * face.width), face) for share in (0.01, 0.02, 0.03)]
    assert sharp < widths[0] < widths[1] < widths[2]
    assert widths[1] == pytest.approx(2, abs=0.6)
    for other in (to_srgb(to_linear(rgb) * 0.6), (rgb * 0.7 + 40).astype(np.uint8), jpeg(rgb, 80)):
        assert sharpness(other, face) == pytest.approx(sharp, rel=0.15)


def test_softening_is_held_against_the_plate(portrait):
    rgb, alpha, face = portrait
    own = sharpness(rgb, face)
    soft = cv2.GaussianBlur(rgb, (0, 0), 0.012 * face.width)
    by_name = {m.name: m for m in quality(soft, alpha, face, own)}
    assert by_name["picture.softening"].value > 0.5
    assert {m.name: m.value for m in quality(rgb, alpha, face, own)}["picture.softening"] == 0
    assert {m.name: m.value for m in quality(rgb, alpha, face)}["picture.softening"] is None


def test_what_a_smaller_picture_cannot_show_it_has_not_softened(portrait):
    rgb, _, face = portrait
    half = [cv2.resize(one, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for one in (rgb, blurred(rgb, face))]
    small = Box(*(round(0.5 * part) for part in (face.left, face.top, face.width, face.height)))
    at_size = sharpness(rgb, face, small.width)
    assert at_size > 1.2 * sharpness(rgb, face)
    assert sharpness(half[0], small) == pytest.approx(at_size, rel=0.1)
    assert sharpness(half[1], small) > 1.35 * at_size


def blurred(rgb, face):
    return cv2.GaussianBlur(rgb, (0, 0), 0.03 * face.width)


# --- clipping ---------------------------------------------------------------------------------------------------


def test_burnt_out_and_crushed_parts_of_her_are_counted_and_paper_is_not(portrait):
    rgb, alpha, face = portrait
    white = np.where((alpha < 250)[..., None], np.uint8(255), rgb)
    by_name = {m.name: m.value for m in quality(white, alpha, face)}
    assert by_name["picture.clipping"] == 0
    over, under = to_srgb(to_linear(rgb) * 4), np.clip(rgb.astype(int) - 90, 0, 255).astype(np.uint8)
    assert {m.name: m.value for m in quality(over, alpha, face)}["picture.clipping"] > 0.1
    assert {m.name: m.value for m in quality(under, alpha, face)}["picture.crushing"] > 0.05


# --- banding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [64, 32])
def test_a_posterised_gradient_is_banded(levels):
    step = 256 // levels
    assert banding(paper() // step * step).value > 0.08


def test_eight_bits_noise_flat_paper_and_jpeg_blocks_are_not_banding():
    flat = np.full((400, 500, 3), 214, np.uint8)
    for picture in (paper(), paper(grain=1.5), paper(grain=6), flat, jpeg(paper(grain=1.5), 45)):
        assert banding(picture).value < 0.01


# --- the rim of the matte ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cut_out():
    figure = paint(high=600)
    return figure.rgb_srgb, (figure.alpha * 255 + 0.5).astype(np.uint8)


def test_an_honest_mix_along_her_outline_has_no_rim(cut_out):
    rgb, alpha = cut_out
    share = (alpha / 255.0)[..., None]
    assert abs(halo(rgb, alpha).value) < 1.5
    for scene in ((40, 44, 60), (140, 150, 160), (236, 234, 230)):
        # Her own colours at the soft edge: the nearest that are all hers.
        solid = (alpha >= 250).astype(np.uint8)
        own = cv2.inpaint(rgb, ((alpha > 0) & (solid == 0)).astype(np.uint8), 3, cv2.INPAINT_NS)
        mixed = to_srgb(to_linear(own) * share + to_linear(np.uint8(scene)) * (1 - share))
        assert abs(halo(mixed, alpha).value) < 1.5


def test_paper_left_around_her_is_a_light_rim_in_a_dark_scene_and_glow_one_anywhere(cut_out):
    rgb, alpha = cut_out
    fat = (cv2.dilate(alpha, np.ones((7, 7), np.uint8)) / 255.0)[..., None]
    dark = (rgb * fat + np.float64((40, 44, 60)) * (1 - fat)).round().astype(np.uint8)
    found = halo(dark, alpha)
    assert found.value > 6
    assert found.note == "light rim"
    outside = cv2.distanceTransform((alpha < 128).astype(np.uint8), cv2.DIST_L2, 3)
    rim = ((outside > 0) & (outside <= 4))[..., None]
    assert halo(np.where(rim, np.minimum(rgb.astype(int) + 25, 255), rgb).astype(np.uint8), alpha).value > 3
    assert halo(np.where(rim, rgb * 0.8, rgb).astype(np.uint8), alpha).value < -3


def test_without_a_matte_nothing_is_said_of_a_rim(portrait):
    rgb, alpha, _face = portrait
    untold = halo(rgb, None)
    assert untold.value is None
    assert "cut out" in untold.note
    assert halo(rgb, np.full_like(alpha, 255)).value is None
    nobody = {m.name: m.value for m in quality(rgb, None, None)}
    assert nobody["picture.sharpness"] is nobody["picture.clipping"] is None
