"""`/incident mitigated <evidence>`: a person says that the harm stopped, where nothing measures it."""

from bot.slack.commands.verb import Typed, Verb, said
from bot.slack.services import Services
from bot.slack.views.card import Card


async def _mitigated(services: Services, typed: Typed) -> Card:
    incident = await services.incidents.attest_mitigated(typed.actor, typed.the_incident.id, typed.rest)
    return said(f"*{incident.label}* counts as mitigated on your word; reports show that apart from what was measured.")


VERB = Verb(
    name="mitigated",
    usage="<evidence>",
    says="attest that the harm stopped",
    needs_incident=True,
    run=_mitigated,
)
