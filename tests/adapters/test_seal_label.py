"""The visible label: legible, large enough, off the faces."""

from importlib.resources import files
from io import BytesIO
from itertools import groupby

import numpy as np
import pytest
from pictures import FACE, WORDS, astronaut, studio, synthetic
from PIL import ImageFont

from twinbook import law
from twinbook.domain.errors import SealRefused
from twinbook.domain.twin import Box
from twinbook.seal.label import FACE_MARGIN, MINIMUM_CONTRAST, put_label

PACK_TEXTS = sorted({text for pack in law.load().packs for label in pack.labels for text in label.text.values()})


@pytest.mark.parametrize("name", ["grey", "white", "black", "gradient", "noise"])
def test_contrast_is_enough_on_any_background(name):
    labelled = put_label(synthetic(name), WORDS, [])
    assert labelled.contrast >= MINIMUM_CONTRAST


def heights(words, size, share):
    """Of the inked lines of a label beside its mark, in pixels, as seen in the picture."""
    labelled = put_label(np.full((size[1], size[0], 3), 90, np.uint8), words, [], letter_share=share)
    box = labelled.box
    plate = labelled.rgb_srgb[box.top : box.bottom, box.left : box.right].astype(int).sum(axis=2)
    letter = share * min(size)
    beside = plate[:, round(2.1 * letter) :]
    inked = (np.abs(beside - np.median(beside)) > 200).any(axis=1)
    return [sum(1 for _ in run) for ink, run in groupby(inked) if ink]


@pytest.mark.parametrize("share", [0.03, 0.05])
@pytest.mark.parametrize("size", [(480, 600), (1080, 1350), (1080, 1920), (3000, 4000), (1600, 900)])
def test_letters_are_as_high_as_they_must_be(size, share):
    """From the top of an ascender to the foot of a "g": "generated image of" and "a hag" have both."""
    assert max(heights("AI-generated image of a hag", size, share)) >= share * min(size) * 0.98


@pytest.mark.parametrize("words", ["AI生成", "AI合成"])
@pytest.mark.parametrize("size", [(480, 600), (1080, 1350), (3000, 4000)])
def test_chinese_letters_are_themselves_as_high_as_chinas_standard_asks(size, words):
    assert max(heights(words, size, 0.05)) >= 0.05 * min(size)


def test_small_letters_make_a_small_label():
    small, large = (put_label(astronaut(), "AI MODIFIED", [], letter_share=share).box for share in (0.03, 0.05))
    assert small.height == pytest.approx(0.6 * large.height, rel=0.05)
    assert small.width < 0.65 * large.width


def test_it_goes_top_right_when_that_is_free():
    labelled = put_label(studio(), WORDS, [])
    assert labelled.box.right > 0.95 * 900
    assert labelled.box.top < 0.05 * 1200
    assert labelled.text == WORDS


def test_nothing_but_its_own_box_changes():
    before = astronaut()
    labelled = put_label(before, WORDS, [FACE])
    outside = np.ones(before.shape[:2], bool)
    outside[labelled.box.top : labelled.box.bottom, labelled.box.left : labelled.box.right] = False
    assert (labelled.rgb_srgb[outside] == before[outside]).all()


@pytest.mark.parametrize(
    "faces",
    [
        [FACE],
        [Box(600, 40, 200, 260)],
        [Box(40, 40, 200, 260), Box(620, 40, 200, 260)],
        [Box(250, 300, 400, 520)],
        [Box(600, 40, 180, 240), Box(600, 900, 180, 240), Box(60, 60, 180, 240)],
    ],
)
def test_it_stays_off_every_face_and_inside_the_picture(faces):
    labelled = put_label(astronaut(), WORDS, faces)
    assert all(labelled.box.overlap(face.grown(FACE_MARGIN)) == 0 for face in faces)
    assert Box(0, 0, 900, 1200).contains(labelled.box)


def test_nothing_is_left_off_for_want_of_room():
    """A law may ask for every word: more lines, and rather no copy than half a label."""
    assert put_label(astronaut(), WORDS, [Box(50, 250, 310, 700)]).text == WORDS
    with pytest.raises(SealRefused, match=r"seal\.label_room"):
        put_label(astronaut(), WORDS, [Box(200, 250, 330, 700)])


