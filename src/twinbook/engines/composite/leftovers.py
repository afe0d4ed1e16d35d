"""What of the old garment the new one leaves bare, and what is behind it: the backdrop, a little of her own skin below
the neck, trousers that go on under a hem. All of it comes from the same plate; what isn't in it is refused.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from ...domain.errors import EngineRefused
from ...vision.backdrop import behind
from ...vision.skin import lab_to_linear, to_linear
from .studio import grain

# In heights of her face: how far skin may be carried on from where it shows, and trousers from under a hem.
_SKIN_REACH, _SKIN_AREA = 0.4, 0.36
_TROUSER_REACH = 0.7


def backdrop_of(rgb_srgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The plate without her: linear light float32 (h, w, 3), with the backdrop's own slow unevenness."""
    high, wide = alpha.shape
    model = lab_to_linear(behind(rgb_srgb, alpha).lab(wide, high)).astype(np.float32)
    free = cv2.erode((alpha < 4).astype(np.uint8), np.ones((7, 7), np.uint8)).astype(np.float32)
    scale = min(1.0, 400 / max(high, wide))
    size = max(round(wide * scale), 1), max(round(high * scale), 1)
    ratio = (to_linear(rgb_srgb) / np.maximum(model, 1e-3)) * free[..., None]
    ratio, weight = (cv2.resize(v, size, interpolation=cv2.INTER_AREA) for v in (ratio, free))
    total, near = np.zeros_like(ratio), np.zeros_like(weight)
    # Nearest first: what lies further away only counts where nothing nearer is known.
    for sigma in (3, 8, 24, 80):
        share = (1 - np.minimum(near, 1)) * 1.0
        blurred = cv2.GaussianBlur(weight, (0, 0), sigma)
        known = blurred > 0.02
        total[known] += (share / np.maximum(blurred, 1e-6))[known][:, None] * cv2.GaussianBlur(ratio, (0, 0), sigma)[
            known
        ]
        near[known] = np.minimum(near[known] + share[known], 1)
    field = cv2.resize(np.where(near[..., None] > 0, total, 1), (wide, high), interpolation=cv2.INTER_LINEAR)
    return model * np.clip(field, 0.7, 1.3)


def grain_of(rgb_srgb: np.ndarray, where: np.ndarray) -> float:
    """The spread of the plate's grain in sRGB levels, where (bool) it is smooth."""
    grey = cv2.cvtColor(rgb_srgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.2))[where]
    return float(np.clip(1.4826 * np.median(detail) * 1.15, 0.3, 5.0)) if detail.size else 0.8


def grained(linear: np.ndarray, spread: float, seed: int) -> np.ndarray:
    coded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055)
    coded = np.clip(coded + grain(linear.shape[:2], spread, seed) / 255, 0, 1)
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def carried_on(linear: np.ndarray, known: np.ndarray, wanted: np.ndarray, unit: float) -> np.ndarray:
    """Colours carried from where they are ``known`` to where they are ``wanted`` (bool (h, w)), smoothly."""
    rows, columns = np.nonzero(wanted)
    if not len(rows):
        return linear
    reach = round(0.5 * unit)
    here = np.s_[
        max(rows.min() - reach, 0) : rows.max() + reach + 1, max(columns.min() - reach, 0) : columns.max() + reach + 1
    ]
    weight, values = known[here].astype(np.float32), linear[here]
    if not weight.any():
        return linear
    _, (y, x) = ndimage.distance_transform_edt(weight == 0, return_indices=True)
    filled = values[y, x]
    for sigma in (0.04 * unit, 0.1 * unit):
        near = cv2.GaussianBlur(weight, (0, 0), sigma)
        blurred = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma) / np.maximum(near, 1e-4)[..., None]
        share = np.clip(near / 0.25, 0, 1)[..., None]
        filled = share * blurred + (1 - share) * cv2.GaussianBlur(filled, (0, 0), sigma)
    out = linear.copy()
    out[here] = np.where(wanted[here][..., None], filled, values)
    return out


def neck_bared(wanted: np.ndarray, skin: np.ndarray, unit: float) -> None:
    """Refuse more skin below the old collar than can be carried on from what shows."""
    if not wanted.any():
        return
    far = ndimage.distance_transform_edt(~skin)[wanted]
    if np.percentile(far, 98) > _SKIN_REACH * unit or wanted.sum() > _SKIN_AREA * unit * unit:
        raise EngineRefused(
            "engine.uncovered", "the new neckline is much lower than the old one: her skin there isn't in the plate"
        )


def under_the_hem(linear: np.ndarray, bottom: np.ndarray, wanted: np.ndarray, unit: float) -> np.ndarray:
    """Trousers carried on upwards under a hem that was lower: each column's cloth mirrored at the old hem, beyond the
    shadow that lay under it. ``bottom`` is bool where the trousers show."""
    if not wanted.any():
        return linear
    out = linear.copy()
    skip = round(0.07 * unit)
    for x in np.flatnonzero(wanted.any(axis=0)):
        rows = np.flatnonzero(wanted[:, x])
        below = np.flatnonzero(bottom[:, x])
        below = below[below > rows[-1]]
        height = rows[-1] - rows[0] + 1
        if height > _TROUSER_REACH * unit:
            raise EngineRefused(
                "engine.uncovered", "the new hem is much higher than the old one: what is under it isn't in the plate"
            )
        if not len(below):
            continue
        first = below[0] + skip
        run = first + (rows[-1] - rows)
        # The same stretch back and forth, as far as there is cloth.
        length = max(below[-1] - first, 1)
        run = (
            first + np.abs((run - first + length) % (2 * length) - length) if length > 1 else np.full(len(rows), first)
        )
        out[rows, x] = linear[np.clip(run, 0, linear.shape[0] - 1), x]
    return out
