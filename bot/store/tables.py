"""The rows, without behaviour: typed key columns to find and lock by, and a `body` that holds the rest of the value.

A column that repeats a field of the body is written by `bot.store.mapping` alone, never by hand, or the two would drift
apart.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKeyConstraint, Index, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.store.columns import Document, PlainText, UtcInstant

PREFIX = "stanch_"

# Alembic can only change a constraint that has a name.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class StoredRow(SQLModel):
    """Base of all rows."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=_NAMES)


class CounterRow(StoredRow, table=True):
    """The last number given out under a name; its row lock keeps numbers unique and without gaps."""

    __tablename__ = f"{PREFIX}counter"

    name: str = Field(primary_key=True, sa_type=PlainText)
    value: int


class IncidentRow(StoredRow, table=True):
    """An incident; `channel` and `version` live in their columns only."""

    __tablename__ = f"{PREFIX}incident"

    id: str = Field(primary_key=True, sa_type=PlainText)
    number: int = Field(unique=True)
    kind: str = Field(sa_type=PlainText)
    is_open: bool = Field(index=True)
    channel: str | None = Field(index=True, sa_type=PlainText)
    resolved_at: datetime | None = Field(index=True, sa_type=UtcInstant)
    redacted_at: datetime | None = Field(sa_type=UtcInstant)
    version: int
    body: Any = Field(sa_type=Document)


class AlertGroupRow(StoredRow, table=True):
    """A correlation group."""

    __tablename__ = f"{PREFIX}alert_group"
    __table_args__ = (Index(None, "key", "first_at"),)

    id: str = Field(primary_key=True, sa_type=PlainText)
    key: str = Field(sa_type=PlainText)
    incident_id: str | None = Field(index=True, foreign_key=f"{PREFIX}incident.id", sa_type=PlainText)
    first_at: datetime = Field(sa_type=UtcInstant)
    redacted_at: datetime | None = Field(sa_type=UtcInstant)
    body: Any = Field(sa_type=Document)


class AlertRow(StoredRow, table=True):
    """The newest state of what one source calls one fingerprint.

    Attributes:
        received_at: When the body was received, no part of it; a repeat that says nothing new does not move it.
        count: Deliveries, repeats included.
    """

    __tablename__ = f"{PREFIX}alert"
    __table_args__ = (
        Index(None, "group_id", "status"),
        # Checked at the commit: whether the group or its alert is stored first does not matter.
        ForeignKeyConstraint(["group_id"], [f"{PREFIX}alert_group.id"], deferrable=True, initially="DEFERRED"),
    )

    source: str = Field(primary_key=True, sa_type=PlainText)
    fingerprint: str = Field(primary_key=True, sa_type=PlainText)
    group_id: str = Field(sa_type=PlainText)
    status: str = Field(sa_type=PlainText)
    started_at: datetime | None = Field(sa_type=UtcInstant)
    received_at: datetime = Field(sa_type=UtcInstant)
    count: int
    first_at: datetime = Field(sa_type=UtcInstant)
    last_at: datetime = Field(sa_type=UtcInstant)
    body: Any = Field(sa_type=Document)


class EventRow(StoredRow, table=True):
    """One event of an incident's chain."""

    __tablename__ = f"{PREFIX}event"

    incident_id: str = Field(primary_key=True, foreign_key=f"{PREFIX}incident.id", sa_type=PlainText)
    seq: int = Field(primary_key=True)
    kind: str = Field(sa_type=PlainText)
    at: datetime = Field(sa_type=UtcInstant)
    body: Any = Field(sa_type=Document)


class ContainmentRow(StoredRow, table=True):
    """A plan and what became of it; `version` lives in its column only."""

    __tablename__ = f"{PREFIX}containment"
    __table_args__ = (UniqueConstraint("incident_id", "number"),)

    id: str = Field(primary_key=True, sa_type=PlainText)
    incident_id: str = Field(foreign_key=f"{PREFIX}incident.id", sa_type=PlainText)
    number: int
    state: str = Field(index=True, sa_type=PlainText)
    version: int
    body: Any = Field(sa_type=Document)


class EvidenceRow(StoredRow, table=True):
    """An artefact that was preserved.

    Attributes:
        content: Compressed by zlib; `None` once it was removed.
    """

    __tablename__ = f"{PREFIX}evidence"

    id: str = Field(primary_key=True, sa_type=PlainText)
    incident_id: str = Field(index=True, foreign_key=f"{PREFIX}incident.id", sa_type=PlainText)
    body: Any = Field(sa_type=Document)
    content: bytes | None


