"""Domain values for tests, with sensible defaults; name only what a test is about.

All instants lie around `NOW`. A value that other values refer to (an incident, a group) has the same id wherever it is
defaulted, so that defaults fit together.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.domain.actor import Actor, person
from bot.domain.alert import Alert, AlertGroup, AlertRecord, AlertStatus
from bot.domain.change import Change, Guard
from bot.domain.classification import Classification, FiredRule
from bot.domain.containment import Containment, Progress
from bot.domain.deadline import DeadlineRules
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident, IncidentKind
from bot.domain.milestones import Basis, Milestone, Milestones
from bot.domain.plan import Approval, Plan, PlanKind
from bot.domain.remediation import Remediation
from bot.domain.retention import Periods, RetentionPolicy
from bot.domain.role import Role
from bot.domain.rubric import Rubric
from bot.domain.runbook import Level
from bot.domain.severity import Severity
from bot.domain.system import HarmSignal, System, Target
from bot.domain.timeline import Fact
from bot.domain.timer import Timer
from bot.domain.token import Token
from bot.domain.values import AlertGroupId, ContainmentId, EvidenceId, IncidentId, RemediationId
from bot.services.ports import Transaction

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

COMMANDER: Actor = person("U0COMMANDER")
RESPONDER: Actor = person("U0RESPONDER")
OWNER: Actor = person("U0OWNER")

INCIDENT_ID = IncidentId("incident-1")
GROUP_ID = AlertGroupId("group-1")
CONTAINMENT_ID = ContainmentId("containment-1")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> datetime:
        self.at += by
        return self.at


def observed(at: datetime = NOW) -> Milestone:
    return Milestone(at=at, basis=Basis.OBSERVED)


def classification(**fields: Any) -> Classification:
    defaults: dict[str, Any] = {
        "failure_mode": "harmful-content",
        "failure_mode_title": "Harmful content",
        "severity": Severity.SEV2,
        "rules": (FiredRule(id="harmful-content-base", severity=Severity.SEV2, because="it starts at Sev-2"),),
    }
    return Classification(**(defaults | fields))


def incident(**fields: Any) -> Incident:
    defaults: dict[str, Any] = {
        "id": INCIDENT_ID,
        "number": 1,
        "kind": IncidentKind.LIVE,
        "title": "Support assistant gives harmful advice",
        "system_id": "support-assistant",
        "classification": classification(),
        "severity": Severity.SEV2,
        "opened_by": COMMANDER,
        "opened_why": "a customer reported it",
        "milestones": Milestones(detected=observed(NOW - timedelta(minutes=4)), declared=observed()),
    }
    return Incident(**(defaults | fields))


def alert(**fields: Any) -> Alert:
    defaults: dict[str, Any] = {
        "source": "alertmanager",
        "fingerprint": "f1",
        "group_key": '{alertname="HarmfulAnswers"}',
        "status": AlertStatus.FIRING,
        "title": "HarmfulAnswers",
        "labels": {"system": "support-assistant", "severity": "critical"},
        "started_at": NOW - timedelta(minutes=5),
        "received_at": NOW,
        "url": "https://alerts.example.com/1",
    }
    return Alert(**(defaults | fields))


def group(**fields: Any) -> AlertGroup:
    defaults: dict[str, Any] = {
        "id": GROUP_ID,
        "key": "known:harmful-content",
        "source": "alertmanager",
        "title": "HarmfulAnswers",
        "system_id": "support-assistant",
        "failure_mode": "harmful-content",
        "firing": 1,
        "received": 1,
        "first_at": NOW,
        "last_at": NOW,
    }
    return AlertGroup(**(defaults | fields))


async def keep(tx: Transaction, delivery: Alert, group_id: AlertGroupId) -> bool:
    """Store a delivery as intake does; return whether it said something new."""
    known = (await tx.alerts.records([delivery.key])).get(delivery.key)
    if known is None:
        await tx.alerts.add([AlertRecord.first(delivery, group_id)])
        return True
    record, is_news = known.received(delivery, group_id)
    await tx.alerts.save([record])
    return is_news


async def group_of_episode(tx: Transaction, delivery: Alert) -> AlertGroupId | None:
    """Return the group of the stored firing that a delivery repeats or resolves."""
    known = (await tx.alerts.records([delivery.key])).get(delivery.key)
    return known.group_id if known is not None and known.holds_episode_of(delivery) else None


def signal(**fields: Any) -> HarmSignal:
    defaults: dict[str, Any] = {
        "connection": "prometheus",
        "query": "sum(rate(harmful_answers_total[1m])) * 60",
        "below": 0.5,
        "unit": "harmful answers a minute",
        "every": "10s",
        "window": "30s",
        "give_up_after": "10m",
        "look_back": "2h",
    }
    return HarmSignal(**(defaults | fields))


def system(**fields: Any) -> System:
    defaults: dict[str, Any] = {
        "id": "support-assistant",
        "title": "Support assistant",
        "tier": 1,
        "match": {"system": ["support-assistant"]},
        "owners": "support-assistant-owners",
        "targets": {
            "answers": Target(
                connection="unleash",
                ref={"project": "default", "environment": "production", "flag": "assistant-answers"},
            )
        },
        "signals": {"harmful_answers": signal()},
    }
    return System(**(defaults | fields))


def change(**fields: Any) -> Change:
    defaults: dict[str, Any] = {
        "step": "switch_off",
        "level": Level.L6,
        "action": "unleash.switch_off",
        "connection": "unleash",
        "ref": {"project": "default", "environment": "production", "flag": "assistant-answers"},
        "before": {"enabled": True},
        "after": {"enabled": False},
        "summary": "Switch assistant-answers off in production",
        "blast_radius": ("everybody in production",),
        "reversible": True,
        "guard": Guard.REREAD,
    }
    return Change(**(defaults | fields))


def plan(**fields: Any) -> Plan:
    defaults: dict[str, Any] = {
        "kind": PlanKind.APPLY,
        "incident_id": INCIDENT_ID,
        "runbook": "switch-feature-off",
        "runbook_version": 1,
        "title": "Switch a feature off",
        "system_id": "support-assistant",
        "inputs": {},
        "changes": (change(),),
        "level": Level.L6,
        "severity": Severity.SEV2,
        "policy_version": 1,
        "signal_name": "harmful_answers",
        "signal": signal(),
        "duration": timedelta(hours=4),
        "reason": "harmful answers keep coming",
        "expected_effect": "nobody gets an answer from the assistant",
        "risk_if_wrong": "support waits longer",
        "requested_by": RESPONDER,
        "requested_at": NOW,
        "expires_at": NOW + timedelta(minutes=15),
    }
    return Plan(**(defaults | fields))


def approval(**fields: Any) -> Approval:
    """An approval of the default plan."""
    defaults: dict[str, Any] = {
        "fingerprint": plan().fingerprint,
        "actor": COMMANDER,
        "roles": frozenset({Role.LEAD}),
        "at": NOW + timedelta(minutes=1),
    }
    return Approval(**(defaults | fields))


def containment(**fields: Any) -> Containment:
    """A proposed containment; its progress has one entry for each change of its plan unless given."""
    planned = fields.get("plan", plan())
    defaults: dict[str, Any] = {
        "id": CONTAINMENT_ID,
        "number": 1,
        "plan": planned,
        "progress": tuple(Progress() for _ in planned.changes),
    }
    return Containment(**(defaults | fields))


CONTENT = b'{"content":{"enabled":true}}'


def evidence(**fields: Any) -> Evidence:
    """What is known of an artefact whose content is `CONTENT`."""
    defaults: dict[str, Any] = {
        "id": EvidenceId("evidence-1"),
        "incident_id": INCIDENT_ID,
        "containment_id": CONTAINMENT_ID,
        "title": "State of the target feature at unleash",
        "kind": "target_state",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "size": len(CONTENT),
        "preserved_at": NOW,
        "preserved_by": COMMANDER,
    }
    return Evidence(**(defaults | fields))


def remediation(**fields: Any) -> Remediation:
    defaults: dict[str, Any] = {
        "id": RemediationId("remediation-1"),
        "incident_id": INCIDENT_ID,
        "containment_id": CONTAINMENT_ID,
        "number": 1,
        "title": "The retriever filters by tenant",
        "owner": OWNER,
        "due_at": NOW + timedelta(days=14),
        "opened_at": NOW,
        "opened_by": RESPONDER,
    }
    return Remediation(**(defaults | fields))


def fact(**fields: Any) -> Fact:
    defaults: dict[str, Any] = {
        "kind": "note.added",
        "at": NOW,
        "actor": RESPONDER,
        "text": "The feature owner was reached",
        "payload": {"channel": "phone"},
    }
    return Fact(**(defaults | fields))


def token(**fields: Any) -> Token:
    """A token of the responder that nobody can present: its digest is of nothing."""
    defaults: dict[str, Any] = {
        "name": "0a1b2c3d4e",
        "user_id": RESPONDER.id,
        "digest": "0" * 64,
        "issued_at": NOW,
        "expires_at": NOW + timedelta(days=30),
    }
    return Token(**(defaults | fields))


def timer(**fields: Any) -> Timer:
    defaults: dict[str, Any] = {
        "key": "plan.expire:containment-1",
        "job": "plan.expire",
        "subject": CONTAINMENT_ID,
        "due_at": NOW + timedelta(minutes=15),
    }
    return Timer(**(defaults | fields))


def retention(hold: tuple[int, ...] = (), **keep: timedelta) -> RetentionPolicy:
    """A policy in which everything that is not named is kept for ever."""
    return RetentionPolicy(version=1, keep=Periods(**keep), hold=hold)


@cache
def rubric() -> Rubric:
    """The rubric that is shipped."""
    return Rubric.model_validate(_shipped("severity"))


@cache
def deadlines() -> DeadlineRules:
    """The deadlines that are shipped."""
    return DeadlineRules.model_validate(_shipped("deadlines"))


def _shipped(name: str) -> Any:
    file = Path(__file__).parents[1] / f"playbooks/rules/{name}.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))
