"""A photograph of a screen or of a print: the regular grid that lies over all of it.

A screen's pixels, a print's dots and the moiré between them and the camera's own pixels are waves of one direction and
length over the whole picture: over skin and backdrop, where a photograph of a person has none. Knitwear and stripes are
regular as well, but only where the garment is; blocks of JPEG lie exactly along both axes and are weak.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from ..domain.twin import Box

_PATCH = 128
# Frequencies in cycles a pixel that are looked at: below, folds and light are regular enough.
_LOWEST, _HIGHEST = 0.055, 0.5
# A wave counts in a patch from this many times the power around it, and in the picture when as many patches share it.
_PEAK = 40.0
_SHARE = 0.5


def grid_strength(rgb_srgb: np.ndarray, face: Box) -> float:
    """How regular a grid lies over the picture, from 0 to 2: photographs of people read 0 to 0.2, of screens 1.1 to 2.

    Patches of 128 pixels lie over the face and evenly over the picture, at its own size. The share of them in which one
    and the same wave stands out, relative to half of them, is the answer; without it in the face there is none.
    """
    on_face, elsewhere = _patches(rgb_srgb, face)
    if not on_face:
        return 0.0
    peaks_face = [peak for patch in on_face for peak in _peaks(patch)]
    if not peaks_face:
        return 0.0
    peaks = [_peaks(patch) for patch in elsewhere]
    best = 0.0
    for wave in peaks_face:
        shared = sum(any(_same(wave, other) for other in found) for found in peaks)
        best = max(best, shared / max(len(peaks), 1))
    return best / _SHARE


def _patches(rgb_srgb: np.ndarray, face: Box) -> tuple[list[np.ndarray], list[np.ndarray]]:
    high, wide = rgb_srgb.shape[:2]
    if min(high, wide) < _PATCH:
        return [], []

    def cut(x: float, y: float) -> np.ndarray:
        left = int(min(max(x - _PATCH / 2, 0), wide - _PATCH))
        top = int(min(max(y - _PATCH / 2, 0), high - _PATCH))
        return rgb_srgb[top : top + _PATCH, left : left + _PATCH]

    cx, cy = face.left + face.width / 2, face.top + face.height / 2
    on_face = [cut(cx + dx * face.width, cy + dy * face.height) for dx, dy in ((-0.2, 0.15), (0.2, 0.15), (0, -0.25))]
    elsewhere = [cut(wide * (i + 0.5) / 4, high * (j + 0.5) / 5) for i in range(4) for j in range(5)]
    return on_face, elsewhere


def _peaks(patch: np.ndarray) -> list[tuple[float, float]]:
    """The waves that stand out in a patch (cycles a pixel, x and y), the strongest six at most."""
    values = patch.astype(np.float32)
    # Lightness, and red against blue: a screen's stripes of one colour each cancel out in lightness when they blur.
    channels = (values @ np.float32([0.3, 0.6, 0.1]), values[..., 0] - values[..., 2])
    found: list[tuple[float, float, float]] = []
    for channel in channels:
        if channel.std() < 0.3:
            continue
        power = np.abs(np.fft.rfft2((channel - channel.mean()) * _window())) ** 2
        power = np.fft.fftshift(power, axes=0).astype(np.float32)
        # The usual power at a frequency falls with it; edges make streaks: compare with the median around.
        around = cv2.medianBlur(np.log(power + 1e-3), 5)
        around = cv2.blur(around, (9, 9))
        excess = np.log(power + 1e-3) - around
        excess[~_looked_at()] = -9
        top = cv2.dilate(excess, np.ones((5, 5), np.uint8))
        rows, columns = np.nonzero((excess == top) & (excess > np.log(_PEAK)))
        strength = power[rows, columns]
        loud = strength > 40.0 * _PATCH  # quieter ones nobody could see, and rounding makes
        found += [
            (float(s), c / _PATCH, (r - _PATCH // 2) / _PATCH)
            for r, c, s, keep in zip(rows.tolist(), columns.tolist(), strength, loud, strict=True)
            if keep
        ]
    return [(x, y) for _, x, y in sorted(found, reverse=True)[:6]]


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """The same wave, but for what perspective does to it within a picture."""
    apart = min(np.hypot(one[0] - other[0], one[1] - other[1]), np.hypot(one[0] + other[0], one[1] + other[1]))
    return bool(apart < 0.012 + 0.08 * np.hypot(*one))


@cache
def _window() -> np.ndarray:
    side = np.hanning(_PATCH).astype(np.float32)
    return np.outer(side, side)


@cache
def _looked_at() -> np.ndarray:
    x = np.fft.rfftfreq(_PATCH)[None, :]
    y = np.fft.fftshift(np.fft.fftfreq(_PATCH))[:, None]
    size = np.hypot(x, y)
    wanted = (size > _LOWEST) & (size <= _HIGHEST)
    # Blocks of JPEG: multiples of an eighth exactly along an axis, at the picture's own size.
    eighth = np.abs(np.abs(x) * 8 - np.round(np.abs(x) * 8)) < 0.1
    blocks = (np.abs(y) < 1.5 / _PATCH) & eighth
    eighth = np.abs(np.abs(y) * 8 - np.round(np.abs(y) * 8)) < 0.1
    return wanted & ~blocks & ~((np.abs(x) < 1.5 / _PATCH) & eighth)
