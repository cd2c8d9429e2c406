"""A real LiteLLM proxy on PostgreSQL, and what its administrators and its users do with it.

Its database layer asks a native program that no package registry holds; `prisma_engine.cjs` stands in for it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.real.postgres import Postgres
from tests.real.processes import REPOSITORY, NotStarted, answers_at, free_port, program, running

ADMIN_KEY = "sk-admin-of-the-tests"
FROM_FILE = "from-file-1"
"""The id of a deployment that stands in the configuration file."""

_INSTALLED = REPOSITORY / ".cache" / "real" / "litellm"
_CONFIG = f"""
model_list:
  - model_name: from-file
    litellm_params: {{model: openai/gpt-4o-mini, api_key: none, mock_response: from-file}}
    model_info: {{id: {FROM_FILE}}}
litellm_settings: {{telemetry: false}}
router_settings: {{optional_pre_call_checks: [enforce_model_rate_limits], num_retries: 0}}
general_settings: {{master_key: {ADMIN_KEY}, store_model_in_db: true, proxy_batch_write_at: 2}}
"""


class LiteLlm:
    """The running proxy."""

    def __init__(self, url: str) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def add_key(self, alias: str, **fields: object) -> str:
        """Make a virtual key; return it."""
        key: str = self.call("POST", "/key/generate", {"key_alias": alias, **fields})["key"]
        return key

    def add_model(self, name: str, says: str, **params: object) -> None:
        """Add a deployment to the database; its id is `<name>-1`, and it answers with what it says."""
        params = {"model": "openai/gpt-4o-mini", "api_key": "none", "mock_response": says, **params}
        body = {"model_name": name, "litellm_params": params, "model_info": {"id": f"{name}-1"}}
        self.call("POST", "/model/new", body)

    def add_filter(self, name: str, **params: object) -> None:
        """Add a content filter to the database."""
        kind = {"guardrail": "litellm_content_filter", "mode": "pre_call", **params}
        self.call("POST", "/guardrails", {"guardrail": {"guardrail_name": name, "litellm_params": kind}})

    def add_policy(self, name: str, *versions: list[str]) -> None:
        """Make a policy whose versions add guardrails; the last one is in force, the others are published."""
        first, *others = versions
        newest = self.call("POST", "/policies", {"policy_name": name, "guardrails_add": first})
        for added in others:
            newest = self.call("POST", f"/policies/name/{name}/versions", {"source_policy_id": newest["policy_id"]})
            self.call("PUT", f"/policies/{newest['policy_id']}", {"guardrails_add": added})
            for status in ("published", "production"):
                self.call("PUT", f"/policies/{newest['policy_id']}/status", {"version_status": status})

    def call(self, method: str, path: str, body: object = None, **params: str) -> Any:
        """Make one call of the admin API."""
        answer = self._client.request(method, path, json=body, params=params)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def heard(self, model: str, key: str, said: str = "hello") -> object:
        """Return what an application gets: the answer, or the status of a refusal."""
        body = {"model": model, "messages": [{"role": "user", "content": said}], "max_tokens": 5}
        headers = {"Authorization": f"Bearer {key}"}
        answer = self._client.post("/v1/chat/completions", json=body, headers=headers)
        return answer.json()["choices"][0]["message"]["content"] if answer.is_success else answer.status_code


@contextmanager
def running_litellm(postgres: Postgres, folder: Path) -> Iterator[LiteLlm]:
    """Run a proxy on a database of its own; it takes half a minute to start."""
    if not (_INSTALLED / "installed").exists():
        raise NotStarted("LiteLLM is not installed: run `.ci/real-setup` first.")
    url, port = postgres.create("litellm"), free_port()
    _migrate(url)
    config, engine = folder / "litellm.yaml", folder / "query-engine"
    config.write_text(_CONFIG)
    engine.write_text(f'#!/bin/sh\nexec {program("node")} {REPOSITORY}/tests/real/prisma_engine.cjs "$@"\n')
    engine.chmod(0o755)
    env = {
        "DATABASE_URL": url,
        "DISABLE_SCHEMA_UPDATE": "true",
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_SALT_KEY": "sk-salt-of-the-tests",
        "NODE_PATH": str(_INSTALLED / "node" / "node_modules"),
        "PATH": f"{_INSTALLED / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PRISMA_QUERY_ENGINE_BINARY": str(engine),
    }
    command = [str(_INSTALLED / "bin" / "litellm"), "--config", str(config), "--telemetry", "False"]
    ready = answers_at(f"http://127.0.0.1:{port}/health/readiness")
    place = ["--host", "127.0.0.1", "--port", str(port)]
    with running([*command, *place], ready, log=folder / "litellm.log", env=env, within=240):
        proxy = LiteLlm(f"http://127.0.0.1:{port}")
        try:
            yield proxy
        finally:
            proxy.close()


def _migrate(url: str) -> None:
    """Make the tables by LiteLLM's own migrations, in the order of their names."""
    found = sorted(_INSTALLED.glob("lib/python3*/site-packages/litellm_proxy_extras/migrations/*/migration.sql"))
    with psycopg.connect(url, autocommit=True) as connection:
        for each in found:
            connection.execute(each.read_bytes())
