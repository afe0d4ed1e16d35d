"""Where the front of a top ends at the neck in its packshot, and what shows above it: the inside of its back, a label,
a hanger. None of that may be worn on a chest.

A neckline is an arch that lies alike on both sides of the garment's middle, ends where the shoulders' outline ends, and
all along which colour changes across it and not along it. A stripe is level and runs on to the sleeves, a print is on
one side; neither is an arch, however strong its edges. Where several arches could be it, a rib tells which: it is as
broad everywhere and of one colour. What stays ambiguous is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ...vision.skin import lab
from .packshot import refusal

_SURE = 0.70  # support from which an arch is taken for a neckline
_AS_SURE = 0.82  # of the best's support, from which an arch is as good as that
_RIVAL = (
    0.75  # of the best's, from which a deeper arch that is no rib's lower edge leaves it open which is the neckline
)
_APART = 0.05  # of the collar's width: arches nearer to each other are one
_STEP = 4.0  # ΔE of an edge that is half believed
_RIB = (0.05, 0.34)  # breadth of a rib over the collar's width
_ONE_COLOUR = 6.0  # ΔE within a rib
_OTHER = 0.08  # of the cloth below a neckline that may be of another colour, where the chest is plain
_UNLIKE, _OTHER_HUE = 12.0, 5.0  # ΔE from the cloth of what is of another colour; of its hue alone
_SHALLOWEST, _SHALLOWEST_V = 0.11, 0.3  # depth over the collar's width: what is more level is no neckline, round or a V
_ROUND = 1.5  # exponent p from which an arch isn't a V
_BEYOND = 0.3  # of its support, that an arch loses for each width of the collar by which it is wider than that
_HALF = (0.68, 1.5)  # an arch's width over that between the collar's marks, which see the back's collar, too
_KEPT = 10  # arches that are looked at closely
# Exponents (p, q) of an arch (1 − |t|^p)^q: V, U and the half ellipses of round necks.
_SHAPES = ((1.0, 1.0), (1.3, 1.0), (1.7, 1.0), (2.2, 1.0), (3.0, 1.0), (2.0, 0.6), (2.6, 0.6))
_ALONG = np.linspace(0.0, 0.94, 24)
_SHORT = slice(0, 18)  # of it, what is surely between the ends


@dataclass(frozen=True)
class Arch:
    """``middle`` (x), ``half`` its width, ``top`` (y) of its ends, ``depth``, exponents ``p`` and ``q``; ``support`` 0 to 1."""

    support: float
    middle: float
    half: float
    top: float
    depth: float
    p: float
    q: float

    @property
    def bottom(self) -> float:
        return self.top + self.depth

    def rows(self, x: np.ndarray) -> np.ndarray:
        """Its row at each x; past its ends it goes on upwards, steeply."""
        t = np.abs(np.asarray(x, np.float64) - self.middle) / self.half
        below = np.clip(1 - t**self.p, 0, None) ** self.q
        return self.top + self.depth * below - np.clip(t - 1, 0, None) * 2 * self.half


@dataclass(frozen=True)
class _Neck:
    """What the arch is looked for in."""

    values: np.ndarray
    alpha: np.ndarray
    rise: np.ndarray
    left: np.ndarray
    right: np.ndarray
    axis: float

    @cached_property
    def wide(self) -> float:
        return float(self.right[0] - self.left[0])

    def colour(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows, columns = (
            np.clip(v.round().astype(int), 0, n - 1) for v, n in zip((y, x), self.alpha.shape, strict=True)
        )
        return self.values[rows, columns]

    def cloth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows, columns = (
            np.clip(v.round().astype(int), 0, n - 1) for v, n in zip((y, x), self.alpha.shape, strict=True)
        )
        return self.alpha[rows, columns] > 127

    def rise_at(self, x: float) -> float:
        return float(self.rise[int(np.clip(round(x), 0, len(self.rise) - 1))])


def neckline(
    rgb_srgb: np.ndarray, alpha: np.ndarray, marks: dict[str, np.ndarray], axis: float
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Marks of the neckline's lowest point and its ends, and where the inside of the back shows above it: bool (h, w).

    Where the picture's background shows through the neck, the neckline is the outline itself. Raises EngineRefused
    ``engine.packshot`` where the front can't be told from the inside of the back.
    """
    rise = np.where((alpha > 127).any(axis=0), (alpha > 127).argmax(axis=0), len(alpha)).astype(np.float64)
    left, right = marks["collar_left"], marks["collar_right"]
    wide = float(right[0] - left[0])
    values = cv2.GaussianBlur(lab(rgb_srgb).astype(np.float32), (0, 0), max(0.008 * wide, 0.8))
    neck = _Neck(values, alpha, rise, left, right, axis)
    chosen = _chosen(neck)
    arch, rib = chosen or (None, None)
    columns = np.arange(round(left[0] + 0.05 * wide), round(right[0] - 0.05 * wide) + 1)
    line = left[1] + (columns - left[0]) / wide * (right[1] - left[1])
    dip = rise[columns] - line
    lowest = int(np.argmax(dip))
    if arch is None or dip[lowest] > 0.75 * (arch.bottom - 0.5 * (left[1] + right[1])):
        front = np.float64([0.5 * (left[0] + right[0]), line[lowest] + max(dip[lowest], 0)])
        found, inside = {"collar_front": front}, np.zeros(alpha.shape, bool)
    else:
        found = {
            "collar_front": np.float64([arch.middle, arch.bottom]),
            "collar_left": np.float64([arch.middle - arch.half, arch.top]),
            "collar_right": np.float64([arch.middle + arch.half, arch.top]),
        }
        inside = _above(neck, arch)
    edge = rib.bottom if rib and inside.any() else found["collar_front"][1]
    _closed(rgb_srgb, marks | found, inside, edge)
    return found, inside


