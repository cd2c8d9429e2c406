"""fast-feature over a world: the admin API that the actions use, and OFREP, by which applications read their flags."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator, Value
from integrations.fast_feature.evaluation import NotUnderstood, evaluated

_FLAG = "/admin/api/flags/{key}"
_EVALUATE = "/ofrep/v1/evaluate/flags"


class _Flag(Value):
    """A flag; in a seed, whatever has a default may be left out.

    Attributes:
        changed_at: When it changed last; what the simulated world can be made to depend on.
    """

    variants: dict[str, JsonValue]
    default_variant: str
    state: Literal["ENABLED", "DISABLED"] = "ENABLED"
    targeting: JsonObject | None = None
    metadata: JsonObject = Field(default_factory=dict)
    changed_at: AwareDatetime | None = None


class _Toggle(Value):
    enabled: bool


class _Asked(Value):
    context: JsonObject = Field(default_factory=dict)


class _Flags(Value):
    """The simulated server's document in the world."""

    flags: dict[str, _Flag] = Field(default_factory=dict)

    def flag(self, key: str) -> _Flag:
        if key not in self.flags:
            raise HTTPException(404, f"Flag {key!r} was not found")
        return self.flags[key]


_Edit = Callable[[_Flag], _Flag]


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated fast-feature as an ASGI app."""
    return _FastFeature(declared).app()


class _FastFeature:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        routes = [
            Route("/admin/api/flags", self._list),
            Route(_FLAG, self._show, methods=["GET"]),
            Route(_FLAG, self._replace, methods=["PUT"]),
            Route(_FLAG, self._toggle, methods=["PATCH"]),
            Route(_EVALUATE, self._evaluate_all, methods=["POST"]),
            Route(_EVALUATE + "/{key}", self._evaluate, methods=["POST"]),
        ]
        handlers = {HTTPException: _refused, ValidationError: _invalid}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def _list(self, _: Request) -> Response:
        flags = (await self._flags()).flags
        return JSONResponse([_view(key, flag) for key, flag in sorted(flags.items())])

    async def _show(self, request: Request) -> Response:
        key = request.path_params["key"]
        return JSONResponse(_view(key, (await self._flags()).flag(key)))

    async def _replace(self, request: Request) -> Response:
        sent = await request.json()
        known = {name: value for name, value in sent.items() if name in _Flag.model_fields and name != "changed_at"}
        wanted = _Flag.model_validate(known)
        key = request.path_params["key"]
        if wanted.default_variant not in wanted.variants or not re.fullmatch(r"[A-Za-z0-9_.-]+", key):
            name = wanted.default_variant
            raise HTTPException(422, f"Flag {key!r} default variant {name!r} is not among its variants")
        return await self._edit(key, lambda _: wanted)

    async def _toggle(self, request: Request) -> Response:
        toggle = _Toggle.model_validate(await request.json())
        state = "ENABLED" if toggle.enabled else "DISABLED"
        return await self._edit(request.path_params["key"], lambda flag: flag.changed(state=state))

    async def _evaluate(self, request: Request) -> Response:
        key, asked = request.path_params["key"], _Asked.model_validate(await request.json())
        flags = (await self._flags()).flags
        if key not in flags:
            failure = {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": f"Flag {key!r} was not found"}
            return JSONResponse(failure, 404)
        answer = _answer(key, flags[key], asked.context)
        return JSONResponse(answer, 400 if "errorCode" in answer else 200)

    async def _evaluate_all(self, request: Request) -> Response:
        asked = _Asked.model_validate(await request.json())
        flags = (await self._flags()).flags
        return JSONResponse({"flags": [_answer(key, flag, asked.context) for key, flag in sorted(flags.items())]})

    async def _flags(self) -> _Flags:
        return _Flags.model_validate(await self._declared.world.read(self._declared.connection))

    async def _edit(self, key: str, edit: _Edit) -> Response:
        now = self._declared.now()

        def change(document: JsonObject) -> JsonObject:
            flags = _Flags.model_validate(document)
            edited = _dated(flags.flag(key), edit, now)
            return flags.changed(flags={**flags.flags, key: edited}).model_dump(mode="json")

        document = await self._declared.world.change(self._declared.connection, change)
        return JSONResponse(_view(key, _Flags.model_validate(document).flag(key)))


def _dated(flag: _Flag, edit: _Edit, now: datetime) -> _Flag:
    edited = edit(flag).changed(changed_at=flag.changed_at)
    return edited if edited == flag else edited.changed(changed_at=now)


def _view(key: str, flag: _Flag) -> JsonObject:
    shown = flag.model_dump(mode="json", exclude={"changed_at"})
    return {"key": key, **shown, "created_at": None, "updated_at": None}


def _answer(key: str, flag: _Flag, context: JsonObject) -> JsonObject:
    try:
        variant, reason = evaluated(key, flag.model_dump(mode="json"), context)
    except NotUnderstood as error:
        return {"key": key, "errorCode": "PARSE_ERROR", "errorDetails": str(error)}
    metadata = {"metadata": flag.metadata} if flag.metadata else {}
    return {"key": key, "reason": reason, "value": flag.variants[variant], "variant": variant, **metadata}


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"detail": error.detail}, error.status_code)


async def _invalid(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 422)
