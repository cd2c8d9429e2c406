"""What the plans of the LiteLLM actions say, and the cases in which they refuse."""

import copy

import httpx
import pytest

from bot.sdk import JsonObject, Rejected, Unavailable, UserError
from integrations.litellm.filters import as_sent, by_word, named_patterns
from integrations.litellm.keys import BlockKey
from tests.integrations.litellm.contract import (
    ASSISTANT,
    ASSISTANT_KEY,
    BATCH,
    DEPLOYMENT,
    GUARDRAIL,
    KEY,
    OFF,
    POLICY,
    ROUTE,
    SETTING,
    TEAM,
    WORLD,
)
from tests.integrations.litellm.simulated import SETTINGS, SimulatedLiteLlm


def router(**settings: object) -> JsonObject:
    return {"optional_pre_call_checks": ["enforce_model_rate_limits"], **settings}


class TestKeysAndTeams:
    async def test_a_limit_says_whom_it_touches_and_what_counts(self) -> None:
        proposal = await SimulatedLiteLlm().plan("limit_key", KEY, requests_per_minute=5, tokens_per_minute=1_000)
        assert proposal.summary == "Limit key assistant to 5 requests a minute, 1,000 tokens a minute"
        assert proposal.blast_radius == (
            f"key sk-...{ASSISTANT[-4:]}",
            "alias assistant",
            "models: assistant-main",
            "requests a minute: 100 -> 5",
            "tokens a minute: no limit -> 1,000",
            "what is over the limit is refused with 429; what was sent this minute counts",
        )

    async def test_a_limit_of_minus_five_is_refused_here_because_litellm_would_take_it(self) -> None:
        litellm = SimulatedLiteLlm()
        with pytest.raises(UserError, match="requests_per_minute"):
            await litellm.plan("limit_key", KEY, requests_per_minute=-5)
        admin = {"Authorization": "Bearer sk-simulated"}
        answer = await litellm.client.post("/key/update", json={"key": ASSISTANT, "rpm_limit": -5}, headers=admin)
        assert answer.status_code == 200
        assert await litellm.heard() == 429

    async def test_a_limit_is_lowered_where_it_is_above_and_never_raised(self) -> None:
        litellm = SimulatedLiteLlm()
        proposal = await litellm.plan("limit_key", KEY, requests_per_minute=500, tokens_per_minute=10)
        assert (proposal.after["rpm_limit"], proposal.after["tpm_limit"]) == (100, 10)
        with pytest.raises(UserError, match="is at requests a minute 100 already; this only lowers a limit"):
            await litellm.plan("limit_key", KEY, requests_per_minute=500)

    async def test_undo_takes_away_a_limit_that_was_not_there(self) -> None:
        litellm = SimulatedLiteLlm()
        done = await litellm.carry_out("limit_key", KEY, tokens_per_minute=0)
        assert await litellm.heard() == 429
        await litellm.undo("limit_key", KEY, done)
        assert litellm.document()["keys"][ASSISTANT]["tpm_limit"] is None
        assert await litellm.heard() == "main heard: hello"

    async def test_no_more_requests_at_all_says_so(self) -> None:
        proposal = await SimulatedLiteLlm().plan("limit_team", TEAM, requests_per_minute="0")
        assert proposal.blast_radius[-1] == "every request is refused with 429"

    async def test_a_budget_is_only_lowered(self) -> None:
        litellm = SimulatedLiteLlm()
        assert (await litellm.plan("cap_key_budget", KEY, dollars="2.5")).after["max_budget"] == 2.5
        with pytest.raises(UserError, match="has a budget of 50 dollars already"):
            await litellm.plan("cap_key_budget", KEY, dollars=51)

    async def test_a_key_goes_by_one_of_hash_and_alias_and_never_by_itself(self) -> None:
        litellm = SimulatedLiteLlm()
        for ref in ({}, {"hash": ASSISTANT, "alias": "assistant"}, {"hash": ASSISTANT_KEY}):
            with pytest.raises(UserError):
                await litellm.action("block_key").read(ref)
        assert await litellm.action("block_key").read(KEY) == await litellm.action("block_key").read(
            {"hash": ASSISTANT}
        )

    async def test_an_older_containment_can_be_taken_back_from_under_a_younger_one_on_the_same_key(self) -> None:
        litellm = SimulatedLiteLlm()
        older = await litellm.carry_out("limit_key", KEY, requests_per_minute=5)
        await litellm.carry_out("block_key", KEY)
        before = {**older.after, "blocked": True}
        await litellm.action("limit_key").apply(KEY, before, {**before, "rpm_limit": 100}, key="k")
        key = litellm.document()["keys"][ASSISTANT]
        assert (key["rpm_limit"], key["blocked"]) == (100, True)


