"""Notices to licensees on their way, and where each party's are sent."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import delete, select

from twinbook.domain.canonical import canonical
from twinbook.domain.notice import Notice, Outgoing

from . import tables as t
from .room import Room


class Notices(Room):
    """Implements the Notices port."""

    def put(self, outgoing: Outgoing) -> None:
        progress = {
            "url": outgoing.url,
            "attempts": outgoing.attempts,
            "next_at": _text(outgoing.next_at),
            "delivered_at": _text(outgoing.delivered_at),
            "last_error": outgoing.last_error,
        }
        notice = outgoing.notice
        if not self._change(t.notice, t.notice.c.id == notice.id, **progress):
            self._add(
                t.notice,
                id=notice.id,
                seq=self._next(t.notice),
                to_party=notice.to,
                document=canonical(notice.document()).decode(),
                signature=outgoing.signature,
                created_at=_text(notice.made_at),
                **progress,
            )

    def get(self, notice_id: str) -> Outgoing | None:
        row = self._row(t.notice, t.notice.c.id == notice_id)
        return _outgoing(row) if row else None

    def all(self) -> list[Outgoing]:
        return [_outgoing(row) for row in self._rows(t.notice, order=t.notice.c.seq)]

    def due(self, at: datetime) -> Outgoing | None:
        query = (
            select(t.notice)
            .where(t.notice.c.tenant == self._tenant, t.notice.c.delivered_at.is_(None), t.notice.c.url.is_not(None))
            .where(t.notice.c.next_at <= _text(at))
            .order_by(t.notice.c.next_at, t.notice.c.seq)
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return _outgoing(row) if row else None

    def address(self, party: str) -> str | None:
        row = self._row(t.notice_address, t.notice_address.c.party == party)
        return row.url if row else None

    def set_address(self, party: str, url: str | None) -> None:
        mine = (t.notice_address.c.tenant == self._tenant) & (t.notice_address.c.party == party)
        self._connection.execute(delete(t.notice_address).where(mine))
        if url is not None:
            self._add(t.notice_address, party=party, url=url)


def _text(at: datetime | None) -> str | None:
    # To the microsecond always: texts are compared, and "12:00:00.5" would come before "12:00:00+00:00".
    return at.isoformat(timespec="microseconds") if at else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _outgoing(row) -> Outgoing:
    return Outgoing(
        notice=Notice.from_document(json.loads(row.document)),
        signature=row.signature,
        url=row.url,
        attempts=row.attempts,
        next_at=_moment(row.next_at),
        delivered_at=_moment(row.delivered_at),
        last_error=row.last_error,
    )
