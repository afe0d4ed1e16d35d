"""Units of work on SQLAlchemy Core. One transaction each; writers exclude each other."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import defaultdict
from datetime import date, datetime
from importlib.resources import files
from types import TracebackType

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, insert, or_, select
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from twinbook.domain.canonical import canonical
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, SignatureRefused, StateError
from twinbook.domain.ledger import Movement, Posting, Transaction, brand_account, payout_id
from twinbook.domain.log import Checkpoint, Entry
from twinbook.domain.paper import Paper
from twinbook.domain.party import Key, PaperKind, Party, Signature
from twinbook.domain.provenance import ReleaseId
from twinbook.domain.twin import Twin
from twinbook.domain.work import Stage, Work

from . import rows
from . import tables as t
from .forgetting import Forgetting
from .issued import Issued
from .notices import Notices
from .room import Room
from .trained import Trained


class Database:
    """A database of Twinbook, brought to the newest schema when opened.

    ``url`` is an SQLAlchemy URL. Raises StateError ``home.newer`` for a database of a later Twinbook.
    """

    def __init__(self, url: str, tenant: str) -> None:
        self._tenant = tenant
        self._engine = create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_immediate)
        self._migrate()

    def unit(self) -> Unit:
        return Unit(self._engine.connect(), self._tenant)

    def compact(self) -> None:
        """Rewrite the database so that nothing is left of what was deleted: neither in free pages nor in the write-ahead
        log. Elsewhere than in SQLite that is the server's: see docs/howto/her-data.md.

        Raises StateError ``home.busy`` while another process reads or writes.
        """
        if self._engine.dialect.name != "sqlite":
            return
        raw = self._engine.raw_connection()
        try:
            # Truncated before and after: VACUUM goes through the write-ahead log itself.
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                done = raw.driver_connection.execute(statement).fetchone()
                if done is not None and done[0]:
                    raise StateError("home.busy", "another process is using this home's database")
        except sqlite3.OperationalError as error:
            raise StateError("home.busy", f"the database can't be rewritten: {error}") from error
        finally:
            raw.close()

    def close(self) -> None:
        self._engine.dispose()

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(files("twinbook.db") / "migrations"))
        script = ScriptDirectory.from_config(config)
        with _translated(), self._engine.begin() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            if found == script.get_current_head():
                return
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise StateError("home.newer", "the database's schema is not known to this Twinbook") from error


def _prepare_sqlite(connection, _record) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event opens the transaction, the driver must not
    cursor = connection.cursor()
    # WAL lets readers go on beside a writer; FULL makes a commit survive a power cut. What is deleted is overwritten, and
    # what is sorted or rewritten on the way stays out of temporary files.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class _translated:
    """Database errors as ours: a full disk and a busy writer are told apart from what can't be helped."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, OperationalError | DatabaseError) and not isinstance(error, IntegrityError):
            text = str(error.orig)
            if "full" in text or "I/O" in text or "readonly" in text:
                raise StateError("home.disk", f"the database can't be written: {text}") from error
            if "locked" in text or "busy" in text:
                raise StateError("home.busy", "another process is writing to this home") from error


