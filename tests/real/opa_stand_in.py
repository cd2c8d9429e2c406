"""An HTTP stand-in for Open Policy Agent: the simulator's data and policy APIs, and decisions by real Rego (rego-cpp).

A program of its own, because what evaluates Rego is not a dependency of Stanch; `test_opa.py` starts it with that
folder in `PYTHONPATH`. It shares the simulator's reading of OPA's documentation, so it proves nothing about OPA's REST
API; it proves that what the actions write decides. rego-cpp knows no flags in patterns, such as `(?i)`; OPA does.
"""

import json
import sys
from pathlib import Path
from typing import Any

import regopy
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import JsonObject, Simulator
from integrations.opa.simulator import NOTHING, OpaServer, Refusal, at, require_token, split
from tests.integrations.contract import NOW
from tests.integrations.world import MemoryWorld


class RegoOpa(OpaServer):
    """The simulator with an evaluator."""

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            Route("/v1/data/{path:path}", self._decide, methods=["POST"]),
            Route("/health", _healthy),
        ]

    def result(self, document: JsonObject, path: str) -> Any:
        found = at(document["data"], split(path))
        return self._evaluated(document, path, {}) if found is NOTHING else found

    def require_compilable(self, policies: dict[str, str]) -> None:
        super().require_compilable(policies)
        rego = regopy.Interpreter()
        for identity, text in policies.items():
            try:
                rego.add_module(identity, text)
            except regopy.RegoError as error:
                message = f"error(s) occurred while compiling module(s): {identity}"
                raise Refusal(400, "invalid_parameter", message) from error

    async def _decide(self, request: Request) -> Response:
        require_token(request)
        asked = (await request.json())["input"]
        found = self._evaluated(await self.document(), request.path_params["path"], asked)
        return JSONResponse({} if found is NOTHING else {"result": found})

    def _evaluated(self, document: JsonObject, path: str, asked: JsonObject) -> Any:
        rego = regopy.Interpreter()
        for identity, text in document["policies"].items():
            rego.add_module(identity, text)
        rego.add_data(document["data"])
        rego.set_input(regopy.Input(asked))
        # Bound to a name: a bare query that is false would be told as undefined.
        output = rego.query("found = data" + "".join(f"[{json.dumps(part)}]" for part in split(path)))
        if not output.ok():
            raise Refusal(500, "internal_error", str(output))
        return output.results[0].bindings.get("found", NOTHING) if output.results else NOTHING


async def _healthy(_: Request) -> Response:
    return JSONResponse({})


def main(port: int, document: JsonObject) -> None:
    """Serve on 127.0.0.1 until the process ends."""
    world = MemoryWorld({"opa": document})
    uvicorn.run(RegoOpa(Simulator("opa", world, lambda: NOW)).app(), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
