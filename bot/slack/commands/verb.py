"""What a verb is: its words, and a function from what was typed to what the typist is told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.domain.actor import Actor
from bot.domain.incident import Incident
from bot.errors import BadCommand
from bot.slack.services import Services
from bot.slack.text import plain
from bot.slack.views.card import Card, section


@dataclass(frozen=True)
class Typed:
    """What a person typed after the verb.

    Attributes:
        rest: Without the verb, and without the incident's label if there was one.
        incident: The one that was named, else the channel's; `None` when there is neither.
    """

    actor: Actor
    rest: str
    incident: Incident | None

    @property
    def the_incident(self) -> Incident:
        """The incident that the verb is about; `command.answer` sees to it that a verb which needs one has one."""
        if self.incident is None:
            raise BadCommand("This needs an incident: name it, like `INC-7`, or use the incident's channel.")
        return self.incident


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        name: As it is typed.
        usage: What follows it, for `help`.
        says: One line on what it does.
        needs_incident: Whether it acts on one incident.
        run: Does it durably, then returns what only the typist sees.
    """

    name: str
    usage: str
    says: str
    needs_incident: bool
    run: Callable[[Services, Typed], Awaitable[Card]]


def said(text: str) -> Card:
    """Return one sentence as an answer; `text` is markup."""
    return Card(text, [section(text)])


def quoted(text: str) -> str:
    """Return something that was typed, to be named in an error; errors are escaped where they are shown."""
    return f"“{plain(text, 60)}”"
