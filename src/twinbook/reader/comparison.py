"""Says whether a found picture is the issued copy with other compression, or with something else in it.

The found picture is brought onto the issued copy (by its shape, else by matched features), the global tone change that
platforms and phones make is fitted and taken out, and what is left is looked at in cells: 64 along the longer side. A
cell is altered when its colour departs by more than re-encoding explains. docs/reference/marks.md gives the reasons for
the thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..domain.provenance import Likeness
from ..domain.twin import Box
from .alteration import Examined, draw, name_alterations

_CELLS = 64  # along the longer side
_WORK = 1024  # pixels along the longer side, so that a cell has 16
_CELL = _WORK // _CELLS
_SAME_SHAPE = 0.02
_SURE = 0.90  # correlation of structure above which the shape alone registers
_LEAST = 0.50  # and below which two pictures are not of the same scene
_LEAST_INLIERS = 15  # unrelated pictures reach about 10
_LEAST_OVERLAP = 0.10  # of the found picture

_MOST_ALTERED = 0.4  # of the cells, when structure can't tell whether it is the same scene
_LIGHTNESS = 2.5  # ΔL* of a cell that counts as altered
_WARPED_LIGHTNESS = 4.5  # the same after a warp, which is half a pixel off here and there
_COLOUR = 7.0  # ΔE76 of a cell that does; re-encoding moves saturated outlines more in colour than in lightness
_REGION_COLOUR = 3.5  # ΔE76 of the mean of a cell and its eight neighbours, over which outlines cancel
_ENOUGH_PIXELS = 12.0  # of the found file along a cell; below, the limits rise
_LEAST_CELLS = 2  # that touch; a single one is a hot spot of the encoder
_GAMMAS = tuple(1.05**step for step in (0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6, 6, -7, 7))  # 0.71 to 1.41


@dataclass(frozen=True)
class _Registered:
    """The found picture in the issued copy's frame, uint8 (h, w, 3); where it has pixels, bool (h, w); how well the
    structures correlate; whether it came there by scaling alone; and how much of the frame it covers, 0 to 1."""

    found: np.ndarray
    valid: np.ndarray
    likeness: float
    exact: bool
    coverage: float = 1.0


@dataclass(frozen=True)
class _Departures:
    """What is left after the tone fit. ``lab`` is found minus expected of each cell, float64 (rows, columns, 3);
    ``judged`` says which cells have pixels, bool (rows, columns)."""

    lab: np.ndarray
    judged: np.ndarray

    def altered(self, pixels_per_cell: float, exact: bool) -> np.ndarray:
        """Which cells depart, bool (rows, columns). ``pixels_per_cell`` of the found file: the fewer there are, the more of
        a cell one coding block spoils. ``exact``: not warped, so outlines lie on each other."""
        coarseness = max(1.0, _ENOUGH_PIXELS / pixels_per_cell)
        lightness_limit = max(_LIGHTNESS * coarseness**1.5, _LIGHTNESS if exact else _WARPED_LIGHTNESS)
        colour_limit = _COLOUR * coarseness**0.75
        region_limit = _REGION_COLOUR * max(1.0, coarseness / 1.5)
        colour = np.linalg.norm(self.lab, axis=-1)
        weight = cv2.blur(self.judged.astype(np.float64), (3, 3), borderType=cv2.BORDER_CONSTANT)
        total = cv2.blur(self.lab * self.judged[..., None], (3, 3), borderType=cv2.BORDER_CONSTANT)
        region = np.linalg.norm(total / np.maximum(weight, 1 / 9)[..., None], axis=-1)
        lightness = np.abs(self.lab[..., 0])
        beyond = (lightness > lightness_limit) | (colour > colour_limit) | (region > region_limit)
        return _clusters(beyond & self.judged)


def compare_pictures(found_srgb: np.ndarray, issued_srgb: np.ndarray, label: Box | None = None) -> Likeness | None:
    """Both uint8 sRGB (h, w, 3), of any size. None when they don't show the same scene.

    A crop or a mirror image registers; what was cropped away is not judged. Global changes of brightness, contrast and
    gamma don't count as alteration, local ones do. ``label`` is where the issued copy has its visible label, in its pixels.
    """
    compared = _examined(found_srgb, issued_srgb)
    if compared is None:
        return None
    seen, coverage = compared
    return Likeness(
        altered_share=float(seen.altered.sum() / seen.judged.sum()),
        worst_cell=float(np.linalg.norm(seen.lab, axis=-1)[seen.judged].max()),
        coverage=coverage,
        alterations=name_alterations(seen, label),
    )


def draw_alterations(found_srgb: np.ndarray, issued_srgb: np.ndarray) -> bytes | None:
    """A PNG of where the found picture departs, for people; None when the two don't show the same scene."""
    compared = _examined(found_srgb, issued_srgb)
    return None if compared is None else draw(compared[0])


