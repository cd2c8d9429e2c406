"""What is special about containment with GrowthBook; what every integration proves is in tests/contract."""

import json
from typing import Any

import httpx
import pytest

from bot.sdk import AuthFailed, JsonObject, RateLimited, Rejected, Unavailable, UserError
from tests.integrations.growthbook.contract import HALF, PROMPT, STAFF, WIDENED
from tests.integrations.growthbook.simulated import SimulatedGrowthBook
from tests.integrations.wire import status

FREE: JsonObject = {"field": "plan", "value": "free"}


def sent(growthbook: SimulatedGrowthBook) -> list[tuple[str, Any]]:
    """Return what was written: path below the feature, and body."""
    return [
        (write.url.path.removeprefix("/api/v1/features/assistant-prompt"), json.loads(write.content))
        for write in growthbook.wire.writes
    ]


async def test_switching_off_is_a_toggle_of_one_environment_that_leaves_the_rules() -> None:
    growthbook = SimulatedGrowthBook()
    before = await growthbook.rules()
    done = await growthbook.carry_out("switch_off")
    assert done.summary == "Switch assistant-prompt in production off for everybody"
    assert done.blast_radius == (
        "environment production, feature assistant-prompt; on",
        'rule 1: \'Staff first\'; where {"plan": "staff"}; gets prompts/18',
        "rule 2: any of the groups grp_beta; serves the experiment-ref of its own",
        "rule 3: 50 % by id get prompts/18",
        "without a match prompts/16",
        "needs feature assistant",
        "published at once as a new revision; drafts that stand on the present one must be brought up to date",
        "afterwards everybody gets no value at all, or the default in the application's code; the rules stay",
    )
    assert sent(growthbook) == [("/toggle", {"environments": {"production": False}, "reason": "Stanch, change one"})]
    assert (await growthbook.value(), await growthbook.value("dev")) == (None, "prompts/16")
    assert await growthbook.rules() == before
    assert (growthbook.feature["version"], growthbook.feature["comment"]) == (4, "Stanch, change one")
    await growthbook.undo("switch_off", done)
    assert growthbook.feature["version"] == 5


async def test_rules_that_stay_are_sent_as_they_were_but_for_what_the_api_does_not_take() -> None:
    growthbook = SimulatedGrowthBook()
    done = await growthbook.carry_out("set_rollout", {"percent": 10})
    ((path, body),) = sent(growthbook)
    rules = body["environments"]["production"]["rules"]
    assert path == ""
    assert body["environments"].keys() == {"production"}
    assert rules[0] == {**STAFF, "enabled": True}
    schedule = {field: value for field, value in HALF.items() if field != "scheduleType"}
    assert rules[2] == {**schedule, "coverage": 0.1, "description": "", "enabled": True, "condition": ""}
    assert [rule["id"] for rule in await growthbook.rules()] == ["fr_staff", "fr_trial", "fr_half", "fr_old"]
    await growthbook.undo("set_rollout", done)
    assert growthbook.feature["environments"]["dev"]["rules"] == [{**STAFF, "enabled": True}]


async def test_every_rollout_rule_in_force_is_narrowed_and_none_is_widened() -> None:
    five = {**HALF, "id": "fr_five", "coverage": 0.05}
    growthbook = SimulatedGrowthBook(rules=[HALF, five, {**HALF, "id": "fr_off", "enabled": False}])
    done = await growthbook.carry_out("set_rollout", {"percent": "10"})
    assert [rule["coverage"] for rule in done.after["rules"].values()] == [0.1, 0.05, 0.5]
    assert done.blast_radius[-1] == (
        "largest rollout: 50 % -> 10 % of those whom the rule selects; the others pass it by"
    )


async def test_who_keeps_the_feature_had_it_before() -> None:
    growthbook = SimulatedGrowthBook(rules=[HALF])
    before = await growthbook.served()
    assert 150 < before.count("prompts/18") < 250
    await growthbook.carry_out("set_rollout", {"percent": 10})
    after = await growthbook.served()
    assert 20 < after.count("prompts/18") < 65
    assert all(old == "prompts/18" for old, new in zip(before, after, strict=True) if new == "prompts/18")


async def test_a_wider_rollout_is_refused_and_so_is_one_without_a_rule() -> None:
    with pytest.raises(UserError, match="is at 50 % already; this only narrows"):
        await SimulatedGrowthBook().plan("set_rollout", {"percent": 60})
    with pytest.raises(UserError, match="has no rollout rule in force; switch it off instead"):
        await SimulatedGrowthBook(rules=[STAFF]).plan("set_rollout", {"percent": 10})


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            {"id": "fr_safe", "type": "safe-rollout", "controlValue": "a", "variationValue": "b"},
            "is of the kind safe-rollout",
        ),
        ({**STAFF, "scheduleType": "ramp", "rampScheduleId": "rs_1"}, "holds rampScheduleId, scheduleType"),
        (
            {
                "id": "fr_exp",
                "type": "experiment",
                "value": [],
                "savedGroupTargeting": [{"matchType": "any", "savedGroups": ["grp_beta"]}],
            },
            "holds savedGroupTargeting",
        ),
    ],
)
async def test_rules_that_cannot_be_written_back_are_not_touched_and_the_feature_can_be_switched_off(
    rule: JsonObject, told: str
) -> None:
    growthbook = SimulatedGrowthBook(rules=[rule, HALF])
    for name, params in (
        ("set_rollout", {"percent": 1}),
        ("roll_back_value", {"value": "prompts/17"}),
        ("switch_segment_off", {**FREE, "off": "prompts/16"}),
    ):
        with pytest.raises(UserError, match=f"Rule 1 of assistant-prompt in production {told}, which"):
            await growthbook.plan(name, params)
    await growthbook.carry_out("switch_off")


