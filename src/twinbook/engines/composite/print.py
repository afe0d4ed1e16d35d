"""Another cloth on the garment, or one motif on it: laid along the surface that `surface` finds, shaded like a dye."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from ...domain.brief import Print
from ...domain.errors import EngineRefused
from ...domain.twin import Box
from ...ports import Plate
from ...vision.regions import Region, scaled
from ...vision.skin import to_linear
from .cloth import Cloth, lifted
from .recolor import linear_of
from .surface import Camera, Draped, draped
from .swatch import Tile, striped, tile_of

# Mean distance of adults' pupils, cm (Dodgson 2004), and what shoes add to a height.
_PUPILS = 6.3
_SHOES = 2.5
# Heights of the detected face below its lower edge.
_PLACES = {"neck": 0.95, "chest": 1.75, "waist": 3.4, "hips": 4.5}
_HAND = 0.05, 0.6  # its area where it lies on her, over the face's
_SOFT = 0.6  # pixels: a lens draws no edge sharper than this


def pixels_per_cm(plate: Plate) -> float:
    """Pixels of the plate that show one centimetre of her.

    From her height (``cm.height`` in ``Plate.shape``) where all of her shows, else from the distance of her eyes, 6.3 cm
    in the mean of adults: then within about 6 %.
    """
    facts = plate.facts
    height = plate.shape.get("cm.height")
    whole = facts.person.top > 2 and facts.person.bottom < facts.height - 2
    if height and whole and facts.person.height > 7 * facts.face.height:
        return facts.person.height / (height + _SHOES)
    if len(plate.landmarks) < 4:  # a profile: the detector's box is about 0.75 of a head's 22 cm
        return facts.face.height / 16.5
    eyes = plate.landmarks[[0, 1]].mean(axis=0), plate.landmarks[[2, 3]].mean(axis=0)
    turn = np.cos(np.radians(min(abs(facts.yaw or 0.0), 50.0)))
    return max(float(np.linalg.norm(eyes[0] - eyes[1])) / turn / _PUPILS, 0.5)


def printed(
    rgb_srgb: np.ndarray,
    garment: np.ndarray,
    asked: Print,
    picture: np.ndarray | None,
    plate: Plate,
    outline: np.ndarray | None = None,
) -> np.ndarray:
    """The picture with the garment in other cloth, or with a motif on it: uint8 sRGB (h, w, 3).

    ``garment`` is how much of each pixel it is (float32 (h, w)); ``picture`` the decoded swatch or motif, None for stripes;
    ``outline`` as for `recoloured`. Pixels where the garment isn't, and those beside a motif, are the picture's, bit for
    bit. Raises EngineRefused ``engine.region`` when a motif doesn't lie on the garment, ``engine.pose`` when sleeved
    arms lie before her body, ``campaign.scene`` without its picture.
    """
    kind, _, said = asked.cloth.partition(":")
    if picture is None and kind != "stripes":
        raise EngineRefused("campaign.scene", f"the picture of cloth {asked.cloth} was not given")
    if asked.region in ("top", "dress") and _sleeves_before_her(plate):
        raise EngineRefused(
            "engine.pose", f"sleeved arms lie before her body in {plate.facts.photo}: a pattern would run on over both"
        )
    cloth = lifted(rgb_srgb, garment, outline, plain=asked.at is None)
    if cloth is None:
        raise EngineRefused("engine.region", f"{plate.facts.photo} doesn't show the {asked.region}")
    rows, columns = cloth.window
    face = plate.facts.face.shifted(columns.start, rows.start)
    high, wide = rgb_srgb.shape[:2]
    camera = Camera(pixels_per_cm(plate), (wide / 2 - columns.start, high / 2 - rows.start), float(high))
    alpha = None if plate.alpha is None else plate.alpha[cloth.window]
    surface = draped(cloth.share, alpha, cloth.light, face, asked.region, camera)
    if kind == "stripes":
        tile = striped([linear_of(colour) for colour in said.split(",")], float(asked.width_cm))
    elif asked.at is None:
        tile = tile_of(picture, float(asked.width_cm))
    else:
        return _with_motif(rgb_srgb, cloth, surface, asked, picture, alpha, face, camera, plate.facts.photo)
    if asked.at is not None:
        raise EngineRefused("engine.region", "stripes go all over a garment, not at one place")
    dye = cv2.GaussianBlur(_woven(tile, surface, camera.per_cm), (0, 0), _SOFT)
    return cloth.put_back(rgb_srgb, cloth.shaded(dye))


def _sleeves_before_her(plate: Plate) -> bool:
    """Whether a hand lies on the body with cloth all around it: its arm is in a sleeve, and no outline tells that from
    the trunk. Bare arms are told by their skin."""
    if plate.regions is None:
        return False
    face = scaled(plate.facts.face, plate.regions.shape[0] / plate.facts.height)
    hands = plate.regions == Region.SKIN
    hands[: face.bottom + face.height] = False  # a neckline
    pieces, _ = ndimage.label(hands, np.ones((3, 3)))
    for index, where in enumerate(ndimage.find_objects(pieces), 1):
        if not _HAND[0] <= (pieces[where] == index).sum() / (face.width * face.height) <= _HAND[1]:
            continue
        rim = ndimage.binary_dilation(pieces == index, iterations=2) & (pieces != index)
        if (plate.regions[rim] == Region.TOP).mean() > 0.8:
            return True
    return False


def _woven(tile: Tile, surface: Draped, per_cm: float) -> np.ndarray:
    """The tile's linear light at each pixel, (h, w, 3)."""
    wanted = max(round(tile.width_cm * per_cm * 2), 2), max(round(tile.height_cm * per_cm * 2), 2)
    texels = tile.rgb_linear
    if wanted[0] < texels.shape[1] or wanted[1] < texels.shape[0]:
        size = min(wanted[0], texels.shape[1]), min(wanted[1], texels.shape[0])
        texels = cv2.resize(texels, size, interpolation=cv2.INTER_AREA)
    return _sampled(texels, surface.u / tile.width_cm, surface.v / tile.height_cm, surface.part, repeat=True)


