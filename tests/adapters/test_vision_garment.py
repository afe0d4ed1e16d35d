"""The garment in a picture against the garment that was to be in it: dye, pattern, print, hem."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from painted_figure import TEE
from PIL import Image
from scipy import ndimage

from twinbook.domain.brief import Recolor
from twinbook.domain.fidelity import MEASURES
from twinbook.engines.composite.recolor import recoloured
from twinbook.ports import Asked
from twinbook.vision import DlibMeter
from twinbook.vision.cloth import garment_alpha
from twinbook.vision.dressed import dressed, garment, garment_mask_of
from twinbook.vision.garment import compare, for_recolor, light_between, statistics
from twinbook.vision.regions import Region, label_map
from twinbook.vision.registration import register
from twinbook.vision.skin import delta_e2000, lab, lab_to_linear, to_linear, to_srgb

WHITE, NAVY, BLUSH = (235, 232, 224), (32, 44, 86), (200, 214, 232)


def sewn(rgb, where, dye_linear):
    """The picture with the cloth in other dyes (linear light, (h, w, 3)), its folds kept."""
    light = to_linear(rgb) @ np.float32([0.2126, 0.7152, 0.0722])
    shading = light / np.median(light[where])
    return np.where(where[..., None], to_srgb(dye_linear * shading[..., None]), rgb)


def stripes(shape, period, degrees, one, other):
    """Stripes that run at so many degrees (0 is level), as linear light."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    turn = np.radians(degrees)
    wave = np.abs(((x * np.sin(turn) + y * np.cos(turn)) / period) % 1 - 0.5) * 2
    share = np.clip((wave - 0.5) * period / 1.6 + 0.5, 0, 1)[..., None]
    return to_linear(np.uint8(one)) * (1 - share) + to_linear(np.uint8(other)) * share


def off_by(rgb, where, difference):
    """The cloth's hue turned until it is so many ΔE2000 from what it was."""
    values = lab(rgb)
    middle = np.median(values[where], axis=0)

    def turned(v, degrees):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return np.stack([v[..., 0], c * v[..., 1] - s * v[..., 2], s * v[..., 1] + c * v[..., 2]], axis=-1)

    degrees = next(d for d in np.arange(0, 180, 0.5) if delta_e2000(middle, turned(middle, d)) >= difference)
    return np.where(where[..., None], to_srgb(lab_to_linear(turned(values, degrees))), rgb)


def jpeg(rgb, quality=85):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def found_by_name(measurements):
    return {m.name.removeprefix("garment."): m.value for m in measurements}


@pytest.fixture(scope="module")
def tee(figure):
    """All of the tee and none of the rest, with a little of its soft edge."""
    return cv2.dilate(figure.tee.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


@pytest.fixture(scope="module")
def reference(plate):
    labels = label_map(plate.rgb_srgb, plate.alpha, plate.facts.face, plate.landmarks, plate.skin_lab)
    # Drawn limbs have nothing to recognise a photograph by: a little weave and skin texture.
    texture = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 9, plate.alpha.shape), (0, 0), 1.6)
    grainy = np.clip(plate.rgb_srgb + 3 * texture[..., None], 0, 255).astype(np.uint8)
    return dressed(np.where((plate.alpha > 200)[..., None], grainy, plate.rgb_srgb), labels), grainy


@pytest.fixture(scope="module")
def photograph(plate, reference):
    return np.where((plate.alpha > 200)[..., None], reference[1], plate.rgb_srgb)


@pytest.fixture(scope="module")
def against_plate(plate, reference, photograph):
    """A picture's garment against the plate's, the picture laid onto it first."""

    def compared(picture, labels=None):
        laid = register(picture, photograph, plate.alpha, plate.landmarks)
        return found_by_name(garment(dressed(picture, labels), reference[0], laid))

    return compared


# --- one garment read -------------------------------------------------------------------------------------------


