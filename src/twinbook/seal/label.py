"""The visible label: a plate with an "AI" mark and the words, placed off every face.

EU AI Act art. 50 asks for a label that is clear at first exposure and unobstructed; its code of practice suggests the
top right and an "AI" icon. How high the letters must be is another matter in every place, so the caller says it: China's
GB 45438-2025 asks for 5 % of the picture's shortest side. WCAG 2.2, 1.4.3 asks for a contrast of 4.5 : 1. All of it is met by
construction, and the contrast is measured afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from io import BytesIO
from itertools import combinations, pairwise

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..domain.errors import SealRefused
from ..domain.twin import Box

MINIMUM_LETTER = 14  # pixels
MINIMUM_CONTRAST = 4.5
_EVEN = 60.0  # levels of 255, of luma, over a label's height: paper in any light has less, hair and cloth more
FACE_MARGIN = 0.35  # of a face box, on every side, that stays free
_WIDEST = 0.62  # of the picture's width; words that are wider go on more lines
_MOST_LINES = 4
_MOST_AREA = 0.16  # of the picture that a label may take
_JOINT = " · "  # between the words of several laws

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


def put_label(
    rgb_srgb: np.ndarray, text: str, faces: Sequence[Box], format: str = "", letter_share: float = 0.05
) -> Labelled:
    """Put ``text`` on a picture, uint8 sRGB (h, w, 3). Top right if that is free, else the nearest free place to it.

    ``letter_share`` of the shortest side is the least height from the top of a capital to the foot of a "g".
    ``format`` (``tiktok-9x16``) decides which margins stay free. Long words go on more lines; nothing of them is ever left
    out, since a law may ask for every one. Raises SealRefused ``seal.label_room`` when they don't fit off the faces,
    ``seal.label_text`` when the typeface lacks a letter.
    """
    words = " ".join(text.split())
    if not words:
        raise SealRefused("seal.label_text", "the label is empty", "give the label's words")
    height, width = rgb_srgb.shape[:2]
    safe = _safe_area(width, height, format)
    layouts = [
        layout
        for layout in _layouts(words, max(letter_share * min(width, height), MINIMUM_LETTER))
        if layout.width * layout.height <= _MOST_AREA * width * height
    ]
    # As few lines as aren't too wide come first, and of those that are, the narrowest.
    wide = [layout for layout in layouts if layout.width > _WIDEST * width]
    layouts = [layout for layout in layouts if layout not in wide] + wide[::-1]
    heads, kept_free = [_head(face) for face in faces], [face.grown(FACE_MARGIN) for face in faces]
    place = (
        _top_corner(rgb_srgb, layouts, safe, kept_free)
        or _place(layouts, safe, heads)
        or _place(layouts, safe, kept_free)
    )
    if place is None:
        raise SealRefused(
            "seal.label_room", f"{words!r} doesn't fit a {width}x{height} picture beside {len(faces)} face(s)"
        )
    layout, box = place
    picture, contrast = _draw(rgb_srgb, layout, box)
    return Labelled(picture, words, box, contrast)


def _head(face: Box) -> Box:
    """A face box with hair and neck, which the label covers only when there is no other room."""
    return Box(
        face.left - round(0.6 * face.width),
        face.top - round(0.9 * face.height),
        round(2.2 * face.width),
        round(2.4 * face.height),
    )


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
    size: float

    @cached_property
    def font(self) -> ImageFont.FreeTypeFont:
        return _font(self.size)

    @cached_property
    def ascent(self) -> int:
        """Of a capital, from the baseline."""
        return round(_proportions()[0] * self.size)

    @cached_property
    def descent(self) -> int:
        return round(_proportions()[1] * self.size)

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
        return round(self.letter * 0.15)

    @property
    def mark_side(self) -> int:
        """The mark stands in the first line, and is as high as the plate of a single one lets it be."""
        return self.letter + 2 * (self.padding - self.mark_inset)

    @cached_property
    def width(self) -> int:
        longest = max((self.font.getlength(line) for line in self.lines), default=0)
        return self.mark_inset + self.mark_side + round(self.letter * 0.38) + round(longest) + round(self.letter * 0.6)


def _layouts(words: str, letter: float) -> list[_Layout]:
    """On one line and on more; the mark speaks the "AI" that each law's words begin with."""
    size = letter / sum(_proportions())
    font = _font(size)
    _require_letters(words, font)
    laws = [_without_ai(part).split(" ") for part in words.split(_JOINT)]
    most = min(_MOST_LINES, sum(map(len, laws)))
    return [_Layout(_broken(laws, count, font), "AI", size) for count in range(1, most + 1)]


