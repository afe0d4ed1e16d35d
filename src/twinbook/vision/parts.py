"""Which part of her each pixel of a plate shows: face, eyes, mouth, skin of the body, hair, garment, or the backdrop.

By colour and by the canon of proportions, from what was measured at enrolment (matte, face, landmarks, skin). Where
two parts meet nothing is said: those pixels change with every resampling.
"""

from __future__ import annotations

from enum import IntEnum

import cv2
import numpy as np

from ..domain.twin import Box
from ..ports import Plate
from .registration import her_mask


class Part(IntEnum):
    NOTHING = 0
    BACKDROP = 1
    FACE = 2
    EYES = 3
    MOUTH = 4
    SKIN = 5
    HAIR = 6
    GARMENT = 7


def parts(plate: Plate, small_srgb: np.ndarray, scale: float) -> np.ndarray:
    """Part of each pixel of a small copy of the plate, ``scale`` of its size: uint8 (h, w) of `Part`."""
    high, wide = small_srgb.shape[:2]
    hers = her_mask(plate.alpha, plate.landmarks, plate.rgb_srgb.shape[:2], (high, wide))
    face = plate.facts.face
    box = Box(*(round(side * scale) for side in (face.left, face.top, face.width, face.height)))
    points = plate.landmarks * scale
    smooth = cv2.GaussianBlur(small_srgb, (0, 0), 0.8)
    values = cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    skin = skin_like(values, plate.skin_lab)
    y, x = np.arange(high)[:, None], np.arange(wide)[None, :]
    eyes, mouth, oval = features(points, box, (high, wide))

    labels = np.zeros((high, wide), np.uint8)
    labels[_cloth(values, hers, skin, box, x, y)] = Part.GARMENT
    labels[hers & skin] = Part.SKIN
    labels[_skin_coloured_cloth(values, labels, plate.skin_lab)] = Part.GARMENT
    labels[_hair(values, hers, skin, oval, box, x, y)] = Part.HAIR
    labels[oval & hers] = Part.NOTHING
    labels[oval & hers & skin] = Part.FACE
    labels[eyes & hers] = Part.EYES
    labels[mouth & hers] = Part.MOUTH
    # Scraps are mistakes of colour: folds in the colour of skin, strands in that of cloth.
    for part in (Part.SKIN, Part.GARMENT, Part.HAIR):
        mask = (labels == part).astype(np.uint8)
        opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        labels[(mask > 0) & (opened == 0)] = Part.NOTHING
    if plate.alpha is not None:
        small = cv2.resize(plate.alpha, (wide, high), interpolation=cv2.INTER_AREA)
        labels[cv2.dilate(small, np.ones((5, 5), np.uint8)) < 8] = Part.BACKDROP
    return labels


