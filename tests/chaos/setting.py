"""What every path of the campaign is played with: the demo's story on a system whose clean window is short.

The shipped registry watches for twenty seconds, so that people can look on; here most kills would fall into the wait.
"""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from bot.demo import story
from bot.domain.values import JsonObject
from bot.workspace.seed import DEFAULT_SEED

ALERT_TOKEN = "alert-token-of-the-campaign"
_SERVICE = "chaos-assistant"


def write_settings(folder: Path, database_url: str, workspace_url: str) -> dict[str, str]:
    """Write the connections and the content, and return Stanch's settings."""
    connections = folder / "connections.yaml"
    connections.write_text(json.dumps(story.connections(datetime.now(UTC))))  # JSON is YAML
    systems = folder / "content/playbooks/rules/systems.yaml"
    systems.parent.mkdir(parents=True)
    systems.write_text(json.dumps({"systems": [_system()]}))
    return {
        "STANCH_DATABASE_URL": database_url,
        "STANCH_SLACK_BOT_TOKEN": DEFAULT_SEED.app.bot_token,
        "STANCH_SLACK_APP_TOKEN": DEFAULT_SEED.app.app_token,
        "STANCH_SLACK_API_URL": f"{workspace_url}/api/",
        "STANCH_CONNECTIONS": str(connections),
        "STANCH_CONTENT": str(folder / "content"),
        "STANCH_ALERT_TOKEN_ALERTMANAGER": ALERT_TOKEN,
        "STANCH_TIMELINE_KEY": "timeline-key-of-the-campaign",
        "STANCH_PORT": "0",
    }


def fresh_alert(title: str) -> JsonObject:
    """Return what Alertmanager posts about a rule that begins to fire now, under a fingerprint of its own."""
    posted = story.alert(datetime.now(UTC))
    posted["groupKey"] = f"{{}}:{{fire={secrets.token_hex(4)!r}}}"
    (firing,) = posted["alerts"]
    firing["labels"] = {**firing["labels"], "service": _SERVICE}
    firing["annotations"] = {**firing["annotations"], "summary": title}
    firing["fingerprint"] = secrets.token_hex(8)
    return posted


def fingerprint_of(posted: JsonObject) -> str:
    """Return the fingerprint of an alert as posted."""
    return str(posted["alerts"][0]["fingerprint"])


def _system() -> JsonObject:
    place = {"project": "default", "feature": story.PROMPT_FLAG, "environment": "production"}
    signal = {
        "connection": "prometheus",
        "query": story.QUERY,
        "below": story.THRESHOLD,
        "unit": "harmful answers per 1,000",
        "every": "1s",
        "window": "4s",
        "give_up_after": "10m",
        "look_back": "1h",
    }
    return {
        "id": _SERVICE,
        "title": "Chaos assistant",
        "tier": 1,
        "owners": "support-assistant-owners",
        "match": {"service": [_SERVICE]},
        "targets": {"prompt": {"connection": "unleash", "ref": place}},
        "signals": {"harm_rate": signal},
    }
