"""What Slack sends to an app when somebody does something: slash command, click, submission, shortcut.

Payload shapes: https://docs.slack.dev/reference/interaction-payloads - an ephemeral message is never sent back to the
app, only its place; a click in a view carries no channel.
"""

from dataclasses import dataclass

from bot.workspace.blocks import elements
from bot.workspace.forms import state_values
from bot.workspace.model import Channel, Member, Message, View
from bot.workspace.seed import Shortcut
from bot.workspace.shapes import channel_json, message_json, view_json
from bot.workspace.wire import Json
from bot.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody doing something now, and the workspace's address as they see it."""

    workspace: Workspace
    member: Member
    origin: str

    def response_url(self, channel: Channel, message: Message | None = None) -> str:
        """Return a new response URL for what this person is doing."""
        ts = message.ts if message else None
        return f"{self.origin}/response/{self.workspace.response_urls.issue(channel.id, self.member.id, message_ts=ts)}"

    def trigger_id(self) -> str:
        """Return a new trigger id for what this person is doing."""
        return self.workspace.triggers.issue(self.member.id)


def command_payload(actor: Actor, channel: Channel, command: str, text: str) -> Json:
    """Return the payload of a slash command."""
    seed = actor.workspace.seed
    return {
        "token": "local-verification-token",
        "team_id": seed.team_id,
        "team_domain": seed.domain,
        "channel_id": channel.id,
        "channel_name": channel.name or "directmessage",
        "user_id": actor.member.id,
        "user_name": actor.member.name,
        "command": command,
        "text": text,
        "api_app_id": seed.app.id,
        "is_enterprise_install": "false",
        "response_url": actor.response_url(channel),
        "trigger_id": actor.trigger_id(),
    }


def message_action_payload(actor: Actor, channel: Channel, message: Message, action: Json) -> Json:
    """Return the payload of a click in a message."""
    state = actor.workspace.state
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.only_for is not None,
    }
    if message.is_reply:
        container["thread_ts"] = message.thread_ts
    payload = _base(actor, "block_actions") | {
        "container": container,
        "trigger_id": actor.trigger_id(),
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "state": {"values": state_values(elements(all_blocks(message)), message.chosen.get(actor.member.id, {}))},
        "response_url": actor.response_url(channel, message),
        "actions": [action],
    }
    if message.only_for is None:
        payload["message"] = message_json(state, channel, message, metadata=True)
    return payload


def view_action_payload(actor: Actor, view: View, action: Json) -> Json:
    """Return the payload of a click in a modal or in the Home tab."""
    return _base(actor, "block_actions") | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": actor.trigger_id(),
        "view": view_json(actor.workspace.state, view),
        "actions": [action],
    }


def submission_payload(actor: Actor, view: View) -> Json:
    """Return the payload of a submitted modal."""
    return _base(actor, "view_submission") | {
        "trigger_id": actor.trigger_id(),
        "view": view_json(actor.workspace.state, view),
        "response_urls": [],
    }


def closed_payload(actor: Actor, view: View, *, cleared: bool) -> Json:
    """Return the payload of a modal that was closed without being submitted."""
    return _base(actor, "view_closed") | {
        "view": view_json(actor.workspace.state, view),
        "is_cleared": cleared,
    }


def shortcut_payload(actor: Actor, shortcut: Shortcut, place: tuple[Channel, Message] | None) -> Json:
    """Return the payload of a global shortcut, or of one on a message at `place`."""
    common = {"callback_id": shortcut.callback_id, "trigger_id": actor.trigger_id(), "action_ts": _now_ts(actor)}
    if place is None:
        return _base(actor, "shortcut") | common
    channel, message = place
    return (
        _base(actor, "message_action")
        | common
        | {
            "channel": {"id": channel.id, "name": channel.name},
            "message_ts": message.ts,
            "message": message_json(actor.workspace.state, channel, message),
            "response_url": actor.response_url(channel, message),
        }
    )


def suggestion_payload(actor: Actor, block: Json, element: Json, query: str, place: View | Channel) -> Json:
    """Return the payload that asks the app for the options of an external select."""
    payload = _base(actor, "block_suggestion") | {
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "value": query,
    }
    if isinstance(place, View):
        return payload | {
            "container": {"type": "view", "view_id": place.id},
            "view": view_json(actor.workspace.state, place),
        }
    shown = channel_json(actor.workspace.state, place, actor.member.id)
    return payload | {"container": {"type": "message", "channel_id": place.id}, "channel": shown}


def action_of(actor: Actor, block: Json, element: Json, entered: Json) -> Json:
    """Return the entry of `actions` for one element; `entered` is its new state, empty for a button."""
    action: Json = {"action_id": element["action_id"], "block_id": block["block_id"], "type": element["type"]}
    for name in ("text", "value", "style", "url", "placeholder"):
        if name in element:
            action[name] = element[name]
    return action | entered | {"action_ts": _now_ts(actor)}


def all_blocks(message: Message) -> list[Json]:
    """Return the blocks of a message, those of its attachments included."""
    return [*message.blocks, *(block for one in message.attachments for block in one.get("blocks") or [])]


def _now_ts(actor: Actor) -> str:
    return f"{actor.workspace.now().timestamp():.6f}"


def _base(actor: Actor, kind: str) -> Json:
    seed = actor.workspace.seed
    user = {"id": actor.member.id, "username": actor.member.name, "name": actor.member.name, "team_id": seed.team_id}
    return {
        "type": kind,
        "token": "local-verification-token",
        "team": {"id": seed.team_id, "domain": seed.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": user,
        "api_app_id": seed.app.id,
    }
