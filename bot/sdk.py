"""All that an integration may import: values, errors, and the shapes of what an integration can offer.

An integration is a folder whose `__init__.py` defines `INTEGRATION`. It offers any of: an alert parser, actions, harm
signals, a simulator. Its HTTP client is passed in, so that the simulator sits behind the very same code as the vendor.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from bot import tracing
from bot.domain.alert import MAX_LABEL_LENGTH, MAX_LABELS, MAX_TITLE, Alert, AlertStatus
from bot.domain.change import Guard, Proposal
from bot.domain.harm import Sample
from bot.domain.runbook import Level
from bot.domain.values import Instant, JsonObject, Now, Value, WholeNumber, canonical_json, digest
from bot.errors import (
    AuthFailed,
    Conflict,
    IntegrationError,
    RateLimited,
    Rejected,
    Unavailable,
    UserError,
    VerificationFailed,
)

__all__ = [
    "MAX_LABELS",
    "MAX_LABEL_LENGTH",
    "MAX_TITLE",
    "Action",
    "Alert",
    "AlertParser",
    "AlertStatus",
    "AsgiApp",
    "AuthFailed",
    "Conflict",
    "ConnectionSettings",
    "ForeignPayload",
    "Guard",
    "Instant",
    "Integration",
    "IntegrationError",
    "JsonObject",
    "Level",
    "NoParams",
    "Now",
    "Page",
    "Pager",
    "Prober",
    "Proposal",
    "RateLimited",
    "Rejected",
    "Sample",
    "SecretStr",
    "SignalReader",
    "Simulator",
    "Unavailable",
    "UserError",
    "Value",
    "VerificationFailed",
    "WholeNumber",
    "World",
    "canonical_json",
    "digest",
    "fitting",
    "request",
    "send",
]

_DETAIL_LIMIT = 300
_HEADERS_WITHOUT_SECRETS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "if-match", "user-agent"}
)


class ForeignPayload(UserError):
    """The body is not from this integration's vendor at all."""


class ConnectionSettings(BaseModel):
    """Base of an integration's settings; secrets are `SecretStr` and come from the environment only.

    Attributes:
        url: Base address of the vendor; requests to any other host are refused.
        timeout: Seconds for one request.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://[^\s]+$")
    timeout: float = Field(default=10, gt=0, le=60)


class NoParams(Value):
    """The action needs no parameters."""


_Model = TypeVar("_Model", bound=Value)


def fitting(model: type[_Model], given: JsonObject, *, whom: str) -> _Model:
    """Return a target or parameters, as content and people gave them, as a model.

    Args:
        model: What they must fit.
        given: As it stands in the registry or in a step.
        whom: Who takes it, as people call the vendor.

    Raises:
        UserError: They do not fit; the message names the first place and what is wrong there.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the parameters"
        problem = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{whom} cannot take {place}: {problem}.") from error


class AlertParser(Protocol):
    """Turns a vendor's webhook into alerts."""

    def __call__(self, body: bytes, headers: Mapping[str, str], received_at: datetime) -> Sequence[Alert]:
        """Return the alerts in a body; none for an event that is known and not wanted.

        Raises:
            ForeignPayload: The body is not this vendor's, or not readable; the message says what is wrong.
        """
        ...


