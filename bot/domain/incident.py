"""The incident: an aggregate whose status is derived from its milestones, never stored beside them.

Every transition returns the new incident and the fact for its timeline. `kind` is fixed when it opens; nothing turns an
exercise live.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Self

from pydantic import Field

from bot.domain.actor import Actor
from bot.domain.classification import Classification
from bot.domain.milestones import Basis, Milestone, MilestoneName, Milestones
from bot.domain.severity import Severity
from bot.domain.timeline import Fact
from bot.domain.values import ERASED, ContainmentId, IncidentId, Instant, Value, is_blank, utc_text
from bot.errors import BadCommand, InvalidTransition

MAX_TITLE = 150
# Slack takes names of 80 (https://docs.slack.dev/reference/methods/conversations.create); a side bar shows some 40.
_MAX_SLUG = 40


class IncidentKind(StrEnum):
    """What the incident is part of."""

    LIVE = "live"
    EXERCISE = "exercise"
    TEST = "test"


class IncidentStatus(StrEnum):
    """Where it stands, derived from the milestones."""

    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Incident(Value):
    """One AI incident.

    Attributes:
        classification: As computed when it opened, with its reasons.
        severity: In force now; differs from the classification's after an override.
        severity_reason: Why a person overrode it; empty otherwise.
        channel: Slack channel id, once it exists.
        redacted_at: When what people wrote was last erased under the retention policy.
        version: Optimistic lock; attaching alerts does not touch it.
    """

    id: IncidentId
    number: int
    kind: IncidentKind
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    system_id: str | None
    classification: Classification
    severity: Severity
    severity_reason: str = ""
    opened_by: Actor
    opened_why: str
    commander: Actor | None = None
    milestones: Milestones
    channel: str | None = None
    redacted_at: Instant | None = None
    version: int = 0

    @property
    def label(self) -> str:
        """How people name it: `INC-7`."""
        return f"INC-{self.number}"

    @property
    def channel_name(self) -> str:
        """Name of its channel: `inc-7-support-assistant-gives-harmful-advice`."""
        return f"inc-{self.number}-{slug(self.title)}".rstrip("-")

    @property
    def status(self) -> IncidentStatus:
        """The last milestone that was reached."""
        stones = self.milestones
        if stones.closed:
            return IncidentStatus.CLOSED
        if stones.resolved:
            return IncidentStatus.RESOLVED
        if stones.mitigated:
            return IncidentStatus.MITIGATED
        return IncidentStatus.ACKNOWLEDGED if stones.acknowledged else IncidentStatus.DECLARED

    @property
    def is_open(self) -> bool:
        """Whether it still needs people."""
        return self.milestones.resolved is None

    @property
    def resolved_at(self) -> Instant | None:
        """When it stopped needing people; `None` while it is open."""
        return self.milestones.resolved.at if self.milestones.resolved else None

    def _require_open(self) -> None:
        if not self.is_open:
            raise InvalidTransition(f"{self.label} is {self.status.value}; declare a new incident if the harm is back.")

    def led_by(self, actor: Actor, at: Instant) -> tuple[Self, Fact]:
        """Return it with `actor` as commander; the first one acknowledges it.

        Raises:
            InvalidTransition: It is resolved, or `actor` leads it already.
        """
        self._require_open()
        if self.commander == actor:
            raise InvalidTransition(f"You lead {self.label} already.")
        stones = self.milestones
        if stones.acknowledged is None:
            acknowledged = stones.not_before_others(MilestoneName.ACKNOWLEDGED, at)
            stones = stones.stamped(MilestoneName.ACKNOWLEDGED, Milestone(at=acknowledged, basis=Basis.OBSERVED))
        fact = Fact(
            kind="lead.taken",
            at=at,
            actor=actor,
            text="Took the lead",
            payload={"from": self.commander.id if self.commander else None},
        )
        return self.changed(commander=actor, milestones=stones), fact

    def with_severity(self, severity: Severity, reason: str, actor: Actor, at: Instant) -> tuple[Self, Fact]:
        """Return it with a severity that a person set.

        Raises:
            BadCommand: No reason was given.
            InvalidTransition: It has that severity already, or is resolved.
        """
        self._require_open()
        if severity is self.severity:
            raise InvalidTransition(f"{self.label} is {severity.label} already.")
        if is_blank(reason):
            raise BadCommand(f"Say why: `/incident severity {severity.label.lower()} because ...`")
        fact = Fact(
            kind="severity.changed",
            at=at,
            actor=actor,
            text=f"Severity {self.severity.label} -> {severity.label}: {reason.strip()}",
            payload={"from": self.severity.value, "to": severity.value, "computed": self.classification.severity.value},
        )
        return self.changed(severity=severity, severity_reason=reason.strip()), fact

    def with_started(self, at: Instant, basis: Basis, note: str, actor: Actor, now: Instant) -> tuple[Self, Fact]:
        """Return it with the start of the harm known.

        Raises:
            InvalidTransition: The start would be after its detection.
        """
        stones = self.milestones.stamped(MilestoneName.STARTED, Milestone(at=at, basis=basis, note=note))
        fact = Fact(
            kind="milestone.started",
            at=now,
            actor=actor,
            text=f"The harm started at {utc_text(at)} ({basis.value}: {note})",
            payload={"at": at.isoformat(), "basis": basis.value},
        )
        return self.changed(milestones=stones), fact

    def harm_stopped(
        self, clean_since: Instant, note: str, by: ContainmentId, now: Instant, actor: Actor
    ) -> tuple[Self, Fact]:
        """Return it mitigated, provisionally, from the start of a clean window."""
        stone = Milestone(at=clean_since, basis=Basis.OBSERVED, note=note, provisional=True)
        fact = Fact(
            kind="milestone.mitigated_provisionally",
            at=now,
            actor=actor,
            text=f"Harm signal clean since {utc_text(clean_since)}; TTM stops there if it stays so",
            payload={"clean_since": clean_since.isoformat(), "containment": by},
        )
        return self.changed(milestones=self.milestones.stamped(MilestoneName.MITIGATED, stone)), fact

    def harm_stop_confirmed(self, now: Instant, actor: Actor) -> tuple[Self, Fact]:
        """Return it mitigated for good: the clean window has passed.

        Raises:
            InvalidTransition: No clean window was running.
        """
        stone = self.milestones.mitigated
        if stone is None or not stone.provisional:
            raise InvalidTransition(f"{self.label} has no clean window to confirm.")
        stones = self.milestones.changed(mitigated=stone.changed(provisional=False))
        fact = Fact(
            kind="milestone.mitigated",
            at=now,
            actor=actor,
            text=f"Mitigated at {utc_text(stone.at)}: {stone.note}",
            payload={"at": stone.at.isoformat(), "basis": stone.basis.value},
        )
        return self.changed(milestones=stones), fact

    def harm_returned(self, now: Instant, actor: Actor, note: str) -> tuple[Self, Fact]:
        """Return it with a provisional mitigation withdrawn."""
        fact = Fact(kind="milestone.mitigation_withdrawn", at=now, actor=actor, text=f"The clean window broke: {note}")
        return self.changed(milestones=self.milestones.cleared(MilestoneName.MITIGATED)), fact

    def attested_mitigated(self, evidence: str, actor: Actor, at: Instant) -> tuple[Self, Fact]:
        """Return it mitigated on a person's word.

        Raises:
            BadCommand: No evidence was given.
            InvalidTransition: It is mitigated or resolved already.
        """
        self._require_open()
        if is_blank(evidence):
            raise BadCommand("Say what shows that the harm stopped: `/incident mitigated <evidence>`")
        if self.milestones.mitigated and not self.milestones.mitigated.provisional:
            raise InvalidTransition(f"{self.label} is mitigated already.")
        mitigated = self.milestones.not_before_others(MilestoneName.MITIGATED, at)
        stone = Milestone(at=mitigated, basis=Basis.ATTESTED, note=evidence.strip())
        fact = Fact(
            kind="milestone.mitigated",
            at=at,
            actor=actor,
            text=f"Attested that the harm stopped: {evidence.strip()}",
            payload={"at": mitigated.isoformat(), "basis": Basis.ATTESTED.value},
        )
        return self.changed(milestones=self.milestones.stamped(MilestoneName.MITIGATED, stone)), fact

    def resolved(self, actor: Actor, at: Instant) -> tuple[Self, Fact]:
        """Return it resolved.

        Raises:
            InvalidTransition: It is resolved already, or the harm has not been shown to have stopped.
        """
        if not self.is_open:
            raise InvalidTransition(f"{self.label} is resolved already.")
        mitigated = self.milestones.mitigated
        if mitigated is None:
            raise InvalidTransition(
                f"{self.label} is not mitigated: contain it and let the harm signal stay clean, or say what shows that "
                "the harm stopped with `/incident mitigated <evidence>`."
            )
        if mitigated.provisional:
            raise InvalidTransition(
                f"{self.label} is mitigated only provisionally: its clean window has not passed yet. Wait for it, or "
                "say what shows that the harm stopped with `/incident mitigated <evidence>`."
            )
        ended = self.milestones.not_before_others(MilestoneName.RESOLVED, at)
        stones = self.milestones.stamped(MilestoneName.RESOLVED, Milestone(at=ended, basis=Basis.OBSERVED))
        fact = Fact(kind="milestone.resolved", at=at, actor=actor, text="Resolved")
        return self.changed(milestones=stones), fact

    def redacted(self, at: Instant) -> Self:
        """Return it without what people wrote; severity, instants and who led it stay.

        Raises:
            InvalidTransition: It is open: responders need the words.
        """
        if self.is_open:
            raise InvalidTransition(f"{self.label} is open, so nothing of it is erased.")
        return self.changed(
            title=ERASED,
            severity_reason=ERASED if self.severity_reason else "",
            milestones=self.milestones.redacted(),
            redacted_at=at,
        )


def slug(title: str) -> str:
    """Return a title as part of a channel name: lower-case ASCII letters, digits, hyphens; whole words, at most 40."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")
    if len(words) <= _MAX_SLUG:
        return words
    whole, _, _ = words[: _MAX_SLUG + 1].rpartition("-")
    return whole or words[:_MAX_SLUG]


