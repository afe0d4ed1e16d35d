"""Where a top's neckline runs: along the rib's edge in front, not along the back of the neck seen behind it, a stripe or a
hanger. A neckline that can't be told from the inside of its back is refused.
"""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
from scipy import ndimage

from ...vision.cloth import disc
from ...vision.skin import lab
from .packshot import refusal

_OTHER = 0.08  # of the cloth below a neckline that may be of another colour, where the chest is plain
_OPEN_NECK = 0.2  # of the collar's width: a shallower dip of the outline may be the back of the neck, not the front
_CLOSED_NECK = 0.1  # the same, where nothing below it is an edge: back and front lie one on the other
WIDEST_NECK = 0.75  # of the breadth of the shoulders
_FAINT = 3.0  # ΔE across an arch that may be an edge, though it isn't taken for one


def rise_of(mask: np.ndarray) -> np.ndarray:
    """The highest row of each column, float; the lowest of all where there is none."""
    return np.where(mask.any(axis=0), mask.argmax(axis=0), mask.shape[0]).astype(np.float64)


def neckline(rgb_srgb: np.ndarray, alpha: np.ndarray, marks: dict) -> tuple[dict[str, np.ndarray], np.ndarray, bool]:
    """The lowest point of the neckline and its ends, where it meets the outline; where the inside of the back shows
    above it: bool (h, w); and whether there may be a neckline below it, too faint to be sure of.

    The neckline is the arch between the collar's two ends, U or V, with the steadiest step of colour across it. Where
    the picture's background shows through the neck, it is the outline itself.
    """
    rise = rise_of(alpha > 127)
    left, right = _level(rise, marks)
    span = right - left
    wide = float(np.linalg.norm(span))
    nothing = np.zeros(alpha.shape, bool)
    t = np.linspace(-0.96, 0.96, 65)
    line = left + (t[:, None] + 1) / 2 * span
    columns = line[:, 0].round().astype(int)
    dip = rise[columns] - line[:, 1]
    lowest = int(np.argmax(dip))
    values = cv2.GaussianBlur(lab(rgb_srgb).astype(np.float32), (0, 0), max(0.008 * wide, 0.8))
    step = max(0.035 * wide, 1.5)
    tried: list[tuple[float, tuple[float, float, float, float]]] = []
    for power, broad in product((1.15, 1.5, 2.0, 2.8), (0.8, 0.9, 1.0, 1.3)):
        if power < 1.2 and broad > 1:
            continue
        arch = 1 - np.abs(t / broad) ** power
        for base in (0.0, 0.06, 0.12, 0.18):
            for depth in np.arange(0.12, min(0.95 if power < 1.2 else 0.7, 0.94) - base + 0.01, 0.02):
                y = line[:, 1] + (base + depth * arch) * wide
                clear = (y - step > rise[columns] + 0.5 * step) & (np.abs(t) < 0.97 * broad)
                if clear.sum() < 0.6 * (np.abs(t) < 0.9 * broad).sum():
                    continue
                turn = (_at(values, columns, y + step) - _at(values, columns, y - step))[clear]
                mean = turn.mean(axis=0)
                if not _all_along(turn @ mean > 0.35 * float(mean @ mean), np.abs(t[clear]) / broad):
                    continue
                bottom = line[clear, 1] + (base + depth) * wide
                if _straight(values, columns[clear], bottom, step, mean):
                    continue
                score = (0.6 * np.linalg.norm(mean) + 0.4 * np.median(np.linalg.norm(turn, axis=1))) * clear.mean()
                tried.append((score * (1 + 0.25 * (depth + base)), (depth * wide, power, base * wide, broad)))
    found = max((entry for entry in tried if entry[0] > 4.5), default=(0.0, None))[1]
    if found is None or dip[lowest] > 0.75 * (found[0] + found[2]):
        # Of a level stretch the middle.
        level = float(np.mean(columns[dip > dip[lowest] - 0.02 * wide]))
        front = np.float64([level, line[lowest, 1] + max(dip[lowest], 0)])
        below = [depth + base for score, (depth, _, base, _) in tried if score > _FAINT]
        return {"collar_front": front}, nothing, max(below, default=0) * wide > max(dip[lowest], 0) + 0.2 * wide
    depth, power, base, broad = found
    x = np.arange(alpha.shape[1])
    where = (x - left[0]) / span[0] * 2 - 1
    edge = left[1] + (where + 1) / 2 * span[1] + base + depth * (1 - np.abs(where / broad) ** power)
    under = np.flatnonzero((edge > rise + step) & (np.abs(where) < broad))
    edge[under] = _along(values, under, edge[under], step)
    reached = np.abs(where) < 1.2 * broad
    inside = reached & (np.arange(alpha.shape[0])[:, None] < edge) & (alpha > 0)
    ends = {"collar_front": (left + right) / 2 + np.float64([0, depth + base])}
    for name, sign in (("collar_left", -1), ("collar_right", 1)):
        for reach in np.arange(0.6, 1.5, 0.02) * sign:
            column = int(np.clip(round(left[0] + (reach + 1) / 2 * span[0]), 0, len(rise) - 1))
            if edge[column] <= rise[column] + 1:
                ends[name] = np.float64([column, rise[column]])
                break
    return ends, inside, False


