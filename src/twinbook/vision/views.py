"""What a photograph shows of a person: how her head is turned, how much of her is in the picture, whether hands are.

Profiles are found by OpenCV's ``haarcascade_profileface`` (David Bradley, Princeton University; Intel License Agreement
for Open Source Computer Vision Library, a 3-clause BSD licence), which ships inside opencv-python-headless.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ..domain.twin import Box, Framing
from .skin import lab

# How far the base of the nose stands before the plane of the outer eye corners, in distances between the eyes, and how
# far it lies below them. Fitted to the demo's photographs and to drawn heads whose angles are known (tests/heads): yaw is
# right to 6 degrees up to 30 and to 9 at 40. Pitch says up or down, and by how much only to 15 degrees: noses differ in
# length, and five points follow a nod half-heartedly.
_DEPTH, _DROP = 0.52, 0.70
# Weight of the cascade's last stage. Profiles reach 0.7 to 3.6; folds and feet up to 1.4, which is why skin is asked for.
_PROFILE_WEIGHT = 0.5
_PROFILE_SIDE = 640
_LOCK = threading.Lock()


def head_angles(landmarks: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll of a head in degrees, from dlib's five points.

    Yaw is positive towards the right of the picture, pitch up, roll clockwise. A head tilted far up or down looks
    less turned than it is.
    """
    right, left = landmarks[0:2].mean(axis=0), landmarks[2:4].mean(axis=0)  # of the picture
    across = right - left
    apart = max(float(np.linalg.norm(across)), 1e-6)
    across = across / apart
    down = np.array([-across[1], across[0]])
    nose = (landmarks[4] - (right + left) / 2) / apart
    roll = float(np.degrees(np.arctan2(across[1], across[0])))
    sideways = float(nose @ across)
    yaw = float(np.degrees(np.arctan2(sideways, _DEPTH)))
    # Turning brings the eyes together and the nose with it seems longer: measure its drop against the true distance.
    narrowed = np.cos(np.radians(np.clip(yaw, -55, 55)))
    drop = float(nose @ down) * narrowed
    length = np.hypot(_DROP, _DEPTH)
    pitch = float(np.degrees(np.arccos(np.clip(drop / length, -1, 1)) - np.arctan2(_DEPTH, _DROP)))
    return yaw, pitch, roll


@dataclass(frozen=True)
class Profile:
    """A head seen from the side: ``box`` in pixels, ``left`` when it looks to the left of the picture."""

    box: Box
    left: bool
    weight: float


def find_profile(rgb_srgb: np.ndarray) -> Profile | None:
    """The head in profile, in a picture where no frontal face was found; None when there is none with skin in it."""
    scale = min(1.0, _PROFILE_SIDE / max(rgb_srgb.shape[:2]))
    size = max(round(rgb_srgb.shape[1] * scale), 1), max(round(rgb_srgb.shape[0] * scale), 1)
    small = cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb_srgb
    grey = cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2GRAY)
    found = []
    with _LOCK:
        for left in (True, False):
            looked = grey if left else np.ascontiguousarray(grey[:, ::-1])
            boxes, _, weights = _cascade().detectMultiScale3(looked, 1.05, 3, minSize=(28, 28), outputRejectLevels=True)
            for (x, y, wide, high), weight in zip(boxes, weights, strict=True):
                x = x if left else size[0] - x - wide
                if float(weight) >= _PROFILE_WEIGHT and _skin_share(small[y : y + high, x : x + wide]) >= 0.25:
                    box = Box(*(round(int(v) / scale) for v in (x, y, wide, high)))
                    found.append(Profile(box.clipped(rgb_srgb.shape[1], rgb_srgb.shape[0]), left, float(weight)))
    return max(found, key=lambda profile: profile.weight * profile.box.width, default=None)


@cache
def _cascade() -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_profileface.xml"))


def _skin_share(rgb_srgb: np.ndarray) -> float:
    """Share of pixels of any human skin colour: hue between red and yellow, and some of it, at whatever lightness."""
    values = lab(rgb_srgb)
    hue = np.degrees(np.arctan2(values[..., 2], values[..., 1]))
    chroma = np.hypot(values[..., 1], values[..., 2])
    return float(np.mean((hue > 15) & (hue < 85) & (chroma > 0.12 * values[..., 0]) & (values[..., 0] > 8)))


# --- how much of her ---------------------------------------------------------------------------------------------


