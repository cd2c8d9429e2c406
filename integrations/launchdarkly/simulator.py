"""LaunchDarkly over a world: the two calls of its REST API that the actions make, and one by which a flag is evaluated.

The rules are in `flags.py` and `evaluation.py`; here are routes and shapes.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator
from integrations.launchdarkly.evaluation import served
from integrations.launchdarkly.flags import Flag, Flags, Refusal, loaded, patched

_FLAG = "/api/v2/flags/{project}/{flag}"
_EVALUATE = "/api/v2/projects/{project}/environments/{environment}/flags/evaluate"


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated LaunchDarkly as an ASGI app; its document is `flags.Flags`."""
    return _LaunchDarkly(declared).app()


class _LaunchDarkly:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        routes = [
            Route(_FLAG, self._show, methods=["GET"]),
            Route(_FLAG, self._patch, methods=["PATCH"]),
            Route(_EVALUATE, self._evaluate, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={Refusal: _refused})

    async def _show(self, request: Request) -> Response:
        flags = await self._flags()
        _require_token(request, flags, writes=False)
        where = request.path_params
        return JSONResponse(_view(where["flag"], flags.flag(where["project"], where["flag"]), _wanted(request)))

    async def _patch(self, request: Request) -> Response:
        _require_token(request, await self._flags(), writes=True)
        body, now = await request.json(), self._declared.now()
        if isinstance(body, dict) and "patch" not in body:
            # A semantic patch without its content type is read as a JSON patch, and refused as one.
            raise Refusal(400, "invalid_request", "Invalid JSON patch")
        operations = body["patch"] if isinstance(body, dict) else body
        project, key = request.path_params["project"], request.path_params["flag"]
        ignore_conflicts = request.query_params.get("ignoreConflicts") == "true"

        def change(document: JsonObject) -> JsonObject:
            flags = loaded(document)
            edited = patched(flags.flag(project, key), operations, now, ignore_conflicts=ignore_conflicts)
            return flags.changed(flags={**flags.flags, key: edited}).model_dump(mode="json")

        document = await self._declared.world.change(self._declared.connection, change)
        return JSONResponse(_view(key, loaded(document).flag(project, key), None))

    async def _evaluate(self, request: Request) -> Response:
        flags, context = await self._flags(), await request.json()
        _require_token(request, flags, writes=False)
        where = request.path_params
        items = [
            _evaluated(key, flag, served(key, environment, context, flags.segments))
            for key, flag in sorted(flags.flags.items())
            if flag.project == where["project"] and not flag.archived
            if (environment := flag.environments.get(where["environment"]))
        ]
        return JSONResponse({"items": items, "totalCount": len(items)})

    async def _flags(self) -> Flags:
        return loaded(await self._declared.world.read(self._declared.connection))


def _require_token(request: Request, flags: Flags, *, writes: bool) -> None:
    token = request.headers.get("Authorization", "")
    if token == flags.token or (token == flags.reader_token and not writes):
        return
    if token == flags.reader_token:
        raise Refusal(403, "forbidden", "Access to the requested resource was denied")
    raise Refusal(401, "unauthorized", "Invalid access token")


def _wanted(request: Request) -> set[str] | None:
    """Return the environments that are asked for; `None` for all of them."""
    asked = request.query_params.get("env")
    return set(asked.split(",")) if asked else None


def _view(key: str, flag: Flag, wanted: set[str] | None) -> JsonObject:
    variations = [
        {"_id": f"variation-{place}", **each.model_dump(mode="json", exclude_defaults=not each.name)}
        for place, each in enumerate(flag.variations)
    ]
    return {
        "key": key,
        "name": key,
        "kind": "boolean" if {str(each.value) for each in flag.variations} <= {"True", "False"} else "multivariate",
        "_version": 1,
        "creationDate": 0,
        "archived": flag.archived,
        "variations": variations,
        "temporary": False,
        "tags": [],
        "_links": {"self": {"href": f"/api/v2/flags/{flag.project}/{key}", "type": "application/json"}},
        "experiments": {"baselineIdx": 0, "items": []},
        "customProperties": {},
        "environments": {
            name: environment.public(name)
            for name, environment in flag.environments.items()
            if wanted is None or name in wanted
        },
    }


def _evaluated(key: str, flag: Flag, variation: int | None) -> JsonObject:
    value = None if variation is None else flag.variations[variation].value
    return {"key": key, "name": key, "_value": value}


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    return JSONResponse({"code": refusal.code, "message": str(refusal)}, refusal.status)
