"""The visible label: a plate with an "AI" mark and the words, placed off every face.

EU AI Act art. 50 asks for a label that is clear at first exposure and unobstructed; its code of practice suggests the
top right and an "AI" icon. China's GB 45438-2025 asks for letters no lower than 5 % of the picture's shortest side.
WCAG 2.2, 1.4.3 asks for a contrast of 4.5 : 1. All three are met by construction, and the last is measured afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..domain.errors import SealRefused
from ..domain.twin import Box

LETTER_SHARE = 0.05  # of the shortest side: height from the top of a capital to the foot of a "g", at least
MINIMUM_LETTER = 14  # pixels
MINIMUM_CONTRAST = 4.5
FACE_MARGIN = 0.35  # of a face box, on every side, that stays free
_WIDEST = 0.62  # of the picture's width, for the words on one line; else they go on two
_MOST_AREA = 0.16  # of the picture that a label may take
_SHORT_FORMS = ("AI-generated", "AI-modified")

# Where platforms lay their own buttons over tall pictures (their published safe zones): left, top, right, bottom.
_SAFE = {
    "tiktok": (0.06, 0.08, 0.13, 0.20),
    "instagram-9x16": (0.06, 0.14, 0.06, 0.20),
    "story": (0.06, 0.14, 0.06, 0.20),
}
_INK, _PAPER = (17, 19, 22), (250, 249, 246)
_OPACITIES = (0.80, 0.88, 0.94, 1.0)


@dataclass(frozen=True)
class Labelled:
    """The picture with its label, uint8 sRGB (h, w, 3); the words that went on; the plate; the contrast measured."""

    rgb_srgb: np.ndarray
    text: str
    box: Box
    contrast: float


def put_label(rgb_srgb: np.ndarray, text: str, faces: Sequence[Box], format: str = "") -> Labelled:
    """Put ``text`` on a picture, uint8 sRGB (h, w, 3). Top right if that is free, else the nearest free place to it.

    ``format`` (``tiktok-9x16``) decides which margins stay free. Long words go on two lines; if there is no room for
    them, a text that begins with a known short form ("AI-generated …") is shortened to it. Raises StateError
    ``seal.label_room`` when nothing fits off the faces, ``seal.label_text`` when the typeface lacks a letter.
    """
    words = " ".join(text.split())
    if not words:
        raise SealRefused("seal.label_text", "the label is empty", "give the label's words")
    height, width = rgb_srgb.shape[:2]
    safe = _safe_area(width, height, format)
    kept_free = [face.grown(FACE_MARGIN) for face in faces]
    heads = [_head(face) for face in faces]
    for candidate in _wordings(words):
        layouts = [
            layout
            for layout in _layouts(candidate, min(width, height))
            if layout.width * layout.height <= _MOST_AREA * width * height
        ]
        if layouts and layouts[0].width > _WIDEST * width and len(layouts) > 1:
            layouts.reverse()
        place = _place(layouts, safe, heads) or _place(layouts, safe, kept_free)
        if place is not None:
            layout, box = place
            picture, contrast = _draw(rgb_srgb, layout, box)
            return Labelled(picture, candidate, box, contrast)
    raise SealRefused(
        "seal.label_room", f"{words!r} doesn't fit a {width}x{height} picture beside {len(faces)} face(s)"
    )


def _head(face: Box) -> Box:
    """A face box with hair and neck, which the label covers only when there is no other room."""
    return Box(
        face.left - round(0.6 * face.width),
        face.top - round(0.9 * face.height),
        round(2.2 * face.width),
        round(2.4 * face.height),
    )


def _wordings(words: str) -> Iterator[str]:
    yield words
    for short in _SHORT_FORMS:
        if words != short and words.lower().startswith(short.lower()):
            yield short


def _safe_area(width: int, height: int, format: str) -> Box:
    margin = round(0.035 * min(width, height))
    shares = next((shares for name, shares in _SAFE.items() if format.startswith(name)), None)
    if shares is None or height < 1.5 * width:
        return Box(margin, margin, width - 2 * margin, height - 2 * margin)
    left, top = max(margin, round(shares[0] * width)), max(margin, round(shares[1] * height))
    right, bottom = max(margin, round(shares[2] * width)), max(margin, round(shares[3] * height))
    return Box(left, top, width - left - right, height - top - bottom)


# --- layout -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """A plate for one picture size. ``lines`` are the words beside the mark; lengths are pixels."""

    lines: tuple[str, ...]
    mark: str
    size: int

    @cached_property
    def font(self) -> ImageFont.FreeTypeFont:
        return _font(self.size)

    @cached_property
    def ascent(self) -> int:
        """Of a capital, from the baseline."""
        return -self.font.getbbox("H", anchor="ls")[1]

    @cached_property
    def descent(self) -> int:
        return self.font.getbbox("g", anchor="ls")[3]

    @property
    def letter(self) -> int:
        return self.ascent + self.descent

    @property
    def pitch(self) -> int:
        return round(self.letter * 1.22)

    @property
    def padding(self) -> int:
        return round(self.letter * 0.42)

    @cached_property
    def text_height(self) -> int:
        """From the top of the first line's capitals to the foot of the last line's descenders."""
        return self.letter + (len(self.lines) - 1) * self.pitch

    @property
    def height(self) -> int:
        return self.text_height + 2 * self.padding

    @property
    def mark_inset(self) -> int:
        return round(self.letter * 0.22)

    @property
    def mark_width(self) -> int:
        return (
            max(self.height - 2 * self.mark_inset, round(self.letter * 1.5))
            if len(self.lines) == 1
            else round(self.letter * 1.75)
        )

    @cached_property
    def width(self) -> int:
        longest = max((self.font.getlength(line) for line in self.lines), default=0)
        return self.mark_inset + self.mark_width + round(self.letter * 0.38) + round(longest) + round(self.letter * 0.6)


def _layouts(words: str, shortest: int) -> list[_Layout]:
    """On one line and, if there are several words, on two; the mark speaks the "AI" that the words begin with."""
    rest = words[2:].lstrip("- ") if words.lower().startswith(("ai-", "ai ")) else words
    size = _size_for(max(LETTER_SHARE * shortest, MINIMUM_LETTER))
    found = [_Layout((rest,), "AI", size)]
    parts = rest.split(" ")
    if len(parts) > 1:
        font = _font(size)
        halves = [(" ".join(parts[:i]), " ".join(parts[i:])) for i in range(1, len(parts))]
        found.append(_Layout(min(halves, key=lambda two: max(map(font.getlength, two))), "AI", size))
    _require_letters(words, found[0].font)
    return found


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Aileron (CC0), which Pillow brings."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise SealRefused("seal.label_text", "Pillow was built without FreeType", "install Pillow from its wheel")
    return font


def _size_for(letter: float) -> int:
    """The smallest type size whose letters are at least this high."""
    size = max(8, int(letter))
    while _Layout((), "", size).letter < letter:
        size += 1
    return size


def _require_letters(words: str, font: ImageFont.FreeTypeFont) -> None:
    missing = bytes(font.getmask("\uffff"))
    lacking = sorted({letter for letter in words if letter != " " and bytes(font.getmask(letter)) == missing})
    if lacking:
        raise SealRefused("seal.label_text", f"the label's typeface has no {' '.join(lacking)}")


def _place(layouts: Sequence[_Layout], safe: Box, kept_free: Sequence[Box]) -> tuple[_Layout, Box] | None:
    """The first free place, corners before edges, the top before the bottom, the right before the left."""
    for group in ("corners", "edges"):
        for bottom in (False, True):
            for layout in layouts:
                if layout.width > safe.width or layout.height > safe.height:
                    continue
                top = safe.bottom - layout.height if bottom else safe.top
                room = safe.width - layout.width
                shares = (1.0, 0.0) if group == "corners" else (0.5, 0.75, 0.25)
                for share in shares:
                    box = Box(safe.left + round(room * share), top, layout.width, layout.height)
                    if not any(box.overlap(face) for face in kept_free):
                        return layout, box
    for layout in layouts:  # beside the face, along the right and the left edge
        room = safe.height - layout.height
        if layout.width > safe.width or room < 0:
            continue
        for step in range(1, 12):
            for left in (safe.right - layout.width, safe.left):
                box = Box(left, safe.top + round(room * step / 12), layout.width, layout.height)
                if not any(box.overlap(face) for face in kept_free):
                    return layout, box
    return None


# --- drawing ----------------------------------------------------------------------------------------------------


def _draw(rgb_srgb: np.ndarray, layout: _Layout, box: Box) -> tuple[np.ndarray, float]:
    """The labelled picture and the contrast of the words with the plate: the worst 2 % of the plate decide."""
    here = np.s_[box.top : box.bottom, box.left : box.right]
    behind = rgb_srgb[here]
    dark_plate = float(np.median(relative_luminance(behind))) > 0.18
    plate_colour, ink_colour = (_INK, _PAPER) if dark_plate else (_PAPER, _INK)
    shape = _rounded(box.width, box.height, round(min(layout.height * 0.5, layout.letter * 0.85)))
    mark, ink = _mark_mask(layout), _text_mask(layout)
    frosted = cv2.GaussianBlur(behind, (0, 0), max(1.0, layout.letter * 0.35)).astype(np.float32)
    for opacity in _OPACITIES:
        plate = frosted * (1 - opacity) + np.float32(plate_colour) * opacity
        contrast = _worst_contrast(plate[shape > 0.99], ink_colour)
        if contrast >= MINIMUM_CONTRAST + 1.0:  # JPEG and resizing take some
            break
    face = plate * (1 - mark[..., None]) + np.float32(ink_colour) * mark[..., None]
    letters_on_mark = np.where(mark > 0.5, 1.0, 0.0)[..., None]
    ink_here = np.float32(plate_colour) * letters_on_mark + np.float32(ink_colour) * (1 - letters_on_mark)
    face = face * (1 - ink[..., None]) + ink_here * ink[..., None]
    result = rgb_srgb.copy()
    result[here] = np.rint(behind * (1 - shape[..., None]) + face * shape[..., None]).clip(0, 255).astype(np.uint8)
    return result, contrast


def _rounded(width: int, height: int, radius: int) -> np.ndarray:
    """Coverage of a rounded rectangle, float32 (h, w), 0 to 1, drawn at four times its size."""
    canvas = Image.new("L", (4 * width, 4 * height))
    ImageDraw.Draw(canvas).rounded_rectangle((0, 0, 4 * width - 1, 4 * height - 1), 4 * radius, fill=255)
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX), np.float32) / 255


def _mark_mask(layout: _Layout) -> np.ndarray:
    inset, mask = layout.mark_inset, np.zeros((layout.height, layout.width), np.float32)
    tall = layout.height - 2 * inset
    outer = min(layout.height * 0.5, layout.letter * 0.85)
    tile = _rounded(layout.mark_width, tall, round(max(2.0, outer - inset)))
    mask[inset : inset + tall, inset : inset + layout.mark_width] = tile
    return mask


def _text_mask(layout: _Layout) -> np.ndarray:
    canvas = Image.new("L", (layout.width, layout.height))
    draw = ImageDraw.Draw(canvas)
    left = layout.mark_inset + layout.mark_width + round(layout.letter * 0.38)
    # Optically centred: capitals weigh more than descenders.
    top = layout.padding + layout.ascent + round(layout.descent * 0.35)
    for i, line in enumerate(layout.lines):
        draw.text((left, top + i * layout.pitch), line, fill=255, font=layout.font, anchor="ls")
    centre = (layout.mark_inset + layout.mark_width / 2, layout.height / 2 + layout.ascent / 2)
    heavy = max(1, round(layout.size * 0.035))
    draw.text(centre, layout.mark, fill=255, font=layout.font, anchor="ms", stroke_width=heavy)
    return np.asarray(canvas, np.float32) / 255


def relative_luminance(rgb_srgb: np.ndarray) -> np.ndarray:
    """WCAG 2.2 relative luminance of sRGB values 0 to 255, shape (..., 3): 0 to 1."""
    value = np.asarray(rgb_srgb, np.float32) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return linear @ np.float32([0.2126, 0.7152, 0.0722])


def _worst_contrast(plate: np.ndarray, ink: tuple[int, int, int]) -> float:
    luminance = relative_luminance(plate)
    against = float(relative_luminance(np.float32(ink)))
    worst = float(np.percentile(luminance, 98 if against > 0.5 else 2))
    bright, dark = max(worst, against), min(worst, against)
    return (bright + 0.05) / (dark + 0.05)
