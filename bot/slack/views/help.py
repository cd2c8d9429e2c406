"""Help that fits the channel: in an incident's channel what to do there comes first."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.incident import Incident
from bot.slack.text import one_line
from bot.slack.views.card import Card, bullets, context, header, section


class Explained(Protocol):
    """What help says of one verb."""

    @property
    def name(self) -> str:
        """As it is typed."""
        ...

    @property
    def usage(self) -> str:
        """What follows it."""
        ...

    @property
    def says(self) -> str:
        """One line on what it does."""
        ...

    @property
    def needs_incident(self) -> bool:
        """Whether it acts on one incident."""
        ...


def help_card(command: str, incident: Incident | None, verbs: Sequence[Explained]) -> Card:
    """Return the verbs, those first that do something in this channel."""
    here = [verb for verb in verbs if verb.needs_incident]
    anywhere = [verb for verb in verbs if not verb.needs_incident]
    if incident is None:
        first = ("*Here you can*", anywhere)
        second = ("*In an incident's channel, or with its name like `INC-7` after the verb*", here)
    else:
        first = (f"*On {incident.label}, {one_line(incident.title, 150)}, you can*", here)
        second = ("*Anywhere*", anywhere)
    blocks = [
        header("Stanch: stop AI harm fast"),
        *(section(f"{title}\n{bullets(_line(command, verb) for verb in group)}") for title, group in (first, second)),
        context("Everybody may declare. Who may lead, plan and approve follows from Slack user groups."),
    ]
    return Card(f"{command}: {', '.join(verb.name for verb in verbs)}", blocks)


def _line(command: str, verb: Explained) -> str:
    usage = one_line(verb.usage, 100)
    return f"`{command} {verb.name}{' ' if usage else ''}{usage}` {verb.says}"
