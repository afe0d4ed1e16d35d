"""Where alpha is to be solved: the trimap, and the colours on both sides of the unknown band.

On cloth and skin the band is a lens wide. At her head it goes as far as anything differs from the backdrop outside,
however far hair flies, and inside it opens wherever backdrop shows between curls.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..domain.twin import Box
from .closed_form import Colours, continued, placed
from .segmentation import core, face_mask
from .skin import lab_to_linear, to_linear

# Longest side of the copy on which colours are continued; both are smooth.
_COLOUR_SIDE = 900
# From which share of hair's outer rim that paper shines through, hair is loose.
_LOOSE = 0.3
_AROUND = np.ones((3, 3), np.uint8)


def trimap_of(
    rgb: np.ndarray,
    face: Box,
    mask: np.ndarray,
    ground: np.ndarray,
    backdrop: np.ndarray,
    ratio: float,
    hair: np.ndarray | None,
    shut_off: np.ndarray,
) -> np.ndarray:
    """0 backdrop, 255 person, 128 unknown: uint8 (h, w), for uint8 sRGB (h, w, 3).

    ``mask`` is the body, ``shut_off`` the middle of gaps in it (bool (h, w)); ``ground`` what is surely backdrop (bool, any size); ``backdrop`` CIELAB float32
    (any size); ``ratio`` how many of these pixels one of the mask's originally was.
    """
    high, wide = mask.shape
    if mask.all():
        return np.full(mask.shape, 255, np.uint8)
    body_reach = max(round(1.6 * ratio + 0.012 * face.width), 3)
    eight = mask.astype(np.uint8)
    depth = cv2.distanceTransform(eight, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)  # from the outline inwards, pixels
    beside = cv2.distanceTransform(1 - eight, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)  # and outwards
    trimap = np.where(depth > body_reach + 1, 255, np.where(beside <= body_reach, 128, 0)).astype(np.uint8)
    distance = np.linalg.norm(
        fast_lab(rgb) - cv2.resize(backdrop, (wide, high), interpolation=cv2.INTER_LINEAR), axis=2
    )
    beyond = beside > 2 * body_reach
    noise = 1.4826 * float(np.median(distance[beyond])) if beyond.any() else 1.0
    # Narrow gaps that the small copy couldn't show (armpits, between fingers): inside, but just like the backdrop, amid
    # something that is not at all like it.
    shown = cv2.GaussianBlur(np.where(mask, distance, 0).astype(np.float32), (0, 0), 1.0)
    around = max(round(0.05 * face.width), 3)
    fullest = cv2.dilate(shown, np.ones((2 * around + 1,) * 2, np.uint8))
    gap_reach = max(round(0.2 * face.width), body_reach + 1)
    # Between hair ends a gap is narrower than the strands' own blur: what is unlike paper may be a little farther off.
    farther = cv2.dilate(shown, np.ones((2 * max(round(4 * ratio) + 1, around) + 1,) * 2, np.uint8))
    farther[max(face.bottom, 0) :] = fullest[max(face.bottom, 0) :]
    gap = mask & (depth <= gap_reach) & (distance < max(3.5 * noise, 3.0)) & (shown < 0.35 * farther) & (farther > 14)
    trimap[(cv2.dilate(gap.astype(np.uint8), disc(3)) > 0) & mask] = 128
    # The small copy's outline may lie a little outside the true one: what is near the backdrop there, beside something
    # that isn't, is for the solver to decide.
    verge = depth <= 3 * body_reach
    fringe = mask & verge & (fullest > 14) & (shown < np.minimum(0.4 * fullest, 14))
    trimap[cv2.dilate(fringe.astype(np.uint8), disc(body_reach)).astype(bool) & mask] = 128
    # The middle of a gap is backdrop for sure; without it the solver would not know that there is any.
    plain = cv2.blur(distance, (3, 3)) < max(1.6 * noise, 1.5)
    edge = (gap | fringe | (trimap == 128)) & (fullest > 14) & plain
    trimap[cv2.erode(edge.astype(np.uint8), _AROUND) > 0] = 0
    trimap[shut_off] = 0
    window = face.grown(1.6).clipped(wide, high)
    patch = np.s_[window.top : window.bottom, window.left : window.right]
    local, distance, shown, fullest = eight[patch], distance[patch], shown[patch], fullest[patch]
    depth, beside = depth[patch], beside[patch]
    evident = cv2.GaussianBlur(distance, (0, 0), 0.8) > max(2.5 * noise, 1.6)
    evident = cv2.dilate(evident.astype(np.uint8), disc(2)) > 0
    open_ground = cv2.resize(ground.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST)[patch] > 0
    y = np.arange(window.top, window.bottom)[:, None]
    flying = (beside <= 1.1 * face.width) & (local == 0) & (evident & (beside <= 0.42 * face.width) | ~open_ground)
    near_edge = depth <= max(round(0.18 * face.width), body_reach + 1)
    thin = (local > 0) & near_edge & (shown < 0.6 * fullest)
    pores, loose = _porous(
        rgb[patch],
        cv2.resize(backdrop, (wide, high), interpolation=cv2.INTER_LINEAR)[patch],
        hair,
        depth,
        local > 0,
        face,
        window,
    )
    see_through = cv2.dilate(((distance < max(3.5 * noise, 3.0)) & (local > 0)).astype(np.uint8), disc(2)) > 0
    # Nothing shines through a face, however pale the light on it; what shines through hair has a way out; and behind a
    # smooth contour there is a parting, a hairline or a highlight, all as pale as pores.
    pores |= (thin | see_through) & (loose | (depth <= max(0.05 * face.width, body_reach + 1)))
    # Below the eyes there are hair ends, and wedges of paper between them, neck and shoulder.
    ends = (y > face.top + 0.6 * face.height) & (depth < 0.3 * face.width)
    if hair is not None:
        chest = core(face, wide, high) & mask
        cloth = np.median(fast_lab(rgb[chest][None])[0], axis=0) if chest.any() else hair
        behind = cv2.resize(backdrop, (wide, high), interpolation=cv2.INTER_LINEAR)[patch]
        # A top as pale as the paper can't be told from it by colour; other cloth and skin are off the way to the hair's.
        pale = _on_the_way(cloth[None, None], behind.mean(axis=(0, 1)), hair, reach=0.5).item()
        told = not pale and np.linalg.norm(hair - behind.mean(axis=(0, 1))) > 30
        ends &= _on_the_way(fast_lab(np.ascontiguousarray(rgb[patch])), behind, hair) & told
    pores |= see_through & ends
    pores = _open_outwards(pores, depth, face, window)
    skin = face_mask(face, window) & (depth > 2 * body_reach)
    unknown = (flying | pores) & (y < face.bottom + 0.25 * face.height)
    unknown |= pores & ends & (y < face.bottom + 0.6 * face.height)
    unknown &= ~skin
    trimap[patch][unknown] = 128
    wedge = unknown & ends & plain[patch] & (local > 0) & (fullest > 14)
    trimap[patch][cv2.erode(wedge.astype(np.uint8), _AROUND) > 0] = 0
    trimap[patch][skin] = 255
    return trimap


def _porous(
    rgb: np.ndarray,
    behind: np.ndarray,
    hair: np.ndarray | None,
    depth: np.ndarray,
    hers: np.ndarray,
    face: Box,
    window: Box,
) -> tuple[np.ndarray, np.ndarray]:
    """Where backdrop shows between strands, and where hair is loose enough for it: bool twice. Its colour lies on the way
    from the backdrop to the hair's, and much of the rim beside it is of that kind: a parting is alone."""
    if hair is None or np.linalg.norm(hair - behind.mean(axis=(0, 1))) < 12:
        return np.zeros(hers.shape, bool), np.zeros(hers.shape, bool)
    values = to_linear(rgb)
    paper = lab_to_linear(behind).astype(np.float32)
    own = np.clip(lab_to_linear(hair), 0, 1).astype(np.float32)
    place, variance = placed(values, paper, np.broadcast_to(own, values.shape), np.float32(0.0), np.float32(0.01))
    mixed = hers & (place < 0.75) & (variance < 0.02) & (depth < 0.6 * face.width)
    mixed = cv2.morphologyEx(mixed.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    reach = max(round(0.5 * face.width), 3)
    rim = (hers & (depth > 0.02 * face.width) & (depth < 0.14 * face.width)).astype(np.float32)
    share = cv2.blur(rim * mixed, (reach, reach)) / np.maximum(cv2.blur(rim, (reach, reach)), 1e-4)
    share = cv2.dilate(np.where(rim > 0, share, 0), np.ones((reach, reach), np.uint8))
    loose = hers & (share > _LOOSE)
    return (cv2.dilate(mixed, disc(max(round(0.035 * face.width), 2))) > 0) & loose, loose


def _on_the_way(values: np.ndarray, behind: np.ndarray, hair: np.ndarray, reach: float = 1.4) -> np.ndarray:
    """Whether colours (CIELAB (h, w, 3)) have the hue of a mix of backdrop and hair, up to ``reach`` of the way: bool."""
    way = hair - behind
    place = ((values - behind) * way).sum(axis=-1) / np.maximum((way * way).sum(axis=-1), 1e-3)
    beside = values - behind - np.clip(place, 0, reach)[..., None] * way
    return (np.linalg.norm(beside[..., 1:], axis=-1) < 4 + 9 * np.clip(place, 0, 1)) & (place < reach)


def _open_outwards(found: np.ndarray, depth: np.ndarray, face: Box, window: Box) -> np.ndarray:
    """What of ``found`` hangs together with the outline, and isn't at the temples, where a highlight lies between dark
    hair and pale paper as well: bool."""
    count, labels = cv2.connectedComponents(found.astype(np.uint8))
    by_outline = found & (depth > 0) & (depth <= 0.04 * face.width + 1)
    outward = np.bincount(labels[by_outline], minlength=count) > 0
    box = face.shifted(window.left, window.top)
    temples = np.zeros(found.shape, np.uint8)
    middle = box.left + box.width // 2, box.top + round(0.5 * box.height)
    cv2.ellipse(temples, middle, (round(0.5 * box.width), round(0.56 * box.height)), 0, 0, 360, 1, -1)
    outward[0] = False
    return outward[labels] & ((temples == 0) | (depth <= 0.04 * face.width + 1))


def colours_of(
    rgb: np.ndarray, trimap: np.ndarray, face: Box, backdrop: np.ndarray, hair: np.ndarray | None
) -> Colours:
    """The colours on both sides of the band. ``backdrop`` is CIELAB float32 at any size, ``hair`` CIELAB (3,) or None."""
    high, wide = trimap.shape
    scale = min(1.0, _COLOUR_SIDE / max(high, wide))
    size = max(round(wide * scale), 1), max(round(high * scale), 1)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    share = cv2.resize(trimap, size, interpolation=cv2.INTER_AREA) if scale < 1 else trimap
    linear = to_linear(small)
    smooth = lab_to_linear(cv2.resize(backdrop, size, interpolation=cv2.INTER_LINEAR)).astype(np.float32)
    free, hers = share == 0, share == 255
    if free.any():
        # What the model leaves of a shadow beside her is taken from the paper next to the band.
        left = cv2.GaussianBlur(continued(np.clip(linear - smooth, -0.1, 0.1), free), (0, 0), 2.0)
        smooth = np.clip(smooth + left, 0, 1)
    if not hers.any():
        hers = share > 0
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = (grey - cv2.GaussianBlur(grey, (0, 0), 1.5))[free]
    grain = 1.2 * 1.4826 * float(np.median(np.abs(detail))) if detail.size else 1.0
    own = continued(linear, hers)
    calm = cv2.GaussianBlur(own, (0, 0), max(0.02 * face.width * scale, 1.0))
    off = linear - calm
    spread = np.sqrt(np.maximum(continued((off * off).sum(axis=2), hers), 0))
    spread = cv2.GaussianBlur(spread, (0, 0), max(0.03 * face.width * scale, 1.0))
    dark = None if hair is None else np.clip(lab_to_linear(hair), 0, 1).astype(np.float32)
    like = like_hair(small, hers, scaled(face, scale), hair, share > 0)
    strands = continued(like.astype(np.float32), hers | like)
    strands = np.clip(2 * cv2.GaussianBlur(strands, (0, 0), max(0.02 * face.width * scale, 1.0)) - 0.5, 0, 1)
    if hair is not None:
        # Hair nearly as dark as the paper behind it: a little more light on it would be taken for holes.
        apart = cv2.resize(np.linalg.norm(backdrop - hair, axis=2), size, interpolation=cv2.INTER_LINEAR)
        strands *= np.clip((apart - 26) / 14, 0, 1).astype(np.float32)
    return Colours(smooth, calm.astype(np.float32), spread.astype(np.float32), strands, grain, dark)


def like_hair(rgb: np.ndarray, hers: np.ndarray, face: Box, hair: np.ndarray | None, where: np.ndarray) -> np.ndarray:
    """What is hair by colour, of ``where`` she may be: bool (h, w). Nothing where her hair can't be told from her skin;
    below the chin only where it can be told from her top as well."""
    found = np.zeros(hers.shape, bool)
    if hair is None:
        return found
    high, wide = hers.shape
    values = fast_lab(rgb)
    skin = values[face_mask(face, Box(0, 0, wide, high)) & hers]
    others = [np.median(skin, axis=0)] if len(skin) else []
    if others and np.linalg.norm(others[0] - hair) < 12:
        return found
    chest = values[core(face, wide, high) & hers]
    cloth = np.median(chest, axis=0) if len(chest) else None
    lowest = face.bottom + 0.15 * face.height
    if cloth is not None and np.linalg.norm(cloth - hair) > 20:
        others.append(cloth)
        lowest = face.bottom + 2.5 * face.height
    off = np.linalg.norm(values - hair, axis=2)
    # Highlights on hair are as far from its median as skin is from some hair: the nearest colour says what it is.
    found = where & (off < 30)
    for other in others:
        found &= off < 0.8 * np.linalg.norm(values - other, axis=2)
    found[max(round(lowest), 0) :] = False
    # Whatever is her hair hangs from her head: a dark stripe doesn't.
    count, labels = cv2.connectedComponents(cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)))
    head = found.copy()
    head[max(face.bottom, 0) :] = False
    return found & (np.bincount(labels[head], minlength=count) > 0)[labels]


