"""Messages of their own that the incident's channel is told once; each mentions the commander, who must decide."""

from collections.abc import Callable

from bot.domain.plan import PlanKind
from bot.domain.runbook import OnEnd
from bot.services.board import ContainmentView
from bot.slack.text import date, escape, link, party
from bot.slack.values import PlanRef
from bot.slack.views.card import Card, actions, button, section
from bot.slack.views.containment_words import name

_PROBLEM = 300


def end_near_note(view: ContainmentView, card_url: str | None) -> Card:
    """Return the reminder that a containment's end is near."""
    containment = view.containment
    when = f" {date(containment.ends_at)}" if containment.ends_at else " soon"
    then = (
        "Then it is undone, if that is safe"
        if containment.plan.on_end is OnEnd.REVERT
        else "Then it stays in force and Stanch asks"
    )
    text = f"{_whom(view)}*{name(containment)}* ends{when}. {then}. *Extend* or *Undo* it on {_card(card_url)}."
    return Card(f"{name(containment)} ends soon", [section(text)])


def end_reached_note(view: ContainmentView, card_url: str | None) -> Card:
    """Return the note that a containment's end has come."""
    containment = view.containment
    when = f" ({date(containment.ends_at)})" if containment.ends_at else ""
    text = (
        f"{_whom(view)}*{name(containment)}* has reached its end{when}. It stays in force until somebody decides: "
        f"*Undo* it or *Extend* it on {_card(card_url)}."
    )
    return Card(f"{name(containment)} has reached its end and stays in force", [section(text)])


def kept_at_end_note(view: ContainmentView, card_url: str | None) -> Card:
    """Return the note that a containment was to be undone at its end, and was not."""
    containment = view.containment
    text = (
        f"{_whom(view)}*{name(containment)}* has reached its end and was *not* undone: "
        f"{escape(containment.kept_because, _PROBLEM)}. "
        f"It stays in force; *Undo* it or *Extend* it on {_card(card_url)}."
    )
    return Card(f"{name(containment)} has reached its end and stays in force", [section(text)])


def missing_note(view: ContainmentView, card_url: str | None) -> Card:
    """Return the note that a containment is not in place any more though nobody undid it."""
    containment = view.containment
    text = (
        f":warning: {_whom(view)}*{name(containment)}* is not in place any more, and was not undone: "
        f"{escape(containment.missing, _PROBLEM)}. Somebody changed the target, or the vendor forgot the change, as "
        f"some do when they are restarted. Put it right there or plan again; *Undo* on {_card(card_url)} closes it."
    )
    return Card(f"{name(containment)} is not in place any more", [section(text)])


def undo_stopped_note(view: ContainmentView, card_url: str | None) -> Card:
    """Return the note that an undo which began by itself at a containment's end has stopped."""
    undo, original = view.containment, view.of
    what = name(original) if original else "a containment"
    why = escape(undo.problem.rstrip("."), _PROBLEM)
    text = (
        f":warning: {_whom(view)}*{name(undo)}*, which undoes *{what}* at its end, has stopped: {why}. "
        f"What it did not write back stays in force; go on from {_card(card_url)}."
    )
    return Card(f"The undo of {what} at its end has stopped", [section(text)])


def harm_returned_note(view: ContainmentView, card_url: str | None) -> Card:
    """Return the note that the harm is back after an undo, with a way to contain it again at once."""
    undo, former = view.containment, view.of
    when = f" {date(undo.harm_returned_at)}" if undo.harm_returned_at else ""
    text = (
        f":rotating_light: {_whom(view)}the harm is back{when}, after *{name(undo)}*. Plan the same again, or take "
        f"another runbook; see {_card(card_url)}."
    )
    again = []
    if former is not None and undo.plan.kind is PlanKind.UNDO:
        ref = PlanRef(containment=former.id, fingerprint=former.plan.fingerprint)
        again.append(button("Contain it again", "containment.again", ref, style="danger"))
    return Card(f"The harm is back after {name(undo)}", [section(text), *actions(again)])


def _whom(view: ContainmentView) -> str:
    commander = view.incident.commander
    return f"{party(commander)}: " if commander else ""


def _card(card_url: str | None) -> str:
    return link(card_url, "its card")


NOTES: dict[str, Callable[[ContainmentView, str | None], Card]] = {
    "end_near": end_near_note,
    "end_reached": end_reached_note,
    "kept_at_end": kept_at_end_note,
    "missing": missing_note,
    "undo_stopped": undo_stopped_note,
    "harm_returned": harm_returned_note,
}
