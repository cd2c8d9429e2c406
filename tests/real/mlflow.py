"""A real MLflow server on SQLite, with models of ours behind its gateway, and what tests ask of both."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from tests.real.processes import REPOSITORY, NotStarted, answers_at, free_port, running

MLFLOW = REPOSITORY / ".cache" / "real" / "mlflow" / "bin" / "mlflow"
CACHE_SECONDS = 10
"""The shortest that MLflow takes; it keeps endpoints for 60 when it is told nothing."""

_REGISTRY = "/api/2.0/mlflow"
_GATEWAY = "/api/3.0/mlflow/gateway"


class MLflow:
    """A running server, used as its administrators and its users do."""

    def __init__(self, url: str, models_url: str) -> None:
        self.url = url
        self._models_url = models_url
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def add_model(self, name: str, versions: int, alias: str) -> None:
        """Register a model whose alias points at its last version."""
        self._call("POST", f"{_REGISTRY}/registered-models/create", {"name": name})
        for number in range(versions):
            source = f"s3://models/{name}/{number}"
            self._call("POST", f"{_REGISTRY}/model-versions/create", {"name": name, "source": source})
        self.move_alias(name, alias, str(versions))

    def move_alias(self, name: str, alias: str, version: str) -> None:
        body = {"name": name, "alias": alias, "version": version}
        self._call("POST", f"{_REGISTRY}/registered-models/alias", body)

    def serving_version(self, name: str, alias: str) -> dict[str, Any]:
        """Return the version that an application gets by the alias, with its tags."""
        params = {"name": name, "alias": alias}
        found: dict[str, Any] = self._call("GET", f"{_REGISTRY}/registered-models/alias", **params)["model_version"]
        return found

    def version(self, name: str, version: str) -> dict[str, Any]:
        params = {"name": name, "version": version}
        found: dict[str, Any] = self._call("GET", f"{_REGISTRY}/model-versions/get", **params)["model_version"]
        return {key: value for key, value in found.items() if key != "last_updated_timestamp"}

    def add_endpoint(self, name: str, weights: dict[str, float], fallback: str) -> None:
        """Create an endpoint over models that answer with their own names."""
        secret = {"secret_name": f"key-{name}", "secret_value": {"api_key": "sk-made-up"}, "provider": "openai"}
        auth = {"auth_config": {"api_base": self._models_url}}
        secret_id = self._call("POST", f"{_GATEWAY}/secrets/create", {**secret, **auth})["secret"]["secret_id"]
        ids = {model: self._define(model, secret_id) for model in (*weights, fallback)}
        links: list[dict[str, Any]] = [
            {"model_definition_id": ids[model], "linkage_type": "PRIMARY", "weight": weight}
            for model, weight in weights.items()
        ]
        links.append({"model_definition_id": ids[fallback], "linkage_type": "FALLBACK", "fallback_order": 1})
        body = {
            "name": name,
            "model_configs": links,
            "routing_strategy": "REQUEST_BASED_TRAFFIC_SPLIT",
            "fallback_config": {"strategy": "SEQUENTIAL", "max_attempts": 2},
            "usage_tracking": False,
        }
        self._call("POST", f"{_GATEWAY}/endpoints/create", body)

    def endpoint(self, name: str) -> dict[str, Any]:
        """Return all that the server tells about an endpoint, without what every update assigns anew."""
        shown: dict[str, Any] = self._call("GET", f"{_GATEWAY}/endpoints/get", name=name)["endpoint"]
        for link in shown["model_mappings"]:
            del link["mapping_id"], link["created_at"]
        del shown["last_updated_at"]
        return shown

    def add_budget(self, amount: float) -> str:
        day = {"unit": "DAYS", "value": 1}
        scope = {"target_scope": "GLOBAL", "budget_action": "ALERT"}
        body = {"budget_unit": "USD", "budget_amount": amount, "duration": day, **scope}
        created = self._call("POST", f"{_GATEWAY}/budgets/create", body)
        return str(created["budget_policy"]["budget_policy_id"])

    def budget(self, policy: str) -> dict[str, Any]:
        shown: dict[str, Any] = self._call("GET", f"{_GATEWAY}/budgets/get", budget_policy_id=policy)["budget_policy"]
        del shown["last_updated_at"]
        return shown

    def update_budget(self, policy: str, amount: float) -> None:
        self._call("POST", f"{_GATEWAY}/budgets/update", {"budget_policy_id": policy, "budget_amount": amount})

    def weigh(self, name: str, weight: float) -> int:
        """Give every model of an endpoint a weight, as an administrator might; return the status."""
        shown = self._call("GET", f"{_GATEWAY}/endpoints/get", name=name)["endpoint"]
        links = [
            {"model_definition_id": link["model_definition_id"], "linkage_type": "PRIMARY", "weight": weight}
            for link in shown["model_mappings"]
            if link["linkage_type"] == "PRIMARY"
        ]
        body = {"endpoint_id": shown["endpoint_id"], "model_configs": links}
        return self._client.post(f"{_GATEWAY}/endpoints/update", json=body).status_code

    def traffic(self, name: str, requests: int = 20) -> Counter[str]:
        """Ask the gateway from outside, as its users do, and count which models answer."""
        body = {"messages": [{"role": "user", "content": "hello"}]}
        path = f"/gateway/{name}/mlflow/invocations"
        return Counter(str(self._call("POST", path, body)["model"]) for _ in range(requests))

    def _define(self, model: str, secret_id: str) -> str:
        body = {"name": model, "secret_id": secret_id, "provider": "openai", "model_name": model}
        created = self._call("POST", f"{_GATEWAY}/model-definitions/create", body)
        return str(created["model_definition"]["model_definition_id"])

    def _call(self, method: str, path: str, body: object = None, **params: str) -> dict[str, Any]:
        answer = self._client.request(method, path, json=body, params=params)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


class _Model(BaseHTTPRequestHandler):
    """Answers as an OpenAI-compatible model would, with the name of the model that was asked for."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": "hello"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        head = {"id": "x", "object": "chat.completion", "created": 1, "model": asked["model"]}
        answer = json.dumps({**head, "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def _serving_models() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Model) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def running_mlflow(folder: Path) -> Iterator[MLflow]:
    """Run MLflow with its data in a folder.

    Raises:
        NotStarted: It is not installed, or did not answer.
    """
    if not MLFLOW.exists():
        raise NotStarted("MLflow is not installed: run `.ci/real-setup` first.")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    stored = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--default-artifact-root", str(folder)]
    command = [
        str(MLFLOW),
        "server",
        *stored,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        "--secrets-cache-ttl",
        str(CACHE_SECONDS),
    ]
    env = {
        "MLFLOW_CRYPTO_KEK_PASSPHRASE": "a-passphrase-of-the-tests",
        "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    with (
        _serving_models() as models_url,
        running(command, answers_at(f"{url}/health"), log=folder / "log", env=env, within=240),
    ):
        server = MLflow(url, models_url)
        try:
            yield server
        finally:
            server.close()
