"""MLflow over a world: the registry and gateway APIs that the actions use, and the gateway's traffic.

The rules are in `world.py`; here are routes and shapes. Traffic follows a change of an endpoint late, as in the real.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, Instant, JsonObject, Simulator
from integrations.mlflow.client import BAD, MARK
from integrations.mlflow.world import Documents, Endpoint, Link, Refusal, answering

_REGISTRY = "/api/2.0/mlflow"
_GATEWAY = "/api/3.0/mlflow/gateway"

Show = Callable[[Documents, Request], JsonObject]
Edit = Callable[[Documents, JsonObject, Instant], Documents]
Handler = Callable[[Request], Awaitable[Response]]


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated MLflow as an ASGI app; its document is `world.Documents`."""
    return _MLflow(declared).app()


class _MLflow:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        reads: dict[str, Show] = {
            f"{_REGISTRY}/registered-models/get": _model,
            f"{_REGISTRY}/model-versions/search": _versions,
            f"{_GATEWAY}/endpoints/get": _endpoint,
            f"{_GATEWAY}/model-definitions/list": _definitions,
            f"{_GATEWAY}/budgets/get": _budget,
        }
        writes: list[tuple[str, str, Edit]] = [
            ("POST", f"{_REGISTRY}/registered-models/alias", _move_alias),
            ("POST", f"{_REGISTRY}/model-versions/set-tag", _set_tag),
            ("DELETE", f"{_REGISTRY}/model-versions/delete-tag", _delete_tag),
            ("POST", f"{_GATEWAY}/endpoints/update", _update_endpoint),
            ("POST", f"{_GATEWAY}/budgets/update", _update_budget),
        ]
        routes = [Route(path, self._reads(show), methods=["GET"]) for path, show in reads.items()]
        routes += [Route(path, self._writes(edit), methods=[method]) for method, path, edit in writes]
        routes += [
            Route("/gateway/{name}/mlflow/invocations", self._invoke, methods=["POST"]),
            Route("/health", _health, methods=["GET"]),
        ]
        return Starlette(routes=routes, exception_handlers={Refusal: _refused})

    def _reads(self, show: Show) -> Handler:
        async def endpoint(request: Request) -> Response:
            return JSONResponse(show(await self._authorised(request), request))

        return endpoint

    def _writes(self, edit: Edit) -> Handler:
        async def endpoint(request: Request) -> Response:
            await self._authorised(request)
            body, now = await request.json(), self._declared.now()

            def change(document: JsonObject) -> JsonObject:
                before = Documents.model_validate(document)
                after = edit(before, body, now)
                return document if after == before else after.model_dump(mode="json")

            await self._declared.world.change(self._declared.connection, change)
            return JSONResponse({})

        return endpoint

    async def _invoke(self, request: Request) -> Response:
        endpoint = (await self._authorised(request)).endpoint(request.path_params["name"])
        model = answering(endpoint, self._declared.now(), await request.json())
        message = {"role": "assistant", "content": f"from {model}"}
        return JSONResponse({"model": model, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    async def _authorised(self, request: Request) -> Documents:
        documents = Documents.model_validate(await self._declared.world.read(self._declared.connection))
        if request.headers.get("Authorization") != f"Bearer {documents.token}":
            raise Refusal(401, "UNAUTHENTICATED", "You are not authenticated.")
        return documents


async def _health(_: Request) -> Response:
    return Response("OK")


def _model(documents: Documents, request: Request) -> JsonObject:
    name = request.query_params["name"]
    aliases = [{"alias": alias, "version": version} for alias, version in documents.model(name).aliases.items()]
    return {"registered_model": {"name": name, **({"aliases": aliases} if aliases else {})}}


def _versions(documents: Documents, request: Request) -> JsonObject:
    """Answer the two searches that are made: all versions of a model, and those that are marked."""
    name, _, marked = request.query_params["filter"].removeprefix("name = '").partition("'")
    model = documents.models.get(name)
    versions = [
        {
            "name": name,
            "version": number,
            "status": version.status,
            "tags": [{"key": key, "value": value} for key, value in version.tags.items()],
        }
        for number, version in sorted((model.versions if model else {}).items(), key=lambda item: -int(item[0]))
        if not marked or version.tags.get(MARK) == BAD
    ]
    return {"model_versions": versions} if versions else {}


def _endpoint(documents: Documents, request: Request) -> JsonObject:
    name = request.query_params["name"]
    endpoint = documents.endpoint(name)
    shown: JsonObject = {
        "endpoint_id": f"e-{name}",
        "name": name,
        "routing_strategy": endpoint.routing_strategy,
        "model_mappings": [_mapping(documents, link) for link in endpoint.links],
    }
    if endpoint.fallback_config is not None:
        shown["fallback_config"] = endpoint.fallback_config
    return {"endpoint": shown}


def _mapping(documents: Documents, link: Link) -> JsonObject:
    shown = link.model_dump(exclude={"model"}, exclude_none=True)
    return {**shown, "model_definition": {"model_definition_id": documents.ids[link.model], "name": link.model}}


def _definitions(documents: Documents, _: Request) -> JsonObject:
    found = [{"model_definition_id": known, "name": name} for name, known in documents.ids.items()]
    return {"model_definitions": found}


def _budget(documents: Documents, request: Request) -> JsonObject:
    policy = request.query_params["budget_policy_id"]
    shown = documents.budget(policy).model_dump(mode="json", exclude={"changed_at"})
    return {"budget_policy": {"budget_policy_id": policy, **shown}}


def _move_alias(documents: Documents, body: JsonObject, at: Instant) -> Documents:
    name, version = body["name"], str(body["version"])
    documents.version(name, version)
    model = documents.model(name)
    moved = model.changed(aliases={**model.aliases, body["alias"]: version}, changed_at=at)
    return documents.changed(models={**documents.models, name: moved})


def _set_tag(documents: Documents, body: JsonObject, at: Instant) -> Documents:
    return _tagged(documents, body, {body["key"]: body["value"]}, at)


def _delete_tag(documents: Documents, body: JsonObject, at: Instant) -> Documents:
    return _tagged(documents, body, {}, at)


def _tagged(documents: Documents, body: JsonObject, tags: dict[str, str], at: Instant) -> Documents:
    name, number = body["name"], str(body["version"])
    version = documents.version(name, number)
    others = {key: value for key, value in version.tags.items() if key != body["key"]}
    model = documents.model(name)
    versions = {**model.versions, number: version.changed(tags={**others, **tags})}
    return documents.changed(models={**documents.models, name: model.changed(versions=versions, changed_at=at)})


def _update_endpoint(documents: Documents, body: JsonObject, at: Instant) -> Documents:
    name = str(body["endpoint_id"]).removeprefix("e-")
    endpoint: Endpoint = documents.endpoint(name)
    names = {known: model for model, known in documents.ids.items()}
    links = tuple(_link(names, sent) for sent in body["model_configs"])
    updated = endpoint.updated(links, body.get("fallback_config"), at, documents.cache_seconds)
    changed = documents.changed(definitions=documents.ids)
    return changed.changed(endpoints={**documents.endpoints, name: updated})


def _link(names: dict[str, str], sent: JsonObject) -> Link:
    known: Any = sent["model_definition_id"]
    if known not in names:
        message = f"GatewayModelDefinition not found (model_definition_id='{known}')"
        raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", message)
    fields = {name: value for name, value in sent.items() if name != "model_definition_id"}
    return Link.model_validate({**fields, "model": names[known]})


def _update_budget(documents: Documents, body: JsonObject, at: Instant) -> Documents:
    policy = body["budget_policy_id"]
    fields = {name: body[name] for name in ("budget_amount", "budget_action") if name in body}
    changed = documents.budget(policy).changed(**fields, changed_at=at)
    return documents.changed(budgets={**documents.budgets, policy: changed})


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    return JSONResponse({"error_code": refusal.code, "message": str(refusal)}, refusal.status)
