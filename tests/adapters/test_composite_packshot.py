"""A garment is found in its packshot, whatever it hangs on or lies on, and its parts are where they were drawn."""

from pathlib import Path

import drawn_garments as drawn
import numpy as np
import pytest
from PIL import Image

from twinbook.domain.errors import EngineRefused
from twinbook.engines.composite.fitting import _breadth
from twinbook.engines.composite.garment_marks import read
from twinbook.engines.composite.packshot import _with_real_holes, cut_out
from twinbook.vision.skin import delta_e2000, lab


def shared(alpha, mask):
    found = alpha > 127
    return (found & mask).sum() / (found | mask).sum()


@pytest.mark.parametrize(
    "packshot",
    [
        drawn.tee(),
        drawn.tee(paint=drawn.plain((238, 236, 230)), paper=(253, 253, 253)),
        drawn.tee(paint=drawn.striped((232, 228, 218), (40, 60, 120))),
        drawn.tee(hanger=True),
    ],
    ids=["blue", "white on white", "striped", "on a hanger"],
)
def test_a_garment_is_told_from_paper_shadow_and_hanger(packshot):
    assert shared(cut_out(packshot.rgb_srgb).alpha, packshot.mask) > 0.96


def test_a_transparent_picture_is_taken_as_it_is():
    packshot = drawn.tee()
    alpha = np.where(packshot.mask, 255, 0).astype(np.uint8)
    assert (cut_out(np.dstack([packshot.rgb_srgb, alpha])).alpha == alpha).all()


@pytest.mark.slow
def test_a_tinted_light_is_taken_out_by_the_paper():
    tint = np.array([1.0, 0.96, 0.88])
    white, warm = drawn.tee(), drawn.tee()
    tinted = np.clip(warm.rgb_srgb * tint, 0, 255).astype(np.uint8)
    middles = []
    for picture in (white.rgb_srgb, tinted):
        cut = cut_out(picture)
        middles.append(np.median(lab(cut.rgb_srgb[cut.alpha > 250]), axis=0))
    assert delta_e2000(*middles) < 3


def test_the_parts_of_a_tee_are_where_they_were_drawn():
    packshot = drawn.tee()
    garment = read(cut_out(packshot.rgb_srgb), "top")
    side = len(packshot.rgb_srgb)
    for name, at in packshot.marks.items():
        # A shoulder's tip has no corner in a spread tee: it is known less well than the others.
        most = 0.07 if name.startswith("shoulder") else 0.035
        assert np.hypot(*(garment.marks[name] - at)) < most * side, name


def test_the_parts_of_trousers_are_where_they_were_drawn():
    packshot = drawn.trousers()
    garment = read(cut_out(packshot.rgb_srgb), "bottom")
    for name, at in packshot.marks.items():
        assert np.hypot(*(garment.marks[name] - at)) < 0.03 * len(packshot.rgb_srgb), name


@pytest.mark.slow
def test_legs_that_touch_at_the_hem_are_cut_apart_there():
    garment = read(cut_out(drawn.trousers_that_touch(0.06)), "bottom")
    left, right = garment.marks["inner_left"], garment.marks["inner_right"]
    assert left[0] < right[0] <= left[0] + 0.2 * len(garment.alpha)
    assert abs((left[0] + right[0]) / 2 - garment.marks["crotch"][0]) < 0.03 * len(garment.alpha)


def test_legs_that_touch_further_up_are_refused():
    with pytest.raises(EngineRefused, match=r"touch|two legs") as refused:
        read(cut_out(drawn.trousers_that_touch(0.19)), "bottom")
    assert refused.value.code == "engine.packshot"


@pytest.mark.slow
def test_a_label_is_not_worn_on_the_chest():
    with pytest.raises(EngineRefused, match="label") as refused:
        read(cut_out(drawn.tee_with_a_label()), "top")
    assert refused.value.code == "engine.packshot"


@pytest.mark.slow
def test_a_stripe_across_the_chest_is_no_neckline():
    """Of a striped tee the neck stays where it is of a plain one."""
    plain, stripes = (
        read(cut_out(packshot.rgb_srgb), "top").marks["collar_front"]
        for packshot in (drawn.tee(), drawn.tee(paint=drawn.striped((232, 228, 218), (40, 60, 120))))
    )
    assert abs(plain[1] - stripes[1]) < 0.03 * 600


RENDERED = Path(__file__).parents[2] / "bench" / "figures" / "tryon"


@pytest.mark.parametrize(
    ("how", "left", "right", "front"),
    [
        ("hanger", (297, 148), (429, 150), (360, 175)),
        ("ghost", (359, 82), (549, 86), (450, 118)),
        ("flat", (369, 76), (537, 78), (453, 120)),
    ],
)
def test_a_striped_tee_has_its_neckline_at_the_rib_and_nothing_behind_it(how, left, right, front):
    """Stripes lie level with it inside and outside; a hanger's wood lies before it. Places read off the picture."""
    found = read(cut_out(np.asarray(Image.open(RENDERED / f"mira-tee-b-{how}.jpg").convert("RGB"))), "top")
    wide = right[0] - left[0]
    for name, place in (("left", left), ("right", right), ("front", front)):
        assert np.abs(found.marks[f"collar_{name}"] - place).max() < 0.06 * wide
    middle = np.flatnonzero(found.inside[:, front[0]])
    assert abs(middle[-1] - front[1]) < 0.04 * wide
    assert (found.alpha[middle[-1] + 2 : front[1] + wide, front[0]] > 127).all()


