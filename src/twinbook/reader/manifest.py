"""Reads and validates a C2PA manifest (through c2pa-rs) and the label it describes. Specification: docs/reference/marks.md

Nothing is fetched: no remote manifests, no OCSP. A manifest counts only as far as it is bound to these very bytes.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise

import c2pa
import cv2
import numpy as np
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from fido2 import cbor

from ..domain.provenance import ManifestReading
from ..domain.twin import Box

RELEASE_ASSERTION, IDENTITY_ASSERTION = "org.twinbook.release", "cawg.identity"
_RELEASE = re.compile(r"[0-9a-f]{12}")
_BOX = re.compile(r"(\d{1,6}),(\d{1,6}),(\d{1,6}),(\d{1,6})")
# Extended key usages that a signer (or an authority's stamp) may have; without the list claimSigning isn't among them.
_USAGES = (
    "1.3.6.1.5.5.7.3.4",  # emailProtection
    "1.3.6.1.5.5.7.3.36",  # documentSigning, RFC 9336
    "1.3.6.1.5.5.7.3.8",  # timeStamping
    "1.3.6.1.4.1.62558.2.1",  # C2PA claimSigning
)
_COSE_SIGN1 = b"\xd2"  # CBOR tag 18
_X5CHAIN, _LONGEST_CHAIN = 33, 8
_BOUND = {"assertion.dataHash.match", "assertion.bmffHash.match"}  # the second is for AVIF

# What c2pa-rs says of the organisation that signed beside (CAWG identity assertion 1.2, section 7): nothing of it makes the
# manifest itself better or worse.
_IDENTITY = "cawg."
_IDENTITY_GOOD = "cawg.x509.signature.validated"
_STRANGER = {"cawg.x509.credential.untrusted"}
_OTHER_BYTES = {"assertion.dataHash.mismatch", "assertion.bmffHash.mismatch"}


@dataclass(frozen=True)
class ReadManifest:
    """The verdict, and the label's words and box as the signer recorded them; both None unless the file is as signed."""

    reading: ManifestReading
    label: str | None = None
    label_box: Box | None = None


def _settings(anchors_pem: str) -> str:
    settings: dict[str, object] = {
        "verify": {
            "verify_after_reading": True,
            "verify_trust": True,
            "ocsp_fetch": False,
            "remote_manifest_fetch": False,
        }
    }
    if anchors_pem:
        settings["trust"] = {"trust_anchors": anchors_pem, "trust_config": "\n".join(_USAGES)}
    return json.dumps(settings)


def _document(data: bytes, media_type: str, settings: str) -> tuple[dict, bytes]:
    """c2pa-rs's report, and the manifest store as it stands in the file."""
    with (
        c2pa.Context.from_json(settings) as context,
        c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader,
    ):
        document, store = json.loads(reader.json()), io.BytesIO()
        with suppress(c2pa.C2paError):  # then nothing is known of the signer
            reader.resource_to_stream(f"self#jumbf=/c2pa/{document.get('active_manifest')}/c2pa.signature", store)
        return document, store.getvalue()


def _chains_to(
    store: bytes, manifest: str, anchors: Sequence[x509.Certificate], cose_in: Callable[[bytes], bytes]
) -> bool:
    """Whether the certificates in a COSE_Sign1 of a manifest (RFC 9052, 4.2; x5chain is RFC 9360's 33) lead to one of the
    anchors. Their validity in time and their purpose are c2pa-rs's to judge. Total."""
    try:
        ((_, whole),) = _boxes(store)
        cose = cose_in(_content(whole, manifest))
        protected, unprotected, *_ = cbor.decode(cose.removeprefix(_COSE_SIGN1))
        carried = cbor.decode(protected).get(_X5CHAIN) or unprotected.get(_X5CHAIN)
        ders = carried if isinstance(carried, list) else [carried]
        chain = [x509.load_der_x509_certificate(der) for der in ders[:_LONGEST_CHAIN]]
        for child, parent in pairwise(chain):
            child.verify_directly_issued_by(parent)
        last = chain[-1]
    except Exception:  # whatever a stranger wrote there, it is no chain
        return False
    return any(_issued(last, anchor) for anchor in anchors)


def _claims_signature(manifest: bytes) -> bytes:
    ((_, cose),) = list(_boxes(_content(manifest, "c2pa.signature")))[1:]
    return cose


