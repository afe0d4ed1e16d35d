"""Previews for a page: small JPEGs as data: URIs, upright, in sRGB and without metadata."""

from __future__ import annotations

import base64
import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

QUALITY = 82
_SRGB = ImageCms.createProfile("sRGB")


@dataclass(frozen=True)
class Preview:
    """A picture ready for ``<img>``: ``uri`` is ``data:image/jpeg;base64,…``, sizes are in pixels."""

    uri: str
    width: int
    height: int

    @property
    def percent(self) -> int:
        """Width as a percentage of height, for laying out pictures of one height."""
        return max(20, min(400, round(100 * self.width / self.height)))


def preview(source: Path | bytes | None, longest: int) -> Preview | None:
    """At most ``longest`` pixels a side. None for what can't be read: a page shows a placeholder, it doesn't fail.

    Nothing of the file but its pixels gets through: no EXIF, so no place where a photograph was taken.
    """
    if source is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
                opened.draft("RGB", (longest, longest))  # JPEGs are decoded at a fraction of their size
                pixels = _flat(ImageOps.exif_transpose(opened))
        pixels.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        held = io.BytesIO()
        pixels.save(held, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    # Pillow's plug-ins raise nearly anything for a damaged file (struct.error, IndexError, SyntaxError, …).
    except Exception:
        return None
    return Preview("data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode("ascii"), *pixels.size)


def png(rgb_srgb: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
    """Pixels, uint8 (h, w, 3), as a PNG; with a matte, uint8 (h, w), as its transparency."""
    image = Image.fromarray(rgb_srgb)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    held = io.BytesIO()
    image.save(held, "PNG", compress_level=1)
    return held.getvalue()


def _flat(image: Image.Image) -> Image.Image:
    """Opaque 8-bit sRGB without anything attached; transparent parts become white."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        # With a broken profile the numbers are taken for sRGB, as browsers do.
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            image = ImageCms.profileToProfile(image, io.BytesIO(profile), _SRGB, outputMode="RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        image = ground
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256, "L")
    clean = Image.new("RGB", image.size)
    clean.paste(image.convert("RGB"))
    return clean
