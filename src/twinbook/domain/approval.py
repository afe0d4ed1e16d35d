"""What she looks at and says yes to before it leaves: pictures, a campaign's briefs, and words put into her mouth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .consent import Approval
from .form import Form
from .party import PaperKind, Role


@dataclass(frozen=True)
class Approved(Form):
    """Her yes to one picture (``scope`` image: ``release`` and ``picture``, the SHA-256 over its pixels, say which) or to
    a campaign's briefs (``scope`` campaign: both are empty). ``shots`` are ids of the works it is about, each a digest
    of its brief and license, so that a changed brief is not what she approved. ``estate`` signs in her place, if any."""

    KIND = PaperKind.APPROVAL

    talent: str
    scope: Approval
    shots: frozenset[str]
    release: str = ""
    picture: str = ""
    estate: str = ""

    def signers(self) -> Mapping[Role, str]:
        return {Role.ESTATE: self.estate} if self.estate else {Role.TALENT: self.talent}


@dataclass(frozen=True)
class Words(Form):
    """Words that an advertisement attributes to her, exactly as they will stand there, for one brand."""

    KIND = PaperKind.WORDS

    talent: str
    brand: str
    words: str

    def signers(self) -> Mapping[Role, str]:
        return {Role.TALENT: self.talent}
