"""Paging through the official client, against the simulator and failures of the wire."""

from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from bot.sdk import AuthFailed, IntegrationError, Page, RateLimited, Rejected, Unavailable
from tests.integrations.bench import Bench, bench
from tests.integrations.wire import Answer, refused, status, timeout

PAGE = Page(
    key="stanch:break-glass:1",
    summary="INC-7 break-glass on C-1",
    severity="critical",
    source="Stanch",
    details={"incident": "INC-7"},
    link="https://slack.example.com/archives/C1",
)


async def paged(on: Bench, page: Page = PAGE) -> None:
    assert on.declared.pager
    await on.declared.pager(on.settings, on.client).page(page)


async def test_a_page_arrives_once_for_each_key() -> None:
    on = bench("pagerduty")
    await paged(on)
    await paged(on)
    await paged(on, PAGE.changed(key="stanch:another"))
    pages = (await on.world.read("pagerduty"))["pages"]
    assert {key: page["times"] for key, page in pages.items()} == {"stanch:break-glass:1": 2, "stanch:another": 1}
    first = pages["stanch:break-glass:1"]
    assert (first["summary"], first["severity"], first["source"]) == ("INC-7 break-glass on C-1", "critical", "Stanch")
    assert first["custom_details"] == {"incident": "INC-7"}
    assert first["links"] == [{"href": "https://slack.example.com/archives/C1", "text": "Go on in Slack"}]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (status(401, "bad key"), AuthFailed),
        (status(429, "slow down", **{"Retry-After": "7"}), RateLimited),
        (status(500, "oops"), Unavailable),
        (status(302, "", Location="https://elsewhere.example/"), Rejected),
        (status(400, "invalid event"), Rejected),
        (status(202, '{"message": "a proxy says hello"}'), Unavailable),
        (timeout, Unavailable),
        (refused, Unavailable),
    ],
    ids=["401", "429", "500", "redirect", "400", "not PagerDuty's", "time-out", "refused connection"],
)
async def test_failures_of_the_wire_are_those_of_every_integration(
    fault: Callable[[httpx.Request], Answer], expected: type[IntegrationError]
) -> None:
    on = bench("pagerduty")
    on.wire.break_with(fault)
    with pytest.raises(expected):
        await paged(on)
    assert len(on.wire.requests) == 1


async def test_a_refusal_that_echoes_the_key_does_not_tell_it() -> None:
    on = bench("pagerduty")
    (key,) = on.secrets
    on.wire.break_with(status(400, f"no such routing key {key}"))
    with pytest.raises(Rejected) as refusal:
        await paged(on)
    assert key not in str(refusal.value)
    assert "***" in str(refusal.value)


async def test_an_event_that_pagerduty_would_not_take_is_refused() -> None:
    on = bench("pagerduty")
    short = on.settings.model_copy(update={"routing_key": SecretStr("too-short")})
    assert on.declared.pager
    with pytest.raises(Rejected, match="routing_key"):
        await on.declared.pager(short, on.client).page(PAGE)
