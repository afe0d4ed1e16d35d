"""What is this picture? Judge any image by its marks, by the books when they are at hand, or by a registry file.

The order is manifest, watermark, metadata, second watermark, fingerprint, geometry: the first that leads to a release that the picture can be
laid over decides. Marks are only believed as far as the picture bears them out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from twinbook.domain.fingerprint import SAME, nearest
from twinbook.domain.provenance import Likeness, Reading, ReleaseId, State
from twinbook.domain.registry import PublicRelease, Registry
from twinbook.domain.second_watermark import likeliest
from twinbook.domain.verdict import SENTENCES, Verdict, judge
from twinbook.domain.work import Stage, Work
from twinbook.ports import Fingerprinter, Reader, UnitOfWork

from .office import Office
from .registry import standing

# Copies whose local features are asked, the likest by fingerprint first: a few milliseconds each.
MOST_GEOMETRY = 400
# Releases that are laid over, once the features say which: shots from one plate all fit.
_MOST_LAID = 8
# Days after which an old registry file is called old.
_STALE_DAYS = 7
_LOOKS = ("its fingerprint", "its geometry")


@dataclass(frozen=True)
class Judgement:
    """``release`` is what the marks or the books name, ``found_by`` what led there; ``evidence`` says in sentences what the
    verdict rests on. ``issued`` is the released copy that it was compared with, as bytes, None when there was none."""

    verdict: Verdict
    release: str | None
    reading: Reading
    likeness: Likeness | None
    evidence: tuple[str, ...]
    found_by: str = ""
    issued: bytes | None = None

    @property
    def state(self) -> State:
        return self.verdict.state

    def document(self) -> dict[str, object]:
        """For ``verify --json``."""
        reading, likeness = self.reading, self.likeness
        return {
            "state": self.state.value,
            "finding": self.verdict.finding.value,
            "condition": self.verdict.condition.value,
            "release": self.release,
            "found_by": self.found_by or None,
            "evidence": list(self.evidence),
            "manifest": reading.manifest.state,
            "manifest_genuine": reading.manifest.genuine or reading.manifest.state == "trusted",
            "signer": reading.manifest.signer,
            "identity": reading.manifest.identity or None,
            "identity_trusted": reading.manifest.identity_trusted,
            "problems": list(reading.manifest.problems),
            "watermark": reading.watermark.release.hex if reading.watermark.release else None,
            "watermark_confidence": round(reading.watermark.confidence, 4),
            "digital_source_type": reading.source_type,
            "label": reading.label,
            "altered_share": round(likeness.altered_share, 4) if likeness else None,
            "coverage": round(likeness.coverage, 4) if likeness else None,
            "alterations": [each.document() for each in likeness.alterations] if likeness else [],
        }


@dataclass(frozen=True)
class _Laid:
    """A release that a picture was laid over: how it compares, with which copy, and whether it is one to the last byte or
    the last pixel."""

    work: Work
    found_by: str
    likeness: Likeness | None = None
    issued: bytes | None = None
    identical: bool = False
    same_pixels: bool = False

    @property
    def fits(self) -> bool:
        return self.likeness is not None or self.identical or self.same_pixels


def verify_alone(reader: Reader, data: bytes) -> Judgement:
    """By its own marks, with no books at hand: revocation and term can't be told."""
    reading = reader.read(data)
    verdict = judge(reading, None, issued=False)
    said = (*_marks(reading), "no books at hand: whether it was revoked or its term is over can't be told")
    return Judgement(verdict, _named(reading), reading, None, said)


def verify_with(
    registry: Registry, reader: Reader, fingerprinter: Fingerprinter, data: bytes, now: datetime
) -> Judgement:
    """By its marks and a registry file, with no home and no network. The released copies aren't in it: a picture that isn't
    one of them to the last pixel is named, and whether it was altered can't be told."""
    reading = reader.read(data)
    said = _marks(reading)
    release, found_by = _registered(registry, reading, fingerprinter, data)
    digest, pixels = hashlib.sha256(data).hexdigest(), fingerprinter.pixels(data)
    copies = release.copies if release else ()
    verdict = judge(
        reading,
        None,
        issued=release is not None,
        identical=any(copy.sha256 == digest for copy in copies),
        same_pixels=any(copy.pixels == pixels for copy in copies),
        revoked=release is not None and release.revoked,
        expired=release is not None and release.expired(now.date()),
    )
    if release is None:
        said.append(f"the registry of {registry.origin} knows no release by these marks, nor by its looks")
    else:
        said.append(f"{found_by} leads to release {release.release} in the registry of {registry.origin}")
        if release.revoked:
            said.append("what it rests on was revoked")
        if release.until:
            said.append(
                f"its license {'ended' if release.expired(now.date()) else 'ends'} on {release.until.isoformat()}"
            )
    said.append(SENTENCES[verdict.condition])
    said.append(f"the registry is of {registry.made_at.date().isoformat()}: what was revoked since it can't know")
    if (now - registry.made_at).days > _STALE_DAYS:
        said.append(f"that is {(now - registry.made_at).days} days ago: get a newer one")
    name = release.release.hex if release else _named(reading)
    return Judgement(verdict, name, reading, None, tuple(said), found_by)


