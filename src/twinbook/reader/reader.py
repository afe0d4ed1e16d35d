"""All that one file says about itself, and how it compares with what was issued."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..domain.provenance import CopyTrace, Likeness, Reading
from .comparison import compare_pictures, draw_alterations
from .copy_mark import trace_copies
from .manifest import ManifestReader, measure_contrast
from .pixels import open_picture
from .second_watermark import WordReader
from .watermark import read_watermark
from .xmp import read_xmp


class ImageReader:
    """Implements `ports.Reader`. Knows the specifications and the trust anchors of signers and of time stamp authorities (PEM),
    and nothing of the sealer. ``second`` is the TOML file of a second watermark's network."""

    def __init__(
        self,
        anchors_pem: str,
        stamp_anchors_pem: str = "",
        second: Path | None = None,
        identity_anchors_pem: str = "",
    ) -> None:
        self._manifests = ManifestReader(anchors_pem, stamp_anchors_pem, identity_anchors_pem)
        self._words = WordReader(second) if second else None

    def read(self, data: bytes) -> Reading:
        """Read every mark in a JPEG, PNG, WebP, AVIF or TIFF file. Each is read on its own; what is missing or broken reads as
        such. Raises InputError ``image.unreadable`` when the picture itself can't be decoded, ``watermark.model`` and
        ``watermark.runtime`` when a second watermark's network can't be used."""
        picture = open_picture(data)
        manifest = self._manifests.read(data, picture.media_type)
        xmp = read_xmp(picture.xmp)
        contrast = measure_contrast(picture.rgb_srgb, manifest.label_box) if manifest.label_box else None
        return Reading(
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
            manifest=manifest.reading,
            watermark=read_watermark(picture.rgb_srgb),
            source_type=xmp.source_type,
            xmp_release=xmp.release,
            label=manifest.label,
            label_contrast=contrast,
            aigc=xmp.aigc,
            second=self._words.read(picture.rgb_srgb) if self._words else None,
        )

    def compare(self, found: bytes, issued: bytes) -> Likeness | None:
        """How far ``found`` departs from the copy that was issued. None when the two can't be registered onto each
        other. Raises InputError ``image.unreadable``."""
        picture = open_picture(issued)
        label = self._manifests.read(issued, picture.media_type).label_box
        return compare_pictures(open_picture(found).rgb_srgb, picture.rgb_srgb, label)

    def draw_alterations(self, found: bytes, issued: bytes) -> bytes | None:
        """A PNG that shows people where ``found`` departs from the copy that was issued; None when the two can't be
        registered onto each other. Raises InputError ``image.unreadable``."""
        return draw_alterations(open_picture(found).rgb_srgb, open_picture(issued).rgb_srgb)

    def trace(
        self, found: bytes, original_srgb: np.ndarray, secret: bytes, copies: Sequence[str], in_place: bool = False
    ) -> CopyTrace | None:
        """Of which copies of an original, uint8 sRGB (h, w, 3), a file was made. None when it can't be laid over it.
        Raises InputError ``image.unreadable``."""
        return trace_copies(open_picture(found).rgb_srgb, original_srgb, secret, copies, in_place=in_place)
