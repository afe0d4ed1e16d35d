"""The picture for people: what was measured, where, and by what bound it was judged, drawn beside and over the picture.

Every finding has a number, a colour and a word, so that nobody needs to see the colours apart. Regions are outlined and
tinted thinly: what is under them stays visible, because somebody has to decide on it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..domain.twin import Box

TALLEST = 1500  # pixels of the picture in the drawing
_INK, _PALE, _PAPER, _LINE = (24, 26, 30), (104, 108, 116), (250, 249, 246), (222, 220, 214)
# Pass, review, quarantine: apart in lightness as well as in hue (Okabe and Ito 2008, darkened for white numerals).
_COLOURS = {"pass": (0, 122, 92), "review": (176, 108, 0), "quarantine": (190, 46, 30)}
_ORDER = ("quarantine", "review", "pass")
_PLAIN = {"±": "+/-", "×": "x", "−": "-", "≤": "at most ", "≥": "at least ", "•": "·"}


@dataclass(frozen=True)
class Note:
    """One finding to show. ``text`` is its sentence; ``mark`` is where: a box or a bool (h, w) mask in the picture, None
    for the whole of it; ``severity`` is ``pass``, ``review`` or ``quarantine``; ``figure`` is the measured value with
    its bound (``8.1, at most 4``), set beside the name in large."""

    text: str
    severity: str
    mark: Box | np.ndarray | None = None
    figure: str = ""


def annotated(
    rgb_srgb: np.ndarray, notes: Sequence[Note], title: str = "", font: bytes | Path | None = None
) -> np.ndarray:
    """The picture, uint8 (h, w, 3), with its notes marked and a legend at its side: uint8 sRGB (h', w', 3), at most
    1,500 pixels high but for a longer legend. ``font`` is a TrueType file or its bytes; None takes Pillow's own."""
    notes = sorted(notes, key=lambda note: _ORDER.index(note.severity))
    shrink = min(1.0, TALLEST / rgb_srgb.shape[0])
    size = round(rgb_srgb.shape[1] * shrink), round(rgb_srgb.shape[0] * shrink)
    picture = cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA) if shrink < 1 else rgb_srgb.copy()
    unit = max(12, round(max(size[1], 700) / 52))  # the height of text
    for note in reversed(notes):  # the worst on top
        if isinstance(note.mark, np.ndarray):
            picture = _tinted(picture, note.mark, _COLOURS[note.severity], unit)
    drawing = Image.fromarray(picture)
    pen = ImageDraw.Draw(drawing)
    marked = [(number, note) for number, note in enumerate(notes, 1) if note.mark is not None]
    taken: list[tuple[int, int]] = []
    for number, note in reversed(marked):
        box = _extent(note.mark, shrink)
        if box is None:
            continue
        colour = _COLOURS[note.severity]
        if isinstance(note.mark, Box):
            _frame(pen, box, colour, max(2, unit // 6))
        first = (box[0], box[1]) if isinstance(note.mark, Box) else _foothold(note.mark, shrink)
        _badge(pen, _free_corner(box, first, taken, unit, size), str(number), colour, unit, font)
    legend = _legend(notes, title, size[1], unit, font)
    page = Image.new("RGB", (size[0] + legend.width, max(size[1], legend.height)), _PAPER)
    page.paste(drawing, (0, 0))
    page.paste(legend, (size[0], 0))
    return np.asarray(page)


# --- on the picture -----------------------------------------------------------------------------------------------


def _tinted(picture: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int], unit: int) -> np.ndarray:
    """Softly filled and outlined with a light line around a coloured one, so that it shows on any ground."""
    high, wide = picture.shape[:2]
    cover = cv2.resize(mask.astype(np.float32), (wide, high), interpolation=cv2.INTER_LINEAR)
    cover = cv2.GaussianBlur(cover, (0, 0), max(unit / 5, 1.0))
    inside = cover > 0.5
    grey = picture.mean(axis=2, keepdims=True)
    tint = 0.45 * grey + 0.55 * np.array(colour, np.float32)
    out = np.where(inside[..., None], 0.62 * picture + 0.38 * tint, picture).astype(np.uint8)
    edges, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    out = np.ascontiguousarray(out)
    line = max(1, unit // 10)
    cv2.drawContours(out, edges, -1, (255, 255, 255), 3 * line, cv2.LINE_AA)
    cv2.drawContours(out, edges, -1, colour, 2 * line - 1, cv2.LINE_AA)
    return out


def _extent(mark: Box | np.ndarray, shrink: float) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom in the drawing; of a mask: of its largest piece."""
    if isinstance(mark, Box):
        box = (mark.left, mark.top, mark.right, mark.bottom)
        return tuple(round(side * shrink) for side in box)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mark.astype(np.uint8))
    if count < 2:
        return None
    left, top, wide, high, _ = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    return tuple(round(float(side) * shrink) for side in (left, top, left + wide, top + high))


def _frame(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], colour: tuple[int, int, int], line: int) -> None:
    left, top, right, bottom = box
    round_by = 3 * line
    pen.rounded_rectangle(
        (left - line, top - line, right + line, bottom + line), round_by + line, None, "white", 3 * line
    )
    pen.rounded_rectangle((left, top, right, bottom), round_by, None, colour, line)


def _foothold(mask: np.ndarray, shrink: float) -> tuple[int, int]:
    """The middle of the top of a mask's largest piece, so that a number there stands on it."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    top = int(stats[largest, cv2.CC_STAT_TOP])
    return round(float(np.median(np.flatnonzero(pieces[top] == largest))) * shrink), round(top * shrink)


def _free_corner(
    box: tuple[int, int, int, int],
    first: tuple[int, int],
    taken: list[tuple[int, int]],
    unit: int,
    size: tuple[int, int],
) -> tuple[int, int]:
    """Where the number goes: ``first``, else a corner of the mark that no other number holds, inside the picture."""
    left, top, right, bottom = box
    step = 2 * unit
    tries = [first, (left, top), (right, top), (left, bottom), (right, bottom)]
    tries += [(left + i * step, top) for i in range(1, 6)] + [(left, top + i * step) for i in range(1, 6)]
    for x, y in tries:
        at = (min(max(x, unit), size[0] - unit), min(max(y, unit), size[1] - unit))
        if all(abs(at[0] - a) >= step or abs(at[1] - b) >= step for a, b in taken):
            break
    taken.append(at)
    return at


def _badge(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    colour: tuple[int, int, int],
    unit: int,
    font: bytes | Path | None,
) -> None:
    x, y = at
    radius = round(0.85 * unit)
    pen.ellipse((x - radius - 2, y - radius - 2, x + radius + 2, y + radius + 2), "white")
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
    pen.text((x, y), text, "white", _font(font, unit), "mm")


# --- the legend ---------------------------------------------------------------------------------------------------


def _legend(notes: Sequence[Note], title: str, height: int, unit: int, font: bytes | Path | None) -> Image.Image:
    width, margin = 25 * unit, round(1.4 * unit)
    text_left = margin + round(2.6 * unit)
    small, plain, large = (_font(font, round(size * unit)) for size in (0.82, 1.0, 1.35))
    rows: list[tuple[int, Note, list[str]]] = []
    y = margin
    heading = _wrapped(_known(title, large), large, width - 2 * margin)
    y += len(heading) * round(1.8 * unit) + (round(0.8 * unit) if heading else 0)
    start = y
    for note in notes:
        lines = _wrapped(_known(note.text, plain), plain, width - text_left - margin)
        rows.append((y, note, lines))
        y += max(len(lines) * round(1.4 * unit) + round((1.3 if note.figure else 0.2) * unit), 2 * unit) + unit
    page = Image.new("RGB", (width, max(height, y + margin)), _PAPER)
    pen = ImageDraw.Draw(page)
    for i, line in enumerate(heading):
        pen.text((margin, margin + i * round(1.8 * unit)), line, _INK, large)
    if heading:
        pen.line((margin, start - round(0.6 * unit), width - margin, start - round(0.6 * unit)), _LINE, 2)
    for number, (y, note, lines) in enumerate(rows, 1):
        colour = _COLOURS[note.severity]
        _badge(pen, (margin + unit, y + unit), str(number), colour, unit, font)
        for i, line in enumerate(lines):
            pen.text((text_left, y + i * round(1.4 * unit)), line, _INK, plain)
        below = y + len(lines) * round(1.4 * unit) + round(0.1 * unit)
        word = note.severity if not note.figure else f"{note.severity}: {_known(note.figure, small)}"
        pen.text((text_left, below), word, colour if note.severity != "pass" else _PALE, small)
    return page


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _known(text: str, font: ImageFont.FreeTypeFont) -> str:
    """The text with signs that a small font hasn't got said in letters."""
    missing = bytes(font.getmask("\ufffe"))
    return "".join(_PLAIN[c] if c in _PLAIN and bytes(font.getmask(c)) == missing else c for c in text)


@lru_cache(maxsize=16)
def _font(font: bytes | Path | None, size: int) -> ImageFont.FreeTypeFont:
    if font is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(io.BytesIO(font) if isinstance(font, bytes) else str(font), size)
