"""What holds when somebody has died: which estate may act for her, and how she says that she is alive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from .consent import Consent
from .errors import InputError
from .form import Form
from .paper import Paper
from .party import PaperKind, Role, Verify


@dataclass(frozen=True)
class Alive(Form):
    """She says that a report of her death is wrong. ``report`` is the hash of the log's leaf that noted it, so that nothing
    she signed before it, and no answer to another report, passes for this."""

    KIND = PaperKind.ALIVE

    talent: str
    report: str
    at: datetime

    def signers(self) -> Mapping[Role, str]:
        return {Role.TALENT: self.talent}


def names(consents: Iterable[Paper], estate: str, died: date | None, verify: Verify) -> bool:
    """Whether one of her consents that counted when she died names this estate.

    What her key signed after her death names nobody. What was taken back on the day itself still does: it may have been
    the estate, and whoever acts first must be able to act again.
    """
    return died is not None and any(_names(paper, estate, died, verify) for paper in consents)


def _names(paper: Paper, estate: str, died: date, verify: Verify) -> bool:
    try:
        terms = paper.terms
    except InputError:  # erased
        return False
    signed = paper.signed_at(Role.TALENT)
    return (
        isinstance(terms, Consent)
        and terms.estate == estate != ""
        and signed is not None
        and signed.date() <= died
        and (paper.revoked_at is None or paper.revoked_at.date() >= died)
        and not paper.faults(verify)
    )
