"""Making pictures, marking and reading them, and the plain files around them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

from ..domain.brief import Shot
from ..domain.errors import EngineRefused, StateError, TwinbookError
from ..domain.permit import Act
from ..domain.provenance import CopyTrace, Likeness, Marking, Reading, ReleaseId, SourceType
from ..domain.twin import Box, PlateFacts
from ..domain.weights import Checkpoint
from .vault import OpenTwin

Progress = Callable[[int, int], None]


def silent(done: int, steps: int) -> None:
    """A `Progress` that nobody hears."""


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
class Figure:
    """Where a talent is in a picture that was, or will be, made: boxes in its pixels. ``hands`` are those known."""

    face: Box
    person: Box
    hands: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What an engine will do: the plate that each talent is taken from (ids by talent) and the operations, in order.

    ``canvas`` is the picture's width and height, and ``figures`` where everybody will be in it (by talent), as far as
    that can be told from facts; None and empty when the picture is the first talent's plate as it was framed.
    ``ruler`` is another plate of hers, for its measurements alone. ``checkpoints`` are those that are loaded (ids by talent).
    """

    plates: Mapping[str, str]
    operations: tuple[str, ...]
    canvas: tuple[int, int] | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    ruler: str | None = None
    checkpoints: Mapping[str, str] = field(default_factory=dict)

    @property
    def plate(self) -> str:
        """The first talent's."""
        return next(iter(self.plates.values()))


@dataclass(frozen=True)
class RenderJob:
    """One picture to make. ``pictures`` are those that the producer brought, decoded, by `Shot.pictures`: uint8 sRGB
    (h, w, 3), or (h, w, 4) where the file has transparency.

    ``twins`` are open under permits to render, each for its request in ``request_digests``; ``never`` is what must be kept
    out of a picture of each (`domain.generation.negatives`; all by talent). ``progress`` hears steps done and steps in all,
    from an engine that takes its time.
    """

    shot: Shot
    plan: Plan
    request_digests: Mapping[str, str]
    twins: Mapping[str, OpenTwin]
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict)
    seed: int = 0
    never: Mapping[str, frozenset[str]] = field(default_factory=dict)
    progress: Progress = silent


@dataclass(frozen=True)
class Rendering:
    """What came out. ``alpha`` is the talents, all of them, uint8 (h, w). ``generated`` is bool (h, w): True where a trained
    model made a pixel, wholly or in part; None when none did.

    ``altered`` is bool (h, w): True where a pixel isn't a plate's own. Where a plate lies in the picture at its own
    size that means bit for bit; where it had to be made smaller to stand beside somebody else, a pixel is the plate's own
    if nothing but that resampling happened to it. ``figures`` says where each talent is, by talent; empty when the only
    one is where her plate has her.
    """

    rgb_srgb: np.ndarray
    alpha: np.ndarray
    altered: np.ndarray
    generated: np.ndarray | None
    operations: tuple[str, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def source_type(self) -> SourceType:
        """What the mask says, and no engine by its own word."""
        return SourceType.of(0.0 if self.generated is None else float(self.generated.mean()))


class Engine(ABC):
    """Makes pixels, and only under a permit. Subclasses write `_render`; the checks around it are the same for all."""

    @abstractmethod
    def profile(self) -> EngineProfile: ...

    def prepare(self, shot: Shot) -> None:  # noqa: B027 (most engines have nothing to do)
        """What takes long before a plan can be made; it is done outside of any transaction, and done once. Whatever it
        raises, `plan` raises again."""

    @abstractmethod
    def plan(
        self,
        shot: Shot,
        plates: Mapping[str, Sequence[PlateFacts]],
        checkpoints: Mapping[str, Sequence[Checkpoint]] = MappingProxyType({}),
    ) -> Plan:
        """Accept with a plan or raise EngineRefused with the reason, from facts alone (by talent id). ``checkpoints`` are
        those of each talent's current twin, the newest last."""

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
class CopyCode:
    """What the secret code of one copy is drawn from: the vault's secret, and a name that no other copy ever has."""

    secret: bytes = field(repr=False)
    name: str


@dataclass(frozen=True)
class Sealed:
    """One finished copy: the file's bytes, the text of the label that went on, and what its secret code was put on,
    uint8 sRGB (h, w, 3): labelled and watermarked."""

    data: bytes
    label: str
    original_srgb: np.ndarray = field(repr=False)


class ClaimKey(Protocol):
    """A private key outside of this program that signs the claims of manifests."""

    def sign(self, message: bytes) -> bytes:
        """An ES256 signature under the certificate's key: r then s, 64 bytes. Raises StateError ``seal.signer``."""


class Sealer(Protocol):
    def seal(self, rgb_srgb: np.ndarray, marking: Marking, code: CopyCode | None = None) -> Sealed:
        """Label, watermark, the copy's own code if it gets one, XMP, then C2PA over all of it. Raises SealRefused when
        the picture can't carry them, StateError ``seal.certificate``, ``seal.signer``, ``seal.timestamp``."""

    def original(self, rgb_srgb: np.ndarray, marking: Marking) -> np.ndarray:
        """What `seal` puts a copy's code on, made again: the same pixels for the same picture and marking."""


class Reader(Protocol):
    """Shares nothing with the sealer but the specification."""

    def read(self, data: bytes) -> Reading:
        """Never raises for a hostile file but InputError ``image.unreadable``."""

    def compare(self, found: bytes, issued: bytes) -> Likeness | None:
        """None when the two can't be registered onto each other."""

    def draw_alterations(self, found: bytes, issued: bytes) -> bytes | None:
        """A PNG that shows people where the found picture departs; None as above."""

    def trace(
        self, found: bytes, original_srgb: np.ndarray, secret: bytes, copies: Sequence[str], in_place: bool = False
    ) -> CopyTrace | None:
        """Of which copies of an original a file was made: ranked scores and a threshold, for a person to judge; None when
        it can't be laid over the original. ``in_place`` says that it was neither cropped nor turned."""


# --- plain files ------------------------------------------------------------------------------------------------


class Scenes(Protocol):
    """Pictures that a producer brings (places, cloth, packshots); nobody's secret, kept by content."""

    def keep(self, file: Path) -> str:
        """Store the file and name it ``image:<sha-256>``. Raises InputError ``campaign.scene``."""

    def load(self, scene: str) -> np.ndarray:
        """The decoded picture, uint8 sRGB: (h, w, 3), or (h, w, 4) with transparency. Raises InputError
        ``campaign.scene``."""


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

    def add(self, release: ReleaseId, name: str, data: bytes) -> None:
        """Keep a recipient's copy beside the published ones, or replace it; `withdraw` removes it with them. Raises
        StateError ``outbox.missing`` when they aren't there."""

    def added(self, release: ReleaseId) -> Mapping[str, Path]:
        """The recipients' copies by name."""
