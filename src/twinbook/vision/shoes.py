"""Her shoes: what stands below the hem of what she wears and is neither that, nor skin, nor floor."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from ..domain.twin import Box

# A foot from the front is about 0.5 faces high in the picture, from above or turned up to 0.9.
_WINDOW = 0.95
# CIELAB from the cloth above within which a shoe can't be told from the trousers' hem.
_UNLIKE = 9.0


def shoes_mask(
    values: np.ndarray, person: np.ndarray, worn: np.ndarray, skin_like: np.ndarray, face: Box, cut: bool
) -> np.ndarray | None:
    """Both shoes on a small copy, bool (h, w); None where they don't show or can't be told.

    ``values`` is CIELAB float32 (h, w, 3), ``person`` bool (h, w) her matte, ``worn`` the garment that ends above them.
    Without a matte (``cut`` False) shoes can't be told from the floor.
    """
    high = person.shape[0]
    rows = np.flatnonzero(person.any(axis=1))
    # Feet cut by the frame, or no feet in the picture: a standing figure has eight faces and more below the chin.
    if not cut or not len(rows) or rows[-1] >= high - 2 or rows[-1] < face.bottom + 8.0 * face.height:
        return None
    y = np.arange(high)[:, None]
    window = person & (y > rows[-1] - _WINDOW * face.height)
    unlike = window.copy()
    cloth = worn & (y > rows[-1] - 3.0 * face.height) & (y < rows[-1] - 0.7 * _WINDOW * face.height)
    if cloth.sum() >= 30:
        # By the cloth right above them, in its own range of light; its shadowed inside counts as cloth as well.
        middle = np.median(values[cloth], axis=0)
        low, most = np.percentile(values[cloth][:, 0], (2, 98))
        lightness = np.maximum(values[..., 0], 1.0)
        expected = middle[1:] * np.clip(lightness / max(float(middle[0]), 1.0), 0.3, 1.3)[..., None]
        off = np.linalg.norm(values[..., 1:] - expected, axis=2)
        beyond = np.maximum(low - 4 - values[..., 0], 0) + np.maximum(values[..., 0] - most - 4, 0)
        unlike &= np.hypot(off, beyond) > _UNLIKE
    elif (window & skin_like).sum() < 0.05 * window.sum():
        return None  # nothing that ends above them, neither hem nor bare legs
    hers = values[person & skin_like][:, 0]
    lit = float(np.median(hers)) if hers.size else 100.0
    unlike &= ~skin_like | (values[..., 0] < 0.5 * lit)
    found = ndimage.binary_opening(unlike, iterations=1)
    closing = max(round(0.06 * face.width), 2)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * closing + 1, 2 * closing + 1))
    found = (cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0) & window
    found = ndimage.binary_fill_holes(found)
    labels, count = ndimage.label(found, np.ones((3, 3)))
    kept = np.zeros_like(found)
    for index in range(1, count + 1):
        piece = labels == index
        standing = np.flatnonzero(piece.any(axis=1))[-1] > rows[-1] - 0.45 * face.height
        if standing and piece.sum() > 0.06 * face.width * face.height:
            kept |= piece
    # Less than a shoe's size is the shadow between shoes that were lost with the backdrop.
    return kept if kept.sum() > 0.15 * face.width * face.height else None
