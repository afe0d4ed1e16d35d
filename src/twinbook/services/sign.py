"""Draw up papers, and take signatures on them. Never touches a private key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from twinbook.domain import negotiation
from twinbook.domain.approval import Words
from twinbook.domain.campaign import Campaign, CastTalent, undated
from twinbook.domain.consent import Consent
from twinbook.domain.errors import InputError, SignatureRefused
from twinbook.domain.form import Form
from twinbook.domain.gate import stale
from twinbook.domain.paper import Paper
from twinbook.domain.party import Key, PaperKind, Party, Role, Signature
from twinbook.domain.work import Work
from twinbook.ports import UnitOfWork

from . import agreed, revoke
from .filing import file_paper, hindrance, refusal
from .office import Office


def plain_words(office: Office, paper: Paper, language: str | None = None) -> list[str]:
    """A paper's terms as sentences for whoever signs it, in the language that the paper itself names by default."""
    spoken = language or str(paper.document.get("language", "en"))
    return list(office.documents.plain_words(paper.terms, spoken))


def register_key(office: Office, key: Key, name: str, born: date | None = None) -> None:
    """Make a party's first key known, on the word of whoever sits there. A further one takes a signature: see `keyring`.

    Raises SignatureRefused ``signature.key_taken``, ``talent.deceased``; InputError ``party.role`` for a party that is
    known in another role.
    """
    with office.unit() as unit:
        if key.role is Role.TALENT and unit.parties.died(key.party) is not None:
            raise SignatureRefused("talent.deceased", f"{key.party} is reported dead")
        if key.public == office.log_signer.public.hex():
            raise SignatureRefused("signature.key_taken", "this is the home's own key, and nobody's")
        party = unit.parties.get(key.party)
        if party is None:
            unit.parties.put(Party(key.party, key.role, name, born))
        elif party.role is not key.role:
            raise _other_role(party, key.role)
        known = [k for k in unit.parties.keys() if (k.party, k.role) == (key.party, key.role)]  # noqa: SIM118
        if known and key.id not in {k.id for k in known}:
            raise SignatureRefused("signature.key_taken", f"{key.party} ({key.role}) has another key: {known[0].id}")
        unit.parties.register(key, office.clock.now())
        if not known:
            office.record(unit, "key:registered", {"key": key.id, "role": key.role.value})


def draw_papers(office: Office, campaign: Campaign) -> dict[str, tuple[Paper, ...]]:
    """The consent and the license of each talent of a campaign, and any words she is to say, as on file or newly drawn
    up, signed or not. The consent comes first, the license second.

    Raises InputError ``party.role`` and ``party.born`` when the campaign says something else of somebody than is on file,
    ``consent.replaces`` when there is no such consent.
    """
    campaign = agreed.found(office, campaign)
    with office.unit() as unit:
        introduce(unit, campaign.license.brand)
        papers = {}
        for cast in campaign.talents:
            talent = cast.party.id
            introduce(unit, cast.party)
            if cast.agency:
                introduce(unit, cast.agency)
            today = office.clock.now().date()
            if talent in campaign.agreed:
                license = unit.papers.get(campaign.agreed[talent])
                consent = unit.papers.get(license.terms.consent)
            else:
                consent = _given_consent(office, unit, campaign, cast)
                wanted = campaign.license.license(cast, consent.digest, today)
                license = agreed.in_force(office, unit, wanted) or _drawn(office, unit, talent, wanted)
            hers = [planned.shot for planned in campaign.shots if planned.shot.words and talent in planned.shot.talents]
            words = dict.fromkeys(Words(talent, shot.brand or campaign.license.brand.id, shot.words) for shot in hers)
            papers[talent] = (consent, license, *(_drawn(office, unit, talent, terms) for terms in words))
        return papers


def introduce(unit: UnitOfWork, party: Party) -> None:
    """Make somebody known. Whoever has a key keeps the name and the day of birth that are on file.

    Raises InputError ``party.role``, ``party.born``.
    """
    known = unit.parties.get(party.id)
    if known is None:
        unit.parties.put(party)
        return
    if known.role is not party.role:
        raise _other_role(known, party.role)
    if not any((key.party, key.role) == (party.id, party.role) for key in unit.parties.keys()):  # noqa: SIM118
        unit.parties.put(party)
        return
    if None not in (known.born, party.born) and known.born != party.born:
        raise InputError("party.born", f"{party.id} was not born on {party.born.isoformat()}, by what is on file")
    unit.parties.put(replace(known, name=known.name or party.name, born=known.born or party.born))


def _other_role(known: Party, role: Role) -> InputError:
    return InputError("party.role", f"{known.id} is known here as {known.role}, and can't be {role} as well")


def asked_consent(office: Office, campaign: Campaign, cast: CastTalent) -> Paper:
    """The consent that a campaign asks of a talent, as a brand may see it: the same paper whether she signed it, refused
    it, took it back or isn't known here.

    A paper is asked for as long as one that was signed on its first day would count; then comes the next, from that day on.
    """
    with office.unit() as unit:
        for party in (cast.party, cast.agency, campaign.license.brand):
            if party and unit.parties.get(party.id) is None:
                unit.parties.put(party)
        return _asked(office, unit, *_same_consents(office, unit, campaign, cast))


