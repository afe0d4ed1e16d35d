"""How large a garment is on her and how high it hangs, told by its shoulders and hers.

The tip of a round shoulder is no corner, and looked for in two outlines it is found in two places. So no tip is looked
for: the one outline is scaled and moved until both touch the same slanting lines, from nearly level to nearly upright,
where they face up and out. How far out in a direction an outline reaches is its support function (Schneider, "Convex
bodies: the Brunn-Minkowski theory", 1993, section 1.7); it changes little where a single row is noisy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...vision.regions import Region
from .figure_marks import Figure
from .garment_marks import Garment, between, outline_of

_SIDES = (("left", -1), ("right", 1))
_STEEP = np.radians(np.arange(24, 79, 3))  # of the lines touched, from the level
_FEWEST = 6  # lines each side must be touched by in both
_HANGING = np.radians(63)  # as steep as the outline of a shoulder with a hanging sleeve gets
_APART = 0.08  # of the span: what the two outlines may differ by and still be taken for one shape


@dataclass(frozen=True)
class Laid:
    """Pixels of the plate to one of the garment's, and where the garment's (0, 0) goes."""

    scale: float
    shift: tuple[float, float]

    def row(self, y: float) -> float:
        return self.scale * y + self.shift[1]


def laid(garment: Garment, figure: Figure) -> Laid | None:
    """The garment's shoulders on hers; None where its sleeves lie spread, or her hair hides too much of hers."""
    outline = outline_of(garment.alpha > 127)
    rows, far = [], []
    for side, sign in _SIDES:
        own, hers = _upper(garment, outline, side, sign), _shown(figure, side)
        if len(own) < 20 or len(hers) < 20:
            return None
        found, steepest = 0, 0.0
        for steep in _STEEP:
            out = np.float64([sign * np.sin(steep), -np.cos(steep)])
            touched = [_touched(line, out) for line in (own, hers)]
            if None in touched:
                continue
            found, steepest = found + 1, steep
            rows.append([touched[0], *out])
            far.append(touched[1])
        # A sleeve that lies spread is never as steep as an arm that hangs.
        if found < _FEWEST or steepest < _HANGING:
            return None
    # The upper arm of a boxy sleeve stands off, so that the steepest lines are the least alike: they are outvoted.
    system, far = np.array(rows), np.array(far)
    weight = np.ones(len(far))
    for _ in range(6):
        solved = np.linalg.lstsq(system * weight[:, None], far * weight, rcond=None)[0]
        off = np.abs(system @ solved - far)
        weight = 1 / np.sqrt(np.maximum(off, 0.01 * figure.span))
    if not 0.8 < solved[0] * garment.span / figure.span < 1.25 or np.median(off) > _APART * figure.span:
        return None
    return Laid(float(solved[0]), (float(solved[1]), float(solved[2])))


def _touched(line: np.ndarray, out: np.ndarray) -> float | None:
    """How far out a line reaches; None where it is cut off while it still rises."""
    reach = line @ out
    at = int(np.argmax(reach))
    return float(reach[at]) if 2 < at < len(line) - 3 else None


def _upper(garment: Garment, outline: np.ndarray, side: str, sign: int) -> np.ndarray:
    """From collar to elbow, or to the sleeve's end where that comes first."""
    marks = garment.marks
    axis = 0.5 * (marks["armpit_left"][0] + marks["armpit_right"][0])
    arc = between(outline, marks[f"collar_{side}"], marks[f"outer_{side}"], axis, sign)
    whole = np.linalg.norm(marks[f"outer_{side}"] - marks[f"collar_{side}"])
    arc = arc[np.linalg.norm(arc - marks[f"outer_{side}"], axis=1) > 0.12 * whole]
    return arc[np.linalg.norm(arc - marks[f"collar_{side}"], axis=1) < 0.9 * garment.span]


def _shown(figure: Figure, side: str) -> np.ndarray:
    """Her outline from below her hair to the elbow."""
    tip = figure.shoulder[side]
    rows = np.arange(
        max(round(tip[1] - 0.6 * figure.unit), 0), min(round(tip[1] + 0.6 * figure.span), len(figure.labels))
    )
    x = figure.outer[side][rows]
    within = np.clip((x + (4 if side == "left" else -4)).astype(int), 0, figure.labels.shape[1] - 1)
    hidden = np.flatnonzero(np.isin(figure.labels[rows, within], (Region.HAIR, Region.FACE, Region.BACKGROUND)))
    hidden = hidden[rows[hidden] < tip[1] + 0.5 * figure.unit]
    first = hidden[-1] + 3 if len(hidden) else 0
    return np.stack([x[first:], rows[first:]], axis=1)
