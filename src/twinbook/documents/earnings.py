"""A talent's statement: as a PDF she can read, and as a table for her accountant."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC

from ..domain.money import Money
from ..domain.royalty import Statement, StatementLine
from .typeset import typeset
from .wording import counted, day, legible, moment, party, short

COLUMNS = (
    "date",
    "kind",
    "talent",
    "talent_name",
    "brand",
    "release",
    "party",
    "amount",
    "currency",
    "amount_minor",
    "license_sha256",
)

# What makes a spreadsheet take a cell for a formula, full-width forms included (OWASP, CSV injection).
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")


def statement_pdf(statement: Statement) -> bytes:
    """The statement as PDF/A. Equal statements give equal bytes."""
    return typeset(
        "statement.typ",
        {
            "title": f"Statement of earnings: {statement.talent_name}",
            "talent": statement.talent,
            "talent_name": statement.talent_name,
            "made": f"Up to {moment(statement.made_at)}",
            "images": counted(statement.images, "image"),
            "foot": f"{statement.talent_name} · statement of {day(statement.made_at)}",
            "totals": [
                {name: _amount(amount) for name, amount in sums.items()}
                for _, sums in sorted(statement.totals().items())
            ],
            "groups": [_group(lines) for lines in _by_image(statement.lines)],
            "licenses": list(dict.fromkeys(line.paper for line in statement.lines if line.paper)),
        },
        statement.made_at,
    )


def statement_csv(statement: Statement) -> str:
    """The statement as RFC 4180 text to be written as UTF-8, a record for each line of it.

    ``amount`` is a decimal number and ``amount_minor`` the same in whole minor units of ``currency``; deductions are
    negative in both. Text that a spreadsheet would take for a formula is preceded by an apostrophe.
    """
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in statement.lines:
        amount, _, currency = str(line.amount).rpartition(" ")
        writer.writerow(
            (
                line.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                _cell(line.kind),
                _cell(statement.talent),
                _cell(statement.talent_name),
                _cell(line.brand),
                _cell(line.release),
                _cell(line.party),
                amount,
                _cell(currency),
                line.amount.minor,
                _cell(line.paper),
            )
        )
    return held.getvalue()


def _cell(text: str) -> str:
    text = legible(text)
    # Leading blanks don't help against a spreadsheet that trims them.
    return f"'{text}" if text[:1] in _FORMULA or text.strip()[:1] in _FORMULA else text


def _amount(amount: Money) -> str:
    """With a real minus sign, as print has it."""
    return str(amount).replace("-", "−")


def _by_image(lines: Iterable[StatementLine]) -> list[list[StatementLine]]:
    """Lines of one image under one license stay together, in the order in which they were first booked."""
    images: dict[tuple[str, ...], list[StatementLine]] = {}
    for line in lines:
        images.setdefault((line.release, line.brand, line.paper, line.amount.currency), []).append(line)
    # A sort by kind is stable: the fee first, then the shares as they were booked.
    return [sorted(group, key=lambda line: line.kind != "fee") for group in images.values()]


def _group(lines: list[StatementLine]) -> dict[str, object]:
    first = lines[0]
    net = sum((line.amount for line in lines[1:]), start=first.amount)
    return {
        "brand": party(first.brand)[0],
        "day": day(first.at),
        "release": first.release,
        "lines": [_line(line) for line in lines],
        "net": _amount(net),
    }


def _line(line: StatementLine) -> dict[str, str]:
    name, role = party(line.party)
    if line.kind == "fee":
        what, role = "Fee paid by the brand", ""
    else:
        what, role = name, role or line.kind.replace("_", " ")
    return {"what": what, "role": role, "paper": short(line.paper) or "none", "amount": _amount(line.amount)}