def _given_consent(office: Office, unit: UnitOfWork, campaign: Campaign, cast: CastTalent) -> Paper:
    """The newest consent to these terms that she signed, unless it is time to ask her again; else the one asked for."""
    terms, same = _same_consents(office, unit, campaign, cast)
    signed = [paper for paper in same if paper.signed_at(Role.TALENT)]
    now = office.clock.now()
    # Terms that were withdrawn stay withdrawn, and what ended stays ended: the campaign must then say something new.
    if signed and (signed[-1].revoked_at is not None or not stale(signed[-1], now)):
        return signed[-1]
    return _asked(office, unit, terms, same)


def _same_consents(
    office: Office, unit: UnitOfWork, campaign: Campaign, cast: CastTalent
) -> tuple[Consent, list[Paper]]:
    """The consent that a campaign asks for from today on, and those on file that say the same, oldest first."""
    on_file = [paper for paper in unit.papers.of(cast.party.id, PaperKind.CONSENT) if not paper.erased]
    terms = campaign.consent.consent(cast, office.clock.now().date())
    if cast.replaces:
        # Among all that were drawn up, signed or not: what a brand is told mustn't depend on it.
        named = [paper.digest for paper in on_file if paper.digest.startswith(cast.replaces)]
        if len(named) != 1:
            what = "no consent" if not named else "more than one consent"
            raise InputError("consent.replaces", f"{cast.replaces} names {what} of {cast.party.id}'s")
        terms = replace(terms, replaces=named[0])
    wanted = undated(terms.document())
    return terms, [paper for paper in on_file if undated(paper.document) == wanted]


def _asked(office: Office, unit: UnitOfWork, terms: Consent, same: list[Paper]) -> Paper:
    if same:
        first, days = same[0].terms.starts, max(1, terms.reconsent_days)
        terms = replace(terms, starts=first + timedelta(days=(terms.starts - first).days // days * days))
    paper = Paper.of(terms)
    found = next((other for other in same if other.digest == paper.digest), None)
    return found or file_paper(office, unit, paper, terms.talent.id)


def _drawn(office: Office, unit: UnitOfWork, talent: str, terms: Form) -> Paper:
    paper = Paper.of(terms)
    found = unit.papers.by_terms(paper.kind, talent, undated(paper.document))
    # Unsigned terms from an earlier day are drawn up again as of today.
    if found and (found.signatures or found.digest == paper.digest):
        return found
    return file_paper(office, unit, paper, talent)


def unsigned(office: Office, papers: Mapping[str, tuple[Paper, ...]]) -> list[tuple[Paper, Role, str]]:
    """Who must still sign what: paper, role, party."""
    waiting = []
    for hers in papers.values():
        for paper in hers:
            waiting += [(paper, role, party) for role, party in paper.unsigned_by(office.verify).items()]
    return waiting


def sign(office: Office, document: Mapping[str, object], signature: Signature) -> Paper:
    """Take a signature on a paper that is on file.

    Raises SignatureRefused: ``signature.unknown_key``, ``signature.role`` when the key's owner isn't one who signs this
    paper, ``signature.key_retired``, ``signature.duty``, ``signature.invalid``, and as things stand ``talent.deceased``,
    ``license.estate``, ``consent.replaces``, ``mandate.*``. Nothing is kept of a refused signature but the refusal in
    the log. With a consent that replaces another the other one ends, as if she had withdrawn it: see `revoke.replaced`.
    """
    asked = Paper(document)
    ended: tuple[Work, ...] = ()
    with office.unit() as unit:
        paper = unit.papers.get(asked.digest)
        if paper is None:
            raise InputError("signature.missing", "this paper is not on file here", "run the campaign to draw it up")
        key = unit.parties.key(signature.key)
        fault = (
            refusal(office, paper, key, signature)
            or hindrance(office, unit, paper, key)
            or _stands_in_a_booking(unit, paper)
        )
        if fault is None:
            unit.papers.sign(paper.digest, signature, office.clock.now())
            office.record(unit, "paper:signed", {"paper": paper.digest, "key": key.id, "role": key.role.value})
            if isinstance(paper.terms, Consent) and paper.terms.replaces and not paper.signatures:
                ended = revoke.replaced(office, unit, paper)
            signed = unit.papers.get(paper.digest)
        else:
            office.record(unit, "signature:refused", {"paper": paper.digest, "reason": fault.code})
    if fault:
        raise fault
    for work in ended:
        office.outbox.discard(work.release)
    return signed


def _stands_in_a_booking(unit: UnitOfWork, paper: Paper) -> SignatureRefused | None:
    """A license under negotiation is signed where the offer's end and what stands against it are looked at."""
    if paper.kind is not PaperKind.LICENSE or paper.erased:
        return None
    booking = negotiation.booked(paper, unit.papers.of(paper.terms.talent.id, PaperKind.PROPOSAL))
    if booking is None:
        return None
    said = f"this license stands in the booking {booking}"
    return SignatureRefused("offer.turn", said, "accept or countersign it there: twinbook booking")
