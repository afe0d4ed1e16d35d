"""Base58 and Ed25519 keys as DIDs.

Multibase and Multikey as in W3C Controlled Identifiers 1.0, sections 2.4 and 2.2.2; did:key as in the W3C Credentials
Community Group's "The did:key Method". Two dozen lines instead of a dependency that nobody has touched for years.
"""

from __future__ import annotations

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUE = {letter: value for value, letter in enumerate(_ALPHABET)}
_LONGEST = 128  # a signature has 88; decoding takes time that grows with the square
_ED25519 = b"\xed\x01"  # multicodec 0xed as a varint
_DID = "did:key:"


def encode(data: bytes) -> str:
    """Multibase base58-btc: ``z`` and the digits. A leading zero byte is a leading ``1``."""
    number, digits = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    return "z" + "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def decode(text: str) -> bytes:
    """The bytes that `encode` makes this text of. Raises ValueError for anything else."""
    if not text.startswith("z") or len(text) > _LONGEST:
        raise ValueError("not a multibase value in base58-btc")
    number, digits = 0, text[1:]
    for letter in digits:
        if letter not in _VALUE:
            raise ValueError(f"{letter!a} is no digit of base58-btc")
        number = number * 58 + _VALUE[letter]
    zeros = len(digits) - len(digits.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def did_of(public: bytes) -> str:
    """The did:key of an Ed25519 public key, 32 bytes."""
    return _DID + encode(_ED25519 + public)


def method_of(did: str) -> str:
    """The one verification method that a did:key has."""
    return f"{did}#{did.removeprefix(_DID)}"


def public_of(did: str) -> bytes:
    """The Ed25519 public key that a did:key is. Raises ValueError."""
    if not did.startswith(_DID):
        raise ValueError("not a did:key")
    raw = decode(did.removeprefix(_DID))
    if len(raw) != 34 or raw[:2] != _ED25519:
        raise ValueError("not the did:key of an Ed25519 key")
    return raw[2:]
