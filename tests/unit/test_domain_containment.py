"""A plan's identity and the states of a containment."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from bot.domain.change import difference
from bot.domain.containment import ContainmentState, StepState
from bot.domain.severity import Severity
from bot.errors import InvalidTransition
from tests.builders import NOW, approval, change, containment, plan


@pytest.mark.parametrize(
    "changed",
    [
        {"severity": Severity.SEV1},
        {"policy_version": 2},
        {"duration": timedelta(hours=5)},
        {"changes": (change(after={"enabled": "maybe"}),)},
        {"reason": "another"},
        {"expires_at": NOW + timedelta(days=1)},
        {"inputs": {"variation": "v1"}},
    ],
)
def test_the_fingerprint_covers_everything_that_people_approve(changed: dict[str, object]) -> None:
    assert plan().changed(**changed).fingerprint != plan().fingerprint


def test_a_plan_survives_storage_with_the_same_fingerprint() -> None:
    stored = plan().model_dump(mode="json")
    assert type(plan()).model_validate(stored).fingerprint == plan().fingerprint


def test_a_plan_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        plan().severity = Severity.SEV1  # type: ignore[misc]


def test_a_state_follows_only_from_those_before_it() -> None:
    approved = containment().moved(ContainmentState.APPROVED)
    with pytest.raises(InvalidTransition, match="C-1 is approved; it cannot become verified"):
        approved.moved(ContainmentState.VERIFIED)


@pytest.mark.parametrize("state", [ContainmentState.FAILED, ContainmentState.IN_DOUBT])
def test_what_was_refused_or_stopped_is_not_approved_by_itself(state: ContainmentState) -> None:
    with pytest.raises(InvalidTransition, match="cannot become approved"):
        containment(state=state).moved(ContainmentState.APPROVED)


@pytest.mark.parametrize("state", [state for state in ContainmentState if state is not ContainmentState.PROPOSED])
def test_only_an_open_plan_takes_decisions(state: ContainmentState) -> None:
    with pytest.raises(InvalidTransition, match="already"):
        containment(state=state).decided(approval())


def test_what_was_attempted_counts_as_in_force() -> None:
    assert not containment().is_in_force
    attempted = containment().with_progress(0, state=StepState.ATTEMPTED)
    assert attempted.is_in_force
    assert not attempted.changed(state=ContainmentState.UNDONE).is_in_force


def test_a_difference_names_every_leaf_that_differs() -> None:
    before = {"enabled": True, "strategies": {"1": {"rollout": "100", "kept": 1}}, "gone": 3}
    after = {"enabled": False, "strategies": {"1": {"rollout": "10", "kept": 1}}, "new": {"a": 1}}
    assert difference(before, after) == [
        ("enabled", "on", "off"),
        ("gone", "3", "(absent)"),
        ("new", "(absent)", "{'a': 1}"),
        ("strategies.1.rollout", "100", "10"),
    ]


def test_taking_a_change_back_swaps_before_and_after() -> None:
    reverted = change().reverted()
    assert (reverted.before, reverted.after) == (change().after, change().before)
    assert reverted.target_key == change().target_key
