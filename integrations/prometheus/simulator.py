"""Prometheus' query API over rules in the world: what it measures follows what is done to the other connections.

Each query first looks at the documents that its rule points into and notes when the condition turned, so that what it
answers about the past does not change when somebody later takes the cure back.
"""

import re
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.sdk import JsonObject, Simulator, World
from integrations.prometheus.rules import Measured, Series, Turn, changed_at, connections, holds

_MAX_POINTS = 11_000
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)")


class _Bad(Exception):
    """The request is wrong in the way that Prometheus calls bad_data."""


class _Range(BaseModel):
    model_config = ConfigDict(frozen=True)

    query: str = Field(min_length=1)
    start: datetime
    end: datetime
    step: timedelta


def simulator(declared: Simulator) -> Starlette:
    """Return the simulated Prometheus as an ASGI app; its document is `rules.Measured`."""
    return _Prometheus(declared).app()


class _Prometheus:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        routes = [
            Route("/api/v1/query_range", self._query_range, methods=["GET", "POST"]),
            Route("/api/v1/query", self._query, methods=["GET", "POST"]),
            Route("/-/ready", self._ready),
        ]
        return Starlette(routes=routes, exception_handlers={_Bad: _bad_data})

    async def _ready(self, _: Request) -> JSONResponse:
        return JSONResponse("Prometheus Server is Ready.")

    async def _query_range(self, request: Request) -> JSONResponse:
        asked = _range(await _fields(request))
        series = await self._observed(asked.query)
        if series is None:
            return _success("matrix", [])
        values = [_pair(at, series) for at in _instants(asked) if at <= self._declared.now()]
        return _success("matrix", [{"metric": {}, "values": values}] if values else [])

    async def _query(self, request: Request) -> JSONResponse:
        fields = await _fields(request)
        at = _time(fields["time"]) if "time" in fields else self._declared.now()
        series = await self._observed(_query_text(fields))
        if series is None or at > self._declared.now():
            return _success("vector", [])
        return _success("vector", [{"metric": {}, "value": _pair(at, series)}])

    async def _observed(self, query: str) -> Series | None:
        """Return a query's series after noting whether its condition turned; `None` where nothing is measured."""
        name, world, now = self._declared.connection, self._declared.world, self._declared.now()
        series = _measured(await world.read(name)).series.get(query)
        if series is None:
            return None
        documents = await _documents(world, series)
        holding = holds(series.while_, documents)
        if holding == series.held:
            return series
        turn = Turn(at=_turned_at(series, changed_at(series.while_, documents), now), holds=holding)
        changed = await world.change(name, lambda document: _with_turn(document, query, turn))
        return _measured(changed).series.get(query)


async def _documents(world: World, series: Series) -> dict[str, JsonObject]:
    return {name: await world.read(name) for name in connections(series.while_)}


def _turned_at(series: Series, changed: datetime | None, now: datetime) -> datetime:
    """Return when a condition turned: at the document's own instant, unless that is before the last turn."""
    last = series.turns[-1].at if series.turns else datetime.min.replace(tzinfo=UTC)
    return changed if changed is not None and last < changed <= now else now


def _with_turn(document: JsonObject, query: str, turn: Turn) -> JsonObject:
    measured = _measured(document)
    series = measured.series.get(query)
    if series is None or series.held == turn.holds:
        return document
    turned = series.model_copy(update={"turns": (*series.turns, turn)})
    changed = measured.changed(series={**measured.series, query: turned})
    return changed.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _measured(document: JsonObject) -> Measured:
    return Measured.model_validate(document)


async def _fields(request: Request) -> dict[str, str]:
    sent = request.query_params if request.method == "GET" else await request.form()
    return {name: str(value) for name, value in sent.items()}


def _range(fields: dict[str, str]) -> _Range:
    try:
        asked = _Range(
            query=_query_text(fields),
            start=_time(fields["start"]),
            end=_time(fields["end"]),
            step=_step(fields["step"]),
        )
    except KeyError as error:
        raise _Bad(f"invalid parameter {error}: missing") from error
    if asked.end < asked.start:
        raise _Bad('invalid parameter "end": end timestamp must not be before start time')
    if (asked.end - asked.start) / asked.step > _MAX_POINTS:
        raise _Bad("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution")
    return asked


def _query_text(fields: dict[str, str]) -> str:
    query = fields.get("query", "")
    if not query.strip() or any(query.count(opened) != query.count(closed) for opened, closed in ("()", "{}", "[]")):
        raise _Bad('invalid parameter "query": 1:1: parse error: unexpected end of input')
    return query


def _time(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Bad(f'cannot parse "{text}" to a valid timestamp') from error


def _step(text: str) -> timedelta:
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    else:
        try:
            seconds = float(text)
        except ValueError as error:
            raise _Bad(f'invalid parameter "step": cannot parse "{text}" to a valid duration') from error
    if not 0 < seconds < timedelta.max.total_seconds():
        raise _Bad('invalid parameter "step": zero or negative query resolution step widths are not accepted')
    return timedelta(seconds=seconds)


def _instants(asked: _Range) -> list[datetime]:
    count = int((asked.end - asked.start) / asked.step) + 1
    return [asked.start + number * asked.step for number in range(count)]


def _pair(at: datetime, series: Series) -> list[float | str]:
    return [at.timestamp(), f"{series.value(at):.6g}"]


def _success(kind: str, result: list[JsonObject]) -> JSONResponse:
    return JSONResponse({"status": "success", "data": {"resultType": kind, "result": result}})


async def _bad_data(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"status": "error", "errorType": "bad_data", "error": str(error)}, status_code=400)