class TestModels:
    async def test_a_model_of_the_configuration_file_cannot_be_blocked_and_the_plan_says_so(self) -> None:
        for action, params in (("block_model", {}), ("limit_model", {"requests_per_minute": 1})):
            with pytest.raises(UserError, match="comes from LiteLLM's configuration file, which its API cannot change"):
                await SimulatedLiteLlm().plan(action, {"deployment": "file-1"}, **params)

    async def test_a_limit_that_could_not_be_taken_away_again_is_not_set(self) -> None:
        with pytest.raises(UserError, match="has no rpm, and LiteLLM cannot take a limit away again"):
            await SimulatedLiteLlm().plan("limit_model", {"deployment": "backup-1"}, requests_per_minute=1)

    async def test_a_limit_that_this_proxy_does_not_enforce_is_not_set(self) -> None:
        litellm = SimulatedLiteLlm(router={"optional_pre_call_checks": []})
        with pytest.raises(UserError, match="does not enforce limits of models"):
            await litellm.plan("limit_model", DEPLOYMENT, requests_per_minute=1)

    async def test_a_limit_names_the_model(self) -> None:
        proposal = await SimulatedLiteLlm().plan("limit_model", DEPLOYMENT, requests_per_minute=9)
        assert proposal.blast_radius == (
            "model assistant-main",
            "requests a minute: 60 -> 9",
            "what is over the limit is refused with 429; what was sent this minute counts",
        )
        assert proposal.before.keys() == proposal.after.keys()

    async def test_blocking_the_last_deployment_refuses_callers_and_says_so(self) -> None:
        litellm = SimulatedLiteLlm()
        proposal = await litellm.carry_out("block_model", DEPLOYMENT)
        assert proposal.blast_radius[-1].endswith("without another one, callers are refused with 403")
        assert await litellm.heard() == 403


