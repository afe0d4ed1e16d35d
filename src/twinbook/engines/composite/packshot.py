"""A garment taken out of its packshot: cut from a plain background, its hanger, its shadow and the inside of its neck
told from it, its colour set right by what is white around it.

A garment on paper, on a sheet or on a door is found as what the background's own model (`vision.backdrop`) doesn't
explain: another colour, or, white on white, a closed edge. A shadow has the background's colour, darker, and no edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ...domain.errors import EngineRefused
from ...vision.backdrop import BackdropModel, fit
from ...vision.cloth import disc
from ...vision.matte import refined
from ...vision.skin import lab, lab_to_linear, to_linear, to_srgb

# Larger pictures are brought to this side: no garment on a plate is drawn larger.
_MOST = 1600
_SIDE = 640  # the side at which the garment is told from its background
_LEAST = 120  # pixels a garment must be wide and high
_NEUTRAL = 9.0  # chroma up to which a background is taken for white or grey under a tinted light


@dataclass(frozen=True, eq=False)
class Packshot:
    """A garment by itself: uint8 sRGB (h, w, 3), white-balanced and foreground colours only, and its ``alpha`` (uint8).

    ``backed`` says whether the picture had a background that tells the light's colour (it wasn't transparent).
    """

    rgb_srgb: np.ndarray
    alpha: np.ndarray
    backed: bool


def cut_out(picture: np.ndarray) -> Packshot:
    """The garment in a packshot, uint8 sRGB (h, w, 3) or, with transparency, (h, w, 4).

    Raises EngineRefused ``engine.packshot`` when no single garment stands out from a plain background, or it runs out of
    the picture.
    """
    picture = _at_most(picture)
    if picture.ndim == 3 and picture.shape[2] == 4 and picture[..., 3].min() < 128:
        alpha = picture[..., 3].copy()
        _held(alpha > 127)
        return Packshot(_bled(picture[..., :3], alpha), alpha, False)
    rgb = np.ascontiguousarray(picture[..., :3])
    high, wide = rgb.shape[:2]
    scale = min(1.0, _SIDE / max(high, wide))
    small = cv2.resize(rgb, (round(wide * scale), round(high * scale)), interpolation=cv2.INTER_AREA)
    values = cv2.GaussianBlur(lab(small).astype(np.float32), (0, 0), 0.7)
    model, outside = _background(values)
    mask, pale = _garment(values, model, outside)
    _held(mask)
    # An edge that is hardly there can't be refined by colour: the outline itself is drawn along it.
    share = _along_the_edge(rgb, mask, 1 / scale) if pale else refined(rgb, mask, max(0.004 * max(high, wide), 2.0))
    alpha = (share * 255 + 0.5).astype(np.uint8)
    return Packshot(_bled(_balanced(rgb, model), alpha), alpha, True)


def refusal(diagnosis: str) -> EngineRefused:
    return EngineRefused("engine.packshot", diagnosis)


def _at_most(picture: np.ndarray) -> np.ndarray:
    scale = _MOST / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _held(mask: np.ndarray) -> None:
    """Refuse what is too small, or cut by the frame."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows) or mask.mean() < 0.03 or min(np.ptp(rows), np.ptp(columns)) < _LEAST * 0.5:
        raise refusal("no garment stands out from the background of the packshot")
    edges = mask[0].mean(), mask[-1].mean(), mask[:, 0].mean(), mask[:, -1].mean()
    if max(edges) > 0.03:
        raise refusal("the garment runs out of the packshot")


def _background(values: np.ndarray) -> tuple[BackdropModel, np.ndarray]:
    """The background's model, and what of the picture it explains and is connected with the frame: bool (h, w)."""
    high, wide = values.shape[:2]
    band = max(round(0.035 * min(high, wide)), 3)
    known = np.ones((high, wide), bool)
    known[band:-band, band:-band] = False
    model = fit(values, known)
    for _ in range(4):
        off = _unlike(values, model.lab(wide, high))
        near = ndimage.binary_opening(off < max(2.5, 3.0 * model.noise), iterations=1)
        labels, _ = ndimage.label(near)
        touched = np.unique(labels[known & near])
        grown = np.isin(labels, touched[touched > 0])
        if grown.mean() < 0.05:
            raise refusal("the background of the packshot isn't plain")
        model, known = fit(values, ndimage.binary_erosion(grown, iterations=2) | (known & grown)), grown
    if model.noise > 7:
        raise refusal("the background of the packshot isn't plain")
    return model, known


