"""Another cloth on the garment: in her scale, round her body, under her arms and hair, and nothing else touched."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from painted_figure import paint, plate_of
from pictures import lightened

from twinbook.domain.brief import Print, Recolor
from twinbook.domain.errors import EngineRefused, InputError
from twinbook.domain.fidelity import MEASURES
from twinbook.engines.composite.print import pixels_per_cm, printed
from twinbook.engines.composite.surface import Camera, draped
from twinbook.engines.composite.swatch import repeat_of, tile_of
from twinbook.ports import Asked
from twinbook.vision import DlibMeter
from twinbook.vision.cloth import garment_alpha
from twinbook.vision.skin import delta_e2000, lab, to_linear

SWATCH = "image:" + "0" * 64
STRIPES = "stripes:#f4f1ea,#1f2a5c"


@pytest.fixture(scope="module")
def top(plate):
    return garment_alpha(plate, "top")


def put_on(plate, garment, cloth=STRIPES, width=4, picture=None, at=None, region="top"):
    asked = Print(region, cloth, Fraction(width), at)
    return printed(plate.rgb_srgb, garment, asked, picture, plate, plate.alpha)


def upright(count=8, side=480):
    """A swatch of upright stripes, red and white."""
    x = np.arange(side) * count * 2 // side % 2
    return np.broadcast_to(np.where(x[:, None], (245, 243, 238), (170, 30, 40)).astype(np.uint8), (side, side, 3))


def checks(repeats=5, side=500):
    y, x = np.mgrid[:side, :side]
    shade = ((x * repeats * 2 // side) % 2 + (y * repeats * 2 // side) % 2) / 2
    return (245 - shade[..., None] * (75, 210, 200)).astype(np.uint8)


def badge(side=200):
    ink = np.zeros((side, side, 4), np.uint8)
    cv2.circle(ink, (side // 2, side // 2), side // 2 - 4, (200, 30, 40, 255), side // 8)
    return ink


def edges(line):
    """Where a line of lightness crosses its middle."""
    middle = (np.percentile(line, 95) + np.percentile(line, 5)) / 2
    return np.flatnonzero(np.diff(line > middle))


# --- on the body --------------------------------------------------------------------------------------------------


def test_stripes_have_the_width_asked_for_and_their_colours(figure, plate, top):
    out = put_on(plate, top, width=8)
    face = figure.face
    column = face.left + face.width // 2
    rows = np.flatnonzero(figure.tee[:, column])
    line = lab(out[rows[0] + 10 : rows[-1] - 4, column])[:, 0]
    found = edges(line)
    repeat = 2 * np.diff(found).mean() / pixels_per_cm(plate)
    assert repeat == pytest.approx(8, rel=0.12)
    dark = lab(out[figure.tee])
    for colour in ((0xF4, 0xF1, 0xEA), (0x1F, 0x2A, 0x5C)):
        assert (delta_e2000(dark, lab(np.uint8(colour))) < 6).mean() > 0.2


def test_nothing_but_the_garment_is_touched(figure, plate, top):
    out = put_on(plate, top)
    changed = (out != plate.rgb_srgb).any(axis=2)
    assert not changed[top == 0].any()
    assert not changed[figure.skin & (top == 0)].any()
    face = figure.face
    assert not changed[face.top : face.bottom, face.left : face.right].any()
    assert changed[figure.tee].mean() > 0.98


def test_upright_stripes_crowd_towards_the_outline(figure, plate, top):
    """She is round: a stripe at her side is seen aslant and narrower than one at her front."""
    out = put_on(plate, top, SWATCH, 24, upright())
    face = figure.face
    row = face.bottom + round(3.2 * face.height)
    columns = np.flatnonzero(figure.tee[row])
    found = edges(lab(out[row, columns[0] : columns[-1]])[:, 0])
    gaps = np.diff(found)
    middle = gaps[len(gaps) // 2 - 1 : len(gaps) // 2 + 2].mean()
    assert max(gaps[1], gaps[-2]) < 0.85 * middle


def test_the_folds_stay_in_the_print(figure, plate, top):
    """One cloth in one colour is a dye; its light follows the folds."""
    out = put_on(plate, top, "stripes:#b03030,#b03030")
    before, after = lab(plate.rgb_srgb[figure.tee])[:, 0], lab(out[figure.tee])[:, 0]
    assert np.corrcoef(before, after)[0, 1] > 0.8


def test_cloth_is_bent_where_a_fold_is_and_level_elsewhere(figure, plate):
    face = figure.face
    y, x = np.mgrid[0 : figure.alpha.shape[0], 0 : figure.alpha.shape[1]].astype(np.float32)
    cm = pixels_per_cm(plate)
    off = np.abs((x - face.left - face.width / 2) * 0.8 + (y - face.bottom - 2.8 * face.height) * 0.6) / cm
    camera = Camera(cm, (x.shape[1] / 2, x.shape[0] / 2), float(x.shape[0]))
    plain, folded = (
        draped(figure.tee.astype(np.float32), plate.alpha, light.astype(np.float32), face, "top", camera)
        for light in (np.full_like(x, 0.2), 0.2 * (1 - 0.4 * np.exp(-((off / 1.5) ** 2))))
    )
    inner = cv2.erode(figure.tee.astype(np.uint8), np.ones((31, 31))) > 0
    moved = np.hypot(folded.u - plain.u, folded.v - plain.v)
    assert moved[inner & (off < 2)].max() > 0.3
    assert np.median(moved[inner & (off > 8)]) < 0.1


def test_the_old_stripes_are_gone(figure, plate):
    """New cloth has its own pattern: what the old one was striped with isn't taken for folds."""
    y = np.arange(figure.alpha.shape[0])[:, None, None]
    striped = np.where(y % 12 < 6, np.uint8((225, 224, 220)), np.uint8((40, 60, 130)))
    worn = replace(plate, rgb_srgb=np.where(figure.tee[..., None], striped, plate.rgb_srgb))
    out = put_on(worn, figure.tee.astype(np.float32), "stripes:#a0a0a0,#a0a0a0")
    inner = cv2.erode(figure.tee.astype(np.uint8), np.ones((9, 9))) > 0
    assert lab(striped + np.zeros_like(worn.rgb_srgb))[inner][:, 0].std() > 20
    assert lab(out[inner])[:, 0].std() < 8


