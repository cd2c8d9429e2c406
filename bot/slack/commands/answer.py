"""From the text of a slash command to its answer: finds the verb and the incident that it is about."""

import difflib
import re
from collections.abc import Sequence

from bot.domain.actor import person
from bot.domain.incident import Incident
from bot.errors import BadCommand
from bot.slack.commands import VERBS, Verb
from bot.slack.commands.verb import Typed, quoted
from bot.slack.services import Services
from bot.slack.views.card import Card
from bot.slack.views.help import help_card

HELP = "help"
_LABEL = re.compile(r"inc-(\d{1,9})(?!\S)\s*", re.IGNORECASE)


async def answer(services: Services, command: str, user: str, channel: str, text: str) -> Card:
    """Carry out what was typed and return what only the typist sees.

    Raises:
        BadCommand: There is no such verb, or it lacks what it needs.
        StanchError: What the verb's service raises.
    """
    name, _, rest = text.strip().partition(" ")
    name, rest = name.lower(), rest.strip()
    if name in {"", HELP}:
        return help_card(command, await services.incidents.in_channel(channel), VERBS)
    verb = next((each for each in VERBS if each.name == name), None)
    if verb is None:
        raise BadCommand(_unknown(command, name))
    incident, rest = await _incident(services, verb, channel, rest)
    if verb.needs_incident and incident is None:
        raise BadCommand(
            f"This channel has no incident. Use the incident's channel, or name it: `{command} {name} INC-7`. "
            f"`{command} list` shows the open ones."
        )
    return await verb.run(services, Typed(actor=person(user), rest=rest, incident=incident))


async def _incident(services: Services, verb: Verb, channel: str, rest: str) -> tuple[Incident | None, str]:
    """Return the incident that is named first, else the channel's, and the rest of the words."""
    match = _LABEL.match(rest) if verb.needs_incident else None
    if match is not None:
        return await services.incidents.numbered(int(match[1])), rest[match.end() :]
    return await services.incidents.in_channel(channel), rest


def _unknown(command: str, name: str) -> str:
    known: Sequence[str] = [HELP, *(verb.name for verb in VERBS)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean `{command} {close[0]}`?" if close else f"There are: {', '.join(known)}."
    return f"There is no {quoted(name)}. {hint} `{command} help` explains each."
