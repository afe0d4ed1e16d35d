"""What was earned with a twin, from the journal alone."""

from __future__ import annotations

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


def _lines(unit: UnitOfWork, settled: Transaction) -> list[StatementLine]:
    work = unit.works.get(settled.shot)
    digest = work.licenses[settled.talent]
    document = unit.papers.get(digest).document
    brand = License.from_document(dict(document)).brand_name if "brand" in document else ""

    def line(kind: str, party: str, minor: int) -> StatementLine:
        amount = Money(settled.currency, minor)
        return StatementLine(settled.at, kind, work.release.hex, brand, party, amount, digest)

    gross = sum(posting.minor for posting in settled.postings if posting.minor > 0)
    lines = [line("fee", brand, gross)]
    for posting in settled.postings:
        kind, _, name = posting.account.partition(":")
        if posting.minor > 0 and posting.account != talent_account(settled.talent):
            lines.append(line({"agency": "commission", "crew": "crew share"}.get(kind, kind), name, -posting.minor))
    return lines