async def test_one_value_is_given_to_everybody_in_one_environment_and_to_nobody_elsewhere() -> None:
    growthbook = SimulatedGrowthBook()
    done = await growthbook.carry_out("roll_back_value", {"value": "prompts/17"})
    assert done.summary == "Roll assistant-prompt in production back from prompts/18 to prompts/17"
    assert await growthbook.value(plan="staff") == "prompts/17"
    assert set(await growthbook.served()) == {"prompts/17"}
    assert await growthbook.value("dev", plan="staff") == "prompts/18"
    again = await growthbook.carry_out("roll_back_value", {"value": "prompts/16"})
    assert "everybody gets prompts/17 already" in again.blast_radius
    assert again.summary.endswith("back from prompts/17 to prompts/16")
    assert len(await growthbook.rules()) == 5
    await growthbook.undo("roll_back_value", again)
    await growthbook.undo("roll_back_value", done)
    assert len(await growthbook.rules()) == 4


@pytest.mark.parametrize(
    ("value_type", "right", "wrong"),
    [("number", 17, "v17"), ("number", 0.5, "true"), ("json", '{"model": "small"}', "{small}")],
)
async def test_a_value_of_another_type_is_refused(value_type: str, right: object, wrong: str) -> None:
    growthbook = SimulatedGrowthBook(rules=[], value_type=value_type, default="1")
    done = await growthbook.carry_out("roll_back_value", {"value": right})
    assert done.after["everybody"] == {"value": str(right)}
    with pytest.raises(UserError, match=f"holds a {value_type}, which .* is not"):
        await growthbook.plan("roll_back_value", {"value": wrong})


async def test_what_is_true_or_false_has_no_value_to_go_back_to() -> None:
    growthbook = SimulatedGrowthBook("assistant")
    with pytest.raises(UserError, match="is true or false and has no values to go back to"):
        await growthbook.plan("roll_back_value", {"value": False})
    assert await growthbook.action("roll_back_value").choices(growthbook.ref) == ()


async def test_values_of_rules_and_of_earlier_revisions_are_offered() -> None:
    growthbook = SimulatedGrowthBook()
    offered = await growthbook.action("roll_back_value").choices(PROMPT)
    assert offered == ["prompts/17", "prompts/19", "prompts/16", "prompts/15", "prompts/14"]
    assert await growthbook.action("switch_off").choices(PROMPT) == ()


async def test_without_a_rule_for_everybody_the_default_is_what_is_in_use() -> None:
    done = await SimulatedGrowthBook(rules=[STAFF]).planned("roll_back_value", {"value": "x" * 150})
    assert done.summary == f"Roll assistant-prompt in production back from prompts/16 to {'x' * 100}..."


@pytest.mark.parametrize(
    ("params", "kept_out", "others"),
    [
        (FREE, {"plan": "free"}, {"plan": "staff"}),
        ({"group": "grp_free"}, {"id": "free-1", "plan": "staff"}, {"id": "free-2", "plan": "staff"}),
    ],
)
async def test_one_segment_loses_the_feature_and_nobody_else_does(
    params: JsonObject, kept_out: JsonObject, others: JsonObject
) -> None:
    growthbook = SimulatedGrowthBook()
    done = await growthbook.carry_out("switch_segment_off", {**params, "off": "prompts/0"})
    assert (await growthbook.value(**kept_out), await growthbook.value(**others)) == ("prompts/0", "prompts/18")
    await growthbook.undo("switch_segment_off", done)
    assert await growthbook.value(**kept_out) != "prompts/0"


async def test_a_segment_of_a_feature_that_is_true_or_false_gets_false_and_nothing_else() -> None:
    growthbook = SimulatedGrowthBook("assistant")
    with pytest.raises(UserError, match="true would not switch assistant in production off"):
        await growthbook.plan("switch_segment_off", {**FREE, "off": True})
    await growthbook.carry_out("switch_segment_off", FREE)
    assert (await growthbook.value(plan="free"), await growthbook.value()) == ("false", "true")
    other = SimulatedGrowthBook(value_type="number", default="1", rules=[])
    with pytest.raises(UserError, match="holds a number; say by `off` which value the segment shall get"):
        await other.plan("switch_segment_off", FREE)
    with pytest.raises(UserError, match="holds a number, which none is not"):
        await other.plan("switch_segment_off", {**FREE, "off": "none"})


