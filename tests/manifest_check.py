"""A check of C2PA manifests that shares no code with c2pa-rs: JUMBF (ISO 19566-5) taken apart here, CBOR by cbor2, the
signature and the chain by `cryptography`.

It checks what makes a file trustworthy (C2PA 2.x, "Validation"): the claim's COSE signature (RFC 9052, 4.4) and its
certificate under an anchor, the hash of every assertion that the claim names, and the hard binding to the file's bytes.
It knows one manifest a file and nothing of ingredients' manifests, redactions or time stamps.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # of a BMFF box that holds C2PA


class Untrue(Exception):
    """The manifest isn't true of the file."""


@dataclass(frozen=True)
class Box:
    kind: bytes
    body: bytes

    def inner(self) -> list[Box]:
        return list(boxes(self.body))

    @property
    def label(self) -> str:
        description = self.inner()[0].body
        return description[17:].split(b"\0", 1)[0].decode()

    def find(self, label: str) -> Box:
        found = [box for box in self.inner()[1:] if box.kind == b"jumb" and box.label == label]
        if len(found) != 1:
            raise Untrue(f"there are {len(found)} boxes {label}")
        return found[0]


def boxes(data: bytes):
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise Untrue("a box reaches past its end")
        yield Box(kind, data[at + 8 : at + size])
        at += size


def manifest_store(data: bytes) -> bytes:
    """The JUMBF superbox ``c2pa``, out of JPEG, PNG, WebP, TIFF or a BMFF file."""
    if data[:2] == b"\xff\xd8":
        return _of_jpeg(data)
    if data[:4] == b"\x89PNG":
        at = 8
        while at < len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            if kind == b"caBX":
                return data[at + 8 : at + 8 + size]
            at += 12 + size
    if data[:4] == b"RIFF":
        at = 12
        while at < len(data):
            kind, size = struct.unpack_from("<4sI", data, at)
            if kind == b"C2PA":
                return data[at + 8 : at + 8 + size]
            at += 8 + size + size % 2
    if data[:4] in (b"II*\0", b"MM\0*"):
        order = "<" if data[:2] == b"II" else ">"
        at = struct.unpack_from(order + "I", data, 4)[0]
        for entry in range(struct.unpack_from(order + "H", data, at)[0]):
            tag, _, count, where = struct.unpack_from(order + "HHII", data, at + 2 + 12 * entry)
            if tag == 0xCD41:
                return data[where : where + count]
    if data[4:8] == b"ftyp":
        for kind, start, end in _bmff(data):
            if kind == b"uuid" and data[start + 8 : start + 24] == _UUID:
                purpose = data[start + 28 :].split(b"\0", 1)[0]
                return data[start + 28 + len(purpose) + 1 + 8 : end]
    raise Untrue("there is no manifest")


def _of_jpeg(data: bytes) -> bytes:
    at, parts = 2, b""
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        size = struct.unpack_from(">H", data, at + 2)[0]
        segment = data[at + 4 : at + 2 + size]
        if data[at + 1] == 0xEB and segment[:2] == b"JP":
            # Every further segment repeats the first box's length and type (ISO 19566-5, annex D).
            parts += segment[8:] if not parts else segment[16:]
        at += 2 + size
    if not parts:
        raise Untrue("there is no manifest")
    return parts


def _bmff(data: bytes):
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        size = struct.unpack_from(">Q", data, at + 8)[0] if size == 1 else size or len(data) - at
        if size < 8 or at + size > len(data):
            raise Untrue("a box reaches past the file's end")
        yield kind, at, at + size
        at += size


def check(data: bytes, anchor_pem: str) -> dict[str, object]:
    """What the assertions say, by label, after everything was checked. Raises Untrue, whatever is wrong."""
    try:
        return _check(data, x509.load_pem_x509_certificate(anchor_pem.encode()))
    except Untrue:
        raise
    except Exception as error:
        raise Untrue(f"{type(error).__name__}: {error}") from error


