"""What is kept of a released copy to find it again by, and what is taken of a found picture to look it up."""

from __future__ import annotations

import hashlib

import numpy as np

from ..domain.fingerprint import CopyTraits, Traits
from ..domain.provenance import ReleaseId
from .features import LEAST_INLIERS, count_inliers, pack_features
from .manifest_store import active_manifest, manifest_id, manifest_store
from .pdq import dihedral
from .pixels import open_picture


class PictureFingerprinter:
    """Implements `ports.Fingerprinter` with PDQ and SIFT."""

    def traits(self, data: bytes) -> Traits:
        rgb = open_picture(data).rgb_srgb
        mirrored = np.ascontiguousarray(rgb[:, ::-1])
        return Traits(dihedral(rgb), pack_features(rgb), pack_features(mirrored))

    def copy_traits(self, data: bytes, release: ReleaseId, format_name: str) -> CopyTraits:
        picture = open_picture(data)
        return CopyTraits(
            release=release,
            format=format_name,
            sha256=hashlib.sha256(data).hexdigest(),
            pixels=_digest(picture.rgb_srgb),
            fingerprint=dihedral(picture.rgb_srgb)[0],
            manifest=manifest_id(data),
            features=pack_features(picture.rgb_srgb),
        )

    def pixels(self, data: bytes) -> str:
        return _digest(open_picture(data).rgb_srgb)

    def manifest_store(self, data: bytes, *, active: bool = False) -> bytes | None:
        store = manifest_store(data)
        return active_manifest(store) if active and store is not None else store

    def fits(self, found: Traits, copy: CopyTraits) -> int:
        inliers = max(count_inliers(each, copy.features) for each in (found.features, found.mirrored))
        return inliers if inliers >= LEAST_INLIERS else 0


def _digest(rgb_srgb: np.ndarray) -> str:
    """SHA-256 over the picture's size and pixels, in hex. Decoders of JPEG may differ by one level, so that this says "the
    same" only where the same decoder was used; where it says nothing, the picture is compared."""
    height, width = rgb_srgb.shape[:2]
    return hashlib.sha256(f"{width}x{height}:".encode() + rgb_srgb.tobytes()).hexdigest()
