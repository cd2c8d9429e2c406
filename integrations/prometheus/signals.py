"""Reads one series from Prometheus' HTTP API.

A missing sample means that nothing was measured, which is not the same as zero; NaN and infinities are left out as if
they were missing.
Source: https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.sdk import ConnectionSettings, Rejected, Sample, SecretStr, SignalReader, Unavailable, request

_NAME = "prometheus"
_OPERATION = "query_range"
_YEAR_10000 = 253_402_300_800
_Timestamp = Annotated[float, Field(ge=0, lt=_YEAR_10000)]


class Settings(ConnectionSettings):
    """Where Prometheus is, and how to get in.

    Attributes:
        token: Bearer token; `None` when Prometheus asks for none.
    """

    token: SecretStr | None = None


class _Series(BaseModel):
    model_config = ConfigDict(frozen=True)

    values: list[tuple[_Timestamp, str]]


class _Matrix(BaseModel):
    model_config = ConfigDict(frozen=True)

    result_type: Literal["matrix"] = Field(alias="resultType")
    result: list[_Series]


class _Success(BaseModel):
    model_config = ConfigDict(frozen=True)

    status: Literal["success"]
    data: _Matrix


class _Failure(BaseModel):
    model_config = ConfigDict(frozen=True)

    status: Literal["error"]
    error: str


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)

    answer: _Success | _Failure = Field(discriminator="status")


class PrometheusSignals:
    """Harm signals by range query; see `bot.sdk.SignalReader`."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers: Mapping[str, str] = (
            {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}
        )

    async def samples(self, query: str, start: datetime, end: datetime, step: timedelta) -> Sequence[Sample]:
        """Return the finite samples of a PromQL query from `start` to `end`, both included; none without a series.

        Raises:
            IntegrationError: Prometheus could not be read.
            Rejected: The query is wrong, yields more than one series, or asks for more than Prometheus' 11,000 points.
        """
        params = {
            "query": query,
            "start": f"{start.timestamp():.3f}",
            "end": f"{end.timestamp():.3f}",
            "step": f"{step.total_seconds():g}",
        }
        body = await request(
            self._client, _NAME, _OPERATION, "GET", "/api/v1/query_range", params=params, headers=self._headers
        )
        series = _one_series(body)
        return tuple(
            Sample(at=datetime.fromtimestamp(at, UTC), value=value)
            for at, text in series
            if math.isfinite(value := _number(text))
        )


def signals(settings: Settings, client: httpx.AsyncClient) -> SignalReader:
    """Return the reader of one Prometheus connection."""
    return PrometheusSignals(settings, client)


def _one_series(body: object) -> list[tuple[float, str]]:
    try:
        answer = _Answer.model_validate({"answer": body}).answer
    except ValidationError as error:
        raise Unavailable(_NAME, _OPERATION, "the answer is not that of a Prometheus range query") from error
    if isinstance(answer, _Failure):
        raise Rejected(_NAME, _OPERATION, status=200, detail=answer.error[:300])
    found = answer.data.result
    if len(found) > 1:
        detail = (
            f"the query yields {len(found)} series and must yield one; aggregate it, for example with sum() or max()"
        )
        raise Rejected(_NAME, _OPERATION, status=200, detail=detail)
    return found[0].values if found else []


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Unavailable(_NAME, _OPERATION, "a sample is not a number") from error
