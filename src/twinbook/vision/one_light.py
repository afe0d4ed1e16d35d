"""By how much the light on her changed between a plate and the picture that was made from it, and taking that out."""

from __future__ import annotations

import numpy as np

from .skin import to_linear, to_srgb


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