def hair_colour(rgb: np.ndarray, hers: np.ndarray, face: Box) -> np.ndarray | None:
    """CIELAB of what is beside the cheeks, the median: hair, if she has any there. None where nearly nothing is."""
    wide = hers.shape[1]
    beside = np.zeros(hers.shape, bool)
    rows = slice(round(face.top + 0.3 * face.height), face.bottom)
    for start, end in ((-0.25, 0.05), (0.95, 1.25)):
        left, right = face.left + start * face.width, face.left + end * face.width
        beside[rows, min(max(round(left), 0), wide) : min(max(round(right), 0), wide)] = True
    samples = rgb[beside & hers]
    if len(samples) < 0.02 * face.width * face.height:
        return None
    return np.median(fast_lab(samples[None])[0], axis=0)


def hair_for_certain(rgb: np.ndarray, hers: np.ndarray, face: Box) -> np.ndarray | None:
    """`hair_colour` where the crown is nearer to it than her skin is; None for short hair above bare ears, a hat, a bald
    head. Nearer, not near: under a light from above the crown of dark hair is paler than its ends."""
    beside = hair_colour(rgb, hers, face)
    if beside is None:
        return None
    left, right = round(face.left + 0.25 * face.width), round(face.left + 0.75 * face.width)
    columns = hers[: face.bottom, max(left, 0) : max(right, 1)]
    top = columns.argmax(axis=0)[None]
    rows = np.arange(len(columns))[:, None]
    crown = columns & (rows >= top + 0.06 * face.height) & (rows < top + 0.2 * face.height)
    samples = rgb[: face.bottom, max(left, 0) : max(right, 1)][crown]
    skin = rgb[face_mask(face, Box(0, 0, hers.shape[1], hers.shape[0])) & hers]
    if not len(samples) or not len(skin):
        return None
    off, skin_off = (np.linalg.norm(np.median(fast_lab(s[None])[0], axis=0) - beside) for s in (samples, skin))
    return beside if off < 0.6 * skin_off else None


def fast_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB float32: OpenCV's, good to a tenth of a unit and ten times as fast at full resolution."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def scaled(face: Box, scale: float) -> Box:
    return Box(
        *(max(round(v * scale), 0) for v in (face.left, face.top)),
        *(max(round(v * scale), 1) for v in (face.width, face.height)),
    )
