"""Papers that a law makes this home keep after an erasure: list them, open one, destroy those whose time is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from twinbook.domain.canonical import digest
from twinbook.domain.errors import InputError
from twinbook.ports import Retained

from .office import Office


def kept(office: Office) -> tuple[Retained, ...]:
    """What lies under the retention key. Whose it is, is told by opening it."""
    return tuple(office.retention.all())


def open_paper(office: Office, retained_id: str, purpose: str) -> Mapping[str, object]:
    """One paper, for the ``purpose`` stated. The log keeps that it was opened, and a digest of what for.

    Raises InputError ``retention.unknown``.
    """
    document = office.retention.open(retained_id)
    with office.unit() as unit:
        office.record(unit, "retention:opened", {"paper": retained_id, "purpose": digest(purpose)})
    return document


def purge(office: Office, before: date) -> tuple[Retained, ...]:
    """Destroy the papers whose last day lies before this one, which must have come. Returns what was destroyed.

    Raises InputError ``retention.early``.
    """
    if before > office.clock.now().date():
        raise InputError("retention.early", f"{before.isoformat()} has not come yet")
    over = tuple(retained for retained in office.retention.all() if retained.until < before)
    for retained in over:
        office.retention.destroy(retained.id)
    if over:
        with office.unit() as unit:
            office.record(unit, "retention:purged", {"papers": str(len(over)), "before": before.isoformat()})
    return over
