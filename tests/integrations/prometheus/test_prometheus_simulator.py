"""The simulated Prometheus: harm that follows what is done to other connections, seen through the real reader."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from bot.sdk import JsonObject, Rejected, Sample, Simulator
from integrations.prometheus import INTEGRATION
from integrations.prometheus.rules import Series
from integrations.prometheus.signals import PrometheusSignals, Settings
from tests.integrations.contract import NOW
from tests.integrations.world import MemoryWorld

SINCE = NOW - timedelta(minutes=10)
FLAG_ON = {"connection": "flags", "pointer": "/assistant/enabled", "equals": True}
KILL_SWITCH_OFF = {"connection": "flags", "pointer": "/kill~1switch/enabled", "differs_from": True}


class Scene:
    """A simulated Prometheus, its reader, and a clock that is moved by hand."""

    def __init__(self, condition: JsonObject) -> None:
        series = {
            "while": condition,
            "since": SINCE.isoformat(),
            "harmful": 4.0,
            "clean": 0.1,
            "falls_within": 60,
        }
        flags = {"assistant": {"enabled": True}, "kill/switch": {"enabled": False}, "rollouts": [{"percent": "100"}]}
        self.world = MemoryWorld({"prometheus": {"series": {"harm": series}}, "flags": flags})
        self.at = NOW
        assert INTEGRATION.simulator
        app = INTEGRATION.simulator(Simulator("prometheus", self.world, lambda: self.at))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://prometheus.simulated")

    def set(self, name: str, *, enabled: bool, changed_at: datetime | None = None) -> None:
        changed = {"changed_at": changed_at.isoformat()} if changed_at else {}
        self.world.disturb("flags", lambda document: {**document, name: {"enabled": enabled, **changed}})

    async def samples(self, minutes: int = 15, query: str = "harm", step: int = 60) -> list[Sample]:
        reader = PrometheusSignals(Settings(url="http://prometheus.simulated"), self.client)
        start = self.at - timedelta(minutes=minutes)
        return list(await reader.samples(query, start, self.at, timedelta(seconds=step)))

    async def harmful_minutes(self) -> list[int]:
        """Return the minutes before now in which the harm is measured."""
        return [int((self.at - sample.at).total_seconds()) // 60 for sample in await self.samples() if sample.value > 1]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene({"all_of": [FLAG_ON, KILL_SWITCH_OFF]})
    async with made.client:
        yield made


async def test_the_harm_is_measured_from_when_it_began_and_ripples_the_same_way_each_time(scene: Scene) -> None:
    assert await scene.harmful_minutes() == list(range(10, -1, -1))
    values = [sample.value for sample in await scene.samples()]
    assert values == [sample.value for sample in await scene.samples()]
    assert len(set(values[5:])) > 5
    assert all(abs(value - 4.0) <= 0.081 for value in values[5:])
    assert set(values[:5]) == {0.1}


async def test_it_falls_in_a_straight_line_after_the_instant_of_the_change(scene: Scene) -> None:
    scene.set("assistant", enabled=False, changed_at=NOW)
    scene.at = NOW + timedelta(seconds=90)
    falling = [sample.value for sample in await scene.samples(minutes=1, step=15)]
    top, middle, *rest = falling
    assert 1.9 < top < 2.2
    assert 0.9 < middle < 1.2
    assert rest == [0.1, 0.1, 0.1]


async def test_without_an_instant_of_change_it_falls_from_when_it_was_first_seen(scene: Scene) -> None:
    await scene.samples()
    scene.set("assistant", enabled=False)
    scene.at = NOW + timedelta(minutes=1)
    assert (await scene.samples())[-1].value > 3.9
    scene.at = NOW + timedelta(minutes=2)
    assert (await scene.samples())[-1].value == 0.1


async def test_any_broken_condition_of_all_ends_the_harm(scene: Scene) -> None:
    scene.set("kill/switch", enabled=True, changed_at=NOW)
    scene.at = NOW + timedelta(minutes=2)
    assert await scene.harmful_minutes() == list(range(12, 1, -1))


async def test_the_harm_comes_back_when_the_cure_is_taken_back_and_the_past_stays_as_it_was(scene: Scene) -> None:
    scene.set("assistant", enabled=False, changed_at=NOW)
    scene.at = NOW + timedelta(minutes=3)
    assert (await scene.samples())[-1].value == 0.1
    scene.set("assistant", enabled=True, changed_at=NOW + timedelta(minutes=4))
    scene.at = NOW + timedelta(minutes=6)
    assert await scene.harmful_minutes() == [*range(15, 5, -1), 2, 1, 0]


async def test_harm_that_was_prevented_before_it_began_never_is(scene: Scene) -> None:
    scene.set("assistant", enabled=False, changed_at=SINCE - timedelta(hours=1))
    assert await scene.harmful_minutes() == []


async def test_any_of_holds_while_one_does() -> None:
    scene = Scene({"any_of": [FLAG_ON, KILL_SWITCH_OFF]})
    async with scene.client:
        scene.set("assistant", enabled=False, changed_at=NOW)
        scene.at = NOW + timedelta(minutes=5)
        assert 0 in await scene.harmful_minutes()
        scene.set("kill/switch", enabled=True, changed_at=scene.at)
        scene.at += timedelta(minutes=5)
        assert await scene.harmful_minutes() == list(range(15, 4, -1))


@pytest.mark.parametrize(
    "pointer", ["/nobody/enabled", "/rollouts/7/percent", "/rollouts/x", "/assistant/enabled/more"]
)
async def test_a_pointer_that_leads_nowhere_never_holds(pointer: str) -> None:
    for comparison in ({"equals": None}, {"differs_from": 1}):
        scene = Scene({"connection": "flags", "pointer": pointer, **comparison})
        async with scene.client:
            await scene.samples()
            scene.at = NOW + timedelta(minutes=2)
            assert (await scene.samples())[-1].value == 0.1


async def test_pointers_count_into_lists() -> None:
    scene = Scene({"connection": "flags", "pointer": "/rollouts/0/percent", "equals": "100"})
    async with scene.client:
        assert (await scene.samples())[-1].value > 3.9


@pytest.mark.parametrize(
    "condition",
    [
        {"connection": "flags", "pointer": "/a"},
        {"connection": "flags", "pointer": "/a", "equals": 1, "differs_from": 2},
        {"connection": "flags", "pointer": "a", "equals": 1},
        {"any_of": []},
        {"all_of": [{"any_of": [FLAG_ON], "all_of": [FLAG_ON]}]},
        {"none_of": [FLAG_ON]},
        "always",
    ],
    ids=str,
)
def test_a_condition_that_says_nothing_or_two_things_is_refused(condition: Any) -> None:
    with pytest.raises(ValidationError):
        Series.model_validate({"while": condition, "since": SINCE, "harmful": 1, "clean": 0, "falls_within": 1})


async def test_the_future_is_not_measured_and_neither_is_another_query(scene: Scene) -> None:
    reader = PrometheusSignals(Settings(url="http://prometheus.simulated"), scene.client)
    ahead = await reader.samples("harm", NOW, NOW + timedelta(hours=1), timedelta(minutes=1))
    assert [sample.at for sample in ahead] == [NOW]
    assert await scene.samples(query="sum(harm)") == []


@pytest.mark.parametrize(
    ("query", "step", "message"),
    [("sum(", 60, "parse error"), (" ", 60, "parse error"), ("harm", 0, "zero or negative"), ("harm", 0.01, "11,000")],
)
async def test_wrong_queries_are_rejected_in_prometheus_words(
    scene: Scene, query: str, step: float, message: str
) -> None:
    reader = PrometheusSignals(Settings(url="http://prometheus.simulated"), scene.client)
    with pytest.raises(Rejected, match=message):
        await reader.samples(query, SINCE, NOW, timedelta(seconds=step))


async def test_an_instant_query_answers_one_value(scene: Scene) -> None:
    answer = (await scene.client.get("/api/v1/query", params={"query": "harm"})).json()
    assert answer["data"]["resultType"] == "vector"
    assert float(answer["data"]["result"][0]["value"][1]) > 3.9
    clean = await scene.client.get("/api/v1/query", params={"query": "harm", "time": "2026-11-24T08:00:00Z"})
    assert clean.json()["data"]["result"][0]["value"][1] == "0.1"
    wrong = await scene.client.get(
        "/api/v1/query_range", params={"query": "harm", "start": "x", "end": "1", "step": "1m30s"}
    )
    assert wrong.status_code == 400
    assert wrong.json()["errorType"] == "bad_data"
    missing = await scene.client.get("/api/v1/query_range", params={"query": "harm"})
    assert missing.status_code == 400
