"""Puts the web together: routes, the one error handler, and the boundary around them.

There is no documentation page: it would load scripts from elsewhere. `/openapi.json` describes the API to tools.
"""

from fastapi import FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from bot.web.acting import acting_router
from bot.web.alerts import MAX_BODY, AlertDoors
from bot.web.boundary import Boundary
from bot.web.doors import Doors
from bot.web.errors import answer_errors
from bot.web.health import health_router
from bot.web.incidents import incident_router
from bot.web.metrics import Metrics
from bot.web.parts import WebParts
from bot.web.slack import slack_route

__all__ = ["WebParts", "create_web"]


def create_web(parts: WebParts) -> FastAPI:
    """Return the web app; it keeps nothing of its own but its figures."""
    metrics = Metrics()
    app = FastAPI(title="Stanch", version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    answer_errors(app)
    app.add_middleware(Boundary, metrics=metrics)
    doors = AlertDoors(parts, metrics)
    app.router.routes.append(doors.route())
    app.include_router(doors.description())
    if parts.slack is not None:
        app.router.routes.append(slack_route(parts.slack))
    app.include_router(health_router(parts, metrics))
    to_the_api = Doors(parts)
    app.include_router(incident_router(parts, to_the_api))
    app.include_router(acting_router(parts, to_the_api))
    for connection, simulator in parts.simulators.items():
        app.mount(f"/simulated/{connection}", RequestBodyLimitMiddleware(simulator, max_body_size=MAX_BODY))
    return app
