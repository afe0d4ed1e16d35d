"""Withdraw a consent or a license, or a part of it. It bites at once.

What it does to work in flight, to holds and images and to whom it is told stands in docs/why/revocation.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from twinbook.domain.approval import Words
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Reason, SignatureRefused, reason
from twinbook.domain.gate import NEEDS, gives
from twinbook.domain.paper import Paper
from twinbook.domain.party import SIGNERS, PaperKind, Role, Signature
from twinbook.domain.permit import Act
from twinbook.domain.revocation import Grounds, Revocation, effective
from twinbook.domain.work import ENDS, Stage, Work
from twinbook.ports import UnitOfWork

from . import notify, render
from .filing import filed_word
from .office import Office

# A paper may be signed elsewhere and handed in later, but not be dated back so far that its notice is over already.
_LATEST = timedelta(days=1)


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

    ``parts`` withdraws only these parts, of each consent those that it has. ``party`` is whose key will sign, by default the talent's.
    Raises InputError ``consent.missing`` when there is nothing to take back, SignatureRefused ``revocation.grounds``.
    """
    if by not in SIGNERS[PaperKind.REVOCATION]:
        raise SignatureRefused(
            "signature.role",
            f"{party} is her {by}: what she signed only she takes back",
            "she revokes with a key of her own; a brand can give notice of its own licenses",
        )
    now = office.clock.now().replace(microsecond=0)
    with office.unit() as unit:
        live = living(unit, talent, now)
    wrong = set(targets) - set(live)
    named = targets or tuple(digest for digest, paper in live.items() if paper.kind is PaperKind.CONSENT)
    if not named or wrong:
        which = ", ".join(sorted(wrong)) or "anything"
        raise InputError("consent.missing", f"{talent} has not signed {which}, or it was revoked already")
    what = {digest: _given(live[digest], parts) for digest in named}
    # Where a part was never given there is nothing to withdraw; where it was, that must not stand in the way.
    what = {digest: given for digest, given in what.items() if given or not parts} or dict.fromkeys(named, parts)
    starts = [effective(live[digest].terms, given, grounds, by, now) for digest, given in what.items()]
    return Revocation(talent, by, party or talent, grounds, what, now, max(starts), statement)


def lacking(office: Office, asked: Revocation, parts: frozenset[Part]) -> dict[str, frozenset[Part]]:
    """Her live consents that don't have all of these parts, and so were asked to withdraw what they never gave: by digest,
    what each lacks."""
    with office.unit() as unit:
        live = living(unit, asked.talent, asked.at)
    consents = {digest: paper for digest, paper in live.items() if paper.kind is PaperKind.CONSENT}
    found = {digest: parts - _given(paper, parts) for digest, paper in consents.items()}
    return {digest: missing for digest, missing in found.items() if missing}


def _given(paper: Paper, parts: frozenset[Part]) -> frozenset[Part]:
    return parts & paper.terms.parts if paper.kind is PaperKind.CONSENT else parts


def revoke(office: Office, document: Mapping[str, object], signature: Signature) -> tuple[Work, ...]:
    """Take back what the signed paper names. From its effective moment on no permit is made under it; where that is
    now, work in flight ends with its holds given back, and what was issued reads revoked. Returns the shots that ended.

    All of it and the notices to licensees are one transaction. Raises SignatureRefused unless it is the key of whoever
    may, over exactly this document; InputError ``consent.missing`` for what isn't live.
    """
    now = office.clock.now()
    with office.unit() as unit:
        paper = filed_word(office, unit, document, signature, Revocation)
        terms: Revocation = paper.terms
        if terms.grounds is Grounds.NOTICE and terms.at < now - _LATEST:
            raise SignatureRefused("revocation.grounds", f"it is dated {terms.at.isoformat()}", "draw it up again")
        before = notify.standings(unit, terms.talent)
        live = living(unit, terms.talent, now)
        for digest, parts in terms.targets.items():
            target = live.get(digest)
            if target is None:
                raise InputError("consent.missing", f"{digest[:16]}… is not a live paper of {terms.talent}'s")
            if terms.effective < effective(target.terms, parts, terms.grounds, terms.by, terms.at):
                raise SignatureRefused("revocation.grounds", "it would bite sooner than these grounds allow")
            if terms.by is Role.BRAND and target.terms.brand.id != terms.party:
                raise SignatureRefused("revocation.grounds", f"{terms.party} is not the licensee")
            # It bites when it has reached us: what was permitted before then was permitted.
            moment = max(terms.effective, now.replace(microsecond=0))
            take_back(office, unit, paper, terms.talent, target, parts, moment)
        stopped = stop(office, unit, terms.talent, now)
        notify.queue(office, unit, terms.talent, before, terms.grounds, stopped)
        _untrained(office, unit, terms.talent, now)
        works = unit.works.of_talent(terms.talent)
    sweep(office, works)
    ended = {work.id for work, _ in stopped}
    return tuple(work for work in works if work.id in ended)