class TestRoutes:
    async def test_choices_put_the_fallback_first(self) -> None:
        litellm = SimulatedLiteLlm(router=router(fallbacks=[{"assistant-main": ["assistant-file"]}]))
        assert await litellm.action("switch_route").choices(ROUTE) == ["assistant-file", "assistant-backup"]

    async def test_a_route_to_a_model_that_is_not_there_is_not_written_because_every_request_would_fail(self) -> None:
        litellm = SimulatedLiteLlm()
        with pytest.raises(Rejected, match="there is no model gone, only assistant-backup, assistant-file"):
            await litellm.carry_out("switch_route", ROUTE, to="gone")
        assert await litellm.heard() == "main heard: hello"

    async def test_a_model_that_is_added_meanwhile_does_not_keep_a_route_from_being_undone(self) -> None:
        litellm = SimulatedLiteLlm()
        done = await litellm.carry_out("switch_route", ROUTE, to="assistant-backup")
        added = {**WORLD["deployments"], "new-1": {"model_name": "new"}}
        litellm.world.disturb("litellm", lambda document: {**document, "deployments": added})
        await litellm.undo("switch_route", ROUTE, done)
        assert await litellm.heard() == "main heard: hello"

    async def test_a_route_of_another_model_is_kept(self) -> None:
        litellm = SimulatedLiteLlm(router=router(model_group_alias={"assistant-backup": "assistant-file"}))
        done = await litellm.carry_out("switch_route", ROUTE, to="assistant-backup")
        routes = litellm.document()["router"]["model_group_alias"]
        assert routes == {"assistant-backup": "assistant-file", "assistant-main": "assistant-backup"}
        await litellm.undo("switch_route", ROUTE, done)
        assert litellm.document()["router"]["model_group_alias"] == {"assistant-backup": "assistant-file"}

    async def test_a_hidden_route_stays_hidden_and_comes_back(self) -> None:
        hidden = {"model": "assistant-file", "hidden": True}
        litellm = SimulatedLiteLlm(router=router(model_group_alias={"assistant-main": hidden}))
        done = await litellm.carry_out("switch_route", ROUTE, to="assistant-backup")
        assert done.after["route"] == {"model": "assistant-backup", "hidden": True}
        assert done.blast_radius[-1] == "answered by: assistant-file -> assistant-backup"
        await litellm.undo("switch_route", ROUTE, done)
        assert litellm.document()["router"]["model_group_alias"] == {"assistant-main": hidden}

    @pytest.mark.parametrize(
        ("action", "setting"), [("switch_route", "model_group_alias"), ("set_fallback", "fallbacks")]
    )
    async def test_what_the_configuration_file_sets_is_not_planned(self, action: str, setting: str) -> None:
        litellm = SimulatedLiteLlm(router=router(from_file=[setting]))
        with pytest.raises(UserError, match=f"configuration file sets {setting}"):
            await litellm.plan(action, ROUTE, to="assistant-backup")

    async def test_a_fallback_is_removed_by_undo_or_put_back(self) -> None:
        for rules in ([], [{"assistant-main": ["assistant-file", "assistant-backup"]}]):
            litellm = SimulatedLiteLlm(router=router(fallbacks=rules))
            done = await litellm.carry_out("set_fallback", ROUTE, to="assistant-backup")
            assert litellm.document()["router"]["fallbacks"] == [{"assistant-main": ["assistant-backup"]}]
            await litellm.undo("set_fallback", ROUTE, done)
            assert litellm.document()["router"]["fallbacks"] == rules


