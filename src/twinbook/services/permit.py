"""From papers on file to a permit: the one place where permits are made."""

from __future__ import annotations

from twinbook.domain.errors import InputError, Reason, Refused, VaultRefused
from twinbook.domain.gate import Allow, Deny, Dossier, Request, decide
from twinbook.domain.license import License
from twinbook.domain.permit import Act, Permit
from twinbook.domain.work import Work
from twinbook.ports import UnitOfWork

from .office import Office


def shot_request(unit: UnitOfWork, work: Work, talent: str) -> Request:
    """What making this shot asks of a talent: its channels and contexts, and the license's territories and fee."""
    paper = unit.papers.get(work.licenses[talent])
    license = License.from_document(dict(paper.document))
    return Request(
        act=Act.RENDER,
        talent=talent,
        subject=work.id,
        channels=work.shot.channels,
        territories=tuple(sorted(license.territories)),
        contexts=tuple(sorted({*work.shot.contexts, license.category})),
        fee=license.fee,
    )


def weigh(office: Office, unit: UnitOfWork, work: Work, talent: str) -> Allow | Deny:
    """The gate's answer for one talent in a shot, on what is on file in this transaction."""
    now = office.clock.now()
    license = unit.papers.get(work.licenses[talent])
    consent = unit.papers.get(str(license.document.get("consent", ""))) if license else None
    images = unit.books.images(talent, now.year, now.month, but=work.id)
    try:
        request = shot_request(unit, work, talent)
    except InputError as error:  # erased, or not a license at all
        return Deny((error.reason,))
    return decide(request, Dossier(consent, license, images), office.verify, now)


def refusals(office: Office, unit: UnitOfWork, work: Work) -> tuple[Reason, ...]:
    """Why this shot may not be made now, all talents together; empty when it may."""
    answers = [weigh(office, unit, work, talent) for talent in work.shot.talents]
    return tuple(why for answer in answers if isinstance(answer, Deny) for why in answer.reasons)


def for_shot(office: Office, work: Work, act: Act) -> dict[str, Permit]:
    """One permit for each talent in the shot, in one transaction, or Refused with every reason.

    To measure takes her consent's template part and no license; to render takes everything.
    """
    permits = {}
    with office.unit() as unit:
        for talent in work.shot.talents:
            if act is Act.RENDER:
                answer = weigh(office, unit, work, talent)
            else:
                license = unit.papers.get(work.licenses[talent])
                consent = unit.papers.get(str(license.document.get("consent", "")))
                answer = decide(Request(act, talent, work.id), Dossier(consent), office.verify, office.clock.now())
            permits[talent] = _made(office, unit, answer)
    return permits


def for_captures(office: Office, talent: str, consent: str, captures: str) -> Permit:
    """A permit to enroll one set of captures under one consent. Raises Refused with every reason."""
    with office.unit() as unit:
        dossier = Dossier(unit.papers.get(consent))
        answer = decide(Request(Act.ENROLL, talent, captures), dossier, office.verify, office.clock.now())
        return _made(office, unit, answer)


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


class Register:
    """Implements the PermitRegister port on the database: what the vault asks at every open."""

    def __init__(self, unit, clock) -> None:
        self._unit, self._clock = unit, clock

    def spend(self, permit: Permit) -> None:
        """Raises VaultRefused ``permit.spent`` or ``permit.revoked``."""
        with self._unit() as unit:
            for digest in (permit.consent, permit.license):
                paper = unit.papers.get(digest) if digest else None
                if digest and (paper is None or paper.revoked_at is not None):
                    raise VaultRefused("permit.revoked", "what the permit rests on was revoked")
            if not unit.spend(permit.id, self._clock.now()):
                raise VaultRefused("permit.spent", "the permit was used already")
