"""Another colourway: the garment and nothing else, its folds kept, the colour met."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from painted_figure import TEE, paint, plate_of
from PIL import Image
from skimage.data import astronaut

from twinbook.domain.errors import EngineRefused
from twinbook.engines.composite.recolor import recoloured
from twinbook.vision import DlibMeter
from twinbook.vision.cloth import garment_alpha
from twinbook.vision.skin import delta_e2000, lab, to_linear, to_srgb


@pytest.fixture(scope="module")
def eileen(tmp_path_factory):
    path = tmp_path_factory.mktemp("captures") / "eileen.png"
    Image.fromarray(astronaut()).save(path)
    return DlibMeter().enroll([path], lambda _: None).plates[0]


def hex_lab(colour):
    return lab(np.uint8([int(colour[i : i + 2], 16) for i in (1, 3, 5)]))


@pytest.mark.parametrize("region", ["top", "bottom"])
def test_the_garment_and_nothing_else(figure, plate, region):
    garment = garment_alpha(plate, region)
    mine, other = (figure.tee, figure.trousers) if region == "top" else (figure.trousers, figure.tee)
    assert (garment[mine] > 0.95).mean() > 0.97
    assert (garment[other] > 0.05).mean() < 0.01
    assert (garment[figure.skin] > 0.05).mean() < 0.01
    assert (garment[figure.hair] > 0.05).mean() < 0.01
    assert (garment[figure.alpha == 0] > 0.0).mean() < 0.001


@pytest.mark.parametrize("to", ["#1f3a93", "#b03030", "#e8d36a", "#101010", "#f4f4f0"])
def test_the_colour_is_met_on_mid_tones_and_the_folds_stay(figure, plate, to):
    garment = garment_alpha(plate, "top")
    out = recoloured(plate.rgb_srgb, garment, to)
    dyed = lab(out[figure.tee])
    assert delta_e2000(np.median(dyed, axis=0), hex_lab(to)) < 2.5
    before = lab(plate.rgb_srgb[figure.tee])[:, 0]
    assert np.corrcoef(before, dyed[:, 0])[0, 1] > 0.8
    assert dyed[:, 0].std() > 0.8  # not a flat fill, not even in black or white
    untouched = garment == 0
    assert (out[untouched] == plate.rgb_srgb[untouched]).all()


@pytest.mark.parametrize(("tee", "to"), [((238, 238, 236), "#111111"), ((22, 22, 24), "#f2f2ee")])
def test_white_to_black_and_back(tee, to):
    figure = paint(high=600, tee=tee, paper=(150, 156, 160))
    plate = plate_of(figure)
    out = recoloured(plate.rgb_srgb, garment_alpha(plate, "top"), to)
    dyed = lab(out[figure.tee])[:, 0]
    assert abs(np.median(dyed) - hex_lab(to)[0]) < 3
    spread = np.percentile(dyed, 95) - np.percentile(dyed, 5)
    assert 1.0 < spread < 30
    assert (out[figure.tee].min(axis=1) >= 255).mean() < 0.05


def test_no_seam_of_the_old_colour(figure, plate):
    """At the tee's edge against skin and paper no pixel may be bluer than both the new colour and what is beside it."""
    out = recoloured(plate.rgb_srgb, garment_alpha(plate, "top"), "#b03030")
    edge = (figure.alpha > 0.05) & ~figure.tee & ~figure.skin & ~figure.trousers & ~figure.hair
    edge[figure.face.bottom + 4 * figure.face.height :] = False
    edge[: figure.face.bottom] = False
    values = lab(out[edge])
    old = lab(np.uint8(TEE))
    assert (delta_e2000(values, old) < 12).mean() < 0.03