async def test_a_segment_stays_out_when_everybody_gets_one_value_and_either_is_taken_back_by_itself() -> None:
    growthbook = SimulatedGrowthBook("assistant", value_type="string")
    first = await growthbook.carry_out("switch_segment_off", {**FREE, "off": "no"})
    await growthbook.carry_out("roll_back_value", {"value": "yes"})
    second = await growthbook.carry_out("switch_segment_off", {"group": "grp_free", "off": "no"})
    assert "kept out already: plan = free" in second.blast_radius
    assert await growthbook.plan("switch_segment_off", {**FREE, "off": "no"}) is None
    assert (await growthbook.value(plan="free"), await growthbook.value()) == ("no", "yes")
    without_first = {**second.after, "kept_out": {"group grp_free": second.after["kept_out"]["group grp_free"]}}
    await growthbook.action("switch_segment_off").apply(growthbook.ref, second.after, without_first, key="k")
    assert await growthbook.read() == without_first
    assert first.before["kept_out"] == {}
    assert (await growthbook.value(plan="free"), await growthbook.value(id="free-1")) == ("yes", "no")


async def test_a_rule_of_ours_that_somebody_changed_is_seen_as_a_change() -> None:
    growthbook = SimulatedGrowthBook()
    done = await growthbook.carry_out("switch_segment_off", {**FREE, "off": "prompts/16"})

    def disable(document: JsonObject) -> None:
        document["features"]["assistant-prompt"]["environments"]["production"]["rules"][0]["enabled"] = False

    growthbook.edit(disable)
    with pytest.raises(Rejected, match="somebody else changed kept_out, rules of assistant-prompt in production"):
        await growthbook.action("switch_segment_off").apply(PROMPT, done.after, done.before, key="k")


async def test_a_feature_that_is_off_needs_no_switch_off_and_no_segment_off() -> None:
    growthbook = SimulatedGrowthBook(environments={"production": {"enabled": False}})
    assert await growthbook.plan("switch_off") is None
    assert await growthbook.plan("switch_segment_off", {**FREE, "off": "x"}) is None


async def test_a_change_by_somebody_else_is_said_to_be_one() -> None:
    growthbook = SimulatedGrowthBook()
    proposal = await growthbook.planned("switch_off")
    growthbook.disturb(WIDENED)
    with pytest.raises(Rejected, match="somebody else changed rules of assistant-prompt in production; nothing was"):
        await growthbook.apply("switch_off", proposal)


async def test_where_approvals_are_required_the_error_says_what_to_give_the_key() -> None:
    growthbook = SimulatedGrowthBook()
    growthbook.edit(lambda document: document.update(approvals=["production"]))
    for name, params in (("switch_off", {}), ("set_rollout", {"percent": 1})):
        proposal = await growthbook.planned(name, params)
        with pytest.raises(Rejected, match=r"let the key bypass draft approvals.*requires approval") as refused:
            await growthbook.apply(name, proposal)
        assert refused.value.status == 422


async def test_an_archived_feature_is_said_to_be_one() -> None:
    with pytest.raises(Rejected, match="is archived, so applications use the default in their code"):
        await SimulatedGrowthBook(archived=True).read()


async def test_an_environment_that_the_feature_does_not_have_is_rejected() -> None:
    with pytest.raises(Rejected, match="has no environment staging"):
        await SimulatedGrowthBook().action("switch_off").read({**PROMPT, "environment": "staging"})


async def test_a_key_that_may_only_read_can_plan_and_not_act() -> None:
    growthbook = SimulatedGrowthBook()
    action = growthbook.action("switch_off", token="secret_reader")
    proposal = action.plan(PROMPT, {}, await action.read(PROMPT))
    assert proposal
    with pytest.raises(AuthFailed, match="403"):
        await action.apply(PROMPT, proposal.before, proposal.after, key="k")
    with pytest.raises(AuthFailed, match="401"):
        await growthbook.action("switch_off", token="wrong").read(PROMPT)


async def test_a_limited_rate_is_passed_on_with_its_wish() -> None:
    growthbook = SimulatedGrowthBook()
    proposal = await growthbook.planned("switch_off")
    growthbook.wire.break_with(status(429, **{"Retry-After": "30"}), concerns="writes")
    with pytest.raises(RateLimited) as limited:
        await growthbook.apply("switch_off", proposal)
    assert limited.value.retry_after.total_seconds() == 30


async def test_an_answer_of_another_program_is_not_a_feature() -> None:
    growthbook = SimulatedGrowthBook()
    growthbook.wire.break_with(lambda request: httpx.Response(200, json={"feature": {"id": "x"}}, request=request))
    with pytest.raises(Unavailable, match="not that of GrowthBook"):
        await growthbook.read()


@pytest.mark.parametrize("feature", ["../x", "..", ".", "a/b", "a b", "a%2Fb", "", "ä", "x" * 101, "a?b", "a#b"])
async def test_a_name_that_could_lead_elsewhere_is_refused(feature: str) -> None:
    with pytest.raises(UserError, match="GrowthBook cannot take feature"):
        await SimulatedGrowthBook().action("switch_off").read({**PROMPT, "feature": feature})
