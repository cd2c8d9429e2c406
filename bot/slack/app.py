"""Builds the Bolt application: every listener by name, each request taken once, one error handler.

A listener writes durably before it acknowledges, so that what Slack saw acknowledged cannot get lost. Only what must
read a vendor is acknowledged first, under a modal that says that Stanch is working.
"""

import asyncio
import logging
import re
from contextlib import nullcontext
from secrets import token_hex

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot import tracing
from bot.domain.actor import person
from bot.domain.values import JsonObject
from bot.errors import BadCommand
from bot.logs import about
from bot.slack.buttons import BUTTONS, Press
from bot.slack.calls import calling
from bot.slack.commands import VERBS
from bot.slack.commands.answer import answer
from bot.slack.modals import FORMS, SUBMISSIONS, Form
from bot.slack.problems import OPEN_VIEW, Problems
from bot.slack.registered import WRITTEN, as_registered
from bot.slack.requests import Requests
from bot.slack.services import Services
from bot.slack.views.modals import message_view
from bot.tracing import Kind

__all__ = ["Services", "build_app"]

logger = logging.getLogger(__name__)

_ANYTHING = re.compile(r".*", re.DOTALL)
# Slack waits three seconds for an answer (https://docs.slack.dev/interactivity/handling-user-interaction).
_PATIENCE_SECONDS = 2.0
_TWICE = "This was received once already and is not done twice. If you do not see its effect, ask again."


def build_app(client: AsyncWebClient, services: Services, *, command: str = WRITTEN) -> AsyncApp:
    """Return the application with all listeners; nothing is called while it is built.

    Args:
        client: Web API client with the bot token.
        services: What listeners call.
        command: The slash command that the Slack app registers.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    # Bolt insists on a client without a token of its own where there is an `authorize`.
    tokenless = AsyncWebClient(base_url=client.base_url, timeout=client.timeout, proxy=client.proxy)
    app = _App(
        client=tokenless,
        authorize=authorize,
        request_verification_enabled=False,  # a socket is authenticated by its token, `http_mode` checks signatures
    )
    problems = Problems(client, command)
    app.error(problems.handle)
    _Listeners(app, client, services, problems, command)
    return app


class _App(AsyncApp):
    """Has what is logged and traced for one request name it and where it came from, never who sent it.

    No middleware can: Bolt runs a listener after all of them have returned.
    """

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Answer one request, which came from Slack by whichever way."""
        asked = _asked(req.body)
        span = tracing.span(f"slack {asked}", kind=Kind.SERVER) if asked else nullcontext()
        with about(request=token_hex(4), channel=req.context.channel_id or "none"), span:
            return await super().async_dispatch(req)


def _asked(body: JsonObject) -> str:
    """Return what a person asked for, empty for an event; never words that they typed, nor names that are not ours."""
    if "command" in body:
        verb = str(body.get("text", "")).strip().partition(" ")[0].lower()
        return f"command {verb}" if verb in {each.name for each in VERBS} else "command"
    match body:
        case {"type": "block_actions", "actions": [{"action_id": str(button)}, *_]}:
            return f"button {button}" if button in BUTTONS or button in FORMS else "button"
        case {"type": "view_submission", "view": {"callback_id": str(form)}}:
            return f"form {form}" if form in SUBMISSIONS else "form"
        case _:
            return ""


