"""What the Slack edge is given to work with."""

from dataclasses import dataclass

from bot.content import Catalog
from bot.domain.values import Now
from bot.services.board import Board
from bot.services.confirmations import Confirmations
from bot.services.containments import Containments
from bot.services.follow_ups import FollowUps
from bot.services.incidents import Incidents
from bot.services.people import People
from bot.services.planning import Planning
from bot.services.ports import UnitOfWork
from bot.services.remediations import Remediations
from bot.services.resumptions import Resumptions
from bot.services.reviews import Reviews
from bot.services.tokens import Tokens


@dataclass(frozen=True)
class Services:
    """The services, built by whoever composes the application."""

    uow: UnitOfWork
    incidents: Incidents
    board: Board
    planning: Planning
    containments: Containments
    resumptions: Resumptions
    confirmations: Confirmations
    follow_ups: FollowUps
    remediations: Remediations
    reviews: Reviews
    people: People
    tokens: Tokens
    catalog: Catalog
    now: Now