def _identitys_signature(manifest: bytes) -> bytes:
    ((_, identity),) = list(_boxes(_content(_content(manifest, "c2pa.assertions"), IDENTITY_ASSERTION)))[1:]
    return cbor.decode(identity)["signature"]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The JUMBF boxes (ISO 19566-5) in a row: types and contents. Raises ValueError."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            raise ValueError("a box reaches past its end")
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _content(superbox: bytes, label: str) -> bytes:
    """What the one superbox of this label within another holds, its description first. Raises ValueError."""
    found = [
        content
        for kind, content in list(_boxes(superbox))[1:]
        # A description is a UUID, a byte of toggles and the label (annex B.3).
        if kind == b"jumb" and next(_boxes(content))[1][17:].split(b"\0")[0] == label.encode("utf-8")
    ]
    if len(found) != 1:
        raise ValueError(f"there are {len(found)} boxes {label}")
    return found[0]


def _issued(certificate: x509.Certificate, anchor: x509.Certificate) -> bool:
    if certificate == anchor:
        return True
    try:
        certificate.verify_directly_issued_by(anchor)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


class ManifestReader:
    """Validates against trust anchors of signers, PEM; with none, no signer is trusted. ``stamp_anchors_pem`` are those of time
    stamp authorities, who vouch for moments and for no signer, and ``identity_anchors_pem`` those of organisations."""

    def __init__(self, anchors_pem: str, stamp_anchors_pem: str = "", identity_anchors_pem: str = "") -> None:
        signers, stamps = anchors_pem.strip(), stamp_anchors_pem.strip()
        self._settings = _settings(f"{signers}\n{stamps}" if signers else "")
        # Looked at only where anchors of stamps could be taken for theirs.
        self._signers = x509.load_pem_x509_certificates(signers.encode("utf-8")) if signers and stamps else []
        self._has_anchors = bool(signers)
        identities = identity_anchors_pem.strip()
        self._identities = x509.load_pem_x509_certificates(identities.encode("utf-8")) if identities else []

    def read(self, data: bytes, media_type: str) -> ReadManifest:
        """Total: a broken manifest reads as ``invalid`` with the C2PA code ``general.error`` or a closer one."""
        try:
            document, store = _document(data, media_type, self._settings)
        except c2pa.C2paError.ManifestNotFound:
            return ReadManifest(ManifestReading("absent"))
        except (c2pa.C2paError, ValueError, RecursionError) as error:
            # A file without a manifest that c2pa-rs can't parse is no broken manifest.
            if b"c2pa" not in data:
                return ReadManifest(ManifestReading("absent"))
            return ReadManifest(ManifestReading("invalid", problems=(_code_of(error),)))
        # c2pa-rs has one list of anchors for signers and stamps (0.91 knows kinds of lists, and believes any of them of
        # anybody), but whoever issues stamps must not vouch for signers.
        manifest = str(document.get("active_manifest"))
        known = not self._signers or _chains_to(store, manifest, self._signers, _claims_signature)
        # It reads no anchors for organisations (0.91), and calls all of them strangers.
        vouched = bool(self._identities) and _chains_to(store, manifest, self._identities, _identitys_signature)
        return self._judge(document, known, vouched)

    def _judge(self, document: dict, known: bool, vouched: bool) -> ReadManifest:
        active = _mapping(_mapping(document.get("manifests")).get(document.get("active_manifest")))
        told = tuple(dict.fromkeys(_codes(document, "failure")))
        failures = tuple(code for code in told if not code.startswith(_IDENTITY))
        successes = set(_codes(document, "success"))
        verdict = document.get("validation_state")
        bound = not _BOUND.isdisjoint(successes)
        # With a stranger's identity in it c2pa-rs calls a manifest valid only, whoever signed it.
        trusted = verdict == "Trusted" or (
            verdict == "Valid" and told != failures and "signingCredential.trusted" in successes
        )
        if trusted and bound and self._has_anchors and known and not failures:
            state = "trusted"
        elif verdict in ("Valid", "Trusted") and bound:
            state = "untrusted"
        else:
            state = "invalid"
        signer = _mapping(active.get("signature_info"))
        release = _release_assertion(active)
        release_id = str(release.get("release", ""))
        reading = ManifestReading(
            state,
            str(signer.get("issuer") or signer.get("common_name") or "")[:200],
            release_id if _RELEASE.fullmatch(release_id) else None,
            failures,
            genuine=state == "invalid" and self._has_anchors and _signed_for_other_bytes(document, failures),
        )
        about = {code for code in told if code.startswith(_IDENTITY)}
        organisation = _organisation(active)
        if organisation and state != "invalid" and _IDENTITY_GOOD in successes and about <= _STRANGER:
            reading = replace(reading, identity=organisation, identity_trusted=vouched)
        if state == "invalid":
            return ReadManifest(reading)
        label = str(release.get("label", "")).strip()
        return ReadManifest(reading, label[:200] or None, _parse_box(str(release.get("label_box", ""))))


