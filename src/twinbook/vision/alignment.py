"""The same photograph again: where each pixel of a plate went in a picture made from it, and how the light on it changed.

SIFT on her (the scene behind her may be another one), a similarity by MAGSAC, then the correlation of what lies under:
two frames of one sitting match in places, but don't correlate.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .registration import Registration
from .skin import to_linear, to_srgb

_MIN_INLIERS = 12
# Correlation of lightness details on her, after alignment: copies read .9 and more, other frames under .5.
SAME_FRAME = 0.7


@dataclass(frozen=True)
class Alignment:
    """``matrix`` (float64 (2, 3)) takes pixels of the plate to pixels of the picture; ``scale`` is its enlargement."""

    matrix: np.ndarray
    inliers: int
    correlation: float

    @property
    def scale(self) -> float:
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))


def register(plate_srgb: np.ndarray, where: np.ndarray, rgb_srgb: np.ndarray) -> Alignment | None:
    """Find the plate, uint8 sRGB (h, w, 3), in a picture of any size; None when it isn't in it.

    ``where`` (bool (h, w)) is what of the plate to look for: her. Give small copies of both; they needn't have the same
    scale. A mirrored plate is not found.
    """
    sift = cv2.SIFT_create(1200, contrastThreshold=0.015)
    grey = [cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY) for rgb in (plate_srgb, rgb_srgb)]
    mask = cv2.dilate(np.asarray(where, np.uint8), np.ones((5, 5), np.uint8))
    points, descriptors = sift.detectAndCompute(grey[0], mask)
    others, found = sift.detectAndCompute(grey[1], None)
    if descriptors is None or found is None or len(points) < _MIN_INLIERS or len(others) < 2:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(descriptors, found, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.8 * pair[1].distance]
    if len(good) < _MIN_INLIERS:
        return None
    source = np.float32([points[m.queryIdx].pt for m in good])
    target = np.float32([others[m.trainIdx].pt for m in good])
    cv2.setRNGSeed(23)
    matrix, inliers = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=2.5, maxIters=3000, confidence=0.999
    )
    if matrix is None or int(inliers.sum()) < _MIN_INLIERS:
        return None
    aligned, inside = brought_back(grey[1], matrix, plate_srgb.shape[:2])
    return Alignment(matrix, int(inliers.sum()), _correlation(grey[0], aligned, inside & np.asarray(where, bool)))


def from_registration(laid: Registration, plate_scale: float, picture_scale: float) -> Alignment:
    """What is known of the full-size pictures, for copies at these scales: nothing is searched again."""
    to_picture = np.linalg.inv(laid.matrix)
    small = np.diag([picture_scale, picture_scale, 1.0]) @ to_picture @ np.diag([1 / plate_scale, 1 / plate_scale, 1.0])
    return Alignment(small[:2], laid.inliers or 0, laid.likeness)


def brought_back(pixels: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The picture in the plate's frame, (h, w) or (h, w, 3), and where it has anything to say: bool (h, w)."""
    high, wide = pixels.shape[:2]
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale > 1.3:  # warping samples single pixels: averaged first, or noise and weave alias
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.35 * scale)
    size = shape[1], shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    aligned = cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(
        np.ones((high, wide), np.uint8), matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    return aligned, inside > 0


def light_field(aligned_srgb: np.ndarray, plate_srgb: np.ndarray, where: np.ndarray) -> np.ndarray | None:
    """By how much each channel's light on her was multiplied, float32 (h, w, 3); None with too little to tell by.

    Fitted on ``where`` (bool (h, w)): what nobody altered. In logarithms, a plane over the picture (another lamp) and a
    slope over the plate's own lightness (another tone curve), by least squares that outliers don't bend.
    """
    usable = where & (plate_srgb.min(axis=2) > 6) & (plate_srgb.max(axis=2) < 250) & (aligned_srgb.max(axis=2) < 250)
    usable &= aligned_srgb.min(axis=2) > 3
    rows, columns = np.nonzero(usable)
    if len(rows) < 200:
        return None
    step = max(1, len(rows) // 12_000)
    rows, columns = rows[::step], columns[::step]
    high, wide = where.shape
    before = np.log(to_linear(plate_srgb) + 2e-3)
    after = np.log(to_linear(aligned_srgb) + 2e-3)
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    side = max(high, wide)
    field = np.empty((high, wide, 3), np.float32)
    for channel in range(3):
        tone = before[..., channel]
        terms = np.stack(
            [np.ones_like(x), x / side - 0.5, y / side - 0.5, tone - np.median(tone[rows, columns])], axis=2
        )
        basis = terms[rows, columns].astype(np.float64)
        # Slopes that what is left of her doesn't fix are left at nothing.
        ridge = len(rows) * np.diag([0, 1e-3, 1e-3, 4e-3])
        change = (after - before)[rows, columns, channel].astype(np.float64)
        weights, answer = np.ones(len(change)), np.zeros(4)
        for _ in range(8):
            weighted = basis * weights[:, None]
            answer = np.linalg.solve(basis.T @ weighted + ridge, weighted.T @ change)
            off = np.abs(change - basis @ answer)
            spread = max(1.4826 * float(np.median(off)), 0.01)
            weights = np.clip(1 - (off / (4.5 * spread)) ** 2, 0, None) ** 2 + 1e-6
        field[..., channel] = np.exp(np.clip(terms @ answer, -2.5, 2.5))
    return field


def under_one_light(aligned_srgb: np.ndarray, field: np.ndarray) -> np.ndarray:
    """The picture as it would look in the plate's light: uint8 sRGB (h, w, 3)."""
    return to_srgb(to_linear(aligned_srgb) / np.maximum(field, 1e-3))


def _correlation(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    """Of what is left when the light's slow changes are taken out."""
    if where.sum() < 400:
        return 0.0
    weight = where.astype(np.float32)
    total = np.maximum(cv2.GaussianBlur(weight, (0, 0), 8), 1e-3)
    pair = []
    for grey in (one, other):
        value = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.2)
        value = value - cv2.GaussianBlur(value * weight, (0, 0), 8) / total
        pair.append(value[where] - value[where].mean())
    size = float(np.linalg.norm(pair[0]) * np.linalg.norm(pair[1]))
    return float((pair[0] * pair[1]).sum() / max(size, 1e-6))