class Action(Protocol):
    """One operation on one kind of target.

    `read` returns what the action manages as a JSON object; the same state always reads as an equal object, because
    "still as planned", "applied" and "restored" are decided by comparing reads. `apply` writes a desired state: doing
    it twice is doing it once.

    Attributes:
        name: Without the integration's prefix: `switch_off`.
        ref_model: Validates a registry target's `ref`.
        params_model: Validates a step's parameters.
        lowest_level: A step may ask for a higher ladder level, never for a lower one.
        offers_choices: Whether `choices` has anything to offer, so that a form may ask for it.
    """

    name: str
    title: str
    ref_model: type[Value]
    params_model: type[Value]
    lowest_level: Level
    reversible: bool
    guard: Guard
    offers_choices: bool

    def __init__(self, settings: Any, client: httpx.AsyncClient) -> None:
        """Take the connection's settings and an HTTP client that is bound to its address."""
        ...

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the current state of the target.

        Raises:
            IntegrationError: The vendor could not be read, or has no such target (`Rejected`).
        """
        ...

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return what would change, from a read alone; `None` when the target is already so.

        Raises:
            UserError: The parameters do not fit this target; the message says which values do.
        """
        ...

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:
        """Bring the target from `before` to `after`; undo is the same with both swapped.

        Args:
            ref: Where the target is.
            before: What was read.
            after: What it must read.
            key: Idempotency key of this change, for vendors that take one.

        Raises:
            Rejected: The vendor refused; nothing was changed.
            Unavailable: Whether it had an effect is unknown; the caller reads to find out.
        """
        ...

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return what a form may offer for this target's main parameter, the most likely first; empty for nothing."""
        ...


class SignalReader(Protocol):
    """Reads a harm signal over a span of time."""

    async def samples(self, query: str, start: datetime, end: datetime, step: timedelta) -> Sequence[Sample]:
        """Return what the vendor has between two instants, oldest first; a gap is a gap, never a zero.

        Raises:
            IntegrationError: The vendor could not be read.
            Rejected: The query is wrong, or yields more than one series.
        """
        ...


class Prober(Protocol):
    """Measures harm by trying: one question to the live feature, one number."""

    def __init__(self, settings: Any, client: httpx.AsyncClient) -> None:
        """Take the connection's settings and an HTTP client that is bound to its address."""
        ...

    async def probe(self, query: str) -> float:
        """Return how harmful the answer to one question is now; 0 for not at all.

        Raises:
            IntegrationError: There was no answer that tells.
            Rejected: There is no such question, or it was refused.
        """
        ...


class Page(Value):
    """What somebody is woken up for.

    Attributes:
        key: One page a cause: the same key again wakes nobody twice.
        summary: One line, at most 1,024 characters; no personal data.
        details: Named lines for whoever opens it.
        link: Where to go on, if there is an address.
    """

    key: str = Field(min_length=1, max_length=255)
    summary: str = Field(min_length=1, max_length=1_024)
    severity: Literal["critical", "error", "warning", "info"]
    source: str
    details: dict[str, str] = Field(default_factory=dict)
    link: str | None = None


class Pager(Protocol):
    """Wakes people."""

    async def page(self, page: Page) -> None:
        """Wake whoever is on call for this connection; once for each key.

        Raises:
            Rejected: The vendor refused; nobody is woken.
            Unavailable: Whether it had an effect is unknown; asking again with the same key is safe.
        """
        ...


