"""A z-buffered triangle rasteriser in numpy: every pixel of every triangle at once, in chunks.

Deterministic: what is nearest wins, and of equals the triangle that comes last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CHUNK = 3_000_000  # candidate pixels at a time


@dataclass(frozen=True, eq=False)
class Raster:
    """What is seen where: ``owner`` int32 (h, w), the triangle or −1; ``weights`` float32 (h, w, 2), the barycentric
    weights of its second and third corner; ``nearness`` float32 (h, w), −inf where nothing is."""

    owner: np.ndarray
    weights: np.ndarray
    nearness: np.ndarray

    def interpolated(self, triangles: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values (n, k) of the corners, spread over the pixels that show something: float32 (pixels, k), in row order."""
        seen = self.owner >= 0
        corners = triangles[self.owner[seen]]
        second, third = self.weights[seen].T[..., None]
        values = values.astype(np.float32)
        return (
            values[corners[:, 0]] * (1 - second - third)
            + values[corners[:, 1]] * second
            + values[corners[:, 2]] * third
        )


def rasterise(xy: np.ndarray, nearness: np.ndarray, triangles: np.ndarray, width: int, height: int) -> Raster:
    """``xy`` (n, 2) in pixels (a pixel's centre is at .5), ``nearness`` (n,) larger where nearer and affine over the
    picture (the reciprocal of depth, or minus an orthographic depth), ``triangles`` (m, 3)."""
    owner = np.full(width * height, -1, np.int32)
    weights = np.zeros((width * height, 2), np.float32)
    nearest = np.full(width * height, -np.inf, np.float32)
    corners, near = xy[triangles], nearness[triangles]
    first = np.maximum(np.ceil(corners.min(axis=1) - 0.5), 0).astype(np.int64)
    last = np.minimum(np.floor(corners.max(axis=1) - 0.5), (width - 1, height - 1)).astype(np.int64)
    wide, high = np.maximum(last - first + 1, 0).T
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    usable = np.flatnonzero((wide * high > 0) & (np.abs(area) > 1e-9))
    sizes = (wide * high)[usable]
    ends = np.cumsum(sizes)
    start = 0
    while start < len(usable):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + _CHUNK, side="right")), start + 1)
        which = np.repeat(usable[start:stop], sizes[start:stop])
        within = np.arange(len(which)) - np.repeat(ends[start:stop] - sizes[start:stop] - done, sizes[start:stop])
        start = stop
        x, y = first[which, 0] + within % wide[which], first[which, 1] + within // wide[which]
        dx, dy = x + 0.5 - corners[which, 0, 0], y + 0.5 - corners[which, 0, 1]
        second = (dx * b[which, 1] - dy * b[which, 0]) / area[which]
        third = (dy * a[which, 0] - dx * a[which, 1]) / area[which]
        inside = (second >= 0) & (third >= 0) & (second + third <= 1)
        which, second, third = which[inside], second[inside], third[inside]
        pixel = (y[inside] * width + x[inside]).astype(np.int64)
        value = near[which, 0] + second * (near[which, 1] - near[which, 0]) + third * (near[which, 2] - near[which, 0])
        value = value.astype(np.float32)
        np.maximum.at(nearest, pixel, value)
        won = value == nearest[pixel]
        pixel = pixel[won]
        owner[pixel] = which[won]
        weights[pixel, 0], weights[pixel, 1] = second[won], third[won]
    shape = height, width
    return Raster(owner.reshape(shape), weights.reshape(*shape, 2), nearest.reshape(shape))


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (n, 3), each the mean of its triangles' by their area."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    flat = np.cross(b - a, c - a)
    normals = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(flat[:, axis], 3), minlength=len(vertices)) for axis in range(3)],
        axis=1,
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def split(faces: np.ndarray) -> np.ndarray:
    """Quadrangles (m, 4) as triangles (2 m, 3)."""
    return faces[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