def _broken(laws: Sequence[Sequence[str]], count: int, font: ImageFont.FreeTypeFont) -> tuple[str, ...]:
    """The words on this many lines: broken between two laws' words where that can be, and the longest line shortest."""
    words = [word for law in laws for word in law]
    starts = {sum(map(len, laws[:i])) for i in range(1, len(laws))}

    def line(first: int, last: int) -> str:
        joints = ["", *(_JOINT if i in starts else " " for i in range(first + 1, last))]
        return "".join(joint + word for joint, word in zip(joints, words[first:last], strict=True))

    def lines(breaks: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(line(*ends) for ends in pairwise((0, *breaks, len(words))))

    choices = combinations(range(1, len(words)), count - 1)
    return lines(min(choices, key=lambda at: (len(starts - set(at)), max(map(font.getlength, lines(at))))))


def _without_ai(words: str) -> str:
    """What is left for the mark to stand before: "AI MODIFIED", "AI-ÄNDRAD" and "AI合成", but not "AIR" lose it."""
    rest = words[2:].lstrip("- ")
    whole = words[:2].upper() == "AI" and not (words[2:3].isascii() and words[2:3].isalnum())
    return rest if whole and rest else words


@cache
def _font(size: float) -> ImageFont.FreeTypeFont:
    """Letters of Inter and Noto Sans CJK (OFL-1.1), drawn to one another's measure by ``tools/label_font.py``."""
    try:
        return ImageFont.truetype(BytesIO(_typeface()), size)
    except ImportError as error:
        raise SealRefused(
            "seal.label_text", "Pillow was built without FreeType", "install Pillow from its wheel"
        ) from error


@cache
def _typeface() -> bytes:
    return (files(__package__) / "label.ttf").read_bytes()


@cache
def _proportions() -> tuple[float, float]:
    """Height of a capital and depth of a "g", as shares of the type size. Not taken at the size set, where a row of pixels
    that a letter touches would count as a whole one."""
    large = _font(1000)
    return -large.getbbox("H", anchor="ls")[1] / 1000, large.getbbox("g", anchor="ls")[3] / 1000


def _require_letters(words: str, font: ImageFont.FreeTypeFont) -> None:
    missing = bytes(font.getmask("\uffff"))
    lacking = sorted({letter for letter in words if letter != " " and bytes(font.getmask(letter)) == missing})
    if lacking:
        raise SealRefused("seal.label_text", f"the label's typeface has no {' '.join(lacking)}")


def _top_corner(
    rgb_srgb: np.ndarray, layouts: Sequence[_Layout], safe: Box, kept_free: Sequence[Box]
) -> tuple[_Layout, Box] | None:
    """The right or else the left upper corner, off the faces, where nothing is but a plain backdrop: how far hair goes up
    can't be told from a face's box, but that a place is empty can be seen."""
    for layout in layouts:
        if layout.width > safe.width or layout.height > safe.height:
            continue
        for left in (safe.right - layout.width, safe.left):
            box = Box(left, safe.top, layout.width, layout.height)
            if not any(box.overlap(face) for face in kept_free) and _plain(rgb_srgb, box):
                return layout, box
    return None


def _plain(rgb_srgb: np.ndarray, box: Box) -> bool:
    """Whether a place, and a little around it, is as even as paper, light on it or not."""
    around = box.grown(0.15).clipped(rgb_srgb.shape[1], rgb_srgb.shape[0])
    here = rgb_srgb[around.top : around.bottom, around.left : around.right].astype(np.float32)
    luma = cv2.GaussianBlur(here @ np.float32([0.299, 0.587, 0.114]), (0, 0), max(0.06 * box.height, 1.0))
    slope = np.hypot(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)) / 8
    return float(np.percentile(slope, 99)) * box.height < _EVEN


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
    shape = _rounded(box.width, box.height, round(_radius(layout)))
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


def _radius(layout: _Layout) -> float:
    """Of the plate's corners, in pixels."""
    return min(layout.height * 0.5, layout.letter * 0.85)


def _rounded(width: int, height: int, radius: int) -> np.ndarray:
    """Coverage of a rounded rectangle, float32 (h, w), 0 to 1, drawn at four times its size."""
    canvas = Image.new("L", (4 * width, 4 * height))
    ImageDraw.Draw(canvas).rounded_rectangle((0, 0, 4 * width - 1, 4 * height - 1), 4 * radius, fill=255)
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX), np.float32) / 255


def _mark_mask(layout: _Layout) -> np.ndarray:
    inset, mask = layout.mark_inset, np.zeros((layout.height, layout.width), np.float32)
    side = layout.mark_side
    mask[inset : inset + side, inset : inset + side] = _rounded(side, side, round(max(2.0, _radius(layout) - inset)))
    return mask


def _text_mask(layout: _Layout) -> np.ndarray:
    canvas = Image.new("L", (layout.width, layout.height))
    draw = ImageDraw.Draw(canvas)
    left = layout.mark_inset + layout.mark_side + round(layout.letter * 0.38)
    # Optically centred: capitals weigh more than descenders.
    top = layout.padding + layout.ascent + round(layout.descent * 0.35)
    for i, line in enumerate(layout.lines):
        draw.text((left, top + i * layout.pitch), line, fill=255, font=layout.font, anchor="ls")
    middle = layout.mark_inset + layout.mark_side / 2
    centre = (middle, middle + layout.ascent / 2)
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
