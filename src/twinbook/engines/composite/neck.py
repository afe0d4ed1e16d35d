"""Where a mannequin's neck ends: a steel collar round it, as a display form has, which a photographed neck goes into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...vision.body_mesh import Mannequin
from .raster import split

_TILT = np.radians(15.0)  # lower in front, as a necklace lies
_HIGH = 1.5  # centimetres of steel
_THICK = 0.32
_AROUND = 96


@dataclass(frozen=True, eq=False)
class Collar:
    """A figure with its collar: ``vertices`` (n, 3) in centimetres, ``triangles`` (m, 3). Of each vertex: ``steel`` is 1 on
    the collar, ``arm`` 1 on an arm, ``inside`` 1 within the collar. ``seams`` are the heights at which parts of the figure are
    put together: of the trunk, of the arms (two).
    ``front_edge`` (k, 3) is the collar's upper edge in front."""

    vertices: np.ndarray
    triangles: np.ndarray
    steel: np.ndarray
    arm: np.ndarray
    seams: tuple[float, float, float]
    inside: np.ndarray
    front_edge: np.ndarray


def collared(body: Mannequin, height: float, half_width: float | None) -> Collar:
    """``body`` cut at the neck, its front at ``height`` over the floor; ``half_width`` of her own neck there, where it shows
    (centimetres)."""
    vertices = body.vertices
    base, throat = float(body.points["neck01"][2]), body.points["neck03"]
    near = (vertices[:, 2] > base - 6) & ~body.arm
    # Where it is nothing but neck: half-way up, and from there the collar's axes.
    level = 0.5 * (base + float(throat[2]))
    ring = vertices[near & (np.abs(vertices[:, 2] - level) < 1.2)]
    middle, half = (ring.min(axis=0) + ring.max(axis=0)) / 2, np.ptp(ring, axis=0) / 2
    height = max(height, base - 0.8)
    wider = float(np.clip((half_width or half[0]) / half[0], 0.85, 1.25))
    a, b = half[0] * wider * 1.03, half[1] * (1 + 0.5 * (wider - 1)) * 1.03
    slope = np.tan(_TILT)
    # A neck leans forward as it rises.
    lean = (body.points["neck01"][1] - throat[1]) / (base - throat[2])
    centre = np.array([middle[0], middle[1] + lean * (height + slope * b - level)])
    front = centre[1] - b

    def over(points: np.ndarray) -> np.ndarray:
        return points[:, 2] - (height + slope * (points[:, 1] - front))

    # Her own neck's breadth, from the collar down to where shoulders begin.
    reach = np.clip((vertices[:, 2] - (base - 3.0)) / max(height - base + 3.0, 1.0), 0, 1) * near
    reach = (reach * reach * (3 - 2 * reach))[:, None]
    stretch = np.array([wider - 1, 0.5 * (wider - 1), 0.0])
    vertices = vertices + reach * (vertices - middle) * stretch
    # A neck comes out of the collar as broad as it goes in; what stands out beyond is drawn in, less and less below.
    off = (vertices[:, :2] - centre) / [a, b]
    away = np.hypot(off[:, 0], off[:, 1])
    throat = (off[:, 1] < 0) & (np.abs(off[:, 0]) < 1.1)
    share = (
        np.where(throat, 1.0, np.clip((2.0 - away) / 0.6, 0, 1)) * np.clip((over(vertices) + 5.0) / 3.5, 0, 1) * near
    )
    drawn = away - share * np.maximum(away - 0.97, 0)
    off *= (drawn / np.maximum(away, 1e-6))[:, None]
    vertices = np.column_stack([centre + off * [a, b], vertices[:, 2]])
    away, high = drawn, over(vertices)
    gone = near & (high > -0.3) & ((away < 1.15) | throat | (high > 3.0))
    # What is above the collar is drawn together into a lid within it.
    closer = (np.minimum(away, 0.96) / np.maximum(away, 1e-6))[:, None]
    lid = centre + off * closer * [a, b]
    lid = np.column_stack([lid, height - 0.3 + slope * (lid[:, 1] - front)])
    vertices = np.where(gone[:, None], lid, vertices)
    ring, quads, top = _ring(centre, a, b, height, slope, front)
    count = len(vertices)
    disc = _disc(centre, a, b, height - 0.25, slope, front)
    spokes = np.arange(_AROUND)
    fan = np.stack([np.full(_AROUND, _AROUND), spokes, (spokes + 1) % _AROUND], axis=1)
    everything = np.concatenate([vertices, ring, disc])
    triangles = np.concatenate([split(body.faces), split(quads) + count, fan + count + len(ring)])
    steel, inside = np.zeros(len(everything)), np.zeros(len(everything))
    steel[count:] = 1
    inside[count + len(ring) :] = 1
    arm = np.zeros(len(everything))
    arm[:count] = body.arm
    lower = top[top[:, 1] <= centre[1] + 0.02 * b]
    return Collar(everything, triangles, steel, arm, _seams(body), inside, lower)


def _ring(
    centre: np.ndarray, a: float, b: float, height: float, slope: float, front: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points and quadrangles of the collar, and its upper outer edge: a flat band with rounded edges."""
    round_off = 0.14
    profile = [
        (-0.1, -0.25), (_THICK - round_off, 0.0), (_THICK, -round_off), (_THICK, -_HIGH + round_off),
        (_THICK - round_off, -_HIGH), (-0.1, -_HIGH),
    ]  # fmt: skip
    turn = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    loops = []
    for outward, up in profile:
        x, y = centre[0] + (a + outward) * np.sin(turn), centre[1] - (b + outward) * np.cos(turn)
        loops.append(np.stack([x, y, height + up + slope * (y - front)], axis=1))
    i, j = np.meshgrid(np.arange(len(profile) - 1), np.arange(_AROUND), indexing="ij")
    one, other = i * _AROUND + j, i * _AROUND + (j + 1) % _AROUND
    quads = np.stack([one, one + _AROUND, other + _AROUND, other], axis=-1).reshape(-1, 4)
    return np.concatenate(loops), quads, loops[1]


def _disc(centre: np.ndarray, a: float, b: float, height: float, slope: float, front: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    x, y = centre[0] + a * np.sin(turn), centre[1] - b * np.cos(turn)
    rim = np.stack([x, y, height + slope * (y - front)], axis=1)
    return np.concatenate([rim, rim.mean(axis=0, keepdims=True)])


def _seams(body: Mannequin) -> tuple[float, float, float]:
    hips, waist = (float(body.vertices[body.rings[name], 2].mean()) for name in ("hips", "waist"))
    shoulder, elbow, wrist = (float(body.points[name][2]) for name in ("upperarm01", "lowerarm01", "wrist"))
    return 0.55 * waist + 0.45 * hips, shoulder - 0.42 * (shoulder - elbow), wrist + 1.0
