"""Soft bindings: what leads from a picture without a manifest back to it (C2PA Technical Specification, "Soft bindings").

Names are ours; the list of C2PA (softbinding-algorithm-list) doesn't have them.
"""

from __future__ import annotations

import base64
import binascii

from .errors import InputError
from .fingerprint import BITS, Fingerprint
from .provenance import ReleaseId

WATERMARKS = ("org.twinbook.watermark.2", "org.twinbook.watermark.1")
FINGERPRINTS = ("org.twinbook.pdq.1",)
_ID_BYTES = 6


def read_binding(alg: str, value: str) -> ReleaseId | Fingerprint:
    """What a soft binding says. A watermark's value is a release id: twelve hexadecimal digits as manifests have it, or the
    six bytes of it in base64 as the Soft Binding Resolution API has it. A fingerprint's is the 32 bytes of a PDQ hash, the
    first bit of its hexadecimal form first, in base64.

    Raises InputError ``binding.algorithm`` and ``binding.value``.
    """
    if alg in WATERMARKS:
        try:
            return ReleaseId(value)
        except ValueError:
            return ReleaseId(_bytes(value, _ID_BYTES).hex())
    if alg in FINGERPRINTS:
        return Fingerprint(_bytes(value, BITS // 8).hex(), 100)
    raise InputError("binding.algorithm", f"{alg[:80]!r} is no algorithm that is looked up here")


def _bytes(value: str, count: int) -> bytes:
    try:
        # A plus sign that came through a URL unescaped is a blank.
        data = base64.b64decode(value.replace(" ", "+"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise InputError("binding.value", "the value is no base64") from error
    if len(data) != count:
        raise InputError("binding.value", f"the value has {len(data)} bytes, and {count} are needed")
    return data
