"""What is this picture? Judge any image by its marks, and by the books when they are at hand."""

from __future__ import annotations

from dataclasses import dataclass

from twinbook.domain.license import License
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind
from twinbook.domain.provenance import Likeness, Reading, ReleaseId, State, state_of
from twinbook.domain.revocation import Grounds, Revocation
from twinbook.domain.work import Stage, Work
from twinbook.ports import Reader, UnitOfWork

from .office import Office


@dataclass(frozen=True)
class Judgement:
    """``release`` is what the marks or the books name; ``evidence`` says in sentences what the state rests on."""

    state: State
    release: str | None
    reading: Reading
    likeness: Likeness | None
    evidence: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """For ``verify --json``."""
        reading = self.reading
        return {
            "state": self.state.value,
            "release": self.release,
            "evidence": list(self.evidence),
            "manifest": reading.manifest.state,
            "signer": reading.manifest.signer,
            "problems": list(reading.manifest.problems),
            "watermark": reading.watermark.release.hex if reading.watermark.release else None,
            "watermark_confidence": round(reading.watermark.confidence, 4),
            "digital_source_type": reading.source_type,
            "label": reading.label,
            "altered_share": round(self.likeness.altered_share, 4) if self.likeness else None,
        }


def verify_alone(reader: Reader, data: bytes) -> Judgement:
    """By its own marks, with no books at hand: revocation and term can't be told."""
    reading = reader.read(data)
    state = state_of(reading, issued=False, revoked=False, expired=False, likeness=None)
    release = reading.manifest.release or (reading.watermark.release.hex if reading.watermark.release else None)
    said = (*_marks(reading), "no books at hand: whether it was revoked or its term is over can't be told")
    return Judgement(state, release, reading, None, said)


def verify(office: Office, data: bytes) -> Judgement:
    """By its marks and by the books of this home. Raises InputError ``image.unreadable``."""
    reading = office.reader.read(data)
    said = list(_marks(reading))
    with office.unit() as unit:
        work = _issued(unit, reading)
        revoked, expired = _standing(office, unit, work, said) if work else (False, False)
    likeness = _likeness(office, work, data) if work else None
    if work is None:
        said.append("the books of this home know no release by these marks")
    else:
        said.append(f"released as {work.release} on {work.released_at.date().isoformat()}")
        if likeness is None:
            said.append("it can't be laid over any copy of that release")
        elif likeness.altered_share:
            said.append(f"{likeness.altered_share:.1%} of its area departs from the released copy")
        else:
            said.append("apart from encoding and size it is the released copy")
    state = state_of(reading, issued=work is not None, revoked=revoked, expired=expired, likeness=likeness)
    return Judgement(state, work.release.hex if work else reading.manifest.release, reading, likeness, tuple(said))


def _marks(reading: Reading) -> list[str]:
    manifest = {
        "trusted": f"its C2PA manifest is intact and signed by {reading.manifest.signer or 'a trusted signer'}",
        "untrusted": f"its C2PA manifest is intact, but nobody vouches for its signer {reading.manifest.signer}".rstrip(),
        "invalid": "its C2PA manifest does not fit the picture: " + ", ".join(reading.manifest.problems),
        "absent": "it carries no C2PA manifest",
    }[reading.manifest.state]
    mark = reading.watermark
    return [
        manifest,
        f"its watermark names release {mark.release}" if mark.release else "no watermark could be read",
        f"its metadata call it {reading.source_type.rsplit('/', 1)[-1]}"
        if reading.source_type
        else "its metadata don't say how it was made",
    ]


def _issued(unit: UnitOfWork, reading: Reading) -> Work | None:
    """The release that the marks name, the strongest mark first. Metadata alone are a hint, held to the picture."""
    names = [reading.manifest.release, reading.watermark.release and reading.watermark.release.hex, reading.xmp_release]
    for name in names:
        try:
            work = unit.works.by_release(ReleaseId(name)) if name else None
        except ValueError:
            continue
        if work and work.stage is Stage.RELEASED:
            return work
    return None


def _standing(office: Office, unit: UnitOfWork, work: Work, said: list[str]) -> tuple[bool, bool]:
    """Whether what it rests on was revoked, and whether a term is over."""
    revoked = expired = False
    today = office.clock.now().date()
    for digest in work.licenses.values():
        license = unit.papers.get(digest)
        papers = [license]
        if not license.erased:
            terms: License = license.terms
            papers.append(unit.papers.get(terms.consent))
            if terms.ends and today > terms.ends:
                expired = True
                said.append(f"its license ended on {terms.ends.isoformat()}")
        for paper in papers:
            if paper is None or paper.revoked_at is None:
                continue
            day = paper.revoked_at.date().isoformat()
            if paper.revoked_at > office.clock.now():
                said.append(f"notice was given: the {paper.kind.name.lower()} ends on {day}")
            elif _by_notice(unit, paper):
                expired = True
                said.append(f"its license ended by notice on {day}")
            else:
                revoked = True
                said.append(f"the {paper.kind.name.lower()} was revoked on {day}")
    return revoked, expired


def _by_notice(unit: UnitOfWork, license: Paper) -> bool:
    """Whether a license ended by its own rule, as a term does: what was issued under it was not taken back."""
    if license.erased or not isinstance(license.terms, License):
        return False
    filed = unit.papers.of(license.terms.talent.id, PaperKind.REVOCATION)
    signed: list[Revocation] = [paper.terms for paper in filed if paper.signatures and not paper.erased]
    ended = [terms for terms in signed if license.digest in terms.targets and terms.effective <= license.revoked_at]
    return bool(ended) and all(terms.grounds is Grounds.NOTICE for terms in ended)


def _likeness(office: Office, work: Work, data: bytes) -> Likeness | None:
    """Compared with each released copy, the most alike counts: a found picture is one of the formats."""
    found = [office.reader.compare(data, file.read_bytes()) for file in office.outbox.released(work.release).values()]
    alike = [likeness for likeness in found if likeness is not None]
    return min(alike, key=lambda likeness: (likeness.altered_share, likeness.worst_cell), default=None)
