"""Her own colours where the backdrop shines through, for putting her before something else.

Multi-level estimation (Germer et al., "Fast multi-level foreground estimation", 2020): colours are settled on a tiny
copy and refined size by size, each pixel by what its alpha, its own colour and its neighbours say. Here with whole
passes over the picture instead of pixel by pixel in place, so that threads change nothing.
"""

from __future__ import annotations

import cv2
import numpy as np

_REGULAR, _GRADIENT = 1e-5, 0.1


def own_colours(rgb_srgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Her own colours, uint8 sRGB (h, w, 3), also where backdrop shines through; the plate's where alpha is 255.

    ``alpha`` is uint8 (h, w). Estimated in coded values: there a step means the same in dark hair as in a pale sleeve.
    """
    out = rgb_srgb.copy()
    edge = (alpha > 0) & (alpha < 255)
    if not edge.any():
        return out
    rows, columns = np.flatnonzero(edge.any(axis=1)), np.flatnonzero(edge.any(axis=0))
    window = np.s_[max(rows[0] - 24, 0) : rows[-1] + 25, max(columns[0] - 24, 0) : columns[-1] + 25]
    own = _multi_level(rgb_srgb[window].astype(np.float32) / 255, alpha[window].astype(np.float32) / 255)
    hers = alpha[window] == 255
    out[window] = np.where(hers[..., None], rgb_srgb[window], (np.clip(own, 0, 1) * 255 + 0.5).astype(np.uint8))
    return out


def _multi_level(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Foreground of ``image`` (float32 (h, w, 3)) by ``alpha`` (float32 (h, w))."""
    high, wide = alpha.shape
    levels = int(np.ceil(np.log2(max(high, wide, 2))))
    cover = alpha[..., None]
    own = _mean(image, cover).reshape(1, 1, 3)
    behind = _mean(image, 1 - cover).reshape(1, 1, 3)
    for level in range(levels + 1):
        size = max(round(wide ** (level / levels)), 1), max(round(high ** (level / levels)), 1)
        small = image if size == (wide, high) else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        share = alpha if size == (wide, high) else cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        small, share = small.reshape(size[1], size[0], 3), share.reshape(size[1], size[0])
        own = cv2.resize(own, size, interpolation=cv2.INTER_LINEAR).reshape(small.shape)
        behind = cv2.resize(behind, size, interpolation=cv2.INTER_LINEAR).reshape(small.shape)
        for _ in range(8 if max(size) <= 32 else 3):
            own, behind = _pass(small, share, own, behind)
    return own


def _mean(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return ((image * weight).sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)).astype(np.float32)


def _pass(image: np.ndarray, alpha: np.ndarray, own: np.ndarray, behind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One Jacobi pass: neighbours' colours, weighted by how much alpha changes on the way, and I = αF + (1−α)B."""
    padded = cv2.copyMakeBorder(alpha, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    total = np.zeros(alpha.shape, np.float32)
    sums = [np.zeros(image.shape, np.float32), np.zeros(image.shape, np.float32)]
    around = [cv2.copyMakeBorder(values, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for values in (own, behind)]
    around = [values.reshape(padded.shape[0], padded.shape[1], 3) for values in around]
    high, wide = alpha.shape
    for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
        there = np.s_[dy : dy + high, dx : dx + wide]
        weight = _REGULAR + _GRADIENT * np.abs(padded[there] - alpha)
        total += weight
        for target, values in zip(sums, around, strict=True):
            target += weight[..., None] * values[there]
    own, behind = (values / total[..., None] for values in sums)
    cover, rest = alpha[..., None], (1 - alpha)[..., None]
    left = image - cover * own - rest * behind
    step = 1 / (cover * cover + rest * rest + total[..., None])
    return np.clip(own + step * cover * left, 0, 1), np.clip(behind + step * rest * left, 0, 1)
