"""What released copies are found again by: fingerprints, local features and manifest ids"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "issued_copy",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("release", sa.String(length=12), nullable=False),
        sa.Column("format", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("pixels", sa.String(length=64), nullable=False),
        sa.Column("pdq", sa.String(length=64), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.String(length=200), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "release", "format", name=op.f("pk_issued_copy")),
    )
    op.create_index("ix_issued_copy_manifest", "issued_copy", ["tenant", "manifest"], unique=False)
