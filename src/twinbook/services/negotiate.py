"""Offers, counters and answers, until a license binds talent and brand. Never touches a private key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction

from twinbook.domain import estate, royalty
from twinbook.domain.campaign import Campaign, undated
from twinbook.domain.consent import Consent
from twinbook.domain.errors import InputError, Reason, SignatureRefused
from twinbook.domain.license import License, conflicting
from twinbook.domain.mandate import Mandate
from twinbook.domain.money import Money
from twinbook.domain.negotiation import (
    UNFREE,
    Move,
    Negotiation,
    Obstacles,
    Proposal,
    State,
    against_mandates,
    obstacles,
    talent_of,
    unknown,
)
from twinbook.domain.paper import Paper
from twinbook.domain.party import Key, PaperKind, Party, Role, Signature
from twinbook.domain.policy import Finding, Law, facts_of
from twinbook.ports import UnitOfWork

from . import filing, sign
from .office import Office
from .permit import dossier, other_licenses, refused


@dataclass(frozen=True)
class Standing:
    """A booking as it stands at a moment. ``notes`` are what the law has to say to it without refusing."""

    negotiation: Negotiation
    at: datetime
    notes: tuple[Reason, ...] = ()

    @property
    def state(self) -> State:
        return self.negotiation.state(self.at)

    @property
    def booking(self) -> str:
        return self.negotiation.latest.booking

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The parties whose turn it is. Of her side that is whoever signs for her, and she herself in any case."""
        terms, turn = self.negotiation.terms, self.negotiation.turn(self.at)
        hers = {
            Role.TALENT: "" if terms.estate else terms.talent.id,
            self.negotiation.acceptor: terms.signers()[self.negotiation.acceptor],
        }
        who = {**hers, Role.BRAND: terms.brand.id}
        return tuple(party for role, party in who.items() if role in turn and party)


# --- proposing ----------------------------------------------------------------------------------------------------


def campaign_terms(office: Office, campaign: Campaign, talent: str) -> License:
    """The license that a campaign asks of one of its talents, from today on, under the consent that it asks for. Whether
    she signed that or not can't be told from them. Raises InputError ``talent.unknown``, ``consent.replaces``."""
    for cast in campaign.talents:
        if cast.party.id == talent:
            consent = sign.asked_consent(office, campaign, cast)
            return campaign.license.license(cast, consent.digest, office.clock.now().date())
    raise InputError("talent.unknown", f"there is no {talent!r} in the campaign {campaign.title}")


def draft(
    office: Office, who: Key, move: Move, booking: str = "", terms: License | None = None, days: int = 14
) -> Proposal:
    """The proposal that the owner of a key can sign to make this move, without a booking an offer that opens one.

    Raises SignatureRefused ``offer.unknown``.
    """
    now = office.clock.now().replace(microsecond=0)
    number, previous = 0, ""
    if move is Move.OFFER:
        booking = f"{terms.talent.id}-{office.token(5).hex()}"
    else:
        with office.unit() as unit:
            negotiation = _seen(office, unit, booking, who)
        number, previous = negotiation.latest.number + 1, negotiation.papers[-1].digest
    ends = now + timedelta(days=days) if terms else None
    return Proposal(booking, number, move, who.role, who.party, terms, previous, now, ends)


def propose(office: Office, document: Mapping[str, object], signature: Signature) -> Standing:
    """File a signed proposal: an offer that opens a booking, a counter, a withdrawal or a refusal. The same one again
    changes nothing.

    A brand is told the same whether the talent has a consent or a twin, refuses them, or isn't known here at all: its offer is
    filed, and waits. Raises SignatureRefused: as `sign.sign` for the signature, ``offer.*`` for what can't follow or what
    another brand holds exclusively, ``mandate.*`` when the agency isn't asked to propose this. Nothing of what is
    refused is filed, and nobody else learns of it.
    """
    paper = Paper(dict(document))
    asked = paper.terms
    if not isinstance(asked, Proposal):
        raise InputError("signature.invalid", f"a {paper.kind.name.lower()} is no proposal")
    now = office.clock.now()
    with office.unit() as unit:
        key = unit.parties.key(signature.key)
        fault = filing.refusal(office, paper, key, signature) or filing.hindrance(office, unit, paper, key)
        if fault:
            raise fault
        negotiation = _on_file(office, unit, asked.booking)
        if paper.digest not in {filed.digest for filed in negotiation.papers}:
            negotiation.check(paper, now)
            _hold_agency(office, unit, negotiation, asked, now)
            if asked.terms is not None:
                _hold_terms(office, unit, asked, asked.terms, now)
            filing.file_paper(office, unit, paper, asked.talent)
            _sign(office, unit, paper, key, signature)
        return Standing(_on_file(office, unit, asked.booking), now)