def framing(face: Box, width: int, height: int, person: np.ndarray | None) -> Framing:
    """How much of her a picture of this size shows; ``person`` is her outline at any size (bool), None if unknown.

    A detected face is 0.7 of a head high and a figure 7 to 8 heads, so that feet are some 9 faces below the chin. With
    an outline she must also end before the picture does.
    """
    room = (height - face.bottom) / face.height
    if person is not None:
        rows = np.flatnonzero(person.any(axis=1))
        scale = height / person.shape[0]
        ends = bool(len(rows)) and rows[-1] < person.shape[0] - max(2, 0.006 * person.shape[0])
        reach = (rows[-1] + 1) * scale - face.bottom if len(rows) else 0.0
        if ends and reach > 6.5 * face.height:
            return Framing.FULL
        room = min(room, 8.0)
    elif room > 9.2:
        return Framing.FULL
    return Framing.HALF if room > 2.6 else Framing.HEAD


def skin_like(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where CIELAB ``values`` (..., 3) may be skin of the colour ``reference`` (3,), in more or less light: bool.

    a*/L* and b*/L* hardly change with shading."""
    ratio = values[..., 1:] / np.maximum(values[..., :1], 1)
    wanted = reference[1:] / max(float(reference[0]), 1.0)
    near = np.linalg.norm(ratio - wanted, axis=-1) < 0.24 * np.linalg.norm(wanted) + 0.03
    return near & (values[..., 0] > 0.4 * reference[0]) & (values[..., 0] < 1.25 * reference[0] + 8)


def hands_seen(rgb_srgb: np.ndarray, face: Box, skin_lab: np.ndarray, person: np.ndarray | None) -> int:
    """How many hands surely show (0 to 2): bare skin of an arm's shape that ends, inside the picture and at least a
    face's height below the chin, in something of a hand's size. Gloves, pockets and hands before skin aren't seen."""
    if person is None:
        return 0
    high, wide = person.shape
    scale = high / rgb_srgb.shape[0]
    small = cv2.resize(rgb_srgb, (wide, high), interpolation=cv2.INTER_AREA)
    unit = face.height * scale  # a hand is about as long as the detected face is high, and half as wide
    bare = skin_like(lab(small), skin_lab) & person
    bare[: round((face.bottom + 0.4 * face.height) * scale)] = False
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bare.astype(np.uint8))
    seen = 0
    for index in range(1, count):
        left, top, width, height, area = stats[index]
        bottom = top + height
        if not 0.25 * unit**2 < area < 5 * unit**2 or height < 0.8 * unit or width > 2.2 * unit:
            continue
        if bottom > high - 0.35 * unit or bottom < (face.bottom + 1.2 * face.height) * scale:
            continue
        if left <= 1 or left + width >= wide - 1:
            continue
        end = labels[max(round(bottom - 0.9 * unit), top) : bottom, left : left + width] == index
        if 0.12 * unit**2 < end.sum() < 1.1 * unit**2:
            seen += 1
    return min(seen, 2)


def body_skin(rgb_srgb: np.ndarray, face: Box, skin_lab: np.ndarray, alpha: np.ndarray | None) -> np.ndarray | None:
    """Median CIELAB (float64, (3,)) of lit skin below the chin; None where too little shows or nobody is cut out."""
    if alpha is None:
        return None
    scale = min(1.0, 640 / max(rgb_srgb.shape[:2]))
    size = max(round(rgb_srgb.shape[1] * scale), 1), max(round(rgb_srgb.shape[0] * scale), 1)
    small = cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA)
    inside = cv2.erode(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.ones((3, 3), np.uint8)) > 250
    inside[: round((face.bottom + 0.25 * face.height) * scale)] = False
    values = lab(small)
    bare = (inside & skin_like(values, skin_lab)).astype(np.uint8)
    # Arms and necks are of a certain size; trousers of her skin's colour are larger.
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bare)
    fits = stats[:, cv2.CC_STAT_AREA] < 5 * (face.height * scale) ** 2
    fits[0] = False
    values = values[fits[labels]]
    if len(values) < max(60, 0.05 * (face.width * scale) ** 2):
        return None
    low, high = np.percentile(values[:, 0], (50, 95))
    return np.median(values[(values[:, 0] >= low) & (values[:, 0] <= high)], axis=0)


def profile_skin(rgb_srgb: np.ndarray, profile: Profile) -> np.ndarray:
    """Median CIELAB (float64, (3,)) of lit skin in a profile: what has skin's hue in the half that looks ahead."""
    box = profile.box
    half = box.width // 2
    left = box.left + (half // 3 if profile.left else box.width - half - half // 3)
    top, bottom = box.top + round(0.3 * box.height), box.top + round(0.75 * box.height)
    values = lab(rgb_srgb[top:bottom, left : left + half]).reshape(-1, 3)
    hue = np.degrees(np.arctan2(values[:, 2], values[:, 1]))
    skin = values[(hue > 15) & (hue < 85) & (np.hypot(values[:, 1], values[:, 2]) > 0.12 * values[:, 0])]
    if not len(skin):
        return np.zeros(3)
    low, high = np.percentile(skin[:, 0], (45, 93))
    return np.median(skin[(skin[:, 0] >= low) & (skin[:, 0] <= high)], axis=0)
