"""Checks the interactive elements of Block Kit: which properties they need, how long each may be.

https://docs.slack.dev/reference/block-kit/block-elements
"""

import re

from bot.workspace.checks import EITHER, PLAIN, Checks
from bot.workspace.wire import Json

STATIC = ("static_select", "multi_static_select")
EXTERNAL = ("external_select", "multi_external_select")
PICKERS = (
    "users_select",
    "multi_users_select",
    "channels_select",
    "multi_channels_select",
    "conversations_select",
    "multi_conversations_select",
)
LISTS = ("radio_buttons", "checkboxes")
DATES = ("datepicker", "timepicker", "datetimepicker")
TYPED = ("plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input")
SELECTS = (*STATIC, *EXTERNAL, *PICKERS)

IN_ACTIONS = frozenset({"button", "overflow", *SELECTS, *LISTS, *DATES})
IN_INPUT = frozenset({*SELECTS, *LISTS, *DATES, *TYPED})
IN_SECTION = frozenset({"image", *IN_ACTIONS})

ACTION_ID, BUTTON_TEXT, BUTTON_VALUE, URL = 255, 75, 2_000, 3_000
OPTION_TEXT, OPTION_VALUE, OPTIONS, LIST_OPTIONS, OVERFLOW_OPTIONS = 75, 150, 100, 10, 5
PLACEHOLDER, INPUT_LENGTH, ALT_TEXT = 150, 3_000, 2_000
_PATTERNS = {
    "datepicker": ("initial_date", re.compile(r"\d{4}-\d{2}-\d{2}")),
    "timepicker": ("initial_time", re.compile(r"\d{2}:\d{2}")),
}


def check_element(checks: Checks, element: Json, pointer: str, allowed: frozenset[str]) -> None:
    """Check one element, which must be of an allowed type."""
    kind = element.get("type")
    if not checks.must(kind in allowed, f"unsupported type: {kind}", f"{pointer}/type"):
        return
    if kind == "image":
        check_image(checks, element, pointer)
        return
    checks.string(element, "action_id", pointer, most=ACTION_ID)
    checks.text(element, "placeholder", pointer, most=PLACEHOLDER, required=False)
    if "confirm" in element:
        _check_confirm(checks, element["confirm"], f"{pointer}/confirm")
    if kind == "button":
        _check_button(checks, element, pointer)
    elif kind in STATIC:
        _check_static(checks, element, pointer)
    elif kind in LISTS or kind == "overflow":
        most = OVERFLOW_OPTIONS if kind == "overflow" else LIST_OPTIONS
        _check_options(checks, element, pointer, most=most, kinds=PLAIN if kind == "overflow" else EITHER)
    elif kind in _PATTERNS:
        name, pattern = _PATTERNS[str(kind)]
        value = element.get(name)
        checks.must(
            value is None or pattern.fullmatch(str(value)) is not None, "must be a valid value", f"{pointer}/{name}"
        )
    elif kind == "plain_text_input":
        _check_text_input(checks, element, pointer)
    elif kind == "number_input":
        checks.must("is_decimal_allowed" in element, "missing required field: is_decimal_allowed", pointer)


def check_image(checks: Checks, image: Json, pointer: str) -> None:
    """Check an image, as a block or as an element."""
    if "slack_file" not in image:
        checks.string(image, "image_url", pointer, most=URL, required=True)
    checks.string(image, "alt_text", pointer, most=ALT_TEXT, required=True)


def _check_button(checks: Checks, button: Json, pointer: str) -> None:
    checks.text(button, "text", pointer, most=BUTTON_TEXT)
    checks.string(button, "value", pointer, most=BUTTON_VALUE)
    checks.string(button, "url", pointer, most=URL)
    checks.must(
        button.get("style", "primary") in ("primary", "danger"), "must be a valid enum value", f"{pointer}/style"
    )


def _check_confirm(checks: Checks, confirm: object, pointer: str) -> None:
    if not isinstance(confirm, dict):
        checks.add("must be an object", pointer)
        return
    checks.text(confirm, "title", pointer, most=100, required=False)
    checks.text(confirm, "text", pointer, most=300, kinds=EITHER)
    checks.text(confirm, "confirm", pointer, most=30, required=False)
    checks.text(confirm, "deny", pointer, most=30, required=False)


def _check_static(checks: Checks, select: Json, pointer: str) -> None:
    groups = select.get("option_groups")
    if groups is None:
        _check_options(checks, select, pointer, most=OPTIONS, kinds=PLAIN)
        return
    checks.must("options" not in select, "must define either `options` or `option_groups`", pointer)
    for group, place in checks.items(select, "option_groups", pointer, most=OPTIONS):
        checks.text(group, "label", place, most=OPTION_TEXT)
        _check_options(checks, group, place, most=OPTIONS, kinds=PLAIN)


def _check_options(checks: Checks, owner: Json, pointer: str, *, most: int, kinds: tuple[str, ...]) -> None:
    values = set()
    for option, place in checks.items(owner, "options", pointer, most=most):
        checks.text(option, "text", place, most=OPTION_TEXT, kinds=kinds)
        checks.text(option, "description", place, most=OPTION_TEXT, kinds=kinds, required=False)
        checks.string(option, "value", place, most=OPTION_VALUE, required=True)
        values.add(option.get("value"))
    chosen = [owner["initial_option"]] if owner.get("initial_option") else owner.get("initial_options") or []
    for option in chosen:
        name = "initial_option" if "initial_option" in owner else "initial_options"
        known = isinstance(option, dict) and option.get("value") in values
        checks.must(known, "initial option was not found in `options`", f"{pointer}/{name}")


def _check_text_input(checks: Checks, element: Json, pointer: str) -> None:
    for name, least in (("min_length", 0), ("max_length", 1)):
        value = element.get(name)
        fits = value is None or (isinstance(value, int) and least <= value <= INPUT_LENGTH)
        checks.must(fits, f"must be from {least} to {INPUT_LENGTH}", f"{pointer}/{name}")
    checks.string(element, "initial_value", pointer, most=INPUT_LENGTH)
