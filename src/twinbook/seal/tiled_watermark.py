"""The tiled code `org.twinbook.watermark.2`: one small pattern, repeated over the whole picture.

A picture that repeats something betrays its scale, rotation and cut: its autocorrelation has peaks where the pattern
falls on itself (Kutter, "Watermarking resistant to translation, rotation and scaling", SPIE 3528, 1998). Folding all
the repetitions onto one another then averages the picture away and leaves the pattern.

As with the square code the embedder knows the picture (informed embedding, Malvar and Florêncio 2003) and adds to each
coded bit only what it lacks; and it tries the result against re-encoding, a quarter of the picture and half its size.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache

import cv2
import numpy as np
from scipy import fft

from ..domain.provenance import ReleaseId
from .masking import departure_limit, jpeg_luma, luma_of, moved, psnr, soft

ALGORITHM = "org.twinbook.watermark.2"

# --- the specification's constants; the reader states its own ----------------------------------------------------
_TILE = 64  # samples along a tile
_TILES = 10  # tiles along the side of a square as large as the picture
_LEAST_TILE = 64.0  # pixels along a tile, however small the picture
_LOWEST, _HIGHEST = 4, 21  # cycles in a tile
_STRATA = 3
_CODED = 352
_GENERATORS = (0o463, 0o535, 0o733, 0o745)
_TAIL = 8
_MEAN, _SPREAD = 13, 25  # samples: windows of the local mean and of the local spread
_FLOOR = 1.0  # level of 255
_CLIP = 2.5

# --- the embedder's own choices ----------------------------------------------------------------------------------
MINIMUM_PSNR = 43.0  # dB
_PREFERRED_PSNR = 45.0  # dB; what is still spent, in steps, to survive more than the promised attacks
_SPENT_PSNR = {1: 43.0, 2: 48.0, 3: np.inf}  # dB; what is spent anyway, by how much survives already
_MARGIN = 0.1  # dB, since strengths are tried on a smaller picture
_FIRST_TARGET, _STEP, _LAST_TARGET = 0.005, 1.5, 0.057  # level that every chip's mean is brought to
_UNIT = 0.01  # strength that the response is measured at: small, so that no limit bends it
_MASKING = 0.3  # exponent: how much of the amplitude follows local energy
_TILT = -0.5  # exponent: low frequencies, which survive more, get more
_PLATFORM = 1080  # pixels along the shorter side, as platforms make of larger ones
_MUST_CORRELATE = 0.75  # with the code word, whole picture after quality 75; decoding begins to fail near 0.55
_QUARTER = 0.70  # the same in each quarter of the picture
_MAY_CORRELATE = 0.70  # the same after half of the platform's size and quality 50


def embed_tiled(rgb_srgb: np.ndarray, release: ReleaseId) -> np.ndarray | None:
    """The marked picture, uint8 sRGB (h, w, 3), or None when no mark within 43 dB survives JPEG at quality 75.

    The strength rises in steps until every quarter of the picture keeps the mark at quality 75; then, while 45 dB are
    kept, until the whole does at half the platform's size and quality 50. Where the quarters never do, it is enough
    that the whole does, and what 43 dB allow is spent; where they do, what 48 dB allow. The same picture and release always give the same pixels.
    """
    host = _Host(rgb_srgb, _code_word(release))
    best: tuple[int, np.ndarray] | None = None
    before = np.inf
    target, falling, hopeful = _FIRST_TARGET, False, False
    while _FIRST_TARGET / 20 < target <= _LAST_TARGET:
        strength, rehearsed = host.rehearse(target)
        kept = psnr(host.small, rehearsed)
        if kept < MINIMUM_PSNR + _MARGIN and best is None and (falling or before == np.inf):
            # A picture as wild as grass departs too far at once, and hides less just as well.
            target, falling = target / _STEP, True
            continue
        least = MINIMUM_PSNR + _MARGIN if best is None or best[0] < 2 else _PREFERRED_PSNR
        if kept < least or kept > before - 0.05:  # too far, or held back by the limits and going no further
            break
        before = kept
        rank = host.rank(rehearsed)
        if rank and (best is None or rank > best[0] or (rank == best[0] and kept >= _SPENT_PSNR[rank])):
            best = rank, strength
        if rank == 3 or falling:
            break
        if best is not None and best[0] == 2 and kept < _SPENT_PSNR[2] and not hopeful:
            # Most pictures never keep it at half size: see at once what the most would bring.
            strongest = host.rehearse(_LAST_TARGET)[1]
            if host.rank(strongest) < 3:
                break
            hopeful = True
        target *= _STEP
    if best is None:
        return None
    marked = host.realise(best[1])
    held = host.correlations(jpeg_luma(marked, 75))[0] >= _MUST_CORRELATE
    return marked if held and psnr(rgb_srgb, marked) >= MINIMUM_PSNR else None


class _Host:
    """One picture that a code word is to be put into. Strengths are tried on ``small``, the picture as a platform would
    show it, uint8 (h, w, 3): what is found there holds at full size, at a fraction of the cost."""

    def __init__(self, rgb_srgb: np.ndarray, word: np.ndarray) -> None:
        height, width = rgb_srgb.shape[:2]
        self._rgb = rgb_srgb
        factor = min(1.0, _PLATFORM / min(height, width))
        size = (round(width * factor), round(height * factor))
        self.small = rgb_srgb if factor == 1 else cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA)
        self._half = tuple(max(1, side // 2) for side in size)
        self._grid = _grid(width, height)
        luma = luma_of(self.small)
        self._small_limit = departure_limit(luma)
        self._canonical = _resampled(luma, self._grid)
        self._limit = _resampled(self._small_limit, self._grid)
        frequencies, signs, self._group = _layout()
        self._word = np.append(word, 1.0)  # the last group synchronises, and is always 0
        self._signs = signs * self._word[self._group]
        self._per_group = np.bincount(self._group)
        radius = np.hypot(frequencies[:, 0], frequencies[:, 1])
        self._tilt = np.repeat((radius / 12) ** _TILT, 2)
        self._weight = _calm(self._canonical)
        unit = np.full(_CODED + 1, _UNIT)
        self._own = self._soft_values(_fold(_level(self._canonical)))
        self._gain = float(np.mean(self._soft_values(self._folded(unit)) - self._own)) / _UNIT
        self._gain = max(self._gain, 1e-3)

    def rehearse(self, target: float) -> tuple[np.ndarray, np.ndarray]:
        """Strengths of all groups that bring every soft value to ``target``, float64 (353,), and the small picture so
        marked."""
        strength = np.zeros(_CODED + 1)
        found = self._own
        for _ in range(4):
            strength = np.maximum(strength + (target - found) / self._gain, 0)
            found = self._soft_values(self._folded(strength))
        marked = self._put(self.small, strength, self._small_limit)
        # Rounding to 8 bits and clipping at white cost something, so look and mend once.
        found = self._soft_values(_fold(_level(_resampled(luma_of(marked), self._grid))))
        strength = np.maximum(strength + (target - found) / self._gain, 0)
        return strength, self._put(self.small, strength, self._small_limit)

    def rank(self, marked: np.ndarray) -> int:
        """Of the small picture, marked: 0 lost at quality 75, 1 kept, 2 kept in every quarter of it, 3 kept at half
        size and quality 50 too."""
        whole, *quarters = self.correlations(jpeg_luma(marked, 75))
        if whole < _MUST_CORRELATE:
            return 0
        if min(quarters) < _QUARTER:
            return 1
        half = cv2.resize(marked, self._half, interpolation=cv2.INTER_AREA)
        return 3 if self.correlations(jpeg_luma(half, 50))[0] >= _MAY_CORRELATE else 2

    def realise(self, strength: np.ndarray) -> np.ndarray:
        """The picture itself with these strengths: uint8 (h, w, 3)."""
        height, width = self._rgb.shape[:2]
        limit = cv2.resize(self._small_limit, (width, height), interpolation=cv2.INTER_LINEAR)
        return self._put(self._rgb, strength, limit)

    def correlations(self, luma: np.ndarray) -> list[float]:
        """Of a distorted copy's luma, any size, with the code word: the whole, then its four quarters; −1 to 1."""
        level = _level(_resampled(luma, self._grid))
        rows, columns = level.shape[0] // 2, level.shape[1] // 2
        rows, columns = (max(_TILE, side // _TILE * _TILE) for side in (rows, columns))  # keeps the tiles' phase
        parts = [level, level[:rows, :columns], level[rows:, :columns], level[:rows, columns:], level[rows:, columns:]]
        found = [self._soft_values(_fold(part))[:_CODED] if min(part.shape) else np.zeros(_CODED) for part in parts]
        return [float(each.mean() / np.sqrt(np.mean(each**2) + 1e-12)) for each in found]

    def _soft_values(self, tile: np.ndarray) -> np.ndarray:
        """Mean over each group's chips of what is there in the wanted direction: float64 (353,)."""
        return np.bincount(self._group, self._signs * _chips(tile)) / self._per_group

    def _folded(self, strength: np.ndarray) -> np.ndarray:
        rehearsed = np.clip(self._canonical + soft(self._residual(strength), self._limit), 0, 255)
        return _fold(_level(rehearsed))

    def _residual(self, strength: np.ndarray) -> np.ndarray:
        tile = _tile(self._signs * self._tilt * strength[self._group])
        columns, rows = self._grid
        return np.tile(tile, (-(-rows // _TILE), -(-columns // _TILE)))[:rows, :columns] * self._weight

    def _put(self, rgb_srgb: np.ndarray, strength: np.ndarray, limit: np.ndarray) -> np.ndarray:
        height, width = rgb_srgb.shape[:2]
        full = cv2.resize(self._residual(strength), (width, height), interpolation=cv2.INTER_CUBIC)
        return moved(rgb_srgb, soft(full, limit))


# --- payload ----------------------------------------------------------------------------------------------------


def _code_word(release: ReleaseId) -> np.ndarray:
    """+1 for a coded 0 and −1 for a coded 1, float64 (352,)."""
    body = release.number.to_bytes(6, "big")
    body += zlib.crc32(body).to_bytes(4, "big")
    bits = [byte >> (7 - i) & 1 for byte in body for i in range(8)] + [0] * _TAIL
    register, coded = 0, []
    for bit in bits:
        register = bit << 8 | register >> 1
        coded += [(register & generator).bit_count() & 1 for generator in _GENERATORS]
    return 1.0 - 2.0 * np.array(coded)


@cache
def _layout() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The frequencies (rows, columns), int (n, 2), and for each of the 2n chips (the cosine's, then the sine's) its
    sign and its group: a coded bit, or 352 if it synchronises."""
    frequencies = [
        (row, column)
        for row in range(_HIGHEST + 1)
        for column in range(-_HIGHEST, _HIGHEST + 1)
        if _LOWEST**2 <= row * row + column * column <= _HIGHEST**2 and (row > 0 or column > 0)
    ]
    frequencies.sort(key=lambda f: (f[0] ** 2 + f[1] ** 2, f[0], f[1]))
    chips = 2 * len(frequencies)
    draws = np.frombuffer(hashlib.shake_256(ALGORITHM.encode("ascii")).digest(8 * chips), ">u8").astype(np.uint64)
    group = np.full(chips, _CODED)
    stratum = -(-chips // _STRATA)
    for start in range(0, chips, stratum):
        drawn = start + np.argsort(draws[start : start + stratum], kind="stable")
        group[drawn[:_CODED]] = np.arange(_CODED)
    return np.array(frequencies), np.where(draws & np.uint64(1), -1.0, 1.0), group


# --- signal -----------------------------------------------------------------------------------------------------


def _grid(width: int, height: int) -> tuple[int, int]:
    """Samples along the width and the height of the canonical picture."""
    side = max(_LEAST_TILE, np.sqrt(width * height) / _TILES)
    return round(width * _TILE / side), round(height * _TILE / side)


def _resampled(plane: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    shrinks = plane.shape[1] >= grid[0] and plane.shape[0] >= grid[1]
    return cv2.resize(plane, grid, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _level(canonical: np.ndarray) -> np.ndarray:
    """Without local mean, in units of local spread, outliers cut."""
    fine = canonical - cv2.blur(canonical, (_MEAN, _MEAN))
    energy = cv2.blur(fine * fine, (_SPREAD, _SPREAD))
    return np.clip(fine / np.sqrt(energy + _FLOOR**2), -_CLIP, _CLIP)


def _calm(canonical: np.ndarray) -> np.ndarray:
    """How much of the pattern each sample takes: more where it is lively, and as little as the calmest nearby."""
    fine = canonical - cv2.blur(canonical, (_MEAN, _MEAN))
    energy = cv2.erode(cv2.blur(fine * fine, (5, 5)), np.ones((7, 7), np.uint8))
    return (_FLOOR**2 + cv2.blur(energy, (7, 7))) ** _MASKING


def _fold(level: np.ndarray) -> np.ndarray:
    """The mean of all tiles: float64 (64, 64)."""
    rows, columns = (-(-side // _TILE) for side in level.shape)
    padded = np.zeros((2, rows * _TILE, columns * _TILE))
    padded[0, : level.shape[0], : level.shape[1]] = level
    padded[1, : level.shape[0], : level.shape[1]] = 1
    total, count = padded.reshape(2, rows, _TILE, columns, _TILE).sum(axis=(1, 3))
    return total / np.maximum(count, 1)


def _chips(tile: np.ndarray) -> np.ndarray:
    """Amplitudes of cosine and of minus sine at every frequency: float64 (2n,)."""
    frequencies, _, _ = _layout()
    at = (fft.fft2(tile) * (2 / _TILE**2))[frequencies[:, 0], frequencies[:, 1]]
    return np.stack([at.real, at.imag], axis=1).ravel()


def _tile(chips: np.ndarray) -> np.ndarray:
    """The inverse: float32 (64, 64)."""
    frequencies, _, _ = _layout()
    spectrum = np.zeros((_TILE, _TILE), complex)
    spectrum[frequencies[:, 0], frequencies[:, 1]] = chips[0::2] + 1j * chips[1::2]
    return (fft.ifft2(spectrum).real * _TILE**2).astype(np.float32)
