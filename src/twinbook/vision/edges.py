"""How much narrower or wider she is in a picture than on its plate, row by row, from where her outline lies.

In each row the places where her matte begins and ends are looked up in both pictures: how far her own colour reaches
there, as an integral over the step from her to what is behind, is a place to a fraction of a pixel, whatever is behind.
Widths are relative to her head, which the registration laid on itself.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..domain.fidelity import Measurement
from ..ports import Plate
from .registration import Registration

_BAND = 16  # rows that are judged together
_LEAST_ROWS = 4  # of a band with a readable outline on both sides
_CONTRAST = 9.0  # ΔE76 between her and what is behind

_ASIDE = 0.06  # of that contrast: colours along the step that are neither hers nor those behind
_STRIP = 48  # rows of her that are looked up together, further down or up
_FOUND = 0.75  # correlation at which such a strip is found again
_BETTER = 0.08  # by which it must fit better there than where it was
_TEXTURE = 2.0  # of 255: a strip with less looks the same everywhere


def width_changes(plate: Plate, work_srgb: np.ndarray, registration: Registration) -> list[Measurement]:
    """``body.width``: the largest change of her width below the chin, in percent, that two neighbouring bands of rows
    agree on; None without a matte or where her outline can't be told from what is behind."""
    name = "body.width"
    if plate.alpha is None:
        return [Measurement(name, None, "her outline isn't known on this plate")]
    high, wide = work_srgb.shape[:2]
    cover = cv2.resize(plate.alpha, (wide, high), interpolation=cv2.INTER_AREA)
    scale = registration.scale
    first = round((plate.facts.face.bottom + 0.35 * plate.facts.face.height) * scale)
    bands = band_changes(
        cover, work_srgb, registration.found, registration.valid, first, plate.facts.face.width * scale
    )
    if not bands:
        return [Measurement(name, None, "her outline can't be told from what is behind her")]
    value, row = max(
        (
            min(a, b, key=lambda one: abs(one[0]))
            for a, b in zip(bands, bands[1:] or bands, strict=False)
            if a[0] * b[0] >= 0
        ),
        key=lambda one: abs(one[0]),
        default=(0.0, first),
    )
    word = "narrower" if value < 0 else "wider"
    return [Measurement(name, value, f"{word} than on the plate at {row / high:.0%} of its height")]


