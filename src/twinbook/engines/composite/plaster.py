"""A matte plaster figure under studio light: how bright each point of it and of the floor around it is.

Light comes from a sphere of directions: a large soft key, a fill, the room and the floor. What the figure hides of it is
found by looking at the figure from each of them, so that creases, armpits and the floor under the soles darken by
themselves. Everything is relative radiance in linear light; nothing of it ever touches her own pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .raster import rasterise, vertex_normals

_DIRECTIONS = 128
_REACH = 260  # pixels that the figure's height has, seen from a light
_BIAS = 0.9  # centimetres


@dataclass(frozen=True)
class Key:
    """Where the key light stands: degrees to the right of the picture and up, as seen from the figure, and how much
    of the light is its own (0 to 1)."""

    azimuth: float
    elevation: float
    share: float

    @property
    def direction(self) -> np.ndarray:
        """From the figure to the light; x to the right of the picture, y away from the camera, z up."""
        side, up = np.radians(self.azimuth), np.radians(self.elevation)
        return np.array([np.sin(side) * np.cos(up), -np.cos(side) * np.cos(up), np.sin(up)])


@dataclass(frozen=True, eq=False)
class Lit:
    """``vertices`` float64 (n,): irradiance of each vertex, 1 for a surface that faces all light. ``floor`` float64
    (rows, columns): the share of its light that each point of the floor keeps, over ``floor_x`` and ``floor_y``
    (centimetres)."""

    vertices: np.ndarray
    floor: np.ndarray
    floor_x: np.ndarray
    floor_y: np.ndarray


def lit(vertices: np.ndarray, triangles: np.ndarray, occluders: tuple[np.ndarray, np.ndarray], key: Key) -> Lit:
    """Light on a figure (vertices (n, 3) in centimetres, z up from the floor, camera at −y) that ``occluders`` (vertices
    and triangles, as of a head) throw their shadows on as well."""
    normals = vertex_normals(vertices, triangles)
    towards, power = _lamps(key)
    everything = np.concatenate([vertices, occluders[0]])
    all_triangles = np.concatenate([triangles, occluders[1] + len(vertices)])
    middle = (everything.min(axis=0) + everything.max(axis=0)) / 2
    span = float(np.linalg.norm(np.ptp(everything, axis=0)))
    floor_x, floor_y = np.arange(-130.0, 131.0, 2.0), np.arange(-90.0, 171.0, 2.0)
    floor = np.stack([*(grid.ravel() for grid in np.meshgrid(floor_x, floor_y)), np.zeros(len(floor_x) * len(floor_y))])
    floor = floor.T
    points = np.concatenate([vertices + 0.35 * normals, floor])
    all_normals = np.concatenate([normals, np.broadcast_to([0.0, 0.0, 1.0], floor.shape)])
    received, open_sky = np.zeros(len(points)), np.zeros(len(points))
    for direction, amount in zip(towards, power, strict=True):
        facing = np.maximum(all_normals @ direction, 0.0) * amount
        seen = _seen(points, everything, all_triangles, direction, middle, span)
        received += facing * seen
        open_sky += facing
    full = float((np.maximum(towards @ towards[int(np.argmax(power))], 0) * power).sum())
    on_floor = (received / np.maximum(open_sky, 1e-9))[len(vertices) :].reshape(len(floor_y), len(floor_x))
    return Lit(received[: len(vertices)] / full, on_floor, floor_x, floor_y)


def _lamps(key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Directions towards light (n, 3) and how much comes from each: spread evenly by the golden angle."""
    at = np.arange(_DIRECTIONS) + 0.5
    up = 1 - 2 * at / _DIRECTIONS
    turn = np.pi * (1 + 5**0.5) * at
    around = np.sqrt(1 - up**2)
    towards = np.stack([around * np.cos(turn), around * np.sin(turn), up], axis=1)
    main = key.direction
    fill = np.array([-main[0], main[1], 0.25])
    fill /= np.linalg.norm(fill)
    # A softbox as large as the figure, seen under about fifty degrees, and a wall of flats opposite.
    softbox, flats = np.exp((towards @ main - 1) / 0.10), np.exp((towards @ fill - 1) / 0.25)
    room = np.where(up > 0, 0.75 + 0.25 * up, 0.32)  # from below comes what the floor gives back
    room = room * np.where(towards[:, 1] > 0.2, 0.8, 1.0)
    parts = ((softbox, key.share), (flats, 0.30 * (1 - key.share)), (room, 0.70 * (1 - key.share)))
    power = sum(share * part / part.sum() for part, share in parts)
    return towards, power


def _seen(
    points: np.ndarray,
    vertices: np.ndarray,
    triangles: np.ndarray,
    direction: np.ndarray,
    middle: np.ndarray,
    span: float,
) -> np.ndarray:
    """How much of each point a light in this direction sees, 0 to 1."""
    aside = np.cross([0.0, 0.0, 1.0], direction)
    aside = aside / np.linalg.norm(aside) if np.linalg.norm(aside) > 1e-6 else np.array([1.0, 0.0, 0.0])
    upward = np.cross(direction, aside)
    scale = _REACH / span

    def flat(of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        off = of - middle
        return np.stack([off @ aside, off @ upward], axis=1) * scale + _REACH / 2 + 2, off @ direction

    side = _REACH + 4
    nearest = rasterise(*flat(vertices), triangles, side, side).nearness
    xy, depth = flat(points)
    total = np.zeros(len(points))
    for dx in (-0.7, 0.7):
        for dy in (-0.7, 0.7):
            column, row = np.floor(xy[:, 0] + dx).astype(int), np.floor(xy[:, 1] + dy).astype(int)
            inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
            there = nearest[np.clip(row, 0, side - 1), np.clip(column, 0, side - 1)]
            total += ~inside | (there <= depth + _BIAS + 0.8 / scale)
    return total / 4
