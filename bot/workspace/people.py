"""What people do: type, press, select, submit, close, react. The page, the tests and the demo all come through here.

An action returns an `Outcome`: what Slack's own page would show. That the app is slow or gone is an outcome, not an
error; `Refused` is raised only for what no page would let a person do.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.workspace.answers import answer_acknowledged
from bot.workspace.blocks import complete_blocks, elements
from bot.workspace.dispatch import Kind, Loss, UndeliveredError
from bot.workspace.forms import Raw, UnfitError, element_state
from bot.workspace.interactions import (
    Actor,
    action_of,
    all_blocks,
    command_payload,
    message_action_payload,
    shortcut_payload,
    suggestion_payload,
    view_action_payload,
)
from bot.workspace.limits import MESSAGE_TEXT
from bot.workspace.methods.membership import enter
from bot.workspace.methods.reactions import react, unreact
from bot.workspace.model import Channel, Message, View
from bot.workspace.posting import Draft, post, post_ephemeral, remove, rewrite
from bot.workspace.text import from_person
from bot.workspace.typed import typed_block
from bot.workspace.wire import Json, Refused

NO_ANSWER = "operation_timeout"
NOT_REACHED = "dispatch_failed"
_SUGGESTIONS_KEPT = 500
TROUBLE = "We had some trouble connecting. Try again?"


class Outcome(BaseModel):
    """What a person sees happen.

    `error` names what went wrong and `warning` says it in words; `errors` are complaints about inputs, by block id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ok: bool = True
    ts: str | None = None
    error: str | None = None
    warning: str | None = None
    errors: dict[str, str] = {}


