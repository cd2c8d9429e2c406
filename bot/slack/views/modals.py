"""Modals: what is asked before a plan, an undo, an extension or a break-glass, and what is shown while Stanch works.

Each input's block id is its name, so that what was entered is found again and stays when a form is shown once more.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    InputBlock,
    InputInteractiveElement,
    Option,
    PlainTextInputElement,
    StaticSelectElement,
    UserSelectElement,
)
from slack_sdk.models.views import View

from bot.domain.change import Change
from bot.domain.containment import Containment
from bot.domain.remediation import MAX_TITLE
from bot.domain.runbook import ChoiceInput, Input, TextInput
from bot.domain.values import JsonObject, human_duration
from bot.services.planning import Form
from bot.slack.text import LABEL, MODAL_TITLE, OPTION, OPTION_VALUE, escape, one_line, plain_object
from bot.slack.values import ButtonValue
from bot.slack.views.card import bullets, context, section
from bot.slack.views.containment_words import level_words, name

PLAN_SUBMIT = "plan.submit"
UNDO_SUBMIT = "undo.submit"
EXTEND_SUBMIT = "extend.submit"
KEEP_SUBMIT = "keep.submit"
BREAK_GLASS_SUBMIT = "break_glass.submit"
SKIP_SUBMIT = "skip.submit"
WITHOUT_EVIDENCE_SUBMIT = "without_evidence.submit"
CONFIRM_SUBMIT = "confirm.submit"

REASON = "reason"
DURATION = "duration"
TITLE = "title"
OWNER = "owner"
PROBLEM = "problem"
VALUE = "value"
_INPUT = "input_"
_SHOWN = ("callback_id", "title", "submit", "close", "private_metadata")
_MOST_OPTIONS = 100
_MAX_REASON = 1_000
_MOST_ITEMS = 10


def input_block_id(input_name: str) -> str:
    """Return the block id of a runbook's input."""
    return f"{_INPUT}{input_name}"


def input_name(block_id: str) -> str | None:
    """Return the runbook's input that a block is for, `None` for another block."""
    return block_id.removeprefix(_INPUT) if block_id.startswith(_INPUT) else None


def message_view(title: str, markup: str) -> View:
    """Return a modal that only says something."""
    return _view(title, [section(markup)])


def plan_form(form: Form, value: ButtonValue) -> View:
    """Return a runbook as a form: its inputs with the values that they may take now, how long, and why."""
    runbook = form.runbook
    blocks: list[Block] = [
        section(
            f"*{one_line(runbook.title, 100)}* on {one_line(form.system.title, 100)}\n{escape(runbook.summary, 600)}"
        ),
        context(
            f"{level_words(runbook.level)}\n*Expected:* {escape(runbook.expected_effect, 600)}\n"
            f"*Risk if it is wrong:* {escape(runbook.risk_if_wrong, 600)}"
        ),
    ]
    for input_id, declared in runbook.inputs.items():
        blocks.append(_input(input_id, declared, form.choices.get(input_id, ())))
    blocks.append(_duration("How long it lasts", form.durations, runbook.ends.after))
    blocks.append(_reason("Why"))
    return _view("Plan a containment", blocks, callback_id=PLAN_SUBMIT, submit="Plan", value=value)


def undo_form(containment: Containment, value: ButtonValue) -> View:
    """Return the form that plans an undo."""
    says = (
        f"Plan to restore what was read before *{name(containment)}*. It needs the approvals that applying it needed."
    )
    blocks = [section(says), _reason("Why undo it")]
    return _view("Undo a containment", blocks, callback_id=UNDO_SUBMIT, submit="Plan undo", value=value)


def extend_form(containment: Containment, durations: Sequence[timedelta], value: ButtonValue) -> View:
    """Return the form that plans an extension."""
    says = (
        f"Let *{name(containment)}* last longer, from the approval on. It needs the approvals that applying it needed."
    )
    blocks = [section(says), _duration("How much longer", durations, durations[0]), _reason("Why extend it")]
    return _view("Extend a containment", blocks, callback_id=EXTEND_SUBMIT, submit="Plan extension", value=value)


def keep_form(containment: Containment, durations: Sequence[timedelta], value: ButtonValue) -> View:
    """Return the form that plans to keep a containment for a remediation's sake."""
    says = (
        f"Keep *{name(containment)}* until its cause is mended. That opens a remediation; Stanch asks again when it is "
        "due. It needs the approvals that applying it needed."
    )
    title = PlainTextInputElement(action_id=VALUE, max_length=MAX_TITLE)
    owner = UserSelectElement(action_id=VALUE, placeholder=plain_object("Choose", OPTION))
    blocks = [
        section(says),
        _labelled(TITLE, "What will make it unnecessary", title, "Such as: the retriever filters by tenant."),
        _labelled(OWNER, "Who sees to it", owner),
        _duration("Due in", durations, durations[0]),
        _reason("Why keep it"),
    ]
    return _view("Keep a containment", blocks, callback_id=KEEP_SUBMIT, submit="Plan to keep", value=value)


def break_glass_form(containment: Containment, value: ButtonValue) -> View:
    """Return the form for going ahead without approval."""
    says = (
        f":warning: *{name(containment)}* will be carried out without the approval that it needs. "
        "This is flagged on the timeline and in the review."
    )
    blocks = [section(says), _reason("Who could not be reached, and why it cannot wait")]
    return _view("Break glass", blocks, callback_id=BREAK_GLASS_SUBMIT, submit="Go ahead", value=value)


