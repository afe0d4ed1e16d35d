"""Bringing a garment's picture into the shape it has on her: as rigidly as its new outline lets it.

The picture is laid out as a mesh whose outline is held to where it goes on her; inside, every piece keeps its own shape
as nearly as it can, so that a print is bent and not blown up. Igarashi, Moscovich and Hughes, "As-rigid-as-possible shape
manipulation", SIGGRAPH 2005; solved by local and global steps, Sorkine and Alexa, "As-rigid-as-possible surface
modeling", SGP 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

_CELLS = 56  # of the mesh across the garment
_ROUNDS = 10
_HELD = 30.0  # weight of the outline against the stiffness of one edge


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices (n, 2) in pixels of the picture, triangles (m, 3) of them, and ``part`` (m,) of each: 0 the body, above it
    what hangs over it; ``of`` (int8 (h, w)) is the part of each pixel of the picture."""

    vertices: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    of: np.ndarray


def mesh(mask: np.ndarray, part: np.ndarray, seams: Sequence[float]) -> Mesh:
    """A mesh over a mask (bool (h, w)) and a little beyond. ``part`` (int8 (h, w)) tells the part of each pixel; part i
    is sewn to the body (0) above the row ``seams[i - 1]`` and hangs free below it, however close."""
    labels, count = ndimage.label(mask)
    if count > 1:  # a speck by itself is held by nothing
        mask = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cell = max(np.ptp(columns) / _CELLS, 2.0)
    across, down = int(np.ptp(columns) / cell) + 3, int(np.ptp(rows) / cell) + 3
    x, y = columns[0] - cell + np.arange(across + 1) * cell, rows[0] - cell + np.arange(down + 1) * cell
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    left, top = (np.clip(v.round().astype(int), 0, n) for v, n in ((x, mask.shape[1]), (y, mask.shape[0])))
    pieces, owners = [], []
    for index in range(len(seams) + 1):
        near = ndimage.binary_dilation(mask & (part == index), iterations=max(round(0.25 * cell), 1))
        total = np.pad(near.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))[np.ix_(top, left)]
        used = total[1:, 1:] - total[:-1, 1:] - total[1:, :-1] + total[:-1, :-1] > 0
        r, c = np.nonzero(used)
        a = r * (across + 1) + c
        b, d, e = a + 1, a + across + 1, a + across + 2
        flip = ((r + c) % 2 == 0)[:, None]
        first = np.where(flip, np.stack([a, b, d], 1), np.stack([a, b, e], 1))
        second = np.where(flip, np.stack([b, e, d], 1), np.stack([a, e, d], 1))
        triangles = np.concatenate([first, second])
        if index:
            # The row of vertices next to the seam is sewn, on whichever side of it the grid puts it.
            free = grid[triangles, 1] > seams[index - 1] + 0.5 * cell
            triangles = triangles + np.where(free, index * len(grid), 0)
        pieces.append(triangles)
        owners.append(np.full(len(triangles), index, np.int8))
    triangles, owner = np.concatenate(pieces), np.concatenate(owners)
    kept, back = np.unique(triangles, return_inverse=True)
    back = back.reshape(-1, 3)
    joined = coo_matrix((np.ones(3 * len(back)), (back.ravel(), back[:, [1, 2, 0]].ravel())), (len(kept),) * 2)
    _, piece = connected_components(joined, directed=False)
    main = piece[back[:, 0]] == np.argmax(np.bincount(piece))  # what nothing sews to it is held by nothing
    kept, back = np.unique(triangles[main], return_inverse=True)
    return Mesh(grid[kept % len(grid)], back.reshape(-1, 3), owner[main], part)


