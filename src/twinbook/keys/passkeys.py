"""Passkeys: signatures by WebAuthn credentials, checked offline (W3C Web Authentication Level 3).

A passkey doesn't sign a document. It signs what it saw (authenticator data) and what the browser saw (client data), and
the browser's part holds a challenge. Here the challenge is the SHA-256 of the document, so that both parts, kept as the
signature's evidence, prove years later and without a server that this document was confirmed, on which page, and that
the person was verified by her device.

Everything is strict where a lenient reading would let two texts mean the same: one encoding of a key, one spelling of a
challenge, lower-case hex, no member twice, nothing after the end. Nothing here knows the time, the books or a session:
whether a registration's challenge is fresh and whether a key is taken is for the caller.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fido2 import cbor, cose
from fido2.webauthn import AuthenticatorData

from twinbook.domain.errors import SignatureRefused
from twinbook.domain.party import Key, Role, Signature

T = TypeVar("T")

ES256 = "webauthn-es256"
EDDSA = "webauthn-eddsa"
ALGORITHMS = frozenset({ES256, EDDSA})

AUTHENTICATOR_DATA = "authenticator_data"
CLIENT_DATA = "client_data"

# True answers have a few hundred bytes, with a chain of attestation certificates a few thousand. The CBOR reader copies
# what remains for every item it reads, so its time grows with the square of what it is given.
_LARGEST = 64 * 1024
_LARGEST_CREDENTIAL_ID = 1023  # section 7.1
_FIXED = 32 + 1 + 4  # rpIdHash, flags, signCount: section 6.1

_FLAG = AuthenticatorData.FLAG

# The curve of Ed25519 has eight points of small order; these are their y, in RFC 8032's encoding without the sign of x.
# Under such a key a signature that anybody can write down fits many messages, and under the second fits all of them.
_SMALL_ORDER = frozenset(
    bytes.fromhex(y)
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)
_ED25519_PRIME = 2**255 - 19


def challenge(message: bytes) -> bytes:
    """What the browser is given to have this message signed: its SHA-256."""
    return hashlib.sha256(message).digest()


def key_id(public: bytes) -> str:
    """The name of a passkey's public key: the first 128 bits of the SHA-256 of its COSE_Key bytes."""
    return f"webauthn:{hashlib.sha256(public).hexdigest()[:32]}"


def registered(
    attestation_object: bytes,
    client_data: bytes,
    *,
    challenge: bytes,
    rp_id: str,
    origin: str,
    party: str,
    role: Role,
) -> Key:
    """The public key of a new passkey as it is registered for a party, from ``navigator.credentials.create()``.

    Checks what section 7.1 asks of a relying party but for attestation: an attestation statement of any format is taken
    and not evaluated, so nothing is known about the make of the device, and the key's holder proves the private half
    only with her first signature. ``challenge`` is the one that was sent, fresh for this registration. Raises
    SignatureRefused ``signature.passkey``.
    """
    _check_client_data(client_data, "webauthn.create", challenge, origin)
    attestation = _read(cbor.decode, attestation_object, "its attestation object")
    data = attestation.get("authData") if isinstance(attestation, dict) else None
    if type(data) is not bytes:
        raise _refused("its attestation object holds no authenticator data")
    credential = _check_authenticator_data(data, rp_id).credential_data
    if credential is None:
        raise _refused("it names no key")
    if len(credential.credential_id) > _LARGEST_CREDENTIAL_ID:
        raise _refused("the name of its credential is too long")
    # fido2 encodes the credential anew while it reads; only where that gives the bytes that came are they known.
    if not data[_FIXED:].startswith(credential):
        raise _refused("its key is not in canonical form")
    public = bytes(credential[16 + 2 + len(credential.credential_id) :])
    algorithm, _ = _public_key(public)
    return Key(key_id(public), algorithm, public.hex(), party, role, rp_id=rp_id, origin=origin)


def from_response(key: Key, authenticator_data: bytes, client_data: bytes, signature: bytes) -> Signature:
    """The signature in what ``navigator.credentials.get()`` answered, as it is kept. Nothing is checked here: `verify`
    does, now and whenever somebody asks again."""
    evidence = {AUTHENTICATOR_DATA: authenticator_data.hex(), CLIENT_DATA: client_data.hex()}
    return Signature(key=key.id, algorithm=key.algorithm, value=signature.hex(), evidence=evidence)


def verify(message: bytes, signature: Signature, key: Key) -> bool:
    """Whether the signature is the passkey's over exactly these bytes (section 7.2). Offline, never raises.

    Who holds one ES256 signature (r, s) can write down a second, (r, n - s), that is as good. It says the same of the
    same document, so authenticity doesn't suffer; but signatures are counted by key and document, never by their value.
    """
    try:
        _check(message, signature, key)
    except Exception:  # total by contract: whatever goes wrong while reading what a stranger sent, it isn't a signature
        return False
    return True