def _hold_agency(office: Office, unit: UnitOfWork, negotiation: Negotiation, asked: Proposal, now: datetime) -> None:
    """An agency moves within what she signed, and while she lives; to take back its own word it needs nobody's leave."""
    if asked.by is not Role.AGENCY or asked.move is Move.WITHDRAW:
        return
    died = unit.parties.died(asked.talent)
    if died is not None:
        raise SignatureRefused("talent.deceased", f"{asked.talent} died on {died.isoformat()}")
    mandates = unit.papers.of(asked.talent, PaperKind.MANDATE)
    found = against_mandates(asked.terms or negotiation.terms, mandates, office.verify, now)
    if found:
        raise refused(found)


def _hold_terms(office: Office, unit: UnitOfWork, asked: Proposal, terms: License, now: datetime) -> None:
    """What can be said about terms before anybody accepts them, and to whom."""
    license = Paper.of(terms)
    if terms.mandate and not _lives(office, unit, terms, now):
        raise SignatureRefused("mandate.missing", f"she has no live mandate {terms.mandate[:64]!r} for this agency")
    on_file = unit.papers.get(license.digest)
    if on_file is not None and on_file.signatures:
        # They would count at once as accepted or countersigned here, by a word that was given elsewhere.
        raise SignatureRefused("offer.repeated", "the license with these exact terms bears a signature already")
    for other in _of(office, unit, asked.talent):
        on_the_table = other.turn(now) and Paper.of(other.terms).digest == license.digest
        if on_the_table and other.latest.booking != asked.booking:
            raise SignatureRefused("offer.repeated", f"the booking {other.latest.booking} holds these exact terms")
    others = other_licenses(unit, terms.talent.id, terms.brand.id, now)
    conflicts = conflicting(terms, [(paper.digest, paper.terms) for paper in others])
    if conflicts and asked.by is Role.BRAND:
        raise SignatureRefused("offer.conflict", UNFREE)
    if conflicts:
        which = ", ".join(f"{digest[:16]}…" for digest in conflicts)
        raise SignatureRefused("offer.conflict", f"exclusivity is in the way, sold or asked for: license {which}")


def _lives(office: Office, unit: UnitOfWork, terms: License, now: datetime) -> bool:
    """Whether there is the mandate under which her agency is to accept. Who names it by its digest knows it; what it allows
    is for when the agency accepts."""
    found = unit.papers.get(terms.mandate)
    if found is None or found.erased or not isinstance(found.terms, Mandate) or found.faults(office.verify):
        return False
    mandate, agency = found.terms, terms.agency.id if terms.agency else ""
    hers = (mandate.talent.id, mandate.agency.id) == (terms.talent.id, agency)
    return hers and now.date() <= mandate.until and (found.revoked_at is None or found.revoked_at > now)


# --- agreeing -----------------------------------------------------------------------------------------------------


def accept(office: Office, booking: str, signature: Signature) -> Standing:
    """Take the signature on the license that the live proposal holds for her: with her own key, or with her agency's or
    estate's where the terms say so. If the brand signed before, the license binds from here on.

    Raises SignatureRefused ``offer.*``, or as `sign.sign` does; Refused with every reason why no picture could be made
    under these terms: her consent, exclusivity she sold, a mandate, the law.
    """
    return _agree(office, booking, signature, brand=False)


def countersign(office: Office, booking: str, signature: Signature) -> Standing:
    """Take the brand's signature on the same license, before or after hers. Raises as `accept` does, but tells a brand
    nothing that isn't its business."""
    return _agree(office, booking, signature, brand=True)


