"""What is special about containment with fast-feature; what every integration proves is in tests/contract."""

from collections import Counter

import httpx
import pytest

from bot.sdk import JsonObject, Rejected, Unavailable, UserError
from integrations.fast_feature.actions import SwitchOff
from integrations.fast_feature.client import Settings
from tests.integrations.fast_feature.simulated import REF, SimulatedFastFeature

BOOLEAN: JsonObject = {"variants": {"on": True, "off": False}, "default_variant": "on", "targeting": None}
SPLIT: JsonObject = {"fractional": [["on", 50], ["off", 50]]}
TEN: JsonObject = {"fractional": [["on", 10], ["off", 90]]}


async def test_a_flag_that_is_disabled_still_serves_its_default_and_is_planned_to_be_switched_off() -> None:
    server = SimulatedFastFeature(**BOOLEAN, state="DISABLED", metadata={})
    assert await server.evaluate() == {"key": "f", "reason": "DISABLED", "value": True, "variant": "on"}
    done = await server.carry_out("switch_off")
    assert (done.before["default_variant"], done.after["default_variant"]) == ("on", "off")
    assert (await server.evaluate())["value"] is False


async def test_switching_off_reaches_whom_targeting_would_still_give_the_feature_and_keeps_the_targeting() -> None:
    server = SimulatedFastFeature()
    targeting = server.flag["targeting"]
    await server.carry_out("switch_off")
    assert server.flag["targeting"] == targeting
    assert set(await server.served(plan="staff")) == {"off"}
    assert await server.plan("switch_off") is None


async def test_an_off_variant_whose_value_is_true_is_refused() -> None:
    server = SimulatedFastFeature(**{**BOOLEAN, "variants": {"on": True, "off": True}})
    with pytest.raises(UserError, match="would switch the feature on"):
        await server.plan("switch_off")


async def test_a_kill_switch_whose_on_variant_is_false_is_refused() -> None:
    server = SimulatedFastFeature(**{**BOOLEAN, "variants": {"on": False, "off": True}})
    with pytest.raises(UserError, match="would pull nothing"):
        await server.plan("pull_kill_switch")


@pytest.mark.parametrize(
    ("targeting", "expected"),
    [
        (None, TEN),
        (SPLIT, TEN),
        ({"fractional": [["off", 50], ["on", 50]]}, {"fractional": [["off", 90], ["on", 10]]}),
        ({"fractional": [{"var": "u"}, ["on"], ["off"]]}, {"fractional": [{"var": "u"}, ["on", 0.2], ["off", 1.8]]}),
        (
            {"if": [True, "off", False, SPLIT]},
            {"if": [True, "off", False, TEN, TEN]},
        ),
        (
            {"?:": [True, {"if": [False, "off"]}, {"fractional": [["on", 5], ["off", 95]]}]},
            {"?:": [True, {"if": [False, "off", TEN]}, {"fractional": [["on", 5], ["off", 95]]}]},
        ),
    ],
)
async def test_every_group_is_narrowed_and_none_is_widened(targeting: JsonObject | None, expected: JsonObject) -> None:
    server = SimulatedFastFeature(**{**BOOLEAN, "targeting": targeting})
    done = await server.carry_out("set_rollout", percent=10)
    assert done.after["targeting"] == expected
    assert await server.plan("set_rollout", percent=10) is None


async def test_who_keeps_the_feature_had_it_before() -> None:
    server = SimulatedFastFeature(**{**BOOLEAN, "targeting": SPLIT})
    before = await server.served()
    await server.carry_out("set_rollout", percent=10)
    after = await server.served()
    assert 20 < after.count("on") < 65
    assert all(old == "on" for old, new in zip(before, after, strict=True) if new == "on")


async def test_several_variants_keep_their_proportion() -> None:
    server = SimulatedFastFeature()
    await server.carry_out("set_rollout", percent=30)
    assert server.flag["targeting"]["if"][3] == {
        "fractional": [{"var": "userId"}, ["v18", 20], ["v17", 10], ["off", 70]]
    }


async def test_a_wider_rollout_is_refused() -> None:
    server = SimulatedFastFeature(**{**BOOLEAN, "targeting": {"fractional": [["on", 5], ["off", 95]]}})
    with pytest.raises(UserError, match="reaches 5 % at most already"):
        await server.plan("set_rollout", percent=10)


async def test_rules_of_a_flag_that_is_disabled_do_not_count_and_that_is_said() -> None:
    server = SimulatedFastFeature(state="DISABLED")
    for action, params in (("set_rollout", {"percent": 1}), ("switch_segment_off", {"field": "plan", "value": "x"})):
        with pytest.raises(UserError, match="is disabled, so everybody gets v18"):
            await server.plan(action, **params)


