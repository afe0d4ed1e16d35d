"""A shot on its way from brief to released picture, as a value that is stored after every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from .brief import Shot
from .canonical import digest
from .errors import CODES, Reason
from .fidelity import Finding
from .provenance import ReleaseId, SourceType
from .twin import Box


class Stage(StrEnum):
    """Where a shot is. ``released``, ``refused`` and ``quarantined`` are ends; the rest are on the way."""

    BRIEFED = "briefed"
    HELD = "held"
    RENDERED = "rendered"
    JUDGED = "judged"
    RELEASED = "released"
    REFUSED = "refused"
    QUARANTINED = "quarantined"


ENDS = frozenset({Stage.RELEASED, Stage.REFUSED, Stage.QUARANTINED})
NEXT = {
    Stage.BRIEFED: {Stage.HELD, Stage.REFUSED},
    Stage.HELD: {Stage.RENDERED, Stage.REFUSED},
    Stage.RENDERED: {Stage.JUDGED, Stage.QUARANTINED, Stage.REFUSED},
    Stage.JUDGED: {Stage.RELEASED, Stage.REFUSED},
    Stage.REFUSED: {Stage.BRIEFED},
}


@dataclass(frozen=True)
class Made:
    """What is known of a rendering besides its pixels, which lie in the vault under ``picture``; ``sha256`` is over
    those pixels. ``faces``, ``person`` and ``hands``, as far as they are known, are boxes in them."""

    picture: str
    sha256: str
    faces: tuple[Box, ...]
    person: Box
    source_type: SourceType
    operations: tuple[str, ...]
    engine_version: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    hands: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Copy:
    """One released file. ``sha256`` is over its bytes."""

    format: str
    name: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Work:
    """``licenses`` maps each talent to the digest of the license she is in this shot under; ``plates`` is the
    engine's choice, by talent; ``attempt`` counts how often a refused shot was tried anew; ``version`` guards against two writers; ``staged`` says which of
    the outbox's staged copies were released."""

    id: str
    campaign: str
    name: str
    shot: Shot
    licenses: Mapping[str, str]
    release: ReleaseId
    stage: Stage = Stage.BRIEFED
    attempt: int = 1
    version: int = 0
    plates: Mapping[str, str] = field(default_factory=dict)
    made: Made | None = None
    findings: tuple[Finding, ...] = ()
    calibrated: bool = True
    reasons: tuple[Reason, ...] = ()
    copies: tuple[Copy, ...] = ()
    staged: str = ""
    released_at: datetime | None = None

    def to(self, stage: Stage, **changes) -> Work:
        """The same work at its next stage. Raises ValueError for a step that the way doesn't have."""
        if stage not in NEXT.get(self.stage, ()):
            raise ValueError(f"a shot can't go from {self.stage} to {stage}")
        return replace(self, stage=stage, **changes)

    def without(self, talent: str, alias: str) -> Work:
        """The same work with nothing left in it that tells of a talent: she is ``alias``, what people wrote about the shot
        is gone, and so is what was measured on her picture. Digests stay: they name no one."""

        def other(name: str) -> str:
            return alias if name == talent else name

        return replace(
            self,
            name=f"shot-{self.id[:8]}",
            shot=replace(
                self.shot,
                id=f"shot-{self.id[:8]}",
                talents=tuple(map(other, self.shot.talents)),
                plate=None,
                words="",
                credits=(),
                generate=self.shot.generate and replace(self.shot.generate, prompt="erased"),
            ),
            licenses={other(name): license for name, license in self.licenses.items()},
            plates={},
            findings=(),
            reasons=tuple(Reason(why.code, CODES[why.code][0], CODES[why.code][1]) for why in self.reasons),
            copies=tuple(replace(copy, name=f"{copy.format}{self.shot.file.suffix}") for copy in self.copies),
        )


def work_id(shot: Shot, licenses: Mapping[str, str], occurrence: int) -> str:
    """What makes a shot the same shot: its brief, the licenses it is made under and which one it is among equals.

    Not its name nor its place in the file: moving a shot makes nothing twice, and a new license makes a new usage.
    """
    brief = {k: v for k, v in shot.document().items() if k != "id"}
    return digest({"brief": brief, "licenses": dict(licenses), "occurrence": occurrence})[:20]
