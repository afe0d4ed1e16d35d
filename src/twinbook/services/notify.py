"""Tell licensees what a revocation means for them: written down with the revocation itself, delivered when it works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from twinbook.domain import notice, webhook
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, TwinbookError
from twinbook.domain.gate import NEEDS, bound_at
from twinbook.domain.ledger import Transaction, brand_account
from twinbook.domain.license import License
from twinbook.domain.money import Money
from twinbook.domain.notice import About, Delivery, EndedShot, Ends, Issued, Notice, Outgoing
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Role
from twinbook.domain.permit import Act
from twinbook.domain.revocation import Grounds
from twinbook.domain.work import Stage, Work
from twinbook.ports import UnitOfWork

from .office import Office

NOT_RECORDED = "it was sent, and what came of it was not recorded"
GONE = "the address answered 410: nothing is sent there any more"


@dataclass(frozen=True)
class Standing:
    """How a license stands: what has come to an end under it, and from when parts of its consent are
    withdrawn."""

    license: Paper
    ends: Ends
    revoked: Mapping[About, datetime | None]
    withdrawn: Mapping[Part, datetime]


Stopped = Sequence[tuple[Work, Sequence[Transaction]]]
"""Shots that ended on their way, each with the holds that were given back."""


def standings(unit: UnitOfWork, talent: str) -> dict[str, Standing]:
    """Each license of hers that binds both sides, by digest, as this transaction sees it."""
    found = {}
    for paper in unit.papers.of(talent, PaperKind.LICENSE):
        if paper.erased or bound_at(paper) is None:
            continue
        terms: License = paper.terms
        consent = unit.papers.get(terms.consent)
        revoked = {
            About.CONSENT: consent.revoked_at if consent else None,
            About.LICENSE: paper.revoked_at,
        }
        withdrawn = dict(consent.withdrawn) if consent else {}
        found[paper.digest] = Standing(paper, notice.ends(paper, consent), revoked, withdrawn)
    return found


def queue(
    office: Office,
    unit: UnitOfWork,
    talent: str,
    before: Mapping[str, Standing],
    grounds: Grounds,
    stopped: Stopped,
) -> tuple[Notice, ...]:
    """Write, sign and queue a notice for every license of hers that ends sooner than it did ``before``, in the
    transaction of the revocation: there is never one without the other. Nobody else learns of it."""
    made = []
    works = unit.works.of_talent(talent)
    for digest, after in standings(unit, talent).items():
        sooner = after.ends.sooner(before[digest].ends)
        mine = [work for work in works if work.licenses.get(talent) == digest]
        issued = [work for work in mine if work.stage is Stage.RELEASED]
        if not sooner.moments or not (_may_still_run(office, after.license.terms) or (issued and sooner.showing)):
            continue
        ended = [(work, holds) for work, holds in stopped if work.licenses[talent] == digest]
        effective = _second(min(sooner.moments))
        told = _drawn(office, unit, talent, before[digest], after, grounds, effective, issued, ended)
        url = unit.notices.address(told.to)
        signature = office.log_signer.sign(told.message).hex()
        unit.notices.put(Outgoing(told, signature, url, next_at=office.clock.now() if url else None))
        made.append(told)
    return tuple(made)


def _drawn(
    office: Office,
    unit: UnitOfWork,
    talent: str,
    was: Standing,
    after: Standing,
    grounds: Grounds,
    effective: datetime,
    issued: Sequence[Work],
    ended: Stopped,
) -> Notice:
    terms: License = after.license.terms
    about = _about(was, after)
    moved = frozenset(part for part, at in after.withdrawn.items() if was.withdrawn.get(part) != at)
    parts = moved & _concerning(terms) if about is About.PARTS else frozenset()
    notice_id = f"ntc_{office.token(16).hex()}"
    facts = {"notice": notice_id, "license": after.license.digest, "effective": effective.isoformat()}
    return Notice(
        id=notice_id,
        to=terms.brand.id,
        log=office.log_signer.origin,
        log_index=office.record(unit, "notice:made", facts, (talent,)),
        made_at=_second(office.clock.now()),
        license=after.license.digest,
        about=about,
        parts=parts,
        # Why she withdrew a consent is nobody's business, and that another brand broke its license isn't this one's.
        grounds=grounds if about is About.LICENSE else Grounds.WITHDRAWN,
        effective=effective,
        stop_making=_second(after.ends.making),
        stop_showing=_second(after.ends.showing),
        stop_training=_second(after.ends.training),
        releases=tuple(_issued(work) for work in issued) if after.ends.showing else (),
        ended=tuple(_ended(work, holds, terms.brand.id) for work, holds in ended),
        pass_on_to=terms.sublicensees | terms.vendors,
    )


def _may_still_run(office: Office, license: License) -> bool:
    return license.ends is None or office.clock.now().date() <= license.ends


def _about(was: Standing, after: Standing) -> About:
    """The widest of what was taken back; that a license was ended together with its consent adds nothing."""
    for about in (About.CONSENT, About.LICENSE):
        if after.revoked[about] != was.revoked[about]:
            return about
    return About.PARTS


def _concerning(terms: License) -> frozenset[Part]:
    """The parts of a consent that a licensee has to do with: that she is watched over isn't its business."""
    return NEEDS[Act.RENDER] | ({Part.TRAIN} if terms.trains_models else frozenset())