def verify(office: Office, data: bytes, channel: str | None = None, territory: str | None = None) -> Judgement:
    """By its marks, its looks and the books of this home. ``channel`` and ``territory`` say where it was found, if that is to
    be held against its license. Raises InputError ``image.unreadable``."""
    reading = office.reader.read(data)
    said = _marks(reading)
    laid = _find(office, reading, data)
    if laid is None:
        verdict = judge(reading, None, issued=False)
        said.append("the books of this home know no release by these marks, nor by its looks")
        said.append(SENTENCES[verdict.condition])
        return Judgement(verdict, reading.manifest.release, reading, None, tuple(said))
    work, likeness = laid.work, laid.likeness
    with office.unit() as unit:
        stands = standing(office, unit, work)
    said += stands.sentences
    outside = stands.outside(channel, territory)
    verdict = judge(
        reading,
        likeness,
        issued=True,
        identical=laid.identical,
        same_pixels=laid.same_pixels,
        revoked=stands.revoked,
        expired=stands.expired,
        outside=outside is not None,
        by_looks=laid.found_by in _LOOKS,
    )
    said.append(f"{laid.found_by} leads to {work.release}, released on {work.released_at.date().isoformat()}")
    if not laid.fits:
        said.append("it can't be laid over any copy of that release")
    said.append(SENTENCES[verdict.condition])
    said += _departures(reading, likeness)
    if outside:
        said.append(outside)
    return Judgement(verdict, work.release.hex, reading, likeness, tuple(said), laid.found_by, laid.issued)


def alteration_map(office: Office, data: bytes, judgement: Judgement) -> bytes | None:
    """A PNG that shows where a judged picture departs from the copy it was compared with; None when it was with none."""
    return None if judgement.issued is None else office.reader.draw_alterations(data, judgement.issued)


def _departures(reading: Reading, likeness: Likeness | None) -> Iterator[str]:
    if likeness is None:
        return
    if likeness.altered_share:
        yield f"{likeness.altered_share:.1%} of its area departs from the released copy"
    for alteration in likeness.alterations:
        yield alteration.sentence
    if likeness.cropped:
        yield f"it shows {likeness.coverage:.0%} of the released copy"
    if reading.watermark.release is None:
        yield "the watermark that was in it is gone"


def _marks(reading: Reading) -> list[str]:
    manifest = {
        "trusted": f"its C2PA manifest is intact and signed by {reading.manifest.signer or 'a trusted signer'}",
        "untrusted": f"its C2PA manifest is intact, but nobody vouches for its signer {reading.manifest.signer}".rstrip(),
        "invalid": "its C2PA manifest does not fit the picture: " + ", ".join(reading.manifest.problems),
        "absent": "it carries no C2PA manifest",
    }[reading.manifest.state]
    mark = reading.watermark
    organisation = reading.manifest.identity
    vouched = "" if reading.manifest.identity_trusted else ", for whom nobody here vouches"
    return [
        manifest,
        *([f"the organisation {organisation} has signed it as well{vouched}"] if organisation else []),
        f"its watermark names release {mark.release}" if mark.release else "no watermark could be read",
        f"its metadata call it {reading.source_type.rsplit('/', 1)[-1]}"
        if reading.source_type
        else "its metadata don't say how it was made",
    ]


def _names(reading: Reading) -> dict[str, str]:
    """The release ids that the marks give and the mark each comes from, the strongest mark first."""
    watermark = reading.watermark.release
    told = (
        (reading.manifest.release, "its manifest"),
        (watermark.hex if watermark else None, "its watermark"),
        (reading.xmp_release, "its metadata"),
    )
    names: dict[str, str] = {}
    for name, mark in told:
        if name:
            names.setdefault(name, mark)
    return names