def _level(rise: np.ndarray, marks: dict) -> tuple[np.ndarray, np.ndarray]:
    """The collar's two ends as far from the middle as the farther one: what lies behind a neck, the back of a collar or a
    hanger, can hide one of them."""
    left, right = marks["collar_left"], marks["collar_right"]
    middle = (marks["shoulder_left"][0] + marks["shoulder_right"][0]) / 2
    far = max(middle - left[0], right[0] - middle)
    if far > 1.6 * min(middle - left[0], right[0] - middle):
        return left, right
    ends = []
    for at, sign in ((left, -1), (right, 1)):
        column = int(np.clip(round(middle + sign * far), 0, len(rise) - 1))
        ends.append(at if abs(at[0] - column) < 0.03 * far else np.float64([column, rise[column]]))
    return ends[0], ends[1]


def _all_along(seen: np.ndarray, out: np.ndarray) -> bool:
    """Whether an edge is seen at the bottom of an arch, on its slopes and towards its ends: a stripe across the chest
    follows the bottom only. ``out`` is how far each place lies from the middle, 0 to 1."""
    for start, end in ((0, 0.35), (0.35, 0.65), (0.65, 1.0)):
        part = seen[(out >= start) & (out < end)]
        if len(part) and part.mean() < 0.7:
            return False
    return bool(len(seen) and seen.mean() > 0.8)


def _straight(values: np.ndarray, columns: np.ndarray, rows: np.ndarray, step: float, turn: np.ndarray) -> bool:
    """Whether the same step of colour goes on level from the lowest point of an arch: a stripe, and no neckline."""
    seen = np.zeros(len(columns), bool)
    for off in (-0.6, 0, 0.6):
        level = rows + off * step
        there = _at(values, columns, level + step) - _at(values, columns, level - step)
        seen |= there @ turn > 0.35 * float(turn @ turn)
    return bool(seen.mean() > 0.75)


