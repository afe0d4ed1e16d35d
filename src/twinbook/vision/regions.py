"""What of her is where: face, skin, hair, top, bottom and the rest, as one small map of labels.

Skin is known from the lit skin of her face, garments from `cloth`, hair from what is darker or lighter than skin right
above the face. What none of them explains is `UNKNOWN`, not the likeliest guess: a measure that needs skin is better
off with less of it than with a beige belt.
"""

from __future__ import annotations

from enum import IntEnum

import cv2
import numpy as np
from scipy import ndimage

from ..domain.errors import EngineRefused
from ..domain.twin import Box
from .backdrop import small_copy
from .cloth import garment_mask, like_skin
from .matte import estimated_person
from .skin import lab


class Region(IntEnum):
    """What a pixel of a label map shows. ``OTHER`` is hers but neither skin, hair, top nor bottom: shoes, bags."""

    BACKGROUND = 0
    FACE = 1
    SKIN = 2
    HAIR = 3
    TOP = 4
    BOTTOM = 5
    OTHER = 6
    UNKNOWN = 7


# For pictures of a label map that people look at: sRGB by label.
COLOURS = np.uint8(
    [
        (236, 236, 234),
        (224, 142, 110),
        (196, 108, 78),
        (92, 64, 51),
        (74, 124, 186),
        (52, 74, 128),
        (120, 128, 92),
        (200, 60, 200),
    ]
)


def label_map(
    rgb_srgb: np.ndarray, alpha: np.ndarray | None, face: Box, landmarks: np.ndarray, skin_lab: np.ndarray
) -> np.ndarray:
    """Labels (`Region`), uint8 (h, w), on a copy of at most `backdrop.MODEL_SIDE` pixels a side.

    ``rgb_srgb`` is uint8 (H, W, 3); ``alpha`` her matte, uint8 (H, W), or None where she isn't cut out: then nothing
    beyond what skin, garments and hair explain is hers, and the rest is background. ``face``, ``landmarks`` (dlib's
    five points) are in pixels of the picture; ``skin_lab`` is her lit face skin, CIELAB (3,). A dress is all top.
    """
    small, scale = small_copy(rgb_srgb)
    high, wide = small.shape[:2]
    person = _person(alpha, face, rgb_srgb.shape[1], rgb_srgb.shape[0], wide, high)
    whole = np.zeros((high, wide), np.uint8)
    if not person.any():
        return whole
    rows, columns = np.flatnonzero(person.any(axis=1)), np.flatnonzero(person.any(axis=0))
    top, left = max(int(rows[0]) - 8, 0), max(int(columns[0]) - 8, 0)
    here = np.s_[top : int(rows[-1]) + 9, left : int(columns[-1]) + 9]
    box = scaled(face, scale).shifted(left, top)
    points = np.asarray(landmarks, np.float32) * scale - np.float32([left, top])
    values = cv2.GaussianBlur(lab(small[here]).astype(np.float32), (0, 0), 0.7)
    whole[here] = _labelled(values, person[here], box, points, skin_lab, alpha is not None)
    return whole


def _labelled(
    values: np.ndarray, person: np.ndarray, face: Box, landmarks: np.ndarray, skin_lab: np.ndarray, cut: bool
) -> np.ndarray:
    top, bottom = _garments(values, person, face, skin_lab, cut)
    cloth = top | bottom
    skin_like = like_skin(values, skin_lab) & person & ~cloth
    oval = face_oval(face, landmarks, person.shape[1], person.shape[0]) & person
    hair = _hair(values, person, cloth, skin_like, oval, face, skin_lab)
    faces, body = _skin(skin_like, oval, face, hair)
    if bottom.any():  # a brown shoe has the hue of skin, in shade that a foot below trousers isn't in
        hem = int(np.flatnonzero(bottom.any(axis=1))[-1]) - round(0.5 * face.height)
        body[hem:] &= values[hem:, :, 0] > 0.7 * skin_lab[0]
    labels = np.full(person.shape, Region.UNKNOWN if cut else Region.BACKGROUND, np.uint8)
    labels[~person] = Region.BACKGROUND
    for region, mask in (
        (Region.HAIR, hair),
        (Region.SKIN, body),
        (Region.FACE, faces),
        (Region.TOP, top),
        (Region.BOTTOM, bottom),
    ):
        labels[mask] = region
    if cut:
        _name_the_rest(labels, values, bottom, face)
    return labels


def scaled(box: Box, scale: float) -> Box:
    """The box in the pixels of a copy; never empty."""
    return Box(
        round(box.left * scale),
        round(box.top * scale),
        max(round(box.width * scale), 1),
        max(round(box.height * scale), 1),
    )


def face_oval(face: Box, landmarks: np.ndarray, wide: int, high: int) -> np.ndarray:
    """From mid-forehead to chin, ear to ear, as an ellipse turned with the eyes: bool (high, wide)."""
    right, left, nose = landmarks[2:4].mean(axis=0), landmarks[0:2].mean(axis=0), landmarks[4]
    across = left - right if left[0] > right[0] else right - left
    tilt = float(np.degrees(np.arctan2(across[1], across[0])))
    # The box is square whichever way she looks; the eyes and the nose say where in it the face is.
    centre = 0.5 * (right + left) * 0.35 + nose * 0.65
    centre = 0.6 * centre + 0.4 * np.float32([face.left + face.width / 2, face.top + 0.55 * face.height])
    mask = np.zeros((high, wide), np.uint8)
    axes = max(round(0.44 * face.width), 1), max(round(0.52 * face.height), 1)
    cv2.ellipse(mask, tuple(round(float(v)) for v in centre), axes, tilt, 0, 360, 1, -1)
    return mask > 0


