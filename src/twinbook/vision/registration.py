"""Laying a finished picture onto the plate it was made from, by what of her shows in both.

Scale and place come from the picture's shape where it is still the plate's, else from matched features inside her
matte (SIFT, Lowe 2004; MAGSAC++, Barath et al. 2020). What remains is read by dense inverse search (DIS, Kroeger et
al. 2016) on locally normalised lightness, so that another backdrop, another colour of the garment and another exposure
don't matter. Runs at 1,024 pixels along the longer side; the same picture gives the same bytes on any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WORK_SIDE = 1024
_FEATURE_SIDE = 640
_SAME_SHAPE = 0.015
# Correlation of structure inside her: above the first the shape alone registers; below the second it is another picture.
_SURE = 0.85
_LEAST = 0.6
_HOPELESS = 0.2
_LEAST_INLIERS = 12
_LEAST_SHARE = 0.15  # of her that must be in the picture
_LEAST_SUPPORT = 0.2  # of her texture that must move as one
_AS_ONE = 0.4  # share of her texture that must agree with her head for all of her to be laid, not the head alone
_POLISHED = 12_000  # pixels
_STILL = 0.12  # work pixels: a smaller correction isn't worth the blur of resampling


@dataclass(frozen=True)
class Registration:
    """A picture in the plate's frame.

    ``matrix`` takes picture pixels to plate pixels (float64 (3, 3), a similarity). ``found`` is the picture in the
    work frame (the plate at ``scale``), uint8 (h, w, 3); ``valid`` says where it has pixels, bool (h, w). ``flow`` is
    the displacement that is left from plate to picture, float32 (h, w, 2) in work pixels. ``likeness`` is the
    correlation of structures inside her (−1 to 1), ``support`` the share of her texture that moves as one,
    ``inliers`` the number of features that agreed (None when none were needed), ``stretch`` by how many percent the
    picture is wider than the plate for its height. ``zoom`` is picture pixels per work pixel.
    """

    matrix: np.ndarray
    scale: float
    found: np.ndarray
    valid: np.ndarray
    flow: np.ndarray
    likeness: float
    support: float
    inliers: int | None
    stretch: float
    zoom: float


def register(
    picture_srgb: np.ndarray, plate_srgb: np.ndarray, alpha: np.ndarray | None, landmarks: np.ndarray
) -> Registration | None:
    """Both uint8 sRGB (h, w, 3) of any size, ``alpha`` uint8 (h, w) of the plate or None, ``landmarks`` dlib's five
    points on the plate. None when the picture isn't made from this plate."""
    work, scale = work_frame(plate_srgb)
    hers = her_mask(alpha, landmarks, plate_srgb.shape[:2], work.shape[:2])
    head = _head(landmarks * scale, hers)
    structure = normalised(work, hers)
    laid = []
    by_shape = _by_shape(picture_srgb, work)
    if by_shape is not None:
        laid.append(_laid(picture_srgb, by_shape, hers))
    likeness = _likeness(laid[0], structure, hers, head) if laid else 0.0
    inliers = None
    if likeness < _SURE:
        by_features = _by_features(picture_srgb, work, hers)
        if by_features is not None:
            laid.append(_laid(picture_srgb, by_features[0], hers))
            if not likeness or _likeness(laid[-1], structure, hers, head) > likeness:
                laid, inliers = laid[-1:], by_features[1]
        elif likeness < _HOPELESS:
            return None
    return _refined(picture_srgb, laid[0], structure, hers, head, scale, inliers)


@dataclass(frozen=True)
class _Laid:
    """A picture in the work frame: pixels, where there are any, its structure, and the matrix that took it there."""

    found: np.ndarray
    valid: np.ndarray
    structure: np.ndarray
    matrix: np.ndarray


def work_frame(rgb_srgb: np.ndarray) -> tuple[np.ndarray, float]:
    """The plate at work size, and work pixels per plate pixel; never enlarged."""
    high, wide = rgb_srgb.shape[:2]
    scale = min(1.0, WORK_SIDE / max(high, wide))
    if scale == 1.0:
        return rgb_srgb, 1.0
    return cv2.resize(rgb_srgb, (round(wide * scale), round(high * scale)), interpolation=cv2.INTER_AREA), scale


