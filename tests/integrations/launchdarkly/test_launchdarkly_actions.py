"""What is special about containment with LaunchDarkly; what every integration proves is in tests/contract."""

import json
from collections import Counter

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sdk import AuthFailed, JsonObject, RateLimited, Rejected, Unavailable, UserError
from integrations.launchdarkly import serving
from tests.integrations.launchdarkly.contract import NORWAY, PROMPT, TARGETED
from tests.integrations.launchdarkly.simulated import SimulatedLaunchDarkly
from tests.integrations.wire import status

BOOLEAN: JsonObject = {"variations": [{"value": True}, {"value": False}]}
V18, OFF = "prompts/18", ""


def shares(*weights: tuple[int, int], **fields: object) -> JsonObject:
    """Return what serves variations, by place, with weights in percent."""
    variations = [{"variation": place, "weight": percent * 1_000} for place, percent in weights]
    return {"rollout": {"variations": variations, **fields}}


async def test_switching_off_leaves_targets_and_rules_alone_and_says_what_everybody_gets() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    before = await _raw(launchdarkly)
    done = await launchdarkly.carry_out("switch_off")
    assert done.summary == "Switch assistant-prompt in production off for everybody"
    assert done.blast_radius == (
        "environment production, flag assistant-prompt, project default; on",
        "rule 1: 'Staff first', user plan in staff gets v18",
        "rule 2: user country in NO, SE gets v17 20 %, v18 40 %, off 40 % by user key",
        "everybody else gets v18",
        "needs flag assistant to serve variation 0",
        "targeted one by one: 2, user v17",
        "changes of this flag that are scheduled or wait for approval in LaunchDarkly may fail later",
        'afterwards everybody gets off = ""; targets and rules stay as they are',
    )
    after = await _raw(launchdarkly)
    assert {name for name in after if after[name] != before[name]} == {"on", "version", "lastModified"}
    assert await launchdarkly.value() == OFF


async def test_off_is_the_off_variation_and_one_that_is_true_is_refused() -> None:
    launchdarkly = SimulatedLaunchDarkly(offVariation=0, targets=[], rules=[], fallthrough={"variation": 1})
    launchdarkly.edit(lambda flag: flag.update(BOOLEAN))
    with pytest.raises(UserError, match="serves true while it is off, whose value is true"):
        await launchdarkly.plan("switch_off")


async def test_without_an_off_variation_applications_use_their_own_default_and_that_is_said() -> None:
    launchdarkly = SimulatedLaunchDarkly(offVariation=None)
    done = await launchdarkly.carry_out("switch_off")
    assert "everybody gets the default in the application's code" in done.blast_radius[-1]
    assert await launchdarkly.value() is None
    for name, params in (
        ("set_rollout", {"percent": 1}),
        ("roll_back_variation", {"variation": "v17"}),
        ("switch_segment_off", {"segment": "free-tier"}),
    ):
        with pytest.raises(UserError, match="has no off variation"):
            await launchdarkly.plan(name, params)
    assert await launchdarkly.action("roll_back_variation").choices(PROMPT) == ["off", "v18", "v17", "v16"]


async def test_every_rule_in_force_is_narrowed_and_none_is_widened() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    done = await launchdarkly.carry_out("set_rollout", {"percent": "30"})
    assert [rule["serves"] for rule in done.after["rules"].values()] == [
        [["off", 70], ["v18", 30]],
        [["v17", 10], ["v18", 20], ["off", 70]],
        "v18",
    ]
    assert done.after["default"]["serves"] == [["off", 70], ["v18", 30]]
    assert done.blast_radius[-1] == 'largest share of any rule: 100 % -> 30 %; the others get off = ""'
    await launchdarkly.undo("set_rollout", done)


async def test_who_keeps_the_feature_had_it_before() -> None:
    launchdarkly = SimulatedLaunchDarkly(fallthrough=shares((2, 50), (3, 50)))
    before = await launchdarkly.served()
    await launchdarkly.carry_out("set_rollout", {"percent": 10})
    after = await launchdarkly.served()
    assert 20 < after.count(V18) < 65
    assert all(old == V18 for old, new in zip(before, after, strict=True) if new == V18)


async def test_contexts_of_another_kind_than_is_counted_lose_the_feature_where_all_had_it() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    await launchdarkly.carry_out("set_rollout", {"percent": 99, "context_kind": "organization"})
    assert set(await launchdarkly.served()) == {OFF}
    assert Counter(await launchdarkly.served(kind="organization"))[V18] > 380


