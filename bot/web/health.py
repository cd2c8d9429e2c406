"""Whether the process lives, whether it can do its work, and its figures.

Alive and ready are two questions: without its database Stanch is not ready, and restarting it brings nothing back.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict

from bot.domain.incident import IncidentKind
from bot.domain.severity import Severity
from bot.errors import StoreUnavailable
from bot.services.incidents import Incidents
from bot.web.metrics import Metrics
from bot.web.parts import WebParts

# More open incidents than this are counted as this many: the figure is for noticing, and a scrape must stay cheap.
_MAX_COUNTED = 1_000


class Alive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether everything that Stanch depends on is there; each check is `ok`, or what is wrong."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"ready": True, "checks": {"database": "ok", "slack": "ok"}}]},
    )

    ready: bool
    checks: Mapping[str, str]


def health_router(parts: WebParts, metrics: Metrics) -> APIRouter:
    """Return the routes for probes and scrapers; they need no credential and tell nothing of any incident."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def alive() -> Alive:
        """Say that the process answers."""
        return Alive()

    @router.get("/readyz", responses={503: {"model": Readiness}})
    async def ready(response: Response) -> Readiness:
        """Say whether everything that is needed can be reached."""
        checks = await parts.ready()
        readiness = Readiness(ready=all(state == "ok" for state in checks.values()), checks=checks)
        response.status_code = 200 if readiness.ready else 503
        return readiness

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def figures() -> Response:
        """Tell the figures in Prometheus' text format."""
        content = metrics.exposition(await _open_severities(parts.incidents))
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


async def _open_severities(incidents: Incidents) -> Iterable[Severity] | None:
    try:
        found = await incidents.listed(only_open=True, limit=_MAX_COUNTED)
    except StoreUnavailable:
        return None
    return [incident.severity for incident in found if incident.kind is IncidentKind.LIVE]
