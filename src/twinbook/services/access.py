"""She sees what is held about her: a look at her plates, or a copy of everything (GDPR art. 15 and 20).

It takes a request that she signs, or after her death the estate that her consent names; nobody else's key is taken. Each
look and each copy stands in the log, under her mark.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from twinbook import durable
from twinbook.domain import log
from twinbook.domain.access import Access, Scope
from twinbook.domain.errors import InputError, VaultRefused
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Party, Signature
from twinbook.domain.permit import Act, Permit
from twinbook.domain.twin import PlateFacts
from twinbook.domain.work import Work
from twinbook.ports import Disclosure, OpenTwin, Plate, UnitOfWork

from . import permit, report, settle, train, transparency
from .filing import filed_word
from .office import Office

_APART = ("rgb_srgb", "alpha", "embedding")
SECTIONS = (
    *("person", "papers", "plates", "template", "trained", "pictures", "released", "statement", "log", "notices"),
)


def request(office: Office, talent: str, scope: Scope, estate: str = "") -> Access:
    """The paper that asks for it, signed by her or by her estate. It counts for a day."""
    return Access(talent, scope, office.clock.now().replace(microsecond=0), estate)


def plates(office: Office, talent: str) -> tuple[PlateFacts, ...]:
    """What may be known of her plates without looking at them. Raises InputError ``talent.unknown``."""
    with office.unit() as unit:
        _party(unit, talent)
        twin = unit.twins.current(talent)
    return twin.plates if twin else ()


def look(
    office: Office, document: Mapping[str, object], signature: Signature, wanted: Collection[str] = ()
) -> Iterator[tuple[PlateFacts, bytes]]:
    """Her plates as PNGs with their mattes, one after another: those whose photograph or id is ``wanted``, or all.

    Raises SignatureRefused unless the request is hers, Refused when her consent doesn't carry it, InputError
    ``plate.unknown``.
    """
    talent, granted = _granted(office, document, signature, Act.VIEW)
    found = [facts for facts in plates(office, talent) if not wanted or {facts.id, facts.photo} & set(wanted)]
    unknown = set(wanted) - {name for facts in found for name in (facts.id, facts.photo)}
    if unknown or not found:
        raise InputError("plate.unknown", f"there is no plate {', '.join(sorted(unknown)) or 'of hers'}")
    with office.vault.open(talent, granted) as twin:
        with office.unit() as unit:
            facts = {"permit": granted.id, "plates": str(len(found)), "request": Paper(dict(document)).digest}
            office.record(unit, "plates:viewed", facts, (talent,))
        for one in found:
            plate = twin.plate(one.id)
            yield one, office.documents.png(plate.rgb_srgb, plate.alpha)


def disclose(
    office: Office,
    document: Mapping[str, object],
    signature: Signature,
    out: Path,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, list[str]]:
    """Write a copy of everything held about her into one ZIP, whole or not at all, readable by its owner alone; returns the
    files by section.

    What others have in it as well is left out: unreleased pictures that show them, entries of the log about them, licenses
    and proposals that aren't hers. Raises SignatureRefused unless the request is hers, StateError ``home.disk``.
    """
    talent, granted = _granted(office, document, signature, Act.DISCLOSE)
    digest = Paper(dict(document)).digest
    with durable.drafted(out, mode=0o600) as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
        copy = _Copy(archive, tell)
        with office.unit() as unit:
            party = _party(unit, talent)
            works = tuple(unit.works.of_talent(talent))
            papers = [paper for kind in PaperKind for paper in unit.papers.of(talent, kind) if not paper.erased]
            _person(copy, unit, party)
            _notices(copy, unit, {work.licenses[talent] for work in works} | {paper.digest for paper in papers})
        spoken = _language(papers)
        for paper in papers:
            stem = f"papers/{paper.kind.name.lower()}-{paper.digest[:12]}"
            copy.json("papers", f"{stem}.json", report.signed_document(paper))
            copy.add("papers", f"{stem}.pdf", office.documents.paper_pdf(paper, spoken))
        left_out = _from_vault(office, copy, talent, granted, works)
        for work in works:
            copies = (office.outbox.released(work.release), office.outbox.added(work.release))
            for name, released in (copies[0] | copies[1]).items():
                copy.add("released", f"released/{name}", released.read_bytes(), packed=False)
            _traits(office, copy, work)
        made = settle.statement(office, talent)
        copy.add("statement", "statement.pdf", office.documents.statement_pdf(made))
        copy.add("statement", "statement.csv", office.documents.statement_csv(made).encode())
        _log(office, copy, talent)
        facts = Disclosure(party.name, office.clock.now(), digest, copy.sections, left_out)
        index = {"talent": talent, "name": party.name, "at": facts.at.isoformat(), "request": digest}
        archive.writestr("index.json", _json(index | {"sections": copy.sections, "left_out": left_out}))
        archive.writestr("index.html", office.documents.disclosure(facts, spoken))
    with office.unit() as unit:
        files = sum(map(len, copy.sections.values()))
        office.record(unit, "data:disclosed", {"permit": granted.id, "files": str(files), "request": digest}, (talent,))
    return copy.sections


def _traits(office: Office, copy: _Copy, work: Work) -> None:
    """What her released pictures are found again by."""
    with office.unit() as unit:
        for kept in unit.issued.of(work.release):
            stem = f"released/found-by/{kept.release}-{kept.format}"
            facts = {"pdq": kept.fingerprint.pdq, "quality": kept.fingerprint.quality, "manifest": kept.manifest}
            copy.json("released", f"{stem}.json", facts | {"sha256": kept.sha256, "pixels_sha256": kept.pixels})
            copy.add("released", f"{stem}.features", unit.issued.features(kept))


class _Copy:
    """The archive as it grows, one file after another."""

    def __init__(self, archive: ZipFile, tell: Callable[[str], None]) -> None:
        self._archive, self._tell = archive, tell
        self.sections: dict[str, list[str]] = {name: [] for name in SECTIONS}

    def add(self, section: str, name: str, data: bytes, *, packed: bool = True) -> None:
        if not self.sections[section]:
            self._tell(section)
        self._archive.writestr(name, data, ZIP_DEFLATED if packed else ZIP_STORED)
        self.sections[section].append(name)

    def json(self, section: str, name: str, data: object) -> None:
        self.add(section, name, _json(data))


def _granted(office: Office, document: Mapping[str, object], signature: Signature, act: Act) -> tuple[str, Permit]:
    with office.unit() as unit:
        paper = filed_word(office, unit, document, signature, Access)
        talent = paper.terms.talent
    with office.unit() as unit:  # the request stays on file, whatever the gate answers
        return talent, permit.for_access(office, unit, act, talent, paper)


def _party(unit: UnitOfWork, talent: str) -> Party:
    party = unit.parties.get(talent)
    if party is None:
        raise InputError("talent.unknown", f"{talent!r} is not known in this home")
    return party


def _language(papers: list[Paper]) -> str:
    """That of her newest consent."""
    named = [str(paper.document.get("language", "en")) for paper in papers if paper.kind is PaperKind.CONSENT]
    return named[-1] if named else "en"


def _person(copy: _Copy, unit: UnitOfWork, party: Party) -> None:
    died = unit.parties.died(party.id)
    keys = [key for key in unit.parties.keys() if key.party == party.id]  # noqa: SIM118
    copy.json(
        "person",
        "person.json",
        {
            "id": party.id,
            "name": party.name,
            "born": party.born.isoformat() if party.born else None,
            "died": died.isoformat() if died else None,
            "keys": [
                {
                    "id": key.id,
                    "algorithm": key.algorithm,
                    "public": key.public,
                    "origin": key.origin,
                    "since": key.since.isoformat() if key.since else None,
                    "until": key.until.isoformat() if key.until else None,
                }
                for key in keys
            ],
        },
    )


def _notices(copy: _Copy, unit: UnitOfWork, licenses: Collection[str]) -> None:
    for outgoing in unit.notices.all():
        if outgoing.notice.license in licenses:
            data = {"notice": outgoing.notice.document(), "signature": outgoing.signature}
            copy.json("notices", f"notices/{outgoing.notice.id}.json", data)


def _from_vault(office: Office, copy: _Copy, talent: str, granted: Permit, works: tuple[Work, ...]) -> int:
    """Plates, template, checkpoints and pictures; returns how many pictures were left out because others are in them."""
    left_out = 0
    try:
        with office.vault.open(talent, granted) as twin:
            for facts in plates(office, talent):
                _plate(office, copy, twin.plate(facts.id))
            _trained(office, copy, twin, talent)
            for work in works:
                if work.made is None:
                    continue
                if len(work.shot.talents) > 1:
                    left_out += not office.outbox.released(work.release)
                elif (pixels := _picture(twin, work)) is not None:
                    name = f"pictures/{work.id}.png"
                    copy.add("pictures", name, office.documents.png(pixels), packed=False)
    except VaultRefused as error:
        if error.code != "vault.missing":
            raise  # and when she was never enrolled there is nothing to copy
    return left_out


def _picture(twin: OpenTwin, work: Work) -> np.ndarray | None:
    try:
        return twin.picture(work.made.picture)
    except VaultRefused:
        return None


def _plate(office: Office, copy: _Copy, plate: Plate) -> None:
    stem = f"plates/{plate.facts.id}"
    copy.add("plates", f"{stem}.png", office.documents.png(plate.rgb_srgb), packed=False)
    if plate.alpha is not None:
        matte = np.repeat(plate.alpha[..., None], 3, axis=2)
        copy.add("plates", f"{stem}-matte.png", office.documents.png(matte), packed=False)
    measured = {field.name: getattr(plate, field.name) for field in fields(plate) if field.name not in _APART}
    copy.json("plates", f"{stem}.json", measured | {"facts": asdict(plate.facts)})
    copy.json("template", f"template/{plate.facts.id}.json", plate.embedding)


def _trained(office: Office, copy: _Copy, twin: OpenTwin, talent: str) -> None:
    """Each checkpoint of each version of her twin: its card, all that is known of it, and itself."""
    with office.unit() as unit:
        mine = [made for made in unit.checkpoints.all() if made.talent == talent]
    for made in mine:
        stem = f"trained/{made.id}"
        copy.json("trained", f"{stem}.json", asdict(made) | {"made_at": made.made_at.isoformat()})
        copy.add("trained", f"{stem}.pdf", office.documents.training_card(train.card(office, made)))
        copy.add("trained", f"{stem}.safetensors", twin.weights(made.id), packed=False)


def _log(office: Office, copy: _Copy, talent: str) -> None:
    """Every entry about her, each with the proof that it is in the log; nobody else's."""
    point = transparency.checkpoint(office)
    with office.unit() as unit:
        secret = unit.parties.log_secret(talent)
        bodies = list(unit.log.bodies())[: point.size]
    hashes = [log.leaf_hash(body) for body in bodies]
    for index, body in enumerate(bodies):
        entry = json.loads(body)
        if log.mark(secret, entry["nonce"]) in entry["who"]:
            path = [step.hex() for step in log.inclusion_proof(hashes, index)]
            receipt = {"leaf": body.decode(), "index": index, "proof": path, "checkpoint": point.note()}
            copy.json("log", f"log/{index:06d}-{entry['act'].replace(':', '-')}.json", receipt)
    key = {"origin": office.log_signer.origin, "ed25519": office.log_signer.public.hex(), "secret": secret.hex()}
    copy.json("log", "log/key.json", key)


def _json(data: object) -> bytes:
    return json.dumps(data, indent=1, ensure_ascii=False, default=_plain).encode() + b"\n"


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return asdict(value)
