"""`/incident review`: the draft of the post-incident review, as far as the record goes."""

from bot.slack.commands.verb import Typed, Verb
from bot.slack.services import Services
from bot.slack.views.card import Card
from bot.slack.views.review import review_card


async def _review(services: Services, typed: Typed) -> Card:
    return review_card(await services.reviews.draft(typed.the_incident.id))


VERB = Verb(
    name="review",
    usage="",
    says="draft the post-incident review, with the gaps that people must fill",
    needs_incident=True,
    run=_review,
)
