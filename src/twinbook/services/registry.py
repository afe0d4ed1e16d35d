"""The public side of the books: whether a release still stands, and the signed file that anybody may look pictures up in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from twinbook.domain.errors import InputError
from twinbook.domain.fingerprint import CopyTraits
from twinbook.domain.license import License
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind
from twinbook.domain.registry import PublicRelease, Registry
from twinbook.domain.revocation import Grounds, Revocation
from twinbook.domain.territory import covers
from twinbook.domain.work import Work
from twinbook.ports import UnitOfWork

from .office import Office


@dataclass(frozen=True)
class Standing:
    """What the papers that a release rests on say today. ``until`` is the last day of the shortest license, or the day on
    which one ended by notice; ``sentences`` say what was revoked or is over. ``licenses`` are the terms that are left."""

    revoked: bool
    expired: bool
    until: date | None
    sentences: tuple[str, ...]
    licenses: tuple[License, ...]

    def outside(self, channel: str | None, territory: str | None) -> str | None:
        """Why a use isn't licensed: one that some license of the picture doesn't allow; None when all do."""
        for terms in self.licenses:
            if channel and channel not in terms.channels:
                return f"its license is for {', '.join(sorted(terms.channels))}, not for {channel}"
            if territory and not covers(terms.territories, territory):
                return f"its license is for {', '.join(sorted(terms.territories))}, not for {territory}"
        return None


def standing(office: Office, unit: UnitOfWork, work: Work) -> Standing:
    """Whether what a release rests on was revoked, and whether a term is over."""
    revoked, ends, said, licenses = False, [], [], []
    now = office.clock.now()
    expired = False
    for digest in work.licenses.values():
        license = unit.papers.get(digest)
        papers = [license]
        if not license.erased:
            terms: License = license.terms
            licenses.append(terms)
            papers.append(unit.papers.get(terms.consent))
            if terms.ends:
                ends.append(terms.ends)
                if now.date() > terms.ends:
                    expired = True
                    said.append(f"its license ended on {terms.ends.isoformat()}")
        for paper in papers:
            if paper is None or paper.revoked_at is None:
                continue
            day = paper.revoked_at.date()
            if paper.revoked_at > now:
                ends.append(day)
                said.append(f"notice was given: the {paper.kind.name.lower()} ends on {day.isoformat()}")
            elif _by_notice(unit, paper):
                expired = True
                ends.append(day)
                said.append(f"its license ended by notice on {day.isoformat()}")
            else:
                revoked = True
                said.append(f"the {paper.kind.name.lower()} was revoked on {day.isoformat()}")
    return Standing(revoked, expired, min(ends, default=None), tuple(said), tuple(licenses))


def export(office: Office) -> dict[str, object]:
    """The signed registry of every release of this home, as the document of its file."""
    remember(office)
    with office.unit() as unit:
        copies: dict[str, list[CopyTraits]] = {}
        for copy in unit.issued.all():
            copies.setdefault(copy.release.hex, []).append(copy)
        releases = [
            _public(standing(office, unit, work), work, copies.get(work.release.hex, ()))
            for work in unit.works.released()
        ]
    made = Registry(office.log_signer.origin, office.clock.now().replace(microsecond=0), tuple(releases))
    return made.signed(office.log_signer.public, office.log_signer.sign(made.message))


def remember(office: Office) -> int:
    """Take fingerprints of copies that were released before there were any; returns of how many. A file that is no longer
    there or can't be read any more has none."""
    with office.unit() as unit:
        works = unit.works.released()
        known = {copy.release for copy in unit.issued.all()}
    made = 0
    for work in works:
        if work.release in known:
            continue
        files = office.outbox.released(work.release)
        traits = [_traits(office, work, copy.format, files[copy.name]) for copy in work.copies if copy.name in files]
        with office.unit() as unit:
            # She may have had herself erased meanwhile: nothing of hers is written back.
            if unit.works.get(work.id).copies == work.copies:
                for each in filter(None, traits):
                    unit.issued.put(each)
                    made += 1
    return made


def _traits(office: Office, work: Work, format_name: str, file: Path) -> CopyTraits | None:
    try:
        return office.fingerprinter.copy_traits(file.read_bytes(), work.release, format_name)
    except (InputError, OSError):
        return None


def _public(stands: Standing, work: Work, copies: Sequence[CopyTraits]) -> PublicRelease:
    # A day on which notice is given lies in a paper, but so does the end of a term: which of them it is stays in the home.
    return PublicRelease(work.release, stands.revoked, stands.until, tuple(copies))


def _by_notice(unit: UnitOfWork, license: Paper) -> bool:
    """Whether a license ended by its own rule, as a term does: what was issued under it was not taken back."""
    if license.erased or not isinstance(license.terms, License):
        return False
    filed = unit.papers.of(license.terms.talent.id, PaperKind.REVOCATION)
    signed: list[Revocation] = [paper.terms for paper in filed if paper.signatures and not paper.erased]
    ended = [terms for terms in signed if license.digest in terms.targets and terms.effective <= license.revoked_at]
    return bool(ended) and all(terms.grounds is Grounds.NOTICE for terms in ended)
