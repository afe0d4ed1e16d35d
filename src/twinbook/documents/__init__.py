"""Papers for people: the contact sheet, statements, and consents, licenses and deal memos as they are read.

Everything here is made from values and decides nothing. No fonts to install, and no network but a time stamp
authority's, if one is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain import royalty
from ..domain.form import Form
from ..domain.paper import Paper
from ..domain.royalty import Statement
from ..ports import Clock, Sheet
from . import contact_sheet, earnings, signed_paper, words

__all__ = ["Papers"]

REASON = "This paper is as Twinbook wrote it."


class Papers:
    """The port `Documents`, with HTML from `contact_sheet`, PDFs by Typst, and seals on them by `pades`.

    ``chain_pem`` and ``private_key_pem`` seal every dated PDF; without them nothing is sealed. ``clock`` is asked only
    whether something lies ahead. With a ``timestamp_url`` every seal asks that authority, so no two are alike.
    """

    def __init__(
        self, clock: Clock | None = None, chain_pem: str = "", private_key_pem: str = "", timestamp_url: str = ""
    ) -> None:
        self._clock = clock
        self._chain_pem, self._private_key_pem, self._timestamp_url = chain_pem, private_key_pem, timestamp_url

    def contact_sheet(self, sheet: Sheet) -> str:
        """One self-contained HTML page; its text is to be written as UTF-8. Never raises for a damaged picture."""
        return contact_sheet.page(sheet)

    def statement_pdf(self, statement: Statement) -> bytes:
        """A4, PDF/A-2a, sealed. Equal statements give equal bytes."""
        return self._sealed(earnings.statement_pdf(statement), statement.made_at)

    def statement_csv(self, statement: Statement) -> str:
        """RFC 4180, a record for each line; to be written as UTF-8 with newlines left as they are."""
        return earnings.statement_csv(statement)

    def plain_words(self, terms: Form, language: str = "en") -> Sequence[str]:
        """The terms as sentences for whoever signs them."""
        return words.plain_words(terms)

    def paper_pdf(self, paper: Paper, language: str = "en") -> bytes:
        """A4, PDF/A; the signed bytes are attached, and sealed once there is a signature. Equal papers give equal
        bytes. Raises InputError ``signature.invalid`` for a document that can't be read."""
        title = paper.kind.name.capitalize()
        return self._sealed(signed_paper.paper_pdf(title, paper, words.plain_words(paper.terms)), self._date(paper))

    def deal_memo_pdf(self, license: Paper, language: str = "en") -> bytes:
        """A license as a deal memo, made and sealed like the license itself."""
        lines = words.deal_memo(license.terms, royalty.shares(license.terms))
        return self._sealed(signed_paper.paper_pdf("Deal memo", license, lines), self._date(license))

    def _date(self, paper: Paper) -> datetime | None:
        """The last thing that happened to it, so that writing it again changes nothing. None for a draft."""
        happened = [signed.at for signed in paper.signatures]
        if paper.revoked_at and (self._clock is None or paper.revoked_at <= self._clock.now()):
            happened.append(paper.revoked_at)
        return max(happened, default=None)

    def _sealed(self, pdf: bytes, at: datetime | None) -> bytes:
        if not self._chain_pem or at is None:
            return pdf
        # Takes a second to import, which commands that write no papers needn't wait for.
        from . import pades

        return pades.seal(
            pdf,
            chain_pem=self._chain_pem,
            private_key_pem=self._private_key_pem,
            reason=REASON,
            at=at,
            timestamp_url=self._timestamp_url,
        )
