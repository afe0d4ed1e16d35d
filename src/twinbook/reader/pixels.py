"""Opens a file that anybody may have made: what it is, how large, its pixels and its XMP packet. Never trusts a header
further than it has to, and never takes more memory than a picture of 100 megapixels needs."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from ..domain.errors import InputError

LARGEST_FILE = 256 * 2**20  # bytes
LARGEST_PICTURE = 100_000_000  # pixels
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")


@dataclass(frozen=True)
class Opened:
    """A decoded picture, upright: uint8 sRGB (h, w, 3), transparency laid on white. ``xmp`` is the raw packet or b""."""

    media_type: str
    rgb_srgb: np.ndarray
    xmp: bytes

    @property
    def height(self) -> int:
        return self.rgb_srgb.shape[0]

    @property
    def width(self) -> int:
        return self.rgb_srgb.shape[1]


def open_picture(data: bytes) -> Opened:
    """Decode JPEG, PNG, WebP, AVIF or TIFF (the first frame). Raises InputError ``image.unreadable`` for anything else, for
    truncated or broken files and for pictures over 100 megapixels, which are refused before they are decoded."""
    if len(data) > LARGEST_FILE:
        raise InputError(
            "image.unreadable", f"the file has {len(data) // 2**20} MiB; {LARGEST_FILE // 2**20} is the most"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                return _decode(image)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError("image.unreadable", "the picture has too many pixels", _SMALLER) from error
    except MemoryError as error:
        raise InputError("image.unreadable", "there is not enough memory for this picture", _SMALLER) from error
    except Exception as error:  # Pillow's decoders raise nearly everything on hostile input
        raise InputError("image.unreadable", f"the file can't be decoded ({type(error).__name__})") from error


_SMALLER = "scale it to at most 100 megapixels"


def _decode(image: Image.Image) -> Opened:
    width, height = image.size
    if width * height > LARGEST_PICTURE:
        raise InputError("image.unreadable", f"the picture has {width}x{height} pixels", _SMALLER)
    media_type = Image.MIME[image.format or ""]
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    image.load()
    upright = _upright(image)
    # No copy more than it takes: a hostile header may claim the most that is allowed.
    if upright.has_transparency_data:
        above = upright if upright.mode == "RGBA" else upright.convert("RGBA")
        upright = Image.new("RGB", above.size, "white")
        upright.paste(above, mask=above.getchannel("A"))
        del above
    pixels = np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))
    return Opened(media_type, pixels, xmp.encode("utf-8", "replace") if isinstance(xmp, str) else bytes(xmp))


def _upright(image: Image.Image) -> Image.Image:
    try:
        return image if image.getexif().get(0x0112, 1) == 1 else ImageOps.exif_transpose(image)
    except Exception:  # EXIF is a guess about the picture, not the picture
        return image