def measure_contrast(rgb_srgb: np.ndarray, box: Box) -> float | None:
    """The contrast (WCAG 2.2, 1 to 21) of the two luminances that dominate inside a label, uint8 sRGB (h, w, 3).

    Otsu's threshold on lightness parts words from plate; the medians of both parts are compared. None when the box
    is not in the picture.
    """
    height, width = rgb_srgb.shape[:2]
    if box != box.clipped(width, height) or min(box.width, box.height) < 8:
        return None
    inset = box.height // 8  # the plate's round corners show what is behind it
    here = rgb_srgb[box.top + inset : box.bottom - inset, box.left + inset : box.right - inset]
    if here.size == 0:
        return None
    lightness = cv2.cvtColor(np.ascontiguousarray(here), cv2.COLOR_RGB2LAB)[..., 0]
    threshold, _ = cv2.threshold(lightness, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    bright = lightness > threshold
    if bright.all() or not bright.any():
        return 1.0
    value = here.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return float((np.median(luminance[bright]) + 0.05) / (np.median(luminance[~bright]) + 0.05))


def _codes(document: dict, kind: str) -> Iterator[str]:
    """Validation codes of the active manifest and of its ingredients."""
    results = _mapping(document.get("validation_results"))
    deltas = results.get("ingredientDeltas")
    parts = [_mapping(results.get("activeManifest"))]
    if kind == "failure" and isinstance(deltas, list):
        parts += [_mapping(_mapping(delta).get("validationDeltas")) for delta in deltas]
    for part in parts:
        entries = part.get(kind)
        for entry in entries if isinstance(entries, list) else ():
            code = _mapping(entry).get("code")
            if isinstance(code, str):
                yield code[:100]


def _signed_for_other_bytes(document: dict, failures: tuple[str, ...]) -> bool:
    """Whether nothing is wrong with a manifest but that the file has other bytes than it was signed for."""
    good = {"claimSignature.validated", "signingCredential.trusted"} <= set(_codes(document, "success"))
    return good and bool(failures) and set(failures) <= _OTHER_BYTES


def _release_assertion(manifest: dict) -> dict:
    return _assertion(manifest, RELEASE_ASSERTION)


def _organisation(manifest: dict) -> str:
    """Whom the one identity assertion names. With several it couldn't be told whose signature c2pa-rs found good."""
    assertions = manifest.get("assertions")
    labels = [str(_mapping(each).get("label")) for each in (assertions if isinstance(assertions, list) else ())]
    identity = _assertion(manifest, IDENTITY_ASSERTION)
    kind = _mapping(identity.get("signer_payload")).get("sig_type")
    if sum(label.startswith(IDENTITY_ASSERTION) for label in labels) != 1 or kind != "cawg.x509.cose":
        return ""
    signer = _mapping(identity.get("signature_info"))
    return str(signer.get("issuer") or signer.get("common_name") or "")[:200]


def _assertion(manifest: dict, label: str) -> dict:
    assertions = manifest.get("assertions")
    for assertion in assertions if isinstance(assertions, list) else ():
        if _mapping(assertion).get("label") == label:
            return _mapping(assertion.get("data"))
    return {}


def _parse_box(text: str) -> Box | None:
    match = _BOX.fullmatch(text)
    return Box(*map(int, match.groups())) if match else None


def _mapping(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _code_of(error: Exception) -> str:
    """c2pa-rs gives up on some files without a validation status; this is the nearest code."""
    name = type(error).__name__
    return {"_C2paSignature": "claimSignature.mismatch", "_C2paDecoding": "claim.cbor.invalid"}.get(
        name, "general.error"
    )
