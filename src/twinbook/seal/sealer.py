"""The marks of a released copy, in the only order that works: label, watermark, the copy's own code, XMP, and C2PA over
all of it."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from ..domain.errors import StateError
from ..domain.provenance import Marking
from ..domain.second_watermark import ALGORITHM
from ..ports import ClaimKey, CopyCode, Sealed
from .copy_mark import mark_copy
from .label import Labelled, put_label
from .manifest import Identity, Signing, definition, sign
from .metadata import encode, xmp_packet
from .second_watermark import SecondWatermark
from .watermark import Watermarked, embed


class ImageSealer:
    """Marks pictures and signs them with one certificate. Implements `ports.Sealer`; safe to call from several threads.

    ``chain_pem`` is the leaf followed by its CA, ``private_key_pem`` the leaf's P-256 key (PKCS#8), both PEM; ``version``
    is what the manifest calls this Twinbook, by default the installed one. ``key`` is asked instead of a private key in PEM;
    ``timestamp_url`` names an RFC 3161 authority that stamps every manifest, and without whose stamp none is made.
    ``second`` is the TOML file of a second watermark's network. ``identity`` is an organisation that signs as well; that takes
    the picture's own key in PEM.
    """

    def __init__(
        self,
        chain_pem: str,
        private_key_pem: str = "",
        version: str = "",
        *,
        key: ClaimKey | None = None,
        timestamp_url: str = "",
        second: Path | None = None,
        identity: Identity | None = None,
    ) -> None:
        if "BEGIN CERTIFICATE" not in chain_pem or (key is None and "PRIVATE KEY" not in private_key_pem):
            raise StateError("seal.certificate", "there is no certificate chain or no private key to sign with")
        if identity and key:
            raise StateError(
                "seal.certificate",
                "an organisation's identity can be signed only beside a key in a file",
                "leave TWINBOOK_IDENTITY_CERTIFICATE out, or keep the signing key in a file",
            )
        self._signing = Signing(chain_pem, private_key_pem, key.sign if key else None, timestamp_url, identity)
        self._version = version or _installed_version()
        self._second = SecondWatermark(second) if second else None

    def seal(self, rgb_srgb: np.ndarray, marking: Marking, code: CopyCode | None = None) -> Sealed:
        """Label, watermark, the copy's code, XMP, then C2PA over all of it. ``rgb_srgb`` is uint8 (h, w, 3) and isn't
        changed.

        Raises SealRefused ``seal.label_room``, ``seal.label_text`` or ``seal.watermark``, InputError ``watermark.model``, StateError ``seal.certificate``,
        ``seal.signer``, ``seal.timestamp``. Pixels
        and XMP are the same for the same input; the signature and the manifest's own ids are new each time.
        """
        labelled, marked = self._marked(rgb_srgb, marking)
        pixels = marked.rgb_srgb if code is None else mark_copy(marked.rgb_srgb, code.secret, code.name)
        packet = xmp_packet(marking, labelled.text, f"Twinbook {self._version}")
        file = encode(pixels, packet, marking.file)
        if self._second:
            marking = replace(marking, fingerprints=(*marking.fingerprints, (ALGORITHM, marking.release.hex)))
        manifest = definition(marking, labelled.text, labelled.box, self._version, marked.algorithm)
        signed = sign(file, marking.file.media_type, manifest, self._signing)
        return Sealed(signed, labelled.text, marked.rgb_srgb)

    def original(self, rgb_srgb: np.ndarray, marking: Marking) -> np.ndarray:
        """What a copy's code is put on: labelled and watermarked, uint8 (h, w, 3). Raises as `seal` does."""
        return self._marked(rgb_srgb, marking)[1].rgb_srgb

    def _marked(self, rgb_srgb: np.ndarray, marking: Marking) -> tuple[Labelled, Watermarked]:
        if rgb_srgb.dtype != np.uint8 or rgb_srgb.ndim != 3 or rgb_srgb.shape[2] != 3:
            raise ValueError(f"a picture is uint8 (h, w, 3), not {rgb_srgb.dtype} {rgb_srgb.shape}")
        labelled = put_label(
            np.ascontiguousarray(rgb_srgb), marking.label, marking.faces, marking.format, marking.label_share
        )
        pixels = self._second.embed(labelled.rgb_srgb, marking.release) if self._second else labelled.rgb_srgb
        return labelled, embed(pixels, marking.release)


def _installed_version() -> str:
    try:
        return version("twinbook")
    except PackageNotFoundError:
        return "0"
