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
_SIDE = 480  # the side at which the garment is told from its background
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
    mask = _garment(values, model, outside)
    _held(mask)
    share = refined(rgb, mask, max(0.004 * max(high, wide), 2.0))
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


def _garment(values: np.ndarray, model: BackdropModel, outside: np.ndarray) -> np.ndarray:
    """The garment with hard edges: bool (h, w)."""
    high, wide = values.shape[:2]
    behind = model.lab(wide, high)
    off = _unlike(values, behind)
    limit = max(5.0, 3.2 * model.noise)
    sure = off > 1.8 * limit
    mask = _main_piece(ndimage.binary_opening(off > limit, iterations=1))
    if mask.mean() < 0.06 or mask.sum() < 0.55 * ndimage.binary_fill_holes(mask).sum():
        return _within_its_edge(values, behind, model.noise)
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
    return _without_hanger(_with_real_holes(_main_piece(cut), off, limit))


def _within_its_edge(values: np.ndarray, behind: np.ndarray, noise: float) -> np.ndarray:
    """White on white: what a closed edge surrounds, however faint, that the background can't flow into."""
    high, wide = values.shape[:2]
    change = np.linalg.norm(values - behind, axis=2)
    slope = np.hypot(cv2.Sobel(values[..., 0], cv2.CV_32F, 1, 0), cv2.Sobel(values[..., 0], cv2.CV_32F, 0, 1)) / 8
    # A soft shadow differs but has no edge; the garment's own edge is a line, closed over short gaps.
    edge = slope > max(0.5, 1.2 * noise)
    barrier = edge | (change > max(4.0, 5 * noise))
    reach = max(round(0.012 * max(high, wide)), 2)
    closed = cv2.morphologyEx(np.pad(barrier, reach).astype(np.uint8), cv2.MORPH_CLOSE, disc(reach)) > 0
    filled = ndimage.binary_fill_holes(closed)[reach:-reach, reach:-reach]
    return _without_hanger(_main_piece(ndimage.binary_opening(filled, iterations=2)))


def _main_piece(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        return mask
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return labels == int(sizes.argmax())


def _with_real_holes(mask: np.ndarray, off: np.ndarray, limit: float) -> np.ndarray:
    """Holes are filled, except where plain background shows: between a cuff and the body, between the legs."""
    filled = ndimage.binary_fill_holes(mask)
    labels, count = ndimage.label(filled & ~mask)
    for index in range(1, count + 1):
        hole = labels == index
        if hole.sum() > 0.004 * filled.sum() and np.median(off[hole]) < 0.7 * limit:
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
