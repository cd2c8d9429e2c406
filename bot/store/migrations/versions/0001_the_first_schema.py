"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stanch_counter",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_stanch_counter"),
    )
    op.create_table(
        "stanch_delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("given_up", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stanch_delivery"),
        sa.UniqueConstraint("kind", "subject", name="uq_stanch_delivery_kind_subject"),
    )
    op.create_index(
        "ix_stanch_delivery_waiting",
        "stanch_delivery",
        ["lane", "id"],
        postgresql_where=sa.text("done < wanted"),
        sqlite_where=sa.text("done < wanted"),
    )
    op.create_table(
        "stanch_directory",
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("handle", name="pk_stanch_directory"),
    )
    op.create_table(
        "stanch_incident",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stanch_incident"),
        sa.UniqueConstraint("number", name="uq_stanch_incident_number"),
    )
    op.create_index("ix_stanch_incident_channel", "stanch_incident", ["channel"])
    op.create_index("ix_stanch_incident_is_open", "stanch_incident", ["is_open"])
    op.create_table(
        "stanch_lane",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lane", name="pk_stanch_lane"),
    )
    op.create_table(
        "stanch_receipt",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_stanch_receipt"),
    )
    op.create_index("ix_stanch_receipt_at", "stanch_receipt", ["at"])
    op.create_table(
        "stanch_timer",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_stanch_timer"),
    )
    op.create_index("ix_stanch_timer_due_at", "stanch_timer", ["due_at"])
    op.create_table(
        "stanch_world",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "connection", name="pk_stanch_world"),
    )
    op.create_table(
        "stanch_alert_group",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["stanch_incident.id"], name="fk_stanch_alert_group_incident_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stanch_alert_group"),
    )
    op.create_index("ix_stanch_alert_group_incident_id", "stanch_alert_group", ["incident_id"])
    op.create_index("ix_stanch_alert_group_key_first_at", "stanch_alert_group", ["key", "first_at"])
    op.create_table(
        "stanch_containment",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["stanch_incident.id"], name="fk_stanch_containment_incident_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stanch_containment"),
        sa.UniqueConstraint("incident_id", "number", name="uq_stanch_containment_incident_id_number"),
    )
    op.create_index("ix_stanch_containment_state", "stanch_containment", ["state"])
    op.create_table(
        "stanch_event",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["stanch_incident.id"], name="fk_stanch_event_incident_id"),
        sa.PrimaryKeyConstraint("incident_id", "seq", name="pk_stanch_event"),
    )
    op.create_table(
        "stanch_alert",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_news", sa.Boolean(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["stanch_alert_group.id"],
            name="fk_stanch_alert_group_id",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("source", "fingerprint", name="pk_stanch_alert"),
    )
    op.create_index("ix_stanch_alert_group_id_status", "stanch_alert", ["group_id", "status"])
    op.create_table(
        "stanch_target",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("containment_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["containment_id"], ["stanch_containment.id"], name="fk_stanch_target_containment_id"),
        sa.PrimaryKeyConstraint("key", name="pk_stanch_target"),
    )
    op.create_index("ix_stanch_target_containment_id", "stanch_target", ["containment_id"])