class Target(BaseModel):
    """The element that somebody uses: in a message (`channel`, `ts`) or in a view (`view_id`), by its two ids."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    block_id: str
    action_id: str
    channel: str | None = None
    ts: str | None = None
    view_id: str | None = None


def say(actor: Actor, channel: Channel, text: str, thread_ts: str | None = None) -> Outcome:
    """Post what a person typed."""
    _refuse_outsider(actor, channel)
    if channel.archived:
        raise Refused("is_archived")
    draft = _typed_draft(actor, text, thread_ts)
    return Outcome(ts=post(actor.workspace, channel, actor.member.id, draft).ts)


def edit(actor: Actor, channel: Channel, ts: str, text: str) -> Outcome:
    """Change what a person has typed before; raise `Refused`."""
    message = _own_message(actor, channel, ts, "cant_update_message")
    rewrite(actor.workspace, channel, message, _typed_draft(actor, text))
    return Outcome(ts=message.ts)


def delete(actor: Actor, channel: Channel, ts: str) -> Outcome:
    """Take back what a person has typed before; raise `Refused`."""
    remove(actor.workspace, channel, _own_message(actor, channel, ts, "cant_delete_message"))
    return Outcome()


def _own_message(actor: Actor, channel: Channel, ts: str, refusal: str) -> Message:
    _refuse_outsider(actor, channel)
    message = actor.workspace.state.message(channel, ts)
    if message.user != actor.member.id or message.subtype is not None:
        raise Refused(refusal)
    if channel.archived:
        raise Refused("is_archived")
    return message


def _typed_draft(actor: Actor, text: str, thread_ts: str | None = None) -> Draft:
    if not text.strip():
        raise Refused("no_text")
    if len(text) > MESSAGE_TEXT:
        raise Refused("msg_too_long")
    state = actor.workspace.state
    users = {one.name: one.id for one in state.members.values()}
    groups = {one.handle: one.id for one in state.seed.groups}
    channels = {one.name: one.id for one in state.channels.values() if one.kind == "channel"}
    stored = from_person(text, users, groups, channels)
    blocks = complete_blocks([typed_block(stored)], lambda: state.next_id("")[-5:])
    return Draft(stored, blocks=blocks, thread_ts=thread_ts)


async def command(actor: Actor, channel: Channel, typed: str) -> Outcome:
    """Run a slash command; what the app answers appears in the channel, and so does its silence."""
    _refuse_outsider(actor, channel)
    name, _, text = typed.strip().partition(" ")
    if name not in {one.command for one in actor.workspace.seed.app.commands}:
        return _failed(actor, channel, "invalid_command", f"`{name}` is not a valid command.")
    payload = command_payload(actor, channel, name, text.strip())
    try:
        answer = await actor.workspace.dispatcher.ask(Kind.COMMAND, payload)
        answer_acknowledged(actor.workspace, channel, actor.member.id, answer)
    except UndeliveredError as exc:
        error = NO_ANSWER if exc.loss is Loss.TIMEOUT else NOT_REACHED
        return _failed(actor, channel, error, f'`{name}` failed with the error "{error}"')
    except Refused as exc:
        return _failed(actor, channel, exc.error, f'`{name}` failed with the error "invalid_command_response"')
    return Outcome()


async def use(actor: Actor, target: Target, raw: Raw, values: Json | None = None) -> Outcome:
    """Press a button or choose in an element; `values` is all that was entered in the view so far, in plain values."""
    if target.view_id is not None:
        return await _use_in_view(actor, target, raw, values or {})
    channel = actor.workspace.state.channel(target.channel or "")
    _refuse_outsider(actor, channel)
    message = channel.messages.get(target.ts or "")
    if message is None or message.only_for not in (None, actor.member.id):
        return Outcome(ok=False, error="message_not_found", warning="This message is no longer there.")
    found = _find(all_blocks(message), target)
    if found is None:
        return Outcome(ok=False, error="element_not_found", warning="This message has changed; the button is gone.")
    block, element = found
    entered = _entered(actor, block["block_id"], element, raw)
    if entered and element["type"] != "overflow":
        message.chosen.setdefault(actor.member.id, {}).setdefault(block["block_id"], {})[element["action_id"]] = entered
    if block["type"] == "input" and not block.get("dispatch_action"):
        return Outcome()
    action = action_of(actor, block, element, entered)
    return await _ask(actor, message_action_payload(actor, channel, message, action))


async def _use_in_view(actor: Actor, target: Target, raw: Raw, values: Json) -> Outcome:
    view = own_view(actor, str(target.view_id))
    if view is None:
        return Outcome(ok=False, error="view_not_found", warning="This window is no longer open.")
    found = _find(view.payload["blocks"], target)
    if found is None:
        return Outcome(ok=False, error="element_not_found", warning="This window has changed; the button is gone.")
    block, element = found
    remember(actor, view, values)
    entered = _entered(actor, block["block_id"], element, raw)
    if entered and element["type"] != "overflow":
        view.values.setdefault(block["block_id"], {})[element["action_id"]] = entered
    if block["type"] == "input" and not block.get("dispatch_action"):
        return Outcome()
    return await _ask(actor, view_action_payload(actor, view, action_of(actor, block, element, entered)))


async def shortcut(actor: Actor, callback_id: str, place: tuple[Channel, Message] | None) -> Outcome:
    """Run a shortcut that the app has registered; raise `Refused` if it has not."""
    kind = "message" if place else "global"
    for one in actor.workspace.seed.app.shortcuts:
        if one.callback_id == callback_id and one.type == kind:
            return await _ask(actor, shortcut_payload(actor, one, place))
    raise Refused("shortcut_not_found", status=404)


async def suggest(actor: Actor, target: Target, query: str) -> list[Json]:
    """Return the options that the app offers in an external select; empty if it does not answer."""
    state = actor.workspace.state
    view = own_view(actor, target.view_id) if target.view_id else None
    channel = state.channel(target.channel or "") if view is None else None
    message = channel.messages.get(target.ts or "") if channel else None
    blocks = view.payload["blocks"] if view else all_blocks(message) if message else []
    found = _find(blocks, target)
    place = view or channel
    if found is None or place is None:
        raise Refused("element_not_found", status=404)
    block, element = found
    try:
        payload = suggestion_payload(actor, block, element, query, place)
        answer = await actor.workspace.dispatcher.ask(Kind.INTERACTION, payload)
    except UndeliveredError:
        return []
    grouped = [option for group in answer.get("option_groups") or [] for option in group.get("options", [])]
    options = [*(answer.get("options") or []), *grouped]
    _keep_suggested(state.suggested.setdefault((actor.member.id, block["block_id"], element["action_id"]), {}), options)
    return options


def toggle_reaction(actor: Actor, channel: Channel, ts: str, name: str, *, taken_back: bool) -> Outcome:
    """Add a reaction, or take it back; raise `Refused`."""
    _refuse_outsider(actor, channel)
    message = actor.workspace.state.message(channel, ts)
    change = unreact if taken_back else react
    change(actor.workspace, channel, message, actor.member.id, name.strip(":"))
    return Outcome()


def join(actor: Actor, channel: Channel) -> Outcome:
    """Enter a public channel; raise `Refused` for a private one."""
    if channel.kind != "channel":
        raise Refused("channel_not_found")
    if actor.member.id not in channel.members:
        enter(actor.workspace, channel, actor.member.id)
    return Outcome()


def dismiss(actor: Actor, channel: Channel, ts: str) -> Outcome:
    """Take an ephemeral message from this person's screen; raise `Refused`."""
    message = channel.messages.get(ts)
    if message is None or message.only_for != actor.member.id:
        raise Refused("message_not_found", status=404)
    remove(actor.workspace, channel, message)
    return Outcome()


