"""The vault on disk: everything of a talent under a data key of her own, sealed with AES-256-GCM.

Envelope: a random 256-bit data key per talent, wrapped by the master key, lies beside her objects; destroying that one
file makes all of them noise. Names of folders and objects are HMACs, so that a listing of the disk names nobody. Each
object's name and owner are authenticated with it: a file moved to another name or another talent doesn't open.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twinbook import durable
from twinbook.domain.errors import InputError, StateError, VaultRefused
from twinbook.domain.permit import Act, Permit
from twinbook.domain.twin import Backdrop, Box, PlateFacts
from twinbook.ports import Clock, PermitRegister, Plate

_NONCE = 12
_MAY_READ = frozenset({Act.RENDER, Act.MEASURE, Act.EVIDENCE, Act.TRAIN})
_MAY_KEEP_PICTURES = frozenset({Act.RENDER, Act.MEASURE})


def derive(master: bytes, purpose: str) -> bytes:
    """A 256-bit key for one purpose from the master key (HKDF-Expand with one block, RFC 5869)."""
    return hmac.new(master, f"twinbook/{purpose}".encode() + b"\x01", hashlib.sha256).digest()


class FileVault:
    """Implements the Vault port. ``register`` remembers spent permits and revocations; ``master`` is 32 bytes."""

    def __init__(self, folder: Path, master: bytes, register: PermitRegister, clock: Clock) -> None:
        if len(master) != 32:
            raise InputError("key.master", "the master key has not 32 bytes")
        self._folder, self._register, self._clock = folder, register, clock
        self._wrap = AESGCM(derive(master, "vault/wrap"))
        self._names = derive(master, "vault/names")
        self._permits = derive(master, "permit")

    @contextmanager
    def open(self, twin: str, permit: Permit) -> Iterator[_OpenTwin]:
        """Check everything about the permit, use it up, then lend the twin for the ``with`` block."""
        if not permit.genuine(self._permits):
            raise VaultRefused("permit.forged", "the permit's seal does not fit what it says")
        if permit.talent != twin:
            raise VaultRefused("permit.act", f"the permit is for {permit.talent}, not for {twin}")
        if self._clock.now() >= permit.expires:
            raise VaultRefused("permit.expired", f"the permit ended at {permit.expires.isoformat()}")
        self._register.spend(permit)
        opened = _OpenTwin(self._box(twin), permit, self._clock.now)
        key = self._data_key(twin, make=permit.act is Act.ENROLL)
        opened.unlock(key)
        try:
            yield opened
        finally:
            opened.close()

    def erase(self, twin: str) -> None:
        box = self._box(twin)
        durable.shred(box / "key")
        durable.remove_folder(box)

    def _box(self, twin: str) -> Path:
        return self._folder / hmac.new(self._names, twin.encode(), hashlib.sha256).hexdigest()[:32]

    def _data_key(self, twin: str, *, make: bool) -> bytes:
        file, owner = self._box(twin) / "key", twin.encode()
        try:
            wrapped = file.read_bytes()
        except FileNotFoundError:
            if not make:
                raise VaultRefused("vault.missing", "the vault holds nothing of this talent") from None
            key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE)
            try:
                durable.write(file, nonce + self._wrap.encrypt(nonce, key, owner), mode=0o600, replace=False)
            except FileExistsError:  # another process was first: its key counts
                return self._data_key(twin, make=False)
            return key
        try:
            return self._wrap.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], owner)
        except (InvalidTag, ValueError) as error:
            raise InputError("key.master", "the master key doesn't open this vault") from error


class _OpenTwin:
    """A twin on loan for one permit. Every read and write is under the permit's act, and none after the loan."""

    def __init__(self, box: Path, permit: Permit, now: Callable[[], datetime]) -> None:
        self.permit = permit
        self._box, self._now = box, now
        self._cipher: AESGCM | None = None

    def unlock(self, key: bytes) -> None:
        self._names = derive(key, "names")
        self._cipher = AESGCM(key)

    def close(self) -> None:
        self._cipher = None

    def plate(self, plate_id: str) -> Plate:
        self._must(_MAY_READ)
        facts, arrays = _unpack(self._load(f"plate/{plate_id}"))
        return Plate(
            facts=_facts(facts),
            rgb_srgb=arrays["rgb_srgb"],
            alpha=arrays.get("alpha"),
            landmarks=arrays["landmarks"],
            embedding=arrays["embedding"],
            skin_lab=arrays["skin_lab"],
        )

    def put_plate(self, plate: Plate) -> None:
        self._must(frozenset({Act.ENROLL}))
        arrays = {
            "rgb_srgb": plate.rgb_srgb,
            "landmarks": plate.landmarks,
            "embedding": plate.embedding,
            "skin_lab": plate.skin_lab,
        }
        if plate.alpha is not None:
            arrays["alpha"] = plate.alpha
        self._store(f"plate/{plate.facts.id}", _pack(asdict(plate.facts), arrays))

    def picture(self, name: str) -> np.ndarray:
        self._must(_MAY_READ)
        return _unpack(self._load(f"picture/{name}"))[1]["pixels"]

    def put_picture(self, name: str, pixels: np.ndarray) -> None:
        self._must(_MAY_KEEP_PICTURES)
        self._store(f"picture/{name}", _pack({}, {"pixels": pixels}))

    def _must(self, acts: frozenset[Act]) -> None:
        if self._cipher is None:
            raise VaultRefused("permit.expired", "the twin was handed back already")
        if self.permit.act not in acts:
            raise VaultRefused("permit.act", f"a permit to {self.permit.act} doesn't cover this")

    def _file(self, name: str) -> Path:
        return self._box / hmac.new(self._names, name.encode(), hashlib.sha256).hexdigest()

    def _load(self, name: str) -> bytes:
        try:
            sealed = self._file(name).read_bytes()
        except FileNotFoundError:
            raise VaultRefused("vault.missing", f"the vault has no {name.split('/')[0]} of this name") from None
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise StateError("vault.damaged", f"a {name.split('/')[0]} in the vault was changed or damaged") from error

    def _store(self, name: str, data: bytes) -> None:
        nonce = os.urandom(_NONCE)
        durable.write(self._file(name), nonce + self._cipher.encrypt(nonce, data, name.encode()), mode=0o600)


def _pack(facts: dict, arrays: dict[str, np.ndarray]) -> bytes:
    out = io.BytesIO()
    np.savez(out, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)
    return out.getvalue()


def _unpack(data: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return json.loads(arrays.pop("facts").tobytes()), arrays


def _facts(data: dict) -> PlateFacts:
    return PlateFacts(
        **{**data, "face": Box(**data["face"]), "person": Box(**data["person"]), "backdrop": Backdrop(data["backdrop"])}
    )
