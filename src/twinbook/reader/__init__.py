"""How any image is read and judged, from the specifications alone."""

from .reader import ImageReader

__all__ = ["ImageReader"]
