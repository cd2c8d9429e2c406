"""Finds what a person can press or fill in by the label that they see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.workspace.blocks import elements
from bot.workspace.elements import EXTERNAL
from bot.workspace.emoji import emojify, shown
from bot.workspace.forms import options_of
from bot.workspace.wire import Json

View = Json
Value = str | list[str]


class LabelError(LookupError):
    """There is no such label, or more than one; the message lists what is there."""


@dataclass(frozen=True, slots=True)
class Control:
    """One element on screen: its label, where it stands, and the text around it.

    `beside` is the text that a reader takes the element to belong to: its own block, and for a row of buttons the
    blocks above it up to the row before; `around` is the whole message or view.
    """

    label: str
    element: Json
    block: Json
    place: Json
    beside: str
    around: str

    @property
    def block_id(self) -> str:
        """The id of its block."""
        return str(self.block["block_id"])

    @property
    def action_id(self) -> str:
        """The id of its action."""
        return str(self.element["action_id"])

    @property
    def target(self) -> Json:
        """The element's address for the people's door."""
        return {"block_id": self.block_id, "action_id": self.action_id} | self.place

    @property
    def is_button(self) -> bool:
        """Tell whether it is pressed (an overflow menu's entry is too), not filled in."""
        return self.element["type"] in ("button", "overflow")

    @property
    def asks_app(self) -> bool:
        """Tell whether the app supplies its options while a person types."""
        return self.element["type"] in EXTERNAL

    @property
    def names_users(self) -> bool:
        """Tell whether people are chosen in it."""
        return "users_select" in self.element["type"]

    @property
    def names_channels(self) -> bool:
        """Tell whether channels are chosen in it."""
        return "channels_select" in self.element["type"] or "conversations_select" in self.element["type"]

    @property
    def tells_app(self) -> bool:
        """Tell whether the app hears of a choice before the modal is submitted."""
        return self.block["type"] != "input" or bool(self.block.get("dispatch_action"))

    @property
    def options(self) -> list[Json]:
        """The options that it offers."""
        return options_of(self.element)

    def option(self, label: str) -> str | None:
        """Return the value of the overflow entry with this label; `None` for a button."""
        return str(plain_value(self, label, self.options)) if self.element["type"] == "overflow" else None


def message_controls(messages: Iterable[Json]) -> list[Control]:
    """Return every control of the messages, each message with its `channel`."""
    found: list[Control] = []
    for message in messages:
        attached = [block for one in message.get("attachments") or [] for block in one.get("blocks") or []]
        place = {"channel": message["channel"], "ts": message["ts"]}
        found += _controls([*(message.get("blocks") or []), *attached], message, place)
    return found


def view_controls(view: View) -> list[Control]:
    """Return every control of a modal or Home tab."""
    return _controls(view["blocks"], view, {"view_id": view["id"]})


def pick(controls: Sequence[Control], label: str, containing: str | None) -> Control:
    """Return the one control with a label, near or in a text that holds `containing`; raise `LabelError`."""
    named = [one for one in controls if one.label in (label, emojify(label))]
    if containing is None:
        chosen = named
    else:
        chosen = [one for one in named if containing in one.beside] or [
            one for one in named if containing in one.around
        ]
    if len(chosen) == 1:
        return chosen[0]
    where = f" with {containing!r}" if containing else ""
    if not chosen:
        raise LabelError(f"nothing is labelled {label!r}{where}; there is {visible_labels(controls)}")
    raise LabelError(f"{len(chosen)} things are labelled {label!r}{where}: {[one.beside for one in chosen]}")


def visible_labels(controls: Iterable[Control]) -> list[str]:
    """Return the labels, each once."""
    return list(dict.fromkeys(one.label for one in controls))


def plain_value(control: Control, value: Value, options: Sequence[Json]) -> Value:
    """Return the option values for option texts; text typed into an input is returned as it is."""
    if not (options or control.asks_app):
        return value
    by_text = {shown(option["text"]): str(option["value"]) for option in options}
    by_text |= {emojify(text): chosen for text, chosen in by_text.items()}
    texts = [value] if isinstance(value, str) else value
    missing = [text for text in texts if emojify(text) not in by_text]
    if missing:
        raise LabelError(f"{control.label!r} offers {list(by_text)}, not {missing}")
    values = [by_text[emojify(text)] for text in texts]
    return values[0] if isinstance(value, str) else values


def _controls(blocks: list[Json], shown: Json, place: Json) -> list[Control]:
    found: list[Control] = []
    start = 0
    for index, block in enumerate(blocks):
        texts: list[str] = shown["visible_blocks"]
        row = block["type"] == "actions"
        beside = "\n".join(texts[start : index + 1]) if row else texts[index]
        for _, element in elements([block]):
            found += [
                Control(label, element, block, place, beside, shown["visible"]) for label in _labels(block, element)
            ]
        if row:
            start = index + 1
    return found


def _labels(block: Json, element: Json) -> list[str]:
    if element["type"] == "overflow":
        return [shown(option["text"]) for option in options_of(element)]
    if block["type"] == "input":
        return [shown(block["label"])]
    text = element.get("text") or element.get("placeholder") or block.get("text")
    return [shown(text)] if text else [str(element["action_id"])]
