"""The signal reader on answers of Prometheus' query API, as documented and as they go wrong."""

import json
from collections.abc import Sequence
from datetime import timedelta

import httpx
import pytest

from bot.sdk import Rejected, Sample, SecretStr, Unavailable
from integrations.prometheus.signals import PrometheusSignals, Settings
from tests.integrations.contract import NOW

START = NOW - timedelta(minutes=2)


def matrix(*series: list[list[object]]) -> dict[str, object]:
    result = [{"metric": {"__name__": "harm"}, "values": values} for values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


async def read(answer: object, asked: list[httpx.Request] | None = None, token: str | None = None) -> Sequence[Sample]:
    def respond(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        return httpx.Response(200, text=json.dumps(answer))

    settings = Settings(url="http://prometheus.example/prefix", token=SecretStr(token) if token else None)
    async with httpx.AsyncClient(transport=httpx.MockTransport(respond), base_url=settings.url) as client:
        return await PrometheusSignals(settings, client).samples("sum(harm)", START, NOW, timedelta(seconds=30))


async def test_samples_come_with_their_instants_and_values() -> None:
    found = await read(matrix([[START.timestamp(), "4.25"], [START.timestamp() + 30.5, "1e-3"]]))
    assert found == (
        Sample(at=START, value=4.25),
        Sample(at=START + timedelta(seconds=30.5), value=0.001),
    )


async def test_the_query_the_span_and_the_step_are_asked_for_below_the_configured_path() -> None:
    asked: list[httpx.Request] = []
    await read(matrix(), asked)
    (request,) = asked
    assert request.url.path == "/prefix/api/v1/query_range"
    assert dict(request.url.params) == {
        "query": "sum(harm)",
        "start": f"{START.timestamp():.3f}",
        "end": f"{NOW.timestamp():.3f}",
        "step": "30",
    }
    assert "Authorization" not in request.headers


async def test_a_token_is_sent_as_bearer() -> None:
    asked: list[httpx.Request] = []
    await read(matrix(), asked, token="prometheus-token")
    assert asked[0].headers["Authorization"] == "Bearer prometheus-token"


async def test_what_is_not_a_finite_number_is_left_out_and_not_zero() -> None:
    at = START.timestamp()
    found = await read(matrix([[at, "NaN"], [at + 1, "+Inf"], [at + 2, "-Inf"], [at + 3, "0"]]))
    assert [(sample.at - START, sample.value) for sample in found] == [(timedelta(seconds=3), 0.0)]


async def test_no_series_is_a_gap() -> None:
    assert await read(matrix()) == ()


async def test_more_than_one_series_is_rejected_with_a_way_out() -> None:
    with pytest.raises(Rejected, match=r"yields 2 series and must yield one; aggregate it"):
        await read(matrix([[1, "1"]], [[1, "2"]]))


async def test_an_error_of_prometheus_is_shown() -> None:
    with pytest.raises(Rejected, match="query timed out in expression evaluation"):
        await read({"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"})


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success"},
        {"status": "success", "data": {"resultType": "vector", "result": []}},
        {"status": "success", "data": {"resultType": "matrix", "result": [{"values": [[1]]}]}},
        matrix([[1, "much"]]),
        matrix([["later", "1"]]),
        {"status": "maybe"},
    ],
    ids=lambda answer: json.dumps(answer)[:60],
)
async def test_an_answer_of_another_shape_cannot_be_used(answer: object) -> None:
    with pytest.raises(Unavailable):
        await read(answer)


async def test_an_instant_that_no_calendar_has_cannot_be_used() -> None:
    with pytest.raises(Unavailable):
        await read(matrix([[1e30, "1"]]))
