"""A garment from its packshot, put on in place of the one she wears.

Found in its packshot (`packshot`, `garment_marks`), fitted to her outline (`figure_marks`, `fitting`), bent there
(`drape`), lit as what she wore was lit, and laid under hair and hands; what the old garment leaves is covered from the same
plate or refused (`leftovers`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ...domain.errors import EngineRefused
from ...ports import Plate
from ...vision.cloth import disc, garment_share
from ...vision.matte import refined
from ...vision.regions import Region
from ...vision.skin import lab, to_linear, to_srgb
from . import leftovers
from .drape import drawn
from .figure_marks import LIKE_PAPER, Figure, find
from .fitting import Fit, fitted, worn
from .garment_marks import Garment, read
from .packshot import cut_out

_SHEEN = 0.04  # of the light, that cloth throws back off its surface undyed: all that dark cloth shows of its folds
_LUMINANCE = np.float32([0.2126, 0.7152, 0.0722])
_LEFT_OVER = 0.01  # of the old garment's area that may show


@dataclass(frozen=True, eq=False)
class TriedOn:
    """The plate in the new garment: uint8 sRGB (h, w, 3), her ``alpha`` with it (uint8), and where the new ``garment``
    shows (float32 (h, w), 0 to 1). ``fit`` is how it lies on her."""

    rgb_srgb: np.ndarray
    alpha: np.ndarray
    garment: np.ndarray
    fit: Fit


def tried_on(plate: Plate, picture: np.ndarray, region: str, seed: int = 0) -> TriedOn:
    """``picture`` is the packshot, uint8 sRGB (h, w, 3 or 4); ``region`` ``top`` or ``bottom``.

    Raises EngineRefused ``engine.packshot``, ``engine.pose``, ``engine.region``, ``engine.uncovered`` or
    ``backdrop.busy``.
    """
    garment = read(cut_out(picture), region)
    figure = find(plate)
    share = garment_share(plate, "top") if region == "top" else _trousers_share(plate)
    if region == "bottom" and figure.crotch is None:
        raise EngineRefused("engine.pose", f"{plate.facts.photo} doesn't show her legs apart")
    now = worn(share * (plate.alpha > 127), figure, region)
    fit = fitted(garment, figure, now)
    return _layered(plate, garment, figure, fit, share, seed)


def _trousers_share(plate: Plate) -> np.ndarray:
    """How much of her, at each pixel, is trousers: float32 (h, w), from the label map, which has told them from the top."""
    mask = plate.regions == Region.BOTTOM
    if mask.sum() < 0.004 * mask.size:
        raise EngineRefused("engine.region", f"{plate.facts.photo} doesn't show the bottom")
    share = refined(plate.rgb_srgb, mask, max(plate.facts.face.width * 0.02, 2.0))
    # At her soft outline the share of the nearest pixel that is all hers.
    whole = (
        cv2.erode((plate.alpha >= 250).astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE) > 0
    )
    distance, (rows, columns) = ndimage.distance_transform_edt(~whole, return_indices=True)
    carried = cv2.GaussianBlur(np.where(whole, share, share[rows, columns]), (0, 0), 0.8)
    return np.where(whole, share, np.where((distance < 10) & (plate.alpha > 0), carried, 0)).astype(np.float32)


def _layered(plate: Plate, garment: Garment, figure: Figure, fit: Fit, share: np.ndarray, seed: int) -> TriedOn:
    unit = figure.unit
    cover = plate.alpha.astype(np.float32) / 255
    linear = to_linear(plate.rgb_srgb)
    sheet = _sheet(garment, fit, cover.shape, unit)
    light = _light(linear, share * cover, figure, sheet.front)
    cloth = _lit(sheet.linear, light)
    spread = leftovers.grain_of(plate.rgb_srgb, share * cover > 0.98)
    cloth = leftovers.grained(cloth, spread, seed)

    hers = cover * (1 - share)
    if garment.kind == "bottom":
        # Under the hem of her top it is covered, and beside it there is nothing of it.
        first = np.flatnonzero((share * cover > 0.5).any(axis=1))[0]
        sheet.front[:first] *= cover[:first] > 0.98
    before = _before(hers, figure, garment.kind, sheet.part, unit)
    front = sheet.front * (1 - before)
    base, person = _without(plate, linear, cover, share, figure, fit, garment, front, sheet)
    # The inside of the back shows beside her neck, never over it.
    neck = ~np.isin(figure.labels, (Region.TOP, Region.BOTTOM, Region.BACKGROUND))
    keep = cv2.GaussianBlur((neck & (cover > 0.02)).astype(np.float32), (0, 0), 0.8) * hers
    inner = sheet.inside * (1 - np.maximum(keep, person.skin)) * _round_the_neck(fit, unit, cover.shape)
    base = _mixed(base, _inside(cloth, sheet, fit, unit) * light[..., None], inner)
    base = base * (1 - _contact(front, person.cover, unit))[..., None]
    over = _own(plate, hers, (sheet.front - front > 0.004) | (person.changed & (before > 0.004)))
    # Ends of her hair over what is gone.
    base = np.where(person.changed[..., None], _mixed(base, over, before), base)
    out = _mixed(base, cloth, front)
    # What lies before it keeps its own colour, without the old cloth's in its soft edge.
    veil = sheet.front - front
    out = np.where(
        (veil > 0.004)[..., None],
        over * veil[..., None] + base * (1 - sheet.front)[..., None] + cloth * front[..., None],
        out,
    )
    touched = (front > 0.002) | (inner > 0.002) | person.changed | (veil > 0.004)
    touched |= np.abs(out - linear).max(axis=2) > 1e-4
    rgb = plate.rgb_srgb.copy()
    rgb[touched] = to_srgb(out)[touched]
    left = np.where(person.changed, np.maximum(person.cover, before), person.cover)
    alpha = 1 - (1 - left) * (1 - np.maximum(front, inner))
    return TriedOn(rgb, (np.clip(alpha, 0, 1) * 255 + 0.5).astype(np.uint8), front, fit)


def _mixed(under: np.ndarray, over: np.ndarray, share: np.ndarray) -> np.ndarray:
    return under * (1 - share)[..., None] + over * share[..., None]


# --- the garment as it lies on her ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The garment drawn on the plate's canvas: ``linear`` light, ``front`` and ``inside`` (of its back) as shares."""

    linear: np.ndarray
    front: np.ndarray
    inside: np.ndarray
    part: np.ndarray


