"""Where her data lies: what is open under a permit, and what a law makes outlive an erasure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import numpy as np

from ..domain.permit import Permit
from .pictures import Plate


class OpenTwin(Protocol):
    """What the vault hands out for one permit, and nothing else does. Closed when its ``with`` block ends."""

    permit: Permit

    def plate(self, plate_id: str) -> Plate:
        """What the permit's act may read of it (`domain.permit.READS`): an array that it may not is empty or None."""

    def put_plate(self, plate: Plate) -> None:
        """Needs a permit to enroll."""

    def picture(self, name: str, beside: Sequence[OpenTwin] = ()) -> np.ndarray:
        """A picture made of her that was stored under ``name``: uint8 (h, w, c). ``beside`` are the others in it, as when
        it was stored, in the same order."""

    def put_picture(self, name: str, pixels: np.ndarray, beside: Sequence[OpenTwin] = ()) -> None:
        """Store under ``<work>/<name>`` or replace, whole or not at all. Needs a permit to render or measure.

        With others ``beside`` her in it, it takes every one's key to open: when any of them is erased, nobody can."""

    def weights(self, name: str) -> bytes:
        """What was trained on her and stored under ``name``: an adapter, or what a training goes on from. Decrypted into
        memory only. Needs a permit to train or render. Raises VaultRefused ``vault.missing``."""

    def put_weights(self, name: str, data: bytes) -> None:
        """Store or replace, whole or not at all. Needs a permit to train."""

    def drop_weights(self, name: str) -> None:
        """Overwrite and remove; idempotent. Needs a permit to train."""


class PermitRegister(Protocol):
    """Remembers, across processes and crashes, which permits were used and what was revoked."""

    def spend(self, permit: Permit) -> None:
        """Use the permit up. Raises VaultRefused ``permit.spent`` or ``permit.revoked``; atomic."""


@dataclass(frozen=True)
class BoxState:
    """What lies in one talent's box: her sealed objects and their bytes; ``drafts`` are leftovers of killed writers.
    ``name`` is the folder's, which names nobody. ``rotating`` when a rotation of her key was broken off."""

    name: str
    objects: int
    size: int
    rotating: bool
    drafts: int


@dataclass(frozen=True)
class VaultState:
    """``rotating`` when a rotation of the master key was broken off."""

    boxes: tuple[BoxState, ...]
    rotating: bool


class Vault(Protocol):
    """Loans of one twin go on beside each other; whatever can't waits for them, and raises StateError ``vault.busy`` when
    they don't end."""

    def open(self, twin: str, permit: Permit) -> AbstractContextManager[OpenTwin]:
        """The only way to a twin. ``twin`` is the talent's id. Checks MAC, expiry, act, single use and revocation;
        raises VaultRefused."""

    def erase(self, twin: str) -> None:
        """Destroy the data key, then the objects. What is left can't be read by anybody. Idempotent."""

    def forget_pictures(self, twin: str, work: str) -> None:
        """Overwrite and remove every picture of a work that lies in a talent's box. Idempotent."""

    def forget_weights(self, twin: str) -> None:
        """Overwrite and remove everything that was trained on a talent, and what a training would go on from.
        Idempotent."""

    def alias(self, twin: str) -> str:
        """What she is called when her own id must go: always the same, and nobody's without the vault's keys."""

    def copy_secret(self) -> bytes:
        """What the secret codes of delivered copies are drawn from: 32 bytes, always the same, through every rotation."""

    def rotate(self, twin: str) -> int:
        """Give a talent a new data key, and seal every object of hers anew; returns how many. Broken off anywhere,
        everything can be read and the same call goes on. Raises VaultRefused ``vault.missing``."""

    def state(self) -> VaultState: ...

    def box(self, twin: str) -> str:
        """The name of her box in `state`."""


@dataclass(frozen=True)
class Retained:
    """A paper kept because a law says so, as the shelf lists it: ``id`` is nobody's name, ``alias`` what she is called in the
    books since, ``kind`` what it is (``license``, ``statement``, ``party``), ``why`` the statute. Kept to the end of
    ``until``."""

    id: str
    alias: str
    kind: str
    why: str
    kept_at: datetime
    until: date


class Retention(Protocol):
    """Papers that outlive an erasure, under a key that opens nothing else."""

    def keep(self, retained: Retained, document: Mapping[str, object]) -> None:
        """Store whole or not at all; the same id again replaces it."""

    def all(self) -> Sequence[Retained]:
        """Oldest first."""

    def open(self, retained_id: str) -> Mapping[str, object]:
        """Raises InputError ``retention.unknown``, StateError ``vault.damaged``."""

    def destroy(self, retained_id: str) -> None:
        """Overwrite and remove. Idempotent."""