def her_mask(
    alpha: np.ndarray | None, landmarks: np.ndarray, plate_shape: tuple[int, int], shape: tuple[int, int]
) -> np.ndarray:
    """Where she surely is, in the work frame: bool (h, w). Without a matte: an upright figure under her face."""
    if alpha is not None:
        small = cv2.resize(alpha, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
        return cv2.erode(small, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_REPLICATE) > 250
    eyes = landmarks[:4].mean(axis=0)
    size = _face_size(landmarks)
    mask = np.zeros(plate_shape, np.uint8)
    centre = tuple(int(v) for v in eyes.round())
    cv2.ellipse(
        mask, (centre[0], round(eyes[1] + 0.4 * size)), (round(1.0 * size), round(1.5 * size)), 0, 0, 360, 1, -1
    )
    top = round(eyes[1] + 2.2 * size)
    cv2.rectangle(mask, (round(eyes[0] - 1.4 * size), top), (round(eyes[0] + 1.4 * size), round(top + 8 * size)), 1, -1)
    return cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST) > 0


def _head(landmarks: np.ndarray, hers: np.ndarray) -> np.ndarray:
    """Her head in the work frame, bool (h, w): what lies about the five points (given in work pixels)."""
    eyes, size = landmarks[:4].mean(axis=0), _face_size(landmarks)
    y, x = np.mgrid[0 : hers.shape[0], 0 : hers.shape[1]]
    return hers & (np.abs(x - eyes[0]) < 2.0 * size) & (y > eyes[1] - 2.0 * size) & (y < eyes[1] + 1.6 * size)


def _face_size(landmarks: np.ndarray) -> float:
    """About the distance from one outer corner of the eyes to the other, also on a turned head."""
    return max(float(np.ptp(landmarks[:4, 0])), 1.3 * float(landmarks[4, 1] - landmarks[:4, 1].mean()))


def _likeness(laid: _Laid, structure: np.ndarray, hers: np.ndarray, head: np.ndarray) -> float:
    """Of all of her, or of her head alone if that fits better: a drawn-in body is still hers."""
    whole = _correlation(laid.structure, structure, hers & laid.valid)
    return max(whole, 0.9 * _correlation(laid.structure, structure, head & laid.valid)) if head.any() else whole


def normalised(rgb_srgb: np.ndarray, hers: np.ndarray, sigma: float = 10.0) -> np.ndarray:
    """Lightness inside her without its broad gradients and in units of its local contrast: float32 (h, w), 0 around
    her. The backdrop takes no part, so that another one changes nothing."""
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb_srgb, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.8)
    cover = hers.astype(np.float32)
    weight = np.maximum(_broad(cover, sigma), 1e-3)
    detail = (grey - _broad(grey * cover, sigma) / weight) * cover
    contrast = np.sqrt(np.maximum(_broad(detail * detail, sigma), 0) / weight)
    # Under 3 of 255 it is grain, which must not be blown up.
    return detail / (contrast + 3.0)


def followed(plate: np.ndarray, registration: Registration, hers: np.ndarray, sigma: float = 6.0) -> np.ndarray:
    """How well the flow explains what each pixel shows: correlation (−1 to 1) of the plate's structure with the
    picture's where the flow says it went, float32 (h, w).

    ``plate`` is uint8 (h, w, 3) in the work frame, ``hers`` bool (h, w). Dense search has to match something everywhere;
    where a dye turns dark beside light into light beside dark, it matches wrongly, and the correlation says so.
    """
    high, wide = hers.shape
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    flow = registration.flow
    there = cv2.remap(registration.found, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
    a, b, cover = normalised(plate, hers), normalised(there, hers), hers.astype(np.float32)
    weight = np.maximum(cv2.GaussianBlur(cover, (0, 0), sigma), 1e-3)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values * cover, (0, 0), sigma) / weight

    mean_a, mean_b = mean(a), mean(b)
    spread = (mean(a * a) - mean_a**2) * (mean(b * b) - mean_b**2)
    return (mean(a * b) - mean_a * mean_b) / np.sqrt(np.maximum(spread, 1e-9))


