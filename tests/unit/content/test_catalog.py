"""Which system an alert's labels select."""

from datetime import timedelta

import pytest

from bot.content import Catalog
from bot.domain.policy import ApprovalRule, BreakGlass, Groups, LevelRule, Policy
from bot.domain.runbook import Level
from bot.domain.system import System
from tests.builders import deadlines, retention, rubric

POLICY = Policy(
    version=1,
    groups=Groups(responders="responders", leads="leads"),
    plan_expires_after=timedelta(minutes=15),
    break_glass=BreakGlass(after=timedelta(minutes=5)),
    levels={level: LevelRule(approval=ApprovalRule.NONE, longest=timedelta(days=1)) for level in Level},
)


def system(name: str, **match: list[str]) -> System:
    return System(id=name, title=name, tier=2, owners="owners", match=match)


def catalog(*systems: System) -> Catalog:
    return Catalog(
        playbooks={},
        runbooks={},
        systems={each.id: each for each in systems},
        policy=POLICY,
        retention=retention(),
        rubric=rubric(),
        deadlines=deadlines(),
    )


@pytest.mark.parametrize(
    ("labels", "selected"),
    [
        ({"service": "chat"}, "chat"),
        ({"service": "chat", "region": "us"}, "chat"),
        ({"service": "chat", "region": "eu"}, "chat-eu"),
        ({"service": "search"}, "search"),
        ({"service": "Chat"}, None),
        ({"region": "eu"}, None),
        ({}, None),
    ],
)
def test_the_system_that_matches_most_labels_is_selected(labels: dict[str, str], selected: str | None) -> None:
    content = catalog(
        system("chat", service=["chat"]),
        system("chat-eu", service=["chat"], region=["eu"]),
        system("search", service=["search", "retrieval"]),
    )

    found = content.system_for(labels)

    assert (found.id if found else None) == selected


def test_an_alert_that_two_systems_claim_equally_selects_none() -> None:
    content = catalog(system("by-service", service=["chat"]), system("by-model", model=["large"]))

    assert content.system_for({"service": "chat", "model": "large"}) is None
