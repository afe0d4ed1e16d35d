"""Where a picture of her departs from the plate it was made from, and by how much: face, skin, body, garment.

The plate is taken through the global tone that the picture shows (`tone`) and compared with it in cells, part by part
(`parts`). Faces are compared closer: in an aligned chip, after the skin's own shift of colour is taken out, so that
*other features* and *lighter skin* are told apart. Shape is read from where each pixel of her body went (`strain`), and
from eyes, nose, mouth and jaw.
What the engine says it altered is left out of the judging, but nothing has to be said: another backdrop is expected,
and another colour of the garment is found and named.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..domain.fidelity import Measurement, Untold
from ..ports import Plate
from .chip import compared_faces
from .parts import Part, parts
from .registration import Registration, followed, scaling, work_frame
from .skin import delta_e2000
from .strain import strain
from .tone import Agreed, agreed

CELLS = 64  # along the plate's longer side
_LIGHTNESS = 4.0  # ΔL* of a cell that counts as departed
_COLOUR = 6.0  # ΔE76 of one
_ENOUGH_PIXELS = 12.0  # of the picture along a cell; below, the limits rise
_LEAST_COVER = 0.25  # of a cell by one part
_LEAST_SKIN = 25  # pixels at half the work size
_PATCHY = 4.0  # L*: the scatter of a shift that isn't one of tone
_NECK = 0.6  # of the face's height below the chin: hair and head move by themselves
_BESIDE = 0.15  # of the face's height
_UNSURE = 2.5  # L*: by how much the curve may be uncertain where skin is, at most
_WORTH = {"hair": 2.0, "backdrop": 1.2, "garment": 1.0, "trousers": 1.0, "skin": 0.9}
_FOLLOWED = 0.6  # correlation of what lies where the flow leads with the plate, for the flow to count there
_LEAST_FOLLOWED = 0.5  # of her that shows in the picture
# Coded, 0 to 1: re-encoding moves a plain backdrop by less; and what it is worth then, more than hair and skin together.
_SAME, _OWN_BACKDROP = 1.2 / 255, 4.0
_BODY = (Part.SKIN, Part.HAIR, Part.GARMENT)


@dataclass(frozen=True)
class TamperMap:
    """``departed`` cells (bool (rows, columns), of ``cell`` work pixels) of those ``judged``; ``lab`` is found minus
    expected of each (float32 (rows, columns, 3)); ``shares`` of each part's cells that departed, by part;
    ``measurements`` as `domain.fidelity` has them; ``tone_from`` names the parts the global tone was read from."""

    departed: np.ndarray
    judged: np.ndarray
    lab: np.ndarray
    cell: int
    shares: dict[str, float]
    measurements: tuple[Measurement, ...]
    tone_from: tuple[str, ...]
    to_picture: np.ndarray  # work pixels to picture pixels, float64 (3, 3)

    def in_picture(self, height: int, width: int) -> np.ndarray:
        """The departed cells in the picture's own frame: bool (height, width)."""
        cells = np.kron(self.departed.astype(np.uint8), np.ones((self.cell, self.cell), np.uint8))
        return cv2.warpAffine(cells, self.to_picture[:2], (width, height), flags=cv2.INTER_NEAREST) > 0


