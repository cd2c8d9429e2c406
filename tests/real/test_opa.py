"""The OPA actions on a stand-in that evaluates real Rego, proved by the decisions that an application gets."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from bot.sdk import Action, JsonObject, Rejected
from integrations.opa import INTEGRATION
from integrations.opa.client import OpaApi, Settings
from integrations.opa.denied import DenyPattern, DenyTopic
from integrations.opa.policies import RollBackPolicy
from integrations.opa.values import EnableRule, RaiseLogSampling, TightenThreshold
from tests.real.acting import Acting
from tests.real.processes import REPOSITORY, NotStarted, answers_at, free_port, running

pytestmark = pytest.mark.real

_REGO = REPOSITORY / ".cache" / "real" / "rego"
THRESHOLD: JsonObject = {"path": "limits/toxicity", "stricter": "lower", "least": 0, "most": 1}
MODULE: JsonObject = {"policy": "guard.rego", "kept": "revisions/guard"}

CAREFUL = r"""package guard

import rego.v1

default allow := false

allow if not denied

denied if input.toxicity >= data.limits.toxicity

denied if data.denied.topics[input.topic]

denied if {
	some pattern in data.denied.patterns
	regex.match(pattern, input.text)
}

denied if {
	data.rules.cards.enabled
	regex.match(`\b[0-9]{16}\b`, input.text)
}

default log := false

log if input.dice < data.logging.share
"""
CARELESS = """package guard

