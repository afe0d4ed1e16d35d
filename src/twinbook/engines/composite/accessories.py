"""Belts and brooches from their packshots, laid over what she wears; bags and scarves are refused, for want of a hand that
holds them and of a way they fall.

A belt is a strip round an ellipse: its middle faces the camera, its sides turn away and run out of sight at her edges, and
as the camera is above or below it the ellipse shows as an arc. Heights are in faces, as far as a photograph tells them.
"""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from ...domain.brief import Accessory
from ...domain.errors import EngineRefused
from ...ports import Plate
from ...vision.regions import Region
from ...vision.skin import to_linear, to_srgb
from . import leftovers
from .figure_marks import Figure, find
from .packshot import Packshot, cut_out

_LUMINANCE = np.float32([0.2126, 0.7152, 0.0722])
# Below her shoulders, in heights of the detected face (about 13 cm).
_ROWS = {"neck": 0.05, "chest": 0.85, "waist": 1.75, "hips": 3.0}
_DEPTH = 0.72  # of a trunk over its breadth
_OPENING = 1.37  # focal length over the picture's height: a portrait lens, 40° from top to bottom
_BROOCH = 0.34  # its longer side in faces: 4.5 cm
_BROAD = 0.3  # of her width, that cloth covers in each row of a garment
_WHOLE = 9.0  # length over height from which a picture shows a whole belt, not its front


def laid_on(rgb_srgb: np.ndarray, plate: Plate, accessory: Accessory, picture: np.ndarray, seed: int = 0) -> np.ndarray:
    """The picture of her, uint8 sRGB (h, w, 3) in the plate's frame, with the accessory on: the same form.

    ``picture`` is the packshot, uint8 (h, w, 3 or 4). Raises EngineRefused ``engine.accessory``, ``engine.packshot``,
    ``engine.pose`` or ``backdrop.busy``.
    """
    if accessory.kind not in ("belt", "brooch"):
        raise EngineRefused(
            "engine.accessory",
            f"a {accessory.kind} can't be laid on faithfully: how it hangs and is held isn't in her plate",
        )
    figure = find(plate)
    item = cut_out(picture)
    row = height_of(accessory.at, figure, plate.facts.photo)
    draw = _belt if accessory.kind == "belt" else _brooch
    colour, cover = draw(item, figure, row, rgb_srgb.shape[:2], accessory.at)
    return _worn(rgb_srgb, plate, figure, colour, cover, seed)


def height_of(at: str | Fraction, figure: Figure, photo: str) -> float:
    """The row of the plate that ``at`` means: a place by name, or a share of the way down what she wears below her
    waist, from where it begins to show (a dress at the waist) to its hem."""
    if isinstance(at, str):
        row = _waist(figure) if at == "waist" else _shoulder(figure) + _ROWS[at] * figure.unit
    else:
        begin, hem = _skirt(figure)
        if hem >= len(figure.labels) - 2:
            raise EngineRefused(
                "engine.accessory", f"the hem is out of the picture in {photo}, so no share of the way to it is known"
            )
        row = begin + float(at) * (hem - begin)
    if not 0 <= row < len(figure.labels) - 0.1 * figure.unit:
        raise EngineRefused("engine.accessory", f"{photo} doesn't show her there")
    return float(row)


def _shoulder(figure: Figure) -> float:
    return float(figure.shoulder["left"][1] + figure.shoulder["right"][1]) / 2


def _waist(figure: Figure) -> float:
    """Where the trunk is narrowest, if it shows a waist; else where waists are."""
    waist = _shoulder(figure) + _ROWS["waist"] * figure.unit
    rows = np.arange(round(waist - 0.35 * figure.unit), round(waist + 0.45 * figure.unit))
    rows = rows[(rows > max(figure.parted.values())) & (rows < len(figure.labels) - 2)]
    if len(rows) > 0.3 * figure.unit:
        widths = figure.trunk["right"][rows] - figure.trunk["left"][rows]
        if widths.min() < 0.985 * widths[[0, -1]].min():
            return float(rows[int(np.argmin(widths))])
    return waist


def _skirt(figure: Figure) -> tuple[float, float]:
    """The rows in which what she wears below her waist begins to show and ends."""
    x = np.arange(figure.labels.shape[1])[None, :]
    # Cuffs hang lower than many a hem, and a shoe may be taken for cloth: only between her sides, and only broad.
    between = (x >= figure.trunk["left"][:, None]) & (x < figure.trunk["right"][:, None])
    wide = np.maximum(between.sum(axis=1), 1)

    def broad(*regions: Region) -> np.ndarray:
        return np.flatnonzero((np.isin(figure.labels, regions) & between).sum(axis=1) > _BROAD * wide)

    waist, below, worn = _waist(figure), broad(Region.BOTTOM), broad(Region.BOTTOM, Region.TOP)
    begin = float(below[0]) if len(below) else waist
    return begin, float(worn[-1]) if len(worn) else 0.0


# --- belts ------------------------------------------------------------------------------------------------------