def _check(message: bytes, signature: Signature, key: Key) -> None:
    """Raises for everything but a good signature."""
    public = from_hex(key.public)
    algorithm, cose_key = _public_key(public)
    if not key_id(public) == key.id == signature.key:
        raise _refused("it was made with another key")
    if not algorithm == key.algorithm == signature.algorithm:
        raise _refused("its algorithm is not the key's")
    if signature.evidence.keys() != {AUTHENTICATOR_DATA, CLIENT_DATA}:
        raise _refused("its evidence is not complete")
    authenticator_data = from_hex(signature.evidence[AUTHENTICATOR_DATA])
    client_data = from_hex(signature.evidence[CLIENT_DATA])
    if _check_authenticator_data(authenticator_data, key.rp_id).credential_data is not None:
        raise _refused("it names a key, as only a registration does")
    # The sign counter isn't looked at. Passkeys that sync between devices always send 0 (section 6.1.1); and what a
    # counter is for, noticing a replay, has no object here: each challenge is the hash of one document, so that a
    # replay signs the same document again and changes nothing.
    _check_client_data(client_data, "webauthn.get", challenge(message), key.origin)
    cose_key.verify(authenticator_data + hashlib.sha256(client_data).digest(), from_hex(signature.value))


def _check_client_data(data: bytes, kind: str, challenge: bytes, origin: str) -> None:
    """Section 5.8.1, and steps 5 to 11 of 7.1 and 8 to 14 of 7.2. Raises SignatureRefused."""
    client = _read(_json, data, "its client data")
    if not isinstance(client, dict):
        raise _refused("its client data is not an object")
    if client.get("type") != kind:
        raise _refused(f"it is not an answer of the kind {kind}")
    if client.get("challenge") != urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii"):
        raise _refused("it answers another challenge")
    if not origin or client.get("origin") != origin:
        raise _refused(f"it was not made on the page {origin}")
    # Inside somebody else's page she doesn't see whose button she presses (section 13.5.2).
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        raise _refused("it was made inside another page")


def _check_authenticator_data(data: bytes, rp_id: str) -> AuthenticatorData:
    """Section 6.1. Extensions are read over: none was asked for. Raises SignatureRefused."""
    read = _read(AuthenticatorData, data, "its authenticator data")
    if not rp_id or read.rp_id_hash != hashlib.sha256(rp_id.encode("utf-8")).digest():
        raise _refused(f"it is not for {rp_id}")
    if not read.flags & _FLAG.UP:
        raise _refused("nobody touched the device")
    if not read.flags & _FLAG.UV:
        raise _refused("the device didn't verify who uses it")
    if read.flags & _FLAG.BS and not read.flags & _FLAG.BE:
        raise _refused("it says it is backed up and can't be")
    if read.flags & _FLAG.ED and not isinstance(read.extensions, Mapping):
        raise _refused("its extensions are not a map")
    return read


def _public_key(public: bytes) -> tuple[str, cose.CoseKey]:
    """The algorithm and the key in these COSE_Key bytes, which must be their one canonical form: the key's name is a
    hash of them, and one key must not have two names (sections 5.8.5 and 6.5.1). Raises SignatureRefused."""
    read = _read(_canonical_key, public, "its public key")
    if read is None:
        raise _refused("its algorithm is neither ES256 nor EdDSA")
    if cbor.encode(read) != public:
        raise _refused("its key is not in canonical form")
    return (ES256 if isinstance(read, cose.ES256) else EDDSA), read


def _canonical_key(public: bytes) -> cose.CoseKey | None:
    """The key written anew from its numbers; None for other algorithms. Raises whatever comes, for what is no key."""
    members = cbor.decode(public)
    if members[3] == cose.ES256.ALGORITHM:
        x, y = (int.from_bytes(members[label], "big") for label in (-2, -3))
        return cose.ES256.from_cryptography_key(EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key())
    if members[3] == cose.EdDSA.ALGORITHM:
        return cose.EdDSA.from_cryptography_key(ed25519_public(members[-2]))
    return None


def ed25519_public(point: bytes) -> Ed25519PublicKey:
    """The key of these 32 bytes, of a passkey or of a key file. Raises ValueError for what is no point in its one
    encoding, and for the points under which anybody can sign."""
    y = int.from_bytes(point, "little") & (2**255 - 1)
    if y >= _ED25519_PRIME or y.to_bytes(32, "little") in _SMALL_ORDER:
        raise ValueError("not a point that only one person can sign with")
    return Ed25519PublicKey.from_public_bytes(point)


def _read(parse: Callable[[bytes], T], data: bytes, what: str) -> T:
    """What a parser makes of bytes from outside. Raises SignatureRefused, whatever the parser raises: on malformed bytes
    fido2's are known for IndexError, KeyError, TypeError and RecursionError besides ValueError."""
    if len(data) > _LARGEST:
        raise _refused(f"{what} is too long")
    try:
        return parse(data)
    except Exception as error:
        raise _refused(f"{what} can't be read") from error


def _json(data: bytes) -> object:
    """UTF-8 JSON without a byte order mark in which no object has a member twice: of two challenges in one answer
    different readers would see different ones. Raises ValueError or RecursionError."""
    return json.loads(data.decode("utf-8"), object_pairs_hook=_members)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands there twice")
    return members


def from_hex(text: str) -> bytes:
    """Lower-case hex and nothing else, so that one signature has one spelling. Raises ValueError."""
    data = bytes.fromhex(text)
    if data.hex() != text:
        raise ValueError("not lower-case hex")
    return data


def _refused(diagnosis: str) -> SignatureRefused:
    return SignatureRefused("signature.passkey", f"The passkey's answer can't be taken: {diagnosis}")