def _sheet(garment: Garment, fit: Fit, size: tuple[int, int], unit: float) -> _Sheet:
    places, part = drawn(fit.mesh, fit.placed, size)
    known = part >= 0
    at = np.where(known[..., None], np.nan_to_num(places), -10).astype(np.float32)
    rgb, alpha, inside = garment.rgb_srgb, garment.alpha, garment.inside.astype(np.float32)
    reduced = max(1 / max(fit.scale, 1e-3) / 1.25, 1.0)
    if reduced > 1.05:
        smaller = max(round(rgb.shape[1] / reduced), 8), max(round(rgb.shape[0] / reduced), 8)
        ratio = np.float32([smaller[0] / rgb.shape[1], smaller[1] / rgb.shape[0]])
        rgb, alpha, inside = (cv2.resize(v, smaller, interpolation=cv2.INTER_AREA) for v in (rgb, alpha, inside))
        at = np.where(known[..., None], (at + 0.5) * ratio - 0.5, -10).astype(np.float32)

    def taken(picture: np.ndarray, method: int) -> np.ndarray:
        return cv2.remap(picture, at[..., 0], at[..., 1], method, borderMode=cv2.BORDER_REPLICATE)

    cover = taken(alpha, cv2.INTER_LINEAR).astype(np.float32) / 255 * known
    # An outline enlarged from a few pixels is soft and stepped; cloth's isn't.
    soft = max(fit.scale, 1.0)
    cover = np.clip((cv2.GaussianBlur(cover, (0, 0), 0.5 * soft) - 0.5) * 1.6 * soft + 0.5, 0, 1)
    rgb = taken(rgb, cv2.INTER_CUBIC)
    # Where the cloth is folded in an armpit nothing of it may be left out. Between legs there is a gap.
    reach = max(round((0.05 if garment.kind == "top" else 0.012) * unit), 1)
    solid = np.pad((cover > 0.5).astype(np.uint8), 2 * reach)
    closed = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, disc(reach))[2 * reach : -2 * reach, 2 * reach : -2 * reach] > 0
    torn = closed & (cover < 0.9) & (cv2.erode(closed.astype(np.uint8), disc(2)) > 0)
    if torn.any():
        rows, columns = ndimage.distance_transform_edt(cover < 0.95, return_indices=True, return_distances=False)
        rgb = np.where(torn[..., None], rgb[rows, columns], rgb)
        cover = np.where(torn, 1, cover).astype(np.float32)
        part = np.where(torn, part[rows, columns], part)
    back = np.clip((taken(inside, cv2.INTER_LINEAR) - 0.5) * soft + 0.5, 0, 1) * cover
    return _Sheet(to_linear(rgb), cover - back, back, part)


