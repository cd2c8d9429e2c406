"""What one person sees: their channels, the messages in one of them, the modal that is open, the Home tab.

The only place that decides visibility: another person's ephemeral message is left out here and nowhere else.
"""

from bot.workspace.files import File
from bot.workspace.interactions import Actor, all_blocks
from bot.workspace.mentions import Mentions
from bot.workspace.model import Channel, Message, View
from bot.workspace.plain import blocks_text, message_text, names_of, view_text
from bot.workspace.shapes import channel_json, message_json, user_json, view_json
from bot.workspace.wire import Json, Refused


def visible_channels(actor: Actor) -> list[Channel]:
    """Return the channels that a person may look at: public ones, and others they are in."""
    channels = actor.workspace.state.channels.values()
    return [one for one in channels if one.kind == "channel" or actor.member.id in one.members]


def visible_messages(actor: Actor, channel: Channel) -> list[Message]:
    """Return the messages of a channel that a person sees, oldest first, replies among them; raise `Refused`."""
    if channel not in visible_channels(actor):
        raise Refused("channel_not_found", status=404)
    return [one for one in channel.messages.values() if one.only_for in (None, actor.member.id)]


def visible_file(actor: Actor, file_id: str) -> File:
    """Return a file that is shared in a channel that this person may look at; raise `Refused`."""
    file = actor.workspace.files.get(file_id)
    visible = visible_channels(actor)
    if not any(channel in visible for channel, _ in file.shares):
        raise Refused("file_not_found")
    return file


def found(actor: Actor, channel: Channel, query: str) -> list[Json]:
    """Return the messages whose visible text holds every word of a query, as JSON, oldest first."""
    words = query.casefold().split()
    shown = [message_screen(actor, channel, one) for one in visible_messages(actor, channel)]
    return [one for one in shown if all(word in one["visible"].casefold() for word in words)]


def mentions(actor: Actor, channel: Channel) -> int:
    """Return how many unread messages are for this person: those that name them, and all in a direct conversation."""
    me, groups = actor.member.id, actor.workspace.seed.groups
    names = Mentions(me, frozenset(one.id for one in groups if me in one.members))
    unseen = _unseen(actor, channel)
    return len(unseen) if channel.kind == "im" else sum(names.are_in(one.text, one.blocks) for one in unseen)


def unread(actor: Actor, channel: Channel) -> int:
    """Return how many messages a member has not yet seen."""
    return len(_unseen(actor, channel))


def _unseen(actor: Actor, channel: Channel) -> list[Message]:
    if actor.member.id not in channel.members:
        return []
    seen = channel.read.get(actor.member.id, "")
    return [one for one in visible_messages(actor, channel) if one.ts > seen and one.user != actor.member.id]


def channels_screen(actor: Actor) -> list[Json]:
    """Return the channels as JSON, each with the counts `unread` and `mentions`."""
    return [
        channel_json(actor.workspace.state, one, actor.member.id)
        | {"unread": unread(actor, one), "mentions": mentions(actor, one)}
        for one in visible_channels(actor)
    ]


def members_screen(actor: Actor) -> list[Json]:
    """Return everybody in the workspace as JSON."""
    return [user_json(actor.workspace.state, one) for one in actor.workspace.state.members.values()]


def messages_screen(actor: Actor, channel: Channel, newest: int = 200) -> list[Json]:
    """Return the newest messages as JSON, each with its `author`, whether it is `ephemeral`, and what was `chosen`.

    `visible` is the whole message as plain text, `visible_blocks` the text of each block, attachments' blocks last.
    """
    return [message_screen(actor, channel, one) for one in visible_messages(actor, channel)[-newest:]]


def view_screen(actor: Actor) -> Json | None:
    """Return the modal on top, as JSON, or `None` if no modal is open."""
    stack = actor.workspace.state.modals.get(actor.member.id)
    return _view(actor, stack[-1]) if stack else None


def home_screen(actor: Actor) -> Json | None:
    """Return the app's Home tab for this person, or `None` if the app has not filled it."""
    home = actor.workspace.state.homes.get(actor.member.id)
    return _view(actor, home) if home else None


def _view(actor: Actor, view: View) -> Json:
    shown = view_json(actor.workspace.state, view)
    names = names_of(actor.workspace.state)
    return shown | {"visible": view_text(shown, names), "visible_blocks": blocks_text(shown["blocks"], names)}


def message_screen(actor: Actor, channel: Channel, message: Message) -> Json:
    """Return one message as JSON, as a person sees it."""
    state = actor.workspace.state
    author = state.members.get(message.user)
    shown = message_json(state, channel, message)
    shown["author"] = user_json(state, author) if author else {"id": message.user, "name": message.username}
    shown["ephemeral"] = message.only_for is not None
    shown["chosen"] = message.chosen.get(actor.member.id, {})
    names = names_of(state)
    shown["visible"] = message_text(shown, names)
    shown["visible_blocks"] = blocks_text(all_blocks(message), names)
    return shown
