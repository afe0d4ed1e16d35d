"""Another colourway: dyeing the garment found by `vision.cloth` with its folds kept."""

from __future__ import annotations

import numpy as np

from ...vision.skin import to_linear
from .cloth import lifted


def linear_of(colour: str) -> np.ndarray:
    """``#rrggbb`` as linear light, float32 (3,)."""
    return to_linear(np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.uint8))


def recoloured(rgb_srgb: np.ndarray, garment: np.ndarray, to: str, outline: np.ndarray | None = None) -> np.ndarray:
    """The picture with the garment dyed to ``to`` (``#rrggbb``, met on its mid-tones): uint8 sRGB (h, w, 3).

    Pixels where ``garment`` is 0 are the plate's, bit for bit. ``outline`` is her matte (uint8), where there is one. Cloth
    of several dyes is dyed over: what was lighter stays lighter, tone on tone, and the mid-tone of the whole meets
    the colour.
    """
    cloth = lifted(rgb_srgb, garment, outline)
    if cloth is None:
        return rgb_srgb.copy()
    return cloth.put_back(rgb_srgb, cloth.shaded(linear_of(to)))