def _sampled(texels: np.ndarray, s: np.ndarray, t: np.ndarray, part: np.ndarray, *, repeat: bool) -> np.ndarray:
    """Texels (h, w, c) at (s, t), of which 0 to 1 is the whole of them once, float32.

    Four samples a pixel, each from the level of a pyramid at which a texel is about as large as the sample: where cloth
    turns away at the outline many threads fall into one pixel.
    """
    high, wide = texels.shape[:2]
    slopes = []
    for field, size in ((s, wide), (t, high)):
        dx, dy = np.gradient(field, axis=1), np.gradient(field, axis=0)
        jump = cv2.dilate(part, np.ones((3, 3), np.uint8)) != cv2.erode(part, np.ones((3, 3), np.uint8))
        slope = np.hypot(dx, dy) * size
        slopes.append(np.where(jump, cv2.blur(np.where(jump, 0, slope).astype(np.float32), (9, 9)), slope))
    level = np.log2(np.maximum(np.maximum(*slopes) / 2, 1.0)).astype(np.float32)
    pyramid = [texels.astype(np.float32)]
    while len(pyramid) <= int(level.max()) + 1 and max(pyramid[-1].shape[:2]) > 1:
        last = pyramid[-1]
        size = max(last.shape[1] // 2, 1), max(last.shape[0] // 2, 1)
        smaller = cv2.resize(last, size, interpolation=cv2.INTER_AREA)
        pyramid.append(smaller if smaller.ndim == 3 else smaller[..., None])
    gradients = [np.gradient(field, axis=axis) for field in (s, t) for axis in (1, 0)]
    limit = [np.clip(g, -1, 1) for g in gradients]
    border = cv2.BORDER_WRAP if repeat else cv2.BORDER_CONSTANT
    out = np.zeros((*s.shape, texels.shape[2]), np.float32)
    for oy in (-0.25, 0.25):
        for ox in (-0.25, 0.25):
            at_s, at_t = s + ox * limit[0] + oy * limit[1], t + ox * limit[2] + oy * limit[3]
            if repeat:
                at_s, at_t = at_s % 1.0, at_t % 1.0
            for index, one in enumerate(pyramid):
                weight = np.clip(1 - np.abs(np.minimum(level, len(pyramid) - 1) - index), 0, 1)
                if not weight.any():
                    continue
                x = (at_s * one.shape[1] - 0.5).astype(np.float32)
                y = (at_t * one.shape[0] - 0.5).astype(np.float32)
                seen = cv2.remap(one, x, y, cv2.INTER_LINEAR, borderMode=border)
                out += (seen if seen.ndim == 3 else seen[..., None]) * (weight / 4)[..., None]
    return out


def _with_motif(
    rgb_srgb: np.ndarray,
    cloth: Cloth,
    surface: Draped,
    asked: Print,
    picture: np.ndarray,
    alpha: np.ndarray | None,
    face: Box,
    camera: Camera,
    photo: str,
) -> np.ndarray:
    """One motif, its middle at the place asked for, under the middle of the neckline."""
    width = float(asked.width_cm)
    tall = width * picture.shape[0] / picture.shape[1]
    worn = (cloth.share > 0.5) & (surface.part == 0 if asked.region in ("top", "dress") else cloth.share > 0.5)
    hers = np.ones_like(worn) if alpha is None else alpha > 128
    row = round(face.bottom + _PLACES[asked.at] * face.height)
    half = round(tall * camera.per_cm / 2)
    front = _front(worn, hers, surface.u, face) if asked.region in ("top", "dress") else 0.0
    middle = np.abs(surface.u - front) < 1.0
    rows = np.flatnonzero((worn & middle).any(axis=1))
    if len(rows):  # as near to the place as the garment's edges let it
        row = int(np.clip(row, rows[0] + half + round(1.5 * camera.per_cm), max(rows[-1] - half, rows[0])))
    near = worn & middle & (np.abs(np.arange(len(worn))[:, None] - row) < 0.5 * camera.per_cm + 1)
    if not near.any():
        raise EngineRefused("engine.region", f"the {asked.region} in {photo} doesn't reach to the {asked.at}")
    centre = float(np.median(surface.v[near]))
    ink = picture if picture.shape[2] == 4 else np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    opacity = ink[..., 3:].astype(np.float32) / 255
    texels = np.concatenate([to_linear(ink[..., :3]) * opacity, opacity], axis=2)
    most = max(round(width * camera.per_cm * 2), 2)
    if most < texels.shape[1]:
        size = most, max(round(texels.shape[0] * most / texels.shape[1]), 2)
        texels = cv2.resize(texels, size, interpolation=cv2.INTER_AREA)
    seen = _sampled(
        np.pad(texels, ((2, 2), (2, 2), (0, 0))),
        _padded((surface.u - front) / width + 0.5, texels.shape[1]),
        _padded((surface.v - centre) / tall + 0.5, texels.shape[0]),
        surface.part,
        repeat=False,
    )
    seen = cv2.GaussianBlur(seen, (0, 0), _SOFT)
    cover = np.clip(seen[..., 3], 0, 1)
    if asked.region in ("top", "dress"):
        cover = cover * (surface.part == 0)
    expected = float(opacity.mean()) * width * tall * camera.per_cm**2
    if float((cover * cloth.share).sum()) < 0.7 * expected:
        raise EngineRefused(
            "engine.region", f"a motif {width:g} cm wide doesn't lie on the {asked.region} at the {asked.at} in {photo}"
        )
    dye = seen[..., :3] / np.maximum(cover, 1e-3)[..., None]
    return cloth.put_back(rgb_srgb, cloth.shaded(np.clip(dye, 0, 1)), cover)


def _front(worn: np.ndarray, hers: np.ndarray, u: np.ndarray, face: Box) -> float:
    """Where across the cloth (cm) its front is: under the lowest point of the neckline, 0 where there is none.

    On a turned figure that isn't the middle of what shows of the trunk.
    """
    middle = face.left + face.width / 2
    left, right = (int(np.clip(middle + side * 0.8 * face.width, 0, worn.shape[1])) for side in (-1, 1))
    columns = np.arange(left, right)[worn[:, left:right].any(axis=0)]
    if len(columns) < 5:
        return 0.0
    edge = worn[:, columns].argmax(axis=0)
    # Above a neckline there is her neck; above a shoulder there is nothing of her.
    neck = hers[np.maximum(edge - max(round(0.06 * face.height), 3), 0), columns]
    columns, edge = columns[neck], edge[neck]
    if len(columns) < 5:
        return 0.0
    deep = edge.max() - edge.min()
    if deep < 0.1 * face.height or edge.max() > face.bottom + 1.6 * face.height:
        return 0.0
    column = round(float(columns[edge > edge.max() - 0.15 * deep].mean()))
    rows = edge.max() + np.arange(round(0.2 * face.height), round(0.6 * face.height))
    rows = rows[rows < len(worn)]
    # The chest stands out: what lies under the neckline is a little less to the side there.
    return 0.8 * float(np.median(u[rows, column])) if len(rows) else 0.0


def _padded(field: np.ndarray, size: int) -> np.ndarray:
    """The coordinate on texels that got a rim of two."""
    return (field * size + 2) / (size + 4)
