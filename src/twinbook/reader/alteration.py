"""Tells what the cells of a comparison that depart are of, and draws them for people to look at.

What is face, skin and garment is measured on the issued copy, which is known to be good: in the found one it may be gone.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from ..domain.alteration import Alteration, Change, Place
from ..domain.twin import Box
from ..vision.faces import find_faces
from ..vision.regions import Region, label_map
from ..vision.skin import lit_skin

_PLACES = (Place.BACKGROUND, Place.FACE, Place.SKIN, Place.BODY, Place.GARMENT, Place.LABEL, Place.PICTURE)
_OF_REGION = {
    Region.FACE: Place.FACE,
    Region.SKIN: Place.SKIN,
    Region.HAIR: Place.BODY,
    Region.OTHER: Place.BODY,
    Region.UNKNOWN: Place.BODY,
    Region.TOP: Place.GARMENT,
    Region.BOTTOM: Place.GARMENT,
}
_BELONGS = 0.3  # of a cell that shows a part of her, so that it counts as that part
_IN_LABEL = 0.05  # of a cell inside the label's box: whoever removes it takes its rim as well
_LEAST_CELLS = 2  # of a place: what laps over into the next place by one cell is not told
_SAME_CONTENT = 0.55  # correlation of structure above which it still shows what it did
_LIGHTER = 1.5  # ΔL*
_GONE = 0.25  # of the cells in and around the label


@dataclass(frozen=True)
class Examined:
    """Two pictures laid over each other. ``found`` and ``issued`` are uint8 (h, w, 3) in one frame, whole cells a side;
    ``altered`` and ``judged`` bool (rows, columns); ``lab`` found minus expected, (rows, columns, 3); ``scale`` is what
    coordinates in the frame are multiplied with to be the issued copy's, x and y."""

    found: np.ndarray
    issued: np.ndarray
    altered: np.ndarray
    judged: np.ndarray
    lab: np.ndarray
    scale: tuple[float, float]

    @property
    def cell(self) -> int:
        return self.issued.shape[0] // self.altered.shape[0]


def name_alterations(seen: Examined, label: Box | None) -> tuple[Alteration, ...]:
    """What departs, by place, the largest first. ``label`` is where the visible label is, in pixels of the issued copy."""
    if not seen.altered.any():
        return ()
    places = _places(seen, label)
    told = []
    for number, place in enumerate(_PLACES):
        here = seen.altered & (places == number)
        if here.sum() >= _LEAST_CELLS:
            told.append(_told(seen, place, here, int((places == number).sum())))
    if not told:  # scattered over several places, two cells in none
        told.append(_told(seen, Place.PICTURE, seen.altered, seen.altered.size))
    return tuple(sorted(told, key=lambda alteration: -alteration.share))


def draw(seen: Examined) -> bytes:
    """A PNG for people: the found picture in grey in the issued copy's frame, what departs in colour: red where it is
    lighter, blue where darker, magenta where neither; hatched where the found picture shows nothing."""
    side = seen.cell
    grey = cv2.cvtColor(cv2.cvtColor(seen.found, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.float32)
    canvas = 0.6 * grey + 90
    lightness = seen.lab[..., 0]
    colour = np.where(
        (lightness > _LIGHTER)[..., None],
        np.float32([230, 40, 30]),
        np.where((lightness < -_LIGHTER)[..., None], np.float32([30, 70, 230]), np.float32([200, 30, 190])),
    )

    def grown(cells: np.ndarray) -> np.ndarray:
        return np.repeat(np.repeat(cells, side, axis=0), side, axis=1)

    marked = grown(seen.altered)
    canvas[marked] = 0.45 * canvas[marked] + 0.55 * grown(colour)[marked]
    rows, columns = np.indices(marked.shape)
    canvas[~grown(seen.judged) & ((rows + columns) % 16 < 3)] = 40
    out = io.BytesIO()
    Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def _told(seen: Examined, place: Place, here: np.ndarray, cells: int) -> Alteration:
    rows, columns = np.flatnonzero(here.any(axis=1)), np.flatnonzero(here.any(axis=0))
    across, down = (seen.cell * scale for scale in seen.scale)
    left, top = round(columns[0] * across), round(rows[0] * down)
    box = Box(left, top, round((columns[-1] + 1) * across) - left, round((rows[-1] + 1) * down) - top)
    lightness = float(seen.lab[here][:, 0].mean())
    share = float(here.sum() / max(int(seen.judged.sum()), 1))
    same = _content(seen, here) >= _SAME_CONTENT
    if place is Place.LABEL and not same and here.sum() >= _GONE * cells:
        change = Change.REMOVED
    elif not same:
        change = Change.REPLACED
    elif abs(lightness) >= _LIGHTER:
        change = Change.LIGHTER if lightness > 0 else Change.DARKER
    else:
        change = Change.RECOLOURED
    return Alteration(place, change, box, share, lightness)


def _content(seen: Examined, here: np.ndarray) -> float:
    """How well fine structure correlates in these cells, each weighted by what it shows: −1 to 1. A change of tone keeps
    it, other content doesn't. 1 where there was none to lose and there is none now."""
    planes = []
    for rgb in (seen.found, seen.issued):
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
        planes.append(cv2.GaussianBlur(grey, (0, 0), 1.5) - cv2.GaussianBlur(grey, (0, 0), 8.0))
    inside = np.repeat(np.repeat(here, seen.cell, axis=0), seen.cell, axis=1)
    a, b = (plane[inside] for plane in planes)
    a, b = a - a.mean(), b - b.mean()
    noise = 1.0 * a.size  # grey levels squared: what grain and blocks of coding leave in a flat wall
    if a @ a < noise and b @ b < noise:
        return 1.0
    return float(a @ b) / float(np.sqrt((a @ a + noise) * (b @ b + noise)))


def _places(seen: Examined, label: Box | None) -> np.ndarray:
    """The number in `_PLACES` of what each cell of the issued copy shows: uint8 (rows, columns)."""
    rows, columns = seen.altered.shape
    faces = find_faces(seen.issued)
    places = np.full((rows, columns), _PLACES.index(Place.BACKGROUND if faces else Place.PICTURE), np.uint8)
    most = np.full((rows, columns), _BELONGS, np.float32)
    for face in faces:
        skin = lit_skin(seen.issued, face.landmarks)
        if skin is None:
            around = np.zeros(seen.issued.shape[:2], np.float32)
            box = face.box
            around[box.top : box.bottom, box.left : box.right] = 1
            shown = {Place.FACE: around}
        else:
            labels = label_map(seen.issued, None, face.box, face.landmarks, skin)
            shown = {place: np.zeros(labels.shape, np.float32) for place in dict.fromkeys(_OF_REGION.values())}
            for region, place in _OF_REGION.items():
                shown[place] += labels == region
        for place, mask in shown.items():
            part = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
            places = np.where(part > most, _PLACES.index(place), places).astype(np.uint8)
            most = np.maximum(most, part)
    if label is not None:
        across, down = (seen.cell * scale for scale in seen.scale)
        inside = np.zeros((rows * 8, columns * 8), np.float32)
        top, bottom = round(label.top / down * 8), round(label.bottom / down * 8)
        left, right = round(label.left / across * 8), round(label.right / across * 8)
        inside[max(top, 0) : bottom, max(left, 0) : right] = 1
        part = cv2.resize(inside, (columns, rows), interpolation=cv2.INTER_AREA)
        # And the cells around: the comparison's blur carries the rim into them.
        near = cv2.dilate((part >= _IN_LABEL).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        places[near] = _PLACES.index(Place.LABEL)
    return places
