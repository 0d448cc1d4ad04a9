"""Deal types: no NULL, no old spellings."""

from alembic import op

revision = "004"
down_revision = "003"


def upgrade():
    op.execute("UPDATE deals SET deal_type = 'acquisition' WHERE deal_type IS NULL")
    op.execute("UPDATE deals SET deal_type = 'carveout' WHERE deal_type = 'carve-out'")
    op.alter_column("deals", "deal_type", nullable=False)
    op.create_check_constraint(
        "valid_deal_type",
        "deals",
        "deal_type IN ('acquisition', 'carveout', 'divestiture')",
    )


def downgrade():
    op.drop_constraint("valid_deal_type", "deals", type_="check")
    op.alter_column("deals", "deal_type", nullable=True)
