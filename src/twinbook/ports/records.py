"""The clock, and what a home remembers: one transaction, its tables behind protocols."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Protocol

from ..domain.consent import Part
from ..domain.ledger import Transaction
from ..domain.log import Checkpoint, Entry
from ..domain.notice import Outgoing
from ..domain.paper import Paper
from ..domain.party import Key, PaperKind, Party, Signature, Verify
from ..domain.provenance import ReleaseId
from ..domain.twin import Twin
from ..domain.weights import Checkpoint as Trained
from ..domain.work import Work
from .registry import Issued


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, with the UTC time zone set."""


# The rules verify signatures themselves, so the protocol is theirs; adapters meet it here among the other ports.
Verifier = Verify


# --- the database -----------------------------------------------------------------------------------------------


class Parties(Protocol):
    def put(self, party: Party) -> None:
        """Add the party or update its name."""

    def get(self, party_id: str) -> Party | None: ...

    def register(self, key: Key, at: datetime) -> None:
        """Raises SignatureRefused ``signature.key_taken`` when the key is another party's. A key that is there stays as
        it is. Whether a party may have another key is for the services to say."""

    def end_key(self, key_id: str, at: datetime | None) -> None:
        """From this moment on the key's signatures don't count; None takes an end back."""

    def key(self, key_id: str) -> Key | None: ...

    def keys(self) -> Sequence[Key]: ...

    def die(self, talent: str, on: date | None) -> None:
        """Note the day of her death; None takes a mistaken report back."""

    def died(self, talent: str) -> date | None: ...

    def log_secret(self, talent: str) -> bytes:
        """Her secret for recognising log leaves about her; made on first use. Raises InputError ``talent.unknown``."""


class PaperFile(Protocol):
    def draw(self, paper: Paper, talent: str, terms: str, at: datetime) -> None:
        """File a paper; one that is there stays as it is. ``terms`` is the digest of its undated terms."""

    def by_terms(self, kind: PaperKind, talent: str, terms: str) -> Paper | None:
        """The newest paper with these terms."""

    def get(self, paper_digest: str) -> Paper | None: ...

    def starting(self, prefix: str) -> Sequence[Paper]:
        """The papers whose digests begin like this, oldest first: all of them for an empty text."""

    def sign(self, paper_digest: str, signature: Signature, at: datetime) -> None:
        """Add a signature; the same one again changes nothing."""

    def revoke(self, paper_digest: str, by: str, at: datetime) -> None:
        """Note that a paper is revoked by the paper ``by`` from a moment on. The earliest moment stands."""

    def withdraw(self, paper_digest: str, part: Part, by: str, at: datetime) -> None:
        """Note that a part of a consent is withdrawn by the paper ``by``. The earliest moment stands."""

    def of(self, talent: str, kind: PaperKind) -> Sequence[Paper]:
        """Oldest first."""


class Twins(Protocol):
    def current(self, talent: str) -> Twin | None: ...

    def talents(self) -> Sequence[str]:
        """Whoever has a twin, by id."""

    def captures(self, talent: str) -> str | None:
        """The digest of the captures that the current twin was made from."""

    def made_at(self, talent: str) -> datetime | None:
        """When her current twin was made."""

    def put(self, twin: Twin, captures: str, at: datetime) -> None: ...


class Checkpoints(Protocol):
    """What was trained on twins: everything but the bytes, which lie in the vault."""

    def put(self, checkpoint: Trained) -> None:
        """Raises StateError ``training.failed`` when this one is there already: nothing of a checkpoint is edited."""

    def get(self, checkpoint_id: str) -> Trained | None: ...

    def of_twin(self, talent: str, twin: str) -> Sequence[Trained]:
        """Those of one version of her twin, the newest last."""

    def current(self, talent: str) -> Sequence[Trained]:
        """Those of her current twin, the newest last."""

    def all(self) -> Sequence[Trained]:
        """The newest last."""

    def drop(self, talent: str) -> int:
        """Take hers out, when she lets nobody train on her any more; how many there were."""


class Works(Protocol):
    def get(self, work_id: str) -> Work | None: ...

    def put(self, work: Work) -> Work:
        """Store the work and return it with its next version. Raises StateError ``home.busy`` when somebody else
        stored it since it was read."""

    def of_campaign(self, campaign: str) -> Sequence[Work]: ...

    def of_talent(self, talent: str) -> Sequence[Work]: ...

    def by_release(self, release: ReleaseId) -> Work | None: ...

    def released(self) -> Sequence[Work]:
        """Every work that was released, whatever became of it, by release id."""


class Books(Protocol):
    def post(self, transaction: Transaction) -> None:
        """Raises StateError ``books.hold`` when a transaction with this id is there already."""

    def open_holds(self, work_id: str) -> Sequence[Transaction]:
        """Holds of this shot that are neither settled nor voided."""

    def images(self, talent: str, year: int, month: int, but: str) -> int:
        """Her images held in that month (UTC) or settled in it, without those of the shot ``but``. One that was held in
        one month and settled in the next counts in both: neither may exceed what she allows."""

    def images_licensed(self, license: str, but: str) -> int:
        """Images held or settled under a license ever, without those of the shot ``but``."""

    def unpaid(self, talent: str, brand: str) -> Sequence[Transaction]:
        """Settlements of a brand's images of her that no payout followed, oldest first."""

    def transactions(self) -> Sequence[Transaction]: ...


class LogFile(Protocol):
    def append(self, entry: Entry) -> int:
        """Add a leaf and return its index."""

    def bodies(self) -> Sequence[bytes]:
        """Every leaf's bytes, in order."""

    def put_checkpoint(self, checkpoint: Checkpoint) -> None: ...

    def checkpoints(self) -> Sequence[Checkpoint]: ...


class Notices(Protocol):
    """Notices to licensees, and where they are sent."""

    def put(self, outgoing: Outgoing) -> None:
        """Queue a notice, or note how far it has got; what it says never changes."""

    def get(self, notice_id: str) -> Outgoing | None: ...

    def all(self) -> Sequence[Outgoing]:
        """Oldest first."""

    def due(self, at: datetime) -> Outgoing | None:
        """The notice that has been due for longest and wasn't delivered."""

    def address(self, party: str) -> str | None: ...

    def set_address(self, party: str, url: str | None) -> None:
        """Where the party's notices are sent from now on; None for nowhere."""


class UnitOfWork(Protocol):
    """One transaction: what is done in its ``with`` block is committed whole at the end, or not at all when it raises.

    Writers exclude each other, so what was read in it still holds when it commits: that is what makes caps exact.
    """

    parties: Parties
    papers: PaperFile
    twins: Twins
    checkpoints: Checkpoints
    works: Works
    books: Books
    log: LogFile
    notices: Notices
    issued: Issued

    def spend(self, permit_id: str, at: datetime) -> bool:
        """Use a permit up; False when it was used before."""

    def forget(self, talent: str, alias: str) -> None:
        """Take a talent out of every table: name, birthday, keys, signatures, the documents of her papers, twin, checkpoints, what
        people wrote about her shots, and her id itself. Figures, digests, days and revocations stay, under ``alias``."""

    def __enter__(self) -> UnitOfWork: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
