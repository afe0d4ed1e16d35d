"""A part of a unit of work: queries of one tenant, and of no other."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update


class Room:
    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection, self._tenant = connection, tenant

    def _rows(self, table, *where, order=None) -> Sequence:
        query = select(table).where(table.c.tenant == self._tenant, *where)
        return self._connection.execute(query if order is None else query.order_by(order)).all()

    def _row(self, table, *where):
        found = self._rows(table, *where)
        return found[0] if found else None

    def _add(self, table, **values) -> None:
        self._connection.execute(insert(table).values(tenant=self._tenant, **values))

    def _change(self, table, *where, **values) -> int:
        query = update(table).where(table.c.tenant == self._tenant, *where).values(**values)
        return self._connection.execute(query).rowcount

    def _next(self, table) -> int:
        last = self._connection.execute(select(func.max(table.c.seq)).where(table.c.tenant == self._tenant)).scalar()
        return 0 if last is None else last + 1