def _belt(
    item: Packshot, figure: Figure, row: float, size: tuple[int, int], at: str | Fraction
) -> tuple[np.ndarray, np.ndarray]:
    strip, alpha = _straight(item)
    thick, length = strip.shape[:2]
    if length < 4 * thick:
        raise EngineRefused("engine.accessory", "the belt isn't laid out straight in its packshot")
    left, right = _sides(figure, row)
    across = np.linspace(-np.pi / 2, np.pi / 2, 721)
    # Way along the front half of an ellipse, from its middle.
    steps = np.hypot(np.cos(across), _DEPTH * np.sin(across))
    way = np.concatenate([[0], np.cumsum((steps[1:] + steps[:-1]) / 2 * np.diff(across))])
    way = way - way[len(way) // 2]
    body = alpha > 127
    heights = body.sum(axis=0)
    usual = float(np.median(heights[heights > 0]))
    ends = [
        float(np.percentile(heights[part], 90))
        for part in (slice(0, round(0.1 * length)), slice(round(0.9 * length), None))
    ]
    whole = length / usual >= _WHOLE
    # A belt is as broad as it was made wherever it is worn: one that goes round her waist, longer round a skirt.
    middle, at_row = _middle(left, right, row)
    waist = _waist(figure)
    fits = min(at_row, _middle(*_sides(figure, waist), waist)[1])
    scale = 4 * way[-1] * fits * 1.12 / length if whole else 2.06 * way[-1] * at_row / length
    if not 0.06 < scale * usual / figure.unit < 1.0:
        raise EngineRefused(
            "engine.accessory", "at her size the belt would be thinner than a cord or broader than a sash"
        )
    high, wide = size
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    half = np.maximum(np.where(x < middle, middle - left[:, None], right[:, None] - middle), 1.0)
    u = np.clip((x - middle) / half, -1, 1)
    # A buckle stays square on a skirt whose sides slope: the strap follows them towards its ends only.
    u = u**3 + (1 - u**2) * np.clip((x - middle) / at_row, -1, 1)
    along = np.interp(np.arcsin(u), across, way) * at_row / scale
    # Seen from above the front of the ellipse lies lower than its sides.
    sag = _DEPTH * at_row * (row - high / 2) / (_OPENING * high)
    down = (y - row - sag * (np.sqrt(1 - u**2) - 0.5)) / scale + thick / 2
    if whole and max(ends) > 1.12 * usual:
        if ends[1] > ends[0]:
            strip, alpha = strip[:, ::-1], alpha[:, ::-1]
        # The buckle in the middle; the end that goes through it comes from the other side.
        heights = (alpha > 127).sum(axis=0)
        buckle = float(np.mean(np.flatnonzero(heights[: round(0.14 * length)] > 1.08 * usual)))
        source = np.where(along > -buckle, buckle + along, length - 0.16 * length + along + buckle)
        source = np.where(along > -buckle, source, 0.86 * length + along)
    else:
        source = length / 2 + along
    strip, alpha, source, down = _reduced(np.ascontiguousarray(strip), np.ascontiguousarray(alpha), source, down, scale)
    colour = cv2.remap(
        strip, source.astype(np.float32), down.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    cover = cv2.remap(
        alpha, source.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    # It stands on the cloth: a little further out than her edge.
    stands = np.clip(half + 0.012 * figure.unit + 0.5 - np.abs(x - middle), 0, 1)
    turned = 0.62 + 0.38 * np.sqrt(np.clip(1 - u**2, 0, 1)) ** 0.7
    return to_linear(colour) * turned[..., None], cover.astype(np.float32) / 255 * stands


def _straight(item: Packshot) -> tuple[np.ndarray, np.ndarray]:
    """The strip level, cut to its box: uint8 (h, w, 3) and alpha (h, w)."""
    points = np.argwhere(item.alpha > 127)[:, ::-1].astype(np.float32)
    (cx, cy), (wide, high), angle = cv2.minAreaRect(points[:: max(len(points) // 20000, 1)])
    if wide < high:
        wide, high, angle = high, wide, angle + 90
    angle = (angle + 90) % 180 - 90
    if len(points) < 0.45 * wide * high:
        raise EngineRefused("engine.accessory", "the belt isn't laid out straight in its packshot")
    matrix = cv2.getRotationMatrix2D((cx, cy), angle, 1)
    size = round(wide) + 6, round(high) + 6
    matrix[:, 2] += size[0] / 2 - cx, size[1] / 2 - cy
    strip = cv2.warpAffine(item.rgb_srgb, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return strip, cv2.warpAffine(item.alpha, matrix, size, flags=cv2.INTER_LINEAR)


def _reduced(
    strip: np.ndarray, alpha: np.ndarray, x: np.ndarray, y: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A larger picture is brought to about the size it is drawn at, or it would glitter."""
    if scale > 0.8:
        return strip, alpha, x, y
    size = max(round(strip.shape[1] * scale * 1.2), 4), max(round(strip.shape[0] * scale * 1.2), 4)
    rx, ry = size[0] / strip.shape[1], size[1] / strip.shape[0]
    strip, alpha = (cv2.resize(v, size, interpolation=cv2.INTER_AREA) for v in (strip, alpha))
    return strip, alpha, (x + 0.5) * rx - 0.5, (y + 0.5) * ry - 0.5


def _sides(figure: Figure, row: float) -> list[np.ndarray]:
    """Her left and right edge about a row, x float (h,) each: carried on straight, as they slope over a hand's breadth
    there; of both legs together, and so refused, below the crotch."""
    if figure.crotch is not None and row > figure.crotch:
        raise EngineRefused("engine.accessory", "below the crotch there are two legs: a belt would join them")
    reach = 0.2 * figure.unit
    near = np.arange(max(round(row - reach), 0), min(round(row + reach) + 1, len(figure.labels)))
    rows = np.clip(np.arange(len(figure.labels)), row - 2 * reach, row + 2 * reach)
    edges = []
    for side in ("left", "right"):
        at, half = figure.trunk[side][near], len(near) // 2
        # By medians, which a thumb that lies over the side doesn't move.
        slope = (np.median(at[-half:]) - np.median(at[:half])) / max(
            np.median(near[-half:]) - np.median(near[:half]), 1
        )
        edges.append(np.median(at - slope * (near - row)) + slope * (rows - row))
    return edges


def _middle(left: np.ndarray, right: np.ndarray, row: float) -> tuple[float, float]:
    """Her middle and half her width in a row."""
    return float(left[round(row)] + right[round(row)]) / 2, float(right[round(row)] - left[round(row)]) / 2


# --- brooches ---------------------------------------------------------------------------------------------------


def _brooch(
    item: Packshot, figure: Figure, row: float, size: tuple[int, int], at: str | Fraction
) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.flatnonzero((item.alpha > 127).any(axis=1)), np.flatnonzero((item.alpha > 127).any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    picture, alpha = item.rgb_srgb[box], item.alpha[box]
    scale = _BROOCH * figure.unit / max(picture.shape[:2])
    # Where brooches are worn: over the heart; at the neck in the middle.
    x = figure.middle + (0.0 if at == "neck" else 0.62 * figure.unit if at == "chest" else 0.5 * figure.unit)
    y, grid = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    across, down = (grid - x) / scale + picture.shape[1] / 2, (y - row) / scale + picture.shape[0] / 2
    picture, alpha, across, down = _reduced(picture, alpha, across, down, scale)
    where = across.astype(np.float32), down.astype(np.float32)
    colour = cv2.remap(picture, *where, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.remap(alpha, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return to_linear(colour), cover.astype(np.float32) / 255


# --- on her -----------------------------------------------------------------------------------------------------


def _worn(
    rgb_srgb: np.ndarray, plate: Plate, figure: Figure, colour: np.ndarray, cover: np.ndarray, seed: int
) -> np.ndarray:
    """Under her hair, hands and arms, in her light, with the shadow it throws on the cloth."""
    unit = figure.unit
    before = np.isin(figure.labels, (Region.SKIN, Region.FACE, Region.HAIR)).astype(np.float32)
    before = cv2.GaussianBlur(before, (0, 0), max(0.006 * unit, 0.7))
    seen = cover * (1 - before)
    cloth = np.isin(figure.labels, (Region.TOP, Region.BOTTOM, Region.UNKNOWN, Region.OTHER))
    if (seen * cloth).sum() < 0.6 * cover.sum():
        raise EngineRefused(
            "engine.accessory", "where it was to be there is too little cloth: hair, hands or the frame are in the way"
        )
    linear = to_linear(rgb_srgb)
    # The light is the photograph's: what was put on or printed under it may be dark and pale by itself.
    luminance = np.log(np.maximum(to_linear(plate.rgb_srgb) @ _LUMINANCE, 1e-3))
    on = cv2.dilate((cover > 0.02).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    weight = (cloth & on).astype(np.float32)
    sigma = 0.12 * unit
    near = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-4)
    field = cv2.GaussianBlur(luminance * weight, (0, 0), sigma) / near
    middle = float(np.median(field[cover > 0.5]))
    light = np.exp(np.clip(0.8 * (field - middle), -0.7, 0.35))
    lit = leftovers.grained(colour * light[..., None], leftovers.grain_of(rgb_srgb, weight > 0), seed)
    drop = np.float32([[1, 0, 0.006 * unit], [0, 1, 0.022 * unit]])
    thrown = cv2.GaussianBlur(cv2.warpAffine(cover, drop, cover.shape[::-1]), (0, 0), 0.016 * unit)
    close = cv2.GaussianBlur(cover, (0, 0), 0.008 * unit)
    hers = plate.alpha.astype(np.float32) / 255
    shade = np.clip(0.42 * thrown + 0.12 * close, 0, 0.5) * (1 - seen) * (1 - before) * hers
    out = linear * (1 - shade)[..., None]
    out = out * (1 - seen)[..., None] + lit * seen[..., None]
    touched = (seen > 0.003) | (shade > 0.003)
    made = rgb_srgb.copy()
    made[touched] = to_srgb(out)[touched]
    return made