def _check(data: bytes, anchor: x509.Certificate) -> dict[str, object]:
    (store,) = boxes(_whole(manifest_store(data)))
    manifests = store.inner()[1:]
    if store.label != "c2pa" or len(manifests) != 1:
        raise Untrue("not one manifest")
    manifest = manifests[0]
    claim_bytes = manifest.find("c2pa.claim.v2").inner()[1].body
    _check_signature(manifest.find("c2pa.signature").inner()[1].body, claim_bytes, anchor)
    claim = cbor2.loads(claim_bytes)
    kept = manifest.find("c2pa.assertions")
    said: dict[str, object] = {}
    named = [*claim["created_assertions"], *claim.get("gathered_assertions", ())]
    for reference in named:
        label = reference["url"].rpartition("/")[2]
        assertion = kept.find(label)
        algorithm = reference.get("alg") or claim.get("alg") or "sha256"
        if hashlib.new(algorithm, assertion.body).digest() != reference["hash"]:
            raise Untrue(f"the assertion {label} isn't the one that was signed")
        content = assertion.inner()[1]
        said[label] = cbor2.loads(content.body) if content.kind == b"cbor" else content.body
    if {box.label for box in kept.inner()[1:]} != set(said):
        raise Untrue("there are assertions that nobody signed")
    if "c2pa.hash.data" in said:
        _check_data_hash(data, said["c2pa.hash.data"])
    else:
        bound = [label for label in said if label.startswith("c2pa.hash.bmff")]
        if len(bound) != 1:
            raise Untrue("nothing binds the manifest to the file")
        _check_bmff_hash(data, said[bound[0]])
    return said


def _whole(store: bytes) -> bytes:
    """Without what pads the segment after the superbox."""
    return store[: struct.unpack_from(">I", store)[0]]


def _check_signature(cose: bytes, claim: bytes, anchor: x509.Certificate) -> None:
    tagged = cbor2.loads(cose)
    protected, unprotected, payload, signature = tagged.value
    header = cbor2.loads(protected)
    if tagged.tag != 18 or header[1] != -7 or payload is not None:
        raise Untrue("not a detached COSE_Sign1 with ES256")
    chain = header.get(33) or unprotected.get(33)
    chain = [x509.load_der_x509_certificate(each) for each in (chain if isinstance(chain, list) else [chain])]
    signed = cbor2.dumps(["Signature1", protected, b"", claim])
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        chain[0].public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        for child, parent in zip(chain, [*chain[1:], anchor], strict=True):
            if child != parent:
                child.verify_directly_issued_by(parent)
    except (InvalidSignature, ValueError) as error:
        raise Untrue("the signature isn't the certificate's, or the certificate isn't the anchor's") from error


def check_identity(data: bytes, anchor_pem: str) -> dict[str, object]:
    """What an organisation vouched for (CAWG identity assertion 1.2, X.509 and COSE): the payload that it signed, after its
    signature, its chain and the assertions that it names were checked. Raises Untrue."""
    (store,) = boxes(_whole(manifest_store(data)))
    kept = store.inner()[1].find("c2pa.assertions")
    identity = cbor2.loads(kept.find("cawg.identity").inner()[1].body)
    payload = identity["signer_payload"]
    anchor = x509.load_pem_x509_certificate(anchor_pem.encode())
    _check_signature(identity["signature"], cbor2.dumps(payload), anchor)
    if any(identity["pad1"]) or any(identity.get("pad2", b"")):
        raise Untrue("something is hidden in the padding")
    for reference in payload["referenced_assertions"]:
        found = kept.find(reference["url"].rpartition("/")[2])
        if hashlib.sha256(found.body).digest() != reference["hash"]:
            raise Untrue(f"{reference['url']} isn't what was vouched for")
    return payload


def _check_data_hash(data: bytes, bound: dict) -> None:
    digest, at = hashlib.new(bound.get("alg", "sha256")), 0
    for gap in sorted(bound["exclusions"], key=lambda gap: gap["start"]):
        digest.update(data[at : gap["start"]])
        at = gap["start"] + gap["length"]
    digest.update(data[at:])
    # Excluded is the manifest itself; of TIFF also where its entry points. More would leave room for another picture.
    if sum(gap["length"] for gap in bound["exclusions"]) > len(manifest_store(data)) * 1.1 + 4096:
        raise Untrue("too much of the file is left out of the hash")
    if digest.digest() != bound["hash"]:
        raise Untrue("the file isn't the one that was signed")


def _check_bmff_hash(data: bytes, bound: dict) -> None:
    digest = hashlib.new(bound.get("alg", "sha256"))
    for kind, start, end in _bmff(data):
        if any(_excluded(data, kind, start, gap) for gap in bound["exclusions"]):
            continue
        digest.update(struct.pack(">Q", start) + data[start:end])
    if digest.digest() != bound["hash"]:
        raise Untrue("the file isn't the one that was signed")


def _excluded(data: bytes, kind: bytes, start: int, gap: dict) -> bool:
    if gap["xpath"] != f"/{kind.decode('latin-1')}":
        return False
    return all(
        data[start + each["offset"] : start + each["offset"] + len(each["value"])] == each["value"]
        for each in gap.get("data") or ()
    )
