import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from twinbook.domain.brief import (
    FACE_MARGIN,
    FORMATS,
    LABEL_ROOM,
    Accessory,
    Format,
    Print,
    Recolor,
    Shot,
    TryOn,
    frame,
)
from twinbook.domain.canonical import canonical
from twinbook.domain.consent import USUAL_EDITS, Edit
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.twin import Box, around


@st.composite
def pictures(draw):
    width, height = draw(st.integers(200, 3000)), draw(st.integers(200, 3000))
    face_size = draw(st.integers(20, min(width, height) // 2))
    left, top = draw(st.integers(0, width - face_size)), draw(st.integers(0, height - face_size))
    face = Box(left, top, face_size, face_size)
    below = draw(st.integers(0, height - face.bottom))
    person = Box(max(left - face_size, 0), top, min(face_size * 3, width), face_size + below).clipped(width, height)
    return width, height, face, person


@given(pictures(), st.sampled_from(sorted(FORMATS)))
def test_a_crop_has_the_formats_shape_and_never_goes_through_the_face(picture, name):
    width, height, face, person = picture
    try:
        crop = frame(width, height, face, person, FORMATS[name])
    except Refused:  # a face too large for the shape, as the test below has it
        assume(False)
    assert Box(0, 0, width, height).contains(crop)
    assert crop.contains(face.grown(FACE_MARGIN).clipped(width, height))
    assert abs(Fraction(crop.width, crop.height) - FORMATS[name].ratio) < Fraction(3, crop.height)


@given(pictures())
def test_a_figure_that_fits_stays_whole(picture):
    width, height, face, person = picture
    shape = Format("own", "web", Fraction(width, height))
    assume(person.contains(face))
    assert frame(width, height, face, person, shape).contains(person)


@given(pictures(), st.integers(0, 3000), st.sampled_from(sorted(FORMATS)))
def test_no_crop_goes_through_anybodys_face(picture, at, name):
    width, height, face, person = picture
    other = Box(min(at, width - face.width), face.top, face.width, face.height)
    try:
        crop = frame(width, height, face, around((person, other)), FORMATS[name], [other])
    except Refused as error:
        assume(error.code in ("format.face_cut", "seal.label_room", "format.too_small"))
        return
    assert crop.contains(face)
    assert crop.contains(other)


def test_a_standing_figure_isnt_cut_at_the_hands_while_there_is_air_above_the_head():
    face, person = Box(470, 220, 60, 60), Box(380, 180, 240, 700)
    shape = Format("own", "web", Fraction(1000, 540))  # as it were, it would end at 632, between wrist and fingertips
    crop = frame(1000, 1100, face, person, shape)
    assert crop.bottom >= person.top + round(0.64 * person.height)
    assert crop.contains(face)


def test_a_page_of_too_few_pixels_is_refused_rather_than_blown_up():
    face, person = Box(500, 200, 200, 200), Box(300, 100, 600, 1500)
    assert frame(1240, 1800, face, person, FORMATS["print-a4"]).width == 1240
    with pytest.raises(Refused, match=r"format\.too_small.* 1240 pixels of width, and this picture gives 1239"):
        frame(1239, 1800, face, person, FORMATS["print-a4"])


def cut(crop, hands):
    """Hands that an edge of the crop goes through, and hands that are outside of it."""
    through = [hand for hand in hands if crop.overlap(hand) and not crop.contains(hand)]
    return len(through), sum(crop.overlap(hand) == 0 for hand in hands)


def labelled(crop, *faces):
    bare = around(faces)
    up, down = bare.top - crop.top, crop.bottom - bare.bottom
    left, right = bare.left - crop.left, crop.right - bare.right
    return max(up, down) >= LABEL_ROOM * crop.height or max(left, right) >= LABEL_ROOM * crop.width


@st.composite
def pictures_with_hands(draw):
    """Hands within the person, wherever they may be, as large as a face or smaller."""
    width, height, face, person = draw(pictures())
    hands = []
    for _ in range(draw(st.integers(1, 4))):
        wide, high = (draw(st.integers(1, min(side, face.width))) for side in (person.width, person.height))
        left = draw(st.integers(person.left, person.right - wide))
        hands.append(Box(left, draw(st.integers(person.top, person.bottom - high)), wide, high))
    return width, height, face, person, hands


@given(pictures_with_hands(), st.integers(0, 3000), st.sampled_from(sorted(FORMATS)))
def test_a_crop_that_spares_hands_keeps_faces_shape_and_room_for_the_label(picture, at, name):
    width, height, face, person, hands = picture
    other = Box(min(at, width - face.width), face.top, face.width, face.height)
    person = around((person, other))
    try:
        before = frame(width, height, face, person, FORMATS[name], [other])
    except Refused as error:  # hands make and spare no refusal
        with pytest.raises(Refused, match=error.code):
            frame(width, height, face, person, FORMATS[name], [other], hands)
        return
    crop = frame(width, height, face, person, FORMATS[name], [other], hands)
    assert (crop.width, crop.height) == (before.width, before.height)
    assert Box(0, 0, width, height).contains(crop)
    for one in (face, other):
        assert crop.contains(one.grown(FACE_MARGIN).clipped(width, height))
    assert labelled(crop, face, other) or not labelled(before, face, other)
    assert cut(crop, hands) <= cut(before, hands)
    assert crop == before or cut(crop, hands) < cut(before, hands)
    assert abs(crop.left - before.left) <= crop.width / 8
    assert crop.top >= before.top - crop.height / 8


@given(pictures_with_hands(), st.sampled_from(sorted(FORMATS)))
def test_no_allowed_crop_would_cut_fewer_hands(picture, name):
    """Every pixel's move is tried, and none is better than the one that is made."""
    width, height, face, person, hands = picture
    try:
        before = frame(width, height, face, person, FORMATS[name])
    except Refused:
        assume(False)
    crop = frame(width, height, face, person, FORMATS[name], hands=hands)
    head = face.grown(FACE_MARGIN).clipped(width, height)
    sideways = width > before.width
    eighth = (before.width if sideways else before.height) // 8
    for by in range(-eighth, eighth + 1 if sideways else height):
        moved = before.shifted(-by, 0) if sideways else before.shifted(0, -by)
        if moved.contains(head) and Box(0, 0, width, height).contains(moved) and labelled(moved, face):
            assert cut(crop, hands) <= cut(moved, hands)


def test_a_crop_moves_aside_for_a_hand_and_no_further_than_an_eighth():
    face, person = Box(450, 100, 100, 100), Box(300, 60, 400, 840)
    shape = FORMATS["tiktok-9x16"]  # 506 of 1000 pixels wide, from 247 to 753
    near, far = Box(700, 500, 80, 90), Box(800, 500, 80, 90)
    before = frame(1000, 900, face, person, shape)
    assert frame(1000, 900, face, person, shape, hands=[near]).right == near.right
    assert frame(1000, 900, face, person, shape, hands=[far]) == before
    both = [
        near,
        Box(220, 500, 80, 90),
    ]  # in no crop of this width: one whole and none cut through is the best there is
    assert cut(before, both) == (2, 0)
    assert cut(frame(1000, 900, face, person, shape, hands=both), both) == (0, 1)


def test_a_crop_goes_down_to_the_hands_of_somebody_who_sits_but_not_into_her_face():
    face, person = Box(400, 300, 200, 200), Box(250, 220, 500, 1100)  # too few faces high to be standing
    shape = Format("own", "web", Fraction(1000, 700))
    lap = Box(450, 780, 120, 120)
    before = frame(1000, 1400, face, person, shape)
    assert before.top < lap.top < before.bottom < lap.bottom
    assert frame(1000, 1400, face, person, shape, hands=[lap]).bottom == lap.bottom
    feet = Box(450, 1290, 120, 60)
    assert frame(1000, 1400, face, person, shape, hands=[feet]) == before


def test_a_face_that_fills_the_format_leaves_no_room_for_the_label():
    with pytest.raises(Refused, match=r"seal\.label_room"):
        frame(800, 800, Box(20, 20, 770, 770), Box(0, 0, 800, 800), FORMATS["instagram-1x1"])


def test_a_close_up_too_wide_for_a_phone_is_refused():
    with pytest.raises(Refused, match=r"format\.face_cut"):
        frame(1200, 1200, Box(200, 200, 800, 800), Box(0, 100, 1200, 1100), FORMATS["tiktok-9x16"])


@pytest.mark.parametrize(("region", "to"), [("hat", "#000000"), ("top", "blue"), ("top", "#12345"), ("top", "#12345g")])
def test_what_is_no_recolor_is_refused(region, to):
    with pytest.raises(InputError, match=r"campaign\.value"):
        Recolor(region, to)


WHOLE = Shot(
    "hero",
    ("mira",),
    ("web-3x4",),
    scene="places/court.jpg",
    print=Print("top", "cloth.jpg", Fraction("7.5")),
    accessories=(Accessory("belt", "belt.png", Fraction(1, 2)), Accessory("brooch", "pin.png", "chest")),
    mannequin=True,
)


def test_a_shot_comes_back_from_its_document_and_an_old_document_is_still_a_shot():
    for shot in (WHOLE, replace(WHOLE, print=None, tryon=TryOn("bottom", "jeans.jpg"))):
        assert Shot.from_document(json.loads(json.dumps(shot.document()))) == shot
        canonical(shot.document())
    plain = replace(WHOLE, print=None, accessories=(), mannequin=False)
    assert not {"print", "tryon", "accessories", "mannequin"} & set(plain.document())


def test_pictures_are_named_by_their_content_once_they_are_kept():
    assert WHOLE.pictures == ("places/court.jpg", "cloth.jpg", "belt.png", "pin.png")
    kept = WHOLE.with_pictures({name: f"image:{index}" for index, name in enumerate(WHOLE.pictures)})
    assert kept.pictures == ("image:0", "image:1", "image:2", "image:3")
    drawn = replace(
        WHOLE, scene="studio:sand", print=Print("top", "stripes:#ffffff,#000000", Fraction(2)), accessories=()
    )
    assert drawn.pictures == ()


def test_other_cloth_is_a_change_of_colour_and_another_body_one_that_she_must_allow():
    assert WHOLE.edits == (Edit.MINOR, Edit.SCENE, Edit.RECOLOR, Edit.GARMENT, Edit.BODY)
    assert Edit.BODY not in USUAL_EDITS


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Print("hat", "cloth.jpg", Fraction(8)),
        lambda: Print("top", "stripes:#ffffff", Fraction(8)),
        lambda: Print("top", "cloth.jpg", Fraction(0)),
        lambda: Print("top", "cloth.jpg", Fraction(8), "knee"),
        lambda: TryOn("dress", "dress.jpg"),
        lambda: Accessory("hat", "hat.png", "neck"),
        lambda: Accessory("belt", "belt.png", "knee"),
        lambda: Accessory("belt", "belt.png", Fraction(3, 2)),
    ],
)
def test_what_cannot_be_put_on_is_refused(wrong):
    with pytest.raises(InputError):
        wrong()
