"""kmock's emulator of the Kubernetes API, with what it lacks: 409 for a stale write, 404 for what is missing.

A program of its own, because kmock is not a dependency of Stanch; `test_kubernetes.py` starts it with kmock's folder in
`PYTHONPATH`. Paths, verbs, merge patches and errors are kmock's; the deployment's controller is played by the tests.
"""

import asyncio
import sys
from typing import Any

import aiohttp.web
import kmock

_NAMESPACED = {
    "namespaced": True,
    "verbs": {"get", "list", "create", "patch"},
    "categories": set(),
    "shortnames": set(),
}
_RESOURCES = {
    "deployments.v1.apps": {"kind": "Deployment", "singular": "deployment", "subresources": {"scale"}},
    "replicasets.v1.apps": {"kind": "ReplicaSet", "singular": "replicaset", "subresources": set()},
    "horizontalpodautoscalers.v2.autoscaling": {
        "kind": "HorizontalPodAutoscaler",
        "singular": "horizontalpodautoscaler",
        "subresources": set(),
    },
}


class ApiServer(kmock.KubernetesEmulator):
    """The emulator with optimistic locking."""

    async def _handle(self, request: Any) -> aiohttp.web.StreamResponse:
        if request.action == kmock.action.UPDATE:
            key = (request.resource, request.namespace, request.name)
            now = self.objects[key].raw["metadata"].get("resourceVersion", "") if key in self.objects else ""
            metadata = request.data.setdefault("metadata", {})
            if metadata.get("resourceVersion", now) != now:
                status = {"kind": "Status", "reason": "Conflict", "message": "the object has been modified"}
                return aiohttp.web.json_response(status, status=409)
            metadata["resourceVersion"] = f"{now}1"
        try:
            return await super()._handle(request)
        except kmock.KubernetesError as error:
            return aiohttp.web.json_response({"kind": "Status", "reason": error.reason}, status=error.status)


async def main(port: int) -> None:
    """Serve an empty cluster on 127.0.0.1 until the process ends."""
    server = ApiServer()
    for name, resource in _RESOURCES.items():
        server.resources[name] = {**_NAMESPACED, **resource}
    async with kmock.Server(server, host="127.0.0.1", port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
