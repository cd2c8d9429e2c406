"""What the plans of the OPA actions say, and the cases in which they refuse."""

import json

import pytest

from bot.sdk import JsonObject, Rejected, Unavailable, UserError
from integrations.opa import INTEGRATION
from integrations.opa.client import OpaApi, Settings
from tests.integrations.opa.contract import (
    MODULE,
    NEW,
    OLD,
    PATTERNS,
    RULE,
    SAMPLING,
    THRESHOLD,
    TOPICS,
    document,
    with_other_data,
)
from tests.integrations.simulated import Simulated
from tests.integrations.wire import body


def opa(ref: JsonObject, **changed: object) -> Simulated:
    return Simulated(INTEGRATION, {**document(), **changed}, ref)


def with_data(ref: JsonObject, **data: object) -> Simulated:
    return opa(ref, data={**document()["data"], **data})


async def test_a_threshold_moves_only_in_the_direction_that_is_stricter() -> None:
    on = opa(THRESHOLD)
    proposal = await on.carry_out("tighten_threshold", {"threshold": "0.5"})
    assert proposal.summary == "Tighten the threshold data/guardrails/toxicity/threshold to 0.5"
    assert proposal.blast_radius == (
        "threshold: 0.8 -> 0.5, lower is stricter",
        "every decision that reads data.guardrails.toxicity.threshold, from the next one on",
    )
    with pytest.raises(UserError, match=r"is 0\.5, and 0\.6 would loosen it: lower is stricter\."):
        await on.plan("tighten_threshold", {"threshold": 0.6})
    await on.undo("tighten_threshold", proposal)
    assert on.document["data"] == document()["data"]


async def test_where_higher_is_stricter_a_whole_number_stays_one() -> None:
    on = with_data({**THRESHOLD, "stricter": "higher", "most": 100, "path": "reviews/percent"}, reviews={"percent": 5})
    await on.carry_out("tighten_threshold", {"threshold": 50})
    assert json.dumps(on.document["data"]["reviews"]) == '{"percent": 50}'
    with pytest.raises(UserError, match="50, and 10 would loosen it: higher is stricter"):
        await on.plan("tighten_threshold", {"threshold": 10})
    with pytest.raises(UserError, match="goes from 0 to 100, not to 101"):
        await on.plan("tighten_threshold", {"threshold": 101})


async def test_bounds_that_leave_nothing_between_them_are_refused() -> None:
    on = opa({**THRESHOLD, "least": 1})
    with pytest.raises(UserError, match="least must be below most"):
        await on.read("tighten_threshold")


@pytest.mark.parametrize("value", [True, "0.8", None, [0.8], {"is": 0.8}])
async def test_a_threshold_that_is_no_number_is_rejected(value: object) -> None:
    with pytest.raises(Rejected, match="which tighten_threshold does not manage"):
        await with_data({**THRESHOLD, "path": "limit"}, limit=value).read("tighten_threshold")


@pytest.mark.parametrize("value", [0, 1, "false", None])
async def test_a_switch_that_is_neither_true_nor_false_is_rejected(value: object) -> None:
    with pytest.raises(Rejected, match="which enable_rule does not manage"):
        await with_data({"path": "switch"}, switch=value).read("enable_rule")


async def test_a_share_of_logs_that_would_shrink_is_refused() -> None:
    on = opa(SAMPLING)
    proposal = await on.carry_out("raise_log_sampling", {"share": 0.25})
    assert proposal.blast_radius[0] == "share: 0.05 -> 0.25; no decision changes"
    with pytest.raises(UserError, match=r"keeps a share of 0\.25 already; 0\.1 would keep less"):
        await on.plan("raise_log_sampling", {"share": 0.1})


async def test_an_entry_of_an_object_is_added_and_taken_away_by_its_key_whatever_stands_in_it() -> None:
    on = opa(TOPICS)
    proposal = await on.carry_out("deny_topic", {"topic": "100% ~/tmp"})
    assert proposal.blast_radius[0] == "2 denied before, 3 after"
    assert json.loads(on.wire.writes[-1].content) == [
        {"op": "add", "path": "/100%25 ~0~1tmp", "value": True},
    ]
    assert on.document["data"]["guardrails"]["denied_topics"] == {
        "weapons": True,
        "gambling": False,
        "100% ~/tmp": True,
    }
    await on.undo("deny_topic", proposal)
    assert on.document["data"] == document()["data"]


async def test_an_array_is_written_whole_and_keeps_its_order() -> None:
    on = opa(PATTERNS)
    proposal = await on.carry_out("deny_pattern", {"pattern": r"sarin|[*+]+\+\+"})
    assert on.document["data"]["guardrails"]["denied_patterns"] == ["(?i)napalm", r"sarin|[*+]+\+\+"]
    await on.undo("deny_pattern", proposal)
    assert on.document["data"] == document()["data"]


async def test_what_is_denied_is_not_denied_again_and_what_was_switched_off_is_told() -> None:
    assert await opa(TOPICS).plan("deny_topic", {"topic": "weapons"}) is None
    assert await opa(PATTERNS).plan("deny_pattern", {"pattern": "(?i)napalm"}) is None
    with pytest.raises(UserError, match="has gambling switched off by hand"):
        await opa(TOPICS).plan("deny_topic", {"topic": "gambling"})