STRIPES = drawn.striped((232, 228, 218), (40, 60, 120))


@pytest.mark.parametrize(
    "packshot",
    [
        drawn.tee_with_a_back(paint=STRIPES),
        drawn.tee_with_a_back(paint=STRIPES, depth=10.0),  # a stripe lies level with the neckline's lowest point
        drawn.tee_with_a_back(paint=STRIPES, hanger=True),
    ],
    ids=["striped", "a stripe level with the arch", "on a hanger"],
)
def test_the_neckline_is_where_the_front_ends(packshot):
    garment = read(cut_out(packshot.rgb_srgb), "top")
    side = len(packshot.rgb_srgb)
    assert np.abs(garment.marks["collar_front"] - packshot.marks["collar_front"]).max() < 0.015 * side
    # All of the back is taken for its inside, and nothing of the rib.
    row, column = round(packshot.marks["collar_front"][1]), side // 2
    assert garment.inside[row - 10, column]
    assert not garment.inside[row + 8, column]


@pytest.mark.slow
def test_stripes_alone_make_no_neckline():
    """However many stripes cross the chest, what isn't an arch that ends at the collar is never taken for one."""
    for pitch in (4, 6, 8):
        packshot = drawn.tee(paint=drawn.striped((232, 228, 218), (40, 60, 120), pitch=pitch))
        assert not read(cut_out(packshot.rgb_srgb), "top").inside.any()


@pytest.mark.slow
def test_the_outline_of_white_cloth_is_drawn_along_its_edge():
    """Between a dark stripe that ends there and the white beside it no step is left."""
    packshot = drawn.tee(paint=drawn.striped((236, 233, 226), (40, 60, 120)), paper=(252, 252, 252))
    found, true = cut_out(packshot.rgb_srgb).alpha > 127, packshot.mask
    rows = np.arange(round(0.45 * len(true)), round(0.8 * len(true)))
    off = found[rows].argmax(axis=1) - true[rows].argmax(axis=1)
    assert np.abs(off - np.median(off)).max() <= 2
    assert abs(np.median(off)) <= 2


@pytest.mark.parametrize(
    ("packshot", "kind", "why"),
    [
        (drawn.skirt(), "bottom", "two legs"),
        (drawn.trousers(), "top", "trousers"),
        (drawn.dress(), "top", "dress"),
        (drawn.skirt(), "top", "sleeve"),
    ],
    ids=["a skirt for trousers", "trousers for a top", "a dress for a top", "a skirt for a top"],
)
def test_another_garment_than_was_asked_for_is_refused(packshot, kind, why):
    with pytest.raises(EngineRefused, match=why) as refused:
        read(cut_out(packshot.rgb_srgb), kind)
    assert refused.value.code == "engine.packshot"


def test_a_garment_that_runs_out_of_the_picture_is_refused():
    packshot = drawn.tee()
    with pytest.raises(EngineRefused, match="runs out"):
        cut_out(np.ascontiguousarray(packshot.rgb_srgb[: round(0.7 * len(packshot.rgb_srgb))]))


def test_a_busy_background_is_refused():
    busy = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    with pytest.raises(EngineRefused):
        cut_out(busy)


def test_a_neck_whose_front_covers_its_back_is_read_at_the_outline():
    """As most tees lie on a table: no inside shows, only the shadow between two ribs."""
    packshot = drawn.tee_whose_front_covers_its_back()
    garment = read(cut_out(packshot.rgb_srgb), "top")
    assert np.abs(garment.marks["collar_front"] - packshot.marks["collar_front"]).max() < 0.015 * len(packshot.rgb_srgb)
    assert not garment.inside.any()


@pytest.mark.slow
def test_a_label_in_such_a_neck_is_still_refused():
    with pytest.raises(EngineRefused, match="label") as refused:
        read(cut_out(drawn.tee_whose_front_covers_its_back(label=True).rgb_srgb), "top")
    assert refused.value.code == "engine.packshot"


def test_a_narrow_slit_beside_a_sleeve_is_no_cloth_and_a_label_is():
    """Both are as white as the sheet, the slit a little shaded; a label isn't long and upright."""
    mask, off = np.zeros((300, 200), bool), np.full((300, 200), 2.0)
    mask[20:280, 20:180] = True
    off[mask] = 50.0
    mask[120:200, 60:64], off[120:200, 60:64] = False, 6.0
    mask[30:40, 95:105], off[30:40, 95:105] = False, 2.0
    filled = _with_real_holes(mask, off, 7.0)
    assert not filled[160, 62]
    assert filled[35, 100]


def test_ragged_sides_are_refused():
    with pytest.raises(EngineRefused, match="ragged") as refused:
        read(cut_out(drawn.tee_on_pale_cloth()), "top")
    assert refused.value.code == "engine.packshot"


def test_legs_are_as_broad_as_they_are_drawn_and_parted_in_the_middle():
    """Half-way down they are broader than at either end; and paper under a hem that rises is no gap between legs."""
    packshot = drawn.trousers_that_flare()
    garment = read(cut_out(packshot.rgb_srgb), "bottom")
    side = len(packshot.rgb_srgb)
    for name in ("left", "right"):
        broad = _breadth(garment, name)
        assert abs(broad.max() / side - 0.225) < 0.015
        assert 3 < int(np.argmax(broad)) < 40
    left, right = garment.part[:, : side // 2 - 12], garment.part[:, side // 2 + 12 :]
    below = round(packshot.marks["crotch"][1]) + 60
    assert (left[below:] == 0).all()
    assert (right[below:] == 1).all()
