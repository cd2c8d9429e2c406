"""PagerDuty's Events API v2 as far as paging needs it; the document's `pages` hold what was triggered, by key."""

from typing import Annotated, Literal

from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.sdk import JsonObject, Simulator, Value

# https://developer.pagerduty.com/docs/send-alert-event
_ROUTING_KEY = 32


class _Payload(Value):
    summary: Annotated[str, Field(min_length=1, max_length=1_024)]
    source: Annotated[str, Field(min_length=1)]
    severity: Literal["critical", "warning", "error", "info"]
    custom_details: JsonObject = Field(default_factory=dict)


class _Event(Value):
    routing_key: Annotated[str, Field(min_length=_ROUTING_KEY, max_length=_ROUTING_KEY)]
    event_action: Literal["trigger"]
    dedup_key: Annotated[str, Field(min_length=1, max_length=255)]
    payload: _Payload
    links: list[JsonObject] = Field(default_factory=list)


def simulator(declared: Simulator) -> Starlette:
    """Return the simulated Events API as an ASGI app."""

    async def enqueue(request: Request) -> JSONResponse:
        try:
            event = _Event.model_validate_json(await request.body())
        except ValidationError as error:
            problems = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
            return JSONResponse(answer, status_code=400)

        def paged(document: JsonObject) -> JsonObject:
            pages = document.get("pages", {})
            times = pages.get(event.dedup_key, {}).get("times", 0) + 1
            page = {**event.payload.model_dump(), "links": event.links, "times": times}
            return {**document, "pages": {**pages, event.dedup_key: page}}

        await declared.world.change(declared.connection, paged)
        processed = {"status": "success", "message": "Event processed", "dedup_key": event.dedup_key}
        return JSONResponse(processed, status_code=202)

    return Starlette(routes=[Route("/v2/enqueue", enqueue, methods=["POST"])])