def _broad(values: np.ndarray, sigma: float) -> np.ndarray:
    """A wide Gaussian blur, on a quarter of the size."""
    high, wide = values.shape
    small = cv2.resize(values, (max(wide // 4, 1), max(high // 4, 1)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR)


def similarity(
    source: np.ndarray, shift: np.ndarray, weight: np.ndarray, floor: float, lead: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Matrix (float64 (2, 3)) that takes points (n, 2) to points + shift, and the weights it ended with.

    Iteratively reweighted (Tukey's biweight of spread, at least ``floor``): parts that move by themselves don't pull.
    ``lead`` (bool (n,)) begins: the others join where they agree with those, so that a body that was drawn in doesn't
    outvote the head.
    """
    origin = np.average(source, axis=0, weights=weight)
    x, y = (source - origin).T.astype(np.float64)
    one, zero = np.ones_like(x), np.zeros_like(x)
    design = np.concatenate([np.stack([x, -y, one, zero], axis=1), np.stack([y, x, zero, one], axis=1)])
    target = np.concatenate([shift[:, 0], shift[:, 1]]).astype(np.float64)
    lead = np.ones(len(x), bool) if lead is None else lead
    robust = np.where(lead, weight, 0).astype(np.float64)
    p = np.zeros(4)
    for step in range(16):
        both = np.concatenate([robust, robust])
        p = np.linalg.solve(design.T @ (design * both[:, None]) + 1e-9 * np.eye(4), design.T @ (both * target))
        off = target - design @ p
        off = np.hypot(off[: len(x)], off[len(x) :])
        spread = max(_weighted_median(off[lead], weight[lead]), floor) * (4.0 if step > 4 else 6.0)
        robust = weight * np.square(np.maximum(1 - np.square(off / spread), 0))
    linear = np.array([[1 + p[0], -p[1]], [p[1], 1 + p[0]]])
    return np.column_stack([linear, origin + p[2:] - linear @ origin]), robust


# --- first guess --------------------------------------------------------------------------------------------------


def _by_shape(picture: np.ndarray, work: np.ndarray) -> np.ndarray | None:
    """Picture pixels to work pixels (float64 (3, 3)) if the proportions are the plate's."""
    sx, sy = work.shape[1] / picture.shape[1], work.shape[0] / picture.shape[0]
    if abs(sx / sy - 1) > _SAME_SHAPE:
        return None
    return scaling(sx, sy)


def scaling(sx: float, sy: float) -> np.ndarray:
    """Pixel centres to pixel centres, as resizing has it."""
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]], np.float64)


def _by_features(picture: np.ndarray, work: np.ndarray, hers: np.ndarray) -> tuple[np.ndarray, int] | None:
    shrink = min(1.0, _FEATURE_SIDE / max(picture.shape[:2]))
    size = max(round(picture.shape[1] * shrink), 1), max(round(picture.shape[0] * shrink), 1)
    size_x, size_y = size[0] / picture.shape[1], size[1] / picture.shape[0]
    copy = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if shrink < 1 else picture
    down = min(1.0, _FEATURE_SIDE / max(work.shape[:2]))
    small = cv2.resize(work, None, fx=down, fy=down, interpolation=cv2.INTER_AREA) if down < 1 else work
    mask = cv2.resize(hers.astype(np.uint8) * 255, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    detector = cv2.SIFT_create(nfeatures=1500, contrastThreshold=0.012)
    points_a, words_a = detector.detectAndCompute(cv2.cvtColor(copy, cv2.COLOR_RGB2GRAY), None)
    points_b, words_b = detector.detectAndCompute(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), mask)
    if words_a is None or words_b is None or min(len(words_a), len(words_b)) < _LEAST_INLIERS:
        return None
    # From her to the picture: what the backdrop brings has no partner and would only blur the ratio.
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words_b, words_a, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.8 * pair[1].distance]
    if len(good) < _LEAST_INLIERS:
        return None
    source = np.float64([points_a[match.trainIdx].pt for match in good])
    target = np.float64([points_b[match.queryIdx].pt for match in good])
    cv2.setRNGSeed(0)
    found, inliers = cv2.estimateAffine2D(
        source, target, method=cv2.USAC_MAGSAC, ransacReprojThreshold=2.0, maxIters=5000, confidence=0.999
    )
    if found is None or int(inliers.sum()) < _LEAST_INLIERS:
        return None
    kept = inliers.ravel() > 0
    source, target = source[kept], target[kept]
    # From inliers of an affine map to the similarity through them: a start of the right size first.
    size = np.sqrt(abs(np.linalg.det(found[:, :2])))
    if not 1 / 8 < size < 8 or np.linalg.det(found[:, :2]) <= 0:
        return None
    turned, _ = similarity(source * size, target - source * size, np.ones(len(source)), 0.5)
    matrix = np.vstack([turned @ np.diag([size, size, 1.0]), [0, 0, 1]])
    matrix = np.linalg.inv(scaling(down, down)) @ matrix @ scaling(size_x, size_y)
    return matrix, int(kept.sum())


def _laid(picture: np.ndarray, matrix: np.ndarray, hers: np.ndarray) -> _Laid:
    found, valid = _warped(picture, matrix, hers.shape)
    return _Laid(found, valid, normalised(found, hers), matrix)


def _warped(picture: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The picture in the work frame and where it has pixels."""
    high, wide = picture.shape[:2]
    exact = np.allclose(matrix, scaling(shape[1] / wide, shape[0] / high), atol=1e-6)
    if exact:
        if (high, wide) == shape:
            return picture, np.ones(shape, bool)
        shrinks = high > shape[0]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        return cv2.resize(picture, shape[::-1], interpolation=method), np.ones(shape, bool)
    size = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    source, step = picture, matrix
    if size < 0.8:  # warping samples single pixels: average first
        small = max(round(wide * size), 1), max(round(high * size), 1)
        source = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        step = matrix @ np.linalg.inv(scaling(small[0] / wide, small[1] / high))
    found = cv2.warpAffine(source, step[:2], shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.full(source.shape[:2], 255, np.uint8), step[:2], shape[::-1], flags=cv2.INTER_LINEAR)
    valid = cv2.erode(inside, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=255) == 255
    return found, valid


# --- refinement ---------------------------------------------------------------------------------------------------


def _refined(
    picture: np.ndarray,
    laid: _Laid,
    structure: np.ndarray,
    hers: np.ndarray,
    head: np.ndarray,
    scale: float,
    inliers: int | None,
) -> Registration | None:
    shape = hers.shape
    for last in (False, False, True):
        judged = hers & laid.valid
        if judged.sum() < max(_LEAST_SHARE * hers.sum(), 400):
            return None
        flow = dense(structure, laid.structure)
        points, shift, weight = _textured(structure, flow, judged)
        if len(points) < 50:
            return None
        led = head[points[:, 1], points[:, 0]]
        lead = led if led.sum() >= 40 else np.ones(len(led), bool)
        correction, kept = similarity(points, shift, weight, 0.15, lead)
        alike = float(kept.sum() / weight.sum())
        support = max(alike, float(kept[lead].sum() / weight[lead].sum()))
        correction = polished(structure, laid.structure, judged if alike > _AS_ONE else judged & head, correction)
        moved = _field(correction, shape)
        if float(np.linalg.norm(moved, axis=-1)[judged].max()) < _STILL:
            break
        if last:
            flow = flow - moved
            break
        laid = _laid(picture, np.linalg.inv(np.vstack([correction, [0, 0, 1]])) @ laid.matrix, hers)
    likeness = _likeness(laid, structure, hers, head)
    if likeness < _LEAST or support < _LEAST_SUPPORT:
        return None
    to_plate = np.linalg.inv(scaling(scale, scale)) @ laid.matrix
    zoom = 1 / float(np.sqrt(abs(np.linalg.det(laid.matrix[:2, :2]))))
    stretch = _stretch(points, shift, weight)
    return Registration(to_plate, scale, laid.found, laid.valid, flow, likeness, support, inliers, stretch, zoom)


def _field(matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """By how much a map (2, 3) moves each pixel: float32 (h, w, 2)."""
    x, y = np.arange(shape[1])[None, :], np.arange(shape[0])[:, None]
    linear = matrix[:, :2] - np.eye(2)
    moved = [linear[i, 0] * x + linear[i, 1] * y + matrix[i, 2] for i in (0, 1)]
    return np.stack(moved, axis=-1).astype(np.float32)


def polished(structure: np.ndarray, now: np.ndarray, where: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The similarity (2, 3) that lays structure on structure best near ``start`` (Lucas and Kanade 1981, robust).

    Dense search hesitates near her outline, where both pictures were masked alike; this takes inner pixels only.
    """
    inner = cv2.erode(
        where.astype(np.uint8), np.ones((13, 13), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    smooth, other = (cv2.GaussianBlur(one, (0, 0), 1.0) for one in (structure, now))
    gx, gy = (cv2.Scharr(smooth, cv2.CV_32F, dx, 1 - dx) / 32 for dx in (1, 0))
    strength = np.where(inner > 0, np.hypot(gx, gy), 0)
    rows, columns = np.nonzero(strength > 0.02)
    if len(rows) < 200:
        return start
    if len(rows) > _POLISHED:  # the strongest, ties by place
        chosen = np.argpartition(-strength[rows, columns], _POLISHED)[:_POLISHED]
        rows, columns = rows[chosen], columns[chosen]
    centre = np.array([columns.mean(), rows.mean()])
    x, y = columns - centre[0], rows - centre[1]
    gx, gy, values = gx[rows, columns], gy[rows, columns], smooth[rows, columns]
    slopes = np.stack([gx * x + gy * y, gy * x - gx * y, gx, gy], axis=1).astype(np.float64)
    matrix = np.vstack([start, [0, 0, 1]])
    for _ in range(6):
        at = matrix[:2, :2] @ np.stack([columns, rows]) + matrix[:2, 2:]
        seen = cv2.remap(other, at[0].astype(np.float32)[None], at[1].astype(np.float32)[None], cv2.INTER_LINEAR)[0]
        off = (seen - values).astype(np.float64)
        spread = 4 * max(1.4826 * float(np.median(np.abs(off))), 0.02)
        weight = np.square(np.maximum(1 - np.square(off / spread), 0))
        p = np.linalg.solve(slopes.T @ (slopes * weight[:, None]) + 1e-6 * np.eye(4), slopes.T @ (weight * off))
        # The plate moved by p looks like the picture as it lies now, so the picture is to be moved the other way.
        linear = np.array([[1 + p[0], -p[1]], [p[1], 1 + p[0]]])
        step = np.vstack([np.column_stack([linear, centre + p[2:] - linear @ centre]), [0, 0, 1]])
        matrix = matrix @ np.linalg.inv(step)
    return matrix[:2]


def dense(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Displacement from one normalised lightness to another, float32 (h, w, 2) in pixels."""
    a, b = (np.clip(one * 48 + 128, 0, 255).astype(np.uint8) for one in (source, target))
    finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    finder.setFinestScale(1)
    return finder.calc(a, b, None)


def _textured(structure: np.ndarray, flow: np.ndarray, judged: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 2), their displacement and weight, where she has texture in both directions (Shi and Tomasi 1994)."""
    inner = cv2.erode(judged.astype(np.uint8), np.ones((9, 9), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    strength = cv2.cornerMinEigenVal(structure, 9)
    step = 4
    rows, columns = np.nonzero(inner[step // 2 :: step, step // 2 :: step])
    rows, columns = rows * step + step // 2, columns * step + step // 2
    if not len(rows):
        return np.zeros((0, 2), int), np.zeros((0, 2)), np.zeros(0)
    strength = strength[rows, columns].astype(np.float64)
    chosen = (strength >= np.percentile(strength, 60)) & (strength > 0)
    rows, columns, strength = rows[chosen], columns[chosen], strength[chosen]
    weight = np.minimum(strength / max(np.percentile(strength, 80), 1e-12), 1.0) if len(rows) else strength
    return np.stack([columns, rows], axis=1), flow[rows, columns], weight


def _stretch(points: np.ndarray, shift: np.ndarray, weight: np.ndarray) -> float:
    """Percent by which the picture is wider than the plate for its height."""
    use = weight > 0
    design = np.column_stack([points[use], np.ones(use.sum())]).astype(np.float64)
    w = weight[use][:, None]
    fitted = np.linalg.lstsq(design * np.sqrt(w), shift[use] * np.sqrt(w), rcond=None)[0]
    return float((1 + fitted[0, 0]) / (1 + fitted[1, 1]) - 1) * 100


def _correlation(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    if not where.any():
        return 0.0
    a, b = a[where].astype(np.float64), b[where].astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 1e-6 else 0.0


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
