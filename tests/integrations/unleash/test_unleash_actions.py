"""What the plans of the Unleash actions say, and the cases in which they refuse."""

from typing import Any

import pytest

from bot.sdk import JsonObject, Rejected, Unavailable, UserError
from tests.integrations.unleash.contract import KILL_SWITCH, NARROWED, PROMPT
from tests.integrations.unleash.simulated import SimulatedUnleash

FEATURE, KILL = "support-assistant-prompt", "support-assistant-off"
STAFF_LINE = (
    "strategy 1: flexibleRollout 'Staff first'; 100 % by userId stickiness; only where plan IN staff; "
    "variations v17 10 %, v18 90 %"
)
EVERYBODY_LINE = "strategy 2: flexibleRollout; 50 % by default stickiness; segments 1, 2; variations v17 10 %, v18 90 %"
FLAG_LINE = "environment production, flag support-assistant-prompt, project default"


def one_strategy(**fields: Any) -> JsonObject:
    environment = {"enabled": True, "strategies": [{"parameters": {"rollout": "100"}, **fields}]}
    return {"features": {FEATURE: {"environments": {"production": environment}}}}


async def test_switching_off_names_every_strategy_that_is_affected_and_the_share() -> None:
    proposal = await SimulatedUnleash().plan("switch_off", PROMPT)
    assert proposal.summary == "Switch support-assistant-prompt in production off for everybody"
    assert proposal.blast_radius == (
        FLAG_LINE,
        STAFF_LINE,
        EVERYBODY_LINE,
        "share of traffic: 100 % of those selected -> none; the strategies stay as they are",
    )
    assert proposal.after == {**proposal.before, "enabled": False}


async def test_a_rollout_is_narrowed_on_every_active_strategy_and_on_no_other() -> None:
    proposal = await SimulatedUnleash().plan("set_rollout", PROMPT, percent="10")
    rollouts = {place: each["parameters"]["rollout"] for place, each in proposal.after["strategies"].items()}
    assert rollouts == {"1": "10", "2": "10", "3": "5"}
    assert proposal.summary == "Narrow the rollout of support-assistant-prompt in production to 10 %"
    assert proposal.blast_radius[-1] == "share of traffic: 100 % of those selected -> 10 % of those selected"


async def test_a_strategy_that_is_lower_already_is_not_widened() -> None:
    proposal = await SimulatedUnleash().plan("set_rollout", PROMPT, percent=60)
    assert [each["parameters"]["rollout"] for each in proposal.after["strategies"].values()] == ["60", "50", "5"]


async def test_widening_is_refused() -> None:
    unleash = SimulatedUnleash(one_strategy(parameters={"rollout": "20"}))
    with pytest.raises(UserError, match="is at 20 % already; this only narrows"):
        await unleash.plan("set_rollout", PROMPT, percent=30)


@pytest.mark.parametrize("rollout", ["250", "x", ""])
async def test_a_rollout_that_unleash_should_not_have_taken_is_narrowed_and_restored(rollout: str) -> None:
    unleash = SimulatedUnleash(one_strategy(parameters={"rollout": rollout}))
    done = await unleash.carry_out("set_rollout", PROMPT, percent=0)
    assert unleash.environment(FEATURE)["strategies"][0]["parameters"]["rollout"] == "0"
    await unleash.action("set_rollout").apply(PROMPT, done.after, done.before, key="k")
    assert unleash.environment(FEATURE)["strategies"][0]["parameters"]["rollout"] == rollout


async def test_without_a_gradual_rollout_there_is_nothing_to_narrow() -> None:
    unleash = SimulatedUnleash(one_strategy(name="default", parameters={}))
    with pytest.raises(UserError, match="switch it off instead"):
        await unleash.plan("set_rollout", PROMPT, percent=10)


async def test_a_strategy_that_lets_everybody_in_beside_the_rollout_is_not_hidden() -> None:
    document = one_strategy()
    environment = document["features"][FEATURE]["environments"]["production"]
    environment["strategies"].append({"name": "default", "sortOrder": 1})
    proposal = await SimulatedUnleash(document).plan("set_rollout", PROMPT, percent=10)
    assert proposal.blast_radius[-1] == "share of traffic: 100 % -> 100 %"


async def test_a_rollback_gives_the_variation_to_everybody_and_keeps_what_it_carries() -> None:
    unleash = SimulatedUnleash()
    proposal = await unleash.carry_out("roll_back_variation", PROMPT, variation="v17")
    assert proposal.summary == "Roll support-assistant-prompt in production back from v18 to v17"
    variants = unleash.environment(FEATURE)["strategies"][1]["variants"]
    assert [(each["name"], each["weight"], each["weightType"]) for each in variants] == [
        ("v17", 1000, "variable"),
        ("v18", 0, "fix"),
    ]
    assert [(each["payload"]["value"], each["stickiness"]) for each in variants] == [
        ("prompt 17", "userId"),
        ("prompt 18", "userId"),
    ]


