"""Colour as people see it, and the colour of lit face skin.

CIELAB is relative to D65, the white of sRGB (IEC 61966-2-1), so no chromatic adaptation is involved.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

_RGB_TO_XYZ = np.array(
    [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923], [0.0193308, 0.1191948, 0.9505322]]
)
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ)
_WHITE = _RGB_TO_XYZ.sum(axis=1)
_DECODE = np.arange(256, dtype=np.float64) / 255
_DECODE = np.where(_DECODE <= 0.04045, _DECODE / 12.92, ((_DECODE + 0.055) / 1.055) ** 2.4)
_DECODE32 = _DECODE.astype(np.float32)

# Pixels of lit skin that must be left for a colour to be told.
_MIN_PIXELS = 80
_CHIP = 96  # side of the aligned face in which skin is sampled


def to_linear(rgb_srgb: np.ndarray) -> np.ndarray:
    """uint8 sRGB of any shape to float32 linear light, 0 to 1."""
    return _DECODE32[rgb_srgb]


def to_srgb(rgb_linear: np.ndarray) -> np.ndarray:
    """Linear light of any shape to uint8 sRGB, clipped and rounded."""
    x = np.clip(rgb_linear, 0, 1).astype(np.float32)
    coded = np.where(x <= 0.0031308, x * 12.92, 1.055 * np.power(x, 1 / 2.4, dtype=np.float32) - 0.055)
    return (coded * 255 + 0.5).astype(np.uint8)


def lab(rgb_srgb: np.ndarray) -> np.ndarray:
    """uint8 sRGB (..., 3) to CIELAB (..., 3), float64: L* 0 to 100, a* and b* about −100 to 100."""
    return _xyz_to_lab(_DECODE[rgb_srgb] @ _RGB_TO_XYZ.T)


def linear_to_lab(rgb_linear: np.ndarray) -> np.ndarray:
    """Linear light (..., 3) to CIELAB, float64."""
    return _xyz_to_lab(np.asarray(rgb_linear, np.float64) @ _RGB_TO_XYZ.T)


def lab_to_linear(values: np.ndarray) -> np.ndarray:
    """CIELAB (..., 3) to linear light, float64; may lie outside 0 to 1 where sRGB ends."""
    fy = (values[..., 0] + 16) / 116
    f = np.stack([fy + values[..., 1] / 500, fy, fy - values[..., 2] / 200], axis=-1)
    d = 6 / 29
    return (np.where(f > d, f**3, 3 * d * d * (f - 4 / 29)) * _WHITE) @ _XYZ_TO_RGB.T


def _xyz_to_lab(xyz: np.ndarray) -> np.ndarray:
    t = xyz / _WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def delta_e2000(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """CIEDE2000 colour difference of two CIELAB arrays (..., 3).

    Formula and test data: Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes,
    supplementary test data, and mathematical observations", Color Research & Application 30 (2005).
    """
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    l1, a1, b1 = one[..., 0], one[..., 1], one[..., 2]
    l2, a2, b2 = other[..., 0], other[..., 1], other[..., 2]
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(mean_c7 / (mean_c7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = (h2 - h1 + 180) % 360 - 180
    # Hues exactly opposite: the formula takes +180, the modulus gave −180.
    turn = np.where((turn == -180) & (h2 > h1), 180.0, turn)
    turn = np.where(grey, 0.0, turn)
    d_l, d_c, d_h = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    total = h1 + h2
    far = np.abs(h1 - h2) > 180
    mean_h = np.where(grey, total, np.where(~far, total / 2, np.where(total < 360, total / 2 + 180, total / 2 - 180)))
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    rotation = np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    r_t = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * rotation
    return np.sqrt((d_l / s_l) ** 2 + (d_c / s_c) ** 2 + (d_h / s_h) ** 2 + r_t * (d_c / s_c) * (d_h / s_h))


# Monk, "The Monk Skin Tone Scale" (2023), CC BY 4.0: ten swatches from light to dark, sRGB.
_MONK = ("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420")


def hue(colour: np.ndarray) -> float:
    """The hue angle of a CIELAB colour (3,), degrees: skin lies between 35 (red) and 75 (yellow)."""
    return float(np.degrees(np.arctan2(colour[2], colour[1])))


def ita(colour: np.ndarray) -> float:
    """The individual typology angle of skin, degrees: over 55 very light, under −30 dark.

    Chardon, Cretois and Hourseau, "Skin colour typology and suntanning pathways", Int. J. Cosmetic Science 13 (1991).
    """
    return float(np.degrees(np.arctan2(colour[0] - 50, max(float(colour[2]), 1e-6))))


def monk(colour: np.ndarray) -> int:
    """The nearest of Monk's swatches, 1 to 10, by CIEDE2000."""
    return int(np.argmin(delta_e2000(_monk_lab(), np.asarray(colour)[None]))) + 1


@cache
def _monk_lab() -> np.ndarray:
    return lab(np.array([list(bytes.fromhex(swatch)) for swatch in _MONK], np.uint8))