@pytest.mark.parametrize(
    "targeting",
    [
        {"var": "variant"},
        {"cat": ["v", "18"]},
        {"if": [True, {"var": "variant"}]},
        {"fractional": [["v18", {"var": "weight"}]]},
        {"fractional": [["v18", -1], ["off", 2]]},
        {"fractional": [["v18", 0], ["off", 0]]},
        {"fractional": "v18"},
        {"if": "v18"},
        {"fractional": [["v18", 1]], "if": []},
    ],
)
async def test_targeting_that_cannot_be_foreseen_is_not_rewritten_but_can_be_switched_off(
    targeting: JsonObject,
) -> None:
    server = SimulatedFastFeature(targeting=targeting)
    for action, params in (("set_rollout", {"percent": 1}), ("roll_back_variation", {"variation": "v17"})):
        with pytest.raises(UserError, match="switch the flag off instead"):
            await server.plan(action, **params)
    await server.carry_out("switch_off")
    assert (await server.evaluate())["variant"] == "off"


async def test_rolling_back_leaves_those_without_the_feature_without_it() -> None:
    server = SimulatedFastFeature()
    before = Counter(await server.served(country="NO"))
    await server.carry_out("roll_back_variation", variation="v16")
    assert Counter(await server.served(country="NO")) == {"v16": before["v17"] + before["v18"], "off": before["off"]}
    assert set(await server.served(plan="staff")) == {"v16"}


async def test_the_variant_declared_before_the_one_in_use_is_offered_first() -> None:
    server = SimulatedFastFeature()
    assert await server.action("roll_back_variation").choices(REF) == ["v17", "v16"]
    await server.carry_out("roll_back_variation", variation="v17")
    assert await server.action("roll_back_variation").choices(REF) == ["v16", "v18"]
    unclear = SimulatedFastFeature(targeting={"var": "variant"})
    assert await unclear.action("roll_back_variation").choices(REF) == ["v18", "v17", "v16"]


async def test_one_segment_loses_the_feature_and_nobody_else_does() -> None:
    server = SimulatedFastFeature()
    others = await server.served(country="NO")
    done = await server.carry_out("switch_segment_off", field="plan", value="free")
    assert done.blast_radius[-1] == "segment plan = free: gets off"
    assert set(await server.served(plan="free", country="NO")) == {"off"}
    assert await server.served(country="NO") == others


async def test_a_second_segment_is_switched_off_beside_the_first_and_either_is_seen_as_done() -> None:
    server = SimulatedFastFeature(targeting=None)
    await server.carry_out("switch_segment_off", field="plan", value="free")
    await server.carry_out("switch_segment_off", field="tenant", value="7")
    for field, value in (("plan", "free"), ("tenant", "7")):
        assert await server.plan("switch_segment_off", field=field, value=value) is None
        assert (await server.evaluate(**{field: value}))["variant"] == "off"
    assert (await server.evaluate(tenant=7))["variant"] == "off"
    assert (await server.evaluate(plan="paid"))["variant"] == "v18"


async def test_a_server_that_says_yes_and_does_nothing_is_seen_by_reading() -> None:
    server = SimulatedFastFeature()
    server.wire.break_with(lambda request: httpx.Response(200, json={}, request=request), concerns="writes")
    done = await server.carry_out("switch_off")
    server.wire.mend()
    assert await server.action("switch_off").read(REF) == done.before


async def test_undo_of_a_flag_that_was_deleted_is_rejected() -> None:
    server = SimulatedFastFeature()
    done = await server.carry_out("switch_off")
    server.world.disturb("fast_feature", lambda _: {"flags": {}})
    with pytest.raises(Rejected) as refused:
        await server.action("switch_off").apply(REF, done.after, done.before, key="k")
    assert refused.value.status == 404


async def test_a_change_by_somebody_else_is_said_to_be_one() -> None:
    server = SimulatedFastFeature()
    proposal = await server.plan("switch_off")
    assert proposal
    server.world.disturb("fast_feature", lambda document: {"flags": {"f": {**document["flags"]["f"], "metadata": {}}}})
    with pytest.raises(Rejected, match="somebody else changed f; nothing was written"):
        await server.action("switch_off").apply(REF, proposal.before, proposal.after, key="k")


async def test_the_token_is_for_the_guard_in_front_and_the_admin_api_may_be_mounted_elsewhere() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404, request=request)

    settings = Settings(url="http://flags.example", admin_path="/flags/admin", token="open-sesame")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url=settings.url) as client:
        with pytest.raises(Rejected):
            await SwitchOff(settings, client).read(REF)
    assert asked[0].url.path == "/flags/admin/api/flags/f"
    assert asked[0].headers["Authorization"] == "Bearer open-sesame"


@pytest.mark.parametrize("flag", ["../x", "..", ".", "a/b", "a b", "a%2Fb", "", "ä", "x" * 101, "a?b", "a#b"])
async def test_a_name_that_could_lead_elsewhere_is_refused(flag: str) -> None:
    with pytest.raises(UserError, match="fast-feature cannot take flag"):
        await SimulatedFastFeature().action("switch_off").read({"flag": flag})


async def test_an_answer_of_another_program_is_not_a_flag() -> None:
    server = SimulatedFastFeature()
    server.wire.break_with(lambda request: httpx.Response(200, json={"state": "ON"}, request=request))
    with pytest.raises(Unavailable, match="not that of fast-feature"):
        await server.action("switch_off").read(REF)