async def test_an_unknown_variation_is_refused_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"Strategy 1, 2 of .* has no such variation; choose one of: v17, v18"):
        await SimulatedUnleash().plan("roll_back_variation", PROMPT, variation="v16")
    with pytest.raises(UserError, match="has no variations"):
        await SimulatedUnleash(one_strategy()).plan("roll_back_variation", PROMPT, variation="v17")


async def test_choices_leave_out_what_is_in_use_and_put_first_what_was_in_use_before() -> None:
    third = {"name": "v16", "weight": 0, "weightType": "fix"}
    variants = [
        third,
        {"name": "v17", "weight": 0, "weightType": "fix"},
        {"name": "v18", "weight": 1000, "weightType": "variable"},
    ]
    unleash = SimulatedUnleash(one_strategy(variants=variants))
    action = unleash.action("roll_back_variation")
    assert await action.choices(PROMPT) == ["v16", "v17"]
    await unleash.carry_out("roll_back_variation", PROMPT, variation="v17")
    assert await action.choices(PROMPT) == ["v18", "v16"]
    await unleash.carry_out("roll_back_variation", PROMPT, variation="v18")
    assert await action.choices(PROMPT) == ["v17", "v16"]


async def test_choices_survive_a_history_that_cannot_be_read() -> None:
    unleash = SimulatedUnleash()
    action = unleash.action("roll_back_variation")
    assert await action.choices(PROMPT) == ["v17"]
    unleash.world.disturb("unleash", lambda document: {**document, "events": [_unreadable()]})
    assert await action.choices(PROMPT) == ["v17"]


async def test_a_kill_switch_without_a_strategy_gets_one_and_undo_takes_it_away() -> None:
    unleash = SimulatedUnleash()
    done = await unleash.carry_out("pull_kill_switch", KILL_SWITCH)
    assert done.blast_radius[-2:] == (
        "strategy 1: flexibleRollout; 100 % by default stickiness",
        "share of traffic that is cut off: none -> 100 %",
    )
    assert len(unleash.environment(KILL)["strategies"]) == 1
    await unleash.action("pull_kill_switch").apply(KILL_SWITCH, done.after, done.before, key="k")
    assert unleash.environment(KILL)["strategies"] == []
    assert unleash.environment(KILL)["enabled"] is False


async def test_a_kill_switch_with_a_disabled_strategy_gets_one_of_its_own_beside_it() -> None:
    unleash = SimulatedUnleash()
    unleash.edit(KILL, lambda environment: environment.update(strategies=[{"disabled": True, "title": "old"}]))
    done = await unleash.carry_out("pull_kill_switch", KILL_SWITCH)
    assert [each["disabled"] for each in unleash.environment(KILL)["strategies"]] == [True, False]
    await unleash.action("pull_kill_switch").apply(KILL_SWITCH, done.after, done.before, key="k")
    assert [each["title"] for each in unleash.environment(KILL)["strategies"]] == ["old"]


async def test_a_kill_switch_that_reaches_only_a_part_says_so() -> None:
    unleash = SimulatedUnleash()
    unleash.edit(KILL, lambda environment: environment.update(strategies=[{"parameters": {"rollout": "5"}}]))
    assert (await unleash.plan("pull_kill_switch", KILL_SWITCH)).blast_radius[-1].endswith("none -> 5 %")
    unleash.edit(KILL, lambda environment: environment.update(enabled=True))
    with pytest.raises(UserError, match="is on already, but reaches only 5 %"):
        await unleash.plan("pull_kill_switch", KILL_SWITCH)


async def test_the_feature_is_not_touched_by_its_kill_switch() -> None:
    unleash = SimulatedUnleash()
    before = await unleash.action("switch_off").read(PROMPT)
    await unleash.carry_out("pull_kill_switch", KILL_SWITCH)
    assert await unleash.action("switch_off").read(PROMPT) == before


async def test_a_flag_that_somebody_switched_off_is_not_switched_on_by_narrowing_it() -> None:
    unleash = SimulatedUnleash()
    proposal = await unleash.plan("set_rollout", PROMPT, percent=10)
    unleash.edit(FEATURE, lambda environment: environment.update(enabled=False))
    with pytest.raises(Rejected, match="somebody else changed the switch of support-assistant-prompt in production"):
        await unleash.action("set_rollout").apply(PROMPT, proposal.before, proposal.after, key="k")