def test_centimetres_are_told_by_her_height_or_her_eyes(plate):
    known = replace(plate, shape={"cm.height": 170.0})
    assert pixels_per_cm(known) == pytest.approx(plate.facts.person.height / 172.5)
    eyes = np.linalg.norm(plate.landmarks[:2].mean(axis=0) - plate.landmarks[2:4].mean(axis=0))
    assert pixels_per_cm(plate) == pytest.approx(eyes / 6.3, rel=0.01)


def test_same_bytes_twice(plate, top):
    assert (put_on(plate, top, SWATCH, 10, checks()) == put_on(plate, top, SWATCH, 10, checks())).all()


# --- motifs -------------------------------------------------------------------------------------------------------


def test_a_motif_lies_on_the_chest_and_leaves_the_rest(figure, plate, top):
    out = put_on(plate, top, SWATCH, 12, badge(), "chest")
    changed = (out != plate.rgb_srgb).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    cm = pixels_per_cm(plate)
    assert np.ptp(columns) / cm == pytest.approx(12, rel=0.2)
    assert abs((columns[0] + columns[-1]) / 2 - (figure.face.left + figure.face.width / 2)) < 2 * cm
    middle = (rows[0] + rows[-1]) // 2, (columns[0] + columns[-1]) // 2
    assert not changed[middle]  # the tee shows through the ring


def test_a_motif_that_does_not_lie_on_the_garment_is_refused(plate, top):
    with pytest.raises(EngineRefused) as caught:
        put_on(plate, top, SWATCH, 120, badge(), "chest")
    assert caught.value.code == "engine.region"


def test_a_swatch_that_was_not_given_is_refused(plate, top):
    with pytest.raises(EngineRefused) as caught:
        put_on(plate, top, SWATCH)
    assert caught.value.code == "campaign.scene"


# --- swatches -----------------------------------------------------------------------------------------------------


def test_the_repeat_of_a_swatch_is_found():
    assert repeat_of(to_linear(checks(5, 500))) == (100, 100)
    assert tile_of(checks(5, 500), 10).width_cm == pytest.approx(2.0)


def test_a_swatch_without_a_repeat_is_mirrored():
    noise = np.random.default_rng(3).integers(60, 200, (12, 12, 3)).astype(np.uint8)
    tile = tile_of(cv2.resize(noise, (300, 300), interpolation=cv2.INTER_CUBIC), 20)
    assert tile.mirrored
    assert tile.width_cm == pytest.approx(40)
    ends = np.abs(tile.rgb_linear[:, 0] - tile.rgb_linear[:, -1]).mean()
    assert ends < 0.01


def test_uneven_light_on_a_swatch_is_taken_out():
    fall = np.linspace(0.55, 1.0, 500)[None, :, None]
    dim = (checks().astype(np.float32) * fall).astype(np.uint8)
    tile = tile_of(dim, 10).rgb_linear
    even = tile_of(checks(), 10).rgb_linear
    assert repeat_of(to_linear(checks())) == (100, 100)
    assert abs(tile[..., 0].max() / tile[..., 0].min() - even[..., 0].max() / even[..., 0].min()) < 1.2