def _unlike(values: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """ΔE from the background in which being darker, at its own ratio of chroma to lightness, counts little: shadow."""
    ratio = np.clip(values[..., 0] / np.maximum(behind[..., 0], 1), 0.2, 1.5)
    colour = np.linalg.norm(values[..., 1:] - behind[..., 1:] * np.minimum(ratio, 1)[..., None], axis=2)
    step = values[..., 0] - behind[..., 0]
    lightness = np.where(step > 0, 0.8 * step, 0.35 * np.minimum(-step, 14) + 0.9 * np.maximum(-step - 14, 0))
    return np.hypot(colour, lightness)


def _garment(values: np.ndarray, model: BackdropModel, outside: np.ndarray) -> tuple[np.ndarray, bool]:
    """The garment with hard edges, bool (h, w), and whether it was told by its edge alone."""
    high, wide = values.shape[:2]
    behind = model.lab(wide, high)
    off = _unlike(values, behind)
    limit = max(5.0, 3.2 * model.noise)
    sure = off > 1.8 * limit
    mask = _main_piece(ndimage.binary_opening(off > limit, iterations=1))
    if model.noise < 2:
        within = _within_an_edge(values, behind, outside)
        step = values - behind
        cloth = mask & ((np.linalg.norm(step[..., 1:], axis=2) > 10) | (np.abs(step[..., 0]) > 45))
        if within.mean() > 0.03 and (within & cloth).sum() >= 0.94 * cloth.sum():
            return _without_hanger(within & ~_between_legs_that_touch(within, off < 0.7 * limit)), True
    if mask.mean() < 0.03:
        raise refusal("no garment stands out from the background of the packshot")
    marks = np.where(off > limit, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    around = cv2.dilate(mask.astype(np.uint8), disc(max(round(0.03 * wide), 2)))
    marks[(around == 0) | (outside & (off < 0.7 * limit))] = cv2.GC_BGD
    marks[ndimage.binary_erosion(sure & mask, iterations=2)] = cv2.GC_FGD
    difference = values - behind
    feature = np.clip(difference * np.float32([1.0, 2.2, 2.2]) + 128, 0, 255).astype(np.uint8)
    cv2.setRNGSeed(5)
    if (marks == cv2.GC_FGD).any() and (marks == cv2.GC_BGD).any():
        cv2.grabCut(feature, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    cut = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    if np.median(off[cut]) > 2.5 * limit:
        # In a narrow gap beside a dark sleeve the sheet is shaded, but it is still the sheet.
        cut &= ~ndimage.binary_opening(off < limit, iterations=1)
    return _without_hanger(_with_real_holes(_main_piece(cut), off, limit)), False


def _between_legs_that_touch(within: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """An upright gap of plain background that cloth closes at its lower end, too: bool (h, w). White cloth has none."""
    none = np.zeros_like(within)
    paper = ndimage.binary_opening(paper & within, iterations=1)
    if paper.sum() > 0.25 * within.sum():
        return none
    labels, _ = ndimage.label(paper)
    for index, where in enumerate(ndimage.find_objects(labels), 1):
        tall, broad = (part.stop - part.start for part in where)
        if tall > 2 * broad and tall > 0.25 * np.ptp(np.flatnonzero(within.any(axis=1))):
            none |= labels == index
    return none


def _within_an_edge(values: np.ndarray, behind: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """White on white, by as firm an edge as keeps the background out all round: bool (h, w)."""
    change = (values - behind) * np.float32([1, 1.5, 1.5])
    tall = max(round(0.04 * len(values)), 3)
    column = np.ones((2 * tall + 1, 1), np.uint8)
    for least in (1.8, 1.1, 0.7):
        filled = _unflooded(change, outside, least)
        closed = cv2.morphologyEx(np.pad(filled, tall).astype(np.uint8), cv2.MORPH_CLOSE, column) > 0
        closed = closed[tall:-tall, tall:-tall]
        # Between two stripes of a colour there is a third, though it may be as white as the paper.
        if closed.sum() < 1.025 * _main_piece(filled).sum():
            break
    else:
        filled = closed
    filled = _main_piece(filled)
    # Between a sleeve and the body there is paper in shade: grey, while the cloth is not.
    grey = (np.linalg.norm(change[..., 1:], axis=2) < 2.0) & (change[..., 0] < 3) & (change[..., 0] > -38) & filled
    if grey.sum() < 0.06 * filled.sum():
        labels, _ = ndimage.label(ndimage.binary_opening(grey, iterations=1))
        rim = cv2.dilate((~filled).astype(np.uint8), disc(6)) > 0
        touching = np.unique(labels[rim])
        filled &= ~np.isin(labels, touching[touching > 0])
    filled = _main_piece(ndimage.binary_opening(filled, iterations=1))
    # What noise about an edge adds to it is small and rough: smoothed away.
    return cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 2.4) > 0.5


def _unflooded(change: np.ndarray, outside: np.ndarray, least: float) -> np.ndarray:
    """What the background can't flow into from the frame, because an edge is in the way.

    A shadow is darker but grows gradually: the background flows over it.
    """
    high, wide = change.shape[:2]
    slope = _slope(change)
    noise = float(np.median(slope[outside])) if outside.any() else 0.3
    # Drawn sharply, as cloth is, and not blurred by distance, as the edge of a shadow is.
    edge = (slope > max(least, 5 * noise)) & (slope > 1.6 * _slope(cv2.GaussianBlur(change, (0, 0), 2.5)))
    # Colour that a JPEG spills over an edge comes without much change of lightness.
    coloured = (np.linalg.norm(change[..., 1:], axis=2) > max(3.6, 6 * noise)) & (np.abs(change[..., 0]) > 5)
    free = ~(edge | coloured | (change[..., 0] < -38))
    # Gaps of a pixel or two in the edge are closed for the flood only.
    free = ndimage.binary_erosion(free, iterations=1, border_value=1)
    labels, _ = ndimage.label(free)
    frame = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    flooded = np.isin(labels, frame[frame > 0])
    flooded = cv2.dilate(flooded.astype(np.uint8), disc(2)) > 0
    reach = max(round(0.005 * max(high, wide)), 2)
    filled = cv2.morphologyEx(np.pad(~flooded, reach).astype(np.uint8), cv2.MORPH_CLOSE, disc(reach)) > 0
    return filled[reach:-reach, reach:-reach]


def _along_the_edge(rgb_srgb: np.ndarray, mask: np.ndarray, scale: float) -> np.ndarray:
    """The mask (bool, small) at full size, float32 (h, w), 0 to 1, its outline moved onto the steepest step near it.

    Every point of the outline may move along its normal, no further than its neighbours do by much: the cheapest such
    path, by dynamic programming (Amini, Weymouth and Jain, "Using dynamic programming for solving variational problems
    in vision", IEEE PAMI 12, 1990). Stripes that end at the edge run along the normal and don't pull at it.
    """
    high, wide = rgb_srgb.shape[:2]
    soft = cv2.resize(
        cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.6), (wide, high), interpolation=cv2.INTER_CUBIC
    )
    values = cv2.GaussianBlur(lab(rgb_srgb).astype(np.float32), (0, 0), 0.6 * max(scale, 1.0))
    values *= np.float32([1, 1.5, 1.5])
    canvas = np.zeros((high, wide), np.uint8)
    reach = max(round(0.012 * max(high, wide)), 4)
    contours, hierarchy = cv2.findContours((soft > 0.5).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for contour, (_, _, _, parent) in zip(contours, hierarchy[0], strict=True):
        line = contour[:, 0].astype(np.float64)
        if len(line) > 12 * reach:
            line = _pulled(values, soft > 0.5, line, reach)
        cv2.fillPoly(canvas, [(line * 16).round().astype(np.int32)], 0 if parent >= 0 else 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(canvas, (0, 0), 0.7).astype(np.float32) / 255


def _pulled(values: np.ndarray, mask: np.ndarray, line: np.ndarray, reach: int) -> np.ndarray:
    line = ndimage.gaussian_filter1d(line, 0.5 * reach, axis=0, mode="wrap")
    way = np.gradient(np.concatenate([line[-1:], line, line[:1]]), axis=0)[1:-1]
    normal = np.stack([-way[:, 1], way[:, 0]], 1) / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-6)
    offsets = np.arange(-reach - 2, reach + 3)
    at = (line[:, None] + offsets[None, :, None] * normal[:, None]).astype(np.float32)
    profile = cv2.remap(values, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    step = np.linalg.norm(profile[:, 3:-1] - profile[:, 1:-3], axis=2)  # across two pixels, at -reach … reach
    # A faint step counts nearly as much as a strong one: a dark stripe is no more of an edge than the white beside it.
    gain = step / (step + max(4 * float(np.median(step)), 1.5))
    # An edge is as wide as its blur; its place is where it is steepest.
    crest = step >= ndimage.maximum_filter1d(step, 5, axis=1)
    gain *= np.where(crest, 1, 0.35)
    # Outwards no more than halfway to what lies beside: in a slit there are two edges.
    again = cv2.remap(mask.astype(np.uint8), at[..., 0], at[..., 1], cv2.INTER_NEAREST)[:, 2:-2] > 0
    again[:, : reach + 3] = False
    room = np.where(again.any(axis=1), np.minimum(0.4 * (again.argmax(axis=1) - reach), 0.5 * reach), 0.5 * reach)
    barred = offsets[None, 2:-2] > np.maximum(room, 0)[:, None]
    gain[barred] = 0
    # The garment ends at its outermost step: another further out says that this one is a stripe's or a seam's.
    beyond = np.maximum.accumulate(gain[:, ::-1], axis=1)[:, ::-1]
    beyond = np.concatenate([beyond[:, 3:], np.zeros((len(gain), 3))], axis=1)
    gain = gain - 0.8 * beyond - 0.2 * (np.abs(offsets[2:-2]) / reach) ** 2
    gain[barred] = -10
    count, width = gain.shape
    # Once round and a bit, so that it closes.
    lap = np.concatenate([np.arange(count), np.arange(min(count, 6 * reach))])
    best, came = gain[lap[0]].copy(), np.zeros((len(lap), width), np.int8)
    for i, row in enumerate(lap[1:], 1):
        ways = np.stack([np.r_[-np.inf, best[:-1]] - 0.25, best, np.r_[best[1:], -np.inf] - 0.25])
        came[i] = ways.argmax(axis=0)
        best = ways.max(axis=0) + gain[row]
    at = np.empty(len(lap), int)
    at[-1] = int(best.argmax())
    for i in range(len(lap) - 1, 0, -1):
        at[i - 1] = at[i] + came[i, at[i]] - 1
    moved = at[:count].copy()
    half = (len(lap) - count) // 2
    moved[:half] = at[count : count + half]
    moved = ndimage.gaussian_filter1d(moved - float(reach), 0.6 * reach, mode="wrap")
    return line + moved[:, None] * normal


def _slope(values: np.ndarray) -> np.ndarray:
    parts = (cv2.Sobel(values[..., c], cv2.CV_32F, *way) ** 2 for c in range(3) for way in ((1, 0), (0, 1)))
    return np.sqrt(sum(parts)) / 8


def _main_piece(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        return mask
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return labels == int(sizes.argmax())


def _with_real_holes(mask: np.ndarray, off: np.ndarray, limit: float) -> np.ndarray:
    """Holes are filled, except where plain background shows: between a cuff and the body, between the legs.

    A white label on a white sheet is a hole, too: a small one is kept open only if it is long and upright, as the slit
    beside a sleeve is.
    """
    filled = ndimage.binary_fill_holes(mask)
    labels, _ = ndimage.label(filled & ~mask)
    high = np.ptp(np.flatnonzero(mask.any(axis=1))) if mask.any() else 0
    for index, where in enumerate(ndimage.find_objects(labels), 1):
        hole = labels == index
        tall, broad = (part.stop - part.start for part in where)
        # In a slit the sheet is in shade.
        least, most = (0.0006, 0.9) if tall > 4 * broad and tall > 0.12 * high else (0.004, 0.7)
        if hole.sum() > least * filled.sum() and np.median(off[hole]) < most * limit:
            filled[hole] = False
    return filled


def _without_hanger(mask: np.ndarray) -> np.ndarray:
    """Hooks, wires and tags are thin and stick out: what an opening takes away and never gives back."""
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return mask
    radius = max(round(0.022 * np.ptp(columns)), 2)
    opened = cv2.morphologyEx(np.pad(mask, radius).astype(np.uint8), cv2.MORPH_OPEN, disc(radius))[
        radius:-radius, radius:-radius
    ]
    body = _main_piece(opened > 0)
    # Corners that the disc rounded off come back; a hook is longer than a corner.
    back = mask & (cv2.dilate(body.astype(np.uint8), disc(max(round(0.7 * radius), 1))) > 0)
    return _main_piece(ndimage.binary_fill_holes(back) & (back | ~mask) | back) & mask


def _balanced(rgb_srgb: np.ndarray, model: BackdropModel) -> np.ndarray:
    """The light's tint and slope taken out, as far as a background that is white or grey tells them."""
    high, wide = rgb_srgb.shape[:2]
    behind = model.lab(wide, high)
    middle = np.median(behind.reshape(-1, 3), axis=0)
    light = np.clip(lab_to_linear(behind), 0.02, None).astype(np.float32)
    luminance = light @ np.float32([0.2126, 0.7152, 0.0722])
    if np.hypot(middle[1], middle[2]) > _NEUTRAL:
        # A coloured sheet says nothing of the light's tint, but still where it falls.
        gain = np.repeat((np.median(luminance) / luminance)[..., None], 3, axis=2)
    else:
        gain = np.median(luminance) / light
    gain = np.clip(gain, 0.7, 1.45)
    white = float(middle[0])
    if white > 84:  # paper that was meant to be white
        gain *= np.float32(min(0.93 / max(float(np.median(luminance)), 1e-3), 1.25))
    return to_srgb(np.clip(to_linear(rgb_srgb) * gain, 0, 1))


def _bled(rgb_srgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The garment's own colours, carried on past its edge, so that no resampling mixes the background in."""
    solid = cv2.erode((alpha > 245).astype(np.uint8), disc(2)) > 0
    if not solid.any():
        return rgb_srgb
    _, (rows, columns) = ndimage.distance_transform_edt(~solid, return_indices=True)
    return np.ascontiguousarray(rgb_srgb[rows, columns])
