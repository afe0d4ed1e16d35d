"""Puts the release id into the pixels, so that it outlives the file's metadata. Specification: docs/reference/watermark.md

Informed spread spectrum (Malvar and Florêncio, "Improved Spread Spectrum", IEEE Trans. Signal Processing 51(4), 2003):
each coded bit is the sign of a correlation over 232 or 233 low- and mid-frequency coefficients scattered over the
picture. The
embedder knows the picture, so it adds exactly what each correlation still lacks, and nothing where the picture already
says the right thing. What is added follows local contrast, where the eye forgives it.

The sequence is public: anybody can read the mark, and anybody can put one on. It points to a release; the manifest's
signature and the books are what vouches for it.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache

import cv2
import numpy as np

from ..domain.provenance import ReleaseId
from .masking import departure_limit, jpeg_luma, luma_of, moved, psnr, soft

ALGORITHM = "org.twinbook.watermark.1"

# --- the specification's constants; the reader states its own ----------------------------------------------------
_SIDE = 512  # the canonical picture is a square of this many samples, whatever the shape
_CELL = 8
_CELLS = _SIDE // _CELL
_BAND = tuple((u, v) for u in range(5) for v in range(5) if 2 <= u + v <= 5)
_FLOOR = 4.0  # coefficient units; keeps flat cells from being divided by nothing
_GENERATORS = (0o133, 0o171, 0o165)
_TAIL = 6
_CODED = (8 + 48 + 32 + _TAIL) * len(_GENERATORS)

# --- the embedder's own choices ----------------------------------------------------------------------------------
MINIMUM_PSNR = 43.0  # dB, the promise
_PREFERRED_PSNR = 44.5  # dB; what is still spent, in steps, to survive more than the promised attacks
_FIRST_TARGET = 0.15  # correlation every coded bit is brought to
_STEP = 1.3
_STEPS = 7
_MASKING = 0.6  # exponent: how much of the added energy follows local contrast
_MUST_CORRELATE = 0.75  # with the code word after quality 75; decoding begins to fail near 0.6
_MAY_CORRELATE = 0.80  # the same after quality 50, and after half size and quality 75


def embed_square(rgb_srgb: np.ndarray, release: ReleaseId) -> np.ndarray | None:
    """The marked picture, uint8 sRGB (h, w, 3), or None when no mark within 43 dB survives JPEG at quality 75.

    The strength rises in steps: while quality 75 would lose the mark, down to 43 dB; then, while 44.5 dB are kept,
    until quality 50 and half size at quality 75 keep it too. The same picture and release always give the same pixels.
    """
    height, width = rgb_srgb.shape[:2]
    host = _Host(rgb_srgb, _code_word(release))
    best: np.ndarray | None = None
    target, falling = _FIRST_TARGET, False
    for _ in range(_STEPS):
        marked = host.mark(target)
        if psnr(rgb_srgb, marked) < (MINIMUM_PSNR if best is None else _PREFERRED_PSNR):
            # A picture as wild as noise departs too far at once, and hides less just as well.
            if target > _FIRST_TARGET or best is not None:
                break
            target, falling = target / _STEP, True
            continue
        if host.correlation(jpeg_luma(marked, 75)) >= _MUST_CORRELATE:
            best = marked
            half = cv2.resize(marked, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
            weakest = min(host.correlation(jpeg_luma(marked, 50)), host.correlation(jpeg_luma(half, 75)))
            if weakest >= _MAY_CORRELATE:
                break
        if falling:
            break
        target *= _STEP
    return best


class _Host:
    """One picture that a code word is to be put into, with everything that doesn't depend on the strength."""

    def __init__(self, rgb_srgb: np.ndarray, word: np.ndarray) -> None:
        self._rgb, self._word = rgb_srgb, word
        luma = luma_of(rgb_srgb)
        self._limit = departure_limit(luma)
        self._canonical = _canonical(luma)
        coefficients = _coefficients(self._canonical)
        scale = _scale(coefficients)
        self._weight = (_FLOOR * (_calmest(coefficients) / _FLOOR) ** _MASKING)[..., None]
        share = np.broadcast_to(self._weight / scale[..., None], coefficients.shape)
        bits, _, counts = _layout()
        self._gain = np.bincount(bits, share.ravel(), minlength=_CODED) / counts
        self._own = self._word * _correlations(coefficients)
        self._canonical_limit = _canonical(self._limit)

    def mark(self, target: float) -> np.ndarray:
        """The picture with every correlation brought to ``target``: uint8 (h, w, 3)."""
        strength = np.zeros(_CODED)
        found = self._own
        for _ in range(3):
            strength = np.maximum(strength + (target - found) / self._gain, 0)
            rehearsed = np.clip(self._canonical + soft(self._residual(strength), self._canonical_limit), 0, 255)
            found = self._word * _correlations(_coefficients(rehearsed))
        marked = self._realise(strength)
        # Rounding to 8 bits and clipping at white cost something, so look and mend once.
        realised = self._word * _correlations(_coefficients(_canonical(luma_of(marked))))
        strength = np.maximum(strength + (target - realised) / self._gain, 0)
        return self._realise(strength)

    def correlation(self, luma: np.ndarray) -> float:
        """Of a (distorted) copy's luma, any size, with the code word: −1 to 1."""
        found = _correlations(_coefficients(_canonical(luma)))
        return float(found @ self._word / (np.sqrt(found @ found * _CODED) + 1e-12))

    def _residual(self, strength: np.ndarray) -> np.ndarray:
        bits, signs, _ = _layout()
        amplitudes = (self._word * strength).astype(np.float32)[bits] * signs
        blocks = np.zeros((_CELLS, _CELLS, _CELL, _CELL), np.float32)
        rows, columns = zip(*_BAND, strict=True)
        blocks[:, :, rows, columns] = amplitudes.reshape(_CELLS, _CELLS, len(_BAND)) * self._weight
        basis = _basis()
        return np.ascontiguousarray((basis.T @ blocks @ basis).transpose(0, 2, 1, 3)).reshape(_SIDE, _SIDE)

    def _realise(self, strength: np.ndarray) -> np.ndarray:
        height, width = self._rgb.shape[:2]
        full = cv2.resize(self._residual(strength), (width, height), interpolation=cv2.INTER_CUBIC)
        return moved(self._rgb, soft(full, self._limit))


