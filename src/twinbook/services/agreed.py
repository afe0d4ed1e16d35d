"""Licenses that were agreed before a campaign is run under them: in a booking, under a mandate, by an estate."""

from __future__ import annotations

from dataclasses import fields, replace

from twinbook.domain.campaign import Campaign, LicenseTerms, Named, undated
from twinbook.domain.consent import Consent
from twinbook.domain.errors import AwaitingSignature, InputError, Refused
from twinbook.domain.gate import bound_at
from twinbook.domain.license import License
from twinbook.domain.negotiation import talent_of
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Party, Role
from twinbook.ports import UnitOfWork

from . import papers
from .office import Office

# What a campaign doesn't say of a license: whose it is, when it began, and who signs it for her.
_OWN = frozenset({"talent", "brand", "agency", "consent", "starts", "language", "exclusive", "mandate", "estate"})


def in_force(office: Office, unit: UnitOfWork, wanted: License) -> Paper | None:
    """The license that binds talent and brand on these very terms, whoever signed it for her and whenever it began; None
    when there is none.

    Of several it is the one that runs today, and of those the one that bound first, so that what was made under it is found
    again. Whether a picture may be made under it is the gate's to say.
    """
    now = office.clock.now()
    same = _terms(wanted)
    binding = [
        paper
        for paper in unit.papers.of(wanted.talent.id, PaperKind.LICENSE)
        if (terms := _read(paper)) is not None
        and _terms(terms) == same
        and (paper.revoked_at is None or paper.revoked_at > now)
        and (terms.ends is None or now.date() <= terms.ends)
        and bound_at(paper)
        and not paper.faults(office.verify)
    ]
    today = now.date()
    return min(binding, key=lambda paper: (not paper.terms.runs(today), bound_at(paper), paper.digest), default=None)


def found(office: Office, campaign: Campaign) -> Campaign:
    """The campaign with the licenses that it names, if it does: they stand in for its terms, and their consents for its own.

    Raises InputError ``paper.unknown``, ``paper.ambiguous``, ``offer.unknown`` for what isn't on file, AwaitingSignature
    for what nobody is bound by yet, Refused ``license.other`` or ``license.missing`` when it isn't one license for each
    talent, all of one brand.
    """
    if not campaign.named or campaign.agreed:
        return campaign
    with office.unit() as unit:
        named = [_named(office, unit, one) for one in campaign.named]
    by_talent = {paper.terms.talent.id: paper for paper in named}
    cast = {talent.party.id for talent in campaign.talents}
    if len(by_talent) < len(named) or len({paper.terms.brand.id for paper in named}) > 1 or by_talent.keys() - cast:
        raise Refused("license.other", "the licenses named are not one for each talent of the campaign, of one brand")
    if cast - by_talent.keys():
        missing = ", ".join(sorted(cast - by_talent.keys()))
        raise Refused(
            "license.missing", f"no license is named for {missing}", "name the booking or paper of hers as well"
        )
    first: License = named[0].terms
    terms = {member.name: getattr(first, member.name) for member in fields(License) if member.name not in _OWN}
    licensed = LicenseTerms(Party(first.brand.id, Role.BRAND, first.brand.name), terms)
    return replace(campaign, license=licensed, agreed={talent: paper.digest for talent, paper in by_talent.items()})


def _named(office: Office, unit: UnitOfWork, named: Named) -> Paper:
    paper = _booked(unit, named.booking) if named.booking else papers.starting(unit, named.paper)
    terms = _read(paper)
    if terms is None:
        raise Refused("license.other", f"{named} is no license")
    missing = paper.unsigned_by(office.verify)
    if missing:
        who = ", ".join(missing.values())
        remedy = f"twinbook booking show {named.booking}" if named.booking else ""
        raise AwaitingSignature("awaiting.signature", f"{named} binds nobody before {who} has signed", remedy)
    consent = unit.papers.get(terms.consent)
    if consent is None or consent.erased or not isinstance(consent.terms, Consent):
        raise Refused("consent.missing", f"the consent that {named} rests on is not on file")
    return paper


def _booked(unit: UnitOfWork, booking: str) -> Paper:
    """The license that lies in a booking: filed once somebody has signed it."""
    proposals = unit.papers.of(talent_of(booking), PaperKind.PROPOSAL)
    mine = [p.terms for p in proposals if not p.erased and p.document["booking"] == booking]
    with_terms = [proposal for proposal in mine if proposal.terms is not None]
    if not with_terms:
        raise InputError("offer.unknown", f"there is no booking {booking!r}")
    license = Paper.of(max(with_terms, key=lambda proposal: proposal.number).terms)
    return unit.papers.get(license.digest) or license


def _read(paper: Paper) -> License | None:
    try:
        return paper.terms if isinstance(paper.terms, License) else None
    except InputError:
        return None


def _terms(license: License) -> str:
    return undated(replace(license, mandate="", estate="").document())
