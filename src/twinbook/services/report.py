"""The papers of a run: released copies, contact sheet, statements, receipts, and what people must sign."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from twinbook import durable
from twinbook.domain import log
from twinbook.domain.campaign import Campaign
from twinbook.domain.generation import Keep
from twinbook.domain.ledger import Movement
from twinbook.domain.license import License
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Role
from twinbook.domain.policy import Made
from twinbook.domain.work import Stage, Work
from twinbook.ports import Sheet, SheetCopy, SheetShot, UnitOfWork

from . import copies, enroll, render, settle, sign, transparency
from .office import Office
from .run import Outcome

_MADE = {
    Made.MODIFIED: "AI-modified",
    Made.GENERATED: "AI-generated",
    Made.SYNTHETIC: "AI-generated, a synthetic performer",
}
_KEPT = {Keep.PERSON: "her", Keep.ALL_BUT_GARMENT: "all but a garment", Keep.HEAD: "her head"}


def to_sign(
    office: Office, papers: Sequence[tuple[Paper, Role, str]], out: Path
) -> list[tuple[Path, Paper, Role, str]]:
    """Write each paper once, for the people who sign it, and say where."""
    found = []
    for paper, role, party in papers:
        name = f"{paper.kind.name.lower()}-{_whose(paper)}-{paper.digest[:8]}.json"
        file = out / "to-sign" / name
        lines = {"paper": paper.document, "sha256": paper.digest, "in_plain_words": sign.plain_words(office, paper)}
        durable.write(file, json.dumps(lines, indent=2, ensure_ascii=False).encode() + b"\n")
        found.append((file, paper, role, party))
    return found


def _whose(paper: Paper) -> str:
    talent = paper.document["talent"]
    return talent["id"] if isinstance(talent, dict) else str(talent)


def write_papers(
    office: Office,
    campaign: Campaign,
    outcome: Outcome,
    out: Path,
    folder: Path,
    warnings: tuple[str, ...] = (),
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """Everything a run leaves behind, written into ``out``; returns the contact sheet. Each file is replaced whole."""
    for work in outcome.works:
        for name, file in office.outbox.released(work.release).items():
            target = out / "released" / name
            if work.stage is Stage.RELEASED and not target.exists():
                durable.write(target, file.read_bytes())
        if work.stage is Stage.RELEASED:
            for index, receipt in enumerate(transparency.receipts(office, work.release.hex)):
                _json(out / "receipts" / f"{work.name}-{work.release}-{index + 1}.json", receipt)
    _json(out / "receipts" / "log-key.json", _log_key(office))
    for work, papers in outcome.waiting:
        durable.write(out / "to-approve" / f"{work.name}.jpg", copies.proof(office, work))
        if render.undecided(work):
            durable.write(out / "to-approve" / f"{work.name}-findings.jpg", copies.annotated(office, work))
        to_sign(office, [(paper, Role.TALENT, str(paper.document["talent"])) for paper in papers], out)
    _write_signed_papers(office, outcome, out)
    write_statements(office, [talent.party.id for talent in campaign.talents], out)
    sheet = _sheet(office, campaign, outcome, folder, warnings)
    page = out / "contact-sheet.html"
    durable.write(page, office.documents.contact_sheet(sheet).encode())
    tell(f"contact sheet: {page}")
    return page


def write_statements(office: Office, talents: Sequence[str], out: Path) -> list[Path]:
    """``statement.pdf`` and ``.csv`` for one talent; with several, one pair each under her id."""
    written = []
    for talent in talents:
        stem = "statement" if len(talents) == 1 else f"statement-{talent}"
        made = settle.statement(office, talent)
        for suffix, data in (
            ("pdf", office.documents.statement_pdf(made)),
            ("csv", office.documents.statement_csv(made).encode()),
        ):
            durable.write(out / f"{stem}.{suffix}", data)
            written.append(out / f"{stem}.{suffix}")
    return written


def _write_signed_papers(office: Office, outcome: Outcome, out: Path) -> None:
    for talent, papers in outcome.papers.items():
        for paper in papers:
            with office.unit() as unit:
                filed = unit.papers.get(paper.digest)
            if filed is None or filed.digest != paper.digest:
                continue  # erased since
            if filed.erased:
                continue
            kind = filed.kind.name.lower()
            several = sum(other.kind is filed.kind for other in papers) > 1
            stem = f"{kind}-{talent}" + (f"-{filed.digest[:8]}" if several else "")
            write_paper(office, filed, out / "papers", stem, f"deal-memo-{talent}")


def write_paper(office: Office, paper: Paper, folder: Path, stem: str, memo: str = "") -> list[Path]:
    """A paper as a PDF in its own language, and as JSON with its signatures; of a license its deal memo as well."""
    language = str(paper.document.get("language", "en"))
    written = [folder / f"{stem}.pdf", folder / f"{stem}.json"]
    durable.write(written[0], office.documents.paper_pdf(paper, language))
    _json(written[1], signed_document(paper))
    if paper.kind is PaperKind.LICENSE:
        written.append(folder / f"{memo or f'deal-memo-{paper.digest[:8]}'}.pdf")
        durable.write(written[2], office.documents.deal_memo_pdf(paper, language))
    return written


def signed_document(paper: Paper) -> dict[str, object]:
    """A paper with its signatures and keys: all that it takes to verify it anywhere."""
    return {
        "paper": paper.document,
        "sha256": paper.digest,
        "signatures": [
            {
                "party": s.key.party,
                "role": s.key.role.value,
                "algorithm": s.signature.algorithm,
                "key": s.key.id,
                "public": s.key.public,
                "value": s.signature.value,
                **({"rp_id": s.key.rp_id, "origin": s.key.origin} if s.key.rp_id else {}),
                **({"evidence": dict(s.signature.evidence)} if s.signature.evidence else {}),
                "at": s.at.isoformat(timespec="seconds"),
            }
            for s in paper.signatures
        ],
    }


def _sheet(office: Office, campaign: Campaign, outcome: Outcome, folder: Path, warnings: tuple[str, ...]) -> Sheet:
    point = transparency.checkpoint(office)
    said = [f"{note.diagnosis} [{note.code}]: {note.remedy}" for note in outcome.notes]
    with office.unit() as unit:
        shots = tuple(_sheet_shot(office, unit, campaign, work, folder) for work in outcome.works)
        licensed = [
            unit.papers.get(digest)
            for work in outcome.works
            if work.stage is Stage.RELEASED
            for digest in work.licenses.values()
        ]
        fees = [paper.terms.fee for paper in licensed if not paper.erased]
        notices = dict.fromkeys(notice for work in outcome.works for notice in _notices(office, unit, work))
    total = sum(fees[1:], fees[0]) if fees else Money(campaign.license.fee.currency, 0)
    unused = tuple(
        f"{name} was not used: {why.diagnosis}" for refused in outcome.unused.values() for name, why in refused
    )
    return Sheet(
        title=campaign.title,
        brand=campaign.license.brand.name,
        made_at=office.clock.now(),
        shots=shots,
        total=str(total),
        log_line=f"{point.size} entries, root {point.root.hex()}",
        warnings=(*warnings, *unused, *said, *notices),
    )


def _notices(office: Office, unit: UnitOfWork, work: Work) -> tuple[str, ...]:
    """What the law packs tell whoever posts the copies of a released shot."""
    if work.stage is not Stage.RELEASED or any(unit.papers.get(digest).erased for digest in work.licenses.values()):
        return ()
    return copies.marks(office, unit, work, [copy.format for copy in work.copies]).notices


def _sheet_shot(office: Office, unit: UnitOfWork, campaign: Campaign, work: Work, folder: Path) -> SheetShot:
    licenses: list[License] = [unit.papers.get(digest).terms for digest in work.licenses.values()]
    first = licenses[0]
    published = office.outbox.released(work.release) if work.stage is Stage.RELEASED else {}
    settled = [t for t in unit.books.transactions() if t.shot == work.id and t.movement is Movement.SETTLE]
    shares = tuple(
        (p.account.partition(":")[2], str(Money(t.currency, p.minor)))
        for t in settled
        for p in t.postings
        if p.minor > 0
    )
    waiting = work.stage not in (Stage.RELEASED, Stage.REFUSED, Stage.QUARANTINED)
    return SheetShot(
        name=work.name,
        outcome="waiting" if waiting else work.stage.value,
        talents=tuple(license.talent.name for license in licenses),
        brief=_brief(work),
        before=_before(unit, campaign, work, folder),
        copies=tuple(
            SheetCopy(copy.format, f"released/{copy.name}", published[copy.name].read_bytes(), copy.width, copy.height)
            for copy in work.copies
            if copy.name in published
        ),
        findings=work.findings,
        calibrated=work.calibrated,
        reasons=work.reasons,
        release=work.release.hex if work.stage is Stage.RELEASED else None,
        licenses=tuple(work.licenses.values()),
        terms=f"{', '.join(sorted(first.channels))} in {', '.join(sorted(first.territories))} until {first.ends.isoformat() if first.ends else 'nobody knows when'}",
        fee=str(first.fee),
        shares=_named(unit, shares),
        engine=f"{work.shot.engine} {work.made.engine_version}" if work.made else work.shot.engine,
        seconds=sum(work.made.seconds.values()) if work.made else 0.0,
        from_words=_from_words(work),
        made=_MADE[copies.made_as(unit, work)] if work.made else "",
    )


def _named(unit: UnitOfWork, shares: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    named = []
    for account, amount in shares:
        party = unit.parties.get(account)
        named.append((party.name if party and party.name else account, amount))
    return tuple(named)


def _brief(work: Work) -> str:
    shot = work.shot
    parts = []
    if shot.scene:
        parts.append(
            "scene " + (shot.scene.removeprefix("studio:") if shot.scene.startswith("studio:") else "from file")
        )
    if shot.recolor:
        parts.append(f"{shot.recolor.region} in {shot.recolor.to}")
    if shot.print:
        parts.append(
            f"{shot.print.region} in " + (shot.print.cloth if "#" in shot.print.cloth else "cloth from a file")
        )
    if shot.tryon:
        parts.append(f"{shot.tryon.region} put on from its packshot")
    parts += [f"{item.kind} at {item.at}" for item in shot.accessories]
    if shot.generate:
        kept = "" if shot.generate.keep is Keep.NOTHING else f", keeping {_KEPT[shot.generate.keep]}"
        parts.append(f"in words: “{shot.generate.prompt}”{kept}")
    if shot.mannequin:
        parts.append("her head on a mannequin of her measurements")
    return ", ".join(parts)


def _from_words(work: Work) -> bool:
    return work.shot.generate is not None and work.shot.generate.keep is Keep.NOTHING


def _before(unit: UnitOfWork, campaign: Campaign, work: Work, folder: Path) -> Path | None:
    """The photograph the shot started from, as it lies in the campaign's own folder: the vault isn't opened for it. None for a
    picture from words alone."""
    if _from_words(work):
        return None
    for talent in campaign.talents:
        twin = unit.twins.current(talent.party.id)
        if talent.party.id not in work.plates or twin is None:
            continue
        stems = [plate.photo for plate in twin.plates if plate.id == work.plates[talent.party.id]]
        for file in enroll.photographs(folder / talent.photos):
            if file.stem in stems:
                return file
    return None


def _log_key(office: Office) -> Mapping[str, str]:
    name, public = office.log_signer.origin, office.log_signer.public
    return {"origin": name, "ed25519": public.hex(), "vkey": log.vkey(name, public)}


def _json(file: Path, data: object) -> None:
    durable.write(file, json.dumps(data, indent=1, ensure_ascii=False).encode() + b"\n")
