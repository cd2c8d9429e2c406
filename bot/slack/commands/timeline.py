"""`/incident timeline`: every event, and whether the chain verifies."""

from bot.slack.commands.verb import Typed, Verb
from bot.slack.services import Services
from bot.slack.views.card import Card
from bot.slack.views.timeline import timeline_card


async def _timeline(services: Services, typed: Typed) -> Card:
    return timeline_card(await services.board.timeline(typed.the_incident.id))


VERB = Verb(
    name="timeline",
    usage="",
    says="show what happened, and check that nobody changed the record",
    needs_incident=True,
    run=_timeline,
)
