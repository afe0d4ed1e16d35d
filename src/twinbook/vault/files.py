"""The vault on disk: everything of a talent under a data key of her own, sealed with AES-256-GCM.

Envelope: a random 256-bit data key per talent, wrapped by a key of the `Ring`, lies beside her objects; destroying that
one file makes all of them noise. Names of folders and objects are HMACs, so that a listing of the disk names nobody. Each
object's name is authenticated with it: a file moved to another name or another talent doesn't open.

Loans of a twin go on beside each other; erasing waits until the last one has ended, so that nobody writes into a box that
is being destroyed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twinbook import durable
from twinbook.domain.errors import InputError, StateError, VaultRefused
from twinbook.domain.permit import READS, WRITES, Act, Kept, Permit
from twinbook.ports import BoxState, Clock, PermitRegister, Plate, VaultState

from . import locks
from .packing import pack, unpack
from .ring import Ring, derive, opened, sealed

PATIENCE = 60.0  # seconds that somebody waits for others who work with the same twin
_KEY = 32
# The folder of everything that was trained on her: it goes at once when she lets nobody train on her any more.
_WEIGHTS = "weights"
# What of a plate is what. Everything that isn't named here is a measurement.
_KEPT = {"rgb_srgb": Kept.PIXELS, "alpha": Kept.PIXELS, "embedding": Kept.TEMPLATE}


@dataclass(frozen=True)
class _Picture:
    pixels: np.ndarray


class FileVault:
    """Implements the Vault port. ``register`` remembers spent permits and revocations; ``master`` is 32 bytes."""

    def __init__(
        self, folder: Path, master: bytes, register: PermitRegister, clock: Clock, patience: float = PATIENCE
    ) -> None:
        if len(master) != _KEY:
            raise InputError("key.master", "the master key has not 32 bytes")
        self._folder, self._register, self._clock, self._patience = folder, register, clock, patience
        self._master, self._locks = master, folder.parent / "locks"
        self._ring = Ring.load(folder / "ring", master)
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
        # Asked for revocations only with the loan begun: an erasure either was first, or waits for its end.
        with self._loan(twin, alone=False):
            self._register.spend(permit)
            keys = self._keys(twin, make=permit.act is Act.ENROLL)
            lent = _OpenTwin(self._box(twin), permit, keys, self._writing(twin))
            try:
                yield lent
            finally:
                lent.close()

    def erase(self, twin: str) -> None:
        with self._loan(twin, alone=True):
            box = self._box(twin)
            durable.shred(box / "key")
            durable.remove_folder(box)
            for lock in ("write", "door", "loan"):
                locks.remove(self._lock(twin, lock))

    def forget_pictures(self, twin: str, work: str) -> None:
        self._forget(twin, f"picture/{work}")

    def forget_weights(self, twin: str) -> None:
        self._forget(twin, _WEIGHTS)

    def _forget(self, twin: str, what: str) -> None:
        with self._loan(twin, alone=False), self._writing(twin)():
            keys = self._keys(twin, make=False, missing=None)
            folder = self._box(twin) / keys.hidden(what) if keys else None
            for file in folder.iterdir() if folder and folder.is_dir() else ():
                durable.drop(file)
            if folder:
                durable.remove_folder(folder)

    def alias(self, twin: str) -> str:
        return "erased-" + hmac.new(self._ring.names, b"alias/" + twin.encode(), hashlib.sha256).hexdigest()[:20]

    def copy_secret(self) -> bytes:
        return hmac.digest(self._ring.names, b"copies", "sha256")

    def rotate(self, twin: str) -> int:
        with self._loan(twin, alone=True), self._rotation(alone=False):
            keys = self._keys(twin, make=False)
            if len(keys.data) == 1:  # otherwise one that was broken off goes on
                keys = replace(keys, data=(AESGCM.generate_key(256), *keys.data))
                self._save_keys(twin, keys)
        # From here on every loan writes under the new key and reads under either.
        with self._loan(twin, alone=False):
            keys = self._keys(twin, make=False)
            changed = 0
            for file in _objects(self._box(twin)) if len(keys.data) > 1 else ():
                with self._writing(twin)():
                    changed += _renewed(file, keys)
            with self._rotation(alone=False):
                self._save_keys(twin, replace(keys, data=keys.data[:1]))
        return changed

    def rotate_master(self, new: bytes, adopted: Callable[[], None] = lambda: None) -> int:
        """Wrap every data key anew, so that ``new`` opens the vault and the old master key doesn't; returns how many.
        ``adopted`` is called when either opens it: the moment to put the new key where the old one lies.

        Broken off anywhere, both keys open it and the same call goes on. Raises InputError ``key.master``.
        """
        if len(new) != _KEY:
            raise InputError("key.master", "the new master key has not 32 bytes")
        file = self._folder / "ring"
        with self._rotation(alone=True):
            ring = Ring.load(file, self._master)
            if ring.slots < 2:
                if hmac.compare_digest(new, self._master):
                    raise InputError("key.master", "this is the master key already", "give a new one")
                ring = replace(ring, wraps=(AESGCM.generate_key(256), *ring.wraps), slots=2)
                ring.save(file, (self._master, new))
            elif not hmac.compare_digest(new, self._master):
                Ring.load(file, new)  # a rotation to another key was broken off: that one has to be finished
            boxes = [box / "key" for box in self._boxes()]
            for wrapped in boxes:
                owner = wrapped.parent.name.encode()
                durable.write(wrapped, ring.wrapped(ring.unwrapped(wrapped.read_bytes(), owner), owner), mode=0o600)
            adopted()
            replace(ring, wraps=ring.wraps[:1], slots=1).save(file, (new,))
        return len(boxes)

    def state(self) -> VaultState:
        ring = Ring.load(self._folder / "ring", self._master)
        boxes = []
        for box in self._boxes():
            keys = _Keys.read(ring.unwrapped((box / "key").read_bytes(), box.name.encode()))
            files = _objects(box)
            drafts = sum(file.name.endswith(".part") for file in box.rglob(".*"))
            size = sum(file.stat().st_size for file in files)
            boxes.append(BoxState(box.name, len(files), size, rotating=len(keys.data) > 1, drafts=drafts))
        return VaultState(tuple(boxes), rotating=ring.slots > 1)

    def box(self, twin: str) -> str:
        return self._box(twin).name

    # --- keys -------------------------------------------------------------------------------------------------

    def _box(self, twin: str) -> Path:
        return self._folder / hmac.new(self._ring.names, twin.encode(), hashlib.sha256).hexdigest()[:32]

    def _boxes(self) -> list[Path]:
        return sorted(file.parent for file in self._folder.glob("*/key"))

    def _lock(self, twin: str, what: str) -> Path:
        return self._locks / f"{self._box(twin).name}.{what}"

    @contextmanager
    def _loan(self, twin: str, *, alone: bool) -> Iterator[None]:
        with ExitStack() as loan:
            # Whoever waits to be alone waits in the door, and new loans behind: otherwise they might never end.
            with locks.held(self._lock(twin, "door"), alone=True, patience=self._patience):
                loan.enter_context(locks.held(self._lock(twin, "loan"), alone=alone, patience=self._patience))
            yield

    def _writing(self, twin: str):
        return lambda: locks.held(self._lock(twin, "write"), alone=True, patience=self._patience)

    def _rotation(self, *, alone: bool):
        """Wrapped keys are written together with others, and wrapped anew alone."""
        return locks.held(self._locks / "ring", alone=alone, patience=self._patience)

    def _keys(self, twin: str, *, make: bool, missing: str | None = "vault.missing") -> _Keys | None:
        box = self._box(twin)
        try:
            wrapped = (box / "key").read_bytes()
        except FileNotFoundError:
            if make:
                return self._made_keys(twin)
            if missing is None:
                return None
            raise VaultRefused(missing, "the vault holds nothing of this talent") from None
        try:
            return _Keys.read(self._ring.unwrapped(wrapped, box.name.encode()))
        except InputError:  # wrapped anew since this process began, perhaps
            self._ring = Ring.load(self._folder / "ring", self._master)
            return _Keys.read(self._ring.unwrapped((box / "key").read_bytes(), box.name.encode()))

    def _made_keys(self, twin: str) -> _Keys:
        box, keys = self._box(twin), _Keys(os.urandom(_KEY), (AESGCM.generate_key(256),))
        with self._rotation(alone=False):
            self._ring = Ring.load(self._folder / "ring", self._master)
            wrapped = self._ring.wrapped(keys.written(), box.name.encode())
            try:
                durable.write(box / "key", wrapped, mode=0o600, replace=False)
            except FileExistsError:  # another process was first: its key counts
                return self._keys(twin, make=False)
        return keys

    def _save_keys(self, twin: str, keys: _Keys) -> None:
        box = self._box(twin)
        self._ring = Ring.load(self._folder / "ring", self._master)
        durable.write(box / "key", self._ring.wrapped(keys.written(), box.name.encode()), mode=0o600)


@dataclass(frozen=True)
class _Keys:
    """``names`` hides what an object is and outlives rotations; ``data`` are her data keys, the newest first: two while
    one takes the place of the other."""

    names: bytes
    data: tuple[bytes, ...]

    @classmethod
    def read(cls, payload: bytes) -> _Keys:
        names, *data = (payload[at : at + _KEY] for at in range(0, len(payload), _KEY))
        return cls(names, tuple(data))

    def written(self) -> bytes:
        return b"".join((self.names, *self.data))

    def hidden(self, name: str) -> str:
        return hmac.new(self.names, name.encode(), hashlib.sha256).hexdigest()


def _objects(box: Path) -> list[Path]:
    """Her sealed objects; neither the wrapped key nor drafts that a killed writer left."""
    return sorted(f for f in box.rglob("*") if f.is_file() and f.name != "key" and not f.name.startswith("."))


def _renewed(file: Path, keys: _Keys) -> bool:
    """Seal an object under the newest key; False when it was already, or is gone."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return False
    about = file.name.encode()
    if opened(keys.data[0], data, about) is not None:
        return False
    for key in keys.data[1:]:
        plain = opened(key, data, about)
        if plain is not None:
            durable.write(file, sealed(keys.data[0], plain, about), mode=0o600)
            return True
    raise StateError("vault.damaged", "an object in the vault was changed or damaged; both keys are kept")


