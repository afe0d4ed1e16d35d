"""A garment put on from its packshot: nothing of the old one is left, nothing of her is changed, and what would have to be
made up is refused."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import drawn_garments as drawn
import numpy as np
import pytest
from PIL import Image

from twinbook.domain.brief import Accessory, Print, Shot, TryOn
from twinbook.domain.errors import EngineRefused
from twinbook.domain.twin import View
from twinbook.engines.composite import accessories, dressing
from twinbook.engines.composite.drape import bent, mesh
from twinbook.engines.composite.figure_marks import Figure, find
from twinbook.engines.composite.garment_marks import read
from twinbook.engines.composite.packshot import cut_out
from twinbook.engines.composite.prepared import Prepared
from twinbook.engines.composite.shoulders import laid
from twinbook.engines.composite.tryon import tried_on
from twinbook.ports import Asked, RenderJob
from twinbook.vision import DlibMeter
from twinbook.vision.garment import compare, statistics
from twinbook.vision.regions import Region
from twinbook.vision.skin import lab

PAIRS = Path(__file__).resolve().parents[2] / "bench" / "figures" / "tryon"


@pytest.fixture(scope="module")
def plate():
    return DlibMeter().enroll([PAIRS / "mira-tee-a.jpg"], lambda said: None).plates[0]


@pytest.fixture(scope="module")
def packshot():
    return np.asarray(Image.open(PAIRS / "mira-tee-b-hanger.jpg"))


@pytest.fixture(scope="module")
def made(plate, packshot):
    return tried_on(plate, packshot, "top")


def test_nothing_of_the_old_garment_is_left(plate, made):
    old = np.asarray(Image.open(PAIRS / "mira-tee-a-garment-mask.png").convert("L")) > 127
    truth = np.asarray(Image.open(PAIRS / "mira-tee-b.jpg"))
    as_before = np.linalg.norm(lab(made.rgb_srgb) - lab(plate.rgb_srgb), axis=2) < 5
    elsewhere = np.linalg.norm(lab(truth) - lab(plate.rgb_srgb), axis=2) > 10
    assert (old & as_before & elsewhere).sum() < 0.01 * old.sum()


def test_every_stripe_lies_where_it_lies_when_the_garment_is_really_worn(made):
    """Down her middle, within a third of a stripe's distance from the next (40 pixels)."""
    truth = np.asarray(Image.open(PAIRS / "mira-tee-b.jpg"))
    middle = round((made.fit.ends["armpit_left"][0] + made.fit.ends["armpit_right"][0]) / 2)
    found, true = (stripes(rgb, middle) for rgb in (made.rgb_srgb, truth))
    assert len(found) >= 9
    assert all(np.abs(true - row).min() < 13 for row in found)


def stripes(rgb_srgb, column):
    """The rows of the middles of the blue stripes in a column, below the collar."""
    blue = np.r_[False, lab(rgb_srgb)[330:, column - 2 : column + 3, 2].mean(axis=1) < -8, False].astype(int)
    starts, ends = np.flatnonzero(np.diff(blue) == 1), np.flatnonzero(np.diff(blue) == -1)
    return np.array([(a + b) / 2 + 330 for a, b in zip(starts, ends, strict=True) if b - a > 5])


def test_the_same_shoulders_are_laid_on_themselves(plate, made, packshot):
    """Scaled and moved, an outline is found again by how far it reaches up and out, though its tip is no corner."""
    hers = find(plate)
    garment = read(cut_out(packshot), "top")
    lay = laid(garment, hers)
    on_her = {side: lay.scale * garment.marks[f"shoulder_{side}"] + lay.shift for side in ("left", "right")}
    for side in ("left", "right"):
        row = round(on_her[side][1])
        assert abs(hers.outer[side][row] - on_her[side][0]) < 0.1 * hers.unit
    larger = replace(hers, outer={s: 2 * np.repeat(e, 2) for s, e in hers.outer.items()}, unit=2 * hers.unit)
    larger = replace(
        larger,
        shoulder={s: 2 * at for s, at in hers.shoulder.items()},
        labels=np.repeat(np.repeat(hers.labels, 2, 0), 2, 1),
    )
    assert laid(garment, larger).scale == pytest.approx(2 * lay.scale, rel=0.01)


