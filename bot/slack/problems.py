"""The one error handler of the Slack edge: what went wrong, said to the person who asked, and to nobody else.

What Stanch raises on purpose is a sentence for people. Anything else is a bug: the person gets a reference, the log the
traceback.
"""

import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from uuid import uuid4

from slack_bolt import BoltResponse
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot import tracing
from bot.domain.values import JsonObject
from bot.errors import IntegrationError, StanchError
from bot.slack.calls import calling
from bot.slack.registered import as_registered
from bot.slack.text import escape
from bot.slack.views.modals import message_view, shown_again

logger = logging.getLogger(__name__)

# Where a listener leaves the id of the modal that it has opened or taken over.
OPEN_VIEW = "stanch_view_id"
_MAX_TEXT = 2_500


class Problems:
    """Answers requests that failed."""

    def __init__(self, client: AsyncWebClient, command: str) -> None:
        """Take the client that updates modals, and the slash command as it is registered."""
        self._client = client
        self._command = command

    @asynccontextmanager
    async def told(self, body: JsonObject, context: AsyncBoltContext) -> AsyncIterator[None]:
        """Tell the person what goes wrong from here on; for what a listener does after it has acknowledged.

        Bolt takes an acknowledgement back when the listener raises before Bolt has looked for it, which is up to 10 ms
        later: Slack would then say that nothing answered.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the one error handler of the Slack edge
            await self.handle(error, body, context)

    async def handle(self, error: Exception, body: JsonObject, context: AsyncBoltContext) -> BoltResponse | None:
        """Tell the person what happened, by the way that their request left open.

        Returns:
            The acknowledgement, or `None` where the request was acknowledged before.
        """
        tracing.mark(error)
        said = str(as_registered(said_of(error), self._command))
        if body.get("command"):
            return BoltResponse(status=200, body={"response_type": "ephemeral", "text": said})
        view_id = context.get(OPEN_VIEW)
        if view_id is not None:
            shown = self._client.views_update(view_id=str(view_id), view=said_view(body, said))
            await _tell(error, "views.update", shown)
        elif body.get("type") == "view_submission":
            answer = {"response_action": "update", "view": said_view(body, said)}
            return BoltResponse(status=200, body=answer)
        elif context.respond is not None and body.get("response_url"):
            told = context.respond(said, response_type="ephemeral", replace_original=False)
            await _tell(error, "response_url", told)
        acknowledged = context.ack.response is not None
        return None if acknowledged else BoltResponse(status=200)


async def _tell(error: Exception, method: str, telling: Awaitable[object]) -> None:
    """Wait until somebody was told; an error that nobody could be told of is at least in the log."""
    try:
        with calling(method):
            await telling
    except IntegrationError as lost:
        logger.warning("slack.answer_lost %s: %s", lost, error)


def said_of(error: Exception) -> str:
    """Return what a person is told of an error, escaped; a bug is logged under a reference."""
    if isinstance(error, StanchError):
        return escape(str(error), _MAX_TEXT)
    reference = uuid4().hex[:8]
    logger.error("slack.unexpected reference=%s", reference, exc_info=error)
    return (
        f"Unexpected error, reference {reference}. Try again; if it stays, give this reference to whoever runs Stanch."
    )


def said_view(body: JsonObject, said: str) -> JsonObject:
    """Return the submitted form again with what went wrong, or a modal that only says it."""
    if body.get("type") == "view_submission":
        return shown_again(body["view"], said)
    return message_view("Not done", f":x: {said}").to_dict()