def _named(reading: Reading) -> str | None:
    return next(iter(_names(reading)), None)


def _registered(
    registry: Registry, reading: Reading, fingerprinter: Fingerprinter, data: bytes
) -> tuple[PublicRelease | None, str]:
    for name, mark in _names(reading).items():
        release = registry.by_release(name)
        if release:
            return release, mark
    matches = nearest(fingerprinter.traits(data), registry.copies, SAME)
    if matches:
        return registry.by_release(matches[0].copy.release.hex), "its fingerprint"
    return None, ""


# --- looking it up in the books ---------------------------------------------------------------------------------


def _find(office: Office, reading: Reading, data: bytes) -> _Laid | None:
    """The release that the picture is of, and how it lies over its copy. A release that a mark names and the picture can't be
    laid over is the answer only when its looks lead nowhere: watermarks and metadata can be copied."""
    with office.unit() as unit:
        names = _names(reading)
        if reading.second:
            hint = likeliest(reading.second, (work.release for work in unit.works.released()))
            names |= {hint.hex: "its second watermark"} if hint and hint.hex not in names else {}
        named = [(work, mark) for name, mark in names.items() if (work := _released(unit, name))]
    first: _Laid | None = None
    for work, mark in named:
        laid = _lay(office, work, data, mark)
        if laid.fits or (reading.manifest.state == "trusted" and mark == "its manifest"):
            return laid
        first = first or laid
    return _by_looks(office, data, {work.release for work, _ in named}) or first


def _by_looks(office: Office, data: bytes, but: set[ReleaseId]) -> _Laid | None:
    """By fingerprint, else by local features. Of several releases that fit, as shots from one plate do, the likest counts."""
    traits = office.fingerprinter.traits(data)
    with office.unit() as unit:
        copies = [copy for copy in unit.issued.all() if copy.release not in but]
    close = [match.copy.release for match in nearest(traits, copies, SAME)]
    laid = _likest(office, data, close, _LOOKS[0])
    if laid:
        return laid
    fitting = []
    for match in nearest(traits, copies)[:MOST_GEOMETRY]:
        with office.unit() as unit:
            kept = replace(match.copy, features=unit.issued.features(match.copy))
        inliers = office.fingerprinter.fits(traits, kept)
        if inliers:
            fitting.append((-inliers, kept.release))
    return _likest(office, data, [release for _, release in sorted(fitting, key=lambda f: f[0])], _LOOKS[1])


def _likest(office: Office, data: bytes, releases: Iterable[ReleaseId], found_by: str) -> _Laid | None:
    best: _Laid | None = None
    for release in list(dict.fromkeys(releases))[:_MOST_LAID]:
        with office.unit() as unit:
            work = _released(unit, release.hex)
        laid = _lay(office, work, data, found_by) if work else None
        if laid and laid.fits and (best is None or _rank(laid) < _rank(best)):
            best = laid
    return best


def _rank(laid: _Laid) -> tuple[bool, bool, float, float]:
    likeness = laid.likeness or Likeness(0.0, 0.0)
    return not laid.identical, not laid.same_pixels, likeness.altered_share, likeness.worst_cell


def _released(unit: UnitOfWork, name: str) -> Work | None:
    try:
        work = unit.works.by_release(ReleaseId(name))
    except ValueError:
        return None
    return work if work and work.stage is Stage.RELEASED else None


def _lay(office: Office, work: Work, data: bytes, found_by: str) -> _Laid:
    """Compared with each released copy, the most alike counts: a found picture is one of the formats."""
    digest = hashlib.sha256(data).hexdigest()
    files = {name: file.read_bytes() for name, file in office.outbox.released(work.release).items()}
    with office.unit() as unit:
        passed_on = {copy.sha256 for copy in unit.issued.of(work.release) if copy.recipient}
    if digest in passed_on or any(copy.sha256 == digest for copy in work.copies):
        return _Laid(work, found_by, Likeness(0.0, 0.0), data, identical=True, same_pixels=True)
    pixels = office.fingerprinter.pixels(data)
    for issued in files.values():
        if office.fingerprinter.pixels(issued) == pixels:
            return _Laid(work, found_by, Likeness(0.0, 0.0), issued, same_pixels=True)
    compared = [(likeness, issued) for issued in files.values() if (likeness := office.reader.compare(data, issued))]
    if not compared:
        return _Laid(work, found_by)
    likeness, issued = min(compared, key=lambda each: (each[0].altered_share, each[0].worst_cell))
    return _Laid(work, found_by, likeness, issued)
