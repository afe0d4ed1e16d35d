"""What was done to her after the picture was made is found and named; what happens to every picture isn't."""

import cv2
import forgeries as forge
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_vision_registration import dressed_up

from twinbook.domain.fidelity import Untold
from twinbook.domain.twin import Box
from twinbook.engines.composite.recolor import recoloured
from twinbook.vision.annotation import Note, annotated
from twinbook.vision.cloth import garment_share
from twinbook.vision.registration import register
from twinbook.vision.tampering import departures
from twinbook.vision.tone import agreed

CARE = ("as it is", "q60", "two thirds, q85", "crop, 80 %, q75", "gamma 1.2, q85", "darker, warmer, gamma, q75")

# What departs from a plate by more than a harmless change ever did on the demonstration's photographs.
BOUNDS = {
    "skin.shift_l": 3.0,
    "skin.shift_e": 4.0,
    "face.departure": 0.03,
    "face.geometry": 2.0,
    "body.width": 1.5,
    "body.length": 1.2,
    "body.reshape": 2.5,
    "body.departure": 0.05,
    "garment.shift_e": 3.0,
}


def measured(picture, plate, declared):
    laid = register(picture, plate.rgb_srgb, plate.alpha, plate.landmarks)
    found = departures(picture, plate, laid, declared).measurements if laid else ()
    return {one.name: one.value for one in found}


def beyond(values):
    return {name for name, limit in BOUNDS.items() if values[name] is not None and abs(values[name]) > limit}


@pytest.mark.parametrize("change", CARE)
@pytest.mark.parametrize("talent", ["mira", pytest.param("sami", marks=pytest.mark.slow)])
def test_care_raises_no_alarm(demo_plate, talent, change):
    plate = demo_plate(talent, "waist-front")
    values = measured(forge.HARMLESS[change](plate.rgb_srgb), plate, None)
    assert None not in values.values()
    assert beyond(values) == set()


@pytest.mark.parametrize("talent", ["mira", "sami"])
@pytest.mark.parametrize(
    ("forgery", "name", "sign"),
    [
        (lambda rgb, plate: forge.skin_lightened(rgb, plate, 8), "skin.shift_l", 1),
        (lambda rgb, plate: forge.skin_lightened(rgb, plate, -8), "skin.shift_l", -1),
        (lambda rgb, plate: forge.slimmed(rgb, plate, 3), "body.width", -1),
        (lambda rgb, plate: forge.waist_liquified(rgb, plate, 8), "body.reshape", -1),
        (lambda rgb, plate: forge.eyes_enlarged(rgb, plate, 10), "face.geometry", 1),
        (lambda rgb, plate: forge.jaw_slimmed(rgb, plate, 6), "face.geometry", -1),
    ],
    ids=["lighter", "darker", "slimmed", "waist", "eyes", "jaw"],
)
def test_tampering_is_found_and_named(demo_plate, talent, forgery, name, sign):
    plate = demo_plate(talent, "waist-front")
    values = measured(forge.reencoded(forgery(plate.rgb_srgb, plate), 75), plate, None)
    assert name in beyond(values)
    assert values[name] * sign > 0


@pytest.mark.slow
def test_longer_legs_are_found(demo_plate):
    plate = demo_plate("mira", "full-threequarter")
    assert beyond(measured(plate.rgb_srgb, plate, None)) == set()
    values = measured(forge.reencoded(forge.legs_lengthened(plate.rgb_srgb, plate, 6), 75), plate, None)
    assert "body.length" in beyond(values)
    assert values["body.length"] > 0


@pytest.mark.parametrize("forger", [forge.face_swapped, forge.face_blended])
@pytest.mark.parametrize(("hers", "theirs"), [("mira", "sami"), ("sami", "mira")])
def test_another_face_is_found_in_whole_and_in_part(demo_plate, hers, theirs, forger):
    plate, other = demo_plate(hers, "waist-front"), demo_plate(theirs, "waist-front")
    made = forger(plate.rgb_srgb, plate, other.rgb_srgb, other.landmarks)
    assert "face.departure" in beyond(measured(forge.reencoded(made, 75), plate, None))


