"""From the photograph of a swatch to a tile that repeats: flattened, evenly lit, cut to its repeat.

What repeats is found by autocorrelation; a swatch without a repeat in it is mirrored at its edges instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import fft

from ...vision.skin import to_linear

_MOST = 1024  # pixels along the longer side of a swatch that are looked at
_ALIKE = 0.5  # autocorrelation of a lag that counts as a repeat, against the one at its worst between
_LEAST_LAG = 0.04


@dataclass(frozen=True, eq=False)
class Tile:
    """One repeat, linear light float32 (h, w, 3); ``width_cm`` and ``height_cm`` are its size on her. ``mirrored`` where no
    repeat was found."""

    rgb_linear: np.ndarray
    width_cm: float
    height_cm: float
    mirrored: bool = False


def striped(colours: list[np.ndarray], repeat_cm: float) -> Tile:
    """Level stripes of equal width, ``repeat_cm`` for all of them together; colours are linear (3,)."""
    each = max(256 // len(colours), 16)
    column = np.repeat(np.stack(colours), each, axis=0)[:, None].astype(np.float32)
    return Tile(np.repeat(column, 8, axis=1), repeat_cm * 8 / len(column), repeat_cm)


def tile_of(swatch_srgb: np.ndarray, width_cm: float) -> Tile:
    """A tile from a swatch, uint8 sRGB (h, w, 3 or 4), that shows ``width_cm`` of cloth from left to right."""
    cloth = _rectified(np.ascontiguousarray(swatch_srgb[..., :3]))
    shrink = min(1.0, _MOST / max(cloth.shape[:2]))
    if shrink < 1:
        size = max(round(cloth.shape[1] * shrink), 8), max(round(cloth.shape[0] * shrink), 8)
        cloth = cv2.resize(cloth, size, interpolation=cv2.INTER_AREA)
    linear = _evenly_lit(to_linear(cloth))
    per_pixel = width_cm / cloth.shape[1]
    across, down = repeat_of(linear)
    mirrored = across is None or down is None
    linear = _closed(linear, across, axis=1) if across else np.concatenate([linear, linear[:, ::-1]], axis=1)
    linear = _closed(linear, down, axis=0) if down else np.concatenate([linear, linear[::-1]], axis=0)
    return Tile(np.ascontiguousarray(linear), linear.shape[1] * per_pixel, linear.shape[0] * per_pixel, mirrored)


def repeat_of(rgb_linear: np.ndarray) -> tuple[int | None, int | None]:
    """How many pixels one repeat takes across and down; None where there is none in the picture at least twice."""
    values = np.sqrt(np.clip(rgb_linear, 0, None))
    values = values - values.mean(axis=(0, 1))
    high, wide = values.shape[:2]
    size = 2 * high, 2 * wide
    rows, columns = round(0.55 * high) + 1, round(0.55 * wide) + 1
    power = sum(np.abs(fft.rfft2(values[..., c], size)) ** 2 for c in range(3))
    found = fft.irfft2(power, size)[:rows, :columns]
    overlap = (high - np.arange(rows))[:, None] * (wide - np.arange(columns))[None, :]
    found = found / overlap
    found = found / max(float(found[0, 0]), 1e-9)
    return _lag(found[0], wide), _lag(found[:, 0], high)


def _lag(correlation: np.ndarray, length: int) -> int | None:
    """The first lag as alike as the best, after it was less so."""
    least = max(round(_LEAST_LAG * length), 4)
    if len(correlation) <= least + 2:
        return None
    if correlation[least:].min() > 0.9:  # the same all along: threads of stripes
        return least
    lags = np.arange(1, len(correlation) - 1)
    peaks = lags[(correlation[1:-1] >= correlation[:-2]) & (correlation[1:-1] >= correlation[2:]) & (lags >= least)]
    good = [lag for lag in peaks if correlation[lag] - correlation[:lag].min() > _ALIKE]
    if not good:
        return None
    best = max(correlation[lag] for lag in good)
    first = next((int(lag) for lag in good if correlation[lag] > best - 0.08), None)
    return first if first is not None and correlation[first] > 0.4 else None


def _closed(linear: np.ndarray, period: int, axis: int) -> np.ndarray:
    """One period whose end runs over into its beginning, faded over a tenth."""
    moved = np.moveaxis(linear, axis, 0)
    fade = max(min(round(0.1 * period), len(moved) - period), 0)
    tile = moved[:period].copy()
    if fade:
        weight = ((np.arange(fade) + 0.5) / fade).astype(np.float32)[:, None, None]
        tile[:fade] = moved[period : period + fade] * (1 - weight) + moved[:fade] * weight
    return np.moveaxis(tile, 0, axis)


def _evenly_lit(linear: np.ndarray) -> np.ndarray:
    """Without the fall of light over the swatch: a quadratic surface through its log-luminance is taken out."""
    high, wide = linear.shape[:2]
    y, x = np.mgrid[-1 : 1 : high * 1j, -1 : 1 : wide * 1j]
    light = np.log(np.maximum(linear @ np.float32([0.2126, 0.7152, 0.0722]), 1e-3))
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    step = max(len(design) // 20_000, 1)
    fit = np.linalg.lstsq(design[::step], light.ravel()[::step], rcond=None)[0]
    fall = (design[:, 1:] @ fit[1:]).reshape(high, wide)
    fall = np.clip(fall - fall.mean(), -0.8, 0.8)
    return (linear * np.exp(-fall)[..., None]).astype(np.float32)


def _rectified(rgb_srgb: np.ndarray) -> np.ndarray:
    """The cloth alone where it lies on plain ground: four corners found and drawn out to a rectangle."""
    high, wide = rgb_srgb.shape[:2]
    rim = max(round(0.015 * min(high, wide)), 1)
    border = np.concatenate(
        [part.reshape(-1, 3) for part in (rgb_srgb[:rim], rgb_srgb[-rim:], rgb_srgb[:, :rim], rgb_srgb[:, -rim:])]
    ).astype(np.float32)
    ground = np.median(border, axis=0)
    if np.percentile(np.abs(border - ground).max(axis=1), 92) > 14:
        return rgb_srgb  # the cloth fills the picture
    other = (np.abs(rgb_srgb.astype(np.float32) - ground).max(axis=2) > 24).astype(np.uint8)
    size = max(round(0.03 * min(high, wide)), 3)
    other = cv2.morphologyEx(other, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    outlines, _ = cv2.findContours(other, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return rgb_srgb
    largest = max(outlines, key=cv2.contourArea)
    if cv2.contourArea(largest) < 0.2 * high * wide:
        return rgb_srgb  # flowers on plain ground, not a piece of cloth
    corners = cv2.approxPolyDP(largest, 0.04 * cv2.arcLength(largest, True), True)
    if len(corners) != 4 or not cv2.isContourConvex(corners):
        return rgb_srgb
    corners = corners.reshape(4, 2).astype(np.float32)
    order = np.argsort(corners.sum(axis=1))
    first, last = corners[order[0]], corners[order[3]]
    others = sorted(corners[order[1:3]].tolist(), key=lambda point: point[1] - point[0])
    quad = np.float32([first, others[0], last, others[1]])
    out_wide = round(float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2)
    out_high = round(float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2)
    target = np.float32([[0, 0], [out_wide, 0], [out_wide, out_high], [0, out_high]])
    flat = cv2.warpPerspective(rgb_srgb, cv2.getPerspectiveTransform(quad, target), (out_wide, out_high))
    trim = max(round(0.015 * min(out_wide, out_high)), 1)
    return np.ascontiguousarray(flat[trim:-trim, trim:-trim])
