"""From where light falls on her and in a scene, and a scene brought to her light.

Her pixels are never touched: what doesn't fit is changed in the scene, within what a photographer could have done with a
filter and the shutter, or told. All in linear light.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...vision.skin import to_linear

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
# Natural logarithms of right over left; a plate or a scene below this is lit from about where the camera is.
SIDED = 0.12
# How far a scene is moved: white balance as a gain per channel, exposure in stops, contrast as a power.
_MOST_BALANCE, _MOST_STOPS, _MOST_CONTRAST = 0.07, 0.7, 0.14
_SIDE = 480  # pixels that all of this is read at


def side_of_her(rgb_srgb: np.ndarray, alpha: np.ndarray) -> float:
    """How much more light comes from the right of the picture than from its left: the logarithm of their ratio on her.

    Read row by row just inside her outline, where surfaces face sideways (occluding contours: Nillius and Eklundh 2001),
    and only where both sides are of one material. 0 when too few rows tell.
    """
    small, cover = _small(rgb_srgb), _small(alpha)
    light = to_linear(small)
    high, wide = cover.shape
    hers = cv2.erode((cover > 250).astype(np.uint8), np.ones((5, 5), np.uint8), borderType=cv2.BORDER_REPLICATE) > 0
    ratios = []
    for y in range(0, high, 2):
        columns = np.flatnonzero(hers[y])
        if len(columns) < 24:
            continue
        # The widest run without a gap: an arm beside a body has outlines of its own.
        breaks = np.flatnonzero(np.diff(columns) > 1)
        starts, ends = np.r_[0, breaks + 1], np.r_[breaks, len(columns) - 1]
        run = int(np.argmax(ends - starts))
        first, last = int(columns[starts[run]]), int(columns[ends[run]])
        if last - first < 24 or first < 3 or last > wide - 4:
            continue
        deep = max((last - first) // 7, 3)
        left, right = light[y, first : first + deep].mean(axis=0), light[y, last - deep + 1 : last + 1].mean(axis=0)
        hue = np.abs(left / left.sum() - right / right.sum()).max() if min(left.sum(), right.sum()) > 1e-3 else 1.0
        if hue < 0.05:
            ratios.append(float(np.log((right @ _LUMINANCE) / (left @ _LUMINANCE))))
    return float(np.median(ratios)) if len(ratios) >= 12 else 0.0


def side_of_scene(rgb_linear: np.ndarray) -> float:
    """The same of a place: the slope of its broad light from left to right, as between its two outer quarters."""
    small = cv2.resize(rgb_linear, (48, 48), interpolation=cv2.INTER_AREA) @ _LUMINANCE
    logs = np.log(np.maximum(small, 1e-3))
    # By rows, because floor and wall differ; the median, because furniture does too.
    outer = logs[:, -12:].mean(axis=1) - logs[:, :12].mean(axis=1)
    return float(np.median(outer))


def harmonised(scene: np.ndarray, her_linear: np.ndarray, hers: np.ndarray) -> np.ndarray:
    """A scene (linear light float32 (h, w, 3)) with white balance, exposure and contrast moved towards hers.

    ``her_linear`` (n, 3) are pixels of her or, for white, of what she stood before; ``hers`` bool (n,) says which. Only part of
    the way, and never far: a beige wall stays beige, dusk stays darker than noon.
    """
    small = cv2.resize(scene, (96, 96), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    gain = np.clip((_white(her_linear) / _white(small)) ** 0.35, 1 - _MOST_BALANCE, 1 + _MOST_BALANCE)
    gain /= float(gain @ _LUMINANCE)
    out = scene * gain.astype(np.float32)
    seen, light = np.maximum(small @ _LUMINANCE, 1e-4), np.maximum(her_linear[hers] @ _LUMINANCE, 1e-4)
    if not light.size:
        return out
    # What is behind somebody is at home between a stop and a half under and a stop over the middle of what she shows.
    middle, key = float(np.exp(np.log(seen).mean())), float(np.percentile(light, 85))
    low, high = np.log2(key) - 1.6, np.log2(max(key, 0.25)) + 0.8
    wanted = float(np.clip(np.log2(middle), low, high)) - np.log2(middle)
    stops = float(np.clip(0.75 * wanted, -_MOST_STOPS, _MOST_STOPS))
    # A place with deeper shadows than any on her was lit harder than she was.
    spread = float(np.subtract(*np.log2(np.percentile(seen, (95, 5)))))
    hers_spread = float(np.subtract(*np.log2(np.percentile(light, (95, 5)))))
    power = float(np.clip(1 - 0.05 * (spread - max(hers_spread, 2.0)), 1 - _MOST_CONTRAST, 1.0))
    out = middle * np.power(np.maximum(out / middle, 1e-5), np.float32(power))
    return _shouldered(out * np.float32(2.0**stops))


def _white(pixels: np.ndarray) -> np.ndarray:
    """The light's colour by shades of grey (Finlayson and Trezzi 2004, p = 6), luminance 1: float64 (3,)."""
    values = np.clip(pixels.astype(np.float64), 1e-4, 0.98)
    norm = np.power(np.power(values, 6).mean(axis=0), 1 / 6)
    return norm / float(norm @ _LUMINANCE)


def _shouldered(rgb: np.ndarray) -> np.ndarray:
    """Nothing above 1: from 0.85 on it bends."""
    knee, room = np.float32(0.85), np.float32(0.15)
    over = np.maximum(rgb - knee, 0)
    return np.where(rgb > knee, knee + room * (1 - np.exp(-over / room)), rgb).astype(np.float32)


def lettering(rgb_srgb: np.ndarray) -> bool:
    """Whether the picture may have writing in it, which can't be mirrored: rows of small strokes of equal height.

    Cautious: bricks and leaves may pass for letters, and then a scene isn't mirrored.
    """
    grey = cv2.cvtColor(_small(rgb_srgb, 960), cv2.COLOR_RGB2GRAY)
    marks = []
    for tone in (
        cv2.morphologyEx(grey, op, np.ones((15, 15), np.uint8)) for op in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT)
    ):
        count, _, stats, _ = cv2.connectedComponentsWithStats((tone > 48).astype(np.uint8), connectivity=8)
        for left, top, wide, high, area in stats[1:count]:
            if 7 <= high <= 60 and 0.15 * high <= wide <= 1.6 * high and 0.15 <= area / (wide * high) <= 0.9:
                marks.append((left, top, wide, high))
    marks.sort()
    # A word: at least four marks of about one height on one line, each close to the one before.
    for left, top, wide, high in marks:
        right, count = left + wide, 1
        for other in marks:
            level = abs(other[1] + other[3] - top - high) <= 0.2 * high and 0.6 <= other[3] / high <= 1.6
            if level and right < other[0] <= right + 0.7 * high:
                right, count = other[0] + other[2], count + 1
        if count >= 4:
            return True
    return False


def _small(picture: np.ndarray, side: int = _SIDE) -> np.ndarray:
    scale = min(1.0, side / max(picture.shape[:2]))
    size = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
