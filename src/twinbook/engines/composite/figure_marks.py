"""Where a garment goes on her: shoulders, arms, armpits and sides, read from the outline of a plate in which her arms
hang beside the body or away from it. Other poses are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from ...domain.errors import EngineRefused
from ...domain.twin import View
from ...ports import Plate
from ...vision import outline
from ...vision.backdrop import behind
from ...vision.regions import Region
from ...vision.skin import lab

MOST_YAW = 15  # degrees of the head; hers turns before her shoulders do
LIKE_PAPER = 9.0  # ΔE76 up to which what shows between the legs is the backdrop
_SIDES = ("left", "right")


@dataclass(frozen=True, eq=False)
class Figure:
    """Her outline in pixels of the plate. Rows are those of the plate, edges float (h,), continued past the frame's.

    ``outer`` and ``inner`` are the edges of each arm, ``trunk`` those of the trunk (of both legs together below the
    crotch), ``gap`` those of the gap between the legs (NaN above), by side. ``shoulder`` and ``neck`` are (x, y) by side,
    ``middle`` the x of her middle. ``parted`` is the row by side from which arm and trunk stand apart; ``crotch`` the row of the gap's apex, None where it doesn't show. ``unit`` and ``face_width`` are
    those of her face.
    """

    unit: float
    face_width: float
    middle: float
    neck: Mapping[str, np.ndarray]
    shoulder: Mapping[str, np.ndarray]
    outer: Mapping[str, np.ndarray]
    inner: Mapping[str, np.ndarray]
    trunk: Mapping[str, np.ndarray]
    gap: Mapping[str, np.ndarray]
    parted: Mapping[str, float]
    crotch: float | None
    labels: np.ndarray

    @property
    def span(self) -> float:
        return float(np.linalg.norm(self.shoulder["right"] - self.shoulder["left"]))


def find(plate: Plate) -> Figure:
    """Her figure. Raises EngineRefused ``engine.pose`` or ``backdrop.busy``."""
    facts = plate.facts
    if plate.alpha is None or plate.regions is None:
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {facts.photo} with a clean edge")
    if facts.view not in (View.FRONT, View.UNKNOWN) or abs(facts.yaw or 0) > MOST_YAW:
        raise EngineRefused("engine.pose", f"{facts.photo} doesn't show her from the front")
    body = outline.shape(plate.alpha, facts.face, plate.landmarks, facts.yaw)
    if body is None or body.pose is not outline.Pose.FRONT:
        raise EngineRefused("engine.pose", f"her shoulders can't be made out in {facts.photo}")
    high, wide = plate.alpha.shape
    scale = high / min(high, 1000)
    labels = cv2.resize(plate.regions, (wide, high), interpolation=cv2.INTER_NEAREST)
    edges = _edges(body, high, scale)
    marks = {name: at * scale for name, at in body.marks.items()}
    unit = float(facts.face.height)
    parted = {side: marks.get(f"armpit_{side}") for side in _SIDES}
    if None in parted.values():
        raise EngineRefused("engine.pose", f"her arms can't be told from her trunk in {facts.photo}")
    _arms_free(labels, facts.photo, unit, marks, edges)
    outer = _silhouette(plate.alpha)
    middle = float(np.nanmedian([marks.get("middle", np.nan), facts.face.left + facts.face.width / 2]))
    neck, shoulder = {}, {}
    for side, sign in (("left", -1), ("right", 1)):
        shoulder[side] = _shoulder(outer[side], marks["shoulder"], unit, sign, middle)
    middle = 0.5 * middle + 0.25 * float(shoulder["left"][0] + shoulder["right"][0])
    for side, sign in (("left", -1), ("right", 1)):
        neck[side] = np.float64([middle + sign * 0.36 * facts.face.width, marks["shoulder"] - 0.2 * unit])
    inner = {side: edges[f"arm_{side}"] for side in _SIDES}
    trunk = {side: edges[side] for side in _SIDES}
    gap = {side: edges[f"gap_{side}"] for side in _SIDES}
    crotch = marks.get("crotch")
    if crotch is not None:
        crotch = _up_the_gap(plate, gap, crotch)
    span = float(np.linalg.norm(shoulder["right"] - shoulder["left"]))
    for side, sign in (("left", -1), ("right", 1)):
        inner[side], trunk[side] = _continued(inner[side], trunk[side], parted[side], shoulder[side], sign, span)
        outer[side] = _filled(outer[side], np.arange(high, dtype=np.float64))
    return Figure(
        unit,
        float(facts.face.width),
        middle,
        neck,
        shoulder,
        outer,
        inner,
        trunk,
        gap,
        parted,
        crotch,
        labels,
    )


def _edges(body: outline.BodyShape, high: int, scale: float) -> dict[str, np.ndarray]:
    names = ("left", "right", "gap_left", "gap_right", "arm_left", "arm_right")
    out = {}
    at = (np.arange(high) + 0.5) / scale - 0.5
    for column, name in enumerate(names):
        line = np.full(high, np.nan)
        known = body.rows[:, column].astype(np.float64)
        rows = at - body.top
        inside = (rows >= 0) & (rows <= len(known) - 1)
        low = np.clip(np.floor(rows[inside]).astype(int), 0, len(known) - 1)
        high_row = np.minimum(low + 1, len(known) - 1)
        share = rows[inside] - low
        line[inside] = (known[low] * (1 - share) + known[high_row] * share) * scale
        out[name] = line
    return out


def _silhouette(alpha: np.ndarray) -> dict[str, np.ndarray]:
    """The outermost edge of all of her in each row; NaN where there is nothing of her."""
    inside = alpha > 127
    some = inside.any(axis=1)
    left = np.where(some, inside.argmax(axis=1), np.nan).astype(np.float64)
    right = np.where(some, alpha.shape[1] - inside[:, ::-1].argmax(axis=1), np.nan).astype(np.float64)
    return {"left": left, "right": right}


def _up_the_gap(plate: Plate, gap: Mapping[str, np.ndarray], crotch: float) -> float:
    """The row in which the gap between the legs ends, followed up to where it is too narrow for a matte, but its colour
    still is the backdrop's; ``gap`` is filled in."""
    high, wide = plate.alpha.shape
    row = min(round(crotch) + round(0.1 * plate.facts.face.height), high - 1)
    left, right = gap["left"][row], gap["right"][row]
    if not (np.isfinite(left) and np.isfinite(right)):
        return crotch
    here = slice(max(int(left) - plate.facts.face.width // 2, 0), int(right) + plate.facts.face.width // 2)
    paper = behind(plate.rgb_srgb, plate.alpha).lab(wide, high)[: row + 1, here]
    off = np.linalg.norm(lab(plate.rgb_srgb[: row + 1, here]) - paper, axis=2)
    free = (plate.alpha[: row + 1, here] < 127) | (off < LIKE_PAPER)
    left, right = left - here.start, right - here.start
    while row > 0:
        # Nearest to where it was in the row below; it closes as it rises.
        columns = np.flatnonzero(free[row, max(int(left) - 1, 0) : int(right) + 2]) + max(int(left) - 1, 0)
        if len(columns) < 2:
            break
        left, right = float(columns[0]), float(columns[-1] + 1)
        gap["left"][row], gap["right"][row] = left + here.start, right + here.start
        row -= 1
    return min(float(row), crotch)


def _arms_free(
    labels: np.ndarray, photo: str, unit: float, marks: Mapping[str, float], edges: Mapping[str, np.ndarray]
) -> None:
    """Refuse skin within the trunk below the chest: crossed arms, hands before the body."""
    start = round(marks["shoulder"] + 1.0 * unit)
    end = round(min(marks.get("crotch", len(labels)), marks["shoulder"] + 4.2 * unit, len(labels)))
    skin = labels[start:end] == Region.SKIN
    x = np.arange(labels.shape[1])[None, :]
    # A top between arms that leave the outline: where trunk and arms run together, only the middle is surely trunk.
    left, right = edges["left"][start:end, None], edges["right"][start:end, None]
    parts = np.isfinite(edges["arm_left"][start:end, None]) & np.isfinite(edges["arm_right"][start:end, None])
    reach = np.where(parts, 0.06, 0.27) * (right - left)
    within = skin & (x > left + reach) & (x < right - reach)
    if within.sum() > 0.05 * unit * unit:
        raise EngineRefused("engine.pose", f"her arms or hands are before her body in {photo}")


def _shoulder(edge: np.ndarray, row: float, unit: float, sign: int, middle: float) -> np.ndarray:
    """The tip of a shoulder: where her outline turns most between neck and upper arm."""
    first, last = round(row - 0.15 * unit), round(row + 1.1 * unit)
    rows = np.arange(max(first, 0), min(last, len(edge)))
    rows = rows[np.isfinite(edge[rows])]
    if len(rows) < 0.5 * unit:
        raise EngineRefused("engine.pose", "her shoulders are cut by the frame")
    points = np.stack([gaussian_filter1d(edge[rows], 0.03 * unit, mode="nearest"), rows], axis=1)
    along = (points[-1] - points[0]) / np.linalg.norm(points[-1] - points[0])
    out = np.abs((points - points[0]) @ np.float64([-along[1], along[0]]))
    return points[int(np.argmax(out))]


def _continued(
    inner: np.ndarray, trunk: np.ndarray, parted: float, shoulder: np.ndarray, sign: int, span: float
) -> tuple[np.ndarray, np.ndarray]:
    """Inner edge of the arm and edge of the trunk as whole lines: above the gap both run into the armpit, which lies
    inwards of the shoulder's tip by the breadth of an upper arm; past the frame they go on."""
    rows = np.arange(len(inner), dtype=np.float64)
    pit = np.float64([shoulder[0] - sign * 0.11 * span, min(shoulder[1] + 0.42 * span, parted)])
    first = int(np.flatnonzero(np.isfinite(inner) & np.isfinite(trunk) & (rows > parted))[0])
    meeting = (inner[first] + trunk[first]) / 2
    lines = []
    for line in (inner, trunk):
        line = np.where(np.isfinite(line) & (rows >= first), line, np.nan)
        between = (rows >= pit[1]) & (rows < first)
        line[between] = np.interp(rows[between], [pit[1], first], [pit[0], meeting])
        line[: round(pit[1]) + 1] = pit[0]
        lines.append(_filled(line, rows))
    return lines[0], lines[1]


def _filled(line: np.ndarray, rows: np.ndarray) -> np.ndarray:
    known = np.isfinite(line)
    return np.interp(rows, rows[known], line[known]) if known.any() else line
