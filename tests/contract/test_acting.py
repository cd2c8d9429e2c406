"""People who act through the JSON API: one effect each, the same policy as in Slack, and nothing in a dry run."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot.domain.actor import Via
from bot.domain.containment import ContainmentState
from bot.domain.values import JsonObject
from bot.services.containments import CARRY_OUT
from bot.services.watching import WATCH
from bot.store.sql import Store
from bot.store.tables import StoredRow
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.contract.acting import API, DECLARED, PROGRAM, ROLL_BACK, SWITCH_OFF, Desk, desk
from tests.responders import COMMANDER, LEADER, NEWCOMER, OWNER, RESPONDER, Responders


@pytest.fixture
async def at(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Desk]:
    team = Responders(store, clock, enqueued)
    await team.start()
    async with desk(team) as opened:
        yield opened
    await team.stop()


async def rows(store: Store) -> dict[str, int]:
    """Return how many rows each table has, but for the tokens with which people ask."""
    async with store.session() as session:
        return {
            table.name: (await session.execute(select(func.count()).select_from(table))).scalar_one()
            for table in StoredRow.metadata.sorted_tables
            if table.name != "stanch_token"
        }


async def test_an_incident_is_declared_contained_approved_by_another_and_undone(at: Desk) -> None:
    incident = await at.declared(NEWCOMER)
    assert (incident.severity.value, incident.system_id) == ("SEV2", "support-assistant")
    standing = await at.planned(RESPONDER)
    assert (standing["missing"], standing["settled"], standing["stored"]) == (["lead"], False, True)
    change = standing["containment"]["changes"][0]
    assert (change["before"] != change["after"], change["connection"]) == (True, "unleash")

    approved = (await at.decide(COMMANDER, "approve", standing)).json()
    assert (approved["missing"], approved["containment"]["state"]) == ([], "approved")
    await at.team.run_jobs(CARRY_OUT, WATCH)
    shown = (await at.get(RESPONDER, "/1/containments/1")).json()
    assert (shown["settled"], shown["containment"]["state"]) == (True, "verified")
    assert shown["containment"]["effect_verified_at"] is not None

    undo = (await at.post(RESPONDER, "/1/containments/1/undo", {"reason": "v43 is fixed"})).json()
    assert (undo["containment"]["number"], undo["containment"]["kind"]) == (2, "undo")
    assert undo["containment"]["changes"][0]["after"] == change["before"]
    assert (await at.decide(RESPONDER, "approve", undo)).status_code == 403
    assert (await at.decide(COMMANDER, "approve", undo)).status_code == 200
    await at.team.run_jobs(CARRY_OUT, WATCH)
    assert (await at.get(RESPONDER, "/1/containments/1")).json()["containment"]["state"] == "undone"


async def test_the_timeline_says_that_it_came_from_a_terminal_and_verifies(at: Desk) -> None:
    incident = await at.declared(COMMANDER)
    await at.decide(COMMANDER, "approve", await at.planned(RESPONDER))
    told = (await at.get(NEWCOMER, "/1")).json()["timeline"]
    assert told["verified"]
    assert [(event["actor"]["id"], event["actor"]["via"]) for event in told["events"]] == [
        (COMMANDER.id, "terminal"),
        (RESPONDER.id, "terminal"),
        (COMMANDER.id, "terminal"),
    ]
    containment = await at.team.containments.numbered(incident.id, 1)
    assert (containment.plan.requested_by.via, containment.approvals[0].actor.via) == (Via.TERMINAL, Via.TERMINAL)


@pytest.mark.parametrize("verb", ["approve", "decline"])
async def test_a_decision_in_a_dry_run_is_checked_and_not_made(at: Desk, verb: str) -> None:
    await at.declared(COMMANDER)
    standing = await at.planned(RESPONDER)
    before = await rows(at.team.store)
    tried = await at.decide(COMMANDER, verb, standing, dry_run=True)
    assert (tried.status_code, tried.json()["stored"]) == (200, False)
    assert tried.json()["containment"]["state"] == {"approve": "approved", "decline": "declined"}[verb]
    assert await rows(at.team.store) == before
    assert (await at.decide(NEWCOMER, verb, standing, dry_run=True)).status_code == 403
    assert (await at.get(RESPONDER, "/1/containments/1")).json()["containment"]["state"] == "proposed"
    assert (await at.decide(COMMANDER, verb, standing)).status_code == 200


async def test_break_glass_opens_late_here_too_wakes_the_approvers_once_and_is_tried_without_a_sound(at: Desk) -> None:
    incident = await at.declared(COMMANDER)
    standing = await at.planned(RESPONDER)
    reason = {"reason": "no lead answers, people are harmed"}
    early = await at.decide(RESPONDER, "break-glass", standing, **reason)
    assert (early.status_code, "Break-glass opens when" in early.json()["message"]) == (403, True)
    at.team.clock.advance(timedelta(minutes=6))
    tried = await at.decide(RESPONDER, "break-glass", standing, dry_run=True, **reason)
    assert tried.json()["containment"]["state"] == "approved"
    assert (await at.decide(NEWCOMER, "break-glass", standing, **reason)).status_code == 403
    assert await at.team.sent_pages() == {}
    path, body = "/1/containments/1/break-glass", {"fingerprint": standing["containment"]["fingerprint"]} | reason
    done = [await at.post(RESPONDER, path, body, key="break-glass") for _ in range(2)]
    assert [answer.json()["containment"]["state"] for answer in done] == ["approved", "approved"]
    assert len(await at.team.sent_pages()) == 1
    assert (await at.team.timeline(incident)).count("plan.break_glass") == 1


async def test_a_dry_run_reads_and_stores_nothing_and_writes_nothing(at: Desk) -> None:
    declared = await at.post(NEWCOMER, "", DECLARED | {"severity": None, "dry_run": True})
    assert (declared.status_code, declared.json()["incident"]) == (200, None)
    await at.declared(COMMANDER)
    before, unleash = await rows(at.team.store), await at.team.world.read("unleash")

    tried = await at.post(RESPONDER, "/1/plans", ROLL_BACK | {"dry_run": True})
    assert (tried.status_code, tried.json()["stored"], tried.json()["containment"]["number"]) == (200, False, 0)
    change = tried.json()["containment"]["changes"][0]
    assert change["before"] != change["after"]
    assert await rows(at.team.store) == before
    assert await at.team.world.read("unleash") == unleash
    assert (await at.planned(RESPONDER))["containment"]["changes"] == tried.json()["containment"]["changes"]


async def test_an_undo_in_a_dry_run_shows_what_it_would_restore_and_stores_nothing(at: Desk) -> None:
    await at.declared(COMMANDER)
    standing = await at.planned(RESPONDER, SWITCH_OFF)
    await at.decide(RESPONDER, "approve", standing)
    await at.team.run_jobs(CARRY_OUT, WATCH)
    before = await rows(at.team.store)
    tried = await at.post(RESPONDER, "/1/containments/1/undo", {"reason": "fixed", "dry_run": True})
    assert (tried.status_code, tried.json()["stored"]) == (200, False)
    changed, restored = standing["containment"]["changes"][0], tried.json()["containment"]["changes"][0]
    assert (restored["before"], restored["after"]) == (changed["after"], changed["before"])
    assert await rows(at.team.store) == before


async def test_a_request_that_is_sent_again_has_one_effect_and_the_same_answer(at: Desk) -> None:
    first, again = [await at.post(NEWCOMER, "", DECLARED, key="once-declare") for _ in range(2)]
    assert first.json()["incident"]["number"] == again.json()["incident"]["number"] == 1
    first, again = [await at.post(RESPONDER, "/1/plans", ROLL_BACK, key="once-plan") for _ in range(2)]
    assert first.json()["containment"]["fingerprint"] == again.json()["containment"]["fingerprint"]
    fingerprint = {"fingerprint": first.json()["containment"]["fingerprint"]}
    path = "/1/containments/1/approve"
    answers = [await at.post(COMMANDER, path, fingerprint, key="once-approve") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [each["kind"] for each in (await at.get(NEWCOMER, "/1")).json()["timeline"]["events"]] == [
        "incident.declared",
        "plan.made",
        "plan.approved",
    ]


async def test_requests_that_arrive_at_once_under_one_key_have_one_effect(at: Desk) -> None:
    await at.declared(COMMANDER)
    await at.token(RESPONDER)
    sent = [at.post(RESPONDER, "/1/plans", ROLL_BACK, key="at-once-plan") for _ in range(4)]
    numbers = {answer.json()["containment"]["number"] for answer in await asyncio.gather(*sent)}
    assert numbers == {1}


async def test_one_persons_key_and_another_bodys_are_requests_of_their_own(at: Desk) -> None:
    await at.declared(COMMANDER)
    answers = [
        await at.post(RESPONDER, "/1/plans", ROLL_BACK, key="shared-key"),
        await at.post(OWNER, "/1/plans", ROLL_BACK, key="shared-key"),
        await at.post(RESPONDER, "/1/plans", SWITCH_OFF, key="shared-key"),
    ]
    assert [answer.json()["containment"]["number"] for answer in answers] == [1, 2, 3]


async def test_a_request_that_was_refused_may_be_sent_again_under_its_key(at: Desk) -> None:
    await at.declared(COMMANDER)
    standing = await at.planned(RESPONDER)
    path, body = "/1/containments/1/approve", {"fingerprint": standing["containment"]["fingerprint"]}
    at.team.clock.advance(timedelta(minutes=16))
    refused = [await at.post(COMMANDER, path, body, key="refused-key") for _ in range(2)]
    assert [(answer.status_code, answer.json()["error"]) for answer in refused] == [(409, "not_now")] * 2
    assert "This plan expired" in refused[1].json()["message"]


class TestPolicy:
    async def test_whoever_asked_cannot_approve_at_the_terminal_what_they_planned_in_slack(self, at: Desk) -> None:
        incident = await at.declared(COMMANDER)
        planned = await at.team.planned(incident, by=COMMANDER)
        standing = (await at.get(COMMANDER, "/1/containments/1")).json()
        refused = await at.decide(COMMANDER, "approve", standing)
        assert (refused.status_code, refused.json()["error"]) == (403, "not_permitted")
        assert "so you cannot approve it" in refused.json()["message"]
        assert (await at.team.containments.get(planned.id)).state is ContainmentState.PROPOSED
        assert (await at.decide(LEADER, "approve", standing)).status_code == 200

    async def test_whoever_planned_at_the_terminal_cannot_approve_it_in_slack(self, at: Desk) -> None:
        incident = await at.declared(COMMANDER)
        await at.planned(COMMANDER)
        planned = await at.team.containments.numbered(incident.id, 1)
        with pytest.raises(Exception, match="so you cannot approve it"):
            await at.team.containments.approve(COMMANDER, planned.id, planned.plan.fingerprint)

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/1/plans", ROLL_BACK),
            ("/1/plans", ROLL_BACK | {"dry_run": True}),
            ("/1/containments/1/undo", {"reason": "because"}),
            ("/1/containments/1/approve", None),
            ("/1/containments/1/decline", None),
        ],
    )
    async def test_who_is_no_responder_may_do_nothing_to_a_plan(
        self, at: Desk, path: str, body: JsonObject | None
    ) -> None:
        await at.declared(COMMANDER)
        standing = await at.planned(RESPONDER)
        refused = await at.post(NEWCOMER, path, body or {"fingerprint": standing["containment"]["fingerprint"]})
        assert (refused.status_code, refused.json()["error"]) == (403, "not_permitted")

    async def test_an_owner_alone_is_not_enough_where_a_lead_must_approve(self, at: Desk) -> None:
        await at.declared(COMMANDER)
        refused = await at.decide(OWNER, "approve", await at.planned(RESPONDER))
        assert (refused.status_code, "you do not have that role" in refused.json()["message"]) == (403, True)

    async def test_the_decision_is_on_the_plan_that_was_looked_at(self, at: Desk) -> None:
        await at.declared(COMMANDER)
        await at.planned(RESPONDER)
        other = {"fingerprint": "0" * 64}
        refused = await at.post(COMMANDER, "/1/containments/1/approve", other)
        assert (refused.status_code, refused.json()["error"]) == (409, "not_now")

    async def test_a_raised_severity_voids_a_plan_here_too(self, at: Desk) -> None:
        incident = await at.declared(COMMANDER)
        standing = await at.planned(RESPONDER)
        await at.team.incidents.set_severity(RESPONDER, incident.id, incident.severity.parse("1"), "it spreads")
        refused = await at.decide(COMMANDER, "approve", standing)
        assert (refused.status_code, "Plan again" in refused.json()["message"]) == (409, True)

    async def test_a_level_without_approval_goes_ahead_on_the_word_of_who_planned_it(self, at: Desk) -> None:
        await at.declared(COMMANDER)
        standing = await at.planned(RESPONDER, SWITCH_OFF)
        assert (standing["needs_approval"], standing["missing"]) == (False, [])
        assert (await at.decide(RESPONDER, "approve", standing)).json()["containment"]["state"] == "approved"

    async def test_who_may_is_asked_of_the_groups_as_they_are_and_not_of_the_token(self, at: Desk) -> None:
        await at.declared(NEWCOMER)
        answer = await at.post(NEWCOMER, "/1/plans", ROLL_BACK)
        assert "needs the role a responder" in answer.json()["message"]


class TestDoor:
    @pytest.mark.parametrize("path", ["", "/1/plans", "/1/containments/1/approve", "/1/containments/1/decline"])
    async def test_a_program_may_not_act_and_a_stranger_is_not_even_read(self, at: Desk, path: str) -> None:
        await at.declared(COMMANDER)
        for token in (PROGRAM, "stanch_0123456789_wrong", ""):
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "request-key"}
            for content in (b'{"title": "x"}', b"no json", b"x" * 100_000):
                answer = await at.client.post(f"{API}{path}", content=content, headers=headers)
                assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
        assert (await rows(at.team.store))["stanch_incident"] == 1

    @pytest.mark.parametrize("ended", ["expired", "revoked"])
    async def test_a_token_that_ended_acts_no_more(self, at: Desk, ended: str) -> None:
        await at.declared(COMMANDER)
        standing = await at.planned(RESPONDER)
        await at.token(COMMANDER)
        if ended == "expired":
            at.team.clock.advance(timedelta(days=30))
        else:
            await at.tokens.revoke(COMMANDER)
        assert (await at.decide(COMMANDER, "approve", standing)).status_code == 401

    async def test_a_body_that_is_too_large_is_not_read_to_its_end(self, at: Desk) -> None:
        answer = await at.post(RESPONDER, "", DECLARED | {"title": "x" * 70_000})
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")

    @pytest.mark.parametrize(
        "body",
        [
            DECLARED | {"severity": "SEV9"},
            DECLARED | {"titel": "x"},
            DECLARED | {"dry_run": "yes"},
            DECLARED | {"title": 7},
            {"severity": "SEV2"},
            [],
        ],
    )
    async def test_what_is_not_as_described_is_refused(self, at: Desk, body: JsonObject) -> None:
        answer = await at.post(RESPONDER, "", body)
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid")

    @pytest.mark.parametrize("key", ["", "short", "with space here", "x" * 101])
    async def test_a_write_without_a_key_of_its_own_is_refused(self, at: Desk, key: str) -> None:
        headers = {"Authorization": f"Bearer {await at.token(RESPONDER)}"} | ({"Idempotency-Key": key} if key else {})
        answer = await at.client.post(API, json=DECLARED, headers=headers)
        assert (answer.status_code, "Idempotency-Key" in answer.json()["message"]) == (422, True)


async def test_runbooks_are_listed_with_their_inputs_and_read_for_what_these_may_be(at: Desk) -> None:
    await at.declared(COMMANDER)
    listed = (await at.get(NEWCOMER, "/1/runbooks")).json()["runbooks"]
    roll_back = next(each for each in listed if each["id"] == "roll-the-prompt-back")
    assert [(each["name"], each["options"]) for each in roll_back["inputs"]] == [("variation", None)]
    read = (await at.get(RESPONDER, "/1/runbooks/roll-the-prompt-back")).json()
    assert "v41" in read["inputs"][0]["options"]
    assert (await at.get(NEWCOMER, "/1/runbooks/roll-the-prompt-back")).status_code == 403
    assert (await at.get(RESPONDER, "/1/runbooks/unheard-of")).status_code == 404


async def test_a_vendor_that_fails_is_told_as_such(at: Desk) -> None:
    await at.declared(COMMANDER)

    def failing(document: JsonObject) -> JsonObject:
        return {**document, "faults": [{"answer": "401", "times": 1, "on": "all"}]}

    await at.team.world.change("unleash", failing)
    answer = await at.post(RESPONDER, "/1/plans", ROLL_BACK)
    assert (answer.status_code, answer.json()["error"]) == (502, "vendor_failed")
    assert "unleash" in answer.json()["message"]


async def test_what_is_not_there_is_named(at: Desk) -> None:
    assert "There is no INC-9" in (await at.post(RESPONDER, "/9/plans", ROLL_BACK)).json()["message"]
    unknown = await at.post(RESPONDER, "", DECLARED | {"system": "another"})
    assert (unknown.status_code, "support-assistant" in unknown.json()["message"]) == (404, True)
    await at.declared(COMMANDER)
    assert "has no C-4" in (await at.get(RESPONDER, "/1/containments/4")).json()["message"]
