"""Whatever comes through a door of Slack's: no error of ours, no change by what is not valid, an answer who waits."""

import json
import logging
import shutil
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from bot.slack.buttons import BUTTONS
from bot.slack.envelopes import Unreadable, admitted, refusal
from bot.slack.modals import FORMS, SUBMISSIONS
from bot.slack.values import AlertRef, IncidentRef, PlanRef, RunbookRef
from bot.slack.views.modals import (
    BREAK_GLASS_SUBMIT,
    CONFIRM_SUBMIT,
    EXTEND_SUBMIT,
    KEEP_SUBMIT,
    PLAN_SUBMIT,
    SKIP_SUBMIT,
    UNDO_SUBMIT,
    WITHOUT_EVIDENCE_SUBMIT,
    undo_form,
)
from bot.workspace.dispatch import Kind
from tests.builders import CONTAINMENT_ID, Clock, containment, group
from tests.contract.slack_edge import Edge, Rows, edge
from tests.effort import examples
from tests.hostile import ANY_JSON, TEXTS, as_json, spoiled
from tests.responders import COMMANDER, NEWCOMER, OWNER, RESPONDER, ROLL_BACK, SWITCH_OFF

ANSWERS = "https://answers.invalid/"
CHANNEL = "C0INCIDENT"
# What each button and form of the story carries; a word stands for it in what is thought up.
CARRIED = {
    "alert.declare": "an alert",
    "alert.dismiss": "an alert",
    "incident.lead": "an incident",
    "containment.approve": "waiting",
    "containment.decline": "waiting",
    "containment.break_glass": "waiting",
    "containment.retry": "in force",
    "containment.again": "in force",
    "containment.undo": "in force",
    "containment.extend": "in force",
    "containment.skip": "in force",
    "containment.keep": "in force",
    "containment.confirm": "in force",
    "containment.go_without_evidence": "in force",
    "runbook.plan": "a runbook",
    PLAN_SUBMIT: "a runbook",
    UNDO_SUBMIT: "in force",
    EXTEND_SUBMIT: "in force",
    SKIP_SUBMIT: "in force",
    KEEP_SUBMIT: "in force",
    WITHOUT_EVIDENCE_SUBMIT: "in force",
    BREAK_GLASS_SUBMIT: "waiting",
    CONFIRM_SUBMIT: "in force",
}
WRITING_VERBS = ["declare", "severity", "lead", "mitigated", "resolve", "token"]


@dataclass(frozen=True)
class Story:
    """An incident with a containment in force and a plan that waits, an alert, and what buttons carry of them."""

    edge: Edge
    state: Rows
    carried: dict[str, str]


@pytest.fixture
async def story(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Story]:
    async with edge(Path(shutil.copy(migrated_sqlite, tmp_path / "stanch.sqlite")), Clock()) as on:
        team = on.team
        incident = await team.alerted()
        in_force = await team.approved(await team.planned(incident, SWITCH_OFF))
        await team.carried_out(in_force)
        waiting = await team.planned(incident, ROLL_BACK)
        alone = group(key="alone", failure_mode=None)
        async with team.store.begin() as tx:
            await tx.incidents.set_channel(incident.id, CHANNEL)
            await tx.alerts.put_groups(alone)
        carried = {
            "an alert": AlertRef(group=alone.id).text,
            "an incident": IncidentRef(incident=incident.id).text,
            "in force": PlanRef(containment=in_force.id, fingerprint=in_force.plan.fingerprint).text,
            "waiting": PlanRef(containment=waiting.id, fingerprint=waiting.plan.fingerprint).text,
            "a runbook": RunbookRef(incident=incident.id, runbook=ROLL_BACK.runbook).text,
        }
        yield Story(on, on.state(), carried)


