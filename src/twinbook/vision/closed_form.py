"""Alpha in the unknown band: closed-form matting (Levin, Lischinski and Weiss, 2008) that knows the backdrop.

To the matting Laplacian comes a data term. Behind her stands paper whose colour is known to within the grain, so a
pixel's place on the way from backdrop to her own colour, in linear light, says what its alpha is and how surely:
surely where the two are far apart and the pixel lies between them, hardly at all where they are alike. Her own colour
is continued from where she is opaque. The band is solved on a small copy first, then tile by tile at full resolution, so
memory follows the tile and time follows the outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import diags

from .skin import to_linear

TILE = 256
_OVERLAP = 16
_COARSE = 560
_EPSILON = 1e-6
# How strongly a tile holds on to the coarse solution: just enough to keep flat regions where they were settled.
_PULL = 2e-5
# The data term's weight: at a standard error of alpha of 0.05 it speaks about as loudly as one of a pixel's windows.
_TRUST = 2.5e-3
# Grain of a plate in coded values at the least: quantisation and JPEG leave that much.
_GRAIN = 0.8


@dataclass(frozen=True)
class Colours:
    """What lies behind her and what she is made of, in linear light, continued over the whole picture at a reduced
    size: float32 (h, w, 3). ``spread`` is how much her own colour varies around there, float32 (h, w); ``strands`` says
    where she is made of hair, float32 (h, w), 0 to 1; ``grain`` is the picture's, in coded values.

    Colour alone tells alpha only where hair meets paper. Cloth and skin pale towards their outline, by sheen and rim
    light, on the very way from their colour to the paper's: there the Laplacian, which sees the edge, decides alone.
    """

    behind: np.ndarray
    own: np.ndarray
    spread: np.ndarray
    strands: np.ndarray
    grain: float
    hair: np.ndarray | None = None

    def window(
        self, box: tuple[int, int, int, int], size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """``behind``, ``own``, ``spread`` and ``strands`` of a window (top, bottom, left, right) of the picture of ``size`` (wide,
        high), at the picture's resolution."""
        top, bottom, left, right = box
        wide, high = size
        sx, sy = self.behind.shape[1] / wide, self.behind.shape[0] / high
        x = (np.arange(left, right, dtype=np.float32) + 0.5) * sx - 0.5
        y = (np.arange(top, bottom, dtype=np.float32) + 0.5) * sy - 0.5
        x, y = np.meshgrid(x, y)
        return tuple(
            cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for values in (self.behind, self.own, self.spread, self.strands)
        )