def _examined(found_srgb: np.ndarray, issued_srgb: np.ndarray) -> tuple[Examined, float] | None:
    """The comparison cell by cell, and how much of the issued copy the found picture shows."""
    issued = _to_work_size(issued_srgb)
    registered = _by_shape(found_srgb, issued)
    if registered is None or registered.likeness < _SURE:
        by_features = _by_features(found_srgb, issued)
        if by_features is not None and (registered is None or by_features.likeness > registered.likeness):
            registered = by_features
    if registered is None:
        return None
    departures = _departures(registered, issued)
    if not departures.judged.any():
        return None
    altered = departures.altered(max(found_srgb.shape[:2]) / _CELLS, registered.exact)
    # Pictures of little structure (a label on a flat backdrop) correlate badly once something is pasted in; that most
    # cells agree says the same.
    if registered.likeness < _LEAST and altered.sum() > _MOST_ALTERED * departures.judged.sum():
        return None
    scale = issued_srgb.shape[1] / issued.shape[1], issued_srgb.shape[0] / issued.shape[0]
    seen = Examined(registered.found, issued, altered, departures.judged, departures.lab, scale)
    return seen, registered.coverage


# --- registration -----------------------------------------------------------------------------------------------

# Not vision.registration: that lays her alone, by her plate's matte and landmarks; here is no plate, and a copy from
# anywhere may be mirrored or photographed at a slant, which takes all of the picture and a homography.


def _to_work_size(rgb_srgb: np.ndarray) -> np.ndarray:
    height, width = rgb_srgb.shape[:2]
    scale = _WORK / max(height, width)
    # Whole cells: the last few rows of a picture aren't worth a special case.
    size = [max(1, round(side * scale / _CELL)) * _CELL for side in (width, height)]
    return _resized(rgb_srgb, size[0], size[1])


def _resized(rgb_srgb: np.ndarray, width: int, height: int) -> np.ndarray:
    shrinks = rgb_srgb.shape[0] > height and rgb_srgb.shape[1] > width
    return cv2.resize(rgb_srgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _by_shape(found_srgb: np.ndarray, issued: np.ndarray) -> _Registered | None:
    """The found picture scaled, if its proportions are those of the issued copy; mirrored if that fits better."""
    height, width = issued.shape[:2]
    proportion = (found_srgb.shape[1] / found_srgb.shape[0]) / (width / height)
    # Whole cells may have changed the issued copy's own proportions by half a cell.
    if abs(proportion - 1) > _SAME_SHAPE + 0.5 * _CELL / min(height, width):
        return None
    scaled = _resized(found_srgb, width, height)
    everywhere = np.ones((height, width), bool)
    straight = _Registered(scaled, everywhere, _structural_likeness(scaled, issued, everywhere), True)
    if straight.likeness >= _SURE:
        return straight
    turned = np.ascontiguousarray(scaled[:, ::-1])
    mirrored = _Registered(turned, everywhere, _structural_likeness(turned, issued, everywhere), True)
    return max(straight, mirrored, key=lambda registered: registered.likeness)


def _by_features(found_srgb: np.ndarray, issued: np.ndarray) -> _Registered | None:
    """Matched SIFT features (Lowe 2004) and a homography (MAGSAC++, Barath et al. 2020)."""
    scale = min(1.0, _WORK / max(found_srgb.shape[:2]))
    size = [max(1, round(side * scale)) for side in (found_srgb.shape[1], found_srgb.shape[0])]
    found = _resized(found_srgb, size[0], size[1])
    detector = cv2.SIFT_create(nfeatures=3000)
    points_a, words_a = detector.detectAndCompute(cv2.cvtColor(found, cv2.COLOR_RGB2GRAY), None)
    points_b, words_b = detector.detectAndCompute(cv2.cvtColor(issued, cv2.COLOR_RGB2GRAY), None)
    if words_a is None or words_b is None or min(len(words_a), len(words_b)) < _LEAST_INLIERS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words_a, words_b, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance]
    if len(good) < _LEAST_INLIERS:
        return None
    source = np.float32([points_a[match.queryIdx].pt for match in good])
    target = np.float32([points_b[match.trainIdx].pt for match in good])
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.findHomography(source, target, cv2.USAC_MAGSAC, 2.0, maxIters=5000, confidence=0.999)
    if matrix is None or int(inliers.sum()) < _LEAST_INLIERS or not _plausible(matrix, size[0], size[1]):
        return None
    height, width = issued.shape[:2]
    warped = cv2.warpPerspective(found, matrix, (width, height), flags=cv2.INTER_LINEAR)
    covered = cv2.warpPerspective(np.full(found.shape[:2], 255, np.uint8), matrix, (width, height))
    valid = cv2.erode(covered, np.ones((5, 5), np.uint8)) == 255
    if valid.mean() < _LEAST_OVERLAP:
        return None
    likeness = _structural_likeness(warped, issued, valid)
    return _Registered(warped, valid, likeness, False, float((covered > 127).mean()))


