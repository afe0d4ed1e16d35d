"""The garment as cloth, not as an average: its dyes, its pattern, its prints, its outline, and how far two are apart.

Folds change how much light cloth throws back, hardly what colour it is. So colours are those of the mid-tones of each
dye, patterns are read from what is left when slow shading is taken out, and two pictures are compared under one light:
the ratio between them, on what of her nobody altered, says how the light differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import fft, ndimage
from scipy.optimize import linprog

from ..domain.fidelity import Measurement
from .skin import delta_e2000, lab, linear_to_lab, to_linear

NAMES = ("delta_e", "pattern", "direction", "print", "hem", "silhouette")
# The garment is brought to this width in pixels before its pattern is read.
_WIDTH = 256
_MIN_PIXELS = 300
# A pattern has at least this many periods across the garment; slower changes are folds.
_LEAST_CYCLES = 4.5
# Rms of what is left without shading, in ΔE*ab: knit and noise stay below, the palest shirting stripe is above.
_PLAIN_RMS = 1.8
# What an all-over print leaves on at least 15 % of the cloth, in ΔE*ab; a single logo leaves more, on less of it.
_ALL_OVER = 9.0
_MAX_SAMPLES = 20_000


@dataclass(frozen=True)
class Dye:
    """One colour of the cloth: CIELAB of its mid-tones and its share of the garment, 0 to 1."""

    lab: tuple[float, float, float]
    share: float


@dataclass(frozen=True)
class Print:
    """A region in another colour. ``x`` and ``y`` are its middle in the garment's box, 0 to 1; ``area`` its share of the
    garment; ``shape`` an 8×8 picture of where in its own box it is (0 to 1), row by row."""

    x: float
    y: float
    area: float
    lab: tuple[float, float, float]
    shape: tuple[float, ...]


@dataclass(frozen=True)
class GarmentReading:
    """What was read of one garment in one picture.

    ``kind`` is ``plain``, ``striped``, ``checked`` or ``print`` (irregular); ``cycles`` is how often the pattern repeats
    across the garment's width, ``period`` how many pixels of the picture one repeat takes, ``direction`` the degrees
    (0 to 180, counter-clockwise, 0 is level) in which its stripes run: all None where there is no regular pattern.
    ``strength`` is the rms of the pattern in ΔE*ab, ``regularity`` the share of it (0 to 1) in one wave. ``outline`` is
    the garment's mask in its own box (bool (64, 64)); ``hem`` the lower edge in 32 columns (0 to 1 of the box's height),
    None when the picture ends before the garment does. ``aspect`` is the box's height over its width.
    """

    pixels: int
    width: int
    dyes: tuple[Dye, ...]
    kind: str
    cycles: float | None
    period: float | None
    direction: float | None
    strength: float
    regularity: float
    prints: tuple[Print, ...]
    outline: np.ndarray
    hem: np.ndarray | None
    aspect: float
    cut_off: bool


def statistics(rgb_srgb: np.ndarray, mask: np.ndarray, light: np.ndarray | None = None) -> GarmentReading | None:
    """Read the garment under ``mask`` (bool (h, w)) of a picture, uint8 sRGB (h, w, 3); None for too few pixels.

    ``light`` is by how much more of each channel's linear light falls here than in the picture it shall be compared
    with (float (3,), from `light_between`); it is divided out. Holes in the mask count as prints where they aren't the
    garment's colour: leave hands and hair out of them by filling them only where they are neither.
    """
    mask = np.asarray(mask, bool)
    if mask.sum() < _MIN_PIXELS:
        return None
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside = mask[box]
    scale = min(_WIDTH / inside.shape[1], 1.0)
    size = max(round(inside.shape[1] * scale), 8), max(round(inside.shape[0] * scale), 8)
    coded = cv2.resize(np.ascontiguousarray(rgb_srgb[box]), size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    # The edge is a mix with what is beside the garment.
    core = cv2.erode(np.pad(inside, 1).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2)[1:-1, 1:-1] > 0
    if core.sum() < _MIN_PIXELS // 3:
        core = inside
    values = lab(coded) if light is None else linear_to_lab(np.clip(to_linear(coded) / light, 0, 1.2))
    values = values.astype(np.float32)
    dyes, base = _dyes(values, core)
    kind, cycles, direction, strength, regularity = _pattern(values, core)
    prints = _prints(values, core, base) if kind in ("plain", "striped", "checked") else ()
    high, wide = mask.shape
    cut_off = bool(rows[-1] >= high - 2)
    return GarmentReading(
        pixels=int(mask.sum()),
        width=int(np.ptp(columns)) + 1,
        dyes=dyes,
        kind=kind,
        cycles=cycles,
        period=None if cycles is None else (int(np.ptp(columns)) + 1) / cycles,
        direction=direction,
        strength=strength,
        regularity=regularity,
        prints=prints,
        outline=cv2.resize(inside.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA) > 0.5,
        hem=None if cut_off else _hem(inside),
        aspect=(int(np.ptp(rows)) + 1) / (int(np.ptp(columns)) + 1),
        cut_off=cut_off or columns[0] <= 1 or columns[-1] >= wide - 2,
    )


def compare(
    found: GarmentReading | None, reference: GarmentReading | None, scale: float | None = None
) -> tuple[Measurement, ...]:
    """``garment.delta_e`` and the other `NAMES`, between two readings under one light.

    ``scale`` is how many pixels of the found picture one of the reference takes, where that is known (from the faces,
    or from registration): periods are then compared in pixels, which a crop through the garment doesn't change.
    """
    if found is None or reference is None:
        which = "the picture" if found is None else "the reference"
        return tuple(
            Measurement(f"garment.{name}", None, f"too little of the garment shows in {which}") for name in NAMES
        )
    return (
        _colour(found.dyes, reference.dyes),
        *_patterns(found, reference, scale),
        _printed(found, reference),
        *_outlines(found, reference),
    )


def for_recolor(rgb_srgb: np.ndarray, mask: np.ndarray, to: str, light: np.ndarray | None = None) -> Measurement:
    """``garment.delta_e`` of the garment's mid-tones to the colour asked for, ``#rrggbb``.

    Without ``light`` (from `light_between`, on pixels that weren't dyed) the light of the scene is taken to be white.
    Cloth of several dyes was dyed with its shading, so that the mid-tone of the whole is what meets the target.
    """
    target = lab(np.array([int(to[i : i + 2], 16) for i in (1, 3, 5)], np.uint8))
    core = cv2.erode(np.asarray(mask, np.uint8), np.ones((3, 3), np.uint8), iterations=2) > 0
    if core.sum() < _MIN_PIXELS:
        return Measurement("garment.delta_e", None, "too little of the garment shows in the picture")
    linear = to_linear(rgb_srgb[core]).astype(np.float64)
    if light is not None:
        linear = linear / light
    # The median of each channel: what the dyer met is the median of linear light.
    middle = linear_to_lab(np.median(linear, axis=0))
    return Measurement("garment.delta_e", float(delta_e2000(middle, target)), f"mid-tones against {to.lower()}")


def light_between(
    rgb_srgb: np.ndarray, where: np.ndarray, reference_srgb: np.ndarray, reference_where: np.ndarray
) -> np.ndarray | None:
    """How much more of each channel's light falls in a picture than in its reference: float (3,), or None.

    ``where`` (bool masks of both) is what of her is the same in both: lit skin, hair, the garment that was kept. They
    needn't show it from the same side; medians of linear light are compared, darkest and clipped pixels left out.
    """
    middles = []
    for rgb, mask in ((rgb_srgb, where), (reference_srgb, reference_where)):
        pixels = rgb[np.asarray(mask, bool)]
        pixels = pixels[(pixels.max(axis=1) < 252) & (pixels.max(axis=1) > 12)]
        if len(pixels) < _MIN_PIXELS // 3:
            return None
        middles.append(np.median(to_linear(pixels), axis=0).astype(np.float64))
    return np.clip(middles[0] / np.maximum(middles[1], 1e-4), 0.1, 10)


# --- colour -----------------------------------------------------------------------------------------------------


def _dyes(values: np.ndarray, core: np.ndarray) -> tuple[tuple[Dye, ...], np.ndarray]:
    """Its dyes, largest first, and the CIELAB (k, 3) of those large enough to be the cloth itself."""
    pixels = values[core]
    pixels = pixels[:: max(1, len(pixels) // _MAX_SAMPLES)]
    middle = max(float(np.median(pixels[:, 0])), 8.0)
    # Along a fold a* and b* shrink with L*: compared at one lightness, as far as that may be trusted.
    factor = np.clip(middle / np.maximum(pixels[:, :1], 4), 0.6, 1.8)
    feature = np.concatenate([pixels[:, :1] * 0.35, pixels[:, 1:] * factor], axis=1).astype(np.float32)
    cv2.setRNGSeed(17)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.2)
    count = min(5, len(feature))
    _, labels, centres = cv2.kmeans(feature, count, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    labels = labels.ravel()
    groups = _merged(centres, np.bincount(labels, minlength=count))
    dyes = []
    for group in groups:
        mine = pixels[np.isin(labels, group)]
        if len(mine) < 0.01 * len(pixels):
            continue
        low, high = np.percentile(mine[:, 0], (30, 70))
        tones = mine[(mine[:, 0] >= low) & (mine[:, 0] <= high)]
        dyes.append(Dye(tuple(float(v) for v in np.median(tones, axis=0)), len(mine) / len(pixels)))
    dyes.sort(key=lambda dye: -dye.share)
    base = np.array([dye.lab for dye in dyes if dye.share >= 0.15] or [dyes[0].lab])
    return tuple(dyes), base


def _merged(centres: np.ndarray, sizes: np.ndarray) -> list[list[int]]:
    """Clusters put together that are one dye in more and less light."""
    order = [int(i) for i in np.argsort(-sizes) if sizes[i]]
    groups: list[list[int]] = []
    for index in order:
        for group in groups:
            step = centres[index] - centres[group[0]]
            if np.hypot(step[1], step[2]) < 7 and abs(step[0]) < 0.35 * 22:
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def _colour(found: Sequence[Dye], reference: Sequence[Dye]) -> Measurement:
    """The least work that turns one set of dyes into the other: ΔE2000 times the share that has to move."""
    cost = np.array([[delta_e2000(np.array(a.lab), np.array(b.lab)) for b in reference] for a in found])
    supply, demand = np.array([d.share for d in found]), np.array([d.share for d in reference])
    supply, demand = supply / supply.sum(), demand / demand.sum()
    rows, columns = cost.shape
    equal = np.zeros((rows + columns, rows * columns))
    for i in range(rows):
        equal[i, i * columns : (i + 1) * columns] = 1
    for j in range(columns):
        equal[rows + j, j::columns] = 1
    answer = linprog(cost.ravel(), A_eq=equal[:-1], b_eq=np.concatenate([supply, demand])[:-1], method="highs")
    if answer.x is None:
        return Measurement("garment.delta_e", None, "the colours of the two could not be matched")
    count = f"{len(found)} and {len(reference)} dyes" if max(len(found), len(reference)) > 1 else "one dye"
    return Measurement("garment.delta_e", float(answer.fun), count)


# --- pattern ----------------------------------------------------------------------------------------------------


def _pattern(values: np.ndarray, core: np.ndarray) -> tuple[str, float | None, float | None, float, float]:
    """Kind, cycles per width, direction, rms (ΔE*ab) and regularity of what slow shading doesn't explain."""
    high, wide = core.shape
    detail = np.zeros_like(values)
    lightness = np.maximum(values[..., :1], 6)
    factor = np.clip(np.median(values[core][:, 0]) / lightness, 0.6, 1.8)
    flat = np.concatenate([values[..., :1], values[..., 1:] * factor], axis=2)
    # A red logo on green would colour everything around it in what is left when the surroundings are taken out.
    middle = np.median(flat[core], axis=0)
    flat[..., 1:] = np.clip(flat[..., 1:], middle[1:] - 25, middle[1:] + 25)
    for channel, sigma in ((0, 0.055), (1, 0.09), (2, 0.09)):
        detail[..., channel] = flat[..., channel] - _masked_blur(flat[..., channel], core, sigma * wide)
    detail = np.clip(detail, -40, 40) * core[..., None]
    weight = cv2.GaussianBlur(core.astype(np.float32), (0, 0), max(0.015 * wide, 1)) * core
    sizes = np.linalg.norm(detail, axis=2)[core]
    strength, busy = float(np.sqrt((sizes**2).mean())), float(np.percentile(sizes, 85))
    if strength < _PLAIN_RMS:
        return "plain", None, None, strength, 0.0
    side = cv2.getOptimalDFTSize(2 * max(high, wide))
    power = np.zeros((side, side))
    for channel in range(3):
        power += np.abs(fft.fft2((detail[..., channel] * weight).astype(np.float32), (side, side))) ** 2
    power = np.fft.fftshift(power)
    middle = side // 2
    fy, fx = np.mgrid[0:side, 0:side] - middle
    radius = np.hypot(fx, fy) * wide / side  # cycles per width
    reach = 1.1 * side / wide  # bins that one wave is smeared over by the garment's own size
    usable = (radius >= _LEAST_CYCLES) & (radius < 0.45 * wide) & ((fy > 0) | ((fy == 0) & (fx > 0)))
    total = float(power[usable].sum())
    calm = cv2.GaussianBlur(power, (0, 0), max(0.35 * side / wide, 0.6))
    first = _peak(calm, power, usable, reach, middle)
    share = first.energy / max(total, 1e-9)
    # A second wave across the first makes checks; one along it is only the first one's overtone.
    angle = np.degrees(np.arctan2(fy, fx)) % 180
    turn = np.abs((angle - first.angle + 90) % 180 - 90)
    second = _peak(calm, power, usable & (turn > 35), reach, middle)
    overtones = float(power[usable & (turn < 12)].sum()) / max(total, 1e-9)
    crossing = second.energy / max(first.energy, 1e-9)
    across = float(power[usable & (np.abs((angle - second.angle + 90) % 180 - 90) < 12)].sum()) / max(total, 1e-9)
    if crossing > 0.3 and overtones + across > 0.55 and share > 0.22:
        kind = "checked"
    elif share > 0.3 and overtones > 0.5:
        kind = "striped"
    else:
        return ("print" if busy > _ALL_OVER else "plain"), None, None, strength, float(share)
    # Stripes run across their wave; pictures count y downwards, people count angles upwards.
    direction = (90 - first.angle) % 180
    return kind, first.distance * wide / side, direction, strength, float(min(share, 1.0))


@dataclass(frozen=True)
class _Peak:
    """In a shifted spectrum: degrees of the wave (0 to 180), bins from the middle, and the power in it."""

    angle: float
    distance: float
    energy: float


def _peak(calm: np.ndarray, power: np.ndarray, usable: np.ndarray, reach: float, middle: int) -> _Peak:
    row, column = np.unravel_index(int(np.argmax(np.where(usable, calm, -1))), calm.shape)
    span = max(round(reach), 1)
    top, left = max(row - span, 0), max(column - span, 0)
    patch = power[top : row + span + 1, left : column + span + 1]
    y, x = np.mgrid[top : top + patch.shape[0], left : left + patch.shape[1]]
    energy = float(patch.sum())
    # The centre of gravity of the lobe is finer than its bins.
    fy = float((patch * y).sum()) / max(energy, 1e-9) - middle
    fx = float((patch * x).sum()) / max(energy, 1e-9) - middle
    return _Peak(float(np.degrees(np.arctan2(fy, fx))) % 180, float(np.hypot(fx, fy)), energy)


def _masked_blur(channel: np.ndarray, mask: np.ndarray, sigma: float) -> np.ndarray:
    weight = mask.astype(np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    return cv2.GaussianBlur(channel * weight, (0, 0), sigma) / np.maximum(total, 1e-3)


def _patterns(found: GarmentReading, reference: GarmentReading, scale: float | None) -> tuple[Measurement, Measurement]:
    """Relative error of the frequency, and degrees between the directions."""
    names = "garment.pattern", "garment.direction"
    regular = [reading.cycles is not None for reading in (found, reference)]
    if not any(regular):
        if (found.kind == "print") != (reference.kind == "print"):
            return Measurement(names[0], 1.0, f"{found.kind}, not {reference.kind}"), Measurement(
                names[1], None, "neither has a regular pattern"
            )
        note = "both are plain" if found.kind == "plain" else "irregular prints have no frequency"
        value = 0.0 if found.kind == "plain" else None
        return Measurement(names[0], value, note), Measurement(names[1], value, note)
    if not all(regular):
        strong = max(found, reference, key=lambda r: r.regularity if r.cycles else 0)
        if strong.regularity < 0.3 and strong.strength < 3:
            note = f"a faint pattern shows in one of the two only ({found.kind}, {reference.kind})"
            return Measurement(names[0], None, note), Measurement(names[1], None, note)
        return Measurement(names[0], 1.0, f"{found.kind}, not {reference.kind}"), Measurement(
            names[1], None, "one of the two has no direction"
        )
    if scale is not None:
        ratio = reference.period * scale / found.period
    elif found.cut_off or reference.cut_off:
        note = "the garment runs out of the picture, and the scale between the two is not known"
        return Measurement(names[0], None, note), _turn(found, reference)
    else:
        ratio = found.cycles / reference.cycles
    note = f"{found.cycles:.1f} cycles a width against {reference.cycles:.1f}"
    return Measurement(names[0], abs(ratio - 1), note), _turn(found, reference)


def _turn(found: GarmentReading, reference: GarmentReading) -> Measurement:
    turn = (found.direction - reference.direction + 90) % 180 - 90
    if found.kind == reference.kind == "checked":  # either of its two ways may be the stronger
        turn = min(turn, (turn % 180) - 90, key=abs)
    return Measurement("garment.direction", float(turn), f"{found.direction:.0f}° against {reference.direction:.0f}°")


# --- prints and logos -------------------------------------------------------------------------------------------


def _prints(values: np.ndarray, core: np.ndarray, base: np.ndarray) -> tuple[Print, ...]:
    """Regions that none of the cloth's own dyes explains, in any light on it; largest first, no more than twelve."""
    high, wide = core.shape
    nearest = np.full(core.shape, np.inf, np.float32)
    for colour in base:
        factor = np.clip(colour[0] / np.maximum(values[..., 0], 4), 0.6, 1.8)
        chroma = np.hypot(values[..., 1] * factor - colour[1], values[..., 2] * factor - colour[2])
        step = np.maximum(np.abs(values[..., 0] - colour[0]) - 18, 0)
        nearest = np.minimum(nearest, np.hypot(chroma, 0.8 * step))
    # The cloth's own spread: a melange isn't covered in logos.
    limit = max(9.0, 2.2 * float(np.percentile(nearest[core], 75)))
    other = (nearest > limit) & core
    other = cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    # Letters of one word are one print.
    gap = max(round(0.02 * wide), 1)
    joined = cv2.dilate(other, np.ones((2 * gap + 1, 2 * gap + 1), np.uint8))
    labels, _ = ndimage.label(joined, np.ones((3, 3)))
    area = float(core.sum())
    slope = cv2.morphologyEx(values[..., 0], cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    rim = cv2.erode(core.astype(np.uint8), np.ones((2 * gap + 3, 2 * gap + 3), np.uint8), borderValue=0) == 0
    found = []
    for index, where in enumerate(ndimage.find_objects(labels), 1):
        piece = (labels[where] == index) & (other[where] > 0)
        share = piece.sum() / area
        if share < 0.0012 or share > 0.5:
            continue
        if _shade(values[where], piece, slope[where], rim[where], base):
            continue
        y, x = np.nonzero(piece)
        colour = np.median(values[where][piece], axis=0)
        part = piece[y.min() : y.max() + 1, x.min() : x.max() + 1]
        shape = cv2.resize(part.astype(np.float32), (8, 8), interpolation=cv2.INTER_AREA)
        found.append(
            Print(
                float(where[1].start + x.mean()) / wide,
                float(where[0].start + y.mean()) / high,
                float(share),
                tuple(float(v) for v in colour),
                tuple(float(v) for v in shape.ravel()),
            )
        )
    return tuple(sorted(found, key=lambda p: -p.area)[:12])


def _shade(values: np.ndarray, piece: np.ndarray, slope: np.ndarray, rim: np.ndarray, base: np.ndarray) -> bool:
    """Whether a dark region is the cloth's own shadow (armpit, deep fold, the turn at its edge) and not printed on it.

    Cloth that darkens moves towards black along its own line in CIELAB, and its shadows have soft edges or lie along
    the garment's own.
    """
    colour = np.median(values[piece], axis=0)
    dye = base[int(np.argmin(np.linalg.norm((base - colour) * [0.3, 1, 1], axis=1)))]
    if colour[0] > dye[0]:
        return False
    line = dye[1:] * colour[0] / max(dye[0], 1)
    if np.hypot(*(colour[1:] - line)) > 8 + 0.25 * np.hypot(*dye[1:]):
        return False
    edge = piece & ~(cv2.erode(np.pad(piece, 1).astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0)
    sharp = float(np.median(slope[edge])) > 0.45 * (dye[0] - colour[0])
    return not sharp or rim[edge].mean() > 0.2


def _printed(found: GarmentReading, reference: GarmentReading) -> Measurement:
    """The share of printed area that only one of the two has: 0 all there, 1 nothing of it."""
    if "print" in (found.kind, reference.kind):
        return Measurement("garment.print", None, "on an all-over print single ones can't be told")
    free = list(found.prints)
    matched = 0.0
    for wanted in reference.prints:
        best = min(free, key=lambda p: _unlike(p, wanted), default=None)
        if best is not None and _unlike(best, wanted) < 1:
            free.remove(best)
            matched += 2 * min(best.area, wanted.area)
    total = sum(p.area for p in found.prints) + sum(p.area for p in reference.prints)
    if total == 0:
        return Measurement("garment.print", 0.0, "no print on either")
    note = f"{len(found.prints)} against {len(reference.prints)}"
    # Specks at the threshold come and go: under half a percent of the garment they count by their size.
    return Measurement("garment.print", (total - matched) / max(total, 0.01), note)


def _unlike(one: Print, other: Print) -> float:
    """0 the same print, over 1 another one."""
    place = np.hypot(one.x - other.x, one.y - other.y) / 0.12
    size = abs(np.log(max(one.area, 1e-6) / max(other.area, 1e-6))) / np.log(2.5)
    colour = float(delta_e2000(np.array(one.lab), np.array(other.lab))) / 25
    shape = float(np.abs(np.subtract(one.shape, other.shape)).mean()) / 0.4
    return float(max(place, size, colour, shape))


# --- outline ----------------------------------------------------------------------------------------------------


def _hem(inside: np.ndarray) -> np.ndarray:
    """The lowest row of the garment in 32 columns of the middle half of its box, 0 to 1."""
    high, wide = inside.shape
    columns = np.linspace(0.28 * wide, 0.72 * wide, 32).round().astype(int)
    return np.array(
        [
            (np.flatnonzero(inside[:, c])[-1] + 1) / high if inside[:, c].any() else 0.0
            for c in np.minimum(columns, wide - 1)
        ]
    )


def _outlines(found: GarmentReading, reference: GarmentReading) -> tuple[Measurement, Measurement]:
    names = "garment.hem", "garment.silhouette"
    if found.cut_off or reference.cut_off:
        note = "the garment runs out of the picture"
        return Measurement(names[0], None, note), Measurement(names[1], None, note)
    stretch = found.aspect / reference.aspect
    hem = np.abs(found.hem * stretch - reference.hem)
    both = (found.outline & reference.outline).sum() / max((found.outline | reference.outline).sum(), 1)
    return (
        Measurement(names[0], float(np.median(hem)), "of the garment's height, at the same width"),
        Measurement(names[1], float(1 - both), "of the outline isn't shared"),
    )
