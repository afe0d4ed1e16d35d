"""The keys that wrap data keys, sealed by the master key: what lets the master key change without touching an object.

Until the first rotation there is no ring and both keys are derived from the master key. A ring holds them itself, the
newest wrapping key first. While a rotation is under way the ring is sealed twice, by the old master key and by the new
one, so that either opens it; the last step leaves the new one alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twinbook import durable
from twinbook.domain.errors import InputError, StateError

NONCE = 12
_WHAT = b"twinbook/vault/ring"


def derive(master: bytes, purpose: str) -> bytes:
    """A 256-bit key for one purpose from the master key (HKDF-Expand with one block, RFC 5869)."""
    return hmac.new(master, f"twinbook/{purpose}".encode() + b"\x01", hashlib.sha256).digest()


def sealed(key: bytes, data: bytes, about: bytes) -> bytes:
    """AES-256-GCM: nonce, then ciphertext and tag. ``about`` is authenticated with it."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, about)


def opened(key: bytes, data: bytes, about: bytes) -> bytes | None:
    """None when it isn't what this key sealed about this."""
    try:
        return AESGCM(key).decrypt(data[:NONCE], data[NONCE:], about)
    except (InvalidTag, ValueError):
        return None


@dataclass(frozen=True)
class Ring:
    """``wraps`` are keys that wrap data keys, the newest first; ``names`` hides whose box is whose; ``slots`` counts the
    master keys that open it, 0 when there is no ring yet."""

    wraps: tuple[bytes, ...]
    names: bytes
    slots: int = 0

    @classmethod
    def load(cls, file: Path, master: bytes) -> Ring:
        """Raises InputError ``key.master`` when this master key isn't one that opens it."""
        try:
            slots = [bytes.fromhex(slot) for slot in json.loads(file.read_bytes())]
        except FileNotFoundError:
            return cls((derive(master, "vault/wrap"),), derive(master, "vault/names"))
        except (OSError, ValueError, TypeError) as error:
            raise StateError("vault.damaged", f"{file.name} in the vault can't be read") from error
        for slot in slots:
            data = opened(derive(master, "vault/ring"), slot, _WHAT)
            if data is not None:
                kept = json.loads(data)
                return cls(tuple(map(bytes.fromhex, kept["wraps"])), bytes.fromhex(kept["names"]), len(slots))
        raise InputError("key.master", "the master key doesn't open this vault")

    def save(self, file: Path, masters: Sequence[bytes]) -> None:
        """Seal it by each of these master keys, and by no other."""
        data = json.dumps({"wraps": [wrap.hex() for wrap in self.wraps], "names": self.names.hex()}).encode()
        slots = [sealed(derive(master, "vault/ring"), data, _WHAT).hex() for master in masters]
        durable.write(file, json.dumps(slots).encode(), mode=0o600)

    def unwrapped(self, wrapped: bytes, owner: bytes) -> bytes:
        """Raises InputError ``key.master``."""
        for wrap in self.wraps:
            data = opened(wrap, wrapped, owner)
            if data is not None:
                return data
        raise InputError("key.master", "the master key doesn't open this vault")

    def wrapped(self, data: bytes, owner: bytes) -> bytes:
        return sealed(self.wraps[0], data, owner)
