"""`/incident contain`: the runbooks on offer, each with a button that plans it."""

from bot.errors import InvalidTransition
from bot.slack.commands.verb import Typed, Verb
from bot.slack.services import Services
from bot.slack.views.card import Card
from bot.slack.views.incident_card import runbook_blocks


async def _contain(services: Services, typed: Typed) -> Card:
    view = await services.board.incident(typed.the_incident.id)
    incident = view.incident
    if not incident.is_open:
        raise InvalidTransition(f"{incident.label} is {incident.status.value}; nothing is left to contain.")
    offered = len(view.runbooks)
    return Card(f"{incident.label}: {offered} runbooks on offer", runbook_blocks(view, services.catalog.policy))


VERB = Verb(
    name="contain",
    usage="",
    says="show the runbooks that can stop the harm, and plan one",
    needs_incident=True,
    run=_contain,
)
