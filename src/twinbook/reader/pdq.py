"""PDQ, the 256-bit fingerprint of a picture, from its published specification: Davis and Rosen, "PDQ & TMK + PDQF:
a photo and video perceptual hashing suite" (Facebook, 2019), https://github.com/facebook/ThreatExchange/tree/main/pdq

A picture's luma is blurred by a tent that fits 64×64 samples, sampled, and transformed by DCT; each of the 16×16 lowest
frequencies but the constant gives a bit, whether it is above their median.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..domain.fingerprint import Fingerprint

SIDE = 512  # pixels along the longer side, to which larger pictures are brought first: 20 times faster, a few bits off
_GRID = 64
_KEPT = 16
_PASSES = 2  # of a box each way make a tent (Jarosz, "Fast image convolutions", 2001)
_LUMA = np.float32([0.299, 0.587, 0.114])
_FREQUENCIES = np.arange(1, _KEPT + 1)[:, None]
_DCT = np.sqrt(2 / _GRID) * np.cos(np.pi / 2 / _GRID * _FREQUENCIES * (2 * np.arange(_GRID) + 1))
_EVEN = (-1.0) ** np.arange(1, _KEPT + 1)  # what mirroring an axis does to its frequencies 1 to 16


def dihedral(rgb_srgb: np.ndarray) -> tuple[Fingerprint, ...]:
    """The fingerprints of a picture, uint8 sRGB (h, w, 3), and of its turned and mirrored versions: as it is, turned by 90,
    180 and 270 degrees, upside down, left to right, and mirrored along each diagonal.

    A turned picture's DCT is the DCT with other signs, transposed or not, so that all eight cost as much as one.
    """
    waves, quality = _waves(rgb_srgb)
    rows, columns = _EVEN[:, None], _EVEN[None, :]
    eight = (
        waves,
        (waves * columns).T,
        waves * rows * columns,
        (waves * rows).T,
        waves * rows,
        waves * columns,
        waves.T,
        (waves * rows * columns).T,
    )
    return tuple(Fingerprint(_bits(each), quality) for each in eight)


def _waves(rgb_srgb: np.ndarray) -> tuple[np.ndarray, int]:
    """The lowest frequencies, float64 (16, 16), and PDQ's measure of how much there is to see, 0 to 100."""
    longer = max(rgb_srgb.shape[:2])
    if longer > SIDE:
        size = [max(1, round(side * SIDE / longer)) for side in (rgb_srgb.shape[1], rgb_srgb.shape[0])]
        rgb_srgb = cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA)
    luma = rgb_srgb.astype(np.float32) @ _LUMA
    height, width = luma.shape
    for _ in range(_PASSES):
        luma = _boxed(luma, width, height)
    rows, columns = (((np.arange(_GRID) + 0.5) * side / _GRID).astype(int) for side in (height, width))
    grid = luma[np.ix_(rows, columns)].astype(np.float64)
    return _DCT @ grid @ _DCT.T, _quality(grid)


def _boxed(luma: np.ndarray, width: int, height: int) -> np.ndarray:
    """Means over a window of a 128th of each side, rounded up. At the border the window is cut off, not padded."""
    size = [(side + 127) // 128 for side in (width, height)]
    anchor = [side - (side + 2) // 2 for side in size]
    total, count = (
        cv2.boxFilter(plane, cv2.CV_32F, size, anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT)
        for plane in (luma, np.ones_like(luma))
    )
    return total / count


def _quality(grid: np.ndarray) -> int:
    steps = (np.trunc(np.diff(grid, axis=axis) * 100 / 255) for axis in (0, 1))
    return min(100, int(sum(np.abs(each).sum() for each in steps) / 90))


def _bits(waves: np.ndarray) -> str:
    median = np.sort(waves, axis=None)[_KEPT * _KEPT // 2 - 1]
    ones = (waves > median).reshape(-1)
    return np.packbits(ones, bitorder="little").tobytes()[::-1].hex()
