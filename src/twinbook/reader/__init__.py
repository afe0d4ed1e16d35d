"""How any image is read and judged, from the specifications alone."""

from .fingerprinter import PictureFingerprinter
from .reader import ImageReader

__all__ = ["ImageReader", "PictureFingerprinter"]
