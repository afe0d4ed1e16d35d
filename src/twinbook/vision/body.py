"""How far the outline in a picture departs from hers: slimmer, longer, otherwise shaped, larger in the head.

Two outlines are laid over each other mark by mark; what remains between them is the answer. The yardstick is never her
head alone, or a larger head would pass for a slimmer body: of all parts that have a scale of their own (head, trunk,
legs, width) those that agree are it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import least_squares

from ..domain.fidelity import Measurement
from .outline import MOST_ROWS, BodyShape, Pose, mirrored, shape, smooth, trunk_widths
from .parametric_body import FittedBody

__all__ = [
    "MOST_ROWS",
    "NAMES",
    "BodyShape",
    "FittedBody",
    "Pose",
    "against_measurements",
    "compare",
    "head_size",
    "shape",
]

NAMES = ("body.width", "body.length", "body.reshape", "body.head")

# Turned further, she is narrower: in two outlines that are compared the noses must be about as far aside.
_SAME_TURN = 0.07
# Median difference of two outlines, after all that is measured is taken out, above which pose or clothes differ.
_OTHER_OUTLINE = 0.05
_AGREEING = 0.02
# What is under her soles, centimetres.
_SHOES = 3.0
# Bare feet are seen a little from above: how far toes reach below the soles' own height.
_TOES = 3.0
# Rows that two outlines must share, over the height from crown to shoulder.
_LEAST_ROWS = 0.12
# The nose's place under the crown moves with a nod or a higher camera: a weak voice on the height of a head.
_NOSE = 0.7
_WHERE = MappingProxyType({"trunk": "her trunk", "legs": "her legs", "whole": "her from shoulders to feet"})


def compare(
    shape: BodyShape | None, own: Sequence[BodyShape], body: FittedBody | None = None
) -> tuple[Measurement, ...]:
    """``body.width``, ``body.length``, ``body.reshape`` and ``body.head`` in percent against her own outlines.

    Negative is slimmer, shorter, drawn in, smaller in the head. Width is that of the trunk, length that of trunk or
    legs, whichever is further off; reshape is the largest difference at one height that is left when width is
    taken out; head is its size against the rest of her. Of her own outlines in the same pose the one is used that fits
    best. ``body`` is a second opinion on frontal outlines: cloth adds to a body and never takes away, so an outline
    narrower, or legs longer, than her measurements allow are told even in other clothes. Values are None, with
    the reason, where it can't be told.
    """
    if shape is None:
        return _untold("no outline with head and shoulders was found in the picture")
    same = [other for one in own for other in _facing(one, shape)]
    if not same:
        return _by_measurements(shape, body, f"none of her plates shows her {_spoken(shape.pose)}, turned as far")
    fits = [fit for other in same if (fit := _fit(shape, other)) is not None]
    if not fits:
        return _by_measurements(shape, body, "too little of her outline shows in both the picture and her plates")
    fits = [fit for fit in fits if fit.misfit <= _OTHER_OUTLINE]
    if not fits:
        return _by_measurements(shape, body, "pose or clothes give another outline than in her plates")
    return _told(min(fits, key=lambda fit: fit.misfit - 0.03 * fit.shared), shape)


def _facing(own: BodyShape, shape: BodyShape) -> tuple[BodyShape, ...]:
    """Her own outline and its mirror image (pictures are mirrored), whichever is turned as the picture shows her."""
    return tuple(one for one in (own, mirrored(own)) if abs(one.turn - shape.turn) < _SAME_TURN)


def against_measurements(
    shape: BodyShape | None, body: FittedBody, turned: float = 0.0, head: float | None = None
) -> tuple[Measurement, ...]:
    """The same four of a bare figure that was made from her measurements, a mannequin, against the body they give.

    Both ways, since no cloth lies between. ``turned`` is how far the trunk is turned to the camera, in degrees; ``head``
    the percent by which her head is too large for its height, by her full-length plate, None without one.
    """
    if shape is None or "sole" not in shape.marks:
        return _untold("the figure doesn't show from head to feet")
    eyes = shape.marks["eyes"]
    scale = (shape.marks["sole"] - eyes) / (body.lengths["eye_height"] + _TOES)
    ground = eyes + body.lengths["eye_height"] * scale
    part = body.torso[(body.torso[:, 0] > body.lengths["inseam"] + 3) & (np.arange(len(body.torso)) < 34)]
    at = np.round(ground - part[:, 0] * scale - shape.top).astype(int)
    inside = (at >= 0) & (at < len(shape.rows))
    part, at = part[inside], at[inside]
    free = np.isfinite(shape.rows[at, 4:]).all(axis=1) & np.isnan(shape.rows[at, 2])
    if free.sum() < 8:
        return _untold("arms aren't told from the figure's trunk")
    angle = np.radians(turned)
    wide = np.hypot(part[free, 1] * np.cos(angle), part[free, 2] * np.sin(angle))
    off = gaussian_filter1d(np.log(trunk_widths(shape)[at[free]] / scale / wide), 1.0, mode="nearest")
    middle = float(np.median(off))
    extreme = int(np.argmax(np.abs(off - middle)))
    note = "of a mannequin, against the body of her measurements"
    if "crotch" in shape.marks:
        legs = (ground - shape.marks["crotch"]) / scale
        length = Measurement(NAMES[1], _percent(float(np.log(legs / body.lengths["inseam"]))), f"of the legs {note}")
    else:
        length = Measurement(NAMES[1], None, shape.unseen.get("crotch", "its legs can't be told apart"))
    tall = part[free][extreme, 0]
    return (
        Measurement(NAMES[0], _percent(middle), note),
        length,
        Measurement(NAMES[2], _percent(float(off[extreme]) - middle), f"{note}, {tall:.0f} cm over the floor"),
        Measurement(NAMES[3], head, note if head is not None else "no full-length plate shows how large her head is"),
    )


def head_size(landmarks: np.ndarray, sole: float, yaw: float, body: FittedBody, *, bare: bool) -> float:
    """How large her face is against her height, by eyes and nose, in centimetres of the body's; ``sole`` is the row of
    her soles, ``yaw`` the turn of her head in degrees, ``bare`` whether she stands on bare feet."""
    points = np.asarray(landmarks, np.float64)
    one, other = points[0:2].mean(axis=0), points[2:4].mean(axis=0)
    eyes = (one[1] + other[1]) / 2
    scale = (sole - eyes) / (body.lengths["eye_height"] + (_TOES if bare else _SHOES))
    apart = float(np.linalg.norm(one - other)) / np.cos(np.radians(min(abs(yaw), 45.0)))
    return float(np.sqrt(apart * (points[4, 1] - eyes)) / scale)


# --- laying one outline over another -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fit:
    """Natural logarithms of picture over own: ``head`` by its height, ``width`` of the trunk, and ``lengths`` of trunk
    and legs, or of the whole below the shoulders where these can't be told apart. ``voices`` are what has a scale, with
    weights. ``local`` is the largest difference of width left at one height, ``place`` where, ``misfit`` the median of
    what is left, ``shared`` the share of the picture's rows, shoulder to end, that could be compared.
    """

    head: float
    width: float
    lengths: Mapping[str, float]
    voices: tuple[tuple[float, float], ...]
    local: float
    place: str
    misfit: float
    shared: float


def _fit(shape: BodyShape, own: BodyShape) -> _Fit | None:
    head_height = _head(shape, own)
    if head_height is None:
        return None
    lengths, split = _lengths(shape, own)
    scale = next((lengths[name] for name in ("legs", "whole", "trunk") if name in lengths), head_height)
    ratio, where, shared = _ratios(shape, own, scale, split)
    if len(ratio) < _LEAST_ROWS * (own.marks["shoulder"] - own.marks["crown"]):
        return None
    in_trunk = where == "trunk"
    width = _commonest(ratio[in_trunk] if in_trunk.sum() >= 20 else ratio)
    voices = [(value, 1.5 if name == "whole" else 1.0) for name, value in lengths.items()]
    if not voices and shape.pose is Pose.FRONT:
        sides = [_stretch(shape, own, "shoulder", f"armpit_{side}") for side in ("left", "right")]
        # Armpits are where backdrop begins to show between arm and trunk, which moves with the arm. Where both say the
        # same as her width, the three are a scale; a length that is held to a bound they aren't.
        if None not in sides and np.ptp([*sides, width]) < _AGREEING:
            voices = [(sum(sides) / 2, 1.5)]
    left = ratio - width
    extreme = int(np.argmax(np.abs(left)))
    return _Fit(
        head_height,
        width,
        lengths,
        (*voices, (head_height, 1.0), (width, 1.0)),
        float(left[extreme]),
        str(where[extreme]),
        float(np.median(np.abs(left))),
        shared,
    )


def _head(shape: BodyShape, own: BodyShape) -> float | None:
    """Logarithm of the height of the head in the picture over hers, by its outline above the chin and by the nose."""
    if "crown" in own.unseen or "crown" in shape.unseen:
        return None
    span = own.marks["shoulder"] - own.marks["crown"]
    reach = shape.marks["shoulder"] - shape.marks["crown"]
    at = np.linspace(0.02, 0.62, 90) * span
    hers, there = smooth(trunk_widths(own), 0.01 * span), smooth(trunk_widths(shape), 0.01 * reach)
    target = np.interp(at + own.marks["crown"] - own.top, np.arange(len(hers)), hers)
    broad = float(np.nanmax(target))
    hers_nose, nose_there = own.marks["nose"] - own.marks["crown"], shape.marks["nose"] - shape.top

    def off(parameters: np.ndarray) -> np.ndarray:
        sx, sy, shift = parameters
        y = shape.marks["crown"] - shape.top + shift * reach + np.exp(sy) * at
        found = np.interp(y, np.arange(len(there)), there, left=0.0)
        nose = (y[0] - at[0] * np.exp(sy) + np.exp(sy) * hers_nose - nose_there) * np.exp(-sy)
        return np.append((found * np.exp(-sx) - target) / broad, _NOSE * nose / broad)

    if not (np.isfinite(target).all() and np.isfinite(there[: round(1.1 * reach)]).all()):
        return None
    guess = float(np.log(reach / span))
    found = least_squares(off, [guess, guess, 0.0], loss="soft_l1", f_scale=0.01, diff_step=1e-3)
    wide, high = float(found.x[0]), float(found.x[1])
    # Hair that lies otherwise changes the outline of a head; how far the shoulders are below the crown it doesn't.
    return high if max(abs(wide - guess), abs(high - guess)) < 0.12 else guess


def _lengths(shape: BodyShape, own: BodyShape) -> tuple[dict[str, float], bool]:
    """Stretch of trunk and legs, or of the whole; and whether the crotch may be used.

    Mattes lose the upper end of a narrow gap between trouser legs. A crotch is believed where the fingertips moved as it
    did, or, where they don't show, where it isn't far from its place in the whole.
    """
    whole, trunk = _stretch(shape, own, "shoulder", "hem"), _stretch(shape, own, "shoulder", "crotch")
    legs = _stretch(shape, own, "crotch", "hem")
    arms = [_stretch(shape, own, "shoulder", f"tip_{side}") for side in ("left", "right")]
    arms = [arm for arm in arms if arm is not None]
    if trunk is not None and (arms or whole is not None):
        second, limit = (sum(arms) / len(arms), _AGREEING) if arms else (whole, 0.07)
        if abs(trunk - second) < limit:
            return {"trunk": trunk} if legs is None else {"trunk": trunk, "legs": legs}, True
    return ({} if whole is None else {"whole": whole}), False


def _stretch(shape: BodyShape, own: BodyShape, start: str, end: str) -> float | None:
    """Logarithm of a length in the picture over hers, None where a mark is missing in one of them."""
    if any(name not in one.marks for one in (shape, own) for name in (start, end)):
        return None
    here, hers = (one.marks[end] - one.marks[start] for one in (shape, own))
    return float(np.log(here / hers)) if min(here, hers) > 0 else None


def _commonest(values: np.ndarray) -> float:
    """The middle of the narrowest interval with half of the values: a waist drawn in doesn't move it as it does a median."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    start = int(np.argmin(ordered[half:] - ordered[: len(ordered) - half]))
    return float(np.median(ordered[start : start + half + 1]))


