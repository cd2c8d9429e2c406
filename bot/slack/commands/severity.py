"""`/incident severity sev1 because ...`: override what the rules say, with a reason."""

import re

from bot.domain.severity import Severity
from bot.errors import BadCommand
from bot.slack.commands.verb import Typed, Verb, quoted, said
from bot.slack.services import Services
from bot.slack.views.card import Card

_SEVERITY = re.compile(r"(?:sev)?[- ]?([1-4])(?!\w)[:,]?\s*", re.IGNORECASE)
_BECAUSE = re.compile(r"^because\b[:,]?\s*", re.IGNORECASE)


async def _severity(services: Services, typed: Typed) -> Card:
    incident = typed.the_incident
    match = _SEVERITY.match(typed.rest)
    if match is None:
        given = f"{quoted(typed.rest)} is no severity. " if typed.rest else ""
        raise BadCommand(
            f"{given}{incident.label} is {incident.severity.label}. "
            "Say `/incident severity sev1 because ...`, from sev1 (worst) to sev4."
        )
    reason = _BECAUSE.sub("", typed.rest[match.end() :], count=1)
    changed = await services.incidents.set_severity(typed.actor, incident.id, Severity.parse(match[1]), reason)
    return said(
        f"{changed.label} is now {changed.severity.label}. "
        "Plans that were made under another severity must be made again."
    )


VERB = Verb(
    name="severity",
    usage="sev1 because <reason>",
    says="override the severity",
    needs_incident=True,
    run=_severity,
)
