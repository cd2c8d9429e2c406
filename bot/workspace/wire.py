"""The JSON edge: what a Web API request carries, and how it is refused.

Clients send the same argument as a query string, a form field or JSON, with lists and objects sometimes JSON-encoded
inside a form field; `Arguments` hides that.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from starlette.requests import Request

Json = dict[str, Any]


class Refused(Exception):
    """A request that Slack would answer with `ok: false`.

    `fields` are added to the answer beside `error`; `status` and `headers` are those of the HTTP response.
    """

    def __init__(
        self, error: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **fields: Any
    ) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = dict(headers or {})
        self.fields = fields

    def answer(self) -> Json:
        """Return the JSON body of the refusal."""
        return {"ok": False, "error": self.error, **self.fields}


def invalid(error: str, *problems: str) -> Refused:
    """Return a refusal that names each problem, with its JSON pointer, the way Slack does."""
    return Refused(
        error, errors=list(problems), response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]}
    )


@dataclass(frozen=True, slots=True)
class Arguments:
    """The named arguments of one request, however they were sent."""

    values: Json = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Tell whether the argument was given and is not empty."""
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        """Return a string argument; raise `Refused` if it is an object or a list."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, (dict, list)):
            raise invalid("invalid_arguments", f"must be a string [json-pointer:/{name}]")
        return str(value)

    def required(self, name: str) -> str:
        """Return a string argument that must be there."""
        if not self.has(name):
            raise invalid("invalid_arguments", f"missing required field: {name}")
        return self.text(name)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value, sent as JSON `true` or as `1`, `true`, `0`, `false`."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        return str(value).lower() in ("1", "true")

    def number(self, name: str, default: int, *, most: int) -> int:
        """Return a whole number from 1 to `most`; raise `Refused` if it is none."""
        if not self.has(name):
            return default
        try:
            value = int(self.text(name))
        except ValueError as exc:
            raise invalid("invalid_arguments", f"must be an integer [json-pointer:/{name}]") from exc
        if value < 1:
            raise Refused("invalid_limit")
        return min(value, most)

    def names(self, name: str) -> list[str]:
        """Return a list sent as JSON or as comma-separated text."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [item.strip() for item in self.text(name).split(",") if item.strip()]

    def structure(self, name: str, error: str) -> Any:
        """Return a list or object, decoding it if it came as text; `None` when absent; raise `Refused(error)`."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, (dict, list)):
            return value
        try:
            return json.loads(str(value))
        except ValueError as exc:
            raise Refused(error) from exc


async def read_arguments(request: Request) -> tuple[Arguments, str]:
    """Return the arguments of a Web API request and its token (empty when none was sent).

    An app that identifies itself by HTTP Basic has sent `client_id` and `client_secret`.
    """
    values: Json = dict(request.query_params)
    if request.method == "POST":
        values.update(await _body(request))
    token = str(values.pop("token", "") or "")
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        token = credential.strip()
    if scheme.lower() == "basic":
        values |= _basic(credential)
    return Arguments(values), token


def _basic(credential: str) -> Json:
    try:
        name, _, secret = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as exc:
        raise Refused("invalid_auth") from exc
    return {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret)}


async def _body(request: Request) -> Json:
    if "json" in request.headers.get("content-type", ""):
        return await read_json(request)
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def read_json(request: Request) -> Json:
    """Return the JSON object in the body of a request; raise `Refused` if it is something else."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as exc:
        raise Refused("invalid_json") from exc
    if not isinstance(body, dict):
        raise Refused("json_not_object")
    return body