# --- payload ----------------------------------------------------------------------------------------------------


def _code_word(release: ReleaseId) -> np.ndarray:
    """+1 for a coded 0 and −1 for a coded 1, float64 (282,)."""
    body = b"\x01" + release.number.to_bytes(6, "big")
    body += zlib.crc32(body).to_bytes(4, "big")
    bits = [byte >> (7 - i) & 1 for byte in body for i in range(8)] + [0] * _TAIL
    register, coded = 0, []
    for bit in bits:
        register = bit << 6 | register >> 1
        coded += [(register & generator).bit_count() & 1 for generator in _GENERATORS]
    return 1.0 - 2.0 * np.array(coded)


@cache
def _layout() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every chip (row of cells, column of cells, band index): its coded bit and its sign; and chips per bit."""
    chips = _CELLS * _CELLS * len(_BAND)
    draws = np.frombuffer(hashlib.shake_256(ALGORITHM.encode("ascii")).digest(8 * chips), ">u8")
    bits = np.empty(chips, np.intp)
    bits[np.argsort(draws, kind="stable")] = np.arange(chips) % _CODED
    signs = np.where(draws & np.uint64(1), np.float32(-1), np.float32(1))
    return bits, signs, np.bincount(bits, minlength=_CODED)


# --- signal -----------------------------------------------------------------------------------------------------


@cache
def _basis() -> np.ndarray:
    """The orthonormal 8-point DCT-II, rows by frequency."""
    n = np.arange(_CELL)
    basis = np.sqrt(2 / _CELL) * np.cos((2 * n[None] + 1) * n[:, None] * np.pi / (2 * _CELL))
    basis[0] /= np.sqrt(2)
    return basis.astype(np.float32)


def _canonical(luma: np.ndarray) -> np.ndarray:
    shrinks = min(luma.shape) >= _SIDE
    return cv2.resize(luma, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _coefficients(canonical: np.ndarray) -> np.ndarray:
    """The band of every cell: float32 (64, 64, 16)."""
    blocks = canonical.reshape(_CELLS, _CELL, _CELLS, _CELL).transpose(0, 2, 1, 3)
    rows, columns = zip(*_BAND, strict=True)
    return (_basis() @ blocks @ _basis().T)[:, :, rows, columns]


def _scale(coefficients: np.ndarray) -> np.ndarray:
    """How lively each cell and its neighbours are, in coefficient units: float32 (64, 64)."""
    energy = np.square(coefficients).mean(axis=-1)
    return np.sqrt(cv2.blur(energy, (3, 3), borderType=cv2.BORDER_REFLECT_101) + _FLOOR**2)


def _calmest(coefficients: np.ndarray) -> np.ndarray:
    """As `_scale`, but a cell counts as no livelier than its calmest neighbour: a flat cell beside an outline stays as
    quiet as the backdrop it belongs to."""
    energy = np.square(coefficients).mean(axis=-1)
    return np.sqrt(cv2.erode(energy, np.ones((3, 3), np.uint8)) + _FLOOR**2)


def _correlations(coefficients: np.ndarray) -> np.ndarray:
    bits, signs, counts = _layout()
    normalised = (coefficients / _scale(coefficients)[..., None]).ravel() * signs
    return np.bincount(bits, normalised, minlength=_CODED) / counts
