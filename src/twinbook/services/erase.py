"""Destroy everything held about a talent, but the papers that a law makes this home keep.

What goes, what stays and why stands in docs/howto/her-data.md. Every step can be repeated, and leaves for the next one
what that needs: a killed erasure is finished by the same command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from twinbook.domain.errors import InputError, SignatureRefused
from twinbook.domain.ledger import Movement
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Signature
from twinbook.domain.revocation import Erasure, Grounds
from twinbook.domain.royalty import Statement
from twinbook.domain.work import Work
from twinbook.ports import Retained, UnitOfWork

from . import notify, report, settle
from .filing import filed_word
from .office import Office
from .revoke import living, stop, sweep, take_back

# Whoever pays for pictures keeps accounts, and the vouchers that they rest on: what was agreed, with whom, what was paid.
BOOKKEEPING = "Bokföringslagen (1999:1078) 7 kap. 2 §; GDPR art. 17(3)(b)"


def erasure(office: Office, talent: str, estate: str = "") -> Erasure:
    """The paper that has everything of hers erased, signed by her or by her estate."""
    return Erasure(talent, office.clock.now().replace(microsecond=0), estate)


def erased(office: Office, talent: str) -> bool:
    """Whether nothing is left to erase of a talent who was here."""
    with office.unit() as unit:
        return _gone(office, unit, talent)


def written_outside(office: Office, talent: str) -> tuple[str, ...]:
    """The names of the copies that were released of her: `run` wrote them into folders that this home doesn't know."""
    with office.unit() as unit:
        works = unit.works.of_talent(talent)
    return tuple(sorted(copy.name for work in works for copy in work.copies))


def erase(office: Office, document: Mapping[str, object], signature: Signature) -> int:
    """Withdraw everything; destroy her data key and with it photographs, plates, template, pictures and checkpoints; take
    her out of the database, her name and her id with her. Vouchers of the accounts go under the retention key first;
    returns how many papers that are.

    Asked again for somebody who is gone, it looks only that nothing is left. Raises SignatureRefused unless it is her
    key, or after her death her estate's; StateError ``vault.busy`` and ``home.busy`` while others work with her twin or
    the database: everything is withdrawn by then, and the same command goes on.
    """
    talent = _asked(document).talent
    now = office.clock.now().replace(microsecond=0)
    works: Sequence[Work] = ()
    with office.unit() as unit:
        if not _gone(office, unit, talent):
            paper = filed_word(office, unit, document, signature, Erasure)
            before = notify.standings(unit, talent)
            for target in living(unit, talent, now).values():
                take_back(office, unit, paper, talent, target, frozenset(), now)
            stopped = stop(office, unit, talent, now)
            # A licensee learns that she withdrew, as of any withdrawal; that she erased is hers.
            notify.queue(office, unit, talent, before, Grounds.WITHDRAWN, stopped)
            works = unit.works.of_talent(talent)
    sweep(office, works)
    kept = _retain(office, talent)
    office.vault.erase(talent)
    for work in works:
        office.outbox.withdraw(work.release)
        office.outbox.discard(work.release)
        for other in work.shot.talents:
            if other != talent:  # a picture of several lies in the box of one of them
                office.vault.forget_pictures(other, work.id)
    with office.unit() as unit:
        if not _gone(office, unit, talent):
            office.record(unit, "twin:erased", {"paper": Paper(dict(document)).digest}, (talent,))
            unit.forget(talent, _free_alias(office, unit, talent))
    office.compact()
    return kept


def finish(office: Office, talent: str) -> None:
    """See that nothing is left of somebody who is gone: the last step of an erasure that was broken off."""
    office.vault.erase(talent)
    office.compact()


def _asked(document: Mapping[str, object]) -> Erasure:
    try:
        terms = Paper(dict(document)).terms
    except InputError as error:
        raise SignatureRefused("signature.invalid", error.diagnosis) from error
    if not isinstance(terms, Erasure):
        raise SignatureRefused("signature.role", "this paper has nothing erased")
    return terms


def _gone(office: Office, unit: UnitOfWork, talent: str) -> bool:
    return unit.parties.get(talent) is None and unit.parties.get(office.vault.alias(talent)) is not None


def _free_alias(office: Office, unit: UnitOfWork, talent: str) -> str:
    """What she is called from now on. Who comes back under the same id and goes again isn't mixed up with who she was."""
    alias, number = office.vault.alias(talent), 2
    found = alias
    while unit.parties.get(found) is not None:
        found, number = f"{alias}-{number}", number + 1
    return found


def _retain(office: Office, talent: str) -> int:
    """Put the vouchers of what was paid for her images under the retention key; nothing for whom nothing was paid."""
    with office.unit() as unit:
        booked = [t for t in unit.books.transactions() if t.talent == talent]
        paid = [t for t in booked if t.movement in (Movement.SETTLE, Movement.PAYOUT)]
        if not paid or _gone(office, unit, talent):
            return 0
        alias = _free_alias(office, unit, talent)
        party = unit.parties.get(talent)
        works = {work.id: work for work in unit.works.of_talent(talent)}
        licenses = sorted({works[t.shot].licenses[talent] for t in paid if t.shot in works})
        papers = [unit.papers.get(digest) for digest in licenses] + list(unit.papers.of(talent, PaperKind.PAYEE))
    until = date(max(t.at.year for t in paid) + office.retention_years, 12, 31)
    made = settle.statement(office, talent)
    documents: list[tuple[str, str, Mapping[str, object]]] = [
        ("party", "who", {"id": talent, "name": party.name, "in_the_books": alias}),
        ("statement", "all", _statement(office, made)),
    ]
    for paper in papers:
        if not paper.erased and paper.signatures:
            documents.append((paper.kind.name.lower(), paper.digest[:16], report.signed_document(paper)))
    now = office.clock.now()
    for kind, what, document in documents:
        kept = Retained(f"{alias}:{kind}:{what}", alias, kind, BOOKKEEPING, now, until)
        office.retention.keep(kept, document)
    with office.unit() as unit:
        facts = {"papers": str(len(documents)), "until": until.isoformat()}
        office.record(unit, "retention:kept", facts)
    return len(documents)


def _statement(office: Office, made: Statement) -> dict[str, object]:
    return {
        "talent": made.talent,
        "name": made.talent_name,
        "made_at": made.made_at.isoformat(),
        "lines": [
            {
                "at": line.at.isoformat(),
                "kind": line.kind,
                "release": line.release,
                "brand": line.brand,
                "party": line.party,
                "amount": str(line.amount),
                "license": line.paper,
            }
            for line in made.lines
        ],
        "csv": office.documents.statement_csv(made),
    }