def test_no_old_colour_in_deep_shadow_or_along_hems_of_a_jpeg():
    """Armpits nearly black, chroma at half the resolution: nothing of the green may be left within 4 pixels."""
    figure = paint(high=1000, tee=(120, 165, 125))
    face = figure.face
    y, x = np.mgrid[0:1000, 0 : figure.alpha.shape[1]].astype(np.float32)
    depth = np.zeros_like(x)
    for side in (-1, 1):
        centre = face.left + face.width / 2 + side * 1.15 * face.width
        depth += np.exp(
            -(((x - centre) / (0.12 * face.width)) ** 2) - ((y - face.bottom - 1.6 * face.height) / 60) ** 2
        )
    linear = to_linear(figure.rgb_srgb) * np.where(figure.tee, 1 - 0.93 * np.clip(depth, 0, 1), 1)[..., None]
    file = io.BytesIO()
    Image.fromarray(to_srgb(linear)).save(file, "JPEG", quality=88, subsampling=2)
    plate = replace(plate_of(figure), rgb_srgb=np.asarray(Image.open(file)))
    near = cv2.dilate(figure.tee.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    near &= plate.alpha > 0  # the backdrop isn't hers: nothing there is ever altered

    def green(rgb):
        values = lab(rgb)
        return near & (values[..., 1] < -5) & (values[..., 0] > 4)

    assert green(plate.rgb_srgb).sum() > 20_000
    out = recoloured(plate.rgb_srgb, garment_alpha(plate, "top"), "#24408e", plate.alpha)
    assert green(out).sum() < 60
    assert (out[figure.skin & ~near] == plate.rgb_srgb[figure.skin & ~near]).all()


def test_the_edge_against_the_backdrop_is_the_new_colour_mixed_with_it(figure, plate):
    out = recoloured(plate.rgb_srgb, garment_alpha(plate, "top"), "#24408e", plate.alpha)
    face = figure.face
    rows = np.s_[face.bottom + round(1.2 * face.height) : face.bottom + round(1.8 * face.height)]
    cover = figure.alpha[rows][..., None]
    soft = (cover[..., 0] > 0.15) & (cover[..., 0] < 0.85)
    soft[:, face.left - face.width // 3 : face.right + face.width // 3] = False
    paper = np.median(to_linear(figure.rgb_srgb[rows][:, :20]), axis=(0, 1))
    expected = to_srgb(to_linear(np.uint8((0x24, 0x40, 0x8E))) * cover + paper * (1 - cover))
    assert soft.sum() > 30
    assert np.median(delta_e2000(lab(out[rows][soft]), lab(expected[soft]))) < 7


def test_a_real_photograph_on_a_busy_backdrop(eileen):
    photo = eileen.rgb_srgb
    out = recoloured(photo, garment_alpha(eileen, "top"), "#1f3a93")
    changed = (out != photo).any(axis=2)
    suit = np.s_[310:420, 60:130]
    assert changed[suit].mean() > 0.97
    assert delta_e2000(np.median(lab(out[suit]).reshape(-1, 3), axis=0), hex_lab("#1f3a93")) < 8
    face = eileen.facts.face
    assert not changed[face.top : face.bottom, face.left : face.right].any()
    assert not changed[: face.bottom, 150:310].any()  # hair
    assert changed[:, :20].mean() < 0.01  # the flag
    assert changed[20:280, 370:].mean() < 0.001  # the shuttle
    assert changed[360:410, 150:190].mean() < 0.1  # the mission patch
    orange = (photo[..., 0] > 180) & (photo[..., 2] < 90) & (photo[..., 1] < 140)
    orange[:, :90] = orange[:200] = False
    assert changed[orange].mean() > 0.9


def test_her_face_stays_bit_for_bit(plate):
    face = plate.facts.face
    out = recoloured(plate.rgb_srgb, garment_alpha(plate, "top"), "#00ff00")
    inside = np.s_[face.top : face.bottom, face.left : face.right]
    assert np.abs(out[inside].astype(int) - plate.rgb_srgb[inside]).max() == 0


def test_what_the_plate_does_not_show_is_refused():
    portrait = plate_of(paint(high=500, full=False))
    with pytest.raises(EngineRefused) as caught:
        garment_alpha(portrait, "bottom")
    assert caught.value.code == "engine.region"
    assert "painted" in caught.value.diagnosis


def test_a_dress_of_one_colour(figure, plate):
    onesie = np.where(figure.trousers[..., None], np.uint8(TEE), plate.rgb_srgb)
    garment = garment_alpha(replace(plate, rgb_srgb=onesie), "dress")
    assert (garment[figure.tee] > 0.9).mean() > 0.95
    assert (garment[figure.skin] > 0.05).mean() < 0.01


def test_same_bytes_twice(plate):
    one, two = (recoloured(plate.rgb_srgb, garment_alpha(plate, "top"), "#445566") for _ in range(2))
    assert (one == two).all()


# --- what the cloth keeps, drawn by itself


def cloth(colour, light):
    """A piece of cloth in this light (float (h, w), 1 in the middle) on black: sRGB and where it is."""
    high, wide = light.shape
    linear = to_linear(np.uint8(colour)) * np.asarray(light, np.float32)[..., None]
    noise = np.random.default_rng(2).normal(0, 0.5, (high, wide, 3))
    rgb = np.clip(to_srgb(linear).astype(np.float32) + noise + 0.5, 0, 255).astype(np.uint8)
    garment = np.zeros((high + 40, wide + 40), np.float32)
    garment[20:-20, 20:-20] = 1
    picture = np.zeros((*garment.shape, 3), np.uint8)
    picture[20:-20, 20:-20] = rgb
    return picture, garment


def luminance(picture):
    return to_linear(picture[20:-20, 20:-20]) @ np.float32([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("to", ["#f3f3f2", "#e7c71f"])
def test_folds_of_black_cloth_stay_in_a_pale_colour_though_its_sheen_has_nowhere_to_go(to):
    y, x = np.mgrid[0:240, 0:240].astype(np.float32)
    sheen = np.exp2(2.4 * np.exp(-(((x - 150) / 60) ** 2)) - 0.4)
    folds = np.exp2(0.25 * np.sin((x + 0.4 * y) * 2 * np.pi / 17))
    picture, garment = cloth((36, 36, 38), sheen * folds)
    found = np.log(luminance(recoloured(picture, garment, to)))
    found = (found - cv2.GaussianBlur(found, (0, 0), 8))[20:-20, 20:-20]
    true = np.log2(folds)[20:-20, 20:-20]
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.93


@pytest.mark.parametrize(("colour", "to"), [((70, 96, 120), "#b03030"), ((225, 222, 215), "#24408e"), (TEE, "#f4f4f0")])
def test_a_seam_stays_a_seam(colour, to):
    """Two rows of stitches, a quarter darker: as narrow as they were, and not much fainter."""
    light = np.ones((160, 200), np.float32)
    light[:, 60:62] = light[:, 66:68] = 0.75
    picture, garment = cloth(colour, light)
    across = luminance(recoloured(picture, garment, to)).mean(axis=0)
    plain = np.median(across)
    assert 0.55 < across[60:62].mean() / plain < 0.9
    assert abs(across[63:65].mean() / plain - 1) < 0.03
    assert abs(across[56:58].mean() / plain - 1) < 0.03


@pytest.mark.parametrize("to", ["#5a1020", "#101830", "#8c2f39"])
def test_the_gloss_of_dark_cloth_stays_light_and_loses_the_old_colour(to):
    """Satin: a narrow highlight, four times as light."""
    x = np.arange(220, dtype=np.float32)
    light = np.repeat((1 + 3 * np.exp(-(((x - 110) / 9) ** 2)))[None], 160, axis=0)
    picture, garment = cloth((24, 48, 30), light)
    out = recoloured(picture, garment, to)
    across = luminance(out).mean(axis=0)
    before = luminance(picture).mean(axis=0)
    assert across[105:116].mean() / np.median(across) > 0.5 * before[105:116].mean() / np.median(before)
    green = lab(out[20:-20, 20:-20])[..., 1]
    assert green.mean(axis=0).min() > -2
