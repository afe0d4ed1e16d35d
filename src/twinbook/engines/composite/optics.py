"""Her camera, read off her plate and given to a scene: its grain by bands of fineness, sharpness, depth of field.

Sharpness is the spread of the sharpest edges, by how much blurring them once more flattens them (Zhuo and Sim, Defocus
map estimation from a single image, 2011). A scene is only ever made softer and grainier, never sharper or cleaner than
it was taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

# Bands of grain end at Gaussians of these sigmas, in pixels.
_FINENESS = (0.7, 1.4, 2.8)
_BLOCK = 24  # pixels a side of what is looked at for grain at a time
_CALM = 25  # percent of a picture's blocks, where nothing else may be plain
_LEAST, _MOST = 0.6, 5.0  # sRGB levels of grain: below the one a gradient bands, above the other it isn't grain
_UNKNOWN = 1.0
_COLOUR = 0.4  # of grain's luminance, that each channel has for itself
_TAKEN = 0.25  # of the edges, from the sharpest on: the others are soft by themselves or out of focus
_GREY = np.float32([0.299, 0.587, 0.114])
_TRIES = 8
_AGAIN = 1.0  # pixels by which edges are blurred once more
_SOFTEST = 6.0


# --- grain ------------------------------------------------------------------------------------------------------


def grain_of(rgb_srgb: np.ndarray, where: np.ndarray | None = None, scale: float = 1.0) -> np.ndarray | None:
    """Variance of the luminance's grain in each band, finest first, sRGB levels squared, float (3,); None where too
    little is smooth.

    ``where`` (bool (h, w)) it is plain, as paper is, what varies is grain, as most of it has it. Without it the calmest
    parts of a picture tell. ``scale`` says by how much the picture is made smaller, which takes grain away.
    """
    grey = cv2.cvtColor(rgb_srgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    plain = np.ones(grey.shape, np.float32) if where is None else where.astype(np.float32)
    if scale < 1:
        grey, plain = (cv2.resize(v, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for v in (grey, plain))
    high, wide = (side // _BLOCK for side in grey.shape)
    if not high or not wide:
        return None

    def blocks(values: np.ndarray) -> np.ndarray:
        cut = values[: high * _BLOCK, : wide * _BLOCK].reshape(high, _BLOCK, wide, _BLOCK)
        return cut.mean(axis=(1, 3)).ravel()

    whole = blocks(plain) > 0.999
    # What is burnt out or black has lost its grain.
    level = blocks(grey)
    whole &= (level > 8) & (level < 248)
    if whole.sum() < 8:
        return None
    variances = np.stack([blocks(band**2)[whole] for band in _bands(grey)], axis=1)
    if where is None:
        variances = variances[variances[:, 0] <= np.percentile(variances[:, 0], _CALM)]
    return np.median(variances, axis=0)


def grained(linear: np.ndarray, wanted: Sequence[np.ndarray | None], seed: int) -> np.ndarray:
    """A scene (linear light float32 (h, w, 3)) with the grain of these plates (`grain_of`) in place of its own, where it
    has less, and at least enough to keep a gradient from banding."""
    coded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.power(np.maximum(linear, 1e-6), 1 / 2.4) - 0.055)
    known = [one for one in wanted if one is not None]
    target = np.mean(known, axis=0) if known else _even(_UNKNOWN**2)
    total = float(target.sum())
    if total < _LEAST**2:
        target = _even(_LEAST**2)
    elif total > _MOST**2:
        target = target * (_MOST**2 / total)
    own = grain_of((np.clip(coded, 0, 1) * 255 + 0.5).astype(np.uint8))
    missing = np.maximum(target - (0 if own is None else own), 0)
    coded = np.clip(coded + _drawn(linear.shape[:2], missing, seed) / 255, 0, 1)
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _bands(grey: np.ndarray) -> Iterator[np.ndarray]:
    fine = grey
    for sigma in _FINENESS:
        coarse = cv2.GaussianBlur(grey, (0, 0), sigma)
        yield fine - coarse
        fine = coarse


def _even(variance: float) -> np.ndarray:
    """A little soft, as film is, of this variance in all."""
    return np.float64([0.62, 0.30, 0.08]) * variance


def _drawn(size: tuple[int, int], variances: np.ndarray, seed: int) -> np.ndarray:
    """Grain with these variances in the bands of its luminance, sRGB levels, float32 (h, w, 3); mostly luminance."""
    random = np.random.default_rng(0x7B00C + seed)
    strengths = _strengths(variances)
    common = random.standard_normal(size, np.float32)
    out = np.empty((*size, 3), np.float32)
    # Channel by channel: a picture of 24 megapixels would take gigabytes.
    for channel in range(3):
        out[..., channel] = _mixed(_bands(common + _COLOUR * random.standard_normal(size, np.float32)), strengths)
    return out


def _strengths(variances: np.ndarray) -> np.ndarray:
    """By how much the bands of white noise go into grain that shows these variances: they overlap, so it is tried on a
    patch."""
    random = np.random.default_rng(0x7B00C)
    patch = random.standard_normal((192, 192, 1), np.float32)
    patch = patch + _COLOUR * random.standard_normal((192, 192, 3), np.float32)
    white = list(_bands(patch))
    strengths = np.sqrt(variances)
    for _ in range(_TRIES):
        seen = [float((band**2).mean()) for band in _bands(_mixed(white, strengths) @ _GREY)]
        strengths = strengths * np.sqrt(variances / np.maximum(seen, 1e-9))
    return strengths


def _mixed(bands: Iterable[np.ndarray], strengths: np.ndarray) -> np.ndarray:
    return sum(np.float32(strength) * band for strength, band in zip(strengths, bands, strict=True))


# --- sharpness --------------------------------------------------------------------------------------------------


def spread_of(rgb_srgb: np.ndarray) -> float | None:
    """Sigma, in pixels, of the blur of the sharpest edges in a picture, uint8 sRGB (h, w, 3); None where too few are."""
    grey = cv2.cvtColor(rgb_srgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # A trace of blur, taken off again below: grain has no edges.
    first = 0.7
    one = _slope(cv2.GaussianBlur(grey, (0, 0), first))
    other = _slope(cv2.GaussianBlur(grey, (0, 0), float(np.hypot(first, _AGAIN))))
    crest = one >= cv2.dilate(one, np.ones((3, 3), np.uint8))
    strong = max(float(np.percentile(one, 97)) * 0.8, 6.0)
    edges = crest & (one > strong)
    if edges.sum() < 60:
        return None
    ratio = np.maximum(one[edges] / np.maximum(other[edges], 1e-3), 1.0005)
    spread = _AGAIN / np.sqrt(ratio**2 - 1)
    at = float(np.quantile(spread, _TAKEN))
    return float(np.clip(np.sqrt(max(at**2 - first**2, 0)), 0.3, _SOFTEST))


def softened(linear: np.ndarray, own: float | None, wanted: float | None) -> np.ndarray:
    """A scene whose edges spread by ``own`` pixels brought to ``wanted``; as it is where that would sharpen it."""
    if own is None or wanted is None or wanted <= 1.05 * own:
        return linear
    sigma = float(np.sqrt(wanted**2 - own**2))
    return cv2.GaussianBlur(linear, (0, 0), sigma) if sigma > 0.25 else linear


def _slope(grey: np.ndarray) -> np.ndarray:
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)) / 8


# --- depth of field ---------------------------------------------------------------------------------------------


def defocused(linear: np.ndarray, radius: float) -> np.ndarray:
    """Blurred by a disc, as a lens does it, in linear light."""
    if radius < 0.7:
        return linear
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return cv2.filter2D(linear, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def defocused_with_depth(linear: np.ndarray, farthest: float, horizon: float, floor: float, focus: float) -> np.ndarray:
    """A place with a floor, in focus where she stands: ``horizon``, ``floor`` (where it meets the wall) and ``focus``
    (her soles) are rows, ``farthest`` the radius of a point's blur at infinity, pixels.

    A level camera sees the floor at a distance that goes with one over the way under the horizon, and a thin lens blurs
    by 1 − focus distance over distance: on the floor the radius grows evenly from her soles upwards. The wall stands
    where the floor ends.
    """
    rows = np.maximum(np.arange(len(linear)), floor)
    radii = farthest * np.abs(1 - (rows - horizon) / max(focus - horizon, 1.0))
    most = float(radii.max())
    if most < 0.7:
        return linear
    # Between a few discs, each row mixed of the next two.
    levels = np.linspace(0, most, int(np.ceil(most / 0.8)) + 1)
    place = radii / (levels[1] - levels[0])
    out = np.zeros_like(linear)
    for index, radius in enumerate(levels):
        weight = np.clip(1 - np.abs(place - index), 0, 1).astype(np.float32)
        for piece in _runs(weight > 0):
            first, reach = max(piece.start - int(radius) - 2, 0), int(radius) + 2
            blurred = defocused(linear[first : piece.stop + reach], float(radius))
            blurred = blurred[piece.start - first : piece.stop - first]
            out[piece] += blurred * weight[piece, None, None]
    return out


def _runs(rows: np.ndarray) -> list[slice]:
    """The runs of rows that are set."""
    steps = np.flatnonzero(np.diff(rows.astype(np.int8), prepend=0, append=0))
    return [slice(int(start), int(stop)) for start, stop in steps.reshape(-1, 2)]
