"""Views: checked, opened, stacked, updated and closed, whoever asks for it.

Both the app (`views.*`) and an answer to a submission change the stack; only the top view of a stack is seen.
"""

import json
from typing import Any

from bot.workspace import limits
from bot.workspace.blocks import check_blocks, complete_blocks
from bot.workspace.checks import Checks
from bot.workspace.model import View
from bot.workspace.wire import Json, Refused, invalid
from bot.workspace.workspace import Workspace


def read_view(workspace: Workspace, payload: Any, kind: str = "modal") -> Json:
    """Check a view that an app sent and return it with Slack's additions; raise `Refused`."""
    if not isinstance(payload, dict):
        raise invalid("invalid_arguments", "missing required field: view")
    checks = Checks()
    checks.must(payload.get("type") == kind, f"view type must be {kind}", "/view/type")
    if kind == "modal":
        checks.text(payload, "title", "/view", most=limits.VIEW_TITLE)
        checks.text(payload, "submit", "/view", most=limits.VIEW_BUTTON, required=False)
        checks.text(payload, "close", "/view", most=limits.VIEW_BUTTON, required=False)
    checks.string(payload, "private_metadata", "/view", most=limits.PRIVATE_METADATA)
    checks.string(payload, "callback_id", "/view", most=limits.CALLBACK_ID)
    problems = checks.problems + check_blocks(payload.get("blocks"), "/view/blocks", limits.VIEW_BLOCKS)
    if not problems and kind == "modal" and not payload.get("submit"):
        inputs = [block for block in payload["blocks"] if block["type"] == "input"]
        if inputs:
            problems.append("`submit` is required when an `input` block is in blocks [json-pointer:/view/submit]")
    if problems:
        raise invalid("invalid_arguments", *problems)
    if len(json.dumps(payload).encode()) > limits.VIEW_BYTES:
        raise Refused("view_too_large")
    blocks = complete_blocks(payload["blocks"], lambda: workspace.state.next_id("")[-5:])
    return payload | {"blocks": blocks}


def open_view(workspace: Workspace, user: str, payload: Json) -> View:
    """Show a new modal to an account, in place of whatever it has open."""
    return _place(workspace, user, payload, [])


def push_view(workspace: Workspace, user: str, payload: Json) -> View:
    """Put a view on top of an account's stack; raise `Refused`."""
    stack = workspace.state.modals.get(user, [])
    if not stack:
        raise Refused("not_found")
    if len(stack) >= workspace.limits.stacked_views:
        raise Refused("push_limit_reached")
    return _place(workspace, user, payload, stack)


def update_view(workspace: Workspace, view: View, payload: Json, expected_hash: str = "") -> View:
    """Replace what a view shows, keeping what was entered where the element is the same; raise `Refused`."""
    if expected_hash and expected_hash != view.hash:
        raise Refused("hash_conflict")
    _refuse_taken_id(workspace, payload, view)
    view.payload = payload
    view.hash = _new_hash(workspace)
    _publish(workspace, view)
    return view


def publish_home(workspace: Workspace, user: str, payload: Json, expected_hash: str = "") -> View:
    """Show a Home tab to an account; raise `Refused`."""
    home = workspace.state.homes.get(user)
    if home is not None:
        return update_view(workspace, home, payload, expected_hash)
    view_id = workspace.state.next_id("V")
    view = View(view_id, user, payload, _new_hash(workspace), root_id=view_id)
    workspace.state.homes[user] = view
    _publish(workspace, view)
    return view


def close_view(workspace: Workspace, view: View, *, all_of_them: bool = False) -> list[View]:
    """Take a view, or its whole stack, from the screen; return those closed, top first."""
    stack = workspace.state.modals.get(view.user, [])
    keep = [] if all_of_them or view not in stack else stack[: stack.index(view)]
    closed = list(reversed(stack[len(keep) :]))
    workspace.state.modals[view.user] = keep
    workspace.changes.publish("view", user=view.user)
    return closed


def _place(workspace: Workspace, user: str, payload: Json, below: list[View]) -> View:
    _refuse_taken_id(workspace, payload, None)
    view_id = workspace.state.next_id("V")
    root = below[0].id if below else view_id
    previous = below[-1].id if below else None
    view = View(view_id, user, payload, _new_hash(workspace), root_id=root, previous_id=previous)
    workspace.state.modals[user] = [*below, view]
    _publish(workspace, view)
    return view


def _refuse_taken_id(workspace: Workspace, payload: Json, view: View | None) -> None:
    external_id = payload.get("external_id")
    if external_id and workspace.state.view(external_id) not in (None, view):
        raise Refused("duplicate_external_id")


def _new_hash(workspace: Workspace) -> str:
    return f"{workspace.state.seconds()}.{workspace.state.next_id('')[-8:].lower()}"


def _publish(workspace: Workspace, view: View) -> None:
    area = "home" if view.payload["type"] == "home" else "view"
    workspace.changes.publish(area, user=view.user)
