"""The card of one plan and what became of it: everything that an approver must see before, and everybody after."""

from slack_sdk.models.blocks import Block, ButtonElement

from bot.domain.change import Change, Guard, difference
from bot.domain.containment import Containment, ContainmentState, StepState
from bot.domain.containment_words import state_words
from bot.domain.plan import PlanKind
from bot.domain.role import Role
from bot.domain.runbook import OnEnd
from bot.domain.values import human_duration
from bot.services.board import ContainmentView
from bot.slack.text import code_block, date, escape, one_line, party
from bot.slack.values import PlanRef
from bot.slack.views.card import Card, actions, bullets, button, confirmation, context, fields, header, section
from bot.slack.views.containment_words import end_words, is_verified_effect, level_words, name
from bot.slack.views.effect import effect_words

_MOST_CHANGES = 8
_MOST_ROWS = 30
_MOST_ITEMS = 6
_DIFF = 1_500
_TEXT = 600
_RISKY_LEVEL = 6
_GUARDS = {
    Guard.CONDITIONAL: "the vendor refuses the write if somebody changed it meanwhile",
    Guard.REREAD: "read again just before it is written",
}
_THEN = {
    OnEnd.ASK: "Stanch asks; it stays in force until someone decides",
    OnEnd.REVERT: "it is undone, if its effect was verified, the signal is clean and nobody changed a target",
}
_DECIDING = {Role.LEAD: "who may lead", Role.OWNER: "who owns the system"}
_PROGRESS = {
    StepState.PENDING: "not yet begun",
    StepState.ATTEMPTED: "being written",
    StepState.APPLIED: "written, not yet read back",
    StepState.VERIFIED: "applied, reads back",
    StepState.FAILED: "refused, not written",
    StepState.SKIPPED: "left out",
}


def containment_card(view: ContainmentView) -> Card:
    """Return the card of one plan or containment."""
    containment, plan = view.containment, view.containment.plan
    blocks: list[Block] = [header(f"C-{containment.number} {plan.title} ({plan.level})"), *_state(view)]
    for index, change in enumerate(plan.changes[:_MOST_CHANGES]):
        blocks.extend(_change(containment, index, change))
    if len(plan.changes) > _MOST_CHANGES:
        blocks.append(context(f"{len(plan.changes) - _MOST_CHANGES} more changes are not shown."))
    blocks.append(
        section(
            f"*Expected effect:* {escape(plan.expected_effect, _TEXT)}\n"
            f"*Risk if it is wrong:* {escape(plan.risk_if_wrong, _TEXT)}"
        )
    )
    blocks.append(fields(_facts(view)))
    if plan.evidence:
        blocks.append(section(_evidence(containment)))
    if plan.warnings:
        blocks.append(section("*Warnings*\n" + bullets(escape(warning, 300) for warning in plan.warnings[:5])))
    blocks.append(section(_approvals(view)))
    blocks.extend(actions(_buttons(view)))
    text = f"{view.incident.label} {name(containment)}: {state_words(containment)}"
    return Card(text=text, blocks=blocks)


def _state(view: ContainmentView) -> list[Block]:
    containment = view.containment
    if is_verified_effect(containment):
        lines = [":white_check_mark: *Contained and verified*"]
    else:
        lines = [f"*{state_words(containment).capitalize()}*"]
    if containment.declined_by:
        lines.append(f"Declined by {party(containment.declined_by)}.")
    if containment.problem:
        lines.append(escape(containment.problem, 1_000))
    if containment.is_in_force:
        lines.extend(effect_words(containment, view.at))
        end = end_words(containment)
        lines.extend([f"{end[0].upper()}{end[1:]}."] if end else [])
    return [section("\n".join(lines))]


def _change(containment: Containment, index: int, change: Change) -> list[Block]:
    """Show one change as before -> after, how far it is, and what it touches."""
    rows = difference(change.before, change.after)
    shown = "\n".join(f"{path}: {before} -> {after}" for path, before, after in rows[:_MOST_ROWS])
    more = f"\n({len(rows) - _MOST_ROWS} more)" if len(rows) > _MOST_ROWS else ""
    progress = containment.progress[index]
    words = _PROGRESS[progress.state]
    if progress.skipped_because:
        words = f"{words}: {escape(progress.skipped_because, 200)}"
    done = f" · {words}" if containment.state is not ContainmentState.PROPOSED else ""
    radius = "; ".join(one_line(line, 200) for line in change.blast_radius[:10]) or "not stated"
    undo = "reversible: undo restores what was read" if change.reversible else "*cannot be undone*"
    return [
        section(f"*{one_line(change.summary, 300)}*{done}\n{code_block(shown + more, _DIFF)}"),
        context(f"*Blast radius:* {radius}\n{undo} · {_GUARDS[change.guard]}"),
    ]