USERS = st.sampled_from([each.id for each in (COMMANDER, RESPONDER, OWNER, NEWCOMER)])
REST = st.sampled_from(["", "sev1 because of it", "INC-1 the logs are clean", "INC-999999999", "sev9"]) | TEXTS
COMMANDS = st.fixed_dictionaries(
    {
        "command": st.sampled_from(["/incident", "/incidents"]),
        "text": st.builds(
            "{} {}".format,
            st.sampled_from([*WRITING_VERBS, "list", "status", "contain", "timeline", "help", "?"]),
            REST,
        ),
        "user_id": USERS,
        "channel_id": st.sampled_from([CHANNEL, "C0GENERAL"]),
        "trigger_id": st.just("1.2.command"),
        "response_url": st.just(ANSWERS),
        "team_id": st.just("T1"),
    }
)


def carrying(names: Iterable[str]) -> st.SearchStrategy[tuple[str, str]]:
    """Draw a button or a form with what it carries, or any with anything."""
    own = st.sampled_from([(name, CARRIED[name]) for name in names])
    anything = st.sampled_from([*CARRIED.values()]) | TEXTS | ANY_JSON.map(lambda each: as_json(each).decode("latin-1"))
    return own | own | st.tuples(st.sampled_from([*names, "of.another.year"]), anything)


PRESSES = st.builds(
    lambda user, pressed: {
        "type": "block_actions",
        "user": {"id": user, "team_id": "T1"},
        "channel": {"id": CHANNEL, "name": "inc"},
        "trigger_id": "1.2.press",
        "response_url": ANSWERS,
        "actions": [{"type": "button", "block_id": "b", "action_id": pressed[0], "value": pressed[1]}],
    },
    USERS,
    carrying([*BUTTONS, *FORMS]),
)
STATES = st.fixed_dictionaries(
    {
        "reason": st.fixed_dictionaries({"value": st.fixed_dictionaries({"value": st.just("because of it") | TEXTS})}),
        "duration": st.fixed_dictionaries(
            {"value": st.just({"selected_option": {"text": {"type": "plain_text", "text": "1 h"}, "value": "3600"}})}
        ),
        "input_variation": st.just({"value": {"selected_option": {"value": "v41"}}}),
    }
)
FORM = undo_form(containment(), PlanRef(containment=CONTAINMENT_ID, fingerprint="0" * 64)).to_dict()
# Slack names every block that has no name of its own.
BLOCKS = [{"block_id": f"b{place}", **block} for place, block in enumerate(FORM["blocks"])]
SUBMITTED = st.builds(
    lambda user, form, values: {
        "type": "view_submission",
        "user": {"id": user},
        "view": {
            **FORM,
            "blocks": BLOCKS,
            "id": "V1",
            "hash": "1.abc",
            "callback_id": form[0],
            "private_metadata": form[1],
            "state": {"values": values},
        },
    },
    USERS,
    carrying(SUBMISSIONS),
    STATES,
)
OTHERS = st.sampled_from(
    [
        {"type": "view_closed", "user": {"id": "U1"}, "view": {"callback_id": "undo.submit"}, "is_cleared": False},
        {"type": "shortcut", "user": {"id": "U1"}, "callback_id": "x", "trigger_id": "1.2.s"},
        {"type": "message_action", "user": {"id": "U1"}, "callback_id": "x", "trigger_id": "1.2.m", "message": {}},
        {"type": "block_suggestion", "user": {"id": "U1"}, "action_id": "x", "value": ""},
        {"type": "interactive_message", "callback_id": "x", "actions": [{}], "response_url": ANSWERS},
        {"type": "event_callback", "event_id": "Ev1", "event": {"type": "message", "subtype": "message_changed"}},
        {"type": "event_callback", "event_id": "Ev2", "event": {"type": "app_mention", "user": "U1", "text": "x"}},
        {"type": "url_verification", "challenge": "abc", "token": "x"},
        {"ssl_check": "1", "token": "x"},
    ]
)
HONEST = st.one_of(COMMANDS, PRESSES, SUBMITTED, OTHERS)


def encoded(sent: object, story: Story) -> bytes:
    """Return what was thought up as JSON, with what its buttons really carry and where answers really go."""
    body = as_json(sent)
    for name, value in story.carried.items():
        for place in ("value", "private_metadata"):
            body = body.replace(f'"{place}": "{name}"'.encode(), f'"{place}": {json.dumps(value)}'.encode())
    return body.replace(ANSWERS.encode(), story.edge.slack.answers.encode())


