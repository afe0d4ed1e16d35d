"""Draw up papers, and take signatures on them. Never touches a private key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from twinbook.domain import estate, negotiation
from twinbook.domain.approval import Words
from twinbook.domain.campaign import Campaign, undated
from twinbook.domain.errors import InputError, SignatureRefused
from twinbook.domain.form import Form
from twinbook.domain.gate import beyond_mandate
from twinbook.domain.keyring import KeyChange
from twinbook.domain.license import License
from twinbook.domain.mandate import Mandate
from twinbook.domain.paper import Paper
from twinbook.domain.party import DUTIES, SIGNERS, Duty, Key, PaperKind, Party, Role, Signature
from twinbook.ports import UnitOfWork

from .office import Office


def plain_words(office: Office, paper: Paper, language: str | None = None) -> list[str]:
    """A paper's terms as sentences for whoever signs it, in the language that the paper itself names by default."""
    spoken = language or str(paper.document.get("language", "en"))
    return list(office.documents.plain_words(paper.terms, spoken))


def register_key(office: Office, key: Key, name: str, born: date | None = None) -> None:
    """Make a party's first key known, on the word of whoever sits there. A further one takes a signature: see `keyring`.

    Raises SignatureRefused ``signature.key_taken``, ``talent.deceased``.
    """
    with office.unit() as unit:
        if key.role is Role.TALENT and unit.parties.died(key.party) is not None:
            raise SignatureRefused("talent.deceased", f"{key.party} is reported dead")
        if key.public == office.log_signer.public.hex():
            raise SignatureRefused("signature.key_taken", "this is the home's own key, and nobody's")
        if unit.parties.get(key.party) is None:
            unit.parties.put(Party(key.party, key.role, name, born))
        known = [k for k in unit.parties.keys() if (k.party, k.role) == (key.party, key.role)]  # noqa: SIM118
        if known and key.id not in {k.id for k in known}:
            raise SignatureRefused("signature.key_taken", f"{key.party} ({key.role}) has another key: {known[0].id}")
        unit.parties.register(key, office.clock.now())
        if not known:
            office.record(unit, "key:registered", {"key": key.id, "role": key.role.value})


def draw_papers(office: Office, campaign: Campaign) -> dict[str, tuple[Paper, ...]]:
    """The consent and the license of each talent of a campaign, and any words she is to say, as on file or newly drawn
    up, signed or not. The consent comes first, the license second."""
    with office.unit() as unit:
        unit.parties.put(campaign.license.brand)
        papers = {}
        for cast in campaign.talents:
            talent = cast.party.id
            unit.parties.put(cast.party)
            if cast.agency:
                unit.parties.put(cast.agency)
            today = office.clock.now().date()
            consent = _drawn(office, unit, talent, campaign.consent.consent(cast, today))
            license = _drawn(office, unit, talent, campaign.license.license(cast, consent.digest, today))
            said = dict.fromkeys(shot.shot.words for shot in campaign.shots if talent in shot.shot.talents)
            words = [Words(talent, campaign.license.brand.id, text) for text in said if text]
            papers[talent] = (consent, license, *(_drawn(office, unit, talent, terms) for terms in words))
        return papers


def _drawn(office: Office, unit: UnitOfWork, talent: str, terms: Form) -> Paper:
    paper = Paper.of(terms)
    found = unit.papers.by_terms(paper.kind, talent, undated(paper.document))
    # Terms that were withdrawn stay withdrawn, and what ended stays ended: only she can sign anew, and the campaign
    # must then say something new. Unsigned terms from an earlier day are drawn up again as of today.
    if found and (found.signatures or found.digest == paper.digest):
        return found
    return file_paper(office, unit, paper, talent)