def features(landmarks: np.ndarray, face: Box, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eyes, mouth and the oval of the face as bool (h, w), from dlib's five points and the box."""
    eyes, mouth, oval = (np.zeros(shape, np.uint8) for _ in range(3))
    for outer, inner in ((0, 1), (2, 3)):
        ends = landmarks[[outer, inner]]
        reach = max(float(np.linalg.norm(ends[0] - ends[1])), 0.12 * face.width)
        _ellipse(eyes, ends.mean(axis=0), 0.72 * reach, 0.5 * reach)
    middle = landmarks[:4].mean(axis=0)
    _ellipse(mouth, landmarks[4] + 0.45 * (landmarks[4] - middle), 0.22 * face.width, 0.11 * face.width)
    # The nose leads on a turned head: the oval's axis is between it and the middle of the box.
    centre = np.array([(face.left + face.width / 2 + landmarks[4, 0]) / 2, middle[1] + 0.27 * face.height])
    _ellipse(oval, centre, 0.44 * face.width, 0.62 * face.height)
    return eyes > 0, mouth > 0, oval > 0


def skin_like(values: np.ndarray, skin_lab: np.ndarray) -> np.ndarray:
    """Skin of this person in any light, of CIELAB (h, w, 3): her hue and her ratio of chroma to lightness; bool."""
    lightness = np.maximum(values[..., 0], 1.0)
    hers = skin_lab[1:] / max(float(skin_lab[0]), 1.0)
    off = np.linalg.norm(values[..., 1:] / lightness[..., None] - hers, axis=-1)
    hue = np.degrees(np.arctan2(values[..., 2], values[..., 1]))
    turn = np.abs((hue - np.degrees(np.arctan2(skin_lab[2], skin_lab[1])) + 180) % 360 - 180)
    chroma = np.hypot(values[..., 1], values[..., 2])
    # Tan cloth has her hue as well, but not her lightness.
    bright = (lightness > max(0.42 * float(skin_lab[0]), 10.0)) & (lightness < 1.3 * float(skin_lab[0]) + 6)
    return (off < 0.5 * float(np.linalg.norm(hers)) + 0.03) & (turn < 26) & (chroma > 4) & bright


def _cloth(
    values: np.ndarray, hers: np.ndarray, skin: np.ndarray, face: Box, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """What she wears: all that isn't skin from the shoulders down; about the neck, where hair and shadow are, only
    what has the colour of her chest. Bool (h, w)."""
    middle = face.left + face.width / 2
    below = hers & ~skin & (y > face.bottom)
    chest = below & (y > face.bottom + 0.7 * face.height) & (y < face.bottom + 2.2 * face.height)
    chest &= np.abs(x - middle) < 0.6 * face.width
    neck = (y < face.bottom + 0.7 * face.height) & (np.abs(x - middle) < 1.3 * face.width)
    if chest.sum() < 30:
        return below & ~neck
    colour = np.median(values[chest], axis=0)
    near = np.linalg.norm((values - colour) * np.float32([0.5, 1, 1]), axis=-1) < 14
    return below & (~neck | near)


def _skin_coloured_cloth(values: np.ndarray, labels: np.ndarray, skin_lab: np.ndarray) -> np.ndarray:
    """Pieces taken for skin that as a whole are of another hue than her face, or lighter than its lit side."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((labels == Part.SKIN).astype(np.uint8))
    cloth = []
    for i in range(1, count):
        if stats[i, cv2.CC_STAT_AREA] < 25:
            continue
        middle = np.median(values[pieces == i], axis=0)
        turn = np.degrees(np.arctan2(middle[2], middle[1]) - np.arctan2(skin_lab[2], skin_lab[1]))
        if abs((turn + 180) % 360 - 180) > 15 or middle[0] > 1.2 * skin_lab[0]:
            cloth.append(i)
    return np.isin(pieces, cloth)


def _hair(
    values: np.ndarray, hers: np.ndarray, skin: np.ndarray, oval: np.ndarray, face: Box, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """What has the colour of what is above her forehead, around her head: bool (h, w)."""
    middle = face.left + face.width / 2
    crown = hers & ~skin & (y < face.top + 0.25 * face.height) & (np.abs(x - middle) < 0.8 * face.width)
    if crown.sum() < 20:
        return np.zeros(hers.shape, bool)
    colour = np.median(values[crown], axis=0)
    near = np.linalg.norm((values - colour) * np.float32([0.6, 1, 1]), axis=-1) < 14
    about = hers & (np.abs(x - middle) < 1.5 * face.width) & (y < face.bottom + 1.2 * face.height)
    mask = ((near & about & ~skin & ~oval) | crown).astype(np.uint8)
    _, pieces = cv2.connectedComponents(mask)
    kept = np.unique(pieces[crown & (mask > 0)])
    return np.isin(pieces, kept[kept > 0]) & (mask > 0)


def _ellipse(mask: np.ndarray, centre: np.ndarray, rx: float, ry: float) -> None:
    at = (round(float(centre[0])), round(float(centre[1])))
    cv2.ellipse(mask, at, (max(round(rx), 1), max(round(ry), 1)), 0, 0, 360, 1, -1)
