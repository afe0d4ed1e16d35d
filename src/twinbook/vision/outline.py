"""Her outline in a matte: the edges of each row of pixels, and the marks that are found in it whatever she wears.

Arms are told from the trunk where backdrop shows between them, and legs from each other. Only the matte and five face
landmarks are read; `body` compares outlines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from ..domain.twin import Box

# Outlines are read at no more rows than this; edges are found between pixels, so nothing is gained above it.
MOST_ROWS = 1000
# Sideways place of the base of the nose between the eyes, over their distance, above which a face is turned. Frontal
# photographs of one person read up to 0.06, a quarter turn (25 degrees) about 0.18.
_TURNED, _PROFILE = 0.10, 0.45


class Pose(StrEnum):
    """How she stands to the camera, by her head."""

    FRONT = "front"
    TURNED = "three-quarter"
    PROFILE = "profile"


@dataclass(frozen=True, eq=False)
class BodyShape:
    """An outline. Pixels are those of a copy at most 1000 high, x and y to the right and down.

    ``rows`` (float32 (n, 6)) has for each row of the copy from ``top``: left and right edge of head, trunk or both legs
    together; left and right edge of the gap between the legs; the edges, facing the trunk, of an arm to the left and to
    the right of it. NaN where there is no such edge or the frame cuts it. ``marks`` are y of crown, eyes, nose,
    shoulder, armpit_left, armpit_right, tip_left, tip_right (of the hands), crotch, hem (where legs end in feet) and
    sole, as far as they show; ``unseen`` says why the others don't. ``turn`` is the sideways place of the nose between
    the eyes over their distance (positive: to the right).
    """

    pose: Pose
    turn: float
    top: int
    rows: np.ndarray
    marks: Mapping[str, float]
    unseen: Mapping[str, str]

    @property
    def widths(self) -> Mapping[str, float]:
        """Widths at anatomical levels over the height from crown to shoulder; levels that don't show are left out."""
        return _widths(self)

    @property
    def lengths(self) -> Mapping[str, float]:
        """Trunk (shoulder to crotch) and legs (crotch to soles) in the same unit, as far as they show."""
        marks, unit = self.marks, self.marks["shoulder"] - self.marks["crown"]
        ends = {"trunk": ("shoulder", "crotch"), "legs": ("crotch", "sole")}
        return {
            name: (marks[end] - marks[start]) / unit
            for name, (start, end) in ends.items()
            if start in marks and end in marks
        }


def shape(alpha: np.ndarray, face: Box, landmarks: np.ndarray, yaw: float | None = None) -> BodyShape | None:
    """The outline in a matte (uint8 (h, w)) of the person with this face; landmarks are dlib's five points.

    ``yaw`` is the head's turn in degrees if it is known (positive: to the right of the picture). None when there is no
    head with shoulders in the matte.
    """
    scale = min(1.0, MOST_ROWS / alpha.shape[0])
    if scale < 1:
        size = round(alpha.shape[1] * scale), round(alpha.shape[0] * scale)
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    points = np.asarray(landmarks, np.float64) * scale
    unit = face.height * scale
    opacity = cv2.GaussianBlur(alpha.astype(np.float32) / 255, (0, 0), max(0.004 * unit, 0.5))
    top, rows = _follow(opacity, points, unit)
    if rows is None:
        return None
    marks = {"eyes": float(points[:4, 1].mean()), "nose": float(points[4, 1])}
    unseen = _mark(marks, rows, top, unit, opacity)
    if "shoulder" not in marks or "crown" not in marks:
        return None
    eyes = (points[0] + points[1]) / 2, (points[2] + points[3]) / 2
    distance = float(np.linalg.norm(eyes[0] - eyes[1]))
    turn = float((points[4, 0] - (eyes[0][0] + eyes[1][0]) / 2) / max(distance, 1.0))
    if yaw is not None:
        turn = yaw / 140  # 25 degrees move the nose by about 0.18 of the eyes' distance
    pose = Pose.FRONT if abs(turn) < _TURNED else Pose.TURNED if abs(turn) < _PROFILE else Pose.PROFILE
    return BodyShape(pose, turn, top, rows.astype(np.float32), marks, unseen)