def test_folds_do_not_change_the_dye(figure):
    reading = statistics(figure.rgb_srgb, figure.tee)
    assert reading.kind == "plain"
    assert reading.dyes[0].share > 0.95
    assert delta_e2000(np.array(reading.dyes[0].lab), lab(np.uint8(TEE))) < 2.5
    assert reading.prints == ()


@pytest.mark.parametrize(("degrees", "count"), [(0, 8), (90, 14), (45, 12), (90, 25)])
def test_stripes_are_counted_and_their_direction_is_told(figure, tee, degrees, count):
    width = np.ptp(np.flatnonzero(figure.tee.any(axis=0))) + 1
    shirt = sewn(figure.rgb_srgb, tee, stripes(tee.shape, width / count, degrees, WHITE, NAVY))
    reading = statistics(shirt, figure.tee)
    assert reading.kind == "striped"
    assert abs(reading.cycles / count - 1) < 0.03
    assert abs((reading.direction - degrees + 90) % 180 - 90) < 2
    assert abs(reading.period - width / count) < 0.05 * width / count
    lightness = sorted(dye.lab[0] for dye in reading.dyes[:2])
    assert lightness[0] < 30
    assert lightness[1] > 85


def test_pale_shirting_is_striped_and_gingham_is_checked(figure, tee):
    width = np.ptp(np.flatnonzero(figure.tee.any(axis=0))) + 1
    pale = sewn(figure.rgb_srgb, tee, stripes(tee.shape, width / 20, 90, WHITE, BLUSH))
    assert statistics(pale, figure.tee).kind == "striped"
    across, along = (stripes(tee.shape, width / 10, degrees, WHITE, NAVY) for degrees in (0, 90))
    gingham = statistics(sewn(figure.rgb_srgb, tee, (across + along) / 2), figure.tee)
    assert gingham.kind == "checked"
    assert abs(gingham.cycles - 10) < 0.4


def test_half_the_stripes_or_turned_ones_are_another_pattern(figure, tee):
    width = np.ptp(np.flatnonzero(figure.tee.any(axis=0))) + 1

    def shirt(count, degrees):
        return statistics(
            sewn(figure.rgb_srgb, tee, stripes(tee.shape, width / count, degrees, WHITE, NAVY)), figure.tee
        )

    wanted = shirt(16, 0)
    same, coarse, turned = (found_by_name(compare(shirt(*as_made), wanted)) for as_made in ((16, 0), (13, 0), (16, 20)))
    assert same["pattern"] < 0.02
    assert abs(same["direction"]) < 1
    assert same["delta_e"] < 1
    assert 0.15 < coarse["pattern"] < 0.25
    assert 17 < abs(turned["direction"]) < 23
    plain = found_by_name(compare(statistics(figure.rgb_srgb, figure.tee), wanted))
    assert plain["pattern"] == 1
    assert plain["delta_e"] > 20


def test_one_of_two_dyes_changed_shows_in_the_difference(figure, tee):
    width = np.ptp(np.flatnonzero(figure.tee.any(axis=0))) + 1
    wanted = statistics(sewn(figure.rgb_srgb, tee, stripes(tee.shape, width / 10, 0, WHITE, NAVY)), figure.tee)
    other = statistics(sewn(figure.rgb_srgb, tee, stripes(tee.shape, width / 10, 0, WHITE, (86, 32, 44))), figure.tee)
    assert found_by_name(compare(other, wanted))["delta_e"] > 8