def _chosen(neck: _Neck) -> tuple[Arch, Arch] | None:
    """The arch that is the neckline, and the lower edge of its rib (the same, without one); None where there is none.
    Refuses where it might be another.

    Of arches nearly as sure the deepest: above the front's edge the back has edges, too, a rib's and those of stripes.
    """
    arches = _arches(neck)
    most = max((arch.support for arch in arches), default=0.0)
    if most < _SURE:
        return None
    sure = [arch for arch in arches if arch.support >= max(_SURE, _AS_SURE * most)]
    deepest = max(sure, key=lambda arch: arch.bottom)
    # Of the two edges of a rib the upper is where the cloth ends.
    upper = [arch for arch in sure if arch.bottom < deepest.bottom and _is_rib(neck, arch, deepest)]
    best = max(upper, key=lambda arch: arch.support, default=deepest)
    for arch in arches:
        lower = arch.bottom > best.bottom + _APART * neck.wide
        if lower and arch.support > _RIVAL * most and arch is not deepest and not _is_rib(neck, best, arch):
            raise refusal("the neckline of the garment can't be told from the inside of its back")
    ribs = [arch for arch in arches if arch.support > 0.5 * most and _is_rib(neck, best, arch)]
    return best, min(ribs, key=lambda arch: arch.bottom, default=best)


def _arches(neck: _Neck) -> list[Arch]:
    """The arches with support, best first, one of those that lie close to each other."""
    wide = neck.wide
    middle = 0.5 * float(neck.left[0] + neck.right[0])
    depths = np.arange(0.12, 0.9, 0.02) * wide
    found: list[Arch] = []
    for x in np.linspace(min(neck.axis, middle) - 0.03 * wide, max(neck.axis, middle) + 0.03 * wide, 5):
        for half in np.arange(*_HALF, 0.08) * wide / 2:
            # What sticks out of a neck on one side, a hanger, hides that end: the lower of the two is the collar's.
            ends = max(neck.rise_at(x - half), neck.rise_at(x + half))
            if ends >= len(neck.alpha) - 1:
                continue
            for base in (0.0, 0.05):
                for p, q in _SHAPES:
                    found += _of_a_shape(neck, float(x), float(half), ends + base * wide, p, q, depths)
    return _apart([_settled(neck, arch) for arch in _apart(found, wide)[:_KEPT]], wide)


