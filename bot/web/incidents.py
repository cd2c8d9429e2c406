"""`GET /api/v1/incidents`: incidents for other programs and the drafts of their reviews, read-only.

Incidents hold personal data, so every address here needs a credential, also for what looks harmless.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Security
from fastapi.security import HTTPBearer
from starlette.requests import Request
from starlette.responses import Response

from bot.web.answers import IncidentAnswer, IncidentPage
from bot.web.credentials import Credentials
from bot.web.errors import Problem
from bot.web.parts import WebParts
from bot.web.traces import trusted

# Above this a number fits no column that holds incident numbers.
_MAX_NUMBER = 2_147_483_647
_MAX_LIMIT = 200
_MARKDOWN = "text/markdown"

Number = Annotated[int, Path(ge=1, le=_MAX_NUMBER, description="7 for INC-7")]
OnlyOpen = Annotated[bool, Query(alias="open", description="Only those that still need people")]
Limit = Annotated[int, Query(ge=1, le=_MAX_LIMIT)]
Before = Annotated[int | None, Query(ge=1, le=_MAX_NUMBER, description="`next_before` of the page before")]


class _Bearer(HTTPBearer):
    """The API's credential, as FastAPI describes it in OpenAPI."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(scheme_name="bearer", description="One of the tokens that were set for the API")
        self._credentials = credentials

    async def __call__(self, request: Request) -> None:  # type: ignore[override] # nothing but the check is needed
        self._credentials.check(request)
        trusted(request)


def incident_router(parts: WebParts) -> APIRouter:
    """Return the routes of the JSON API."""
    router = APIRouter(
        prefix="/api/v1/incidents",
        tags=["incidents"],
        dependencies=[Security(_Bearer(Credentials(parts.api_tokens)))],
        responses={code: {"model": Problem} for code in (401, 422, 503)},
    )

    @router.get("")
    async def incidents(*, only_open: OnlyOpen = False, limit: Limit = 50, before: Before = None) -> IncidentPage:
        """List incidents, newest first."""
        found = await parts.board.listed(only_open=only_open, limit=limit + 1, before=before)
        return IncidentPage.of(found, limit, parts.now())

    @router.get("/{number}", responses={404: {"model": Problem}})
    async def incident(number: Number) -> IncidentAnswer:
        """Show one incident: clocks, containments, alerts, and its timeline with the verdict on the chain."""
        found = await parts.incidents.numbered(number)
        return IncidentAnswer.whole(await parts.board.incident(found.id), await parts.board.timeline(found.id))

    @router.get(
        "/{number}/review",
        response_class=Response,
        responses={404: {"model": Problem}, 200: {"content": {_MARKDOWN: {"schema": {"type": "string"}}}}},
    )
    async def review(number: Number) -> Response:
        """Draft the incident's review as a Markdown document, in which **Gap** marks what people must fill in."""
        found = await parts.incidents.numbered(number)
        draft = await parts.reviews.draft(found.id)
        return Response(draft.markdown, media_type=_MARKDOWN)

    return router
