"""What was earned with a twin, from the journal alone."""

from __future__ import annotations

from twinbook.domain import ledger
from twinbook.domain.canonical import digest
from twinbook.domain.errors import InputError
from twinbook.domain.ledger import Movement, Transaction
from twinbook.domain.license import License
from twinbook.domain.money import Money
from twinbook.domain.royalty import Statement, StatementLine, talent_account
from twinbook.ports import UnitOfWork

from .office import Office


def statement(office: Office, talent: str) -> Statement:
    """Every image ever released of a talent: its fee, and each share that went to somebody else.

    Raises InputError ``talent.unknown``.
    """
    with office.unit() as unit:
        party = unit.parties.get(talent)
        if party is None:
            raise InputError("talent.unknown", f"{talent!r} is not known in this home")
        settled = [t for t in unit.books.transactions() if t.movement is Movement.SETTLE and t.talent == talent]
        lines = tuple(line for transaction in settled for line in _lines(unit, transaction))
    return Statement(talent, party.name, office.clock.now(), lines)


def record_payment(office: Office, talent: str, brand: str, reference: str) -> tuple[Money, ...]:
    """Note that a brand's images of a talent, as many as were owed, have been paid: what came, by currency.

    ``reference`` is the bank's. Raises InputError ``talent.unknown``, ``books.nothing_owed``.
    """
    with office.unit() as unit:
        if unit.parties.get(talent) is None:
            raise InputError("talent.unknown", f"{talent!r} is not known in this home")
        owed = unit.books.unpaid(talent, brand)
        if not owed:
            raise InputError("books.nothing_owed", f"{brand} owes {talent} nothing")
        sums: dict[str, int] = {}
        for settled in owed:
            paid = ledger.payout(settled, talent_account(talent), office.clock.now())
            unit.books.post(paid)
            sums[paid.currency] = sums.get(paid.currency, 0) + max(posting.minor for posting in paid.postings)
        facts = {"images": str(len(owed)), "reference": digest(reference)}
        office.record(unit, "fee:paid", facts, (talent,))
    return tuple(Money(currency, minor) for currency, minor in sorted(sums.items()))


def _lines(unit: UnitOfWork, settled: Transaction) -> list[StatementLine]:
    work = unit.works.get(settled.shot)
    license = work.licenses[settled.talent]
    paper = unit.papers.get(license)
    terms: License | None = None if paper.erased else paper.terms
    brand = terms.brand.name if terms else ""

    def line(kind: str, party: str, minor: int) -> StatementLine:
        amount = Money(settled.currency, minor)
        return StatementLine(settled.at, kind, work.release.hex, brand, party, amount, license)

    gross = sum(posting.minor for posting in settled.postings if posting.minor > 0)
    lines = [line("fee", brand, gross)]
    for posting in settled.postings:
        kind, _, name = posting.account.partition(":")
        if posting.minor > 0 and posting.account != talent_account(settled.talent):
            lines.append(line({"agency": "commission", "crew": "crew share"}.get(kind, kind), name, -posting.minor))
    return lines