@pytest.mark.parametrize("denied", ["weapons", 5, None, [{"topic": "weapons"}], ["weapons", 5]])
async def test_a_deny_list_of_another_shape_is_rejected(denied: object) -> None:
    with pytest.raises(Rejected, match="neither an array of texts nor an object"):
        await with_data({"path": "denied"}, denied=denied).read("deny_topic")


async def test_a_policy_is_rolled_back_to_a_kept_text_and_forward_again() -> None:
    on = opa(MODULE)
    assert await on.action("roll_back_policy").choices(MODULE) == ["v9"]
    proposal = await on.carry_out("roll_back_policy", {"revision": "v9"})
    assert proposal.summary == "Roll policy assistant/guard.rego back from v10 to v9"
    assert on.document["policies"] == {"assistant/guard.rego": OLD}
    await on.undo("roll_back_policy", proposal)
    assert on.document["policies"] == {"assistant/guard.rego": NEW}


async def test_revisions_are_offered_by_their_numbers_and_equal_texts_are_one() -> None:
    kept = {"v9": OLD, "v10": NEW, "v10-hotfix": NEW, "v11": OLD, "v2": "package guard\n"}
    on = with_data(MODULE, revisions={"guard": kept})
    assert await on.action("roll_back_policy").choices(MODULE) == ["v11", "v9", "v2"]
    assert await on.plan("roll_back_policy", {"revision": "v10-hotfix"}) is None
    proposal = await on.carry_out("roll_back_policy", {"revision": "v9"})
    assert proposal.summary == "Roll policy assistant/guard.rego back from v10 = v10-hotfix to v11 = v9"
    await on.undo("roll_back_policy", proposal)


async def test_a_text_in_force_that_is_not_kept_cannot_be_rolled_back_from() -> None:
    on = opa(MODULE, policies={"assistant/guard.rego": "package guard\n\ndefault allow := input.hotfix\n"})
    with pytest.raises(UserError, match="is not kept below data/revisions/guard, so undo could not restore it"):
        await on.plan("roll_back_policy", {"revision": "v9"})


async def test_a_kept_text_that_changes_after_the_plan_is_not_put_in_force() -> None:
    on = opa(MODULE)
    proposal = await on.planned("roll_back_policy", {"revision": "v9"})

    def retouch(found: JsonObject) -> JsonObject:
        found["data"]["revisions"]["guard"]["v9"] = "package guard\n\ndefault allow := true\n"
        return found

    on.disturb(retouch)
    with pytest.raises(Rejected, match="somebody else changed it"):
        await on.apply("roll_back_policy", proposal)
    assert not on.wire.writes


async def test_a_kept_text_that_does_not_compile_is_refused_by_opa_and_the_other_stays() -> None:
    on = with_data(MODULE, revisions={"guard": {"v9": "allow := true", "v10": NEW}})
    proposal = await on.planned("roll_back_policy", {"revision": "v9"})
    with pytest.raises(Rejected, match="compiling module"):
        await on.apply("roll_back_policy", proposal)
    assert await on.read("roll_back_policy") == proposal.before


@pytest.mark.parametrize(
    ("name", "ref", "params"),
    [
        ("tighten_threshold", THRESHOLD, {"threshold": 0.1}),
        ("roll_back_policy", MODULE, {"revision": "v9"}),
    ],
)
async def test_what_a_bundle_owns_is_refused_by_opa(name: str, ref: JsonObject, params: JsonObject) -> None:
    on = opa(ref, bundles={"main": ["guardrails/toxicity", "guard"]})
    proposal = await on.planned(name, params)
    with pytest.raises(Rejected, match="is owned by bundle"):
        await on.apply(name, proposal)


async def test_opa_knows_no_test_in_a_patch_so_a_write_cannot_be_made_conditional() -> None:
    on = opa(RULE)
    api = OpaApi(Settings.model_validate(INTEGRATION.simulated), on.client)
    with pytest.raises(Rejected, match="bad patch operation"):
        await api.patch("guardrails/pii/enabled", {"op": "test", "path": "", "value": False})


async def test_what_is_gone_when_it_is_written_is_not_made_again() -> None:
    on = opa(RULE)
    proposal = await on.planned("enable_rule")
    on.world.meanwhile.append(("opa", with_other_data))
    with pytest.raises(Rejected, match="does not exist"):
        await on.apply("enable_rule", proposal)
    assert on.document == with_other_data(document())


async def test_an_opa_that_says_yes_and_does_nothing_shows_when_it_is_read() -> None:
    on = opa(RULE)
    proposal = await on.planned("enable_rule")
    on.wire.break_with(body(""), concerns="writes")
    await on.apply("enable_rule", proposal)
    assert await on.read("enable_rule") == proposal.before


async def test_an_answer_without_provenance_is_not_taken_for_nothing() -> None:
    on = opa(RULE)
    on.wire.break_with(body('{"result": true}'))
    with pytest.raises(Unavailable, match="not that of Open Policy Agent"):
        await on.read("enable_rule")


@pytest.mark.parametrize("path", ["../x", "a/../b", "..", "", "/a", "a/", "a//b", "a?b", "a#b", "a%2Fb", "a\nb"])
async def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(UserError, match="Open Policy Agent cannot take path"):
        await opa({"path": path}).read("enable_rule")
    with pytest.raises(UserError, match="Open Policy Agent cannot take policy"):
        await opa({**MODULE, "policy": path}).read("roll_back_policy")
