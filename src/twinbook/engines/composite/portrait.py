"""What a mannequin takes from a plate: her head, hair and neck, cut free of what she wears, and where the light came from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...domain.errors import EngineRefused
from ...ports import Plate
from ...vision.body_mesh import Mannequin
from ...vision.matte import refined
from ...vision.regions import Region, label_map
from ...vision.skin import lab, to_linear
from .plaster import Key
from .scene import own_colours

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_CLOTHES = (Region.TOP, Region.BOTTOM, Region.OTHER)
_LEAST_NECK = 1.8  # centimetres that must show between chin and collar


@dataclass(frozen=True, eq=False)
class Head:
    """In pixels of the plate: ``rgb_srgb`` uint8 (h, w, 3), her own colours without backdrop or clothes in them; ``alpha``
    float32 (h, w), 1 on head, hair and neck (and on what is below ``cut`` of her and isn't clothes); ``hair`` float32 of her
    hair and face alone, which nothing cuts. ``eyes`` is their row, ``axis`` the column of the neck's middle, ``cut`` the row where the neck ends in front,
    ``neck`` half of its breadth there or None where hair hides it."""

    rgb_srgb: np.ndarray
    alpha: np.ndarray
    hair: np.ndarray
    eyes: float
    axis: float
    cut: float
    neck: float | None


def head_of(plate: Plate, scale: float, body: Mannequin) -> Head:
    """``scale`` is pixels a centimetre. Raises EngineRefused ``engine.neck`` where no neck shows, or where the picture's
    edge cuts her hair."""
    alpha, rgb = plate.alpha, plate.rgb_srgb
    if alpha is None:
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {plate.facts.photo} with a clean edge")
    labels = plate.regions
    if labels is None:
        labels = label_map(rgb, alpha, plate.facts.face, plate.landmarks, plate.skin_lab)
    ratio = rgb.shape[0] / labels.shape[0]
    eyes = float(plate.landmarks[:4, 1].mean())
    chin = eyes + scale * float(body.points["eye"][2] - body.points["chin"][2])
    labels = _shaded_neck(plate, labels, chin / ratio, scale / ratio)
    axis, neck = _neck(plate, labels, ratio, chin, scale)
    collar = _collar(labels, ratio, axis, chin, scale)
    if collar - chin < _LEAST_NECK * scale:
        raise EngineRefused(
            "engine.neck", f"her neck hardly shows in {plate.facts.photo}: it is needed to join her head"
        )
    cut = min(chin + 0.45 * (collar - chin), chin + 4.0 * scale)
    hair = labels == Region.HAIR
    if hair[-2:].any() or hair[:, :2].any() or hair[:, -2:].any() or plate.facts.person.top <= 1:
        raise EngineRefused("engine.neck", f"the edge of {plate.facts.photo} cuts her head or her hair")
    share, strands = _without_clothes(rgb, labels, ratio, chin - 3 * scale)
    cover = alpha.astype(np.float32) / 255
    strands = np.minimum(cover, strands)
    free = cover * share
    window = np.s_[: min(int(cut + 30 * scale), rgb.shape[0])]
    own = rgb.copy()
    own[window] = own_colours(rgb[window], np.rint(free[window] * 255).astype(np.uint8))
    return Head(own, free, strands, eyes, axis, cut, neck)


def _shaded_neck(plate: Plate, labels: np.ndarray, chin: float, centimetre: float) -> np.ndarray:
    """The labels, with skin below her chin that lies in the shade of her hair told from it by its lightness."""
    size = labels.shape[1::-1]
    light = lab(cv2.resize(plate.rgb_srgb, size, interpolation=cv2.INTER_AREA))[..., 0]
    first = max(int(chin - 2 * centimetre), 0)
    hair, skin = light[labels == Region.HAIR], light[first:][labels[first:] == Region.SKIN]
    if len(hair) < 30 or len(skin) < 30 or np.median(skin) - np.median(hair) < 18:
        return labels
    eye = float(plate.landmarks[:4, 0].mean()) * size[0] / plate.facts.width
    between = np.median(hair) + 0.42 * (np.median(skin) - np.median(hair))
    y, x = np.mgrid[: size[1], : size[0]]
    about = (y > first) & (y < chin + 12 * centimetre) & (np.abs(x - eye) < 9 * centimetre)
    inside = cv2.erode(cv2.resize(plate.alpha, size, interpolation=cv2.INTER_AREA), np.ones((5, 5), np.uint8)) > 250
    lit = about & inside & (light > between) & np.isin(labels, (Region.HAIR, Region.UNKNOWN))
    found = np.where(lit, Region.SKIN, labels).astype(np.uint8)
    # The inside of a collar, dark and thin, lies where hair ends and isn't hair.
    strands = (found == Region.HAIR).astype(np.uint8)
    thick = cv2.morphologyEx(strands, cv2.MORPH_OPEN, _disc(0.7 * centimetre))
    thin = (strands > 0) & (cv2.dilate(thick, _disc(0.5 * centimetre)) == 0) & (y > chin)
    cloth = cv2.dilate(np.isin(found, _CLOTHES).astype(np.uint8), _disc(1.2 * centimetre)) > 0
    return np.where(thin & cloth, Region.TOP, found).astype(np.uint8)


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(round(radius), 1) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _neck(plate: Plate, labels: np.ndarray, ratio: float, chin: float, scale: float) -> tuple[float, float | None]:
    """The column of the middle of her neck where it is narrowest, and half of its breadth: by her outline between chin and
    shoulders, or where hair hides that by the skin that shows (then without a breadth, as it may be broader)."""
    high = len(labels)
    eye = float(plate.landmarks[:4, 0].mean()) / ratio
    centimetre = scale / ratio
    person = cv2.resize(plate.alpha, labels.shape[1::-1], interpolation=cv2.INTER_AREA) > 127
    free, covered = [], []
    for row in range(max(int(chin / ratio - centimetre), 0), min(int(chin / ratio + 3.5 * centimetre), high)):
        line = np.flatnonzero(person[row] & (np.abs(np.arange(labels.shape[1]) - eye) < 14 * centimetre))
        skin = np.flatnonzero(
            (labels[row] == Region.SKIN) & (np.abs(np.arange(labels.shape[1]) - eye) < 9 * centimetre)
        )
        if len(line) and not np.isin(labels[row, line], (Region.HAIR, *_CLOTHES)).any():
            free.append((float(line[-1] - line[0] + 1), (line[0] + line[-1] + 1) / 2))
        elif len(skin) > 2.5 * centimetre and row > chin / ratio + 0.8 * centimetre:
            covered.append((skin[0] + skin[-1] + 1) / 2)
    if free and min(free)[0] > 5 * centimetre:
        wide, middle = min(free)
        return middle * ratio, wide * ratio / 2
    return (float(np.median(covered)) if covered else eye) * ratio, None


def _collar(labels: np.ndarray, ratio: float, axis: float, chin: float, scale: float) -> float:
    """The row where what she wears begins below her chin; well below it where she wears nothing there."""
    high, wide = labels.shape
    reach = max(int(1.5 * scale / ratio), 1)
    columns = np.arange(max(int(axis / ratio) - reach, 0), min(int(axis / ratio) + reach + 1, wide))
    first = min(int(chin / ratio), high - 1)
    cloth = np.isin(labels[first:, columns], _CLOTHES)
    rows = np.where(cloth.any(axis=0), cloth.argmax(axis=0), int(12 * scale / ratio))
    return (first + float(np.median(rows))) * ratio


def _without_clothes(rgb: np.ndarray, labels: np.ndarray, ratio: float, first: float) -> tuple[np.ndarray, np.ndarray]:
    """Shares of what isn't clothes and of what is hair, float32 (h, w), with soft edges: strands lie on cloth."""
    high, wide = rgb.shape[:2]
    cloth, hair = np.isin(labels, _CLOTHES), (labels == Region.HAIR) | (labels == Region.FACE)
    share, strands = np.ones((high, wide), np.float32), np.zeros((high, wide), np.float32)
    top = max(int(first / ratio), 0)
    if not cloth[top:].any():
        return share, cv2.resize(hair.astype(np.float32), (wide, high), interpolation=cv2.INTER_LINEAR)
    ends = np.flatnonzero(hair.any(axis=1))
    bottom = min(max(int(ends[-1]) if len(ends) else 0, top) + 24, len(labels))
    here = slice(round(top * ratio), round(bottom * ratio))
    share[here] = 1 - refined(rgb[here], cloth[top:bottom], 2.0)
    share[here.stop :] = 0
    strands = cv2.resize(hair.astype(np.float32), (wide, high), interpolation=cv2.INTER_LINEAR)
    if hair[top:bottom].any():
        strands[here] = refined(rgb[here], hair[top:bottom], 2.0)
        skin = cv2.dilate((labels == Region.SKIN).astype(np.float32), _disc(2))
        skin = cv2.resize(skin, (wide, high), interpolation=cv2.INTER_LINEAR)
        below = np.arange(high) > first + 4 * ratio
        strands[below] *= 1 - skin[below]
    return share, strands


def key_light(plate: Plate) -> Key:
    """Where her key light stood, from how her cheeks are lit; from the backdrop's brighter side where they are alike."""
    points = plate.landmarks.astype(np.float64)
    eye, nose = points[:4].mean(axis=0), points[4]
    apart = float(np.linalg.norm(points[0:2].mean(axis=0) - points[2:4].mean(axis=0)))
    middle = 0.5 * (eye[0] + nose[0])
    rows = slice(max(int(eye[1] + 0.25 * apart), 0), int(nose[1] + 0.35 * apart))
    light = to_linear(plate.rgb_srgb[rows]) @ _LUMINANCE

    def cheek(side: int) -> float:
        a, b = sorted((middle + side * 0.30 * apart, middle + side * 0.72 * apart))
        part = light[:, max(int(a), 0) : max(int(b), 1)]
        return float(np.median(part)) if part.size else 0.0

    left, right = cheek(-1), cheek(1)
    lean = float(np.log2(max(right, 1e-4) / max(left, 1e-4)))
    if abs(lean) < 0.08 and plate.alpha is not None:
        luminance = to_linear(plate.rgb_srgb[::8, ::8]) @ _LUMINANCE
        free = plate.alpha[::8, ::8] == 0
        half = luminance.shape[1] // 2
        sides = [
            float(np.mean(luminance[:, part][free[:, part]]))
            for part in (np.s_[:half], np.s_[half:])
            if free[:, part].any()
        ]
        lean = 0.3 if len(sides) == 2 and sides[1] > sides[0] else -0.3
    return Key(float(np.clip(70 * lean, -55, 55)), 38.0, 0.52)
