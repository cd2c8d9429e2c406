"""People act through the JSON API: the same services as behind Slack's buttons, for when Slack is down.

Every write names its request (`Idempotency-Key`). A repeat of it, by the same person with the same words, finds what
the first one did and does nothing more, so whoever saw no answer may ask again.
"""

import logging
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from bot.domain.actor import Actor
from bot.domain.containment import Containment
from bot.domain.values import digest
from bot.services.containments import Asked
from bot.services.plans import only_shown
from bot.web.acting_answers import DeclaredAnswer, RunbookAnswer, StandingAnswer
from bot.web.answers import IncidentSummary
from bot.web.bodies import BreakGlassBody, DecisionBody, DeclareBody, PlanBody, UndoBody
from bot.web.doors import Doors
from bot.web.errors import Problem
from bot.web.incidents import ContainmentNumber, Number
from bot.web.parts import WebParts

logger = logging.getLogger(__name__)

MAX_BODY = 65_536

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9._-]{8,100}$",
        description="Names this request: a repeat with the same key and body has no second effect",
    ),
]


class _Personal(HTTPBearer):
    """A person's credential, as FastAPI describes it in OpenAPI; `_guarded` has checked it before any body was read."""

    def __init__(self) -> None:
        super().__init__(scheme_name="personal", description="A personal token, issued by `/incident token` in Slack")

    async def __call__(self, request: Request) -> Actor:  # type: ignore[override] # it tells who asks
        actor: Actor = request.state.actor
        return actor


Person = Annotated[Actor, Security(_Personal())]


def acting_router(parts: WebParts, doors: Doors) -> APIRouter:
    """Return the routes by which people act."""
    acting = _Acting(parts)
    router = APIRouter(
        prefix="/api/v1/incidents",
        tags=["acting"],
        route_class=_guarded(doors),
        responses={code: {"model": Problem} for code in (400, 401, 403, 409, 413, 422, 429, 502, 503)},
    )
    missing: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}
    declared, planned = (_dry_run(model) | missing for model in (DeclaredAnswer, StandingAnswer))
    router.post("", status_code=201, responses=declared)(acting.declare)
    router.get("/{number}/runbooks/{runbook}", responses=missing)(acting.form)
    router.post("/{number}/plans", status_code=201, responses=planned)(acting.plan)
    router.post("/{number}/containments/{containment}/undo", status_code=201, responses=planned)(acting.undo)
    router.post("/{number}/containments/{containment}/approve", responses=missing)(acting.approve)
    router.post("/{number}/containments/{containment}/break-glass", responses=missing)(acting.break_glass)
    router.post("/{number}/containments/{containment}/decline", responses=missing)(acting.decline)
    return router


def _dry_run(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return how a dry run is answered, of what is answered with 201 otherwise."""
    return {200: {"model": model, "description": "A dry run: nothing was stored"}}


class _Acting:
    """What people may ask for; each calls one service with who asks."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts

    async def declare(self, body: DeclareBody, key: Key, actor: Person, response: Response) -> DeclaredAnswer:
        """Open an incident."""
        incidents = self._parts.incidents
        if body.dry_run:
            response.status_code = 200
            return DeclaredAnswer.of(incidents.classify_title(body.title, body.severity, body.system), None)
        incident = await incidents.declare(
            actor,
            body.title,
            severity=body.severity,
            system_id=body.system,
            request=_identity(actor, key, "declare", body),
        )
        return DeclaredAnswer.of(incident.classification, IncidentSummary.of(incident, self._parts.now()))

    async def form(self, number: Number, runbook: Annotated[str, Path(max_length=100)], actor: Person) -> RunbookAnswer:
        """Show a runbook, with what its inputs may be, read now."""
        incident = await self._parts.incidents.numbered(number)
        return RunbookAnswer.read(await self._parts.planning.form(actor, incident.id, runbook))

    async def plan(self, number: Number, body: PlanBody, key: Key, actor: Person, response: Response) -> StandingAnswer:
        """Plan a runbook: read every target, and keep what would change for a decision."""
        incident, planning = await self._parts.incidents.numbered(number), self._parts.planning
        if body.dry_run:
            response.status_code = 200
            return await self._standing(only_shown(await planning.read(actor, incident.id, body.request)), body)
        request = _identity(actor, key, f"plan {number}", body)
        return await self._standing(await planning.plan(actor, incident.id, body.request, request=request), body)

    async def undo(
        self,
        number: Number,
        containment: ContainmentNumber,
        body: UndoBody,
        key: Key,
        actor: Person,
        response: Response,
    ) -> StandingAnswer:
        """Plan to restore what was read before a containment."""
        found, follow_ups = await self._found(number, containment), self._parts.follow_ups
        if body.dry_run:
            response.status_code = 200
            return await self._standing(only_shown(await follow_ups.read_undo(actor, found.id, body.reason)), body)
        request = _identity(actor, key, f"undo {number} {containment}", body)
        return await self._standing(await follow_ups.plan_undo(actor, found.id, body.reason, request=request), body)

    async def approve(
        self, number: Number, containment: ContainmentNumber, body: DecisionBody, key: Key, actor: Person
    ) -> StandingAnswer:
        """Approve a plan, or give the go-ahead where nobody's approval is needed."""
        found = await self._found(number, containment)
        asked = Asked(_identity(actor, key, f"approve {number} {containment}", body), body.dry_run)
        decided = await self._parts.containments.approve(actor, found.id, body.fingerprint, asked)
        return await self._standing(decided, body)

    async def break_glass(
        self, number: Number, containment: ContainmentNumber, body: BreakGlassBody, key: Key, actor: Person
    ) -> StandingAnswer:
        """Go ahead without the approval that is needed; it wakes the approvers and stays on record."""
        found = await self._found(number, containment)
        asked = Asked(_identity(actor, key, f"break-glass {number} {containment}", body), body.dry_run)
        decided = await self._parts.containments.break_glass(actor, found.id, body.fingerprint, body.reason, asked)
        return await self._standing(decided, body)

    async def decline(
        self, number: Number, containment: ContainmentNumber, body: DecisionBody, key: Key, actor: Person
    ) -> StandingAnswer:
        """Turn a plan down."""
        found = await self._found(number, containment)
        asked = Asked(_identity(actor, key, f"decline {number} {containment}", body), body.dry_run)
        decided = await self._parts.containments.decline(actor, found.id, body.fingerprint, asked)
        return await self._standing(decided, body)

    async def _found(self, number: int, containment: int) -> Containment:
        incident = await self._parts.incidents.numbered(number)
        return await self._parts.containments.numbered(incident.id, containment)

    async def _standing(self, containment: Containment, body: PlanBody | UndoBody | DecisionBody) -> StandingAnswer:
        return StandingAnswer.of(await self._parts.board.view_of(containment), stored=not body.dry_run)


def _identity(actor: Actor, key: str, what: str, body: BaseModel) -> str:
    """Return what a repeat of a request shares with it, and no other request does: not another person's, nor words."""
    return digest(["terminal", actor.id, key, what, body.model_dump(mode="json")])


def _guarded(doors: Doors) -> type[APIRoute]:
    """Return routes that know who asks before they read a body, and read no more of it than they must."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            serve = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                request.state.actor = await doors.person(request)
                return await serve(Request(request.scope, _limited(request.receive)))

            return guarded

    return Guarded


def _limited(receive: Receive) -> Receive:
    size = 0

    async def received() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise HTTPException(413, f"A body may have {MAX_BODY:,} bytes at most.")
        return message

    return received
