"""From a file to an upright sRGB picture. Everything that can be wrong with a file ends here, as a CaptureRefused."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps

from ..domain.errors import CaptureRefused
from ..ports import Capture

MAX_PIXELS = 100_000_000
MIN_SIDE = 240
MASK_SUFFIX = ".mask.png"
_FORMATS = ("JPEG", "PNG", "WEBP")
_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_SRGB = ImageCms.createProfile("sRGB")


def decode(path: Path, longest: int | None = None) -> Capture:
    """Decode a photograph: upright as its EXIF says, converted to sRGB from its embedded profile, flattened on white.

    With ``longest`` a larger picture is brought to that many pixels on its longest side before anything else is done
    with it; a JPEG is never unpacked to more than twice as many. JPEG, PNG and WebP; HEIC with the extra ``heic``. Raises CaptureRefused ``capture.unreadable``,
    ``capture.too_large`` (over 100 megapixels), ``capture.too_small`` or ``capture.heic``, naming the file; nothing
    that a decoder raises gets through.
    """
    name = path.name
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise CaptureRefused("capture.unreadable", f"{name} can't be read: {error.strerror or error}") from error
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        image, profile, (wide, high) = _open_heic(path, longest)
    else:
        image, profile, (wide, high) = _open(path, longest)
    if min(wide, high) < MIN_SIDE:
        raise CaptureRefused("capture.too_small", f"{name} is {wide}×{high} pixels; {MIN_SIDE} a side is the least")
    if (wide > high) != (image.width > image.height) and wide != high:  # turned by its EXIF
        wide, high = high, wide
    return Capture(name, _to_srgb(image, profile), wide, high)


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
                _check_size(file.name, image.size)
                values = np.asarray(_upright(image).convert("RGBA")).astype(np.int16)
    except CaptureRefused:
        raise
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


def _open(path: Path, longest: int | None) -> tuple[Image.Image, bytes | None, tuple[int, int]]:
    # Decoders raise whatever they like on a hostile file (OSError, SyntaxError, struct.error, IndexError...), so this
    # is the one place where every exception is taken as "can't be decoded".
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns below our own limit and raises well above it
            with Image.open(path, formats=_FORMATS) as image:
                size = image.size
                _check_size(path.name, size)
                if longest and max(size) > longest:
                    image.draft(None, tuple(max(side * longest // max(size), 1) for side in size))
                image.load()
                _reduce(image, longest)
                profile = image.info.get("icc_profile")
                return _upright(image), profile, size
    except CaptureRefused:
        raise
    except Image.DecompressionBombError as error:
        raise CaptureRefused("capture.too_large", f"{path.name} says it has more than {MAX_PIXELS:,} pixels") from error
    except Exception as error:
        raise CaptureRefused("capture.unreadable", f"{path.name} can't be decoded: {error}") from error


def _open_heic(path: Path, longest: int | None) -> tuple[Image.Image, bytes | None, tuple[int, int]]:
    try:
        import pi_heif
    except ImportError as error:
        raise CaptureRefused("capture.heic", f"{path.name} is HEIC, and pi-heif is not installed") from error
    try:
        heif = pi_heif.open_heif(path)
        _check_size(path.name, heif.size)
        # libheif has applied the rotation of the container by itself; the EXIF copy of it must not turn it again.
        image = heif.to_pillow()
        _reduce(image, longest)
        return image, heif.info.get("icc_profile"), heif.size
    except CaptureRefused:
        raise
    except Exception as error:
        raise CaptureRefused("capture.unreadable", f"{path.name} can't be decoded: {error}") from error


def _check_size(name: str, size: tuple[int, int]) -> None:
    wide, high = size
    if wide * high > MAX_PIXELS:
        raise CaptureRefused("capture.too_large", f"{name} has {wide}×{high} pixels; {MAX_PIXELS:,} are accepted")


def _reduce(image: Image.Image, longest: int | None) -> None:
    """Bring the image, in place and with all that is attached to it, to at most ``longest`` pixels a side."""
    if longest and max(image.size) > longest:
        image.thumbnail((longest, longest), Image.Resampling.BOX)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return image.copy()


def _to_srgb(image: Image.Image, profile: bytes | None) -> np.ndarray:
    image = _eight_bit(image)
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    if alpha is not None:
        image = image.convert("RGB" if image.mode == "RGBA" else "L")
    if profile:
        image = _apply_profile(image, profile)
    image = image.convert("RGB")
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return np.array(image, dtype=np.uint8)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The image in mode L, LA, RGB, RGBA, CMYK or LAB."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        top = 65535 if image.mode.startswith("I") else max(float(values.max()), 1.0)
        return Image.fromarray(np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8))
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("PA", "La", "RGBa"):
        return image.convert("RGBA")
    if "transparency" in image.info and image.mode in ("L", "RGB", "1"):
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    # A broken profile, or one for another kind of pixels, is ignored as every viewer ignores it.
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
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