def lit_skin(rgb_srgb: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
    """Median CIELAB (float64, (3,)) of lit skin on cheeks, nose bridge and lower forehead; None when it can't be told.

    ``landmarks`` are dlib's five points. Statistics do the excluding: of the sampled pixels, those go that don't have
    the colour of the middle of the face (backdrop, hair, lips), then the darker part (brows, beard, glasses, the side
    away from the light) and the specular top. Clipped pixels are not left out: lightened skin would hide itself.
    """
    chip, inside = _aligned(rgb_srgb, landmarks)
    values = lab(chip)
    usable = inside & (chip.max(axis=2) > 8)
    bridge, around = _skin_regions()
    centre = values[bridge & usable]
    values = values[(bridge | around) & usable]
    if len(values) < _MIN_PIXELS or len(centre) < _MIN_PIXELS // 4:
        return None
    # Colour before light: on a turned face the far cheek ends in backdrop, and the backdrop may be the brightest.
    # a*/L* and b*/L* hardly change with shading.
    reference = np.median(centre[:, 1:] / np.maximum(centre[:, :1], 1), axis=0)
    off = np.linalg.norm(values[:, 1:] / np.maximum(values[:, :1], 1) - reference, axis=1)
    values = values[off < 0.4 * np.linalg.norm(reference) + 0.02]
    if len(values) < _MIN_PIXELS:
        return None
    low, high = np.percentile(values[:, 0], (45, 93))
    values = values[(values[:, 0] >= low) & (values[:, 0] <= high)]
    middle = np.median(values, axis=0)
    off = np.hypot(values[:, 1] - middle[1], values[:, 2] - middle[2])
    values = values[off <= 2.5 * np.median(off) + 0.5]
    return np.median(values, axis=0) if len(values) >= _MIN_PIXELS // 4 else None


def face_light(rgb_srgb: np.ndarray, landmarks: np.ndarray) -> tuple[float, float]:
    """How the middle of the face is exposed: L* of its brightest tenth, and the share of it that is clipped (0 to 1).

    The brightest tenth, because deep skin in good light has bright highlights and a low median: judging the median
    would refuse dark-skinned people.
    """
    chip, inside = _aligned(rgb_srgb, landmarks)
    pixels = chip[_skin_regions()[0] & inside]
    if not len(pixels):
        return 0.0, 0.0
    # Skin clips in red first; too much light fell on it when a second channel goes as well.
    clipped = float(np.mean(np.sort(pixels, axis=1)[:, 1] >= 252))
    return float(np.percentile(lab(pixels)[:, 0], 90)), clipped


def _aligned(rgb_srgb: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The face turned upright into a square chip, and which of its pixels come from inside the picture."""
    right_eye, left_eye = landmarks[2:4].mean(axis=0), landmarks[0:2].mean(axis=0)
    source = np.float32([right_eye, left_eye, landmarks[4]])
    # Eyes at a third of the chip's height; the nose point makes turned heads fill the chip like frontal ones.
    target = np.float32([[0.32, 0.36], [0.68, 0.36], [0.5, 0.60]]) * _CHIP
    matrix = cv2.getAffineTransform(source, target)
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    picture = rgb_srgb
    if scale < 0.5:  # warping samples single pixels: average first, or noise and texture alias
        sigma = 0.4 / scale
        margin = 6 * np.ptp(source, axis=0).max() / 2
        left, top = np.maximum(source.min(axis=0) - margin, 0).astype(int)
        right, bottom = (source.max(axis=0) + margin).astype(int)
        picture = np.ascontiguousarray(rgb_srgb[top:bottom, left:right])
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
        matrix[:, 2] += matrix[:, :2] @ np.array([left, top])
    chip = cv2.warpAffine(picture, matrix, (_CHIP, _CHIP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    high, wide = picture.shape[:2]
    inside = cv2.warpAffine(np.ones((high, wide), np.uint8), matrix, (_CHIP, _CHIP), flags=cv2.INTER_NEAREST)
    return chip, inside > 0


def _skin_regions() -> tuple[np.ndarray, np.ndarray]:
    """In the aligned chip: the bridge of the nose and the cheeks beside it; the outer cheeks and a low forehead."""
    return (
        _ellipses((0.5, 0.45, 0.05, 0.08), (0.37, 0.56, 0.05, 0.05), (0.63, 0.56, 0.05, 0.05)),
        _ellipses((0.28, 0.56, 0.09, 0.10), (0.72, 0.56, 0.09, 0.10), (0.5, 0.2, 0.15, 0.05)),
    )


def _ellipses(*shapes: tuple[float, float, float, float]) -> np.ndarray:
    region = np.zeros((_CHIP, _CHIP), np.uint8)
    for x, y, rx, ry in shapes:
        centre, axes = (round(x * _CHIP), round(y * _CHIP)), (round(rx * _CHIP), round(ry * _CHIP))
        cv2.ellipse(region, centre, axes, 0, 0, 360, 1, -1)
    return region > 0
