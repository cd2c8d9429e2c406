"""What retention asks for by column, and the last instants of what recurs; older incidents are filled here."""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stanch_recurrence",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_stanch_recurrence"),
    )
    op.add_column("stanch_alert_group", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stanch_incident", sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stanch_incident", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_stanch_incident_resolved_at", "stanch_incident", ["resolved_at"])
    incidents = sa.table(
        "stanch_incident",
        sa.column("id", sa.Text()),
        sa.column("is_open", sa.Boolean()),
        sa.column("body", sa.Text()),
        sa.column("resolved_at", sa.DateTime(timezone=True)),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(incidents.c.id, incidents.c.body).where(sa.not_(incidents.c.is_open))).all():
        at = datetime.fromisoformat(json.loads(row.body)["milestones"]["resolved"]["at"]).astimezone(UTC)
        connection.execute(sa.update(incidents).where(incidents.c.id == row.id).values(resolved_at=at))
