"""`/incident remediation`: what is to be mended, and saying that it is."""

import re

from bot.domain.remediation import Remediation
from bot.errors import BadCommand
from bot.slack.commands.verb import Typed, Verb, quoted, said
from bot.slack.services import Services
from bot.slack.text import date, one_line, party
from bot.slack.views.card import Card, bullets, section

_DONE = re.compile(r"R-?([1-9][0-9]{0,5})\s+done\s+(.+)", re.IGNORECASE | re.DOTALL)
_MOST = 20


async def _remediation(services: Services, typed: Typed) -> Card:
    incident = typed.the_incident
    if typed.rest.strip():
        match = _DONE.fullmatch(typed.rest.strip())
        if match is None:
            raise BadCommand(
                f"{quoted(typed.rest)} says nothing about a remediation; write `R-1 done` and what was done."
            )
        done = await services.remediations.done(typed.actor, incident.id, int(match[1]), match[2])
        return said(f"*R-{done.number}* of {incident.label} is done. Somebody else verifies it.")
    found = await services.remediations.of_incident(incident.id)
    if not found:
        return said(f"{incident.label} has no remediation. *Keep* on a containment's card makes one.")
    more = [f"and {len(found) - _MOST} more"] if len(found) > _MOST else []
    title = f"Remediations of {incident.label}"
    return Card(title, [section(f"*{title}*\n" + bullets([*map(_line, found[:_MOST]), *more]))])


def _line(remediation: Remediation) -> str:
    when = f"done {date(remediation.done_at)}" if remediation.done_at else f"due {date(remediation.due_at)}"
    return f"*R-{remediation.number}* {one_line(remediation.title, 200)}: {party(remediation.owner)}, {when}"


VERB = Verb(
    name="remediation",
    usage="[R-1 done WHAT]",
    says="list what is to be mended, or say that it is",
    needs_incident=True,
    run=_remediation,
)
