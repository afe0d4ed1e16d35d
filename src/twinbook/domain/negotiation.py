"""How a license comes about: an offer, counters, an answer; and what stands against it before anybody is bound.

A `Negotiation` is what a booking's signed proposals say and nothing else: whoever holds them can tell offline whose turn
it is and what was agreed. No proposal is a signature on a license. Who accepts or countersigns signs exactly the license
that the live proposal holds, while it is live.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Self

from .errors import InputError, Reason, SignatureRefused, reason
from .form import Form
from .gate import Deny, Dossier, Request, decide
from .license import License
from .mandate import Mandate
from .paper import Paper, Signed
from .party import Key, PaperKind, Role, Signature, Verify
from .permit import Act
from .policy import Finding, Law, Severity

LONGEST = timedelta(days=90)
# How far a signer's clock may be ahead of ours.
_SKEW = timedelta(minutes=5)
_BOOKING = re.compile(r".{1,64}-[0-9a-f]{10}")
HER_SIDE = frozenset({Role.TALENT, Role.ESTATE, Role.AGENCY})


class Move(StrEnum):
    OFFER = "offer"
    COUNTER = "counter"
    WITHDRAW = "withdraw"
    DECLINE = "decline"


_WITH_TERMS = frozenset({Move.OFFER, Move.COUNTER})


@dataclass(frozen=True)
class Proposal(Form):
    """``booking`` is the talent's id, a hyphen and ten hex digits; ``number`` counts from 0, and ``previous`` is the digest
    of the proposal answered, empty for an offer. ``terms`` are the whole license; only to withdraw or decline takes none.
    Whoever answers does so before ``expires``."""

    KIND = PaperKind.PROPOSAL

    booking: str
    number: int
    move: Move
    by: Role
    party: str
    terms: License | None
    previous: str
    at: datetime
    expires: datetime | None

    def __post_init__(self) -> None:
        if not _BOOKING.fullmatch(self.booking):
            raise InputError("signature.invalid", f"{self.booking!r} names no booking")
        if (self.move in _WITH_TERMS) != (self.terms is not None) or (self.terms is None) != (self.expires is None):
            raise InputError("signature.invalid", "offers and counters have terms and an end, other moves neither")
        if len({self.move is Move.OFFER, self.number == 0, self.previous == ""}) != 1:
            raise InputError("signature.invalid", "an offer opens a booking, everything else answers")

    @property
    def talent(self) -> str:
        """Whose twin it is about: her id."""
        return talent_of(self.booking)

    def signers(self) -> Mapping[Role, str]:
        return {self.by: self.party}


def talent_of(booking: str) -> str:
    """Whose booking it is, by its name."""
    return booking.rpartition("-")[0]


def changed(terms: License, **changes: object) -> License:
    """The terms with some members changed. Exclusivity that ran as long as the license still does."""
    made = replace(terms, **changes)
    sold = terms.exclusive
    if (
        "exclusive" in changes
        or sold is None
        or made.ends is None
        or (sold.starts, sold.ends) != (terms.starts, terms.ends)
    ):
        return made
    return replace(made, exclusive=replace(sold, starts=made.starts, ends=made.ends))


class State(StrEnum):
    """``accepted``: for her side it is signed, and the brand can still countersign. ``bound``: both have, in time."""

    OPEN = "open"
    ACCEPTED = "accepted"
    BOUND = "bound"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"


@dataclass(frozen=True)
class Negotiation:
    """A booking. ``papers`` are its proposals in order, each with the moment it was filed; ``license`` is the paper of the
    latest terms with the signatures on it, None while there is no such paper. Whether those are good the gate says."""

    papers: tuple[Paper, ...] = ()
    license: Paper | None = None

    @classmethod
    def of(cls, papers: Iterable[Paper], verify: Verify) -> Self:
        """What signed proposals add up to, each verified and held against those before it at the moment it was filed.

        Raises SignatureRefused, as `check` does, for a chain that can't have come about.
        """
        made = cls()
        for paper in sorted(papers, key=lambda paper: paper.terms.number):
            for fault in paper.faults(verify):
                raise SignatureRefused(fault.code, fault.diagnosis, fault.remedy)
            made = made.add(paper, paper.drawn_at)
        return made

    def add(self, paper: Paper, at: datetime) -> Self:
        """The booking after one more proposal. Raises as `check` does."""
        self.check(paper, at)
        return type(self)((*self.papers, replace(paper, drawn_at=at)))

    # --- what is the case

    @cached_property
    def latest(self) -> Proposal:
        return self.papers[-1].terms

    @cached_property
    def standing(self) -> Paper:
        """The last proposal with terms, live or not."""
        return next(paper for paper in reversed(self.papers) if paper.terms.terms is not None)

    @cached_property
    def terms(self) -> License:
        return self.standing.terms.terms

    @cached_property
    def acceptor(self) -> Role:
        """Who signs the license for her: she herself, unless the terms say that her agency or estate does."""
        return next(role for role in self.terms.signers() if role is not Role.BRAND)

    def signed(self, role: Role) -> bool:
        """Whether the license was signed in this role while the proposal that holds it was live."""
        at = self.license.signed_at(role) if self.license else None
        return at is not None and self.standing.drawn_at <= at < self.standing.terms.expires

    def state(self, now: datetime) -> State:
        if self.latest.move is Move.WITHDRAW:
            return State.WITHDRAWN
        if self.latest.move is Move.DECLINE:
            return State.DECLINED
        hers, brands = self.signed(self.acceptor), self.signed(Role.BRAND)
        if hers and brands:
            return State.BOUND
        if now >= self.latest.expires:
            return State.EXPIRED
        return State.ACCEPTED if hers else State.OPEN

    def live(self, now: datetime) -> Proposal | None:
        """The proposal that can be answered now."""
        return self.latest if self.state(now) is State.OPEN else None

    def turn(self, now: datetime) -> frozenset[Role]:
        """Whose side is waited for: nobody's when the booking is at its end."""
        state = self.state(now)
        if state is State.ACCEPTED:
            return frozenset({Role.BRAND})
        if state is not State.OPEN:
            return frozenset()
        if self.latest.by is Role.BRAND:
            return HER_SIDE
        return frozenset({self.acceptor if self.signed(Role.BRAND) else Role.BRAND})

    def concerns(self, role: Role, party: str) -> bool:
        """Whether somebody is a party to it. To anybody else it doesn't exist."""
        return bool(party) and _parties(self.terms).get(role) == party

    # --- what may follow

    def check(self, paper: Paper, now: datetime) -> None:
        """Raises SignatureRefused with the reason why this proposal can't follow now: ``offer.unknown``, ``offer.window``,
        ``offer.parties``, ``license.estate``, ``offer.stale``, ``offer.turn``, or why nothing can follow any more (`hold_open`).

        Whose key signed it `Paper.faults` says, whether an agency may `against_mandates`; that an estate is hers is for
        whoever holds her consent.
        """
        asked: Proposal = paper.terms
        if not self.papers and asked.move is not Move.OFFER:
            raise unknown(asked.booking)
        if self.papers and asked.by is not Role.ESTATE and not self.concerns(asked.by, asked.party):
            raise unknown(asked.booking)
        if asked.at > now + _SKEW:
            raise _no("offer.window", f"it says it was made on {asked.at.isoformat()}, which lies ahead")
        if asked.expires is not None and not now < asked.expires <= now + LONGEST:
            raise _no("offer.window", f"{asked.expires.isoformat()} is over, or more than {LONGEST.days} days off")
        if asked.terms is not None:
            self._check_parties(asked, asked.terms)
        if self.papers:
            self.hold_open(now)
            if (asked.number, asked.previous) != (self.latest.number + 1, self.papers[-1].digest):
                raise _no(
                    "offer.stale", f"the booking stands at proposal {self.latest.number}, and this answers another"
                )
            self._check_turn(asked)

    def hold_open(self, now: datetime) -> None:
        """Raises SignatureRefused ``offer.withdrawn``, ``offer.declined``, ``offer.expired`` or ``offer.taken``."""
        state, who = self.state(now), self.latest.party
        if state is State.WITHDRAWN:
            raise _no("offer.withdrawn", f"{who} withdrew the proposal")
        if state is State.DECLINED:
            raise _no("offer.declined", f"{who} declined")
        if state is State.EXPIRED:
            raise _no("offer.expired", f"the proposal ended on {self.latest.expires.isoformat()}")
        if state is not State.OPEN:
            raise _no("offer.taken", "these terms were accepted already")

    def _check_parties(self, asked: Proposal, terms: License) -> None:
        if _parties(terms).get(asked.by) != asked.party:
            raise _no("offer.parties", f"{asked.party} ({asked.by}) is no party to these terms")
        if asked.talent != terms.talent.id:
            raise _no("offer.parties", f"{asked.booking} is no booking of {terms.talent.id}'s")
        if terms.estate and terms.mandate:
            raise _no("license.estate", "a mandate ends with her death, and an estate begins with it")
        if self.papers and _kept(terms) != _kept(self.terms):
            raise _no("offer.parties", "it is for another talent, brand, agency or consent than the booking")

    def _check_turn(self, asked: Proposal) -> None:
        latest = self.latest
        same_side = (asked.by in HER_SIDE) == (latest.by in HER_SIDE)
        # What her agency put forward in her name she can take back or better; nobody can do that with her own word.
        over_agency = latest.by is Role.AGENCY and asked.by in HER_SIDE
        if asked.move is Move.WITHDRAW and not (same_side and (asked.by is latest.by or over_agency)):
            raise _no("offer.turn", f"the proposal is {latest.party}'s to withdraw")
        if asked.move is Move.DECLINE and same_side:
            raise _no("offer.turn", "nobody declines a proposal of their own side: it can be withdrawn")
        if asked.move is Move.COUNTER and same_side and not (over_agency and asked.by is not Role.AGENCY):
            raise _no("offer.turn", "the other side answers first")