def file_paper(office: Office, unit: UnitOfWork, paper: Paper, whose: str) -> Paper:
    """Put a paper on file, in the caller's transaction. ``whose`` is the talent it is about, or the party."""
    unit.papers.draw(paper, whose, undated(paper.document), office.clock.now())
    about = (whose,) if unit.parties.get(whose) else ()
    office.record(unit, "paper:drawn", {"paper": paper.digest, "kind": paper.kind.name.lower()}, about)
    return unit.papers.get(paper.digest)


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
    ``license.estate``, ``mandate.*``. Nothing is kept of a refused signature but the refusal in the log.
    """
    asked = Paper(document)
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
            return unit.papers.get(paper.digest)
        office.record(unit, "signature:refused", {"paper": paper.digest, "reason": fault.code})
    raise fault


def _stands_in_a_booking(unit: UnitOfWork, paper: Paper) -> SignatureRefused | None:
    """A license under negotiation is signed where the offer's end and what stands against it are looked at."""
    if paper.kind is not PaperKind.LICENSE or paper.erased:
        return None
    booking = negotiation.booked(paper, unit.papers.of(paper.terms.talent.id, PaperKind.PROPOSAL))
    if booking is None:
        return None
    said = f"this license stands in the booking {booking}"
    return SignatureRefused("offer.turn", said, "accept or countersign it there: twinbook booking")


def refusal(office: Office, paper: Paper, key: Key | None, signature: Signature) -> SignatureRefused | None:
    """Why this signature isn't taken on this paper now; None when it is, as far as paper and key say."""
    what = paper.kind.name.lower()
    if key is None:
        return SignatureRefused("signature.unknown_key", f"the key {signature.key} is not registered here")
    if paper.signers.get(key.role) != key.party or key.role not in SIGNERS[paper.kind]:
        wanted = ", ".join(f"{party} ({role})" for role, party in paper.signers.items())
        return SignatureRefused(
            "signature.role",
            f"{key.party} ({key.role}) can't sign this {what}: it takes {wanted or 'nobody, as it stands'}",
            "there is no power of attorney over a twin: the person named signs with a key of their own",
        )
    now = office.clock.now()
    if not key.counts(now):
        return SignatureRefused("signature.key_retired", f"the key {key.id} doesn't count any more, or not yet")
    if key.role in (Role.AGENCY, Role.BRAND) and DUTIES.get(paper.kind, Duty.SIGN) not in key.duties:
        return SignatureRefused("signature.duty", f"the key {key.id} of {key.party} is not for this")
    if not office.verify(paper.message, signature, key):
        return SignatureRefused("signature.invalid", f"the signature does not fit the {what} as it stands")
    return None


def hindrance(office: Office, unit: UnitOfWork, paper: Paper, key: Key) -> SignatureRefused | None:
    """Why whoever truly signed couldn't, as things stand on file: the dead sign nothing, an estate nothing before, and an
    agency only what she handed on. None when they could."""
    terms, now = paper.terms, office.clock.now()
    if key.role is Role.TALENT and terms.KIND is not PaperKind.ALIVE and unit.parties.died(key.party) is not None:
        remedy = "if she lives, she says so with `twinbook alive`; only the estate that her consent names signs for her"
        return SignatureRefused("talent.deceased", f"{key.party} is reported dead", remedy)
    if key.role is Role.ESTATE and not isinstance(terms, KeyChange):
        talent = getattr(terms, "talent", "")
        talent = getattr(talent, "id", talent)
        consents = unit.papers.of(talent, PaperKind.CONSENT)
        if not estate.names(consents, key.party, unit.parties.died(talent), office.verify):
            return SignatureRefused("license.estate", f"{key.party} can't act for {talent}")
    if isinstance(terms, Mandate) and (reserved := terms.reserved):
        return SignatureRefused("mandate.reserved", f"{', '.join(sorted(reserved))} can't be handed to anybody")
    if isinstance(terms, License) and key.role is Role.AGENCY:
        reasons = beyond_mandate(terms, unit.papers.get(terms.mandate), office.verify, now, now)
        if reasons:
            first = reasons[0]
            return SignatureRefused(first.code, first.diagnosis, first.remedy, tuple(reasons[1:]))
    return None
