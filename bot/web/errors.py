"""The one error handler of the web: what went wrong as JSON of one shape, `{"error": code, "message": sentence}`.

What was not raised on purpose is told as a reference only; its traceback is in the log under that. Answers are
pure ASCII, so that no text from a stranger can break them.
"""

import json
import logging
import math
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from secrets import token_hex

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from bot.errors import (
    ApprovalMissing,
    Busy,
    Conflict,
    IntegrationError,
    InvalidTransition,
    NotFound,
    NotPermitted,
    PlanDrifted,
    PlanExpired,
    StanchError,
    StoreUnavailable,
    UserError,
)

logger = logging.getLogger(__name__)

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_RETRY_AFTER = timedelta(seconds=5)
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "not_permitted",
    404: "not_found",
    405: "method_not_allowed",
    409: "not_now",
    413: "too_large",
    415: "unsupported_encoding",
    429: "too_many_requests",
}
_OF_PEOPLE: Mapping[type[UserError], int] = {
    NotFound: 404,
    NotPermitted: 403,
    ApprovalMissing: 409,
    InvalidTransition: 409,
    PlanDrifted: 409,
    PlanExpired: 409,
}
_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take this method; the header `Allow` says which it takes.",
}


class Problem(BaseModel):
    """Why a request was not served."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"error": "not_found", "message": "There is no INC-7."}]},
    )

    error: str
    message: str


def answer_errors(app: FastAPI) -> None:
    """Have the app answer errors in the one shape; what reaches `Boundary` beyond that is a bug."""
    for kind in (HTTPException, RequestValidationError, StanchError):
        app.add_exception_handler(kind, _handle)


async def _handle(request: Request, error: Exception) -> Response:
    answered = answer(error)
    if answered.status_code == 405:
        answered.headers["Allow"] = ", ".join(_methods_at(request))
    return answered


def _methods_at(request: Request) -> list[str]:
    """Return what an address takes: several routes may share one, and the framework names the first one's methods."""

    def is_taken(method: str) -> bool:
        asked = {**request.scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)

    return [method for method in _METHODS if is_taken(method)]


def answer(error: Exception) -> Response:
    """Return what the outside is told of an error."""
    match error:
        case HTTPException():
            return _of_http(error)
        case RequestValidationError():
            return problem(422, "invalid", _first_violation(error))
        case Busy() | StoreUnavailable() | Conflict():
            return _come_back(error)
        case UserError():
            status = next((status for kind, status in _OF_PEOPLE.items() if isinstance(error, kind)), 400)
            return problem(status, _CODES[status], str(error))
        case IntegrationError():
            return problem(502, "vendor_failed", str(error))
        case _:
            return _unexpected(error)


def problem(
    status: int, error: str, message: str, *, headers: Mapping[str, str] | None = None, **more: str
) -> Response:
    """Return an error answer."""
    body = json.dumps({"error": error, "message": message, **more})
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _of_http(error: HTTPException) -> Response:
    status = error.status_code
    phrase = HTTPStatus(status).phrase
    message = _SENTENCES.get(status, f"{phrase}.") if error.detail == phrase else str(error.detail)
    return problem(status, _CODES.get(status, "refused"), message, headers=error.headers)


def _come_back(error: Busy | StoreUnavailable | Conflict) -> Response:
    after = error.retry_after if isinstance(error, Busy) else _RETRY_AFTER
    seconds = max(1, math.ceil(after.total_seconds()))
    code = "unavailable" if isinstance(error, StoreUnavailable) else "busy"
    return problem(503, code, str(error), headers={"Retry-After": str(seconds)})


def _first_violation(error: RequestValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}."


def _unexpected(error: Exception) -> Response:
    reference = token_hex(4)
    logger.error("unexpected error, reference %s", reference, exc_info=error)
    message = f"Something went wrong here; its log has it under the reference {reference}."
    return problem(500, "unexpected", message, reference=reference)