def test_another_scene_and_another_colour_accuse_nobody_but_the_garment(demo_plate):
    plate = demo_plate("sami", "waist-front")
    shirt = np.zeros(plate.alpha.shape, np.float32)
    shirt[plate.facts.face.bottom + plate.facts.face.height // 2 :] = 1
    dyed = forge.garment_hue_off(plate.rgb_srgb, plate, shirt * (plate.alpha / 255) * (1 - forge.skin_cover(plate)), 12)
    scene = dressed_up(plate)
    picture = np.where((plate.alpha < 250)[..., None], scene, dyed)
    values = measured(forge.reencoded(picture, 80), plate, None)
    assert beyond(values) == {"garment.shift_e", "body.departure"}
    assert values["garment.shift_e"] == pytest.approx(12, abs=4)
    declared = (picture != plate.rgb_srgb).any(axis=2)
    assert beyond(measured(picture, plate, declared)) == set()


@pytest.mark.slow
def test_a_dye_that_turns_light_beside_dark_about_reshapes_nobody(demo_plate):
    plate = demo_plate("sami", "full-threequarter")
    share = garment_share(plate, "top") * (plate.alpha.astype(np.float32) / 255)
    picture = recoloured(plate.rgb_srgb, share, "#f0e8d8", plate.alpha)
    for change in ("as it is", "q60", "two thirds, q85"):
        values = measured(forge.HARMLESS[change](picture), plate, None)
        assert not beyond(values) & {"body.width", "body.length", "body.reshape"}
    assert "body.reshape" in beyond(measured(forge.waist_liquified(picture, plate, 8), plate, None))


def test_a_body_that_was_painted_anew_is_not_called_hers(demo_plate):
    """Whoever paints over what her shape could be told by doesn't get past for that: she looks at it."""
    plate = demo_plate("mira", "waist-front")
    noise = np.random.default_rng(4).normal(0, 60, plate.rgb_srgb.shape[:2])
    texture = cv2.GaussianBlur(noise, (0, 0), 3)[..., None] * 6
    painted = np.clip(plate.rgb_srgb + texture, 0, 255).astype(np.uint8)
    below = plate.facts.face.bottom + plate.facts.face.height // 2
    painted[:below] = plate.rgb_srgb[:below]
    laid = register(painted, plate.rgb_srgb, plate.alpha, plate.landmarks)
    told = {one.name: one for one in departures(painted, plate, laid, None).measurements}
    assert (told["body.reshape"].value, told["body.reshape"].untold) == (None, Untold.UNCLEAR)


def test_lightened_skin_does_not_hide_behind_another_scene_and_another_colour(demo_plate):
    plate = demo_plate("mira", "waist-front")
    scene = dressed_up(plate)
    light = forge.skin_lightened(plate.rgb_srgb, plate, 8)
    skin = forge.skin_cover(plate)[..., None]
    picture = (light * skin + scene * (1 - skin)).astype(np.uint8)
    values = measured(forge.reencoded(picture, 85), plate, None)
    assert values["skin.shift_l"] == pytest.approx(8, abs=2.5)


def test_what_was_all_declared_altered_cannot_be_told(demo_plate):
    plate = demo_plate("mira", "waist-front")
    registration = register(plate.rgb_srgb, plate.rgb_srgb, plate.alpha, plate.landmarks)
    found = departures(plate.rgb_srgb, plate, registration, np.ones(plate.alpha.shape, bool))
    said = {one.name: one for one in found.measurements}
    for name in ("skin.shift_l", "skin.shift_e", "body.departure", "garment.shift_e"):
        assert said[name].value is None
        assert said[name].note


def test_a_face_too_small_to_judge_is_not_judged(demo_plate):
    plate = demo_plate("mira", "waist-front")
    values = measured(forge.resized(plate.rgb_srgb, 0.15), plate, None)
    assert values["face.departure"] is None
    assert values["face.geometry"] is None


def test_the_map_shows_where_and_only_there(demo_plate):
    plate = demo_plate("mira", "waist-front")
    high, wide = plate.alpha.shape
    cover = forge.skin_cover(plate)
    picture = forge.skin_lightened(plate.rgb_srgb, plate, 10)[40:, 30:]
    found = departures(picture, plate, register(picture, plate.rgb_srgb, plate.alpha, plate.landmarks))
    shown = found.in_picture(high - 40, wide - 30)
    assert shown[cover[40:, 30:] > 0.9].mean() > 0.6
    assert shown[plate.alpha[40:, 30:] == 0].mean() < 0.02


@settings(max_examples=25)
@given(
    st.floats(-0.5, 0.5), st.floats(0.8, 1.25), st.floats(-0.2, 0.2), st.floats(3, 15), st.sampled_from(["all", "hair"])
)
def test_no_light_explains_away_a_lightened_skin(stops, gamma, warmth, by, left):
    """Hair, backdrop and garment tell the light, or hair alone; skin lightened under it stays lightened."""
    rng = np.random.default_rng(3)
    hair, skin, cloth, grey = (
        rng.uniform(low, high, (150, 3)).astype(np.float64)
        for low, high in (
            (0.05, 0.35),
            ((0.5, 0.4, 0.35), (0.75, 0.6, 0.5)),
            ((0.2, 0.4, 0.2), (0.4, 0.6, 0.4)),
            (0.6, 0.75),
        )
    )

    def light(coded):
        return forge.relit((coded * 255 + 0.5).astype(np.uint8), stops, gamma, warmth) / 255

    lab = cv2.cvtColor(skin[None].astype(np.float32), cv2.COLOR_RGB2LAB)
    lab[..., 0] += by
    lightened = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)[0].astype(np.float64)
    samples = {"hair": (hair, light(hair)), "skin": (skin, light(lightened))}
    if left == "all":
        samples |= {"backdrop": (grey, light(grey)), "garment": (cloth, light(cloth))}
    told = agreed(samples, {"hair": 2.0, "backdrop": 1.6, "garment": 1.0, "skin": 0.9})
    assert "hair" in told.parts
    expected = cv2.cvtColor(told.tone(skin)[None], cv2.COLOR_RGB2LAB)[0, :, 0]
    seen = cv2.cvtColor(light(lightened)[None].astype(np.float32), cv2.COLOR_RGB2LAB)[0, :, 0]
    assert np.median(seen - expected) > by / 3


