"""Where on the cloth each pixel of a worn garment is: centimetres across and along it, as a tailor would chalk them.

Trunk, sleeves and trouser legs are tubes with an axis each, seen from the front: towards its outline a tube shows more
cloth per pixel. Folds are read from their shading: cloth on the flank of a fold is steep, so that more of it lies behind
a pixel (the metric of shape from shading, Horn 1975), and it lies nearer or further away, so that a camera above or
below sees it shifted (linear shape from shading after Pentland 1990).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import fft, ndimage

from ...domain.twin import Box

_SIDE = 420  # pixels along the longer side of the copy in which the surface is found
_DEPTH = {"torso": 0.68, "leg": 0.95, "sleeve": 0.9}  # of a tube, over its width
_SMOOTH = {"torso": 0.2, "leg": 0.08, "sleeve": 0.12}  # of the face's height, by which outlines are smoothed
_STEEPEST = 0.94  # of the half-width, where foreshortening stops growing
# No photograph says from how far it was taken: a short telephoto lens (25 degrees of height), as for portraits.
_FIELD = 25.0
# People are photographed from about eye level: cloth is seen a little from above even in the middle of the picture.
_FROM_ABOVE = 0.22


@dataclass(frozen=True, eq=False)
class Draped:
    """``u`` and ``v`` are centimetres across (0 at the middle, to the right) and along (downwards, 0 at the picture's
    ``origin`` row) the cloth, float32 (h, w); ``part`` names the piece: 0 trunk or hips, 1 and 2 left and right sleeve
    or leg (of the picture)."""

    u: np.ndarray
    v: np.ndarray
    part: np.ndarray


@dataclass(frozen=True)
class Camera:
    """``per_cm`` pixels show one centimetre of her; ``middle`` (x, y) is the picture's middle and ``height`` its height,
    in pixels, (x, y) from the window's corner."""

    per_cm: float
    middle: tuple[float, float]
    height: float

    @property
    def distance_cm(self) -> float:
        return self.height / self.per_cm / (2 * np.tan(np.radians(_FIELD / 2)))


def draped(
    share: np.ndarray, alpha: np.ndarray | None, light: np.ndarray, face: Box, region: str, camera: Camera
) -> Draped:
    """The surface of a garment: ``share`` float32 (h, w), ``alpha`` her matte (uint8 (h, w)) or None, ``light`` its linear
    luminance, ``face`` her face in the same pixels, ``region`` of `domain.brief.REGIONS`."""
    high, wide = share.shape
    scale = min(1.0, _SIDE / max(high, wide))
    size = max(round(wide * scale), 8), max(round(high * scale), 8)
    mask = cv2.resize(share, size, interpolation=cv2.INTER_AREA) > 0.5
    hers = mask if alpha is None else cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 128
    grey = np.log(np.maximum(cv2.resize(light, size, interpolation=cv2.INTER_AREA), 1e-4))
    small = Camera(camera.per_cm * scale, (camera.middle[0] * scale, camera.middle[1] * scale), camera.height * scale)
    unit = face.height * scale
    middle = (face.left + face.width / 2) * scale
    part, seams = _parts(mask, grey, region, middle, unit)
    u, v, across = _coordinates(mask, hers, part, region, unit, small)
    stretch_u, stretch_v, relief = _folds(grey, np.where(mask, part + 1, 0), u, v, across, small)
    rows = (np.arange(size[1])[:, None] - small.middle[1]) / small.per_cm
    u = u + stretch_u
    v = v + stretch_v - relief * (rows / small.distance_cm + _FROM_ABOVE)
    whole = _full_parts(part, seams, share.shape, scale)
    return Draped(*_enlarged(u, v, part, whole), whole)


# --- parts ------------------------------------------------------------------------------------------------------


