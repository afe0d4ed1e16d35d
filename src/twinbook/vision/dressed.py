"""Her garment in a picture against her garment in the plate it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ..domain.fidelity import Measurement
from ..domain.twin import Box
from ..ports import Plate
from .backdrop import small_copy
from .garment import NAMES, GarmentReading, compare, for_recolor, statistics
from .one_light import light_field, under_one_light
from .regions import Region, label_map, scaled
from .registration import Registration
from .skin import delta_e2000, lab

_GARMENTS = {
    "top": (Region.TOP,),
    "bottom": (Region.BOTTOM,),
    "dress": (Region.TOP, Region.BOTTOM),
    "shoes": (Region.OTHER,),
}
_HERS = (Region.FACE, Region.SKIN, Region.HAIR)
_MIN_PIXELS = 300
# Correlation of structures inside her: copies of her plate read .9 and more, other frames of the sitting under .5.
_SAME_FRAME = 0.7
# Pixels along the longer side of the copy in which a garment's outline is looked for: a hem is told to a hundredth of it.
_OUTLINE_SIDE = 320
_LIKE = 18.0  # ΔE2000 within which one thing's colour may be another thing's in the shade


@dataclass(frozen=True)
class Dressed:
    """A small picture of her (uint8 sRGB (h, w, 3), at most `backdrop.MODEL_SIDE` a side) and its `regions.label_map`, which may
    be smaller still.

    ``labels`` is None in a picture in which nobody can tell where her garments end. ``scale`` is small pixels per pixel of the picture itself.
    """

    rgb_srgb: np.ndarray
    labels: np.ndarray | None
    scale: float


def garment(
    picture: Dressed,
    plate: Dressed,
    laid: Registration,
    region: str = "top",
    recolor: str | None = None,
    others: Sequence[str] = (),
) -> tuple[Measurement, ...]:
    """``garment.delta_e``, ``.pattern``, ``.direction``, ``.print``, ``.hem`` and ``.silhouette``.

    ``laid`` is where the plate is in the picture (both at full size); the plate's labels must be known. ``region``
    (``top``, ``bottom``, ``dress``) is the garment compared, pixel by pixel in the plate's frame; ``recolor`` the colour
    (``#rrggbb``) it was to be dyed, None where it was to be kept; ``others`` are regions that were dyed as well and tell
    nothing of the light. What can't be told is None, with the reason.
    """
    own = garment_mask_of(plate.labels, region)
    if own.sum() < _MIN_PIXELS:
        return _none(f"the plate doesn't show the {region}")
    if laid.likeness < _SAME_FRAME:
        return _none("the picture isn't clearly her plate again")
    altered = {label for name in others for label in _GARMENTS[name]} | set(_GARMENTS[region])
    kept = [label for label in (*_HERS, Region.TOP, Region.BOTTOM, Region.OTHER) if label not in altered]
    return _aligned(picture, plate, region, recolor, kept, _between(plate, picture, laid))


def garment_mask_of(labels: np.ndarray, region: str) -> np.ndarray:
    """The garment with what is printed on it, bool (h, w): holes of a label map that are neither skin nor hair."""
    mask = np.isin(labels, _GARMENTS[region])
    filled = ndimage.binary_fill_holes(mask)
    return mask | (filled & ((labels == Region.UNKNOWN) | (labels == Region.OTHER)))


def dressed(rgb_srgb: np.ndarray, labels: np.ndarray | None) -> Dressed:
    """From a picture of any size and its label map."""
    small, scale = small_copy(rgb_srgb)
    return Dressed(small, labels, scale)


def dressed_anew(
    rgb_srgb: np.ndarray,
    alpha: np.ndarray | None,
    face: Box | None,
    plate: Plate,
    laid: Registration,
    region: str,
    recolor: str,
) -> Dressed:
    """From a picture that was made from ``plate``, with a garment dyed: ``alpha`` and ``face`` are the plate's, carried over,
    what she wears is told by the picture's own colours, where they tell it."""
    if alpha is None or face is None or region == "bottom" or not _stands_out(plate, region, recolor):
        return dressed(rgb_srgb, None)
    scale = min(1.0, _OUTLINE_SIDE / max(rgb_srgb.shape[:2]))
    size = round(rgb_srgb.shape[1] * scale), round(rgb_srgb.shape[0] * scale)
    small, matte = (cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) for pixels in (rgb_srgb, alpha))
    points = np.c_[plate.landmarks, np.ones(len(plate.landmarks))] @ np.linalg.inv(laid.matrix).T * scale
    labels = label_map(small, matte, scaled(face, scale), points[:, :2].astype(np.float32), plate.skin_lab)
    return dressed(rgb_srgb, labels)


def _stands_out(plate: Plate, region: str, recolor: str) -> bool:
    """Whether a dye (``#rrggbb``) is no colour that something else of hers has on the plate."""
    small, _ = small_copy(plate.rgb_srgb)
    dye = lab(np.array([int(recolor[at : at + 2], 16) for at in (1, 3, 5)], np.uint8))
    for label in set(_HERS) | {Region.TOP, Region.BOTTOM, Region.OTHER} - set(_GARMENTS[region]):
        where = plate.regions == label
        if where.sum() >= _MIN_PIXELS and delta_e2000(np.median(lab(small[where]), axis=0), dye) < _LIKE:
            return False
    return True


def _none(note: str) -> tuple[Measurement, ...]:
    return tuple(Measurement(f"garment.{name}", None, note) for name in NAMES)


def _between(plate: Dressed, picture: Dressed, laid: Registration) -> np.ndarray:
    """What takes small pixels of the plate to small pixels of the picture: float64 (2, 3)."""
    small, full = np.diag([picture.scale, picture.scale, 1.0]), np.diag([1 / plate.scale, 1 / plate.scale, 1.0])
    return (small @ np.linalg.inv(laid.matrix) @ full)[:2]


