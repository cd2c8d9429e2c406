"""What Slack sends, as far as Stanch reads it: validated at the door, and nothing else comes in.

Behind the door a request has the shape that listeners and Bolt rely on. What has another is refused before anything
looks into it, and whoever waits for an answer gets one.
https://docs.slack.dev/interactivity/handling-user-interaction
"""

import logging
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from slack_bolt import BoltResponse

from bot.domain.values import JsonObject
from bot.errors import BadCommand
from bot.slack.views.modals import message_view

logger = logging.getLogger(__name__)

_UNREADABLE = "Stanch cannot read what Slack sent, so nothing was done. Try it again."
_COMMAND = "command"

# PostgreSQL keeps no NUL in a text; halves of characters are refused by pydantic itself.
_NO_NUL = r"^[^\x00]*$"
# Slack cuts a message after 40,000 characters (https://docs.slack.dev/reference/methods/chat.postMessage), and says
# nothing of what may be typed after a command: whoever declares with far too many words still declares.
_Text = Annotated[str, Field(max_length=100_000, pattern=_NO_NUL)]
_Key = Annotated[str, Field(min_length=1, max_length=300, pattern=_NO_NUL)]
_SlackId = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,30}$")]
_Address = Annotated[str, Field(max_length=2_000, pattern=r"^https?://[!-~]+$")]


class _Part(BaseModel):
    """What is not declared is dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _WholePart(_Part):
    """What is not declared is kept: the view is to be shown again as it was."""

    model_config = ConfigDict(extra="allow")


class _Named(_Part):
    id: _SlackId


class _Command(_Part):
    command: _Key
    text: _Text = ""
    user_id: _SlackId
    channel_id: _SlackId
    trigger_id: _Key
    response_url: _Address | None = None


class _Action(_Part):
    type: _Key
    action_id: _Key
    value: _Text | None = None


class _Press(_Part):
    type: Literal["block_actions"]
    user: _Named
    channel: _Named | None = None
    trigger_id: _Key
    response_url: _Address | None = None
    actions: list[_Action] = Field(min_length=1, max_length=25)


class _Shortcut(_Part):
    type: Literal["shortcut", "message_action"]
    user: _Named
    callback_id: _Key
    trigger_id: _Key


class _Option(_WholePart):
    value: _Text


class _State(_WholePart):
    value: _Text | None = None
    selected_option: _Option | None = None
    selected_user: _SlackId | None = None


class _Element(_WholePart):
    action_id: _Key


class _Block(_WholePart):
    type: _Key
    block_id: _Key
    element: _Element | None = None

    @model_validator(mode="after")
    def _input_has_element(self) -> Self:
        if self.type == "input" and self.element is None:
            raise ValueError("an input block has an element")
        return self


class _Label(_Part):
    type: Literal["plain_text"]
    text: _Key
    emoji: bool = False


class _Entered(_Part):
    values: dict[_Key, dict[_Key, _State]]


class _View(_Part):
    type: Literal["modal"]
    id: _Key
    hash: _Key
    callback_id: _Key
    private_metadata: Annotated[str, Field(max_length=3_000, pattern=_NO_NUL)] = ""
    title: _Label
    submit: _Label | None = None
    close: _Label | None = None
    blocks: list[_Block] = Field(max_length=100)
    state: _Entered


class _Submission(_Part):
    type: Literal["view_submission"]
    user: _Named
    view: _View


class _ClosedView(_Part):
    callback_id: _Key


class _Closed(_Part):
    type: Literal["view_closed"]
    user: _Named
    view: _ClosedView


class _Happened(_Part):
    type: _Key


class _Event(_Part):
    type: Literal["event_callback"]
    event_id: _Key
    event: _Happened


class _Challenge(_Part):
    type: Literal["url_verification"]
    challenge: _Text


class _SslCheck(_Part):
    ssl_check: Literal["1"]


_KINDS: dict[str, type[_Part]] = {
    _COMMAND: _Command,
    "block_actions": _Press,
    "shortcut": _Shortcut,
    "message_action": _Shortcut,
    "view_submission": _Submission,
    "view_closed": _Closed,
    "event_callback": _Event,
    "url_verification": _Challenge,
    "ssl_check": _SslCheck,
}


class Unreadable(BadCommand):
    """It is no request of Slack's, or of a kind that Stanch has not asked Slack for."""


def admitted(body: object) -> JsonObject:
    """Return a request with the fields that are read, each of its type, and without the others.

    Raises:
        Unreadable: It is of no known kind, or lacks what requests of its kind have.
    """
    kind = _kind(body)
    model = _KINDS.get(kind)
    if model is None:
        logger.warning("slack.unreadable kind=%r", kind)
        raise Unreadable(_UNREADABLE)
    try:
        return model.model_validate(body).model_dump(exclude_none=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        logger.warning("slack.unreadable kind=%s at=%r: %s", kind, place, first["msg"])
        raise Unreadable(_UNREADABLE) from error


def refusal(body: object) -> BoltResponse:
    """Return the answer to a request that is not admitted: to a person where one waits, else that it is a bad one."""
    match _kind(body):
        case "command":
            return BoltResponse(status=200, body={"response_type": "ephemeral", "text": _UNREADABLE})
        case "view_submission":
            view = message_view("Not done", f":x: {_UNREADABLE}").to_dict()
            return BoltResponse(status=200, body={"response_action": "update", "view": view})
        case _:
            return BoltResponse(status=400, body={"error": "bad_request", "message": _UNREADABLE})


def _kind(body: object) -> str:
    if not isinstance(body, dict):
        return ""
    named = next((name for name in (_COMMAND, "ssl_check") if name in body), None)
    return named or str(body.get("type", ""))[:40]
