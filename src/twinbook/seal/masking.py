"""How far a mark may move a pixel, and how far it did: what every invisible mark shares. All luma is BT.601, 0 to 255."""

from __future__ import annotations

import io
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

FLAT_LIMIT = 1.2  # levels of 255 that a flat spot may depart at most
_CLIPPED_LIMIT = 2.0  # the same at white and black, which can depart to one side only
_TEXTURE_LIMIT = 0.3  # and what it may depart more, per level of local standard deviation
_WINDOW = 250  # windows along the longer side


def luma_of(rgb_srgb: np.ndarray) -> np.ndarray:
    """As JPEG has it, of uint8 (h, w, 3): float32 (h, w), 0 to 255."""
    return cv2.transform(rgb_srgb.astype(np.float32), np.array([[0.299, 0.587, 0.114]], np.float32))


def departure_limit(luma: np.ndarray) -> np.ndarray:
    """How many levels each pixel may depart: float32 (h, w). The minimum around a pixel decides, so that a cell which
    straddles an outline doesn't spill its strength onto the flat backdrop beside it."""
    side = max(3, round(max(luma.shape) / _WINDOW) | 1)
    mean = cv2.blur(luma, (side, side))
    deviation = np.sqrt(np.maximum(cv2.blur(luma * luma, (side, side)) - mean * mean, 0))
    deviation = cv2.erode(deviation, np.ones((2 * side + 1, 2 * side + 1), np.uint8))
    limit = FLAT_LIMIT + _TEXTURE_LIMIT * cv2.blur(deviation, (side, side))
    return np.where((mean > 252) | (mean < 3), np.maximum(limit, _CLIPPED_LIMIT), limit)


def soft(residual: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """The residual, bent so that it stays within ±limit."""
    return limit * np.tanh(residual / limit)


def moved(rgb_srgb: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Every channel moved by the same number of levels, float32 (h, w), so that no colour changes: uint8 (h, w, 3).

    Fractions are dithered (ordered, by Roberts's R2 sequence): rounded, a faint pattern would become islands with
    edges, which the eye finds on a flat backdrop. What isn't moved at all stays bit for bit.
    """
    step = np.floor(levels + _dither(*levels.shape)).astype(np.int16)
    return cv2.add(rgb_srgb, cv2.merge([step, step, step]), dtype=cv2.CV_8U)


@lru_cache(maxsize=4)
def _dither(height: int, width: int) -> np.ndarray:
    rows, columns = (np.arange(side, dtype=np.float32) for side in (height, width))
    return (0.5698403 * rows[:, None] + 0.7548777 * columns[None, :]) % 1


def psnr(before: np.ndarray, after: np.ndarray) -> float:
    """Of two pictures, uint8 (h, w, 3), in dB over all channels."""
    error = cv2.norm(before, after, cv2.NORM_L2SQR) / before.size
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def jpeg_luma(rgb_srgb: np.ndarray, quality: int) -> np.ndarray:
    """What a platform's re-encoding (4:2:0) leaves of the luma: float32 (h, w)."""
    file = io.BytesIO()
    Image.fromarray(rgb_srgb).save(file, "JPEG", quality=quality, subsampling=2)
    with Image.open(file) as image:
        image.draft("L", image.size)
        return np.asarray(image.convert("L")).astype(np.float32)
