"""Scene changes: edges without a halo, her pixels untouched, a floor to stand on."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from painted_figure import paint, plate_of

from twinbook.domain.brief import STUDIO_SCENES
from twinbook.domain.errors import EngineRefused
from twinbook.domain.twin import Box
from twinbook.engines.composite import light
from twinbook.engines.composite.floor import feet_lost, outlook
from twinbook.engines.composite.placement import Sitter, alone, as_framed, full_length, together
from twinbook.engines.composite.scene import Layer, composite, fitted_scene, own_colours
from twinbook.engines.composite.studio import PAPERS, floor_line, studio_scene
from twinbook.vision.skin import lab, to_linear, to_srgb


def setting_of(plate):
    return as_framed(Sitter.of("mira", plate))


def backdrop(name, plate):
    return studio_scene(name, setting_of(plate))


def composed(plate, scene, seed=0):
    setting = setting_of(plate)
    layer = Layer(setting.placed[0], plate.rgb_srgb, plate.alpha, own_colours(plate.rgb_srgb, plate.alpha))
    return composite(setting, [layer], scene, seed).rgb_srgb


def test_every_studio_scene_is_drawn(plate):
    assert set(PAPERS) == set(STUDIO_SCENES)
    for name in STUDIO_SCENES:
        scene = backdrop(name, plate)
        assert scene.shape == plate.rgb_srgb.shape
        assert scene.dtype == np.float32
        assert 0 < scene.min() <= scene.max() <= 1.05
        if PAPERS[name].pattern or PAPERS[name].second:
            continue
        # Light behind her, less in the corners; no step anywhere that isn't the soft line of the floor.
        assert scene[5, 5].mean() < scene[plate.facts.face.bottom, plate.facts.width // 2].mean()
        coded = to_srgb(scene).astype(int)
        assert max(np.abs(np.diff(coded, axis=axis)).max() for axis in (0, 1)) <= 4


def test_a_full_figure_gets_a_floor_and_a_crop_does_not(plate):
    cropped = plate_of(paint(high=420, full=False)).facts
    assert full_length(plate.facts)
    assert not full_length(cropped)
    assert plate.facts.face.bottom < floor_line(setting_of(plate)) < plate.facts.person.bottom


def test_her_opaque_pixels_are_the_plates(plate):
    for name in ("night", "white"):
        out = composed(plate, backdrop(name, plate))
        opaque = plate.alpha == 255
        assert (out[opaque] == plate.rgb_srgb[opaque]).all()


def test_no_halo_of_the_old_backdrop(figure, plate):
    """Hair from pale paper on a night backdrop: the edge must lie between hair and night, not between paper and night."""
    scene = backdrop("night", plate)
    out = composed(plate, scene)
    head = figure.face.grown(0.8)
    window = np.s_[max(head.top, 0) : figure.face.top, max(head.left, 0) : head.right]
    soft = (figure.alpha[window] > 0.1) & (figure.alpha[window] < 0.9)
    assert soft.sum() > 150
    lightness = lab(out[window])[..., 0][soft]
    ceiling = max(lab(to_srgb(scene[window]))[..., 0].max(), 22.0)
    assert np.percentile(lightness, 95) < ceiling + 8


def test_the_composite_is_near_the_truth(figure, plate):
    """What a camera would have seen: true alpha, true hair colour, in linear light."""
    scene = backdrop("terracotta", plate)
    out = composed(plate, scene)
    hair = to_linear(np.uint8((58, 38, 28)))
    cover = figure.alpha[..., None]
    expected = lab(to_srgb(hair * cover + scene * (1 - cover)))
    head = figure.face.grown(0.8)
    window = np.s_[max(head.top, 0) : figure.face.top - 8, max(head.left, 0) : head.right]
    edge = (figure.alpha[window] > 0.1) & (figure.alpha[window] < 0.95)
    off = np.linalg.norm(lab(out[window]) - expected[window], axis=2)[edge]
    assert np.median(off) < 6


def test_shadow_under_the_feet_and_nowhere_else(plate):
    scene = backdrop("warm-grey", plate)
    out = lab(composed(plate, scene))[..., 0]
    bare = lab(to_srgb(scene))[..., 0]
    darker = bare - out
    darker[plate.alpha > 0] = 0
    person = plate.facts.person
    assert darker[person.bottom - 4 : person.bottom + 10, person.left : person.right].max() > 6
    assert np.median(np.abs(darker[: person.bottom - person.height // 4])) < 1.0
    cropped = paint(high=420, full=False)
    other = plate_of(cropped)
    plain = composed(other, backdrop("sand", other))
    assert plain.shape == other.rgb_srgb.shape


@pytest.mark.parametrize("size", [(300, 200), (900, 1600), (1200, 500), (50, 50)])
def test_scene_pictures_of_any_shape_cover_the_canvas(plate, size):
    picture = np.random.default_rng(5).integers(0, 256, (*size, 3), np.uint8)
    fitted, told = fitted_scene(picture, setting_of(plate))
    assert fitted.shape == plate.rgb_srgb.shape
    assert fitted.dtype == np.float32
    assert told["horizon"]


def test_a_close_up_has_a_softer_background(plate):
    checks = ((np.indices((800, 800)) // 8).sum(axis=0) % 2 * 255).astype(np.uint8)
    checks = np.repeat(checks[..., None], 3, axis=2)
    near = plate_of(paint(high=720, full=False))
    assert fitted_scene(checks, setting_of(near))[0].std() < fitted_scene(checks, setting_of(plate))[0].std()


def test_same_bytes_twice_and_other_grain_with_another_seed(plate):
    scene = backdrop("sage", plate)
    one, two, other = (composed(plate, scene, seed) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


# --- where she stands


def hall(horizon=0.42, floor=0.62, high=800, wide=640):
    """A room seen along its boards: they run to a point on the horizon and begin at a wall."""
    picture = np.full((high, wide, 3), 205, np.uint8)
    row, start = round(horizon * high), round(floor * high)
    picture[start:] = (150, 120, 90)
    for foot in range(-1600, 2300, 150):
        share = (start - row) / (high - row)
        top = (round(wide / 2 + (foot - wide / 2) * share), start)
        cv2.line(picture, top, (foot, high), (70, 50, 40), 3, cv2.LINE_AA)
    return picture


def test_the_horizon_is_where_boards_meet_and_half_way_up_where_nothing_tells():
    seen = outlook(hall())
    assert seen.horizon == pytest.approx(0.42, abs=0.02)
    assert seen.floor == pytest.approx(0.62, abs=0.02)
    blank = outlook(np.full((400, 300, 3), 128, np.uint8))
    assert (blank.horizon, blank.floor) == (0.5, None)
    assert "assumed" in blank.told


def test_her_feet_are_on_the_floor_or_the_scene_is_refused(plate):
    fitted, _ = fitted_scene(hall(), setting_of(plate))
    feet = fitted[plate.facts.person.bottom - 2, 20]
    assert feet[0] > 1.3 * feet[2]  # boards, not wall
    person = plate.facts.person
    higher = replace(plate.facts, person=Box(person.left, person.top, person.width, person.height - 70))
    with pytest.raises(EngineRefused) as caught:
        fitted_scene(hall(horizon=0.5, floor=0.95), as_framed(Sitter("mira", higher)))
    assert caught.value.code == "engine.figure"


def test_shoes_that_the_matte_lost_are_missed(plate):
    placed = setting_of(plate).placed[0]
    assert not feet_lost(plate.rgb_srgb, plate.alpha, placed)
    rows = np.arange(plate.facts.height)
    ankles = plate.facts.person.bottom - round(0.035 * plate.facts.person.height)
    bare = np.where((rows > ankles)[:, None], 0, plate.alpha).astype(np.uint8)
    without = replace(plate, alpha=bare, facts=replace(plate.facts, person=without_feet(plate.facts.person, ankles)))
    assert feet_lost(without.rgb_srgb, without.alpha, setting_of(without).placed[0])


def without_feet(person, ankles):
    return Box(person.left, person.top, person.width, ankles - person.top)


def test_the_frame_grows_for_a_format_but_not_past_where_she_was_cut(plate):
    grown = alone(Sitter.of("mira", plate), ("instagram-1x1",), 10**8)
    assert grown.width >= grown.height == plate.facts.height
    assert grown.placed[0].scale == 1
    wide = replace(plate.facts, person=Box(0, 40, plate.facts.width, plate.facts.height - 40))
    kept = alone(Sitter("mira", wide), ("instagram-1x1",), 10**8)
    assert kept.width == plate.facts.width


def test_two_stand_on_one_floor_as_tall_as_they_are(plate):
    setting = together([Sitter("mira", plate.facts, 170.0), Sitter("sami", plate.facts, 187.0)], ("web-3x4",), 10**8)
    mira, sami = (placed.person for placed in setting.placed)
    assert abs(mira.bottom - sami.bottom) <= 2
    assert mira.height / sami.height == pytest.approx(170 / 187, abs=0.01)
    assert mira.overlap(sami) == 0
    assert max(placed.scale for placed in setting.placed) == 1
    unknown = together([Sitter("mira", plate.facts, 170.0), Sitter("sami", plate.facts)], ("web-3x4",), 10**8)
    assert abs(unknown.placed[0].face.top - unknown.placed[1].face.top) <= 2
    half = plate_of(paint(high=420, full=False)).facts
    with pytest.raises(EngineRefused, match=r"engine\.talents"):
        together([Sitter("mira", plate.facts), Sitter("sami", half)], ("web-3x4",), 10**8)


# --- light


def test_a_scene_lit_from_the_other_side_is_mirrored_unless_it_has_writing(plate):
    x = np.linspace(0.5, 1.1, plate.facts.width)[None, :, None]
    lit_right = np.clip(plate.rgb_srgb * x, 0, 255).astype(np.uint8)
    assert (
        light.side_of_her(lit_right, plate.alpha)
        > light.SIDED
        > -light.SIDED
        > light.side_of_her(np.clip(plate.rgb_srgb * x[:, ::-1], 0, 255).astype(np.uint8), plate.alpha)
    )
    layer = Layer(setting_of(plate).placed[0], lit_right, plate.alpha, lit_right)
    place = np.repeat(np.linspace(230, 110, 600).astype(np.uint8)[None, :, None], 500, axis=0).repeat(3, axis=2)
    fitted, told = fitted_scene(place, setting_of(plate), [layer])
    assert told["light"] == "the scene is mirrored"
    assert fitted[50, -20:].mean() > fitted[50, :20].mean()
    cv2.putText(place, "OPEN DAILY", (60, 250), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 5)
    fitted, told = fitted_scene(place, setting_of(plate), [layer])
    assert "wasn't mirrored" in told["light"]
    assert fitted[50, -20:].mean() < fitted[50, :20].mean()


def test_a_scene_is_brought_to_her_light_within_bounds(plate):
    dark = np.full((500, 400, 3), (24, 22, 20), np.uint8)
    layer = Layer(setting_of(plate).placed[0], plate.rgb_srgb, plate.alpha, plate.rgb_srgb)
    plain, _ = fitted_scene(dark, setting_of(plate))
    brought, _ = fitted_scene(dark, setting_of(plate), [layer])
    assert 1.2 < brought.mean() / plain.mean() < 2.0


def test_one_thread_and_two_give_the_same_bytes(plate):
    made = []
    before = cv2.getNumThreads()
    for threads in (1, 2):
        cv2.setNumThreads(threads)
        setting = setting_of(plate)
        layer = Layer(setting.placed[0], plate.rgb_srgb, plate.alpha, own_colours(plate.rgb_srgb, plate.alpha))
        made.append(composite(setting, [layer], fitted_scene(hall(), setting, [layer])[0]).rgb_srgb.tobytes())
    cv2.setNumThreads(before)
    assert made[0] == made[1]
