"""Her body by her measurements as a picture of depth, for networks that follow one: white is near, black is nothing.

The body is the statistical one with her own girths and lengths, standing as a shop mannequin does; its head is an ellipsoid
of her height. It says how broad, long and round she is, and nothing of her looks.
"""

from __future__ import annotations

import numpy as np

from ...domain.errors import EngineRefused
from ...ports import Plate
from ...vision.body_mesh import BodyMesh
from ...vision.parametric_body import ParametricBody
from .mannequin import measurements_of
from .raster import rasterise

# Of the picture's height; the rest is air above the head and floor below the soles.
_FIGURE = 0.88
_SOLE = 0.96
# As depth estimators draw somebody before an empty studio: the figure over most of the range.
_FARTHEST, _NEAREST = 0.35, 1.0
_RINGS, _SECTORS = 16, 24
_HEAD_BREADTH = 0.68  # of its height, and a little more in depth


def depth_of_body(plate: Plate, width: int, height: int) -> np.ndarray:
    """uint8 (height, width, 3). Raises EngineRefused ``engine.measurements`` when hers aren't known, or fit nobody."""
    measured = measurements_of(plate)
    try:
        body = BodyMesh.load().fit(ParametricBody.load().fit(measured), measured)
    except ValueError as error:
        raise EngineRefused("engine.measurements", str(error)) from error
    skull, cap = _head(body.points["chin"], body.points["crown"])
    vertices = np.concatenate([body.vertices, skull])
    quads = body.faces
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]], cap + len(body.vertices)])
    scale = _FIGURE * height / body.height
    xy = np.stack([width / 2 + scale * vertices[:, 0], _SOLE * height - scale * vertices[:, 2]], axis=1)
    near = rasterise(xy, -vertices[:, 1], triangles, width, height).nearness
    shown = np.isfinite(near)
    low, high = float(near[shown].min()), float(near[shown].max())
    grey = np.zeros((height, width), np.float32)
    grey[shown] = _FARTHEST + (_NEAREST - _FARTHEST) * (near[shown] - low) / max(high - low, 1e-6)
    return np.repeat(np.rint(255 * grey).astype(np.uint8)[..., None], 3, axis=2)


def _head(chin: np.ndarray, crown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of an ellipsoid from chin to crown."""
    middle, half = (chin + crown) / 2, abs(float(crown[2] - chin[2])) / 2
    up = np.linspace(0, np.pi, _RINGS)[:, None]
    round_ = np.linspace(0, 2 * np.pi, _SECTORS, endpoint=False)[None]
    broad = _HEAD_BREADTH * half
    points = np.stack(
        [
            broad * np.sin(up) * np.cos(round_),
            middle[1] + 1.2 * broad * np.sin(up) * np.sin(round_),
            middle[2] + half * np.cos(up) * np.ones_like(round_),
        ],
        axis=-1,
    ).reshape(-1, 3)
    ring, sector = np.meshgrid(np.arange(_RINGS - 1), np.arange(_SECTORS), indexing="ij")
    a = (ring * _SECTORS + sector).ravel()
    b = (ring * _SECTORS + (sector + 1) % _SECTORS).ravel()
    c, d = a + _SECTORS, b + _SECTORS
    return points, np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
