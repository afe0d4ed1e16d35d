"""The tables. Every one has a tenant, and no query leaves it out: see `unit.Unit`.

Documents are kept as canonical JSON text; times as ISO 8601 text in UTC, so that SQLite and PostgreSQL order them alike.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def _tenant() -> Column:
    return Column("tenant", String(64), nullable=False)


party = Table(
    "party",
    metadata,
    _tenant(),
    Column("id", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("born", String(10)),
    Column("died", String(10)),
    Column("log_secret", LargeBinary(32)),
    PrimaryKeyConstraint("tenant", "id"),
)

key = Table(
    "party_key",
    metadata,
    _tenant(),
    Column("id", String(96), nullable=False),
    Column("party", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("algorithm", String(32), nullable=False),
    Column("public", Text, nullable=False),
    Column("rp_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("duties", Text, nullable=False),
    Column("registered_at", String(40), nullable=False),
    Column("since", String(40)),
    Column("until", String(40)),
    PrimaryKeyConstraint("tenant", "id"),
    Index("ix_party_key_party", "tenant", "party", "role"),
)

paper = Table(
    "paper",
    metadata,
    _tenant(),
    Column("digest", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("talent", String(64), nullable=False),
    Column("terms", String(64), nullable=False),
    Column("document", Text),
    Column("drawn_at", String(40), nullable=False),
    Column("revoked_by", String(64)),
    Column("revoked_at", String(40)),
    PrimaryKeyConstraint("tenant", "digest"),
    Index("ix_paper_talent", "tenant", "talent", "kind"),
)

withdrawal = Table(
    "withdrawal",
    metadata,
    _tenant(),
    Column("paper", String(64), nullable=False),
    Column("part", String(16), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", String(40), nullable=False),
    PrimaryKeyConstraint("tenant", "paper", "part"),
    ForeignKeyConstraint(["tenant", "paper"], ["paper.tenant", "paper.digest"]),
)

signature = Table(
    "signature",
    metadata,
    _tenant(),
    Column("paper", String(64), nullable=False),
    Column("key", String(96), nullable=False),
    Column("algorithm", String(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("signed_at", String(40), nullable=False),
    PrimaryKeyConstraint("tenant", "paper", "key"),
    ForeignKeyConstraint(["tenant", "paper"], ["paper.tenant", "paper.digest"]),
    ForeignKeyConstraint(["tenant", "key"], ["party_key.tenant", "party_key.id"]),
)

twin = Table(
    "twin",
    metadata,
    _tenant(),
    Column("id", String(64), nullable=False),
    Column("talent", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("captures", String(64), nullable=False),
    Column("plates", Text, nullable=False),
    Column("made_at", String(40), nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
    UniqueConstraint("tenant", "talent", "version"),
)

# Not `checkpoint`, which is the log's.
twin_checkpoint = Table(
    "twin_checkpoint",
    metadata,
    _tenant(),
    Column("id", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("talent", String(64), nullable=False),
    Column("twin", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Column("made_at", String(40), nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
    Index("ix_twin_checkpoint_talent", "tenant", "talent", "twin"),
)

work = Table(
    "work",
    metadata,
    _tenant(),
    Column("id", String(64), nullable=False),
    Column("campaign", String(64), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("release", String(12), nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
    # Not by tenant: a release id rides in a picture, and whoever reads it must find one release.
    UniqueConstraint("release"),
    Index("ix_work_campaign", "tenant", "campaign"),
)

work_talent = Table(
    "work_talent",
    metadata,
    _tenant(),
    Column("work", String(64), nullable=False),
    Column("talent", String(64), nullable=False),
    Column("license", String(64), nullable=False),
    PrimaryKeyConstraint("tenant", "work", "talent"),
    ForeignKeyConstraint(["tenant", "work"], ["work.tenant", "work.id"]),
    Index("ix_work_talent_talent", "tenant", "talent"),
)

transaction = Table(
    "journal",
    metadata,
    _tenant(),
    Column("seq", Integer, nullable=False),
    Column("id", String(160), nullable=False),
    Column("movement", String(16), nullable=False),
    Column("work", String(64), nullable=False),
    Column("talent", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("at", String(40), nullable=False),
    PrimaryKeyConstraint("tenant", "seq"),
    # A hold, and the one settlement or void that closes it, each exist once: the database says so.
    UniqueConstraint("tenant", "id"),
    Index("ix_journal_talent", "tenant", "talent", "at"),
    Index("ix_journal_work", "tenant", "work"),
)

posting = Table(
    "posting",
    metadata,
    _tenant(),
    Column("journal", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "journal", "position"),
    ForeignKeyConstraint(["tenant", "journal"], ["journal.tenant", "journal.seq"]),
)

permit_use = Table(
    "permit_use",
    metadata,
    _tenant(),
    Column("id", String(64), nullable=False),
    Column("spent_at", String(40), nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
)

log_entry = Table(
    "log_entry",
    metadata,
    _tenant(),
    Column("seq", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "seq"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    _tenant(),
    Column("size", Integer, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "size"),
)

notice = Table(
    "notice",
    metadata,
    _tenant(),
    Column("id", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("to_party", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Column("signature", String(128), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("url", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_at", String(40)),
    Column("delivered_at", String(40)),
    Column("last_error", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
    Index("ix_notice_next_at", "tenant", "next_at"),
)

notice_address = Table(
    "notice_address",
    metadata,
    _tenant(),
    Column("party", String(64), nullable=False),
    Column("url", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "party"),
)

issued = Table(
    "issued_copy",
    metadata,
    _tenant(),
    Column("release", String(12), nullable=False),
    Column("format", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("pixels", String(64), nullable=False),
    Column("pdq", String(64), nullable=False),
    Column("quality", Integer, nullable=False),
    Column("manifest", String(200), nullable=False),
    Column("features", LargeBinary, nullable=False),
    Column("recipient", String(200), nullable=False, server_default=""),
    PrimaryKeyConstraint("tenant", "release", "format"),
    Index("ix_issued_copy_manifest", "tenant", "manifest"),
)
