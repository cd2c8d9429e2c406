"""`/incident declare [sev2] <what is happening>`: anyone opens an incident, at once."""

import re

from bot.domain.severity import Severity
from bot.errors import BadCommand
from bot.slack.commands.verb import Typed, Verb, said
from bot.slack.services import Services
from bot.slack.text import one_line
from bot.slack.views.card import Card

_SEVERITY = re.compile(r"sev[- ]?(\d+)\b[:,]?\s*", re.IGNORECASE)


async def _declare(services: Services, typed: Typed) -> Card:
    severity, title = _split(typed.rest)
    incident = await services.incidents.declare(typed.actor, title, severity=severity)
    classification = incident.classification
    why = classification.rules[0].because if classification.rules and severity is None else ""
    because = f" ({one_line(why, 300)})" if why else ""
    return said(
        f"*{incident.label}* is open as {incident.severity.label}{because}. "
        f"Its channel, #{incident.channel_name}, is being made and you will be invited."
    )


def _split(text: str) -> tuple[Severity | None, str]:
    match = _SEVERITY.match(text)
    if match is None:
        return None, text
    if match[1] not in {"1", "2", "3", "4"}:
        raise BadCommand(f"There is no Sev-{match[1][:6]}: say sev1 (worst) to sev4, or leave it to the playbooks.")
    return Severity.parse(match[1]), text[match.end() :]


VERB = Verb(
    name="declare",
    usage="[sev2] <what is happening>",
    says="open an incident; the playbooks classify it",
    needs_incident=False,
    run=_declare,
)
