"""How good a picture is as a picture: sharp, not clipped, not banded, without a rim where she was cut out.

None of this says whether it is her. Each measure looks for the trace that one kind of handling leaves, and is
normalised by what the same picture shows elsewhere, so that grain, paper and make-up don't count as faults.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..domain.fidelity import Measurement
from ..domain.twin import Box
from .matte import extent
from .skin import to_linear

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_FACE_SIDE = 128  # sharpness is read on the face at this width
_HALO_SIDE, _HALO_REACH = 1600, 4.0  # a rim of 1 to 4 pixels, at no more than this many a side
_MOST_PIXELS = 1_600_000  # banding and clipping are read on no more than that


def quality(
    rgb_srgb: np.ndarray, alpha: np.ndarray | None, face: Box | None, plate_sharpness: float | None = None
) -> tuple[Measurement, ...]:
    """``picture.sharpness``, ``.softening``, ``.clipping`` and ``.crushing``; `banding` and `halo` are taken by themselves.

    ``rgb_srgb`` is uint8 sRGB (h, w, 3); ``alpha`` her matte, uint8 (h, w), None where she isn't cut out; ``face`` the
    detected box; ``plate_sharpness`` what `sharpness` reads on the plate the picture was made from. What can't be told is
    None with the reason.
    """
    sharp = None if face is None else sharpness(rgb_srgb, face)
    return (
        _sharpness(sharp, face),
        _softening(sharp, plate_sharpness),
        *_clipping(rgb_srgb, alpha, face),
    )


# --- sharpness --------------------------------------------------------------------------------------------------


def sharpness(rgb_srgb: np.ndarray, face: Box, wide: int | None = None) -> float | None:
    """The width of the steepest edges in the face, as a share of its width: percent, smaller is sharper.

    Read from how much of the edges' slope survives a blur of known width, which make-up, contrast and exposure
    don't change. None for faces narrower than 48 pixels. A face wider than ``wide`` pixels is read as it would be at that
    width: what a smaller picture can't show it hasn't softened.
    """
    box = face.clipped(rgb_srgb.shape[1], rgb_srgb.shape[0])
    if box.width < 48 or box.height < 48:
        return None
    crop = np.ascontiguousarray(rgb_srgb[box.top : box.bottom, box.left : box.right])
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Large faces are read at four times the small side: blur finer than that is nobody's concern.
    side = min(box.width, 4 * _FACE_SIDE, wide or box.width)
    if side < 48:
        return None
    if side < box.width:
        grey = cv2.resize(grey, (side, round(box.height * side / box.width)), interpolation=cv2.INTER_AREA)
    known = 0.012 * side
    slope, blurred = _slope(cv2.GaussianBlur(grey, (0, 0), 0.6)), _slope(cv2.GaussianBlur(grey, (0, 0), known))
    edges = slope > max(float(np.percentile(slope, 97)), 2.0)
    if edges.sum() < 20:
        return None
    # An edge of Gaussian width s has slope 1/s; blurred by k, 1/sqrt(s² + k²): the ratio of the two gives s.
    ratio = float(np.median(slope[edges] / np.maximum(blurred[edges], 1e-3)))
    width = known / max(ratio**2 - 1, 0.02) ** 0.5
    return width / side * 100


def _slope(grey: np.ndarray) -> np.ndarray:
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 8


def _sharpness(sharp: float | None, face: Box | None) -> Measurement:
    if sharp is None:
        note = "no face was found" if face is None else "the face is too small or too flat to read edges in"
        return Measurement("picture.sharpness", None, note)
    return Measurement("picture.sharpness", sharp, "width of the sharpest edges, percent of the face's width")


def _softening(sharp: float | None, plate: float | None) -> Measurement:
    if sharp is None or plate is None:
        return Measurement("picture.softening", None, "there are not two faces to compare")
    return Measurement("picture.softening", max(sharp / plate - 1, 0.0), "wider edges than the plate's, relative")


# --- clipping ---------------------------------------------------------------------------------------------------


def _clipping(rgb_srgb: np.ndarray, alpha: np.ndarray | None, face: Box | None) -> tuple[Measurement, Measurement]:
    """Shares of her (0 to 1) that are burnt out and that are crushed to black."""
    names = "picture.clipping", "picture.crushing"
    thin = max(1, round((rgb_srgb.shape[0] * rgb_srgb.shape[1] / _MOST_PIXELS) ** 0.5))
    rgb_srgb = rgb_srgb[::thin, ::thin]
    if alpha is not None:
        hers = alpha[::thin, ::thin] >= 250
    elif face is not None:
        hers = np.zeros(rgb_srgb.shape[:2], bool)
        box = face.grown(0.1).clipped(rgb_srgb.shape[1] * thin, rgb_srgb.shape[0] * thin)
        hers[box.top // thin : box.bottom // thin, box.left // thin : box.right // thin] = True
    else:
        hers = np.zeros(rgb_srgb.shape[:2], bool)
    pixels = rgb_srgb[hers]
    if len(pixels) < 400:
        note = "she isn't cut out, and no face was found"
        return Measurement(names[0], None, note), Measurement(names[1], None, note)
    # Two channels at the end: one alone is a saturated colour, not lost detail.
    bright = float((np.sort(pixels, axis=1)[:, 1] >= 254).mean())
    dark = float((pixels.max(axis=1) <= 2).mean())
    where = "of her" if alpha is not None else "of her face"
    return Measurement(names[0], bright, f"{where} burnt out"), Measurement(names[1], dark, f"{where} crushed to black")


# --- banding ----------------------------------------------------------------------------------------------------


def banding(rgb_srgb: np.ndarray) -> Measurement:
    """``picture.banding``: the share of smooth gradients (0 to 1) that come in steps wider and higher than eight bits need.

    Where a picture's lightness changes slowly over many pixels, eight bits step by one code at a time. A posterised one
    holds a value, then jumps by two codes or more along a line. Noise breaks the flat runs, even paper has no slope, and an
    edge has no slope before and after it: none of them counts. Neither do the blocks of a JPEG, whose jumps all lie on one
    grid of eight.
    """
    high, wide = rgb_srgb.shape[:2]
    grey = cv2.cvtColor(np.ascontiguousarray(rgb_srgb), cv2.COLOR_RGB2GRAY)
    rise, gradients, steps = 24, 0, 0
    for plane in (grey, np.ascontiguousarray(grey.T)):
        stride = max(1, plane.size // _MOST_PIXELS)
        lines = plane[::stride].astype(np.int16)
        if lines.shape[1] < 3 * rise:
            continue
        # The slope across a window on both sides, from means, so that one jump isn't taken for a slope.
        smooth = cv2.blur(lines.astype(np.float32), (rise, 1))
        before, here, after = smooth[:, : -2 * rise], smooth[:, rise:-rise], smooth[:, 2 * rise :]
        first, second = here - before, after - here
        slow = (np.abs(first + second) > 2.0) & (np.abs(first + second) < 0.5 * rise) & (first * second > 0)
        slow &= np.minimum(np.abs(first), np.abs(second)) > 0.3 * np.maximum(np.abs(first), np.abs(second))
        jump = np.abs(np.diff(lines, axis=1))[:, rise - 1 : rise - 1 + slow.shape[1]]
        # Flat on both sides of the jump: four pixels of one value each.
        still = (
            cv2.boxFilter((np.abs(np.diff(lines, axis=1)) == 0).astype(np.float32), -1, (4, 1), normalize=False) >= 3.9
        )
        left = still[:, rise - 4 : rise - 4 + slow.shape[1]]
        right = still[:, rise + 2 : rise + 2 + slow.shape[1]]
        gradients += int(slow.sum())
        band = slow & (jump >= 2) & left & right
        at = np.bincount((np.nonzero(band)[1]) % 8, minlength=8)
        at[at.argmax()] = np.sort(at)[:7].mean()
        # Each jump stands for the run it ends; a run is at least eight pixels long.
        steps += 8 * int(at.sum())
    if gradients < 0.002 * min(high * wide, _MOST_PIXELS):
        return Measurement("picture.banding", 0.0, "there are no slow gradients")
    return Measurement("picture.banding", min(steps / gradients, 1.0), "of slow gradients come in steps")


# --- the matte's rim --------------------------------------------------------------------------------------------


def halo(rgb_srgb: np.ndarray, alpha: np.ndarray | None) -> Measurement:
    """``picture.halo``: by how much her rim is lighter (positive) or darker than it can be, ΔL* over a third of it.

    A soft edge is a mix of what is inside and what is outside: in a band of four pixels about her outline the picture
    can't be lighter or darker than both, whatever alpha is, and where alpha is nothing it is what lies further out. The
    excess is averaged along the outline, since a rim is long, and highlights, folds and hairs aren't.
    """
    if alpha is None:
        return Measurement("picture.halo", None, "she isn't cut out of this picture")
    scale = min(_HALO_SIDE / max(alpha.shape), 1.0)
    if scale < 1:
        size = round(alpha.shape[1] * scale), round(alpha.shape[0] * scale)
        rgb_srgb = cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    box = extent(alpha).grown(0.04).clipped(alpha.shape[1], alpha.shape[0])
    window = np.s_[box.top : box.bottom, box.left : box.right]
    cover = np.ascontiguousarray(alpha[window])
    solid = (cover >= 128).astype(np.uint8)
    if solid.all() or not solid.any():
        return Measurement("picture.halo", None, "her outline isn't in the picture")
    light = to_linear(np.ascontiguousarray(rgb_srgb[window])) @ _LUMINANCE
    inwards = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    outwards = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 3)
    reach = _HALO_REACH
    within, within_near = _carried(light, (inwards > reach) & (inwards < 3 * reach) & (cover >= 250), 1.5 * reach)
    beyond, beyond_near = _carried(light, (outwards > reach) & (outwards < 3 * reach) & (cover <= 5), 1.5 * reach)
    # Hair has sheen and gaps of its own: only where a firm edge is.
    softness = cv2.boxFilter(((cover > 8) & (cover < 247)).astype(np.float32), -1, (4 * round(reach) + 1,) * 2)
    firm = (within_near > 0.02) & (beyond_near > 0.02) & (softness < 0.22)
    here = _lightness(cv2.GaussianBlur(light, (0, 0), 0.6))
    most, least = _lightness(np.maximum(within, beyond)), _lightness(np.minimum(within, beyond))
    band = firm & (np.minimum(np.where(solid, inwards, outwards), 99) <= reach)
    excess = np.where(here > most, here - most, np.where(here < least, here - least, 0.0))
    bare = firm & (outwards > 2.2) & (outwards <= reach) & (cv2.dilate(cover, np.ones((3, 3), np.uint8)) <= 2)
    found = [_along(excess, band), _along(here - _lightness(beyond), bare)]
    values = [value for value in found if value is not None]
    if not values:
        return Measurement("picture.halo", None, "too little of her outline is a firm edge")
    value = max(values, key=abs)
    return Measurement("picture.halo", value, "light rim" if value > 0 else "dark rim")


def _along(excess: np.ndarray, where: np.ndarray) -> float | None:
    """What a third of the outline exceeds, lighter or darker, whichever is more; None for a short outline."""
    side = 6 * round(_HALO_REACH) + 1
    count = cv2.boxFilter(where.astype(np.float32), -1, (side, side), normalize=False)
    total = cv2.boxFilter((excess * where).astype(np.float32), -1, (side, side), normalize=False)
    known = where & (count > 2 * _HALO_REACH)
    if known.sum() < 200:
        return None
    along = total[known] / count[known]
    return max(float(np.percentile(along, 67)), float(np.percentile(along, 33)), key=abs)


def _carried(light: np.ndarray, known: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    weight = known.astype(np.float32)
    near = cv2.GaussianBlur(weight, (0, 0), sigma)
    return cv2.GaussianBlur(light * weight, (0, 0), sigma) / np.maximum(near, 1e-4), near


def _lightness(light: np.ndarray) -> np.ndarray:
    f = np.where(light > (6 / 29) ** 3, np.cbrt(light), light * (29 / 6) ** 2 / 3 + 4 / 29)
    return 116 * f - 16
