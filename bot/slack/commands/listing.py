"""`/incident list`: the open incidents."""

from bot.slack.commands.verb import Typed, Verb
from bot.slack.services import Services
from bot.slack.views.card import Card
from bot.slack.views.listing import SHOWN, incident_list


async def _list(services: Services, _typed: Typed) -> Card:
    return incident_list(await services.incidents.listed(only_open=True, limit=SHOWN + 1))


VERB = Verb(
    name="list",
    usage="",
    says="show the open incidents",
    needs_incident=False,
    run=_list,
)