def _brought_back(pixels: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The picture in the plate's frame, (h, w) or (h, w, 3), and where it has anything to say: bool (h, w)."""
    high, wide = pixels.shape[:2]
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale > 1.3:  # warping samples single pixels: averaged first, or noise and weave alias
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.35 * scale)
    size = shape[1], shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    aligned = cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(
        np.ones((high, wide), np.uint8), matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    return aligned, inside > 0


def _aligned(
    picture: Dressed,
    plate: Dressed,
    region: str,
    recolor: str | None,
    kept: Sequence[Region],
    matrix: np.ndarray,
) -> tuple[Measurement, ...]:
    aligned, inside = _brought_back(picture.rgb_srgb, matrix, plate.labels.shape)
    own = garment_mask_of(plate.labels, region)
    shown = own & inside
    if shown.sum() < _MIN_PIXELS:
        return _none(f"the picture doesn't show the {region}")
    calm = [cv2.GaussianBlur(pixels, (0, 0), 0.8) for pixels in (aligned, plate.rgb_srgb)]
    core = cv2.erode(np.isin(plate.labels, kept).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    field = light_field(calm[0], calm[1], core & inside)
    lit = calm[0] if field is None else under_one_light(calm[0], field)
    unlit = " (too little of her is unaltered to know the light)" if field is None else ""
    found = statistics(lit, shown)
    reference = statistics(calm[1], shown)
    if found is None or reference is None:
        return _none(f"too little of the {region} shows")
    measured = {m.name: m for m in compare(found, reference, scale=1.0)}
    if recolor is None:
        colour = _dye_by_dye(lit, calm[1], shown, reference)
    else:
        colour = for_recolor(lit, shown, recolor)
        # A dyed print is the same print in another colour: what is printed can't be compared with the plate's.
        if reference.prints or found.prints:
            note = "the garment was dyed, with what is printed on it"
            measured["garment.print"] = Measurement("garment.print", None, note)
    measured["garment.delta_e"] = Measurement(colour.name, colour.value, colour.note + unlit)
    for measurement in _outline(picture, plate, region, matrix, inside):
        measured[measurement.name] = measurement
    return tuple(measured[f"garment.{name}"] for name in NAMES)


def _dye_by_dye(
    lit_srgb: np.ndarray, plate_srgb: np.ndarray, shown: np.ndarray, reference: GarmentReading
) -> Measurement:
    """ΔE2000 of the dye that changed most: where the plate shows it, what the picture shows there."""
    core = cv2.erode(shown.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2) > 0
    before, after = lab(plate_srgb[core]), lab(lit_srgb[core])
    dyes = np.array([dye.lab for dye in reference.dyes])
    weights = np.array([0.5, 1, 1])
    nearest = np.argmin(np.linalg.norm((before[:, None] - dyes[None]) * weights, axis=2), axis=1)
    worst, which = 0.0, 0
    for index, dye in enumerate(reference.dyes):
        mine = nearest == index
        if dye.share < 0.12 or mine.sum() < 60:
            continue
        low, high = np.percentile(before[mine, 0], (25, 75))
        tones = mine & (before[:, 0] >= low) & (before[:, 0] <= high)
        middle = np.median(before[tones], axis=0)
        difference = float(delta_e2000(middle, middle + np.median(after[tones] - before[tones], axis=0)))
        if difference > worst:
            worst, which = difference, index
    count = len(reference.dyes)
    return Measurement("garment.delta_e", worst, "one dye" if count == 1 else f"dye {which + 1} of {count}")


def _outline(
    picture: Dressed, plate: Dressed, region: str, matrix: np.ndarray, inside: np.ndarray
) -> tuple[Measurement, Measurement]:
    """Hem and silhouette, in the plate's frame."""
    names = "garment.hem", "garment.silhouette"
    if picture.labels is None:
        note = "where it ends can't be told from what is beside it"
        return Measurement(names[0], None, note), Measurement(names[1], None, note)
    size = plate.labels.shape[1], plate.labels.shape[0]
    matrix = matrix * (picture.labels.shape[1] / picture.rgb_srgb.shape[1])
    own = garment_mask_of(plate.labels, region)
    theirs = garment_mask_of(picture.labels, region).astype(np.uint8)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    theirs = cv2.warpAffine(theirs, matrix, size, flags=flags) > 0
    own, theirs = own & inside, theirs & inside
    if theirs.sum() < 0.2 * own.sum():
        note = f"the {region} can't be told in this picture"
        return Measurement(names[0], None, note), Measurement(names[1], None, note)
    apart = 1 - (own & theirs).sum() / max((own | theirs).sum(), 1)
    silhouette = Measurement(names[1], float(apart), "of the outline isn't shared")
    rows = np.flatnonzero(own.any(axis=1))
    columns = np.flatnonzero(own.any(axis=0))
    quarter = max(len(columns) // 4, 1)
    last = [_lowest(mask, columns[quarter:-quarter]) for mask in (own, theirs)]
    edge = _lowest(inside, columns[quarter:-quarter])
    free = (last[0] < edge - 2) & (last[1] < edge - 2) & (last[0] > 0) & (last[1] > 0)
    if free.mean() < 0.5:
        return Measurement(names[0], None, "the hem is out of the picture"), silhouette
    off = float(np.median((last[1] - last[0])[free])) / max(np.ptp(rows), 1)
    return Measurement(names[0], off, "of its height, longer where positive"), silhouette


def _lowest(mask: np.ndarray, columns: np.ndarray) -> np.ndarray:
    part = mask[::-1, columns]
    return np.where(part.any(axis=0), mask.shape[0] - 1 - part.argmax(axis=0), 0)
