"""Scene changes: edges without a halo, her pixels untouched, a floor to stand on."""

import numpy as np
import pytest
from painted_figure import paint, plate_of

from twinbook.domain.brief import STUDIO_SCENES
from twinbook.engines.composite.scene import composite, fitted_scene
from twinbook.engines.composite.studio import PAPERS, floor_line, full_length, studio_scene
from twinbook.vision.skin import lab, to_linear, to_srgb


def test_every_studio_scene_is_drawn(plate):
    assert set(PAPERS) == set(STUDIO_SCENES)
    for name in STUDIO_SCENES:
        scene = studio_scene(name, plate.facts)
        assert scene.shape == plate.rgb_srgb.shape
        assert scene.dtype == np.float32
        assert 0 < scene.min() <= scene.max() <= 1.05
        # Light behind her, less in the corners; no step anywhere that isn't the soft line of the floor.
        assert scene[5, 5].mean() < scene[plate.facts.face.bottom, plate.facts.width // 2].mean()
        coded = to_srgb(scene).astype(int)
        assert max(np.abs(np.diff(coded, axis=axis)).max() for axis in (0, 1)) <= 4


def test_a_full_figure_gets_a_floor_and_a_crop_does_not(plate):
    cropped = plate_of(paint(high=420, full=False)).facts
    assert full_length(plate.facts)
    assert not full_length(cropped)
    assert plate.facts.face.bottom < floor_line(plate.facts) < plate.facts.person.bottom


def test_her_opaque_pixels_are_the_plates(plate):
    for name in ("night", "white"):
        out = composite(plate.rgb_srgb, plate.alpha, plate.facts, studio_scene(name, plate.facts))
        opaque = plate.alpha == 255
        assert (out[opaque] == plate.rgb_srgb[opaque]).all()


def test_no_halo_of_the_old_backdrop(figure, plate):
    """Hair from pale paper on a night backdrop: the edge must lie between hair and night, not between paper and night."""
    scene = studio_scene("night", plate.facts)
    out = composite(plate.rgb_srgb, plate.alpha, plate.facts, scene)
    head = figure.face.grown(0.8)
    window = np.s_[max(head.top, 0) : figure.face.top, max(head.left, 0) : head.right]
    soft = (figure.alpha[window] > 0.1) & (figure.alpha[window] < 0.9)
    assert soft.sum() > 150
    lightness = lab(out[window])[..., 0][soft]
    ceiling = max(lab(to_srgb(scene[window]))[..., 0].max(), 22.0)
    assert np.percentile(lightness, 95) < ceiling + 8


def test_the_composite_is_near_the_truth(figure, plate):
    """What a camera would have seen: true alpha, true hair colour, in linear light."""
    scene = studio_scene("terracotta", plate.facts)
    out = composite(plate.rgb_srgb, plate.alpha, plate.facts, scene)
    hair = to_linear(np.uint8((58, 38, 28)))
    cover = figure.alpha[..., None]
    expected = lab(to_srgb(hair * cover + scene * (1 - cover)))
    head = figure.face.grown(0.8)
    window = np.s_[max(head.top, 0) : figure.face.top - 8, max(head.left, 0) : head.right]
    edge = (figure.alpha[window] > 0.1) & (figure.alpha[window] < 0.95)
    off = np.linalg.norm(lab(out[window]) - expected[window], axis=2)[edge]
    assert np.median(off) < 6


def test_shadow_under_the_feet_and_nowhere_else(plate):
    scene = studio_scene("warm-grey", plate.facts)
    out = lab(composite(plate.rgb_srgb, plate.alpha, plate.facts, scene))[..., 0]
    bare = lab(to_srgb(scene))[..., 0]
    darker = bare - out
    darker[plate.alpha > 0] = 0
    person = plate.facts.person
    assert darker[person.bottom - 4 : person.bottom + 10, person.left : person.right].max() > 6
    assert np.median(np.abs(darker[: person.bottom - person.height // 4])) < 1.0
    cropped = paint(high=420, full=False)
    other = plate_of(cropped)
    plain = composite(other.rgb_srgb, other.alpha, other.facts, studio_scene("sand", other.facts))
    assert plain.shape == other.rgb_srgb.shape


@pytest.mark.parametrize("size", [(300, 200), (900, 1600), (1200, 500), (50, 50)])
def test_scene_pictures_of_any_shape_cover_the_canvas(plate, size):
    picture = np.random.default_rng(5).integers(0, 256, (*size, 3), np.uint8)
    fitted = fitted_scene(picture, plate.facts)
    assert fitted.shape == plate.rgb_srgb.shape
    assert fitted.dtype == np.float32


def test_a_close_up_has_a_softer_background(plate):
    checks = ((np.indices((800, 800)) // 8).sum(axis=0) % 2 * 255).astype(np.uint8)
    checks = np.repeat(checks[..., None], 3, axis=2)
    near = plate_of(paint(high=720, full=False))
    assert fitted_scene(checks, near.facts).std() < fitted_scene(checks, plate.facts).std()


def test_same_bytes_twice_and_other_grain_with_another_seed(plate):
    scene = studio_scene("sage", plate.facts)
    one, two, other = (composite(plate.rgb_srgb, plate.alpha, plate.facts, scene, seed) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()
