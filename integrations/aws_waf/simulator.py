"""WAFv2 over a world: its document holds `web_acls` and `ip_sets` by their id, as WAF returns them.

Like the real one it checks signatures, refuses a stale lock token, and replaces a web ACL by what a request holds. It
counts no requests and blocks nobody.
"""

import copy
import json
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, SecretStr, Simulator, digest
from integrations.aws_waf.client import SERVICE, TARGET
from integrations.aws_waf.rules import HIGHEST, LOWEST
from integrations.aws_waf.signing import Credentials, signed

SIMULATED: JsonObject = {
    "url": "http://waf.simulated",
    "region": "eu-central-1",
    "access_key_id": "AKIDSIMULATED",
    "secret_access_key": "waf-simulated-secret",
}
_KEPT = ("ARN", "Capacity", "LabelNamespace")


class _Refusal(Exception):
    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated API as an ASGI app."""
    return _Waf(declared).app()


class _Waf:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the one route."""
        return Starlette(routes=[Route("/", self._answer, methods=["POST"])], exception_handlers={_Refusal: _refused})

    async def _answer(self, request: Request) -> Response:
        content = await request.body()
        _require_signature(request, content)
        body, operation = json.loads(content), request.headers.get("X-Amz-Target", "").removeprefix(f"{TARGET}.")
        kind, entity = ("web_acls", "WebACL") if operation.endswith("WebACL") else ("ip_sets", "IPSet")
        if operation in {"GetWebACL", "GetIPSet"}:
            document = await self._declared.world.read(self._declared.connection)
            found = _found(document, kind, body)
            return JSONResponse({entity: found, "LockToken": _token(found)})
        if operation not in {"UpdateWebACL", "UpdateIPSet"}:
            raise _Refusal("UnknownOperationException", f"there is no {operation}")
        now = self._declared.now().isoformat()

        def change(document: JsonObject) -> JsonObject:
            old = _found(document, kind, body)
            if body["LockToken"] != _token(old):
                raise _Refusal(
                    "WAFOptimisticLockException", "someone changed the resource after you started to edit it"
                )
            new = _acl(old, body) if entity == "WebACL" else _ip_set(old, body)
            return {**document, kind: {**document[kind], body["Id"]: new}, "changed_at": now}

        changed = await self._declared.world.change(self._declared.connection, change)
        return JSONResponse({"NextLockToken": _token(changed[kind][body["Id"]])})


def _require_signature(request: Request, content: bytes) -> None:
    names = request.headers.get("Authorization", "").partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: request.headers.get(name, "") for name in names if name and not name.startswith("x-amz-date")}
    token = headers.pop("x-amz-security-token", None)
    credentials = Credentials(
        SecretStr(SIMULATED["access_key_id"]),
        SecretStr(SIMULATED["secret_access_key"]),
        SecretStr(token) if token else None,
        SIMULATED["region"],
        SERVICE,
    )
    try:
        at = datetime.strptime(request.headers.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _Refusal("MissingAuthenticationTokenException", "Missing Authentication Token") from error
    if signed(credentials, "POST", headers, content, at)["Authorization"] != request.headers.get("Authorization"):
        raise _Refusal("InvalidSignatureException", "The request signature does not match the one calculated here.")


def _found(document: JsonObject, kind: str, body: JsonObject) -> JsonObject:
    found: Any = document.get(kind, {}).get(body["Id"])
    if found is None or found["Name"] != body["Name"]:
        raise _Refusal("WAFNonexistentItemException", "the resource does not exist")
    return {**found, "Id": body["Id"]}


def _token(entity: JsonObject) -> str:
    return digest(entity)[:36]


def _acl(old: JsonObject, body: JsonObject) -> JsonObject:
    for required in ("DefaultAction", "VisibilityConfig"):
        if required not in body:
            raise _Refusal("ValidationException", f"{required} is required")
    for rule in body["Rules"]:
        limit = rule["Statement"].get("RateBasedStatement", {}).get("Limit", LOWEST)
        if not LOWEST <= limit <= HIGHEST:
            raise _Refusal("WAFInvalidParameterException", f"the limit of {rule['Name']} is out of range")
    new = {name: value for name, value in copy.deepcopy(body).items() if name not in {"Scope", "LockToken"}}
    return {**{name: old[name] for name in _KEPT if name in old}, **new}


def _ip_set(old: JsonObject, body: JsonObject) -> JsonObject:
    for address in body["Addresses"]:
        if f"IPV{ip_network(address).version}" != old["IPAddressVersion"]:
            raise _Refusal("WAFInvalidParameterException", f"{address} is not of {old['IPAddressVersion']}")
    return {**old, "Addresses": body["Addresses"], "Description": body.get("Description", "")}


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, _Refusal):
        raise refusal
    return JSONResponse({"__type": f"com.amazonaws.wafv2#{refusal.kind}", "message": str(refusal)}, 400)