def _follow(opacity: np.ndarray, points: np.ndarray, unit: float) -> tuple[int, np.ndarray | None]:
    """Edges of each row, head to feet, beginning at the nose; the first row and the rows, None without a head."""
    high, wide = opacity.shape
    start = int(np.clip(points[4, 1], 0, high - 1))
    middle = float(np.clip(points[:4, 0].mean(), 0, wide - 1))
    least = 0.02 * unit
    head = _row(opacity[start], (middle - 0.3 * unit, middle + 0.3 * unit), middle, least)
    if head is None:
        return 0, None
    found = {start: head}
    for step, end in ((-1, -1), (1, high)):
        last, centre = head, middle
        for y in range(start + step, end, step):
            row = _row(opacity[y], (last[0], last[1]), centre, least)
            if row is None:
                break
            found[y] = last = row
            if step > 0 and np.isnan(row[2]) and y > start + 0.5 * unit:
                centre += 0.05 * ((row[0] + row[1]) / 2 - centre)
    top = min(found)
    rows = np.array([found[y] for y in range(top, max(found) + 1)])
    # The frame's edge is not hers.
    rows[:, :2][(rows[:, :2] < 1.5) | (rows[:, :2] > wide - 1.5)] = np.nan
    return top, rows


def _row(line: np.ndarray, last: tuple[float, float], centre: float, least: float) -> tuple[float, ...] | None:
    """One row of `BodyShape.rows`, following on the row that reached over ``last``; None where she ends."""
    inside = line >= 0.5
    steps = np.flatnonzero(np.diff(inside.astype(np.int8), prepend=0, append=0))
    runs = [(a, b) for a, b in steps.reshape(-1, 2).tolist() if b - a >= least]
    near = [(a, b) for a, b in runs if b > last[0] and a < last[1]]
    if not near:
        return None
    broad = sorted(near, key=lambda run: run[1] - run[0])[-2:]
    if len(broad) == 2 and broad[0][1] - broad[0][0] > 0.55 * (broad[1][1] - broad[1][0]):
        # Two of nearly one width are legs: an arm is much narrower than the trunk.
        one, other = sorted(broad)
        gap = _edge(line, one[1]), _edge(line, other[0])
        return _edge(line, one[0]), _edge(line, other[1]), *gap, *_arms(line, runs, one[0], other[1])
    trunk = next((run for run in near if run[0] <= centre < run[1]), broad[-1])
    return _edge(line, trunk[0]), _edge(line, trunk[1]), np.nan, np.nan, *_arms(line, runs, *trunk)


def _arms(line: np.ndarray, runs: list[tuple[int, int]], left: int, right: int) -> tuple[float, float]:
    before = [end for _, end in runs if end <= left]
    after = [start for start, _ in runs if start >= right]
    return _edge(line, before[-1]) if before else np.nan, _edge(line, after[0]) if after else np.nan


def _edge(line: np.ndarray, at: int) -> float:
    """Where opacity passes one half between pixels ``at`` − 1 and ``at``; pixel ``i`` covers i to i + 1."""
    if at <= 0 or at >= len(line):
        return float(at)
    before, after = float(line[at - 1]), float(line[at])
    return at - 0.5 + (0.5 - before) / (after - before) if after != before else float(at)


