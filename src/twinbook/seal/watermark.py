"""Puts the release id into the pixels, so that it outlives the file's metadata. Specification: docs/reference/watermark.md

Two codes: a tiled one that is found again after crops and rotation, and a square one for the pictures that are too small
or too empty for it. Readers know both.

The codes are public: anybody can read the mark, and anybody can put one on. It points to a release; the manifest's
signature and the books are what vouches for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.errors import SealRefused
from ..domain.provenance import ReleaseId
from . import square_watermark, tiled_watermark
from .masking import psnr

MINIMUM_SIDE = 320  # pixels; below this quality 75 removes the band


@dataclass(frozen=True)
class Watermarked:
    """The marked picture, uint8 sRGB (h, w, 3); how far it departs from the unmarked one, in dB over all channels; and
    the name of the code it carries."""

    rgb_srgb: np.ndarray
    psnr: float
    algorithm: str


def embed(rgb_srgb: np.ndarray, release: ReleaseId) -> Watermarked:
    """Mark a picture, uint8 sRGB (h, w, 3), and see to it that the mark is there after JPEG at quality 75.

    Raises SealRefused ``seal.watermark`` when the picture can't hold it within 43 dB. The same picture and release
    always give the same pixels.
    """
    height, width = rgb_srgb.shape[:2]
    if min(height, width) < MINIMUM_SIDE:
        raise SealRefused(
            "seal.watermark", f"the picture is {width}x{height}; the shorter side must have {MINIMUM_SIDE} pixels"
        )
    marked, algorithm = tiled_watermark.embed_tiled(rgb_srgb, release), tiled_watermark.ALGORITHM
    if marked is None:
        marked, algorithm = square_watermark.embed_square(rgb_srgb, release), square_watermark.ALGORITHM
    if marked is None:
        raise SealRefused(
            "seal.watermark",
            f"no mark survives JPEG quality 75 in this {width}x{height} picture without becoming visible",
        )
    return Watermarked(marked, psnr(rgb_srgb, marked), algorithm)
