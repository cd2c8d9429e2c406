"""LiteLLM over a world: the admin API that the actions use, and chat completions as applications call them.

The rules are in `proxy.py` and `traffic.py`; here are routes and shapes.
"""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator
from integrations.litellm import proxy, traffic
from integrations.litellm.faults import FaultyApi
from integrations.litellm.proxy import Edit, Refusal, found, loaded

Show = Callable[[Request, JsonObject], object]
EditOf = Callable[[Request, JsonObject], Edit]
Endpoint = Callable[[Request], Awaitable[Response]]


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated LiteLLM as an ASGI app; its document is that of `proxy.loaded`."""
    return FaultyApi(_LiteLlm(declared).app(), declared)


class _LiteLlm:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        reads: dict[str, Show] = {
            "/key/info": _key,
            "/key/list": _keys,
            "/team/info": _team,
            "/model/info": _models,
            "/router/settings": _router,
            "/v2/guardrails/list": _guardrails,
            "/guardrails/ui/add_guardrail_settings": _guardrail_options,
            "/policies/name/{policy}/versions": _versions,
            "/config/list": _general_settings,
        }
        edits: dict[tuple[str, str], EditOf] = {
            ("POST", "/key/update"): lambda _, body: proxy.limiting("keys", body["key"], body),
            ("POST", "/key/block"): lambda _, body: proxy.blocking_key(body["key"], blocked=True),
            ("POST", "/key/unblock"): lambda _, body: proxy.blocking_key(body["key"], blocked=False),
            ("POST", "/team/update"): lambda _, body: proxy.limiting("teams", body["team_id"], body),
            ("POST", "/model/block"): lambda _, body: proxy.changing_model(body["model_id"], {"blocked": True}),
            ("POST", "/model/unblock"): lambda _, body: proxy.changing_model(body["model_id"], {"blocked": False}),
            ("PATCH", "/model/{model}/update"): _change_model,
            ("POST", "/config/update"): lambda _, body: proxy.routing(body["router_settings"]),
            ("POST", "/fallback"): lambda _, body: proxy.falling_back(body["model"], body["fallback_models"]),
            ("DELETE", "/fallback/{model}"): lambda request, _: proxy.falling_back(request.path_params["model"], []),
            ("PATCH", "/guardrails/{guardrail}"): _change_guardrail,
            ("PUT", "/policies/{policy}/status"): _promote,
            ("POST", "/config/field/update"): lambda _, body: proxy.setting(body["field_name"], body["field_value"]),
            ("POST", "/config/field/delete"): lambda _, body: proxy.setting(body["field_name"], None),
        }
        routes = [Route(path, self._shows(show), methods=["GET"]) for path, show in reads.items()]
        routes += [Route(path, self._edits(edit), methods=[method]) for (method, path), edit in edits.items()]
        routes.append(Route("/v1/chat/completions", self._completes, methods=["POST"]))
        return Starlette(routes=routes, exception_handlers={Refusal: _refused})

    def _shows(self, show: Show) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            document = await self._document()
            _require_admin(request, document)
            return JSONResponse(show(request, document))

        return endpoint

    def _edits(self, edit_of: EditOf) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            _require_admin(request, await self._document())
            edit = edit_of(request, await request.json() if await request.body() else {})
            now = self._declared.now()
            await self._declared.world.change(self._declared.connection, lambda document: edit(loaded(document), now))
            return JSONResponse({"message": "success"})

        return endpoint

    async def _completes(self, request: Request) -> Response:
        key, body, now = _bearer(request), await request.json(), self._declared.now()
        answers: list[JsonObject] = []

        def serve(document: JsonObject) -> JsonObject:
            served, answer = traffic.completed(loaded(document), key, body, now)
            answers.append(answer)
            return served

        await self._declared.world.change(self._declared.connection, serve)
        return JSONResponse(answers[-1])

    async def _document(self) -> JsonObject:
        return loaded(await self._declared.world.read(self._declared.connection))


def _bearer(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _require_admin(request: Request, document: JsonObject) -> None:
    key = _bearer(request)
    if key == document["admin_key"]:
        return
    if traffic.hashed(key) in document["keys"]:
        raise Refusal(403, "Only proxy admin can be used to generate, delete, update info for new keys/users/teams.")
    raise Refusal(401, "Authentication Error, Invalid proxy server token passed.")


def _key(request: Request, document: JsonObject) -> JsonObject:
    # Without a key LiteLLM looks for the caller's own, and the admin key is none of the database's.
    asked = request.query_params.get("key", "")
    key = found(document, "keys", asked, "Key not found in database")
    return {"key": asked, "info": {"key_name": f"sk-...{asked[-4:]}", "key_alias": None, **key}}


def _keys(request: Request, document: JsonObject) -> JsonObject:
    alias = request.query_params.get("key_alias")
    listed = [{"token": key, "key_alias": None, **each} for key, each in document["keys"].items()]
    keys = [each for each in listed if alias in (None, each["key_alias"])]
    return {"keys": keys, "total_count": len(keys), "current_page": 1, "total_pages": 1}


def _team(request: Request, document: JsonObject) -> JsonObject:
    name = request.query_params.get("team_id", "")
    team = found(document, "teams", name, f"Team not found, passed team id: {name}.")
    return {"team_id": name, "team_info": {"team_id": name, "team_alias": None, **team}, "keys": []}


def _models(_: Request, document: JsonObject) -> JsonObject:
    return {
        "data": [
            {
                "model_name": each["model_name"],
                "litellm_params": {
                    "model": each.get("upstream", each["model_name"]),
                    "rpm": each["rpm"],
                    "tpm": each["tpm"],
                },
                "model_info": {"id": name, "db_model": each["db_model"], "blocked": each["blocked"]},
            }
            for name, each in document["deployments"].items()
        ]
    }


def _router(_: Request, document: JsonObject) -> JsonObject:
    from_file = document["router"]["from_file"]
    values = {name: value for name, value in document["router"].items() if name not in ("from_file", "changed_at")}
    return {
        "fields": [],
        "current_values": values,
        "source": {each: "config" if each in from_file else "db" for each in values},
    }


def _guardrails(_: Request, document: JsonObject) -> JsonObject:
    return {
        "guardrails": [
            {
                "guardrail_id": each["id"],
                "guardrail_name": name,
                "litellm_params": each["params"],
                "guardrail_definition_location": "config" if each["from_file"] else "db",
            }
            for name, each in document["guardrails"].items()
        ]
    }


def _guardrail_options(_: Request, document: JsonObject) -> JsonObject:
    return {"content_filter_settings": {"content_categories": [{"name": name} for name in document["topics"]]}}


def _versions(request: Request, document: JsonObject) -> JsonObject:
    name = request.path_params["policy"]
    versions = document["policies"].get(name, [])
    newest_first = sorted(versions, key=lambda each: -each["version_number"])
    return {"policy_name": name, "versions": newest_first, "total_count": len(versions)}


def _general_settings(_: Request, document: JsonObject) -> list[JsonObject]:
    return [
        {"field_name": name, "field_type": "Boolean", "field_value": value, "editable": True}
        for name, value in document["settings"].items()
    ]


def _change_model(request: Request, body: JsonObject) -> Edit:
    limits = {name: value for name, value in body["litellm_params"].items() if name in ("rpm", "tpm")}
    return proxy.changing_model(request.path_params["model"], limits)


def _change_guardrail(request: Request, body: JsonObject) -> Edit:
    return proxy.changing_guardrail(request.path_params["guardrail"], body["litellm_params"])


def _promote(request: Request, body: JsonObject) -> Edit:
    return proxy.promoting(request.path_params["policy"], body["version_status"])


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    body = {"message": str(refusal), "type": "error", "param": None, "code": str(refusal.status)}
    headers = {"Retry-After": "60"} if refusal.status == 429 else None
    return JSONResponse({"error": body}, refusal.status, headers)