def test_her_face_and_hair_stay_bit_for_bit(plate, made):
    face = plate.facts.face
    here = np.s_[: face.bottom, :]
    assert (made.rgb_srgb[here] == plate.rgb_srgb[here]).all()


def test_the_cloth_keeps_the_colours_of_its_packshot(packshot, made):
    cut = cut_out(packshot)
    found = compare(statistics(made.rgb_srgb, made.garment > 0.9), statistics(cut.rgb_srgb, cut.alpha > 250))
    assert next(m.value for m in found if m.name == "garment.delta_e") < 3


def test_the_same_job_gives_the_same_bytes(plate, packshot, made):
    assert (tried_on(plate, packshot, "top").rgb_srgb == made.rgb_srgb).all()


def test_shorter_sleeves_are_refused_because_her_arms_were_never_photographed(plate):
    short = drawn.tee(sleeves=-0.6)
    with pytest.raises(EngineRefused) as refused:
        tried_on(plate, short.rgb_srgb, "top")
    assert refused.value.code == "engine.uncovered"


def test_a_turned_head_and_crossed_arms_are_refused(plate, packshot):
    turned = replace(plate, facts=replace(plate.facts, view=View.THREE_QUARTER, yaw=-30.0))
    crossed = replace(plate, regions=plate.regions.copy())
    high, wide = crossed.regions.shape
    crossed.regions[round(0.68 * high) : round(0.78 * high), round(0.35 * wide) : round(0.65 * wide)] = Region.SKIN
    for other in (turned, crossed):
        with pytest.raises(EngineRefused) as refused:
            tried_on(other, packshot, "top")
        assert refused.value.code == "engine.pose"


def test_the_meter_passes_her_in_the_new_garment_and_still_tells_another_face(plate, made):
    asked = Asked(plate=plate.facts.id, redressed="top")
    found = {m.name: m.value for m in DlibMeter().measure(made.rgb_srgb, [plate], asked)}
    assert found["identity.distance"] < 0.1
    assert found["body.departure"] < 0.05
    assert abs(found["body.width"]) < 1.5
    assert abs(found["body.reshape"]) < 2.5
    mirrored = made.rgb_srgb.copy()
    face = plate.facts.face
    here = np.s_[face.top : face.bottom, face.left : face.right]
    mirrored[here] = mirrored[here][::-1]
    upset = {m.name: m.value for m in DlibMeter().measure(mirrored, [plate], asked)}
    assert upset["identity.distance"] is None or upset["identity.distance"] > 0.3


def test_a_mesh_that_is_only_moved_keeps_its_shape():
    mask = np.zeros((80, 60), bool)
    mask[10:70, 10:50] = True
    shape = mesh(mask, np.zeros(mask.shape, np.int8), [])
    corners = np.float64([[10, 10], [49, 10], [49, 69], [10, 69]])
    placed = bent(shape, shape.vertices[shape.triangles], corners, corners + np.float64([30, 5]))
    assert np.abs(placed - shape.vertices - np.float64([30, 5])).max() < 0.01


def figure(high=900, wide=600):
    """A figure by numbers: shoulders at 200, waist at 375, a skirt from 450 to 800, cuffs at 860, a face of 100."""
    rows = np.arange(high, dtype=np.float64)
    half = 100 + 25 * np.minimum(np.abs(rows - 375) / 175, 1)
    sides = {"left": 300 - half, "right": 300 + half}
    labels = np.zeros((high, wide), np.uint8)
    labels[200:450, 200:400], labels[450:800, 200:400] = Region.TOP, Region.BOTTOM
    labels[200:860, 120:160] = labels[200:860, 440:480] = Region.TOP
    nothing = {"left": np.full(high, np.nan), "right": np.full(high, np.nan)}
    at = {"left": np.float64([160, 200]), "right": np.float64([440, 200])}
    return Figure(100.0, 100.0, 300.0, at, at, sides, sides, sides, nothing, dict.fromkeys(at, 250.0), 600.0, labels)


@pytest.mark.parametrize(("at", "row"), [("waist", 375), (Fraction(1, 2), 625), (Fraction(0), 450), (Fraction(1), 799)])
def test_halfway_down_the_skirt_is_halfway_down_the_skirt(at, row):
    assert abs(accessories.height_of(at, figure(), "her") - row) < 3