def skip_form(containment: Containment, change: Change, value: ButtonValue) -> View:
    """Return the form for going on without a change."""
    says = (
        f"*{name(containment)}* goes on without this change: {one_line(change.summary, 300)}. What is left is applied."
    )
    blocks = [section(says), _reason("Why it can be left out")]
    return _view("Skip a change", blocks, callback_id=SKIP_SUBMIT, submit="Skip", value=value)


def without_evidence_form(containment: Containment, value: ButtonValue) -> View:
    """Return the form for going ahead though evidence could not be preserved."""
    missing = bullets(
        one_line(containment.plan.evidence[item].title, 200) for item in containment.evidence_wanted[:_MOST_ITEMS]
    )
    says = (
        f"*{name(containment)}* goes ahead, and what it changes may be lost to whoever investigates. "
        f"Not preserved:\n{missing}"
    )
    blocks = [section(says), _reason("Why it cannot wait")]
    return _view("Without evidence", blocks, callback_id=WITHOUT_EVIDENCE_SUBMIT, submit="Go ahead", value=value)


def confirm_form(containment: Containment, value: ButtonValue) -> View:
    """Return the form for saying that a containment helped."""
    says = f"No harm signal measures whether *{name(containment)}* helped. What you say stops TTM, as attested by you."
    blocks = [section(says), _reason("What shows that the harm stopped")]
    return _view("Confirm the effect", blocks, callback_id=CONFIRM_SUBMIT, submit="Confirm", value=value)


def shown_again(view: JsonObject, problem: str) -> JsonObject:
    """Return a submitted form once more, with the problem on top and everything that was entered.

    What came back from Slack goes back as it is: whether it is a form that we would build is not asked.
    """
    entered = view["state"]["values"]
    blocks: list[JsonObject] = [{**section(f":x: *Not done.* {problem}").to_dict(), "block_id": PROBLEM}]
    kept = [block for block in view["blocks"] if block["block_id"] != PROBLEM]
    blocks.extend(_refilled(block, entered.get(block["block_id"], {})) for block in kept)
    whole = {name: view[name] for name in _SHOWN if name in view}
    return {**whole, "type": "modal", "blocks": blocks}


def _refilled(block: JsonObject, states: dict[str, Any]) -> JsonObject:
    """Return an input block that starts with what was entered."""
    if block.get("type") != "input":
        return block
    element = dict(block["element"])
    state = states.get(element["action_id"], {})
    if state.get("value"):
        element["initial_value"] = state["value"]
    if state.get("selected_option"):
        element["initial_option"] = state["selected_option"]
    return {**block, "element": element}


def _view(
    title: str,
    blocks: Sequence[Block],
    *,
    callback_id: str | None = None,
    submit: str | None = None,
    value: ButtonValue | None = None,
) -> View:
    return View(
        type="modal",
        title=plain_object(title, MODAL_TITLE),
        close=plain_object("Cancel" if submit else "Close", MODAL_TITLE),
        submit=plain_object(submit, MODAL_TITLE) if submit else None,
        callback_id=callback_id,
        private_metadata=value.text if value else None,
        blocks=list(blocks),
    )


def _input(input_id: str, declared: Input, choices: Sequence[str]) -> Block:
    if isinstance(declared, TextInput):
        return _labelled(
            input_block_id(input_id),
            declared.label,
            PlainTextInputElement(action_id=VALUE, max_length=declared.max_length),
            declared.hint,
        )
    offered = declared.options if isinstance(declared, ChoiceInput) else choices
    options = [_option(text, text) for text in dict.fromkeys(offered) if 0 < len(text) <= OPTION_VALUE]
    if not options:
        return section(f"*{one_line(declared.label, 100)}:* the target offers nothing to choose from right now.")
    hint = declared.hint
    if len(options) > _MOST_OPTIONS:
        hint = f"{hint} The first {_MOST_OPTIONS} of {len(options)} are offered.".strip()
    select = StaticSelectElement(
        action_id=VALUE, placeholder=plain_object("Choose", OPTION), options=options[:_MOST_OPTIONS]
    )
    return _labelled(input_block_id(input_id), declared.label, select, hint)


def _duration(label: str, durations: Sequence[timedelta], usual: timedelta) -> Block:
    options = {each: _option(human_duration(each), str(int(each.total_seconds()))) for each in durations}
    select = StaticSelectElement(
        action_id=VALUE,
        placeholder=plain_object("Choose", OPTION),
        options=list(options.values()),
        initial_option=options.get(usual),
    )
    return _labelled(DURATION, label, select)


def _reason(label: str) -> Block:
    return _labelled(
        REASON,
        label,
        PlainTextInputElement(action_id=VALUE, multiline=True, max_length=_MAX_REASON),
        "It goes on the timeline.",
    )


def _labelled(block_id: str, label: str, element: InputInteractiveElement, hint: str = "") -> InputBlock:
    return InputBlock(
        block_id=block_id,
        label=plain_object(label, LABEL),
        element=element,
        hint=plain_object(hint, LABEL) if hint else None,
    )


def _option(text: str, value: str) -> Option:
    return Option(text=plain_object(text, OPTION), value=value)


def entered_values(view: JsonObject) -> dict[str, str]:
    """Return what was entered in a submitted form, by block id; an empty field is an empty text."""
    found: dict[str, str] = {}
    for block_id, states in view["state"]["values"].items():
        state = states.get(VALUE, {})
        option = state.get("selected_option") or {}
        found[block_id] = str(state.get("value") or option.get("value") or state.get("selected_user") or "")
    return found