def departures(
    picture_srgb: np.ndarray,
    plate: Plate,
    registration: Registration,
    declared: np.ndarray | None = None,
    redressed: np.ndarray | None = None,
    unfollowed: np.ndarray | None = None,
) -> TamperMap:
    """``picture_srgb`` uint8 (h, w, 3) as it was registered; ``declared`` bool, what the engine says isn't the plate's
    own, of the plate's size or else the picture's; None when nobody says anything. ``redressed`` (bool, of the plate's
    size) is where other cloth was to be: neither colours nor where pixels went say anything there; ``unfollowed`` is where only
    the latter can't be told."""
    work, scale = work_frame(plate.rgb_srgb)
    # Colours are judged at half the work size: cells are what counts, and a quarter of the pixels fills them.
    before, found = _half(work), _half(registration.found)
    labels = parts(plate, before, scale * before.shape[1] / work.shape[1])
    labels[
        cv2.resize(registration.valid.astype(np.uint8), before.shape[1::-1], interpolation=cv2.INTER_NEAREST) == 0
    ] = 0
    judged_labels = _undeclared(labels, declared, plate, registration)
    judged_labels = _undeclared(judged_labels, redressed, plate, registration)
    before, found = _smooth(before), _smooth(found)
    curve = _agreed_tone(before, found, judged_labels)
    expected = curve.tone(before)
    lab_expected = cv2.cvtColor(expected, cv2.COLOR_RGB2LAB)
    lab_found = cv2.cvtColor(found, cv2.COLOR_RGB2LAB)

    cell = max(4, round(max(before.shape[:2]) / CELLS))
    coarse = max(1.0, _ENOUGH_PIXELS / (2 * cell * registration.zoom))
    departed, judged, lab_off, owner = _cells(lab_found - lab_expected, judged_labels, cell, coarse)
    shares = {}
    for part in (Part.BACKDROP, Part.SKIN, Part.HAIR, Part.GARMENT, Part.FACE):
        of_part = judged & (owner == part)
        if of_part.sum() >= 3:
            shares[part.name.lower()] = float((departed & of_part).sum() / of_part.sum())

    measurements = [_body_departure(departed, judged, owner)]
    measurements += _skin_shift(lab_found, lab_expected, judged_labels, curve)
    measurements += [_garment_shift(lab_found, lab_expected, expected, labels, judged_labels, curve)]
    measurements += compared_faces(picture_srgb, plate, registration, curve.tone)
    measurements += _strained(plate, registration, unfollowed if redressed is None else redressed)
    return TamperMap(
        departed & (owner != Part.BACKDROP),
        judged & (owner != Part.BACKDROP),
        lab_off,
        2 * cell,
        shares,
        tuple(measurements),
        curve.parts,
        _to_picture(registration),
    )


def _to_picture(registration: Registration) -> np.ndarray:
    """Work pixels to picture pixels."""
    return np.linalg.inv(registration.matrix) @ np.linalg.inv(scaling(registration.scale, registration.scale))


def _undeclared(
    labels: np.ndarray, declared: np.ndarray | None, plate: Plate, registration: Registration
) -> np.ndarray:
    if declared is None:
        return labels
    high, wide = labels.shape
    mask = declared.astype(np.uint8)
    if declared.shape == plate.rgb_srgb.shape[:2]:
        mask = cv2.resize(mask * 255, (wide, high), interpolation=cv2.INTER_AREA)
        mask = (mask > 24).astype(np.uint8)
    else:
        to_half = scaling(0.5, 0.5) @ np.linalg.inv(_to_picture(registration))
        mask = cv2.warpAffine(mask, to_half[:2], (wide, high), flags=cv2.INTER_NEAREST)
    mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    return np.where(mask > 0, Part.NOTHING, labels).astype(np.uint8)


def _half(rgb_srgb: np.ndarray) -> np.ndarray:
    size = max(rgb_srgb.shape[1] // 2, 1), max(rgb_srgb.shape[0] // 2, 1)
    return cv2.resize(rgb_srgb, size, interpolation=cv2.INTER_AREA)


def _smooth(rgb_srgb: np.ndarray) -> np.ndarray:
    """Coded 0 to 1, float32, after a blur that forgives half a pixel."""
    return cv2.GaussianBlur(rgb_srgb.astype(np.float32) / 255, (0, 0), 1.0)


def _eroded(mask: np.ndarray, by: int = 1) -> np.ndarray:
    kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE) > 0


# --- tone -------------------------------------------------------------------------------------------------------


def _agreed_tone(before: np.ndarray, found: np.ndarray, labels: np.ndarray) -> Agreed:
    """Of samples two pixels apart, well inside their part."""
    masks = {
        "hair": _eroded(labels == Part.HAIR),
        "backdrop": _eroded(labels == Part.BACKDROP, 2),
        "skin": _eroded((labels == Part.FACE) | (labels == Part.SKIN)),
    }
    masks.update(_garments(before, _eroded(labels == Part.GARMENT, 2)))
    samples = {}
    for name, mask in masks.items():
        chosen = np.zeros_like(mask)
        chosen[1::2, 1::2] = mask[1::2, 1::2]
        samples[name] = before[chosen], found[chosen]
    worth = dict(_WORTH)
    if _unchanged(*samples["backdrop"]):
        worth["backdrop"] = _OWN_BACKDROP
    return agreed(samples, worth)