def _person(alpha: np.ndarray | None, face: Box, width: int, height: int, wide: int, high: int) -> np.ndarray:
    if alpha is not None:
        return cv2.resize(alpha, (wide, high), interpolation=cv2.INTER_AREA) > 128
    mask = np.zeros((high, wide), bool)
    box = scaled(estimated_person(face, width, height), wide / width)
    mask[box.top : box.bottom, box.left : box.right] = True
    return mask


def _garments(
    values: np.ndarray, person: np.ndarray, face: Box, skin_lab: np.ndarray, cut: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Top and bottom, bool (h, w) each; empty where there is none."""
    nothing = np.zeros(person.shape, bool)

    def find(region: str, candidates: np.ndarray) -> np.ndarray:
        try:
            return garment_mask(values, candidates, face, skin_lab, region, photo="", cut=cut) & candidates
        except EngineRefused:
            return nothing

    top = find("top", person)
    # Where a long top fills the window in which trousers are looked for, they would be found to be it.
    around = cv2.dilate(top.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return top, find("bottom", person & ~around)


def _hair(
    values: np.ndarray,
    person: np.ndarray,
    cloth: np.ndarray,
    skin_like: np.ndarray,
    oval: np.ndarray,
    face: Box,
    skin_lab: np.ndarray,
) -> np.ndarray:
    """Hers, not cloth, about the head and connected to what lies over the forehead: bool (h, w)."""
    high, wide = person.shape
    y, x = np.mgrid[0:high, 0:wide]
    centre = face.left + face.width / 2
    above = (y < face.top + 0.15 * face.height) & (y > face.top - 0.7 * face.height)
    crown = person & above & (np.abs(x - centre) < 0.6 * face.width) & ~oval & ~cloth
    if crown.sum() < 12:
        return np.zeros(person.shape, bool)
    # Darker or less coloured than skin in any light of hers, or, where hair has the hue of skin, well off its lightness.
    step = np.abs(values[..., 0] - skin_lab[0])
    colours = values[crown & (~skin_like | (step > 14))]
    if len(colours) < 12:
        return np.zeros(person.shape, bool)
    middle = np.median(colours, axis=0)
    spread = max(float(np.percentile(np.linalg.norm(colours - middle, axis=1), 80)), 8.0)
    off = np.linalg.norm((values - middle) * np.float32([0.5, 1, 1]), axis=2)
    to_skin = np.linalg.norm((values - skin_lab.astype(np.float32)) * np.float32([0.5, 1, 1]), axis=2)
    like = person & ~cloth & ~oval & (off < 2.0 * spread) & (off < to_skin)
    # Gloss on hair takes the colour of the lamp: above the brows there is nothing else it could be.
    like |= crown & ~skin_like
    reach = np.hypot((x - centre) / 1.9, (y - face.top) / 1.6) < face.width
    falling = (y < face.bottom + 2.2 * face.height) & (np.abs(x - centre) < 1.6 * face.width)
    like &= reach | falling
    labels, _ = ndimage.label(like, np.ones((3, 3)))
    held = np.bincount(labels[crown], minlength=labels.max() + 1)
    held[0] = 0
    return ndimage.binary_opening(np.isin(labels, np.flatnonzero(held >= 6)), iterations=1)


def _skin(skin_like: np.ndarray, oval: np.ndarray, face: Box, hair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the face, with its eyes and lips, and of the body: bool (h, w) each."""
    y = np.arange(skin_like.shape[0])[:, None]
    x = np.arange(skin_like.shape[1])[None, :]
    centre = face.left + face.width / 2
    head = (y < face.bottom + 0.02 * face.height) & (np.abs(x - centre) < 0.75 * face.width)
    skin = ndimage.binary_opening(skin_like & ~hair, iterations=1)
    around = oval & ~hair
    labels, _ = ndimage.label((skin & head) | around, np.ones((3, 3)))
    held = np.bincount(labels[around], minlength=labels.max() + 1)
    held[0] = 0
    faces = np.isin(labels, np.flatnonzero(held > 0)) & (y > face.top - 0.6 * face.height)
    body = skin & ~faces & (y > face.top)
    labels, count = ndimage.label(body, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    # A speck in the colour of skin is a button as likely as a finger.
    return faces, np.isin(labels, np.flatnonzero(sizes >= max(0.02 * face.width * face.height, 10)))


def _name_the_rest(labels: np.ndarray, values: np.ndarray, bottom: np.ndarray, face: Box) -> None:
    """Name what is left of her, in place: thin seams after what they border on and look like, shoes as OTHER."""
    left = labels == Region.UNKNOWN
    solid = ndimage.binary_opening(left, iterations=2)
    seams = left & ~(cv2.dilate(solid.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    named = ~left & (labels != Region.BACKGROUND)
    if not named.any():
        return
    distance, (rows, columns) = ndimage.distance_transform_edt(~named, return_indices=True)
    alike = np.linalg.norm(values - values[rows, columns], axis=2) < 12
    near = seams & (distance <= 2) & alike
    labels[near] = labels[rows, columns][near]
    if not bottom.any():
        return
    # Below the hem of the trousers there is nothing but shoes.
    hem = int(np.flatnonzero(bottom.any(axis=1))[-1]) - round(0.8 * face.height)
    pieces, _ = ndimage.label(labels == Region.UNKNOWN, np.ones((3, 3)))
    for index, where in enumerate(ndimage.find_objects(pieces), 1):
        piece = pieces[where] == index
        if where[0].start >= hem and piece.sum() >= max(0.015 * face.width * face.height, 10):
            labels[where][piece] = Region.OTHER
