"""Reads a release id out of pixels, from the specification alone: docs/reference/watermark.md

Two codes may be there. On a picture that carries neither, the chance that one is read is below 2 · 10⁻⁸: a few dozen
tries, of which 32 or 40 bits have to fit.
"""

from __future__ import annotations

import numpy as np

from ..domain.provenance import WatermarkReading
from .square_watermark import read_square
from .tiled_watermark import TiledReader

_SMALLEST = 64  # pixels; a thumbnail below this holds nothing


def read_watermark(rgb_srgb: np.ndarray) -> WatermarkReading:
    """The mark in a picture, uint8 sRGB (h, w, 3), turned or mirrored as it may be; the tiled one cropped and rotated
    by any angle as well. ``confidence`` is 0 when nothing was read."""
    nothing = WatermarkReading(None, 0.0)
    if min(rgb_srgb.shape[:2]) < _SMALLEST:
        return nothing
    tiled = TiledReader(rgb_srgb)
    for read in (tiled.in_place, lambda: read_square(rgb_srgb), tiled.anywhere):
        reading = read()
        if reading.release is not None:
            return reading
    return nothing
