"""Local features of a picture, packed to be kept, and how many of them two pictures share in one geometry.

A fingerprint is lost when a tenth of the picture is cut away; features (SIFT, Lowe 2004) that agree on one homography
(MAGSAC++, Barath et al. 2020) are not. They tell much of a picture, so they are kept in the home and never given away.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

SIDE = 512  # pixels along the longer side
_MOST = 400
_HEAD = struct.Struct("<4sH")
_MAGIC = b"SIF1"
_STEP = 64  # to the pixel: how finely places are kept
_RATIO = 0.75  # Lowe's: the nearest must be that much nearer than the next
_REPROJECTION = 2.0  # pixels
# Unrelated photographs reach about 10 at most.
LEAST_INLIERS = 15


def pack_features(rgb_srgb: np.ndarray) -> bytes:
    """The strongest features of a picture, uint8 sRGB (h, w, 3), on a copy of at most 512 pixels a side: "SIF1", their number
    (uint16), then for each x and y in 64ths of a pixel (uint16) and 128 bytes, all little-endian. 53 kB at most."""
    scale = min(1.0, SIDE / max(rgb_srgb.shape[:2]))
    grey = cv2.cvtColor(rgb_srgb, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in (grey.shape[1], grey.shape[0])]
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    points, words = cv2.SIFT_create(nfeatures=_MOST).detectAndCompute(grey, None)
    if words is None:
        return _HEAD.pack(_MAGIC, 0)
    strongest = sorted(range(len(points)), key=lambda i: -points[i].response)[:_MOST]
    places = np.array([points[i].pt for i in strongest]) * _STEP
    kept = np.clip(places.round(), 0, 65535).astype("<u2")
    return _HEAD.pack(_MAGIC, len(strongest)) + kept.tobytes() + words[strongest].astype(np.uint8).tobytes()


def count_inliers(found: bytes, kept: bytes) -> int:
    """How many packed features of two pictures agree on one homography; 0 for what isn't packed features."""
    places_a, words_a = _unpacked(found)
    places_b, words_b = _unpacked(kept)
    if min(len(words_a), len(words_b)) < LEAST_INLIERS:
        return 0
    # Squared distances by one product of matrices: OpenCV's matcher takes ten times as long for so few.
    a, b = words_a.astype(np.float32), words_b.astype(np.float32)
    apart = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * (a @ b.T)
    two = np.argpartition(apart, 1, axis=1)[:, :2]
    rows = np.arange(len(a))
    first, second = apart[rows, two[:, 0]], apart[rows, two[:, 1]]
    best = np.where(first <= second, two[:, 0], two[:, 1])
    good = np.flatnonzero(np.minimum(first, second) < _RATIO**2 * np.maximum(first, second))
    if len(good) < LEAST_INLIERS:
        return 0
    cv2.setRNGSeed(0)
    source, target = places_a[good].astype(np.float32), places_b[best[good]].astype(np.float32)
    matrix, inliers = cv2.findHomography(source, target, cv2.USAC_MAGSAC, _REPROJECTION, maxIters=2000, confidence=0.99)
    if matrix is None or not np.isfinite(matrix).all() or np.linalg.det(matrix[:2, :2]) <= 0:
        return 0
    # Places, not features: a pattern that repeats lets many features meet in one.
    met = target[inliers.reshape(-1).astype(bool)]
    return len({(int(x) // 4, int(y) // 4) for x, y in met})


def _unpacked(packed: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Places in pixels, float64 (n, 2), and words, uint8 (n, 128)."""
    if len(packed) < _HEAD.size:
        return np.empty((0, 2)), np.empty((0, 128), np.uint8)
    magic, count = _HEAD.unpack_from(packed)
    if magic != _MAGIC or len(packed) != _HEAD.size + count * 132:
        return np.empty((0, 2)), np.empty((0, 128), np.uint8)
    places = np.frombuffer(packed, "<u2", count * 2, _HEAD.size).reshape(count, 2)
    words = np.frombuffer(packed, np.uint8, count * 128, _HEAD.size + count * 4).reshape(count, 128)
    return places / _STEP, words