def unknown(booking: str) -> SignatureRefused:
    """The one answer about bookings that aren't there and bookings that are none of somebody's business."""
    return _no("offer.unknown", f"there is no booking {booking!r}")


def _no(code: str, diagnosis: str) -> SignatureRefused:
    return SignatureRefused(code, diagnosis)


def _parties(terms: License) -> dict[Role, str]:
    agency = terms.agency.id if terms.agency else ""
    return {Role.BRAND: terms.brand.id, Role.TALENT: terms.talent.id, Role.AGENCY: agency, Role.ESTATE: terms.estate}


def _kept(terms: License) -> tuple[object, ...]:
    return terms.talent, terms.brand, terms.agency, terms.consent


def against_mandates(terms: License, mandates: Iterable[Paper], verify: Verify, now: datetime) -> tuple[Reason, ...]:
    """Why her agency may not propose these terms by itself; empty when one of her mandates, oldest first, says that it
    may. The reasons name her limits: they are for the agency, never for the brand."""
    against: tuple[Reason, ...] = ()
    for paper in mandates:
        if paper.erased or paper.faults(verify):
            continue
        mandate: Mandate = paper.terms
        if paper.revoked_at is not None and paper.revoked_at <= now:
            against = against or (reason("mandate.revoked", "she revoked the mandate", rests_on="mandate, revocation"),)
            continue
        found = tuple(mandate.against(terms, "propose", now.date()))
        if not found:
            return ()
        against = found
    return against or (reason("mandate.missing", "she signed no mandate that lets her agency propose"),)


