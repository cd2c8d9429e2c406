"""The simulated Unleash as applications see it; what it shares with a real one is in `test_unleash_real.py`."""

from typing import Any

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sdk import AuthFailed, JsonObject, RateLimited, Unavailable
from integrations.unleash.bucketing import percent_of, weight_of
from integrations.unleash.flags import Refusal, Variant, spread
from tests.integrations.unleash.contract import KILL_SWITCH, PROMPT
from tests.integrations.unleash.simulated import SimulatedUnleash

FEATURE = "support-assistant-prompt"
USERS = [f"user-{number}" for number in range(400)]


def flag(*strategies: JsonObject, enabled: bool = True) -> JsonObject:
    environment = {"enabled": enabled, "strategies": list(strategies)}
    return {"features": {FEATURE: {"environments": {"production": environment}}}}


async def variations(unleash: SimulatedUnleash, **context: str) -> list[str]:
    """Return the variation that each user gets; empty for one who does not get the flag."""
    found = []
    for user in USERS:
        toggles = (await unleash.get("/api/frontend", userId=user, **context)).json()["toggles"]
        found.append(toggles[0]["variant"]["name"] if toggles else "")
    return found


@given(st.text(max_size=40), st.text(max_size=20))
def test_users_land_where_unleash_s_own_sdks_put_them(identity: str, group: str) -> None:
    name = f"{group}:{identity}"
    assert percent_of(identity, group) == mmh3.hash(name, signed=False) % 100 + 1
    assert weight_of(identity, group, 1000) == mmh3.hash(name, 86_028_157, signed=False) % 1000 + 1


async def test_a_rollout_reaches_its_share_and_always_the_same_users() -> None:
    unleash = SimulatedUnleash(flag({"parameters": {"rollout": "30"}}))
    reached = await variations(unleash)
    assert 90 < reached.count("disabled") < 150
    assert reached == await variations(unleash)
    await unleash.carry_out("set_rollout", PROMPT, percent=10)
    fewer = await variations(unleash)
    assert 20 < fewer.count("disabled") < 65
    assert all(before for before, after in zip(reached, fewer, strict=True) if after)


async def test_variations_are_given_by_weight_until_one_is_rolled_back_to() -> None:
    variants = [
        {"name": "v17", "weight": 250, "weightType": "fix", "payload": {"type": "string", "value": "prompt 17"}},
        {"name": "v18", "weight": 750, "weightType": "variable"},
    ]
    unleash = SimulatedUnleash(flag({"parameters": {"rollout": "100"}, "variants": variants}))
    assert 70 < (await variations(unleash)).count("v17") < 130
    await unleash.carry_out("roll_back_variation", PROMPT, variation="v17")
    assert set(await variations(unleash)) == {"v17"}
    (toggle,) = (await unleash.get("/api/frontend", userId="u")).json()["toggles"]
    assert toggle["variant"]["payload"] == {"type": "string", "value": "prompt 17"}


@pytest.mark.parametrize(
    ("constraint", "let_in"),
    [
        ({"operator": "IN", "values": ["staff"]}, True),
        ({"operator": "IN", "values": ["free"]}, False),
        ({"operator": "IN", "values": ["staff"], "inverted": True}, False),
        ({"operator": "NOT_IN", "values": ["staff"]}, False),
        ({"operator": "NOT_IN", "values": ["free"]}, True),
        ({"operator": "STR_CONTAINS", "values": ["sta"]}, False),
    ],
)
async def test_constraints_select_by_context(constraint: JsonObject, *, let_in: bool) -> None:
    unleash = SimulatedUnleash(flag({"name": "default", "constraints": [{"contextName": "plan", **constraint}]}))
    answer = await unleash.get("/api/frontend", userId="u", **{"properties[plan]": "staff"})
    assert bool(answer.json()["toggles"]) is let_in


@pytest.mark.parametrize(
    "document",
    [
        flag({"parameters": {"rollout": "100"}}, enabled=False),
        flag({"parameters": {"rollout": "0"}}),
        flag({"parameters": {"rollout": "x"}}),
        flag({"disabled": True}),
        flag({"segments": [1]}),
        flag(),
    ],
)
async def test_a_flag_that_lets_nobody_in_is_not_listed(document: JsonObject) -> None:
    assert set(await variations(SimulatedUnleash(document))) == {""}


async def test_client_features_are_those_of_the_token_s_environment() -> None:
    unleash = SimulatedUnleash()
    production = (await unleash.get("/api/client/features")).json()
    assert [each["name"] for each in production["features"]] == ["support-assistant-off", FEATURE]
    assert [len(each["strategies"]) for each in production["features"]] == [0, 2]
    development = (await unleash.get("/api/client/features", token="default:development.x")).json()
    assert [(each["name"], each["enabled"]) for each in development["features"]] == [(FEATURE, False)]
    assert (await unleash.get("/health")).json() == {"health": "GOOD"}