def _along(values: np.ndarray, columns: np.ndarray, rows: np.ndarray, step: float) -> np.ndarray:
    """The edge itself near an arch, a row for each column: the path of the steepest change that keeps the arch's shape
    from one column to the next (dynamic programming)."""
    if len(columns) < 3:
        return rows
    reach = max(round(2 * step), 2)
    offsets = np.arange(-reach, reach + 1)
    at = rows[None] + offsets[:, None]
    beside = np.broadcast_to(columns, at.shape)
    turn = _at(values, beside, at + 0.5 * step) - _at(values, beside, at - 0.5 * step)
    mean = turn[reach].mean(axis=0)
    gain = np.clip(turn @ mean / max(float(np.linalg.norm(mean)), 1e-6), 0, 30) - 0.3 * np.abs(offsets)[:, None]
    best, came = gain[:, 0], np.zeros(gain.shape, int)
    for column in range(1, gain.shape[1]):
        # A row up or down from one column to the next costs a little.
        ways = np.stack(
            [np.pad(best, (1, 1), constant_values=-1e9)[k : k + len(best)] - 1.5 * abs(k - 1) for k in range(3)]
        )
        came[:, column] = ways.argmax(axis=0) - 1
        best = ways.max(axis=0) + gain[:, column]
    path = np.empty(gain.shape[1], int)
    path[-1] = int(best.argmax())
    for column in range(gain.shape[1] - 1, 0, -1):
        path[column - 1] = path[column] + came[path[column], column]
    return rows + ndimage.gaussian_filter1d(offsets[np.clip(path, 0, len(offsets) - 1)].astype(float), max(step, 1.0))


def front_of_the_neck(
    rgb_srgb: np.ndarray, alpha: np.ndarray, marks: dict[str, np.ndarray], inside: np.ndarray, faint: bool
) -> None:
    """Refuse a neck in which the inside of the back would be worn as the front: one whose edge isn't found, or below
    whose edge something else than the cloth shows, a label or a placket that stands open.

    Where a collar lies flat its front may cover its back all but a line: then the outline is the neckline.
    """
    left, right, front = (marks[f"collar_{end}"] for end in ("left", "right", "front"))
    wide = float(np.linalg.norm(right - left))
    dip = front[1] - 0.5 * (left[1] + right[1])
    closed = not inside.any() and dip < _OPEN_NECK * wide
    if closed and (faint or dip < _CLOSED_NECK * wide):
        raise refusal("the neckline of the garment can't be told from the inside of its back")

    def patch(first: float, last: float) -> np.ndarray:
        rows, columns = front[1] + np.float64([first, last]) * wide, front[0] + np.float64([-0.25, 0.25]) * wide
        here = np.s_[max(round(rows[0]), 0) : round(rows[1]), max(round(columns[0]), 0) : round(columns[1])]
        return lab(rgb_srgb[here])

    below, chest = patch(0.05 if inside.any() else 0.02, 0.4), patch(0.5, 1.3)
    if not below.size or not chest.size:
        return
    cloth = [np.median(chest.reshape(-1, 3), axis=0)]
    if closed:
        cloth += _rib(rgb_srgb, alpha, left, right)
    # A seam or the shadow under an edge is thin; a label isn't.
    thin = disc(max(round(0.02 * wide), 1))

    def share(part: np.ndarray) -> float:
        other = np.min([np.linalg.norm(part - colour, axis=2) for colour in cloth], axis=0) > 15
        return float((cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_OPEN, thin) if closed else other).mean())

    if share(below) > max(_OTHER, 2.5 * share(chest)):
        raise refusal("the neck of the garment stands open: a label or the inside of its back shows below the neckline")


def _rib(rgb_srgb: np.ndarray, alpha: np.ndarray, left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
    """The colour that runs all along below the outline from one end of the collar to the other, Lab, if one does."""
    wide = float(np.linalg.norm(right - left))
    rise = rise_of(alpha > 127)
    columns = np.arange(round(left[0] + 0.1 * wide), round(right[0] - 0.1 * wide))
    strip = np.stack([_at(rgb_srgb, columns, rise[columns] + far * wide) for far in np.linspace(0.03, 0.12, 7)])
    strip = lab(strip)
    colour = np.median(strip.reshape(-1, 3), axis=0)
    along = np.median(np.linalg.norm(strip - colour, axis=2), axis=0) < 15
    thirds = np.array_split(along, 5)
    return [colour] if all(part.mean() > 0.7 for part in thirds) else []


def _at(values: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return values[np.clip(rows.round().astype(int), 0, values.shape[0] - 1), columns]