async def test_where_shares_left_nobody_out_the_off_variation_comes_first() -> None:
    launchdarkly = SimulatedLaunchDarkly(fallthrough=shares((2, 60), (1, 40)), rules=[])
    done = await launchdarkly.carry_out("set_rollout", {"percent": 10})
    assert done.after["default"]["serves"] == [["off", 90], ["v18", 6], ["v17", 4]]


async def test_a_wider_rollout_is_refused() -> None:
    launchdarkly = SimulatedLaunchDarkly(fallthrough=shares((2, 5), (3, 95)), rules=[])
    with pytest.raises(UserError, match="reaches 5 % at most already; this only narrows"):
        await launchdarkly.plan("set_rollout", {"percent": 10})


@pytest.mark.parametrize(
    "extra", [{"seed": 61}, {"experimentAllocation": {"defaultVariation": 3, "canReshuffle": True}}]
)
async def test_the_shares_of_an_experiment_are_not_rewritten(extra: JsonObject) -> None:
    launchdarkly = SimulatedLaunchDarkly(fallthrough=shares((2, 50), (3, 50), **extra))
    for name, params in (("set_rollout", {"percent": 1}), ("roll_back_variation", {"variation": "v16"})):
        with pytest.raises(UserError, match="only LaunchDarkly changes; switch it off instead"):
            await launchdarkly.plan(name, params)
    await launchdarkly.carry_out("set_rollout", {"percent": 50})
    done = await launchdarkly.carry_out("switch_off")
    assert "everybody else gets experiment over v18 50 %, off 50 % by user key" in done.blast_radius


async def test_rolling_back_leaves_those_without_the_feature_without_it() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    before = Counter(await launchdarkly.served(country="NO"))
    done = await launchdarkly.carry_out("roll_back_variation", {"variation": "v16"})
    assert done.summary == "Roll assistant-prompt in production back from v18 to v16"
    assert Counter(await launchdarkly.served(country="NO")) == {"prompts/16": 400 - before[OFF], OFF: before[OFF]}
    assert set(await launchdarkly.served()) == {"prompts/16"}
    assert await launchdarkly.value("tester-1") == "prompts/17"
    await launchdarkly.undo("roll_back_variation", done)


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        ({"variation": 3}, "off"),
        ({"variation": 2}, "v16"),
        (shares((3, 60), (2, 40)), [["off", 60], ["v16", 40]]),
        (shares((2, 50), (1, 50)), "v16"),
        (shares((0, 30), (3, 70), (2, 0)), [["v16", 30], ["off", 70], ["v18", 0]]),
    ],
)
async def test_a_rollback_keeps_the_share_that_is_off(served: JsonObject, expected: object) -> None:
    launchdarkly = SimulatedLaunchDarkly(fallthrough=served)
    assert (await launchdarkly.carry_out("roll_back_variation", {"variation": "v16"})).after["default"][
        "serves"
    ] == expected


async def test_the_variation_declared_before_the_one_in_use_is_offered_first() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    assert await launchdarkly.action("roll_back_variation").choices(PROMPT) == ["v17", "v16"]
    await launchdarkly.carry_out("roll_back_variation", {"variation": "v17"})
    assert await launchdarkly.action("roll_back_variation").choices(PROMPT) == ["v16", "v18"]
    assert await launchdarkly.action("switch_off").choices(PROMPT) == ()


async def test_variations_without_a_name_go_by_their_value_and_the_same_name_twice_by_its_place() -> None:
    launchdarkly = SimulatedLaunchDarkly(targets=[], rules=[], fallthrough={"variation": 0})
    prompt = {"text": "You are a helpful assistant. " * 10}
    launchdarkly.edit(
        lambda flag: flag.update(
            variations=[{"value": prompt}, {"value": 17}, {"value": 0, "name": "17"}, {"value": None}]
        )
    )
    names = list((await launchdarkly.read())["variations"])
    assert names[0].startswith('{"text": "You are a helpful')
    assert len(names[0]) < 130
    assert names[1:] == ["17", "17 (2)", "null"]