@pytest.mark.parametrize("ink", [(20, 20, 22), (245, 245, 245), (190, 40, 40)])
def test_a_logo_is_a_print_where_it_is_and_its_loss_is_seen(figure, ink):
    rows, columns = (np.flatnonzero(figure.tee.any(axis=axis)) for axis in (1, 0))
    drawn = np.zeros(figure.tee.shape, np.uint8)
    place = int(columns.mean()) - len(columns) // 6, int(rows[0] + 0.4 * len(rows))
    cv2.putText(drawn, "LOGO", place, cv2.FONT_HERSHEY_SIMPLEX, len(columns) / 220, 1, 4, cv2.LINE_AA)
    logo = figure.rgb_srgb.copy()
    logo[(drawn > 0) & figure.tee] = ink
    reading = statistics(logo, figure.tee)
    assert reading.kind == "plain"
    (mark,) = reading.prints
    assert abs(mark.y - 0.36) < 0.06
    assert mark.area == pytest.approx((drawn > 0).sum() / figure.tee.sum(), rel=0.3)
    assert delta_e2000(np.array(mark.lab), lab(np.uint8(ink))) < 12
    bare = statistics(figure.rgb_srgb, figure.tee)
    assert found_by_name(compare(bare, reading))["print"] == 1
    assert found_by_name(compare(reading, bare))["print"] == 1
    assert found_by_name(compare(statistics(jpeg(logo), figure.tee), reading))["print"] < 0.3


def test_too_little_of_a_garment_is_not_told(figure):
    speck = np.zeros_like(figure.tee)
    speck[100:110, 100:110] = True
    assert statistics(figure.rgb_srgb, speck) is None
    for measurement in compare(None, statistics(figure.rgb_srgb, figure.tee)):
        assert measurement.value is None
        assert "too little" in measurement.note
    assert for_recolor(figure.rgb_srgb, speck, "#1f3a93").value is None


# --- dyed to order ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["#1f3a93", "#b03030", "#e8d36a"])
def test_a_colourway_meets_its_colour_and_another_one_does_not(plate, figure, to):
    out = recoloured(plate.rgb_srgb, garment_alpha(plate, "top"), to)
    assert for_recolor(out, figure.tee, to).value < 2
    assert for_recolor(off_by(out, figure.tee, 6), figure.tee, to).value > 4
    warm = to_srgb(to_linear(out) * np.float32([1.15, 1, 0.8]))
    light = light_between(warm, figure.skin, plate.rgb_srgb, figure.skin)
    assert for_recolor(warm, figure.tee, to, light).value < min(2, for_recolor(warm, figure.tee, to).value - 0.5)


# --- against her plate ------------------------------------------------------------------------------------------


