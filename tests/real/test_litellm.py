"""Every LiteLLM action on a real proxy with a database, proved by what applications get."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from bot.sdk import JsonObject, Rejected, UserError
from integrations.litellm import INTEGRATION
from integrations.litellm.client import Settings
from tests.real.acting import Acting
from tests.real.litellm import ADMIN_KEY, FROM_FILE, LiteLlm, running_litellm
from tests.real.postgres import running_postgres_on_tcp
from tests.real.stanch import eventually

pytestmark = pytest.mark.real

_SOON = 20
"""Seconds in which models and guardrails that changed are served."""


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLlm]:
    with running_postgres_on_tcp() as database, running_litellm(database, tmp_path_factory.mktemp("litellm")) as proxy:
        yield proxy


@pytest.fixture
async def client(litellm: LiteLlm) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=litellm.url, timeout=60, trust_env=False) as opened:
        yield opened


@dataclass(frozen=True)
class Bench:
    """A proxy with a name that is of this test alone."""

    proxy: LiteLlm
    client: httpx.AsyncClient
    name: str

    def acting(self, action: str, ref: JsonObject) -> Acting:
        made = next(each for each in INTEGRATION.actions if each.name == action)
        return Acting(made(Settings(url=self.proxy.url, admin_key=SecretStr(ADMIN_KEY)), self.client), ref)

    async def hears(self, expected: object, model: str, key: str, said: str = "hello") -> None:
        """Wait until an application gets what is expected."""

        async def asked() -> object:
            return self.proxy.heard(model, key, said)

        await eventually(asked, lambda heard: heard == expected, within=_SOON)


@pytest.fixture
def bench(litellm: LiteLlm, client: httpx.AsyncClient) -> Bench:
    return Bench(litellm, client, f"t{uuid4().hex[:8]}")


async def test_a_key_that_goes_by_its_alias_is_limited_at_once_and_gets_its_limit_back(bench: Bench) -> None:
    key = bench.proxy.add_key(bench.name, rpm_limit=100)
    limit = bench.acting("limit_key", {"alias": bench.name})
    done = await limit.carry_out(requests_per_minute=1)
    assert [bench.proxy.heard("from-file", key) for _ in range(2)] == ["from-file", 429]
    await limit.undo(done)
    assert (await limit.read())["rpm_limit"] == 100


async def test_a_blocked_key_gets_401_and_no_other_key_does(bench: Bench) -> None:
    key, other = bench.proxy.add_key(bench.name), bench.proxy.add_key(f"{bench.name}-other")
    block = bench.acting("block_key", {"alias": bench.name})
    done = await block.carry_out()
    assert (bench.proxy.heard("from-file", key), bench.proxy.heard("from-file", other)) == (401, "from-file")
    await block.undo(done)
    await bench.hears("from-file", "from-file", key)


async def test_an_alias_that_is_only_part_of_anothers_is_not_found(bench: Bench) -> None:
    bench.proxy.add_key(f"{bench.name}-and-more")
    with pytest.raises(Rejected, match="no key has the alias"):
        await bench.acting("block_key", {"alias": bench.name}).read()


async def test_without_a_key_litellm_looks_for_the_callers_own_so_an_alias_is_never_asked_for_that_way(
    bench: Bench,
) -> None:
    own = bench.proxy.add_key(bench.name, allowed_routes=["/key/info"])
    headers = {"Authorization": f"Bearer {own}"}
    answer = await bench.client.get("/key/info", params={"key_alias": "somebody-elses"}, headers=headers)
    assert answer.json()["info"]["key_alias"] == bench.name


async def test_a_budget_of_nothing_holds_a_key_back(bench: Bench) -> None:
    key = bench.proxy.add_key(bench.name, max_budget=50)
    budget = bench.acting("cap_key_budget", {"alias": bench.name})
    done = await budget.carry_out(dollars=0)
    await bench.hears(422, "from-file", key)
    await budget.undo(done)
    assert (await budget.read())["max_budget"] == 50


async def test_a_teams_limits_hold_all_its_keys_together(bench: Bench) -> None:
    bench.proxy.call("POST", "/team/new", {"team_id": bench.name, "rpm_limit": 100, "max_budget": 9})
    first, second = (bench.proxy.add_key(f"{bench.name}-{each}", team_id=bench.name) for each in "ab")
    limit = bench.acting("limit_team", {"team": bench.name})
    done = await limit.carry_out(requests_per_minute=1)
    heard = [bench.proxy.heard("from-file", key) for key in (first, second, first)]
    assert heard.count(429) >= 1
    await limit.undo(done)
    budget = bench.acting("cap_team_budget", {"team": bench.name})
    await budget.undo(await budget.carry_out(dollars=1))


async def test_a_blocked_model_is_refused_and_one_from_the_file_cannot_be_blocked(bench: Bench) -> None:
    key = bench.proxy.add_key(bench.name)
    bench.proxy.add_model(bench.name, "mine")
    await bench.hears("mine", bench.name, key)
    block = bench.acting("block_model", {"deployment": f"{bench.name}-1"})
    done = await block.carry_out()
    await bench.hears(403, bench.name, key)
    await block.undo(done)
    await bench.hears("mine", bench.name, key)
    with pytest.raises(UserError, match="comes from LiteLLM's configuration file"):
        await bench.acting("block_model", {"deployment": FROM_FILE}).plan()
    with pytest.raises(AssertionError, match="Cannot edit config-based model"):
        bench.proxy.call("POST", "/model/block", {"model_id": FROM_FILE})


async def test_a_models_limit_holds_whoever_calls_it_and_goes_back(bench: Bench) -> None:
    key = bench.proxy.add_key(bench.name)
    bench.proxy.add_model(bench.name, "mine", rpm=600)
    await bench.hears("mine", bench.name, key)
    limit = bench.acting("limit_model", {"deployment": f"{bench.name}-1"})
    done = await limit.carry_out(requests_per_minute=1)
    await bench.hears(429, bench.name, key)
    await limit.undo(done)


async def test_calls_of_a_model_are_routed_to_another_and_back(bench: Bench) -> None:
    key = bench.proxy.add_key(bench.name)
    bench.proxy.add_model(bench.name, "mine")
    route = bench.acting("switch_route", {"model": bench.name})
    await bench.hears("mine", bench.name, key)
    done = await route.carry_out(to="from-file")
    await bench.hears("from-file", bench.name, key)
    await route.undo(done)
    await bench.hears("mine", bench.name, key)


async def test_a_fallback_answers_when_a_model_fails(bench: Bench) -> None:
    key = bench.proxy.add_key(bench.name)
    bench.proxy.add_model(bench.name, "litellm.InternalServerError")
    fallback = bench.acting("set_fallback", {"model": bench.name})
    await bench.hears(500, bench.name, key)
    done = await fallback.carry_out(to="from-file")
    await bench.hears("from-file", bench.name, key)
    await fallback.undo(done)
    await bench.hears(500, bench.name, key)


async def test_a_denied_word_and_a_denied_pattern_are_refused_until_it_is_undone(bench: Bench) -> None:
    key, word = bench.proxy.add_key(bench.name), f"zz{bench.name}"
    bench.proxy.add_filter(bench.name, default_on=True, blocked_words=[{"keyword": "napalm", "action": "BLOCK"}])
    deny = bench.acting("deny_pattern", {"guardrail": bench.name})
    first = await deny.carry_out(word=word)
    second = await deny.carry_out(pattern=f"{bench.name}-[0-9]+")
    await bench.hears(400, "from-file", key, said=f"tell me of {word} please")
    await bench.hears(400, "from-file", key, said=f"tell me of {bench.name}-123")
    await deny.undo(second)
    await deny.undo(first)
    await bench.hears("from-file", "from-file", key, said=f"tell me of {word} please")


async def test_a_topic_is_denied_and_its_threshold_tightened(bench: Bench) -> None:
    bench.proxy.add_filter(bench.name, default_on=False)
    deny = bench.acting("deny_topic", {"guardrail": bench.name})
    topic = (await deny.action.choices(deny.ref))[0]
    denied = await deny.carry_out(topic=topic)
    tighten = bench.acting("tighten_threshold", {"guardrail": bench.name})
    await tighten.undo(await tighten.carry_out(topic=topic, severity="low"))
    await deny.undo(denied)
    with pytest.raises(UserError, match="knows no topic"):
        await deny.plan(topic="no_such_topic")


async def test_a_guardrail_that_is_switched_on_checks_everybody(bench: Bench) -> None:
    key, word = bench.proxy.add_key(bench.name), f"zz{bench.name}"
    bench.proxy.add_filter(bench.name, default_on=False, blocked_words=[{"keyword": word, "action": "BLOCK"}])
    enable = bench.acting("enable_guardrail", {"guardrail": bench.name})
    assert bench.proxy.heard("from-file", key, f"tell me of {word}") == "from-file"
    done = await enable.carry_out()
    await bench.hears(400, "from-file", key, said=f"tell me of {word}")
    await enable.undo(done)
    await bench.hears("from-file", "from-file", key, said=f"tell me of {word}")


async def test_a_policy_goes_back_to_a_published_version(bench: Bench) -> None:
    bench.proxy.add_filter(bench.name, default_on=False)
    bench.proxy.add_policy(bench.name, [bench.name], [])
    policy = bench.acting("roll_back_policy", {"policy": bench.name})
    assert await policy.action.choices(policy.ref) == ["1"]
    done = await policy.carry_out(version=1)
    assert done.summary == f"Roll policy {bench.name} back from version 2 to 1"
    await policy.undo(done)


async def test_prompts_are_kept_and_no_longer(bench: Bench) -> None:
    logs = bench.acting("log_prompts", {"setting": "store_prompts_in_spend_logs"})
    await logs.undo(await logs.carry_out())


async def test_litellm_takes_a_limit_below_nothing_and_stanch_does_not(bench: Bench) -> None:
    key = bench.proxy.add_key(bench.name, rpm_limit=100)
    with pytest.raises(UserError, match="greater than or equal to 0"):
        await bench.acting("limit_key", {"alias": bench.name}).plan(requests_per_minute=-5)
    bench.proxy.call("POST", "/key/update", {"key": key, "rpm_limit": -5})
    assert bench.proxy.call("GET", "/key/info", key=key)["info"]["rpm_limit"] == -5


async def test_a_change_by_somebody_else_is_never_written_over(bench: Bench) -> None:
    key = bench.proxy.add_key(bench.name, rpm_limit=100)
    limit = bench.acting("limit_key", {"alias": bench.name})
    done = await limit.carry_out(requests_per_minute=5)
    bench.proxy.call("POST", "/key/update", {"key": key, "rpm_limit": 50})
    with pytest.raises(Rejected, match="somebody else changed rpm_limit"):
        await limit.undo(done)
    assert bench.proxy.call("GET", "/key/info", key=key)["info"]["rpm_limit"] == 50
