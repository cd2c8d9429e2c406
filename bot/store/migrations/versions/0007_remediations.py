"""What is to be mended so that a containment is not needed any more."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stanch_remediation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["stanch_incident.id"], name="fk_stanch_remediation_incident_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stanch_remediation"),
        sa.UniqueConstraint("incident_id", "number", name="uq_stanch_remediation_incident_id_number"),
    )
