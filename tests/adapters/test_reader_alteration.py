"""What was changed in a picture, and where: skin, face, garment, background, label; nothing where nothing was."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import filled, jpeg, lightened, marking, pixels, recompressed, scaled
from PIL import Image
from skimage import data

from twinbook.domain.alteration import Change, Place
from twinbook.domain.twin import Box
from twinbook.reader.comparison import compare_pictures
from twinbook.vision.faces import find_faces

PHOTOS = Path(__file__).resolve().parents[2] / "examples" / "demo" / "photos"


@pytest.fixture(scope="module", params=["mira", "sami"])
def issued(request, sealer):
    """A sealed copy, its pixels and the box of the face in it."""
    with Image.open(PHOTOS / request.param / "waist-front.jpg") as image:
        photo = np.asarray(image.convert("RGB"))
    face = find_faces(photo)[0].box
    person = Box(0, 0, photo.shape[1], photo.shape[0])
    file = sealer.seal(photo, marking(faces=(face,), person=person, label="AI MODIFIED", label_share=0.03)).data
    return file, pixels(file), face


def first(found, issued):
    likeness = compare_pictures(found, issued)
    return likeness.alterations[0].place, likeness.alterations[0].change


def inside(box, other, share):
    return box.overlap(other) >= share * min(box.width * box.height, other.width * other.height)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: recompressed(scaled(p, 0.5), 50),
        lambda p: np.clip((p.astype(float) - 128) * 1.25 + 133, 0, 255).astype(np.uint8),
        lambda p: recompressed(p[40:-30, 60:], 75),
        lambda p: np.ascontiguousarray(p[:, ::-1]),
    ],
    ids=["half q50", "contrast", "cropped", "mirrored"],
)
def test_what_was_not_altered_has_no_alterations(issued, change):
    likeness = compare_pictures(change(issued[1]), issued[1])
    assert (likeness.altered_share, likeness.alterations) == (0.0, ())


def test_a_crop_says_how_much_is_left(issued):
    picture = issued[1]
    height = picture.shape[0]
    likeness = compare_pictures(recompressed(picture[height // 5 :, :], 80), picture)
    assert likeness.cropped
    assert abs(likeness.coverage - 0.8) < 0.03
    assert not compare_pictures(recompressed(scaled(picture, 0.7), 60), picture).cropped


@pytest.mark.parametrize("amount", [6, -6])
def test_lighter_and_darker_skin_is_told_and_located(issued, amount):
    _, picture, face = issued
    likeness = compare_pictures(recompressed(lightened(picture, face, amount), 80), picture)
    found = likeness.alterations[0]
    assert (found.place, found.change) == (Place.FACE, Change.LIGHTER if amount > 0 else Change.DARKER)
    assert inside(found.box, face, 0.8)
    assert 3 <= abs(found.lightness) <= 8


def test_a_pasted_face_is_told_and_located(issued):
    _, picture, face = issued
    changed = picture.copy()
    here = np.s_[face.top : face.bottom, face.left : face.right]
    changed[here] = filled(data.astronaut()[30:250, 120:330], face.width, face.height)
    found = compare_pictures(recompressed(changed, 80), picture).alterations[0]
    assert (found.place, found.change) == (Place.FACE, Change.REPLACED)
    assert inside(found.box, face, 0.7)


def test_a_recoloured_garment_is_told(issued):
    _, picture, face = issued
    chest = Box(face.left - face.width // 4, face.bottom + face.height // 2, face.width * 3 // 2, face.height)
    assert first(recompressed(lightened(picture, chest, 30, channel=1), 85), picture) == (
        Place.GARMENT,
        Change.RECOLOURED,
    )


def test_another_background_is_told(issued):
    _, picture, _ = issued
    changed = picture.copy()
    wide = picture.shape[1] // 5
    changed[200:500, :wide] = filled(data.coffee(), wide, 300)
    assert first(recompressed(changed, 85), picture) == (Place.BACKGROUND, Change.REPLACED)


def test_a_label_that_was_painted_over_is_told_by_the_reader(issued, reader):
    file, picture, _ = issued
    box = reader._manifests.read(file, "image/jpeg").label_box
    changed = picture.copy()
    around = np.s_[box.top - 2 : box.bottom + 2, box.left - 2 : box.right + 2]
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[around] = 255
    changed = cv2.inpaint(changed, mask, 5, cv2.INPAINT_TELEA)
    likeness = reader.compare(jpeg(changed, 90), file)
    assert [(a.place, a.change) for a in likeness.alterations[:1]] == [(Place.LABEL, Change.REMOVED)]


def test_the_map_shows_people_where(issued, reader):
    file, picture, face = issued
    drawn = reader.draw_alterations(jpeg(lightened(picture, face, 8), 90), file)
    with Image.open(io.BytesIO(drawn)) as image:
        shown = np.asarray(image.convert("RGB")).astype(int)
    red = (shown[..., 0] - shown[..., 2]) > 60
    scale = shown.shape[1] / picture.shape[1]
    rows, columns = np.nonzero(red)
    middle = face.left + face.width / 2, face.top + face.height / 2
    assert abs(columns.mean() / scale - middle[0]) < face.width / 4
    assert abs(rows.mean() / scale - middle[1]) < face.height / 3
    assert reader.draw_alterations(jpeg(data.coffee(), 90), file) is None


def test_without_a_face_to_go_by_the_place_is_not_guessed():
    coffee = filled(data.coffee(), 900, 600)
    changed = coffee.copy()
    changed[200:300, 300:450] = filled(data.chelsea(), 150, 100)
    likeness = compare_pictures(recompressed(changed, 90), coffee)
    assert {alteration.place for alteration in likeness.alterations} == {Place.PICTURE}


def test_a_manifest_on_other_pixels_is_genuine_and_a_broken_one_is_not(issued, reader):
    file, picture, face = issued
    scan = file.index(b"\xff\xda")
    other = jpeg(lightened(picture, face, 8), 95, subsampling=0)
    borrowed = file[:scan] + other[other.index(b"\xff\xda") :]
    read = reader.read(borrowed).manifest
    assert (read.state, read.genuine) == ("invalid", True)
    position = file.index(b"org.twinbook.release") + 40
    broken = file[:position] + b"\x00\x00" + file[position + 2 :]
    assert not reader.read(broken).manifest.genuine
