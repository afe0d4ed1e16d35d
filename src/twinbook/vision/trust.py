"""Whether a matte can be trusted: what a retoucher would look at again before handing it on.

Everything is measured on the small copy. A matte is doubted where its outline runs through something that looks the
same on both sides, where something beside her is neither paper nor hers, where she comes out in pieces or ends in the
air, and where cloth may be sheer.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..domain.twin import Box
from .segmentation import core, slope, widened
from .skin import lab_to_linear

# CIELAB difference across an outline from which it is seen for certain, on a small copy without grain.
_SEEN = 3.0
# How much of an outline may be faint in one piece, in face heights, and altogether, as a share.
_FAINT_RUN, _FAINT_SHARE = 0.8, 0.12
# CIELAB difference below which an outline may run through shaded cloth: where it is no edge either it is drawn by guess,
# and where it is below the second, edge or not. How long such a piece may be, in face heights.
_SHADE, _ALIKE, _GUESSED_RUN = 6.5, 2.5, 0.3
# How much of an outline may be as soft as a shadow's, in face heights, and how much steeper an edge is than that at a fine
# scale.
_SOFT_RUN, _STEEPER = 0.45, 1.25
# How much may be half transparent, of a shadow's colour and as smooth, as a share of the face's box; CIELAB a pixel.
_VEIL, _SMOOTH = 0.08, 0.6
# How large something left beside her may be, as a share of the face's box.
_LEFT_OVER = 0.06
# How much of her may be cloth that paper could shine through, as a share of the face's box.
_SHEER = 0.5
_SHEER_DIFFERENCE = 16.0


@dataclass(frozen=True)
class Trust:
    """``share`` of the outline that is beyond doubt (0 to 1), ``doubts`` in words, and how sure each pixel of the small
    copy is: float32 (h, w), 0 to 1, below 1 along an outline that is hardly seen and in what is ``left`` over (bool)."""

    share: float
    doubts: tuple[str, ...]
    sure: np.ndarray
    left: np.ndarray | None = None


def judged(
    small_lab: np.ndarray,
    cover: np.ndarray,
    ground: np.ndarray,
    backdrop: np.ndarray,
    face: Box,
    noise: float,
    told: np.ndarray | None = None,
) -> Trust:
    """Judge a matte by its small copy: ``cover`` is alpha, float32 0 to 1; ``ground`` (bool) is surely backdrop;
    ``backdrop`` CIELAB; where ``told`` (bool) a person has painted what is what, nothing is doubted."""
    high = cover.shape[0]
    told = np.zeros(cover.shape, bool) if told is None else told
    hers = cover >= 0.5
    sure = np.ones(cover.shape, np.float32)
    if not hers.any():
        return Trust(0.0, ("nothing of her was found",), np.zeros(cover.shape, np.float32))
    doubts = []
    contrast, rim = _across(small_lab, cover)
    rim &= ~told
    seen = np.clip(contrast / (_SEEN + noise), 0, 1)
    sure[rim] = seen[rim]
    faint = rim & (contrast < 0.45 * (_SEEN + noise))
    share = 1 - float(faint.sum()) / max(int(rim.sum()), 1)
    run = _longest(faint)
    if run > _FAINT_RUN * face.height or 1 - share > _FAINT_SHARE:
        doubts.append("her outline can't be told from the backdrop along " + _where(faint, face))
    guessed = _guessed(small_lab, contrast, rim, face)
    if guessed.any():
        sure[guessed] = np.minimum(sure[guessed], 0.3)
        if not doubts:
            doubts.append("her outline is drawn through something without an edge along " + _where(guessed, face))
    shadow = _shadow(small_lab, small_lab - backdrop, cover, rim, face) & ~told
    if shadow.any():
        sure[shadow] = np.minimum(sure[shadow], 0.3)
        doubts.append("a shadow beside her can't be told from her along " + _where(shadow, face))
    left = _left_over(small_lab, cover, ground, small_lab - backdrop, face, noise) & ~told
    if left.any():
        sure[left] = np.minimum(sure[left], 0.3)
        doubts.append("something beside her is neither backdrop nor surely hers: " + _where(left, face))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hers.astype(np.uint8))
    largest = max(int(stats[1:, cv2.CC_STAT_AREA].max()), 1) if count > 1 else 1
    pieces = [i for i in range(1, count) if 0.15 * face.width * face.height < stats[i, cv2.CC_STAT_AREA] < largest]
    if pieces and not told[np.isin(labels, pieces)].all():
        doubts.append("she comes out in pieces")
    rows = np.flatnonzero(hers.any(axis=1))
    if rows[-1] < high - 3 and rows[-1] - face.bottom < 2.0 * face.height and not told[rows[-1]].any():
        doubts.append("she ends in the air, not far below the chin")
    sheer = _sheer(small_lab, cover, backdrop, face) & ~told
    if sheer.any():
        sure[sheer] = np.minimum(sure[sheer], 0.5)
        doubts.append("cloth that the backdrop may shine through: " + _where(sheer, face))
    return Trust(round(share, 3), tuple(doubts), sure, left)


def outline_seen(small_lab: np.ndarray, cover: np.ndarray, noise: float, told: np.ndarray) -> float:
    """The share of the outline of ``cover`` across which a difference is seen, 0 to 1."""
    contrast, rim = _across(small_lab, cover)
    rim &= ~told
    return 1 - float((rim & (contrast < 0.45 * (_SEEN + noise))).sum()) / max(int(rim.sum()), 1)


def _across(small_lab: np.ndarray, cover: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The difference across the outline (ΔE*ab, float32 (h, w)), and where the outline is (bool), frame apart."""
    eight = (cover >= 0.5).astype(np.uint8)
    ring = (cv2.dilate(eight, np.ones((3, 3), np.uint8)) > 0) & (eight == 0)
    ring[:3] = ring[-3:] = ring[:, :3] = ring[:, -3:] = False

    def mean(where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weight = where.astype(np.float32)
        total = cv2.boxFilter(small_lab * weight[..., None], -1, (9, 9), normalize=False)
        count = cv2.boxFilter(weight, -1, (9, 9), normalize=False)
        return total / np.maximum(count, 1)[..., None], count

    inner, some = mean(cover > 0.85)
    outer, others = mean(cover < 0.1)
    difference = np.linalg.norm(inner - outer, axis=2)
    # Wisps have no inside to compare; they are judged by what they are made of.
    return difference, ring & (some >= 6) & (others >= 6)


def _guessed(small_lab: np.ndarray, contrast: np.ndarray, rim: np.ndarray, face: Box) -> np.ndarray:
    """Long pieces of outline below the chin that no edge explains, bool (h, w): what is bitten out of a shirt, or left on
    it, by guess. Where shade makes cloth as dark as the paper the true outline is an edge still; a bite ends in the
    shade's own slope."""
    fine, coarse = (cv2.dilate(slope(small_lab, sigma), np.ones((5, 5), np.uint8)) for sigma in (1.0, 3.0))
    found = rim & ((contrast < _ALIKE) | ((contrast < _SHADE) & (fine < _STEEPER * coarse)))
    found[: max(round(face.bottom + 0.15 * face.height), 0)] = False
    return found if _longest(found) > _GUESSED_RUN * face.height else np.zeros_like(found)


def _shadow(small_lab: np.ndarray, difference: np.ndarray, cover: np.ndarray, rim: np.ndarray, face: Box) -> np.ndarray:
    """Where a shadow may have been taken for her: bool (h, w). It has the paper's hue, is darker, and fades: so either a
    long piece of the outline is no steeper than that, or something smooth beside her came out half transparent."""
    inside = (cover > 0.85).astype(np.float32)
    count = np.maximum(cv2.boxFilter(inside, -1, (9, 9), normalize=False), 1)
    within = cv2.boxFilter(difference * inside[..., None], -1, (9, 9), normalize=False) / count[..., None]
    fine = slope(small_lab, 1.0)
    steep, calm = (cv2.dilate(values, np.ones((5, 5), np.uint8)) for values in (fine, slope(small_lab, 3.0)))
    soft = rim & _darker_paper(within) & (steep < _STEEPER * calm)
    veil = (cover > 0.08) & (cover < 0.92) & _darker_paper(difference) & (fine < _SMOOTH)
    veil = cv2.morphologyEx(veil.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0
    found = np.zeros(cover.shape, bool)
    if _longest(soft) > _SOFT_RUN * face.height:
        found |= soft
    if veil.sum() > _VEIL * face.width * face.height:
        found |= veil
    return found


def _darker_paper(difference: np.ndarray) -> np.ndarray:
    """Whether a difference from the backdrop (CIELAB (h, w, 3)) is what a shadow makes of it: bool."""
    return (
        (difference[..., 0] < -0.7)
        & (difference[..., 0] > -45)
        & (np.hypot(difference[..., 1], difference[..., 2]) < 4)
    )


def _longest(faint: np.ndarray) -> float:
    """The longest stretch of outline, in pixels, with holes of up to three pixels bridged."""
    near = cv2.dilate(faint.astype(np.uint8), np.ones((5, 5), np.uint8))
    _, labels = cv2.connectedComponents(near)
    counts = np.bincount(labels[faint]) if faint.any() else np.zeros(1, int)
    return float(counts.max(initial=0))


def _left_over(
    small_lab: np.ndarray, cover: np.ndarray, ground: np.ndarray, difference: np.ndarray, face: Box, noise: float
) -> np.ndarray:
    """Pieces beside her that were not walked to over the backdrop, large enough to be a shoe or a hand: bool."""
    rest = (cover < 0.15) & ~ground
    # What the outline's own softness hides isn't left over, nor is a shadow with a hard edge.
    rest &= cv2.dilate((cover >= 0.15).astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    tint = np.hypot(difference[..., 1], difference[..., 2])
    rest &= (difference[..., 0] > -0.7) | (tint > 5)
    rest &= cv2.GaussianBlur(np.linalg.norm(cv2.GaussianBlur(difference, (0, 0), 1.5), axis=2), (0, 0), 2.0) > max(
        0.6, 1.6 * noise
    )
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8))
    touching = cv2.dilate((cover >= 0.5).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    found = np.zeros(cover.shape, bool)
    uneven = slope(small_lab, 1.0)
    even = float(np.median(uneven[ground])) if ground.any() else 0.05
    for index in np.unique(labels[touching & rest]):
        _, top, width, height, area = stats[index]
        if index == 0 or area < _LEFT_OVER * face.width * face.height:
            continue
        # Paper that an arm or a leg shuts off is as even as paper is; a shoe has folds, seams and a sole.
        piece = labels == index
        lighter, *tints = difference[piece].mean(axis=0)
        mean_tint = float(np.hypot(*tints)) - 0.1 * abs(
            float(lighter)
        )  # a shadow on coloured paper has less of its colour
        rim = widened(piece, 11) & ~piece & (cover < 0.15)
        shut_off = (rim & ground).sum() < 0.3 * (width + height)
        if shut_off and float(np.median(uneven[piece])) < 3 * even + 0.12 and mean_tint < max(0.6, noise):
            continue
        # Solid, not the thread of an edge; below her chin, for what is beside the head is hair or paper.
        if top > face.bottom and area > 0.3 * width * height and min(width, height) > 0.1 * face.width:
            found |= piece
    return found


def _sheer(small_lab: np.ndarray, cover: np.ndarray, backdrop: np.ndarray, face: Box) -> np.ndarray:
    """Where cloth may be sheer: bool (h, w).

    Sheer cloth has a colour between the backdrop's and its own where it lies double or on the body. So a large patch
    by the outline whose colours lie on the way from the backdrop to the colour of her chest, and well before its end,
    is doubted: it may be a paler cloth, but nobody can tell from one photograph.
    """
    high, wide = cover.shape
    nothing = np.zeros(cover.shape, bool)
    chest = core(face, wide, high) & (cover > 0.9)
    if not chest.any():
        return nothing
    own = np.median(small_lab[chest], axis=0)
    distance = np.linalg.norm(own - backdrop, axis=2)
    # Light mixes in linear light; on the way from paper to cloth CIELAB bends.
    behind, values = lab_to_linear(backdrop), lab_to_linear(small_lab)
    way = lab_to_linear(own) - behind
    length = np.maximum(np.linalg.norm(way, axis=2), 1e-4)
    place = ((values - behind) * way).sum(axis=2) / (length * length)
    off = np.linalg.norm(values - behind - place[..., None] * way, axis=2)
    inwards = cv2.distanceTransform(np.pad((cover > 0.5).astype(np.uint8), 1, mode="edge"), cv2.DIST_L2, 5)[1:-1, 1:-1]
    between = (inwards > 3) & (distance > _SHEER_DIFFERENCE) & (off < 0.2 * length) & (place > 0.12) & (place < 0.72)
    # Sleeves and blouses: trousers and skirts have folds as dark as dark paper.
    between[: round(face.bottom + 0.3 * face.height)] = False
    between[round(face.bottom + 3.2 * face.height) :] = False
    between = cv2.morphologyEx(between.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(between)
    by_outline = np.unique(labels[(inwards < 6) & (between > 0)])
    found = nothing.copy()
    for index in by_outline:
        if index and stats[index, cv2.CC_STAT_AREA] > _SHEER * face.width * face.height:
            found |= labels == index
    return found


def _where(found: np.ndarray, face: Box) -> str:
    """Where on her something is, for people: "the feet", "the legs", "the waist", "the shoulders", "the head"."""
    heads = (float(np.median(np.nonzero(found)[0])) - face.top) / face.height if found.any() else 0.0
    for bound, name in ((1.0, "the head"), (2.2, "the shoulders"), (4.0, "the waist"), (8.2, "the legs")):
        if heads < bound:
            return name
    return "the feet"
