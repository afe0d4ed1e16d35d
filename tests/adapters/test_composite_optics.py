"""A scene as her camera would have taken it: its grain, its sharpness and its depth of field, each measured."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from painted_figure import paint, plate_of

from twinbook.domain.twin import Box
from twinbook.engines.composite import optics
from twinbook.engines.composite.placement import Sitter, as_framed
from twinbook.engines.composite.scene import Layer, composite, fitted_scene
from twinbook.vision.skin import to_linear, to_srgb


def plate_with(grain=0.8, blur=0.0):
    figure = paint(high=480, grain=0)
    rgb = figure.rgb_srgb.astype(np.float32)
    if blur:
        rgb = cv2.GaussianBlur(rgb, (0, 0), blur)
    rgb = rgb + np.random.default_rng(8).normal(0, grain, rgb.shape)
    return replace(plate_of(figure), rgb_srgb=np.clip(rgb + 0.5, 0, 255).astype(np.uint8))


def setting_of(plate, scale=1.0):
    setting = as_framed(Sitter.of("mira", plate))
    return replace(setting, placed=tuple(replace(one, scale=scale) for one in setting.placed))


def layer_of(plate, setting):
    return Layer(setting.placed[0], plate.rgb_srgb, plate.alpha, plate.rgb_srgb)


def bands(rgb, where):
    """Spread of luminance in a fine and a coarse band, sRGB levels."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    soft = [grey, *(cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1.0, 2.5))]
    return [float((fine - coarse)[where].std()) for fine, coarse in itertools.pairwise(soft)]


@pytest.mark.parametrize("soft", [0.0, 0.8])
@pytest.mark.parametrize("own", [0.0, 0.7])
def test_the_scenes_grain_is_the_plates_in_every_band(soft, own):
    """Also where the plate's is coarse, as a developed picture's is, and where the scene has some of its own."""
    plate = plate_with(grain=0)
    noise = np.random.default_rng(3).normal(0, 3.0, plate.rgb_srgb.shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), soft) * 2 if soft else noise
    rgb = np.clip(plate.rgb_srgb + noise + 0.5, 0, 255).astype(np.uint8)
    plate = replace(plate, rgb_srgb=rgb)
    setting = setting_of(plate)
    scene = np.full(rgb.shape, 120.0, np.float32) + np.random.default_rng(5).normal(0, own, rgb.shape)
    made = composite(setting, [layer_of(plate, setting)], to_linear(np.round(scene).astype(np.uint8))).rgb_srgb
    beside = np.s_[20:380, 10:90]
    for mine, hers in zip(bands(made, beside), bands(rgb, beside), strict=True):
        assert abs(mine / hers - 1) < 0.25


def test_where_she_is_made_smaller_so_is_her_grain():
    plate = plate_with(grain=5.0)
    setting = setting_of(plate, scale=0.5)
    made = composite(setting, [layer_of(plate, setting)], np.full(plate.rgb_srgb.shape, 0.2, np.float32)).rgb_srgb
    smaller = cv2.resize(plate.rgb_srgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for mine, hers in zip(bands(made, np.s_[300:460, 180:]), bands(smaller, np.s_[10:190, 5:45]), strict=True):
        assert abs(mine / hers - 1) < 0.25


def test_of_several_plates_the_grain_is_the_mean_and_none_the_first():
    plates = [plate_with(grain) for grain in (1.0, 5.0)]
    read = [optics.grain_of(plate.rgb_srgb, plate.alpha == 0) for plate in plates]
    flat = np.full((240, 240, 3), 0.2, np.float32)
    one, two = (bands(to_srgb(optics.grained(flat, order, 1)), np.s_[:])[0] for order in (read, read[::-1]))
    assert one == pytest.approx(two)
    assert 1.5 < one / bands(to_srgb(optics.grained(flat, read[:1], 1)), np.s_[:])[0] < 5


# --- sharpness


def edge_spread(profile):
    """Sigma of a step's blur: from a tenth to nine tenths it takes 2.56 of them."""
    profile = np.abs(profile - profile[0]) / abs(profile[-1] - profile[0])
    first, last = (float(np.interp(share, np.maximum.accumulate(profile), range(len(profile)))) for share in (0.1, 0.9))
    return (last - first) / 2.563


def room(high=960, wide=640, blur=0.0):
    """A wall over a floor, drawn sharp."""
    picture = np.full((high, wide, 3), 205, np.uint8)
    picture[round(0.62 * high) :] = (120, 100, 80)
    return cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture


def spread_in(fitted):
    coded = to_srgb(fitted)[..., 1].astype(float)
    step = int(np.argmax(np.abs(np.diff(coded[:, 5:60].mean(axis=1)))))
    return edge_spread(coded[step - 14 : step + 16, 5:60].mean(axis=1))


def trouser_spread(plate):
    """Of her own outline: where trousers end and paper begins."""
    row = plate.facts.person.top + round(0.7 * plate.facts.person.height)
    left = int(np.argmax(plate.alpha[row] > 127))
    return float(
        np.median([edge_spread(plate.rgb_srgb[y, left - 14 : left + 10, 1].astype(float)) for y in range(row, row + 9)])
    )


@pytest.mark.parametrize("blur", [1.6, 2.6])
def test_a_scene_sharper_than_her_lens_is_brought_to_it(blur):
    plate = plate_with(0.5, blur)
    setting = setting_of(plate)
    fitted, _ = fitted_scene(room(), setting, [layer_of(plate, setting)])
    assert abs(spread_in(fitted) / trouser_spread(plate) - 1) < 0.3


def test_a_scene_softer_than_her_lens_stays_as_it_is_and_a_sharp_one_before_a_sharp_plate():
    plate = plate_with(0.5)
    setting = setting_of(plate)
    for blur in (0.0, 4.0):
        with_her, _ = fitted_scene(room(blur=blur), setting, [layer_of(plate, setting)])
        without, _ = fitted_scene(room(blur=blur), setting)
        assert spread_in(with_her) == pytest.approx(spread_in(without), abs=0.35)


# --- depth of field


def test_the_floor_is_sharp_at_her_feet_and_softer_all_the_way_to_the_wall():
    plate = plate_with()
    facts = plate.facts
    high, wide = 1600, round(1600 * facts.width / facts.height)
    scale = high / facts.height
    boxes = {
        name: Box(*(round(scale * v) for v in (box.left, box.top, box.width, box.height)))
        for name, box in (("face", facts.face), ("person", facts.person))
    }
    setting = as_framed(Sitter("mira", replace(facts, width=wide, height=high, **boxes)))
    place = room(high, wide).astype(np.float32)
    place += 8 * np.sign(np.sin(np.arange(wide) * 2 * np.pi / 8))[None, :, None]
    fitted, told = fitted_scene(np.clip(place, 0, 255).astype(np.uint8), setting)
    assert "assumed" in told["horizon"]
    contrast = fitted[..., 1].std(axis=1) / fitted[..., 1].mean(axis=1)
    feet = setting.person.bottom
    edge = int(np.argmax(np.abs(np.diff(fitted[..., 1].mean(axis=1)))))
    floor = contrast[edge + 25 : feet - 5]
    assert contrast[feet - 3] > 0.98 * contrast[feet - 60]
    assert floor[0] < 0.85 * contrast[feet - 3]
    assert (np.diff(floor[:: len(floor) // 6])[:5] > 0).all()
    wall = contrast[edge - 300 : edge - 25]
    assert np.ptp(wall) < 0.05 * wall.mean()
