"""The papers on file here, by as much of their digest as tells them apart."""

from __future__ import annotations

import re

from twinbook.domain.errors import InputError
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind
from twinbook.ports import UnitOfWork

from .office import Office

# Less is a guess: among a few thousand papers two begin alike in four digits.
_SHORTEST = 8
_DIGEST = re.compile(f"[0-9a-f]{{{_SHORTEST},64}}")


def starting(unit: UnitOfWork, prefix: str) -> Paper:
    """The one paper whose digest begins like this. Raises InputError ``paper.unknown``, ``paper.ambiguous``."""
    prefix = prefix.strip().lower().removesuffix("…")
    if not _DIGEST.fullmatch(prefix):
        raise InputError(
            "paper.unknown", f"{prefix[:64]!r} is no digest", f"give at least {_SHORTEST} of its hex digits"
        )
    found = unit.papers.starting(prefix)
    if not found:
        raise InputError("paper.unknown", f"no paper {prefix!r} is on file here")
    if len(found) > 1:
        raise InputError("paper.ambiguous", f"{len(found)} papers begin with {prefix}")
    return found[0]


def find(office: Office, prefix: str) -> Paper:
    """As `starting`, and there is something left of it. Raises InputError ``paper.unknown``, ``paper.ambiguous``."""
    with office.unit() as unit:
        paper = starting(unit, prefix)
    if paper.erased:
        raise InputError("paper.unknown", "this paper was erased: nothing is left of it but that it was there")
    return paper


def listed(office: Office, talent: str | None = None, kind: PaperKind | None = None) -> list[Paper]:
    """The papers on file, oldest first: all of them, or those about a talent, or of a kind. Raises InputError
    ``party.unknown``."""
    with office.unit() as unit:
        if talent is None:
            return [paper for paper in unit.papers.starting("") if kind in (None, paper.kind)]
        if unit.parties.get(talent) is None:
            raise InputError("party.unknown", f"nobody is called {talent!r} here")
        kinds = [kind] if kind else list(PaperKind)
        found = [paper for one in kinds for paper in unit.papers.of(talent, one)]
    return sorted(found, key=lambda paper: paper.drawn_at)
