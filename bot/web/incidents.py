"""`GET /api/v1/incidents`: incidents, their containments and runbooks, and the drafts of their reviews, read-only.

Incidents hold personal data, so every address here needs a credential, also for what looks harmless.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bot.web.acting_answers import RunbookAnswer, RunbookList, StandingAnswer
from bot.web.answers import IncidentAnswer, IncidentPage
from bot.web.doors import Doors
from bot.web.errors import Problem
from bot.web.parts import WebParts

# Above this a number fits no column that holds incident numbers.
MAX_NUMBER = 2_147_483_647
_MAX_LIMIT = 200
_MARKDOWN = "text/markdown"

Number = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="7 for INC-7")]
ContainmentNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="2 for C-2")]


class _Selection(BaseModel):
    """Which incidents to list; a parameter that does not exist is refused, so that a misspelt one is not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    only_open: bool = Field(default=False, alias="open", description="Only those that still need people")
    limit: int = Field(default=50, ge=1, le=_MAX_LIMIT)
    before: int | None = Field(default=None, ge=1, le=MAX_NUMBER, description="`next_before` of the page before")


class _Bearer(HTTPBearer):
    """The API's credential, as FastAPI describes it in OpenAPI."""

    def __init__(self, doors: Doors) -> None:
        super().__init__(scheme_name="bearer", description="A token that was set for the API, or a personal token")
        self._doors = doors

    async def __call__(self, request: Request) -> None:  # type: ignore[override] # nothing but the check is needed
        await self._doors.may_read(request)


def incident_router(parts: WebParts, doors: Doors) -> APIRouter:
    """Return the routes of the JSON API."""
    router = APIRouter(
        prefix="/api/v1/incidents",
        tags=["incidents"],
        dependencies=[Security(_Bearer(doors))],
        responses={code: {"model": Problem} for code in (401, 422, 429, 503)},
    )

    @router.get("")
    async def incidents(which: Annotated[_Selection, Query()]) -> IncidentPage:
        """List incidents, newest first."""
        found = await parts.board.listed(only_open=which.only_open, limit=which.limit + 1, before=which.before)
        return IncidentPage.of(found, which.limit, parts.now())

    @router.get("/{number}", responses={404: {"model": Problem}})
    async def incident(number: Number) -> IncidentAnswer:
        """Show one incident: clocks, containments, alerts, and its timeline with the verdict on the chain."""
        found = await parts.incidents.numbered(number)
        return IncidentAnswer.whole(await parts.board.incident(found.id), await parts.board.timeline(found.id))

    @router.get("/{number}/runbooks", responses={404: {"model": Problem}})
    async def runbooks(number: Number) -> RunbookList:
        """List the runbooks on offer, smallest ladder level first."""
        found = await parts.incidents.numbered(number)
        offered = (await parts.board.incident(found.id)).runbooks
        return RunbookList(runbooks=[RunbookAnswer.of(runbook) for runbook in offered])

    @router.get("/{number}/containments/{containment}", responses={404: {"model": Problem}})
    async def containment(number: Number, containment: ContainmentNumber) -> StandingAnswer:
        """Show one plan or containment with all that a decision rests on."""
        found = await parts.incidents.numbered(number)
        return StandingAnswer.of(await parts.board.view_of(await parts.containments.numbered(found.id, containment)))

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
