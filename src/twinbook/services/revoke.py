"""Withdraw a consent or a license, or everything; and erase. Both bite at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Reason, SignatureRefused, reason
from twinbook.domain.form import Form
from twinbook.domain.gate import NEEDS
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Role, Signature
from twinbook.domain.permit import Act
from twinbook.domain.revocation import Erasure, Grounds, Revocation, effective
from twinbook.domain.work import ENDS, Stage, Work
from twinbook.ports import UnitOfWork

from . import render
from .office import Office
from .sign import file_paper, refusal


def revocation(
    office: Office,
    talent: str,
    targets: tuple[str, ...] = (),
    *,
    parts: frozenset[Part] = frozenset(),
    grounds: Grounds = Grounds.WITHDRAWN,
    statement: str = "",
    by: Role = Role.TALENT,
    party: str = "",
) -> Revocation:
    """The paper that takes something back: the papers named by digest, or with none named every live consent of hers.

    ``parts`` withdraws only these parts of the consents. ``party`` is whose key will sign, by default the talent's.
    Raises InputError ``consent.missing`` when there is nothing to take back, SignatureRefused ``revocation.grounds``.
    """
    now = office.clock.now().replace(microsecond=0)
    with office.unit() as unit:
        live = _live(unit, talent, now)
    wrong = set(targets) - set(live)
    named = targets or tuple(digest for digest, paper in live.items() if paper.kind is PaperKind.CONSENT)
    if not named or wrong:
        which = ", ".join(sorted(wrong)) or "anything"
        raise InputError("consent.missing", f"{talent} has not signed {which}, or it was revoked already")
    starts = [effective(live[digest].terms, parts, grounds, by, now) for digest in named]
    what = {digest: parts for digest in named}
    return Revocation(talent, by, party or talent, grounds, what, now, max(starts), statement)


def erasure(office: Office, talent: str, estate: str = "") -> Erasure:
    """The paper that has everything of hers erased, signed by her or by her estate."""
    return Erasure(talent, office.clock.now().replace(microsecond=0), estate)


def revoke(office: Office, document: Mapping[str, object], signature: Signature) -> tuple[Work, ...]:
    """Take back what the signed paper names. From its effective moment on no permit is made under it; where that is
    now, work in flight ends with its holds given back, and what was issued reads revoked. Returns the shots that ended.

    Raises SignatureRefused unless it is the key of whoever may, over exactly this document.
    """
    with office.unit() as unit:
        paper = _word(office, unit, document, signature, Revocation)
        terms: Revocation = paper.terms
        live = _live(unit, terms.talent, terms.at)
        for digest, parts in terms.targets.items():
            target = live.get(digest)
            if target is None:
                raise InputError("consent.missing", f"{digest[:16]}… is not a live paper of {terms.talent}'s")
            if terms.effective < effective(target.terms, parts, terms.grounds, terms.by, terms.at):
                raise SignatureRefused("revocation.grounds", "it would bite sooner than these grounds allow")
            if terms.by is Role.BRAND and target.terms.brand.id != terms.party:
                raise SignatureRefused("revocation.grounds", f"{terms.party} is not the licensee")
            _take_back(office, unit, paper, terms.talent, target, parts, terms.effective)
        flying = _in_flight(unit, terms.talent, office.clock.now())
    return _end_work(office, flying)


def erase(office: Office, document: Mapping[str, object], signature: Signature) -> None:
    """Withdraw everything, destroy her data key and with it photographs, plates, template and pictures, and forget her
    name. Every step can be repeated: a killed erasure is finished by the same command.

    Raises SignatureRefused unless it is her key, or after her death her estate's.
    """
    now = office.clock.now()
    with office.unit() as unit:
        paper = _word(office, unit, document, signature, Erasure)
        talent = paper.terms.talent
        for target in _live(unit, talent, now).values():
            _take_back(office, unit, paper, talent, target, frozenset(), now)
        flying = _in_flight(unit, talent, now)
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


def _word(
    office: Office, unit: UnitOfWork, document: Mapping[str, object], signature: Signature, form: type[Form]
) -> Paper:
    """The document as a filed paper with the signature of whoever may sign it."""
    paper = Paper(dict(document))
    terms = paper.terms
    if not isinstance(terms, form):
        raise SignatureRefused("signature.role", f"a {paper.kind.name.lower()} takes nothing back")
    fault = refusal(office, paper, unit.parties.key(signature.key), signature)
    if fault:
        raise fault
    if Role.ESTATE in paper.signers:
        _check_estate(unit, terms.talent, paper.signers[Role.ESTATE])
    filed = file_paper(office, unit, paper, terms.talent)
    unit.papers.sign(filed.digest, signature, office.clock.now())
    return unit.papers.get(filed.digest)


def _check_estate(unit: UnitOfWork, talent: str, estate: str) -> None:
    """An estate acts after her death, where a consent of hers names it."""
    consents = [paper.terms for paper in unit.papers.of(talent, PaperKind.CONSENT) if not paper.erased]
    if unit.parties.died(talent) is None or estate not in {c.estate for c in consents if c.estate}:
        raise SignatureRefused("license.estate", f"{estate} can't act for {talent}")


def _live(unit: UnitOfWork, talent: str, now: datetime) -> dict[str, Paper]:
    """What was signed for her and still counts: consents, licenses, mandates, words and approvals, by digest."""
    kinds = (PaperKind.CONSENT, PaperKind.LICENSE, PaperKind.MANDATE, PaperKind.WORDS, PaperKind.APPROVAL)
    return {
        paper.digest: paper
        for kind in kinds
        for paper in unit.papers.of(talent, kind)
        if paper.signatures and not paper.erased and (paper.revoked_at is None or paper.revoked_at > now)
    }


def _take_back(
    office: Office, unit: UnitOfWork, by: Paper, talent: str, target: Paper, parts: frozenset[Part], at: datetime
) -> None:
    for part in parts:
        unit.papers.withdraw(target.digest, part, by.digest, at)
    if not parts:
        unit.papers.revoke(target.digest, by.digest, at)
    facts = {"paper": target.digest, "by": by.digest, "parts": ",".join(sorted(parts)), "effective": at.isoformat()}
    office.record(unit, "paper:revoked", facts, (talent,))


def _in_flight(unit: UnitOfWork, talent: str, now: datetime) -> list[tuple[Work, tuple[Reason, ...]]]:
    """Her shots that are on their way under something that no longer counts."""
    found = []
    for work in unit.works.of_talent(talent):
        if work.stage in ENDS:
            continue
        license = unit.papers.get(work.licenses[talent])
        consent = None if license.erased else unit.papers.get(license.terms.consent)
        reasons = []
        for paper in (consent, license):
            if paper is not None and paper.revoked_at is not None and paper.revoked_at <= now:
                kind = paper.kind.name.lower()
                reasons.append(reason(f"{kind}.revoked", f"the {kind} was revoked"))
        gone = {part for part, at in consent.withdrawn.items() if at <= now} & NEEDS[Act.RENDER] if consent else ()
        reasons += [reason("consent.part", f"she withdrew the part {part!r}") for part in sorted(gone)]
        if reasons:
            found.append((work, tuple(reasons)))
    return found


def _end_work(office: Office, flying: list[tuple[Work, tuple[Reason, ...]]]) -> tuple[Work, ...]:
    return tuple(render.refuse(office, work, reasons) for work, reasons in flying)
