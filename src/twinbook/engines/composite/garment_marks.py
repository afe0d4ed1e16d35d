"""Where a garment's parts are in its packshot, read from its outline: collar, shoulders, sleeves, armpits, hem; waist,
crotch and legs of trousers. What isn't a front view of a top or of trousers is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from scipy import ndimage

from . import drape
from .neckline import WIDEST_NECK, front_of_the_neck, neckline, rise_of
from .packshot import Packshot, refusal

_TALL = 900  # outlines are read at no more rows than this
_LEAN = 14  # degrees a garment may hang or lie off the upright
_DRESS = 2.15  # length over width of the shoulders from which a top is a dress
_RAGGED = 0.006  # of the breadth of the shoulders, by which sides and hem may stray from a smooth line
_TOUCHING = 0.15  # of the length of the legs, over which legs that touch at the hem are still cut apart
_SIDES = ("left", "right")


@dataclass(frozen=True, eq=False)
class Garment:
    """An upright garment: ``rgb_srgb`` uint8 (h, w, 3), ``alpha`` uint8 (h, w), ``inside`` bool (h, w) where the inside
    of its back shows through the collar.

    ``marks`` are (x, y) in its pixels, left and right as in the picture. Of a top: collar_left, collar_right,
    collar_front (the lowest of the neckline), and for each side shoulder_, outer_, inner_ (corners of the sleeve's end),
    armpit_ and hem_. Of trousers: waist_, outer_, inner_ (of the leg's end) for each side, and crotch. ``part``
    (int8 (h, w)) is 0 for the body and the left leg, 1 and 2 for left and right sleeve, 1 for the right leg.
    """

    kind: str
    rgb_srgb: np.ndarray
    alpha: np.ndarray
    inside: np.ndarray
    marks: Mapping[str, np.ndarray]
    part: np.ndarray

    @property
    def span(self) -> float:
        """Between the shoulder tips of a top, the waist corners of trousers."""
        part = "shoulder" if self.kind == "top" else "waist"
        return float(np.linalg.norm(self.marks[f"{part}_right"] - self.marks[f"{part}_left"]))


def read(packshot: Packshot, kind: str) -> Garment:
    """The garment with its marks; ``kind`` is ``top`` or ``bottom``, as was asked for.

    Raises EngineRefused ``engine.packshot`` when it isn't a front view of that.
    """
    rgb, alpha = _upright(packshot.rgb_srgb, packshot.alpha)
    scale = min(1.0, _TALL / alpha.shape[0])
    size = max(round(alpha.shape[1] * scale), 1), max(round(alpha.shape[0] * scale), 1)
    mask = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 127
    axis = _axis(mask)
    legs = _crotch(mask, axis)
    if kind == "top" and legs is not None:
        raise refusal("the packshot shows trousers, not a top")
    if kind == "bottom" and legs is not None:
        alpha = _parted(alpha, mask, legs)
        mask = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 127
    marks = _top(mask, axis) if kind == "top" else _trousers(mask, axis, legs)
    marks = {name: np.float64(at) / scale for name, at in marks.items()}
    inside = np.zeros(alpha.shape, bool)
    if kind == "top":
        found, inside, faint = neckline(rgb, alpha, marks)
        marks |= found
        if marks["collar_right"][0] - marks["collar_left"][0] > WIDEST_NECK * np.ptp(
            [marks[f"shoulder_{side}"][0] for side in _SIDES]
        ):
            # A print that hangs from the shoulders as a necklace does.
            raise refusal("the collar of the garment can't be found")
        front_of_the_neck(rgb, alpha, marks, inside, faint)
    return Garment(kind, rgb, alpha, inside, marks, _parts(kind, alpha, marks))


def _upright(rgb_srgb: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turned so that it is as nearly its own mirror image as it can be."""
    scale = 160 / max(alpha.shape)
    small = cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pad = 40
    small = np.pad(small, pad).astype(np.float32)
    centre = small.shape[1] / 2, small.shape[0] / 2

    def likeness(angle: float) -> float:
        turned = cv2.warpAffine(small, cv2.getRotationMatrix2D(centre, angle, 1), small.shape[::-1]) > 127
        return _mirrored(turned)[0]

    best = max(range(-_LEAN, _LEAN + 1, 2), key=likeness)
    best = max((best + step for step in (-1, -0.5, 0, 0.5, 1)), key=likeness)
    if abs(best) < 1.5 or likeness(best) < likeness(0) + 0.01:
        return rgb_srgb, alpha
    high, wide = alpha.shape
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), best, 1)
    grown = round(wide + high * np.sin(np.radians(abs(best)))), round(high + wide * np.sin(np.radians(abs(best))))
    matrix[:, 2] += (grown[0] - wide) / 2, (grown[1] - high) / 2
    turned = cv2.warpAffine(rgb_srgb, matrix, grown, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return turned, cv2.warpAffine(alpha, matrix, grown, flags=cv2.INTER_LINEAR)


def _mirrored(mask: np.ndarray) -> tuple[float, float]:
    """How much of it the best mirror image shares (0 to 1), and the axis' x."""
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return 0.0, 0.0
    middle = (columns[0] + columns[-1]) / 2
    spectrum = np.fft.rfft(mask.astype(np.float64), 2 * mask.shape[1], axis=1)
    # The correlation of a row with its mirror image, for every axis at once.
    shared = np.fft.irfft((spectrum * spectrum).sum(axis=0), 2 * mask.shape[1])
    reach = round(0.15 * (columns[-1] - columns[0]))
    places = np.arange(max(round(2 * middle) - 2 * reach, 0), round(2 * middle) + 2 * reach + 1)
    best = int(places[np.argmax(shared[places % len(shared)])])
    return float(shared[best % len(shared)] / max(mask.sum(), 1)), best / 2


def _axis(mask: np.ndarray) -> float:
    return _mirrored(mask)[1]


def outline_of(mask: np.ndarray) -> np.ndarray:
    """The outer contour, (n, 2), counter-clockwise on the picture, holes beside the body opened towards the hem."""
    open_holes = mask.copy()
    labels, _ = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    for index, where in enumerate(ndimage.find_objects(labels), 1):
        hole = labels[where] == index
        slit = hole.shape[0] > 4 * hole.shape[1]
        if hole.sum() < (0.0005 if slit else 0.002) * mask.sum():
            continue
        column = where[1].start + int(np.median(np.flatnonzero(hole[-1])))
        open_holes[where[0].stop - 1 :, max(column - 1, 0) : column + 2] = False
    contours, _ = cv2.findContours(open_holes.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)


# --- tops -------------------------------------------------------------------------------------------------------


def _top(mask: np.ndarray, axis: float) -> dict[str, np.ndarray]:
    outline = outline_of(mask)
    high = np.ptp(outline[:, 1])
    wide = np.ptp(outline[:, 0])
    pits = _armpits(outline, axis, wide, high)
    chest = pits["right"][0] - pits["left"][0]
    if chest < 0.25 * wide:
        raise refusal("the sleeves can't be told from the body of the garment")
    rise = rise_of(mask)
    marks: dict[str, np.ndarray] = {}
    for side, sign in (("left", -1), ("right", 1)):
        pit = pits[side]
        x = int(np.clip(round(pit[0] - sign * 0.07 * chest), 0, mask.shape[1] - 1))
        marks[f"armpit_{side}"] = pit
        marks[f"shoulder_{side}"] = np.float64([x, rise[x]])
    if any(marks[f"shoulder_{side}"][1] >= pits[side][1] - 0.08 * chest for side in _SIDES):
        raise refusal("the shoulders of the garment can't be found: its upper edge isn't where they should be")
    for side, sign in (("left", -1), ("right", 1)):
        marks[f"collar_{side}"] = _collar(rise, marks[f"shoulder_{side}"], axis, sign)
        marks.update(_sleeve_end(outline, marks, side, sign, axis))
        marks[f"shoulder_{side}"] = _tip(outline, marks, side, sign, axis)
        body = outline[(outline[:, 1] > pits[side][1]) & ((outline[:, 0] - axis) * sign > 0)]
        body = body[(body[:, 0] - pits[side][0]) * sign < 0.28 * chest]
        body = body[~_in_sleeve(body, marks, side)]
        if not len(body):
            raise refusal("the hem of the garment can't be found")
        marks[f"hem_{side}"] = body[np.argmax(0.55 * sign * body[:, 0] + body[:, 1])]
    span = marks["shoulder_right"][0] - marks["shoulder_left"][0]
    hem = (marks["hem_left"][1] + marks["hem_right"][1]) / 2
    shoulder = (marks["shoulder_left"][1] + marks["shoulder_right"][1]) / 2
    if hem - shoulder > _DRESS * span:
        raise refusal("the packshot shows a dress or a coat, not a top")
    if hem - shoulder < 0.6 * span:
        raise refusal("the garment isn't seen from the front, or is folded")
    if not 0.2 * span < marks["collar_right"][0] - marks["collar_left"][0] < WIDEST_NECK * span:
        raise refusal("the collar of the garment can't be found")
    _alike(marks, axis)
    _even(outline, marks, axis, span)
    return marks


def _armpits(outline: np.ndarray, axis: float, wide: float, high: float) -> dict[str, np.ndarray]:
    """The deepest notch on each side between a sleeve and the body."""
    points = outline.round().astype(np.int32)[:, None]
    hull = cv2.convexHull(points, returnPoints=False)
    hull[::-1].sort(axis=0)
    defects = cv2.convexityDefects(points, hull)
    found: dict[str, np.ndarray] = {}
    top = outline[:, 1].min()
    for side, sign in (("left", -1), ("right", 1)):
        best = 0.03 * wide
        for start, end, far, depth in [] if defects is None else defects[:, 0]:
            ends, deep = outline[[start, end]], outline[far]
            out = (deep[0] - axis) * sign
            if not 0.12 * wide < out or not 0.08 * high < deep[1] - top < 0.75 * high:
                continue
            # Of the two ends one is the sleeve, higher up or, where a long one hangs, further out; the other the hem.
            apart = abs(ends[0, 1] - ends[1, 1]) > 0.25 * high
            sleeve, hem = ends[np.argsort(ends[:, 1] if apart else -(ends[:, 0] - axis) * sign)]
            if (sleeve[0] - deep[0]) * sign < 0.01 * wide or hem[1] < deep[1] + 0.15 * high:
                continue
            if depth / 256 > best:
                best, found[side] = depth / 256, deep
        if side not in found:
            raise refusal(f"no sleeve stands off from the body of the garment on the {side}")
    return found


def _collar(rise: np.ndarray, shoulder: np.ndarray, axis: float, sign: int) -> np.ndarray:
    """Where the shoulder's slope ends at the neck: the corner that stands out most from a straight line to the middle."""
    reach = abs(shoulder[0] - axis)
    x = np.arange(round(0.12 * reach), round(0.9 * reach))
    columns = (axis + sign * x).round().astype(int)
    centre = np.float64([axis, np.median(rise[round(axis - 0.06 * reach) : round(axis + 0.06 * reach) + 1])])
    along = (shoulder - centre) / np.linalg.norm(shoulder - centre)
    points = np.stack([columns, rise[columns]], axis=1) - centre
    out = np.abs(points @ np.float64([-along[1], along[0]])) * np.sign(-(points[:, 1] - points @ along * along[1]))
    peak = int(np.argmax(out))
    # A rib or a stand rises from the shoulder before it ends: the collar is where that begins.
    rise_line = points[peak:]
    chord = shoulder - centre - points[peak]
    length = float(np.linalg.norm(chord))
    if length > 0.1 * reach and len(rise_line) > 4:
        below = (rise_line - points[peak]) @ np.float64([-chord[1], chord[0]]) / length * sign
        deepest = int(np.argmax(below))
        if below[deepest] > 0.045 * length and deepest < 0.6 * len(rise_line):
            return rise_line[deepest] + centre
    return points[peak] + centre


def _sleeve_end(
    outline: np.ndarray, marks: dict[str, np.ndarray], side: str, sign: int, axis: float
) -> dict[str, np.ndarray]:
    """The corners of the sleeve's end: outer towards the shoulder's side, inner towards the armpit's."""
    shoulder, pit = marks[f"shoulder_{side}"], marks[f"armpit_{side}"]
    root, hole = (shoulder + pit) / 2, float(np.linalg.norm(pit - shoulder))
    arc = between(outline, shoulder, pit, axis, sign)
    if len(arc) < 12:
        raise refusal(f"the {side} sleeve can't be found")
    reach = np.linalg.norm(arc - root, axis=1)
    far = _far_corners(arc, root, hole, sign)
    tries = [far]
    if reach.max() < 1.7 * hole:
        outer, inner = _widest(arc, shoulder, pit)
        spread = np.linalg.norm(outer - root) > 0.7 * reach.max() and np.linalg.norm(outer - inner) < 1.2 * hole
        tries.insert(0 if spread else 1, (inner, outer))
    for inner, outer in tries:
        if 0.25 * hole < np.linalg.norm(outer - inner) < 1.6 * hole:
            break
    else:
        raise refusal(f"the end of the {side} sleeve can't be found")
    return {f"outer_{side}": outer, f"inner_{side}": inner}


def between(outline: np.ndarray, start: np.ndarray, end: np.ndarray, axis: float, sign: int) -> np.ndarray:
    """The stretch of the outline from one point to another that reaches further out from the axis."""
    at = [int(np.argmin(np.linalg.norm(outline - point, axis=1))) for point in (start, end)]
    ahead = np.arange(at[0], at[1] + (len(outline) if at[1] < at[0] else 0) + 1) % len(outline)
    back = np.arange(at[0], at[1] - (len(outline) if at[1] > at[0] else 0) - 1, -1) % len(outline)
    return outline[min((ahead, back), key=len)]


def _widest(arc: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two points of an arc, in its order, that with its ends make the largest quadrangle: the corners of a short
    sleeve."""
    some = arc[np.linspace(0, len(arc) - 1, min(len(arc), 140)).round().astype(int)]
    x, y = some[:, 0], some[:, 1]

    def cross(ax, ay, bx, by):
        return ax * by - ay * bx

    area = (
        cross(start[0], start[1], x[:, None], y[:, None])
        + cross(x[:, None], y[:, None], x[None], y[None])
        + cross(x[None], y[None], end[0], end[1])
        + cross(end[0], end[1], start[0], start[1])
    )
    area = np.where(np.triu(np.ones(area.shape, bool), 1), np.abs(area), -1)
    first, second = np.unravel_index(int(np.argmax(area)), area.shape)
    return some[first], some[second]


def _tip(outline: np.ndarray, marks: dict[str, np.ndarray], side: str, sign: int, axis: float) -> np.ndarray:
    """The tip of the shoulder: the outline's corner where the sleeve hangs, a little inwards of the armpit where it
    lies spread and the outline hardly turns."""
    collar, outer, prior = (marks[f"{name}_{side}"] for name in ("collar", "outer", "shoulder"))
    arc = between(outline, collar, outer, axis, sign)
    chord = outer - collar
    length = float(np.linalg.norm(chord))
    off = np.abs((arc - collar) @ np.float64([-chord[1], chord[0]])) / length
    # The corner is near the shoulder, not at the elbow.
    off[np.linalg.norm(arc - prior, axis=1) > 0.5 * np.linalg.norm(marks[f"armpit_{side}"] - prior)] = 0
    corner = arc[int(np.argmax(off))]
    share = float(np.clip((off.max() / length - 0.07) / 0.07, 0, 1))
    mixed = share * corner + (1 - share) * prior
    return arc[int(np.argmin(np.linalg.norm(arc - mixed, axis=1)))]


def _far_corners(arc: np.ndarray, root: np.ndarray, hole: float, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Inner and outer corner of the end of a long sleeve, also of one that is bent."""
    far = arc[np.argmax(np.linalg.norm(arc - root, axis=1))]
    direction = (far - root) / np.linalg.norm(far - root)
    near_end = arc
    for _ in range(3):
        turned = np.float64([direction[1], -direction[0]]) * sign  # towards the outer edge of the sleeve
        outer = near_end[np.argmax(near_end @ direction + 0.75 * near_end @ turned)]
        inner = near_end[np.argmax(near_end @ direction - 0.75 * near_end @ turned)]
        end = (outer + inner) / 2
        # A bent sleeve ends in another direction than it began.
        distance = np.linalg.norm(arc - end, axis=1)
        behind = arc[np.abs(distance - 1.1 * hole) < 0.15 * hole]
        if len(behind) < 4:
            break
        direction = (end - behind.mean(axis=0)) / max(float(np.linalg.norm(end - behind.mean(axis=0))), 1e-6)
        near_end = arc[distance < 0.9 * hole]
    return inner, outer


def _in_sleeve(points: np.ndarray, marks: dict[str, np.ndarray], side: str) -> np.ndarray:
    quad = np.float32([marks[f"{name}_{side}"] for name in ("shoulder", "outer", "inner", "armpit")])
    return np.array([cv2.pointPolygonTest(quad, (float(x), float(y)), True) > -0.015 * np.ptp(quad) for x, y in points])


def _alike(marks: dict[str, np.ndarray], axis: float) -> None:
    """Both sleeves of a length, both sides of a width: else it is turned, folded, or on somebody."""
    lengths = [np.linalg.norm(marks[f"outer_{side}"] - marks[f"shoulder_{side}"]) for side in _SIDES]
    if max(lengths) > 1.8 * min(lengths):
        raise refusal("one sleeve of the garment is much longer than the other: it is folded or turned away")
    halves = [abs(marks[f"armpit_{side}"][0] - axis) for side in _SIDES]
    if max(halves) > 1.45 * min(halves):
        raise refusal("the garment isn't seen from the front")


def _even(outline: np.ndarray, marks: dict[str, np.ndarray], axis: float, span: float) -> None:
    """Refuse sides and a hem as ragged as no cloth is cut: there the background was taken for the garment, or the other
    way round, as with white stripes on pale cloth or a shadow under the hem."""
    for start, end, sign in (
        ("armpit_left", "hem_left", -1),
        ("armpit_right", "hem_right", 1),
        ("hem_left", "hem_right", 1),
    ):
        line = drape.along(between(outline, marks[start], marks[end], axis, sign), 200)[8:-8]
        smooth = ndimage.gaussian_filter1d(line, 12, axis=0, mode="nearest")
        off = np.linalg.norm(line - smooth, axis=1)[12:-12]
        if np.sqrt((off**2).mean()) > _RAGGED * span:
            raise refusal("an edge of the garment can't be told from the background: its outline comes out ragged")


def _parts(kind: str, alpha: np.ndarray, marks: dict[str, np.ndarray]) -> np.ndarray:
    """0 for the body and the left leg, 1 and 2 for what hangs beside it: the sleeves, or the right leg. int8 (h, w)."""
    high, wide = alpha.shape
    y, x = np.mgrid[0:high, 0:wide]
    rows = np.arange(high, dtype=np.float64)
    part = np.zeros(alpha.shape, np.int8)
    if kind == "bottom":
        start, end = marks["crotch"], (marks["inner_left"] + marks["inner_right"]) / 2
        # Down the gap, which needn't be straight.
        below = np.arange(round(start[1]) + 1, min(round(end[1]), high))
        middles = np.array([_between_legs(alpha[row] > 127, start[0]) for row in below])
        # A hem that rises over a shoe leaves paper beside it, too: that is far from where the legs part.
        straight = np.interp(below, [start[1], end[1]], [start[0], end[0]])
        known = np.abs(middles - straight) < 0.12 * np.ptp(np.flatnonzero(alpha.any(axis=0)))
        line = np.interp(rows, [start[1], *below[known], end[1]], [start[0], *middles[known], end[0]])
        part[(x > line[:, None]) & (y > start[1])] = 1
        return part
    for index, (side, sign) in enumerate((("left", -1), ("right", 1)), 1):
        shoulder, pit, inner = (marks[f"{name}_{side}"] for name in ("shoulder", "armpit", "inner"))
        points = [shoulder, pit]
        if inner[1] > pit[1] + 2:
            row = np.flatnonzero(alpha[int(min(inner[1], high - 1))] > 127)
            runs = np.split(row, np.flatnonzero(np.diff(row) > 1) + 1)
            # The trunk's own edge in that row: the end of the run that holds the middle.
            held = min(runs, key=lambda run: abs(run.mean() - marks["collar_front"][0]))
            edge = held[-1] if sign > 0 else held[0]
            gap = (inner[0] - edge) * sign
            points.append(np.float64([(inner[0] + edge) / 2 if gap > 0 else inner[0] - sign, inner[1]]))
        line = np.interp(rows, [point[1] for point in points], [point[0] for point in points])
        part[((x - line[:, None]) * sign > 0) & ((x - marks["collar_front"][0]) * sign > 0)] = index
    return part


# --- trousers ---------------------------------------------------------------------------------------------------


def _crotch(mask: np.ndarray, axis: float) -> np.ndarray | None:
    """The top of the gap between two legs, None where there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    high, wide = np.ptp(rows), np.ptp(columns)
    gaps: list[tuple[int, float, float]] = []
    for y in range(rows[-1] - round(0.06 * high), rows[0] + round(0.15 * high), -1):
        runs = np.flatnonzero(np.diff(mask[y].astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
        runs = [run for run in runs if run[1] - run[0] > 0.05 * wide]
        between = [(a[1], b[0]) for a, b in pairwise(runs)]
        last = gaps[-1][1:] if gaps else (axis - 0.1 * wide, axis + 0.1 * wide)
        near = [gap for gap in between if gap[1] > last[0] - 3 and gap[0] < last[1] + 3]
        if not near:
            if gaps:
                break
            if y < rows[-1] - 0.2 * high:
                return None
            continue
        widest = max(near, key=lambda gap: gap[1] - gap[0])
        gaps.append((y, float(widest[0]), float(widest[1])))
    if not gaps or gaps[0][0] - gaps[-1][0] < 0.3 * high:
        return None
    y, start, end = gaps[-1]
    # Its very tip is too narrow to be seen: the edges are drawn on until they meet.
    upper = np.array(gaps[-max(round(0.12 * high), 4) :])
    slope, width = np.polyfit(upper[:, 0], upper[:, 2] - upper[:, 1], 1)
    tip = -width / slope if slope > 0.02 else y
    return np.float64([(start + end) / 2, np.clip(tip, y - 0.07 * high, y)])


def _trousers(mask: np.ndarray, axis: float, crotch: np.ndarray | None) -> dict[str, np.ndarray]:
    if crotch is None:
        raise refusal("no two legs stand apart in the packshot: it isn't a front view of trousers")
    outline = outline_of(mask)
    top = outline[:, 1].min()
    marks = {"crotch": crotch}
    # The waistband is where it first is broad: a hook or a bar above it is narrower.
    widths = mask.sum(axis=1).astype(np.float64)
    broad = np.median(widths[round(top + 0.25 * (crotch[1] - top)) : round(top + 0.6 * (crotch[1] - top)) + 1])
    first = int(np.argmax(widths > 0.72 * broad))
    if crotch[1] - first < 0.1 * np.ptp(outline[:, 1]):
        raise refusal("the waist of the trousers can't be found")
    halves = _legs(outline, crotch, first)
    for side, sign in (("left", -1), ("right", 1)):
        half = halves[side][halves[side][:, 1] >= first]
        upper = half[half[:, 1] < first + 0.4 * (crotch[1] - first)]
        lower = half[half[:, 1] > crotch[1]]
        if len(upper) < 3 or len(lower) < 6:
            raise refusal("the trousers aren't seen from the front")
        marks[f"waist_{side}"] = upper[np.argmax(0.8 * sign * upper[:, 0] - upper[:, 1])]
        marks[f"outer_{side}"] = lower[np.argmax(0.35 * sign * lower[:, 0] + lower[:, 1])]
        marks[f"inner_{side}"] = lower[np.argmax(-0.35 * sign * lower[:, 0] + lower[:, 1])]
    lengths = [np.linalg.norm(marks[f"outer_{side}"] - marks[f"waist_{side}"]) for side in _SIDES]
    if max(lengths) > 1.25 * min(lengths):
        raise refusal("one leg of the trousers is much longer than the other: it is folded or turned away")
    return marks


def _legs(outline: np.ndarray, crotch: np.ndarray, first: int) -> dict[str, np.ndarray]:
    """The outline in two, from the crotch round each leg to the middle of the waist: legs may lean over the middle."""
    fork = int(np.argmin(np.linalg.norm(outline - crotch, axis=1)))
    loop = np.roll(outline, -fork, axis=0)
    upper = np.flatnonzero(loop[:, 1] < first + 0.3 * (crotch[1] - first))
    top = int(upper[np.argmin(np.abs(loop[upper, 0] - crotch[0]))]) if len(upper) else len(loop) // 2
    one, other = loop[:top], loop[top:]
    if not len(one) or not len(other):
        raise refusal("the trousers aren't seen from the front")
    return dict(zip(_SIDES, sorted((one, other), key=lambda half: half[:, 0].mean()), strict=True))


def _parted(alpha: np.ndarray, mask: np.ndarray, crotch: np.ndarray) -> np.ndarray:
    """``alpha`` with legs that touch at the hem cut apart along the line that the gap between them points at.

    Refuses legs that touch over more than that, or lie one over the other: where the one ends can't be told.
    """
    last = int(np.flatnonzero(mask.any(axis=1))[-1])
    long = last - crotch[1]
    rows = np.arange(round(crotch[1] + 0.08 * long), last + 1)
    middles = np.array([_between_legs(mask[y], crotch[0]) for y in rows])
    closed = np.isnan(middles)
    if closed[: len(rows) - round(0.02 * long)].mean() > _TOUCHING:
        raise refusal("the legs of the trousers touch in the packshot: lay them apart, so that each can be told")
    if not closed.any():
        return alpha
    lower = ~closed & (rows > crotch[1] + 0.4 * long)
    if lower.sum() < 8:
        raise refusal("the legs of the trousers touch in the packshot: lay them apart, so that each can be told")
    line = np.polyfit(rows[lower], middles[lower], 1)
    alpha, scale = alpha.copy(), alpha.shape[0] / mask.shape[0]
    half = max(round(0.75 * scale), 1)
    for y in range(round(rows[closed][0] * scale), alpha.shape[0]):
        if closed[min(max(round(y / scale) - rows[0], 0), len(rows) - 1)]:
            x = round(np.polyval(line, y / scale) * scale)
            alpha[y, max(x - half, 0) : x + half + 1] = 0
    return alpha


def _between_legs(row: np.ndarray, near: float) -> float:
    """The middle of the paper between two pieces of cloth in a row, the widest such; NaN where there is none."""
    columns = np.flatnonzero(row)
    gaps = [(b - a, (a + b) / 2) for a, b in pairwise(columns) if b - a > 1]
    reach = 0.3 * np.ptp(columns) if len(columns) else 0
    gaps = [gap for gap in gaps if abs(gap[1] - near) < reach]
    return max(gaps)[1] if gaps else np.nan
