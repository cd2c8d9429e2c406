"""Values for tests of views, and what becomes of a view when it is sent: it has passed Slack's checks."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from slack_sdk.models.views import View
from syrupy.extensions.json import JSONSnapshotExtension
from syrupy.location import PyTestLocation

from bot.domain.clocks import time_to_detect, time_to_mitigate
from bot.domain.containment import Containment, ContainmentState, Progress, StepState
from bot.domain.incident import Incident
from bot.domain.policy import ApprovalRule, BreakGlass, Groups, LevelRule, Policy
from bot.domain.role import Role
from bot.domain.runbook import ChoiceInput, End, Level, LiveChoiceInput, Runbook, Step, TextInput
from bot.services.board import ContainmentView, IncidentView
from bot.services.planning import Form
from bot.slack.views.card import Card
from bot.workspace.blocks import check_blocks
from tests import builders
from tests.builders import COMMANDER, NOW

HOSTILE = ("<!channel> <@U0OWNER> &amp; *b* ```x``` \u202e\u200b\x00 :bomb: " * 1_000)[:40_000]


class Snapshots(JSONSnapshotExtension):
    """Keeps snapshots in one folder for all tests."""

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(Path(test_location.filepath).parents[1] / "snapshots" / test_location.basename)


def policy() -> Policy:
    def rule(level: Level) -> LevelRule:
        approval = ApprovalRule.LEAD_AND_OWNER if level is Level.L7 else ApprovalRule.LEAD
        return LevelRule(approval=approval if level.rank >= 5 else ApprovalRule.NONE, longest=timedelta(days=1))

    return Policy(
        version=1,
        groups=Groups(responders="incident-responders", leads="incident-leads"),
        plan_expires_after=timedelta(minutes=15),
        break_glass=BreakGlass(after=timedelta(minutes=5)),
        levels={level: rule(level) for level in Level},
    )


def runbook(**fields: Any) -> Runbook:
    defaults: dict[str, Any] = {
        "id": "roll-the-prompt-back",
        "version": 1,
        "title": "Roll the prompt back",
        "summary": "Serve an earlier prompt version to everyone.",
        "inputs": {"variation": LiveChoiceInput(type="live_choice", label="Prompt version", of_step="serve")},
        "steps": [Step(id="serve", action="unleash.roll_back_variation", level=Level.L5, target="prompt")],
        "harm_signal": "harm_rate",
        "ends": End(after=timedelta(hours=4), at_most=timedelta(hours=24)),
        "expected_effect": "New answers come from the chosen version.",
        "risk_if_wrong": "Users lose what the newer prompt improved.",
    }
    return Runbook(**(defaults | fields))


def incident_view(incident: Incident | None = None, **fields: Any) -> IncidentView:
    incident = incident or builders.incident(commander=COMMANDER)
    at = NOW + timedelta(minutes=6)
    defaults: dict[str, Any] = {
        "incident": incident,
        "system": builders.system(),
        "playbook": None,
        "groups": (builders.group(),),
        "containments": (),
        "runbooks": (runbook(),),
        "ttd": time_to_detect(incident.milestones, incident.severity),
        "ttm": time_to_mitigate(incident.milestones, incident.severity, at),
        "at": at,
    }
    return IncidentView(**(defaults | fields))


def containment_view(containment: Containment, **fields: Any) -> ContainmentView:
    defaults: dict[str, Any] = {
        "containment": containment,
        "incident": builders.incident(),
        "system": builders.system(),
        "missing": (Role.LEAD,) if containment.state is ContainmentState.PROPOSED else (),
        "needs_approval": True,
        "break_glass_open": False,
        "of": None,
        "at": NOW + timedelta(minutes=6),
    }
    return ContainmentView(**(defaults | fields))


def in_force(state: ContainmentState, **fields: Any) -> Containment:
    done = Progress(state=StepState.VERIFIED, attempts=1, attempted_at=NOW, applied_at=NOW, verified_at=NOW)
    defaults: dict[str, Any] = {
        "state": state,
        "approvals": (builders.approval(),),
        "progress": (done,),
        "applied_at": NOW + timedelta(minutes=2),
        "ends_at": NOW + timedelta(hours=4),
        "last_reading": 0.08,
        "clean_since": NOW + timedelta(minutes=3),
    }
    return builders.containment(**(defaults | fields))


def sent(card: Card) -> dict[str, Any]:
    """Return a card as it is sent, after Slack's checks."""
    blocks = [block.to_dict() for block in card.blocks]
    assert check_blocks(blocks, "/blocks", 50) == []
    assert 0 < len(card.text) <= 3_000
    assert "<@" not in card.text
    return {"text": card.text, "blocks": blocks}


def markup_of(node: Any) -> list[str]:
    """Return every text that Slack reads as markup."""
    if isinstance(node, list):
        return [text for each in node for text in markup_of(each)]
    if not isinstance(node, dict):
        return []
    if node.get("type") == "mrkdwn":
        return [str(node["text"])]
    return [text for each in node.values() for text in markup_of(each)]


def opened(view: View) -> dict[str, Any]:
    sent = view.to_dict()
    assert check_blocks(sent["blocks"], "/blocks", 100) == []
    assert len(sent["title"]["text"]) <= 24
    return dict(sent)


def text_of(card: Card) -> str:
    return str(sent(card)["blocks"])


def form_of(**fields: Any) -> Form:
    inputs = {
        "variation": LiveChoiceInput(type="live_choice", label="Prompt version", of_step="serve"),
        "note": TextInput(type="text", label="Ticket", hint="Its number"),
        "scope": ChoiceInput(type="choice", label="Where", options=["everywhere", "one region"]),
    }
    defaults: dict[str, Any] = {
        "runbook": runbook(inputs=inputs),
        "system": builders.system(),
        "choices": {"variation": ["v41", "v40"]},
        "durations": [timedelta(hours=1), timedelta(hours=4), timedelta(hours=24)],
    }
    return Form(**(defaults | fields))
