"""What stays of a plate pixel for pixel, where the rest is made, and how both become one picture again.

All masks are at the plate's own size. What stays is pasted back over whatever the weights made, so it doesn't go through
them at all; where the two meet, the plate fades out on the side that is made anew, never on the side that stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ...domain.brief import Shot
from ...domain.errors import EngineRefused
from ...domain.generation import Keep
from ...domain.twin import Box
from ...ports import Plate
from ...vision.outline import MOST_ROWS, shape
from ...vision.regions import Region, face_oval
from ..composite.floor import feet_lost
from ..composite.placement import Sitter, as_framed
from ..composite.scene import own_colours

_GARMENTS = {"top": (Region.TOP,), "bottom": (Region.BOTTOM,), "dress": (Region.TOP, Region.BOTTOM)}
# A new garment needs room beyond the old one's edge, in heights of the detected face.
_ROOM = 0.12
# Where a plate's pixels fade into new ones, in heights of the face.
_FADE = 0.06
# Of a garment's box, that is made anew with room around it for the weights to see what it joins.
_WINDOW = 0.35


@dataclass(frozen=True)
class Remake:
    """``stays`` is float32 (h, w): 1 where the plate's pixel stays, 0 where it is made, between where both mix. ``window``
    is the part of the plate that the weights see. ``own`` is the plate with her own colours at her edges."""

    plate: Plate
    stays: np.ndarray
    window: Box
    own: np.ndarray

    def joined(self, made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The plate with what was made of its window, uint8 (h, w, 3), and where a pixel isn't the plate's own, bool."""
        box, out = self.window, self.plate.rgb_srgb.copy()
        size = (box.width, box.height)
        method = cv2.INTER_AREA if made.shape[1] > box.width else cv2.INTER_LANCZOS4
        fitted = made if made.shape[1::-1] == size else cv2.resize(made, size, interpolation=method)
        here = np.s_[box.top : box.bottom, box.left : box.right]
        share = self.stays[here][..., None]
        mixed = np.rint(self.own[here] * share + fitted * (1 - share)).clip(0, 255).astype(np.uint8)
        out[here] = np.where(share >= 1, out[here], mixed)
        return out, (out != self.plate.rgb_srgb).any(axis=2)

    def seen(self) -> np.ndarray:
        """What the weights start from: the window of the plate."""
        box = self.window
        return self.plate.rgb_srgb[box.top : box.bottom, box.left : box.right]

    def mask(self, width: int, height: int) -> np.ndarray:
        """Which of so many cells of the window stay, float32 (height, width), 0 or 1."""
        box = self.window
        share = self.stays[box.top : box.bottom, box.left : box.right]
        return (cv2.resize(share, (width, height), interpolation=cv2.INTER_AREA) > 0.5).astype(np.float32)


