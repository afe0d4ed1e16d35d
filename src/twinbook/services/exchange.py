"""Hand rights on in the formats of others, and take proposals in them."""

from __future__ import annotations

from twinbook.domain.campaign import undated
from twinbook.domain.consent import Consent
from twinbook.domain.errors import InputError, Reason, Refused, reason
from twinbook.domain.form import Form
from twinbook.domain.license import License
from twinbook.domain.mandate import Mandate
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role
from twinbook.ports import UnitOfWork

from . import filing, papers
from .office import Office

FORMATS = ("odrl", "credential")


def export(office: Office, digest: str, as_: str = "odrl") -> dict[str, object]:
    """A consent or license as an ODRL policy or as a verifiable credential.

    Terms that nobody is bound by, or not any more, are a policy of type Set, which neither offers nor grants; a
    credential of them is refused with every reason. Raises InputError ``interchange.paper``, ``interchange.unsupported``;
    Refused.
    """
    with office.unit() as unit:
        paper = _named(unit, digest)
        if not isinstance(paper.terms, Consent | License):
            raise InputError("interchange.paper", f"it is a {paper.kind.name.lower()}, neither consent nor license")
        against = _unbound(office, unit, paper)
    if as_ == "odrl":
        return office.interchange.policy(paper.terms, bound=not against)
    if against:
        raise Refused(against[0].code, against[0].diagnosis, against[0].remedy, also=tuple(against[1:]))
    return office.interchange.credential(paper, office.log_signer, office.verify, office.clock.now())


def _named(unit: UnitOfWork, digest: str) -> Paper:
    try:
        paper = papers.starting(unit, digest)
    except InputError as error:
        if error.code == "paper.ambiguous":
            raise
        raise InputError("interchange.paper", f"no paper {digest[:64]!r} is on file here") from error
    if paper.erased:
        raise InputError("interchange.paper", f"of the paper {digest[:64]!r} nothing is left")
    return paper


def _unbound(office: Office, unit: UnitOfWork, paper: Paper) -> list[Reason]:
    """Why nobody is bound by a paper, or not by all of it; empty when everybody is. Whether its days have come or gone
    is another matter: a policy and a credential say themselves which they are."""
    found = _unsigned_or_ended(office, paper)
    if isinstance(paper.terms, License):
        rests_on = {"consent": paper.terms.consent, "mandate": paper.terms.mandate}
        for kind, digest in rests_on.items():
            under = unit.papers.get(digest) if digest else None
            if not digest:
                continue
            if under is None or under.erased or under.kind.name.lower() != kind:
                found.append(reason(f"{kind}.missing", f"the {kind} that it rests on is not on file"))
                continue
            found += _unsigned_or_ended(office, under)
            accepted = paper.signed_at(Role.AGENCY)
            if isinstance(under.terms, Mandate) and accepted:
                found += under.terms.against(paper.terms, "accept", accepted.date())
        if not paper.terms.consent:
            found.append(reason("consent.missing", "it names no consent"))
    return found


def _unsigned_or_ended(office: Office, paper: Paper) -> list[Reason]:
    kind, now = paper.kind.name.lower(), office.clock.now()
    found = list(paper.faults(office.verify))
    if paper.revoked_at and paper.revoked_at <= now:
        found.append(reason(f"{kind}.revoked", f"the {kind} was revoked on {paper.revoked_at.date().isoformat()}"))
    gone = sorted(part for part, at in paper.withdrawn.items() if at <= now)
    if gone:
        found.append(reason("consent.revoked", f"of the consent was withdrawn: {', '.join(gone)}"))
    return found


def import_terms(office: Office, data: bytes) -> Form:
    """The terms in an ODRL policy of Twinbook's profile: a draft that nobody has signed, and that isn't filed.

    Raises InputError ``interchange.malformed``, ``interchange.unsupported``.
    """
    return office.interchange.read_policy(data)


def file_draft(office: Office, terms: Form) -> Paper:
    """File imported terms, so that they can be signed here. They bind nobody until everybody has.

    Raises InputError ``talent.unknown``; Refused ``consent.missing`` for a license on a consent that isn't here.
    """
    paper, talent = Paper.of(terms), terms.talent.id
    with office.unit() as unit:
        known = unit.parties.get(talent)
        if known is None or known.role is not Role.TALENT:
            raise InputError(
                "talent.unknown", f"no talent {talent!r} is known here", "make her key with `keys new` first"
            )
        consent = unit.papers.get(terms.consent) if isinstance(terms, License) else None
        if isinstance(terms, License) and (consent is None or consent.erased or not isinstance(consent.terms, Consent)):
            raise Refused("consent.missing", "the consent that this license rests on is not on file here")
        found = unit.papers.by_terms(paper.kind, talent, undated(paper.document))
        if found and found.digest == paper.digest:
            return found
        return filing.file_paper(office, unit, paper, talent)