def _light(linear: np.ndarray, old: np.ndarray, figure: Figure, front: np.ndarray) -> np.ndarray:
    """How much more or less light falls where, float32 (h, w): from the slow shading of what she wore and of bare arms."""
    solid = cv2.erode((old > 0.97).astype(np.uint8), disc(2)) > 0
    luminance = np.log(linear @ _LUMINANCE + _SHEEN)
    skin = (figure.labels == Region.SKIN) & (cv2.erode((old < 0.02).astype(np.uint8), disc(3)) > 0)
    skin[: round(figure.shoulder["left"][1])] = False
    if not solid.any():
        return np.ones(old.shape, np.float32)
    shade = luminance - float(np.median(luminance[solid]))
    # Stripes and prints aren't light: a patterned garment tells of it only in the large.
    detail = (shade - cv2.GaussianBlur(shade, (0, 0), 0.05 * figure.unit))[solid]
    busy = float(np.percentile(np.abs(detail), 80)) > 0.16
    fine = (0.30 if busy else 0.085) * figure.unit
    weight = solid.astype(np.float32)
    if skin.sum() > 100:
        near = ndimage.distance_transform_edt(~solid) < 0.5 * figure.unit
        seam = skin & near if (skin & near).sum() > 50 else skin
        bare = luminance - float(np.median(luminance[seam]))
        edge = solid & (ndimage.distance_transform_edt(~skin) < 0.5 * figure.unit)
        level = float(np.median(shade[edge])) if edge.sum() > 50 else 0.0
        shade = np.where(skin, np.clip(bare + level, -0.6, 0.4), shade)
        weight = np.maximum(weight, 0.8 * skin)
    field, known = np.zeros_like(shade), np.zeros_like(shade)
    for sigma in (fine, 3 * fine, 10 * fine):
        near = cv2.GaussianBlur(weight, (0, 0), sigma)
        smooth = cv2.GaussianBlur(shade * weight, (0, 0), sigma) / np.maximum(near, 1e-4)
        share = np.clip(near / 0.15, 0, 1) * (1 - known)
        field += share * smooth
        known += share
    middle = float(np.median(field[front > 0.5])) if (front > 0.5).any() else 0.0
    return np.exp(np.clip(field - middle, -0.9, 0.5)).astype(np.float32)