async def test_a_change_between_the_last_read_and_the_patch_is_not_overwritten() -> None:
    unleash = SimulatedUnleash()
    proposal = await unleash.plan("set_rollout", PROMPT, percent=10)
    unleash.world.meanwhile.append(("unleash", NARROWED))
    with pytest.raises(Unavailable):
        await unleash.action("set_rollout").apply(PROMPT, proposal.before, proposal.after, key="k")
    assert unleash.environment(FEATURE)["strategies"][1]["parameters"]["rollout"] == "25"


async def test_half_an_application_is_completed_and_can_be_undone() -> None:
    unleash = SimulatedUnleash()
    action = unleash.action("set_rollout")
    proposal = await unleash.plan("set_rollout", PROMPT, percent=10)
    unleash.world.disturb("unleash", lambda document: {**document, "faults": [_fault("applied_then_504")]})
    with pytest.raises(Unavailable):
        await action.apply(PROMPT, proposal.before, proposal.after, key="k")
    half = [each["parameters"]["rollout"] for each in unleash.environment(FEATURE)["strategies"]]
    assert half == ["10", "50", "5"]
    await action.apply(PROMPT, proposal.before, proposal.after, key="k")
    assert await action.read(PROMPT) == proposal.after
    await action.apply(PROMPT, proposal.after, proposal.before, key="k")
    assert await action.read(PROMPT) == proposal.before


async def test_one_segment_loses_the_feature_whatever_strategy_let_it_in() -> None:
    strategies = [{"parameters": {"rollout": "100"}}, {"name": "default"}, {"disabled": True}]
    unleash = SimulatedUnleash()
    unleash.edit(FEATURE, lambda environment: environment.update(strategies=strategies))
    done = await unleash.carry_out("switch_segment_off", PROMPT, field="plan", value="free")
    assert done.blast_radius[-1] == "segment plan = free: none get the feature; everybody else as before"
    assert [len(each["constraints"]) for each in unleash.environment(FEATURE)["strategies"]] == [1, 1, 0]
    for plan, listed in (("free", 0), ("paid", 1), ("", 1)):
        answer = await unleash.get("/api/frontend", userId="u", **{"properties[plan]": plan} if plan else {})
        assert len(answer.json()["toggles"]) == listed


@pytest.mark.parametrize(
    ("constraint", "planned"),
    [
        ({"operator": "NOT_IN", "values": ["trial", "free"]}, False),
        ({"operator": "IN", "values": ["free"], "inverted": True}, False),
        ({"operator": "NOT_IN", "values": ["free"], "inverted": True}, True),
        ({"operator": "IN", "values": ["free"]}, True),
        ({"operator": "NOT_IN", "values": ["trial"]}, True),
        ({"operator": "NUM_GT", "value": "5"}, True),
    ],
)
async def test_a_segment_that_is_kept_out_already_needs_nothing(constraint: JsonObject, *, planned: bool) -> None:
    unleash = SimulatedUnleash()
    strategies = [{"constraints": [{"contextName": "plan", **constraint}]}]
    unleash.edit(FEATURE, lambda environment: environment.update(strategies=strategies))
    action = unleash.action("switch_segment_off")
    proposal = action.plan(PROMPT, {"field": "plan", "value": "free"}, await action.read(PROMPT))
    assert (proposal is not None) is planned


async def test_a_flag_that_is_off_needs_no_segment_off_and_one_without_strategies_offers_none() -> None:
    unleash = SimulatedUnleash()
    action, params = unleash.action("switch_segment_off"), {"field": "plan", "value": "free"}
    unleash.edit(FEATURE, lambda environment: environment.update(enabled=False))
    assert action.plan(PROMPT, params, await action.read(PROMPT)) is None
    unleash.edit(FEATURE, lambda environment: environment.update(strategies=[]))
    with pytest.raises(UserError, match="no active strategy that could leave a segment out"):
        action.plan(PROMPT, params, await action.read(PROMPT))


@pytest.mark.parametrize("feature", ["../x", "..", ".", "a/b", "a b", "a%2Fb", "", "ä", "x" * 101, "a?b", "a#b"])
async def test_a_name_that_could_lead_elsewhere_is_refused(feature: str) -> None:
    with pytest.raises(UserError, match="Unleash cannot take feature"):
        await SimulatedUnleash().action("switch_off").read({**PROMPT, "feature": feature})


async def test_an_environment_that_the_flag_does_not_have_is_rejected() -> None:
    with pytest.raises(Rejected, match="has no environment staging"):
        await SimulatedUnleash().action("switch_off").read({**PROMPT, "environment": "staging"})


def _fault(answer: str) -> JsonObject:
    return {"answer": answer, "times": 1, "on": "writes"}


def _unreadable() -> JsonObject:
    return {
        "featureName": FEATURE,
        "environment": "production",
        "type": "feature-strategy-update",
        "preData": {"variants": "what are these"},
    }