class Unit:
    """Implements the UnitOfWork port."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self.parties = _Parties(connection, tenant)
        self.papers = _Papers(connection, tenant)
        self.twins = _Twins(connection, tenant)
        self.checkpoints = Trained(connection, tenant)
        self.works = _Works(connection, tenant)
        self.books = _Books(connection, tenant)
        self.log = _Log(connection, tenant)
        self.notices = Notices(connection, tenant)
        self.issued = Issued(connection, tenant)
        self._tenant = tenant

    def __enter__(self) -> Unit:
        with _translated():
            try:
                self._connection.begin()
            except BaseException:
                self._connection.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with _translated():
                    self._commit()
            else:
                self._connection.rollback()
                if isinstance(error, DatabaseError):
                    with _translated():
                        raise error
        finally:
            self._connection.close()

    def _commit(self) -> None:
        self._connection.commit()

    def forget(self, talent: str, alias: str) -> None:
        Forgetting(self._connection, self._tenant).forget(talent, alias)

    def spend(self, permit_id: str, at: datetime) -> bool:
        try:
            with self._connection.begin_nested():
                self._connection.execute(
                    insert(t.permit_use).values(tenant=self._tenant, id=permit_id, spent_at=at.isoformat())
                )
        except IntegrityError:
            return False
        return True


class _Parties(Room):
    def put(self, party: Party) -> None:
        born = party.born.isoformat() if party.born else None
        if not self._change(t.party, t.party.c.id == party.id, name=party.name, born=born):
            self._add(t.party, id=party.id, role=party.role.value, name=party.name, born=born)

    def get(self, party_id: str) -> Party | None:
        row = self._row(t.party, t.party.c.id == party_id)
        return rows.party_of(row) if row else None

    def register(self, key: Key, at: datetime) -> None:
        taken = self._row(t.key, t.key.c.id == key.id)
        if taken:
            if (taken.party, taken.role, taken.public) != (key.party, key.role.value, key.public):
                raise SignatureRefused("signature.key_taken", f"this key is {taken.party}'s ({taken.role})")
            return
        self._add(
            t.key,
            id=key.id,
            party=key.party,
            role=key.role.value,
            algorithm=key.algorithm,
            public=key.public,
            rp_id=key.rp_id,
            origin=key.origin,
            duties=json.dumps(sorted(key.duties)),
            registered_at=at.isoformat(),
            since=key.since.isoformat() if key.since else None,
            until=key.until.isoformat() if key.until else None,
        )

    def end_key(self, key_id: str, at: datetime | None) -> None:
        self._change(t.key, t.key.c.id == key_id, until=at.isoformat() if at else None)

    def die(self, talent: str, on: date | None) -> None:
        self._change(t.party, t.party.c.id == talent, died=on.isoformat() if on else None)

    def died(self, talent: str) -> date | None:
        row = self._row(t.party, t.party.c.id == talent)
        return date.fromisoformat(row.died) if row and row.died else None

    def key(self, key_id: str) -> Key | None:
        row = self._row(t.key, t.key.c.id == key_id)
        return rows.key_of(row) if row else None

    def keys(self) -> list[Key]:
        return [rows.key_of(row) for row in self._rows(t.key, order=t.key.c.registered_at)]

    def log_secret(self, talent: str) -> bytes:
        row = self._row(t.party, t.party.c.id == talent)
        if row is None:
            raise InputError("talent.unknown", f"{talent!r} is not known in this home")
        if row.log_secret:
            return row.log_secret
        secret = os.urandom(32)
        self._change(t.party, t.party.c.id == talent, log_secret=secret)
        return secret


class _Papers(Room):
    def draw(self, paper: Paper, talent: str, terms: str, at: datetime) -> None:
        document = canonical(paper.document).decode()
        known = self._row(t.paper, t.paper.c.digest == paper.digest)
        if known:
            if known.document is None:  # the same terms again after an erasure; what was revoked stays revoked
                self._change(t.paper, t.paper.c.digest == paper.digest, document=document, talent=talent)
            return
        self._add(
            t.paper,
            digest=paper.digest,
            kind=paper.kind.value,
            talent=talent,
            terms=terms,
            document=document,
            drawn_at=at.isoformat(),
        )

    def by_terms(self, kind: PaperKind, talent: str, terms: str) -> Paper | None:
        same = t.paper.c.kind == kind.value, t.paper.c.talent == talent, t.paper.c.terms == terms
        found = self._papers(*same, t.paper.c.document.is_not(None))
        return found[-1] if found else None

    def get(self, paper_digest: str) -> Paper | None:
        found = self._papers(t.paper.c.digest == paper_digest)
        return found[0] if found else None

    def starting(self, prefix: str) -> list[Paper]:
        return self._papers(t.paper.c.digest.startswith(prefix, autoescape=True))

    def sign(self, paper_digest: str, signature: Signature, at: datetime) -> None:
        if self._row(t.signature, t.signature.c.paper == paper_digest, t.signature.c.key == signature.key):
            return
        self._add(
            t.signature,
            paper=paper_digest,
            key=signature.key,
            algorithm=signature.algorithm,
            value=signature.value,
            evidence=json.dumps(dict(signature.evidence)),
            signed_at=at.isoformat(),
        )

    def revoke(self, paper_digest: str, by: str, at: datetime) -> None:
        sooner = or_(t.paper.c.revoked_at.is_(None), t.paper.c.revoked_at > at.isoformat())
        self._change(t.paper, t.paper.c.digest == paper_digest, sooner, revoked_by=by, revoked_at=at.isoformat())

    def withdraw(self, paper_digest: str, part: Part, by: str, at: datetime) -> None:
        this = t.withdrawal.c.paper == paper_digest, t.withdrawal.c.part == part.value
        if not self._row(t.withdrawal, *this):
            self._add(t.withdrawal, paper=paper_digest, part=part.value, by=by, at=at.isoformat())
        self._change(t.withdrawal, *this, t.withdrawal.c.at > at.isoformat(), by=by, at=at.isoformat())

    def of(self, talent: str, kind: PaperKind) -> list[Paper]:
        return self._papers(t.paper.c.talent == talent, t.paper.c.kind == kind.value)

    def _papers(self, *where) -> list[Paper]:
        """Oldest first, with their signatures and withdrawals: four queries, however many papers there are."""
        found = self._rows(t.paper, *where, order=t.paper.c.drawn_at)
        if not found:
            return []
        these = select(t.paper.c.digest).where(t.paper.c.tenant == self._tenant, *where)
        signatures = self._rows(t.signature, t.signature.c.paper.in_(these), order=t.signature.c.signed_at)
        signers = {signature.key for signature in signatures}
        keys = {key.id: rows.key_of(key) for key in self._rows(t.key, t.key.c.id.in_(signers))} if signers else {}
        signed, withdrawn = defaultdict(list), defaultdict(list)
        for signature in signatures:
            signed[signature.paper].append((signature, keys[signature.key]))
        for withdrawal in self._rows(t.withdrawal, t.withdrawal.c.paper.in_(these)):
            withdrawn[withdrawal.paper].append(withdrawal)
        return [rows.paper_of(row, signed[row.digest], withdrawn[row.digest]) for row in found]


class _Twins(Room):
    def _newest(self, talent: str):
        found = self._rows(t.twin, t.twin.c.talent == talent, order=t.twin.c.version.desc())
        return found[0] if found else None

    def current(self, talent: str) -> Twin | None:
        row = self._newest(talent)
        return rows.twin_of(row) if row else None

    def talents(self) -> list[str]:
        return sorted({row.talent for row in self._rows(t.twin)})

    def captures(self, talent: str) -> str | None:
        row = self._newest(talent)
        return row.captures if row else None

    def made_at(self, talent: str) -> datetime | None:
        row = self._newest(talent)
        return datetime.fromisoformat(row.made_at) if row else None

    def put(self, twin: Twin, captures: str, at: datetime) -> None:
        self._add(
            t.twin,
            id=twin.id,
            talent=twin.talent,
            version=twin.version,
            kind=twin.kind.value,
            captures=captures,
            plates=rows.plates_text(twin),
            made_at=at.isoformat(),
        )


class _Works(Room):
    def get(self, work_id: str) -> Work | None:
        row = self._row(t.work, t.work.c.id == work_id)
        return rows.work_of(row) if row else None

    def put(self, work: Work) -> Work:
        values = {"stage": work.stage.value, "document": rows.work_text(work), "version": work.version + 1}
        if work.version == 0:
            try:
                with self._connection.begin_nested():
                    self._add(t.work, id=work.id, campaign=work.campaign, release=work.release.hex, **values)
            except IntegrityError as error:
                raise StateError("home.busy", f"{work.name} was begun by somebody else") from error
            for talent, license in work.licenses.items():
                self._add(t.work_talent, work=work.id, talent=talent, license=license)
        elif not self._change(t.work, t.work.c.id == work.id, t.work.c.version == work.version, **values):
            raise StateError("home.busy", f"{work.name} was moved on by somebody else")
        return rows.work_of(self._row(t.work, t.work.c.id == work.id))

    def of_campaign(self, campaign: str) -> list[Work]:
        return [rows.work_of(row) for row in self._rows(t.work, t.work.c.campaign == campaign)]

    def of_talent(self, talent: str) -> list[Work]:
        mine = select(t.work_talent.c.work).where(
            t.work_talent.c.tenant == self._tenant, t.work_talent.c.talent == talent
        )
        return [rows.work_of(row) for row in self._rows(t.work, t.work.c.id.in_(mine))]

    def released(self) -> list[Work]:
        ended = self._rows(t.work, t.work.c.stage == Stage.RELEASED.value, order=t.work.c.release)
        return [rows.work_of(row) for row in ended]

    def by_release(self, release: ReleaseId) -> Work | None:
        row = self._row(t.work, t.work.c.release == release.hex)
        return rows.work_of(row) if row else None


class _Books(Room):
    def post(self, transaction: Transaction) -> None:
        if self._row(t.transaction, t.transaction.c.id == transaction.id):
            raise StateError("books.hold", f"{transaction.id} is booked already")
        seq = self._next(t.transaction)
        self._add(
            t.transaction,
            seq=seq,
            id=transaction.id,
            movement=transaction.movement.value,
            work=transaction.shot,
            talent=transaction.talent,
            currency=transaction.currency,
            at=transaction.at.isoformat(),
        )
        for position, posting in enumerate(transaction.postings):
            self._add(t.posting, journal=seq, position=position, account=posting.account, minor=posting.minor)

    def open_holds(self, work_id: str) -> list[Transaction]:
        booked = self._transactions(t.transaction.c.work == work_id)
        closed = {entry.id for entry in booked if entry.movement is not Movement.HOLD}
        return [e for e in booked if e.movement is Movement.HOLD and f"close:{e.id}" not in closed]

    def images(self, talent: str, year: int, month: int, but: str) -> int:
        booked = self._transactions(t.transaction.c.talent == talent, t.transaction.c.work != but)
        voided = {entry.id for entry in booked if entry.movement is Movement.VOID}
        settled = {entry.id: entry.at for entry in booked if entry.movement is Movement.SETTLE}

        def months(held: Transaction) -> list[tuple[int, int]]:
            moments = held.at, settled.get(f"close:{held.id}", held.at)
            return [(at.year, at.month) for at in moments]

        return sum(
            entry.movement is Movement.HOLD and f"close:{entry.id}" not in voided and (year, month) in months(entry)
            for entry in booked
        )

    def images_licensed(self, license: str, but: str) -> int:
        mine = select(t.work_talent.c.work).where(
            t.work_talent.c.tenant == self._tenant, t.work_talent.c.license == license, t.work_talent.c.work != but
        )
        booked = self._transactions(t.transaction.c.work.in_(mine))
        voided = {entry.id for entry in booked if entry.movement is Movement.VOID}
        held = {e.shot for e in booked if e.movement is Movement.HOLD and f"close:{e.id}" not in voided}
        return len(held)

    def unpaid(self, talent: str, brand: str) -> list[Transaction]:
        booked = self._transactions(t.transaction.c.talent == talent)
        ours = {
            f"close:{entry.id}"
            for entry in booked
            if entry.movement is Movement.HOLD and any(p.account == brand_account(brand) for p in entry.postings)
        }
        paid = {entry.id for entry in booked if entry.movement is Movement.PAYOUT}
        settled = [entry for entry in booked if entry.movement is Movement.SETTLE and entry.id in ours]
        return [entry for entry in settled if payout_id(entry) not in paid]

    def transactions(self) -> list[Transaction]:
        return self._transactions()

    def _transactions(self, *where) -> list[Transaction]:
        found = self._rows(t.transaction, *where, order=t.transaction.c.seq)
        if not found:
            return []
        of: dict[int, list[Posting]] = {}
        query = (
            select(t.posting)
            .join(
                t.transaction,
                (t.transaction.c.tenant == t.posting.c.tenant) & (t.transaction.c.seq == t.posting.c.journal),
            )
            .where(t.posting.c.tenant == self._tenant, *where)
            .order_by(t.posting.c.journal, t.posting.c.position)
        )
        for row in self._connection.execute(query):
            of.setdefault(row.journal, []).append(Posting(row.account, row.minor))
        return [
            Transaction(
                row.id,
                Movement(row.movement),
                row.work,
                row.talent,
                row.currency,
                tuple(of[row.seq]),
                datetime.fromisoformat(row.at),
            )
            for row in found
        ]


class _Log(Room):
    def append(self, entry: Entry) -> int:
        seq = self._next(t.log_entry)
        self._add(t.log_entry, seq=seq, body=entry.body())
        return seq

    def bodies(self) -> list[bytes]:
        # SQLite keeps whatever type was written: a leaf that somebody edited as text must still be hashed, and fail.
        found = self._rows(t.log_entry, order=t.log_entry.c.seq)
        return [row.body if isinstance(row.body, bytes) else str(row.body).encode() for row in found]

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        if not self._row(t.checkpoint, t.checkpoint.c.size == checkpoint.size):
            self._add(t.checkpoint, size=checkpoint.size, note=checkpoint.note())

    def checkpoints(self) -> list[Checkpoint]:
        return [Checkpoint.from_note(row.note) for row in self._rows(t.checkpoint, order=t.checkpoint.c.size)]