def test_the_annotated_picture_carries_every_note(demo_plate):
    plate = demo_plate("mira", "waist-front")
    rgb = plate.rgb_srgb.copy()
    mask = np.zeros(plate.alpha.shape, bool)
    mask[700:900, 80:160] = True
    notes = [
        Note("the garment is as on the plate", "pass"),
        Note("skin is lighter than on the plate: ±2 ≤ 4", "quarantine", mask, "8.1, at most 3 (default)"),
        Note("other features about the eyes", "review", plate.facts.face, "0.04, at most 0.03"),
        Note("nowhere", "review", np.zeros(plate.alpha.shape, bool)),
        Note("cut off at the side", "review", Box(-40, 1100, 100, 400)),
    ]
    page = annotated(rgb, notes, "waist-front: quarantined")
    assert np.array_equal(rgb, plate.rgb_srgb)
    assert page.shape[0] >= 1200
    assert page.shape[1] > 1200
    picture = page[:1200, :900]
    changed = (picture != rgb).any(axis=2)
    assert changed[720:880, 90:150].mean() > 0.9
    assert not changed[1000:1080, 400:600].any()
    legend = page[:, 900:]
    assert (legend < 100).any()
    assert np.array_equal(annotated(rgb, notes, "waist-front: quarantined"), page)
    assert annotated(rgb, []).shape[0] == 1200
