"""The way to Slack: each delivery is rendered from what is stored now and brought up to date.

A newcomer would render when something is asked for: what is asked for is a state, and by the time Slack takes it the
incident may have moved on.
"""

import logging
from typing import assert_never

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.delivery import Delivery, DeliveryKind
from bot.domain.policy import Policy
from bot.domain.values import AlertGroupId, ContainmentId, IncidentId, Now
from bot.errors import IntegrationError, NotFound
from bot.services.board import Board
from bot.services.incidents import REVIEW_READY
from bot.services.lanes import TRIAGE
from bot.services.people import People
from bot.services.ports import Posted, UnitOfWork
from bot.services.reviews import Reviews
from bot.slack.calls import calling
from bot.slack.channels import Channels
from bot.slack.posts import Posts
from bot.slack.registered import WRITTEN
from bot.slack.views.alert_card import alert_card
from bot.slack.views.containment_card import containment_card
from bot.slack.views.incident_card import incident_card
from bot.slack.views.note import NOTES
from bot.slack.views.review import review_ready_note

logger = logging.getLogger(__name__)


class SlackChat:
    """Implements the port `Messages`."""

    def __init__(  # noqa: PLR0913 - what every card may need
        self,
        client: AsyncWebClient,
        board: Board,
        uow: UnitOfWork,
        people: People,
        reviews: Reviews,
        *,
        triage_channel: str,
        now: Now,
        policy: Policy,
        command: str = WRITTEN,
    ) -> None:
        """Take the client, what to render from, the store, the roles, the triage channel and the slash command."""
        self._reviews = reviews
        self._people = people
        self._client = client
        self._board = board
        self._uow = uow
        self._policy = policy
        self._channels = Channels(client, triage_channel)
        self._posts = Posts(client, now, command)

    async def deliver(self, delivery: Delivery) -> Posted:
        """Bring one thing up to date in Slack.

        Raises:
            RateLimited: Slack asked to wait.
            Unavailable: Slack did not answer; the effect is unknown.
            Rejected: Slack refused for good.
            NotFound: What it is about does not exist.
        """
        match delivery.kind:
            case DeliveryKind.ALERT_CARD:
                view = await self._board.alert_group(AlertGroupId(delivery.subject))
                return await self._posts.bring(delivery, await self._channels.triage(), alert_card(view))
            case DeliveryKind.INCIDENT_CHANNEL:
                return Posted(channel=await self._channel(IncidentId(delivery.subject), again=True))
            case DeliveryKind.INCIDENT_CARD:
                return await self._incident_card(delivery)
            case DeliveryKind.CONTAINMENT_CARD:
                return await self._containment_card(delivery)
            case DeliveryKind.NOTE:
                return await self._note(delivery)
            case DeliveryKind.PAGE:
                raise NotFound("Slack wakes nobody; pages go to the pager.")
        assert_never(delivery.kind)

    async def _channel(self, incident_id: IncidentId, *, again: bool = False) -> str:
        """Return an incident's channel; made if it is not there, and with `again` seen to even if it is."""
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(incident_id)
        if incident.channel is not None and not again:
            return incident.channel
        channel = await self._channels.ensure(incident, await self._members(incident_id))
        if incident.channel is None:
            async with self._uow.begin() as tx:
                await tx.incidents.set_channel(incident_id, channel)
                for group in await tx.alerts.groups_of(incident_id):
                    await tx.deliveries.want(DeliveryKind.ALERT_CARD, TRIAGE, group.id)
        return channel

    async def _members(self, incident_id: IncidentId) -> frozenset[str]:
        """Return whom to invite; nobody when Slack refuses to tell, which must not keep the channel from being made."""
        system = (await self._board.incident(incident_id)).system
        try:
            return await self._people.to_invite(system)
        except IntegrationError as error:
            if error.retryable:
                raise
            logger.warning("slack.nobody_invited incident=%s: %s", incident_id, error)
            return frozenset()

    async def _incident_card(self, delivery: Delivery) -> Posted:
        incident_id = IncidentId(delivery.subject)
        channel = await self._channel(incident_id)
        view = await self._board.incident(incident_id)
        posted = await self._posts.bring(delivery, channel, incident_card(view, self._policy))
        if posted.ts is not None and posted.ts != delivery.ts:
            await self._channels.pin(channel, posted.ts)
        await self._channels.refresh(view.incident, channel)
        return posted

    async def _containment_card(self, delivery: Delivery) -> Posted:
        view = await self._board.containment(ContainmentId(delivery.subject))
        channel = await self._channel(view.incident.id)
        return await self._posts.bring(delivery, channel, containment_card(view))

    async def _note(self, delivery: Delivery) -> Posted:
        what = delivery.payload.get("what")
        if (note := NOTES.get(str(what))) is not None:
            view = await self._board.containment(ContainmentId(str(delivery.payload["containment"])))
            card = note(view, await self._card_link(view.containment.id))
            return await self._posts.bring(delivery, await self._channel(view.incident.id), card, quietly=False)
        if what == REVIEW_READY:
            return await self._review_ready(delivery)
        raise NotFound(f"There is no note about {what!r}.")

    async def _review_ready(self, delivery: Delivery) -> Posted:
        incident_id = IncidentId(str(delivery.payload["incident"]))
        note = review_ready_note(await self._reviews.draft(incident_id))
        return await self._posts.bring(delivery, await self._channel(incident_id), note)

    async def _card_link(self, containment_id: ContainmentId) -> str | None:
        async with self._uow.begin() as tx:
            card = await tx.deliveries.sent(DeliveryKind.CONTAINMENT_CARD, containment_id)
        if card is None or card.channel is None or card.ts is None:
            return None
        with calling("chat.getPermalink"):
            answer = await self._client.chat_getPermalink(channel=card.channel, message_ts=card.ts)
        return str(answer["permalink"])
