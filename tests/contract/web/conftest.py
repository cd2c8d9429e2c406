"""The web on real services and a real store, asked through its ASGI interface."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr

from bot.app import ROOT
from bot.content import Catalog
from bot.documents import MarkdownDocuments
from bot.domain.incident import IncidentKind
from bot.domain.playbook import Playbook
from bot.domain.policy import Policy
from bot.domain.runbook import Level
from bot.errors import NotFound
from bot.services.board import Board
from bot.services.containments import Containments
from bot.services.follow_ups import FollowUps
from bot.services.incidents import Incidents
from bot.services.intake import Intake
from bot.services.people import People
from bot.services.planning import Planning
from bot.services.plans import Plans
from bot.services.ports import IncidentConnections, UnitOfWork
from bot.services.reviews import Reviews
from bot.services.tokens import Tokens
from bot.store.sql import Store
from bot.web.app import WebParts, create_web
from integrations.alertmanager.alerts import parse
from tests.builders import Clock, deadlines, retention, rubric, system

ALERT_TOKEN = "alert-token-in-force"
NEXT_ALERT_TOKEN = "alert-token-that-replaces-it"
API_TOKEN = "api-token-in-force"
TIMELINE_KEY = b"a key that is not in the database"

MAY_WAIT = 10

Client = httpx.AsyncClient

PLAYBOOK = Playbook.model_validate(
    {
        "id": "harmful-content",
        "version": 1,
        "title": "Harmful content",
        "summary": "The system gives harmful answers.",
        "signals": [
            {
                "id": "rate",
                "when": {"label_is": {"name": "alertname", "any_of": ["HarmfulAnswers"]}},
                "because": "the alert's rule watches the rate of harmful answers",
            }
        ],
        "severity": {"base": "SEV2"},
        "auto_declare": {"at_least": "SEV2"},
    }
)
POLICY = Policy.model_validate(
    {
        "version": 1,
        "groups": {"responders": "responders", "leads": "leads"},
        "plan_expires_after": "15m",
        "break_glass": {"after": "5m"},
        "levels": {level: {"approval": "lead", "longest": "1d"} for level in Level},
    }
)


class EmptyDirectory:
    """A Slack workspace without user groups."""

    async def members(self, handle: str) -> frozenset[str]:  # noqa: ARG002 - the port's shape
        return frozenset()


class NoConnections:
    """An installation without any connection: nothing can be read, and nothing acted on."""

    def for_incident(self, kind: IncidentKind) -> IncidentConnections:
        raise NotFound(f"There is no connection for a {kind.value} incident.")


def parts_on(uow: UnitOfWork, clock: Clock) -> WebParts:
    """Return what the web needs, on a store."""
    catalog = Catalog(
        playbooks={PLAYBOOK.id: PLAYBOOK},
        runbooks={},
        systems={system().id: system()},
        policy=POLICY,
        retention=retention(),
        rubric=rubric(),
        deadlines=deadlines(),
    )
    people = People(EmptyDirectory(), lambda: catalog.policy)
    incidents = Incidents(uow, catalog, people, clock)
    plans, pool = Plans(uow, catalog, people), NoConnections()

    async def ready() -> Mapping[str, str]:
        return {"database": "ok"}

    return WebParts(
        intake=Intake(uow, catalog, incidents, clock, max_waiting=MAY_WAIT),
        board=Board(uow, catalog, incidents, clock, TIMELINE_KEY),
        incidents=incidents,
        reviews=Reviews(uow, catalog, MarkdownDocuments(ROOT / "postmortems"), clock, TIMELINE_KEY),
        planning=Planning(uow, catalog, pool, plans, clock),
        containments=Containments(uow, catalog, people, clock),
        follow_ups=FollowUps(uow, catalog, pool, plans, clock),
        tokens=Tokens(uow, people, timedelta(days=30), clock),
        parsers={"alertmanager": parse, "unset": parse},
        alert_tokens={"alertmanager": (SecretStr(ALERT_TOKEN), SecretStr(NEXT_ALERT_TOKEN)), "unset": ()},
        api_tokens=(SecretStr(API_TOKEN),),
        ready=ready,
        now=clock,
    )


def client_of(parts: WebParts) -> Client:
    """Return a client of the web that these parts make."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=create_web(parts)), base_url="http://stanch.test")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite only: the web reaches the database through services, and the store has tests on both."""
    return sqlite_url


@pytest.fixture
def parts(store: Store, clock: Clock) -> WebParts:
    return parts_on(store, clock)


@pytest.fixture
async def client(parts: WebParts) -> AsyncIterator[Client]:
    async with client_of(parts) as opened:
        yield opened


@pytest.fixture
async def client_without_database(clock: Clock) -> AsyncIterator[Client]:
    """A client of a web whose PostgreSQL refuses connections."""
    unreachable = Store("postgresql://stanch@127.0.0.1:1/stanch", now=clock, enqueue=_never)

    async def ready() -> Mapping[str, str]:
        return {"database": "The database cannot be reached.", "slack": "ok"}

    async with client_of(replace(parts_on(unreachable, clock), ready=ready)) as opened:
        yield opened
    await unreachable.close()


async def _never(*_: object) -> None:
    raise AssertionError("nothing is enqueued without a database")
