"""What the rules and services need from the world. Adapters implement these; `testing` has a public fake of each.

Arrays are named for what they hold: ``rgb_srgb`` is uint8 sRGB of shape (h, w, 3), ``alpha`` is uint8 of shape (h, w),
255 where the talent is. Linear-light arrays are float32 and say ``rgb_linear``. Nothing converts silently.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from .domain.brief import Recolor, Shot
from .domain.capture import Verdict
from .domain.consent import Part
from .domain.errors import EngineRefused, Reason, StateError, TwinbookError
from .domain.fidelity import Calibration, Finding, Measurement
from .domain.form import Form
from .domain.ledger import Transaction
from .domain.log import Checkpoint, Entry
from .domain.notice import Outgoing
from .domain.paper import Paper
from .domain.party import Key, PaperKind, Party, Signature, Verify
from .domain.permit import Act, Permit
from .domain.provenance import Likeness, Marking, Reading, ReleaseId, SourceType
from .domain.royalty import Statement
from .domain.twin import Box, PlateFacts, Twin
from .domain.work import Work


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, with the UTC time zone set."""


# The rules verify signatures themselves, so the protocol is theirs; adapters meet it here among the other ports.
Verifier = Verify


# --- photographs and plates -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Capture:
    """A decoded photograph: upright, sRGB. ``name`` is the file's name, for messages; ``width`` and ``height`` are those
    of the file, which may have been decoded smaller."""

    name: str
    rgb_srgb: np.ndarray
    width: int = 0
    height: int = 0

    @property
    def enlarge(self) -> float:
        """What coordinates in ``rgb_srgb`` are multiplied with to be the file's."""
        return self.width / self.rgb_srgb.shape[1] if self.width else 1.0


@dataclass(frozen=True)
class Plate:
    """A usable capture and what was measured on it once, at enrolment.

    ``landmarks`` are dlib's five points (float32, (5, 2), x then y); ``embedding`` is 128 float64; ``skin_lab`` the
    median CIELAB (D65) of lit face skin, float64 (3,); ``alpha`` is None on a busy backdrop. A plate of view ``profile``
    has no landmarks and no embedding (arrays of length 0): nobody can be recognised by it.

    ``body_skin_lab`` is the same colour of lit skin below the chin (neck, arms), None where none shows; ``regions`` a
    label map, uint8 (h, w); ``shape`` measurements of her body by name.
    """

    facts: PlateFacts
    rgb_srgb: np.ndarray
    alpha: np.ndarray | None
    landmarks: np.ndarray
    embedding: np.ndarray
    skin_lab: np.ndarray
    body_skin_lab: np.ndarray | None = None
    regions: np.ndarray | None = None
    shape: Mapping[str, float] = field(default_factory=dict)

    @property
    def recognisable(self) -> bool:
        return self.embedding.size > 0


@dataclass(frozen=True)
class Enrolled:
    """What an enrolment made: the facts of its plates, why each photograph that can't be used was refused (file name,
    reason), and the verdict on every photograph, in the order given. ``plates`` is empty when a sink took them."""

    facts: tuple[PlateFacts, ...]
    plates: tuple[Plate, ...]
    refused: tuple[tuple[str, TwinbookError], ...]
    verdicts: tuple[Verdict, ...] = ()


class CaptureSession(Protocol):
    """Judges photographs one by one, as they are taken, and keeps no pixels."""

    def add(self, photo: Path) -> Verdict:
        """The verdict on a photograph, as far as it can be told from those before it."""

    def verdicts(self) -> Sequence[Verdict]:
        """The verdicts on all photographs so far, each judged against all others, in the order added."""


@dataclass(frozen=True)
class Asked:
    """What was asked of a picture, as far as measuring it must know. ``plate`` is the id of the plate that it was made
    from, None for one that was generated; ``recolor`` the garment that was to get another colour."""

    plate: str | None = None
    recolor: Recolor | None = None


@dataclass(frozen=True)
class Face:
    """A detected face: ``box`` and ``landmarks`` (float32 (5, 2), x then y) in pixels; ``score`` as the detector gives it.

    Points 0 and 1 are the outer and inner corner of the eye on the right of the picture, 2 and 3 those of the other
    eye, 4 the base of the nose.
    """

    box: Box
    landmarks: np.ndarray
    score: float


