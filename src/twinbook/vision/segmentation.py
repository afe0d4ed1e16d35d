"""Where she is, on a small copy: the body's mask and the backdrop behind it.

In order: a model of the backdrop (`backdrop`); the calm ground, which is everything that can be walked to from the
picture's free parts without crossing an edge, so that a soft shadow on the paper is paper and a pale shirt is not;
GrabCut (Rother, Kolmogorov and Blake, 2004) on the amplified difference from it, which tells a grey shirt from grey
paper where plain colours can't.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from ..domain.twin import Box
from .backdrop import BackdropModel
from .closed_form import continued


def segment(
    small_lab: np.ndarray,
    face: Box,
    model: BackdropModel,
    outside: np.ndarray,
    hers: np.ndarray | None = None,
    never: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Body mask (bool), the difference from the backdrop (CIELAB float32) and the calm ground (bool), all at the small
    size. ``small_lab`` is CIELAB float32 without grain; ``outside`` says where surely nobody is. ``hers`` and ``never``
    (bool) are known beforehand to be her and not to be her."""
    high, wide = small_lab.shape[:2]
    difference = small_lab - model.lab(wide, high)
    noise = max(model.noise, 0.25)
    column = core(face, wide, high)
    if hers is not None:
        column |= hers
    if never is not None:
        column &= ~never
    # Twice: what is found to be ground says better what the ground looks like, and so where it goes on.
    for _ in range(2):
        ground = calm_ground(small_lab, difference, noise, outside, column, face)
        if never is not None:
            ground |= never
        known = cv2.erode(ground.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if not known.any():
            break
        residue = cv2.GaussianBlur(continued(difference, known), (0, 0), 2.0)
        difference = difference - residue
    return grab(difference, face, noise, known, column), difference, ground


def segment_by_model(
    small_lab: np.ndarray, face: Box, model: BackdropModel, ground: np.ndarray, column: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`segment` without walking: by the difference from the smooth model alone. For what the walk took for ground, a
    shirt whose border fades into the paper somewhere; it can't tell a shadow on the wall from her. ``ground`` is what
    `segment` found, ``column`` (bool) surely she."""
    high, wide = small_lab.shape[:2]
    difference = small_lab - model.lab(wide, high)
    noise = max(model.noise, 0.25)
    body = grab(difference, face, noise, shadow_like(difference, face) & ~column, column)
    far = ~widened(body | column, 9)
    # Outliers (a stand, dust) must not stain what surrounds them.
    far &= np.linalg.norm(difference, axis=2) < max(4.0, 8 * noise)
    if far.any():
        difference = difference - cv2.GaussianBlur(continued(difference, far), (0, 0), 0.02 * max(high, wide))
        body = grab(difference, face, noise, shadow_like(difference, face) & ~column, column)
    return body, difference, ground & ~widened(body, 5)


def calm_ground(
    small_lab: np.ndarray, difference: np.ndarray, noise: float, outside: np.ndarray, never: np.ndarray, face: Box
) -> np.ndarray:
    """What hangs together with the free parts of the picture (``outside``) and has no edge in between: bool (h, w).

    An edge is where the slope at a fine scale is steeper than at a coarse one: so a shadow's soft border, however dark
    it is, is walked through, and the border of a pale shirt, however faint, is not. ``never`` is where she surely is.
    """
    fine, wall = _walls(small_lab, outside)
    chroma = np.hypot(difference[..., 1], difference[..., 2])
    like = (difference[..., 0] > -40) & (difference[..., 0] < max(4.0, 4 * noise)) & (chroma < max(4.0, 4 * noise))
    free = like & ~wall & ~never
    # Through channels of five pixels and wider: one missing stone in a wall mustn't let the ground in.
    wide_enough = cv2.erode(free.astype(np.uint8), np.ones((5, 5), np.uint8))
    _, labels = cv2.connectedComponents(wide_enough, connectivity=4)
    reached = np.unique(labels[outside & (wide_enough > 0)])
    ground = np.isin(labels, reached[reached > 0])
    narrow = cv2.erode(free.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(narrow, connectivity=4)
    ground |= _gaps(labels, ground, difference, fine, noise, face, widened(never, 9))
    return widened(ground, 5) & free


def _walls(small_lab: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slope at a fine scale, float32 (h, w), and where it is an edge's: bool (h, w)."""
    fine, coarse = (slope(small_lab, sigma) for sigma in (1.0, 3.0))
    # Above the grain, and above the blocks that a JPEG leaves in even paper.
    floor = 0.5
    if outside.any():
        floor = max(3.5 * float(np.median(fine[outside])), min(float(np.percentile(fine[outside], 98)), 0.7))
    return fine, (fine > max(floor, 0.22)) & (fine > 1.45 * coarse) | (fine > max(5.0, floor))


def given_back(
    small_lab: np.ndarray, walked: np.ndarray, modelled: np.ndarray, outside: np.ndarray, face: Box
) -> np.ndarray:
    """What the walk took from her, of what the difference from the model alone calls hers: bool (h, w).

    Where the walk found a way into a grey stripe or a black sleeve, the piece ends outwards in an edge; a shadow, which
    it took rightly, fades. A piece that she encloses is a gap by her side, unless it lies across her or on her chest.
    """
    high, wide = walked.shape
    found = np.zeros(walked.shape, bool)
    lost = cv2.morphologyEx((modelled & ~walked).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if not lost.any():
        return found
    sharp = widened(_walls(small_lab, outside)[1], 3)
    chest = widened(core(face, wide, high), 5)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(lost)
    for index in range(1, count):
        _, _, across, down, area = stats[index]
        if area < 0.03 * face.width * face.height:
            continue
        piece = labels == index
        ring = widened(piece, 5) & ~widened(piece, 3)
        outer, inner = ring & ~walked & ~modelled, int((ring & walked).sum())
        if outer.sum() < 0.15 * inner:
            hers = across > 2 * down or (piece & chest).any()
        else:
            hers = float(sharp[outer].mean()) > 0.45
        if hers:
            found |= piece
    return widened(found, 3) & modelled


def _gaps(
    labels: np.ndarray,
    ground: np.ndarray,
    difference: np.ndarray,
    fine: np.ndarray,
    noise: float,
    face: Box,
    body: np.ndarray,
) -> np.ndarray:
    """Ground that her arm or her legs shut off: bool (h, w).

    A gap has the backdrop's colour, or that of its shadow, and no more texture than the paper has. What is lighter than
    the paper around it, or drawn on, is a pale piece of cloth or a shoe; what touches the middle of the ``body`` is cloth.
    """
    found = np.zeros(ground.shape, bool)
    if not ground.any():
        return found
    even = float(np.percentile(fine[ground], 80))
    sizes = np.bincount(labels.ravel())
    boxes = ndimage.find_objects(labels)
    for index in range(1, len(sizes)):
        if sizes[index] < 8 or boxes[index - 1] is None:
            continue
        window = boxes[index - 1]
        inside = labels[window] == index
        if ground[window][inside].any() or body[window][inside].any() or window[0].stop < face.bottom:
            continue
        mean = difference[window][inside].mean(axis=0)
        tint = float(np.hypot(mean[1], mean[2]))
        if window[0].start < face.bottom + 0.8 * face.height and abs(mean[0]) + tint > max(2.0, 3 * noise):
            continue  # beside the neck the shadow of her hair is as even and as colourless as a dark backdrop
        if -35 < mean[0] < max(0.5, 0.7 * noise) and tint < max(1.2, noise) + 0.08 * abs(mean[0]):
            # A shadow in it may have a slope, and the edges around it shine in a little.
            steep = float(np.percentile(fine[window][inside], 60))
            found[window] |= inside & (steep < 1.5 * even + 0.15 + 0.04 * abs(mean[0]))
    return found


def shut_off(rgb: np.ndarray, mask: np.ndarray, backdrop: np.ndarray, face: Box) -> np.ndarray:
    """Backdrop that her arm or her legs shut off, too narrow for the small copy: bool (h, w), without its edge.

    It has the paper's colour or that of a shadow on it, is as even as paper is, and all around it something unlike it
    begins at once; a grey patch of cloth fades somewhere. ``rgb`` is uint8 sRGB (h, w, 3), ``mask`` her body,
    ``backdrop`` CIELAB float32 at any size.
    """
    high, wide = mask.shape
    values = cv2.GaussianBlur(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), (0, 0), 1.0)
    behind = cv2.resize(backdrop, (wide, high), interpolation=cv2.INTER_LINEAR)
    difference = values - behind
    fine = slope(values, 0.7)
    beyond = ~widened(mask, 2 * max(round(0.1 * face.width), 3) + 1)
    found = np.zeros(mask.shape, bool)
    if not beyond.any():
        return found
    noise = 1.4826 * float(np.median(np.linalg.norm(difference[beyond], axis=1)))
    even = float(np.percentile(fine[beyond], 80))
    tint = np.hypot(difference[..., 1], difference[..., 2])
    light = difference[..., 0]
    like = (
        mask
        & (light > -0.3 * behind[..., 0])
        & (light < max(0.7, 1.5 * noise))
        & (tint < max(1.5, 1.5 * noise) + 0.1 * np.abs(light))
    )
    like &= fine < 3 * even + 0.9 + 0.04 * np.abs(light)
    like[: round(face.bottom + 0.8 * face.height)] = False
    column = widened(core(face, wide, high), 2 * max(round(0.2 * face.width), 1) + 1)
    like &= ~column
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        cv2.erode(like.astype(np.uint8), np.ones((2, 2), np.uint8)), connectivity=4
    )
    least = max(20.0, 0.004 * face.width * face.height)
    margin = 8
    for index in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= least)[1:]:
        left, top, across, down, _ = stats[index]
        if across > 0.8 * down:
            continue  # a stripe: gaps hang
        window = np.s_[max(top - margin, 0) : top + down + margin, max(left - margin, 0) : left + across + margin]
        inside = labels[window] == index
        near, far = widened(inside, 9), widened(inside, 13)
        rim = far & ~near
        off = np.linalg.norm(difference[window] - difference[window][inside].mean(axis=0), axis=2)
        seen = (off > 5.0) | ~mask[window]
        if float(seen[rim].mean()) > 0.85:
            found[window] |= inside
    return found


