"""From a picture or a mark back to its C2PA manifest, for anybody who asks: what the Soft Binding Resolution API answers.

A release that was revoked is found by nobody any more; its manifest is refused with that reason. One whose license is over is
found: how it was made stays true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twinbook.domain.binding import FINGERPRINTS, WATERMARKS, read_binding
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.fingerprint import SAME, Match, Traits, nearest
from twinbook.domain.provenance import ReleaseId
from twinbook.domain.work import Stage
from twinbook.ports import UnitOfWork

from .copies import file_name
from .office import Office
from .registry import standing


@dataclass(frozen=True)
class Resolved:
    """``manifest`` is the id of a manifest, ``score`` how alike the picture is to its copy, 0 to 100; None where only a mark
    was given."""

    manifest: str
    score: int | None


def by_binding(office: Office, alg: str, value: str, most: int) -> list[Resolved]:
    """The manifests that a soft binding leads to. Raises InputError ``binding.algorithm`` and ``binding.value``."""
    asked = read_binding(alg, value)
    with office.unit() as unit:
        if isinstance(asked, ReleaseId):
            copies = unit.issued.of(asked) if _stands(office, unit, asked) else ()
            return [Resolved(copy.manifest, None) for copy in copies if copy.manifest][:most]
        matches = nearest(Traits((asked,), b"", b""), unit.issued.all(), SAME)
        return _resolved(office, unit, matches, most)


def by_content(office: Office, data: bytes, alg: str | None, hint: tuple[str, str] | None, most: int) -> list[Resolved]:
    """The manifests that a picture leads to: by its marks, and by its fingerprint. ``alg`` allows one way alone; ``hint`` is a
    soft binding that whoever asks has read already. The likest copy comes first, so that a mark copied from another
    picture comes last.

    Raises InputError ``image.unreadable``, ``binding.algorithm``, ``binding.value``.
    """
    if alg is not None and alg not in (*WATERMARKS, *FINGERPRINTS):
        raise InputError("binding.algorithm", f"{alg[:80]!r} is no algorithm that is looked up here")
    named: set[ReleaseId] = set()
    if hint and isinstance(told := read_binding(*hint), ReleaseId):
        named.add(told)
    if alg is None or alg in WATERMARKS:
        reading = office.reader.read(data)
        named |= {ReleaseId(name) for name in (reading.manifest.release,) if name}
        if reading.watermark.release:
            named.add(reading.watermark.release)
    traits = office.fingerprinter.traits(data)
    with office.unit() as unit:
        marked = [copy for release in named for copy in unit.issued.of(release)]
        matches = [Match(copy, traits.distance(copy.fingerprint)) for copy in marked]
        if alg is None or alg in FINGERPRINTS:
            known = {(copy.release, copy.format) for copy in marked}
            close = nearest(traits, unit.issued.all(), SAME)
            matches += [match for match in close if (match.copy.release, match.copy.format) not in known]
        return _resolved(office, unit, sorted(matches, key=lambda match: match.distance), most)


def manifest_of(office: Office, manifest_id: str, active: bool) -> bytes:
    """The manifest store that a released copy carries, or with ``active`` its active manifest alone.

    Raises InputError ``manifest.unknown``, Refused ``manifest.revoked``.
    """
    with office.unit() as unit:
        copy = unit.issued.by_manifest(manifest_id)
        work = unit.works.by_release(copy.release) if copy else None
        if work is None or work.stage is not Stage.RELEASED:
            raise InputError("manifest.unknown", "no released copy carries a manifest of this id")
        if standing(office, unit, work).revoked:
            raise Refused("manifest.revoked", f"what release {work.release} rests on was revoked")
    files = office.outbox.released(work.release) | office.outbox.added(work.release)
    name = file_name(work, copy.format)
    store = office.fingerprinter.manifest_store(files[name].read_bytes(), active=active) if name in files else None
    if store is None:
        raise InputError("manifest.unknown", "the copy that carries this manifest is no longer here")
    return store


def algorithms() -> dict[str, list[dict[str, str]]]:
    return {
        "watermarks": [{"alg": alg} for alg in WATERMARKS],
        "fingerprints": [{"alg": alg} for alg in FINGERPRINTS],
    }


def _resolved(office: Office, unit: UnitOfWork, matches: Sequence[Match], most: int) -> list[Resolved]:
    found: list[Resolved] = []
    standings: dict[ReleaseId, bool] = {}
    for match in matches:
        release = match.copy.release
        if release not in standings:
            standings[release] = _stands(office, unit, release)
        if standings[release] and match.copy.manifest:
            found.append(Resolved(match.copy.manifest, match.similarity))
        if len(found) == most:
            break
    return found


def _stands(office: Office, unit: UnitOfWork, release: ReleaseId) -> bool:
    work = unit.works.by_release(release)
    return work is not None and work.stage is Stage.RELEASED and not standing(office, unit, work).revoked
