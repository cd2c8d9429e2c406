"""`/incident status`: a copy of the incident's card, as things stand now."""

from bot.slack.commands.verb import Typed, Verb
from bot.slack.services import Services
from bot.slack.views.card import Card
from bot.slack.views.incident_card import incident_card


async def _status(services: Services, typed: Typed) -> Card:
    view = await services.board.incident(typed.the_incident.id)
    return incident_card(view, services.catalog.policy, buttons=False)


VERB = Verb(
    name="status",
    usage="",
    says="show where the incident stands",
    needs_incident=True,
    run=_status,
)
