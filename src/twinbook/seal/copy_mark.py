"""Puts a secret code into one delivered copy, so that a leaked picture tells whose copy it was. Specification:
docs/reference/copy-mark.md

Additive spread spectrum (Cox et al., "Secure spread spectrum watermarking for multimedia", IEEE Trans. Image Processing
6(12), 1997): 25,600 signs, drawn from a secret and the copy's name, ride on low and middle frequencies. Whoever traces
has the unmarked original and subtracts it, so the code may be much weaker than one that has to be read blind, and so
long that mixing copies leaves every one of them recognisable.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache

import cv2
import numpy as np

from .masking import departure_limit, luma_of, moved, psnr, soft

ALGORITHM = "org.twinbook.copy-mark.1"

# --- the specification's constants; the reader states its own ----------------------------------------------------
_SIDE, _CELL = 256, 8
_CELLS = _SIDE // _CELL
_BAND = tuple((u, v) for u in range(7) for v in range(7) if 2 <= u + v <= 6)
_CHIPS = _CELLS * _CELLS * len(_BAND)
LEAST_SECRET = 16  # bytes

# --- the embedder's own choices ----------------------------------------------------------------------------------
_AIM = 47.5  # dB over the whole picture
_FLOOR = 4.0  # coefficient units; what a flat cell counts as
_SHY = 0.6  # of what a pixel may depart: another mark is there already
_MASKING = 0.6  # exponent: how much of the amplitude follows local contrast
_AMPLITUDES = (0.02, 2.0)


class CopyHost:
    """One picture that copies are made of, uint8 sRGB (h, w, 3): what doesn't depend on the code is worked out once."""

    def __init__(self, rgb_srgb: np.ndarray) -> None:
        luma = luma_of(rgb_srgb)
        self._rgb, self._limit = rgb_srgb, _SHY * departure_limit(luma)
        self._weight = _weight(luma)
        # How strong is found out with signs that are nobody's, so that strength says nothing about a code.
        nobody = _signs(hashlib.sha256(ALGORITHM.encode("ascii")).digest())
        self._amplitude = 0.3
        for _ in range(4):
            made = psnr(rgb_srgb, self._with(nobody))
            self._amplitude = float(np.clip(self._amplitude * 10 ** ((made - _AIM) / 20), *_AMPLITUDES))

    def mark(self, secret: bytes, copy: str) -> np.ndarray:
        """The copy of this name, uint8 (h, w, 3). The same secret and name always give the same pixels."""
        if len(secret) < LEAST_SECRET:
            raise ValueError(f"a secret has at least {LEAST_SECRET} bytes, not {len(secret)}")
        return self._with(_signs(copy_key(secret, copy)))

    def _with(self, signs: np.ndarray) -> np.ndarray:
        blocks = np.zeros((_CELLS, _CELLS, _CELL, _CELL), np.float32)
        rows, columns = zip(*_BAND, strict=True)
        blocks[:, :, rows, columns] = signs.reshape(_CELLS, _CELLS, -1) * (self._weight * self._amplitude)[..., None]
        pattern = (_basis().T @ blocks @ _basis()).swapaxes(1, 2).reshape(_SIDE, _SIDE)
        height, width = self._limit.shape
        full = cv2.resize(pattern, (width, height), interpolation=cv2.INTER_CUBIC)
        return moved(self._rgb, soft(full, self._limit))


def mark_copy(rgb_srgb: np.ndarray, secret: bytes, copy: str) -> np.ndarray:
    """The picture with the code of the copy of this name: uint8 (h, w, 3), about 47.5 dB or better. For many
    copies of one picture use `CopyHost`.

    ``secret`` is the vault's, at least 16 bytes; a name must never be given to two copies.
    """
    return CopyHost(rgb_srgb).mark(secret, copy)


def copy_key(secret: bytes, copy: str) -> bytes:
    """What a copy's code is drawn from: 32 bytes that say nothing about the secret."""
    return hmac.new(secret, ALGORITHM.encode("ascii") + b"\0" + copy.encode("utf-8"), hashlib.sha256).digest()


def _signs(key: bytes) -> np.ndarray:
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(key).digest(_CHIPS // 8), np.uint8))
    return 1 - 2 * bits.astype(np.float32)


def _weight(luma: np.ndarray) -> np.ndarray:
    """How much of the code each cell takes, as its calmest neighbour does: float32 (32, 32)."""
    shrinks = min(luma.shape) >= _SIDE
    small = cv2.resize(luma, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    blocks = small.reshape(_CELLS, _CELL, _CELLS, _CELL).swapaxes(1, 2)
    rows, columns = zip(*_BAND, strict=True)
    energy = np.square((_basis() @ blocks @ _basis().T)[:, :, rows, columns]).mean(axis=-1)
    calmest = cv2.erode(energy, np.ones((3, 3), np.uint8))
    return _FLOOR * ((calmest + _FLOOR**2) / _FLOOR**2) ** (_MASKING / 2)


@cache
def _basis() -> np.ndarray:
    """The orthonormal 8-point DCT-II, rows by frequency."""
    n = np.arange(_CELL)
    basis = np.sqrt(2 / _CELL) * np.cos((2 * n[None] + 1) * n[:, None] * np.pi / (2 * _CELL))
    basis[0] /= np.sqrt(2)
    return basis.astype(np.float32)
