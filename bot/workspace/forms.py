"""What a person enters in an element, translated between a plain value and Slack's `state.values`.

A plain value is a string (text, an option's value, an id, a date), a list of strings where several may be chosen, or
`None` for nothing.
"""

from collections.abc import Iterable
from typing import Any

from bot.workspace.elements import EXTERNAL, TYPED
from bot.workspace.wire import Json

Raw = str | list[str] | None

_ONE_ID = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
}
_MANY_IDS = {
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
}
_INITIAL = {"selected_option": "initial_option", "selected_options": "initial_options"}
REQUIRED = "Please complete this required field."


class UnfitError(Exception):
    """A value that the element cannot hold; the message says why."""


def options_of(element: Json) -> list[Json]:
    """Return the options of an element, those of its groups included."""
    grouped = [option for group in element.get("option_groups") or [] for option in group.get("options", [])]
    return [*(element.get("options") or []), *grouped]


def element_state(element: Json, raw: Raw, loaded: Iterable[Json] = ()) -> Json:
    """Return an entered value as Slack's state; `loaded` are options that the app supplied. Raise `UnfitError`."""
    kind = str(element["type"])
    if kind in TYPED:
        return {"type": kind, "value": _single(element, raw) or None}
    if kind in _ONE_ID:
        return {"type": kind, _ONE_ID[kind]: _single(element, raw) or None}
    if kind == "datetimepicker":
        return {"type": kind, "selected_date_time": _instant(element, raw)}
    if kind in _MANY_IDS:
        return {"type": kind, _MANY_IDS[kind]: _several(raw)}
    options = [*options_of(element), *loaded] if kind in EXTERNAL else options_of(element)
    if kind.startswith("multi_") or kind == "checkboxes":
        chosen = [_option(element, options, value) for value in _several(raw)]
        most = element.get("max_selected_items")
        if most and len(chosen) > int(most):
            raise UnfitError(f"{element.get('action_id')}: no more than {most} may be chosen")
        return {"type": kind, "selected_options": chosen}
    single = _single(element, raw)
    return {"type": kind, "selected_option": _option(element, options, single) if single else None}


def state_values(found: Iterable[tuple[Json, Json]], entered: Json) -> Json:
    """Return `state.values` of the elements found: what was entered, else each element's initial value."""
    values: Json = {}
    for block, element in found:
        if element["type"] in ("button", "overflow"):
            continue
        block_id, action_id = block["block_id"], element["action_id"]
        known = entered.get(block_id, {}).get(action_id)
        if known is None or known["type"] != element["type"]:
            known = initial_state(element)
        values.setdefault(block_id, {})[action_id] = known
    return values


def initial_state(element: Json) -> Json:
    """Return the state of an element that nobody has touched."""
    empty = element_state(element, None)
    for name in empty:
        if name == "type":
            continue
        initial = element.get(_INITIAL.get(name, name.replace("selected", "initial")))
        if name == "value":
            initial = element.get("initial_value")
        if initial is not None:
            empty[name] = initial
    return empty


def entered(state: Json) -> Any:
    """Return what a state holds: a string, an option, a list of either, or nothing."""
    return next((value for name, value in state.items() if name != "type"), None)


def complaint(block: Json, state: Json) -> str | None:
    """Return what Slack tells a person about this input before it lets them submit, or `None` if all is well."""
    element, value = block["element"], entered(state)
    if not value:
        return None if block.get("optional") else REQUIRED
    if element["type"] == "plain_text_input":
        return _length_complaint(element, str(value))
    if element["type"] == "number_input":
        return _number_complaint(element, str(value))
    if element["type"] == "email_text_input" and "@" not in str(value):
        return "Please enter a valid email address."
    if element["type"] == "url_text_input" and "://" not in str(value):
        return "Please enter a valid URL."
    return None


def _length_complaint(element: Json, value: str) -> str | None:
    least, most = element.get("min_length"), element.get("max_length")
    if least and len(value) < int(least):
        return f"This entry is too short: it needs {least} characters."
    if most and len(value) > int(most):
        return f"This entry is too long: it may have {most} characters."
    return None


def _number_complaint(element: Json, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "Please enter a number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Please enter a whole number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return None


def _single(element: Json, raw: Raw) -> str:
    if isinstance(raw, list):
        raise UnfitError(f"{element.get('action_id')}: takes one value, not a list")
    return raw or ""


def _several(raw: Raw) -> list[str]:
    return [raw] if isinstance(raw, str) and raw else list(raw or [])


def _instant(element: Json, raw: Raw) -> int | None:
    value = _single(element, raw)
    if not value:
        return None
    try:
        return int(value)
    except ValueError as exc:
        raise UnfitError(f"{element.get('action_id')}: takes seconds since the epoch") from exc


def _option(element: Json, options: list[Json], value: str) -> Json:
    for option in options:
        if option["value"] == value:
            return option
    raise UnfitError(f"{element.get('action_id')}: has no option {value!r}")
