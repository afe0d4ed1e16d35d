"""Reads `org.twinbook.watermark.2`, the tiled code, from the specification alone: docs/reference/watermark.md

Where the picture still has its frame, the tiles are where its size says. Else they are looked for: the picture's
autocorrelation has peaks on the lattice of the tiles, whatever was done to scale, angle and cut.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
from scipy import fft

from ..domain.provenance import ReleaseId, WatermarkReading

# Section numbers are the specification's.
_SEED = b"org.twinbook.watermark.2"
_SAMPLES = 64  # 1, along a tile
_PER_SIDE, _SMALLEST_TILE = 10, 64.0  # 1
_MEAN_WINDOW, _SPREAD_WINDOW, _OUTLIER = 13, 25, 2.5  # 2
_NEAR, _FAR = 4, 21  # 3, cycles in a tile
_SYMBOLS = 352  # 4
_TAPS = (0o463, 0o535, 0o733, 0o745)  # 4
_STATES, _MESSAGE = 256, 80

# What follows is this reader's own: how it looks for the tiles.
_WORK_AREA = 1_000_000  # pixels that are looked at
_PASS = (0.015, 0.36)  # cycles a pixel, of what is compared with itself
_PEAK_LIMIT = 6.0  # times the surroundings: a stripe in the picture counts no more than that
_TILE_RANGE = (0.045, 0.36)  # of the root of the area
_LEAST_TILE = 24.0  # pixels; smaller tiles have lost their pattern
_STEPS = ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2), (2, 1), (1, 2), (2, -1), (-1, 2))  # of the lattice, scored
_SQUARE_GUESSES, _STRETCHED_GUESSES, _REFINEMENTS = 4, 2, 3
_LEAST_SCORE = 4.0  # of a lattice; unmarked pictures stay below 5, marked ones reach 6 to 40
_LEAST_SYNC = 5.0  # standard deviations; the best of 32,768 noise values reaches 4.2, and one in a hundred 5
_LEAST_DRIFT = 4.5  # the same for one tile


class TiledReader:
    """One picture, uint8 sRGB (h, w, 3), to be read in one of two ways. At most 20 messages are looked at."""

    def __init__(self, rgb_srgb: np.ndarray) -> None:
        self._height, self._width = rgb_srgb.shape[:2]
        luma = rgb_srgb.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
        factor = np.sqrt(_WORK_AREA / luma.size)
        if factor < 1:
            size = (max(1, round(self._width * factor)), max(1, round(self._height * factor)))
            luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
        self._luma = luma

    def in_place(self) -> WatermarkReading:
        """The mark of a picture that was neither cropped nor turned but by quarters."""
        natural = float(np.sqrt(self._width * self._height)) / _PER_SIDE
        # A picture that was marked large and made small has tiles below the least that the embedder gives.
        for side in dict.fromkeys((max(_SMALLEST_TILE, natural), natural)):
            columns, rows = (round(length * _SAMPLES / side) for length in (self._width, self._height))
            if min(columns, rows) < _SAMPLES:
                continue
            shrinks = self._luma.shape[1] >= columns and self._luma.shape[0] >= rows
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            canonical = cv2.resize(self._luma, (columns, rows), interpolation=method)
            reading = _read_tile(_mean_tile(_levels(canonical), np.ones(canonical.shape, np.float32)))
            if reading.release is not None:
                return reading
        return WatermarkReading(None, 0.0)

    def anywhere(self) -> WatermarkReading:
        """The mark, wherever its tiles are."""
        likeness = _self_likeness(self._luma)
        for guess in _guesses(likeness, self._luma.shape):
            lattice = _fitted(likeness, self._luma.shape, guess)
            for _ in range(_REFINEMENTS):
                canonical, inside = _laid_out(self._luma, lattice)
                if canonical is None:
                    break
                level = _levels(canonical) * inside
                tile = _mean_tile(level, inside)
                reading = _read_tile(tile)
                if reading.release is not None:
                    return reading
                drift = _drift(level, inside, tile)
                if drift is None:
                    break
                lattice = lattice @ (np.eye(2) + drift)
        return WatermarkReading(None, 0.0)


# --- reading one tile, sections 2 to 5 ---------------------------------------------------------------------------


def _levels(canonical: np.ndarray) -> np.ndarray:
    """Section 2: float32, the same shape."""
    detail = canonical - cv2.boxFilter(canonical, -1, (_MEAN_WINDOW, _MEAN_WINDOW))
    spread = cv2.sqrBoxFilter(detail, cv2.CV_32F, (_SPREAD_WINDOW, _SPREAD_WINDOW))
    return (detail / np.sqrt(spread + 1)).clip(-_OUTLIER, _OUTLIER)


def _tiles(plane: np.ndarray) -> np.ndarray:
    """Cut into tiles, filled up with zeros: (rows, columns, 64, 64)."""
    rows, columns = (-(-side // _SAMPLES) for side in plane.shape)
    filled = np.zeros((rows * _SAMPLES, columns * _SAMPLES), np.float32)
    filled[: plane.shape[0], : plane.shape[1]] = plane
    return filled.reshape(rows, _SAMPLES, columns, _SAMPLES).swapaxes(1, 2)


def _mean_tile(level: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Section 3: all tiles on one another, where the picture has pixels: float32 (64, 64)."""
    return _tiles(level).sum(axis=(0, 1)) / np.maximum(_tiles(inside).sum(axis=(0, 1)), 1)