@pytest.mark.parametrize(
    ("params", "kept_out", "others"),
    [
        ({"field": "plan", "value": "free"}, {"plan": "free"}, {"plan": "paid"}),
        ({"field": "tier", "value": "x", "context_kind": "team"}, {"kind": "team", "tier": "x"}, {"tier": "x"}),
        ({"segment": "free-tier"}, {"key": "free-1", "plan": "staff"}, {"key": "free-2"}),
    ],
)
async def test_one_segment_loses_the_feature_and_nobody_else_does(
    params: JsonObject, kept_out: JsonObject, others: JsonObject
) -> None:
    launchdarkly = SimulatedLaunchDarkly()
    before = await launchdarkly.value(**others)
    done = await launchdarkly.carry_out("switch_segment_off", params)
    assert await launchdarkly.value(**kept_out) == OFF
    assert await launchdarkly.value(**others) == before
    await launchdarkly.undo("switch_segment_off", done)
    assert await launchdarkly.value(**kept_out) != OFF


async def test_a_second_segment_is_switched_off_beside_the_first_and_taken_back_by_itself() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    rules = [rule["_id"] for rule in (await _raw(launchdarkly))["rules"]]
    first = await launchdarkly.carry_out("switch_segment_off", {"field": "plan", "value": "free"})
    await launchdarkly.carry_out("switch_segment_off", {"segment": "free-tier"})
    read = await launchdarkly.read()
    assert list(read["kept_out"]) == ["segment free-tier", "user plan = free"]
    assert await launchdarkly.plan("switch_segment_off", {"field": "plan", "value": "free"}) is None
    without_first = {**read, "kept_out": {"segment free-tier": read["kept_out"]["segment free-tier"]}}
    await launchdarkly.action("switch_segment_off").apply(PROMPT, read, without_first, key="k")
    assert await launchdarkly.read() == without_first
    assert first.before["kept_out"] == {}
    left = (await _raw(launchdarkly))["rules"]
    assert left[0]["description"] == "Kept out by Stanch: segment free-tier"
    assert [rule["_id"] for rule in left[1:]] == rules


async def test_a_rule_of_ours_that_somebody_put_behind_another_is_seen_as_a_change() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    done = await launchdarkly.carry_out("switch_segment_off", {"field": "plan", "value": "free"})

    def demote(flag: JsonObject) -> None:
        rules = flag["environments"]["production"]["rules"]
        rules[0], rules[1] = rules[1], rules[0]

    launchdarkly.edit(demote)
    with pytest.raises(
        Rejected, match="somebody else changed kept_out, rules of assistant-prompt in production; nothing"
    ):
        await launchdarkly.action("switch_segment_off").apply(PROMPT, done.after, done.before, key="k")


async def test_a_flag_that_is_off_needs_no_segment_off() -> None:
    assert await SimulatedLaunchDarkly(on=False).plan("switch_segment_off", {"segment": "free-tier"}) is None


async def test_a_change_between_the_last_read_and_the_patch_is_refused_by_launchdarkly_itself() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    proposal = await launchdarkly.planned("switch_off")
    launchdarkly.world.meanwhile.append(("launchdarkly", TARGETED))
    with pytest.raises(Rejected, match="test of /environments/production/version failed") as refused:
        await launchdarkly.apply("switch_off", proposal)
    assert refused.value.status == 409
    assert launchdarkly.production["on"] is True


async def test_a_patch_tests_the_version_names_the_change_and_lets_pending_changes_fail() -> None:
    launchdarkly = SimulatedLaunchDarkly(pending=True)
    await launchdarkly.carry_out("switch_off")
    (write,) = launchdarkly.wire.writes
    assert write.url.params["ignoreConflicts"] == "true"
    assert write.headers["LD-API-Version"] == "20240415"
    assert json.loads(write.content) == {
        "comment": "Stanch, change one",
        "patch": [
            {"op": "test", "path": "/environments/production/version", "value": 41},
            {"op": "replace", "path": "/environments/production/on", "value": False},
        ],
    }
    assert launchdarkly.production["pending"] is False


async def test_where_approvals_are_required_the_error_says_what_to_give_the_token() -> None:
    launchdarkly = SimulatedLaunchDarkly(approvals_required=True)
    proposal = await launchdarkly.planned("switch_off")
    with pytest.raises(Rejected, match="changes in production need an approval there; give the token bypassReq"):
        await launchdarkly.apply("switch_off", proposal)
    assert launchdarkly.production["on"] is True


async def test_an_archived_flag_is_said_to_be_one() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    launchdarkly.edit(lambda flag: flag.update(archived=True))
    with pytest.raises(Rejected, match="is archived, so applications use the default in their code"):
        await launchdarkly.read()


async def test_an_environment_that_the_flag_does_not_have_is_rejected() -> None:
    with pytest.raises(Rejected, match="has no environment staging"):
        await SimulatedLaunchDarkly().action("switch_off").read({**PROMPT, "environment": "staging"})


