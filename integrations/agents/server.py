"""The reference server of the agent-control contract, over a world: simulator, rehearsal and example in one.

A control is changed only with the ETag that it was read with: without one the answer is 428, with an old one 412.
"""

import re
from collections.abc import Awaitable, Callable
from secrets import compare_digest
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator
from integrations.agents.rules import (
    Agents,
    Control,
    Refusal,
    Step,
    check_state,
    check_transition,
    control_of,
    obstacle,
    with_control,
)

_AGENT = "/v1/agents/{agent}"
_PATHS = {
    "agent": _AGENT,
    "credential": _AGENT + "/credentials/{item}",
    "tool": _AGENT + "/tools/{item}",
    "memory": _AGENT + "/memory",
}
_MOST_BYTES = 10_000
_ETAG = re.compile(r'"[!#-~]{1,100}"')

Endpoint = Callable[[Request], Awaitable[Response]]


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    state: str


class _Introspected(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    agent: str
    credential: str


def simulator(declared: Simulator) -> AsgiApp:
    """Return the reference server as an ASGI app; its document is `rules.Agents`."""
    return _Server(declared).app()


class _Server:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        routes = [Route("/health", _health, methods=["GET"])]
        for kind, path in _PATHS.items():
            routes += [
                Route(path, self._reads(kind), methods=["GET"]),
                Route(f"{path}/state", self._sets(kind), methods=["PUT"]),
            ]
        routes += [
            Route(f"{_AGENT}/steps", self._step, methods=["POST"]),
            Route("/v1/introspect", self._introspect, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={Refusal: _refused, HTTPException: _no_such})

    def _reads(self, kind: str) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            agents = await self._authorised(request)
            return _shown(_control(agents, kind, request))

        return endpoint

    def _sets(self, kind: str) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            _control(await self._authorised(request), kind, request)
            wanted = await _body(request, _Wanted)
            check_state(kind, wanted.state)
            if_match = request.headers.get("If-Match")
            if if_match is None:
                raise Refusal(428, "send the ETag that you read as If-Match")
            if _ETAG.fullmatch(if_match) is None:
                raise Refusal(422, "If-Match must be one strong ETag, in its quotes")
            return _shown(await self._set(kind, request, wanted.state, if_match))

        return endpoint

    async def _set(self, kind: str, request: Request, wanted: str, if_match: str) -> Control:
        name, item, now = request.path_params["agent"], request.path_params.get("item", ""), self._declared.now()

        def change(document: JsonObject) -> JsonObject:
            agents = Agents.model_validate(document)
            agent = agents.agent(name)
            current = control_of(agent, kind, item)
            if if_match != current.etag:
                raise Refusal(412, "it was changed since it was read")
            if current.state == wanted:
                return document
            check_transition(kind, current.state, wanted)
            changed = current.changed(state=wanted, version=current.version + 1, changed_at=now)
            replaced = {**agents.agents, name: with_control(agent, kind, item, changed)}
            return agents.changed(agents=replaced).model_dump(mode="json")

        document = await self._declared.world.change(self._declared.connection, change)
        return control_of(Agents.model_validate(document).agent(name), kind, item)

    async def _step(self, request: Request) -> Response:
        agent = (await self._authorised(request)).agent(request.path_params["agent"])
        why_not = obstacle(agent, await _body(request, Step))
        return JSONResponse({"allowed": True} if why_not is None else {"allowed": False, "reason": why_not})

    async def _introspect(self, request: Request) -> Response:
        agents = await self._authorised(request)
        asked = await _body(request, _Introspected)
        control = control_of(agents.agent(asked.agent), "credential", asked.credential)
        return JSONResponse({"active": control.state == "valid"})

    async def _authorised(self, request: Request) -> Agents:
        agents = Agents.model_validate(await self._declared.world.read(self._declared.connection))
        sent = request.headers.get("Authorization", "").encode()
        if not compare_digest(sent, f"Bearer {agents.token}".encode()):
            raise Refusal(401, "the bearer token is missing or wrong")
        return agents


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _control(agents: Agents, kind: str, request: Request) -> Control:
    return control_of(agents.agent(request.path_params["agent"]), kind, request.path_params.get("item", ""))


_Body = TypeVar("_Body", bound=BaseModel)


async def _body(request: Request, model: type[_Body]) -> _Body:
    sent = await request.body()
    if len(sent) > _MOST_BYTES:
        raise Refusal(413, "the body is too large")
    try:
        return model.model_validate_json(sent, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refusal(422, f"{place}: {first['msg']}") from error


def _shown(control: Control) -> Response:
    return JSONResponse(control.public(), headers={"ETag": control.etag})


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    return JSONResponse({"error": str(refusal)}, refusal.status)


async def _no_such(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, HTTPException):
        raise refusal
    return JSONResponse({"error": refusal.detail}, refusal.status_code, headers=refusal.headers)