def test_a_share_of_the_way_to_a_hem_that_does_not_show_is_refused(plate):
    with pytest.raises(EngineRefused, match="hem"):
        accessories.height_of(Fraction(1, 2), find(plate), plate.facts.photo)


def test_a_belt_goes_round_her_waist_and_under_her_hand(plate):
    hers = find(plate)
    row = round(accessories.height_of("waist", hers, "her"))
    worn = accessories.laid_on(plate.rgb_srgb, plate, Accessory("belt", "image:x", "waist"), drawn.belt())
    changed = (worn != plate.rgb_srgb).any(axis=2)
    left, right = hers.trunk["left"][row], hers.trunk["right"][row]
    across = np.flatnonzero(changed[row - 4 : row + 5].any(axis=0))
    assert abs(across[0] - left) < 8
    assert abs(across[-1] - right) < 8
    assert not changed[: row - round(0.4 * hers.unit)].any()
    hand = replace(plate, regions=plate.regions.copy())
    scale = plate.regions.shape[0] / plate.facts.height
    x, y, reach = round((left - 0.1 * hers.unit) * scale), round(row * scale), round(0.17 * hers.unit * scale)
    hand.regions[y - 2 * reach : y + 2 * reach, x - reach : x + reach] = Region.SKIN
    below = accessories.laid_on(plate.rgb_srgb, hand, Accessory("belt", "image:x", "waist"), drawn.belt())
    assert (below[row, round(left) + 3] == plate.rgb_srgb[row, round(left) + 3]).all()
    assert (below[row, round(hers.middle)] == worn[row, round(hers.middle)]).all()


@pytest.mark.parametrize("over", ["tryon", "print"])
def test_a_belt_is_worn_over_what_was_put_on_or_printed(plate, packshot, over):
    """In the order in which one dresses: the belt lies on the new cloth, and looks as it does on the old."""
    cloth = np.tile(np.uint8([[[200, 40, 40]], [[240, 230, 220]]]).repeat(8, 0), (8, 64, 1))
    on = {"tryon": {"tryon": TryOn("top", "image:tee")}, "print": {"print": Print("top", "image:cloth", 8)}}[over]
    pictures = {"image:tee": packshot, "image:belt": drawn.belt(), "image:cloth": cloth}
    belt = (Accessory("belt", "image:belt", "waist"),)

    def worn(**fields):
        shot = Shot("worn", ("mira",), ("feed",), **fields)
        return dressing.before_own_backdrop(plate, RenderJob(shot, None, {}, {}, pictures), Prepared())[0]

    bare, dressed, both = worn(accessories=belt), worn(**on), worn(accessories=belt, **on)
    hers = find(plate)
    row = round(accessories.height_of("waist", hers, "her"))
    # Beside the buckle, through which the cloth shows.
    here = np.s_[row - 3 : row + 4, round(hers.middle + 0.3 * hers.unit) : round(hers.middle + 0.7 * hers.unit)]
    assert (np.linalg.norm(lab(both[here]) - lab(dressed[here]), axis=-1) > 8).mean() > 0.5
    assert np.linalg.norm(lab(both[here]) - lab(bare[here]), axis=-1).mean() < 12


def test_a_brooch_is_worn_over_the_heart(plate):
    worn = accessories.laid_on(plate.rgb_srgb, plate, Accessory("brooch", "image:x", "chest"), drawn.brooch())
    y, x = np.nonzero((worn != plate.rgb_srgb).any(axis=2))
    hers = find(plate)
    assert x.mean() > hers.middle + 0.3 * hers.unit
    assert abs(y.mean() - accessories.height_of("chest", hers, "her")) < 0.05 * hers.unit


@pytest.mark.parametrize("kind", ["bag", "scarf"])
def test_what_needs_a_hand_or_a_knot_is_refused(plate, kind):
    with pytest.raises(EngineRefused) as refused:
        accessories.laid_on(plate.rgb_srgb, plate, Accessory(kind, "image:x", "hips"), drawn.brooch())
    assert refused.value.code == "engine.accessory"
