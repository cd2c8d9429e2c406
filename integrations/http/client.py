"""The requests of declared operations: placeholders filled, host fixed, answers read by pointer."""

import math
from typing import Any

import httpx

from bot.sdk import JsonObject, Rejected, Unavailable, send
from integrations.http.placeholders import Known, filled, filled_path, plain
from integrations.http.pointers import Nothing, found
from integrations.http.settings import IN_FORCE, Choices, Look, Operation, Place, Settings, Write

NAME = "http"
_MOST_CHOICES = 100


class Api:
    """One declared API."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = dict(settings.headers)
        if settings.token:
            scheme, token = settings.auth.scheme, settings.token.get_secret_value()
            self._headers[settings.auth.header] = f"{scheme} {token}" if scheme else token

    async def state(self, operation: Operation, known: Known) -> tuple[JsonObject, str]:
        """Return an operation's values and the ETag that they came with, empty if there was none."""
        values, etag = await self._look(operation.read, known, "read")
        if operation.verify is None:
            return values, etag
        in_force, _ = await self._look(operation.verify, known, "verify")
        return {**values, IN_FORCE: in_force}, etag

    async def choices(self, choices: Choices, known: Known) -> list[str]:
        """Return what a vendor lists, in its order."""
        body, _ = await self._get(choices.path, choices.query, known, "list choices")
        items = _at(body, Place(at=choices.items), "list choices")
        if not isinstance(items, list):
            raise Unavailable(NAME, "list choices", f"there is no list at {choices.items or 'the top'}")
        offered = (_at(item, Place(at=choices.value), "list choices") for item in items[:_MOST_CHOICES])
        return [plain(each) for each in offered if isinstance(each, str | int | float)]

    async def write(self, write: Write, known: Known, etag: str | None) -> None:
        """Send a write; with an ETag only if the target is still what it was read with."""
        headers = {**self._headers, **({"If-Match": etag} if etag is not None else {})}
        body = filled(write.body, known)
        if body is not None:
            headers["Content-Type"] = write.content_type
        path, query = _address(write.path, write.query, known)
        await send(
            self._client, NAME, write.method.lower(), write.method, path, json=body, params=query, headers=headers
        )

    async def _look(self, look: Look, known: Known, operation: str) -> tuple[JsonObject, str]:
        try:
            body, etag = await self._get(look.path, look.query, known, operation)
        except Rejected as refused:
            if refused.status != 404 or look.not_found != "absent":
                raise
            return {name: False if each.reads == "presence" else None for name, each in look.values.items()}, ""
        return {name: _at(body, place, operation) for name, place in look.values.items()}, etag

    async def _get(self, path: str, query: JsonObject, known: Known, operation: str) -> tuple[Any, str]:
        address, params = _address(path, query, known)
        answer = await send(self._client, NAME, operation, "GET", address, params=params, headers=self._headers)
        try:
            body = answer.json()
        except (ValueError, RecursionError) as error:
            raise Unavailable(NAME, operation, "the answer is not JSON") from error
        if not isinstance(body, dict | list):
            raise Unavailable(NAME, operation, "the answer is neither an object nor a list")
        return body, answer.headers.get("ETag", "")


def _address(path: str, query: JsonObject, known: Known) -> tuple[str, dict[str, str] | None]:
    try:
        params = {name: plain(filled(value, known)) for name, value in query.items()}
        return filled_path(path, known), params or None
    except ValueError as error:
        raise Rejected(NAME, "address", status=400, detail=f"{error}; nothing was sent") from error


def _at(body: Any, place: Place, operation: str) -> Any:
    try:
        value = found(body, place.at)
    except Nothing as error:
        if place.reads == "presence":
            return False
        if place.optional:
            return None
        raise Unavailable(NAME, operation, f"the answer has nothing at {place.at}") from error
    if place.reads == "presence":
        return True
    if not _is_finite(value):
        raise Unavailable(NAME, operation, f"what the answer has at {place.at} is not JSON")
    return value


def _is_finite(value: Any) -> bool:
    """Whether a value equals itself: Python's JSON reader takes NaN."""
    if isinstance(value, dict):
        return all(_is_finite(each) for each in value.values())
    if isinstance(value, list):
        return all(_is_finite(each) for each in value)
    return not isinstance(value, float) or math.isfinite(value)