def length_change(plate: Plate, work_srgb: np.ndarray, registration: Registration) -> Measurement:
    """``body.length``: by how many percent of its distance from the chin a part of her below has moved down (longer) or
    up; 0 where everything lies where it lay."""
    name = "body.length"
    if plate.alpha is None:
        return Measurement(name, None, "her outline isn't known on this plate")
    high, wide = work_srgb.shape[:2]
    cover = cv2.resize(plate.alpha, (wide, high), interpolation=cv2.INTER_AREA)
    hers = (cv2.erode(cover, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE) > 250).astype(np.float32)
    before, after = (_fine(one) for one in (work_srgb, registration.found))
    chin = round(plate.facts.face.bottom * registration.scale)
    rows = np.flatnonzero(hers.any(axis=1))
    last = int(rows[-1]) + 1
    judged, worst, where = 0, 0.0, chin
    for top in [*range(chin + _STRIP, last - _STRIP, 2 * _STRIP // 3), max(last - _STRIP, chin + _STRIP)]:
        mask = hers[top : top + _STRIP]
        columns = np.flatnonzero(mask.any(axis=0))
        reach = min(round(0.07 * (top - chin)) + 4, top, high - top - mask.shape[0])
        if reach < 3 or mask.shape[0] < _STRIP or not len(columns):
            continue
        across = slice(int(columns[0]), int(columns[-1]) + 1)
        if not registration.valid[top - reach : top + _STRIP + reach, across].all():
            continue
        judged += 1
        strip, mask = before[top : top + _STRIP, across], mask[:, across]
        if mask.sum() < 200 or strip[mask > 0].std() < _TEXTURE:
            continue
        field = after[top - reach : top + _STRIP + reach, across]
        fit = np.nan_to_num(cv2.matchTemplate(field, strip, cv2.TM_CCORR_NORMED, mask=mask)[:, 0], posinf=0, neginf=0)
        best = int(np.argmax(fit))
        if fit[best] > _FOUND and fit[best] > fit[reach] + _BETTER and 0 < best < 2 * reach:
            change = (best - reach) / (top + _STRIP / 2 - chin) * 100
            if abs(change) > abs(worst):
                worst, where = change, top
    if not judged:
        return Measurement(name, None, "too little of her body is in the picture")
    word = "lower" if worst > 0 else "higher"
    return Measurement(name, worst, f"what is at {where / high:.0%} of the plate's height lies {word}" if worst else "")


def _fine(rgb_srgb: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(rgb_srgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.blur(grey, (25, 25))


def band_changes(
    cover: np.ndarray, before: np.ndarray, after: np.ndarray, valid: np.ndarray, first: int, face_width: float
) -> list[tuple[float, int]]:
    """(change in percent, row) of bands from ``first`` down, by the widest stretch of her in each row."""
    reach = max(round(0.16 * face_width), 6)
    across = np.arange(-reach, reach + 1)
    hers = cover > 127
    rows, edges = [], []
    for y in range(first, hers.shape[0], 2):
        stretch = _widest(hers[y])
        if stretch is None or stretch[1] - stretch[0] < 0.8 * face_width:
            continue
        low, high = stretch[0] - reach, stretch[1] + reach
        if low >= 0 and high < hers.shape[1] and valid[y, [low, stretch[0] + reach, stretch[1] - reach, high]].all():
            rows.append(y)
            edges.append(stretch)
    if not rows:
        return []
    at = np.array(rows)[:, None], np.array(edges)
    # From outside to inside, on the left and on the right.
    columns = np.stack([at[1][:, :1] + across, at[1][:, 1:] - across], axis=1)
    moves = np.zeros((len(rows), 2))
    for picture, sign in ((after, 1), (before, -1)):
        coded = picture[at[0][..., None], columns].astype(np.float32) / 255
        values = cv2.cvtColor(coded.reshape(1, -1, 3), cv2.COLOR_RGB2LAB).reshape(coded.shape)
        moves += sign * _places(values)
    changes = -moves.sum(axis=1) / (at[1][:, 1] - at[1][:, 0]) * 100
    bands = []
    for start in range(first, hers.shape[0], _BAND):
        inside = changes[(at[0][:, 0] >= start) & (at[0][:, 0] < start + _BAND)]
        inside = inside[np.isfinite(inside)]
        if len(inside) >= _LEAST_ROWS:
            bands.append((float(np.median(inside)), start + _BAND // 2))
    return bands


def _widest(hers: np.ndarray) -> tuple[int, int] | None:
    """First and last pixel of the widest stretch that is her and doesn't touch the picture's side."""
    steps = np.diff(np.concatenate([[0], hers.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
    inner = [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if a > 0 and b < len(hers) - 1]
    return max(inner, key=lambda one: (one[1] - one[0], -one[0]), default=None)


def _places(values: np.ndarray) -> np.ndarray:
    """How far in her colour begins along stretches (..., n, 3) of CIELAB from outside to inside: pixels, NaN where she
    can't be told from what is behind.

    The share of her in each pixel is read from its colour between that of both ends; the sum of shares is a place.
    """
    n = values.shape[-2]
    end = max(n // 4, 2)
    behind, hers = np.median(values[..., :end, :], axis=-2), np.median(values[..., -end:, :], axis=-2)
    step = hers - behind
    contrast = np.linalg.norm(step, axis=-1)
    share = np.einsum("...nc,...c->...n", values - behind[..., None, :], step)
    share = np.clip(share / np.maximum(contrast, 1)[..., None] ** 2, 0, 1)
    # Where what is behind has a pattern of its own, its colours aren't on the way from it to her.
    aside = np.linalg.norm(values - behind[..., None, :] - share[..., None] * step[..., None, :], axis=-1)
    told = (contrast >= _CONTRAST) & (aside.mean(axis=-1) < _ASIDE * contrast)
    return np.where(told, n - share.sum(axis=-1), np.nan)
