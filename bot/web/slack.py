"""`POST /slack/events`: the one address for everything that Slack posts, where Stanch is run without Socket Mode.

The body stays raw up to the signature check: a parsed and rebuilt one has another signature.
"""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.web.alerts import NamedRoute
from bot.web.parts import SlackReceiver
from bot.web.traces import trusted

PATH = "/slack/events"
# A view has 250 kB at most (https://docs.slack.dev/reference/methods/views.open), which escaping may triple in a form.
MAX_BODY = 1_048_576


def slack_route(receive: SlackReceiver) -> Route:
    """Return the route; it is no FastAPI one because the body must stay raw."""

    async def answer(request: Request) -> Response:
        return await receive(request, trusted)

    limit = Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY)
    return NamedRoute(PATH, answer, methods=["POST"], middleware=[limit])