def test_a_swatch_lying_askew_on_a_table_is_cut_out_and_straightened():
    table = np.full((700, 700, 3), 90, np.uint8)
    corners = np.float32([[120, 150], [560, 110], [600, 560], [150, 590]])
    matrix = cv2.getPerspectiveTransform(np.float32([[0, 0], [500, 0], [500, 500], [0, 500]]), corners)
    cloth = cv2.warpPerspective(checks(), matrix, (700, 700))
    cover = cv2.warpPerspective(np.full((500, 500), 255, np.uint8), matrix, (700, 700)) > 128
    tile = tile_of(np.where(cover[..., None], cloth, table), 10)
    assert not tile.mirrored
    assert tile.width_cm == pytest.approx(2.0, rel=0.08)


# --- regions ------------------------------------------------------------------------------------------------------


def test_trousers_under_a_long_top_are_found(figure, plate):
    """A tunic that fills the place where trousers are looked for isn't taken for them."""
    face = figure.face
    y = np.arange(figure.alpha.shape[0])[:, None]
    tunic = figure.trousers & (y < face.bottom + 5.6 * face.height)
    rgb = np.where(tunic[..., None], np.uint8((70, 96, 120)), plate.rgb_srgb)
    found = garment_alpha(replace(plate, rgb_srgb=rgb), "bottom")
    assert (found[figure.tee] > 0.05).mean() < 0.01
    assert (found[figure.trousers & ~tunic] > 0.9).mean() > 0.9


def test_shoes_are_found_below_the_hem(figure, plate):
    found = garment_alpha(plate, "shoes")
    shod = (figure.alpha > 0.99) & ~figure.trousers & ~figure.skin & ~figure.tee & ~figure.hair
    shod[: round(figure.face.bottom + 9 * figure.face.height)] = False
    shod = cv2.erode(shod.astype(np.uint8), np.ones((3, 3))) > 0
    assert shod.sum() > 100
    assert (found[shod] > 0.8).mean() > 0.85
    assert (found[figure.trousers] > 0.05).mean() < 0.02


@pytest.mark.parametrize("region", ["bottom", "shoes"])
def test_what_a_portrait_does_not_show_is_refused(region):
    with pytest.raises(EngineRefused) as caught:
        garment_alpha(plate_of(paint(high=500, full=False)), region)
    assert caught.value.code == "engine.region"


def test_a_tee_above_trousers_is_no_dress(plate):
    with pytest.raises(EngineRefused) as caught:
        garment_alpha(plate, "dress")
    assert "not a dress" in caught.value.diagnosis


def test_shoes_may_be_asked_for_and_hats_not():
    assert Recolor("shoes", "#112233").region == "shoes"
    with pytest.raises(InputError):
        Recolor("hat", "#112233")


# --- the meter ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mira(demo_plate):
    return demo_plate("mira", "waist-front")


@pytest.fixture(scope="module")
def in_stripes(mira):
    return put_on(mira, garment_alpha(mira, "top"), width=3)


def beyond(picture, plate):
    """The measures of a picture in other cloth that are over their limits."""
    taken = DlibMeter().measure(picture, [plate], Asked(plate.facts.id, None, "top"))
    return {m.name for m in taken if m.value is not None and abs(m.value) > MEASURES[m.name].limit}


def test_an_honest_print_is_within_all_bounds(mira, in_stripes):
    assert beyond(in_stripes, mira) == set()


def test_a_print_hides_no_other_skin_face_or_waist(mira, in_stripes):
    face = mira.facts.face
    assert "skin.delta_l" in beyond(lightened(in_stripes, face.grown(1.2), 12), mira)
    high, wide = mira.alpha.shape
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    centre = face.left + face.width / 2
    below = np.clip((y - face.bottom - 0.5 * face.height) / face.height, 0, 1)
    slim = cv2.remap(in_stripes, centre + (x - centre) * (1 + 0.08 * below), y, cv2.INTER_CUBIC)
    # The print's stripes lie elsewhere then, and so does the skin beside them.
    assert beyond(slim, mira) & {"body.width", "body.reshape", "body.departure", "garment.shift_e"}
    lips = mira.landmarks[4] + [0, 0.22 * face.height]
    wide_mouth = np.exp(-(((x - lips[0]) / (0.3 * face.width)) ** 2) - ((y - lips[1]) / (0.12 * face.height)) ** 2)
    wider = (x - 0.22 * (x - lips[0]) * wide_mouth).astype(np.float32)
    other = cv2.remap(in_stripes, wider, y, cv2.INTER_CUBIC)
    assert beyond(other, mira) & {"face.geometry", "face.departure"}


@pytest.mark.slow
def test_a_head_darkened_with_its_hair_is_no_other_light_before_the_same_backdrop(demo_plate):
    close = demo_plate("mira", "head-front")
    picture = put_on(close, garment_alpha(close, "top"), width=3)
    assert beyond(picture, close) == set()
    hers = (close.alpha > 200) & (garment_alpha(close, "top") < 0.1)
    darker = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    darker[hers, 0] -= 8
    darker = np.clip(cv2.cvtColor(darker, cv2.COLOR_LAB2RGB) * 255, 0, 255).astype(np.uint8)
    assert "skin.delta_l" in beyond(darker, close)