class TestGuardrails:
    async def test_a_word_is_added_and_removed_and_the_others_stay(self) -> None:
        litellm = SimulatedLiteLlm()
        before = copy.deepcopy(litellm.document()["guardrails"]["words"]["params"])
        done = await litellm.carry_out("deny_pattern", GUARDRAIL, word=" Sarin ")
        assert done.summary == "Let guardrail words refuse sarin"
        assert done.blast_radius[0] == "checked on: pre_call"
        words = litellm.document()["guardrails"]["words"]["params"]["blocked_words"]
        assert [word["keyword"] for word in words] == ["napalm", "sarin"]
        await litellm.undo("deny_pattern", GUARDRAIL, done)
        after = litellm.document()["guardrails"]["words"]["params"]
        assert {name: after[name] for name in before} == before

    async def test_two_patterns_can_be_taken_back_one_by_one(self) -> None:
        litellm = SimulatedLiteLlm()
        first = await litellm.carry_out("deny_pattern", GUARDRAIL, pattern="AAA[0-9]")
        second = await litellm.carry_out("deny_pattern", GUARDRAIL, pattern="BBB[0-9]")
        added = set(first.after["patterns"]) - set(first.before["patterns"])
        without_first = {name: each for name, each in second.after["patterns"].items() if name not in added}
        wanted = {**second.after, "patterns": without_first}
        await litellm.action("deny_pattern").apply(GUARDRAIL, second.after, wanted, key="k")
        assert [await litellm.heard(said) for said in ("AAA1", "BBB1")] == ["main heard: AAA1", 400]

    async def test_a_pattern_that_is_only_masked_is_refused_from_now_on(self) -> None:
        litellm = SimulatedLiteLlm()
        await litellm.carry_out("deny_pattern", GUARDRAIL, pattern="ACCT-[0-9]+")
        assert await litellm.heard("ACCT-1") == 400

    @pytest.mark.parametrize("pattern", [".*", "a?", "^", "x|", "(?i)y*"])
    async def test_a_pattern_that_would_block_everything_is_refused(self, pattern: str) -> None:
        with pytest.raises(UserError, match="would block every request"):
            await SimulatedLiteLlm().plan("deny_pattern", GUARDRAIL, pattern=pattern)

    async def test_a_topic_that_litellm_does_not_know_is_refused_here_because_it_would_block_nothing(self) -> None:
        litellm = SimulatedLiteLlm()
        with pytest.raises(UserError, match="choose one of: denied_medical_advice, harmful_self_harm"):
            await litellm.plan("deny_topic", GUARDRAIL, topic="no_such_topic")
        assert await litellm.action("deny_topic").choices(GUARDRAIL) == ["denied_medical_advice"]

    async def test_a_threshold_is_only_lowered(self) -> None:
        litellm = SimulatedLiteLlm()
        assert await litellm.heard("suicide") == "main heard: suicide"
        done = await litellm.carry_out("tighten_threshold", GUARDRAIL, topic="harmful_self_harm", severity="low")
        assert done.blast_radius[-1] == "severity: high -> low"
        assert await litellm.heard("suicide") == 400
        with pytest.raises(UserError, match="from low severity on already"):
            await litellm.plan("tighten_threshold", GUARDRAIL, topic="harmful_self_harm", severity="medium")

    @pytest.mark.parametrize("action", ["deny_pattern", "deny_topic", "tighten_threshold", "enable_guardrail"])
    async def test_a_guardrail_of_the_configuration_file_is_not_planned(self, action: str) -> None:
        params: dict[str, JsonObject] = {
            "deny_pattern": {"word": "sarin"},
            "deny_topic": {"topic": "harmful_self_harm"},
            "tighten_threshold": {"topic": "harmful_self_harm", "severity": "low"},
        }
        with pytest.raises(UserError, match="comes from LiteLLM's configuration file"):
            await SimulatedLiteLlm().plan(action, {"guardrail": "filed"}, **params.get(action, {}))

    async def test_another_vendors_guardrail_has_no_words_and_can_only_be_switched_on(self) -> None:
        litellm = SimulatedLiteLlm()
        with pytest.raises(UserError, match="is a bedrock"):
            await litellm.plan("deny_pattern", {"guardrail": "vendor"}, word="sarin")
        assert (await litellm.plan("enable_guardrail", {"guardrail": "vendor"})).after["on"] is True

    async def test_denying_on_a_guardrail_that_is_off_says_whom_it_reaches(self) -> None:
        proposal = await SimulatedLiteLlm().plan("deny_pattern", OFF, word="sarin")
        assert "it is not on by default" in proposal.blast_radius[1]

    def test_lists_keep_their_order_and_twins_are_told_apart(self) -> None:
        patterns = [{"name": "a", "pattern": "1"}, {"name": "a", "pattern": "2"}, {"pattern": "3"}]
        named = named_patterns(patterns)
        assert list(named) == ["a", "a (2)", "unnamed"]
        assert as_sent(named, {"new": {"pattern": "4"}, **dict(reversed(named.items()))}) == [
            *patterns,
            {"pattern": "4"},
        ]
        assert by_word(None) == {}


