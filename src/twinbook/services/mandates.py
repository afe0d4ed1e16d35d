"""What a talent lets her agency do: drawn up here, signed with her key like any paper, and withdrawn like any."""

from __future__ import annotations

from twinbook.domain.errors import InputError
from twinbook.domain.mandate import GRANTABLE, Mandate
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind

from .filing import file_paper
from .office import Office


def draw_mandate(office: Office, terms: Mandate) -> Paper:
    """Put a mandate on file for her to sign.

    Raises InputError ``mandate.reserved`` for what can't be handed to anybody, ``mandate.scope`` for one that could never
    be used, ``party.unknown``.
    """
    may = ", ".join(sorted(GRANTABLE))
    if terms.reserved:
        reserved = ", ".join(sorted(terms.reserved))
        raise InputError("mandate.reserved", f"{reserved} can't be handed to anybody", f"hand over {may}, or nothing")
    today = office.clock.now().date()
    if not terms.acts:
        raise InputError("mandate.scope", "it hands over nothing", f"hand over {may}")
    if terms.until < max(terms.starts, today):
        raise InputError("mandate.scope", f"it ends on {terms.until.isoformat()}", "give a last day that lies ahead")
    with office.unit() as unit:
        for person in (terms.talent, terms.agency):
            if unit.parties.get(person.id) is None:
                raise InputError("party.unknown", f"{person.id!r} is not known in this home")
        return file_paper(office, unit, Paper.of(terms), terms.talent.id)


def live_mandates(office: Office, talent: str) -> list[Paper]:
    """Her mandates that are signed, not withdrawn and not over, oldest first; one that begins later is among them."""
    now = office.clock.now()
    with office.unit() as unit:
        return [
            paper
            for paper in unit.papers.of(talent, PaperKind.MANDATE)
            if not paper.erased
            and not paper.faults(office.verify)
            and (paper.revoked_at is None or paper.revoked_at > now)
            and now.date() <= paper.terms.until
        ]