def _apart(found: list[Arch], wide: float) -> list[Arch]:
    """Best first, one of those that lie close to each other."""
    kept: list[Arch] = []
    for arch in sorted(found, key=lambda arch: -arch.support):
        if all(abs(arch.bottom - other.bottom) > _APART * wide for other in kept):
            kept.append(arch)
    return kept


def _settled(neck: _Neck, arch: Arch) -> Arch:
    """Moved to where its support is greatest nearby: which of two is better mustn't hang on where a grid fell."""
    for reach in (0.04, 0.02, 0.01):
        off = np.array([-reach, 0.0, reach]) * neck.wide
        near = [
            moved
            for x in arch.middle + off
            for half in np.clip(arch.half + off, *(0.5 * neck.wide * share for share in _HALF))
            for top in arch.top + off
            for moved in _of_a_shape(
                neck, float(x), float(half), float(top), arch.p, arch.q, arch.depth + arch.top - top + off
            )
        ]
        arch = max([arch, *near], key=lambda moved: moved.support)
    return arch


def _of_a_shape(neck: _Neck, x: float, half: float, top: float, p: float, q: float, depths: np.ndarray) -> list[Arch]:
    """The arches of one shape at those depths, each with its support: how far colour changes across it, not along it, on
    both sides alike and in its bottom as in its flanks."""
    step = max(0.03 * neck.wide, 1.5)
    depths = depths[depths > (_SHALLOWEST if p > _ROUND else _SHALLOWEST_V) * neck.wide]
    if not len(depths):
        return []
    t = _ALONG
    under = np.clip(1 - t**p, 1e-6, None)
    y = top + depths[:, None] * under**q
    slope = depths[:, None] / half * p * q * t ** (p - 1) * under ** (q - 1)
    run = np.hypot(slope, 1)
    across, down = slope / run * step, step / run
    sides, clear = [], []
    for sign in (-1, 1):
        at = x + sign * half * t + 0 * y
        over = neck.colour(at + sign * across, y + down) - neck.colour(at - sign * across, y - down)
        along = neck.colour(at + sign * down, y - across) - neck.colour(at - sign * down, y + across)
        over, along = (over**2).sum(axis=2), (along**2).sum(axis=2)
        sides.append(over / (over + along + _STEP**2))
        clear.append(neck.cloth(at - 1.3 * sign * across, y - 1.3 * down))
    known = clear[0] & clear[1]
    both = np.where(known, np.minimum(*sides), 0)
    counts = np.maximum(known.sum(axis=1), 1)
    parts = [
        both[:, where].sum(axis=1) / np.maximum(known[:, where].sum(axis=1), 1)
        for where in (slice(0, 8), slice(8, 16), slice(16, None))
    ]
    # An end hidden by the outline's own edge says nothing; a whole flank must be there.
    seen = known[:, _SHORT].mean(axis=1) > 0.85
    parts[2] = np.where(known[:, 16:].any(axis=1), parts[2], parts[1])
    support = np.where(seen, 0.5 * both.sum(axis=1) / counts + 0.5 * np.min(parts, axis=0), 0)
    # Its ends are the collar's.
    support *= 1 - _BEYOND * max(2 * half / neck.wide - 1, 0)
    return [
        Arch(float(value), x, half, top, float(depth), p, q)
        for value, depth in zip(support, depths, strict=True)
        if value > 0.4 * _SURE
    ]


