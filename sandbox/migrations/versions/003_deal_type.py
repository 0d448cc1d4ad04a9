"""A deal type as free text."""

import sqlalchemy as sa
from alembic import op

revision = "003"
down_revision = "002"


def upgrade():
    op.add_column("deals", sa.Column("deal_type", sa.String(50)))


def downgrade():
    op.drop_column("deals", "deal_type")
