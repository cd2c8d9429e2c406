"""The canary asks as a user would: harmful, clean, contained, and what tells nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from bot.probing import Probing
from bot.sdk import AuthFailed, IntegrationError, RateLimited, Rejected, Unavailable
from integrations.canary.prober import Probe, Settings
from tests.builders import Clock
from tests.integrations.bench import Bench, bench
from tests.integrations.contract import NOW
from tests.integrations.wire import Answer, body, refused, status, timeout

STEP = timedelta(seconds=10)


async def probed(on: Bench, query: str = "orders") -> float:
    assert on.declared.prober
    return await on.declared.prober(on.settings, on.client).probe(query)


async def contain(on: Bench) -> None:
    await on.world.change("flags", lambda _: {"assistant": {"enabled": False}})


async def test_a_harmful_answer_is_one_and_a_clean_one_zero() -> None:
    on = bench("canary")
    assert await probed(on) == 1.0
    await contain(on)
    assert await probed(on) == 0.0
    assert {(each.method, each.url.path, each.content) for each in on.wire.requests} == {
        ("POST", "/v1/answers", b'{"question":"whose orders?"}')
    }


async def test_the_status_of_a_contained_feature_is_clean() -> None:
    on = bench("canary")
    on.wire.break_with(status(503, "order #7: switched off"))
    assert await probed(on) == 0.0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (status(401, "who are you"), AuthFailed),
        (status(429, "slow down", **{"Retry-After": "7"}), RateLimited),
        (status(500, "oops"), Unavailable),
        (status(302, "", Location="https://elsewhere.example/"), Rejected),
        (status(404, "not here"), Rejected),
        (body("x" * 100_001), Unavailable),
        (timeout, Unavailable),
        (refused, Unavailable),
    ],
    ids=["401", "429", "500", "redirect", "404", "endless", "time-out", "refused connection"],
)
async def test_what_tells_nothing_is_never_clean(
    fault: Callable[[httpx.Request], Answer], expected: type[IntegrationError]
) -> None:
    on = bench("canary")
    on.wire.break_with(fault)
    with pytest.raises(expected) as raised:
        await probed(on)
    assert not [secret for secret in on.secrets if secret in str(raised.value)]


async def test_a_question_that_is_not_declared_is_rejected_with_those_that_are() -> None:
    with pytest.raises(Rejected, match="no probe is called 'order'; there are: orders"):
        await probed(bench("canary"), "order")


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "v1/answers"},
        {"path": "https://elsewhere.example/"},
        {"harmful_if": "("},
        {"harmful_if": ""},
        {"clean_statuses": [200]},
        {"method": "DELETE"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_probe_that_cannot_work_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Probe.model_validate({"path": "/v1/answers", "harmful_if": "order", **changed})


def test_a_canary_without_a_question_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"url": "https://assistant.example", "probes": {}})


async def test_readings_are_remembered_and_asked_for_only_when_wanted() -> None:
    on, clock = bench("canary"), Clock(NOW)
    assert on.declared.prober
    reader = Probing(on.declared.prober(on.settings, on.client), clock)
    first = await reader.samples("orders", NOW - STEP, NOW, STEP)
    assert [(sample.at, sample.value) for sample in first] == [(NOW, 1.0)]

    assert await reader.samples("orders", NOW - STEP, NOW, STEP) == first
    assert len(on.wire.requests) == 1

    await contain(on)
    later = clock.advance(STEP)
    found = await reader.samples("orders", NOW - STEP, later, STEP)
    assert [(sample.at, sample.value) for sample in found] == [(NOW, 1.0), (later, 0.0)]
    assert await reader.samples("orders", later, later, STEP) == [found[-1]]


async def test_a_span_that_has_passed_is_not_asked_about() -> None:
    on, clock = bench("canary"), Clock(NOW)
    assert on.declared.prober
    reader = Probing(on.declared.prober(on.settings, on.client), clock)
    assert await reader.samples("orders", NOW - 2 * STEP, NOW - STEP, STEP) == []
    assert on.wire.requests == []


async def test_a_question_without_an_answer_leaves_no_reading() -> None:
    on, clock = bench("canary"), Clock(NOW)
    assert on.declared.prober
    reader = Probing(on.declared.prober(on.settings, on.client), clock)
    on.wire.break_with(timeout)
    with pytest.raises(Unavailable):
        await reader.samples("orders", NOW - STEP, NOW, STEP)
    on.wire.mend()
    assert [sample.value for sample in await reader.samples("orders", NOW - STEP, NOW, STEP)] == [1.0]