def slope(values: np.ndarray, sigma: float) -> np.ndarray:
    """Length of the colour gradient (units per pixel) at a scale, float32 (h, w)."""
    calm = cv2.GaussianBlur(values, (0, 0), sigma)
    x, y = cv2.Sobel(calm, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(calm, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.sqrt((x * x + y * y).sum(axis=2))


def grab(
    difference: np.ndarray, face: Box, noise: float, ground: np.ndarray, column: np.ndarray | None = None
) -> np.ndarray:
    """Her body, bool (h, w), by GrabCut on the difference from the backdrop (CIELAB float32 (h, w, 3)); ``ground`` is
    surely backdrop, ``column`` surely she."""
    high, wide = difference.shape[:2]
    distance = np.linalg.norm(difference, axis=2)
    calm = cv2.GaussianBlur(distance, (0, 0), 0.7)
    seeds = np.full((high, wide), cv2.GC_PR_BGD, np.uint8)
    seeds[(calm > max(2.0, 5 * noise)) & ~ground] = cv2.GC_PR_FGD
    column = core(face, wide, high) if column is None else column
    seeds[(calm > max(20.0, 12 * noise)) & ~ground] = cv2.GC_FGD
    away = ~widened(column | (calm > max(1.6, 4 * noise)), 11)
    seeds[away | (ground & ~column)] = cv2.GC_BGD
    seeds[column | (face_mask(face, Box(0, 0, wide, high)) & (calm > 5))] = cv2.GC_FGD
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
    return _tidy(cut, column, calm, ground, face, noise)


def _around(mask: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns that hold the mask, with a margin of 12 pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - 12, 0), int(rows[-1]) + 13),
        slice(max(int(columns[0]) - 12, 0), int(columns[-1]) + 13),
    )


