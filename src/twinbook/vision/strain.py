"""How much a picture made from one of her plates squeezes or stretches her, told from where each pixel went.

The input is a dense displacement (plate to picture, as found by registration) from which the similarity of her head
has been taken out, so that an honest move, turn or scale of the whole of her leaves nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

# The window in which local strain is fitted, over the width of her trunk. Smaller finds smaller things and more noise.
_WINDOW = 0.35
# Strain is smooth: a copy of this height has it all.
_MOST_ROWS = 480
# Share of a window that must be hers for its strain to count.
_FILLED = 0.25


class Strain(NamedTuple):
    """Percent, negative: narrower, shorter. ``width`` and ``length`` are the trunk's and legs' (the further off), None
    where too little of her is in the plate. ``map`` (float32 (h, w)) is local horizontal strain less ``width``, NaN
    off her body; ``reshape`` its largest value that holds over a twentieth of her body, ``regions`` the
    (width, length) of torso, hips and legs as far as they show.
    """

    width: float | None
    length: float | None
    map: np.ndarray
    reshape: float | None
    regions: dict[str, tuple[float, float]]


def strain(displacement: np.ndarray, alpha: np.ndarray, shoulder: float | None = None) -> Strain:
    """Strain of the body under a displacement (float (h, w, 2): x, y in pixels of the plate) with the plate's matte.

    ``alpha`` is uint8 (h, w). Only what is below ``shoulder`` (y in the plate; where she first widens when it isn't
    given) is read. Pixels whose displacement is not known may be NaN. The displacement is fitted by planes in windows
    rather than differentiated: a registration is right on average long before it is right at a pixel.
    """
    high, wide = alpha.shape
    known = np.isfinite(displacement).all(axis=2).astype(np.float32)
    field = np.nan_to_num(displacement.astype(np.float32))
    scale = min(1.0, _MOST_ROWS / high)
    if scale < 1:
        size = round(wide * scale), round(high * scale)
        whole, known = known, cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        field = cv2.resize(field * whole[..., None], size, interpolation=cv2.INTER_AREA)
        field *= scale / np.maximum(known, 1e-3)[..., None]
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        shoulder = None if shoulder is None else shoulder * scale
    body = (alpha >= 128) & (known > 0.3)
    widths = body.sum(axis=1)
    if not body.any():
        return _nothing(high, wide)
    top = _shoulder(widths) if shoulder is None else shoulder
    body[: max(round(top), 0)] = False
    widths = body.sum(axis=1)
    rows = np.flatnonzero(widths)
    if len(rows) < 16:
        return _nothing(high, wide)
    breadth = float(np.percentile(widths[rows], 80))
    field[~body] = 0
    across, weight = _slope(field[..., 0], body, axis=1, window=_WINDOW * breadth)
    along, _ = _slope(field[..., 1], body, axis=0, window=_WINDOW * breadth)
    told = body & (weight > _FILLED)
    if told.sum() < 0.2 * body.sum():
        return _nothing(high, wide)
    regions = {}
    for name, start, end in _regions(top, breadth, len(body)):
        part = told[start:end]
        if part.sum() > 0.1 * breadth**2:
            regions[name] = tuple(100 * float(np.median(values[start:end][part])) for values in (across, along))
    width = _commonest(100 * across[told])
    lengths = [length for _, length in regions.values()]
    local = np.where(told, 100 * across - width, np.nan).astype(np.float32)
    least, most = np.nanpercentile(local, (5, 95))
    return Strain(
        max([width, *(w for w, _ in regions.values())], key=abs) if regions else width,
        max(lengths, key=abs) if lengths else None,
        cv2.resize(local, (wide, high), interpolation=cv2.INTER_NEAREST),
        float(max(least, most, key=abs)),
        regions,
    )


def _regions(top: float, breadth: float, high: int) -> list[tuple[str, int, int]]:
    """Rows of torso, hips and legs, by the breadth of her shoulders with arms (about 1.1 times her torso's length)."""
    ends = [top + 0.1 * breadth, top + 1.0 * breadth, top + 1.45 * breadth, high]
    places = [min(max(round(end), 0), high) for end in ends]
    return [
        (name, start, end)
        for name, start, end in zip(("torso", "hips", "legs"), places[:-1], places[1:], strict=True)
        if end - start > 8
    ]


def _slope(values: np.ndarray, mask: np.ndarray, axis: int, window: float) -> tuple[np.ndarray, np.ndarray]:
    """Slope of ``values`` along an axis in a square window around each pixel, by least squares over the mask, with the
    offset and the slope across taken out; and the share of the window that is mask."""
    side = 2 * max(round(window / 2), 3) + 1
    weight = mask.astype(np.float64)
    coordinates = [np.arange(n, dtype=np.float64) - n / 2 for n in mask.shape]
    y, x = coordinates[0][:, None] * weight, coordinates[1][None, :] * weight

    def mean(array: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(array, cv2.CV_64F, (side, side), normalize=True, borderType=cv2.BORDER_CONSTANT)

    total = np.maximum(mean(weight), 1e-9)
    mean_y, mean_x, mean_v = mean(y) / total, mean(x) / total, mean(values * weight) / total
    yy = mean(y * coordinates[0][:, None]) / total - mean_y**2
    xx = mean(x * coordinates[1][None, :]) / total - mean_x**2
    xy = mean(y * coordinates[1][None, :]) / total - mean_y * mean_x
    yv = mean(values * y) / total - mean_y * mean_v
    xv = mean(values * x) / total - mean_x * mean_v
    determinant = np.maximum(xx * yy - xy**2, 1e-6)
    slope = (xv * yy - yv * xy) / determinant if axis == 1 else (yv * xx - xv * xy) / determinant
    return slope, total


def _commonest(values: np.ndarray) -> float:
    """The middle of the narrowest interval with half of the values."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    start = int(np.argmin(ordered[half:] - ordered[: len(ordered) - half]))
    return float(np.median(ordered[start : start + half + 1]))


def _shoulder(widths: np.ndarray) -> float:
    """The first row of her that is more than 1.4 times as wide as any in the head above it."""
    rows = np.flatnonzero(widths)
    first = int(rows[0])
    for y in range(first + 8, len(widths)):
        head = widths[first : max(first + int(0.75 * (y - first)), first + 4)].max()
        if widths[y] > 1.4 * head:
            return float(y)
    return float(first)


def _nothing(high: int, wide: int) -> Strain:
    return Strain(None, None, np.full((high, wide), np.nan, np.float32), None, {})