@pytest.mark.parametrize("path", ["/api/frontend", "/api/client/features"])
async def test_applications_need_a_token_of_theirs(path: str) -> None:
    unleash = SimulatedUnleash()
    assert (await unleash.get(path, token="wrong")).status_code == 401
    assert (await unleash.get(path, token="*:*.simulated")).status_code == 403


async def test_an_sdk_may_report_itself_and_its_metrics() -> None:
    unleash = SimulatedUnleash()
    headers = {"Authorization": "default:production.x"}
    for path in ("/api/client/register", "/api/client/metrics"):
        assert (await unleash.client.post(path, json={}, headers=headers)).status_code == 202
        assert (await unleash.client.post(path, json={})).status_code == 401


@pytest.mark.parametrize(
    ("answer", "error"),
    [("401", AuthFailed), ("429", RateLimited), ("500", Unavailable), ("applied_then_504", Unavailable)],
)
async def test_a_fault_lasts_as_long_as_it_was_told_and_reads_pass(answer: str, error: type[Exception]) -> None:
    unleash = SimulatedUnleash()
    action = unleash.action("switch_off")
    proposal = await unleash.plan("switch_off", PROMPT)
    unleash.world.disturb("unleash", lambda document: {**document, "faults": [{"answer": answer, "times": 2}]})
    assert await action.read(PROMPT) == proposal.before
    with pytest.raises(error):
        await action.apply(PROMPT, proposal.before, proposal.after, key="k")
    assert unleash.world.document("unleash")["faults"] == [{"answer": answer, "times": 1, "on": "writes"}]
    happened = await action.read(PROMPT) == proposal.after
    assert happened is (answer == "applied_then_504")


async def test_a_fault_of_all_calls_makes_reads_fail_and_applications_do_not_notice() -> None:
    unleash = SimulatedUnleash()
    faults = [{"answer": "500", "on": "writes"}, {"answer": "garbage", "on": "all"}]
    unleash.world.disturb("unleash", lambda document: {**document, "faults": faults})
    assert (await unleash.get("/api/frontend", userId="u")).status_code == 200
    with pytest.raises(Unavailable, match="not JSON"):
        await unleash.action("switch_off").read(PROMPT)
    assert await unleash.action("switch_off").read(PROMPT)


async def test_an_ignored_write_is_answered_with_yes_and_does_nothing() -> None:
    unleash = SimulatedUnleash()
    unleash.world.disturb("unleash", lambda document: {**document, "faults": [{"answer": "ignored"}]})
    proposal = await unleash.carry_out("switch_off", PROMPT)
    assert await unleash.action("switch_off").read(PROMPT) == proposal.before


async def test_what_changes_says_when_and_what_does_not_change_keeps_its_instant() -> None:
    unleash = SimulatedUnleash()
    await unleash.carry_out("switch_off", PROMPT)
    changed_at = unleash.environment(FEATURE)["changed_at"]
    assert changed_at
    await unleash.carry_out("pull_kill_switch", KILL_SWITCH)
    assert unleash.environment(FEATURE)["changed_at"] == changed_at
    assert unleash.environment("support-assistant-off")["changed_at"] > changed_at


async def test_the_audit_log_says_what_happened_newest_first() -> None:
    unleash = SimulatedUnleash()
    await unleash.carry_out("set_rollout", PROMPT, percent=10)
    await unleash.carry_out("switch_off", PROMPT)
    events = (await unleash.get(f"/api/admin/events/{FEATURE}", token="*:*.simulated")).json()["events"]
    kinds = ["feature-environment-disabled", "feature-strategy-update", "feature-strategy-update"]
    assert [(event["id"], event["type"]) for event in events] == list(zip((3, 2, 1), kinds, strict=True))
    assert events[-1]["preData"]["parameters"]["rollout"] == "100"


async def test_what_somebody_else_writes_into_the_world_at_the_same_time_is_not_lost() -> None:
    unleash = SimulatedUnleash()
    newcomer: JsonObject = {"newcomer": {"environments": {"production": {}}}}
    unleash.world.meanwhile.append(
        ("unleash", lambda document: {**document, "features": {**document["features"], **newcomer}})
    )
    await unleash.carry_out("switch_off", PROMPT)
    assert unleash.environment(FEATURE)["enabled"] is False
    assert unleash.environment("newcomer") == {"enabled": False, "strategies": [], "changed_at": None}


@given(st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(["fix", "variable"])), max_size=6))
def test_spread_weights_add_up_and_stay_as_they_are_when_spread_again(sent: list[tuple[int, Any]]) -> None:
    variants = tuple(
        Variant(name=f"v{number}", weight=weight, weightType=kind) for number, (weight, kind) in enumerate(sent)
    )
    try:
        once = spread(variants)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017 - either outcome is right, and this one has a shape
    else:
        assert sum(variant.weight for variant in once) == (1000 if variants else 0)
        assert spread(once) == once
