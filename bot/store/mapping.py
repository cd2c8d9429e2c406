"""The one mapping between a domain value and its row.

Fields that a row owns (`version`, `channel`) are left out of the body and laid over it when it is read, so that such a
column can change by itself and a stale writer cannot put its old value back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import RowMapping, Select, Table, select

from bot.domain.alert import Alert, AlertGroup
from bot.domain.containment import Containment
from bot.domain.delivery import Delivery
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.remediation import Remediation
from bot.domain.timeline import TimelineEvent
from bot.domain.timer import Timer
from bot.domain.values import Value
from bot.store.tables import (
    AlertGroupRow,
    AlertRow,
    ContainmentRow,
    DeliveryRow,
    EventRow,
    EvidenceRow,
    IncidentRow,
    RemediationRow,
    StoredRow,
    TimerRow,
)

V = TypeVar("V", bound=Value)


def table_of(row: type[StoredRow]) -> Table:
    """Return the table of a row class."""
    return StoredRow.metadata.tables[str(row.__tablename__)]


@dataclass(frozen=True)
class Mapped(Generic[V]):
    """How one kind of value lies in one table.

    Attributes:
        keys: Columns that repeat what the value says, by the path of the attribute that they repeat.
        owned: Fields that live in a column of their name and not in the body.
    """

    row: type[StoredRow]
    value: type[V]
    keys: Mapping[str, str] = field(default_factory=dict)
    owned: Sequence[str] = ()

    @property
    def table(self) -> Table:
        """The table."""
        return table_of(self.row)

    @property
    def has_body(self) -> bool:
        """Whether the table keeps a body beside its columns."""
        return "body" in self.table.c

    def columns(self, value: V) -> dict[str, Any]:
        """Return all columns of a value as they must be stored."""
        found = {column: attrgetter(path)(value) for column, path in self.keys.items()}
        found |= {name: getattr(value, name) for name in self.owned}
        if self.has_body:
            found["body"] = value.model_dump(mode="json", exclude=set(self.owned))
        return found

    def select(self) -> Select[Any]:
        """Return a query for whole rows."""
        return select(self.table)

    def load(self, row: RowMapping) -> V:
        """Return the value of a row."""
        body: dict[str, Any] = dict(row["body"]) if self.has_body else {}
        return self.value.model_validate(body | {name: row[name] for name in self.owned})


INCIDENTS = Mapped(
    IncidentRow,
    Incident,
    keys={
        "id": "id",
        "number": "number",
        "kind": "kind",
        "is_open": "is_open",
        "resolved_at": "resolved_at",
        "redacted_at": "redacted_at",
    },
    owned=("channel", "version"),
)
ALERT_GROUPS = Mapped(
    AlertGroupRow,
    AlertGroup,
    keys={
        "id": "id",
        "key": "key",
        "incident_id": "incident_id",
        "first_at": "first_at",
        "redacted_at": "redacted_at",
    },
)
ALERTS = Mapped(
    AlertRow,
    Alert,
    keys={
        "source": "source",
        "fingerprint": "fingerprint",
        "status": "status",
        "started_at": "started_at",
    },
    owned=("received_at",),
)
EVENTS = Mapped(EventRow, TimelineEvent, keys={"incident_id": "incident_id", "seq": "seq", "kind": "kind", "at": "at"})
CONTAINMENTS = Mapped(
    ContainmentRow,
    Containment,
    keys={"id": "id", "incident_id": "plan.incident_id", "number": "number", "state": "state"},
    owned=("version",),
)
EVIDENCE = Mapped(EvidenceRow, Evidence, keys={"id": "id", "incident_id": "incident_id"})
REMEDIATIONS = Mapped(
    RemediationRow,
    Remediation,
    keys={"id": "id", "incident_id": "incident_id", "number": "number"},
    owned=("version",),
)
DELIVERIES = Mapped(DeliveryRow, Delivery, owned=tuple(Delivery.model_fields))
TIMERS = Mapped(TimerRow, Timer, owned=tuple(Timer.model_fields))