def _ratios(shape: BodyShape, own: BodyShape, scale: float, split: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """Logarithms of width over hers at each of her rows that can be compared, what part of her each row is, and the share
    of the picture's rows below the shoulders that they answer to.

    Rows correspond between the marks that both show, linearly; beyond the last one at ``scale``. The crotch counts when
    ``split``.
    """
    nothing = np.empty(0), np.empty(0, "<U5"), 0.0
    names = [
        name
        for name in ("crown", "shoulder", "armpit_left", "armpit_right", "crotch", "hem")
        if name in own.marks and name in shape.marks and (split or name != "crotch")
    ]
    pairs = sorted(
        {(own.marks[name] - own.top, shape.marks[name] - shape.top) for name in names if "armpit" not in name}
    )
    pits = [name for name in names if "armpit" in name]
    if len(pits) == 2:
        pairs.append(tuple(sum(one.marks[p] for p in pits) / 2 - one.top for one in (own, shape)))
    pairs = sorted(pairs)
    if any(b[1] <= a[1] for a, b in pairwise(pairs)):
        return nothing
    if "hem" not in names:
        pairs.append((pairs[-1][0] + 1e4, pairs[-1][1] + 1e4 * float(np.exp(scale))))
    unit = own.marks["shoulder"] - own.marks["crown"]
    first, last = own.marks["shoulder"] - own.top, len(own.rows) - 1
    if "hem" in own.marks:  # shoes stand as they like
        last = own.marks["hem"] - own.top - 0.2 * unit
    at = np.arange(np.ceil(first), np.floor(last))
    y = np.interp(at, *(np.array(side, float) for side in zip(*pairs, strict=True)))
    at, y = at[y <= len(shape.rows) - 1], y[y <= len(shape.rows) - 1]
    if len(at) < 3:
        return nothing
    hers, kind = _at_rows(own, at, unit)
    there, kind_there = _at_rows(shape, y, unit)
    # Where arms part, and where shoulders slope, a row's width is decided by a pixel up or down.
    steep = np.abs(np.gradient(hers)) > 0.7
    changing = cv2.dilate(
        (
            (kind != kind_there) | steep | np.isnan(hers) | np.isnan(there) | (np.diff(kind, prepend=kind[:1]) != 0)
        ).astype(np.uint8),
        np.ones((2 * round(0.04 * unit) + 1, 1), np.uint8),
    ).ravel()
    usable = (changing == 0) & (hers > 0) & (there > 0)
    if shape.pose is not Pose.FRONT and (usable & (kind == 3)).sum() >= 20:
        usable &= kind >= 3  # from the side, an arm before the trunk may be anywhere
    part = np.where(kind >= 4, "legs", "trunk")[usable]
    logs = np.log(there[usable] / hers[usable])
    for name in ("trunk", "legs"):
        chosen = part == name
        if chosen.sum() > 8:
            logs[chosen] = gaussian_filter1d(logs[chosen], 0.06 * unit, mode="nearest")
    here = shape.top + len(shape.rows) - shape.marks["shoulder"]
    return logs, part, float(np.clip(len(logs) * (y[-1] - y[0]) / max(at[-1] - at[0], 1) / here, 0, 1))


def _at_rows(one: BodyShape, y: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Width at rows between rows, NaN where the frame cuts it, and what the row crosses: 1 and 2 for an arm to the left
    and to the right, 4 for a gap between legs, added up."""
    rows, wide = one.rows, trunk_widths(one)
    nearest = np.clip(np.round(y).astype(int), 0, len(rows) - 1)
    known, every = np.isfinite(wide), np.arange(len(wide))
    if not known.any():
        return np.full(len(y), np.nan), np.zeros(len(y), int)
    values = np.interp(y, every, smooth(np.interp(every, every[known], wide[known]), 0.012 * unit))
    crossed = np.isfinite(rows[nearest][:, [4, 5, 2]])
    return np.where(known[nearest], values, np.nan), crossed @ np.array([1, 2, 4])


# --- saying it -----------------------------------------------------------------------------------------------------


def _told(fit: _Fit, shape: BodyShape) -> tuple[Measurement, ...]:
    scale = _scale(fit)
    head = _percent(fit.head - scale)
    lone = len(fit.voices) == 2
    against = "against her head alone: a larger head would look the same" if lone else "against her head and lengths"
    if abs(head) > 3:
        against += f" (her head is {abs(head):.1f} % {'larger' if head > 0 else 'smaller'} than in her plate)"
    width = Measurement(NAMES[0], _percent(fit.width - scale), against)
    if fit.lengths:
        name = max(fit.lengths, key=lambda key: abs(fit.lengths[key] - scale))
        missing = f"; her legs: {_why(shape, ('crotch', 'hem'))}" if "legs" not in fit.lengths else ""
        length = Measurement(NAMES[1], _percent(fit.lengths[name] - scale), f"of {_WHERE[name]}{missing}")
    else:
        length = Measurement(NAMES[1], None, _why(shape, ("crotch", "hem")))
    local = Measurement(NAMES[2], _percent(fit.local), f"at {_WHERE[fit.place]}, beside an even change of width")
    if lone:
        return width, length, local, Measurement(NAMES[3], None, "there is no length of her body to hold it against")
    return width, length, local, Measurement(NAMES[3], head, "against her width and lengths")


def _scale(fit: _Fit) -> float:
    """How much larger the picture shows her: the weighted median of what has a size, the head deciding a draw."""
    voices = sorted(fit.voices)
    total, passed = sum(weight for _, weight in voices), 0.0
    for i, (value, weight) in enumerate(voices):
        passed += weight
        if abs(passed - total / 2) < 1e-6:
            return min(value, voices[i + 1][0], key=lambda v: abs(v - fit.head))
        if passed > total / 2:
            return value
    return fit.head


def _by_measurements(shape: BodyShape, body: FittedBody | None, reason: str) -> tuple[Measurement, ...]:
    """What her measurements alone exclude: they can show that she is too slim or her legs too long, never the reverse."""
    if body is None or shape.pose is not Pose.FRONT:
        return _untold(reason)
    needed = [name for name in ("crown", "sole") if name not in shape.marks]
    if needed:
        return _untold(f"{reason}, and measurements need the whole figure: {shape.unseen[needed[0]]}")
    narrow, longer = _excess(shape, body)
    note = f"{reason}; by her measurements"
    values = []
    for name, value, what in (
        (NAMES[0], narrow, "narrower than her body without clothes"),
        (NAMES[1], longer, "legs longer than hers"),
    ):
        values.append(
            Measurement(name, None, f"{note} it isn't {what}, and no more can be told")
            if value is None
            else Measurement(name, value, f"{note}: {what}")
        )
    return *values, *_untold(reason)[2:]


def _excess(shape: BodyShape, body: FittedBody) -> tuple[float | None, float | None]:
    """Percent by which the trunk is narrower and the legs longer than her measurements allow; None when they aren't.

    The scale is the height of her eyes, since hair would count in that of her crown. Width is that of the middle of the
    trunk, from the waist to under the chest, where arms are off it and stance changes little.
    """
    marks, eyes = shape.marks, body.lengths["eye_height"] + _SHOES
    scale = (marks["sole"] - marks["eyes"]) / eyes
    waist = body.torso[int(0.35 * len(body.torso)) : int(0.7 * len(body.torso))]
    at = np.round(marks["sole"] - (waist[:, 0] + _SHOES) * scale - shape.top).astype(int)
    inside = (at >= 0) & (at < len(shape.rows))
    at, waist = at[inside], waist[inside]
    free = np.isfinite(shape.rows[at, 4:]).all(axis=1)
    narrow = longer = None
    if free.sum() >= 5:
        off = np.log(trunk_widths(shape)[at[free]] / scale / waist[free, 1])
        doubt = 2 * float(np.median(waist[free, 3] / waist[free, 1])) + 0.02
        narrow = float(np.median(off)) if np.median(off) < -doubt else None
    if "crotch" in marks:
        # A crotch of cloth hangs lower than hers and shortens legs; heels lengthen them.
        legs, rest = body.lengths["inseam"] + _SHOES, body.lengths["eye_height"] - body.lengths["inseam"]
        there = (marks["sole"] - marks["crotch"]) / (marks["crotch"] - marks["eyes"])
        doubt = 2 * body.spread["inseam"] * (1 / legs + 1 / rest) + 0.03
        off = float(np.log(there / (legs / rest)))
        longer = off if off > doubt else None
    return narrow and _percent(narrow), longer and _percent(longer)


def _untold(reason: str) -> tuple[Measurement, ...]:
    return tuple(Measurement(name, None, reason) for name in NAMES)


def _percent(log: float) -> float:
    return float(100 * np.expm1(log))


def _why(shape: BodyShape, names: tuple[str, ...]) -> str:
    reasons = [shape.unseen[name] for name in names if name in shape.unseen]
    return reasons[0] if reasons else "her plate doesn't show as much of her, or not as clearly"


def _spoken(pose: Pose) -> str:
    return {Pose.FRONT: "from the front", Pose.TURNED: "in three-quarter view", Pose.PROFILE: "in profile"}[pose]
