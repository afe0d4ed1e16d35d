"""A garment is found in its packshot, whatever it hangs on or lies on, and its parts are where they were drawn."""

import drawn_garments as drawn
import numpy as np
import pytest

from twinbook.domain.errors import EngineRefused
from twinbook.engines.composite.garment_marks import read
from twinbook.engines.composite.packshot import cut_out
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
