"""From a file that somebody brings to upright sRGB pixels: photographs, scenes, packshots and cloth, all read here."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .domain.errors import CODES

MAX_PIXELS = 100_000_000
_ANIMATED = ("PNG", "WEBP", "GIF", "AVIF")  # a JPEG or TIFF with several pictures has the one meant in front
_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_SPACES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}
_SRGB = ImageCms.createProfile("sRGB")


class Undecodable(Exception):
    """Why a file gives no picture, for whoever reads it to refuse. ``code`` is ``capture.unreadable``,
    ``capture.too_large`` or ``capture.heic``."""

    def __init__(self, code: str, diagnosis: str, remedy: str = "") -> None:
        super().__init__(diagnosis)
        self.code, self.diagnosis, self.remedy = code, diagnosis, remedy or CODES[code][1]


@dataclass(frozen=True)
class Decoded:
    """``colours`` in mode RGB, sRGB; ``alpha`` in mode L where the file has transparency. ``size`` is how wide and high
    the file itself is, upright."""

    colours: Image.Image
    alpha: Image.Image | None
    size: tuple[int, int]


def decode(source: Path | bytes, name: str, formats: Sequence[str], longest: int | None = None) -> Decoded:
    """Decode a picture: upright as its EXIF says, eight bits, converted to sRGB from its embedded profile.

    With ``longest`` a larger picture is brought to that many pixels on its longest side before anything else is done
    with it; a JPEG is never unpacked to more than twice as many. ``formats`` are Pillow's names; HEIC is always among
    them and takes the extra ``heic``. Raises Undecodable and nothing else, its diagnosis beginning with ``name``.
    """
    try:
        with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
            head = file.read(12)
            file.seek(0)
            if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
                image, profile, size = _open_heic(file, name, longest)
            else:
                image, profile, size = _open(file, name, formats, longest)
            if (size[0] > size[1]) != (image.width > image.height) and size[0] != size[1]:  # turned by its EXIF
                size = size[::-1]
            return Decoded(*_to_srgb(image, profile), size)
    except Undecodable:
        raise
    # Decoders raise whatever they like on a hostile file (OSError, SyntaxError, struct.error, IndexError...), so this
    # is the one place where every exception is taken as "can't be decoded".
    except Image.DecompressionBombError as error:
        raise Undecodable("capture.too_large", f"{name} says it has more than {MAX_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        raise Undecodable("capture.unreadable", f"{name} is not a picture of a kind that is read here") from error
    except OSError as error:
        if error.strerror:
            raise Undecodable("capture.unreadable", f"{name} can't be read: {error.strerror}") from error
        if "truncated" in str(error):
            raise Undecodable("capture.unreadable", f"{name} is cut off", "copy it again from where it came") from error
        raise Undecodable("capture.unreadable", f"{name} can't be decoded: {error}") from error
    except Exception as error:
        raise Undecodable("capture.unreadable", f"{name} can't be decoded: {error}") from error


def check_size(name: str, size: tuple[int, int]) -> None:
    """Raises Undecodable ``capture.too_large`` over 100 megapixels; called before anything is unpacked."""
    wide, high = size
    if wide * high > MAX_PIXELS:
        raise Undecodable("capture.too_large", f"{name} has {wide}×{high} pixels; {MAX_PIXELS:,} are accepted")


def upright(image: Image.Image) -> Image.Image:
    """A copy, turned as its EXIF says."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return image.copy()


def _open(
    file: BinaryIO, name: str, formats: Sequence[str], longest: int | None
) -> tuple[Image.Image, bytes | None, tuple[int, int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns below our own limit and raises well above it
        with Image.open(file, formats=formats) as image:
            size = image.size
            check_size(name, size)
            if image.format in _ANIMATED and getattr(image, "is_animated", False):
                raise Undecodable(
                    "capture.unreadable", f"{name} is animated", "export the one frame that you mean as a PNG"
                )
            if longest and max(size) > longest:
                image.draft(None, tuple(max(side * longest // max(size), 1) for side in size))
            _clear_in_eight_bits(image)
            image.load()
            _reduce(image, longest)
            profile = image.info.get("icc_profile")
            return upright(image), profile, size


def _clear_in_eight_bits(image: Image.Image) -> None:
    """Bring the one value of a PNG that is transparent to the depth of its pixels: Pillow leaves it as it was, where
    nothing would match. Of 16 bits a colour the upper eight are looked at, which are all that is left of the pixels."""
    clear = image.info.get("transparency")
    depth = image.tile[0].args if image.format == "PNG" and image.tile else ""
    if depth in ("L;2", "L;4") and isinstance(clear, int):
        image.info["transparency"] = clear * {"L;2": 85, "L;4": 17}[depth]
    if depth == "RGB;16B" and isinstance(clear, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in clear)


def _open_heic(file: BinaryIO, name: str, longest: int | None) -> tuple[Image.Image, bytes | None, tuple[int, int]]:
    try:
        import pi_heif
    except ImportError as error:
        raise Undecodable("capture.heic", f"{name} is HEIC, and pi-heif is not installed") from error
    heif = pi_heif.open_heif(file)
    check_size(name, heif.size)
    # libheif has applied the rotation of the container by itself; the EXIF copy of it must not turn it again.
    image = heif.to_pillow()
    _reduce(image, longest)
    return image, heif.info.get("icc_profile"), heif.size


def _reduce(image: Image.Image, longest: int | None) -> None:
    """Bring the image, in place and with all that is attached to it, to at most ``longest`` pixels a side."""
    if longest and max(image.size) > longest:
        image.thumbnail((longest, longest), Image.Resampling.BOX)


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, Image.Image | None]:
    image = _eight_bit(image)
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    if alpha is not None:
        image = image.convert("RGB" if image.mode == "RGBA" else "L")
    if profile:
        image = _apply_profile(image, profile)
    if image.mode == "LAB":
        image = ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), _SRGB, outputMode="RGB")
    return image.convert("RGB"), alpha


def _eight_bit(image: Image.Image) -> Image.Image:
    """The image in mode L, LA, RGB, RGBA, CMYK or LAB, or another without transparency that converts to RGB."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _rounded(image)
    if image.mode == "La":
        return image.convert("LA")
    if image.mode in ("P", "PA", "RGBa"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if "transparency" in image.info and image.mode in ("L", "RGB", "1"):
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _rounded(image: Image.Image) -> Image.Image:
    """Sixteen bits of grey as eight. Pillow's own conversion clips them, which leaves nearly everything white."""
    values = np.asarray(image)
    if image.mode == "F" or int(values.min()) < 0 or int(values.max()) > 65535:  # what is white is said nowhere
        raise ValueError("its pixels are neither of 8 nor of 16 bits")
    grey = Image.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    # A broken profile, or one for another kind of pixels, is ignored as every viewer ignores it.
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _SPACES.get(source.profile.xcolor_space.strip())
        if image.mode == "L" and mode == "RGB":  # a grey picture in a colour space: as grey of that space
            image = image.convert("RGB")
        if image.mode != mode:
            return image
        return ImageCms.profileToProfile(
            image,
            source,
            _SRGB,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