def _lit(linear: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The garment in her light, its mid-tone as it is in the packshot."""
    lit = linear * light[..., None]
    # White has no room above: a shoulder instead of clipping.
    top = lit.max(axis=2, keepdims=True)
    knee = 0.85
    return np.where(
        top > knee, lit * ((knee + (1 - knee) * np.tanh((top - knee) / (1 - knee))) / np.maximum(top, 1e-6)), lit
    )


def _round_the_neck(fit: Fit, unit: float, shape: tuple[int, int]) -> np.ndarray:
    """1 where the back of a collar can be seen on her, bool (h, w): on a hanger it stands higher than round a neck."""
    left, right = fit.ends.get("collar_left"), fit.ends.get("collar_right")
    if left is None or right is None:
        return np.ones(shape, bool)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    line = left[1] + (x - left[0]) / max(right[0] - left[0], 1) * (right[1] - left[1])
    return y > line - 0.05 * unit


def _inside(cloth: np.ndarray, sheet: _Sheet, fit: Fit, unit: float) -> np.ndarray:
    """The inside of the back: the colour of the cloth about the collar, in shade. What the packshot shows there may be
    a label or a hanger."""
    if not sheet.inside.any():
        return cloth
    front = fit.ends["collar_front"]
    y, x = np.mgrid[0 : cloth.shape[0], 0 : cloth.shape[1]]
    about = (sheet.front > 0.98) & (np.hypot(x - front[0], y - front[1]) < 0.8 * unit)
    colour = np.median(cloth[about], axis=0) if about.any() else np.float32([0.1, 0.1, 0.1])
    return np.broadcast_to(0.55 * colour, cloth.shape)


# --- what lies before and behind it -----------------------------------------------------------------------------


def _before(hers: np.ndarray, figure: Figure, kind: str, part: np.ndarray, unit: float) -> np.ndarray:
    """How much of each pixel is something of hers that lies before the garment."""
    labels = figure.labels
    if kind == "bottom":
        zone = ~np.isin(labels, (Region.OTHER, Region.BACKGROUND))
        # About her ankles what isn't known is a shoe or its shadow on the floor: trousers fall over both.
        legs = np.flatnonzero((labels == Region.BOTTOM).any(axis=1))
        ankles = np.s_[round(legs[-1] - 0.25 * (legs[-1] - figure.crotch)) :]
        zone[ankles] &= ~np.isin(labels[ankles], (Region.UNKNOWN, Region.BOTTOM))
    else:
        zone = np.isin(labels, (Region.HAIR, Region.FACE))
    reach = max(round(0.03 * unit), 2)
    near = cv2.dilate(zone.astype(np.uint8), disc(reach)).astype(np.float32)
    other = np.isin(labels, (Region.SKIN, Region.BOTTOM)) if kind == "top" else np.zeros(labels.shape, bool)
    near[other & ~zone] = 0
    occluder = hers * cv2.GaussianBlur(near, (0, 0), 0.8)
    if kind == "top":
        # A bare arm beside the body lies before its hem and its sides, but inside its own sleeve.
        arms = (labels == Region.SKIN).astype(np.uint8)
        arms[: round(figure.shoulder["left"][1])] = 0
        arms = cv2.GaussianBlur(cv2.dilate(arms, disc(2)).astype(np.float32), (0, 0), 0.8)
        occluder = np.maximum(occluder, np.where(part == 0, hers * arms, 0))
    return np.clip(occluder, 0, 1)


@dataclass(frozen=True, eq=False)
class _Person:
    """Her without the old garment: ``cover`` of what is left of her, ``skin`` carried on below her neck (shares), and
    which pixels were ``changed`` (bool)."""

    cover: np.ndarray
    skin: np.ndarray
    changed: np.ndarray


def _without(
    plate: Plate,
    linear: np.ndarray,
    cover: np.ndarray,
    share: np.ndarray,
    figure: Figure,
    fit: Fit,
    garment: Garment,
    front: np.ndarray,
    sheet: _Sheet,
) -> tuple[np.ndarray, _Person]:
    """The plate with the old garment gone wherever the new one doesn't cover it: linear light, and what is left of her."""
    unit = figure.unit
    old = share * cover
    gone = cv2.dilate((old > 0.03).astype(np.uint8), disc(3)) > 0
    hers = cover * (1 - share)
    # Where hair and skin meet the old cloth softly, they are mixed with it.
    firm = (hers > 0.97) & ~(cv2.dilate((old > 0.03).astype(np.uint8), disc(1)) > 0)
    gone &= ~firm
    paper = leftovers.backdrop_of(plate.rgb_srgb, plate.alpha)
    paper = leftovers.grained(paper, leftovers.grain_of(plate.rgb_srgb, plate.alpha < 2), 7)
    bare = gone & (front + sheet.inside < 0.995)
    base = np.where(gone[..., None], paper, linear)
    left = np.where(gone, 0, cover)
    skin_share = np.zeros(cover.shape, np.float32)
    y, x = np.mgrid[0 : cover.shape[0], 0 : cover.shape[1]]
    if garment.kind == "top":
        hair = np.isin(figure.labels, (Region.HAIR, Region.BACKGROUND)) & (hers > 0.5)
        wanted = gone & (front < 0.995) & _opening(fit, figure, cover.shape) & ~hair & (cover > 0.5)
        # Beside her neck it is the inside of the back that shows.
        wanted &= (np.abs(x - figure.middle) < 0.36 * figure.face_width) | (sheet.inside < 0.5)
        skin = (
            np.isin(figure.labels, (Region.SKIN, Region.FACE))
            & (hers > 0.97)
            & (y > plate.facts.face.bottom - 0.1 * unit)
        )
        skin = cv2.erode(skin.astype(np.uint8), disc(2)) > 0
        skin &= (np.abs(x - figure.middle) < 1.2 * unit) & (y < fit.ends["collar_front"][1] + 0.3 * unit)
        # Skin is carried on downwards only. Where none of hers is above, the old collar stood off her neck: there it is
        # the back of the new one that shows, and above that the backdrop.
        above = np.maximum.accumulate(cv2.dilate(skin.astype(np.uint8), disc(3)), axis=0) > 0
        beside = wanted & ~above & (y > min(fit.ends["collar_left"][1], fit.ends["collar_right"][1]) - 0.05 * unit)
        sheet.inside[beside] = 1
        wanted &= above
        firmly = wanted & (old > 0.5)
        leftovers.neck_bared(firmly, skin, unit)
        whole = leftovers.carried_on(
            linear, skin, cv2.dilate((wanted | (gone & (sheet.inside > 0))).astype(np.uint8), disc(2)) > 0, unit
        )
        softly = cv2.GaussianBlur(wanted.astype(np.float32), (0, 0), 1.0) * gone
        base = _mixed(base, whole, np.where(wanted, 1.0, softly))
        skin_share = np.where(wanted, 1.0, softly).astype(np.float32)
        left = np.maximum(left, skin_share)
        _sleeves_covered(bare & (old > 0.5), figure, fit, unit)
        hem = max(fit.ends["hem_left"][1], fit.ends["hem_right"][1])
        # A hem is cut in a curve as often as not, and softly: all that lies bare about it, with the old hem's own edge.
        under = bare & (y > min(fit.ends["hem_left"][1], fit.ends["hem_right"][1]) - 0.35 * unit)
        bottom = (figure.labels == Region.BOTTOM) & (share < 0.03)
        if (under & (old > 0.5)).sum() > 0.002 * (old > 0.5).sum() and hem < cover.shape[0] - 1:
            if not bottom.any():
                raise EngineRefused(
                    "engine.uncovered",
                    "the new hem is higher than the old one, and what is under it isn't in the plate",
                )
            base = leftovers.under_the_hem(base, bottom, _within_hips(under, bottom), unit)
            left = np.maximum(left, _within_hips(under, bottom).astype(np.float32))
    else:
        rows = (y > figure.crotch) & bare & (old > 0.5)
        below = rows & (y > max(fit.ends["outer_left"][1], fit.ends["outer_right"][1]))
        if below.sum() > _LEFT_OVER * (old > 0.5).sum():
            raise EngineRefused(
                "engine.uncovered", "the new trousers are shorter than the old ones: her legs aren't in the plate"
            )
        # Beside narrower trousers there is backdrop; but not where she is.
        inner = cv2.erode((old > 0.5).astype(np.uint8), disc(max(round(0.2 * unit), 1))) > 0
        # In a narrow gap between the legs a matte may have taken the backdrop for hers.
        inner &= np.linalg.norm(lab(plate.rgb_srgb) - lab(to_srgb(paper)), axis=2) > LIKE_PAPER
        if (inner & (front < 0.5)).sum() > _LEFT_OVER * max(inner.sum(), 1):
            raise EngineRefused(
                "engine.uncovered",
                "the new trousers are narrower or sit lower than the old ones: she isn't in the plate",
            )
    return base.astype(np.float32), _Person(left, skin_share, gone)


def _opening(fit: Fit, figure: Figure, shape: tuple[int, int]) -> np.ndarray:
    """Inside the neckline, below the line between the collar's ends: bool (h, w)."""
    left, right, front = (fit.ends[name] for name in ("collar_left", "collar_right", "collar_front"))
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    where = (x - left[0]) / max(right[0] - left[0], 1) * 2 - 1
    line = left[1] + (where + 1) / 2 * (right[1] - left[1])
    deep = max(front[1] - (left[1] + right[1]) / 2, 0) * 1.35 + 6
    above = (np.abs(where) < 1.3) & (y > line - 0.6 * figure.unit) & (y <= line)
    return above | ((np.abs(where) < 1.0) & (y > line) & (y < line + deep * (1 - 0.5 * np.abs(where) ** 2)))


def _sleeves_covered(bare: np.ndarray, figure: Figure, fit: Fit, unit: float) -> None:
    for side, sign in (("left", -1), ("right", 1)):
        end = min(fit.ends[f"cuff_outer_{side}"][1], fit.ends[f"cuff_inner_{side}"][1])
        y, x = np.nonzero(bare)
        # Beside the trunk, above a hem that is higher, it is no arm.
        arm = (y > end) & ((x - np.where(np.isfinite(figure.trunk[side]), figure.trunk[side], x.mean())[y]) * sign > 0)
        if arm.sum() > 0.04 * unit * unit:
            raise EngineRefused(
                "engine.uncovered", "the new sleeves are shorter than the old ones: her arms aren't in the plate"
            )


def _within_hips(under: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """What of the bared strip is above trousers, and not beside them."""
    rows = np.flatnonzero(bottom.any(axis=1))
    band = bottom[rows[0] : rows[0] + max(len(rows) // 12, 3)].any(axis=0)
    return under & band[None, :]


def _contact(front: np.ndarray, cover: np.ndarray, unit: float) -> np.ndarray:
    """The narrow shadow that a hem and a sleeve's end throw on what of her is under them."""
    drop = np.float32([[1, 0, 0], [0, 1, 0.03 * unit]])
    lower = cv2.warpAffine(front, drop, front.shape[::-1])
    shade = cv2.GaussianBlur(lower, (0, 0), 0.025 * unit)
    return np.clip(0.38 * shade, 0, 0.38) * cover * (1 - front)


def _own(plate: Plate, hers: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Her own colours where she lies before the garment, the old cloth and the backdrop taken out of soft edges."""
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    linear = to_linear(plate.rgb_srgb)
    veil = where & (hers < 0.995)
    if not veil.any():
        return linear
    rows, columns = np.flatnonzero(veil.any(axis=1)), np.flatnonzero(veil.any(axis=0))
    here = np.s_[max(rows[0] - 16, 0) : rows[-1] + 17, max(columns[0] - 16, 0) : columns[-1] + 17]
    coded = plate.rgb_srgb[here].astype(np.float32) / 255
    own = estimate_foreground_ml(coded, hers[here].astype(np.float32), n_small_iterations=6, n_big_iterations=2)
    linear[here] = np.where(
        (hers[here] < 0.995)[..., None], to_linear((np.clip(own, 0, 1) * 255 + 0.5).astype(np.uint8)), linear[here]
    )
    return linear
