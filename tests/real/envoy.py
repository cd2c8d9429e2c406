"""A real Envoy in front of two servers, and what tests ask of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from bot.sdk import JsonObject
from tests.integrations.envoy.contract import listener
from tests.real.processes import REPOSITORY, NotStarted, answers_at, free_ports, running
from tests.real.traffic import Backends

_PROGRAM = REPOSITORY / ".cache" / "real" / "envoy" / "envoy" / "_bin" / "envoy"
_ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
DYNAMIC: JsonObject = {"runtime_key_prefix": "routing.dynamic"}


@dataclass(frozen=True)
class Envoy:
    """A running Envoy.

    Attributes:
        url: What its clients ask; `dynamic_url` is a listener whose routes come from a file.
        admin_url: Its admin API.
    """

    url: str
    dynamic_url: str
    admin_url: str

    def modify(self, **values: str) -> str:
        """Set runtime values as an administrator would, `__` for a dot; return what Envoy says."""
        query = "&".join(f"{key.replace('__', '.')}={quote(value)}" for key, value in values.items())
        response = httpx.post(f"{self.admin_url}/runtime_modify?{query}", trust_env=False)
        response.raise_for_status()
        return response.text


@dataclass(frozen=True)
class Layout:
    """Where an Envoy lies and listens, so that it can be started again."""

    folder: Path
    backends: Backends
    port: int
    dynamic_port: int
    admin_port: int
    layers: tuple[JsonObject, ...]


def layout(folder: Path, backends: Backends, *layers: JsonObject) -> Layout:
    """Return a layout on free ports; `layers` are those of the runtime, static and admin if none are given."""
    given = layers or ({"name": "static", "static_layer": {}}, {"name": "admin", "admin_layer": {}})
    port, dynamic_port, admin_port = free_ports(3)
    return Layout(folder, backends, port, dynamic_port, admin_port, given)


@contextmanager
def running_envoy(given: Layout) -> Iterator[Envoy]:
    """Run Envoy until the block ends.

    Raises:
        NotStarted: It is not installed, or did not answer.
    """
    if not _PROGRAM.exists():
        raise NotStarted("Envoy is not installed: run `.ci/real-setup` first.")
    (given.folder / "routes.json").write_text(json.dumps({"resources": [_dynamic_routes()]}))
    (given.folder / "envoy.json").write_text(json.dumps(_bootstrap(given)))
    envoy = Envoy(
        url=f"http://127.0.0.1:{given.port}",
        dynamic_url=f"http://127.0.0.1:{given.dynamic_port}",
        admin_url=f"http://127.0.0.1:{given.admin_port}",
    )
    once = ["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warn"]
    command = [str(_PROGRAM), "--config-path", str(given.folder / "envoy.json"), *once]
    with running(command, answers_at(f"{envoy.admin_url}/ready"), log=given.folder / "log"):
        yield envoy


def _bootstrap(given: Layout) -> JsonObject:
    dynamic = {**listener(given.dynamic_port), "name": "dynamic"}
    manager = dynamic["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["route_config"]
    source = {"resource_api_version": "V3", "path_config_source": {"path": str(given.folder / "routes.json")}}
    manager["rds"] = {"route_config_name": "dynamic", "config_source": source}
    clusters = [_cluster("old", given.backends.old), _cluster("new", given.backends.new)]
    return {
        "node": {"id": "one", "cluster": "tests"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": given.admin_port}}},
        "layered_runtime": {"layers": list(given.layers)},
        "static_resources": {"listeners": [listener(given.port), dynamic], "clusters": clusters},
    }


def _dynamic_routes() -> JsonObject:
    clusters = [{"name": "old", "weight": 100}, {"name": "new", "weight": 0}]
    split: dict[str, Any] = {"weighted_clusters": {"clusters": clusters, **DYNAMIC}}
    host = {"name": "dynamic", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": split}]}
    return {"@type": _ROUTES, "name": "dynamic", "virtual_hosts": [host]}


def _cluster(name: str, address: str) -> JsonObject:
    host, _, port = address.partition(":")
    endpoint = {"address": {"socket_address": {"address": host, "port_value": int(port)}}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]},
    }