def core(face: Box, wide: int, high: int) -> np.ndarray:
    """Where a body surely is: a narrow column down the chest."""
    mask = np.zeros((high, wide), np.uint8)
    cx = face.left + face.width / 2
    # From below the neck: on a turned head the box sits before the face, and its column may pass beside the neck.
    top, bottom = face.bottom + 0.5 * face.height, face.bottom + 2.4 * face.height
    half = 0.3 * face.width
    points = [(cx - half, top), (cx + half, top), (cx + 1.4 * half, bottom), (cx - 1.4 * half, bottom)]
    cv2.fillPoly(mask, [np.array(points).round().astype(np.int32)], 1)
    return mask > 0


def shadow_like(difference: np.ndarray, face: Box) -> np.ndarray:
    """Darker than the backdrop, of its colour, and smooth, well below the hips: a shadow on the floor."""
    high = difference.shape[0]
    lightness = cv2.GaussianBlur(difference[..., 0], (0, 0), 1.0)
    chroma = cv2.GaussianBlur(np.hypot(difference[..., 1], difference[..., 2]), (0, 0), 1.5)
    slope = np.hypot(cv2.Sobel(lightness, cv2.CV_32F, 1, 0), cv2.Sobel(lightness, cv2.CV_32F, 0, 1)) / 8
    shadow = (lightness < -0.7) & (lightness > -45) & (chroma < 4) & (slope < 1.6)
    shadow[: min(int(face.bottom + 6.0 * face.height), high)] = False
    return shadow


def face_mask(face: Box, window: Box) -> np.ndarray:
    """The face's oval in a window of the picture: bool."""
    mask = np.zeros((window.height, window.width), np.uint8)
    box = face.shifted(window.left, window.top)
    centre = box.left + box.width // 2, box.top + round(0.52 * box.height)
    cv2.ellipse(mask, centre, (round(0.36 * box.width), round(0.46 * box.height)), 0, 0, 360, 1, -1)
    return mask > 0


def _tidy(
    cut: np.ndarray, core: np.ndarray, calm: np.ndarray, ground: np.ndarray, face: Box, noise: float
) -> np.ndarray:
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
        alike = (ground & hole).any() or float(np.percentile(calm[hole], 75)) < max(1.0, 2 * noise)
        deep = hole.sum() > 12 and alike and not (hole & core).any()
        if not deep:
            body |= hole
    return body


def widened(mask: np.ndarray, side: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