def bent(
    shape: Mesh, rest: np.ndarray, held: np.ndarray, onto: np.ndarray, weight: np.ndarray | float = 1.0
) -> np.ndarray:
    """Where the vertices go when the points ``held`` (k, 2), in pixels of the picture, are brought ``onto`` (k, 2).

    ``rest`` (m, 3, 2) is the shape that each triangle has when nothing bends it, at the size it goes on her.
    """
    triangles = shape.triangles
    tails = np.concatenate([triangles[:, i] for i in range(3)])
    heads = np.concatenate([triangles[:, (i + 1) % 3] for i in range(3)])
    edges = np.concatenate([rest[:, (i + 1) % 3] - rest[:, i] for i in range(3)])
    count = len(shape.vertices)
    where, shares = _inside(shape, held)
    strength = _HELD * np.broadcast_to(weight, len(held)) * len(triangles) / max(len(held), 1) / 10
    n = len(tails)
    incidence = coo_matrix(
        (np.concatenate([-np.ones(n), np.ones(n)]), (np.tile(np.arange(n), 2), np.concatenate([tails, heads]))),
        (n, count),
    ).tocsr()
    k = len(held)
    pins = coo_matrix((shares.ravel(), (np.repeat(np.arange(k), 3), triangles[where].ravel())), (k, count)).tocsr()
    weighted = pins.T.multiply(strength).tocsr()
    system = (incidence.T @ incidence + weighted @ pins + 1e-9 * _identity(count)).tocsc()
    solver = splu(system)
    towards = weighted @ onto
    turn = np.tile(np.eye(2), (count, 1, 1))
    placed = None
    for _ in range(_ROUNDS):
        if placed is not None:
            now = placed[heads] - placed[tails]
            spread = np.zeros((count, 2, 2))
            product = now[:, :, None] * edges[:, None, :]
            np.add.at(spread, tails, product)
            np.add.at(spread, heads, product)
            # The nearest rotation of a plane, in closed form.
            angle = np.arctan2(spread[:, 1, 0] - spread[:, 0, 1], spread[:, 0, 0] + spread[:, 1, 1])
            turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], 1).reshape(-1, 2, 2)
        wanted = 0.5 * np.einsum("nij,nj->ni", turn[tails] + turn[heads], edges)
        right = incidence.T @ wanted + towards
        placed = np.stack([solver.solve(right[:, i]) for i in range(2)], axis=1)
    return placed


def _identity(count: int) -> coo_matrix:
    return coo_matrix((np.ones(count), (np.arange(count), np.arange(count))), (count, count))


def _inside(shape: Mesh, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The triangle each point lies in or next to, and its barycentric coordinates there."""
    corners = shape.vertices[shape.triangles]
    centres = corners.mean(axis=1)
    first = corners[:, 0]
    inverse = np.linalg.inv(np.stack([corners[:, 1] - first, corners[:, 2] - first], axis=2))
    where, shares = np.zeros(len(points), int), np.zeros((len(points), 3))
    for i, point in enumerate(points):
        at = np.clip(point.round().astype(int), 0, (shape.of.shape[1] - 1, shape.of.shape[0] - 1))
        away = ((centres - point) ** 2).sum(axis=1) + np.where(shape.part == shape.of[at[1], at[0]], 0, 1e12)
        near = np.argsort(away, kind="stable")[:12]
        local = np.einsum("nij,nj->ni", inverse[near], point - first[near])
        bary = np.concatenate([1 - local.sum(axis=1, keepdims=True), local], axis=1)
        best = int(np.argmax(bary.min(axis=1)))
        where[i], shares[i] = near[best], bary[best]
    return where, shares


def drawn(shape: Mesh, placed: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Which point of the picture shows at each pixel (float32 (h, w, 2), NaN where none does), and of which part
    (int8 (h, w), −1 where none); higher parts lie over lower ones. ``size`` is (h, w)."""
    high, wide = size
    corners = placed[shape.triangles]
    fixed = np.clip(corners * 16, -(2**24), 2**24).round().astype(np.int32)
    places = np.full((high, wide, 2), np.nan, np.float32)
    parts = np.full((high, wide), -1, np.int8)
    for part in np.unique(shape.part):
        owner = np.full((high, wide), -1, np.int32)
        for index in np.flatnonzero(shape.part == part):
            cv2.fillConvexPoly(owner, fixed[index], int(index), cv2.LINE_8, 4)
        y, x = np.nonzero(owner >= 0)
        index = owner[y, x]
        first = corners[:, 0]
        edge = np.stack([corners[:, 1] - first, corners[:, 2] - first], axis=2)
        edge[np.abs(np.linalg.det(edge)) < 1e-6] = np.eye(2)
        local = np.einsum("nij,nj->ni", np.linalg.inv(edge)[index], np.stack([x, y], 1) - first[index])
        local = np.clip(local, -0.2, 1.2)
        source = shape.vertices[shape.triangles[index]]
        at = source[:, 0] + local[:, :1] * (source[:, 1] - source[:, 0]) + local[:, 1:] * (source[:, 2] - source[:, 0])
        column = np.clip(at[:, 0].round().astype(int), 0, shape.of.shape[1] - 1)
        row = np.clip(at[:, 1].round().astype(int), 0, shape.of.shape[0] - 1)
        own = shape.of[row, column] == part
        places[y[own], x[own]] = at[own]
        parts[y[own], x[own]] = part
    return places, parts


def along(line: np.ndarray, count: int) -> np.ndarray:
    """``count`` points evenly along a polyline (n, 2), its ends among them."""
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, steps[-1], count)
    return np.stack([np.interp(at, steps, line[:, i]) for i in range(2)], axis=1)