def _facts(view: ContainmentView) -> list[tuple[str, str]]:
    plan = view.containment.plan
    system = one_line(view.system.title, 200) if view.system else one_line(plan.system_id, 60)
    facts = [
        ("Ladder level", level_words(plan.level)),
        ("System", system),
        ("Reason", escape(plan.reason, _TEXT) or "none given"),
        ("Asked for by", party(plan.requested_by)),
    ]
    if plan.kind is not PlanKind.UNDO:
        lasts = f"{human_duration(plan.duration)}, then {_THEN[plan.on_end]}"
        facts.append(("Lasts", lasts))
    if plan.remediation is not None:
        owner = party(plan.remediation.owner)
        facts.append(("Remediation", f"{one_line(plan.remediation.title, 200)}: {owner}"))
    if view.containment.state is ContainmentState.PROPOSED:
        facts.append(("Expires", f"{date(plan.expires_at)} unless decided"))
    facts.append(("Made under", f"{plan.severity.label}, policy version {plan.policy_version}"))
    return facts


def _evidence(containment: Containment) -> str:
    """Say what is preserved before the first change that may destroy it, or was."""
    items = containment.plan.evidence
    done = {each.item for each in containment.preserved}
    if not containment.state.is_settled and not done:
        titles = "; ".join(one_line(item.title, 100) for item in items[:_MOST_ITEMS])
        more = f"; and {len(items) - _MOST_ITEMS} more" if len(items) > _MOST_ITEMS else ""
        return f"*Preserved before the first change:* {titles}{more}"
    lines = [f"*Evidence:* {len(done)} of {len(items)} preserved"]
    if containment.without_evidence:
        lines.append(f"*Went ahead without the rest:* {escape(containment.without_evidence, 300)}")
    return "\n".join(lines)


def _approvals(view: ContainmentView) -> str:
    containment = view.containment
    lines = []
    for approval in containment.approvals:
        if approval.break_glass_reason:
            reason = escape(approval.break_glass_reason, _TEXT)
            lines.append(f"*Break-glass* by {party(approval.actor)} {date(approval.at)}: {reason}")
        else:
            deciding = " and ".join(words for role, words in _DECIDING.items() if role in approval.roles)
            who = f"{party(approval.actor)}, {deciding}," if view.needs_approval and deciding else party(approval.actor)
            verb = "Approved" if view.needs_approval else "Applied"
            lines.append(f"{verb} by {who} {date(approval.at)}")
    if containment.state is ContainmentState.PROPOSED and view.missing:
        needed = " and ".join(role.label for role in view.missing)
        lines.append(f"*Needs the approval of* {needed}, other than {party(containment.plan.requested_by)}")
    if not view.needs_approval:
        lines.append("This level needs no approval: whoever may plan it may apply it.")
    return bullets(lines) if len(lines) > 1 else "".join(lines) or "No approval on record."


def _buttons(view: ContainmentView) -> list[ButtonElement]:
    """Return the buttons that still do something."""
    containment = view.containment
    ref = PlanRef(containment=containment.id, fingerprint=containment.plan.fingerprint)
    if containment.state is ContainmentState.PROPOSED:
        return _decisions(view, ref)
    row = _resumptions(containment, ref)
    watched = containment.state is ContainmentState.WATCHING
    if not containment.is_in_force or not (containment.state.is_settled or watched):
        return row
    if containment.awaits_confirmation:
        row.append(button("Confirm the effect", "containment.confirm", ref, style="primary"))
    if containment.plan.is_reversible:
        row.append(button("Undo what was done" if row else "Undo", "containment.undo", ref))
    if containment.state in {ContainmentState.WATCHING, ContainmentState.VERIFIED}:
        row.append(button("Extend", "containment.extend", ref))
    if is_verified_effect(containment):
        row.append(button("Keep", "containment.keep", ref))
    return row


def _resumptions(containment: Containment, ref: PlanRef) -> list[ButtonElement]:
    """Return the ways on from a change at which it stopped."""
    row = []
    if containment.stopped_at is not None:
        row.append(button("Retry", "containment.retry", ref))
    if containment.stopped_for_evidence:
        row.append(button("Go ahead without", "containment.go_without_evidence", ref, style="danger"))
    if containment.can_skip:
        row.append(button("Skip with reason", "containment.skip", ref))
    return row


def _decisions(view: ContainmentView, ref: PlanRef) -> list[ButtonElement]:
    plan = view.containment.plan
    label = "Approve" if view.needs_approval else "Apply"
    risky = plan.kind is PlanKind.APPLY and (plan.level.rank >= _RISKY_LEVEL or not plan.is_reversible)
    question = confirmation(
        f"{label} C-{view.containment.number}?",
        f"{level_words(plan.level)}. Risk if it is wrong: {escape(plan.risk_if_wrong, 200)}",
        label,
    )
    row = [
        button(label, "containment.approve", ref, style="primary", confirm=question if risky else None),
        button("Decline", "containment.decline", ref),
    ]
    if view.break_glass_open:
        row.append(button("Break glass", "containment.break_glass", ref, style="danger"))
    return row