def _read_tile(tile: np.ndarray) -> WatermarkReading:
    """Sections 4 and 5: the message in a tile that may be shifted, turned by quarters and mirrored."""
    best = (0.0, tile)
    for mirrored in (False, True):
        for turns in range(4):
            view = np.rot90(tile[:, ::-1] if mirrored else tile, turns)
            spectrum = fft.fft2(view)
            # Half whitened, so that the strong low frequencies don't decide alone.
            match = fft.ifft2(spectrum / np.sqrt(np.abs(spectrum) + 1e-9) * _synchroniser()).real
            peak = int(match.argmax())
            height = float(match.flat[peak] / (match.std() + 1e-12))
            if height > best[0]:
                best = height, np.roll(view, (-(peak // _SAMPLES), -(peak % _SAMPLES)), (0, 1))
    if best[0] < _LEAST_SYNC:
        return WatermarkReading(None, 0.0)
    symbols = _symbols(best[1])
    message = _likeliest(symbols)
    if binascii.crc32(message[:6]) != int.from_bytes(message[6:], "big"):
        return WatermarkReading(None, 0.0)
    return WatermarkReading(ReleaseId(message[:6].hex()), _agreement(symbols, message))


@cache
def _plan() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Section 4, for every chip: row and column frequency, sign (with the imaginary part's factor), and symbol
    (352 where it synchronises)."""
    rows, columns = np.mgrid[0 : _FAR + 1, -_FAR : _FAR + 1]
    square = rows**2 + columns**2
    kept = (square >= _NEAR**2) & (square <= _FAR**2) & ((rows > 0) | (columns > 0))
    order = np.lexsort((columns[kept], rows[kept], square[kept]))
    rows, columns = rows[kept][order], columns[kept][order]
    total = 2 * rows.size
    draws = np.frombuffer(hashlib.shake_256(_SEED).digest(8 * total), dtype=">u8").astype(np.uint64)
    symbol = np.full(total, _SYMBOLS)
    third = -(-total // 3)
    for first in (0, third, 2 * third):
        ranks = np.argsort(np.argsort(draws[first : first + third], kind="stable"), kind="stable")
        symbol[first : first + third] = np.minimum(ranks, _SYMBOLS)
    sign = 1.0 - 2.0 * (draws & np.uint64(1)).astype(np.float64)
    return rows, columns, sign, symbol


@cache
def _synchroniser() -> np.ndarray:
    """The conjugate spectrum of a tile that holds the synchronising chips alone: complex (64, 64)."""
    rows, columns, sign, symbol = _plan()
    chip = np.where(symbol == _SYMBOLS, sign, 0.0)
    spectrum = np.zeros((_SAMPLES, _SAMPLES), complex)
    spectrum[rows, columns] = chip[0::2] - 1j * chip[1::2]
    spectrum[-rows, -columns] = chip[0::2] + 1j * chip[1::2]
    return spectrum


def _symbols(tile: np.ndarray) -> np.ndarray:
    """One soft value for each coded bit, positive for 0: float64 (352,)."""
    rows, columns, sign, symbol = _plan()
    found = fft.fft2(tile)[rows, columns]
    chips = sign * np.column_stack([found.real, found.imag]).reshape(-1)
    return np.bincount(symbol, chips, minlength=_SYMBOLS + 1)[:_SYMBOLS] / np.bincount(symbol)[:_SYMBOLS]


@cache
def _trellis() -> tuple[np.ndarray, np.ndarray]:
    """For every state (the last eight bits, newest highest): its two predecessors, int (256, 2), and the four symbols,
    ±1, that each way into it sends, float64 (256, 2, 4)."""
    state = np.arange(_STATES)
    before = np.stack([(state << 1) & 255, (state << 1) & 255 | 1], axis=1)
    register = (state >> 7 << 8)[:, None] | before
    sent = [[[1 - 2 * (int(r & tap).bit_count() & 1) for tap in _TAPS] for r in pair] for pair in register]
    return before, np.array(sent, dtype=np.float64)


def _likeliest(symbols: np.ndarray) -> bytes:
    """Section 5, by Viterbi's algorithm over soft values: 10 bytes."""
    before, sent = _trellis()
    score = np.full(_STATES, -np.inf)
    score[0] = 0.0
    states, choices = np.arange(_STATES), []
    for received in symbols.reshape(-1, len(_TAPS)):
        ways = score[before] + sent @ received
        choices.append(ways.argmax(axis=1))
        score = ways[states, choices[-1]]
    bits, state = [], 0  # the tail drives the encoder back to zero
    for picked in reversed(choices):
        bits.append(state >> 7)
        state = int(before[state, picked[state]])
    return np.packbits(bits[::-1][:_MESSAGE]).tobytes()


def _agreement(symbols: np.ndarray, message: bytes) -> float:
    """The normalised correlation of what was received with the code word that was read."""
    window, ideal = 0, []
    for bit in [*np.unpackbits(np.frombuffer(message, np.uint8)).tolist(), *[0] * 8]:
        window = bit << 8 | window >> 1
        ideal.extend(1 - 2 * ((window & tap).bit_count() & 1) for tap in _TAPS)
    product = float(np.dot(symbols, ideal) / (np.linalg.norm(symbols) * np.sqrt(_SYMBOLS)))
    return min(max(product, 0.0), 1.0)


# --- looking for the tiles --------------------------------------------------------------------------------------


def _self_likeness(luma: np.ndarray) -> np.ndarray:
    """The autocorrelation of a whitened picture, in standard deviations: float32, lag (y, x) at index (y, x), negative
    ones from the end. Zero-padded by half, so that lags up to half the picture don't wrap."""
    height, width = luma.shape
    detail = luma - cv2.GaussianBlur(luma, (0, 0), 6)
    spread = cv2.GaussianBlur(detail * detail, (0, 0), 12)
    level = (detail / np.sqrt(spread + 1)).clip(-_OUTLIER, _OUTLIER)
    level *= _taper(height)[:, None] * _taper(width)[None, :]
    padded = [fft.next_fast_len(side + side // 2, real=True) for side in (height, width)]
    power = np.square(np.abs(fft.rfft2(level, padded)))
    excess = np.minimum(power / (cv2.blur(power, (15, 15)) + 1e-9), _PEAK_LIMIT) - 1
    radius = np.hypot(fft.fftfreq(padded[0])[:, None], fft.rfftfreq(padded[1])[None, :])
    excess[(radius < _PASS[0]) | (radius > _PASS[1])] = 0
    likeness = fft.irfft2(excess, padded).astype(np.float32)
    return likeness / (likeness[10:, 10:].std() + 1e-12)


def _taper(length: int) -> np.ndarray:
    near = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1
    return np.minimum(near / (0.05 * length), 1).astype(np.float32)


def _guesses(likeness: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Likely lattices, 2 × 2: the columns are the steps to the next tile, in pixels (x, y). First square ones at every
    angle, then upright ones that were stretched."""
    size = np.sqrt(shape[0] * shape[1])
    low, high = max(_LEAST_TILE, _TILE_RANGE[0] * size), _TILE_RANGE[1] * size
    if high <= low:
        return
    smooth = cv2.blur(likeness, (3, 3))
    lengths = np.geomspace(low, high, max(2, round(np.log(high / low) / 0.005)))
    angles = np.deg2rad(np.arange(-45, 45, 0.3))
    along, across = np.outer(lengths, np.cos(angles)), np.outer(lengths, np.sin(angles))
    score = _lattice_scores(smooth, shape, along, across, -across, along)
    for row, column in _best(score, _SQUARE_GUESSES):
        x, y = along[row, column], across[row, column]
        yield np.array([[x, -y], [y, x]])
    lengths = lengths[::2]
    wide, high_ = np.meshgrid(lengths, lengths)
    zero = np.zeros_like(wide)
    score = _lattice_scores(smooth, shape, wide, zero, zero, high_)
    score[np.abs(np.log(wide / high_)) > 0.5] = -np.inf
    for row, column in _best(score, _STRETCHED_GUESSES):
        yield np.diag([wide[row, column], high_[row, column]])


def _lattice_scores(
    likeness: np.ndarray, shape: tuple[int, ...], ax: np.ndarray, ay: np.ndarray, bx: np.ndarray, by: np.ndarray
) -> np.ndarray:
    """For each lattice with the steps (ax, ay) and (bx, by): the sum of likeness over its ten nearest points, each
    weighted by how much of the picture still overlaps, in standard deviations."""
    rows, columns = likeness.shape
    total, weights = np.zeros(ax.shape, np.float32), np.zeros(ax.shape, np.float32)
    for i, j in _STEPS:
        x, y = np.rint(i * ax + j * bx).astype(np.int32), np.rint(i * ay + j * by).astype(np.int32)
        overlap = (1 - np.abs(x) / shape[1]).clip(0) * (1 - np.abs(y) / shape[0]).clip(0)
        overlap[(np.abs(x) >= columns // 2) | (np.abs(y) >= rows // 2)] = 0
        total += likeness[y % rows, x % columns].clip(-3, 12) * np.sqrt(overlap)
        weights += overlap
    return total / np.sqrt(weights + 0.5)


def _best(score: np.ndarray, count: int) -> Iterator[tuple[int, int]]:
    """Where the highest scores are, far enough apart to be different lattices."""
    score = score.copy()
    for _ in range(count):
        row, column = divmod(int(score.argmax()), score.shape[1])
        if score[row, column] < _LEAST_SCORE:
            return
        yield row, column
        score[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = -np.inf


def _fitted(likeness: np.ndarray, shape: tuple[int, ...], lattice: np.ndarray) -> np.ndarray:
    """The lattice, any 2 × 2 now, through the peaks that are found near its points, ring after ring outwards."""
    length = np.sqrt(abs(np.linalg.det(lattice)))
    reach = max(2, int(0.03 * length))
    for ring in (1.5, 2.3, 3.7, 5.1):
        points, peaks, heights = [], [], []
        for i in range(-5, 6):
            for j in range(6):
                if (j == 0 and i <= 0) or i * i + j * j > ring * ring:
                    continue
                x, y = (round(float(v)) for v in lattice @ (i, j))
                rows, columns = likeness.shape
                if abs(x) > min(0.75 * shape[1], columns / 2 - 8) or abs(y) > min(0.75 * shape[0], rows / 2 - 8):
                    continue
                window = likeness[np.arange(y - reach, y + reach + 1) % rows][
                    :, np.arange(x - reach, x + reach + 1) % columns
                ]
                height, dx, dy = _summit(window)
                if height >= 4:
                    points.append((i, j))
                    peaks.append((x - reach + dx, y - reach + dy))
                    heights.append(height)
        if len(points) < 3:
            continue
        weight = np.sqrt(heights)[:, None]
        fit = np.linalg.lstsq(np.array(points) * weight, np.array(peaks) * weight, rcond=None)[0].T
        if abs(np.linalg.det(fit) / length**2 - 1) < 0.4:
            lattice = fit
    return lattice


def _summit(window: np.ndarray) -> tuple[float, float, float]:
    """Height and place (x, y), to a fraction of a sample, of a window's highest value."""
    row, column = divmod(int(window.argmax()), window.shape[1])
    top = float(window[row, column])

    def offset(before: float, after: float) -> float:
        bend = before - 2 * top + after
        return min(max(0.5 * (before - after) / bend, -0.5), 0.5) if bend < 0 else 0.0

    inner_row, inner_column = 0 < row < window.shape[0] - 1, 0 < column < window.shape[1] - 1
    dy = offset(float(window[row - 1, column]), float(window[row + 1, column])) if inner_row else 0.0
    dx = offset(float(window[row, column - 1]), float(window[row, column + 1])) if inner_column else 0.0
    return top, column + dx, row + dy


def _laid_out(luma: np.ndarray, lattice: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """The picture with 64 samples along each step of the lattice, and 1 where it has pixels: float32, twice."""
    height, width = luma.shape
    inverse = np.linalg.inv(lattice) * _SAMPLES
    corners = inverse @ np.array([[0, width, width, 0], [0, 0, height, height]])
    first, last = np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1))
    columns, rows = (last - first).astype(int)
    if not (min(columns, rows) >= _SAMPLES and columns * rows <= 8 * _WORK_AREA):
        return None, np.empty(0)
    shrink = np.sqrt(abs(np.linalg.det(lattice))) / _SAMPLES
    if shrink > 1.2:
        luma = cv2.GaussianBlur(luma, (0, 0), 0.45 * np.sqrt(shrink**2 - 1))
    place = np.hstack([inverse, -first[:, None]])
    canonical = cv2.warpAffine(luma, place, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones_like(luma), place, (columns, rows), flags=cv2.INTER_LINEAR)
    return canonical, (inside > 0.99).astype(np.float32)


def _drift(level: np.ndarray, inside: np.ndarray, tile: np.ndarray) -> np.ndarray | None:
    """How the tiles move against their mean from place to place, in samples a sample: 2 × 2, or None when too few show
    it. Each is looked at together with its neighbours."""
    blocks, filled = _tiles(level), _tiles(inside).mean(axis=(2, 3)) >= 0.4
    rows, columns = blocks.shape[:2]
    match = np.pad(fft.ifft2(fft.fft2(blocks) * np.conj(fft.fft2(tile))).real, ((1, 1), (1, 1), (0, 0), (0, 0)))
    kernel = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
    around = sum(kernel[dy, dx] * match[dy : dy + rows, dx : dx + columns] for dy in range(3) for dx in range(3))
    around /= around.std(axis=(2, 3), keepdims=True) + 1e-12
    reach = _SAMPLES // 8
    near = np.roll(around, (reach, reach), (2, 3))[:, :, : 2 * reach + 1, : 2 * reach + 1]
    places, moves, heights = [], [], []
    for row, column in zip(*np.nonzero(filled), strict=True):
        height, dx, dy = _summit(near[row, column])
        if height >= _LEAST_DRIFT:
            places.append((column * _SAMPLES, row * _SAMPLES, 1.0))
            moves.append((dx - reach, dy - reach))
            heights.append([height])
    if len(places) < 6:
        return None
    weight = np.array(heights)
    return np.linalg.lstsq(np.array(places) * weight, np.array(moves) * weight, rcond=None)[0][:2].T
