"""The backdrop behind a person: a smooth model of what the picture would be without her, and whether it holds.

A studio backdrop is paper and light: its CIELAB values vary slowly, so a cubic polynomial in x and y describes them.
The model is fitted only where nobody is, by iteratively reweighted least squares (Tukey's biweight), so that a stand
in the corner or the shadow on the floor doesn't bend it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..domain.twin import Box
from .skin import lab

MODEL_SIDE = 640
# The share of the picture that must be free of her for a backdrop to be known.
LEAST_FREE = 0.04
_DEGREE = 3
# Residuals in ΔE*ab on the small copy, where grain is averaged out. A seamless studio backdrop leaves 0.2 to 1.5.
_PLAIN_MEDIAN = 2.2
_PLAIN_SHARE = 0.12
_PLAIN_OUTLIER = 6.0


@dataclass(frozen=True)
class BackdropModel:
    """Polynomial coefficients per CIELAB channel over x, y in −1…1; ``noise`` is the residual's spread (ΔE*ab)."""

    coefficients: np.ndarray
    noise: float

    def lab(self, width: int, height: int) -> np.ndarray:
        """The backdrop at any size: CIELAB float32 (height, width, 3)."""
        side = max(width, height)
        scale = min(1.0, 160 / side)  # smooth, so drawn small and enlarged
        small = max(round(width * scale), 2), max(round(height * scale), 2)
        basis = _basis(*small)
        drawn = (basis @ self.coefficients).reshape(small[1], small[0], 3).astype(np.float32)
        return cv2.resize(drawn, (width, height), interpolation=cv2.INTER_CUBIC)


def fit(small_lab: np.ndarray, outside: np.ndarray) -> BackdropModel:
    """Fit the model to CIELAB (h, w, 3) where ``outside`` (bool) says that nobody is."""
    high, wide = outside.shape
    basis = _basis(wide, high)[outside.ravel()]
    values = small_lab.reshape(-1, 3)[outside.ravel()].astype(np.float64)
    step = max(1, len(values) // 8_000)
    basis, values = basis[::step], values[::step]
    weights = np.ones(len(values))
    coefficients = np.zeros((basis.shape[1], 3))
    spread = 1.0
    # High orders cost more where the fitted area doesn't span the picture: a cubic fitted above the shoulders of a
    # close-up would run wild below them.
    rows, columns = np.nonzero(outside)
    spans = min(np.ptp(rows) / high, np.ptp(columns) / wide, 1.0) if len(rows) else 0.0
    cost = np.array([0.0, 1e-6, 1e-5, 1e-4]) * (1 + 300 * max(0.9 - spans, 0.0))
    ridge = len(values) * np.diag(cost[_orders()])
    for _ in range(12):
        weighted = basis * weights[:, None]
        coefficients = np.linalg.solve(basis.T @ weighted + ridge, weighted.T @ values)
        residual = np.linalg.norm(values - basis @ coefficients, axis=1)
        spread = max(1.4826 * float(np.median(residual)), 0.15)
        weights = np.clip(1 - (residual / (4.5 * spread)) ** 2, 0, None) ** 2 + 1e-6
    return BackdropModel(coefficients, spread)


def fit_growing(small_lab: np.ndarray, outside: np.ndarray, never: np.ndarray) -> BackdropModel:
    """Fit where surely nobody is, then also on what turns out to be backdrop and is connected with it.

    In a close-up nothing but the corners is surely free; grown step by step, the fit gets round her shoulders instead
    of guessing what lies below them. ``never`` (bool) is where she surely is.
    """
    known, model = outside, fit(small_lab, outside)
    high, wide = outside.shape
    for _ in range(5):
        distance = np.linalg.norm(small_lab - model.lab(wide, high), axis=2)
        like = (distance < max(1.2, 4 * model.noise)) & ~never
        like = cv2.erode(like.astype(np.uint8), np.ones((5, 5), np.uint8))
        count, labels = cv2.connectedComponents(like)
        touched = np.zeros(count, bool)
        touched[np.unique(labels[outside])] = True
        touched[0] = False
        grown = outside | touched[labels]
        if grown.sum() <= 1.01 * known.sum():
            break
        known, model = grown, fit(small_lab, grown)
    return model


def is_plain(small_lab: np.ndarray, outside: np.ndarray, model: BackdropModel) -> bool:
    """Whether the backdrop is plain enough to cut somebody out with a clean edge.

    Plain means that outside the person the model explains the picture, but for a small share (a stand, a shadow), and
    that no fine texture is left. With under 4 % of the picture to judge by, it is not known to be plain: False.
    """
    if outside.mean() < LEAST_FREE:
        return False
    high, wide = outside.shape
    residual = np.linalg.norm(small_lab - model.lab(wide, high), axis=2)[outside]
    if np.median(residual) > _PLAIN_MEDIAN or np.mean(residual > _PLAIN_OUTLIER) > _PLAIN_SHARE:
        return False
    lightness = small_lab[..., 0].astype(np.float32)
    texture = np.abs(lightness - cv2.GaussianBlur(lightness, (0, 0), 2.0))[outside]
    return float(np.percentile(texture, 90)) < 2.0


def silhouette(face: Box, width: int, height: int) -> np.ndarray:
    """Generously, where a person with this face may be: bool (height, width). Big hair and spread elbows fit in."""
    mask = np.zeros((height, width), np.uint8)
    cx, cy = face.left + face.width / 2, face.top + face.height / 2
    cv2.ellipse(
        mask,
        (round(cx), round(cy - 0.15 * face.height)),
        (round(1.35 * face.width), round(1.45 * face.height)),
        0,
        0,
        360,
        1,
        -1,
    )
    neck = face.bottom - 0.2 * face.height
    shoulder = face.bottom + 0.6 * face.height
    points = [
        (cx - 0.9 * face.width, neck),
        (cx + 0.9 * face.width, neck),
        (cx + 2.4 * face.width, shoulder),
        (cx + 2.6 * face.width, height),
        (cx - 2.6 * face.width, height),
        (cx - 2.4 * face.width, shoulder),
    ]
    cv2.fillPoly(mask, [np.array(points).round().astype(np.int32)], 1)
    return mask > 0


def small_copy(rgb_srgb: np.ndarray) -> tuple[np.ndarray, float]:
    """A copy with at most `MODEL_SIDE` pixels a side (uint8 sRGB) and its scale."""
    scale = min(1.0, MODEL_SIDE / max(rgb_srgb.shape[:2]))
    if scale == 1:
        return np.ascontiguousarray(rgb_srgb), 1.0
    size = max(round(rgb_srgb.shape[1] * scale), 1), max(round(rgb_srgb.shape[0] * scale), 1)
    return cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA), scale


def behind(rgb_srgb: np.ndarray, alpha: np.ndarray) -> BackdropModel:
    """The model behind somebody already cut out: uint8 sRGB (h, w, 3) and her alpha (h, w)."""
    small, scale = small_copy(rgb_srgb)
    cover = cv2.resize(alpha, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)
    reach = max(round(12 * scale), 3)
    outside = cv2.dilate(cover, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) < 4
    if outside.mean() < 0.01:
        outside = cover < 128
    return fit(lab(small).astype(np.float32), outside)


def _orders() -> np.ndarray:
    return np.array([i + j for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)])


def _basis(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    x, y = (2 * x + 1) / width - 1, (2 * y + 1) / height - 1
    terms = [x**i * y**j for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    return np.stack([term.ravel() for term in terms], axis=1)
