"""Keys that sign claims and lie outside of this program: in a security module (PKCS #11), or behind a command (KMS).

Whatever such a key answers is checked against its certificate before it is used: a signature that doesn't fit would
only be noticed by whoever looks at the picture. Claims are signed with ES256 (RFC 9053, 2.1): ECDSA on P-256 over SHA-256,
64 bytes, r then s.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ..domain.errors import StateError

COMMAND_SECONDS = 60
_HALF = 32  # bytes of r, and of s, on P-256


class ClaimKey:
    """A key that signs and is never seen. Implements `ports.ClaimKey`; safe to call from several threads."""

    def __init__(self, chain_pem: str, sign: Callable[[bytes], bytes], name: str) -> None:
        """``sign`` answers with a signature in DER or as r and s; ``name`` says in errors where the key lies."""
        self._public = x509.load_pem_x509_certificates(chain_pem.encode("utf-8"))[0].public_key()
        self._sign, self._name = sign, name
        if not isinstance(self._public, ec.EllipticCurvePublicKey) or not isinstance(self._public.curve, ec.SECP256R1):
            raise StateError("seal.certificate", "the certificate's key is not on P-256, which ES256 needs")

    def __repr__(self) -> str:
        return f"ClaimKey({self._name})"

    def sign(self, message: bytes) -> bytes:
        """The ES256 signature, 64 bytes. Raises StateError ``seal.signer`` when none is had or it doesn't fit."""
        answer = self._sign(message)
        for read in (_raw, _der):
            try:
                r, s = read(answer)
                self._public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
            except (InvalidSignature, ValueError):
                continue
            return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
        raise StateError(
            "seal.signer",
            f"{self._name} answered {len(answer)} bytes that are no ES256 signature under the certificate's key",
        )


def _raw(answer: bytes) -> tuple[int, int]:
    if len(answer) != 2 * _HALF:
        raise ValueError("not r and s")
    return int.from_bytes(answer[:_HALF], "big"), int.from_bytes(answer[_HALF:], "big")


def _der(answer: bytes) -> tuple[int, int]:
    return decode_dss_signature(answer)


def command_key(command: str, chain_pem: str) -> ClaimKey:
    """The key behind a program, for instance a cloud's KMS: it gets the bytes to sign on standard input, and writes the
    signature (ECDSA over their SHA-256, in DER or as r and s) to standard output within a minute.

    ``command`` is split as a shell would, and no shell runs it. Raises StateError ``seal.signer`` for an empty command.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise StateError("seal.signer", f"the signing command can't be split into words: {error}") from error
    if not words:
        raise StateError("seal.signer", "the signing command is empty")
    program = Path(words[0]).name

    def sign(message: bytes) -> bytes:
        try:
            done = subprocess.run(words, input=message, capture_output=True, timeout=COMMAND_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise StateError("seal.signer", f"{program} gave no signature within {COMMAND_SECONDS} seconds") from error
        except OSError as error:
            raise StateError("seal.signer", f"{program} can't be run: {error.strerror or error}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise StateError(
                "seal.signer",
                f"{program} ended with status {done.returncode}" + (f": {said[-1][:200]}" if said else ""),
            )
        return done.stdout

    return ClaimKey(chain_pem, sign, program)


def pkcs11_key(uri: str, chain_pem: str) -> ClaimKey:
    """The key in a security module, named by a URI (RFC 7512): ``token`` and ``object`` in its path, ``module-path`` and
    ``pin-source`` (a file that nobody else may read) in its query.

    Needs `twinbook[pkcs11]`. Raises StateError ``seal.signer`` for a URI that says too little, a module that can't be
    loaded, a token, PIN or key that isn't there.
    """
    try:
        import pkcs11
    except ImportError as error:
        raise StateError(
            "seal.signer", "a key in a security module needs python-pkcs11", "pip install 'twinbook[pkcs11]'"
        ) from error
    path, _, query = uri.removeprefix("pkcs11:").partition("?")
    named = {key: unquote(value) for key, _, value in (part.partition("=") for part in path.split(";"))}
    asked = {key: values[0] for key, values in parse_qs(query, strict_parsing=False).items()}
    missing = [key for key in ("token", "object") if not named.get(key)]
    missing += [key for key in ("module-path", "pin-source") if not asked.get(key)]
    if missing:
        raise StateError(
            "seal.signer",
            f"the PKCS #11 URI names no {', '.join(missing)}",
            "write pkcs11:token=…;object=…?module-path=…&pin-source=…",
        )
    pin = _pin(Path(asked["pin-source"].removeprefix("file:")))
    # A session is one conversation: two threads may not speak in it at once.
    lock = threading.Lock()
    try:
        session = pkcs11.lib(asked["module-path"]).get_token(token_label=named["token"]).open(user_pin=pin)
        key = session.get_key(
            object_class=pkcs11.ObjectClass.PRIVATE_KEY, key_type=pkcs11.KeyType.EC, label=named["object"]
        )
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise StateError("seal.signer", f"the key in {named['token']} can't be had: {_said(error)}") from error

    def sign(message: bytes) -> bytes:
        try:
            with lock:  # not ECDSA_SHA256: many modules sign only what is hashed already
                return key.sign(hashlib.sha256(message).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        except pkcs11.PKCS11Error as error:
            raise StateError("seal.signer", f"{named['token']} didn't sign: {_said(error)}") from error

    return ClaimKey(chain_pem, sign, f"the security module {named['token']}")


def _pin(file: Path) -> str:
    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise StateError("seal.signer", f"{file.name} can be read by others", f"run chmod 600 {file}")
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise StateError("seal.signer", f"the PIN in {file.name} can't be read") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
