"""Which plate the composite engine takes, and every reason for which it says no."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import cv2
import numpy as np
import pytest
from painted_figure import paint, plate_of

from twinbook.domain.brief import Accessory, Print, Recolor, Shot, TryOn
from twinbook.domain.errors import EngineRefused
from twinbook.domain.permit import Act, Permit
from twinbook.domain.provenance import SourceType
from twinbook.domain.twin import Backdrop, Box, View
from twinbook.engines.composite import CompositeEngine
from twinbook.ports import Asked, RenderJob
from twinbook.vision import DlibMeter
from twinbook.vision.hands import hand_boxes
from twinbook.vision.regions import label_map
from twinbook.vision.skin import lab

ENGINE = CompositeEngine()
PLATE = plate_of(paint(high=480))
FULL = PLATE.facts
CLOSE = replace(FULL, id="id-close", photo="close", face=Box(90, 80, 150, 150), person=Box(0, 20, 320, 460))
BUSY = replace(FULL, id="id-street", photo="street", backdrop=Backdrop.BUSY, sharpness=20.0)


def a_shot(**changes):
    return replace(Shot("one", ("mira",), ("web-2x3",)), **changes)


def refusal(shot, *facts):
    with pytest.raises(EngineRefused) as caught:
        ENGINE.plan(shot, {"mira": facts})
    assert caught.value.remedy
    return caught.value.code


def render(shot, plate=PLATE, **more):
    class Twin:
        permit = Permit("p", Act.RENDER, "mira", "d", "c", "l", datetime(2030, 1, 1, tzinfo=UTC))

        def plate(self, _):
            return plate

    plan = ENGINE.plan(shot, {"mira": [plate.facts]})
    return ENGINE.render(RenderJob(shot, plan, {"mira": "d"}, {"mira": Twin()}, **more))


def test_refusals():
    assert refusal(a_shot(talents=("mira", "sami")), FULL) == "engine.talents"  # each before her own backdrop
    four = a_shot(talents=("mira", "sami", "ida", "jon"), scene="studio:sand")
    assert refusal(four, FULL) == "engine.talents"
    assert refusal(a_shot(scene="studio:jungle"), FULL) == "campaign.scene"
    assert refusal(a_shot(scene="beach.jpg"), FULL) == "campaign.scene"
    assert refusal(a_shot(scene="studio:sand"), BUSY) == "backdrop.busy"
    assert refusal(a_shot(scene="studio:sand", plate="street"), FULL, BUSY) == "backdrop.busy"
    assert refusal(a_shot(plate="nobody"), FULL) == "engine.plate"
    assert refusal(a_shot(recolor=Recolor("bottom", "#112233")), CLOSE) == "engine.region"
    assert refusal(a_shot(), replace(FULL, width=9000, height=9000)) == "engine.plate"


def test_what_is_put_on_wants_a_plate_from_the_front_that_is_cut_out():
    tee, belt = TryOn("top", "image:t"), Accessory("belt", "image:b", "waist")
    turned = replace(FULL, id="id-turned", view=View.THREE_QUARTER, yaw=28.0)
    assert refusal(a_shot(tryon=tee), turned) == "engine.pose"
    assert refusal(a_shot(accessories=(belt,)), turned) == "engine.pose"
    assert refusal(a_shot(tryon=tee), BUSY) == "backdrop.busy"
    assert refusal(a_shot(tryon=TryOn("bottom", "image:t")), CLOSE) == "engine.region"
    assert ENGINE.plan(a_shot(tryon=tee, accessories=(belt,)), {"mira": [turned, FULL]}).plates == {"mira": FULL.id}
    with pytest.raises(EngineRefused, match="not given"):
        render(a_shot(tryon=tee))


def test_choice_of_the_plate():
    def chosen(shot, *facts):
        return ENGINE.plan(shot, {"mira": facts}).plate

    assert chosen(a_shot(plate="painted"), CLOSE, FULL) == FULL.id
    assert chosen(a_shot(scene="studio:sand"), BUSY, FULL) == FULL.id
    assert chosen(a_shot(), FULL, CLOSE) == CLOSE.id  # the larger person
    assert chosen(a_shot(recolor=Recolor("bottom", "#112233")), CLOSE, FULL) == FULL.id  # the one with legs
    narrow = replace(CLOSE, face=Box(5, 20, 310, 310))
    assert chosen(a_shot(formats=("tiktok-9x16",)), narrow, FULL) == FULL.id  # the one whose face the format holds


def test_a_new_scene():
    made = render(a_shot(scene="studio:terracotta"))
    assert made.source_type is SourceType.COMPOSITE_SYNTHETIC
    assert (made.alpha == PLATE.alpha).all()
    assert made.altered[PLATE.alpha == 0].mean() > 0.99
    assert not made.altered[PLATE.alpha == 255].any()
    assert made.provenance == {"plate": FULL.id, "photo": "painted", "scene": "studio:terracotta"}
    assert set(made.seconds) == {"plate", "dress", "scene", "composite"}


def test_a_scene_from_a_picture():
    picture = np.full((400, 700, 3), (30, 140, 60), np.uint8)
    made = render(a_shot(scene="image:abc"), pictures={"image:abc": picture})
    assert np.abs(np.median(made.rgb_srgb[20:80, 5:60].reshape(-1, 3), axis=0) - (30, 140, 60)).max() <= 3
    with pytest.raises(EngineRefused) as caught:
        render(a_shot(scene="image:abc"))
    assert caught.value.code == "campaign.scene"


def test_a_new_colour_alters_the_garment_only():
    made = render(a_shot(recolor=Recolor("top", "#aa2211")))
    face = FULL.face
    assert not made.altered[face.top : face.bottom, face.left : face.right].any()
    assert 0.05 < made.altered.mean() < 0.3
    assert not made.altered[PLATE.alpha == 0].any()


def test_both_at_once_and_neither():
    both = render(a_shot(scene="studio:night", recolor=Recolor("top", "#aa2211")))
    assert both.operations == ("scene", "recolor")
    assert both.altered.mean() > 0.8
    nothing = render(a_shot())
    assert not nothing.altered.any()
    assert (nothing.rgb_srgb == PLATE.rgb_srgb).all()


def test_a_new_colour_in_a_new_scene_has_no_pale_seam():
    """From pale paper, dyed dark, into the night: no pixel of the edge may be lighter than what it lies between."""
    figure = paint(high=900, tee=(150, 180, 150))
    plate = plate_of(figure)
    made = render(a_shot(scene="studio:night", recolor=Recolor("top", "#24408e")), plate)
    face = figure.face
    sides = np.zeros(figure.alpha.shape, bool)
    sides[face.bottom + round(0.7 * face.height) : face.bottom + round(1.6 * face.height)] = True
    sides &= (figure.alpha > 0.05) & (figure.alpha < 0.98)
    assert sides.sum() > 80
    dyed = np.percentile(lab(made.rgb_srgb[figure.tee])[:, 0], 95)
    night = lab(made.rgb_srgb[:, :40])[..., 0].max()
    assert np.percentile(lab(made.rgb_srgb[sides])[:, 0], 97) < max(dyed, night) + 5
    opaque = (plate.alpha == 255) & (figure.skin | figure.trousers | figure.hair)
    beside = cv2.dilate(figure.tee.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert (made.rgb_srgb[opaque & ~beside] == plate.rgb_srgb[opaque & ~beside]).all()


def test_two_in_one_picture():
    """Each from a plate of her own, at one scale, every opaque pixel hers; and no two that can't be matched."""

    class Twin:
        def __init__(self, talent, plate):
            self.permit = Permit("p", Act.RENDER, talent, "d", "c", "l", datetime(2030, 1, 1, tzinfo=UTC))
            self._plate = plate

        def plate(self, _):
            return self._plate

    taller = replace(plate_of(paint(high=600, tee=(150, 70, 60)), photo="sami"), shape={"cm.height": 187.0})
    plates = {"mira": replace(PLATE, shape={"cm.height": 170.0}), "sami": taller}
    shot = a_shot(talents=("mira", "sami"), scene="studio:window", formats=("web-3x4",))
    plan = ENGINE.plan(shot, {talent: [plate.facts] for talent, plate in plates.items()})
    assert plan.plates == {"mira": FULL.id, "sami": taller.facts.id}
    assert set(plan.figures) == {"mira", "sami"}
    twins = {talent: Twin(talent, plate) for talent, plate in plates.items()}
    made = ENGINE.render(RenderJob(shot, plan, {"mira": "d", "sami": "d"}, twins))
    mira, sami = made.figures["mira"], made.figures["sami"]
    assert mira.person.height / sami.person.height == pytest.approx(170 / 187, abs=0.02)
    for figure in (mira, sami):
        box = figure.face.grown(-0.2)
        window = np.s_[box.top : box.bottom, box.left : box.right]
        assert (made.alpha[window] == 255).all()
        assert not made.altered[window].any()
    elsewhere = {"mira": [FULL], "sami": [CLOSE]}
    with pytest.raises(EngineRefused) as caught:
        ENGINE.plan(shot, elsewhere)
    assert caught.value.code == "engine.talents"


