"""Of which released copy was a leaked picture made? A finding for a person to judge, never a verdict.

The original of every copy is made again from what lies in the vault, under a permit for evidence: without her consent
there is no original, and nothing to compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twinbook.domain.errors import InputError
from twinbook.domain.provenance import CopyScore, CopyTrace, ReleaseId, copy_name
from twinbook.domain.work import Stage, Work

from . import copies, pass_on
from .office import Office
from .verify import verify

CAUTION = (
    "A copy that scores above the threshold is in this picture; that doesn't say by whom it was passed on. Hear the "
    "licensee before anything follows."
)


@dataclass(frozen=True)
class Copied:
    """How much of one released copy's secret code a picture holds: ``score`` scatters around 0 with a deviation of 1 for
    copies that it wasn't made of. ``licensee`` is whom the release was made for, ``recipient`` whom that one passed this copy
    on to ("" for its own)."""

    release: str
    format: str
    licensee: str
    score: float
    recipient: str = ""


@dataclass(frozen=True)
class Traced:
    """Every copy that was asked about, the likeliest first. ``threshold`` is the score that any innocent one among them
    reaches with the chance ``false_accusation``, at most; ``overlap`` the share of the original that was there to compare."""

    ranked: tuple[Copied, ...]
    threshold: float
    false_accusation: float
    overlap: float

    @property
    def above(self) -> tuple[Copied, ...]:
        return tuple(each for each in self.ranked if each.score >= self.threshold)

    def document(self) -> dict[str, object]:
        """For ``trace --json``."""
        return {
            "copies": [
                {
                    "release": each.release,
                    "format": each.format,
                    "licensee": each.licensee,
                    "recipient": each.recipient or None,
                    "score": round(each.score, 2),
                    "above": each.score >= self.threshold,
                }
                for each in self.ranked
            ],
            "threshold": round(self.threshold, 2),
            "false_accusation": self.false_accusation,
            "overlap": round(self.overlap, 3),
            "caution": CAUTION,
        }


def trace(office: Office, data: bytes, releases: Sequence[str] = ()) -> Traced:
    """Rank the copies of these releases, or of the one that the picture's marks and looks lead to.

    Raises InputError ``trace.unknown`` when no release is found or the picture can't be laid over any copy,
    ``image.unreadable``; Refused when what the originals rest on was revoked.
    """
    works = [_released(office, name) for name in releases] or [_found(office, data)]
    secret = office.vault.copy_secret()
    # Every copy is asked about at each original: the code of a copy with another frame is as innocent there as any.
    names = {
        copy_name(work.release, name, recipient): (work, name, recipient)
        for work in works
        for name, recipient in _copies(office, work)
    }
    traces: list[CopyTrace] = []
    best: dict[str, CopyScore] = {}
    for work in works:
        for copy in work.copies:
            pixels, marking = copies.as_released(office, work, copy.format)
            found = office.reader.trace(data, office.sealer.original(pixels, marking), secret, list(names))
            if found is None:
                continue
            traces.append(found)
            for each in found.ranked:
                best[each.copy] = max(each, best.get(each.copy, each), key=lambda score: score.score)
    if not traces:
        raise InputError("trace.unknown", "the picture can't be laid over any copy of " + ", ".join(map(_name, works)))
    ranked = sorted(best.values(), key=lambda each: (-each.score, each.copy))
    copied = tuple(_copied(office, *names[each.copy], each.score) for each in ranked)
    # Each original was another try, so the bound on chance is shared among them.
    chance = traces[0].false_accusation * len(traces)
    return Traced(copied, max(t.threshold for t in traces), min(chance, 1.0), max(trace.overlap for trace in traces))


def _copies(office: Office, work: Work) -> list[tuple[str, str]]:
    """Every copy of a release: its format, and the recipient that it was made for."""
    with office.unit() as unit:
        passed = pass_on.recipients(unit, work)
    own = [(copy.format, "") for copy in work.copies]
    return own + [(filed.partition("@")[0], recipient) for filed, recipient in sorted(passed.items())]


def _copied(office: Office, work: Work, format_name: str, recipient: str, score: float) -> Copied:
    with office.unit() as unit:
        papers = [unit.papers.get(digest) for digest in work.licenses.values()]
    brands = sorted({paper.terms.brand.name for paper in papers if paper is not None and not paper.erased})
    return Copied(work.release.hex, format_name, ", ".join(brands), score, recipient)


def _released(office: Office, name: str) -> Work:
    try:
        release = ReleaseId(name)
    except ValueError as error:
        raise InputError("trace.unknown", str(error)) from error
    with office.unit() as unit:
        work = unit.works.by_release(release)
    if work is None or work.stage is not Stage.RELEASED:
        raise InputError("trace.unknown", f"the books of this home know no release {name}")
    return work


def _found(office: Office, data: bytes) -> Work:
    judgement = verify(office, data)
    if judgement.release is None:
        raise InputError("trace.unknown", "neither its marks nor its looks lead to a release of this home")
    return _released(office, judgement.release)


def _name(work: Work) -> str:
    return f"{work.name} ({work.release})"
