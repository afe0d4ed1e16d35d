"""Several keys a party with duties and an end, parts of a consent withdrawn, and the day a talent died"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("party", sa.Column("died", sa.String(length=10)))
    op.create_table(
        "withdrawal",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("paper", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "paper"], ["paper.tenant", "paper.digest"], name=op.f("fk_withdrawal_tenant")
        ),
        sa.PrimaryKeyConstraint("tenant", "paper", "part", name=op.f("pk_withdrawal")),
    )
    # Who must sign a paper is read from its terms.
    with op.batch_alter_table("paper") as paper:
        paper.drop_column("signers")
    with op.batch_alter_table("party_key") as key:
        key.drop_constraint("uq_party_key_tenant", type_="unique")
        for name in ("rp_id", "origin", "duties"):
            key.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=""))
        key.add_column(sa.Column("since", sa.String(length=40)))
        key.add_column(sa.Column("until", sa.String(length=40)))
    op.create_index("ix_party_key_party", "party_key", ["tenant", "party", "role"])
    op.execute(sa.text('UPDATE party_key SET duties = \'["admin", "brief", "propose", "sign"]\''))
