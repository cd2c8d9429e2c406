"""What a view returns, and the few blocks that all views are made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    SectionBlock,
)

from bot.slack.text import BUTTON, FIELD, HEADER, mrkdwn, plain_object
from bot.slack.values import ButtonValue

# https://docs.slack.dev/reference/block-kit/blocks: blocks in a message, fields in a section.
MAX_BLOCKS = 50
_MAX_FIELDS = 10


@dataclass(frozen=True)
class Card:
    """One message.

    Attributes:
        text: Escaped fallback for notifications and screen readers; it mentions nobody.
        blocks: At most 50.
    """

    text: str
    blocks: Sequence[Block]


def header(text: str) -> HeaderBlock:
    """Return a title."""
    return HeaderBlock(text=plain_object(text, HEADER))


def section(markup: str, accessory: ButtonElement | None = None, *, block_id: str | None = None) -> SectionBlock:
    """Return a paragraph, with a button beside it if given; then it needs a block id that stays when it is edited."""
    return SectionBlock(text=mrkdwn(markup), accessory=accessory, block_id=block_id)


def fields(named: Iterable[tuple[str, str]]) -> SectionBlock:
    """Return up to ten named values in two columns."""
    shown = [mrkdwn(f"*{name}*\n{value}", FIELD) for name, value in named]
    return SectionBlock(fields=shown[:_MAX_FIELDS])


def context(markup: str) -> ContextBlock:
    """Return small print."""
    return ContextBlock(elements=[mrkdwn(markup)])


def divider() -> DividerBlock:
    """Return a line."""
    return DividerBlock()


def button(
    label: str,
    action_id: str,
    value: ButtonValue,
    *,
    style: str | None = None,
    confirm: ConfirmObject | None = None,
) -> ButtonElement:
    """Return a button; `style` is `primary`, `danger` or none."""
    return ButtonElement(
        text=plain_object(label, BUTTON), action_id=action_id, value=value.text, style=style, confirm=confirm
    )


def confirmation(title: str, markup: str, go: str) -> ConfirmObject:
    """Return a question that is asked before a button acts."""
    return ConfirmObject(
        title=plain_object(title, 100),
        text=mrkdwn(markup, 300),
        confirm=plain_object(go, 30),
        deny=plain_object("Not yet", 30),
    )


def actions(buttons: Sequence[ButtonElement]) -> list[ActionsBlock]:
    """Return a row of buttons; nothing when there are none.

    Its block id stays when the message is edited, so that a press meets its button even if it crosses an edit.
    """
    return [ActionsBlock(elements=list(buttons), block_id=buttons[0].action_id)] if buttons else []


def bullets(lines: Iterable[str]) -> str:
    """Return lines of markup as a list."""
    return "\n".join(f"• {line}" for line in lines)
