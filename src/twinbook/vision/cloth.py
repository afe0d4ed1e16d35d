"""Finding the garment on a plate: which pixels are her top, her trousers, her dress or her shoes.

Seeds on the body below the face, by the canon of proportions and by colour (the garment is the colour most of them
share, skin is known from the face), GrabCut from the seeds, closed-form alpha at the edge. Trousers are looked for
outside the top, which on many plates fills the window in which trousers would be; shoes are what is left below them.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from ..domain.errors import EngineRefused
from ..domain.twin import Box
from ..ports import Plate
from .backdrop import small_copy
from .matte import refined
from .shoes import shoes_mask
from .skin import lab

_COLOURED = 20.0  # chroma from which a dye is known by its hue
# Where to look for each garment, in heights of the detected face below its lower edge, and half-widths in its widths.
_SEEDS = {"top": (0.85, 2.3, 0.75), "dress": (1.2, 4.0, 0.7), "bottom": (3.6, 6.0, 0.75)}


def garment_alpha(plate: Plate, region: str) -> np.ndarray:
    """How much of each pixel is the garment: float32 (h, w), 0 on her face, skin, hair and everything around her.

    Raises EngineRefused ``engine.region`` when the plate doesn't show the garment or it can't be told from the rest.
    """
    share = garment_share(plate, region)
    if plate.alpha is None:
        return share
    return share * (plate.alpha.astype(np.float32) / 255)


def garment_share(plate: Plate, region: str) -> np.ndarray:
    """How much of her, at each pixel, is the garment: float32 (h, w). Raises what `garment_alpha` raises.

    On a plate that is cut out this says nothing about the backdrop: it runs on past her outline, so that the outline
    of the garment there is the matte's and not a second, slightly different one. On others it is `garment_alpha`.
    """
    small, scale = small_copy(plate.rgb_srgb)
    high, wide = small.shape[:2]
    values = lab(small).astype(np.float32)
    person = _person(plate, wide, high)
    cut = plate.alpha is not None
    mask = _region_mask(
        values, person, _scaled(plate.facts.face, scale), plate.skin_lab, region, plate.facts.photo, cut
    )
    reach = max(plate.facts.face.width * 0.02, 2.0)
    box = plate.facts.face
    if plate.alpha is None:
        share = refined(plate.rgb_srgb, mask, reach)
    else:
        share = refined(plate.rgb_srgb, _past_the_outline(mask, person), reach)
        share = _with_blurred_edges(plate.rgb_srgb, share, plate.alpha)
        share = _with_drawn_edges(share, min(0.011 * plate.facts.face.height, 2.4))
        share = _carried_outwards(share, plate.alpha)
    share[box.top : box.bottom, box.left : box.right] = 0
    return share


def _region_mask(
    values: np.ndarray,
    person: np.ndarray,
    face: Box,
    skin_lab: np.ndarray,
    region: str,
    photo: str,
    cut: bool,
) -> np.ndarray:
    """A region with hard edges, told from the other things she wears: bool (h, w)."""

    def find(name: str, where: np.ndarray) -> np.ndarray:
        return garment_mask(values, where, face, skin_lab, name, photo=photo, cut=cut) & where

    def without(worn: np.ndarray) -> np.ndarray:
        return person & ~(cv2.dilate(worn.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)

    if region == "top":
        top = find("top", person)
        if not cut:
            return top
        top |= _in_rim_light(values, top, person, skin_lab, face)
        return top | _scraps(values, top, np.zeros_like(top), person, face, 0.4)
    if region == "dress":
        dress = find("dress", person)
        _must_reach_down(dress, person, face, photo)
        return dress
    try:
        top = find("top", person)
    except EngineRefused:  # a top in the colour of her skin: then nothing keeps trousers from being found
        top = np.zeros(person.shape, bool)
    if region == "bottom":
        bottom = find("bottom", without(top))
        if cut:
            bottom |= _between_legs(values, bottom, person & ~top, face)
        shoes = shoes_mask(values, person, bottom, like_skin(values, skin_lab), face, cut)
        shoes = np.zeros_like(bottom) if shoes is None else shoes
        bottom &= ~shoes
        return bottom | _scraps(values, bottom, shoes, person & ~top, face, 2.5) if cut else bottom
    try:
        worn = find("bottom", without(top))
    except EngineRefused:
        worn = top
    shoes = shoes_mask(values, person, worn, like_skin(values, skin_lab), face, cut)
    if shoes is None:
        raise EngineRefused("engine.region", f"no shoes can be told in {photo} from what is around them")
    return shoes


def _between_legs(values: np.ndarray, bottom: np.ndarray, person: np.ndarray, face: Box) -> np.ndarray:
    """What of trousers looks like skin (beige in the light, any cloth in the shade between the legs): hers, with cloth on
    both sides of it, and darker or of the same dye. bool (h, w)."""
    if not bottom.any():
        return bottom
    reach = max(round(0.45 * face.width), 3)
    left = ndimage.maximum_filter1d(bottom.astype(np.uint8), reach, axis=1, origin=(reach - 1) // 2) > 0
    right = ndimage.maximum_filter1d(bottom.astype(np.uint8), reach, axis=1, origin=-((reach - 1) // 2)) > 0
    rows = np.flatnonzero(bottom.any(axis=1))
    y = np.arange(len(bottom))[:, None]
    middle = np.median(values[bottom], axis=0)
    darker = values[..., 0] < middle[0] - 4
    expected = middle[1:] * np.clip(values[..., :1] / max(float(middle[0]), 1.0), 0.3, 1.3)
    alike = (np.linalg.norm(values[..., 1:] - expected, axis=2) < 7) & (np.abs(values[..., 0] - middle[0]) < 25)
    calm = (y > rows[0] + 0.3 * face.height) & (y < rows[-1] - 0.6 * face.height)
    inside = left & right & person & (alike | (darker & calm))
    return ndimage.binary_opening(inside | bottom, iterations=1) & inside


def _in_rim_light(
    values: np.ndarray, top: np.ndarray, person: np.ndarray, skin_lab: np.ndarray, face: Box
) -> np.ndarray:
    """Shoulders and sleeves that a lamp from behind makes far lighter than the rest of the top: bool (h, w).

    Told from bare arms by saturation alone, and only where the two differ in it.
    """
    if not top.any():
        return top
    colour = np.median(values[top], axis=0)
    lightness = np.maximum(values[..., :1], 1.0)
    own = np.linalg.norm(values[..., 1:] - colour[1:] * np.minimum(lightness / max(float(colour[0]), 1), 1.5), axis=2)
    skin = skin_lab[1:].astype(np.float32) * np.minimum(lightness / max(float(skin_lab[0]), 1), 1.3)
    to_skin = np.linalg.norm(values[..., 1:] - skin, axis=2)
    y = np.arange(len(top))[:, None]
    about = (y > face.bottom + 0.3 * face.height) & (y < face.bottom + 2.1 * face.height)
    rows = np.flatnonzero(top.any(axis=1))
    about &= y >= rows[0]
    near = ndimage.distance_transform_edt(~top) < 0.3 * face.width
    candidates = person & ~top & about & near & (own < 6) & (own < 0.5 * to_skin) & (values[..., 0] > 8)
    labels, _ = ndimage.label(candidates | top, np.ones((3, 3)))
    held = np.bincount(labels[top], minlength=labels.max() + 1)
    held[0] = 0
    return np.isin(labels, np.flatnonzero(held >= 8)) & candidates


def _scraps(
    values: np.ndarray, cloth: np.ndarray, other: np.ndarray, person: np.ndarray, face: Box, below: float
) -> np.ndarray:
    """Small pieces of her beside a garment that border on it and on hardly anything else of hers: bool (h, w).

    Cloth in the hue of her skin is taken for skin here and there, and a rim of light on a sleeve for something else. A
    hand would hang on an arm. ``other`` is what else she wears, ``below`` faces under the chin nothing is hair or neck.
    """
    labels, _ = ndimage.label(person & ~cloth & ~other)
    found = np.zeros_like(cloth)
    middle = np.median(values[cloth], axis=0) if cloth.any() else np.zeros(3)
    for index, where in enumerate(ndimage.find_objects(labels), 1):
        piece = labels[where] == index
        rows, columns = where
        if piece.sum() > 0.5 * face.width * face.height or rows.start < face.bottom + below * face.height:
            continue
        grown = np.s_[max(rows.start - 1, 0) : rows.stop + 1, max(columns.start - 1, 0) : columns.stop + 1]
        rim = ndimage.binary_dilation(labels[grown] == index) & (labels[grown] != index)
        lightness = np.clip(values[where][piece][:, :1] / max(float(middle[0]), 1.0), 0.2, 1.3)
        off = np.median(np.linalg.norm(values[where][piece][:, 1:] - middle[1:] * lightness, axis=1))
        if (rim & cloth[grown]).sum() > 0.3 * rim.sum() and off < 9:
            found[where] |= piece
    return found


def _must_reach_down(dress: np.ndarray, person: np.ndarray, face: Box, photo: str) -> None:
    """Raise EngineRefused ``engine.region`` for a top above other clothes: that is no dress."""
    rows = np.flatnonzero(dress.any(axis=1))
    if not len(rows):
        return
    end = min(face.bottom + round(5.2 * face.height), person.shape[0] - 2)
    if rows[-1] < end:
        diagnosis = f"what she wears in {photo} ends at the hips: it is a top above something else, not a dress"
        raise EngineRefused("engine.region", diagnosis)


def garment_mask(
    values: np.ndarray,
    person: np.ndarray,
    face: Box,
    skin_lab: np.ndarray,
    region: str,
    *,
    photo: str,
    cut: bool,
) -> np.ndarray:
    """The garment on a small copy, with hard edges: bool (h, w).

    ``values`` is CIELAB float32 (h, w, 3), ``person`` bool (h, w) where she is or may be, ``face`` her face on that copy;
    ``cut`` says that ``person`` is her matte and not a guess. Raises EngineRefused ``engine.region``, naming ``photo``.
    """
    high, wide = person.shape
    window = _seed_window(face, region, wide, high, photo)
    skin_like = like_skin(values, skin_lab)
    seeds, colour = _seeds(values, person, skin_like, window, photo, region)
    skin_like &= ~_of_the_dye(values, colour, skin_lab)
    rival = _other_garment(values, person, skin_like, face, region, colour)
    mask = _grown(values, seeds, colour, person, skin_like, rival, face, region, cut)
    if mask.sum() < 0.35 * seeds.sum() or mask.sum() < 0.004 * mask.size:
        raise EngineRefused("engine.region", f"the {region} in {photo} can't be told from what is around it")
    return mask | _in_shadow(values, colour, mask, person & ~rival, skin_lab, face) if cut else mask


def _scaled(box: Box, scale: float) -> Box:
    return Box(
        round(box.left * scale),
        round(box.top * scale),
        max(round(box.width * scale), 1),
        max(round(box.height * scale), 1),
    )


def _person(plate: Plate, wide: int, high: int) -> np.ndarray:
    if plate.alpha is not None:
        return cv2.resize(plate.alpha, (wide, high), interpolation=cv2.INTER_AREA) > 128
    # Not cut out: everything within reach of her arms, from the chin down; colour has to do the rest.
    mask = np.zeros((high, wide), bool)
    box, face = (
        _scaled(plate.facts.person, wide / plate.facts.width),
        _scaled(plate.facts.face, wide / plate.facts.width),
    )
    centre, reach = face.left + face.width / 2, 2.9 * face.width
    mask[max(box.top, 0) : box.bottom, max(round(centre - reach), 0) : max(round(centre + reach), 0)] = True
    return mask


def _seed_window(face: Box, region: str, wide: int, high: int, photo: str) -> Box:
    top, bottom, half = _SEEDS[region]
    centre = face.left + face.width / 2
    box = Box(
        round(centre - half * face.width),
        round(face.bottom + top * face.height),
        round(2 * half * face.width),
        round((bottom - top) * face.height),
    ).clipped(wide, high)
    if box.height < 0.25 * face.height or box.width < 0.5 * face.width:
        raise EngineRefused("engine.region", f"{photo} doesn't show the {region}")
    return box


def like_skin(values: np.ndarray, skin_lab: np.ndarray) -> np.ndarray:
    """Skin of this person in any light: her hue and her ratio of chroma to lightness."""
    lightness = np.maximum(values[..., 0], 1.0)
    reference = skin_lab[1:] / max(float(skin_lab[0]), 1.0)
    relative = values[..., 1:] / lightness[..., None]
    off = np.linalg.norm(relative - reference, axis=-1)
    hue = np.degrees(np.arctan2(values[..., 2], values[..., 1]))
    turn = np.abs((hue - np.degrees(np.arctan2(skin_lab[2], skin_lab[1])) + 180) % 360 - 180)
    chroma = np.hypot(values[..., 1], values[..., 2])
    return (off < 0.6 * float(np.linalg.norm(reference)) + 0.03) & (turn < 24) & (chroma > 5) & (lightness > 12)


def _of_the_dye(values: np.ndarray, colour: np.ndarray, skin_lab: np.ndarray) -> np.ndarray:
    """What `like_skin` takes for skin although its hue is the garment's: ochre beside brown skin. bool (h, w)."""
    own, skin = (np.degrees(np.arctan2(middle[2], middle[1])) for middle in (colour, skin_lab))
    if np.hypot(colour[1], colour[2]) < _COLOURED or abs((own - skin + 180) % 360 - 180) < 15:
        return np.zeros(values.shape[:2], bool)
    hue = np.degrees(np.arctan2(values[..., 2], values[..., 1]))
    to_own, to_skin = (np.abs((hue - middle + 180) % 360 - 180) for middle in (own, skin))
    return to_own < 0.5 * to_skin


