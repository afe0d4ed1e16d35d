"""Whom copies with codes of their own were passed on to"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("issued_copy", sa.Column("recipient", sa.String(length=200), nullable=False, server_default=""))
