"""The live card of an incident: one message, edited in place, that answers what somebody who just joined would ask."""

from slack_sdk.models.blocks import Block

from bot.domain.containment import ContainmentState
from bot.domain.containment_words import state_words
from bot.domain.incident import Incident
from bot.domain.policy import Policy, approvers
from bot.domain.runbook import Runbook
from bot.services.board import IncidentView
from bot.slack.text import date, escape, one_line, party, plain
from bot.slack.values import IncidentRef, RunbookRef
from bot.slack.views.card import Card, actions, bullets, button, context, divider, fields, header, section
from bot.slack.views.clocks import ttd_words, ttm_words
from bot.slack.views.containment_words import end_words, is_verified_effect, level_words, name
from bot.slack.views.reasons import failure_mode, severity_reasons

_MOST_RUNBOOKS = 15
_MOST_CONTAINMENTS = 10
_MOST_UNWOKEN = 600


def incident_card(view: IncidentView, policy: Policy, *, buttons: bool = True) -> Card:
    """Return an incident's card; without `buttons` as a copy to read. A resolved incident has no buttons."""
    incident = view.incident
    live = buttons and incident.is_open
    blocks: list[Block] = [
        header(f"{incident.label} · {incident.severity.label} · {plain(incident.title, 120)}"),
        *_unwoken(view),
        *_contained(view),
        *_next_step(incident),
        fields(_facts(view)),
        section(f"*TTD* {ttd_words(view.ttd)}\n*TTM* {ttm_words(view.ttm, incident.milestones)}"),
    ]
    if live:
        label = "Take the lead" if incident.commander is None else "Take over the lead"
        blocks.extend(actions([button(label, "incident.lead", IncidentRef(incident=incident.id))]))
    blocks.extend(_containments(view))
    if incident.is_open:
        blocks.extend(runbook_blocks(view, policy, buttons=live))
    blocks.append(context(severity_reasons(incident.classification, incident.severity, incident.severity_reason)))
    blocks.append(context(f"Updated {date(view.at)}. `/incident help` lists what you can do here."))
    text = f"{incident.label} {incident.severity.label} {incident.status.value}: {one_line(incident.title, 300)}"
    return Card(text=text, blocks=blocks)


def _unwoken(view: IncidentView) -> list[Block]:
    """Say that help which was called does not come, while somebody can still fetch it."""
    if not view.nobody_woken or not view.incident.is_open:
        return []
    return [section(f":warning: {escape(view.nobody_woken, _MOST_UNWOKEN)} *Reach somebody yourself.*")]


def _contained(view: IncidentView) -> list[Block]:
    verified = [each for each in view.containments if is_verified_effect(each)]
    if not verified:
        return []
    return [section(f":white_check_mark: *Contained and verified* by {', '.join(name(each) for each in verified)}")]


def _next_step(incident: Incident) -> list[Block]:
    """Say how to end it, once the harm has stopped for good; before that, the buttons are the next step."""
    mitigated = incident.milestones.mitigated
    if not incident.is_open or mitigated is None or mitigated.provisional:
        return []
    return [section("*Next:* `/incident resolve`, when nothing is left to do here.")]


def _facts(view: IncidentView) -> list[tuple[str, str]]:
    incident, system = view.incident, view.system
    where = f"{one_line(system.title, 200)} (tier {system.tier})" if system else "none of the registry"
    computed = incident.severity is incident.classification.severity
    provisional = " (unknowns could make it worse)" if computed and incident.classification.provisional else ""
    return [
        ("Status", _status(incident)),
        ("Severity", f"{incident.severity.label}{provisional}"),
        ("Failure mode", failure_mode(incident.classification)),
        ("System", where),
        ("Commander", party(incident.commander) if incident.commander else "nobody yet"),
        ("Alerts firing", str(view.firing)),
        ("Declared", _declared(incident)),
    ]


def _status(incident: Incident) -> str:
    mitigated = incident.milestones.mitigated
    words = incident.status.value
    return f"{words}, provisionally" if incident.is_open and mitigated and mitigated.provisional else words


def _declared(incident: Incident) -> str:
    stone = incident.milestones.declared
    when = f"{date(stone.at)} " if stone else ""
    if incident.opened_by.is_person:
        return f"{when}by {party(incident.opened_by)}"
    return f"{when.rstrip()}, automatically" if when else "automatically"


def _containments(view: IncidentView) -> list[Block]:
    """List what is in force or under way; what came to nothing is left to its own card."""
    shown = [
        each
        for each in view.containments
        if each.is_in_force or not each.state.is_settled or each.state is ContainmentState.IN_DOUBT
    ]
    if not shown:
        return []
    lines = [
        f"*{name(each)}* ({each.plan.level}): "
        + ", ".join(part for part in (state_words(each), end_words(each)) if part)
        for each in shown[-_MOST_CONTAINMENTS:]
    ]
    return [divider(), section(f"*Containments*\n{bullets(lines)}")]


def runbook_blocks(view: IncidentView, policy: Policy, *, buttons: bool = True) -> list[Block]:
    """Return the runbooks on offer, smallest ladder level first, each with a *Plan* button; or why there are none."""
    if not view.runbooks:
        why = (
            "none fits its failure mode and the targets of its system"
            if view.system
            else "its alert names no AI system of the registry, so no runbook has a target"
        )
        return [divider(), section(f"*Runbooks on offer:* {why}.")]
    blocks: list[Block] = [
        divider(),
        section("*Runbooks on offer*, smallest blast radius first. Planning changes nothing."),
    ]
    for runbook in view.runbooks[:_MOST_RUNBOOKS]:
        ref = RunbookRef(incident=view.incident.id, runbook=runbook.id)
        accessory = button("Plan", "runbook.plan", ref) if buttons else None
        blocks.append(section(_runbook(runbook, policy), accessory, block_id=f"runbook:{runbook.id}"))
    if len(view.runbooks) > _MOST_RUNBOOKS:
        blocks.append(context(f"{len(view.runbooks) - _MOST_RUNBOOKS} larger ones are not shown."))
    return blocks


def _runbook(runbook: Runbook, policy: Policy) -> str:
    title, summary = one_line(runbook.title, 100), escape(runbook.summary, 600)
    return f"*{title}*\n{summary}\n_{level_words(runbook.level)}_ · {_needs(policy, runbook)}"


def _needs(policy: Policy, runbook: Runbook) -> str:
    roles = approvers(policy, runbook.levels)
    return f"needs the approval of {' and '.join(role.label for role in roles)}" if roles else "needs no approval"