def test_no_room_is_refused():
    with pytest.raises(SealRefused, match=r"seal\.label_room"):
        put_label(astronaut(), WORDS, [Box(0, 0, 900, 1200)])


@pytest.mark.parametrize("words", PACK_TEXTS)
def test_every_label_of_every_pack_can_be_written(words):
    """When a pack asks for a letter that isn't there: ``python tools/label_font.py``."""
    assert put_label(astronaut(), words, []).text == words


@pytest.mark.parametrize("share", [0.03, 0.05])
@pytest.mark.parametrize("size", [(1080, 1350), (1080, 1080), (1080, 1920), (1200, 1600), (400, 500)])
def test_the_words_of_several_laws_fit(size, share):
    words = "AI生成 · AI GENERATED SYNTHETIC PERFORMER"
    labelled = put_label(np.full((size[1], size[0], 3), 200, np.uint8), words, [], letter_share=share)
    assert labelled.text == words
    assert Box(0, 0, *size).contains(labelled.box)


def test_two_laws_words_break_between_them():
    """Not where the lines would be most alike, which is after "GENERATED"."""
    words = "AI合成 · AI GENERATED PERFORMER"
    wide, narrow = (
        put_label(np.full((height, width, 3), 90, np.uint8), words, [], letter_share=0.04).box
        for width, height in [(1600, 900), (900, 1600)]
    )
    alone = put_label(np.full((1600, 900, 3), 90, np.uint8), "AI GENERATED PERFORMER", [], letter_share=0.04).box
    assert narrow.height > wide.height
    assert narrow.width == pytest.approx(alone.width, abs=2)


def test_the_mark_speaks_for_each_laws_ai():
    one = put_label(astronaut(), "AI MODIFIED", []).box.width
    both = put_label(astronaut(), "AI MODIFIED · AI MODIFIED", [], letter_share=0.03).box.width
    bare = put_label(astronaut(), "AIR MODIFIED", []).box.width
    assert one < bare
    assert both < 2 * one


@pytest.mark.parametrize("words", ["AI ไทย", "AI 🙂", "AI ひらがな"])
def test_letters_the_typeface_lacks_are_refused(words):
    with pytest.raises(SealRefused, match=r"seal\.label_text"):
        put_label(astronaut(), words, [])


@pytest.mark.parametrize("words", ["", "   "])
def test_an_empty_label_is_refused(words):
    with pytest.raises(SealRefused, match=r"seal\.label_text"):
        put_label(astronaut(), words, [])


def test_platform_buttons_are_avoided_on_tall_pictures():
    labelled = put_label(np.full((1920, 1080, 3), 90, np.uint8), WORDS, [], "tiktok-9x16")
    assert labelled.box.right <= 0.87 * 1080 + 1
    assert labelled.box.top >= 0.08 * 1920 - 1


def test_the_typeface_is_small_and_goes_by_its_own_name_with_its_license():
    shipped = files("twinbook.seal")
    typeface = (shipped / "label.ttf").read_bytes()
    assert len(typeface) < 60_000
    assert ImageFont.truetype(BytesIO(typeface), 20).getname() == ("Twinbook Label", "Regular")
    assert "SIL OPEN FONT LICENSE" in (shipped / "label-OFL.txt").read_text(encoding="utf-8")


def test_a_plain_corner_above_her_is_taken_and_one_with_hair_in_it_is_not():
    """How far hair goes up can't be told from a face's box; whether something is in the corner can be seen."""
    plain = np.full((1200, 900, 3), 205, np.uint8)
    face = Box(560, 180, 200, 220)  # under the right corner
    free = put_label(plain, "AI MODIFIED", [face], "web-3x4", 0.03).box
    assert free.top < 100
    assert free.right > 800
    curls = plain.copy()
    curls[:180, 500:] = np.random.default_rng(1).integers(20, 120, (180, 400, 1))
    elsewhere = put_label(curls, "AI MODIFIED", [face], "web-3x4", 0.03).box
    assert elsewhere.right < 500 or elsewhere.top > 180
