"""What was preserved before a containment changed it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stanch_evidence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["stanch_incident.id"], name="fk_stanch_evidence_incident_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_stanch_evidence"),
    )
    op.create_index("ix_stanch_evidence_incident_id", "stanch_evidence", ["incident_id"])
