"""Ed25519 keys in files, and the verification of signatures: theirs and, handed on, those of passkeys.

A key file is PKCS #8 in PEM, readable by its owner alone. Whose key it is stands in the home where its public half was
registered, not in the file: a file can be renamed, a registration can't.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from twinbook import durable
from twinbook.domain.errors import InputError
from twinbook.domain.party import Key, Role, Signature

from . import passkeys

ED25519 = "ed25519"


def _raw_public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id(public: bytes) -> str:
    """The name of a public key: its algorithm and the first 128 bits of its SHA-256."""
    return f"{ED25519}:{hashlib.sha256(public).hexdigest()[:32]}"


class KeyFile:
    """A private key on this machine. Nothing but the person's own command makes one."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = _raw_public(private)
        self.id = key_id(self.public)

    @classmethod
    def make(cls, file: Path) -> KeyFile:
        """A new key in a new file. Raises InputError ``key.exists``."""
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            durable.write(file, pem, mode=0o600, replace=False)
        except FileExistsError as error:
            raise InputError("key.exists", f"{file} is there already") from error
        return cls(private)

    @classmethod
    def load(cls, file: Path) -> KeyFile:
        """Raises InputError ``key.unreadable`` or ``key.permissions``."""
        try:
            data = file.read_bytes()
            if os.name == "posix" and file.stat().st_mode & 0o077:
                raise InputError("key.permissions", f"{file} can be read by others", f"run: chmod 600 {file}")
            private = serialization.load_pem_private_key(data, password=None)
        except (OSError, ValueError, TypeError) as error:
            raise InputError("key.unreadable", f"{file} is not a key file") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise InputError("key.unreadable", f"{file} is not an Ed25519 key")
        return cls(private)

    def sign(self, message: bytes) -> Signature:
        return Signature(key=self.id, algorithm=ED25519, value=self._private.sign(message).hex())

    def sign_raw(self, message: bytes) -> bytes:
        """The bare 64 bytes, for the log's checkpoints."""
        return self._private.sign(message)

    def registered(self, party: str, role: Role) -> Key:
        """The public half as it is registered for a party."""
        return Key(self.id, ED25519, self.public.hex(), party, role)


def verify(message: bytes, signature: Signature, key: Key) -> bool:
    """Whether the signature is the key's over exactly these bytes. The one entry for key files and passkeys: the
    registered key says which it is, never the signature. Offline, never raises.

    Under a key whose name doesn't fit its bytes, or with which anybody could sign, nothing is a signature.
    """
    if key.algorithm in passkeys.ALGORITHMS:
        return passkeys.verify(message, signature, key)
    if signature.key != key.id or signature.algorithm != key.algorithm or key.algorithm != ED25519:
        return False
    try:
        public = passkeys.from_hex(key.public)
        if key_id(public) != key.id:
            return False
        passkeys.ed25519_public(public).verify(passkeys.from_hex(signature.value), message)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def verify_raw(message: bytes, signature: bytes, public: bytes) -> bool:
    """A bare Ed25519 signature, as checkpoints carry it. Never raises."""
    try:
        passkeys.ed25519_public(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
