"""From a file to an upright sRGB picture. Everything that can be wrong with a file ends here, as a CaptureRefused."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .. import decoding
from ..domain.errors import CaptureRefused
from ..ports import Capture

MIN_SIDE = 240
MASK_SUFFIX = ".mask.png"
_FORMATS = ("JPEG", "PNG", "WEBP")


def decode(path: Path, longest: int | None = None) -> Capture:
    """Decode a photograph: upright as its EXIF says, converted to sRGB from its embedded profile, flattened on white.

    ``longest`` is `decoding.decode`'s. JPEG, PNG and WebP; HEIC with the extra ``heic``. Raises CaptureRefused
    ``capture.unreadable``, ``capture.too_large`` (over 100 megapixels), ``capture.too_small`` or ``capture.heic``,
    naming the file; nothing that a decoder raises gets through.
    """
    name = path.name
    try:
        picture = decoding.decode(path, name, _FORMATS, longest)
    except decoding.Undecodable as error:
        raise CaptureRefused(error.code, error.diagnosis, error.remedy) from error
    wide, high = picture.size
    if min(wide, high) < MIN_SIDE:
        raise CaptureRefused("capture.too_small", f"{name} is {wide}×{high} pixels; {MIN_SIDE} a side is the least")
    colours = picture.colours
    if picture.alpha is not None:
        colours = Image.composite(colours, Image.new("RGB", colours.size, "white"), picture.alpha)
    return Capture(name, np.array(colours, dtype=np.uint8), wide, high)


def painted_mask(photo: Path, size: tuple[int, int]) -> np.ndarray | None:
    """The correction painted beside a photograph, ``NAME.mask.png``, brought to ``size`` (wide, high): uint8, 255 hers,
    0 backdrop, 128 undecided; None where there is none.

    Green or white is she, red or black is backdrop; what is transparent, grey or of another colour is left to decide.
    Raises CaptureRefused ``matte.mask``, naming the file.
    """
    file = photo.with_name(photo.stem + MASK_SUFFIX)
    if not file.is_file():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file, formats=("PNG",)) as image:
                decoding.check_size(file.name, image.size)
                values = np.asarray(decoding.upright(image).convert("RGBA")).astype(np.int16)
    except decoding.Undecodable as error:
        raise CaptureRefused(error.code, error.diagnosis, error.remedy) from error
    except Exception as error:
        raise CaptureRefused("matte.mask", f"{file.name} can't be decoded: {error}") from error
    wide, high = size
    if abs(values.shape[1] / values.shape[0] - wide / high) > 0.01 * wide / high:
        raise CaptureRefused(
            "matte.mask", f"{file.name} is {values.shape[1]}×{values.shape[0]}, not of the photograph's proportions"
        )
    red, green, blue, opaque = (values[..., channel] for channel in range(4))
    grey = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue) < 24
    hers = (grey & (green > 231)) | ((green > 150) & (red < 100) & (blue < 100))
    never = (grey & (green < 24)) | ((red > 150) & (green < 100) & (blue < 100))
    painted = np.full(values.shape[:2], 128, np.uint8)
    painted[hers & (opaque > 127)] = 255
    painted[never & (opaque > 127)] = 0
    if not (painted != 128).any():
        raise CaptureRefused("matte.mask", f"nothing in {file.name} is green, red, white or black")
    return cv2.resize(painted, size, interpolation=cv2.INTER_NEAREST)
