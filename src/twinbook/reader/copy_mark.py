"""Finds out of which delivered copies a leaked picture was made, with the original at hand. Specification:
docs/reference/copy-mark.md

The picture is laid over the original (features, homography, local flow), what tone and light do is taken out, the
original is subtracted, and what is left is correlated with the code of every copy. Nobody is accused here: the result
is a ranking and the score that an innocent copy practically never reaches, for a person to judge.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
from scipy import fft

from ..domain.provenance import CopyScore, CopyTrace

# Section numbers are the specification's.
_NAME = b"org.twinbook.copy-mark.1"
_SQUARE, _BLOCK = 256, 8  # 1
_BLOCKS = _SQUARE // _BLOCK
_BAND = [(u, v) for u in range(_BLOCK) for v in range(_BLOCK) if u < 7 and v < 7 and 2 <= u + v <= 6]  # 1
CHIPS = _BLOCKS * _BLOCKS * len(_BAND)  # 25,600

# What follows is this reader's own.
_FRAME = 1024  # pixels along the longer side of the frame that pictures are registered in
_SAME_SHAPE = 0.02
_REENCODED_AREA = 2_000_000  # pixels; larger pictures show enough without
_QUALITIES = (30, 40, 50, 60, 70, 75, 80, 85, 90, 95)
_LEAST_MATCHES = 12
_LEAST_OVERLAP = 0.04  # of the original's area
_FLOW_WINDOW = 12.0  # pixels of the frame
_TONE_ROUNDS = 4
_GAIN_WINDOW = 33  # samples of the square
_OUTLIER = 3.0
_QUIET = 0.5  # squared units of a coefficient: below it nothing is told from rounding
_BATCH = 512  # codes at a time
FALSE_ACCUSATION = 1e-6  # chance that any innocent copy at all comes above the threshold


@dataclass(frozen=True)
class Evidence:
    """What a picture holds besides the original: float32 (25600,), of norm one, zero where nothing can be told; and the
    share of the original's area that the picture shows."""

    chips: np.ndarray
    overlap: float


def trace_copies(
    found_srgb: np.ndarray,
    original_srgb: np.ndarray,
    secret: bytes,
    copies: Sequence[str],
    false_accusation: float = FALSE_ACCUSATION,
    in_place: bool = False,
) -> CopyTrace | None:
    """Rank copies by how much of their code is in a found picture.

    Both pictures are uint8 sRGB (h, w, 3), of any size; the original is what the codes were put on. None when the found
    picture can't be laid over the original. ``false_accusation`` is the chance, over the drawing of codes, that any of
    the innocent among ``copies`` scores above the threshold. ``in_place`` spares the search for a picture that was
    neither cropped nor turned.
    """
    evidence = examine(found_srgb, original_srgb, in_place)
    if evidence is None:
        return None
    scores = correlate(evidence, (copy_key(secret, copy) for copy in copies))
    order = np.argsort(-scores, kind="stable")
    ranked = tuple(CopyScore(copies[i], float(scores[i])) for i in order)
    return CopyTrace(ranked, threshold(len(copies), false_accusation), false_accusation, evidence.overlap)


def threshold(copies: int, false_accusation: float = FALSE_ACCUSATION) -> float:
    """The score that none of so many innocent copies reaches, but with this chance.

    Hoeffding's inequality (JASA 58, 1963): for independent fair signs s and any fixed x of norm one,
    P(Σ xᵢsᵢ ≥ t) ≤ exp(−t²/2), whatever the picture holds; times the number of copies.
    """
    return float(np.sqrt(2 * np.log(max(copies, 1) / false_accusation)))


def copy_key(secret: bytes, copy: str) -> bytes:
    """Section 2: 32 bytes."""
    return hmac.digest(secret, _NAME + b"\0" + copy.encode("utf-8"), "sha256")


def correlate(evidence: Evidence, keys: Iterator[bytes]) -> np.ndarray:
    """Section 4, the score of the code of every key: float64 (n,)."""
    total, scores = evidence.chips.sum(axis=0, dtype=np.float64), []
    batch: list[bytes] = []
    for key in keys:
        batch.append(hashlib.shake_256(key).digest(CHIPS // 8))
        if len(batch) == _BATCH:
            scores.append(_sums(batch, evidence.chips))
            batch.clear()
    if batch:
        scores.append(_sums(batch, evidence.chips))
    return total - 2 * np.concatenate(scores) if scores else np.empty(0)


def _sums(codes: list[bytes], chips: np.ndarray) -> np.ndarray:
    """The sum of chips where a code has ones."""
    bits = np.unpackbits(np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), -1), axis=1)
    return (bits.astype(np.float32) @ chips).astype(np.float64)


