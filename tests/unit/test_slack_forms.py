"""Modals as Slack gets them: what they ask, what they offer, and what stays when they are shown again."""

from datetime import timedelta

import pytest
from slack_sdk.models.views import View
from syrupy.assertion import SnapshotAssertion

from bot.domain.containment import ContainmentState
from bot.domain.values import JsonObject
from bot.slack.values import PlanRef, RunbookRef
from bot.slack.views.modals import break_glass_form, extend_form, message_view, plan_form, shown_again, undo_form
from tests import builders
from tests.unit.slack_views import (
    Snapshots,
    form_of,
    in_force,
    opened,
)


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Snapshots)


def test_the_form_of_a_runbook(snapshot: SnapshotAssertion) -> None:
    assert opened(plan_form(form_of(), RunbookRef(incident=builders.INCIDENT_ID, runbook="x"))) == snapshot


def test_a_form_offers_at_most_what_a_menu_holds_and_says_so() -> None:
    choices = {"variation": [f"v{number}" for number in range(150)] + ["", "x" * 200]}
    view = opened(plan_form(form_of(choices=choices), RunbookRef(incident=builders.INCIDENT_ID, runbook="x")))
    assert "The first 100 of 150 are offered" in str(view)


def test_a_target_that_offers_nothing_is_said_in_the_form() -> None:
    view = opened(plan_form(form_of(choices={}), RunbookRef(incident=builders.INCIDENT_ID, runbook="x")))
    assert "offers nothing to choose from" in str(view)


def returned(view: JsonObject, values: JsonObject) -> JsonObject:
    """A form as Slack returns it: every block has a name."""
    blocks = [{"block_id": f"b{place}", **block} for place, block in enumerate(view["blocks"])]
    return {**view, "blocks": blocks, "state": {"values": values}}


def test_a_form_that_is_shown_again_keeps_what_was_entered_and_one_problem() -> None:
    ref = RunbookRef(incident=builders.INCIDENT_ID, runbook="x")
    submitted = opened(plan_form(form_of(), ref))
    option = {"text": {"type": "plain_text", "text": "v40"}, "value": "v40"}
    values = {"input_variation": {"value": {"selected_option": option}}, "reason": {"value": {"value": "harm"}}}
    again = shown_again(returned(submitted, values), "first problem")
    again = shown_again(returned(again, values), "second problem")
    assert opened(View(**again))
    text = str(again)
    assert "first problem" not in text
    assert "second problem" in text
    blocks = {block["block_id"]: block for block in again["blocks"]}
    assert blocks["reason"]["element"]["initial_value"] == "harm"
    assert blocks["input_variation"]["element"]["initial_option"]["value"] == "v40"
    assert again["private_metadata"] == ref.text


def test_the_forms_of_a_containment_fit_slack() -> None:
    contained = in_force(ContainmentState.VERIFIED)
    ref = PlanRef(containment=contained.id, fingerprint=contained.plan.fingerprint)
    for view in (
        undo_form(contained, ref),
        extend_form(contained, [timedelta(hours=1), timedelta(days=1)], ref),
        break_glass_form(contained, ref),
        message_view("One moment", "Reading…"),
    ):
        assert opened(view)["close"]["text"] in {"Cancel", "Close"}