class _Listeners:
    """Registers itself, once for each kind of request: what it is about is found by name.

    When a listener takes longer than three seconds, Bolt asks the next one that matches: a second one for the same
    request would tell the person something else while the first is still at work.
    """

    def __init__(
        self, app: AsyncApp, client: AsyncWebClient, services: Services, problems: Problems, command: str
    ) -> None:
        self._client = client
        self._problems = problems
        self._services = services
        self._command = command
        self._requests = Requests(services.uow, services.now)
        app.command(_ANYTHING)(self._typed)
        app.action(_ANYTHING)(self._pressed)
        app.view_submission(_ANYTHING)(self._submitted)
        app.view_closed(_ANYTHING)(self._closed)
        app.shortcut(_ANYTHING)(self._unoffered)
        app.event(_ANYTHING)(self._ignored)

    async def _typed(self, ack: AsyncAck, body: JsonObject) -> None:
        if body["command"] != self._command:
            logger.warning("slack.unknown_command command=%r: see STANCH_SLACK_COMMAND", body["command"])
            raise BadCommand("Stanch answers to `/incident` here and to no other command. Ask whoever runs it.")
        if not await self._requests.is_new("command", body["trigger_id"]):
            await ack(_TWICE)
            return
        card = await answer(self._services, self._command, body["user_id"], body["channel_id"], body["text"])
        said = as_registered({"text": card.text, "blocks": [block.to_dict() for block in card.blocks]}, self._command)
        await ack(**said, response_type="ephemeral")

    async def _pressed(self, ack: AsyncAck, body: JsonObject, action: JsonObject, context: AsyncBoltContext) -> None:
        name = action["action_id"]
        if button := BUTTONS.get(name):
            if await self._requests.is_new("press", body["trigger_id"]):
                await button(self._services, _press(body))
            await ack()
        elif form := FORMS.get(name):
            await self._open(ack, body, context, form)
        else:
            logger.info("slack.unknown_action action_id=%r", name)
            raise BadCommand("Nothing answers to this button any more. Run `/incident status` for where things stand.")

    async def _open(self, ack: AsyncAck, body: JsonObject, context: AsyncBoltContext, form: Form) -> None:
        """Open a modal at once and fill it in when what it asks for was read."""
        await ack()
        async with self._problems.told(body, context):
            if not await self._requests.is_new("press", body["trigger_id"]):
                return
            waiting = message_view("One moment", "Reading the current state…")
            with calling("views.open"):
                opened = await self._client.views_open(trigger_id=body["trigger_id"], view=waiting)
            context[OPEN_VIEW] = opened["view"]["id"]
            await self._show(opened["view"]["id"], await form(self._services, _press(body)))

    async def _submitted(self, ack: AsyncAck, body: JsonObject, view: JsonObject, context: AsyncBoltContext) -> None:
        """Close the form when it was carried out, and say that it works if that takes long."""
        submission = SUBMISSIONS.get(view["callback_id"])
        if submission is None:
            logger.info("slack.unknown_form callback_id=%r", view["callback_id"])
            raise BadCommand("Nothing answers to this form any more. Close it and use the newest card.")
        if not await self._requests.is_new("submission", f"{view['id']}:{view['hash']}"):
            await ack(response_action="update", view=message_view("Received already", _TWICE))
            return
        work = asyncio.ensure_future(submission(self._services, person(body["user"]["id"]), view))
        done, _ = await asyncio.wait([work], timeout=_PATIENCE_SECONDS)
        if done:
            await work
            await ack()
            return
        context[OPEN_VIEW] = view["id"]
        await ack(response_action="update", view=message_view("Working", "Reading every target…"))
        async with self._problems.told(body, context):
            containment = await work
            said = f"*C-{containment.number}* is planned; its card is in the incident's channel."
            await self._show(view["id"], message_view("Done", said))

    async def _closed(self, ack: AsyncAck) -> None:
        await ack()

    async def _unoffered(self, ack: AsyncAck, body: JsonObject, context: AsyncBoltContext) -> None:
        await ack()
        logger.warning("slack.unknown_shortcut callback_id=%r", body["callback_id"])
        said = message_view("Not done", "Stanch offers no shortcut. `/incident help` says what it does.")
        async with self._problems.told(body, context):
            view = as_registered(said.to_dict(), self._command)
            with calling("views.open"):
                await self._client.views_open(trigger_id=body["trigger_id"], view=view)

    async def _ignored(self, event: JsonObject) -> None:
        logger.debug("slack.event_ignored type=%r", event["type"])

    async def _show(self, view_id: str, view: View) -> None:
        with calling("views.update"):
            await self._client.views_update(view_id=view_id, view=as_registered(view.to_dict(), self._command))


def _press(body: JsonObject) -> Press:
    action = body["actions"][0]
    return Press(actor=person(body["user"]["id"]), value=action.get("value"), trigger_id=body["trigger_id"])
