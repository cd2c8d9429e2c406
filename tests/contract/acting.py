"""The JSON API on real services, a real store and simulated vendors, asked by people with tokens of their own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
from pydantic import SecretStr

from bot.app import ROOT
from bot.documents import MarkdownDocuments
from bot.domain.actor import Actor
from bot.domain.incident import Incident
from bot.domain.values import JsonObject
from bot.services.board import Board
from bot.services.reviews import Reviews
from bot.services.tokens import Tokens
from bot.web.app import WebParts, create_web
from tests.responders import Responders

KEY = b"made-up-timeline-key"
API = "/api/v1/incidents"
PROGRAM = "api-token-in-force"
ROLL_BACK: JsonObject = {
    "runbook": "roll-the-prompt-back",
    "inputs": {"variation": "v41"},
    "reason": "harmful advice since v42",
}
SWITCH_OFF: JsonObject = {"runbook": "turn-the-feature-off", "reason": "harmful advice, cause unknown"}
DECLARED: JsonObject = {"title": "Harmful advice about medicines", "severity": "SEV2", "system": "support-assistant"}


@dataclass
class Desk:
    """A terminal for everybody."""

    team: Responders
    tokens: Tokens
    client: httpx.AsyncClient
    _spelled: dict[str, str]
    _keys: "count[int]"

    async def token(self, who: Actor) -> str:
        """Return a person's token, issued when it is first asked for."""
        if who.id not in self._spelled:
            self._spelled[who.id] = (await self.tokens.issue(who))[1]
        return self._spelled[who.id]

    async def post(self, who: Actor, path: str, body: JsonObject, *, key: str | None = None) -> httpx.Response:
        """Ask for a write; each is a request of its own unless it is given another's key."""
        headers = {
            "Authorization": f"Bearer {await self.token(who)}",
            "Idempotency-Key": key or f"request-{next(self._keys)}",
        }
        return await self.client.post(f"{API}{path}", json=body, headers=headers)

    async def get(self, who: Actor, path: str = "") -> httpx.Response:
        """Read."""
        return await self.client.get(f"{API}{path}", headers={"Authorization": f"Bearer {await self.token(who)}"})

    async def declared(self, who: Actor, **changed: Any) -> Incident:
        """Declare an incident; return it as it is stored."""
        answer = await self.post(who, "", DECLARED | changed)
        assert answer.status_code == 201, answer.text
        return await self.team.incidents.numbered(answer.json()["incident"]["number"])

    async def planned(self, who: Actor, body: JsonObject = ROLL_BACK, number: int = 1) -> JsonObject:
        """Plan a runbook; return what stands."""
        answer = await self.post(who, f"/{number}/plans", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def decide(self, who: Actor, verb: str, standing: JsonObject, **more: Any) -> httpx.Response:
        """Approve or decline what stands."""
        containment = standing["containment"]
        path = f"/{standing['incident'].removeprefix('INC-')}/containments/{containment['number']}/{verb}"
        return await self.post(who, path, {"fingerprint": containment["fingerprint"], **more})


@asynccontextmanager
async def desk(team: Responders) -> AsyncIterator[Desk]:
    """Return a desk before a team's services."""
    tokens = Tokens(team.store, team.people, timedelta(days=30), team.clock)
    board = Board(team.store, team.catalog, team.incidents, team.clock, KEY)

    async def ready() -> Mapping[str, str]:
        return {"database": "ok"}

    parts = WebParts(
        intake=team.intake,
        board=board,
        incidents=team.incidents,
        reviews=Reviews(team.store, team.catalog, MarkdownDocuments(ROOT / "postmortems"), team.clock, KEY),
        tokens=tokens,
        planning=team.planning,
        containments=team.containments,
        follow_ups=team.follow_ups,
        parsers={},
        alert_tokens={},
        api_tokens=(SecretStr(PROGRAM),),
        ready=ready,
        now=team.clock,
    )
    transport = httpx.ASGITransport(app=create_web(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://stanch.test") as client:
        yield Desk(team, tokens, client, {}, count())
