"""Take a talent out of the tables: what names her goes, figures and digests stay under another name.

Everything of hers is rewritten in the one transaction of the caller. Papers of other people that happen to name her are
theirs, and stay.
"""

from __future__ import annotations

from sqlalchemy import delete, or_

from . import rows
from . import tables as t
from .room import Room


class Forgetting(Room):
    def forget(self, talent: str, alias: str) -> None:
        """Nothing happens for a talent that isn't here."""
        party = self._row(t.party, t.party.c.id == talent)
        if party is None:
            return
        names = tuple(text.casefold() for text in (party.name, talent) if text)
        self._forget_papers(talent, alias)
        self._forget_works(talent, alias, names)
        self._forget_in_books(talent, alias, party.name)
        self._delete(t.twin, t.twin.c.talent == talent)
        self._delete(t.twin_checkpoint, t.twin_checkpoint.c.talent == talent)
        self._delete(t.key, t.key.c.party == talent)
        self._change(t.party, t.party.c.id == talent, id=alias, name="", born=None, died=None, log_secret=None)
        for other in self._rows(t.party, t.party.c.role == "estate"):  # "Estate of Mira Holm"
            if party.name and party.name.casefold() in other.name.casefold():
                self._change(t.party, t.party.c.id == other.id, name="")

    def _forget_papers(self, talent: str, alias: str) -> None:
        hers = [paper.digest for paper in self._rows(t.paper, t.paper.c.talent == talent)]
        keys = [key.id for key in self._rows(t.key, t.key.c.party == talent)]
        for digest in hers:
            self._delete(t.signature, t.signature.c.paper == digest)
        for key in keys:
            self._delete(t.signature, t.signature.c.key == key)
        self._change(t.paper, t.paper.c.talent == talent, document=None, talent=alias)

    def _forget_works(self, talent: str, alias: str, names: tuple[str, ...]) -> None:
        ids = [row.work for row in self._rows(t.work_talent, t.work_talent.c.talent == talent)]
        for row in self._rows(t.work, t.work.c.id.in_(ids)):
            work = rows.work_of(row).without(talent, alias)
            self._delete(t.issued, t.issued.c.release == work.release.hex)
            telling = any(name in work.campaign.casefold() for name in names)
            self._change(
                t.work,
                t.work.c.id == work.id,
                document=rows.work_text(work),
                version=work.version + 1,
                campaign=alias if telling else work.campaign,
            )
        self._change(t.work_talent, t.work_talent.c.talent == talent, talent=alias)

    def _forget_in_books(self, talent: str, alias: str, name: str) -> None:
        for row in self._rows(t.transaction, t.transaction.c.talent == talent):
            held = f"hold:{row.work}:{talent}"
            renamed = row.id.replace(f"{held}:", f"hold:{row.work}:{alias}:")
            self._change(t.transaction, t.transaction.c.seq == row.seq, id=renamed, talent=alias)
            self._change(
                t.posting,
                t.posting.c.journal == row.seq,
                t.posting.c.account == held,
                account=f"hold:{row.work}:{alias}",
            )
        for kind in ("talent:", "paid:talent:"):
            self._change(t.posting, t.posting.c.account == kind + talent, account=kind + alias)
        as_crew = (f"crew:{name}", f"paid:crew:{name}") if name else ()
        for account in as_crew:  # whoever is photographed may also be paid for something else
            exactly = or_(
                t.posting.c.account == account, t.posting.c.account.startswith(f"{account} (", autoescape=True)
            )
            self._change(t.posting, exactly, account=account.replace(name, alias))

    def _delete(self, table, *where) -> None:
        self._connection.execute(delete(table).where(table.c.tenant == self._tenant, *where))
