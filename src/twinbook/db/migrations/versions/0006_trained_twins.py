"""Checkpoints that were trained on twins; what they are made of lies in the vault"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "twin_checkpoint",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("talent", sa.String(length=64), nullable=False),
        sa.Column("twin", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_twin_checkpoint")),
    )
    op.create_index("ix_twin_checkpoint_talent", "twin_checkpoint", ["tenant", "talent", "twin"], unique=False)