async def test_a_token_that_may_only_read_can_plan_and_not_act() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    action = launchdarkly.action("switch_off", token="api-reader")
    proposal = action.plan(PROMPT, {}, await action.read(PROMPT))
    assert proposal
    with pytest.raises(AuthFailed, match="403"):
        await action.apply(PROMPT, proposal.before, proposal.after, key="k")
    with pytest.raises(AuthFailed, match="401"):
        await launchdarkly.action("switch_off", token="sdk-something").read(PROMPT)


async def test_a_limited_rate_is_passed_on_with_its_wish() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    proposal = await launchdarkly.planned("switch_off")
    launchdarkly.wire.break_with(status(429, **{"Retry-After": "9"}), concerns="writes")
    with pytest.raises(RateLimited) as limited:
        await launchdarkly.apply("switch_off", proposal)
    assert limited.value.retry_after.total_seconds() == 9


async def test_individual_targets_are_counted_and_not_told() -> None:
    launchdarkly = SimulatedLaunchDarkly(
        contextTargets=[
            {"variation": 2, "values": ["secret-tenant"], "contextKind": "organization"},
            {"variation": 2, "values": [], "contextKind": "user"},
        ]
    )
    done = await launchdarkly.carry_out("switch_off")
    assert list(done.before["targets"]) == ["user v17", "organization v18"]
    assert not {"secret-tenant", "tester-1"} & set(json.dumps(done.model_dump(mode="json")).split('"'))


async def test_values_of_personal_attributes_are_counted_and_not_told() -> None:
    rule = {
        "clauses": [{"attribute": "email", "op": "in", "negate": True, "values": ["a@example.com", "b@example.com"]}],
        "variation": 2,
    }
    done = await SimulatedLaunchDarkly(rules=[rule]).planned("switch_off")
    assert "rule 1: user email not in 2 values gets v18" in done.blast_radius


@pytest.mark.parametrize(
    "fields",
    [
        {"fallthrough": {"variation": 9}},
        {"fallthrough": {"variation": -1}},
        {"offVariation": 9},
        {"fallthrough": {}},
        {"fallthrough": {**NORWAY, "variation": 1}},
        {"rules": [{"variation": 1}]},
        {"targets": [{"variation": 9, "values": ["x"]}]},
    ],
)
async def test_an_answer_that_contradicts_itself_is_not_a_flag(fields: JsonObject) -> None:
    launchdarkly = SimulatedLaunchDarkly()
    answer = {
        "archived": False,
        "variations": [{"value": True}, {"value": False}],
        "environments": {"production": {"on": True, "version": 1, "fallthrough": {"variation": 0}, **fields}},
    }
    launchdarkly.wire.break_with(lambda request: httpx.Response(200, json=answer, request=request))
    with pytest.raises(Unavailable):
        await launchdarkly.read()


@pytest.mark.parametrize("flag", ["../x", "..", ".", "a/b", "a b", "a%2Fb", "", "ä", "x" * 101, "a?b", "a#b"])
async def test_a_name_that_could_lead_elsewhere_is_refused(flag: str) -> None:
    with pytest.raises(UserError, match="LaunchDarkly cannot take flag"):
        await SimulatedLaunchDarkly().action("switch_off").read({**PROMPT, "flag": flag})


@given(st.integers(0, 100_000), st.integers(0, 100_000), st.permutations(["off", "a", "b"]), st.integers(0, 100))
def test_narrowed_shares_are_whole_add_up_and_reach_exactly_the_percentage(
    one: int, other: int, order: list[str], most: int
) -> None:
    low, high = sorted((one, other))
    weights = dict(zip(order, (low, high - low, 100_000 - high), strict=True))
    split = [[name, serving.percent(weight)] for name, weight in weights.items()]
    served: JsonObject = {"serves": split, "bucket_by": "key", "context_kind": "user"}
    narrowed = serving.narrowed(served, "off", most, "user")
    kept = dict(serving.shares(narrowed))
    assert list(kept) == order
    assert sum(kept.values()) == 100_000
    assert all(0 <= kept[name] <= weights[name] for name in ("a", "b"))
    assert serving.reach(narrowed, "off") == min(serving.reach(served, "off"), most)


async def _raw(launchdarkly: SimulatedLaunchDarkly) -> JsonObject:
    """Return the flag's production environment as the API shows it."""
    headers = {"Authorization": "api-simulated"}
    answer = await launchdarkly.client.get("/api/v2/flags/default/assistant-prompt", headers=headers)
    raw: JsonObject = answer.json()["environments"]["production"]
    return raw