def replaced(office: Office, unit: UnitOfWork, consent: Paper) -> tuple[Work, ...]:
    """End the consent that a signed one replaces, and what rests on it, in the transaction of the signature. Returns the
    shots that ended, whose staged copies are to be thrown away."""
    now = office.clock.now().replace(microsecond=0)
    talent = consent.terms.talent.id
    before = notify.standings(unit, talent)
    take_back(office, unit, consent, talent, unit.papers.get(consent.terms.replaces), frozenset(), now)
    stopped = stop(office, unit, talent, now)
    notify.queue(office, unit, talent, before, Grounds.WITHDRAWN, stopped)
    _untrained(office, unit, talent, now, consent)
    return tuple(work for work, _ in stopped)


def _untrained(office: Office, unit: UnitOfWork, talent: str, now: datetime, coming: Paper | None = None) -> None:
    """Destroy what was trained on her when nothing she signed lets anybody train on her any more. ``coming`` is a consent
    whose signature is in this transaction.

    Within it: killed in between, it is her withdrawal that has to be handed in again, and never her face that stays.
    """
    consents = [*unit.papers.of(talent, PaperKind.CONSENT), *([coming] if coming else [])]
    signed = [paper for paper in consents if paper.signatures or paper is coming]
    if any(gives(paper, Part.TRAIN, now) for paper in signed):
        return
    if dropped := unit.checkpoints.drop(talent):
        office.record(unit, "twin:untrained", {"checkpoints": str(dropped)}, (talent,))
    office.vault.forget_weights(talent)


def living(unit: UnitOfWork, talent: str, now: datetime) -> dict[str, Paper]:
    """What was signed for her and still counts: consents, licenses, mandates, words and approvals, by digest."""
    kinds = (PaperKind.CONSENT, PaperKind.LICENSE, PaperKind.MANDATE, PaperKind.WORDS, PaperKind.APPROVAL)
    return {
        paper.digest: paper
        for kind in kinds
        for paper in unit.papers.of(talent, kind)
        if paper.signatures and not paper.erased and (paper.revoked_at is None or paper.revoked_at > now)
    }


def take_back(
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
        words = () if license.erased or not work.shot.words else unit.papers.of(talent, PaperKind.WORDS)
        said = Words(talent, work.shot.brand or license.terms.brand.id, work.shot.words) if words else None
        spoken = next((paper for paper in words if not paper.erased and paper.terms == said), None)
        reasons = []
        for paper in (consent, license, spoken):
            if paper is not None and paper.revoked_at is not None and paper.revoked_at <= now:
                kind = paper.kind.name.lower()
                reasons.append(reason(f"{kind}.revoked", f"the {kind} was revoked"))
        gone = {part for part, at in consent.withdrawn.items() if at <= now} & NEEDS[Act.RENDER] if consent else ()
        reasons += [reason("consent.part", f"she withdrew the part {part!r}") for part in sorted(gone)]
        if reasons:
            found.append((work, tuple(reasons)))
    return found


def stop(office: Office, unit: UnitOfWork, talent: str, now: datetime) -> notify.Stopped:
    """End her shots that can't go on, in this transaction: each with the holds that were given back."""
    stopped = []
    for work, reasons in _in_flight(unit, talent, now):
        holds = unit.books.open_holds(work.id)
        stopped.append((render.end(office, unit, work, Stage.REFUSED, reasons, "shot:refused"), holds))
    return stopped


def sweep(office: Office, works: Sequence[Work]) -> None:
    """Throw away the staged copies of shots that ended; those that a killed process left behind as well."""
    for work in works:
        if work.stage in ENDS and work.stage is not Stage.RELEASED:
            office.outbox.discard(work.release)


def end_work(office: Office, flying: list[tuple[Work, tuple[Reason, ...]]]) -> tuple[Work, ...]:
    """End shots that are on their way, with their holds given back."""
    return tuple(render.refuse(office, work, reasons) for work, reasons in flying)
