"""Papers for people: the contact sheet, statements, and consents, licenses and deal memos as they are read.

Everything here is made from values and decides nothing. No network, no fonts to install, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.paper import Paper
from ..domain.royalty import Statement
from ..ports import Sheet
from . import contact_sheet, earnings, signed_paper

__all__ = ["Papers"]


class Papers:
    """The port `Documents`, with HTML from `contact_sheet` and PDFs by Typst."""

    def contact_sheet(self, sheet: Sheet) -> str:
        """One self-contained HTML page; its text is to be written as UTF-8. Never raises for a damaged picture."""
        return contact_sheet.page(sheet)

    def statement_pdf(self, statement: Statement) -> bytes:
        """A4, PDF/A-2a. Equal statements give equal bytes."""
        return earnings.statement_pdf(statement)

    def statement_csv(self, statement: Statement) -> str:
        """RFC 4180, a record for each line; to be written as UTF-8 with newlines left as they are."""
        return earnings.statement_csv(statement)

    def paper_pdf(self, title: str, paper: Paper, plain_words: Sequence[str]) -> bytes:
        """A4, PDF/A; the signed bytes are attached once there is a signature. Raises ValueError for a document that
        has no canonical form."""
        return signed_paper.paper_pdf(title, paper, plain_words)
