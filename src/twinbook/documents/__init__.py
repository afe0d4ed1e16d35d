"""Papers for people: the contact sheet, statements, and consents, licenses and deal memos as they are read.

Everything here is made from values and decides nothing. No fonts to install, and no network but a time stamp
authority's, if one is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from ..domain.form import Form
from ..domain.paper import Paper
from ..domain.royalty import Statement
from ..ports import Clock, Disclosure, SessionSheet, Sheet, TrainingCard
from . import contact_sheet, earnings, pictures, session_sheet, signed_paper, training_card, words
from . import disclosure as first_page
from .wording import speaks

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

    def session_sheet(self, sheet: SessionSheet) -> str:
        """One self-contained HTML page, like the contact sheet."""
        return session_sheet.page(sheet)

    def disclosure(self, disclosure: Disclosure, language: str = "en") -> str:
        """A page that links to every file beside it. A language that isn't there gives English."""
        return first_page.page(disclosure, language)

    def png(self, rgb_srgb: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
        return pictures.png(rgb_srgb, alpha)

    def training_card(self, card: TrainingCard) -> bytes:
        """A4, PDF/A-2a, sealed. Equal cards give equal bytes."""
        return self._sealed(training_card.training_card_pdf(card), card.checkpoint.made_at)

    def statement_pdf(self, statement: Statement) -> bytes:
        """A4, PDF/A-2a, sealed. Equal statements give equal bytes."""
        return self._sealed(earnings.statement_pdf(statement), statement.made_at)

    def statement_csv(self, statement: Statement) -> str:
        """RFC 4180, a record for each line; to be written as UTF-8 with newlines left as they are."""
        return earnings.statement_csv(statement)

    def speaks(self, language: str) -> bool:
        """Whether there is a wording in this language; in that of ``sv``, ``sv-FI`` is spoken as well."""
        return speaks(language)

    def plain_words(self, terms: Form, language: str = "en") -> Sequence[str]:
        """The terms as sentences for whoever signs them. A language that isn't there gives English."""
        return words.plain_words(terms, language)

    def paper_pdf(self, paper: Paper, language: str = "en") -> bytes:
        """A4, PDF/A; the signed bytes are attached, and sealed once there is a signature. Equal papers give equal
        bytes. Raises ValueError for a document that has no canonical form."""
        now = self._now()
        return self._sealed(signed_paper.paper_pdf(paper, language, now), signed_paper.last_moment(paper, now))

    def deal_memo_pdf(self, license: Paper, language: str = "en") -> bytes:
        """A license as a deal memo, made and sealed like the license itself. Raises InputError ``signature.invalid``
        for a paper that isn't a license."""
        now = self._now()
        return self._sealed(signed_paper.memo_pdf(license, language, now), signed_paper.last_moment(license, now))

    def _now(self) -> datetime | None:
        return self._clock.now() if self._clock else None

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
