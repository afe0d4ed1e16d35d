"""Draw up papers, and take signatures on them. Never touches a private key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from twinbook.domain.campaign import Campaign, CastTalent, undated
from twinbook.domain.consent import Consent
from twinbook.domain.errors import InputError, SignatureRefused
from twinbook.domain.license import License
from twinbook.domain.paper import Paper
from twinbook.domain.party import SIGNERS, Key, PaperKind, Party, Role, Signature
from twinbook.ports import UnitOfWork

from .office import Office


def plain_words(paper: Paper) -> list[str]:
    """A paper's terms as sentences for whoever signs it."""
    document = dict(paper.document)
    match paper.kind:
        case PaperKind.CONSENT:
            return Consent.from_document(document).in_plain_words()
        case PaperKind.LICENSE:
            return License.from_document(document).in_plain_words()
        case PaperKind.APPROVAL:
            return [
                f"I approve the picture of shot {document['shot']} (SHA-256 {document['picture'][:16]}…) for release."
            ]
        case PaperKind.REVOCATION:
            return [
                "I withdraw what I signed, from now on:",
                *(f"  - {target[:16]}…" for target in document["targets"]),
                "No further picture is made under it, and what was released shows as revoked.",
            ]
        case PaperKind.ERASURE:
            return [
                "Erase everything that is held about me: photographs, face template, plates and unreleased pictures.",
                "It can't be undone. Papers that the law wants kept lie under a key of their own.",
            ]
        case _:
            return [f"{name}: {value}" for name, value in document.items()]


def register_key(office: Office, key: Key, name: str, born: date | None = None) -> None:
    """Make a public key known as a party's. Raises SignatureRefused ``signature.key_taken``."""
    with office.unit() as unit:
        if unit.parties.get(key.party) is None:
            unit.parties.put(Party(key.party, key.role, name, born))
        new = unit.parties.key(key.id) is None
        unit.parties.register(key, office.clock.now())
        if new:
            office.record(unit, "key:registered", {"key": key.id, "role": key.role.value})


def draw_papers(office: Office, campaign: Campaign) -> dict[str, tuple[Paper, Paper]]:
    """The consent and the license of each talent of a campaign, as on file or newly drawn up, signed or not."""
    with office.unit() as unit:
        unit.parties.put(campaign.license.brand)
        papers = {}
        for talent in campaign.talents:
            unit.parties.put(talent.party)
            consent = _drawn(office, unit, talent, campaign.consent.consent(talent, office.clock.now().date()))
            license = campaign.license.license(talent, consent.digest, office.clock.now().date())
            papers[talent.party.id] = (consent, _drawn(office, unit, talent, license))
        return papers


def _drawn(office: Office, unit: UnitOfWork, talent: CastTalent, terms: Consent | License) -> Paper:
    document = terms.document()
    kind = PaperKind(document["type"])
    found = unit.papers.by_terms(kind, talent.party.id, undated(document))
    # Terms that were withdrawn stay withdrawn, and what ended stays ended: only she can sign anew, and the campaign
    # must then say something new. Unsigned terms from an earlier day are drawn up again as of today.
    if found and (found.signatures or found.digest == Paper(document, {}).digest):
        return found
    people = {Role.TALENT: talent.party.id}
    if isinstance(terms, License):
        people[Role.BRAND] = terms.brand
    return file_paper(office, unit, Paper(document, people), talent.party.id)


def file_paper(office: Office, unit: UnitOfWork, paper: Paper, talent: str) -> Paper:
    """Put a paper on file, in the caller's transaction."""
    if set(paper.signers) != SIGNERS[paper.kind]:
        raise SignatureRefused("signature.role", f"a {paper.kind.name.lower()} takes other signers")
    unit.papers.draw(paper, talent, undated(paper.document), office.clock.now())
    office.record(unit, "paper:drawn", {"paper": paper.digest, "kind": paper.kind.name.lower()}, (talent,))
    return paper


def unsigned(office: Office, papers: Mapping[str, tuple[Paper, Paper]]) -> list[tuple[Paper, Role, str]]:
    """Who must still sign what: paper, role, party."""
    waiting = []
    for pair in papers.values():
        for paper in pair:
            waiting += [(paper, role, party) for role, party in paper.unsigned_by(office.verify).items()]
    return waiting


def sign(office: Office, document: Mapping[str, object], signature: Signature) -> Paper:
    """Take a signature on a paper that is on file.

    Raises SignatureRefused: ``signature.unknown_key``, ``signature.role`` when the key's owner isn't one who signs this
    paper, ``signature.invalid``. Nothing is kept of a refused signature but the refusal in the log.
    """
    asked = Paper(document, {})
    with office.unit() as unit:
        paper = unit.papers.get(asked.digest)
        if paper is None:
            raise InputError("signature.missing", "this paper is not on file here", "run the campaign to draw it up")
        key = unit.parties.key(signature.key)
        fault = _fault(office, paper, key, signature)
        if fault is None:
            unit.papers.sign(paper.digest, signature, office.clock.now())
            office.record(unit, "paper:signed", {"paper": paper.digest, "key": key.id, "role": key.role.value})
            return unit.papers.get(paper.digest)
        office.record(unit, "signature:refused", {"paper": paper.digest, "reason": fault.code})
    raise fault


def _fault(office: Office, paper: Paper, key: Key | None, signature: Signature) -> SignatureRefused | None:
    what = paper.kind.name.lower()
    if key is None:
        return SignatureRefused("signature.unknown_key", f"the key {signature.key} is not registered here")
    if paper.signers.get(key.role) != key.party:
        wanted = ", ".join(f"{party} ({role})" for role, party in paper.signers.items())
        return SignatureRefused(
            "signature.role",
            f"{key.party} ({key.role}) can't sign this {what}: it takes {wanted}",
            "there is no power of attorney over a twin: the person named signs with a key of their own",
        )
    if not office.verify(paper.message, signature, key):
        return SignatureRefused("signature.invalid", f"the signature does not fit the {what} as it stands")
    return None