def opened(  # noqa: PLR0913 - everything an incident is born with
    *,
    incident_id: IncidentId,
    number: int,
    kind: IncidentKind,
    title: str,
    system_id: str | None,
    classification: Classification,
    detected_at: Instant,
    actor: Actor,
    why: str,
    at: Instant,
) -> tuple[Incident, Fact]:
    """Return a new incident: detected and declared, its start unknown."""
    stones = Milestones(
        detected=Milestone(at=min(detected_at, at), basis=Basis.OBSERVED),
        declared=Milestone(at=at, basis=Basis.OBSERVED),
    )
    incident = Incident(
        id=incident_id,
        number=number,
        kind=kind,
        title="Untitled incident" if is_blank(title[:MAX_TITLE]) else title[:MAX_TITLE].strip(),
        system_id=system_id,
        classification=classification,
        severity=classification.severity,
        opened_by=actor,
        opened_why=why,
        milestones=stones,
    )
    fact = Fact(
        kind="incident.declared",
        at=at,
        actor=actor,
        text=f"Declared {classification.severity.label}: {why}",
        payload={
            "severity": classification.severity.value,
            "failure_mode": classification.failure_mode,
            "rules": [rule.id for rule in classification.rules],
            "detected_at": detected_at.isoformat(),
        },
    )
    return incident, fact
