"""Cutting a person out of a plain backdrop, with an edge that stays photographic.

In order: a model of the backdrop (`backdrop`); the calm ground and her body on a small copy (`segmentation`); a trimap
whose unknown band is wide where hair may fly and narrow on cloth (`trimap`); closed-form alpha that knows what the
backdrop looks like (`closed_form`), at full resolution, tile by tile.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..domain.twin import Box
from .backdrop import LEAST_FREE, fit, fit_growing, is_plain, silhouette, small_copy
from .closed_form import solve
from .segmentation import core, given_back, grab, segment, segment_by_model, shadow_like, shut_off, widened
from .skin import lab
from .trimap import colours_of, disc, fast_lab, hair_colour, hair_for_certain, scaled, trimap_of
from .trust import Trust, judged, outline_seen

# The trimap is made on a copy of at most this many pixels; the band it leaves open is solved at full resolution.
_WORK_PIXELS = 3_000_000
# Rows at a time where whole pictures of floats would be too much.
_STRIP = 512
# Before a busy backdrop, how much may be open, as a multiple of what is surely she.
_OPEN_SHARE = 1.0
# The share of her outline that must be seen for the first look at her to be taken without a second.
_CLEAR = 0.99
# Pixels of the small copy by which a backdrop can be judged at all.
_FEW = 500
_HIDDEN = "too little of the backdrop is free beside her to tell her from it"
_BUSY = "the backdrop is too busy, or somebody or something else stands before it"
_AROUND = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Cut:
    """A matte and how far it can be trusted.

    ``alpha`` is uint8 (h, w), None where she can't be cut out at all; ``code`` says why not (``backdrop.busy``, or
    ``matte.unsure`` where a close-up hides the backdrop), or why it can't be trusted (``matte.unsure``, with the
    ``doubts`` in words), and is empty for a good one. ``confidence`` is
    the share of her outline that is beyond doubt, 0 to 1; ``sure`` the same pixel by pixel, float32 0 to 1 on a copy of
    at most `backdrop.MODEL_SIDE` pixels a side.
    """

    alpha: np.ndarray | None
    confidence: float = 0.0
    code: str = ""
    doubts: tuple[str, ...] = ()
    sure: np.ndarray | None = None


def matte(rgb_srgb: np.ndarray, face: Box) -> np.ndarray | None:
    """Alpha of the person with this face, uint8 (h, w) at full resolution; None where the backdrop is busy. For
    measuring; `cut` says whether its edge can be trusted as well."""
    return cut(rgb_srgb, face).alpha


def cut(rgb_srgb: np.ndarray, face: Box, painted: np.ndarray | None = None, likely: np.ndarray | None = None) -> Cut:
    """Cut out the person with this face from uint8 sRGB (h, w, 3).

    The shadow on the floor is backdrop; the gap between arm and body is backdrop; the body has no holes. ``painted``
    (uint8 (h, w)) is what a person says: 255 hers, 0 backdrop, 128 undecided; it outranks everything. ``likely`` is a
    rough matte of somebody else's making, float32 0 to 1 at any size: it decides where the colours don't, and it alone
    before a busy backdrop.
    """
    small, scale = small_copy(rgb_srgb)
    size = small.shape[1], small.shape[0]
    small_face = scaled(face, scale)
    small_lab = lab(small).astype(np.float32)
    hers, never = _known(size, painted, likely)
    told = np.zeros(small.shape[:2], bool)
    if painted is not None:
        told = cv2.resize((painted != 128).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
        told = cv2.dilate(told.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    outside = ~silhouette(small_face, *size)
    if never is not None:
        outside = (outside | never) & ~hers
    if outside.mean() < LEAST_FREE or outside.sum() < _FEW:
        return _cut_by_hand(rgb_srgb, painted, likely, Cut(None, 0.0, "matte.unsure", (_HIDDEN,)))
    if not is_plain(small_lab, outside, fit(small_lab, outside)):
        return _cut_by_hand(rgb_srgb, painted, likely, Cut(None, 0.0, "backdrop.busy", (_BUSY,)))
    # From here on without the grain: it hides the little by which a pale shirt differs from pale paper.
    small_lab = cv2.GaussianBlur(small_lab, (0, 0), 1.1)
    column = cv2.dilate(core(small_face, *size).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    model = fit_growing(small_lab, outside, column if hers is None else column | hers)

    def finished(parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[Cut, Trust, np.ndarray]:
        body, difference, ground = parts
        alpha, gaps = _refine(rgb_srgb, face, body, ground, small_lab - difference, painted)
        ground = ground | (cv2.resize(gaps.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.2)
        cover = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        trust = judged(small_lab, cover, ground, small_lab - difference, small_face, max(model.noise, 0.25), told)
        made = Cut(alpha, trust.share, "matte.unsure" if trust.doubts else "", trust.doubts, trust.sure)
        return made, trust, cover

    walked = segment(small_lab, small_face, model, outside, hers, never)
    sure = column if hers is None else column | hers
    sure = sure if never is None else sure & ~never

    def modelled() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return segment_by_model(small_lab, small_face, model, walked[2], sure)

    def seen(parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
        rough = cv2.GaussianBlur(parts[0].astype(np.float32), (0, 0), 0.8)
        return outline_seen(small_lab, rough, max(model.noise, 0.25), told)

    # Where the walk leaked into her, a part of its outline runs through the middle of something, or its ground is unlike
    # the paper.
    other, share = None, seen(walked)
    unlike = np.linalg.norm(small_lab - model.lab(*size), axis=2) > max(2.0, 5 * model.noise)
    if share < _CLEAR or (unlike & walked[2]).sum() > 0.03 * small_face.width * small_face.height:
        other = modelled()
        back = given_back(small_lab, walked[0], other[0], outside, small_face)
        if never is not None:
            back &= ~never
        if back.any():
            # What the walk took for ground there is in its idea of the backdrop as well: the model's is used.
            walked = walked[0] | back, other[1], walked[2] & ~widened(back, 5)
            share = seen(walked)
        lost = cv2.morphologyEx((walked[0] & ~other[0]).astype(np.uint8), cv2.MORPH_OPEN, disc(3)) > 0
        kept = lost.sum() < 0.1 * small_face.width * small_face.height
        if kept and seen(other) > share + 0.5 * (1 - _CLEAR):
            return finished(other)[0]
    first, trust, _ = finished(walked)
    if not first.code:
        return first
    second, _, cover = finished(other or modelled())
    # What the walk found beside her must be hers now: the second look may not pass over it.
    passed_over = trust.left is not None and trust.left.any() and float(cover[trust.left].mean()) < 0.7
    return first if second.code or passed_over else second


def _known(
    size: tuple[int, int], painted: np.ndarray | None, likely: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What is hers and what isn't before anything is measured, on the small copy: bool, or None twice."""
    if painted is None and likely is None:
        return None, None
    hers, never = np.zeros(size[::-1], bool), np.zeros(size[::-1], bool)
    if likely is not None:
        rough = cv2.resize(likely.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        hers, never = cv2.erode(rough, _AROUND) > 0.95, cv2.dilate(rough, _AROUND) < 0.05
    if painted is not None:
        said = cv2.resize(painted.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        hers, never = (hers | (said > 250)) & (said > 5), (never | (said < 5)) & (said < 250)
    return hers, never


def _cut_by_hand(rgb: np.ndarray, painted: np.ndarray | None, likely: np.ndarray | None, refused: Cut) -> Cut:
    """Where nothing is known of what is behind her, what was painted or guessed is the trimap; without, ``refused``."""
    if painted is None and likely is None:
        return refused
    high, wide = rgb.shape[:2]
    trimap = np.full((high, wide), 128, np.uint8)
    if likely is not None:
        rough = cv2.resize(likely.astype(np.float32), (wide, high), interpolation=cv2.INTER_LINEAR)
        trimap[cv2.erode(rough, _AROUND) > 0.95] = 255
        trimap[cv2.dilate(rough, _AROUND) < 0.05] = 0
    if painted is not None:
        trimap = np.where(painted == 128, trimap, painted)
    open_share = float((trimap == 128).mean()) / max(float((trimap == 255).mean()), 1e-6)
    if not (trimap == 0).any() or open_share > _OPEN_SHARE:
        return refused
    alpha = _clean(solve(rgb, trimap), trimap)
    return Cut(alpha, round(1 - open_share, 3))


_OUTLINE_SIDE = 320


def outline(rgb_srgb: np.ndarray, face: Box) -> np.ndarray | None:
    """Roughly where the person with this face is, for a first look: bool, at most 320 pixels a side, in a tenth of the
    time of `matte`; None where the backdrop is busy."""
    small, scale = small_copy(rgb_srgb)
    small_face = scaled(face, scale)
    small_lab = lab(small).astype(np.float32)
    outside = ~silhouette(small_face, small.shape[1], small.shape[0])
    if outside.sum() < _FEW or not is_plain(small_lab, outside, fit(small_lab, outside)):
        return None
    shrink = min(1.0, _OUTLINE_SIDE / max(small.shape[:2]))
    size = max(round(small.shape[1] * shrink), 1), max(round(small.shape[0] * shrink), 1)
    tiny_lab = cv2.resize(small_lab, size, interpolation=cv2.INTER_AREA)
    tiny_face = scaled(small_face, shrink)
    column = cv2.dilate(core(tiny_face, *size).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    model = fit_growing(tiny_lab, ~silhouette(tiny_face, *size), column)
    difference = tiny_lab - model.lab(*size)
    return grab(difference, tiny_face, max(model.noise, 0.25), shadow_like(difference, tiny_face))


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


# --- refinement, at full resolution -----------------------------------------------------------------------------


def _refine(
    rgb: np.ndarray,
    face: Box,
    body: np.ndarray,
    ground: np.ndarray,
    backdrop: np.ndarray,
    painted: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Alpha (uint8 (h, w)), and the gaps that the small copy couldn't show (bool, on the copy of `_WORK_PIXELS`)."""
    high, wide = rgb.shape[:2]
    scale = min(1.0, (_WORK_PIXELS / (wide * high)) ** 0.5)
    size = round(wide * scale), round(high * scale)
    work = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    work_face = scaled(face, scale)
    ratio = size[1] / body.shape[0]
    mask = cv2.resize(body.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.6 * ratio, 0.5)) > 0.5
    hair = hair_for_certain(work, mask, work_face)
    gaps = shut_off(work, mask, backdrop, work_face)
    trimap = trimap_of(work, work_face, mask & ~gaps, ground, backdrop, ratio, hair, gaps)
    colours = colours_of(work, trimap, work_face, backdrop, hair)
    if scale < 1:
        trimap = cv2.resize(trimap, (wide, high), interpolation=cv2.INTER_LINEAR)
        trimap[(trimap > 0) & (trimap < 255)] = 128
    if painted is not None:
        np.copyto(trimap, painted, where=painted != 128)
    alpha = _clean(solve(rgb, trimap, colours), trimap)
    alpha = _with_crisp_body(rgb, face, hair_colour(work, mask, work_face), alpha)
    if painted is not None:
        np.copyto(alpha, painted, where=painted != 128)
    return alpha, gaps


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
    y, x = np.arange(high)[:, None], np.arange(wide)[None]
    keep = (y < face.bottom + 0.15 * face.height) & (np.abs(x - (face.left + face.width / 2)) < 1.4 * face.width)
    if hair is not None:
        # Long hair falls over shoulders and chest: whatever is its colour a little further in is left alone.
        window = face.grown(2.5).clipped(wide, high)
        patch = np.s_[window.top : window.bottom, window.left : window.right]
        off = np.linalg.norm(fast_lab(np.ascontiguousarray(rgb[patch])) - hair, axis=2)
        like = ((off < 16) & (inwards[patch] > 2 * softness)).astype(np.uint8)
        near = disc(max(round(0.17 * face.width), 4))
        keep[patch] |= cv2.dilate(cv2.morphologyEx(like, cv2.MORPH_OPEN, disc(2)), near) > 0
    out = alpha.copy()
    for top in range(0, high, _STRIP):
        # With a margin for the blur below.
        first, last = max(top - 4, 0), min(top + _STRIP + 4, high)
        rows, own = slice(first, last), slice(top, min(top + _STRIP, high))
        least = np.clip((inwards[rows] - 0.5) / softness, 0, 1) * 255
        most = (1 - np.clip((outwards[rows] - 0.5) / softness, 0, 1)) * 255
        # Distances from a hard contour have its steps; a lens has none.
        least, most = cv2.GaussianBlur(least, (0, 0), 0.7), cv2.GaussianBlur(most, (0, 0), 0.7)
        least = np.where(inwards[rows] > softness + 0.5, 255, least)
        crisp = np.where(half[rows] > 0, np.maximum(alpha[rows], least), np.minimum(alpha[rows], most))
        crisp = (crisp + 0.5).astype(np.uint8)[top - first : own.stop - first]
        np.copyto(out[own], crisp, where=~keep[own])
    return out


def _clean(alpha: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Drop the solver's veil and crumbs: near-zero alpha, near-one alpha, and specks that hang on nothing."""
    levels = np.clip((np.arange(256) / 255 - 0.03) / 0.94, 0, 1)
    alpha = (levels * 255 + 0.5).astype(np.uint8)[alpha]
    count, labels = cv2.connectedComponents((alpha > 30).astype(np.uint8))
    attached = np.zeros(count, bool)
    attached |= np.bincount(labels[trimap == 255], minlength=count) > 0
    attached[0] = True
    loose = ~attached[labels]
    fringe = cv2.dilate(loose.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    alpha[fringe & ((labels == 0) | loose)] = 0
    return alpha


def refined(rgb_srgb: np.ndarray, small_mask: np.ndarray, reach: float) -> np.ndarray:
    """A soft, full-resolution edge for a mask made on the small copy: float32 (h, w), 0 to 1.

    ``small_mask`` is bool at `backdrop.MODEL_SIDE`; ``reach`` is how many pixels of the picture the edge may be off.
    """
    high, wide = rgb_srgb.shape[:2]
    ratio = high / small_mask.shape[0]
    mask = cv2.resize(small_mask.astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    mask = (cv2.GaussianBlur(mask, (0, 0), max(0.6 * ratio, 0.5)) > 0.5).astype(np.uint8)
    radius = max(round(1.3 * ratio + 0.3 * reach), 2)
    inner = cv2.erode(mask, disc(radius), borderType=cv2.BORDER_REPLICATE)
    outer = cv2.dilate(mask, disc(radius))
    trimap = np.where(inner > 0, 255, np.where(outer > 0, 128, 0)).astype(np.uint8)
    if not (trimap == 128).any():
        return mask.astype(np.float32)
    return _clean(solve(rgb_srgb, trimap), trimap).astype(np.float32) / 255