class TestPoliciesAndLogs:
    async def test_choices_are_the_published_versions_the_last_one_in_force_first(self) -> None:
        assert await SimulatedLiteLlm().action("roll_back_policy").choices(POLICY) == ["2", "1"]

    async def test_a_roll_back_says_what_each_version_does(self) -> None:
        proposal = await SimulatedLiteLlm().plan("roll_back_policy", POLICY, version="2")
        assert proposal.summary == "Roll policy baseline back from version 3 to 2"
        assert proposal.blast_radius[1:] == ("version 3: adds nothing; 'Looser'", "version 2: adds pii, words")

    async def test_a_policy_without_a_version_in_force_is_not_rolled_back(self) -> None:
        litellm = SimulatedLiteLlm(policies={"baseline": [{"version_number": 1}]})
        with pytest.raises(UserError, match="has no version in force"):
            await litellm.plan("roll_back_policy", POLICY, version=1)

    async def test_keeping_prompts_warns_of_personal_data_and_undo_unsets_it(self) -> None:
        litellm = SimulatedLiteLlm()
        done = await litellm.carry_out("log_prompts", SETTING)
        assert "personal data" in done.blast_radius[1]
        await litellm.undo("log_prompts", SETTING, done)
        assert litellm.document()["settings"] == {"store_prompts_in_spend_logs": None}


class TestFaults:
    async def test_a_time_out_after_litellm_applied_the_change_is_found_by_reading(self) -> None:
        litellm = SimulatedLiteLlm(faults=[{"answer": "applied_then_504"}])
        proposal = await litellm.plan("block_key", KEY)
        with pytest.raises(Unavailable):
            await litellm.action("block_key").apply(KEY, proposal.before, proposal.after, key="k")
        assert await litellm.action("block_key").read(KEY) == proposal.after

    async def test_a_litellm_that_says_yes_and_does_nothing_is_found_by_reading(self) -> None:
        litellm = SimulatedLiteLlm(faults=[{"answer": "ignored"}])
        done = await litellm.carry_out("block_key", KEY)
        assert await litellm.action("block_key").read(KEY) == done.before != done.after

    async def test_undo_of_a_key_that_was_deleted_says_that_it_is_gone(self) -> None:
        litellm = SimulatedLiteLlm()
        done = await litellm.carry_out("block_key", KEY)
        litellm.world.disturb("litellm", lambda document: {**document, "keys": {}})
        with pytest.raises(Rejected, match="no key has the alias assistant"):
            await litellm.undo("block_key", KEY, done)

    async def test_an_alias_that_two_keys_share_names_none_of_them(self) -> None:
        keys = {**WORLD["keys"], BATCH: {"key_alias": "assistant"}}
        with pytest.raises(Rejected, match="2 keys have the alias assistant"):
            await SimulatedLiteLlm(keys=keys).action("block_key").read(KEY)

    async def test_an_answer_about_another_key_is_not_taken_for_the_one_that_was_asked_for(self) -> None:
        """LiteLLM tells of the caller's own key where it does not see which one is asked for."""
        own = {"key": "f" * 64, "info": {"models": [], "key_alias": "stanch"}}
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(lambda _: httpx.Response(200, json=own)), base_url=SETTINGS.url
        ) as client:
            with pytest.raises(Unavailable, match="not that of a LiteLLM proxy"):
                await BlockKey(SETTINGS, client).read({"hash": ASSISTANT})

    async def test_a_change_of_which_half_was_written_is_completed(self) -> None:
        litellm = SimulatedLiteLlm()
        reading = await litellm.action("block_key").read(KEY)
        both = {**reading, "blocked": True, "rpm_limit": 1}
        litellm.world.disturb("litellm", _blocked)
        await litellm.action("block_key").apply(KEY, reading, both, key="k")
        assert await litellm.action("block_key").read(KEY) == both

    async def test_a_guardrail_that_is_not_there_is_named(self) -> None:
        litellm = SimulatedLiteLlm()
        with pytest.raises(Rejected, match="there is no guardrail nobody"):
            await litellm.action("enable_guardrail").read({"guardrail": "nobody"})


def _blocked(document: JsonObject) -> JsonObject:
    keys = {**document["keys"], ASSISTANT: {**document["keys"][ASSISTANT], "blocked": True}}
    return {**document, "keys": keys}
