"""Block Kit: checks the blocks of a message or a view, fills in what Slack fills in, and finds elements in them.

https://docs.slack.dev/reference/block-kit/blocks - Slack returns blocks with ids and defaults added, so an app that
compares what it sent with what it reads back must expect more than it sent.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from bot.workspace.checks import EITHER, PLAIN, Checks
from bot.workspace.elements import IN_ACTIONS, IN_INPUT, IN_SECTION, check_element, check_image
from bot.workspace.wire import Json

BLOCK_ID, SECTION_TEXT, FIELD_TEXT, FIELDS = 255, 3_000, 2_000, 10
HEADER_TEXT, CONTEXT_ELEMENTS, ACTION_ELEMENTS, LABEL, MARKDOWN = 150, 10, 25, 2_000, 12_000
RICH_TEXT = ("rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted")

Checker = Callable[[Checks, Json, str], None]


def check_blocks(blocks: Any, pointer: str, most: int) -> list[str]:
    """Return every problem of a list of blocks, each with its JSON pointer."""
    checks = Checks()
    if not checks.must(isinstance(blocks, list), "must be an array", pointer):
        return checks.problems
    checks.must(len(blocks) <= most, f"no more than {most} items allowed", pointer)
    block_ids: set[str] = set()
    for index, block in enumerate(blocks):
        place = f"{pointer}/{index}"
        if not checks.must(isinstance(block, dict), "must be an object", place):
            continue
        check = _CHECKERS.get(str(block.get("type")))
        if check is None:
            checks.add(f"unsupported type: {block.get('type')}", f"{place}/type")
            continue
        checks.string(block, "block_id", place, most=BLOCK_ID)
        block_id = block.get("block_id")
        if block_id:
            checks.must(block_id not in block_ids, f"`block_id` {block_id} already exists", f"{place}/block_id")
            block_ids.add(str(block_id))
        check(checks, block, place)
        _check_action_ids(checks, block, place)
    return checks.problems


def complete_blocks(blocks: list[Json], new_id: Callable[[], str]) -> list[Json]:
    """Return the blocks with the ids and text defaults that Slack adds."""
    completed = copy.deepcopy(blocks)
    for block in completed:
        if not block.get("block_id"):
            block["block_id"] = new_id()
        _complete_texts(block)
    for _, element in elements(completed):
        if not element.get("action_id"):
            element["action_id"] = new_id()
    return completed


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield each interactive element with its block."""
    for block in blocks:
        candidates = [block.get("accessory"), block.get("element")]
        if block.get("type") == "actions":
            candidates += block.get("elements", [])
        for element in candidates:
            if element and element.get("type") != "image":
                yield block, element


def _complete_texts(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _complete_texts(item)
    elif isinstance(node, dict):
        if node.get("type") == "plain_text":
            node.setdefault("emoji", True)
        elif node.get("type") == "mrkdwn":
            node.setdefault("verbatim", False)
        else:
            for value in node.values():
                _complete_texts(value)


def _check_action_ids(checks: Checks, block: Json, place: str) -> None:
    seen: set[str] = set()
    elements = block.get("elements")
    for index, element in enumerate(elements if isinstance(elements, list) else []):
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if action_id:
            pointer = f"{place}/elements/{index}/action_id"
            checks.must(action_id not in seen, f"`action_id` {action_id} already exists", pointer)
            seen.add(str(action_id))


def _section(checks: Checks, block: Json, place: str) -> None:
    checks.must("text" in block or "fields" in block, "must define either `text` or `fields`", place)
    checks.text(block, "text", place, most=SECTION_TEXT, kinds=EITHER, required=False)
    if "fields" in block:
        for item, pointer in checks.items(block, "fields", place, most=FIELDS):
            checks.text_object(item, pointer, most=FIELD_TEXT)
    accessory = block.get("accessory")
    if accessory is not None and checks.must(isinstance(accessory, dict), "must be an object", f"{place}/accessory"):
        check_element(checks, accessory, f"{place}/accessory", IN_SECTION)


def _header(checks: Checks, block: Json, place: str) -> None:
    checks.text(block, "text", place, most=HEADER_TEXT, kinds=PLAIN)


def _context(checks: Checks, block: Json, place: str) -> None:
    for item, pointer in checks.items(block, "elements", place, most=CONTEXT_ELEMENTS):
        if item.get("type") == "image":
            check_image(checks, item, pointer)
        else:
            checks.text_object(item, pointer, most=SECTION_TEXT)


def _actions(checks: Checks, block: Json, place: str) -> None:
    for item, pointer in checks.items(block, "elements", place, most=ACTION_ELEMENTS):
        check_element(checks, item, pointer, IN_ACTIONS)


def _input(checks: Checks, block: Json, place: str) -> None:
    checks.text(block, "label", place, most=LABEL)
    checks.text(block, "hint", place, most=LABEL, required=False)
    element = block.get("element")
    if checks.must(element is not None, "missing required field: element", place) and checks.must(
        isinstance(element, dict), "must be an object", f"{place}/element"
    ):
        check_element(checks, block["element"], f"{place}/element", IN_INPUT)


def _image(checks: Checks, block: Json, place: str) -> None:
    check_image(checks, block, place)
    checks.text(block, "title", place, most=LABEL, required=False)


def _rich_text(checks: Checks, block: Json, place: str) -> None:
    for item, pointer in checks.items(block, "elements", place, most=1_000, least=0):
        kind = item.get("type")
        checks.must(kind in RICH_TEXT, f"unsupported type: {kind}", f"{pointer}/type")
        checks.must(isinstance(item.get("elements"), list), "missing required field: elements", pointer)


def _markdown(checks: Checks, block: Json, place: str) -> None:
    checks.string(block, "text", place, most=MARKDOWN, required=True)


def _divider(_checks: Checks, _block: Json, _place: str) -> None:
    """Accept it: a divider has nothing to check."""


_CHECKERS: dict[str, Checker] = {
    "actions": _actions,
    "context": _context,
    "divider": _divider,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "section": _section,
}
