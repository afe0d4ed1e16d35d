"""Pictures to mark: a photograph of a person, and the flat, empty and wild ones that marks fail on."""

import io

import cv2
import numpy as np
from PIL import Image
from skimage import data

from twinbook.domain.provenance import Marking, ReleaseId, SourceType
from twinbook.domain.twin import Box

RELEASE = ReleaseId("9f3c01a7d24b")
FACE = Box(277, 222, 195, 262)  # in astronaut()
WORDS = "AI-generated image of a consenting person"


def filled(picture, width, height):
    """A picture, uint8 (h, w, 3), cut and scaled to fill this size."""
    high, wide = picture.shape[:2]
    cut_w, cut_h = min(wide, round(high * width / height)), min(high, round(wide * height / width))
    left, top = (wide - cut_w) // 2, (high - cut_h) // 2
    cut = np.ascontiguousarray(picture[top : top + cut_h, left : left + cut_w])
    return cv2.resize(cut, (width, height), interpolation=cv2.INTER_CUBIC)


def astronaut(width=900, height=1200):
    return filled(data.astronaut(), width, height)


def studio(width=900, height=1200):
    """A flat warm-grey backdrop with a vignette and sensor noise, somebody standing on it."""
    y, x = np.mgrid[:height, :width]
    backdrop = (
        np.float32([212, 208, 203]) - (((x - width / 2) ** 2 + (y - height / 2) ** 2) / height**2 * 40)[..., None]
    )
    middle = np.clip(1.6 - 2.2 * np.hypot((x - width / 2) / (width / 2), (y - height * 0.6) / (height / 2)), 0, 1)
    mixed = backdrop * (1 - middle[..., None]) + astronaut(width, height) * middle[..., None]
    noise = np.random.default_rng(1).normal(0, 1, (height, width, 1))
    return np.clip(mixed + noise, 0, 255).astype(np.uint8)


def synthetic(name, width=900, height=1200):
    """``grey``, ``white``, ``black``, ``gradient`` or ``noise``."""
    if name == "noise":
        return np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if name == "gradient":
        y, x = np.mgrid[:height, :width]
        return np.repeat((60 + 150 * y / height + 20 * x / width).astype(np.uint8)[..., None], 3, axis=2)
    return np.full((height, width, 3), {"grey": 128, "white": 255, "black": 0}[name], np.uint8)


def marking(**changes):
    values = {
        "release": RELEASE,
        "format": "web-3x4",
        "label": WORDS,
        "faces": (FACE,),
        "person": Box(0, 60, 900, 1140),
        "source_type": SourceType.COMPOSITE_SYNTHETIC,
        "operations": ("scene", "recolor"),
        "engine": "composite",
        "engine_version": "1.0",
        "title": "Mira, autumn",
        "credit": "Nordlight / Tvaton",
        "license": "a" * 64,
        "consent": "b" * 64,
        "created": "2026-11-22T12:00:00Z",
    }
    return Marking(**{**values, **changes})


def jpeg(picture, quality, subsampling=2):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return file.getvalue()


def pixels(file):
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("RGB"))


def scaled(picture, factor):
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method)


def recompressed(picture, quality):
    return pixels(jpeg(picture, quality))


def lit(picture, factor):
    return np.clip(picture * factor, 0, 255).astype(np.uint8)


def lightened(picture, box, amount, channel=0):
    """The ellipse in ``box`` moved by ``amount`` in L* (0), a* (1) or b* (2), with a soft edge."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    mask = np.zeros(picture.shape[:2], np.float32)
    centre = (box.left + box.width // 2, box.top + box.height // 2)
    cv2.ellipse(mask, centre, (box.width // 2, box.height // 2), 0, 0, 360, 1, -1)
    lab[..., channel] += amount * cv2.GaussianBlur(mask, (0, 0), box.width / 12)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255).astype(np.uint8)