class _OpenTwin:
    """A twin on loan for one permit. Every read and write is under the permit's act, and none after the loan."""

    def __init__(self, box: Path, permit: Permit, keys: _Keys, writing: Callable[[], object]) -> None:
        self.permit = permit
        self._box, self._writing = box, writing
        self._keys: _Keys | None = keys

    def close(self) -> None:
        self._keys = None

    def plate(self, plate_id: str) -> Plate:
        self._must(READS, Kept.MEASUREMENTS)
        stored = unpack(Plate, self._load(f"plate/{plate_id}"))
        may = READS[self.permit.act]
        withheld = {
            field.name: _nothing(getattr(stored, field.name))
            for field in fields(stored)
            if _KEPT.get(field.name, Kept.MEASUREMENTS) not in may
        }
        return replace(stored, **withheld)

    def put_plate(self, plate: Plate) -> None:
        self._must(WRITES, Kept.PIXELS)
        self._store(f"plate/{plate.facts.id}", pack(plate))

    def picture(self, name: str, beside: Sequence[_OpenTwin] = ()) -> np.ndarray:
        self._must(READS, Kept.PICTURES)
        if not beside:
            return unpack(_Picture, self._load(f"picture/{name}")).pixels
        locked = self._load(f"picture/{name}.joint")
        plain = opened(_joint_key([other._share(name) for other in beside]), locked, name.encode())
        if plain is None:
            raise StateError("vault.damaged", "a joint picture in the vault doesn't fit the shares of those in it")
        return unpack(_Picture, plain).pixels

    def put_picture(self, name: str, pixels: np.ndarray, beside: Sequence[_OpenTwin] = ()) -> None:
        self._must(WRITES, Kept.PICTURES)
        if not beside:
            self._store(f"picture/{name}", pack(_Picture(pixels)))
            return
        key = _joint_key([other._share(name, make=True) for other in beside])
        # Sealed twice: by what lies with the others, then by her own key as everything of hers.
        self._store(f"picture/{name}.joint", sealed(key, pack(_Picture(pixels)), name.encode()))

    def weights(self, name: str) -> bytes:
        self._must(READS, Kept.WEIGHTS)
        return self._load(f"{_WEIGHTS}/{name}")

    def put_weights(self, name: str, data: bytes) -> None:
        self._must(WRITES, Kept.WEIGHTS)
        self._store(f"{_WEIGHTS}/{name}", data)

    def drop_weights(self, name: str) -> None:
        self._must(WRITES, Kept.WEIGHTS)
        with self._writing():
            durable.drop(self._file(f"{_WEIGHTS}/{name}"))

    def _share(self, name: str, *, make: bool = False) -> bytes:
        """What somebody beside her keeps of a joint picture: 32 random bytes under their own key, made once."""
        self._must(WRITES if make else READS, Kept.PICTURES)
        share = f"picture/{name}.share"
        if make and not self._file(share).exists():
            with self._writing():  # two processes that render the same shot must agree
                if not self._file(share).exists():
                    self._write(share, os.urandom(_KEY))
        return self._load(share)

    def _must(self, table: dict[Act, frozenset[Kept]], what: Kept) -> None:
        if self._keys is None:
            raise VaultRefused("permit.expired", "the twin was handed back already")
        if what not in table.get(self.permit.act, ()):
            raise VaultRefused("permit.act", f"a permit to {self.permit.act} doesn't cover this")

    def _file(self, name: str) -> Path:
        """What belongs to one work lies in a folder of its own, so that it can be destroyed without being named; so does
        what was trained on her, whatever a trainer calls it."""
        kind = name.partition("/")[0]
        if kind == _WEIGHTS:
            return self._box / self._keys.hidden(kind) / self._keys.hidden(name)
        work, _, last = name.rpartition("/")
        folder = self._box / self._keys.hidden(work) if last and "/" in work else self._box
        return folder / self._keys.hidden(name)

    def _load(self, name: str) -> bytes:
        file = self._file(name)
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            raise VaultRefused("vault.missing", f"the vault has no {name.split('/')[0]} of this name") from None
        for key in self._keys.data:
            plain = opened(key, data, file.name.encode())
            if plain is not None:
                return plain
        raise StateError("vault.damaged", f"a {name.split('/')[0]} in the vault was changed or damaged")

    def _store(self, name: str, data: bytes) -> None:
        with self._writing():
            self._write(name, data)

    def _write(self, name: str, data: bytes) -> None:
        file = self._file(name)
        durable.write(file, sealed(self._keys.data[0], data, file.name.encode()), mode=0o600)


def _joint_key(shares: Sequence[bytes]) -> bytes:
    """The key of a joint picture, from one share of each of the others: without any one of them there is none."""
    return hmac.new(b"twinbook/vault/joint", b"".join(shares), hashlib.sha256).digest()


def _nothing(value: object) -> object:
    """In the place of what an act may not read: an array of the same kind with nothing in it."""
    return np.empty((0, *value.shape[1:]), value.dtype) if isinstance(value, np.ndarray) else None
