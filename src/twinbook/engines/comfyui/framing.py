"""What is sent of a plate and what becomes of the answer: whatever stays is the plate's own, bit for bit, whatever the
server made of it.

A plate goes out at a size that the weights were trained on, and the answer comes back enlarged. Only where the mask says so it gets
into the picture.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from ...domain.brief import FORMATS
from ...domain.errors import EngineRefused
from ...domain.generation import Generation, Keep
from ...domain.twin import Box
from ...ports import Figure, Plate
from ...vision.cloth import garment_alpha
from ...vision.matte import refined
from ...vision.regions import Region, face_oval, label_map
from ...vision.skin import lab
from ..composite.floor import feet_lost
from ..composite.placement import Placed, Sitter, as_framed
from ..composite.scene import own_colours

AREA = 1024 * 1024  # pixels: what SDXL was trained on (Podell et al. 2023, arXiv:2307.01952)
_STEP = 8  # pixels of the picture to one of the latent
_CANVAS_STEP = 64
_ALL = 0.996  # of a pixel: from here on it is wholly the plate's


@dataclass(frozen=True)
class Kept:
    """``weight`` is how much of each pixel stays the plate's, float32 (h, w): exactly 1 where nothing may change.
    ``own_srgb`` are its colours where it stays in part, uint8 (h, w, 3), equal to the plate's where ``weight`` is 1."""

    weight: np.ndarray
    own_srgb: np.ndarray


@dataclass(frozen=True)
class Sent:
    """The plate as it is sent, uint8 sRGB (h, w, 3), and the mask, uint8 (h, w), 255 where it is to be made anew. ``inner``
    is the part of both that is the plate and not margin: width and height."""

    rgb_srgb: np.ndarray
    mask: np.ndarray
    inner: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        return self.mask.shape[1], self.mask.shape[0]


def kept_of(plate: Plate, generation: Generation) -> Kept:
    """Raises EngineRefused ``backdrop.busy``, ``engine.figure`` or ``engine.region`` when what is to stay can't be told from
    the rest."""
    if generation.keep is Keep.ALL_BUT_GARMENT:
        # From half a pixel of cloth on the new garment has all of it, or a seam of the old colour stayed around it.
        weight = 1 - np.clip(2 * garment_alpha(plate, generation.region), 0, 1)
        return _settled(weight, plate.rgb_srgb, plate.rgb_srgb)
    if plate.alpha is None:
        raise EngineRefused("backdrop.busy", f"she can't be cut out of {plate.facts.photo} with a clean edge")
    own = own_colours(plate.rgb_srgb, plate.alpha)
    weight = plate.alpha.astype(np.float32) / 255
    if generation.keep is Keep.PERSON and feet_lost(plate.rgb_srgb, plate.alpha, _as_framed(plate)):
        raise EngineRefused("engine.figure", f"the shoes in {plate.facts.photo} can't be told from the floor")
    if generation.keep is Keep.HEAD:
        weight = np.minimum(weight, _head(plate))
    return _settled(weight, own, plate.rgb_srgb)


def _as_framed(plate: Plate) -> Placed:
    (placed,) = as_framed(Sitter.of("", plate)).placed
    return placed


def _settled(weight: np.ndarray, own: np.ndarray, plate: np.ndarray) -> Kept:
    weight = np.where(weight >= _ALL, np.float32(1), weight.astype(np.float32))
    if (weight == 1).all():
        raise EngineRefused("engine.region", "nothing would be left to make anew")
    return Kept(weight, np.where((weight == 1)[..., None], plate, own))


def _head(plate: Plate) -> np.ndarray:
    """Face and hair, float32 (h, w)."""
    labels = plate.regions
    if labels is None:
        labels = label_map(plate.rgb_srgb, plate.alpha, plate.facts.face, plate.landmarks, plate.skin_lab)
    if not (labels == Region.FACE).any():
        raise EngineRefused("engine.region", f"her face can't be told from the rest in {plate.facts.photo}")
    high, wide = plate.rgb_srgb.shape[:2]
    face, scale = plate.facts.face, labels.shape[1] / wide
    jaw = face_oval(face, plate.landmarks, wide, high).astype(np.float32)
    hair = _hanging(plate, labels)
    hair[round((face.bottom + 0.8 * face.height) * scale) :] = False  # on a dark coat hair has no end
    share = np.maximum(refined(plate.rgb_srgb, hair, max(face.width * 0.02, 2.0)), jaw)
    # Down to the lobes of the ears whatever is hers is head: labels have holes at temples and parting.
    share[: round(float(plate.landmarks[4, 1]) + 0.1 * face.height)] = 1
    # The chin is in shade and often taken for neck: a jaw is an oval, with an edge a few pixels soft.
    share = cv2.GaussianBlur(share, (0, 0), max(0.012 * face.width, 0.8))
    return np.clip((share - 0.5) * 1.6 + 0.5, 0, 1)