def _unchanged(before: np.ndarray, found: np.ndarray) -> bool:
    """Whether a part is the plate's to the noise: then nobody changed the light, whatever hair and skin say."""
    return len(before) > 60 and float(np.median(np.abs(found - before))) < _SAME


def _garments(before: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    """Top and trousers apart where their colours are: one may have been dyed and not the other."""
    colours = before[mask]  # in the order of rows
    quarter = len(colours) // 4
    if quarter < 60:
        return {"garment": mask}
    upper, lower = np.median(colours[:quarter:4], axis=0), np.median(colours[-quarter::4], axis=0)
    if np.linalg.norm(upper - lower) < 0.15:
        return {"garment": mask}
    nearer = np.square(colours - upper).sum(axis=1) < np.square(colours - lower).sum(axis=1)
    top, trousers = np.zeros_like(mask), np.zeros_like(mask)
    top[mask], trousers[mask] = nearer, ~nearer
    return {"garment": top, "trousers": trousers}


# --- cells ------------------------------------------------------------------------------------------------------


def _cells(
    off: np.ndarray, labels: np.ndarray, cell: int, coarse: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Departed and judged cells, their mean departure, and the part each belongs to."""
    rows, columns = labels.shape[0] // cell, labels.shape[1] // cell
    inside = (slice(0, rows * cell), slice(0, columns * cell))
    departed = np.zeros((rows, columns), bool)
    lab_off = np.zeros((rows, columns, 3), np.float32)
    owner = np.zeros((rows, columns), np.uint8)
    best = np.full((rows, columns), _LEAST_COVER * cell * cell)
    for part in (Part.FACE, *_BODY, Part.BACKDROP):
        mask = _eroded(labels == part)[inside].astype(np.float32)
        count = _sums(mask, cell)
        mean = _sums(off[inside] * mask[..., None], cell) / np.maximum(count, 1)[..., None]
        takes = count > best
        best = np.where(takes, count, best)
        owner[takes], lab_off[takes] = part, mean[takes]
    judged = owner != Part.NOTHING
    beyond = (np.abs(lab_off[..., 0]) > _LIGHTNESS * coarse**1.5) | (
        np.linalg.norm(lab_off, axis=-1) > _COLOUR * coarse**0.75
    )
    departed = judged & beyond
    return departed, judged, lab_off, owner


def _sums(values: np.ndarray, cell: int) -> np.ndarray:
    rows, columns = values.shape[0] // cell, values.shape[1] // cell
    return values.reshape(rows, cell, columns, cell, *values.shape[2:]).sum(axis=(1, 3))


# --- measurements -----------------------------------------------------------------------------------------------


def _body_departure(departed: np.ndarray, judged: np.ndarray, owner: np.ndarray) -> Measurement:
    body = judged & np.isin(owner, _BODY)
    if body.sum() < 8:
        return Measurement("body.departure", None, "all of her body was declared altered, or too little of it shows")
    share = float((departed & body).sum() / body.sum())
    named = [
        f"{part.name.lower()} {float((departed & (owner == part)).sum() / (judged & (owner == part)).sum()):.0%}"
        for part in _BODY
        if (departed & (owner == part)).any()
    ]
    return Measurement("body.departure", share, "of the cells departed: " + ", ".join(named) if named else "")


def _skin_shift(found: np.ndarray, expected: np.ndarray, labels: np.ndarray, curve: Agreed) -> list[Measurement]:
    """Her skin against what the global tone makes of it: the larger shift of face and body, with its direction."""
    names = ("skin.shift_l", "skin.shift_e")
    if not curve.parts:
        note = "everything but her skin was declared altered, so the picture's light can't be told from her skin's"
        return [Measurement(name, None, note) for name in names]
    best = None
    for part, where in ((Part.FACE, "face"), (Part.SKIN, "body")):
        mask = _eroded(labels == part)
        if mask.sum() < _LEAST_SKIN:
            continue
        now, then = found[mask], expected[mask]
        lit = then[:, 0] >= np.percentile(then[:, 0], 40)
        middle = np.median(then[lit], axis=0)
        off = now[lit] - then[lit]
        shift = np.median(off, axis=0)
        if np.median(np.abs(off[:, 0] - shift[0])) > _PATCHY:
            continue  # an arm that was moved lies on backdrop: that is the outline's to tell
        if best is None or abs(shift[0]) > abs(best[1][0]):
            best = (where, shift, middle)
    if best is None:
        return [Measurement(name, None, "too little of her skin shows, or it was declared altered") for name in names]
    where, shift, middle = best
    coded = cv2.cvtColor(middle[None, None].astype(np.float32), cv2.COLOR_LAB2RGB)[0, 0].astype(np.float64)
    unsure = curve.tone.spread_l(coded)
    if unsure > _UNSURE:
        note = f"the picture's tone is only known to ±{unsure:.1f} L* where skin is (from {', '.join(curve.parts)})"
        return [Measurement(name, None, note) for name in names]
    word = "as light as" if abs(shift[0]) < 0.5 else "lighter than" if shift[0] > 0 else "darker than"
    delta_e = float(delta_e2000(middle.astype(np.float64) + shift, middle))
    note = f"skin of the {where} is {word} on the plate, by the tone of {', '.join(curve.parts)}"
    return [Measurement(names[0], float(shift[0]), note), Measurement(names[1], delta_e, note)]


def _strained(plate: Plate, registration: Registration, redressed: np.ndarray | None = None) -> list[Measurement]:
    """``body.width``, ``body.length`` and ``body.reshape``: by how many percent what shows inside her outline is drawn
    together or apart below the chin. Another backdrop, another dye and another light don't move it."""
    names = ("body.width", "body.length", "body.reshape")
    if plate.alpha is None:
        return [Measurement(name, None, "her outline isn't known on this plate") for name in names]
    high, wide = registration.valid.shape
    cover = cv2.resize(plate.alpha, (wide, high), interpolation=cv2.INTER_AREA)
    own = cv2.resize(plate.rgb_srgb, (wide, high), interpolation=cv2.INTER_AREA)
    known = registration.valid & (followed(own, registration, cover >= 128) > _FOLLOWED)
    shown = registration.valid & (cover >= 128)
    if redressed is not None:
        anew = cv2.resize(redressed.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST)
        # Where a pixel went is read from its surroundings: next to other cloth it isn't known either.
        reach = max(round(_BESIDE * plate.facts.face.height * registration.scale), 1)
        anew = cv2.dilate(anew, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
        known &= ~anew
        shown &= ~anew
    if (known & shown).sum() < _LEAST_FOLLOWED * shown.sum():
        # In her part of the picture little is as on the plate: whoever redrew it doesn't get past for that.
        note = "what her body shows isn't what the plate shows, so its shape can't be told"
        return [Measurement(name, None, note, Untold.UNCLEAR) for name in names]
    flow = np.where(known[..., None], registration.flow, np.nan)
    chin = plate.facts.face.bottom + _NECK * plate.facts.face.height
    found = strain(flow, cover, chin * registration.scale)
    values = (found.width, found.length, found.reshape)
    words = (("narrower", "wider"), ("shorter", "longer"), ("drawn in", "drawn out"))
    return [
        Measurement(name, None, "too little of her body shows")
        if value is None
        else Measurement(name, value, f"{word[value > 0]} than on the plate" if abs(value) > 1 else "")
        for name, value, word in zip(names, values, words, strict=True)
    ]


def _garment_shift(
    found: np.ndarray,
    expected: np.ndarray,
    coded: np.ndarray,
    labels: np.ndarray,
    judged: np.ndarray,
    curve: Agreed,
) -> Measurement:
    """ΔE2000 of what she wears against the plate's, the most changed of its pieces."""
    name = "garment.shift_e"
    mask = _eroded(judged == Part.GARMENT, 2)
    if mask.sum() < 60:
        declared = (labels == Part.GARMENT).sum() > 100
        return Measurement(name, None, "the garment was declared altered" if declared else "no garment shows")
    if not set(curve.parts) - {"garment", "trousers"}:
        return Measurement(name, None, "nothing but the garment tells the picture's tone")
    worst, note = 0.0, ""
    for piece, where in _garments(coded, mask).items():
        if where.sum() < 60:
            continue
        now, then = found[where], expected[where]
        middle = np.median(then, axis=0).astype(np.float64)
        shift = np.median(now - then, axis=0)
        delta = float(delta_e2000(middle + shift, middle))
        if delta > worst:
            turned = f"L* {shift[0]:+.1f}, a* {shift[1]:+.1f}, b* {shift[2]:+.1f}"
            worst, note = delta, f"the {piece} differs from the plate's by {turned}"
    return Measurement(name, worst, note)
