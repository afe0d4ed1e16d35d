"""The ports that every use case works with, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from twinbook.domain.errors import InputError
from twinbook.domain.log import Entry, mark
from twinbook.domain.policy import Law
from twinbook.ports import (
    Clock,
    Documents,
    Engine,
    Fingerprinter,
    Interchange,
    Inventor,
    Meter,
    Outbox,
    Post,
    Reader,
    Retention,
    Scenes,
    Sealer,
    Trainer,
    UnitOfWork,
    Vault,
    Verifier,
    WeightsShelf,
)


class LogSigner(Protocol):
    """The operator's key for checkpoints. ``origin`` names the log, ``public`` is 32 bytes."""

    origin: str
    public: bytes

    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True)
class Office:
    """``unit`` opens a unit of work, ``compact`` leaves nothing in the database's files of what was deleted; ``token`` gives
    that many random bytes; ``permit_key`` seals permits and is known to the vault as well. Papers lie in ``retention`` to
    the end of ``retention_years`` after the year of the last payment. ``trainer`` and ``inventor`` are loaded when something is asked of them, and
    say then if what it needs isn't installed. ``watch_list`` is a folder of photographs of people whom nobody synthetic
    may look like."""

    clock: Clock
    verify: Verifier
    unit: Callable[[], UnitOfWork]
    compact: Callable[[], None]
    vault: Vault
    retention: Retention
    retention_years: int
    engines: Mapping[str, Engine]
    meter: Meter
    sealer: Sealer
    reader: Reader
    fingerprinter: Fingerprinter
    weights: WeightsShelf
    trainer: Trainer
    inventor: Inventor
    scenes: Scenes
    outbox: Outbox
    documents: Documents
    interchange: Interchange
    post: Post
    law: Law
    log_signer: LogSigner
    token: Callable[[int], bytes]
    permit_key: bytes
    watch_list: Path | None = None

    def engine(self, name: str) -> Engine:
        """Raises InputError ``engine.unknown``."""
        if name not in self.engines:
            raise InputError("engine.unknown", f"there is no engine {name!r}", f"use one of {sorted(self.engines)}")
        return self.engines[name]

    def record(self, unit: UnitOfWork, act: str, facts: Mapping[str, str], talents: tuple[str, ...] = ()) -> int:
        """Write an act into the log, in the caller's transaction, and return its index."""
        nonce = self.token(16).hex()
        who = tuple(mark(unit.parties.log_secret(talent), nonce) for talent in talents)
        return unit.log.append(Entry(self.clock.now(), act, dict(facts), nonce, who))