default allow := true
"""


def _document() -> JsonObject:
    return {
        "data": {
            "limits": {"toxicity": 0.8},
            "denied": {"topics": {"weapons": True}, "patterns": ["[Nn]apalm"]},
            "rules": {"cards": {"enabled": False}},
            "logging": {"share": 0.05},
            "revisions": {"guard": {"v9": CAREFUL, "v10": CARELESS, "broken": "package guard\n\nallow if {\n"}},
        },
        "policies": {"guard.rego": CAREFUL},
    }


class Application:
    """What asks for decisions."""

    def __init__(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {INTEGRATION.simulated['token']}"}
        self._client = httpx.Client(base_url=url, headers=headers, trust_env=False)

    def decided(self, rule: str = "allow", **given: object) -> bool:
        asked = {"toxicity": 0.1, "topic": "weather", "text": "Will it rain?", "dice": 0.5, **given}
        answer = self._client.post(f"/v1/data/guard/{rule}", json={"input": asked}).raise_for_status()
        decided: bool = answer.json()["result"]
        return decided

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def opa(tmp_path: Path) -> Iterator[str]:
    """The address of a stand-in of this test alone."""
    if not _REGO.exists():
        raise NotStarted("rego-cpp is not installed: run `.ci/real-setup` first.")
    (tmp_path / "opa.json").write_text(json.dumps(_document()))
    port = free_port()
    path = os.pathsep.join([str(REPOSITORY), str(_REGO)])
    command = [str(REPOSITORY / ".venv" / "bin" / "python"), "-m", "tests.real.opa_stand_in", str(port)]
    url = f"http://127.0.0.1:{port}"
    with running(
        [*command, str(tmp_path / "opa.json")],
        answers_at(f"{url}/health"),
        log=tmp_path / "opa.log",
        env={"PYTHONPATH": path},
    ):
        yield url


@pytest.fixture
def application(opa: str) -> Iterator[Application]:
    asking = Application(opa)
    yield asking
    asking.close()


@pytest.fixture
async def client(opa: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=opa, timeout=30, trust_env=False) as opened:
        yield opened


def acting(made: type[Action], ref: JsonObject, client: httpx.AsyncClient) -> Acting:
    return Acting(made(_settings(client), client), ref)


def _settings(client: httpx.AsyncClient) -> Settings:
    return Settings.model_validate({**INTEGRATION.simulated, "url": str(client.base_url)})


async def test_a_tightened_threshold_denies_what_it_let_through(
    application: Application, client: httpx.AsyncClient
) -> None:
    threshold = acting(TightenThreshold, THRESHOLD, client)
    assert application.decided(toxicity=0.6)
    done = await threshold.carry_out(threshold=0.5)
    assert not application.decided(toxicity=0.6)
    assert application.decided(toxicity=0.4)
    await threshold.undo(done)
    assert application.decided(toxicity=0.6)


async def test_a_denied_topic_is_refused_and_no_other_is(application: Application, client: httpx.AsyncClient) -> None:
    topics = acting(DenyTopic, {"path": "denied/topics"}, client)
    assert application.decided(topic="self-harm 100%/~")
    done = await topics.carry_out(topic="self-harm 100%/~")
    assert not application.decided(topic="self-harm 100%/~")
    assert not application.decided(topic="weapons")
    assert application.decided(topic="weather")
    await topics.undo(done)
    assert application.decided(topic="self-harm 100%/~")


async def test_a_denied_pattern_refuses_what_it_matches_and_nothing_else(
    application: Application, client: httpx.AsyncClient
) -> None:
    patterns = acting(DenyPattern, {"path": "denied/patterns"}, client)
    assert application.decided(text="how to cook SARIN")
    done = await patterns.carry_out(pattern=r"\b(SARIN|sarin)\b")
    assert not application.decided(text="how to cook SARIN")
    assert application.decided(text="how to cook sardines")
    await patterns.undo(done)
    assert application.decided(text="how to cook SARIN")


async def test_a_rule_that_is_switched_on_decides(application: Application, client: httpx.AsyncClient) -> None:
    rule = acting(EnableRule, {"path": "rules/cards/enabled"}, client)
    assert application.decided(text="my card is 4111111111111111")
    done = await rule.carry_out()
    assert not application.decided(text="my card is 4111111111111111")
    await rule.undo(done)
    assert application.decided(text="my card is 4111111111111111")


async def test_a_larger_share_of_logs_is_kept_and_nothing_else_changes(
    application: Application, client: httpx.AsyncClient
) -> None:
    sampling = acting(RaiseLogSampling, {"path": "logging/share"}, client)
    assert not application.decided("log", dice=0.5)
    done = await sampling.carry_out(share=1)
    assert application.decided("log", dice=0.5)
    assert application.decided()
    await sampling.undo(done)
    assert not application.decided("log", dice=0.5)


async def test_a_policy_that_was_rolled_out_by_mistake_is_rolled_back(
    application: Application, client: httpx.AsyncClient
) -> None:
    await OpaApi(_settings(client), client).put_policy("guard.rego", CARELESS)
    assert application.decided(toxicity=0.99)
    policy = acting(RollBackPolicy, MODULE, client)
    done = await policy.carry_out(revision="v9")
    assert not application.decided(toxicity=0.99)
    assert done.summary == "Roll policy guard.rego back from v10 to v9"
    await policy.undo(done)
    assert application.decided(toxicity=0.99)


async def test_a_kept_text_that_does_not_compile_is_refused_and_the_guard_stays(
    application: Application, client: httpx.AsyncClient
) -> None:
    policy = acting(RollBackPolicy, MODULE, client)
    proposal = await policy.plan(revision="broken")
    with pytest.raises(Rejected, match="compiling module"):
        await policy.apply(proposal)
    assert await policy.read() == proposal.before
    assert not application.decided(toxicity=0.99)


async def test_a_change_by_somebody_else_is_never_written_over(
    application: Application, client: httpx.AsyncClient
) -> None:
    threshold = acting(TightenThreshold, THRESHOLD, client)
    done = await threshold.carry_out(threshold=0.5)
    api = OpaApi(_settings(client), client)
    await api.patch("limits/toxicity", {"op": "replace", "path": "", "value": 0.3})
    with pytest.raises(Rejected, match="somebody else changed it"):
        await threshold.undo(done)
    assert not application.decided(toxicity=0.4)
