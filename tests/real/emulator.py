"""A public emulator of Slack's Web API, by other people: where it and the local workspace agree, neither misread alone.

https://github.com/vercel-labs/emulate - it takes `POST` only and has no sockets, commands or clicks, so only the Web
API is compared. It is given the accounts, channels and tokens of the workspace's default seed.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bot.workspace.seed import DEFAULT_SEED
from tests.real.processes import NODE_MODULES, NotStarted, free_port, program, running

_PROGRAM = NODE_MODULES / "emulate" / "dist" / "index.js"
_AUTHORIZATION = {"Authorization": f"Bearer {DEFAULT_SEED.app.bot_token}"}
_LOOPBACK = Path(__file__).with_name("loopback.cjs")


@contextmanager
def running_emulator(folder: Path) -> Iterator[str]:
    """Run the emulator until the block ends; yield its URL.

    Raises:
        NotStarted: It is not installed, or did not answer.
    """
    if not _PROGRAM.exists():
        raise NotStarted("The emulator is not installed: run `.ci/real-setup` first.")
    seed = folder / "emulator.yaml"
    seed.write_text(json.dumps({"slack": _seed()}), encoding="utf-8")  # JSON is YAML
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        program("node"), "--require", str(_LOOPBACK), str(_PROGRAM), "start",
        "--service", "slack", "--port", str(port), "--seed", str(seed),
    ]  # fmt: skip
    with running(command, lambda: _answers(url), log=folder / "emulator.log", env={"NO_COLOR": "1"}):
        yield url


def _answers(url: str) -> bool:
    try:
        answer = httpx.post(f"{url}/api/auth.test", headers=_AUTHORIZATION, timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return bool(answer.json()["ok"])


def _seed() -> dict[str, Any]:
    app = DEFAULT_SEED.app
    return {
        "team": {"name": DEFAULT_SEED.team_name, "domain": DEFAULT_SEED.domain},
        "users": [{"name": one.name, "real_name": one.real_name, "email": one.email} for one in DEFAULT_SEED.accounts],
        "channels": [{"name": one.name} for one in DEFAULT_SEED.channels],
        "oauth_apps": [
            {
                "client_id": "1.1",
                "client_secret": "made-up",
                "app_id": app.id,
                "name": app.name,
                "bot_id": app.bot_id,
                "bot_user_id": app.bot_user_id,
                "bot_name": app.bot_name,
                "redirect_uris": ["http://localhost/never-used"],
                "scopes": list(app.scopes),
            }
        ],
        "tokens": [
            {
                "token": app.bot_token,
                "type": "bot",
                "user_id": app.bot_user_id,
                "bot_id": app.bot_id,
                "bot_user_id": app.bot_user_id,
                "app_id": app.id,
                "scopes": list(app.scopes),
            }
        ],
    }