def _agree(office: Office, booking: str, signature: Signature, *, brand: bool) -> Standing:
    now = office.clock.now()
    with office.unit() as unit:
        key = unit.parties.key(signature.key)
        if key is None:
            raise SignatureRefused("signature.unknown_key", f"the key {signature.key} is not registered here")
        negotiation = _seen(office, unit, booking, key)
        license = negotiation.license or Paper.of(negotiation.terms)
        fault = _misplaced(key, brand) or filing.refusal(office, license, key, signature)
        fault = fault or filing.hindrance(office, unit, license, key)
        if fault is None:
            return _agreed(office, unit, negotiation, license, key, signature, now)
        office.record(unit, "signature:refused", {"paper": license.digest, "reason": fault.code})
    raise fault


def _misplaced(key: Key, brand: bool) -> SignatureRefused | None:
    if (key.role is Role.BRAND) == brand:
        return None
    wanted = "countersign" if key.role is Role.BRAND else "accept"
    return SignatureRefused("signature.role", f"{key.party} is a {key.role}: what it can do is {wanted}")


def _agreed(
    office: Office,
    unit: UnitOfWork,
    negotiation: Negotiation,
    license: Paper,
    key: Key,
    signature: Signature,
    now: datetime,
) -> Standing:
    brand = key.role is Role.BRAND
    state = negotiation.state(now)
    if negotiation.signed(key.role) and state in (State.ACCEPTED, State.BOUND):
        return Standing(negotiation, now)
    if not (brand and state is State.ACCEPTED):
        negotiation.hold_open(now)
    notes: tuple[Reason, ...] = ()
    # Before she has accepted, a brand that signs learns nothing about her; when she accepts, everything is looked at.
    if not brand or negotiation.signed(negotiation.acceptor):
        on_file = dossier(unit, negotiation.terms.talent.id, license, now)
        found = obstacles(license, on_file, office.law, office.verify, now)
        found = found.told_to_brand() if brand else found
        if found.reasons:
            raise refused(found.reasons)
        notes = found.notes
    if unit.papers.get(license.digest) is None:
        # The terms lay before the other side from the moment the proposal was filed, and deadlines count from there.
        talent, drawn = negotiation.latest.talent, negotiation.standing.drawn_at
        unit.papers.draw(license, talent, undated(license.document), drawn)
        about = (talent,) if unit.parties.get(talent) else ()
        office.record(unit, "paper:drawn", {"paper": license.digest, "kind": "license"}, about)
    _sign(office, unit, license, key, signature)
    return Standing(_on_file(office, unit, negotiation.latest.booking), now, notes)


def _sign(office: Office, unit: UnitOfWork, paper: Paper, key: Key, signature: Signature) -> None:
    unit.papers.sign(paper.digest, signature, office.clock.now())
    office.record(unit, "paper:signed", {"paper": paper.digest, "key": key.id, "role": key.role.value})


def against(office: Office, license: Paper, key: Key) -> Obstacles:
    """What stands against a license that the owner of a key is about to sign, as far as it is their business."""
    now = office.clock.now()
    with office.unit() as unit:
        on_file = dossier(unit, license.terms.talent.id, license, now)
        filed = unit.papers.get(license.digest) or license
    found = obstacles(license, on_file, office.law, office.verify, now)
    if key.role is not Role.BRAND:
        return found
    # That a paper of hers isn't signed yet is cured by signing, whoever comes first.
    found = replace(found, gate=tuple(why for why in found.gate if why.code != "signature.missing"))
    hers = next(role for role in license.terms.signers() if role is not Role.BRAND)
    return found.told_to_brand() if filed.signed_at(hers) else found.before_her_word()


# --- looking ------------------------------------------------------------------------------------------------------


def show(office: Office, booking: str, viewer: Party | None = None) -> Standing:
    """One booking, for one of its parties; without a viewer for the operator. Raises SignatureRefused ``offer.unknown``."""
    with office.unit() as unit:
        found = _on_file(office, unit, booking)
        if not found.papers or (viewer and not _concerns(office, unit, found, viewer.role, viewer.id)):
            raise unknown(booking)
    return Standing(found, office.clock.now())


