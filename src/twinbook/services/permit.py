"""From papers on file to a permit: the one place where permits are made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from twinbook.domain.consent import PostMortem
from twinbook.domain.errors import InputError, Reason, Refused, VaultRefused
from twinbook.domain.gate import NEEDS, Allow, Deny, Dossier, Request, bound_at, decide
from twinbook.domain.generation import mentioned
from twinbook.domain.license import License
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind
from twinbook.domain.permit import Act, Permit
from twinbook.domain.spelling import Word
from twinbook.domain.twin import TwinKind
from twinbook.domain.work import Work
from twinbook.ports import UnitOfWork

from .office import Office


def shot_request(unit: UnitOfWork, work: Work, talent: str) -> Request:
    """What making this shot asks of a talent: its channels, edits and words, and the license's territories and fee."""
    license: License = unit.papers.get(work.licenses[talent]).terms
    said = mentioned(work.shot.generate, _never(unit, license))
    return Request(
        act=Act.RENDER,
        talent=talent,
        subject=work.id,
        brand=work.shot.brand or license.brand.id,
        channels=work.shot.channels,
        territories=tuple(sorted(license.territories)),
        contexts=tuple(sorted({*work.shot.contexts, license.category, *said})),
        edits=work.shot.edits,
        fee=license.fee,
        words=work.shot.words,
        vendor=work.shot.vendor,
    )


def _never(unit: UnitOfWork, license: License) -> Iterable[Word]:
    consent = unit.papers.get(license.consent)
    return () if consent is None or consent.erased else consent.terms.never


def dossier(unit: UnitOfWork, talent: str, license: Paper, now: datetime, but: str = "") -> Dossier:
    """What is on file about a talent and one license, without the shot ``but``, as this transaction sees it ``now``."""
    terms: License = license.terms
    unpaid = unit.books.unpaid(talent, terms.brand.id)
    made, twin = unit.twins.made_at(talent), unit.twins.current(talent)
    return Dossier(
        consent=unit.papers.get(terms.consent),
        license=license,
        mandate=unit.papers.get(terms.mandate) if terms.mandate else None,
        words=tuple(unit.papers.of(talent, PaperKind.WORDS)),
        others=tuple(other_licenses(unit, talent, terms.brand.id, now)),
        images_this_month=unit.books.images(talent, now.year, now.month, but=but),
        images_licensed=unit.books.images_licensed(license.digest, but=but),
        twin_made=made.date() if made else None,
        died=unit.parties.died(talent),
        unpaid_since=unpaid[0].at.date() if unpaid else None,
        synthetic=twin is not None and twin.kind is TwinKind.SYNTHETIC,
    )


def other_licenses(unit: UnitOfWork, talent: str, brand: str, now: datetime) -> list[Paper]:
    """Her licenses with other brands that bind both sides and were not revoked."""
    return [
        paper
        for paper in unit.papers.of(talent, PaperKind.LICENSE)
        if paper.document.get("brand", {}).get("id") not in (None, brand)
        and (paper.revoked_at is None or paper.revoked_at > now)
        and bound_at(paper)
    ]


def weigh(office: Office, unit: UnitOfWork, work: Work, talent: str, now: datetime) -> Allow | Deny:
    """The gate's answer for one talent in a shot at one moment, on what is on file in this transaction."""
    license = unit.papers.get(work.licenses[talent])
    try:
        request = shot_request(unit, work, talent)
        on_file = dossier(unit, talent, license, now, work.id)
    except InputError as error:  # erased, or not a license at all
        return Deny((error.reason,))
    return decide(request, on_file, office.law, office.verify, now)


def refusals(office: Office, unit: UnitOfWork, work: Work, now: datetime) -> tuple[Reason, ...]:
    """Why this shot may not be made at this moment, all talents together; empty when it may.

    Whoever books on the answer books at the same ``now``: a month that turned in between would count the image nowhere.
    """
    answers = [weigh(office, unit, work, talent, now) for talent in work.shot.talents]
    return tuple(why for answer in answers if isinstance(answer, Deny) for why in answer.reasons)


def notes(office: Office, unit: UnitOfWork, work: Work) -> tuple[Reason, ...]:
    """What the law has to say to this shot without refusing it, all talents together."""
    now = office.clock.now()
    answers = [weigh(office, unit, work, talent, now) for talent in work.shot.talents]
    return tuple(dict.fromkeys(note for answer in answers for note in answer.notes))


def for_shot(office: Office, work: Work, act: Act) -> dict[str, Permit]:
    """One permit for each talent in the shot, in one transaction, or Refused with every reason.

    To measure takes her consent's template part and no license; to render takes everything.
    """
    permits = {}
    with office.unit() as unit:
        for talent in work.shot.talents:
            if act is Act.RENDER:
                answer = weigh(office, unit, work, talent, office.clock.now())
            else:
                license = unit.papers.get(work.licenses[talent])
                consent = unit.papers.get(str(license.document.get("consent", "")))
                answer = _without_license(office, unit, Request(act, talent, work.id), consent)
            permits[talent] = _made(office, unit, answer)
    return permits


