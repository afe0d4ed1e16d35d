"""Cutting a person out of a plain backdrop, with an edge that stays photographic.

In order: a model of the backdrop (`backdrop`); GrabCut (Rother, Kolmogorov and Blake, 2004) on the amplified
difference from it, which tells a grey shirt from grey paper where plain colours can't; a trimap whose unknown band is
wide where hair may fly and narrow on cloth; closed-form alpha (Levin, Lischinski and Weiss, 2008) in that band, at
full resolution, tile by tile so that memory follows the outline and not the picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage
from scipy.sparse import identity

from ..domain.twin import Box
from .backdrop import BackdropModel, fit, fit_growing, is_plain, silhouette, small_copy
from .skin import lab

_TILE = 256
_OVERLAP = 16
_COARSE = 560
_EPSILON = 1e-6
# How strongly a tile holds on to the coarse solution: just enough to keep flat regions where they were settled.
_PULL = 2e-5


def matte(rgb_srgb: np.ndarray, face: Box) -> np.ndarray | None:
    """Alpha of the person with this face, uint8 (h, w) at full resolution; None where the backdrop is busy.

    The shadow on the floor is backdrop; the gap between arm and body is backdrop; the body has no holes. Pictures
    over 16 megapixels are matted at 16 and the alpha is enlarged.
    """
    high, wide = rgb_srgb.shape[:2]
    small, scale = small_copy(rgb_srgb)
    small_face = _scaled(face, scale)
    small_lab = lab(small).astype(np.float32)
    outside = ~silhouette(small_face, small.shape[1], small.shape[0])
    if outside.sum() < 500:
        return None
    model = fit(small_lab, outside)
    if not is_plain(small_lab, outside, model):
        return None
    # From here on without the grain: it hides the little by which a pale shirt differs from pale paper.
    small_lab = cv2.GaussianBlur(small_lab, (0, 0), 1.1)
    core = cv2.dilate(_core(small_face, small.shape[1], small.shape[0]).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    body, difference = _segment(small_lab, small_face, fit_growing(small_lab, outside, core))
    full_scale = min(1.0, (16e6 / (wide * high)) ** 0.5)
    if full_scale < 1:
        size = round(wide * full_scale), round(high * full_scale)
        reduced = cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA)
        alpha = _refine(reduced, _scaled(face, full_scale), body, small_lab - difference)
        return cv2.resize(alpha, (wide, high), interpolation=cv2.INTER_CUBIC)
    return _refine(rgb_srgb, face, body, small_lab - difference)


_OUTLINE_SIDE = 320


def outline(rgb_srgb: np.ndarray, face: Box) -> np.ndarray | None:
    """Roughly where the person with this face is, for a first look: bool, at most 320 pixels a side, in a tenth of the
    time of `matte`; None where the backdrop is busy."""
    small, scale = small_copy(rgb_srgb)
    small_face = _scaled(face, scale)
    small_lab = lab(small).astype(np.float32)
    outside = ~silhouette(small_face, small.shape[1], small.shape[0])
    if outside.sum() < 500 or not is_plain(small_lab, outside, fit(small_lab, outside)):
        return None
    shrink = min(1.0, _OUTLINE_SIDE / max(small.shape[:2]))
    size = max(round(small.shape[1] * shrink), 1), max(round(small.shape[0] * shrink), 1)
    tiny_lab = cv2.resize(small_lab, size, interpolation=cv2.INTER_AREA)
    tiny_face = _scaled(small_face, shrink)
    core = cv2.dilate(_core(tiny_face, *size).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    model = fit_growing(tiny_lab, ~silhouette(tiny_face, *size), core)
    difference = tiny_lab - model.lab(*size)
    return _grab(difference, tiny_face, max(model.noise, 0.25), _shadow_like(difference, tiny_face))


def extent(alpha: np.ndarray) -> Box:
    """The smallest box around everything at least a quarter opaque; the whole picture when nothing is."""
    rows, columns = np.flatnonzero((alpha >= 64).any(axis=1)), np.flatnonzero((alpha >= 64).any(axis=0))
    if not len(rows):
        return Box(0, 0, alpha.shape[1], alpha.shape[0])
    return Box(int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)


def estimated_person(face: Box, width: int, height: int) -> Box:
    """Where a standing person with this face most likely is, clipped to the picture: for busy backdrops.

    Proportions after the artist's canon: the detector's box is about 0.7 of a head's height, a figure 7.5 heads.
    """
    head = face.height / 0.7
    top = face.top - 0.35 * face.height
    half = 1.15 * head
    centre = face.left + face.width / 2
    left = round(centre - half)
    return Box(left, round(top), round(centre + half) - left, round(7.5 * head)).clipped(width, height)


# --- segmentation, on the small copy ----------------------------------------------------------------------------


def _segment(small_lab: np.ndarray, face: Box, model: BackdropModel) -> tuple[np.ndarray, np.ndarray]:
    """Body mask (bool) and the difference from the backdrop (CIELAB float32), both at the small size."""
    high, wide = small_lab.shape[:2]
    difference = small_lab - model.lab(wide, high)
    noise = max(model.noise, 0.25)
    body = _grab(difference, face, noise, _shadow_like(difference, face))
    # With the person known, the backdrop is known up to her outline: take out of the model's residue what is smooth
    # (a cove, a floor, a vignette), and cut again on what is left.
    core = _core(face, wide, high)
    residue = _smooth_outside(difference, ~_widened(body | core, 9), noise)
    refined = difference - residue
    body = _grab(refined, face, noise, _shadow_like(refined, face))
    return body, refined


def _grab(difference: np.ndarray, face: Box, noise: float, shadow: np.ndarray) -> np.ndarray:
    high, wide = difference.shape[:2]
    distance = np.linalg.norm(difference, axis=2)
    calm = cv2.GaussianBlur(distance, (0, 0), 0.7)
    seeds = np.full((high, wide), cv2.GC_PR_BGD, np.uint8)
    seeds[(calm > max(2.0, 5 * noise)) & ~shadow] = cv2.GC_PR_FGD
    core = _core(face, wide, high)
    seeds[(calm > max(20.0, 12 * noise)) & ~shadow] = cv2.GC_FGD
    away = ~_widened(core | (calm > max(1.6, 4 * noise)), 11)
    seeds[away | (shadow & ~core)] = cv2.GC_BGD
    seeds[core | (_face_mask(face, Box(0, 0, wide, high)) & (calm > 5))] = cv2.GC_FGD
    # Amplified as far as the noise allows, so that a pale shirt on pale paper is as far from it as GrabCut needs; what
    # differs more saturates.
    gain = np.array([1.0, 1.5, 1.5], np.float32) * np.clip(3.0 / noise, 3.0, 12.0)
    feature = (128 + 127 * np.tanh(difference * gain / 127)).astype(np.uint8)
    if not (seeds == cv2.GC_BGD).any() and not (seeds == cv2.GC_PR_BGD).any():
        return np.ones((high, wide), bool)
    cv2.setRNGSeed(7)
    box = _around(seeds != cv2.GC_BGD)
    piece = np.ascontiguousarray(seeds[box])
    cv2.grabCut(
        np.ascontiguousarray(feature[box]), piece, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK
    )
    seeds[box] = piece
    cut = (seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD)
    return _tidy(cut, core, calm, face, noise)


def _around(mask: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns that hold the mask, with a margin of 12 pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - 12, 0), int(rows[-1]) + 13),
        slice(max(int(columns[0]) - 12, 0), int(columns[-1]) + 13),
    )


def _core(face: Box, wide: int, high: int) -> np.ndarray:
    """Where a body surely is: a narrow column down the chest."""
    mask = np.zeros((high, wide), np.uint8)
    cx = face.left + face.width / 2
    # From below the neck: on a turned head the box sits before the face, and its column may pass beside the neck.
    top, bottom = face.bottom + 0.5 * face.height, face.bottom + 2.4 * face.height
    half = 0.3 * face.width
    points = [(cx - half, top), (cx + half, top), (cx + 1.4 * half, bottom), (cx - 1.4 * half, bottom)]
    cv2.fillPoly(mask, [np.array(points).round().astype(np.int32)], 1)
    return mask > 0


def _shadow_like(difference: np.ndarray, face: Box) -> np.ndarray:
    """Darker than the backdrop, of its colour, and smooth, well below the hips: a shadow on the floor."""
    high = difference.shape[0]
    lightness = cv2.GaussianBlur(difference[..., 0], (0, 0), 1.0)
    chroma = cv2.GaussianBlur(np.hypot(difference[..., 1], difference[..., 2]), (0, 0), 1.5)
    slope = np.hypot(cv2.Sobel(lightness, cv2.CV_32F, 1, 0), cv2.Sobel(lightness, cv2.CV_32F, 0, 1)) / 8
    shadow = (lightness < -0.7) & (lightness > -45) & (chroma < 4) & (slope < 1.6)
    shadow[: min(int(face.bottom + 6.0 * face.height), high)] = False
    return shadow


def _tidy(cut: np.ndarray, core: np.ndarray, calm: np.ndarray, face: Box, noise: float) -> np.ndarray:
    """Keep the piece with the face, close cracks, fill holes that aren't gaps."""
    cut = ndimage.binary_opening(cut, iterations=1) | (cut & core)
    labels, _ = ndimage.label(cut, np.ones((3, 3)))
    middle = labels[max(face.top, 0) : face.bottom, max(face.left, 0) : face.right]
    counts = np.bincount(middle.ravel())
    counts[0] = 0
    if counts.max(initial=0) == 0:
        return cut
    body = labels == int(counts.argmax())
    # Pieces that only a crack separates (a strap), and large ones in her column, belong to her as well: a pale shirt can
    # come out in parts, with the trousers hanging in the air.
    near = cv2.dilate(body.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    centre, reach = face.left + face.width / 2, 2.2 * face.width
    column = np.zeros(cut.shape, bool)
    column[face.bottom :, max(round(centre - reach), 0) : max(round(centre + reach), 1)] = True
    sizes = np.bincount(labels.ravel())
    in_column = np.bincount(labels[column], minlength=len(sizes))
    hers = [i for i in np.unique(labels[near]) if i and sizes[i] > 0.002 * body.size]
    hers += [
        i for i in range(1, len(sizes)) if in_column[i] > 0.8 * sizes[i] and sizes[i] > 0.25 * face.width * face.height
    ]
    body = np.isin(labels, [int(counts.argmax()), *hers])
    body = ndimage.binary_closing(np.pad(body, 4, mode="edge"), iterations=2)[4:-4, 4:-4]
    # A hole shows backdrop when it looks just like it all over: then it is the gap between arm and body. Anything
    # else is a pale patch of garment. The column below the face has no gaps.
    holes, count = ndimage.label(ndimage.binary_fill_holes(body) & ~body)
    for index in range(1, count + 1):
        hole = holes == index
        deep = (
            hole.sum() > 12 and float(np.percentile(calm[hole], 75)) < max(2.0, 3 * noise) and not (hole & core).any()
        )
        if not deep:
            body |= hole
    return body


def _widened(mask: np.ndarray, side: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def _smooth_outside(difference: np.ndarray, outside: np.ndarray, noise: float) -> np.ndarray:
    """The smooth part of the difference, known where ``outside`` and continued under the person."""
    sigma = 0.035 * max(outside.shape)
    weight = outside.astype(np.float32)
    # Outliers (a stand, dust) must not stain what surrounds them.
    weight *= (np.linalg.norm(difference, axis=2) < max(4.0, 8 * noise)).astype(np.float32)
    blurred = cv2.GaussianBlur(difference * weight[..., None], (0, 0), sigma)
    total = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    return blurred / (total + 0.02)


# --- refinement, at full resolution -----------------------------------------------------------------------------


def _refine(rgb: np.ndarray, face: Box, body: np.ndarray, small_backdrop: np.ndarray) -> np.ndarray:
    high, wide = rgb.shape[:2]
    ratio = high / body.shape[0]
    mask = cv2.resize(body.astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.6 * ratio, 0.5)) > 0.5
    trimap = _trimap(rgb, face, mask, small_backdrop, ratio)
    alpha = _clean(_solve(rgb, trimap), trimap)
    hair = _hair_colour(rgb, mask, face)
    alpha = _with_crisp_body(rgb, face, hair, alpha)
    return alpha if hair is None else _with_hair_tips(rgb, face, hair, mask, small_backdrop, alpha)


def _with_crisp_body(rgb: np.ndarray, face: Box, hair: np.ndarray | None, alpha: np.ndarray) -> np.ndarray:
    """Alpha with edges of cloth and skin no softer than a lens draws them.

    Cloth pales towards its outline (sheen, rim light), and the solver takes that for half-transparent cloth. But a
    sleeve isn't transparent: away from the half-way line it is she or it isn't. Hair stays as it was solved.
    """
    high, wide = alpha.shape
    half = (alpha >= 128).astype(np.uint8)
    if half.all() or not half.any():
        return alpha
    softness = max(2.0, 0.01 * face.width)
    inwards = cv2.distanceTransform(np.pad(half, 1, mode="edge"), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    outwards = cv2.distanceTransform(1 - half, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    least = np.clip((inwards - 0.5) / softness, 0, 1) * 255
    most = (1 - np.clip((outwards - 0.5) / softness, 0, 1)) * 255
    # Distances from a hard contour have its steps; a lens has none.
    least, most = cv2.GaussianBlur(least, (0, 0), 0.7), cv2.GaussianBlur(most, (0, 0), 0.7)
    least = np.where(inwards > softness + 0.5, 255, least)
    crisp = np.where(half, np.maximum(alpha, least), np.minimum(alpha, most))
    y, x = np.mgrid[0:high, 0:wide]
    across = np.abs(x - (face.left + face.width / 2))
    keep = (y < face.bottom + 0.15 * face.height) & (across < 1.4 * face.width)
    if hair is not None:
        # Long hair falls over shoulders and chest: whatever is its colour a little further in is left alone.
        window = face.grown(2.5).clipped(wide, high)
        patch = np.s_[window.top : window.bottom, window.left : window.right]
        off = np.linalg.norm(_fast_lab(np.ascontiguousarray(rgb[patch])) - hair, axis=2)
        like = ((off < 16) & (inwards[patch] > 2 * softness)).astype(np.uint8)
        near = _disc(max(round(0.17 * face.width), 4))
        keep[patch] |= cv2.dilate(cv2.morphologyEx(like, cv2.MORPH_OPEN, _disc(2)), near) > 0
    return np.where(keep, alpha, crisp + 0.5).astype(np.uint8)


def _with_hair_tips(
    rgb: np.ndarray, face: Box, hair: np.ndarray, mask: np.ndarray, small_backdrop: np.ndarray, alpha: np.ndarray
) -> np.ndarray:
    """Alpha of loose hair ends beside and below the face, where backdrop shows in specks between them.

    Specks finer than the solver's window come out opaque. But what lies there is either hair, or backdrop, or a mix of
    the two: the place of a pixel's colour between both is its alpha. Cloth and skin don't lie between them.
    """
    high, wide = mask.shape
    window = face.grown(1.0).clipped(wide, high)
    patch = np.s_[window.top : window.bottom, window.left : window.right]
    values = _fast_lab(np.ascontiguousarray(rgb[patch]))
    behind = cv2.resize(small_backdrop, (wide, high), interpolation=cv2.INTER_CUBIC)[patch]
    hers = mask[patch]
    if np.linalg.norm(hair - behind.mean(axis=(0, 1))) < 30:
        return alpha
    place, off = _between(values, behind, hair)
    y = np.arange(window.top, window.bottom)[:, None]
    chest = _core(face, wide, high)[patch] & (y > face.bottom + 0.6 * face.height)
    if chest.any():
        cloth_place, cloth_off = _between(np.median(values[chest], axis=0)[None, None], behind.mean(axis=(0, 1)), hair)
        if cloth_off.item() < 9 and cloth_place.item() < 0.5:
            return alpha  # a top as pale as the paper can't be told from it by colour
    mixed = off < 4 + 9 * np.clip(place, 0, 1)
    # Specks are near the outline, near hair, and near something that is almost backdrop; a sheen on hair isn't.
    depth = cv2.distanceTransform(np.pad(hers, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    strands = (mixed & (place > 0.7)).astype(np.uint8)
    pale = (mixed & (place < 0.3) & (place > -0.25)).astype(np.uint8)
    near = max(round(0.05 * face.width), 3)
    tips = mixed & (place > -0.25) & (y > face.top + 0.6 * face.height) & (y < face.bottom + 0.9 * face.height)
    tips &= hers & (depth < 0.3 * face.width) & (cv2.dilate(strands, _disc(2 * near)) > 0)
    tips &= (cv2.dilate(pale, _disc(max(near // 2, 2))) > 0) & ~_face_mask(face, window)
    # Only what hangs together with the open backdrop: not an earring, not a pale collar.
    labels, _ = ndimage.label(tips | (alpha[patch] < 128), np.ones((3, 3)))
    open_ones = np.unique(labels[alpha[patch] < 16])
    tips &= np.isin(labels, open_ones[open_ones > 0])
    # The region begins and ends softly, or its own border would be seen across the hair.
    weight = np.clip(2 * cv2.GaussianBlur(tips.astype(np.float32), (0, 0), max(0.012 * face.width, 1.0)) - 0.6, 0, 1)
    found = np.clip((place - 0.05) / 0.8, 0, 1) * 255
    out = alpha.copy()
    piece = out[patch].astype(np.float32)
    piece += weight * np.minimum(found - piece, 0)
    out[patch] = np.where(tips, piece + 0.5, out[patch]).astype(np.uint8)
    return out


def _hair_colour(rgb: np.ndarray, hers: np.ndarray, face: Box) -> np.ndarray | None:
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
    return np.median(_fast_lab(samples[None])[0], axis=0)


def _between(values: np.ndarray, behind: np.ndarray, hair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where colours lie on the way from the backdrop (0) to the hair (1), and how far beside it (ΔE*ab)."""
    way = hair - behind
    place = ((values - behind) * way).sum(axis=-1) / np.maximum((way * way).sum(axis=-1), 1e-3)
    beside = values - behind - np.clip(place, 0, 1.4)[..., None] * way
    return place, np.linalg.norm(beside[..., 1:], axis=-1)


def _trimap(rgb: np.ndarray, face: Box, mask: np.ndarray, small_backdrop: np.ndarray, ratio: float) -> np.ndarray:
    """0 backdrop, 255 person, 128 unknown (uint8)."""
    high, wide = mask.shape
    body_reach = max(round(1.6 * ratio + 0.012 * face.width), 3)
    eight = mask.astype(np.uint8)
    depth = cv2.distanceTransform(eight, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)  # from the outline inwards, pixels
    beside = cv2.distanceTransform(1 - eight, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)  # and outwards
    if mask.all():
        return np.full(mask.shape, 255, np.uint8)
    trimap = np.where(depth > body_reach + 1, 255, np.where(beside <= body_reach, 128, 0)).astype(np.uint8)
    backdrop = cv2.resize(small_backdrop, (wide, high), interpolation=cv2.INTER_CUBIC)
    distance = np.linalg.norm(_fast_lab(rgb) - backdrop, axis=2)
    beyond = beside > 2 * body_reach
    noise = 1.4826 * float(np.median(distance[beyond])) if beyond.any() else 1.0
    # Narrow gaps that the small copy couldn't show (armpits, between fingers): inside, but just like the backdrop, amid
    # something that is not at all like it.
    shown = cv2.GaussianBlur(np.where(mask, distance, 0).astype(np.float32), (0, 0), 1.0)
    fullest = cv2.dilate(shown, np.ones((2 * max(round(0.05 * face.width), 3) + 1,) * 2, np.uint8))
    gap_reach = max(round(0.2 * face.width), body_reach + 1)
    rim = depth <= gap_reach
    gap = mask & rim & (distance < max(3.5 * noise, 3.0)) & (shown < 0.35 * fullest) & (fullest > 14)
    trimap[(cv2.dilate(gap.astype(np.uint8), _disc(3)) > 0) & mask] = 128
    # The small copy's outline may lie a little outside the true one: what is near the backdrop there, beside something
    # that isn't, is for the solver to decide.
    verge = depth <= 3 * body_reach
    fringe = mask & verge & (fullest > 14) & (shown < np.minimum(0.4 * fullest, 14))
    trimap[cv2.dilate(fringe.astype(np.uint8), _disc(body_reach)).astype(bool) & mask] = 128
    # The middle of a gap is backdrop for sure; without it the solver would not know that there is any.
    sure = cv2.blur(distance, (3, 3)) < max(1.6 * noise, 1.5)
    edge = (gap | fringe | (trimap == 128)) & (fullest > 14) & sure
    trimap[cv2.erode(edge.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = 0
    # The head: hair reaches out as far as anything differs from the backdrop; inside it is open only where less of it
    # shows than around, for opaque hair must not be put in question.
    window = face.grown(1.3).clipped(wide, high)
    patch = np.s_[window.top : window.bottom, window.left : window.right]
    local, distance, shown, fullest = eight[patch], distance[patch], shown[patch], fullest[patch]
    depth, beside = depth[patch], beside[patch]
    evident = cv2.GaussianBlur(distance, (0, 0), 0.8) > max(2.5 * noise, 1.6)
    evident = cv2.dilate(evident.astype(np.uint8), _disc(2)) > 0
    reach = max(round(0.42 * face.width), body_reach)
    flying = (beside <= reach) & evident & (local == 0)
    near_edge = depth <= max(round(0.10 * face.width), body_reach + 1)
    thin = (local > 0) & near_edge & (shown < 0.6 * fullest)
    see_through = cv2.dilate(((distance < max(3.5 * noise, 3.0)) & (local > 0)).astype(np.uint8), _disc(2)) > 0
    skin = _face_mask(face, window) & (depth > 2 * body_reach) & ~see_through
    y = np.arange(window.top, window.bottom)[:, None]
    unknown = (flying | thin | see_through) & (y < face.bottom + 0.25 * face.height) & ~skin
    trimap[patch][unknown] = 128
    trimap[patch][skin] = 255
    return trimap


def _fast_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB float32: OpenCV's, good to a tenth of a unit and ten times as fast at full resolution."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _face_mask(face: Box, window: Box) -> np.ndarray:
    mask = np.zeros((window.height, window.width), np.uint8)
    box = face.shifted(window.left, window.top)
    centre = box.left + box.width // 2, box.top + round(0.52 * box.height)
    cv2.ellipse(mask, centre, (round(0.36 * box.width), round(0.46 * box.height)), 0, 0, 360, 1, -1)
    return mask > 0


def _solve(rgb: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Closed-form alpha (float32, 0 to 1), coarse to fine.

    The whole band is solved on a small copy first. That settles everything but the edge, gives each full-resolution
    tile its boundary values, and lets its solver start near the end.
    """
    high, wide = trimap.shape
    scale = min(1.0, _COARSE / max(high, wide))
    if scale == 1:
        return _solve_tile(rgb, trimap, None)
    size = round(wide * scale), round(high * scale)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    shares = cv2.resize(trimap.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small_trimap = np.where(shares < 1, 0, np.where(shares > 254, 255, 128)).astype(np.uint8)
    small_alpha = _solve_tile(small, small_trimap, None)
    coarse = np.clip(cv2.resize(small_alpha, (wide, high), interpolation=cv2.INTER_LINEAR), 0, 1)
    settled = trimap.copy()
    around = np.ones((3, 3), np.uint8)
    least = cv2.resize(cv2.erode(small_alpha, around), (wide, high), interpolation=cv2.INTER_NEAREST)
    most = cv2.resize(cv2.dilate(small_alpha, around), (wide, high), interpolation=cv2.INTER_NEAREST)
    settled[(trimap == 128) & (least > 0.985)] = 255
    settled[(trimap == 128) & (most < 0.01)] = 0
    alpha = settled.astype(np.float32) / 255
    alpha[settled == 128] = 0
    weight = np.zeros((high, wide), np.float32)
    total = np.zeros((high, wide), np.float32)
    step = _TILE - 2 * _OVERLAP
    for top in range(0, high, step):
        for left in range(0, wide, step):
            if not (settled[top : top + step, left : left + step] == 128).any():
                continue
            y0, y1 = max(top - _OVERLAP, 0), min(top + step + _OVERLAP, high)
            x0, x1 = max(left - _OVERLAP, 0), min(left + step + _OVERLAP, wide)
            tile = _solve_tile(rgb[y0:y1, x0:x1], settled[y0:y1, x0:x1], coarse[y0:y1, x0:x1])
            ramp = np.outer(_ramp(y1 - y0, y0 > 0, y1 < high), _ramp(x1 - x0, x0 > 0, x1 < wide))
            total[y0:y1, x0:x1] += tile * ramp
            weight[y0:y1, x0:x1] += ramp
    return np.where(settled == 128, total / np.maximum(weight, 1e-6), alpha)


def _solve_tile(rgb: np.ndarray, trimap: np.ndarray, guess: np.ndarray | None) -> np.ndarray:
    """Closed-form alpha of one piece; ``guess`` (0 to 1) holds on its border and weakly everywhere."""
    from pymatting.laplacian.cf_laplacian import cf_laplacian
    from pymatting.preconditioner.ichol import ichol
    from pymatting.solver.cg import cg

    unknown = trimap == 128
    alpha = trimap.astype(np.float32) / 255
    if guess is not None:
        alpha[unknown] = guess[unknown]
        unknown[[0, -1]] = unknown[:, [0, -1]] = False
    if not unknown.any():
        return alpha
    free, fixed = unknown.ravel(), ~unknown.ravel()
    laplacian = cf_laplacian(rgb.astype(np.float64) / 255, epsilon=_EPSILON, is_known=fixed)[free]
    inside = laplacian[:, free]
    right = -laplacian[:, fixed].dot(alpha.ravel()[fixed].astype(np.float64))
    start = alpha.ravel()[free].astype(np.float64)
    pull = 0.0 if guess is None else _PULL
    inside = (inside + pull * identity(len(start))).tocsc()
    # Incomplete Cholesky needs a handful of iterations where plain CG needs hundreds, and every iteration on long
    # vectors wakes all BLAS threads. The shift keeps the factorisation from failing; the size bounds its memory.
    factor = ichol(inside, discard_threshold=1e-3, shifts=[1e-2, 0.1, 1.0], max_nnz=400 * len(start))
    solution = cg(inside, right + pull * start, x0=start, M=factor, rtol=1e-6 if guess is None else 1e-4, maxiter=2000)
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


def _clean(alpha: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Drop the solver's veil and crumbs: near-zero alpha, near-one alpha, and specks that hang on nothing."""
    alpha = np.clip((alpha - 0.03) / 0.94, 0, 1)
    labels, _ = ndimage.label(alpha > 0.12, np.ones((3, 3)))
    attached = np.unique(labels[trimap == 255])
    loose = (labels > 0) & ~np.isin(labels, attached)
    fringe = cv2.dilate(loose.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    alpha[fringe & ((labels == 0) | loose)] = 0
    return (alpha * 255 + 0.5).astype(np.uint8)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _scaled(face: Box, scale: float) -> Box:
    return Box(
        *(max(round(v * scale), 0) for v in (face.left, face.top)),
        *(max(round(v * scale), 1) for v in (face.width, face.height)),
    )


def refined(rgb_srgb: np.ndarray, small_mask: np.ndarray, reach: float) -> np.ndarray:
    """A soft, full-resolution edge for a mask made on the small copy: float32 (h, w), 0 to 1.

    ``small_mask`` is bool at `backdrop.MODEL_SIDE`; ``reach`` is how many pixels of the picture the edge may be off.
    """
    high, wide = rgb_srgb.shape[:2]
    ratio = high / small_mask.shape[0]
    mask = cv2.resize(small_mask.astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    mask = (cv2.GaussianBlur(mask, (0, 0), max(0.6 * ratio, 0.5)) > 0.5).astype(np.uint8)
    radius = max(round(1.3 * ratio + 0.3 * reach), 2)
    inner = cv2.erode(mask, _disc(radius), borderType=cv2.BORDER_REPLICATE)
    outer = cv2.dilate(mask, _disc(radius))
    trimap = np.where(inner > 0, 255, np.where(outer > 0, 128, 0)).astype(np.uint8)
    if not (trimap == 128).any():
        return mask.astype(np.float32)
    return _clean(_solve(rgb_srgb, trimap), trimap).astype(np.float32) / 255
