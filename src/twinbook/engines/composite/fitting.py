"""Where every point of a garment's outline goes on her.

The scale is that of the shoulders (of hips and legs, for trousers); lengths and widths are the new garment's own in that scale.
Cloth that lies flat is half of what goes round her: seen from the front it is about 1.3 times narrower on a trunk and 1.5
times on an arm that it fits, and stands off where it is wider. On a ghost mannequin it is as wide as on her; which of the
two a packshot is, its proportions tell: flat, a chest is as wide as the shoulders. Its outline never goes inside the one
she has on the plate's trunk, so that nobody is made slimmer than her photograph.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .drape import Mesh, along, bent, mesh
from .figure_marks import Figure
from .garment_marks import Garment, outline_of
from .shoulders import laid

_SIDES = (("left", -1), ("right", 1))
_ROUND_TRUNK = 1.3  # half of the girth of a trunk over its breadth
_ROUND_ARM = 1.45
_AS_WORN, _AS_FLAT = 0.80, 1.0  # breadth between the armpits over that of the shoulders, on a body and laid flat
# Her chest is nearer to the camera than the edges of her shoulders, by a trunk's half depth (11 cm) in 2 to 2.5 m; the
# packshot has shown about half of that already.
_NEARER = 1.03
_POINTS = 40
_MARGIN = 1.0  # pixels that the new outline lies outside the old one


@dataclass(frozen=True, eq=False)
class Fit:
    """A mesh over the garment's picture, where its vertices go on the plate, and what was found on the way: ``scale`` is
    plate pixels to one of the garment's, ``ends`` points on the plate by name (cuff_left, hem_left, …)."""

    mesh: Mesh
    placed: np.ndarray
    scale: float
    ends: dict[str, np.ndarray]
    held: np.ndarray
    onto: np.ndarray


@dataclass(frozen=True, eq=False)
class Worn:
    """Where what she has on ends: the rows of its ``hem`` and, of a top, of the end of each ``sleeve``, None where the
    frame ends first; and its highest row in each column, ``rise`` (NaN where there is none). Measured in photographs, two garments of one length differ by up to ``_SAME`` faces: then the new
    one ends where the old one does."""

    hem: float | None
    sleeve: dict[str, float | None]
    rise: np.ndarray


_SAME = 0.2
# Breadth of trousers at the hips over hers: as worn, and laid flat. Between the two hips don't tell the scale; the legs do,
# if within it the new ones can be as long as the old.
_LOOSE = (1.0, 1.3)


def worn(share: np.ndarray, figure: Figure, kind: str) -> Worn:
    """``share`` is how much of each pixel is the garment she has on, float (h, w)."""
    high = share.shape[0]
    middle = slice(max(round(figure.middle - 0.5 * figure.unit), 0), round(figure.middle + 0.5 * figure.unit))
    if kind == "bottom":
        rows = np.flatnonzero((share > 0.5).any(axis=1))
        return Worn(float(rows[-1]) if len(rows) and rows[-1] < high - 2 else None, {}, np.full(share.shape[1], np.nan))
    rows = np.flatnonzero((share[:, middle] > 0.5).mean(axis=1) > 0.3)
    hem = float(rows[-1]) if len(rows) and rows[-1] < high - 2 else None
    sleeve: dict[str, float | None] = {}
    for side, _ in _SIDES:
        tip = figure.shoulder[side]
        down = np.arange(round(tip[1]), high)
        x = 0.75 * figure.outer[side][down] + 0.25 * figure.inner[side][down]
        bare = share[down, np.clip(x.round().astype(int), 0, share.shape[1] - 1)] < 0.5
        gone = np.flatnonzero(bare)
        sleeve[side] = float(down[gone[0]]) if len(gone) else None
    shown = share > 0.5
    return Worn(hem, sleeve, np.where(shown.any(axis=0), shown.argmax(axis=0), np.nan))


def fitted(garment: Garment, figure: Figure, now: Worn) -> Fit:
    return _top(garment, figure, now) if garment.kind == "top" else _trousers(garment, figure, now)