def _without_license(office: Office, unit: UnitOfWork, request: Request, consent: Paper | None) -> Allow | Deny:
    on_file = Dossier(consent, died=unit.parties.died(request.talent))
    return decide(request, on_file, office.law, office.verify, office.clock.now())


def for_captures(office: Office, talent: str, consent: str, captures: str) -> Permit:
    """A permit to enroll one set of captures under one consent. Raises Refused with every reason."""
    return _under_consent(office, Request(Act.ENROLL, talent, captures), consent)


def for_training(office: Office, talent: str, consent: str, training: str) -> Permit:
    """A permit to train one checkpoint on her under one consent, which takes its part ``train``. Raises Refused with every
    reason."""
    return _under_consent(office, Request(Act.TRAIN, talent, training), consent)


def for_measuring(office: Office, talent: str, consent: str, subject: str) -> Permit:
    """A permit to recognise her by her plates, which takes the part ``template``. Raises Refused with every reason."""
    return _under_consent(office, Request(Act.MEASURE, talent, subject), consent)


def _under_consent(office: Office, request: Request, consent: str) -> Permit:
    with office.unit() as unit:
        return _made(office, unit, _without_license(office, unit, request, unit.papers.get(consent)))


def for_access(office: Office, unit: UnitOfWork, act: Act, talent: str, access: Paper) -> Permit:
    """A permit to show her what is held about her, on her own request. Raises Refused with every reason."""
    request = Request(act, talent, access.digest)
    consents = [paper for paper in unit.papers.of(talent, PaperKind.CONSENT) if paper.signatures]
    living = [paper for paper in consents if paper.revoked_at is None or paper.revoked_at > office.clock.now()]
    consent = next(reversed(living or consents), None)
    on_file = Dossier(consent, died=unit.parties.died(talent), access=access)
    return _made(office, unit, decide(request, on_file, office.law, office.verify, office.clock.now()))


def _made(office: Office, unit: UnitOfWork, answer: Allow | Deny) -> Permit:
    if isinstance(answer, Deny):
        raise refused(answer.reasons)
    permit = answer.permit(office.token(16).hex(), office.clock.now())
    facts = {"permit": permit.id, "act": permit.act.value, "request": permit.request_digest, "consent": permit.consent}
    office.record(
        unit, "permit:made", facts | ({"license": permit.license} if permit.license else {}), (permit.talent,)
    )
    return permit.sealed(office.permit_key)


def refused(reasons: tuple[Reason, ...]) -> Refused:
    """All the reasons as one error, the first one leading."""
    first = reasons[0]
    return Refused(first.code, first.diagnosis, first.remedy, also=reasons[1:])


def _part_gone(consent: Paper, act: Act, now: datetime) -> bool:
    return any(part in consent.withdrawn and consent.withdrawn[part] <= now for part in NEEDS[act])


def _died_with_her(unit: UnitOfWork, consent: Paper, talent: str) -> bool:
    if unit.parties.died(talent) is None:
        return False
    return consent.erased or consent.terms.post_mortem is PostMortem.ENDS


def still_stands(unit: UnitOfWork, permit: Permit, now: datetime) -> None:
    """Raises VaultRefused ``permit.revoked`` when what a permit rests on doesn't count any more: asked when the vault opens,
    and again by whoever works long under one permit."""
    for digest in (permit.consent, permit.license):
        paper = unit.papers.get(digest) if digest else None
        gone = paper is None or (paper.revoked_at is not None and paper.revoked_at <= now)
        if digest and (gone or (digest == permit.consent and _part_gone(paper, permit.act, now))):
            raise VaultRefused("permit.revoked", "what the permit rests on was revoked")
        asked = permit.act is Act.DISCLOSE  # rests on her own request, or her estate's
        if digest == permit.consent and not asked and _died_with_her(unit, paper, permit.talent):
            raise VaultRefused("permit.revoked", "what the permit rests on ended with her death")


class Register:
    """Implements the PermitRegister port on the database: what the vault asks at every open."""

    def __init__(self, unit, clock) -> None:
        self._unit, self._clock = unit, clock

    def spend(self, permit: Permit) -> None:
        """Raises VaultRefused ``permit.spent`` or ``permit.revoked``."""
        with self._unit() as unit:
            still_stands(unit, permit, self._clock.now())
            if not unit.spend(permit.id, self._clock.now()):
                raise VaultRefused("permit.spent", "the permit was used already")


def licenses(unit: UnitOfWork, work: Work) -> dict[str, License]:
    """The terms that a shot rests on, by talent."""
    papers = {talent: unit.papers.get(work.licenses[talent]) for talent in work.shot.talents}
    return {talent: paper.terms for talent, paper in papers.items()}