def test_hands_are_where_they_lie_in_the_picture_that_was_made():
    labels = label_map(PLATE.rgb_srgb, PLATE.alpha, FULL.face, PLATE.landmarks, PLATE.skin_lab)
    plate = replace(PLATE, regions=labels)
    made = render(a_shot(scene="studio:sand", formats=("instagram-1x1",)), plate)
    assert made.rgb_srgb.shape[1] > PLATE.rgb_srgb.shape[1]  # the frame has grown to her left and right
    hands = made.figures["mira"].hands
    assert len(hands) == len(hand_boxes(plate)) == 2
    for there, here in zip(hands, hand_boxes(plate), strict=True):
        assert there.left > here.left
        hers = PLATE.alpha[here.top : here.bottom, here.left : here.right] == 255
        assert hers.any()
        own = PLATE.rgb_srgb[here.top : here.bottom, here.left : here.right]
        assert (made.rgb_srgb[there.top : there.bottom, there.left : there.right][hers] == own[hers]).all()
    assert render(a_shot(scene="studio:sand")).figures["mira"].hands == ()


def test_on_a_busy_backdrop_alpha_is_where_she_is_thought_to_be():
    busy = plate_of(paint(high=480), alpha=False)
    made = render(a_shot(recolor=Recolor("top", "#aa2211")), busy)
    assert made.alpha.max() == 255
    assert made.altered.any()


