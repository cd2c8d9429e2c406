"""The door for people over HTTP: `/people/{user}/...`; `{user}` is an account's name or id.

There is no authentication, on purpose: whoever reaches this loopback port may act as anybody. Hence the product
refuses to use this workspace beside anything real.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.workspace import people, screen, submissions
from bot.workspace.api import origin_of, refusal, workspace_of
from bot.workspace.interactions import Actor
from bot.workspace.people import Outcome, Target
from bot.workspace.wire import Json, Refused, read_json


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Say(_Body):
    channel: str
    text: str
    thread_ts: str | None = None


class _Use(_Body):
    target: Target
    value: str | list[str] | None = None
    values: Json = {}


class _Submit(_Body):
    view_id: str
    values: Json = {}


class _Close(_Body):
    view_id: str
    clear: bool = False


class _Run(_Body):
    callback_id: str
    channel: str | None = None
    ts: str | None = None


class _React(_Body):
    channel: str
    ts: str
    name: str
    remove: bool = False


class _Seen(_Body):
    channel: str
    ts: str


class _Edit(_Seen):
    text: str


class _Suggest(_Body):
    target: Target
    query: str = ""


class _Place(_Body):
    channel: str


async def _message(actor: Actor, body: Any) -> Outcome:
    said = _Say.model_validate(body)
    return people.say(actor, actor.workspace.state.channel(said.channel), said.text, said.thread_ts)


async def _command(actor: Actor, body: Any) -> Outcome:
    said = _Say.model_validate(body)
    return await people.command(actor, actor.workspace.state.channel(said.channel), said.text)


async def _use(actor: Actor, body: Any) -> Outcome:
    used = _Use.model_validate(body)
    return await people.use(actor, used.target, used.value, used.values)


async def _submit(actor: Actor, body: Any) -> Outcome:
    submitted = _Submit.model_validate(body)
    return await submissions.submit(actor, submitted.view_id, submitted.values)


async def _close(actor: Actor, body: Any) -> Outcome:
    closed = _Close.model_validate(body)
    return await submissions.close(actor, closed.view_id, clear=closed.clear)


async def _shortcut(actor: Actor, body: Any) -> Outcome:
    run = _Run.model_validate(body)
    place = None
    if run.channel is not None and run.ts is not None:
        channel = actor.workspace.state.channel(run.channel)
        place = (channel, actor.workspace.state.message(channel, run.ts))
    return await people.shortcut(actor, run.callback_id, place)


async def _react(actor: Actor, body: Any) -> Outcome:
    made = _React.model_validate(body)
    channel = actor.workspace.state.channel(made.channel)
    return people.toggle_reaction(actor, channel, made.ts, made.name, taken_back=made.remove)


async def _dismiss(actor: Actor, body: Any) -> Outcome:
    seen = _Seen.model_validate(body)
    return people.dismiss(actor, actor.workspace.state.channel(seen.channel), seen.ts)


async def _edit(actor: Actor, body: Any) -> Outcome:
    changed = _Edit.model_validate(body)
    return people.edit(actor, actor.workspace.state.channel(changed.channel), changed.ts, changed.text)


async def _delete(actor: Actor, body: Any) -> Outcome:
    taken = _Seen.model_validate(body)
    return people.delete(actor, actor.workspace.state.channel(taken.channel), taken.ts)


async def _join(actor: Actor, body: Any) -> Outcome:
    return people.join(actor, actor.workspace.state.channel(_Place.model_validate(body).channel))


async def _read(actor: Actor, body: Any) -> Outcome:
    return people.mark_read(actor, actor.workspace.state.channel(_Place.model_validate(body).channel))


async def _home_opened(actor: Actor, _body: Any) -> Outcome:
    return people.open_home(actor)


Action = Callable[[Actor, Any], Awaitable[Outcome]]

ACTIONS: dict[str, Action] = {
    "message": _message,
    "edit": _edit,
    "delete": _delete,
    "command": _command,
    "press": _use,
    "select": _use,
    "submit": _submit,
    "close": _close,
    "shortcut": _shortcut,
    "react": _react,
    "dismiss": _dismiss,
    "join": _join,
    "read": _read,
    "home": _home_opened,
}


def actor_of(request: Request) -> Actor:
    """Return the person that a request acts for; raise `Refused`."""
    workspace = workspace_of(request)
    member = workspace.state.person(request.path_params["user"])
    return Actor(workspace, member, origin_of(request.scope))


def _acting(action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def act(request: Request) -> Response:
        try:
            outcome = await action(actor_of(request), await read_json(request))
        except ValidationError as exc:
            problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in exc.errors()]
            return JSONResponse({"ok": False, "error": "invalid_request", "detail": "; ".join(problems)}, 400)
        except Refused as exc:
            return JSONResponse(exc.answer(), 400 if exc.status == 200 else exc.status)
        return JSONResponse(outcome.model_dump())

    return act


def _look(show: Callable[[Actor, Request], Json]) -> Callable[[Request], Awaitable[Response]]:
    async def look(request: Request) -> Response:
        try:
            return JSONResponse({"ok": True} | show(actor_of(request), request))
        except Refused as exc:
            return refusal(exc)

    return look


def _messages(actor: Actor, request: Request) -> Json:
    channel = actor.workspace.state.channel(request.path_params["channel"])
    return {"messages": screen.messages_screen(actor, channel)}


def _search(actor: Actor, request: Request) -> Json:
    channel = actor.workspace.state.channel(request.path_params["channel"])
    return {"messages": screen.found(actor, channel, request.query_params.get("query", ""))}


async def _suggest(request: Request) -> Response:
    try:
        asked = _Suggest.model_validate(await read_json(request))
        return JSONResponse({"ok": True, "options": await people.suggest(actor_of(request), asked.target, asked.query)})
    except ValidationError:
        return JSONResponse({"ok": False, "error": "invalid_request"}, 400)
    except Refused as exc:
        return refusal(exc)


async def _events(request: Request) -> Response:
    try:
        actor = actor_of(request)
    except Refused as exc:
        return refusal(exc)

    async def stream() -> AsyncIterator[str]:
        async for change in actor.workspace.changes.feed(actor.member.id):
            yield f"event: changed\ndata: {json.dumps(change)}\n\n" if change else ": listening\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


ROUTES = [
    Route("/people/{user}/channels", _look(lambda actor, _: {"channels": screen.channels_screen(actor)})),
    Route("/people/{user}/channels/{channel}/messages", _look(_messages)),
    Route("/people/{user}/channels/{channel}/search", _look(_search)),
    Route("/people/{user}/members", _look(lambda actor, _: {"members": screen.members_screen(actor)})),
    Route("/people/{user}/view", _look(lambda actor, _: {"view": screen.view_screen(actor)})),
    Route("/people/{user}/home", _look(lambda actor, _: {"view": screen.home_screen(actor)}), methods=["GET"]),
    Route("/people/{user}/events", _events),
    Route("/people/{user}/suggest", _suggest, methods=["POST"]),
    *(Route(f"/people/{{user}}/{name}", _acting(action), methods=["POST"]) for name, action in ACTIONS.items()),
]
