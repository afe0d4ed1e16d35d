"""A passkey in software: true registrations and assertions, and lies that are signed as truly.

Whatever it is told to say, it signs what it says. So where a lie is refused, a check refused it and not the signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cbor, cose

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


@dataclass(frozen=True)
class Registration:
    attestation_object: bytes
    client_data: bytes


@dataclass(frozen=True)
class Assertion:
    authenticator_data: bytes
    client_data: bytes
    signature: bytes


def spelled(challenge: bytes) -> str:
    """As browsers write a challenge: base64url without padding."""
    return urlsafe_b64encode(challenge).rstrip(b"=").decode()


def client_data(kind: str, challenge: str, origin: str, **members: object) -> bytes:
    """As Chromium writes it (section 5.8.1.1); more members come at the end."""
    data = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False} | members
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


class SoftwarePasskey:
    """``algorithm`` is ``ES256`` or ``EdDSA``; ``RS256`` and ``ES384`` are there to be refused.

    What differs from the truth is said by name: ``flags``, ``rp_id``, ``origin``, ``kind`` (client data's ``type``),
    ``spelled_challenge`` (text in place of the right one), ``members`` of client data (``crossOrigin``…), ``extra`` bytes
    after authenticator data; ``raw`` client data and ``cut`` of authenticator data replace all of it.
    """

    def __init__(self, algorithm: str, rp_id: str, origin: str) -> None:
        self.algorithm, self.rp_id, self.origin = algorithm, rp_id, origin
        self.credential_id = os.urandom(16)
        if algorithm in ("ES256", "ES384"):
            self.private = ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())
        elif algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        elif algorithm == "RS256":
            self.private = rsa.generate_private_key(65537, 2048)
        else:
            raise ValueError(algorithm)
        public = self.private.public_key()
        self.cose = cbor.encode(cose.CoseKey.for_name(algorithm).from_cryptography_key(public))

    def register(
        self,
        challenge: bytes,
        *,
        flags: int = UP | UV | AT,
        rp_id: str | None = None,
        origin: str | None = None,
        kind: str = "webauthn.create",
        spelled_challenge: str | None = None,
        members: dict[str, object] | None = None,
        cose: bytes | None = None,
        credential_id: bytes | None = None,
        extra: bytes = b"",
        after: bytes = b"",
        statement: tuple[str, dict] = ("none", {}),
    ) -> Registration:
        """What ``navigator.credentials.create()`` gives. ``cose`` replaces the key, ``after`` follows the whole."""
        data = self._head(rp_id, flags)
        if flags & AT:
            name = self.credential_id if credential_id is None else credential_id
            data += bytes(16) + struct.pack(">H", len(name)) + name + (self.cose if cose is None else cose)
        made = {"fmt": statement[0], "attStmt": statement[1], "authData": data + extra}
        client = client_data(kind, spelled_challenge or spelled(challenge), origin or self.origin, **(members or {}))
        return Registration(cbor.encode(made) + after, client)

    def assertion(
        self,
        message: bytes,
        *,
        flags: int = UP | UV,
        rp_id: str | None = None,
        origin: str | None = None,
        kind: str = "webauthn.get",
        spelled_challenge: str | None = None,
        members: dict[str, object] | None = None,
        counter: int = 0,
        extra: bytes = b"",
        cut: int | None = None,
        raw: bytes | None = None,
    ) -> Assertion:
        """What ``navigator.credentials.get()`` gives for a document's bytes."""
        challenge = spelled_challenge or spelled(hashlib.sha256(message).digest())
        client = client_data(kind, challenge, origin or self.origin, **(members or {})) if raw is None else raw
        data = (self._head(rp_id, flags, counter) + extra)[:cut]
        return Assertion(data, client, self.sign(data + hashlib.sha256(client).digest()))

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(data, ec.ECDSA(hashes.SHA256() if self.algorithm == "ES256" else hashes.SHA384()))

    def _head(self, rp_id: str | None, flags: int, counter: int = 0) -> bytes:
        return hashlib.sha256((rp_id or self.rp_id).encode()).digest() + struct.pack(">BI", flags, counter)
