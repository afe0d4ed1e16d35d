"""What a browser answered for a passkey, as a page hands it over: JSON of `PublicKeyCredential.toJSON()`, or the bare response."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import urlsplit

from ..domain.errors import InputError, SignatureRefused
from ..domain.party import Key, Role, Signature
from ..keys import passkeys

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def spelled(challenge: bytes) -> str:
    """As WebAuthn writes bytes: base64url without padding."""
    return urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii")


def asked(message: bytes, key: Key) -> dict[str, object]:
    """What a page gives `navigator.credentials.get()` to have this message signed with this passkey."""
    challenge = spelled(passkeys.challenge(message))
    return {"challenge": challenge, "rpId": key.rp_id, "origin": key.origin, "userVerification": "required"}


def new_key(file: Path, origin: str, rp_id: str | None, party: str, role: Role) -> Key:
    """The public key in a registration (`navigator.credentials.create()`).

    Its challenge is taken as it is: what shows that somebody holds the key, now, is the assertion over the change of keys
    that follows. Raises SignatureRefused ``signature.passkey``.
    """
    where = urlsplit(origin)
    if not where.hostname or where.scheme not in ("https", "http") or where.path or where.query:
        raise InputError("signature.passkey", f"{origin!r} is no origin of a page", "write it like https://example.org")
    attestation, client = _members(file, "attestationObject", "clientDataJSON")
    try:
        challenge = json.loads(client)["challenge"]
        fresh = _decoded(challenge)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable(file) from error
    return passkeys.registered(
        attestation, client, challenge=fresh, rp_id=rp_id or where.hostname, origin=origin, party=party, role=role
    )


def signature(file: Path, key: Key) -> Signature:
    """An assertion (`navigator.credentials.get()`) as the signature of this key, whose it may or may not be."""
    return passkeys.from_response(key, *_members(file, "authenticatorData", "clientDataJSON", "signature"))


def _members(file: Path, *names: str) -> list[bytes]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        response = data.get("response", data)
        return [_decoded(response[name]) for name in names]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(file) from error


def _decoded(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url without padding")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if spelled(data) != text:
        raise ValueError("not the canonical form")
    return data


def _unreadable(file: Path) -> SignatureRefused:
    return SignatureRefused("signature.passkey", f"{file} holds no answer of a passkey", "give what the page wrote")
