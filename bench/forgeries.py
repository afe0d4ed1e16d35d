"""What people do to a talent's picture after it was made, and what happens to every picture and means nothing.

Each forgery is a pure function ``(rgb_srgb, plate, amount, …) -> rgb_srgb`` on a picture in the frame of one of her
plates (the plate itself, or a render of it); the plate's matte and landmarks say where she is. Each harmless change is
``rgb_srgb -> rgb_srgb``. Used by bench/fidelity.py and the tests; nothing of the product imports this.

The forgers know her skin and outline no better than a retoucher's brush: masks come from colour and from the matte, by
ways of their own, so that a mistake of the measuring code isn't repeated here.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from twinbook.ports import Plate
from twinbook.vision.skin import delta_e2000, lab, lab_to_linear, to_linear, to_srgb

# --- colour -----------------------------------------------------------------------------------------------------


def skin_lightened(rgb_srgb: np.ndarray, plate: Plate, delta_l: float) -> np.ndarray:
    """All of her skin moved by ``delta_l`` in L*, texture and shading kept; soft at the edges like a brushed mask."""
    return _shifted(rgb_srgb, skin_cover(plate), np.array([delta_l, 0.0, 0.0]))


def garment_hue_off(rgb_srgb: np.ndarray, plate: Plate, garment: np.ndarray, delta_e: float, seed: int = 0):
    """The garment (cover 0 to 1, float (h, w)) off by ``delta_e`` CIEDE2000 in a random direction of a* and b*."""
    inside = garment > 0.9
    middle = np.median(lab(rgb_srgb[inside]), axis=0)
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    direction = np.array([0.0, np.cos(angle), np.sin(angle)])
    low, high = 0.0, 80.0
    for _ in range(30):
        step = (low + high) / 2
        low, high = (step, high) if delta_e2000(middle, middle + step * direction) < delta_e else (low, step)
    return _shifted(rgb_srgb, garment, low * direction)


def skin_cover(plate: Plate) -> np.ndarray:
    """How much of each pixel a retoucher would take for her skin: float32 (h, w), 0 to 1.

    By the ratios of a* and b* to L*, which shading hardly changes, within her matte.
    """
    smooth = cv2.GaussianBlur(plate.rgb_srgb.astype(np.float32) / 255, (0, 0), 1.5)
    values = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB).astype(np.float64)
    ratio = values[..., 1:] / np.maximum(values[..., :1], 4)
    hers = plate.skin_lab[1:] / plate.skin_lab[0]
    off = np.linalg.norm(ratio - hers, axis=2)
    width = 0.7 * np.linalg.norm(hers) + 0.05
    bright = (values[..., 0] > 0.42 * plate.skin_lab[0]) & (values[..., 0] < 1.25 * plate.skin_lab[0] + 5)
    mask = ((off < width) & bright & (_matte(plate) > 0.5)).astype(np.uint8)
    size = max(3, round(plate.facts.face.width / 40) | 1)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5) * _matte(plate)


def _shifted(rgb_srgb: np.ndarray, cover: np.ndarray, shift: np.ndarray) -> np.ndarray:
    touched = cover > 0.004
    values = lab(rgb_srgb[touched])
    values += shift * cover[touched][:, None]
    values[:, 0] = np.clip(values[:, 0], 0, 100)
    out = rgb_srgb.copy()
    out[touched] = to_srgb(lab_to_linear(values))
    return out


# --- shape ------------------------------------------------------------------------------------------------------


def slimmed(rgb_srgb: np.ndarray, plate: Plate, percent: float) -> np.ndarray:
    """Narrower by ``percent`` from the shoulders down, arms drawn in along with the torso; the head stays."""
    high, wide = rgb_srgb.shape[:2]
    face, (left, right, middle) = plate.facts.face, _sides(plate)
    y, x = _grid(high, wide)
    onset = _ramp((y - face.bottom) / (0.9 * face.height))
    half = np.maximum((right - left) / 2 * 1.04, 1.0)[:, None]
    return _moved(rgb_srgb, _drawn_in(x - middle[:, None], half, percent) * onset, np.zeros_like(x))


def waist_liquified(rgb_srgb: np.ndarray, plate: Plate, percent: float) -> np.ndarray:
    """The waist alone taken in, as with a liquify brush: outline and cloth move, arms stay where they are."""
    high, wide = rgb_srgb.shape[:2]
    face = plate.facts.face
    y, x = _grid(high, wide)
    waist = face.bottom + 2.6 * face.height
    if waist > high:
        waist = face.bottom + 0.75 * (high - face.bottom)
    centre = _sides(plate)[2][min(round(waist), high - 1)]
    half = 0.95 * face.width
    weight = np.exp(-np.square((y - waist) / (0.9 * face.height)))
    return _moved(rgb_srgb, _drawn_in(x - centre, half, percent) * weight, np.zeros_like(x))


def legs_lengthened(rgb_srgb: np.ndarray, plate: Plate, percent: float) -> np.ndarray:
    """Legs longer by ``percent`` from the hips to the soles, the floor pushed down. For full-length plates."""
    high, wide = rgb_srgb.shape[:2]
    face, person = plate.facts.face, plate.facts.person
    hips = face.bottom + 3.4 * face.height
    y, x = _grid(high, wide)
    longer = 1 + percent / 100
    feet = hips + (person.bottom - hips) * longer
    up = np.where(y < hips, 0, np.where(y < feet, (y - hips) * (1 - 1 / longer), 0))
    below = (feet - hips) * (1 - 1 / longer) * (high - y) / max(high - feet, 1)
    return _moved(rgb_srgb, np.zeros_like(x), np.where(y < feet, -up, -below))


def eyes_enlarged(rgb_srgb: np.ndarray, plate: Plate, percent: float) -> np.ndarray:
    """Both eyes larger by ``percent``, fading into cheek and brow."""
    dx = np.zeros(rgb_srgb.shape[:2], np.float32)
    dy = np.zeros_like(dx)
    y, x = _grid(*rgb_srgb.shape[:2])
    for outer, inner in ((0, 1), (2, 3)):
        ends = plate.landmarks[[outer, inner]]
        centre, reach = ends.mean(axis=0), float(np.linalg.norm(ends[0] - ends[1]))
        away = np.hypot(x - centre[0], y - centre[1])
        weight = 1 - _ramp((away / reach - 0.55) / 0.65)
        dx -= (1 - 1 / (1 + percent / 100)) * weight * (x - centre[0])
        dy -= (1 - 1 / (1 + percent / 100)) * weight * (y - centre[1])
    return _moved(rgb_srgb, dx, dy)


def jaw_slimmed(rgb_srgb: np.ndarray, plate: Plate, percent: float) -> np.ndarray:
    """The lower face narrower by ``percent``."""
    centre, across, down, size = _face_axes(plate.landmarks)
    y, x = _grid(*rgb_srgb.shape[:2])
    u = ((x - centre[0]) * across[0] + (y - centre[1]) * across[1]) / size
    v = ((x - centre[0]) * down[0] + (y - centre[1]) * down[1]) / size
    shrink = 1 / (1 - percent / 100) - 1
    weight = _ramp((v - 0.25) / 0.5) * (1 - _ramp((v - 1.5) / 0.5)) * (1 - _ramp((np.abs(u) - 0.95) / 0.5))
    step = shrink * weight * u * size
    return _moved(rgb_srgb, step * across[0], step * across[1])


def _drawn_in(x: np.ndarray, half: np.ndarray | float, percent: float) -> np.ndarray:
    """How much further out a pixel at ``x`` from the axis is taken from: proportional inside, fading outside."""
    shrink = 1 / (1 - percent / 100) - 1
    inside = np.clip(x, -half, half)
    return shrink * inside * (1 - _ramp((np.abs(x) - half) / (0.5 * half)))


def _moved(rgb_srgb: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Each pixel taken from (x + dx, y + dy); pixels that don't move are left bit for bit."""
    y, x = _grid(*rgb_srgb.shape[:2])
    warped = cv2.remap(
        rgb_srgb,
        (x + dx).astype(np.float32),
        (y + dy).astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.where((np.hypot(dx, dy) > 0.01)[..., None], warped, rgb_srgb)


def _sides(plate: Plate) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Her left and right end and the torso's axis in each row, float (h,), smooth and continued where she isn't."""
    hers = _matte(plate) > 0.5
    rows = np.flatnonzero(hers.any(axis=1))
    left = np.interp(np.arange(len(hers)), rows, hers[rows].argmax(axis=1))
    right = np.interp(np.arange(len(hers)), rows, hers.shape[1] - 1 - hers[rows, ::-1].argmax(axis=1))
    sigma = plate.facts.face.height / 5
    left, right = (cv2.GaussianBlur(side[:, None], (0, 0), sigma)[:, 0] for side in (left, right))
    return left, right, cv2.GaussianBlur(((left + right) / 2)[:, None], (0, 0), 3 * sigma)[:, 0]


# --- faces ------------------------------------------------------------------------------------------------------


def face_swapped(
    rgb_srgb: np.ndarray, plate: Plate, other_srgb: np.ndarray, other_landmarks: np.ndarray, poisson: bool = True
) -> np.ndarray:
    """Another person's face in place of hers; with Poisson blending (Pérez et al. 2003) it takes on her skin's colour
    and light, without it is pasted with a feathered edge."""
    other, mask = _face_over(rgb_srgb, plate, other_srgb, other_landmarks)
    if poisson:
        hard = (mask > 0.5).astype(np.uint8) * 255
        rows, columns = np.flatnonzero(hard.any(axis=1)), np.flatnonzero(hard.any(axis=0))
        middle = (int(columns[0] + columns[-1] + 1) // 2, int(rows[0] + rows[-1] + 1) // 2)
        return cv2.seamlessClone(other, rgb_srgb, hard, middle, cv2.NORMAL_CLONE)
    soft = cv2.GaussianBlur(mask, (0, 0), plate.facts.face.width / 30)[..., None]
    return (other * soft + rgb_srgb * (1 - soft) + 0.5).astype(np.uint8)


def face_blended(
    rgb_srgb: np.ndarray, plate: Plate, other_srgb: np.ndarray, other_landmarks: np.ndarray, share: float = 0.3
) -> np.ndarray:
    """Her face mixed with ``share`` of another's, aligned by eyes and nose and brought to her colour first."""
    swapped = face_swapped(rgb_srgb, plate, other_srgb, other_landmarks)
    return (swapped * share + rgb_srgb * (1 - share) + 0.5).astype(np.uint8)


def _face_over(
    rgb_srgb: np.ndarray, plate: Plate, other_srgb: np.ndarray, other_landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The other picture moved so that its face lies on hers, uint8 (h, w, 3), and the oval to take, float32 (h, w)."""
    source, target = (
        np.float32([points[0:2].mean(axis=0), points[2:4].mean(axis=0), points[4]])
        for points in (other_landmarks, plate.landmarks)
    )
    matrix = cv2.getAffineTransform(source, target)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.7:
        other_srgb = cv2.GaussianBlur(other_srgb, (0, 0), 0.4 / scale)
    high, wide = rgb_srgb.shape[:2]
    other = cv2.warpAffine(other_srgb, matrix, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    centre, _, down, size = _face_axes(plate.landmarks)
    mask = np.zeros((high, wide), np.float32)
    middle = centre + 0.42 * size * down
    angle = float(np.degrees(np.arctan2(down[1], down[0])) - 90)
    cv2.ellipse(
        mask, (*middle.round().astype(int).tolist(),), (round(0.92 * size), round(1.2 * size)), angle, 0, 360, 1, -1
    )
    return other, mask


def _face_axes(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Middle between the eyes, unit vectors across and down the face, and the distance from one eye to the other."""
    right, left = landmarks[2:4].mean(axis=0), landmarks[0:2].mean(axis=0)
    size = float(np.linalg.norm(left - right))
    across = (left - right) / size
    return (left + right) / 2, across, np.array([-across[1], across[0]]), size


# --- what happens to every picture --------------------------------------------------------------------------------


def reencoded(rgb_srgb: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(rgb_srgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def cropped(rgb_srgb: np.ndarray, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Without these shares of width and height on each side."""
    high, wide = rgb_srgb.shape[:2]
    return np.ascontiguousarray(
        rgb_srgb[round(top * high) : high - round(bottom * high), round(left * wide) : wide - round(right * wide)]
    )


def resized(rgb_srgb: np.ndarray, factor: float) -> np.ndarray:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(rgb_srgb, None, fx=factor, fy=factor, interpolation=method)


def relit(rgb_srgb: np.ndarray, stops: float = 0.0, gamma: float = 1.0, warmth: float = 0.0) -> np.ndarray:
    """The whole picture exposed by ``stops`` and with red over blue by ``warmth`` (both in linear light), then
    ``gamma`` on the coded values."""
    gains = 2.0 ** (stops + warmth * np.array([0.5, 0.0, -0.5]))
    coded = to_srgb(to_linear(rgb_srgb) * gains.astype(np.float32))
    return (255 * (coded / 255.0) ** gamma + 0.5).astype(np.uint8)


HARMLESS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda p: p,
    "q95": lambda p: reencoded(p, 95),
    "q85": lambda p: reencoded(p, 85),
    "q75": lambda p: reencoded(p, 75),
    "q60": lambda p: reencoded(p, 60),
    "two thirds, q85": lambda p: reencoded(resized(p, 2 / 3), 85),
    "150 %, q85": lambda p: reencoded(resized(p, 1.5), 85),
    "crop": lambda p: cropped(p, 0.06, 0.03, 0.08, 0.1),
    "crop to the upper two thirds, q85": lambda p: reencoded(cropped(p, 0.1, 0.02, 0.1, 0.33), 85),
    "crop, 80 %, q75": lambda p: reencoded(resized(cropped(p, 0.05, 0.02, 0.02, 0.2), 0.8), 75),
    "+0.3 stops": lambda p: relit(p, stops=0.3),
    "-0.4 stops, q85": lambda p: reencoded(relit(p, stops=-0.4), 85),
    "gamma 0.85": lambda p: relit(p, gamma=0.85),
    "gamma 1.2, q85": lambda p: reencoded(relit(p, gamma=1.2), 85),
    "warmer": lambda p: relit(p, warmth=0.25),
    "colder, q75": lambda p: reencoded(relit(p, warmth=-0.25), 75),
    "darker, warmer, gamma, q75": lambda p: reencoded(relit(p, -0.25, 0.9, 0.2), 75),
}


# --- small things -------------------------------------------------------------------------------------------------


def _matte(plate: Plate) -> np.ndarray:
    return plate.alpha.astype(np.float32) / 255


def _grid(high: int, wide: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:high, 0:wide]
    return y.astype(np.float32), x.astype(np.float32)


def _ramp(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