def remake(plate: Plate, shot: Shot) -> Remake:
    """Raises EngineRefused ``backdrop.busy``, ``engine.figure`` or ``engine.region`` when the plate doesn't say where what stays ends."""
    generate = shot.generate
    whole = Box(0, 0, plate.facts.width, plate.facts.height)
    if generate.keep is Keep.PERSON:
        stays = _alpha(plate).astype(np.float32) / 255
        _check_feet(plate)
        return Remake(plate, stays, whole, own_colours(plate.rgb_srgb, plate.alpha))
    if plate.regions is None or not plate.regions.size:
        raise EngineRefused(
            "engine.region", f"what is where in {plate.facts.photo} wasn't measured", "enroll her again"
        )
    if generate.keep is Keep.HEAD:
        stays = _head(plate)
        return Remake(plate, stays, whole, own_colours(plate.rgb_srgb, plate.alpha))
    garment = _shown(plate, _GARMENTS.get(generate.region, ()))
    if garment.sum() < 0.05 * plate.facts.face.width * plate.facts.face.height:
        raise EngineRefused("engine.region", f"the {generate.region} wasn't found in {plate.facts.photo}")
    never = _shown(plate, (Region.FACE, Region.HAIR, Region.SKIN))
    anew = _dilated(garment, _ROOM * plate.facts.face.height) & ~never
    stays = _faded(~anew, _FADE * plate.facts.face.height)
    rows, columns = np.flatnonzero((stays < 1).any(axis=1)), np.flatnonzero((stays < 1).any(axis=0))
    box = Box(int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    return Remake(plate, stays, box.grown(_WINDOW).clipped(whole.width, whole.height), plate.rgb_srgb)


def _alpha(plate: Plate) -> np.ndarray:
    if plate.alpha is None:
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {plate.facts.photo} with a clean edge")
    return plate.alpha


def _shown(plate: Plate, wanted: Sequence[Region]) -> np.ndarray:
    """Where the plate shows one of these regions, bool (h, w); its map is a small copy, whose steps are smoothed."""
    small = cv2.GaussianBlur(np.isin(plate.regions, wanted).astype(np.float32), (0, 0), 1.0)
    return cv2.resize(small, (plate.facts.width, plate.facts.height), interpolation=cv2.INTER_CUBIC) > 0.5


def _head(plate: Plate) -> np.ndarray:
    """Face and hair, hers alone, fading below the chin and never into what she wears."""
    alpha = _alpha(plate)
    face = plate.facts.face
    oval = face_oval(face, plate.landmarks, plate.facts.width, plate.facts.height)
    head = (_shown(plate, (Region.FACE, Region.HAIR)) | oval) & (alpha > 0)
    pieces, count = ndimage.label(head)
    if count > 1:
        head = pieces == np.bincount(pieces[oval & head], minlength=count + 1)[1:].argmax() + 1
    head = ndimage.binary_fill_holes(head)
    # Strands beyond the map's outline are the matte's to show; below the chin there is neck.
    rim = _dilated(head, 0.08 * face.height) & (alpha < 255)
    rim[round(face.bottom - 0.1 * face.height) :] = False
    faded = _faded(head | rim, _FADE * face.height)
    faded[_shown(plate, (Region.TOP, Region.BOTTOM)) & ~head] = 0
    # Her own edge is the matte's, and nothing of the old backdrop stays.
    return np.minimum(faded, alpha.astype(np.float32) / 255)


def _check_feet(plate: Plate) -> None:
    """Shoes that the matte has lost would make her float in another place."""
    (placed,) = as_framed(Sitter.of("her", plate)).placed
    if feet_lost(plate.rgb_srgb, plate.alpha, placed):
        raise EngineRefused(
            "engine.figure", f"the shoes in {plate.facts.photo} can't be told from the floor, so she would float"
        )


def _dilated(mask: np.ndarray, reach: float) -> np.ndarray:
    side = 2 * max(round(reach), 0) + 1
    if side == 1:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def _faded(stays: np.ndarray, reach: float) -> np.ndarray:
    """1 where it stays, falling to 0 within ``reach`` pixels outside of it."""
    distance = cv2.distanceTransform((~stays).astype(np.uint8), cv2.DIST_L2, 5)
    return np.clip(1 - distance / max(reach, 1.0), 0, 1).astype(np.float32)


# --- pose ---------------------------------------------------------------------------------------------------------

# Joints and bones as OpenPose numbers and colours them (Cao et al. 2019), which pose ControlNets are trained on.
_BONES = (
    ("neck", "right shoulder", (255, 0, 0)),
    ("neck", "left shoulder", (255, 85, 0)),
    ("right shoulder", "right elbow", (255, 170, 0)),
    ("right elbow", "right wrist", (255, 255, 0)),
    ("left shoulder", "left elbow", (170, 255, 0)),
    ("left elbow", "left wrist", (85, 255, 0)),
    ("neck", "right hip", (0, 255, 0)),
    ("right hip", "right knee", (0, 255, 85)),
    ("right knee", "right ankle", (0, 255, 170)),
    ("neck", "left hip", (0, 255, 255)),
    ("left hip", "left knee", (0, 170, 255)),
    ("left knee", "left ankle", (0, 85, 255)),
    ("neck", "nose", (0, 0, 255)),
    ("nose", "right eye", (85, 0, 255)),
    ("nose", "left eye", (255, 0, 255)),
)


def joints(plate: Plate) -> dict[str, tuple[float, float]]:
    """Where her joints are in the plate, as far as her face's landmarks and her outline tell: (x, y) in pixels. Elbows and
    knees are put halfway along limbs that show, which holds for somebody who stands straight."""
    if len(plate.landmarks) < 5:
        raise EngineRefused("engine.pose", f"the pose in {plate.facts.photo} can't be told: it has no landmarks")
    eyes = [plate.landmarks[:2].mean(axis=0), plate.landmarks[2:4].mean(axis=0)]
    right, left = sorted(eyes, key=lambda point: float(point[0]))  # hers: her right is on the picture's left
    found = {"nose": plate.landmarks[4], "right eye": right, "left eye": left}
    body = None if plate.alpha is None else shape(plate.alpha, plate.facts.face, plate.landmarks, plate.facts.yaw)
    if body is not None:
        scale = max(plate.alpha.shape[0] / MOST_ROWS, 1.0)
        marks = body.marks

        def edges(y: float) -> tuple[float, float] | None:
            index = round(y - body.top)
            if not 0 <= index < len(body.rows):
                return None
            ends = body.rows[index, :2]
            return None if np.isnan(ends).any() else (float(ends[0]), float(ends[1]))

        def put(name: str, x: float, y: float) -> None:
            found[name] = (x * scale, y * scale)

        unit = marks["shoulder"] - marks["crown"]
        if (ends := edges(marks["shoulder"] + 0.25 * unit)) is not None:
            inset = 0.16 * (ends[1] - ends[0])
            put("right shoulder", ends[0] + inset, marks["shoulder"] + 0.12 * unit)
            put("left shoulder", ends[1] - inset, marks["shoulder"] + 0.12 * unit)
            put("neck", sum(ends) / 2, marks["shoulder"] + 0.12 * unit)
        if "crotch" in marks and (ends := edges(marks["crotch"] - 0.1 * unit)) is not None:
            middle, half = sum(ends) / 2, 0.25 * (ends[1] - ends[0])
            put("right hip", middle - half, marks["crotch"] - 0.25 * unit)
            put("left hip", middle + half, marks["crotch"] - 0.25 * unit)
            if "sole" in marks and (calves := edges(marks["sole"] - unit)) is not None:
                for side, foot in (  # each in the middle of her leg
                    ("right", 0.8 * calves[0] + 0.2 * calves[1]),
                    ("left", 0.2 * calves[0] + 0.8 * calves[1]),
                ):
                    hip = found[f"{side} hip"]
                    put(f"{side} ankle", foot, marks["sole"] - 0.25 * unit)
                    ankle = found[f"{side} ankle"]
                    found[f"{side} knee"] = ((hip[0] + ankle[0]) / 2, (hip[1] + ankle[1]) / 2)
        for side, name, column in (("left", "right", 4), ("right", "left", 5)):
            tip = marks.get(f"tip_{side}")
            index = None if tip is None else round(tip - body.top) - 2
            if index is None or not 0 <= index < len(body.rows) or np.isnan(body.rows[index, column]):
                continue
            put(f"{name} wrist", float(body.rows[index, column]), tip - 0.35 * unit)
            shoulder, wrist = found.get(f"{name} shoulder"), found[f"{name} wrist"]
            if shoulder is not None:
                found[f"{name} elbow"] = ((shoulder[0] + wrist[0]) / 2, (shoulder[1] + wrist[1]) / 2)
    if "neck" not in found:
        found["neck"] = (float(plate.landmarks[4][0]), float(plate.facts.face.bottom + 0.3 * plate.facts.face.height))
    return {name: (float(x), float(y)) for name, (x, y) in found.items()}


def skeleton(plate: Plate, window: Box, width: int, height: int) -> np.ndarray:
    """Her pose in a window of the plate as a picture for a ControlNet: uint8 (height, width, 3), black where nothing is."""
    found = joints(plate)
    across, down = width / window.width, height / window.height
    out = np.zeros((height, width, 3), np.uint8)
    thick = max(round(0.006 * max(width, height)), 1)

    def at(name: str) -> tuple[int, int]:
        x, y = found[name]
        return round((x - window.left) * across), round((y - window.top) * down)

    for one, other, colour in _BONES:
        if one in found and other in found:
            cv2.line(out, at(one), at(other), colour, thick, cv2.LINE_AA)
    for name in found:
        cv2.circle(out, at(name), thick + 1, (255, 255, 255), -1, cv2.LINE_AA)
    return out