# --- what stands against a license --------------------------------------------------------------------------------

# What only waiting cures is no obstacle to an agreement.
_LATER = frozenset({"license.not_started", "consent.not_started", "consent.cooling_off"})
# What whoever reads the license alone can tell.
_PLAIN = frozenset({"license.perpetual", "license.expired", "license.auto_renewal", "license.cap", "license.other"})
UNFREE = "the talent isn't free for this scope"


@dataclass(frozen=True)
class Obstacles:
    """What the gate and the law say about a license that everybody would sign now."""

    gate: tuple[Reason, ...]
    law: tuple[Finding, ...]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.gate + tuple(found.reason for found in self.law if found.severity is Severity.ERROR)

    @property
    def notes(self) -> tuple[Reason, ...]:
        """What has to be shown without refusing."""
        return tuple(found.reason for found in self.law if found.severity is Severity.WARNING)

    def told_to_brand(self) -> Obstacles:
        """What a brand may know: what follows from the license itself. Her consent, her floor, her mandate and other brands'
        licenses are one sentence."""
        gate = [why for why in self.gate if why.code in _PLAIN]
        law = [found for found in self.law if found.fact.startswith("license.")]
        shown = Obstacles(tuple(gate), tuple(law))
        if len(shown.reasons) == len(self.reasons):
            return shown
        return replace(shown, gate=(*shown.gate, reason("offer.conflict", UNFREE)))

    def before_her_word(self) -> Obstacles:
        """What a brand may know while she hasn't agreed: what follows from the license itself, and that she isn't free where
        another brand holds it. What she would say of it is hers to say."""
        gate = tuple(why for why in self.gate if why.code in _PLAIN or why.code == "license.exclusivity")
        law = tuple(found for found in self.law if found.fact.startswith("license."))
        return Obstacles(gate, law).told_to_brand()


