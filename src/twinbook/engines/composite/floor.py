"""The floor: where a scene's horizon and floor are, whether her feet are all there, and the shadows around them.

A horizon is where lines that run away from the camera meet (line segments: von Gioi et al., LSD, 2010). Photographs of
places are mostly taken level, so that a picture without such lines has it at half its height.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...vision.backdrop import behind
from ...vision.skin import lab_to_linear, to_linear
from .placement import Placed, full_length

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_SIDE = 900  # pixels that lines are looked for at
LEVEL = 0.5  # the horizon of a level camera
_MOST_LINES = 90
_ALONG = 1.6  # degrees that a line may miss its vanishing point by
_LEAST_SHARE, _LEAST_LINES = 0.3, 7  # of the slanting lines that must meet in one point to be believed


@dataclass(frozen=True)
class Outlook:
    """A scene's horizon as a share of its height from the top, and the row where its floor begins (None where no line tells
    it); ``told`` says by what."""

    horizon: float
    floor: float | None
    told: str


def outlook(rgb_srgb: np.ndarray) -> Outlook:
    """Where the horizon and the floor of a picture are: uint8 sRGB (h, w, 3) of any size."""
    scale = min(1.0, _SIDE / max(rgb_srgb.shape[:2]))
    size = max(round(rgb_srgb.shape[1] * scale), 1), max(round(rgb_srgb.shape[0] * scale), 1)
    grey = cv2.cvtColor(cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < 64:
        return Outlook(LEVEL, None, "too small to tell")
    found = cv2.createLineSegmentDetector().detect(grey)[0]
    lines = np.zeros((0, 4)) if found is None else found.reshape(-1, 4).astype(np.float64)
    length = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1])
    lines, length = lines[length > 0.03 * max(size)], length[length > 0.03 * max(size)]
    row = _vanishing(lines, length, size)
    horizon, told = (LEVEL, "a level camera is assumed") if row is None else (row / size[1], "lines that run away")
    return Outlook(horizon, _floor(grey, lines, length, horizon * size[1]), told)


def _vanishing(lines: np.ndarray, length: np.ndarray, size: tuple[int, int]) -> float | None:
    """The row where most slanting lines meet, None when they don't."""
    angle = np.degrees(np.arctan2(lines[:, 3] - lines[:, 1], lines[:, 2] - lines[:, 0])) % 180
    slanting = (np.minimum(angle, 180 - angle) > 6) & (np.abs(angle - 90) > 12)
    lines, length = lines[slanting], length[slanting]
    order = np.argsort(-length, kind="stable")[:_MOST_LINES]
    lines, length = lines[order], length[order]
    if len(lines) < _LEAST_LINES:
        return None
    start, end = lines[:, :2], lines[:, 2:]
    middle, along = (start + end) / 2, (end - start) / length[:, None]
    homogeneous = np.cross(np.column_stack([start, np.ones(len(lines))]), np.column_stack([end, np.ones(len(lines))]))
    one, other = np.triu_indices(len(lines), 1)
    met = np.cross(homogeneous[one], homogeneous[other])
    finite = np.abs(met[:, 2]) > 1e-9
    points = met[finite][:, :2] / met[finite][:, 2:]
    inside = (
        (points[:, 1] > 0.12 * size[1])
        & (points[:, 1] < 0.88 * size[1])
        & (np.abs(points[:, 0] - size[0] / 2) < 3 * size[0])
    )
    points = points[inside]
    best, support = None, 0.0
    limit = np.sin(np.radians(_ALONG))
    for point in points:
        to = point - middle
        far = np.hypot(to[:, 0], to[:, 1])
        off = np.abs(along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]) / np.maximum(far, 1e-6)
        # A line that passes the point or touches it tells nothing of where it goes.
        fits = (off < limit) & (far > 0.6 * length)
        # Lines of one direction would meet anywhere along it.
        spread = np.ptp(np.degrees(np.arctan2(to[fits, 1], to[fits, 0])) % 180) if fits.any() else 0.0
        if fits.sum() >= _LEAST_LINES and spread > 12 and length[fits].sum() > support:
            best, support = float(point[1]), float(length[fits].sum())
    return best if best is not None and support >= _LEAST_SHARE * length.sum() else None