def _or_as_now(row: float, now: float | None, most: float) -> float:
    """Where the new one ends: where the old one does, if it would end only just before that, by less than ``most``."""
    return now + 2 if now is not None and 0 <= now + 2 - row < most else row


# --- tops -------------------------------------------------------------------------------------------------------


def _top(garment: Garment, figure: Figure, now: Worn) -> Fit:
    marks = garment.marks
    lay = laid(garment, figure)
    scale = lay.scale if lay else figure.span / garment.span
    if lay:
        figure = replace(
            figure, shoulder={side: _at_row(figure, side, lay.row(marks[f"shoulder_{side}"][1])) for side, _ in _SIDES}
        )
    flat = _flatness(marks, garment.span)
    middle = (marks["shoulder_left"] + marks["shoulder_right"]) / 2
    hers = (figure.shoulder["left"] + figure.shoulder["right"]) / 2
    drop = {side: _NEARER * scale * (marks[f"hem_{side}"][1] - middle[1]) for side, _ in _SIDES}
    hem_row = _or_as_now(hers[1] + 0.5 * (drop["left"] + drop["right"]), now.hem, _SAME * figure.unit)
    outline = outline_of(garment.alpha > 127)
    held, onto = [], []
    ends: dict[str, np.ndarray] = {}

    def hold(source: np.ndarray, target: np.ndarray) -> None:
        held.append(along(source, _POINTS))
        onto.append(along(target, _POINTS))

    for side, sign in _SIDES:
        shoulder, pit = figure.shoulder[side], _pit(figure, side, sign, marks, scale)
        collar = _collar(figure, side, marks, scale, middle, hers, now)
        hold(_stretch(outline, marks, f"collar_{side}", f"shoulder_{side}"), _shoulder_line(figure, side, sign, collar))
        outer, inner = _cuff(figure, side, sign, marks, scale, pit, now.sleeve[side], flat)
        hold(_stretch(outline, marks, f"shoulder_{side}", f"outer_{side}"), outer)
        hold(_stretch(outline, marks, f"outer_{side}", f"inner_{side}"), np.stack([outer[-1], inner[0]]))
        hold(_stretch(outline, marks, f"inner_{side}", f"armpit_{side}"), inner)
        line = _side(figure, side, sign, pit, hem_row, marks, scale, flat)
        hold(_stretch(outline, marks, f"armpit_{side}", f"hem_{side}"), line)
        ends |= {f"cuff_outer_{side}": outer[-1], f"cuff_inner_{side}": inner[0], f"hem_{side}": line[-1]}
        ends |= {f"collar_{side}": collar, f"armpit_{side}": pit, f"shoulder_{side}": shoulder}
    source = _stretch(outline, marks, "hem_left", "hem_right")
    hold(source, _carried(source, ends["hem_left"], ends["hem_right"]))
    source = _stretch(outline, marks, "collar_left", "collar_right")
    hold(source, _carried(source, ends["collar_left"], ends["collar_right"]))
    front = (ends["collar_left"] + ends["collar_right"]) / 2
    lower = marks["collar_front"] - (marks["collar_left"] + marks["collar_right"]) / 2
    ends["collar_front"] = front + np.float64([0, max(scale * lower[1], 0)])
    held.append(marks["collar_front"][None])
    onto.append(ends["collar_front"][None])
    shape = mesh(garment.alpha > 60, garment.part, [marks[f"armpit_{side}"][1] for side, _ in _SIDES])
    rest = _wrapped(shape, marks, scale, ends)
    held_points, onto_points = np.concatenate(held), np.concatenate(onto)
    return Fit(shape, bent(shape, rest, held_points, onto_points), scale, ends, held_points, onto_points)


def _at_row(figure: Figure, side: str, row: float) -> np.ndarray:
    at = int(np.clip(round(row), 0, len(figure.outer[side]) - 1))
    return np.float64([figure.outer[side][at], row])


def _flatness(marks: dict, span: float) -> float:
    """0 for a garment as round as on a body, 1 for one that lies flat."""
    chest = abs(marks["armpit_right"][0] - marks["armpit_left"][0])
    return float(np.clip((chest / span - _AS_WORN) / (_AS_FLAT - _AS_WORN), 0, 1))