def may_act(sent: Any, story: Story) -> bool:
    """Return whether a request has all that a request needs that changes something."""
    match sent:
        case {"command": "/incident", "text": str(text), "user_id": str(), "channel_id": str(), "trigger_id": str()}:
            return text.split()[0] in WRITING_VERBS
        case {"type": "block_actions", "user": {"id": str()}, "trigger_id": str(), "actions": [{"value": value}, *_]}:
            return value in story.carried.values()
        case {"type": "view_submission", "user": {"id": str()}, "view": {"private_metadata": value}}:
            return value in story.carried.values()
        case _:
            return False


def posted(sent: object, body: bytes) -> tuple[bytes, str]:
    """Return a request as Slack posts it: a command as a form, an event as JSON, all else as a form with JSON in it."""
    match sent:
        case {"command": _} | {"ssl_check": _}:
            return urlencode(sent, errors="replace").encode(), "application/x-www-form-urlencoded"
        case {"type": "event_callback" | "url_verification"}:
            return body, "application/json"
        case _:
            return urlencode({"payload": body}).encode(), "application/x-www-form-urlencoded"


def kind_of(sent: object) -> str:
    """Return a word for statistics."""
    match sent:
        case {"command": _}:
            return "command"
        case {"type": "block_actions" | "view_submission" as kind}:
            return str(kind)
        case _:
            return "other"


def check_answer(sent: Any, answer: Any, on: Edge, *, changed: bool) -> None:
    """A person who waits is told something: in the response, in the form, below the message, or by Slack's own mark."""
    match sent:
        case {"command": str()}:
            assert answer.get("text") or answer.get("blocks")
        case {"type": "view_submission"} if not changed:
            assert answer["response_action"] == "update"
        case {"type": "block_actions", "response_url": on.slack.answers} if not changed:
            assert on.slack.told or answer is None or "error" in answer


LENIENT = list(HealthCheck)


@settings(max_examples=examples(60), suppress_health_check=LENIENT)
@given(HONEST | HONEST | spoiled(HONEST) | spoiled(HONEST) | ANY_JSON, st.booleans())
async def test_whatever_slack_sends_through_a_door_is_answered_and_changes_nothing_unless_valid(
    story: Story,
    caplog: pytest.LogCaptureFixture,
    sent: object,
    over_http: bool,  # noqa: FBT001 - drawn
) -> None:
    caplog.clear()
    on, body = story.edge, encoded(sent, story)
    on.restore(story.state)
    read = read_json(body)
    if over_http:
        raw, kind = posted(read, body)
        response = await on.post(raw, kind)
        assert response.status_code in {200, 400}
        answer = response.json() if response.content else {}
    elif isinstance(read, dict):
        kind = Kind.COMMAND if "command" in read else Kind.INTERACTION
        answer = await on.deliver(kind, read, refused=refusal(read).status == 400 and not is_admitted(read))
    else:
        return
    changed = on.state() != story.state
    event(f"{kind_of(read)} {'acted' if changed else 'changed nothing'}")
    assert not changed or may_act(read, story)
    check_answer(read, answer, on, changed=changed)
    assert errors(caplog) == []


@settings(max_examples=examples(20), suppress_health_check=LENIENT)
@given(
    st.binary() | ANY_JSON.map(as_json),
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain; charset=none", ""]),
)
async def test_no_signed_body_breaks_the_door(
    story: Story, caplog: pytest.LogCaptureFixture, body: bytes, kind: str
) -> None:
    caplog.clear()
    on = story.edge
    on.restore(story.state)
    for raw in (body, b"payload=" + body, urlencode({"payload": body}).encode(), b"{" + body):
        response = await on.post(raw, kind)
        assert response.status_code in {200, 400, 409}
    assert on.state() == story.state
    assert errors(caplog) == []


def test_the_story_has_something_for_every_button_and_form() -> None:
    assert set(CARRIED) == {*BUTTONS, *FORMS, *SUBMISSIONS}


def is_admitted(sent: object) -> bool:
    try:
        return bool(admitted(sent))
    except Unreadable:
        return False


def read_json(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        return None


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
