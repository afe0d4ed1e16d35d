"""Whether a hand that shows is a gross mistake of size.

There is no model of hands here, only ends of arms in the colour of her skin, so this finds hands that are far too large
and says nothing of fingers, nor of hands that are too small or lie on her. It is no proof that a hand is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ..domain.fidelity import Measurement
from ..domain.twin import Box
from ..ports import Plate
from .regions import Region, scaled

NAME = "hands.plausible"
# Breadth of the palm, as the widest circle in it, over the width of the face (dlib's box): seen from the thumb 0.27, from
# the back with the fingers spread 0.64. Against the same hand in the plate a third more is plain to see.
MOST, MOST_GROWN = 0.75, 1.35


@dataclass(frozen=True)
class Hand:
    """The end of an arm. ``breadth`` is its widest circle's diameter over the face's width."""

    box: Box
    breadth: float


def hands(labels: np.ndarray, face: Box, plate: Sequence[Hand] = ()) -> Measurement:
    """``hands.plausible``: how many hands are far too large, 0 for none; None where no hand can be told.

    ``labels`` is the picture's `regions.label_map`, ``face`` her face in its pixels; ``plate`` what `find_hands` finds on
    the plate the picture was made from, if it was made from one and shows all of it.
    """
    found = find_hands(labels, face)
    if not found:
        return Measurement(NAME, None, "no hand in view that can be told from what is around it")
    faults = [hand.breadth > MOST for hand in found]
    if len(plate) == len(found):
        faults = [hand.breadth > MOST_GROWN * before.breadth for hand, before in zip(found, plate, strict=True)]
    sizes = ", ".join(f"{hand.breadth:.2f}" for hand in found)
    note = f"{len(found)} in view, {sizes} of the face's width across; fingers aren't counted"
    return Measurement(NAME, float(sum(faults)), note)


def hand_boxes(plate: Plate) -> tuple[Box, ...]:
    """Where hands surely are in a plate, in its pixels; none where it has no label map."""
    if plate.regions is None or not plate.regions.size:
        return ()
    scale = plate.regions.shape[1] / plate.facts.width
    return tuple(scaled(hand.box, 1 / scale) for hand in find_hands(plate.regions, scaled(plate.facts.face, scale)))


def find_hands(labels: np.ndarray, face: Box) -> tuple[Hand, ...]:
    """Ends of bare arms in a label map, left to right; ``face`` in its pixels. Arms that leave the picture have none."""
    high, wide = labels.shape
    # What can't be told from skin in its own shade belongs to the arm when it lies against it.
    skin = labels == Region.SKIN
    near = cv2.dilate(skin.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(round(0.1 * face.width), 1)) > 0
    arms = ndimage.binary_closing(skin | ((labels == Region.UNKNOWN) & near), iterations=1)
    arms[: round(face.bottom + 1.2 * face.height)] = False
    pieces, _ = ndimage.label(arms, np.ones((3, 3)))
    found = []
    for index, where in enumerate(ndimage.find_objects(pieces), 1):
        piece = np.pad(pieces[where] == index, 1)
        length = piece.shape[0] - 2
        if piece.sum() < 0.15 * face.width * face.height or length < 1.2 * face.height:
            continue
        if where[0].stop >= high - 2 or where[1].start <= 1 or where[1].stop >= wide - 1:
            continue
        depth = cv2.distanceTransform(piece.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        end = piece.shape[0] - 1 - min(round(1.3 * face.height), round(0.45 * length))
        palm = 2 * float(depth[end:].max())
        box = Box(where[1].start, where[0].start + end, piece.shape[1] - 2, piece.shape[0] - end)
        found.append(Hand(box, palm / face.width))
    return tuple(sorted(found, key=lambda hand: hand.box.left))
