"""What the page's form elements show: the choices they offer and what is chosen in them now."""

import re

from bot.workspace.emoji import shown
from bot.workspace.forms import entered, initial_state
from bot.workspace.model import Channel, ChannelKind, Member
from bot.workspace.state import State
from bot.workspace.wire import Json

_COLOUR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_NAMED_COLOURS = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}
_NEUTRAL = "#8a8a8a"

# https://docs.slack.dev/reference/block-kit/composition-objects/conversation-filter-object
_CONVERSATIONS: dict[ChannelKind, str] = {"channel": "public", "group": "private", "im": "im"}

Choice = tuple[str, str]


def grouped(state: State, element: Json, viewer: str) -> list[tuple[str, list[Choice]]]:
    """Return the choices as (value, text) for one account, under the names of their groups, empty without groups.

    Channels are public ones; conversations are what the account may look at, within the element's `filter`.
    """
    kind = element["type"].removeprefix("multi_")
    if kind == "users_select":
        return [("", [_person(one) for one in state.members.values() if not one.is_bot])]
    if kind == "channels_select":
        return [("", [_channel(one) for one in _active(state) if one.kind == "channel"])]
    if kind == "conversations_select":
        return [("", _conversations(state, element.get("filter") or {}, viewer))]
    if element.get("option_groups"):
        return [(shown(group["label"]), _options(group)) for group in element["option_groups"]]
    return [("", _options(element))]


def current(element: Json, state: Json) -> list[str]:
    """Return the values that an element holds: what was entered, else its initial ones."""
    return [one["value"] if isinstance(one, dict) else str(one) for one in _held(element, state)]


def faces(element_choices: list[tuple[str, list[Choice]]], values: list[str]) -> str:
    """Return what a menu of several shows when it is closed: the texts of what is chosen; empty for nothing."""
    return ", ".join(text for _, choices in element_choices for value, text in choices if value in values)


def current_options(element: Json, state: Json) -> list[Json]:
    """Return the options that are chosen in a select, as the app gave them."""
    return [one for one in _held(element, state) if isinstance(one, dict)]


def attachment_colour(colour: str) -> str:
    """Return the colour of an attachment's bar; a neutral one for what is no colour."""
    if colour in _NAMED_COLOURS:
        return _NAMED_COLOURS[colour]
    match = _COLOUR.fullmatch(colour)
    return f"#{match.group(1)}" if match else _NEUTRAL


def _held(element: Json, state: Json) -> list[Json | str | int]:
    held = entered(state or initial_state(element))
    if isinstance(held, list):
        return held
    return [held] if held else []


def _options(owner: Json) -> list[Choice]:
    return [(option["value"], shown(option["text"])) for option in owner.get("options") or []]


def _person(member: Member) -> Choice:
    return member.id, f"{member.real_name} (@{member.name})"


def _active(state: State) -> list[Channel]:
    return [one for one in state.channels.values() if not one.archived]


def _conversations(state: State, wanted: Json, viewer: str) -> list[Choice]:
    """Return the conversations that a `filter` lets through; every direct one here is with the app, hence a bot."""
    kinds = wanted.get("include") or tuple(_CONVERSATIONS.values())
    visible = [one for one in _active(state) if one.kind == "channel" or viewer in one.members]
    return [
        _channel(one) if one.kind != "im" else (one.id, state.seed.app.name)
        for one in visible
        if _CONVERSATIONS[one.kind] in kinds and not (one.kind == "im" and wanted.get("exclude_bot_users"))
    ]


def _channel(channel: Channel) -> Choice:
    return channel.id, f"#{channel.name}"