def _mark(marks: dict[str, float], rows: np.ndarray, top: int, unit: float, opacity: np.ndarray) -> dict[str, str]:
    """Add to ``marks`` what can be found, and return why the others can't."""
    unseen: dict[str, str] = {}
    bottom, high = top + len(rows), len(opacity)
    if top > 1:
        marks["crown"] = _edge(_across(opacity, rows[0]), top)
    else:
        unseen["crown"] = "her head is cut by the frame"
    if (shoulder := _shoulder(rows, top, unit, marks["nose"])) is None:
        unseen["shoulder"] = "her shoulders don't show"
        return unseen
    marks["shoulder"] = shoulder
    from_row = round(shoulder - top)
    for side, gap in (("left", rows[:, 0] - rows[:, 4]), ("right", rows[:, 5] - rows[:, 1])):
        apex = _apex(gap, from_row, unit)
        if apex is None:
            unseen[f"armpit_{side}"] = "no backdrop shows between arm and trunk"
            continue
        marks[f"armpit_{side}"] = top + apex
        if (tip := _tip(rows, side, round(apex), unit)) is not None:
            marks[f"tip_{side}"] = top + tip
        else:
            unseen[f"tip_{side}"] = "her hand is on her body or out of the picture"
    crotch = _apex(rows[:, 3] - rows[:, 2], from_row + round(1.5 * unit), unit)
    if crotch is not None:
        marks["crotch"] = top + crotch
    else:
        unseen["crotch"] = (
            "her legs are out of the picture" if bottom >= high - 1 else "no backdrop shows between her legs"
        )
    if bottom >= high - 1:
        unseen["hem"] = unseen["sole"] = "her feet are out of the picture"
    else:
        marks["sole"] = _edge(_across(opacity, rows[-1]), bottom)
        marks["hem"] = top + _hem(rows, from_row, unit)
    return unseen


