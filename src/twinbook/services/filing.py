"""Put papers on file, and say whose signature they can take. Never touches a private key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from twinbook.domain import estate
from twinbook.domain.campaign import undated
from twinbook.domain.consent import Consent
from twinbook.domain.errors import SignatureRefused
from twinbook.domain.form import Form
from twinbook.domain.gate import beyond_mandate
from twinbook.domain.keyring import KeyChange
from twinbook.domain.license import License
from twinbook.domain.mandate import Mandate
from twinbook.domain.paper import Paper
from twinbook.domain.party import DUTIES, SIGNERS, Duty, Key, PaperKind, Role, Signature
from twinbook.ports import UnitOfWork

from .office import Office


def file_paper(office: Office, unit: UnitOfWork, paper: Paper, whose: str) -> Paper:
    """Put a paper on file, in the caller's transaction. ``whose`` is the talent it is about, or the party."""
    unit.papers.draw(paper, whose, undated(paper.document), office.clock.now())
    about = (whose,) if unit.parties.get(whose) else ()
    office.record(unit, "paper:drawn", {"paper": paper.digest, "kind": paper.kind.name.lower()}, about)
    return unit.papers.get(paper.digest)


def refusal(office: Office, paper: Paper, key: Key | None, signature: Signature) -> SignatureRefused | None:
    """Why this signature isn't taken on this paper now; None when it is, as far as paper and key say."""
    what = paper.kind.name.lower()
    if key is None:
        return SignatureRefused("signature.unknown_key", f"the key {signature.key} is not registered here")
    if key.role not in SIGNERS[paper.kind]:
        who = " or ".join(sorted(SIGNERS[paper.kind]))
        return SignatureRefused("signature.role", f"{key.party} ({key.role}) can't sign a {what}: that is for {who}")
    if paper.signers.get(key.role) != key.party:
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
    language = _language(paper)
    if language is not None and not office.documents.speaks(language):
        return SignatureRefused(
            "signature.language", f"there is no wording in {language!r}: nobody was shown this {what}"
        )
    return None


def _language(paper: Paper) -> str | None:
    """The language in which a paper says that it was put before people, or the license that a proposal holds."""
    terms = paper.terms
    return getattr(getattr(terms, "terms", None) or terms, "language", None)


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
    if isinstance(terms, Consent) and terms.replaces and not paper.signatures:
        before = unit.papers.get(terms.replaces)
        if before is None or not ends_by_replacing(before, terms.talent.id, office, now):
            return SignatureRefused("consent.replaces", f"{terms.replaces[:16]}… is no live consent of {key.party}'s")
    if isinstance(terms, Mandate) and (reserved := terms.reserved):
        return SignatureRefused("mandate.reserved", f"{', '.join(sorted(reserved))} can't be handed to anybody")
    if isinstance(terms, License) and terms.estate and terms.mandate:
        return SignatureRefused("license.estate", "a mandate ends with her death, and an estate begins with it")
    if isinstance(terms, License) and key.role is Role.AGENCY:
        if unit.parties.died(terms.talent.id) is not None:
            return SignatureRefused("talent.deceased", f"{terms.talent.id} is reported dead, and the mandate with her")
        reasons = beyond_mandate(terms, unit.papers.get(terms.mandate), office.verify, now, now)
        if reasons:
            first = reasons[0]
            return SignatureRefused(first.code, first.diagnosis, first.remedy, tuple(reasons[1:]))
    return None


def ends_by_replacing(before: Paper, talent: str, office: Office, now: datetime) -> bool:
    """Whether another consent of hers can take this paper's place: a consent that she signed and that still lives."""
    return (
        before.kind is PaperKind.CONSENT
        and not before.erased
        and before.terms.talent.id == talent
        and not before.faults(office.verify)
        and (before.revoked_at is None or before.revoked_at > now)
    )


def filed_word(
    office: Office, unit: UnitOfWork, document: Mapping[str, object], signature: Signature, form: type[Form]
) -> Paper:
    """The document as a filed paper with the signature of whoever may sign it, in the caller's transaction.

    Raises SignatureRefused as `sign` does, and for a paper of another kind than ``form``.
    """
    paper = Paper(dict(document))
    terms = paper.terms
    if not isinstance(terms, form):
        raise SignatureRefused("signature.role", f"a {paper.kind.name.lower()} is no {form.KIND.name.lower()}")
    key = unit.parties.key(signature.key)
    fault = refusal(office, paper, key, signature) or hindrance(office, unit, paper, key)
    if fault:
        raise fault
    filed = file_paper(office, unit, paper, terms.talent)
    unit.papers.sign(filed.digest, signature, office.clock.now())
    return unit.papers.get(filed.digest)
