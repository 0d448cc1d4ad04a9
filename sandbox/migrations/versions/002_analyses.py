"""Analyses and their cost items."""

import sqlalchemy as sa
from alembic import op

revision = "002"
down_revision = "001"


def upgrade():
    op.create_table(
        "analyses",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("deal_id", sa.BigInteger, sa.ForeignKey("deals.id", ondelete="CASCADE"), nullable=False),
        sa.Column("cost_total", sa.Numeric(16, 2), nullable=False),
    )


def downgrade():
    op.drop_table("analyses")