def _stretch(outline: np.ndarray, marks: dict, start: str, end: str) -> np.ndarray:
    """The shorter stretch of the outline between two marks, from the first to the second."""
    at = [int(np.argmin(((outline - marks[name]) ** 2).sum(axis=1))) for name in (start, end)]
    count = len(outline)
    ahead = (at[1] - at[0]) % count
    if ahead <= count - ahead:
        return outline[(at[0] + np.arange(max(ahead, 1) + 1)) % count]
    return outline[(at[0] - np.arange(max(count - ahead, 1) + 1)) % count]


def _carried(source: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """A line turned, scaled and moved until it runs from one point to another."""
    line = source[:, 0] + 1j * source[:, 1]
    turn = (complex(*end) - complex(*start)) / (line[-1] - line[0])
    moved = (line - line[0]) * turn + complex(*start)
    return np.stack([moved.real, moved.imag], axis=1)


def _collar(
    figure: Figure, side: str, marks: dict, scale: float, middle: np.ndarray, hers: np.ndarray, now: Worn
) -> np.ndarray:
    """Its own place between the shoulders, but never inside her neck."""
    own = hers + scale * (marks[f"collar_{side}"] - middle)
    sign = -1 if side == "left" else 1
    reach = max(abs(own[0] - figure.middle), abs(figure.neck[side][0] - figure.middle) * 1.02)
    x = figure.middle + sign * reach
    # It lies on her shoulders as what she has on does.
    lies = now.rise[int(np.clip(round(x), 0, len(now.rise) - 1))]
    return np.float64([x, np.nanmin([own[1], figure.neck[side][1] + 0.12 * figure.unit, lies - _MARGIN])])


def _shoulder_line(figure: Figure, side: str, sign: int, collar: np.ndarray) -> np.ndarray:
    """From the collar to the tip of the shoulder along what she has on, where her hair doesn't hide it."""
    tip = figure.shoulder[side]
    rows = np.arange(round(collar[1]), round(tip[1]) + 1)
    points = [collar]
    for y in rows[1:-1]:
        x = figure.outer[side][min(max(y, 0), len(figure.outer[side]) - 1)]
        if (x - points[-1][0]) * sign > 0 and (tip[0] - x) * sign > 0 and (x - collar[0]) * sign > 0.25 * figure.unit:
            points.append(np.float64([x + 0.5 * sign * _MARGIN, y - _MARGIN]))
    return np.stack([*points, tip + np.float64([sign * _MARGIN, -0.5 * _MARGIN])])


def _pit(figure: Figure, side: str, sign: int, marks: dict, scale: float) -> np.ndarray:
    hole = float(marks[f"armpit_{side}"][1] - marks[f"shoulder_{side}"][1])
    tip = figure.shoulder[side]
    row = float(np.clip(tip[1] + scale * hole, tip[1] + 0.32 * figure.span, tip[1] + 0.75 * figure.span))
    at = min(int(row), len(figure.trunk[side]) - 1)
    return np.float64([0.5 * (figure.trunk[side][at] + figure.inner[side][at]), row])


def _arm(figure: Figure, side: str, row: float) -> tuple[float, float]:
    """Outer and inner edge of the arm in a row, going on past the frame as it leaves it."""
    high = len(figure.outer[side])
    if row <= high - 1:
        at = max(int(row), 0)
        return float(figure.outer[side][at]), float(figure.inner[side][at])
    back = max(high - 1 - round(0.5 * figure.unit), 0)
    over = (row - (high - 1)) / max(high - 1 - back, 1)
    return tuple(
        float(edge[high - 1] + over * (edge[high - 1] - edge[back]))
        for edge in (figure.outer[side], figure.inner[side])
    )


def _cuff(
    figure: Figure,
    side: str,
    sign: int,
    marks: dict,
    scale: float,
    pit: np.ndarray,
    now: float | None,
    flat: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The outer edge of the sleeve from the shoulder to its end, and its inner edge from the end to the armpit."""
    # Laid down, one sleeve is always a little askew: both are as long and as wide as the two on average.
    length, mouth = (
        scale * float(np.mean([np.linalg.norm(marks[f"outer_{s}"] - marks[f"{to}_{s}"]) for s, _ in _SIDES]))
        for to in ("shoulder", "inner")
    )
    tip = figure.shoulder[side]
    points, gone, row = [tip], 0.0, tip[1]
    last = None
    while gone < length if last is None else row < last:
        row += 1
        edge = _arm(figure, side, row)[0]
        # As the crow flies: along an edge of pixels every step sideways would count.
        gone = float(np.hypot(edge - tip[0], row - tip[1]))
        points.append(np.float64([edge, row]))
        if last is None and gone >= length:
            last = _or_as_now(row, now, _SAME * figure.unit)
    outer = np.array(points)
    back = outer[max(len(outer) - 1 - round(0.6 * figure.unit), 0)]
    direction = (outer[-1] - back) / max(float(np.linalg.norm(outer[-1] - back)), 1e-6)
    across = np.float64([-direction[1], direction[0]])
    across *= -np.sign(across[0] * sign)  # towards the trunk
    edge, within = _arm(figure, side, row)
    bare = max(abs(within - edge) * abs(across[0]), 0.25 * figure.unit)
    # It hides the arm; wide mouths stand off, on both sides of it.
    width = float(np.clip(mouth / _ROUND_ARM, 1.04 * bare, 1.7 * bare))
    if mouth > _ROUND_ARM * bare:
        width = min(bare + 0.75 * (mouth / 1.2 - bare), 1.7 * bare)
        width = max(width, 1.04 * bare)
    width = flat * width + (1 - flat) * float(np.clip(mouth, 1.04 * bare, 1.7 * bare))
    spare = width - bare
    share = np.linspace(0, 1, len(outer)) ** 1.5
    outer = outer - across * (0.35 * spare * share + _MARGIN)[:, None]
    end = outer[-1] + across * (width + 2 * _MARGIN)
    inner = [end]
    for t in np.linspace(0, 1, 24)[1:-1]:
        y = (1 - t) * end[1] + t * pit[1]
        straight = (1 - t) * end[0] + t * pit[0]
        # A short sleeve hangs straight from armpit to mouth; a long one follows the arm.
        follow = _arm(figure, side, y)[1] - sign * 0.65 * spare * (1 - t)
        long = np.clip((end[1] - pit[1]) / figure.unit - 0.6, 0, 1)
        inner.append(np.float64([(1 - long) * straight + long * follow, y]))
    return outer, np.stack([*inner, pit])


def _side(
    figure: Figure, side: str, sign: int, pit: np.ndarray, hem: float, marks: dict, scale: float, lies: float
) -> np.ndarray:
    """From the armpit to the hem: the trunk's own edge, and further out where the garment is wider than it."""
    rows = np.linspace(pit[1], hem, 48)
    line = figure.trunk[side]
    high = len(line)
    flat = {
        "top": scale * abs(marks["armpit_right"][0] - marks["armpit_left"][0]) / 2,
        "end": scale * abs(marks["hem_right"][0] - marks["hem_left"][0]) / 2,
    }
    points = []
    for t, y in zip(np.linspace(0, 1, len(rows)), rows, strict=True):
        at = int(np.clip(y, 0, high - 1))
        x = line[at]
        own = abs(x - figure.middle)
        cloth = (1 - t) * flat["top"] + t * flat["end"]
        # Half of what a flat garment is too wide hangs in folds before and behind her.
        spare = max(cloth / (1 + lies * (_ROUND_TRUNK - 1)) - own, 0.0) * (1 - 0.45 * lies) * min(t / 0.25, 1)
        # From under the arm it comes back to her side, and doesn't step there.
        under = (pit[0] - line[int(np.clip(pit[1], 0, high - 1))]) * max(1 - t / 0.35, 0) ** 2
        points.append((x + sign * (min(spare, 0.3 * figure.unit) + _MARGIN) + under, y))
    points[0] = tuple(pit)
    return np.array(points)


def _wrapped(shape: Mesh, marks: dict, scale: float, ends: dict[str, np.ndarray]) -> np.ndarray:
    """The triangles' own shapes at her size: those of the trunk as a cylinder shows them, true in the middle and
    narrower towards its sides, so that a print keeps its size."""
    middle = (marks["armpit_left"][0] + marks["armpit_right"][0]) / 2
    half = (marks["armpit_right"][0] - marks["armpit_left"][0]) / 2
    goes = (ends["armpit_right"][0] - ends["armpit_left"][0]) / 2
    k = float(np.clip(_NEARER * scale * half / max(goes, 1e-6), 1.0, 1.4))
    at = shape.vertices
    u = (at[:, 0] - middle) / half
    bowed = np.where(np.abs(u) <= 1, k * u + (1 - k) * u**3, u)
    round_one = np.stack([middle + half * bowed / k, _NEARER * at[:, 1]], axis=1) * scale
    corners = at[shape.triangles] * scale
    return np.where((shape.part == 0)[:, None, None], round_one[shape.triangles], corners)


# --- trousers ---------------------------------------------------------------------------------------------------


def _kept_open(figure: Figure, middle: float) -> dict[str, np.ndarray]:
    """The edges of the gap between her legs, float (h,), by side, carried on from where they were last seen: between her
    ankles a shadow on the floor, or shoes, may close it all of a sudden. ``middle`` where it is seen nowhere."""
    left, right = figure.gap["left"], figure.gap["right"]
    rows = np.arange(len(left), dtype=np.float64)
    seen = np.isfinite(left) & np.isfinite(right) & (rows >= figure.crotch)
    step = max(round(0.15 * figure.unit), 1)
    wide = np.where(seen, right - left, np.nan)
    before = np.concatenate([np.full(step, np.nan), wide[:-step]])
    # Legs that come together do so slowly.
    sudden = np.flatnonzero((wide < 0.5 * before) & (before > 0.1 * figure.unit))
    if len(sudden):
        seen &= rows < sudden[0] - step
    if not seen.any():
        return dict.fromkeys(("left", "right"), np.full(len(left), middle))
    return {side: np.interp(rows, rows[seen], edge[seen]) for side, edge in (("left", left), ("right", right))}


def _trousers(garment: Garment, figure: Figure, now: Worn) -> Fit:
    marks = garment.marks
    crotch_row = float(figure.crotch)
    outline = outline_of(garment.alpha > 127)
    rise = marks["crotch"][1] - (marks["waist_left"][1] + marks["waist_right"][1]) / 2
    level = marks["crotch"][1] - 0.35 * rise
    row = np.flatnonzero(garment.alpha[int(level)] > 127)
    broad = float(np.ptp(row))
    at = int(crotch_row - 0.25 * figure.unit)
    hips = float(figure.trunk["right"][at] - figure.trunk["left"][at])
    inseam = float(np.mean([np.linalg.norm(marks[f"inner_{side}"] - marks["crotch"]) for side, _ in _SIDES]))
    scale = _LOOSE[0] * hips / broad
    if now.hem is not None:
        scale = float(np.clip((now.hem + 2 - crotch_row) / inseam, scale, scale * _LOOSE[1] / _LOOSE[0]))
    # Legs are laid flat as far as hips are.
    flat = (scale * broad / hips - _LOOSE[0]) / (_LOOSE[1] - _LOOSE[0])
    round_legs = 1 / (1 + flat * (_LOOSE[1] / _LOOSE[0] - 1))
    middle = 0.5 * (figure.gap["left"][int(crotch_row) + 3] + figure.gap["right"][int(crotch_row) + 3])
    middle = middle if np.isfinite(middle) else figure.middle
    waist = crotch_row - scale * rise
    held, onto, narrower = [], [], []
    ends: dict[str, np.ndarray] = {"crotch": np.float64([middle, crotch_row])}

    def hold(source: np.ndarray, target: np.ndarray) -> None:
        held.append(along(source, _POINTS))
        onto.append(along(target, _POINTS))

    lowest = len(figure.trunk["left"]) - 1 if now.hem is None else now.hem - 0.35 * figure.unit
    gap = _kept_open(figure, middle)
    for side, sign in _SIDES:
        end = crotch_row + scale * float(np.linalg.norm(marks[f"inner_{side}"] - marks["crotch"]))
        if now.hem is not None and abs(now.hem + 2 - end) < _SAME * figure.unit:
            end = now.hem + 2
        outside, inside = [], []
        top_half = scale * abs(marks[f"waist_{side}"][0] - marks["crotch"][0]) / 1.25
        cut = scale * _breadth(garment, side)
        squeezed = []
        for y in np.linspace(waist, end, 64):
            # About the hem shoes join the outline.
            row = int(np.clip(y, 0, lowest))
            edge = figure.trunk[side][row]
            if y <= crotch_row:
                t = (y - waist) / max(crotch_row - waist, 1)
                own = abs(edge - middle)
                reach = max(own, top_half) if t > 0.3 else own
                outside.append((middle + sign * (reach + _MARGIN), y))
                continue
            near = gap[side][row]
            t = (y - crotch_row) / max(end - crotch_row, 1)
            flat_width = float(np.interp(t, np.linspace(0, 1, len(cut)), cut))
            own = abs(edge - near)
            width = (1 - min(t / 0.2, 1)) * own + min(t / 0.2, 1) * float(
                np.clip(flat_width * round_legs, 0.6 * own, 1.6 * own)
            )
            squeezed.append(width / max(flat_width, 1.0))
            centre = (edge + near) / 2
            outside.append((centre + sign * (0.5 * width + _MARGIN), y))
            inside.append((centre - sign * 0.5 * width, y))
        outside, inside = np.array(outside), np.array([(middle, crotch_row), *inside])
        # Where a narrow gap was followed by its colour its edges are a little off those of the matte.
        inside[1:, 0] = gaussian_filter1d(inside[1:, 0], 3, mode="nearest")
        # Legs never cross the middle between them, which needn't be upright.
        rows = np.clip(inside[:, 1], 0, max(lowest, crotch_row)).astype(int)
        halfway = 0.5 * (gap["left"] + gap["right"])[rows]
        halfway[0] = middle
        inside[:, 0] = halfway + sign * np.maximum((inside[:, 0] - halfway) * sign, 0)
        narrower += squeezed
        hold(_stretch(outline, marks, f"waist_{side}", f"outer_{side}"), outside)
        hold(_stretch(outline, marks, f"outer_{side}", f"inner_{side}"), np.stack([outside[-1], inside[-1]]))
        hold(_stretch(outline, marks, f"inner_{side}", "crotch"), inside[::-1])
        ends |= {f"waist_{side}": outside[0], f"outer_{side}": outside[-1], f"inner_{side}": inside[-1]}
    source = _stretch(outline, marks, "waist_left", "waist_right")
    hold(source, _carried(source, ends["waist_left"], ends["waist_right"]))
    shape = mesh(garment.alpha > 60, garment.part, [marks["crotch"][1]])
    # Cloth that goes round a leg is seen narrower, and isn't crumpled by that.
    rest = shape.vertices[shape.triangles] * scale * np.float64([np.clip(np.mean(narrower), 0.6, 1.2), 1.0])
    held_points, onto_points = np.concatenate(held), np.concatenate(onto)
    return Fit(shape, bent(shape, rest, held_points, onto_points), scale, ends, held_points, onto_points)


def _breadth(garment: Garment, side: str) -> np.ndarray:
    """How broad a leg of trousers is in its packshot, pixels, evenly from the crotch to its end: flares and tapers are
    its own. The end itself is curved over a shoe, and cut off there."""
    start, end = garment.marks["crotch"][1], garment.marks[f"inner_{side}"][1]
    leg = (garment.alpha > 127) & (garment.part == (0 if side == "left" else 1))
    rows = np.clip(np.linspace(start, end, 64), 0, len(leg) - 1).round().astype(int)
    broad = leg[rows].sum(axis=1).astype(np.float64)
    broad[60:] = broad[60]
    broad[0] = broad[1]
    return gaussian_filter1d(broad, 2, mode="nearest")