def _issued(work: Work) -> Issued:
    return Issued(work.release.hex, frozenset(copy.sha256 for copy in work.copies))


def _ended(work: Work, holds: Sequence[Transaction], brand: str) -> EndedShot:
    """What went back to the brand, for all talents in the shot."""
    back: dict[str, int] = {}
    for held in holds:
        for posting in held.postings:
            if posting.account == brand_account(brand):
                back[held.currency] = back.get(held.currency, 0) - posting.minor
    return EndedShot(work.id, work.name, tuple(Money(currency, minor) for currency, minor in sorted(back.items())))


def _second(at: datetime | None) -> datetime | None:
    """Down to the second, as documents write it: never later than what holds here."""
    return at.replace(microsecond=0) if at else None


# --- where to -----------------------------------------------------------------------------------------------------


def set_address(office: Office, party: str, url: str | None) -> tuple[Outgoing, ...]:
    """Send a brand's notices to this address from now on, those that wait or were given up included; None for nowhere.

    Returns what waits for it. Raises InputError ``party.unknown``, ``notice.address``.
    """
    if url is not None:
        office.post.check(url)  # asks the network, so not within the transaction
    now = office.clock.now()
    with office.unit() as unit:
        known = unit.parties.get(party)
        if known is None or known.role is not Role.BRAND:
            raise InputError("party.unknown", f"no brand {party!r} is known here")
        unit.notices.set_address(party, url)
        moved = []
        for outgoing in unit.notices.all():
            if outgoing.notice.to == party and outgoing.state is not Delivery.DELIVERED:
                again = replace(outgoing, url=url, attempts=0, next_at=now if url else None, last_error="")
                unit.notices.put(again)
                moved.append(again)
        return tuple(moved)


def address(office: Office, party: str) -> str | None:
    """Where a brand's notices are sent. Raises InputError ``party.unknown``."""
    with office.unit() as unit:
        if unit.parties.get(party) is None:
            raise InputError("party.unknown", f"no brand {party!r} is known here")
        return unit.notices.address(party)


def notices(office: Office) -> tuple[Outgoing, ...]:
    """Every notice ever made, oldest first."""
    with office.unit() as unit:
        return tuple(unit.notices.all())


def find(office: Office, notice_id: str) -> Outgoing:
    """Raises InputError ``notice.unknown``."""
    with office.unit() as unit:
        found = unit.notices.get(notice_id)
    if found is None:
        raise InputError("notice.unknown", f"there is no notice {notice_id[:64]!r}")
    return found


# --- delivery -----------------------------------------------------------------------------------------------------


def deliver(office: Office, limit: int = 100, within: timedelta = timedelta(minutes=5)) -> tuple[Outgoing, ...]:
    """Send what is due, one POST each, and return how each then stands. What isn't taken is tried again later.

    At least once: a process that dies between sending and recording leaves the notice to be sent again, under the same
    id. Two that deliver at once don't send the same one at the same moment. Never raises for what the other side does.
    """
    until = office.clock.now() + within
    tried: dict[str, Outgoing] = {}
    for _ in range(limit):
        claimed = _claim(office) if office.clock.now() <= until else None
        if claimed is None:
            break
        tried[claimed.notice.id] = _recorded(office, claimed, *_sent(office, claimed))
    return tuple(tried.values())


def _claim(office: Office) -> Outgoing | None:
    """Take what is due, with its next attempt booked as though this one had failed already."""
    now = office.clock.now()
    with office.unit() as unit:
        due = unit.notices.due(now)
        if due is None:
            return None
        attempts = due.attempts + 1
        chance = int.from_bytes(office.token(2)) / 0xFFFF
        next_at = webhook.retry_at(attempts, now, chance)
        claimed = replace(due, attempts=attempts, next_at=next_at, last_error=NOT_RECORDED)
        unit.notices.put(claimed)
        return claimed


def _sent(office: Office, claimed: Outgoing) -> tuple[int | None, str]:
    """The status that came back, and what is wrong with it."""
    body = claimed.body()
    headers = webhook.headers(claimed.notice.id, body, office.clock.now(), office.log_signer.sign)
    try:
        status = office.post.send(claimed.url, headers, body)
    except TwinbookError as error:
        return None, error.diagnosis
    if 300 <= status < 400:
        return status, f"it answered {status}, and redirects aren't followed: give the address it leads to"
    return status, "" if 200 <= status < 300 else f"it answered {status}"


def _recorded(office: Office, claimed: Outgoing, status: int | None, fault: str) -> Outgoing:
    with office.unit() as unit:
        current = unit.notices.get(claimed.notice.id)
        if current.state is Delivery.DELIVERED:
            return current
        if not fault:
            done = replace(current, delivered_at=office.clock.now(), next_at=None, last_error="")
            unit.notices.put(done)
            return done
        if (current.url, current.attempts) != (claimed.url, claimed.attempts):
            return current  # another address meanwhile, or a later attempt
        if status != 410:
            failed = replace(current, last_error=fault)
            unit.notices.put(failed)
            return failed
        unit.notices.set_address(current.notice.to, None)
        for other in unit.notices.all():
            if other.notice.to == current.notice.to and other.state is not Delivery.DELIVERED:
                unit.notices.put(replace(other, url=None, next_at=None, last_error=GONE))
        return unit.notices.get(current.notice.id)