@pytest.mark.slow
def test_a_large_plate_in_time_and_memory():
    import resource

    plate = plate_of(paint(high=1500))
    made = render(a_shot(scene="studio:warm-grey", recolor=Recolor("top", "#1f3a93")), plate)
    assert sum(made.seconds.values()) < 15
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3e6


@pytest.mark.slow
def test_a_dyed_plate_of_the_demonstration_has_no_pattern_that_it_did_not_have(demo_plate):
    plate, dye = demo_plate("mira", "waist-front"), Recolor("top", "#24408e")
    assert plate.facts.backdrop is Backdrop.PLAIN
    made = render(a_shot(scene="studio:sand", recolor=dye, formats=("web-3x4",)), plate)
    told = {m.name: m for m in DlibMeter().measure(made.rgb_srgb, [plate], Asked(plate.facts.id, dye))}
    pattern = told["garment.pattern"]
    assert pattern.value is None or pattern.value < 0.25


def test_a_print_is_rendered_alone_and_in_a_scene():
    stripes = Print("top", "stripes:#f4f1ea,#1f2a5c", Fraction(6))
    made = render(a_shot(print=stripes))
    assert made.operations == ("print",)
    assert made.provenance["print"] == "top stripes:#f4f1ea,#1f2a5c"
    assert 0.05 < made.altered.mean() < 0.5
    placed = render(a_shot(print=stripes, scene="studio:sand"))
    assert placed.operations == ("scene", "print")
    cut = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(EngineRefused) as caught:
        render(a_shot(print=replace(stripes, cloth="image:" + "0" * 64)), pictures={"image:" + "1" * 64: cut})
    assert caught.value.code == "campaign.scene"
