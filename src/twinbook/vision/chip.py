"""Her face in a picture against her face on the plate, close up: other features, and features moved or resized.

Both faces are cut out upright at one size, laid on each other by the whole head, and brought to one tone and one
sharpness. What remains is compared in cells after the skin's own shift of light and colour is taken out (that is
measured elsewhere). Eyes, nose, mouth and jaw are then laid on each other one by one (Lucas and Kanade 1981).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ..domain.fidelity import Measurement
from ..domain.twin import Box
from ..ports import Plate
from .parts import features
from .registration import Registration, normalised, polished

SIDE = 176  # of the chip
_REACH = 1.3  # of the face's width that it shows
_CELL = 8
_LIGHTNESS = 2.2  # ΔL* of a cell that shows another feature
_COLOUR = 4.0  # and Δa*b*
_LEAST_WIDTH = 40.0  # pixels of the face in the picture


@dataclass(frozen=True)
class Faces:
    """Both faces in one frame: CIELAB float32 (SIDE, SIDE, 3), ``then`` already in the picture's tone; ``face`` where
    both show it, bool; landmarks and box on the chip; ``blur`` is the common blur (σ, pixels)."""

    then: np.ndarray
    now: np.ndarray
    face: np.ndarray
    landmarks: np.ndarray
    box: Box
    blur: float


def compared_faces(
    picture_srgb: np.ndarray,
    plate: Plate,
    registration: Registration,
    tone: Callable[[np.ndarray], np.ndarray],
) -> list[Measurement]:
    """``face.departure`` (share of the face's cells that show something else) and ``face.geometry`` (the largest change
    of size or place of eyes, nose, mouth or jaw against the head, in percent)."""
    names = ("face.departure", "face.geometry")
    width = plate.facts.face.width / np.sqrt(abs(np.linalg.det(registration.matrix[:2, :2])))
    if width < _LEAST_WIDTH:
        note = f"the face is {width:.0f} pixels wide in the picture; {_LEAST_WIDTH:.0f} is the least"
        return [Measurement(name, None, note) for name in names]
    faces = aligned_faces(picture_srgb, plate, registration, tone)
    if faces is None:
        return [Measurement(name, None, "her face isn't in the picture as a whole") for name in names]
    share, where = _departed(faces)
    changes = geometry(faces)
    what, worst = max(changes.items(), key=lambda item: abs(item[1]))
    return [
        Measurement(names[0], share, f"most about the {where}" if where else ""),
        Measurement(names[1], worst, f"{what}: {worst:+.1f} % against the head"),
    ]


def aligned_faces(
    picture_srgb: np.ndarray, plate: Plate, registration: Registration, tone: Callable[[np.ndarray], np.ndarray]
) -> Faces | None:
    """None when less than most of the face is in the picture."""
    face = plate.facts.face
    size = SIDE / (_REACH * face.width)
    centre = np.array([face.left + face.width / 2, face.top + face.height / 2])
    to_chip = np.array([[size, 0, SIDE / 2 - size * centre[0]], [0, size, SIDE / 2 - size * centre[1]], [0, 0, 1.0]])
    then = _cut(plate.rgb_srgb, to_chip)
    hers = np.ones((SIDE, SIDE), bool)
    if plate.alpha is not None:
        hers = cv2.warpAffine(plate.alpha, to_chip[:2], (SIDE, SIDE), flags=cv2.INTER_LINEAR) > 250
    whole = np.full(picture_srgb.shape[:2], 255, np.uint8)
    valid = cv2.warpAffine(whole, (to_chip @ registration.matrix)[:2], (SIDE, SIDE), flags=cv2.INTER_NEAREST) > 0
    box = Box(
        *(
            round(v)
            for v in (*(size * (np.array([face.left, face.top]) - centre) + SIDE / 2), *([size * face.width] * 2))
        )
    )
    points = plate.landmarks * size + to_chip[:2, 2]
    oval = features(points, box, (SIDE, SIDE))[2] & hers
    if not oval.any() or (oval & valid).sum() < 0.9 * oval.sum():
        return None
    now = _cut(picture_srgb, to_chip @ registration.matrix)
    structure = normalised(then, hers, 8.0)
    correction = polished(structure, normalised(now, hers, 8.0), hers & valid, np.eye(2, 3))
    if np.abs(correction - np.eye(2, 3)).max() < 4:  # chip pixels
        moved = np.linalg.inv(np.vstack([correction, [0, 0, 1]]))
        now = _cut(picture_srgb, moved @ to_chip @ registration.matrix)
    per_pixel = size * np.sqrt(abs(np.linalg.det(registration.matrix[:2, :2])))  # chip pixels per picture pixel
    blur = max(1.2, 0.8 * float(per_pixel))
    coded = [cv2.GaussianBlur(one.astype(np.float32) / 255, (0, 0), blur) for one in (then, now)]
    labs = cv2.cvtColor(tone(coded[0]), cv2.COLOR_RGB2LAB), cv2.cvtColor(coded[1], cv2.COLOR_RGB2LAB)
    return Faces(*labs, oval & valid, points.astype(np.float32), box, blur)


def _cut(rgb_srgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The picture through ``matrix`` (3, 3) into the chip, averaged first where it is shrunk."""
    size = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if size < 0.7:
        back = np.linalg.inv(matrix)
        corners = back[:2, :2] @ np.array([[0, SIDE, 0, SIDE], [0, 0, SIDE, SIDE]]) + back[:2, 2:]
        low = np.maximum(np.floor(corners.min(axis=1)).astype(int) - 8, 0)
        high = np.ceil(corners.max(axis=1)).astype(int) + 8
        rgb_srgb = cv2.GaussianBlur(rgb_srgb[low[1] : high[1], low[0] : high[0]], (0, 0), 0.35 / size)
        matrix = matrix @ np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
    return cv2.warpAffine(rgb_srgb, matrix[:2], (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


# --- other features -----------------------------------------------------------------------------------------------


def unexplained(faces: Faces) -> np.ndarray:
    """Found minus expected without what a change of the skin's light and colour explains: a plane over the face and a
    line over lightness, fitted robustly; CIELAB float32 (SIDE, SIDE, 3), 0 outside the face."""
    y, x = np.nonzero(faces.face)
    lightness = faces.then[..., 0][y, x].astype(np.float64)
    design = np.column_stack(
        [np.ones(len(x)), (x - SIDE / 2) / SIDE, (y - SIDE / 2) / SIDE, (lightness - lightness.mean()) / 30]
    )
    off = (faces.now - faces.then)[y, x].astype(np.float64)
    out = np.zeros_like(faces.now)
    for channel in range(3):
        target, weight = off[:, channel], np.ones(len(x))
        left = target
        for _ in range(8):
            p = np.linalg.solve(design.T @ (design * weight[:, None]) + 1e-6 * np.eye(4), design.T @ (weight * target))
            left = target - design @ p
            spread = 4.685 * max(1.4826 * float(np.median(np.abs(left))), 0.4)
            weight = np.square(np.maximum(1 - np.square(left / spread), 0))
        out[y, x, channel] = left
    return out


def _departed(faces: Faces) -> tuple[float, str]:
    left = unexplained(faces)
    cells = SIDE // _CELL
    shape = (cells, _CELL, cells, _CELL)
    count = faces.face.astype(np.float32).reshape(shape).sum(axis=(1, 3))
    mean = left.reshape(*shape, 3).sum(axis=(1, 3)) / np.maximum(count, 1)[..., None]
    judged = count > 0.6 * _CELL * _CELL
    beyond = (np.abs(mean[..., 0]) > _LIGHTNESS) | (np.linalg.norm(mean[..., 1:], axis=-1) > _COLOUR)
    beyond &= judged
    if not beyond.any():
        return 0.0, ""
    rows = np.nonzero(beyond)[0].mean() * _CELL
    eyes, nose = faces.landmarks[:4, 1].mean(), faces.landmarks[4, 1]
    where = "eyes" if rows < (eyes + nose) / 2 else "nose" if rows < nose + 0.15 * (nose - eyes) else "mouth"
    return float(beyond.sum() / judged.sum()), where


# --- moved features -----------------------------------------------------------------------------------------------


def geometry(faces: Faces) -> dict[str, float]:
    """By how many percent features are larger, or have moved in percent of the distance from eye to eye."""
    points, width = faces.landmarks, faces.box.width
    right, left = points[2:4].mean(axis=0), points[0:2].mean(axis=0)
    between = max(float(np.linalg.norm(left - right)), 0.38 * width)
    middle = (left + right) / 2
    mouth = points[4] + 0.45 * (points[4] - middle)
    changes: dict[str, float] = {}
    sizes = []
    for name, ends in (("eye on the left", points[2:4]), ("eye on the right", points[0:2])):
        reach = max(float(np.linalg.norm(ends[0] - ends[1])), 0.12 * width)
        tx, ty, sx, sy = _change(faces, ends.mean(axis=0), 0.62 * reach, 0.5 * reach)
        sizes.append((sx + sy) / 2 * 100)
        changes[f"{name} moved"] = float(np.hypot(tx, ty)) / between * 100
    changes["eyes' size"] = float(np.mean(sizes))
    tx, ty, sx, sy = _change(faces, points[4] - 0.1 * (points[4] - middle), 0.14 * width, 0.12 * width)
    changes["nose moved"] = float(np.hypot(tx, ty)) / between * 100
    tx, ty, sx, sy = _change(faces, mouth, 0.16 * width, 0.09 * width)
    changes["mouth moved"] = float(np.hypot(tx, ty)) / between * 100
    changes["mouth's width"] = sx * 100
    tx, ty, sx, sy = _change(faces, mouth, 0.30 * width, 0.16 * width)
    changes["jaw's width"] = sx * 100
    return changes


def _change(faces: Faces, centre: np.ndarray, rx: float, ry: float) -> tuple[float, float, float, float]:
    """Shift (chip pixels) and growth (share) across and down of what lies about ``centre``, under a Gaussian window
    of these half-widths; light may differ by a gain and an offset."""
    then, now = faces.then[..., 0], faces.now[..., 0]
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    x, y = x - centre[0], y - centre[1]
    window = np.exp(-0.5 * (np.square(x / rx) + np.square(y / ry))) * faces.face
    picked = window > 0.05
    if picked.sum() < 40:
        return 0.0, 0.0, 0.0, 0.0
    gx, gy = (cv2.Scharr(then, cv2.CV_32F, dx, 1 - dx)[picked] / 32 for dx in (1, 0))
    x, y, w, values = x[picked], y[picked], window[picked].astype(np.float64), then[picked]
    slopes = np.stack([gx, gy, gx * x, gy * y, values - values.mean(), np.ones_like(values)], axis=1).astype(np.float64)
    shrinkage = np.diag([0.02, 0.02, 0.02 * rx * rx, 0.02 * ry * ry, 0, 0]) * w.sum()
    p = np.zeros(4)
    for _ in range(8):
        at_x = (centre[0] + p[0] + x * (1 + p[2])).astype(np.float32)
        at_y = (centre[1] + p[1] + y * (1 + p[3])).astype(np.float32)
        seen = cv2.remap(now, at_x[None], at_y[None], cv2.INTER_LINEAR)[0]
        off = (seen - values).astype(np.float64)
        normal = slopes.T @ (slopes * w[:, None]) + shrinkage + 1e-6 * np.eye(6)
        step = np.linalg.solve(normal, slopes.T @ (w * off))
        p = p - step[:4]
    limit = np.array([rx, ry, 0.5, 0.5])
    return tuple(float(v) for v in np.clip(p, -limit, limit))
