"""Withdraw a consent or a license, or everything; and erase. Both bite at once."""

from __future__ import annotations

from collections.abc import Mapping

from twinbook.domain.errors import InputError, Reason, SignatureRefused, reason
from twinbook.domain.paper import Paper
from twinbook.domain.party import Key, PaperKind, Role, Signature
from twinbook.domain.work import ENDS, Stage, Work
from twinbook.ports import UnitOfWork

from . import render
from .office import Office
from .sign import file_paper


def revocation(office: Office, talent: str, targets: tuple[str, ...] = ()) -> Mapping[str, object]:
    """The document she signs to withdraw papers: those named by digest, or with none named all that are live.

    Raises InputError ``consent.missing`` when there is nothing to withdraw.
    """
    with office.unit() as unit:
        live = _live(unit, talent)
    wrong = set(targets) - set(live)
    if not live or wrong:
        named = ", ".join(sorted(wrong)) or "anything"
        raise InputError("consent.missing", f"{talent} has not signed {named}, or withdrew it already")
    return {
        "type": PaperKind.REVOCATION.value,
        "talent": talent,
        "targets": sorted(targets or live),
        "at": office.clock.now().isoformat(timespec="seconds"),
    }


def erasure(office: Office, talent: str) -> Mapping[str, object]:
    """The document she signs to have everything of hers erased."""
    at = office.clock.now().isoformat(timespec="seconds")
    return {"type": PaperKind.ERASURE.value, "talent": talent, "at": at}


def revoke(office: Office, document: Mapping[str, object], signature: Signature) -> tuple[Work, ...]:
    """Withdraw what the signed document names. From this transaction on no permit is made under it, work in flight
    ends with its holds given back, and what was issued reads revoked. Returns the shots that ended.

    Raises SignatureRefused unless it is her key, over exactly this document.
    """
    talent = str(document["talent"])
    with office.unit() as unit:
        paper = _her_word(office, unit, document, signature, PaperKind.REVOCATION)
        _withdraw(office, unit, paper, talent, tuple(document["targets"]))
        flying = _in_flight(unit, talent)
    return _end_work(office, flying)


def erase(office: Office, document: Mapping[str, object], signature: Signature) -> None:
    """Withdraw everything, destroy her data key and with it photographs, plates, template and pictures, and forget her
    name. Every step can be repeated: a killed erasure is finished by the same command.

    Raises SignatureRefused unless it is her key.
    """
    talent = str(document["talent"])
    with office.unit() as unit:
        paper = _her_word(office, unit, document, signature, PaperKind.ERASURE)
        _withdraw(office, unit, paper, talent, tuple(_live(unit, talent)))
        flying = _in_flight(unit, talent)
        issued = [work for work in unit.works.of_talent(talent) if work.stage is Stage.RELEASED]
    _end_work(office, flying)
    office.vault.erase(talent)
    for work in issued:
        office.outbox.withdraw(work.release)
    with office.unit() as unit:
        office.record(unit, "twin:erased", {"paper": paper.digest}, (talent,))
        unit.twins.forget(talent)
        unit.papers.forget(talent)
        unit.parties.forget(talent)


def _her_word(
    office: Office, unit: UnitOfWork, document: Mapping[str, object], signature: Signature, kind: PaperKind
) -> Paper:
    """The document as a filed paper with her signature on it."""
    talent = str(document["talent"])
    paper = Paper(document, {Role.TALENT: talent})
    key: Key | None = unit.parties.key(signature.key)
    if key is None:
        raise SignatureRefused("signature.unknown_key", f"the key {signature.key} is not registered here")
    if paper.kind is not kind or (key.role, key.party) != (Role.TALENT, talent):
        raise SignatureRefused("signature.role", f"{key.party} ({key.role}) can't withdraw what {talent} signed")
    if not office.verify(paper.message, signature, key):
        raise SignatureRefused("signature.invalid", "the signature does not fit this document")
    filed = file_paper(office, unit, paper, talent)
    unit.papers.sign(filed.digest, signature, office.clock.now())
    return filed


def _live(unit: UnitOfWork, talent: str) -> list[str]:
    papers = [*unit.papers.of(talent, PaperKind.CONSENT), *unit.papers.of(talent, PaperKind.LICENSE)]
    return [
        paper.digest
        for paper in papers
        if paper.revoked_at is None and any(s.key.role is Role.TALENT for s in paper.signatures)
    ]


def _withdraw(office: Office, unit: UnitOfWork, by: Paper, talent: str, targets: tuple[str, ...]) -> None:
    for target in targets:
        unit.papers.revoke(target, by.digest, office.clock.now())
        office.record(unit, "paper:revoked", {"paper": target, "by": by.digest}, (talent,))


def _in_flight(unit: UnitOfWork, talent: str) -> list[tuple[Work, tuple[Reason, ...]]]:
    """Her shots that are on their way under a paper that is now revoked."""
    found = []
    for work in unit.works.of_talent(talent):
        license = unit.papers.get(work.licenses[talent])
        consent = unit.papers.get(str(license.document.get("consent", "")))
        gone = [paper for paper in (consent, license) if paper is not None and paper.revoked_at]
        if work.stage not in ENDS and gone:
            kinds = [paper.kind.name.lower() for paper in gone]
            found.append((work, tuple(reason(f"{kind}.revoked", f"she revoked the {kind}") for kind in kinds)))
    return found


def _end_work(office: Office, flying: list[tuple[Work, tuple[Reason, ...]]]) -> tuple[Work, ...]:
    return tuple(render.refuse(office, work, reasons) for work, reasons in flying)
