"""`/incident resolve`: nothing more is owed by responders."""

from bot.slack.commands.verb import Typed, Verb, said
from bot.slack.services import Services
from bot.slack.views.card import Card


async def _resolve(services: Services, typed: Typed) -> Card:
    incident = await services.incidents.resolve(typed.actor, typed.the_incident.id)
    in_force = [each for each in await services.containments.of_incident(incident.id) if each.is_in_force]
    names = ", ".join(f"C-{each.number}" for each in in_force)
    stays = f" Still in force until someone undoes it: {names}." if in_force else ""
    return said(f"*{incident.label}* is resolved.{stays}")


VERB = Verb(
    name="resolve",
    usage="",
    says="end the incident once the harm has stopped",
    needs_incident=True,
    run=_resolve,
)