def mark_read(actor: Actor, channel: Channel) -> Outcome:
    """Note that a person has seen a channel up to its last message."""
    last = next(reversed(channel.messages), "")
    if channel.read.get(actor.member.id) != last:
        channel.read[actor.member.id] = last
        actor.workspace.changes.publish("channels", user=actor.member.id)
    return Outcome()


def open_home(actor: Actor) -> Outcome:
    """Open the app's Home tab, of which the app is told so that it can fill it."""
    home = actor.workspace.state.homes.get(actor.member.id)
    direct = actor.workspace.state.direct(actor.member.id)
    event: Json = {"type": "app_home_opened", "user": actor.member.id, "channel": direct.id, "tab": "home"}
    if home is not None:
        event["view"] = {"id": home.id, "type": "home", "hash": home.hash}
    actor.workspace.emit("app_home_opened", event)
    return Outcome()


def own_view(actor: Actor, view_id: str) -> View | None:
    """Return a view that is open for this person."""
    view = actor.workspace.state.view(view_id)
    return view if view is not None and view.user == actor.member.id else None


def remember(actor: Actor, view: View, values: Json) -> None:
    """Keep what was entered in a view, given as plain values by block id and action id; raise `Refused`."""
    known = {(block["block_id"], element["action_id"]): element for block, element in elements(view.payload["blocks"])}
    for block_id, entries in values.items():
        for action_id, raw in entries.items():
            element = known.get((block_id, action_id))
            if element is not None and element["type"] not in ("button", "overflow"):
                view.values.setdefault(block_id, {})[action_id] = _entered(actor, block_id, element, raw)


async def _ask(actor: Actor, payload: Json) -> Outcome:
    try:
        await actor.workspace.dispatcher.ask(Kind.INTERACTION, payload)
    except UndeliveredError as exc:
        error = NO_ANSWER if exc.loss is Loss.TIMEOUT else NOT_REACHED
        return Outcome(ok=False, error=error, warning=TROUBLE)
    return Outcome()


def _keep_suggested(known: dict[str, Json], options: list[Json]) -> None:
    """Remember what the app has offered: somebody who chooses several finds them by one search after the other."""
    for option in options:
        known.pop(option["value"], None)
        known[option["value"]] = option
    for value in list(known)[:-_SUGGESTIONS_KEPT]:
        del known[value]


def _entered(actor: Actor, block_id: str, element: Json, raw: Raw) -> Json:
    if element["type"] == "button":
        return {}
    suggested = actor.workspace.state.suggested.get((actor.member.id, block_id, element["action_id"]), {}).values()
    try:
        return element_state(element, raw, suggested)
    except UnfitError as exc:
        raise Refused("invalid_value", status=400, detail=str(exc)) from exc


def _find(blocks: list[Any], target: Target) -> tuple[Json, Json] | None:
    for block, element in elements(blocks):
        if (block["block_id"], element["action_id"]) == (target.block_id, target.action_id):
            return block, element
    return None


def _failed(actor: Actor, channel: Channel, error: str, text: str) -> Outcome:
    notice = post_ephemeral(actor.workspace, channel, Draft(text), actor.member.id)
    notice.username, notice.by_app, notice.user = "Slackbot", False, "USLACKBOT"
    return Outcome(ok=False, error=error, warning=text, ts=notice.ts)


def _refuse_outsider(actor: Actor, channel: Channel) -> None:
    if actor.member.id not in channel.members:
        raise Refused("not_in_channel" if channel.kind == "channel" else "channel_not_found")