def _parts(
    mask: np.ndarray, grey: np.ndarray, region: str, middle: float, unit: float
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Part of each pixel (uint8 (h, w)), and for each sleeve its seam: x by row, NaN below the armpit."""
    part = np.zeros(mask.shape, np.uint8)
    seams: dict[int, np.ndarray] = {}
    if region in ("top", "dress"):
        for index, side in ((1, -1), (2, 1)):
            armpit = _armpit(mask, middle, side, unit)
            if armpit is None:
                continue
            seam = _seam(mask, grey, armpit, side, unit)
            if np.isnan(seam).all():
                continue  # a notch in the outline, with no shoulder above it
            seams[index] = seam
            x = np.arange(mask.shape[1])[None, :]
            beyond = (x - seam[:, None]) * side > 0
            part[np.where(np.isnan(seam)[:, None], False, beyond)] = index
            # Below the armpit: whatever lies outside the trunk's own run of pixels.
            below = np.arange(mask.shape[0])[:, None] > armpit[1]
            inner = _trunk_edge(mask, middle, side)
            part[below & ((x - inner[:, None]) * side > 0)] = index
    elif region == "bottom":
        line = _between(mask, middle)
        x = np.arange(mask.shape[1])[None, :]
        part = np.where(x < line[:, None], 1, 2).astype(np.uint8)
    return part, seams


def _trunk_edge(mask: np.ndarray, middle: float, side: int) -> np.ndarray:
    """For each row, the last x of the run of the mask that holds the middle of her."""
    flipped = mask if side > 0 else mask[:, ::-1]
    start = round(middle) if side > 0 else mask.shape[1] - 1 - round(middle)
    start = int(np.clip(start, 0, mask.shape[1] - 1))
    ends = ~flipped[:, start:]
    ends = np.concatenate([ends, np.ones((len(mask), 1), bool)], axis=1).argmax(axis=1) + start - 0.5
    return ends if side > 0 else mask.shape[1] - 1 - ends


def _armpit(mask: np.ndarray, middle: float, side: int, unit: float) -> tuple[float, int] | None:
    """Where the arm leaves the trunk: from one row to the next the trunk's run ends much further in."""
    edge = _trunk_edge(mask, middle, side) * side
    held = mask.any(axis=1)
    rows = np.flatnonzero(held)
    if len(rows) < 8:
        return None
    for y in range(rows[0] + max(round(0.5 * unit), 4), rows[-1] - 3):
        after = edge[y + 1 : y + 4]
        wide_enough = (edge[y] - middle * side) > 0.5 * unit
        stays = np.median(after) - middle * side > 0.25 * unit
        if wide_enough and stays and edge[y] - after.max() > 0.18 * unit:
            return float(edge[y + 1] * side), y
    return None


def _seam(mask: np.ndarray, grey: np.ndarray, armpit: tuple[float, int], side: int, unit: float) -> np.ndarray:
    """From the armpit up to the shoulder: along the dark line of the stitching if there is one, else nearly straight
    up. x by row, NaN where there is no sleeve."""
    x0, y0 = armpit
    reach = max(round(0.35 * unit), 4)
    columns = np.arange(round(x0) - reach, round(x0) + reach + 1)
    columns = columns[(columns >= 1) & (columns < mask.shape[1] - 1)]
    # A pixel or two inwards: right above an armpit backdrop may show through.
    inwards = np.clip(np.round(x0 - side * np.arange(1, 4)).astype(int), 0, mask.shape[1] - 1)
    bare = [np.flatnonzero(~mask[:y0, column]) for column in inwards]
    top = min(int(rows[-1]) + 1 if len(rows) else 0 for rows in bare)
    seam = np.full(mask.shape[0], np.nan)
    if y0 - top < 4:
        return seam
    dark = cv2.GaussianBlur(grey, (0, 0), 3.0) - cv2.GaussianBlur(grey, (0, 0), 0.7)
    cost = -np.clip(dark, -0.05, 0.12)[top : y0 + 1][:, columns]
    # A set-in sleeve's seam leans a little inwards on its way up.
    lean = x0 - side * 0.12 * unit * (y0 - np.arange(top, y0 + 1)) / max(y0 - top, 1)
    cost = cost + 0.05 * ((columns[None, :] - lean[:, None]) / (0.3 * unit)) ** 2
    total = cost[-1] + 0.02 * np.abs(columns - x0)
    back = []
    for row in cost[-2::-1]:
        choices = np.stack(
            [np.concatenate([[1e9], total[:-1] + 0.01]), total, np.concatenate([total[1:] + 0.01, [1e9]])]
        )
        step = choices.argmin(axis=0)
        back.append(step - 1)
        total = choices.min(axis=0) + row
    at = int(total.argmin())
    found = [at]
    for step in reversed(back):
        at = at + int(step[at])
        found.append(at)
    xs = columns[np.array(found)].astype(np.float64)
    seam[top : y0 + 1] = ndimage.gaussian_filter1d(xs, 1.5)
    seam[:top] = seam[top]
    return seam


def _between(mask: np.ndarray, middle: float) -> np.ndarray:
    """The line between two trouser legs, x by row: the middle of the gap where there is one, carried on upwards."""
    x = np.full(len(mask), np.nan)
    for y in np.flatnonzero(mask.any(axis=1)):
        inside = np.flatnonzero(mask[y])
        gaps = np.diff(inside)
        if gaps.max(initial=0) > 2:
            at = int(gaps.argmax())
            x[y] = (inside[at] + inside[at + 1]) / 2
    known = np.flatnonzero(~np.isnan(x))
    rows = np.flatnonzero(mask.any(axis=1))
    if len(known) < 0.1 * len(rows):  # legs together: halfway between the outer edges
        ends = [(np.flatnonzero(mask[y])[[0, -1]]).mean() for y in rows]
        return ndimage.gaussian_filter1d(np.interp(np.arange(len(mask)), rows, ends), 8)
    x = np.interp(np.arange(len(mask)), known, x[known])
    return ndimage.gaussian_filter1d(x, 2)


# --- tubes ------------------------------------------------------------------------------------------------------


def _coordinates(
    mask: np.ndarray, hers: np.ndarray, part: np.ndarray, region: str, unit: float, camera: Camera
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centimetres across and along the cloth without its folds, and where on its tube a pixel is (−1 to 1)."""
    y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]].astype(np.float64)
    if region == "shoes":
        return (x - camera.middle[0]) / camera.per_cm, (y - camera.middle[1]) / camera.per_cm, np.zeros_like(x)
    down = np.array([0.0, 1.0])
    if region == "bottom":
        hips = _tube(mask, hers, x, y, down, unit, "torso", camera)
        legs = [_tube(mask & (part == i), hers, x, y, down, unit, "leg", camera) for i in (1, 2)]
        gap = [np.ptp(np.flatnonzero(row)) + 1 - row.sum() if row.any() else 0 for row in mask]
        rows = np.flatnonzero(mask.any(axis=1))
        open_rows = np.flatnonzero(np.array(gap) > 2)
        crotch = float(open_rows[0]) if len(open_rows) else rows[0] + 0.3 * len(rows)
        below = np.clip((y - crotch + 0.9 * unit) / max(0.9 * unit, 1), 0, 1)
        below = below * below * (3 - 2 * below)
        u, v, across = hips
        for index, leg in zip((1, 2), legs, strict=True):
            at = part == index
            line = mask & at & (np.abs(y - crotch) < 2)
            shift = np.median((hips[0] - leg[0])[line]) if line.any() else 0.0
            u = np.where(at, u * (1 - below) + (leg[0] + shift) * below, u)
            v = np.where(at, v * (1 - below) + leg[1] * below, v)
            across = np.where(at, across * (1 - below) + leg[2] * below, across)
        return u, v, across
    sleeved = [index for index in (1, 2) if (mask & (part == index)).sum() >= 40]
    rows = np.flatnonzero(mask.any(axis=1))
    under = float(_under_arms(mask, part, sleeved, rows) - camera.middle[1])
    u, v, across = _tube(mask & (part == 0), hers, x, y, down, unit, "torso", camera, under)
    for index in (1, 2):
        sleeve = mask & (part == index)
        if sleeve.sum() < 40:
            continue
        rows = np.flatnonzero(sleeve.any(axis=1))
        beside = sleeve & ndimage.binary_dilation(mask & (part == 0), iterations=2)
        if beside.sum() < 4:
            continue
        # From the middle of the armhole to the end of the sleeve that is furthest from it.
        start = np.array([x[beside].mean(), y[beside].mean()])
        away = np.hypot(x - start[0], y - start[1])
        far = sleeve & (away > np.percentile(away[sleeve], 75)) & (y > start[1])
        if far.sum() < 4 or len(rows) < 6:
            continue
        axis = np.array([x[far].mean(), y[far].mean()]) - start
        axis /= max(np.hypot(*axis), 1e-6)
        mine = _tube(sleeve, hers, x, y, axis, unit, "sleeve", camera)
        # Along the seam both pieces were cut to meet.
        shift = np.median((v - mine[1])[beside])
        at = part == index
        u, v, across = np.where(at, mine[0], u), np.where(at, mine[1] + shift, v), np.where(at, mine[2], across)
    return u, v, across


def _under_arms(mask: np.ndarray, part: np.ndarray, sleeved: list[int], rows: np.ndarray) -> int:
    """The row below which the trunk's outline is its own: where sleeves part from it, else a quarter of the way down."""
    trunk = mask & (part == 0)
    found = []
    for index in sleeved:
        joined = trunk & ndimage.binary_dilation(mask & (part == index), iterations=2)
        if joined.any():
            found.append(int(np.flatnonzero(joined.any(axis=1))[-1]))
    return max(found) if found else round(rows[0] + 0.25 * len(rows))


def _tube(
    piece: np.ndarray,
    hers: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    axis: np.ndarray,
    unit: float,
    kind: str,
    camera: Camera,
    trusted_below: float = -np.inf,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates on an elliptic tube whose outline is the piece's, for all pixels of the copy."""
    if piece.sum() < 20:
        return (x - camera.middle[0]) / camera.per_cm, (y - camera.middle[1]) / camera.per_cm, np.zeros_like(x)
    along = (x - camera.middle[0]) * axis[0] + (y - camera.middle[1]) * axis[1]
    sideways = (x - camera.middle[0]) * axis[1] - (y - camera.middle[1]) * axis[0]
    first = int(np.floor(along[piece].min()))
    bins = np.clip(np.round(along).astype(int) - first, 0, int(np.ceil(along[piece].max())) - first)
    count = int(bins[piece].max()) + 1
    # Above ``trusted_below`` (along the axis) its outline is that of the shoulders, over which cloth goes on to the back.
    # An edge where arm or hair lies over the cloth isn't the tube's own; it is taken from the rows beside it.
    open_air = cv2.dilate((~hers).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    edges = []
    sigma = max(_SMOOTH[kind] * unit, 1.5)
    for sign in (-1, 1):
        out = np.full(count, -np.inf)
        np.maximum.at(out, bins[piece], sign * sideways[piece])
        free = np.zeros(count)
        last = piece & (sign * sideways > out[np.clip(bins, 0, count - 1)] - 1.5)
        np.maximum.at(free, bins[last], open_air[last].astype(float))
        seen = np.isfinite(out)
        own = seen & (free > 0) & (np.arange(count) + first >= trusted_below)
        if own.sum() < 0.15 * seen.sum():
            own = seen
        filled = np.interp(np.arange(count), np.flatnonzero(own), out[own])
        edges.append(ndimage.gaussian_filter1d(filled, sigma, mode="nearest"))
    place = np.arange(count) + first
    right = np.interp(along.ravel(), place, edges[1]).reshape(along.shape)
    left = np.interp(along.ravel(), place, -edges[0]).reshape(along.shape)
    centre, radius = (left + right) / 2, np.maximum((right - left) / 2, 2.0)
    # Across the shoulders she is broader than under the arms.
    above = np.clip((trusted_below - along) / max(1.2 * unit, 1.0), 0, 1) if np.isfinite(trusted_below) else 0.0
    radius = radius * (1 + 0.2 * above)
    q = (sideways - centre) / radius
    depth = _DEPTH[kind]
    # A trunk's axis that leans takes the cloth's threads with it.
    middles = ndimage.gaussian_filter1d((edges[1] - edges[0]) / 2, max(1.5 * unit, 4.0), mode="nearest")
    lean = np.interp(along.ravel(), place, np.gradient(middles) if count > 2 else 0 * middles).reshape(along.shape)
    lean = np.clip(lean, -0.3, 0.3)
    u = radius * _arc(q, depth) / camera.per_cm
    v = (along + (sideways - centre) * lean) / camera.per_cm
    nearer = depth * radius * np.sqrt(np.clip(1 - q * q, 0, 1)) / camera.per_cm
    height = (y - camera.middle[1]) / camera.per_cm
    v = v - axis[1] * (height + _FROM_ABOVE * 0.35 * camera.distance_cm) * nearer / camera.distance_cm
    return u, v, np.clip(q, -1, 1)


def _arc(q: np.ndarray, depth: float) -> np.ndarray:
    """Length along an ellipse of half-axes 1 and ``depth``, from its front to where it is seen at ``q`` of its
    half-width; carried on straight beyond `_STEEPEST`."""
    table = np.linspace(0, _STEEPEST, 400)
    middle = (table[1:] + table[:-1]) / 2
    slope = np.sqrt((1 - middle**2 * (1 - depth**2)) / (1 - middle**2))
    length = np.concatenate([[0], np.cumsum(slope * np.diff(table))])
    size = np.abs(q)
    return np.sign(q) * (np.interp(size, table, length) + np.maximum(size - _STEEPEST, 0) * slope[-1])


# --- folds ------------------------------------------------------------------------------------------------------


def _folds(
    grey: np.ndarray, pieces: np.ndarray, u: np.ndarray, v: np.ndarray, across: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What folds add to u and v (cm), and how far they stand out (cm); ``pieces`` numbers its pieces from 1, 0 is none."""
    cm = camera.per_cm
    same = ndimage.maximum_filter(pieces, 3) == ndimage.minimum_filter(pieces, 3)
    inner = (same & (pieces > 0)).astype(np.float32)
    if inner.sum() < 50:
        nothing = np.zeros_like(u)
        return nothing, nothing, nothing

    def mean(values: np.ndarray, sigma: float) -> np.ndarray:
        weight = np.maximum(cv2.GaussianBlur(inner, (0, 0), sigma), 1e-3)
        return cv2.GaussianBlur(np.where(inner > 0, values, 0).astype(np.float32), (0, 0), sigma) / weight

    # Finer than a third of a centimetre is the weave, coarser than five are trunk and limbs.
    fine, coarse = max(0.35 * cm, 0.8), max(5.0 * cm, 4.0)
    detail = np.clip(mean(grey, fine) - mean(grey, coarse), -0.6, 0.6) * inner
    gx, gy = cv2.Sobel(detail, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(detail, cv2.CV_32F, 0, 1) / 8
    wide = max(0.7 * cm, 1.2)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), wide) for product in (gx * gx, gy * gy, gx * gy))
    # Across the fold: the eigenvector of the structure tensor, as far as one direction prevails.
    coherence = np.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-7)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    nx, ny = np.cos(angle), np.sin(angle)
    # Along seams and outlines it is the limb that turns away, or a collar's shade, and no fold.
    rim = np.clip(ndimage.distance_transform_edt(inner > 0) / (2.5 * cm) - 0.2, 0, 1).astype(np.float32)
    detail = detail * rim
    steep = np.clip(-1.1 * detail, 0, 0.5) * coherence * inner
    stretched = []
    for field in (u, v):
        dx, dy = np.gradient(field, axis=1), np.gradient(field, axis=0)
        along = np.clip(dx * nx + dy * ny, -2 / cm, 2 / cm)
        stretched.append(_integrated(steep * along * nx, steep * along * ny, cm))
    # The light comes from the brighter side and from above.
    torso = inner > 0
    slope = float(np.mean(across[torso] * (grey[torso] - grey[torso].mean())))
    lamp = np.array([np.clip(6 * slope, -1, 1), -1.0])
    lamp /= np.hypot(*lamp)
    relief = 1.5 * np.tanh(_relief(detail, lamp, cm) / 1.5) * rim
    return stretched[0], stretched[1], relief


def _frequencies(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    size = fft.next_fast_len(shape[0] + 32), fft.next_fast_len(shape[1] + 32, real=True)
    return 2 * np.pi * np.fft.fftfreq(size[0])[:, None], 2 * np.pi * np.fft.rfftfreq(size[1])[None, :], size


def _integrated(fx: np.ndarray, fy: np.ndarray, cm: float) -> np.ndarray:
    """The function whose gradient is nearest to (fx, fy), without what is longer than about 12 cm (Frankot and
    Chellappa 1988)."""
    wy, wx, size = _frequencies(fx.shape)
    short = (2 * np.pi / (12 * cm)) ** 2
    spectrum = -1j * (wx * fft.rfft2(fx, size) + wy * fft.rfft2(fy, size)) / (wx**2 + wy**2 + short)
    return fft.irfft2(spectrum, size)[: fx.shape[0], : fx.shape[1]]


def _relief(detail: np.ndarray, lamp: np.ndarray, cm: float) -> np.ndarray:
    """Height (cm) whose slope towards the lamp is the shading."""
    wy, wx, size = _frequencies(detail.shape)
    towards = 1j * (wx * lamp[0] + wy * lamp[1])
    short = (2 * np.pi / (9 * cm)) ** 2
    # A surface that rises away from the lamp faces it: bright. Slopes across the lamp aren't seen; they are kept small.
    spectrum = fft.rfft2(-detail / 0.8, size) * np.conj(towards)
    spectrum = spectrum / (np.abs(towards) ** 2 + 0.12 * (wx**2 + wy**2) + 0.5 * short)
    return fft.irfft2(spectrum, size)[: detail.shape[0], : detail.shape[1]] / cm


# --- enlarging --------------------------------------------------------------------------------------------------


def _full_parts(part: np.ndarray, seams: dict[int, np.ndarray], shape: tuple[int, int], scale: float) -> np.ndarray:
    """Parts at full size, sleeves divided along the seam itself and not along pixels of the copy."""
    whole = cv2.resize(part, shape[::-1], interpolation=cv2.INTER_NEAREST)
    x, y = np.arange(shape[1])[None, :], np.arange(shape[0])
    for index, seam in seams.items():
        side = -1 if index == 1 else 1
        known = np.flatnonzero(~np.isnan(seam))
        if not len(known):
            continue
        line = np.interp((y + 0.5) * scale - 0.5, known, seam[known])
        rows = (y + 0.5) * scale - 0.5 <= known[-1]
        beyond = (x - ((line + 0.5) / scale - 0.5)[:, None]) * side > 0
        whole[rows[:, None] & beyond] = index
        whole[rows[:, None] & ~beyond & (whole == index)] = 0
    return whole


def _enlarged(u: np.ndarray, v: np.ndarray, part: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part by part, each carried on past its border, so that no pixel mixes the coordinates of two."""
    size = whole.shape[1], whole.shape[0]
    out_u, out_v = np.zeros(whole.shape, np.float32), np.zeros(whole.shape, np.float32)
    for index in np.unique(whole):
        own = part == index
        if not own.any():
            own = np.ones_like(part, bool)
        rows, columns = ndimage.distance_transform_edt(~own, return_distances=False, return_indices=True)
        at = whole == index
        for source, target in ((u, out_u), (v, out_v)):
            # Straight on: the nearest value and what its slope adds.
            dx, dy = np.gradient(source, axis=1), np.gradient(source, axis=0)
            y, x = np.mgrid[0 : own.shape[0], 0 : own.shape[1]]
            carried = source[rows, columns] + dx[rows, columns] * (x - columns) + dy[rows, columns] * (y - rows)
            carried = np.where(own, source, carried).astype(np.float32)
            target[at] = cv2.resize(carried, size, interpolation=cv2.INTER_CUBIC)[at]
    return out_u, out_v