class FaceEmbedder(Protocol):
    """Tells one person from another. ``version`` names what it computes: plates of another version aren't comparable.
    ``licence`` is that of its weights."""

    version: str
    licence: str

    def embed(self, rgb_srgb: np.ndarray, face: Face) -> np.ndarray:
        """float64 (d,) whose Euclidean distance is small for one person. Deterministic."""


class Meter(Protocol):
    """Reads people from pixels. Never decides: `domain.capture` and `domain.fidelity` do. ``maker`` is the version of the
    code that makes plates."""

    maker: str

    def session(self, *, compare: bool = True) -> CaptureSession:
        """A new capture session. Without ``compare`` no face is compared with another, and no template computed."""

    def enroll(
        self,
        captures: Sequence[Path],
        progress: Callable[[str], None],
        keep: Callable[[Plate], None] | None = None,
        *,
        tell: Callable[[Verdict], None] = lambda verdict: None,
        named: Collection[str] = (),
    ) -> Enrolled:
        """Make plates of the best photographs of each view, and of all usable ones ``named`` (file stems).

        Each plate goes to ``keep`` as soon as it is made, so that one at a time is in memory; without it they are
        collected. ``tell`` hears a verdict after each photograph. Raises CaptureRefused ``capture.none`` when nothing is
        usable, before anything was kept; every single refusal is told.
        """

    def measure(self, rgb_srgb: np.ndarray, plates: Sequence[Plate], asked: Asked) -> Sequence[Measurement]:
        """The measures of `fidelity.MEASURES` that can be taken of this talent in the picture, those that can't with the
        reason."""

    def calibrate(self, plates: Sequence[Plate]) -> Calibration:
        """What her identity bound is made from: her plates held out one by one, and other people against them."""

    def annotate(self, rgb_srgb: np.ndarray, findings: Sequence[Finding]) -> tuple[np.ndarray, Box]:
        """The picture with what was found marked in it and told beside it, for people: uint8 (h, w, 3), and where in that
        the picture is."""

    def faces(self, rgb_srgb: np.ndarray) -> Sequence[Box]:
        """Where faces are in a picture, largest first."""


# --- the vault --------------------------------------------------------------------------------------------------


class OpenTwin(Protocol):
    """What the vault hands out for one permit, and nothing else does. Closed when its ``with`` block ends."""

    permit: Permit

    def plate(self, plate_id: str) -> Plate:
        """What the permit's act may read of it (`domain.permit.READS`): an array that it may not is empty or None."""

    def put_plate(self, plate: Plate) -> None:
        """Needs a permit to enroll."""

    def picture(self, name: str) -> np.ndarray:
        """A picture made of her that was stored under ``name``: uint8 (h, w, c)."""

    def put_picture(self, name: str, pixels: np.ndarray) -> None:
        """Store under ``<work>/<name>`` or replace, whole or not at all. Needs a permit to render or measure."""


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

    def alias(self, twin: str) -> str:
        """What she is called when her own id must go: always the same, and nobody's without the vault's keys."""

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


# --- engines ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EngineProfile:
    """Capability as data. ``licences`` names the licence of the code and of every weight file it loads."""

    name: str
    version: str
    operations: frozenset[str]
    max_pixels: int
    deterministic: bool
    licences: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """What an engine will do: the plate it starts from and the operations, in order."""

    plate: str
    operations: tuple[str, ...]


@dataclass(frozen=True)
class RenderJob:
    """One picture to make. ``scene_rgb_srgb`` is the decoded scene file, None for studio scenes and the plate's own.

    ``twins`` are open under permits to render, each for its request in ``request_digests`` (both by talent).
    """

    shot: Shot
    plan: Plan
    request_digests: Mapping[str, str]
    twins: Mapping[str, OpenTwin]
    scene_rgb_srgb: np.ndarray | None = None
    seed: int = 0