def handled(rgb):
    """What happens to a picture on its way and isn't a change of the garment."""
    high, wide = rgb.shape[:2]
    yield jpeg(rgb, 70)
    yield jpeg(cv2.resize(rgb, (wide * 3 // 4, high * 3 // 4), interpolation=cv2.INTER_AREA))
    yield jpeg(rgb[high // 20 : high * 3 // 4, wide // 10 : wide * 9 // 10])
    yield jpeg(to_srgb(to_linear(rgb) * 2**-0.5))
    yield jpeg(to_srgb(to_linear(rgb) * np.float32([1.1, 1, 0.86])))
    yield jpeg(to_srgb(to_linear(rgb) * (1 + 0.3 * np.linspace(-1, 1, wide, dtype=np.float32))[None, :, None]))


@pytest.mark.slow
def test_reencoded_cropped_and_relit_pictures_keep_the_garment(photograph, against_plate):
    for picture in handled(photograph):
        value = against_plate(picture)
        assert value["delta_e"] < 2.5
        assert value["pattern"] == 0
        assert value["print"] == 0


def test_a_hue_off_by_six_is_found_however_the_picture_was_handled(photograph, against_plate, tee):
    for picture in list(handled(off_by(photograph, tee, 6)))[::2]:
        assert against_plate(picture)["delta_e"] > 4


def test_an_added_logo_is_found_in_a_cropped_copy(photograph, against_plate, figure):
    rows, columns = (np.flatnonzero(figure.tee.any(axis=axis)) for axis in (1, 0))
    badge = photograph.copy()
    centre = int(columns.mean()), int(rows[0] + 0.35 * len(rows))
    cv2.circle(badge, centre, len(columns) // 12, (190, 40, 40), -1)
    picture = jpeg(badge[20:600, 40:440])
    assert against_plate(picture)["print"] > 0.9


def test_a_shortened_tee_is_told_by_its_hem(photograph, reference, against_plate, plate, figure):
    rows = np.flatnonzero(figure.tee.any(axis=1))
    cut = rows[-1] - round(0.12 * len(rows))
    short = photograph.copy()
    below = figure.tee.copy()
    below[:cut] = False
    short[cv2.dilate(below.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = np.uint8((52, 56, 84))
    labels = label_map(short, plate.alpha, plate.facts.face, plate.landmarks, plate.skin_lab)
    value = against_plate(short, labels)
    assert -0.16 < value["hem"] < -0.08
    assert value["silhouette"] > 0.06
    same = against_plate(photograph, reference[0].labels)
    assert abs(same["hem"]) < 0.01
    assert same["silhouette"] < 0.01


def test_a_picture_that_lies_badly_on_her_plate_is_not_compared(plate, reference, photograph):
    laid = register(photograph, photograph, plate.alpha, plate.landmarks)
    answer = garment(dressed(photograph, None), reference[0], replace(laid, likeness=0.65))
    assert all(m.value is None and m.note for m in answer)


def test_prints_inside_the_label_map_belong_to_the_garment_and_hands_do_not():
    labels = np.zeros((60, 60), np.uint8)
    labels[10:50, 10:50] = 4
    labels[20:24, 20:24] = 7
    labels[30:40, 30:40] = 2
    mask = garment_mask_of(labels, "top")
    assert mask[20:24, 20:24].all()
    assert not mask[30:40, 30:40].any()
    assert ndimage.label(mask)[1] == 1


def test_a_plate_without_trousers_says_so(plate, reference, photograph):
    laid = register(photograph, photograph, plate.alpha, plate.landmarks)
    labels = np.where(reference[0].labels == 5, 0, reference[0].labels)
    answer = garment(reference[0], replace(reference[0], labels=labels), laid, "bottom")
    assert all(m.value is None and "bottom" in m.note for m in answer)


# --- a dyed garment against its plate's outline -------------------------------------------------------------------


@pytest.fixture(scope="module")
def mira(demo_plate):
    return demo_plate("mira", "waist-front")


@pytest.fixture(scope="module")
def in_lapis(mira):
    return recoloured(mira.rgb_srgb, garment_alpha(mira, "top"), "#24408e", mira.alpha)


def outline_of(picture, plate):
    taken = DlibMeter().measure(picture, [plate], Asked(plate.facts.id, Recolor("top", "#24408e")))
    return next(m for m in taken if m.name == "garment.silhouette")


def test_a_dyed_top_keeps_its_outline(mira, in_lapis):
    measure = MEASURES["garment.silhouette"]
    assert outline_of(in_lapis, mira).value < measure.review / 2


def test_sleeves_drawn_longer_on_a_dyed_top_are_seen(mira, in_lapis):
    high, wide = mira.alpha.shape
    labels = cv2.resize(mira.regions, (wide, high), interpolation=cv2.INTER_NEAREST)
    rows = np.arange(high)[:, None]
    arms = (labels == Region.SKIN) & (rows > mira.facts.face.bottom + 1.2 * mira.facts.face.height)
    first = np.flatnonzero(arms.any(axis=1))[0]
    longer = in_lapis.copy()
    longer[arms & (rows < first + 2 * mira.facts.face.height)] = (36, 64, 142)
    assert outline_of(longer, mira).value > MEASURES["garment.silhouette"].review


@pytest.mark.slow
def test_of_a_top_dyed_like_skin_nobody_says_where_it_ends(mira):
    nude = "#{:02x}{:02x}{:02x}".format(*lab_to_srgb(mira.skin_lab))
    picture = recoloured(mira.rgb_srgb, garment_alpha(mira, "top"), nude, mira.alpha)
    taken = DlibMeter().measure(picture, [mira], Asked(mira.facts.id, Recolor("top", nude)))
    assert next(m for m in taken if m.name == "garment.silhouette").value is None


def lab_to_srgb(value):
    return to_srgb(lab_to_linear(np.asarray(value)[None])).reshape(3)
