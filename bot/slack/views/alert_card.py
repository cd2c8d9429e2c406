"""The card of an alert group in the triage channel: what fires, what it is taken for, and what people made of it."""

from slack_sdk.models.blocks import Block

from bot.domain.alert import AlertGroup, Verdict
from bot.domain.incident import Incident
from bot.domain.values import is_blank
from bot.services.board import AlertGroupView
from bot.slack.text import channel_link, date, escape, link, mention, one_line, party, plain
from bot.slack.values import AlertRef
from bot.slack.views.card import Card, actions, button, context, fields, header, section
from bot.slack.views.reasons import failure_mode, severity_reasons

_TITLE = 300
_TEXT = 500


def alert_card(view: AlertGroupView) -> Card:
    """Return the card of one alert group."""
    group = view.group
    severity = view.incident.severity if view.incident else view.classification.severity
    state = "Firing" if group.is_firing else "Resolved"
    title = "Untitled alert" if is_blank(group.title) else group.title
    blocks: list[Block] = [
        header(f"{state}: {plain(title, 140)}"),
        fields(
            [
                ("Severity" if view.incident else "Would be", severity.label),
                ("Failure mode", failure_mode(view.classification)),
                ("System", one_line(view.system.title, 200) if view.system else "not in the registry"),
                ("Source", link(group.url, group.source)),
                ("Alerts", f"{group.firing} firing, {group.resolved} resolved, {group.received} received"),
                ("Received", _received(group)),
            ]
        ),
    ]
    if group.text.strip():
        blocks.append(section(escape(group.text, _TEXT)))
    blocks.append(context(severity_reasons(view.classification, severity)))
    blocks.extend(_decision(view))
    text = f"{state}: {one_line(title, _TITLE)} ({severity.label})"
    return Card(text=text, blocks=blocks)


def _received(group: AlertGroup) -> str:
    """Return when it came first and, if that reads otherwise, when last."""
    first, last = date(group.first_at), date(group.last_at)
    same_minute = group.first_at.replace(second=0, microsecond=0) == group.last_at.replace(second=0, microsecond=0)
    return first if same_minute else f"{first}, last {last}"


def _decision(view: AlertGroupView) -> list[Block]:
    """Return what was decided, or the buttons to decide."""
    group = view.group
    if view.incident is not None:
        return [section(_declared(view.incident))]
    if group.verdict is Verdict.NOT_ACTIONABLE:
        by = mention(group.verdict_by) if group.verdict_by else "somebody"
        reason = f": {escape(group.verdict_reason, _TEXT)}" if group.verdict_reason else ""
        return [section(f"*Not actionable*, said {by}{reason}")]
    ref = AlertRef(group=group.id)
    row = [
        button("Declare", "alert.declare", ref, style="primary"),
        button("Not actionable", "alert.dismiss", ref),
    ]
    return [*actions(row)]


def _declared(incident: Incident) -> str:
    where = f" in {channel_link(incident.channel)}" if incident.channel else "; its channel is being made"
    if incident.opened_by.is_person:
        return f"*{incident.label}*{where}. Declared by {party(incident.opened_by)}."
    return f"*{incident.label}*{where}. Declared automatically: {escape(incident.opened_why, _TEXT)}"