@dataclass(frozen=True)
class Rendering:
    """What came out. ``altered`` is bool (h, w): True where a pixel isn't the plate's own; ``alpha`` the talent."""

    rgb_srgb: np.ndarray
    alpha: np.ndarray
    altered: np.ndarray
    source_type: SourceType
    operations: tuple[str, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


class Engine(ABC):
    """Makes pixels, and only under a permit. Subclasses write `_render`; the checks around it are the same for all."""

    @abstractmethod
    def profile(self) -> EngineProfile: ...

    @abstractmethod
    def plan(self, shot: Shot, plates: Mapping[str, Sequence[PlateFacts]]) -> Plan:
        """Accept with a plan or raise EngineRefused with the reason, from facts alone (``plates`` by talent id)."""

    @abstractmethod
    def _render(self, job: RenderJob) -> Rendering: ...

    def render(self, job: RenderJob) -> Rendering:
        """Raises EngineRefused (its own reason, or ``engine.permit``) and StateError ``engine.failed``, nothing else."""
        for talent in job.shot.talents:
            twin = job.twins.get(talent)
            if twin is None or twin.permit.act is not Act.RENDER or twin.permit.talent != talent:
                raise EngineRefused("engine.permit", f"there is no open twin of {talent!r} under a permit to render")
            if twin.permit.request_digest != job.request_digests.get(talent):
                raise EngineRefused("engine.permit", f"the permit for {talent!r} is for another request")
        try:
            return self._render(job)
        except TwinbookError:
            raise
        except MemoryError as error:
            raise StateError("engine.failed", "there was not enough memory for this plate") from error
        except Exception as error:
            raise StateError("engine.failed", f"{self.profile().name}: {type(error).__name__}: {error}") from error


# --- the seal and the reader ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sealed:
    """One finished copy: the JPEG's bytes and the text of the label that went on."""

    data: bytes
    label: str


class Sealer(Protocol):
    def seal(self, rgb_srgb: np.ndarray, marking: Marking) -> Sealed:
        """Label, watermark, XMP, then C2PA over all of it. Raises SealRefused when the picture can't carry them,
        StateError ``seal.certificate``."""


class Reader(Protocol):
    """Shares nothing with the sealer but the specification."""

    def read(self, data: bytes) -> Reading:
        """Never raises for a hostile file but InputError ``image.unreadable``."""

    def compare(self, found: bytes, issued: bytes) -> Likeness | None:
        """None when the two can't be registered onto each other."""


# --- plain files ------------------------------------------------------------------------------------------------


class Scenes(Protocol):
    """Backgrounds that a producer brings; nobody's secret, kept by content."""

    def keep(self, file: Path) -> str:
        """Store the file and name it ``image:<sha-256>``. Raises InputError ``campaign.scene``."""

    def load(self, scene: str) -> np.ndarray:
        """The decoded scene, uint8 sRGB (h, w, 3). Raises InputError ``campaign.scene``."""


class Outbox(Protocol):
    """Where released copies become visible. Publishing is a rename; every call is idempotent."""

    def stage(self, release: ReleaseId, copies: Mapping[str, bytes]) -> str:
        """Put all copies of a release aside, and return the name of what was staged: its content decides it, so that
        two processes that seal the same release never mix their copies."""

    def publish(self, release: ReleaseId, staged: str) -> None:
        """Make staged copies visible at once, and throw away others of this release. Raises StateError
        ``outbox.missing`` when they are neither staged nor published."""

    def discard(self, release: ReleaseId) -> None:
        """Throw staged copies away; published ones stay."""

    def withdraw(self, release: ReleaseId) -> None:
        """Remove published copies."""

    def released(self, release: ReleaseId) -> Mapping[str, Path]:
        """The published copies by name; empty when there are none."""


# --- papers for people ------------------------------------------------------------------------------------------


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
    photograph it started from, as a file; ``shares`` are (party, amount) of the fee, all talents together."""

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

    def captures(self, talent: str) -> str | None:
        """The digest of the captures that the current twin was made from."""

    def made_at(self, talent: str) -> datetime | None:
        """When her current twin was made."""

    def put(self, twin: Twin, captures: str, at: datetime) -> None: ...


class Works(Protocol):
    def get(self, work_id: str) -> Work | None: ...

    def put(self, work: Work) -> Work:
        """Store the work and return it with its next version. Raises StateError ``home.busy`` when somebody else
        stored it since it was read."""

    def of_campaign(self, campaign: str) -> Sequence[Work]: ...

    def of_talent(self, talent: str) -> Sequence[Work]: ...

    def by_release(self, release: ReleaseId) -> Work | None: ...


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
    works: Works
    books: Books
    log: LogFile
    notices: Notices

    def spend(self, permit_id: str, at: datetime) -> bool:
        """Use a permit up; False when it was used before."""

    def forget(self, talent: str, alias: str) -> None:
        """Take a talent out of every table: name, birthday, keys, signatures, the documents of her papers, twin, what
        people wrote about her shots, and her id itself. Figures, digests, days and revocations stay, under ``alias``."""

    def __enter__(self) -> UnitOfWork: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
