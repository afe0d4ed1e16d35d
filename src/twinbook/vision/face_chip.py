"""The face brought upright to one size, and what can be read from that: what covers it, and light from one side.

Nothing here knows faces: parts of this face are held against other parts of it. Bare skin has the colour of the bridge
of the nose and the cheeks, and an eye has structure, so that glasses, masks, a hand and hair show as what breaks that.
"""

from __future__ import annotations

import cv2
import numpy as np

from .skin import lab

_SIDE = 128
# Where in the chip the eyes' middles and the base of the nose come to lie, in shares of its side.
_EYES, _EYE_LEVEL, _NOSE_LEVEL = (0.35, 0.65), 0.34, 0.545


def _chip(rgb_srgb: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face upright: uint8 sRGB, 128 pixels a side, from above the brows to the chin."""
    right, left = landmarks[0:2].mean(axis=0), landmarks[2:4].mean(axis=0)
    source = np.float32([left, right, landmarks[4]])
    target = np.float32([[_EYES[0], _EYE_LEVEL], [_EYES[1], _EYE_LEVEL], [0.5, _NOSE_LEVEL]]) * _SIDE
    matrix = cv2.getAffineTransform(source, target)
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if scale < 0.5:
        margin = 4 * max(np.ptp(source, axis=0).max(), 4)
        first = np.maximum(source.min(axis=0) - margin, 0).astype(int)
        last = (source.max(axis=0) + margin).astype(int)
        rgb_srgb = np.ascontiguousarray(rgb_srgb[first[1] : last[1], first[0] : last[0]])
        rgb_srgb = cv2.GaussianBlur(rgb_srgb, (0, 0), 0.4 / scale)
        matrix[:, 2] += matrix[:, :2] @ first
    return cv2.warpAffine(rgb_srgb, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    region = np.zeros((_SIDE, _SIDE), np.uint8)
    centre, axes = (round(x * _SIDE), round(y * _SIDE)), (round(rx * _SIDE), round(ry * _SIDE))
    cv2.ellipse(region, centre, axes, 0, 0, 360, 1, -1)
    return region > 0


# Left and right are those of the picture.
_REGIONS = {
    "left eye": _ellipse(_EYES[0], _EYE_LEVEL, 0.07, 0.035),
    "right eye": _ellipse(_EYES[1], _EYE_LEVEL, 0.07, 0.035),
    "under left eye": _ellipse(_EYES[0] + 0.02, 0.425, 0.045, 0.025),
    "under right eye": _ellipse(_EYES[1] - 0.02, 0.425, 0.045, 0.025),
    "bridge": _ellipse(0.5, 0.39, 0.025, 0.05),
    "nose": _ellipse(0.5, 0.50, 0.035, 0.03),
    "left cheek": _ellipse(0.37, 0.53, 0.04, 0.03),
    "right cheek": _ellipse(0.63, 0.53, 0.04, 0.03),
    "forehead": _ellipse(0.5, 0.19, 0.08, 0.03),
    "mouth": _ellipse(0.5, 0.65, 0.08, 0.035),
    "left jaw": _ellipse(0.39, 0.68, 0.03, 0.04),
    "right jaw": _ellipse(0.61, 0.68, 0.03, 0.04),
    "chin": _ellipse(0.5, 0.77, 0.05, 0.03),
}
_BARE = ("bridge", "nose", "left cheek", "right cheek", "forehead", "chin", "under left eye", "under right eye")


def _figures(rgb_srgb: np.ndarray, landmarks: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Of each region: how far its colour is from this face's bare skin, its lightness relative to it, and how much
    lightness varies in it (all relative, no unit)."""
    values = lab(_chip(rgb_srgb, landmarks))
    medians = {name: np.median(values[region], axis=0) for name, region in _REGIONS.items()}
    reference = _bare_skin(np.stack([medians[name] for name in _BARE]))
    ratio = reference[1:] / max(reference[0], 1.0)
    figures = {}
    for name, region in _REGIONS.items():
        off = np.linalg.norm(medians[name][1:] / max(medians[name][0], 1.0) - ratio) / max(np.linalg.norm(ratio), 0.08)
        low, high = np.percentile(values[region][:, 0], (5, 95))
        figures[name] = float(off), float(medians[name][0] / max(reference[0], 1)), float((high - low) / reference[0])
    return figures


def _bare_skin(medians: np.ndarray) -> np.ndarray:
    """The colour in the middle of those regions that have any skin's hue; of all where none has."""
    hue = np.degrees(np.arctan2(medians[:, 2], medians[:, 1]))
    chroma = np.hypot(medians[:, 1], medians[:, 2])
    plausible = medians[(hue > 10) & (hue < 88) & (chroma > 0.1 * medians[:, 0]) & (medians[:, 0] > 8)]
    if not len(plausible):
        plausible = medians
    apart = np.linalg.norm(plausible[:, None] - plausible[None], axis=-1)
    return plausible[int(np.argmin(np.median(apart, axis=1)))]


def face_shade(rgb_srgb: np.ndarray, landmarks: np.ndarray) -> float:
    """By how much L* of the one cheek is darker than that of the other."""
    values = lab(_chip(rgb_srgb, landmarks))[..., 0]
    sides = [np.median(values[_REGIONS[f"{side} cheek"] | _REGIONS[f"under {side} eye"]]) for side in ("left", "right")]
    return float(abs(sides[0] - sides[1]))


# An eye varies by 0.6 of the skin's lightness and more, lips by 0.4 (their dark line); a hand, dark glass, cloth or
# a lock of hair before them by less than these.
_EYE_STRUCTURE, _MOUTH_STRUCTURE, _NOSE_STRUCTURE = 0.30, 0.22, 0.10
# Skin below an eye is nearly as light as skin elsewhere in the face. Hair and dark glass aren't.
_UNDER_EYE = 0.5


def covered_parts(rgb_srgb: np.ndarray, landmarks: np.ndarray, yaw: float) -> tuple[str, ...]:
    """What of a face is covered: ``the eyes``, ``an eye``, ``the mouth``, ``nose and mouth``; empty when nothing is.

    On a turned head (``yaw`` in degrees) what lies before the far eye isn't judged by its lightness: it may be backdrop.
    A patterned mask and clear spectacles aren't noticed.
    """
    figures = _figures(rgb_srgb, landmarks)
    far = "right" if yaw > 15 else "left" if yaw < -15 else ""
    hidden = [
        side
        for side in ("left", "right")
        if figures[f"{side} eye"][2] < _EYE_STRUCTURE
        or (side != far and figures[f"under {side} eye"][1] < _UNDER_EYE and figures[f"{side} eye"][1] < _UNDER_EYE)
    ]
    parts = []
    if hidden:
        parts.append("the eyes" if len(hidden) == 2 else "an eye")
    if figures["mouth"][2] < _MOUTH_STRUCTURE:
        parts.append("nose and mouth" if figures["nose"][2] < _NOSE_STRUCTURE else "the mouth")
    return tuple(parts)
