"""HAProxy's Runtime API over a world: its document holds backends, lists and maps.

Like the real one it answers text: an empty line for yes, the reason otherwise, and it carries on with the next command
of a line after a refused one. It serves no traffic.
"""

import copy
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator

_HEADER = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
_ADMIN_STATES = {"ready": 0, "maint": 1, "drain": 8}
_UNKNOWN = {"acl": "Unknown ACL identifier.", "map": "Unknown map identifier."}
_ABSENT = {"set": "entry not found.\n", "del": "Key not found.\n"}


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated API as an ASGI app."""
    return _HAProxy(declared).app()


class _HAProxy:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the one route."""
        return Starlette(routes=[Route("/", self._ask, methods=["GET"]), Route("/", self._tell, methods=["POST"])])

    async def _ask(self, request: Request) -> Response:
        document = await self._declared.world.read(self._declared.connection)
        return PlainTextResponse(_said(document, request.query_params["command"]) + "\n")

    async def _tell(self, request: Request) -> Response:
        commands = (await request.json())["commands"]
        now, said = self._declared.now().isoformat(), ""

        def change(document: JsonObject) -> JsonObject:
            nonlocal said
            changed = copy.deepcopy(document)
            said = "".join(f"{_said(changed, command)}\n" for command in commands)
            return {**changed, "changed_at": now}

        await self._declared.world.change(self._declared.connection, change)
        return PlainTextResponse(said)


def _said(document: JsonObject, command: str) -> str:
    """Carry a command out in a document; return what HAProxy says of it."""
    words = command.split()
    verb, kind, rest = words[0], words[1], words[2:]
    if (verb, kind) == ("show", "servers"):
        return _servers(document, rest[-1])
    if (verb, kind) == ("set", "server"):
        return _set_server(document, rest) if document.get("level", "admin") == "admin" else "Permission denied\n"
    return _edit_file(document, verb, kind, rest)


def _servers(document: JsonObject, backend: str) -> str:
    found = document.get("backends", {}).get(backend)
    if found is None:
        return "Can't find backend.\n"
    rows = [
        f"3 {backend} {number} {name} 127.0.0.1 2 {_ADMIN_STATES[server.get('state', 'ready')]} "
        f"{server['weight']} {server.get('initial', server['weight'])}"
        for number, (name, server) in enumerate(found["servers"].items(), start=1)
    ]
    return "\n".join(["1", _HEADER, *rows, ""])


def _set_server(document: JsonObject, words: Sequence[str]) -> str:
    backend, name = words[0].split("/")
    found = document.get("backends", {}).get(backend)
    if found is None:
        return "No such backend.\n"
    server = found["servers"].get(name)
    if server is None:
        return "No such server.\n"
    if words[1] == "state":
        server["state"] = words[2]
        return ""
    initial = server.setdefault("initial", server["weight"])
    if words[2] == "100%":
        server["weight"] = initial
        return ""
    if found.get("static") and words[2] != "0":
        return "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n"
    server["weight"] = int(words[2])
    return ""


def _edit_file(document: JsonObject, verb: str, kind: str, words: Sequence[str]) -> str:
    """Show or change the lines of a list or a map; a line is an entry as a file would hold it."""
    lines = document.get(f"{kind}s", {}).get(words[0])
    if lines is None:
        return f"{_UNKNOWN[kind]} Please use #<id> or <file>.\n"
    if verb == "show":
        return "".join(f"0x{number:012x} {line}\n" for number, line in enumerate(lines, start=1))
    key, line = words[1], " ".join(words[1:])
    if verb == "add":
        lines.append(line)
        return ""
    others = [each for each in lines if (each if kind == "acl" else each.split()[0]) != key]
    if len(others) == len(lines):
        return _ABSENT[verb]
    lines[:] = others if verb == "del" else [each if each in others else line for each in lines]
    return ""
