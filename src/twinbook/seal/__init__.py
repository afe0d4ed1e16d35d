"""How an image is marked: visible label, watermark, XMP and C2PA manifest."""

from .sealer import ImageSealer

__all__ = ["ImageSealer"]
