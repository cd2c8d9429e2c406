"""What an app answers to a command or an interaction, put on the screen.

The same words (`response_type`, `replace_original`, `delete_original`) come in the acknowledgement and at a response
URL. An answer is ephemeral unless it says `in_channel`.
"""

from bot.workspace.model import Channel, Message
from bot.workspace.permits import ResponseUrl
from bot.workspace.posting import post, post_ephemeral, read_draft, remove, rewrite
from bot.workspace.wire import Arguments, Json, Refused
from bot.workspace.workspace import Workspace


def answer_response_url(workspace: Workspace, key: str, arguments: Arguments) -> None:
    """Carry out one post to a response URL; raise `Refused`."""
    permit = workspace.response_urls.use(key)
    _answer(workspace, permit, arguments)


def answer_acknowledged(workspace: Workspace, channel: Channel, user: str, payload: Json) -> None:
    """Show what the app acknowledged a slash command with, if it said anything; raise `Refused` if it is invalid."""
    if not (payload.get("text") or payload.get("blocks") or payload.get("attachments")):
        return
    _answer(workspace, ResponseUrl(channel.id, user, None, workspace.now(), 0), Arguments(payload))


def _answer(workspace: Workspace, permit: ResponseUrl, arguments: Arguments) -> None:
    channel = workspace.state.channel(permit.channel)
    original = channel.messages.get(permit.message_ts or "")
    if arguments.flag("delete_original"):
        remove(workspace, channel, _found(original))
        return
    draft = read_draft(workspace, arguments)
    if arguments.flag("replace_original"):
        rewrite(workspace, channel, _found(original), draft)
    elif arguments.text("response_type") == "in_channel":
        post(workspace, channel, workspace.state.bot.id, draft)
    else:
        post_ephemeral(workspace, channel, draft, permit.user)


def _found(original: Message | None) -> Message:
    if original is None:
        raise Refused("message_not_found", status=404)
    return original