def _seeds(
    values: np.ndarray, person: np.ndarray, skin_like: np.ndarray, window: Box, photo: str, region: str
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that surely are the garment (bool), and its colour: CIELAB of the largest cluster in the window."""
    inside = np.zeros(person.shape, bool)
    inside[window.top : window.bottom, window.left : window.right] = True
    inside &= person
    total = int(inside.sum())
    if total < 60:
        raise EngineRefused("engine.region", f"{photo} doesn't show the {region}")
    if skin_like[inside].mean() < 0.7:  # a garment in the colour of her skin has nothing else to offer
        inside &= ~skin_like
    samples = values[inside]
    weighted = samples * np.float32([0.6, 1.4, 1.4])  # folds change lightness; dye doesn't
    count = 3
    cv2.setRNGSeed(11)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.2)
    _, labels, centres = cv2.kmeans(weighted.astype(np.float32), count, None, criteria, 3, cv2.KMEANS_PP_CENTERS)
    labels = labels.ravel()
    sizes = np.bincount(labels, minlength=count)
    main = int(sizes.argmax())
    chosen = [
        k
        for k in range(count)
        if np.linalg.norm(centres[k, 1:] - centres[main, 1:]) < 16 and abs(centres[k, 0] - centres[main, 0]) < 22
    ]
    keep = np.isin(labels, chosen)
    if keep.sum() < 0.3 * total:
        raise EngineRefused("engine.region", f"the {region} in {photo} has no colour that prevails")
    seeds = np.zeros(person.shape, bool)
    seeds[inside] = keep
    return seeds, np.median(samples[keep], axis=0)


def _other_garment(
    values: np.ndarray, person: np.ndarray, skin_like: np.ndarray, face: Box, region: str, colour: np.ndarray
) -> np.ndarray:
    """Pixels nearer to the colour of the other garment (trousers below a top, a top above trousers): bool (h, w)."""
    nothing = np.zeros(person.shape, bool)
    other = {"top": "bottom", "bottom": "top"}.get(region)
    if other is None:
        return nothing
    try:
        window = _seed_window(face, other, person.shape[1], person.shape[0], "")
        _, theirs = _seeds(values, person, skin_like, window, "", other)
    except EngineRefused:  # it isn't in the plate, then it can't be mistaken for this one
        return nothing
    weights = np.float32([0.6, 1.0, 1.0])
    if np.linalg.norm((colour - theirs) * weights) < 7:
        return nothing
    to_own = np.linalg.norm((values - colour.astype(np.float32)) * weights, axis=2)
    nearer = np.linalg.norm((values - theirs.astype(np.float32)) * weights, axis=2) < to_own
    # Only about the waist, where the two meet: a shoulder in the rim light may well be as pale as the trousers.
    y = np.arange(person.shape[0])[:, None]
    if region == "top":
        return nearer & (y > face.bottom + 1.9 * face.height)
    return nearer & (y < face.bottom + 5.0 * face.height)


def _grown(
    values: np.ndarray,
    seeds: np.ndarray,
    colour: np.ndarray,
    person: np.ndarray,
    skin_like: np.ndarray,
    rival: np.ndarray,
    face: Box,
    region: str,
    plate_is_cut: bool,
) -> np.ndarray:
    """The whole garment from its seeds: bool (h, w) at the small size."""
    high, wide = seeds.shape
    distance = _dye_distance(values, colour)
    spread = max(float(np.percentile(distance[seeds], 90)), 4.0)
    like = distance < 1.6 * spread
    marks = np.full((high, wide), cv2.GC_PR_BGD, np.uint8)
    marks[like & person] = cv2.GC_PR_FGD
    marks[seeds & (distance < spread)] = cv2.GC_FGD
    marks[~person] = cv2.GC_BGD
    turn, allowed, coloured = _hue(values, seeds, colour)
    foreign = rival | (distance > 4.5 * spread) | (coloured & (turn > allowed))
    marks[foreign] = cv2.GC_BGD
    garment_is_skin_like = skin_like[seeds].mean() > 0.5
    if not garment_is_skin_like:
        marks[skin_like & (distance > spread)] = cv2.GC_BGD
    y = np.arange(high)[:, None]
    x = np.arange(wide)[None, :]
    head = (y < face.bottom) & (np.abs(x - (face.left + face.width / 2)) < 1.2 * face.width)
    marks[head | (y < face.top + 0.5 * face.height)] = cv2.GC_BGD
    if region == "top":
        marks[y[:, 0] > face.bottom + 5.2 * face.height] = cv2.GC_BGD
    if region == "bottom":
        marks[y[:, 0] < face.bottom + 2.0 * face.height] = cv2.GC_BGD
    cv2.setRNGSeed(13)
    if (marks == cv2.GC_PR_FGD).any():
        feature = np.clip(values * np.float32([1.6, 1.6, 1.6]) + np.float32([0, 128, 128]), 0, 255).astype(np.uint8)
        cv2.grabCut(feature, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    mask = ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)) & (distance < 3.2 * spread) & ~foreign
    mask = ndimage.binary_opening(mask, iterations=1)
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    held = np.bincount(labels[seeds], minlength=labels.max() + 1)
    held[0] = 0
    kept = np.isin(labels, np.flatnonzero(held >= 8)) & mask
    # What a strap or a bag cuts off from the rest is still the garment when it has its dye and lies close by.
    bridge = max(round(0.22 * face.width), 3)
    nearby = _hull(kept) | (ndimage.distance_transform_edt(~kept) < bridge)
    for index in range(1, len(held)):
        if 0 <= held[index] < 8:
            piece = labels == index
            if piece.sum() >= 20 and (piece & nearby).sum() > 0.6 * piece.sum() and np.median(distance[piece]) < spread:
                kept |= piece
    if plate_is_cut:
        kept |= _beyond_arms(mask, kept, distance < spread, skin_like & person, face)
    # Deep folds light each other and drift in hue. Inside the garment's outline they belong to it; beside it the same
    # colour is something else.
    closed = cv2.morphologyEx(
        cv2.copyMakeBorder(kept.astype(np.uint8), bridge, bridge, bridge, bridge, cv2.BORDER_REPLICATE),
        cv2.MORPH_CLOSE,
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * bridge + 1, 2 * bridge + 1)),
    )[bridge:-bridge, bridge:-bridge]
    folds = (closed > 0) & person & coloured & (turn < 2.6 * allowed) & (distance < 5 * spread) & (marks != cv2.GC_FGD)
    if not garment_is_skin_like:
        folds &= ~skin_like | (distance < spread)
    folds &= ~head & ~rival
    mask = kept | ndimage.binary_opening(folds, iterations=1)
    if plate_is_cut:
        hued = coloured & (turn < allowed) & (np.hypot(colour[1], colour[2]) >= _COLOURED)
        others = head | rival | skin_like
        mask |= _rest_of_cloth(values, colour, spread, mask, person & ~others, hued, 0.7 * face.width)
    holes, count = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    small_holes = np.flatnonzero(sizes < max(0.0004 * mask.size, 6))
    return mask | (np.isin(holes, small_holes[small_holes > 0]))


def _beyond_arms(mask: np.ndarray, kept: np.ndarray, dyed: np.ndarray, skin: np.ndarray, face: Box) -> np.ndarray:
    """Pieces of ``mask`` that bare arms before the body cut off from what is ``kept``: of its dye, and on the other side
    of the same skin. bool (h, w)."""
    arms, _ = ndimage.label(skin & ~kept, np.ones((3, 3)))
    around = np.ones((7, 7), np.uint8)
    beside = np.unique(arms[cv2.dilate(kept.astype(np.uint8), around) > 0])
    far = ndimage.distance_transform_edt(~kept)
    pieces, _ = ndimage.label(mask & ~kept, np.ones((3, 3)))
    found = np.zeros_like(mask)
    for index, where in enumerate(ndimage.find_objects(pieces), 1):
        piece = pieces == index
        if piece.sum() < 0.02 * face.width * face.height or far[piece].min() > face.width:
            continue
        touched = np.unique(arms[cv2.dilate(piece.astype(np.uint8), around) > 0])
        if np.intersect1d(touched[touched > 0], beside).size and dyed[where][piece[where]].mean() > 0.5:
            found |= piece
    return found


def _rest_of_cloth(
    values: np.ndarray,
    colour: np.ndarray,
    spread: float,
    mask: np.ndarray,
    candidates: np.ndarray,
    hued: np.ndarray,
    arm: float,
) -> np.ndarray:
    """Shoulders in the rim light and sides in the shade: connected, nearly the dye, only lighter or darker. Where
    bright cloth lights itself its colour grows deeper, but its hue stays: ``hued`` (bool (h, w)) says where that is the
    dye's, also beyond an arm before it, which is at most ``arm`` pixels broad.

    For a person cut out of her backdrop; with anything behind her this would run into it.
    """
    off = np.hypot(values[..., 1] - colour[1], values[..., 2] - colour[2])
    step = values[..., 0] - colour[0]
    like = candidates & (off < max(1.2 * spread, 9.0)) & (step < 28) & (step > -16)
    hued = candidates & hued & (off < 18) & (step < 28) & (step > -42)
    labels, _ = ndimage.label(ndimage.binary_opening(like | hued | mask, iterations=1), np.ones((3, 3)))
    held = np.bincount(labels[mask], minlength=labels.max() + 1)
    held[0] = 0
    sizes = np.bincount(labels.ravel(), minlength=len(held))
    close = hued & (ndimage.distance_transform_edt(~mask) < arm)
    beyond = np.bincount(labels[close], minlength=len(held)) > 0.6 * np.maximum(sizes, 20)
    beyond[0] = False
    return np.isin(labels, np.flatnonzero((held >= 8) | beyond)) & candidates


def _in_shadow(
    values: np.ndarray, colour: np.ndarray, mask: np.ndarray, person: np.ndarray, skin_lab: np.ndarray, face: Box
) -> np.ndarray:
    """What of the garment lies in its own shadow (armpits, the inside of a sleeve): bool (h, w).

    In the dark neither hue nor saturation can be trusted by themselves. But cloth that darkens moves towards black
    along a line of its own in CIELAB, skin and hair along another: a dark pixel beside the garment is whichever line
    it is nearer to.
    """
    high = mask.shape[0]
    lightness = np.maximum(values[..., 0:1], 1.0)
    expected = colour[1:] * np.minimum(lightness / max(float(colour[0]), 1.0), 1.3)
    skin = skin_lab[1:].astype(np.float32) * np.minimum(lightness / max(float(skin_lab[0]), 1.0), 1.3)
    to_own = np.linalg.norm(values[..., 1:] - expected, axis=2)
    to_skin = np.linalg.norm(values[..., 1:] - skin, axis=2)
    contrast = np.linalg.norm(expected - skin, axis=2)
    darker = values[..., 0] < colour[0] + 6
    # Where the two lines meet, near black, nothing can be told: left to the garment only when it is all around.
    told = (to_own < 0.7 * to_skin) & (contrast > 4) & (to_own < 0.5 * np.hypot(colour[1], colour[2]) + 6)
    around = cv2.boxFilter(mask.astype(np.float32), -1, (2 * max(round(0.06 * face.width), 3) + 1,) * 2)
    black = (values[..., 0] < 12) & (around > 0.5)
    y = np.arange(high)[:, None]
    candidates = person & darker & (told | black) & (y > face.bottom + 0.3 * face.height)
    reach = max(round(0.3 * face.width), 3)
    candidates &= ndimage.distance_transform_edt(~mask) < reach
    labels, _ = ndimage.label(candidates | mask, np.ones((3, 3)))
    held = np.bincount(labels[mask], minlength=labels.max() + 1)
    held[0] = 0
    return np.isin(labels, np.flatnonzero(held >= 8)) & candidates


def _past_the_outline(mask: np.ndarray, person: np.ndarray) -> np.ndarray:
    """The mask carried on into the backdrop around it: there is no edge of the garment to look for at her outline."""
    inside = cv2.erode(person.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE) > 0
    if not inside.any():
        return mask
    _, (rows, columns) = ndimage.distance_transform_edt(~inside, return_indices=True)
    return np.where(inside, mask, mask[rows, columns])


def _with_blurred_edges(rgb_srgb: np.ndarray, share: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The share solved for anew, pixel by pixel, in a thin band along the garment's edge with skin, hair or trousers.

    JPEG keeps colour at half the resolution, so dye spills over an edge that lightness draws sharply. Between what the
    garment and what the other thing look like a few pixels away, the position of a pixel is how much of it is dye.
    """
    reach = 4
    opaque = alpha >= 250
    inner = cv2.erode((share > 0.6).astype(np.uint8), disc(reach), borderType=cv2.BORDER_REPLICATE) > 0
    sure_own = inner & opaque
    sure_other = (cv2.dilate((share > 0.4).astype(np.uint8), disc(reach)) == 0) & opaque
    if not sure_own.any() or not sure_other.any():
        return share
    band = ~inner & (cv2.dilate((share > 0.4).astype(np.uint8), disc(reach)) > 0) & (alpha > 128)
    rows, columns = np.flatnonzero(band.any(axis=1)), np.flatnonzero(band.any(axis=0))
    if not len(rows):
        return share
    window = np.s_[max(rows[0] - 12, 0) : rows[-1] + 13, max(columns[0] - 12, 0) : columns[-1] + 13]
    values = cv2.cvtColor(rgb_srgb[window].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    own, own_near = _spread(values, sure_own[window], 2.5 * reach)
    other, other_near = _spread(values, sure_other[window], 2.5 * reach)
    step = own - other
    # Lightness counts little: folds and shadows live there, and it isn't what JPEG blurs.
    weights = np.float32([0.25, 1.0, 1.0])
    length = (step * step * weights).sum(axis=2)
    found = ((values - other) * step * weights).sum(axis=2) / np.maximum(length, 1e-3)
    # Smoothed, because JPEG's chroma comes in blocks, and they would show as teeth along a hem.
    found = np.clip((cv2.GaussianBlur(found, (0, 0), 1.2) - 0.15) / 0.7, 0, 1)
    # Too alike in colour to be told apart, or nothing of one kind nearby: what closed-form alpha says stands.
    trusted = band[window] & (own_near > 0.01) & (other_near > 0.01) & (length > 80)
    out = share.copy()
    piece = out[window]
    piece[trusted] = np.maximum(piece, found)[trusted]
    return out


def _with_drawn_edges(share: np.ndarray, sigma: float) -> np.ndarray:
    """The share with its edges as even as a hem is cut: JPEG's blocks of colour leave them with teeth.

    Blurred along and across (``sigma`` pixels), then as steep again as it was, a hair outwards so that no old dye is left
    at a hem.
    """
    if sigma < 1.0:  # so small a picture has no more teeth than pixels
        return share
    smooth = cv2.GaussianBlur(share, (0, 0), sigma)
    drawn = np.clip((smooth - 0.46) * max(0.9 * sigma + 0.1, 1.15) + 0.5, 0, 1)
    # Only where there is an edge within reach: what is surely the garment or surely not stays as it was found.
    return np.where((smooth > 0.02) & (smooth < 0.98), drawn, share).astype(np.float32)


def _spread(values: np.ndarray, known: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Colours carried on from where they are known, and how much of them is near (0 to 1)."""
    weight = known.astype(np.float32)
    near = cv2.GaussianBlur(weight, (0, 0), sigma)
    carried = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma)
    return carried / np.maximum(near, 1e-4)[..., None], near


def _carried_outwards(share: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """At her soft outline, the share of the nearest pixels that are all hers: the mix there says nothing reliable."""
    whole = cv2.erode((alpha >= 250).astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE) > 0
    if not whole.any() or whole.all():
        return share
    distance, (rows, columns) = ndimage.distance_transform_edt(~whole, return_indices=True)
    carried = cv2.GaussianBlur(np.where(whole, share, share[rows, columns]), (0, 0), 0.8)
    # Far from any pixel that is all hers (a strand of hair) nothing is carried: 10 pixels is more than a soft hem.
    return np.where(whole, share, np.where((distance < 10) & (alpha > 0), carried, 0)).astype(np.float32)


def disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _hue(values: np.ndarray, seeds: np.ndarray, colour: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Degrees of hue from the garment's, how many the garment itself spreads over, and where hue means anything."""
    middle = np.degrees(np.arctan2(colour[2], colour[1]))
    turn = np.abs((np.degrees(np.arctan2(values[..., 2], values[..., 1])) - middle + 180) % 360 - 180)
    coloured = np.hypot(values[..., 1], values[..., 2]) > 14
    if np.hypot(colour[1], colour[2]) < _COLOURED:
        return turn, 180.0, coloured
    return turn, float(np.clip(np.percentile(turn[seeds], 95) + 3, 9, 18)), coloured


def _hull(mask: np.ndarray) -> np.ndarray:
    points = cv2.findNonZero(mask.astype(np.uint8))
    filled = np.zeros(mask.shape, np.uint8)
    if points is not None:
        cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
    return filled > 0


def _dye_distance(values: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """How unlike the garment's dye a pixel is: hue and saturation count, shading hardly does."""
    lightness = np.maximum(values[..., 0], 4.0)
    # Along a fold a* and b* shrink with L*: compare at the garment's own lightness, as far as that may be trusted.
    factor = np.clip(colour[0] / lightness, 0.6, 1.8)
    chroma = np.hypot(values[..., 1] * factor - colour[1], values[..., 2] * factor - colour[2])
    neutral = 1.0 if np.hypot(colour[1], colour[2]) < 12 else 0.0
    tolerance = 10.0 if neutral else 22.0
    step = np.maximum(np.abs(values[..., 0] - colour[0]) - tolerance, 0) * (0.6 if neutral else 0.45)
    return np.hypot(chroma, step)