def _floor(grey: np.ndarray, lines: np.ndarray, length: np.ndarray, horizon: float) -> float | None:
    """The row of the longest level edge below the horizon, as a share of the height: where a wall stands on its floor."""
    high, wide = grey.shape
    level = np.abs(lines[:, 3] - lines[:, 1]) < 0.03 * length
    rows = lines[level][:, [1, 3]].mean(axis=1)
    total = np.zeros(high)
    np.add.at(total, np.clip(rows.astype(int), 0, high - 1), length[level])
    total = np.convolve(total, np.ones(max(high // 80, 3)), "same")
    total[: round(horizon + 0.03 * high)] = 0
    total[round(0.97 * high) :] = 0
    best = int(np.argmax(total))
    if total[best] < 0.35 * wide:
        return None
    # A floor's first edge: a skirting has two, and planks have more below.
    return best / high


def feet_lost(rgb_srgb: np.ndarray, alpha: np.ndarray, placed: Placed) -> bool:
    """Whether shoes are missing from a matte that should have them: something with edges of its own lies on the floor
    under what was cut out, where only shadow may be.

    Shadows are soft. An outline of a shoe is as steep as the rest of her, so steepness is held against what the floor
    shows beside her.
    """
    facts = placed.facts
    figure, bottom = facts.person.height, facts.person.bottom
    if not full_length(facts):
        return False
    grey = cv2.cvtColor(rgb_srgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    sigma = max(0.0012 * figure, 0.8)
    fine = cv2.GaussianBlur(grey, (0, 0), sigma)
    # What a broad shadow has of slope is taken off.
    detail = np.abs(fine - cv2.GaussianBlur(grey, (0, 0), 5 * sigma))
    near = max(round(0.007 * figure), 3)
    hers = cv2.dilate((alpha > 20).astype(np.uint8), np.ones((2 * near + 1, 2 * near + 1), np.uint8)) > 0
    first, last = max(bottom - round(0.09 * figure), 0), min(bottom + round(0.045 * figure), facts.height)
    legs = (alpha[first:bottom] > 200).any(axis=0)
    legs = cv2.dilate(legs[None].astype(np.uint8), np.ones((1, 2 * round(0.02 * figure) + 1), np.uint8))[0] > 0
    band = np.zeros_like(hers)
    band[first:last] = True
    # Not between her trousers, where there is shadow with edges: under them only.
    standing = np.cumsum(alpha > 128, axis=0) > 0
    under = band & ~hers & legs[None] & standing & ~_above(hers)
    beside = band & ~hers & ~legs[None]
    if under.sum() < 40 or beside.sum() < 400:
        return False
    usual = max(float(np.percentile(detail[beside], 99)), 2.0)
    steep = under & (detail > 2.2 * usual)
    rows = np.arange(facts.height)[:, None]
    lowest = np.where(alpha > 128, rows, -1).max(axis=0).astype(np.float32)
    # A column beside a shoe may have nothing above it but a hand: the neighbours say where the foot ends.
    lowest = cv2.dilate(lowest[None], np.ones((1, 2 * round(0.02 * figure) + 1), np.uint8))[0]
    below = np.where(steep, rows, -1).max(axis=0) - lowest
    # The strip of a pale sole is less than that; a shoe is more, and as wide as a few fingers at least.
    return int(((below > 0.018 * figure) & (lowest >= 0)).sum()) > 0.025 * figure


def _above(hers: np.ndarray) -> np.ndarray:
    """Pixels that have some of her below them."""
    return np.cumsum(hers[::-1], axis=0)[::-1] > 0


def shadow(rgb_srgb: np.ndarray, alpha: np.ndarray, placed: Placed) -> np.ndarray:
    """How much of the light reaches the floor in her plate, float32 (h, w), 1 where all does.

    The shadow in the plate is the true one, so it is taken over: the plate's floor divided by the backdrop without
    her. A narrow contact shadow is added where soles meet the floor, because a matte always ends a little above.
    """
    facts = placed.facts
    high, wide = alpha.shape
    figure, feet = facts.person.height, facts.person.bottom
    linear = to_linear(rgb_srgb) @ _LUMINANCE
    clean = np.clip(lab_to_linear(behind(rgb_srgb, alpha).lab(wide, high)), 1e-3, None).astype(np.float32) @ _LUMINANCE
    free = cv2.erode((alpha < 8).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    ratio = np.clip(linear / clean, 0.15, 1.0)
    # Under and beside the soles the ratio is continued from the floor around them.
    sigma = max(0.006 * figure, 1.5)
    total = cv2.GaussianBlur(free, (0, 0), sigma)
    ratio = np.where(total > 0.02, cv2.GaussianBlur(ratio * free, (0, 0), sigma) / np.maximum(total, 1e-3), 1.0)
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    centre = facts.person.left + facts.person.width / 2
    zone = ramp((y - (feet - 0.13 * figure)) / (0.05 * figure)) * (1 - ramp((y - feet) / (0.09 * figure)))
    zone *= 1 - ramp((np.abs(x - centre) - 0.25 * figure) / (0.12 * figure))
    # The frame may go on where the plate ends: nothing of its shadow does.
    zone *= ramp(np.minimum(x, wide - 1 - x) / (0.04 * figure)) * ramp((high - 1 - y) / (0.02 * figure))
    cast = 1 - zone * (1 - np.clip(ratio * 1.03, 0, 1))
    soles = np.zeros((high, wide), np.float32)
    band = slice(max(round(feet - 0.035 * figure), 0), min(feet + 1, high))
    soles[band] = alpha[band].astype(np.float32) / 255
    drop = np.float32([[1, 0, 0], [0, 1, 0.006 * figure]])
    soles = cv2.warpAffine(soles, drop, (wide, high))
    tight = cv2.GaussianBlur(soles, (0, 0), 0.006 * figure, sigmaY=0.003 * figure)
    wide_shadow = cv2.GaussianBlur(soles, (0, 0), 0.03 * figure, sigmaY=0.010 * figure)
    contact = (1 - 0.45 * np.clip(tight * 1.2, 0, 1)) * (1 - 0.28 * np.clip(wide_shadow * 1.6, 0, 1))
    return (np.minimum(cast, 1) * contact).astype(np.float32)


def ramp(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
