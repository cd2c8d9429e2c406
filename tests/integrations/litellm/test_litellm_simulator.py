"""The simulated LiteLLM as applications see it; what it shares with a real one is in tests/real."""

from datetime import timedelta

import pytest

from bot.sdk import AuthFailed, RateLimited, Unavailable
from integrations.litellm.client import Settings
from integrations.litellm.keys import BlockKey
from tests.integrations.litellm.contract import (
    ASSISTANT_KEY,
    BATCH_KEY,
    DEPLOYMENT,
    GUARDRAIL,
    KEY,
    OFF,
    POLICY,
    ROUTE,
    TEAM,
    WORLD,
)
from tests.integrations.litellm.simulated import SETTINGS, SimulatedLiteLlm


async def test_a_blocked_key_answers_401_and_other_keys_go_on() -> None:
    litellm = SimulatedLiteLlm()
    done = await litellm.carry_out("block_key", KEY)
    assert await litellm.heard() == 401
    assert await litellm.heard(key=BATCH_KEY) == "main heard: hello"
    await litellm.undo("block_key", KEY, done)
    assert await litellm.heard() == "main heard: hello"


async def test_a_limit_holds_for_a_minute_and_counts_what_was_sent_before_it() -> None:
    litellm = SimulatedLiteLlm()
    await litellm.heard()
    await litellm.carry_out("limit_key", KEY, requests_per_minute=2)
    assert [await litellm.heard() for _ in range(3)] == ["main heard: hello", 429, 429]
    assert (await litellm.ask()).headers["Retry-After"] == "60"
    litellm.pass_time(timedelta(minutes=1))
    assert await litellm.heard() == "main heard: hello"


async def test_a_team_limit_counts_its_keys_and_no_others() -> None:
    litellm = SimulatedLiteLlm()
    await litellm.carry_out("limit_team", TEAM, requests_per_minute=0)
    assert [await litellm.heard(key=BATCH_KEY), await litellm.heard()] == [429, "main heard: hello"]


async def test_a_model_limit_counts_everybody() -> None:
    litellm = SimulatedLiteLlm()
    await litellm.carry_out("limit_model", DEPLOYMENT, requests_per_minute=1)
    assert [await litellm.heard(), await litellm.heard(key=BATCH_KEY)] == ["main heard: hello", 429]


async def test_a_budget_of_nothing_refuses() -> None:
    litellm = SimulatedLiteLlm()
    await litellm.carry_out("cap_key_budget", KEY, dollars=0)
    assert await litellm.heard() == 422


async def test_a_switched_route_answers_from_the_other_model_under_the_same_name() -> None:
    litellm = SimulatedLiteLlm()
    done = await litellm.carry_out("switch_route", ROUTE, to="assistant-backup")
    answer = (await litellm.ask()).json()
    assert answer["model"] == "assistant-main"
    assert answer["choices"][0]["message"]["content"] == "backup heard: hello"
    await litellm.undo("switch_route", ROUTE, done)
    assert await litellm.heard() == "main heard: hello"


async def test_a_fallback_answers_only_when_the_model_fails() -> None:
    failing = {**WORLD["deployments"], "main-1": {**WORLD["deployments"]["main-1"], "fails": True}}
    litellm = SimulatedLiteLlm(deployments=failing)
    assert await litellm.heard() == 500
    await litellm.carry_out("set_fallback", ROUTE, to="assistant-backup")
    assert await litellm.heard() == "backup heard: hello"
    assert await SimulatedLiteLlm().heard() == "main heard: hello"


async def test_words_patterns_and_topics_are_refused_once_denied() -> None:
    litellm = SimulatedLiteLlm()
    said = ["make Napalm now", "SSN-123456789", "the dosage", "hello"]
    assert [await litellm.heard(each) for each in said] == [400, *(f"main heard: {each}" for each in said[1:])]
    await litellm.carry_out("deny_pattern", GUARDRAIL, pattern="SSN-[0-9]{9}")
    await litellm.carry_out("deny_topic", GUARDRAIL, topic="denied_medical_advice")
    assert [await litellm.heard(each) for each in said] == [400, 400, 400, "main heard: hello"]


async def test_a_guardrail_that_is_switched_on_checks_everybody() -> None:
    litellm = SimulatedLiteLlm()
    assert await litellm.heard("my passport") == "main heard: my passport"
    await litellm.carry_out("enable_guardrail", OFF)
    assert await litellm.heard("my passport") == 400


async def test_a_policy_version_that_is_put_in_force_again_brings_its_guardrails_back() -> None:
    litellm = SimulatedLiteLlm()
    assert await litellm.heard("my passport") == "main heard: my passport"
    done = await litellm.carry_out("roll_back_policy", POLICY, version=2)
    assert await litellm.heard("my passport") == 400
    await litellm.undo("roll_back_policy", POLICY, done)
    assert await litellm.heard("my passport") == "main heard: my passport"


async def test_a_key_of_an_application_is_not_an_admin() -> None:
    litellm = SimulatedLiteLlm()
    for key in (ASSISTANT_KEY, "sk-wrong"):
        settings = Settings.model_validate({"url": SETTINGS.url, "admin_key": key})
        with pytest.raises(AuthFailed):
            await BlockKey(settings, litellm.client).read(KEY)


@pytest.mark.parametrize(
    ("answer", "error"),
    [("401", AuthFailed), ("429", RateLimited), ("500", Unavailable), ("garbage", Unavailable)],
)
async def test_faults_are_used_up(answer: str, error: type[Exception]) -> None:
    litellm = SimulatedLiteLlm(faults=[{"answer": answer, "times": 2, "on": "all"}])
    for _ in range(2):
        with pytest.raises(error):
            await litellm.action("block_key").read(KEY)
    assert await litellm.action("block_key").read(KEY)
    assert litellm.document()["faults"] == []


async def test_a_write_that_fails_at_the_gateway_changes_nothing() -> None:
    litellm = SimulatedLiteLlm(faults=[{"answer": "500"}])
    proposal = await litellm.plan("block_key", KEY)
    with pytest.raises(Unavailable):
        await litellm.action("block_key").apply(KEY, proposal.before, proposal.after, key="k")
    assert await litellm.action("block_key").read(KEY) == proposal.before
