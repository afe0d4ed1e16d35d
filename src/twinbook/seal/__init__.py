"""How an image is marked: visible label, watermark, XMP and C2PA manifest."""

from .manifest import Identity
from .sealer import ImageSealer

__all__ = ["Identity", "ImageSealer"]