def examine(found_srgb: np.ndarray, original_srgb: np.ndarray, in_place: bool = False) -> Evidence | None:
    """Section 3: what is in the found picture and not in the original. No code is looked at, so that everything in here
    is the same for the guilty and the innocent."""
    height, width = original_srgb.shape[:2]
    scale = _FRAME / max(height, width)
    original = _resized(original_srgb, (max(16, round(width * scale)), max(16, round(height * scale))))
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    ways = _laid_over(found_srgb, original, original_srgb)
    for laid, valid, explains in islice(ways, 1) if in_place else ways:
        found_square, original_square = _square(laid), _square(explains)
        inside = cv2.resize(valid, (_SQUARE, _SQUARE), interpolation=cv2.INTER_AREA)
        inside = (inside > 0.999).astype(np.float32)
        if inside.mean() < _LEAST_OVERLAP:
            continue
        residual = _residual(found_square, original_square, inside)
        loss = float(np.abs(residual[inside > 0]).clip(0, 20).mean())
        if best is None or loss < best[0]:
            best = loss, residual, inside
    if best is None:
        return None
    _, residual, inside = best
    return Evidence(_chips(residual, inside), float(inside.mean()))


# --- registration -----------------------------------------------------------------------------------------------


def _resized(rgb_srgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = rgb_srgb.shape[1] > size[0] and rgb_srgb.shape[0] > size[1]
    return cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _laid_over(
    found_srgb: np.ndarray, original: np.ndarray, full_srgb: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """In every way that may be right: the found picture in the original's frame, uint8 (h, w, 3); 1 where it has
    pixels, float32 (h, w); and the original to subtract, which may have been through a like encoder."""
    height, width = original.shape[:2]
    proportion = (found_srgb.shape[1] / found_srgb.shape[0]) / (width / height)
    if abs(proportion - 1) <= _SAME_SHAPE:
        whole = np.ones((height, width), np.float32)
        straight = _resized(found_srgb, (width, height))
        yield straight, whole, original
        yield np.ascontiguousarray(straight[:, ::-1]), whole, original
        if found_srgb.shape[0] * found_srgb.shape[1] <= _REENCODED_AREA:
            yield straight, whole, _resized(_reencoded(full_srgb, found_srgb), (width, height))
    scale = min(1.0, 1.5 * _FRAME / max(found_srgb.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in (found_srgb.shape[1], found_srgb.shape[0]))
    found = _resized(found_srgb, size) if scale < 1 else found_srgb
    for view in (found, np.ascontiguousarray(found[:, ::-1])):
        matrix = _homography(view, original)
        if matrix is None:
            continue
        laid = cv2.warpPerspective(
            view, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        covered = cv2.warpPerspective(np.full(view.shape[:2], 255, np.uint8), matrix, (width, height))
        valid = (cv2.erode(covered, np.ones((7, 7), np.uint8)) == 255).astype(np.float32)
        yield laid, valid, original
        yield _flowed(laid, original, valid), valid, original
        return


def _reencoded(original_srgb: np.ndarray, found_srgb: np.ndarray) -> np.ndarray:
    """The original at the found picture's size, through JPEG at the quality that brings it nearest: what an encoder
    does to the original is no trace of anybody."""
    small = _resized(original_srgb, (found_srgb.shape[1], found_srgb.shape[0]))
    best: tuple[float, np.ndarray] | None = None
    for quality in _QUALITIES:
        coded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        decoded = np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])
        distance = cv2.norm(decoded, found_srgb, cv2.NORM_L1)
        if best is None or distance < best[0]:
            best = distance, decoded
    return best[1]


def _homography(found: np.ndarray, original: np.ndarray) -> np.ndarray | None:
    """Matched SIFT features (Lowe 2004) and MAGSAC++ (Barath et al. 2020)."""
    detector = cv2.SIFT_create(nfeatures=4000, contrastThreshold=0.02)
    points_a, words_a = detector.detectAndCompute(cv2.cvtColor(found, cv2.COLOR_RGB2GRAY), None)
    points_b, words_b = detector.detectAndCompute(cv2.cvtColor(original, cv2.COLOR_RGB2GRAY), None)
    if words_a is None or words_b is None or min(len(words_a), len(words_b)) < _LEAST_MATCHES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words_a, words_b, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance]
    if len(good) < _LEAST_MATCHES:
        return None
    source = np.float32([points_a[match.queryIdx].pt for match in good])
    target = np.float32([points_b[match.trainIdx].pt for match in good])
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.findHomography(source, target, cv2.USAC_MAGSAC, 1.5, maxIters=5000, confidence=0.999)
    if matrix is None or int(inliers.sum()) < _LEAST_MATCHES or not np.isfinite(matrix).all():
        return None
    return matrix


def _flowed(laid: np.ndarray, original: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Paper bends and lenses do: what the homography leaves is followed locally (DIS flow, Kroeger et al. 2016),
    smoothed so much that it can't follow noise."""
    grey_a, grey_b = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (original, laid))
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(grey_a, grey_b, None)
    # Only where there is structure to follow.
    structure = np.abs(cv2.Laplacian(cv2.GaussianBlur(grey_a, (0, 0), 1.5).astype(np.float32), -1)) * valid
    weight = cv2.GaussianBlur(structure, (0, 0), _FLOW_WINDOW) + 0.05
    flow = cv2.GaussianBlur(flow * structure[..., None], (0, 0), _FLOW_WINDOW) / weight[..., None]
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return cv2.remap(
        laid, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


# --- subtracting the original -------------------------------------------------------------------------------------


def _square(rgb_srgb: np.ndarray) -> np.ndarray:
    """Section 1, in colour: float32 (256, 256, 3)."""
    shrinks = min(rgb_srgb.shape[:2]) >= _SQUARE
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(rgb_srgb.astype(np.float32), (_SQUARE, _SQUARE), interpolation=method)


def _residual(found: np.ndarray, original: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The found luma without what the original explains of it: float32 (256, 256).

    First one curve for the whole picture (each of the original's channels and its square, fitted robustly) for gamma,
    contrast and casts; then gain and offset of the surroundings, for light and vignettes.
    """
    luma = found @ np.float32([0.299, 0.587, 0.114])
    x = original.reshape(-1, 3) / 255
    design = np.column_stack([np.ones(len(x)), x, x * x, x**3]).astype(np.float64)
    target, weight = luma.reshape(-1).astype(np.float64), inside.reshape(-1).astype(np.float64)
    for _ in range(_TONE_ROUNDS):
        weighted = design * weight[:, None]
        # A little ridge: in a flat picture the curve isn't determined.
        curve = np.linalg.solve(weighted.T @ design + 1e-3 * np.eye(design.shape[1]), weighted.T @ target)
        off = np.abs(target - design @ curve)
        scale = 4.5 * max(float(np.median(off[inside.reshape(-1) > 0])), 0.5)
        weight = inside.reshape(-1) * np.square(np.maximum(1 - np.square(off / (3 * scale)), 0))
    expected = (design @ curve).reshape(_SQUARE, _SQUARE).astype(np.float32)
    window = (_GAIN_WINDOW, _GAIN_WINDOW)
    count = cv2.blur(inside, window) + 1e-6

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.blur(plane * inside, window) / count

    mean_f, mean_e = mean(luma), mean(expected)
    variance = mean(expected * expected) - mean_e * mean_e
    covariance = mean(luma * expected) - mean_f * mean_e
    gain = np.clip((covariance + 20) / (variance + 20), 0.3, 3.0)  # 20: towards one where there is nothing to fit
    return (luma - mean_f - gain * (expected - mean_e)) * inside


def _chips(residual: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Section 3: every coefficient over the variance that its place and its band let expect, outliers cut, bands weighed by
    what came through of them, of norm one: float32 (25600,).

    A place's energy is that of all bands around it, and a band's share that of all places: to take both from the few coefficients
    of one band nearby would weigh down the very ones that hold a code."""
    rows, columns = zip(*_BAND, strict=True)

    def blocks(plane: np.ndarray) -> np.ndarray:
        return plane.reshape(_BLOCKS, _BLOCK, _BLOCKS, _BLOCK).swapaxes(1, 2)

    band = fft.dctn(blocks(residual), axes=(2, 3), norm="ortho")[:, :, rows, columns]
    energy = cv2.blur(np.square(band).mean(axis=-1), (3, 3)) + _QUIET
    share = (np.square(band) / energy[..., None]).mean(axis=(0, 1))
    deviation = np.sqrt(energy[..., None] * (share + 1e-9))
    chips = np.clip(band / deviation, -_OUTLIER, _OUTLIER) * np.sqrt(share / energy[..., None])
    chips *= (blocks(inside).mean(axis=(2, 3)) > 0.999)[..., None]
    return (chips / (np.linalg.norm(chips) + 1e-12)).astype(np.float32).reshape(-1)
