"""The visible label: legible, large enough, off the faces."""

import numpy as np
import pytest
from pictures import FACE, WORDS, astronaut, studio, synthetic
from PIL import ImageFont

from twinbook.domain.errors import SealRefused
from twinbook.domain.twin import Box
from twinbook.seal.label import FACE_MARGIN, LETTER_SHARE, MINIMUM_CONTRAST, put_label


@pytest.mark.parametrize("name", ["grey", "white", "black", "gradient", "noise"])
def test_contrast_is_enough_on_any_background(name):
    labelled = put_label(synthetic(name), WORDS, [])
    assert labelled.contrast >= MINIMUM_CONTRAST


@pytest.mark.parametrize("size", [(480, 600), (1080, 1350), (1080, 1920), (3000, 4000), (1600, 900)])
def test_letters_are_five_percent_of_the_shortest_side(size):
    """Seen in the pixels: the capital and the descenders of the two lines' ink."""
    width, height = size
    before = np.full((height, width, 3), 90, np.uint8)
    labelled = put_label(before, "AI-generated image of a hag", [])
    box = labelled.box
    plate = labelled.rgb_srgb[box.top : box.bottom, box.left : box.right].astype(int).sum(axis=2)
    # Right of the mark, rows that hold ink; "generated image of" / "a hag" have ascenders and descenders.
    words = plate[:, box.height :]
    background = np.median(words)
    inked = np.flatnonzero((np.abs(words - background) > 200).sum(axis=1) > 1)
    lines = np.split(inked, np.flatnonzero(np.diff(inked) > 1) + 1)
    tallest = max(len(line) for line in lines)
    assert tallest >= LETTER_SHARE * min(size) * 0.98


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


def test_without_room_for_all_words_it_says_the_short_form():
    labelled = put_label(astronaut(), WORDS, [Box(50, 250, 330, 700)])
    assert labelled.text == "AI-generated"


def test_no_room_is_refused():
    with pytest.raises(SealRefused, match=r"seal\.label_room"):
        put_label(astronaut(), WORDS, [Box(0, 0, 900, 1200)])


def test_letters_the_typeface_lacks_are_refused():
    with pytest.raises(SealRefused, match=r"seal\.label_text"):
        put_label(astronaut(), "AI人工智能生成", [])


@pytest.mark.parametrize("words", ["", "   "])
def test_an_empty_label_is_refused(words):
    with pytest.raises(SealRefused, match=r"seal\.label_text"):
        put_label(astronaut(), words, [])


def test_platform_buttons_are_avoided_on_tall_pictures():
    labelled = put_label(np.full((1920, 1080, 3), 90, np.uint8), WORDS, [], "tiktok-9x16")
    assert labelled.box.right <= 0.87 * 1080 + 1
    assert labelled.box.top >= 0.08 * 1920 - 1


def test_pillow_still_brings_the_typeface():
    assert ImageFont.load_default(20).getname() == ("Aileron", "Regular")
