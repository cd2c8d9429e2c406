"""Submitting and closing a modal: the complaints, the four answers that an app may give, and the news of a close.

https://docs.slack.dev/surfaces/modals#updating_views - an empty answer closes the top view only; `errors` must name
blocks of the view by id.
"""

import asyncio

from bot.workspace.blocks import elements
from bot.workspace.dispatch import Kind, UndeliveredError
from bot.workspace.forms import complaint, state_values
from bot.workspace.interactions import Actor, closed_payload, submission_payload
from bot.workspace.modals import close_view, push_view, read_view, update_view
from bot.workspace.model import View
from bot.workspace.people import NO_ANSWER, TROUBLE, Outcome, own_view, remember
from bot.workspace.wire import Json, Refused


async def submit(actor: Actor, view_id: str, values: Json) -> Outcome:
    """Submit the top view with what was entered (plain values by block id and action id)."""
    view = own_view(actor, view_id)
    if view is None or view.payload["type"] != "modal":
        return Outcome(ok=False, error="view_not_found", warning="This window is no longer open.")
    remember(actor, view, values)
    complaints = _complaints(view)
    if complaints:
        return Outcome(ok=False, error="invalid_input", errors=complaints)
    try:
        answer = await actor.workspace.dispatcher.ask(Kind.INTERACTION, submission_payload(actor, view))
        return _carry_out(actor, view, answer)
    except UndeliveredError:
        return Outcome(ok=False, error=NO_ANSWER, warning=TROUBLE)
    except Refused as exc:
        return Outcome(ok=False, error=exc.error, warning=TROUBLE)


async def close(actor: Actor, view_id: str, *, clear: bool = False) -> Outcome:
    """Close the top view, or all of its stack, and tell the app if it asked to be told."""
    view = own_view(actor, view_id)
    if view is None:
        return Outcome()
    clears = clear or bool(view.payload.get("clear_on_close"))
    closed = close_view(actor.workspace, view, all_of_them=clears)
    told = [one for one in closed if one.payload.get("notify_on_close")]
    asking = [
        actor.workspace.dispatcher.ask(Kind.INTERACTION, closed_payload(actor, one, cleared=clears)) for one in told
    ]
    await asyncio.gather(*asking, return_exceptions=True)
    return Outcome()


def _complaints(view: View) -> dict[str, str]:
    values = state_values(elements(view.payload["blocks"]), view.values)
    complaints = {}
    for block in view.payload["blocks"]:
        if block["type"] != "input":
            continue
        problem = complaint(block, values[block["block_id"]][block["element"]["action_id"]])
        if problem:
            complaints[block["block_id"]] = problem
    return complaints


def _carry_out(actor: Actor, view: View, answer: Json) -> Outcome:
    action = answer.get("response_action")
    if action == "errors":
        return _show_errors(view, answer.get("errors") or {})
    if action in ("update", "push"):
        payload = read_view(actor.workspace, answer.get("view"))
        if action == "update":
            update_view(actor.workspace, view, payload)
        else:
            push_view(actor.workspace, actor.member.id, payload)
        return Outcome()
    close_view(actor.workspace, view, all_of_them=action == "clear")
    return Outcome()


def _show_errors(view: View, errors: Json) -> Outcome:
    inputs = {block["block_id"] for block in view.payload["blocks"] if block["type"] == "input"}
    if not errors or not set(errors) <= inputs:
        return Outcome(ok=False, error="invalid_errors", warning=TROUBLE)
    return Outcome(ok=False, error="invalid_input", errors={block: str(text) for block, text in errors.items()})
