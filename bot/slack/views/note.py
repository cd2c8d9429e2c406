"""Messages of their own that the incident's channel is told once."""

from bot.services.board import ContainmentView
from bot.slack.text import date, link, party
from bot.slack.views.card import Card, section
from bot.slack.views.containment_words import name


def end_reached_note(view: ContainmentView, card_url: str | None) -> Card:
    """Return the note that a containment's end has come; it mentions the commander, who must decide."""
    containment, commander = view.containment, view.incident.commander
    whom = f"{party(commander)}: " if commander else ""
    when = f" ({date(containment.ends_at)})" if containment.ends_at else ""
    card = link(card_url, "its card")
    text = (
        f"{whom}*{name(containment)}* has reached its end{when}. It stays in force until somebody decides: "
        f"*Undo* it or *Extend* it on {card}."
    )
    return Card(f"{name(containment)} has reached its end and stays in force", [section(text)])