def obstacles(license: Paper, dossier: Dossier, law: Law, verify: Verify, now: datetime) -> Obstacles:
    """Why a picture could never be made under this license, though everybody signed it now: what the gate answers for all
    that it grants, today and on its first day, and what the law finds in it on both.

    ``dossier`` holds the license's consent, its mandate, her other licenses and the day of her death. Left out is what
    is a matter of the moment: images of the month, the twin's age, what the brand owes, and what only waiting cures.
    """
    terms: License = license.terms
    # The gate is asked as if everybody had signed just after now, and so after every license that binds already, with
    # stand-in keys that exist in this call and nowhere else.
    stand_ins = {role: Key(f"stand-in:{role}", "", "", party, role) for role, party in terms.signers().items()}
    after = now + timedelta.resolution
    signatures = tuple(Signed(Signature(key.id, "", ""), key, after) for key in stand_ins.values())
    as_if = replace(license, signatures=signatures)
    on_file = Dossier(dossier.consent, as_if, dossier.mandate, others=dossier.others, died=dossier.died)

    def verified(message: bytes, signature: Signature, key: Key) -> bool:
        return stand_ins.get(key.role) is key or verify(message, signature, key)

    request = Request(
        act=Act.RENDER,
        talent=terms.talent.id,
        subject=license.digest,
        brand=terms.brand.id,
        channels=tuple(sorted(terms.channels)),
        territories=tuple(sorted(terms.territories)),
        contexts=(terms.category,),
        fee=terms.fee,
    )
    found: list[Reason] = []
    findings: dict[str, Finding] = {}
    for moment in (now, max(now, datetime.combine(terms.starts, time(), UTC))):
        answer = decide(request, on_file, Law(()), verified, moment)
        found += [why for why in answer.reasons if why.code not in _LATER] if isinstance(answer, Deny) else []
        if _readable(dossier.consent):
            findings |= {
                f.rule + f.reason.diagnosis: f for f in law.check_papers(dossier.consent, license, moment.date())
            }
    return Obstacles(tuple(dict.fromkeys(found)), tuple(findings.values()))


def _readable(consent: Paper | None) -> bool:
    try:
        return consent is not None and consent.kind is PaperKind.CONSENT and consent.terms is not None
    except InputError:
        return False


def booked(license: Paper, proposals: Iterable[Paper]) -> str | None:
    """The newest booking whose proposals hold exactly this license, None when no booking does.

    Such a license is accepted and countersigned there and nowhere else: a signature on the bare paper, after the offer
    has ended, would bind whoever trusted in that end.
    """
    with_terms = (p.terms for p in proposals if not p.erased and p.terms.terms is not None)
    held = [p for p in with_terms if Paper.of(p.terms).digest == license.digest]
    return max(held, key=lambda p: p.at).booking if held else None