def bookings(office: Office, viewer: Party | None = None) -> list[Standing]:
    """The bookings that somebody is a party to, newest first; without a viewer all of them, for the operator."""
    now = office.clock.now()
    with office.unit() as unit:
        found = _folded(office, unit, _everybodys(unit))
        shown = [one for one in found if viewer is None or _concerns(office, unit, one, viewer.role, viewer.id)]
    shown.sort(key=lambda negotiation: negotiation.papers[-1].drawn_at, reverse=True)
    return [Standing(negotiation, now) for negotiation in shown]


def _concerns(office: Office, unit: UnitOfWork, negotiation: Negotiation, role: Role, party: str) -> bool:
    if role is not Role.ESTATE:
        return negotiation.concerns(role, party)
    talent = negotiation.latest.talent
    return estate.names(unit.papers.of(talent, PaperKind.CONSENT), party, unit.parties.died(talent), office.verify)


def _seen(office: Office, unit: UnitOfWork, booking: str, key: Key) -> Negotiation:
    """A booking for one of its parties. Raises SignatureRefused ``offer.unknown`` for anybody else."""
    found = _on_file(office, unit, booking)
    if not found.papers or not _concerns(office, unit, found, key.role, key.party):
        raise unknown(booking)
    return found


def _on_file(office: Office, unit: UnitOfWork, booking: str) -> Negotiation:
    """A booking as its signed papers say; empty when there is none."""
    found = _of(office, unit, talent_of(booking), booking)
    return found[0] if found else Negotiation()


def _of(office: Office, unit: UnitOfWork, talent: str, only: str = "") -> list[Negotiation]:
    """A talent's bookings, or only one of them."""
    hers = [paper for paper in unit.papers.of(talent, PaperKind.PROPOSAL) if not paper.erased]
    return _folded(office, unit, [paper for paper in hers if only in ("", paper.document["booking"])])


def _folded(office: Office, unit: UnitOfWork, papers: list[Paper]) -> list[Negotiation]:
    by_name: dict[str, list[Paper]] = {}
    for paper in papers:
        by_name.setdefault(paper.terms.booking, []).append(paper)
    found = [Negotiation.of(chain, office.verify) for chain in by_name.values()]
    return [replace(one, license=unit.papers.get(Paper.of(one.terms).digest)) for one in found]


def _everybodys(unit: UnitOfWork) -> list[Paper]:
    """All proposals on file, of talents known here and others, by the log: every paper that was filed is a leaf of it."""
    drawn = [json.loads(body)["facts"] for body in unit.log.bodies() if b'"kind":"proposal"' in body]
    papers = [unit.papers.get(facts["paper"]) for facts in drawn]
    return [paper for paper in papers if paper is not None and not paper.erased]


# --- before anything is offered -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quote:
    """What a license would cost for a number of images. ``shares`` of one image's fee by account add up to it;
    ``findings`` are the law's. Her minimum isn't in it: that is between her and her agency."""

    terms: License
    images: int
    day_rate: Money | None
    shares: Mapping[str, Money]
    findings: tuple[Finding, ...]

    @property
    def total(self) -> Money:
        return self.times(self.terms.fee)

    def times(self, amount: Money) -> Money:
        """An amount for each image, for all of them."""
        return Money(amount.currency, amount.minor * self.images)

    @property
    def percent_of_day_rate(self) -> Fraction | None:
        """The fee of one image in percent of her day rate; None without one in the same currency."""
        rate, fee = self.day_rate, self.terms.fee
        if rate is None or rate.currency != fee.currency or not rate.minor:
            return None
        return Fraction(fee.minor * 100, rate.minor)


def quote(law: Law, consent: Consent, terms: License, images: int, on: date) -> Quote:
    """What these terms come to, beside her day rate, with everything the law finds in them on that day. It looks at nothing
    on file, so that a quote tells nobody who has a twin."""
    facts = facts_of(consent, terms)
    findings = law.check(facts, consent.based_in, terms.territories, on)
    return Quote(terms, images, consent.day_rate, royalty.shares(terms), tuple(findings))