def _is_rib(neck: _Neck, upper: Arch, lower: Arch) -> bool:
    """Whether what lies between two arches is as broad at their flanks as in the middle, and of one colour."""
    middle = 0.5 * (upper.middle + lower.middle)
    t = np.linspace(-0.75, 0.75, 31)
    x = middle + t * min(upper.half, lower.half)
    high, low = upper.rows(x), lower.rows(x)
    lean = np.gradient(0.5 * (high + low), x)
    breadth = (low - high) / np.hypot(lean, 1) / neck.wide
    if not _RIB[0] < breadth[15] < _RIB[1] or not 0.55 < np.median(breadth[np.abs(t) > 0.5]) / breadth[15] < 1.8:
        return False
    between = neck.colour(x, 0.5 * (high + low))
    rib = np.median(between, axis=0)
    if np.median(np.linalg.norm(between - rib, axis=1)) > _ONE_COLOUR:
        return False
    # A rib goes round the neck. A stripe of the back that shows above it is of another colour than the rib behind.
    centre = np.abs(t) < 0.4
    rise = neck.rise[np.clip(x[centre].round().astype(int), 0, len(neck.rise) - 1)]
    behind = np.median(neck.colour(x[centre], rise + 0.05 * neck.wide), axis=0)
    below = np.median(neck.colour(x[centre], low[centre] + 0.05 * neck.wide), axis=0)
    return bool(np.linalg.norm(rib - behind) < np.linalg.norm(below - behind) + _ONE_COLOUR)


def _above(neck: _Neck, arch: Arch) -> np.ndarray:
    """What of the picture lies above the neckline, and what sticks out of the neck on one side only: bool (h, w)."""
    high, wide = neck.alpha.shape
    x = np.arange(wide, dtype=np.float64)
    t = np.abs(x - arch.middle) / arch.half
    edge = np.where(t < 1.15, arch.rows(x), -1.0)
    mirrored = np.clip((2 * arch.middle - x).round().astype(int), 0, wide - 1)
    alike = np.maximum(neck.rise, neck.rise[mirrored]) - 0.06 * neck.wide
    beside = (t >= 1) & (t < 1.6) & (alike < high - 1) & (neck.rise < alike)
    edge = np.where(beside, np.maximum(edge, alike), edge)
    return (np.arange(high)[:, None] < edge[None, :]) & (neck.alpha > 0)


def _closed(rgb_srgb: np.ndarray, marks: dict[str, np.ndarray], inside: np.ndarray, edge: float) -> None:
    """Refuse a neck in which the inside of the back would be worn as the front: one whose edge isn't found, or below
    whose ``edge`` (a row, its rib's where it has one) something else than the cloth shows, a label or a placket that
    stands open."""
    left, right, front = (marks[f"collar_{end}"] for end in ("left", "right", "front"))
    wide = float(np.linalg.norm(right - left))
    if not inside.any() and front[1] - 0.5 * (left[1] + right[1]) < 0.1 * wide:
        raise refusal("the neckline of the garment can't be told from the inside of its back")

    def patch(first: float, last: float) -> np.ndarray:
        rows, columns = edge + np.float64([first, last]) * wide, front[0] + np.float64([-0.25, 0.25]) * wide
        here = np.s_[round(rows[0]) : round(rows[1]), max(round(columns[0]), 0) : round(columns[1])]
        return lab(rgb_srgb[here]).reshape(-1, 3)

    below, chest = patch(0.05, 0.4), patch(0.5, 1.3)
    if not len(below) or not len(chest):
        return
    cloth = np.median(chest, axis=0)
    # Folds change how light cloth is, not its hue: a label is told by that, too.
    for channels, most in ((slice(0, 3), _UNLIKE), (slice(1, 3), _OTHER_HUE)):
        off = [np.linalg.norm((part - cloth)[:, channels], axis=1) > most for part in (below, chest)]
        if off[0].mean() > max(_OTHER, 2.5 * off[1].mean()):
            raise refusal(
                "the neck of the garment stands open: a label or the inside of its back shows below the neckline"
            )