def _plausible(matrix: np.ndarray, width: int, height: int) -> bool:
    """A homography that keeps the picture's corners convex, unmirrored and within eightfold scale."""
    corners = np.float32([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]])
    moved = cv2.perspectiveTransform(corners, matrix).reshape(-1, 2)
    if not np.isfinite(moved).all() or not cv2.isContourConvex(moved.astype(np.float32)):
        return False
    area = cv2.contourArea(moved.astype(np.float32), oriented=True) / (width * height)
    return 1 / 64 < area < 64


def _structural_likeness(found: np.ndarray, issued: np.ndarray, valid: np.ndarray) -> float:
    """Correlation of the two pictures' lightness without its broad gradients, where both have pixels: −1 to 1."""
    if not valid.any():
        return 0.0
    a, b = (_structure(rgb)[valid] for rgb in (found, issued))
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 1e-6 else 0.0


def _structure(rgb: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = cv2.GaussianBlur(grey, (0, 0), 2.0)
    return fine - cv2.GaussianBlur(grey, (0, 0), 32.0)


# --- comparison -------------------------------------------------------------------------------------------------


def _departures(registered: _Registered, issued: np.ndarray) -> _Departures:
    """The issued copy is taken through the tone change that the found picture shows, clipping included, and compared
    with it there: what went white in both is no departure."""
    judged = _cell_means(registered.valid.astype(np.float32)) > 0.999
    expected = _toned(issued, registered.found, judged)
    lab_expected = _cell_means(_blurred_lab(expected))
    lab_found = _cell_means(_blurred_lab(registered.found.astype(np.float32) / 255))
    return _Departures((lab_found - lab_expected).astype(np.float64), judged)


def _toned(issued: np.ndarray, found: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """The issued copy with each channel's gamma, gain and offset brought to the found picture's: float32, 0 to 1.

    One curve of three parameters for each channel can follow what editors and platforms do to a whole picture, but not
    bend around one region's colours. Robust (Tukey's biweight), so that an altered region doesn't pull it.
    """
    x = issued.astype(np.float32) / 255
    small = cv2.resize(x, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    targets = _cell_means(found.astype(np.float32) / 255)
    result = np.empty_like(x)
    for channel in range(3):
        target = targets[..., channel]
        usable = judged & (target > 0.02) & (target < 0.98)  # what was clipped says nothing of the curve
        if usable.sum() < 0.2 * judged.sum():
            usable = judged
        best = (np.inf, 1.0, 1.0, 0.0)
        for gamma in _GAMMAS:
            source = _cell_means(small[..., channel] ** gamma, _CELL // 4)
            gain, offset, loss = _robust_line(source[usable], target[usable])
            # A curve must be worth it, or noise picks one.
            if loss * (1.0 if gamma == 1.0 else 1.03) < best[0]:
                best = (loss, gamma, gain, offset)
        _, gamma, gain, offset = best
        result[..., channel] = np.clip(x[..., channel] ** gamma * gain + offset, 0, 1)
    return result


def _robust_line(source: np.ndarray, target: np.ndarray) -> tuple[float, float, float]:
    """Gain, offset and mean robust loss of ``target ≈ gain · source + offset``."""
    gain, offset = 1.0, float(np.median(target - source))
    for _ in range(12):
        residual = target - gain * source - offset
        scale = max(1.4826 * float(np.median(np.abs(residual))), 0.004) * 4.0
        weight = np.square(np.maximum(1 - np.square(residual / scale), 0))
        total = float(weight.sum())
        mean_s, mean_t = float(weight @ source) / total, float(weight @ target) / total
        variance = float(weight @ np.square(source - mean_s)) / total
        if variance > 1e-5:
            gain = float(np.clip(float(weight @ ((source - mean_s) * (target - mean_t))) / total / variance, 0.4, 2.5))
        offset = mean_t - gain * mean_s
    residual = np.abs(target - gain * source - offset)
    return gain, offset, float(np.minimum(residual, 0.02).mean())


def _blurred_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of float32 sRGB 0 to 1, after a blur that forgives a pixel of misregistration."""
    return cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), _CELL / 4), cv2.COLOR_RGB2LAB)


def _cell_means(values: np.ndarray, side: int = _CELL) -> np.ndarray:
    rows, columns = values.shape[0] // side, values.shape[1] // side
    return values.reshape(rows, side, columns, side, *values.shape[2:]).mean(axis=(1, 3))


def _clusters(altered: np.ndarray) -> np.ndarray:
    """Without cells that no other altered cell touches."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(altered.astype(np.uint8), connectivity=8)
    kept = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= _LEAST_CELLS]
    return np.isin(labels, kept)
