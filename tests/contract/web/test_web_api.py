"""The JSON API: complete, consistent, and closed without a credential."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.actor import STANCH
from bot.domain.containment import StepState
from bot.domain.milestones import Basis, Milestone, Milestones
from bot.domain.values import IncidentId
from bot.store.sql import Store
from bot.web.answers import IncidentAnswer, IncidentPage
from bot.web.app import WebParts
from bot.web.bodies import BreakGlassBody, DecisionBody, DeclareBody, PlanBody, UndoBody
from bot.web.examples import BREAK_GLASS, DECISION, DECLARE, INCIDENT, PAGE, PLAN, UNDO
from tests.builders import (
    COMMANDER,
    NOW,
    approval,
    change,
    containment,
    fact,
    group,
    incident,
    observed,
    plan,
)
from tests.contract.web.conftest import ALERT_TOKEN, API_TOKEN, Client, client_of

API = "/api/v1/incidents"
AUTHORIZED = {"Authorization": f"Bearer {API_TOKEN}"}


async def add_incidents(store: Store, count: int) -> None:
    """Store INC-1, INC-2 ...; every second one is resolved."""
    async with store.begin() as tx:
        for number in range(1, count + 1):
            stone = observed(NOW)
            resolved = {"mitigated": stone, "resolved": stone} if number % 2 == 0 else {}
            await tx.incidents.add(
                incident(
                    id=IncidentId(f"incident-{number}"),
                    number=await tx.incidents.next_number(),
                    milestones=Milestones(detected=stone, declared=stone, **resolved),
                )
            )


async def add_story(store: Store) -> None:
    """Store one incident that is being contained."""
    planned = plan(changes=(change(),))
    carried_out = (
        containment(plan=planned, approvals=(approval(fingerprint=planned.fingerprint),))
        .with_progress(0, state=StepState.ATTEMPTED, attempts=1, attempted_at=NOW)
        .changed(problem="")
    )
    async with store.begin() as tx:
        await tx.incidents.add(
            incident(
                number=await tx.incidents.next_number(),
                commander=COMMANDER,
                milestones=Milestones(
                    started=Milestone(at=NOW - timedelta(minutes=9), basis=Basis.OBSERVED, note="first crossing"),
                    detected=observed(NOW - timedelta(minutes=4)),
                    declared=observed(NOW),
                ),
            )
        )
        await tx.alerts.put_groups(group(incident_id=incident().id))
        await tx.containments.add(carried_out)
        await tx.timeline.append(incident().id, fact(), fact(actor=STANCH, text="Carrying out C-1"))


class TestCredential:
    @pytest.mark.parametrize("path", [API, f"{API}/1", f"{API}/99", f"{API}/nonsense", f"{API}?limit=0"])
    @pytest.mark.parametrize("token", ["", ALERT_TOKEN, "wrong-token"])
    async def test_without_the_api_token_nothing_is_told(self, client: Client, path: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")

    async def test_without_any_token_set_the_api_is_closed(self, parts: WebParts) -> None:
        async with client_of(replace(parts, api_tokens=())) as client:
            for header in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
                assert (await client.get(API, headers=header)).status_code == 401


class TestList:
    async def test_there_is_nothing_at_first(self, client: Client) -> None:
        answer = await client.get(API, headers=AUTHORIZED)
        assert (answer.status_code, answer.json()) == (200, {"incidents": [], "next_before": None})

    async def test_pages_run_from_the_newest_to_the_oldest_without_gaps(self, client: Client, store: Store) -> None:
        await add_incidents(store, 5)
        pages: list[list[int]] = []
        params: dict[str, Any] | None = {"limit": 2}
        while params:
            page = (await client.get(API, headers=AUTHORIZED, params=params)).json()
            pages.append([each["number"] for each in page["incidents"]])
            params = {"limit": 2, "before": page["next_before"]} if page["next_before"] else None
        assert pages == [[5, 4], [3, 2], [1]]

    async def test_only_open_ones_are_listed_on_request(self, client: Client, store: Store) -> None:
        await add_incidents(store, 5)
        page = (await client.get(API, headers=AUTHORIZED, params={"open": "true"})).json()
        assert [each["number"] for each in page["incidents"]] == [5, 3, 1]

    @pytest.mark.parametrize(
        ("params", "place"),
        [
            ({"limit": "0"}, "query.limit"),
            ({"limit": "201"}, "query.limit"),
            ({"limit": "many"}, "query.limit"),
            ({"before": "0"}, "query.before"),
            ({"before": "99999999999999999999"}, "query.before"),
            ({"open": "perhaps"}, "query.open"),
            ({"limt": "5"}, "query.limt"),
            ({"only_open": "true"}, "query.only_open"),
            ({"": "null"}, "query."),
        ],
    )
    async def test_what_cannot_be_asked_is_refused_with_its_place(
        self, client: Client, params: dict[str, str], place: str
    ) -> None:
        answer = await client.get(API, headers=AUTHORIZED, params=params)
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
        assert answer.json()["message"].startswith(place)


class TestOneIncident:
    async def test_its_clocks_are_seconds_and_unknown_ones_are_null(self, client: Client, store: Store) -> None:
        await add_story(store)
        told = (await client.get(f"{API}/1", headers=AUTHORIZED)).json()
        assert (told["ttd"]["state"], told["ttd"]["seconds"]) == ("stopped", 300.0)
        assert (told["ttm"]["state"], told["ttm"]["seconds"]) == ("running", 240.0)
        assert told["milestones"]["started"]["at"] == "2026-03-02T08:51:00Z"
        assert told["milestones"]["mitigated"] is None

    async def test_an_unknown_start_makes_ttd_null_and_not_zero(self, client: Client, store: Store) -> None:
        await add_incidents(store, 1)
        told = (await client.get(f"{API}/1", headers=AUTHORIZED)).json()
        assert (told["ttd"]["state"], told["ttd"]["seconds"]) == ("unknown", None)

    async def test_its_containments_show_what_changes_and_who_decided(self, client: Client, store: Store) -> None:
        await add_story(store)
        told = (await client.get(f"{API}/1", headers=AUTHORIZED)).json()
        (shown,) = told["containments"]
        assert (shown["number"], shown["state"], shown["in_force"]) == (1, "proposed", True)
        assert [(each["by"], each["roles"]) for each in shown["decisions"]] == [("U0COMMANDER", ["lead"])]
        assert [(each["before"], each["after"], each["state"]) for each in shown["changes"]] == [
            ({"enabled": True}, {"enabled": False}, "attempted")
        ]

    async def test_its_alert_groups_are_listed(self, client: Client, store: Store) -> None:
        await add_story(store)
        told = (await client.get(f"{API}/1", headers=AUTHORIZED)).json()
        assert [(each["title"], each["firing"]) for each in told["alert_groups"]] == [("HarmfulAnswers", 1)]

    async def test_its_timeline_verifies_and_links(self, client: Client, store: Store) -> None:
        await add_story(store)
        told = (await client.get(f"{API}/1", headers=AUTHORIZED)).json()["timeline"]
        assert (told["verified"], told["problems"], len(told["head_signature"])) == (True, [], 16)
        assert [event["seq"] for event in told["events"]] == [1, 2]
        assert told["events"][1]["previous"] == told["events"][0]["hash"]
        assert told["events"][1]["content"]["text"] == "Carrying out C-1"

    async def test_an_unknown_number_is_not_found(self, client: Client) -> None:
        answer = await client.get(f"{API}/99", headers=AUTHORIZED)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
        assert "INC-99" in answer.json()["message"]

    @pytest.mark.parametrize("number", ["0", "-1", "INC-1", "1e3", "99999999999999999999"])
    async def test_what_is_no_number_is_refused(self, client: Client, number: str) -> None:
        answer = await client.get(f"{API}/{number}", headers=AUTHORIZED)
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid")

    async def test_without_the_database_the_client_is_asked_to_come_back(self, client_without_database: Client) -> None:
        answer = await client_without_database.get(f"{API}/1", headers=AUTHORIZED)
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    async def test_an_incident_itself_is_only_read(self, client: Client, method: str) -> None:
        answer = await client.request(method, f"{API}/1", headers=AUTHORIZED)
        assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")

    async def test_a_method_that_an_address_does_not_take_is_answered_with_all_that_it_takes(
        self, client: Client
    ) -> None:
        answer = await client.delete(API, headers=AUTHORIZED)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")


class TestDescription:
    async def test_openapi_is_public_and_says_where_a_credential_is_needed(self, client: Client) -> None:
        described = (await client.get("/openapi.json")).json()
        schemes = {"api": "bearer", "alerts": "alert"}
        for path, methods in described["paths"].items():
            for name, method in methods.items():
                acts = path.startswith(API) and (name == "post" or path.endswith("/runbooks/{runbook}"))
                scheme = "personal" if acts else schemes.get(path.split("/")[1])
                assert method.get("security") == ([{scheme: []}] if scheme else None), (name, path)

    async def test_every_refusal_of_the_api_is_described_in_the_one_shape(self, client: Client) -> None:
        described = (await client.get("/openapi.json")).json()
        for status in ("401", "404", "422", "503"):
            refused = described["paths"]["/api/v1/incidents/{number}"]["get"]["responses"][status]
            assert refused["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Problem"}

    def test_the_examples_are_what_the_models_say(self) -> None:
        assert IncidentPage.model_validate(PAGE).model_dump(mode="json") == PAGE
        assert IncidentAnswer.model_validate(INCIDENT).model_dump(mode="json") == INCIDENT
        decisions = ((DecisionBody, DECISION), (BreakGlassBody, BREAK_GLASS))
        for body, example in ((DeclareBody, DECLARE), (PlanBody, PLAN), *decisions, (UndoBody, UNDO)):
            assert body.model_validate(example).model_dump(mode="json", exclude_unset=True) == example

    @pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/docs", "/"])
    async def test_there_are_no_pages(self, client: Client, path: str) -> None:
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
