"""Checkpoints that were trained on twins."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, select

from twinbook.domain.errors import StateError
from twinbook.domain.weights import Checkpoint, Family

from . import tables as t
from .room import Room


class Trained(Room):
    """Implements the Checkpoints port."""

    def put(self, checkpoint: Checkpoint) -> None:
        if self.get(checkpoint.id) is not None:
            raise StateError("training.failed", f"the checkpoint {checkpoint.id} is there already")
        self._add(
            t.twin_checkpoint,
            id=checkpoint.id,
            seq=self._next(t.twin_checkpoint),
            talent=checkpoint.talent,
            twin=checkpoint.twin,
            document=_text(checkpoint),
            made_at=checkpoint.made_at.isoformat(),
        )

    def get(self, checkpoint_id: str) -> Checkpoint | None:
        row = self._row(t.twin_checkpoint, t.twin_checkpoint.c.id == checkpoint_id)
        return _checkpoint(row) if row else None

    def of_twin(self, talent: str, twin: str) -> list[Checkpoint]:
        return self._found(t.twin_checkpoint.c.talent == talent, t.twin_checkpoint.c.twin == twin)

    def current(self, talent: str) -> list[Checkpoint]:
        newest = (
            select(t.twin.c.id)
            .where(t.twin.c.tenant == self._tenant, t.twin.c.talent == talent)
            .order_by(t.twin.c.version.desc())
            .limit(1)
            .scalar_subquery()
        )
        return self._found(t.twin_checkpoint.c.talent == talent, t.twin_checkpoint.c.twin == newest)

    def all(self) -> list[Checkpoint]:
        return self._found()

    def drop(self, talent: str) -> int:
        mine = t.twin_checkpoint.c.tenant == self._tenant, t.twin_checkpoint.c.talent == talent
        return self._connection.execute(delete(t.twin_checkpoint).where(*mine)).rowcount

    def _found(self, *where) -> list[Checkpoint]:
        return [_checkpoint(row) for row in self._rows(t.twin_checkpoint, *where, order=t.twin_checkpoint.c.seq)]


def _text(checkpoint: Checkpoint) -> str:
    """Everything but what has a column of its own."""
    columns = ("id", "talent", "twin", "made_at")
    return json.dumps({name: value for name, value in asdict(checkpoint).items() if name not in columns})


def _checkpoint(row) -> Checkpoint:
    data = json.loads(row.document)
    by_step = {name: {int(step): value for step, value in data[name].items()} for name in ("scores", "losses")}
    return Checkpoint(
        **data
        | by_step
        | {
            "id": row.id,
            "talent": row.talent,
            "twin": row.twin,
            "made_at": datetime.fromisoformat(row.made_at),
            "family": Family(data["family"]),
            "plates": tuple(data["plates"]),
        }
    )