class RemediationRow(StoredRow, table=True):
    """A tracked fix; `version` lives in its column only."""

    __tablename__ = f"{PREFIX}remediation"
    __table_args__ = (UniqueConstraint("incident_id", "number"),)

    id: str = Field(primary_key=True, sa_type=PlainText)
    incident_id: str = Field(foreign_key=f"{PREFIX}incident.id", sa_type=PlainText)
    number: int
    version: int
    body: Any = Field(sa_type=Document)


class TargetRow(StoredRow, table=True):
    """A target that one containment is writing."""

    __tablename__ = f"{PREFIX}target"

    key: str = Field(primary_key=True, sa_type=PlainText)
    containment_id: str = Field(index=True, foreign_key=f"{PREFIX}containment.id", sa_type=PlainText)


class ForceRow(StoredRow, table=True):
    """A target that a containment wrote and that was not taken back since."""

    __tablename__ = f"{PREFIX}force"

    key: str = Field(primary_key=True, sa_type=PlainText)
    containment_id: str = Field(primary_key=True, index=True, foreign_key=f"{PREFIX}containment.id", sa_type=PlainText)


class DeliveryRow(StoredRow, table=True):
    """What Slack is owed about one subject.

    Attributes:
        given_up: The wanted generation will not be tried again.
    """

    __tablename__ = f"{PREFIX}delivery"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index(
            "ix_stanch_delivery_waiting",
            "lane",
            "id",
            postgresql_where=text("done < wanted"),
            sqlite_where=text("done < wanted"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=PlainText)
    lane: str = Field(sa_type=PlainText)
    subject: str = Field(sa_type=PlainText)
    payload: Any = Field(sa_type=Document)
    wanted: int
    done: int
    attempts: int
    given_up: bool
    channel: str | None = Field(sa_type=PlainText)
    ts: str | None = Field(sa_type=PlainText)
    error: str = Field(sa_type=PlainText)


class LaneRow(StoredRow, table=True):
    """Which process may send a lane's deliveries, and until when."""

    __tablename__ = f"{PREFIX}lane"

    lane: str = Field(primary_key=True, sa_type=PlainText)
    owner: str = Field(sa_type=PlainText)
    until: datetime = Field(sa_type=UtcInstant)


class TimerRow(StoredRow, table=True):
    """An instant to come.

    Attributes:
        due_at: `None` once taken or cancelled. The row stays, so that a generation, and with it the key of a wake-up,
            is never used twice.
    """

    __tablename__ = f"{PREFIX}timer"

    key: str = Field(primary_key=True, sa_type=PlainText)
    job: str = Field(sa_type=PlainText)
    subject: str = Field(sa_type=PlainText)
    due_at: datetime | None = Field(index=True, sa_type=UtcInstant)
    generation: int


class RecurrenceRow(StoredRow, table=True):
    """The last instant of something that recurs whose job was enqueued."""

    __tablename__ = f"{PREFIX}recurrence"

    job: str = Field(primary_key=True, sa_type=PlainText)
    at: datetime = Field(sa_type=UtcInstant)


class ReceiptRow(StoredRow, table=True):
    """A request that was seen."""

    __tablename__ = f"{PREFIX}receipt"

    key: str = Field(primary_key=True, sa_type=PlainText)
    at: datetime = Field(index=True, sa_type=UtcInstant)


class WorldRow(StoredRow, table=True):
    """What one simulated vendor remembers."""

    __tablename__ = f"{PREFIX}world"

    scope: str = Field(primary_key=True, sa_type=PlainText)
    connection: str = Field(primary_key=True, sa_type=PlainText)
    version: int
    body: Any = Field(sa_type=Document)


class TokenRow(StoredRow, table=True):
    """A personal token, by its digest."""

    __tablename__ = f"{PREFIX}token"

    name: str = Field(primary_key=True, sa_type=PlainText)
    user_id: str = Field(index=True, sa_type=PlainText)
    digest: str = Field(sa_type=PlainText)
    issued_at: datetime = Field(sa_type=UtcInstant)
    expires_at: datetime = Field(index=True, sa_type=UtcInstant)
    revoked_at: datetime | None = Field(sa_type=UtcInstant)
    revoked_by: str | None = Field(sa_type=PlainText)


class DirectoryRow(StoredRow, table=True):
    """The members of a Slack user group as last read."""

    __tablename__ = f"{PREFIX}directory"

    handle: str = Field(primary_key=True, sa_type=PlainText)
    at: datetime = Field(sa_type=UtcInstant)
    members: Any = Field(sa_type=Document)