class World(Protocol):
    """What simulators remember: one JSON document a connection, shared by all of a run, changed by compare-and-swap."""

    async def read(self, connection: str) -> JsonObject:
        """Return a connection's document; empty when it has none."""
        ...

    async def change(self, connection: str, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
        """Replace a document by `change(document)`, again and again until nobody interfered; return the new one."""
        ...


@dataclass(frozen=True)
class Simulator:
    """A vendor played from a `World`.

    Attributes:
        connection: Name of the connection that it plays; its document in the world.
        world: What it remembers.
        now: The clock.
    """

    connection: str
    world: World
    now: Now


Settings = TypeVar("Settings", bound=ConnectionSettings)
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Integration:
    """What a folder declares.

    Attributes:
        settings: Model of its connection settings; `None` for one that only receives alerts.
        alerts: Parser for `POST /alerts/<name>`.
        actions: Classes, each constructed with the settings and an HTTP client bound to `settings.url`. They are
            classes so that content can
            be checked against their models and levels without a connection.
        signals: Makes the harm signal reader likewise.
        prober: What measures by trying instead; Stanch remembers what it measured.
        pager: Makes what wakes people likewise.
        simulator: Makes an ASGI app that answers as the vendor does.
        simulated: Settings that let a client into the simulator; nothing in them is secret, the address is never
            resolved.
        transport: Makes the transport of live connections from their settings, for a vendor that speaks no HTTP: it
            carries the client's requests out in the vendor's protocol. `None` for plain HTTP.
    """

    name: str
    title: str
    settings: type[ConnectionSettings] | None = None
    alerts: AlertParser | None = None
    actions: Sequence[type[Action]] = ()
    signals: Callable[[Any, httpx.AsyncClient], SignalReader] | None = None
    prober: type[Prober] | None = None
    pager: Callable[[Any, httpx.AsyncClient], Pager] | None = None
    simulator: Callable[[Simulator], AsgiApp] | None = None
    simulated: JsonObject = field(default_factory=dict)
    transport: Callable[[Any], httpx.AsyncBaseTransport] | None = None


async def request(  # noqa: PLR0913 - one place for what every call needs
    client: httpx.AsyncClient,
    integration: str,
    operation: str,
    method: str,
    path: str,
    *,
    json: object = None,
    content: bytes | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Make one vendor call and return the JSON body, `None` when it is empty; arguments and failures are `send`'s.

    Raises:
        Unavailable: Also for an answer that is not JSON.
    """
    response = await send(
        client, integration, operation, method, path, json=json, content=content, params=params, headers=headers
    )
    if not response.content:
        return None
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise Unavailable(integration, operation, "the answer is not JSON") from error


async def send(  # noqa: PLR0913 - one place for what every call needs
    client: httpx.AsyncClient,
    integration: str,
    operation: str,
    method: str,
    path: str,
    *,
    json: object = None,
    content: bytes | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    accepted: Collection[int] = (),
) -> httpx.Response:
    """Make one vendor call and map its failures to the error tree; for whoever needs headers, or a body of text.

    Never repeats a call: whoever asks knows whether that is safe. Bodies of refusals are cut and stripped of the
    credential.

    Args:
        client: Bound to the vendor's address.
        integration: Whose call it is, in errors and spans.
        operation: What is being done, in errors and spans.
        method: Of HTTP.
        path: Below the client's address.
        json: The body, to be written as JSON.
        content: The body as it is, for a vendor that takes text or whose requests are signed; instead of `json`.
        params: Of the query.
        headers: Beside the client's own.
        accepted: Statuses beside 2xx that are an answer and no failure.

    Raises:
        AuthFailed: 401 or 403.
        RateLimited: 429.
        Unavailable: 5xx, time-out, or no connection.
        Rejected: Any other status that is not 2xx, redirects included.
    """
    told = {"stanch.integration": integration, "stanch.operation": operation, "http.request.method": method}
    with tracing.call(f"{integration} {operation}", told) as span:
        try:
            response = await client.request(
                method,
                path,
                json=json,
                content=content,
                params=params,
                headers=headers,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise Unavailable(integration, operation, f"no answer ({type(error).__name__})") from error
        span.set("http.response.status_code", response.status_code)
        if response.status_code not in accepted:
            _raise_for_status(response, integration, operation)
    return response


def _raise_for_status(response: httpx.Response, integration: str, operation: str) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    detail = _without_credentials(response)
    if status in {401, 403}:
        raise AuthFailed(integration, operation, f"the credential was refused ({status})")
    if status == 429:
        raise RateLimited(integration, operation, retry_after=_retry_after(response))
    if status >= 500:
        raise Unavailable(integration, operation, f"answered {status}")
    if 300 <= status < 400:
        raise Rejected(integration, operation, status=status, detail="redirects are not followed")
    raise Rejected(integration, operation, status=status, detail=detail)


def _retry_after(response: httpx.Response) -> timedelta:
    value = response.headers.get("Retry-After", "")
    return timedelta(seconds=min(int(value), 3_600)) if value.isdigit() else timedelta(seconds=1)


def _without_credentials(response: httpx.Response) -> str:
    detail = " ".join(response.text[:2_000].split())
    for header, sent in response.request.headers.items():
        if header not in _HEADERS_WITHOUT_SECRETS:
            for secret in sent.split():
                detail = detail.replace(secret, "***")
    return detail[:_DETAIL_LIMIT]
