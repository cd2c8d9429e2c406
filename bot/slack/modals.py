"""Modals: which button opens which form, and what submitting a form does.

A trigger opens a modal for three seconds only, so a form that must read a vendor first is opened saying so and filled
in afterwards.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from slack_sdk.models.views import View

from bot.domain import policy as rules
from bot.domain.actor import Actor, person
from bot.domain.containment import Containment
from bot.domain.values import JsonObject, is_blank
from bot.errors import BadCommand, InvalidTransition
from bot.services.follow_ups import Keep
from bot.services.planning import PlanRequest
from bot.slack.buttons import Press
from bot.slack.services import Services
from bot.slack.values import PlanRef, RunbookRef
from bot.slack.views.modals import (
    BREAK_GLASS_SUBMIT,
    CONFIRM_SUBMIT,
    DURATION,
    EXTEND_SUBMIT,
    KEEP_SUBMIT,
    OWNER,
    PLAN_SUBMIT,
    REASON,
    SKIP_SUBMIT,
    TITLE,
    UNDO_SUBMIT,
    WITHOUT_EVIDENCE_SUBMIT,
    break_glass_form,
    confirm_form,
    entered_values,
    extend_form,
    input_name,
    keep_form,
    plan_form,
    skip_form,
    undo_form,
    without_evidence_form,
)

Form = Callable[[Services, Press], Awaitable[View]]
Submission = Callable[[Services, Actor, JsonObject], Awaitable[Containment]]

_USUAL_HOURS = (1, 4, 12, 24, 72)
_USUAL_DAYS = (7, 14, 30, 90)


async def _plan_form(services: Services, press: Press) -> View:
    ref = RunbookRef.parse(press.value)
    return plan_form(await services.planning.form(press.actor, ref.incident, ref.runbook), ref)


async def _undo_form(services: Services, press: Press) -> View:
    ref = PlanRef.parse(press.value)
    return undo_form(await _in_force(services, ref), ref)


async def _extend_form(services: Services, press: Press) -> View:
    ref = PlanRef.parse(press.value)
    containment = await _in_force(services, ref)
    longest = rules.longest(services.catalog.policy, containment.plan.levels)
    usual = {timedelta(hours=hours) for hours in _USUAL_HOURS if timedelta(hours=hours) < longest}
    return extend_form(containment, sorted(usual | {longest}), ref)


async def _keep_form(services: Services, press: Press) -> View:
    ref = PlanRef.parse(press.value)
    longest = services.catalog.policy.keep.longest
    usual = {timedelta(days=days) for days in _USUAL_DAYS if timedelta(days=days) < longest}
    return keep_form(await _in_force(services, ref), sorted(usual | {longest}), ref)


async def _break_glass_form(services: Services, press: Press) -> View:
    ref = PlanRef.parse(press.value)
    view = await services.board.containment(ref.containment)
    if not view.break_glass_open:
        raise InvalidTransition(f"C-{view.containment.number} is not open for break-glass now; look at its card again.")
    return break_glass_form(view.containment, ref)


async def _skip_form(services: Services, press: Press) -> View:
    ref = PlanRef.parse(press.value)
    containment = await services.containments.get(ref.containment)
    if containment.stopped_at is None:
        raise InvalidTransition(f"C-{containment.number} does not stand at a change any more; look at its card again.")
    return skip_form(containment, containment.plan.changes[containment.stopped_at], ref)


async def _without_evidence_form(services: Services, press: Press) -> View:
    ref = PlanRef.parse(press.value)
    containment = await services.containments.get(ref.containment)
    if not containment.stopped_for_evidence:
        raise InvalidTransition(f"C-{containment.number} does not wait for evidence any more; look at its card again.")
    return without_evidence_form(containment, ref)


async def _confirm_form(services: Services, press: Press) -> View:
    ref = PlanRef.parse(press.value)
    containment = await services.containments.get(ref.containment)
    if not containment.awaits_confirmation:
        raise InvalidTransition(
            f"The effect of C-{containment.number} cannot be confirmed now; look at its card again."
        )
    return confirm_form(containment, ref)


async def _in_force(services: Services, ref: PlanRef) -> Containment:
    containment = await services.containments.get(ref.containment)
    if not containment.is_in_force:
        raise InvalidTransition(f"C-{containment.number} is not in force any more; nothing is left to undo or extend.")
    return containment


async def _plan(services: Services, actor: Actor, view: JsonObject) -> Containment:
    ref, entered = RunbookRef.parse(view["private_metadata"]), entered_values(view)
    inputs = {name: text for block, text in entered.items() if (name := input_name(block)) is not None}
    request = PlanRequest(ref.runbook, inputs, entered.get(REASON, ""), _duration(entered))
    return await services.planning.plan(actor, ref.incident, request)


async def _plan_undo(services: Services, actor: Actor, view: JsonObject) -> Containment:
    ref, entered = PlanRef.parse(view["private_metadata"]), entered_values(view)
    return await services.follow_ups.plan_undo(actor, ref.containment, _reason(entered))


async def _plan_extend(services: Services, actor: Actor, view: JsonObject) -> Containment:
    ref, entered = PlanRef.parse(view["private_metadata"]), entered_values(view)
    return await services.follow_ups.plan_extend(actor, ref.containment, _duration(entered), _reason(entered))


async def _plan_keep(services: Services, actor: Actor, view: JsonObject) -> Containment:
    ref, entered = PlanRef.parse(view["private_metadata"]), entered_values(view)
    if not entered.get(OWNER):
        raise BadCommand("Choose who sees to the remediation.")
    owner = person(entered[OWNER])
    keep = Keep(entered.get(TITLE, ""), owner, _duration(entered), _reason(entered))
    return await services.follow_ups.plan_keep(actor, ref.containment, keep)


async def _break_glass(services: Services, actor: Actor, view: JsonObject) -> Containment:
    ref, entered = PlanRef.parse(view["private_metadata"]), entered_values(view)
    return await services.containments.break_glass(actor, ref.containment, ref.fingerprint, _reason(entered))


async def _skip(services: Services, actor: Actor, view: JsonObject) -> Containment:
    ref, entered = PlanRef.parse(view["private_metadata"]), entered_values(view)
    return await services.resumptions.skip(actor, ref.containment, _reason(entered))


async def _go_without_evidence(services: Services, actor: Actor, view: JsonObject) -> Containment:
    ref, entered = PlanRef.parse(view["private_metadata"]), entered_values(view)
    return await services.resumptions.go_without_evidence(actor, ref.containment, _reason(entered))


async def _confirm(services: Services, actor: Actor, view: JsonObject) -> Containment:
    ref, entered = PlanRef.parse(view["private_metadata"]), entered_values(view)
    return await services.confirmations.confirm(actor, ref.containment, entered.get(REASON, ""))


def _duration(entered: dict[str, str]) -> timedelta:
    seconds = entered.get(DURATION, "")
    if not (seconds.isascii() and seconds.isdigit() and 0 < len(seconds) < 10):
        raise BadCommand("Choose how long it lasts.")
    return timedelta(seconds=int(seconds))


def _reason(entered: dict[str, str]) -> str:
    reason = entered.get(REASON, "").strip()
    if is_blank(reason):
        raise BadCommand("Say why: the reason goes on the timeline.")
    return reason


FORMS: dict[str, Form] = {
    "runbook.plan": _plan_form,
    "containment.undo": _undo_form,
    "containment.extend": _extend_form,
    "containment.keep": _keep_form,
    "containment.break_glass": _break_glass_form,
    "containment.skip": _skip_form,
    "containment.confirm": _confirm_form,
    "containment.go_without_evidence": _without_evidence_form,
}
SUBMISSIONS: dict[str, Submission] = {
    PLAN_SUBMIT: _plan,
    UNDO_SUBMIT: _plan_undo,
    EXTEND_SUBMIT: _plan_extend,
    KEEP_SUBMIT: _plan_keep,
    BREAK_GLASS_SUBMIT: _break_glass,
    SKIP_SUBMIT: _skip,
    CONFIRM_SUBMIT: _confirm,
    WITHOUT_EVIDENCE_SUBMIT: _go_without_evidence,
}