def _hanging(plate: Plate, labels: np.ndarray) -> np.ndarray:
    """Hair, bool, in the size of the labels, without skin of the neck that lies in its shade."""
    hair = labels == Region.HAIR
    light = lab(cv2.resize(plate.rgb_srgb, labels.shape[1::-1], interpolation=cv2.INTER_AREA))[..., 0]
    if hair.any():
        dark, skin = float(np.median(light[hair])), float(plate.skin_lab[0])
        if skin - dark > 18:  # so far apart that there is a between
            hair &= light < dark + 0.42 * (skin - dark)
    return cv2.morphologyEx(hair.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0


def sent_of(plate: Plate, kept: Kept, area: int = AREA) -> Sent:
    """What goes out: as large as ``area`` allows, never enlarged, with margins to whole latent pixels."""
    high, wide = kept.weight.shape
    scale = min(1.0, (area / (wide * high)) ** 0.5)
    size = max(_STEP, round(wide * scale)), max(_STEP, round(high * scale))
    rgb, made = plate.rgb_srgb, (kept.weight < 1).astype(np.float32)
    if size != (wide, high):
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        made = cv2.resize(made, size, interpolation=cv2.INTER_AREA)
    right, bottom = -size[0] % _STEP, -size[1] % _STEP
    rgb = cv2.copyMakeBorder(rgb, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    mask = cv2.copyMakeBorder((made > 0).astype(np.uint8) * 255, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    return Sent(np.ascontiguousarray(rgb), mask, size)


def put_together(plate: Plate, kept: Kept, sent: Sent, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture, uint8 sRGB (h, w, 3), and where it isn't the plate's own, bool (h, w)."""
    high, wide = kept.weight.shape
    made = answer[: sent.inner[1], : sent.inner[0]]
    if made.shape[:2] != (high, wide):
        made = cv2.resize(made, (wide, high), interpolation=cv2.INTER_CUBIC)
    weight = kept.weight[..., None]
    mixed = kept.own_srgb * weight + made * (1 - weight)
    altered = kept.weight < 1
    return np.where(altered[..., None], np.clip(mixed + 0.5, 0, 255).astype(np.uint8), plate.rgb_srgb), altered


def strayed(sent: Sent, answer: np.ndarray) -> float:
    """How far the server changed what it was told to keep, on average over all channels, in 8-bit steps. It is thrown
    away; a large figure says that a workflow pays no heed to the mask."""
    outside = sent.mask == 0
    if not outside.any():
        return 0.0
    return float(np.abs(sent.rgb_srgb[outside].astype(np.int16) - answer[outside]).mean())


def canvas_of(formats: Sequence[str], area: int = AREA) -> tuple[int, int]:
    """Width and height to make a picture at from nothing, so that each format can be cropped from it."""
    ratios = [float(FORMATS[name].ratio) for name in formats] or [0.8]
    ratio = (min(ratios) * max(ratios)) ** 0.5

    def whole(length: float) -> int:
        return max(_CANVAS_STEP, round(length / _CANVAS_STEP) * _CANVAS_STEP)

    return whole((area * ratio) ** 0.5), whole((area / ratio) ** 0.5)


def expected_figure(width: int, height: int) -> Figure:
    """Where somebody will about be in a picture that is made from words: a half figure in the middle."""
    face = round(0.17 * min(width, height))
    box = Box((width - face) // 2, round(0.14 * height), face, face)
    return Figure(box, Box(round(0.2 * width), round(0.06 * height), round(0.6 * width), height - round(0.06 * height)))


def png(pixels: np.ndarray) -> bytes:
    """Without any metadata."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
