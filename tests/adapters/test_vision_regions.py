"""What of her is where: what is named is right, and what can't be told is left unnamed."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from painted_figure import SKIN, plate_of

from twinbook.domain.twin import Box
from twinbook.vision.backdrop import MODEL_SIDE
from twinbook.vision.captures import decode
from twinbook.vision.faces import find_faces
from twinbook.vision.matte import matte
from twinbook.vision.regions import COLOURS, Region, label_map
from twinbook.vision.skin import lab, lit_skin

PHOTOS = Path(__file__).parents[2] / "examples/demo/photos"


def labels_of(plate):
    return label_map(plate.rgb_srgb, plate.alpha, plate.facts.face, plate.landmarks, plate.skin_lab)


def at_size(mask, labels):
    return cv2.resize(mask.astype(np.float32), labels.shape[::-1], interpolation=cv2.INTER_AREA) > 0.99


def agreement(labels, mask, *regions):
    """The share of the true mask that has one of these labels."""
    return float(np.isin(labels[at_size(mask, labels)], regions).mean())


@pytest.fixture(scope="module")
def labels(plate):
    return labels_of(plate)


def test_every_part_of_the_painted_figure_gets_its_name(figure, labels):
    assert labels.dtype == np.uint8
    assert max(labels.shape) <= MODEL_SIDE
    assert labels.max() < len(COLOURS)
    assert agreement(labels, figure.tee, Region.TOP) > 0.97
    assert agreement(labels, figure.trousers, Region.BOTTOM) > 0.95
    assert agreement(labels, figure.skin, Region.FACE, Region.SKIN) > 0.97
    assert agreement(labels, figure.alpha == 0, Region.BACKGROUND) > 0.999
    assert (labels == Region.UNKNOWN).mean() < 0.01


def test_a_name_once_given_is_hardly_ever_wrong(figure, labels):
    for region, truth in ((Region.TOP, figure.tee), (Region.BOTTOM, figure.trousers)):
        near = cv2.dilate(truth.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert at_size(near, labels)[labels == region].mean() > 0.98
    skin = cv2.dilate(figure.skin.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert at_size(skin, labels)[(labels == Region.SKIN) | (labels == Region.FACE)].mean() > 0.97


def test_her_face_is_told_from_her_arms(figure, labels):
    face = figure.face
    high = labels.shape[0]
    y = np.arange(high)[:, None] * (figure.alpha.shape[0] / high) + np.zeros(labels.shape)
    assert (labels[y > face.bottom + 0.8 * face.height] != Region.FACE).all()
    arms = (y > face.bottom + 2.2 * face.height) & at_size(figure.skin, labels)
    assert arms.sum() > 500
    assert (labels[arms] == Region.SKIN).mean() > 0.97


def test_hair_is_hair_and_shoes_are_something_else(figure, labels):
    assert agreement(labels, figure.hair, Region.HAIR) > 0.8
    rows = np.flatnonzero((labels == Region.OTHER).any(axis=1))
    assert len(rows) > 3
    assert rows.min() > 0.85 * labels.shape[0]


def test_without_a_matte_nothing_is_guessed(figure):
    labels = labels_of(plate_of(figure, alpha=False))
    assert agreement(labels, figure.tee, Region.TOP) > 0.95
    assert agreement(labels, figure.alpha == 0, Region.BACKGROUND) > 0.99
    assert not (labels == Region.UNKNOWN).any()


def test_a_dress_is_one_garment(figure, plate):
    onesie = np.where(figure.trousers[..., None], np.uint8((70, 96, 120)), plate.rgb_srgb)
    labels = labels_of(replace(plate, rgb_srgb=onesie))
    assert agreement(labels, figure.tee, Region.TOP) > 0.95
    assert not (labels[: labels.shape[0] // 2] == Region.BOTTOM).any()


def test_a_badge_on_the_tee_is_not_skin(figure, plate):
    """A patch in the colour of her skin, in the middle of the chest: not a hand, and never body skin by a guess."""
    face = figure.face
    x, y = face.left + face.width // 2, round(face.bottom + 1.2 * face.height)
    badge = plate.rgb_srgb.copy()
    badge[y : y + 8, x : x + 8] = SKIN
    labels = labels_of(replace(plate, rgb_srgb=badge))
    scale = labels.shape[0] / badge.shape[0]
    patch = labels[round(y * scale) : round((y + 8) * scale), round(x * scale) : round((x + 8) * scale)]
    assert not (patch == Region.FACE).any()
    assert (patch == Region.SKIN).mean() < 0.5


def test_a_picture_without_anybody_has_no_regions():
    empty = np.full((300, 200, 3), 200, np.uint8)
    labels = label_map(
        empty, np.zeros((300, 200), np.uint8), Box(80, 40, 40, 40), np.float32([[110, 55]] * 5), lab(np.uint8(SKIN))
    )
    assert (labels == Region.BACKGROUND).all()


@pytest.mark.parametrize("who", ["mira", "sami"])
@pytest.mark.slow
def test_a_full_figure_of_the_demo(who):
    """A long tee over trousers, pale and deep skin: the tee doesn't run into the trousers, nor arms into the tee."""
    rgb = decode(PHOTOS / who / "full-front.jpg").rgb_srgb
    (face,) = find_faces(rgb)
    labels = label_map(rgb, matte(rgb, face.box), face.box, face.landmarks, lit_skin(rgb, face.landmarks))
    scale = labels.shape[0] / rgb.shape[0]
    x, f = (face.box.left + face.box.width / 2) * scale, face.box.height * scale
    chin = face.box.bottom * scale

    def patch(dx, dy):
        row, column = round(chin + dy * f), round(x + dx * f)
        return labels[row - 3 : row + 4, column - 3 : column + 4]

    assert (patch(0, 2.0) == Region.TOP).all()
    assert (patch(0.5, 4.0) == Region.TOP).all()
    assert (patch(0.6, 8.0) == Region.BOTTOM).all()
    assert (patch(-0.6, 8.0) == Region.BOTTOM).all()
    assert (patch(0, -0.4) == Region.FACE).all()
    shares = {region: (labels == region).sum() / (labels > 0).sum() for region in Region}
    assert 0.08 < shares[Region.SKIN] < 0.2
    assert 0.01 < shares[Region.HAIR] < 0.1
    assert shares[Region.UNKNOWN] < 0.06
