"""`/incident lead`: become the commander."""

from bot.slack.commands.verb import Typed, Verb, said
from bot.slack.services import Services
from bot.slack.views.card import Card


async def _lead(services: Services, typed: Typed) -> Card:
    incident = await services.incidents.take_lead(typed.actor, typed.the_incident.id)
    return said(f"You lead *{incident.label}* now. `/incident contain` shows what can stop the harm.")


VERB = Verb(
    name="lead",
    usage="",
    says="take the lead of the incident",
    needs_incident=True,
    run=_lead,
)
