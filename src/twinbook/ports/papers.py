"""What people and other machines are given to read: sheets, papers, credentials, notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np

from ..domain.capture import Verdict
from ..domain.errors import Reason
from ..domain.fidelity import Finding
from ..domain.form import Form
from ..domain.paper import Paper
from ..domain.party import Verify
from ..domain.royalty import Statement
from ..domain.weights import Checkpoint


@dataclass(frozen=True)
class SheetCopy:
    """One released copy as the contact sheet shows it: ``file`` is relative to the page."""

    format: str
    file: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class SheetShot:
    """One shot on the contact sheet. ``outcome`` is released, refused, quarantined or waiting; ``before`` is the
    photograph it started from, as a file; ``shares`` are (party, amount) of the fee, all talents together. ``made`` says in
    words what its copies are, empty when there are none; ``from_words`` when no photograph is in it."""

    name: str
    outcome: str
    talents: tuple[str, ...]
    brief: str
    before: Path | None
    copies: tuple[SheetCopy, ...]
    findings: tuple[Finding, ...]
    calibrated: bool
    reasons: tuple[Reason, ...]
    release: str | None
    licenses: tuple[str, ...]
    terms: str
    fee: str
    shares: tuple[tuple[str, str], ...]
    engine: str
    seconds: float
    made: str = ""
    from_words: bool = False


@dataclass(frozen=True)
class Sheet:
    """The contact sheet's content. ``warnings`` are shown on top, in plain sight."""

    title: str
    brand: str
    made_at: datetime
    shots: tuple[SheetShot, ...]
    total: str
    log_line: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SessionSheet:
    """A capture session's report. ``files`` and ``verdicts`` go together; ``kept`` says whether plates were made of it
    under her consent or nothing was kept, ``compared`` whether faces were compared with each other."""

    title: str
    made_at: datetime
    files: tuple[Path, ...]
    verdicts: tuple[Verdict, ...]
    kept: bool
    compared: bool


@dataclass(frozen=True)
class Disclosure:
    """The first page of a copy of everything held about a person. ``sections`` maps each part (``papers``, ``plates``, …)
    to the files in it; ``left_out`` counts unreleased pictures that show others as well."""

    name: str
    at: datetime
    request: str
    sections: Mapping[str, Sequence[str]]
    left_out: int


@dataclass(frozen=True)
class TrainingCard:
    """What is said of a checkpoint on paper. ``photographs`` are the file stems of the plates that went in, by plate id, as
    far as they are still known."""

    talent_name: str
    checkpoint: Checkpoint
    photographs: Mapping[str, str]


class Documents(Protocol):
    """Papers for people, made from values; nothing here decides anything."""

    def session_sheet(self, sheet: SessionSheet) -> str:
        """One self-contained HTML page: what each photograph of a capture session is good for, and what to retake."""

    def disclosure(self, disclosure: Disclosure, language: str = "en") -> str:
        """One self-contained HTML page that links to every file."""

    def png(self, rgb_srgb: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
        """Pixels as a PNG without anything attached, with their matte if there is one."""

    def contact_sheet(self, sheet: Sheet) -> str:
        """One self-contained HTML page."""

    def training_card(self, card: TrainingCard) -> bytes:
        """A checkpoint's card, PDF: what it was trained on and how, what came out, and what it may be used for."""

    def statement_pdf(self, statement: Statement) -> bytes: ...

    def statement_csv(self, statement: Statement) -> str: ...

    def speaks(self, language: str) -> bool:
        """Whether papers can be put before people in this language (BCP 47)."""

    def plain_words(self, terms: Form, language: str = "en") -> Sequence[str]:
        """What somebody signs, as sentences for the person who signs it. A line that begins with two spaces and a dash is
        an item of a list. A language that isn't there gives English."""

    def paper_pdf(self, paper: Paper, language: str = "en") -> bytes:
        """A consent, license or other paper as people read it, with the digest and signatures of the exact terms."""

    def deal_memo_pdf(self, license: Paper, language: str = "en") -> bytes:
        """A license as a deal memo: who, what, when, for how much and who gets what of it."""


# --- rights as others read them -----------------------------------------------------------------------------------


class RawSigner(Protocol):
    """An Ed25519 key of the home: the log's. ``public`` is 32 bytes, a signature 64."""

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class CredentialState(StrEnum):
    VALID = "valid"
    NOT_YET = "not yet"
    EXPIRED = "expired"
    INVALID = "invalid"


@dataclass(frozen=True)
class CredentialReading:
    """What a credential proves. ``why`` says what keeps it from being valid; of an invalid one nothing else is told.
    ``signed`` is what the issuer says about who signed: role, party, key and moment of each."""

    state: CredentialState
    why: str = ""
    issuer: str = ""
    paper: str = ""
    terms: Form | None = None
    issued: datetime | None = None
    signed: tuple[Mapping[str, str], ...] = ()


class Interchange(Protocol):
    """Consents and licenses in the formats of others. Pure and offline; reading is strict, and evaluates nothing."""

    def policy(self, terms: Form, bound: bool) -> dict[str, object]:
        """An ODRL policy in JSON-LD; ``bound`` when everybody has signed. Raises InputError ``interchange.unsupported``."""

    def read_policy(self, data: bytes) -> Form:
        """The terms in a policy. Raises InputError ``interchange.unsupported``, ``interchange.malformed``."""

    def credential(self, paper: Paper, signer: RawSigner, verify: Verify, at: datetime) -> dict[str, object]:
        """A verifiable credential of a paper that everybody signed. Raises Refused with the paper's faults."""

    def read_credential(self, data: bytes, now: datetime, issuer: str = "") -> CredentialReading:
        """What a credential proves, by the issuer named or by any. Never raises."""


# --- notices on their way -----------------------------------------------------------------------------------------


class Post(Protocol):
    """Carries a notice to a licensee's machine. Nothing that the other side does costs more than bounded time and memory."""

    def check(self, url: str) -> None:
        """Raises InputError ``notice.address`` for an address that nothing may be sent to."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post once and return the HTTP status; no redirect is followed, no answer read beyond its status.

        Raises InputError ``notice.address``, StateError ``notice.undelivered`` when nobody answered.
        """
