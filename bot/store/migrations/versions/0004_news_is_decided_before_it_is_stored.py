"""Whether a delivery said something new is decided before it is stored, and no column of its own any more."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("stanch_alert", "is_news")
