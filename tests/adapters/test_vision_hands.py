"""Hands that are far too large are found; of everything else about hands nothing is claimed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from twinbook.vision.hands import find_hands, hand_boxes, hands
from twinbook.vision.regions import Region, label_map, scaled


@pytest.fixture(scope="module")
def labels(plate):
    return label_map(plate.rgb_srgb, plate.alpha, plate.facts.face, plate.landmarks, plate.skin_lab)


@pytest.fixture(scope="module")
def face(plate, labels):
    return scaled(plate.facts.face, labels.shape[0] / plate.facts.height)


def grown(labels, face, factor):
    """The left hand drawn so many times as large."""
    hand = find_hands(labels, face)[0]
    out = labels.copy()
    centre = hand.box.left + hand.box.width // 2, hand.box.bottom - hand.box.height // 3
    radius = round(0.5 * factor * hand.breadth * face.width)
    cv2.circle(out, centre, radius, int(Region.SKIN), -1)
    return out


def test_both_hands_of_the_figure_are_found_and_plausible(labels, face):
    left, right = find_hands(labels, face)
    assert left.box.right < face.left < face.right < right.box.left
    assert left.breadth == pytest.approx(right.breadth, rel=0.15)
    assert hands(labels, face).value == 0
    assert hands(labels, face, (left, right)).value == 0


def test_a_hand_like_a_shovel_is_found_and_a_larger_one_against_the_plate(labels, face):
    assert hands(grown(labels, face, 2.5), face).value == 1
    swollen = grown(labels, face, 1.6)
    assert hands(swollen, face, find_hands(labels, face)).value == 1


def test_no_hand_in_view_is_not_a_verdict(labels, face):
    for out_of_view in (labels[: face.bottom + 2 * face.height], np.where(labels == Region.SKIN, 0, labels)):
        answer = hands(out_of_view, face)
        assert answer.value is None
        assert "no hand" in answer.note


def test_a_plate_knows_its_hands_in_its_own_pixels(plate, figure, labels):
    small = cv2.resize(labels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST)
    assert hand_boxes(plate) == ()  # no label map
    for known in (labels, small):
        left, right = hand_boxes(replace(plate, regions=known))
        for box in (left, right):
            inside = figure.skin[box.top : box.bottom, box.left : box.right]
            assert inside.mean() > 0.4
            assert not figure.skin[box.bottom + 4 :, box.left : box.right].any()
        assert left.right < plate.facts.face.left < plate.facts.face.right < right.left
