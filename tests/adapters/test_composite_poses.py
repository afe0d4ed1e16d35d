"""Arms crossed, sleeved and bare, and somebody who sits: either the picture is right or the pose is refused by name."""

from dataclasses import replace
from fractions import Fraction

import cv2
import drawn_garments as drawn
import numpy as np
import pytest
from painted_figure import SKIN, paint, plate_of
from rendered_figure import rendered_plate

from twinbook.domain.brief import Accessory, Print
from twinbook.domain.errors import EngineRefused
from twinbook.engines.composite.accessories import laid_on
from twinbook.engines.composite.print import printed
from twinbook.engines.composite.recolor import recoloured
from twinbook.engines.composite.tryon import tried_on
from twinbook.vision.cloth import garment_alpha, garment_share
from twinbook.vision.matte import matte
from twinbook.vision.regions import label_map
from twinbook.vision.skin import delta_e2000, lab

RED = "#b03030"
STRIPES = Print("top", "stripes:#f4f1e8,#1f3a93", Fraction(5))


def labelled(plate):
    regions = label_map(plate.rgb_srgb, plate.alpha, plate.facts.face, plate.landmarks, plate.skin_lab)
    return replace(plate, regions=regions)


@pytest.fixture(scope="module")
def crossed():
    """Figure and plate by what the arms are in."""
    figures = {kind: paint(high=480, crossed=kind) for kind in ("sleeved", "bare")}
    return {kind: (figure, labelled(plate_of(figure, photo=kind))) for kind, figure in figures.items()}


@pytest.fixture(scope="module")
def seated():
    return rendered_plate("sami-seated-full-ochre")


def inside(mask, by=2):
    return cv2.erode(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0


def print_on(plate, asked=STRIPES, picture=None):
    garment = garment_share(plate, asked.region)
    return printed(plate.rgb_srgb, garment, asked, picture, plate, plate.alpha)


@pytest.mark.parametrize("kind", ["sleeved", "bare"])
def test_nothing_is_put_on_over_crossed_arms(crossed, kind):
    _, plate = crossed[kind]
    for put_on in (
        lambda: tried_on(plate, drawn.tee().rgb_srgb, "top"),
        lambda: laid_on(plate.rgb_srgb, plate, Accessory("belt", "image:x", "waist"), drawn.belt()),
    ):
        with pytest.raises(EngineRefused, match="arms") as refused:
            put_on()
        assert refused.value.code == "engine.pose"


@pytest.mark.parametrize("kind", ["sleeved", "bare"])
def test_all_of_the_top_is_dyed_above_and_below_crossed_arms_and_no_skin(crossed, kind):
    figure, plate = crossed[kind]
    dyed = recoloured(plate.rgb_srgb, garment_alpha(plate, "top"), RED, plate.alpha)
    changed = (dyed != plate.rgb_srgb).any(axis=2)
    assert changed[inside(figure.tee)].mean() > 0.995
    assert not changed[inside(figure.skin)].any()
    assert not changed[inside(figure.trousers, 3)].any()
    middle = np.median(lab(dyed[figure.tee]), axis=0)
    assert delta_e2000(middle, lab(np.uint8([0xB0, 0x30, 0x30]))) < 4


def test_a_print_goes_under_bare_arms_and_is_refused_on_sleeved_ones(crossed):
    """Sleeve and trunk are one piece of cloth to an outline: stripes would run straight on over both."""
    figure, bare = crossed["bare"]
    made = print_on(bare)
    changed = (made != bare.rgb_srgb).any(axis=2)
    assert not changed[inside(figure.skin)].any()
    assert changed[inside(figure.tee)].mean() > 0.99
    _, sleeved = crossed["sleeved"]
    for asked, picture in ((STRIPES, None), (Print("top", "image:x", Fraction(14), "chest"), drawn.brooch())):
        with pytest.raises(EngineRefused, match="sleeved arms") as refused:
            print_on(sleeved, asked, picture)
        assert refused.value.code == "engine.pose"


def test_a_hand_of_a_bare_arm_and_a_button_do_not_make_a_sleeved_one(plate):
    """The figure with hanging arms, and one round thing in the colour of her skin on its tee."""
    rgb = plate.rgb_srgb.copy()
    face = plate.facts.face
    at = face.left + face.width // 2, face.bottom + 2 * face.height
    cv2.circle(rgb, at, round(0.08 * face.width), SKIN, -1)
    assert (print_on(labelled(replace(plate, rgb_srgb=rgb))) != rgb).any()


@pytest.mark.parametrize("kind", ["sleeved", "bare"])
def test_crossed_arms_are_cut_out_cleanly(crossed, kind):
    figure, _ = crossed[kind]
    alpha = matte(figure.rgb_srgb, figure.face)
    error = np.abs(alpha / 255 - figure.alpha)
    edge = (figure.alpha > 0.02) & (figure.alpha < 0.98)
    assert error.mean() < 0.004
    assert error[edge].mean() < 0.15
    assert (alpha[figure.tee | figure.skin] == 255).mean() > 0.995


@pytest.mark.slow
def test_a_seated_figure_is_dyed_whole_and_nothing_is_put_on_it(seated):
    """Ochre beside brown skin: what of the tee lies in the rim light, in the shade and beyond an arm too."""
    values = lab(seated.rgb_srgb)
    hue, chroma = np.degrees(np.arctan2(values[..., 2], values[..., 1])), np.hypot(values[..., 1], values[..., 2])
    tee = inside((np.abs(hue - 80) < 8) & (chroma > 18) & (seated.alpha > 250), 1)
    assert tee.sum() > 15_000
    dyed = recoloured(seated.rgb_srgb, garment_alpha(seated, "top"), RED, seated.alpha)
    changed = (dyed != seated.rgb_srgb).any(axis=2)
    assert changed[tee].mean() > 0.985
    brown = inside((np.abs(hue - 50) < 12) & (chroma > 12) & (seated.alpha > 250), 3)
    assert brown.sum() > 2000
    assert changed[brown].mean() < 0.002
    blue = inside((values[..., 2] < -10) & (seated.alpha > 250))
    assert not changed[blue].any()
    trousers = recoloured(seated.rgb_srgb, garment_alpha(seated, "bottom"), RED, seated.alpha)
    changed = (trousers != seated.rgb_srgb).any(axis=2)
    assert changed[blue].mean() > 0.98
    face = seated.facts.face
    assert not changed[face.top : face.bottom, face.left : face.right].any()
    for region, packshot in (("top", drawn.tee()), ("bottom", drawn.trousers())):
        with pytest.raises(EngineRefused, match="before her body") as refused:
            tried_on(seated, packshot.rgb_srgb, region)
        assert refused.value.code == "engine.pose"
    with pytest.raises(EngineRefused, match="before her body"):
        laid_on(seated.rgb_srgb, seated, Accessory("belt", "image:x", "waist"), drawn.belt())