def continued(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values (float32 (h, w) or (h, w, c)) where ``known``, and smoothly continued from there everywhere else.

    Push-pull over a pyramid (Gortler et al., "The lumigraph", 1996): near the known it follows its neighbours, far
    away it tends to the average."""
    weight = known.astype(np.float32)
    flat = values.ndim == 2
    values = values[..., None] if flat else values
    total = np.ascontiguousarray(values * weight[..., None], dtype=np.float32)
    levels = []
    while min(weight.shape) > 1:
        levels.append((total, weight))
        size = (weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2
        total = _channels(cv2.resize(total, size, interpolation=cv2.INTER_AREA))
        weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    result = total / np.maximum(weight, 1e-8)[..., None]
    for total, weight in reversed(levels):
        size = weight.shape[1], weight.shape[0]
        up = _channels(cv2.resize(result, size, interpolation=cv2.INTER_LINEAR))
        sure = np.clip(weight, 0, 1)[..., None]
        result = np.where(sure > 0, total / np.maximum(weight, 1e-8)[..., None] * sure + up * (1 - sure), up)
    return result[..., 0] if flat else result


def _channels(values: np.ndarray) -> np.ndarray:
    return values[..., None] if values.ndim == 2 else values


def placed(
    linear: np.ndarray, behind: np.ndarray, own: np.ndarray, spread: np.ndarray, grain: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Alpha by colour alone (float32, 0 to 1) and its variance: where ``linear`` lies between ``behind`` and ``own``."""
    way = own - behind
    square = np.maximum((way * way).sum(axis=-1), 1e-8)
    place = ((linear - behind) * way).sum(axis=-1) / square
    alpha = np.clip(place, 0, 1)
    beside = linear - behind - alpha[..., None] * way
    # Beyond her own colour is still she: darker hair than her average isn't off the way.
    off = (beside * beside).sum(axis=-1) * np.where(place > 1, 0.15, 1.0)
    variance = (grain * grain + (0.15 + alpha) ** 2 * spread * spread + 2.0 * off) / square
    return alpha.astype(np.float32), variance.astype(np.float32)


def solve(rgb: np.ndarray, trimap: np.ndarray, colours: Colours | None = None) -> np.ndarray:
    """Closed-form alpha, uint8 (h, w), of uint8 sRGB (h, w, 3) where ``trimap`` is 128; elsewhere the trimap's 0 or 255.

    Coarse to fine: the small copy settles everything but the edge, gives each full-resolution tile its boundary
    values, and lets its solver start near the end. Without ``colours`` it is plain closed form.
    """
    high, wide = trimap.shape
    scale = min(1.0, _COARSE / max(high, wide))
    if scale == 1:
        return _bytes(_solve_tile(rgb, trimap, None, _data(rgb, (0, high, 0, wide), (wide, high), colours)))
    size = round(wide * scale), round(high * scale)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    nearest = cv2.resize(trimap, size, interpolation=cv2.INTER_AREA)
    small_trimap = np.where(nearest < 1, 0, np.where(nearest > 254, 255, 128)).astype(np.uint8)
    data = _data(small, (0, size[1], 0, size[0]), size, colours)
    small_alpha = _solve_tile(small, small_trimap, None, data)
    around = np.ones((3, 3), np.uint8)
    least, most = cv2.erode(small_alpha, around), cv2.dilate(small_alpha, around)
    alpha = np.where(trimap == 128, 0, trimap).astype(np.uint8)
    step = TILE - 2 * _OVERLAP
    sx, sy = size[0] / wide, size[1] / high
    total = weight = np.zeros((0, 0), np.float32)
    # A row of tiles at a time: what two tiles share is averaged, and nothing larger than a row is kept.
    pending: tuple[int, np.ndarray, np.ndarray] | None = None
    for top in range(0, high, step):
        y0, y1 = max(top - _OVERLAP, 0), min(top + step + _OVERLAP, high)
        total = np.zeros((y1 - y0, wide), np.float32)
        weight = np.zeros((y1 - y0, wide), np.float32)
        for left in range(0, wide, step):
            x0, x1 = max(left - _OVERLAP, 0), min(left + step + _OVERLAP, wide)
            if not (trimap[y0:y1, x0:x1] == 128).any():
                continue
            x, y = np.meshgrid(
                (np.arange(x0, x1, dtype=np.float32) + 0.5) * sx - 0.5,
                (np.arange(y0, y1, dtype=np.float32) + 0.5) * sy - 0.5,
            )
            guess = np.clip(cv2.remap(small_alpha, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), 0, 1)
            piece = trimap[y0:y1, x0:x1].copy()
            near = cv2.remap(least, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            far = cv2.remap(most, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            unknown = piece == 128
            piece[unknown & (near > 0.99)] = 255
            piece[unknown & (far < 0.004)] = 0
            pixels = np.ascontiguousarray(rgb[y0:y1, x0:x1])
            tile = _solve_tile(pixels, piece, guess, _data(pixels, (y0, y1, x0, x1), (wide, high), colours))
            ramp = np.outer(_ramp(y1 - y0, y0 > 0, y1 < high), _ramp(x1 - x0, x0 > 0, x1 < wide))
            total[:, x0:x1] += tile * ramp
            weight[:, x0:x1] += ramp
        if pending is not None:
            at, earlier, earlier_weight = pending
            shared = at + earlier.shape[0] - y0
            total[:shared] += earlier[-shared:]
            weight[:shared] += earlier_weight[-shared:]
        done = min(top + step - _OVERLAP, high) if y1 < high else high
        rows = slice(y0, done)
        band = trimap[rows] == 128
        mixed = total[: done - y0] / np.maximum(weight[: done - y0], 1e-6)
        alpha[rows][band] = _bytes(mixed)[band]
        pending = y0, total, weight
        if y1 == high:
            break
    return alpha


def _bytes(alpha: np.ndarray) -> np.ndarray:
    return (np.clip(alpha, 0, 1) * 255 + 0.5).astype(np.uint8)


def _data(
    rgb: np.ndarray, box: tuple[int, int, int, int], size: tuple[int, int], colours: Colours | None
) -> tuple[np.ndarray, np.ndarray] | None:
    if colours is None:
        return None
    behind, own, spread, strands = colours.window(box, size)
    if not (strands > 0).any():
        return None
    linear = to_linear(rgb).astype(np.float32)
    # Grain is even in coded values; in linear light it grows with the light.
    slope = 2.4 * np.power(np.maximum(linear.mean(axis=-1), 1e-3), 1.4 / 2.4)
    grain = np.maximum(colours.grain, _GRAIN) / 255 * slope * 1.3
    alpha, variance = placed(linear, behind, own, spread, grain)
    if colours.hair is not None:
        other, unsure = placed(linear, behind, np.broadcast_to(colours.hair, own.shape), spread, grain)
        better = unsure < variance
        alpha, variance = np.where(better, other, alpha), np.where(better, unsure, variance)
    return alpha, strands * _TRUST / (variance + 1e-4)


def _solve_tile(
    rgb: np.ndarray, trimap: np.ndarray, guess: np.ndarray | None, data: tuple[np.ndarray, np.ndarray] | None
) -> np.ndarray:
    """Closed-form alpha of one piece; ``guess`` (0 to 1) holds on its border and weakly everywhere."""
    from pymatting.laplacian.cf_laplacian import cf_laplacian
    from pymatting.preconditioner.ichol import ichol
    from pymatting.solver.cg import cg

    unknown = trimap == 128
    alpha = trimap.astype(np.float32) / 255
    if guess is not None:
        alpha[unknown] = guess[unknown]
        if data is None:
            unknown[[0, -1]] = unknown[:, [0, -1]] = False
    if not unknown.any():
        return alpha
    free, fixed = unknown.ravel(), ~unknown.ravel()
    laplacian = cf_laplacian(rgb.astype(np.float64) / 255, epsilon=_EPSILON, is_known=fixed)[free]
    inside = laplacian[:, free]
    right = -laplacian[:, fixed].dot(alpha.ravel()[fixed].astype(np.float64))
    start = alpha.ravel()[free].astype(np.float64)
    pull = np.full(len(start), 0.0 if guess is None else _PULL)
    right += pull * start
    if data is not None:
        likely, trust = (values.ravel()[free].astype(np.float64) for values in data)
        right += trust * likely
        pull += trust
        if guess is None:
            start = likely
    inside = (inside + diags(pull)).tocsc()
    if np.abs(right).max() < 1e-12:
        # Backdrop all around: the answer is nothing, against which the solver can't measure its residual, and fails.
        alpha[unknown] = 0.0
        return alpha
    # Incomplete Cholesky needs a handful of iterations where plain CG needs hundreds, and every iteration on long
    # vectors wakes all BLAS threads. The shift keeps the factorisation from failing; the size bounds its memory.
    factor = ichol(inside, discard_threshold=1e-3, shifts=[1e-2, 0.1, 1.0], max_nnz=400 * len(start))
    solution = cg(inside, right, x0=start, M=factor, rtol=1e-6 if guess is None else 1e-4, maxiter=2000)
    alpha[unknown] = np.clip(solution, 0, 1)
    return alpha


def _ramp(size: int, first: bool, last: bool) -> np.ndarray:
    ramp = np.ones(size, np.float32)
    rise = np.linspace(0.02, 1, 2 * _OVERLAP, dtype=np.float32)[: min(2 * _OVERLAP, size)]
    if first:
        ramp[: len(rise)] = np.minimum(ramp[: len(rise)], rise)
    if last:
        ramp[-len(rise) :] = np.minimum(ramp[-len(rise) :], rise[::-1])
    return ramp