def _across(opacity: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The most opaque of each row of pixels between two edges, of which the frame may be one."""
    left, right = np.nan_to_num(row[:2], nan=-1)
    return opacity[:, max(int(left), 0) : int(right) + 1 if right > 0 else None].max(axis=1)


def _shoulder(rows: np.ndarray, top: int, unit: float, nose: float) -> float | None:
    """Half-way, in width, from the narrowest place under the chin to the shoulders."""
    wide = rows[:, 1] - rows[:, 0]
    if np.isnan(wide).all():
        return None
    wide = smooth(np.nan_to_num(wide, nan=np.nanmax(wide)), 0.02 * unit)
    first, last = max(round(nose - top + 0.25 * unit), 0), min(round(nose - top + 2.1 * unit), len(wide) - 1)
    if last - first < max(0.4 * unit, 2):
        return None
    # Long hair may be broader than the neck under it: the steepest widening tells where shoulders begin.
    slope = gaussian_filter1d(np.gradient(wide), 0.06 * unit)
    steep = first + int(np.argmax(slope[first:last]))
    neck = max(steep - round(0.45 * unit), first) + int(
        np.argmin(wide[max(steep - round(0.45 * unit), first) : steep + 1])
    )
    below = min(steep + round(0.4 * unit), len(wide) - 1)
    half = (wide[neck] + wide[below]) / 2
    if wide[below] < 1.2 * wide[neck]:
        return None
    at = neck + int(np.argmax(wide[neck : below + 1] >= half))
    return float(top + at - (wide[at] - half) / max(wide[at] - wide[at - 1], 1e-3)) if at > neck else None


def _apex(gap: np.ndarray, first: int, unit: float) -> float | None:
    """The row where a gap (its width in each row, NaN where closed) is a thirtieth of a face wide; None without a gap.

    It must stay open for a fifth of a face. Its very first rows are blurred shut, more or less with every copy.
    """
    least = 0.03 * unit
    opened = gap > least
    opened[:first] = False
    long = max(round(0.2 * unit), 2)
    if len(gap) < long:
        return None
    stays = np.convolve(opened, np.ones(long), "valid") >= 0.9 * long
    if not stays.any():
        return None
    start = int(np.argmax(stays))
    start += int(np.argmax(opened[start:]))
    before = gap[start - 1] if np.isfinite(gap[start - 1]) else 0.0
    return start - float(np.clip((gap[start] - least) / max(gap[start] - before, 1e-6), 0, 1))


def _tip(rows: np.ndarray, side: str, pit: int, unit: float) -> float | None:
    """The last row of the arm that parts from the trunk at ``pit``; None where it runs into the body or the frame."""
    inner, trunk, outward = (rows[:, 4], rows[:, 0], -1) if side == "left" else (rows[:, 5], rows[:, 1], 1)
    known = np.flatnonzero(np.isfinite(inner[pit:])) + pit
    if not len(known):
        return None
    breaks = np.flatnonzero(np.diff(known) > 0.05 * unit)
    end = int(known[breaks[0]] if len(breaks) else known[-1])
    around = trunk[max(end - 3, 0)], trunk[min(end + 3, len(rows) - 1)]
    if (
        end > len(rows) - 1 - 0.1 * unit
        or end - pit < 0.3 * unit
        or not (around[1] - around[0]) * outward < 0.05 * unit
    ):
        return None
    return float(end)


def _hem(rows: np.ndarray, first: int, unit: float) -> float:
    """Where legs end in feet: the last row at least 0.6 times as wide as the shanks. Pale shoes may be lost on paper."""
    wide = np.nan_to_num(rows[:, 1] - rows[:, 0]) - np.nan_to_num(rows[:, 3] - rows[:, 2])
    end = len(wide) - 1
    shank = np.median(wide[max(end - round(1.6 * unit), first, 0) : max(end - round(0.7 * unit), first + 1, 1)])
    broad = np.flatnonzero(smooth(wide, 0.02 * unit) >= 0.6 * shank)
    return float(broad[-1]) if len(broad) else float(end)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_filter1d(median_filter(values, 5, mode="nearest"), max(sigma, 0.8), mode="nearest")


def trunk_widths(shape: BodyShape) -> np.ndarray:
    """Width of each row without the gap between the legs, pixels; NaN where the frame cuts it."""
    rows = shape.rows.astype(np.float64)
    return rows[:, 1] - rows[:, 0] - np.nan_to_num(rows[:, 3] - rows[:, 2])


def _widths(shape: BodyShape) -> dict[str, float]:
    marks, wide = shape.marks, trunk_widths(shape)
    unit = marks["shoulder"] - marks["crown"]

    def rows(start: float, end: float) -> np.ndarray:
        part = wide[max(round(start - shape.top), 0) : max(round(end - shape.top), 0)]
        return part[np.isfinite(part)]

    found: dict[str, float] = {}
    shoulders = rows(marks["shoulder"] + 0.15 * unit, marks["shoulder"] + 0.25 * unit)
    if len(shoulders):
        found["shoulder"] = float(np.median(shoulders)) / unit
    sides = [marks[f"armpit_{side}"] for side in ("left", "right") if f"armpit_{side}" in marks]
    if len(sides) == 2:
        pit, end = max(sides), shape.top + len(wide)
        crotch = marks.get("crotch")
        chest = rows(pit + 0.05 * unit, pit + 0.15 * unit)
        if len(chest):
            found["chest"] = float(np.median(chest)) / unit
        torso = rows(pit + 0.15 * unit, crotch if crotch else end)
        if crotch and len(torso):
            found["waist"], found["hips"] = float(torso.min()) / unit, float(torso[torso.argmin() :].max()) / unit
    if "crotch" in marks:
        start = marks["crotch"]
        end = marks.get("sole", start + 2.2 * unit)
        for name, share in (("thighs", 0.15), ("knees", 0.5), ("calves", 0.7)):
            part = rows(start + (share - 0.02) * (end - start), start + (share + 0.02) * (end - start))
            if len(part):
                found[name] = float(np.median(part)) / unit
    return found


def mirrored(shape: BodyShape) -> BodyShape:
    rows = -shape.rows[:, [1, 0, 3, 2, 5, 4]]
    swap = {"left": "right", "right": "left"}

    def other(name: str) -> str:
        kind, _, side = name.partition("_")
        return f"{kind}_{swap[side]}" if side else name

    return BodyShape(
        shape.pose,
        -shape.turn,
        shape.top,
        rows,
        {other(k): v for k, v in shape.marks.items()},
        {other(k): v for k, v in shape.unseen.items()},
    )
