"""Reads `org.twinbook.watermark.1`, the square code, from the specification alone: docs/reference/watermark.md

A read needs a version byte and a CRC-32 to fit, 40 bits, in one of eight orientations: on a picture that carries no
mark the chance is 8 · 2⁻⁴⁰, below 10⁻¹¹.
"""

from __future__ import annotations

import binascii
import hashlib
from functools import cache

import cv2
import numpy as np
from scipy import fft

from ..domain.provenance import ReleaseId, WatermarkReading

# Section numbers are the specification's.
_SEED = b"org.twinbook.watermark.1"
_VERSION = 1
_SQUARE = 512  # 1
_BLOCK = 8  # 2
_BAND_ROWS = (0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4)  # 2
_BAND_COLUMNS = (2, 3, 4, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2, 0, 1)
_QUIET = 16.0  # 3, the floor's square
_TAPS = (0o133, 0o171, 0o165)  # 5
_STATES = 64
_MESSAGE = 88
_SYMBOLS = 3 * (_MESSAGE + 6)
_SMALLEST = 64  # pixels; a thumbnail below this holds nothing


def read_square(rgb_srgb: np.ndarray) -> WatermarkReading:
    """The mark in a picture, uint8 sRGB (h, w, 3), turned or mirrored as it may be. Scaling and re-encoding are
    survived, cropping and other rotations are not. ``confidence`` is 0 when nothing was read."""
    if min(rgb_srgb.shape[:2]) < _SMALLEST:
        return WatermarkReading(None, 0.0)
    square = _square(rgb_srgb)
    for mirrored in (False, True):
        for turns in range(4):
            view = np.rot90(square[:, ::-1] if mirrored else square, turns)
            symbols = _symbols(np.ascontiguousarray(view))
            message = _decode(symbols)
            if message[0] == _VERSION and binascii.crc32(message[:7]) == int.from_bytes(message[7:], "big"):
                return WatermarkReading(ReleaseId(message[1:7].hex()), _confidence(symbols, message))
    return WatermarkReading(None, 0.0)


def _square(rgb_srgb: np.ndarray) -> np.ndarray:
    """Section 1: luma, stretched to the canonical square: float32 (512, 512)."""
    luma = rgb_srgb.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    method = cv2.INTER_AREA if min(luma.shape) >= _SQUARE else cv2.INTER_LINEAR
    return cv2.resize(luma, (_SQUARE, _SQUARE), interpolation=method)


def _symbols(square: np.ndarray) -> np.ndarray:
    """Sections 2 to 4: one soft value for each coded bit, positive for 0: float64 (282,)."""
    count = _SQUARE // _BLOCK
    tiles = square.reshape(count, _BLOCK, count, _BLOCK).swapaxes(1, 2)
    band = fft.dctn(tiles, axes=(2, 3), norm="ortho")[:, :, _BAND_ROWS, _BAND_COLUMNS]
    energy = cv2.blur(np.mean(band**2, axis=2), (3, 3), borderType=cv2.BORDER_REFLECT_101)
    level = band / np.sqrt(energy + _QUIET)[:, :, None]
    order, sign = _chips()
    # In the drawn order, chip j carries symbol j mod 282; pad to whole rounds and average down the columns.
    drawn = (level.reshape(-1) * sign)[order]
    rounds = -(-drawn.size // _SYMBOLS)
    padded = np.zeros(rounds * _SYMBOLS)
    padded[: drawn.size] = drawn
    held = np.full(_SYMBOLS, drawn.size // _SYMBOLS)
    held[: drawn.size % _SYMBOLS] += 1
    return padded.reshape(rounds, _SYMBOLS).sum(axis=0) / held


@cache
def _chips() -> tuple[np.ndarray, np.ndarray]:
    """Section 4: the order in which chips were drawn and every chip's sign."""
    total = (_SQUARE // _BLOCK) ** 2 * len(_BAND_ROWS)
    draws = np.frombuffer(hashlib.shake_256(_SEED).digest(8 * total), dtype=">u8").astype(np.uint64)
    return np.argsort(draws, kind="stable"), 1.0 - 2.0 * (draws & np.uint64(1)).astype(np.float64)


@cache
def _trellis() -> tuple[np.ndarray, np.ndarray]:
    """For every state (the last six bits, newest highest): its two predecessors, int (64, 2), and the three symbols,
    ±1, that each way into it sends, float64 (64, 2, 3)."""
    state = np.arange(_STATES)
    before = np.stack([(state << 1) & 63, (state << 1) & 63 | 1], axis=1)
    register = (state >> 5 << 6)[:, None] | before
    sent = [[[1 - 2 * (int(r & tap).bit_count() & 1) for tap in _TAPS] for r in pair] for pair in register]
    return before, np.array(sent, dtype=np.float64)


def _decode(symbols: np.ndarray) -> bytes:
    """Section 5: the likeliest message, by Viterbi's algorithm over soft values: 11 bytes."""
    before, sent = _trellis()
    score = np.full(_STATES, -np.inf)
    score[0] = 0.0
    steps = symbols.reshape(-1, 3)
    choice = np.empty((len(steps), _STATES), np.intp)
    states = np.arange(_STATES)
    for i, received in enumerate(steps):
        ways = score[before] + sent @ received
        choice[i] = ways.argmax(axis=1)
        score = ways[states, choice[i]]
    bits, state = [], 0  # the tail drives the encoder back to zero
    for picked in choice[::-1]:
        bits.append(state >> 5)
        state = int(before[state, picked[state]])
    return np.packbits(bits[::-1][:_MESSAGE]).tobytes()


def _confidence(symbols: np.ndarray, message: bytes) -> float:
    """The normalised correlation of what was received with the code word that was read."""
    window, ideal = 0, []
    for bit in [*np.unpackbits(np.frombuffer(message, np.uint8)).tolist(), 0, 0, 0, 0, 0, 0]:
        window = bit << 6 | window >> 1
        ideal.extend(1 - 2 * ((window & tap).bit_count() & 1) for tap in _TAPS)
    product = float(np.dot(symbols, ideal) / (np.linalg.norm(symbols) * np.sqrt(_SYMBOLS)))
    return min(max(product, 0.0), 1.0)
