"""A sweep removes what is beyond its time, on both databases, and nothing else: whatever happens meanwhile."""

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.documents import MarkdownDocuments
from bot.domain.alert import AlertStatus
from bot.domain.clocks import time_to_mitigate
from bot.domain.containment import ContainmentState, Progress, StepState
from bot.domain.delivery import DeliveryKind
from bot.domain.incident import Incident
from bot.domain.milestones import Milestones
from bot.domain.retention import DataClass, RetentionPolicy
from bot.domain.severity import Severity
from bot.domain.timeline import chain_problems
from bot.domain.values import AlertGroupId, ContainmentId, IncidentId
from bot.errors import StoreUnavailable
from bot.services.incidents import LOOK_BACK
from bot.services.lanes import incident_lane
from bot.services.ports import Transaction
from bot.services.retention import Retention, due
from bot.services.reviews import Reviews
from bot.store.directory import DirectorySnapshots
from bot.store.mapping import table_of
from bot.store.sql import Store
from bot.store.tables import AlertRow, DeliveryRow, DirectoryRow, ReceiptRow, StoredRow, TokenRow
from tests import builders
from tests.builders import NOW, Clock, observed
from tests.conftest import Enqueued
from tests.responders import COMMANDER, Responders

DAY = timedelta(days=1)
SOMEBODY = "Jane Doe of 12 Elm Street"
ROOT = Path(__file__).resolve().parents[2]


class NoJobs:
    """Stands in for the durable engine, which has a test of its own."""

    async def forget(self, _before: datetime, *, most: int) -> int:
        return 0 * most


def swept_by(store: Store, policy: RetentionPolicy, clock: Clock) -> Retention:
    return Retention(store, policy, NoJobs(), clock)


async def count(store: Store, row: type[AlertRow | DeliveryRow | DirectoryRow | ReceiptRow | TokenRow]) -> int:
    async with store.session() as session:
        return (await session.execute(select(func.count()).select_from(table_of(row)))).scalar_one()


def numbered(number: int, *, resolved: datetime | None) -> Incident:
    stones = Milestones(declared=observed(NOW - DAY), resolved=observed(resolved) if resolved else None)
    return builders.incident(
        id=IncidentId(f"incident-{number}"), number=number, title=f"About {SOMEBODY}", milestones=stones
    )


async def add(tx: Transaction, incident: Incident, *, events: int = 2) -> None:
    await tx.incidents.add(incident)
    said = builders.fact(text=f"{SOMEBODY} called", payload={"who": SOMEBODY})
    kept = builders.fact(kind="plan.approved", text="Approved C-1")
    await tx.timeline.append(incident.id, *[said] * events, kept)


@pytest.fixture
async def filled(store: Store) -> Store:
    """A store with an open incident, 1, and a resolved one, 2; everything in it was last touched at `NOW`."""
    async with store.begin() as tx:
        for number, resolved in ((1, None), (2, NOW)):
            incident = numbered(number, resolved=resolved)
            await add(tx, incident)
            group = builders.group(id=f"group-{number}", key=str(number), incident_id=incident.id, title=SOMEBODY)
            await tx.alerts.put_groups(group)
            await builders.keep(tx, builders.alert(fingerprint=str(number), title=SOMEBODY), group.id)
            kept = builders.evidence(id=f"evidence-{number}", incident_id=incident.id)
            await tx.evidence.add(kept, builders.CONTENT)
            await tx.deliveries.want(DeliveryKind.NOTE, incident_lane(incident.id), f"note-{number}")
            await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, incident_lane(incident.id), incident.id)
        await tx.alerts.put_groups(builders.group(id="group-3", key="3", title=SOMEBODY))
        await builders.keep(tx, builders.alert(fingerprint="3", title=SOMEBODY), AlertGroupId("group-3"))
        await tx.deliveries.want(DeliveryKind.ALERT_CARD, "triage", "group-3")
        await tx.receipts.first_time("request", NOW)
        await tx.tokens.add(builders.token(expires_at=NOW))
    await DirectorySnapshots(store).save("leads", frozenset({"U1"}), NOW)
    await sent(store, "triage", incident_lane(IncidentId("incident-1")), incident_lane(IncidentId("incident-2")))
    return store


async def sent(store: Store, *lanes: str) -> None:
    for lane in lanes:
        async with store.begin() as tx:
            while (delivery := await tx.deliveries.waiting(lane)) is not None:
                await tx.deliveries.record_sent(delivery, channel="C1", ts="1.1")


async def test_nothing_goes_before_its_time(filled: Store, clock: Clock) -> None:
    policy = builders.retention(**{what.value: DAY for what in DataClass})
    await swept_by(filled, policy, clock).sweep("now")
    assert set((await due(filled, policy, NOW)).values()) == {0}
    assert [await count(filled, row) for row in (AlertRow, DeliveryRow, DirectoryRow, ReceiptRow)] == [3, 5, 1, 1]
    async with filled.begin() as tx:
        assert (await tx.incidents.get(IncidentId("incident-2"))).redacted_at is None


async def test_what_would_go_is_counted_and_left(filled: Store, clock: Clock) -> None:
    policy = builders.retention(**{what.value: DAY for what in DataClass})
    expected = {what: 1 for what in DataClass if what is not DataClass.JOBS}
    assert await due(filled, policy, NOW + 2 * DAY) == expected
    assert await due(filled, policy, NOW + 2 * DAY) == expected


@pytest.mark.parametrize("row", [ReceiptRow, DirectoryRow, TokenRow])
async def test_requests_group_members_and_ended_tokens_go_when_their_time_has_come(
    filled: Store, clock: Clock, row: type[ReceiptRow | DirectoryRow | TokenRow]
) -> None:
    policy = builders.retention(requests=7 * DAY, group_members=7 * DAY, tokens=7 * DAY)
    clock.advance(7 * DAY)
    await swept_by(filled, policy, clock).sweep("in time")
    assert await count(filled, row) == 1
    clock.advance(timedelta(seconds=1))
    await swept_by(filled, policy, clock).sweep("too old")
    assert await count(filled, row) == 0


async def test_of_messages_only_notes_of_resolved_incidents_go(filled: Store, clock: Clock) -> None:
    clock.advance(31 * DAY)
    await swept_by(filled, builders.retention(notes=30 * DAY), clock).sweep("now")
    async with filled.begin() as tx:
        assert await tx.deliveries.sent(DeliveryKind.NOTE, "note-2") is None
        assert await tx.deliveries.sent(DeliveryKind.NOTE, "note-1") is not None
        for number in (1, 2):
            assert await tx.deliveries.sent(DeliveryKind.INCIDENT_CARD, f"incident-{number}") is not None


async def test_a_note_that_is_still_owed_stays(filled: Store, clock: Clock) -> None:
    clock.advance(31 * DAY)
    async with filled.begin() as tx:
        await tx.deliveries.want(DeliveryKind.NOTE, incident_lane(IncidentId("incident-2")), "note-2")
    await swept_by(filled, builders.retention(notes=30 * DAY), clock).sweep("now")
    async with filled.begin() as tx:
        assert await tx.deliveries.waiting(incident_lane(IncidentId("incident-2"))) is not None


async def test_alerts_that_became_no_incident_go_with_their_group_and_its_card(filled: Store, clock: Clock) -> None:
    clock.advance(91 * DAY)
    await swept_by(filled, builders.retention(alerts_without_incident=90 * DAY), clock).sweep("now")
    async with filled.begin() as tx:
        assert await tx.alerts.group_by_key("3") is None
        assert await tx.deliveries.sent(DeliveryKind.ALERT_CARD, "group-3") is None
        assert (await tx.alerts.group(AlertGroupId("group-2"))).title == SOMEBODY
    assert await count(filled, AlertRow) == 2


async def test_an_alert_that_is_still_heard_of_stays_however_old_its_group_is(filled: Store, clock: Clock) -> None:
    clock.advance(91 * DAY)
    async with filled.begin() as tx:
        for number in (2, 3):
            again = builders.alert(fingerprint=str(number), title=SOMEBODY, received_at=clock() - DAY)
            await builders.keep(tx, again, AlertGroupId(f"group-{number}"))
    policy = builders.retention(alerts_without_incident=90 * DAY, alerts_of_incidents=90 * DAY)
    await swept_by(filled, policy, clock).sweep("now")
    assert await count(filled, AlertRow) == 3
    async with filled.begin() as tx:
        assert (await tx.alerts.group(AlertGroupId("group-2"))).redacted_at is None


async def test_alerts_of_a_resolved_incident_lose_what_their_sender_wrote(filled: Store, clock: Clock) -> None:
    clock.advance(201 * DAY)
    await swept_by(filled, builders.retention(alerts_of_incidents=200 * DAY), clock).sweep("now")
    assert await count(filled, AlertRow) == 2
    async with filled.begin() as tx:
        (emptied,) = await tx.alerts.groups_of(IncidentId("incident-2"))
        (untouched,) = await tx.alerts.groups_of(IncidentId("incident-1"))
    assert (emptied.title, emptied.received, emptied.redacted_at) == ("(redacted)", 1, clock())
    assert untouched.title == SOMEBODY


async def test_the_words_of_an_old_incident_go_and_its_chain_still_verifies(filled: Store, clock: Clock) -> None:
    clock.advance(731 * DAY)
    await swept_by(filled, builders.retention(personal_data=730 * DAY), clock).sweep("now")
    async with filled.begin() as tx:
        incident = await tx.incidents.get(IncidentId("incident-2"))
        events = await tx.timeline.events(incident.id)
    assert (incident.title, incident.redacted_at) == ("(redacted)", clock())
    assert chain_problems(events) == []
    assert [event.text for event in events] == [
        "(redacted: note.added)",
        "(redacted: note.added)",
        "Approved C-1",
        "Erased the words of 2 event(s): retention policy version 1",
    ]
    assert events[-1].payload == {"events": [1, 2], "policy_version": 1}


async def test_an_open_incident_and_one_on_hold_keep_every_word(filled: Store, clock: Clock) -> None:
    async with filled.begin() as tx:
        await add(tx, numbered(3, resolved=NOW))
    clock.advance(10_000 * DAY)
    policy = builders.retention(hold=(3,), **{what.value: DAY for what in DataClass})
    await swept_by(filled, policy, clock).sweep("now")
    async with filled.begin() as tx:
        for number, title in ((1, f"About {SOMEBODY}"), (2, "(redacted)"), (3, f"About {SOMEBODY}")):
            assert (await tx.incidents.get(IncidentId(f"incident-{number}"))).title == title
        for number in (1, 3):
            events = await tx.timeline.events(IncidentId(f"incident-{number}"))
            assert [event.text for event in events] == [f"{SOMEBODY} called"] * 2 + ["Approved C-1"]


async def test_an_incident_whose_containment_is_under_way_is_left_alone(filled: Store, clock: Clock) -> None:
    under_way = builders.containment(
        plan=builders.plan(incident_id=IncidentId("incident-2")), state=ContainmentState.WATCHING
    )
    async with filled.begin() as tx:
        await tx.containments.add(under_way)
    clock.advance(731 * DAY)
    await swept_by(filled, builders.retention(personal_data=730 * DAY), clock).sweep("now")
    async with filled.begin() as tx:
        assert (await tx.incidents.get(IncidentId("incident-2"))).redacted_at is None


async def test_a_containment_keeps_its_plan_and_approvals(filled: Store, clock: Clock) -> None:
    plan = builders.plan(incident_id=IncidentId("incident-2"))
    ended = builders.containment(
        plan=plan,
        state=ContainmentState.FAILED,
        approvals=(builders.approval(fingerprint=plan.fingerprint),),
        progress=(Progress(state=StepState.SKIPPED, skipped_because=SOMEBODY),),
        problem=SOMEBODY,
    )
    async with filled.begin() as tx:
        await tx.containments.add(ended)
    clock.advance(731 * DAY)
    await swept_by(filled, builders.retention(personal_data=730 * DAY), clock).sweep("now")
    async with filled.begin() as tx:
        kept = await tx.containments.get(ContainmentId("containment-1"))
    assert (kept.plan, kept.approvals) == (ended.plan, ended.approvals)
    assert SOMEBODY not in kept.model_dump_json()


async def test_words_that_are_written_after_a_redaction_go_in_their_own_time(filled: Store, clock: Clock) -> None:
    retention = swept_by(filled, builders.retention(personal_data=730 * DAY), clock)
    clock.advance(731 * DAY)
    await retention.sweep("the first")
    async with filled.begin() as tx:
        later = builders.fact(text=f"{SOMEBODY} undid it", at=clock.advance(DAY))
        await tx.timeline.append(IncidentId("incident-2"), later)
    clock.advance(729 * DAY)
    await retention.sweep("not yet")
    async with filled.begin() as tx:
        assert (await tx.timeline.events(IncidentId("incident-2"), newest=1))[0].text == f"{SOMEBODY} undid it"
    clock.advance(2 * DAY)
    await retention.sweep("now")
    await retention.sweep("and nothing is left to do")
    async with filled.begin() as tx:
        events = await tx.timeline.events(IncidentId("incident-2"))
    assert chain_problems(events) == []
    assert [event.seq for event in events if event.content is None] == [1, 2, 5]
    assert [event.kind for event in events].count("timeline.redacted") == 2


async def test_a_sender_who_reports_what_was_removed_starts_a_new_group(filled: Store, clock: Clock) -> None:
    clock.advance(91 * DAY)
    await swept_by(filled, builders.retention(alerts_without_incident=90 * DAY), clock).sweep("now")
    repeated = builders.alert(fingerprint="3", status=AlertStatus.FIRING, received_at=clock())
    async with filled.begin() as tx:
        assert await builders.group_of_episode(tx, repeated) is None
        await tx.alerts.put_groups(builders.group(id="group-4", key="3", first_at=clock()))
        assert await builders.keep(tx, repeated, AlertGroupId("group-4"))


class Dying:
    """A store whose process dies before its nth commit."""

    def __init__(self, store: Store, commits: int) -> None:
        self._store = store
        self._left = commits

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        async with self._store.begin() as tx:
            yield tx
            if not self._left:
                raise StoreUnavailable("killed")
            self._left -= 1


@pytest.mark.parametrize("commits", range(0, 21, 5))
async def test_a_sweep_that_dies_anywhere_is_finished_by_the_next(filled: Store, clock: Clock, commits: int) -> None:
    policy = builders.retention(**{what.value: DAY for what in DataClass})
    clock.advance(2 * DAY)
    dying = Retention(Dying(filled, commits), policy, NoJobs(), clock)
    try:
        await dying.sweep("killed")
    except StoreUnavailable:
        assert commits < 20
    async with filled.begin() as tx:
        assert chain_problems(await tx.timeline.events(IncidentId("incident-2"))) == []
    await swept_by(filled, policy, clock).sweep("again")
    assert set((await due(filled, policy, clock())).values()) == {0}
    async with filled.begin() as tx:
        events = await tx.timeline.events(IncidentId("incident-2"))
    assert chain_problems(events) == []
    assert [event.kind for event in events].count("timeline.redacted") == 1


async def test_a_sweep_that_is_killed_leaves_every_chain_valid_and_is_finished_by_the_next(
    database_url: str, store: Store, clock: Clock
) -> None:
    incidents = 60
    async with store.begin() as tx:
        for number in range(1, incidents + 1):
            await add(tx, numbered(number, resolved=NOW), events=40)
    await store.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contract.sweeping", database_url, cwd=ROOT, stdout=PIPE
    )
    assert process.stdout
    for _ in range(5):
        assert (await process.stdout.readline()).startswith(b"incident-")
    process.kill()
    await process.wait()
    await store.open()
    policy = builders.retention(personal_data=DAY)
    clock.advance(10 * DAY)
    left = (await due(store, policy, clock()))[DataClass.PERSONAL_DATA]
    assert 0 < left <= incidents - 5
    await swept_by(store, policy, clock).sweep("again")
    async with store.begin() as tx:
        for number in range(1, incidents + 1):
            events = await tx.timeline.events(IncidentId(f"incident-{number}"))
            assert chain_problems(events) == []
            assert [event.content is None for event in events] == [True] * 40 + [False, False]


async def test_two_replicas_that_sweep_at_once_erase_once(database_url: str, store: Store, clock: Clock) -> None:
    async with store.begin() as tx:
        for number in range(1, 11):
            await add(tx, numbered(number, resolved=NOW))
    clock.advance(10 * DAY)
    policy = builders.retention(personal_data=DAY)
    await asyncio.gather(*[swept_by(store, policy, clock).sweep(name) for name in ("one", "two")])
    async with store.begin() as tx:
        for number in range(1, 11):
            events = await tx.timeline.events(IncidentId(f"incident-{number}"))
            assert chain_problems(events) == []
            assert [event.kind for event in events].count("timeline.redacted") == 1


async def test_alerts_that_arrive_during_a_sweep_are_kept(store: Store, clock: Clock, enqueued: list[Enqueued]) -> None:
    intake = Responders(store, clock, enqueued).intake
    first = [builders.alert(fingerprint=f"f{number}", group_key=f"g{number}") for number in range(30)]
    await intake.receive(first)
    await sent(store, "triage")
    clock.advance(91 * DAY)
    again = [each.changed(received_at=clock()) for each in first]
    retention = swept_by(store, builders.retention(alerts_without_incident=90 * DAY), clock)
    await asyncio.gather(retention.sweep("now"), *[intake.receive([each]) for each in again])
    assert await count(store, AlertRow) == 30
    assert (await due(store, builders.retention(alerts_without_incident=90 * DAY), clock())).popitem()[1] == 0


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


async def everything(store: Store) -> dict[str, str]:
    """Return all rows by their table, as text."""
    async with store.session() as session:
        return {
            table.name: "\n".join(str(tuple(row)) for row in await session.execute(select(table)))
            for table in StoredRow.metadata.sorted_tables
        }


async def test_a_played_incident_says_nothing_of_anybody_in_the_end_and_still_tells_what_happened(
    team: Responders,
) -> None:
    labels = {**team.alerts()[0].labels, "customer": SOMEBODY}
    await team.intake.receive(team.alerts(title=f"Harm to {SOMEBODY}", text=SOMEBODY, labels=labels))
    await team.run_jobs(LOOK_BACK)
    incident = (await team.incidents.listed(only_open=True, limit=1))[0]
    await team.incidents.take_lead(COMMANDER, incident.id)
    await team.incidents.set_severity(COMMANDER, incident.id, Severity.SEV1, f"{SOMEBODY} was hurt")
    await team.carried_out(await team.approved(await team.planned(incident)))
    resolved = await team.incidents.resolve(COMMANDER, incident.id)
    assert SOMEBODY in str(await everything(team.store))
    team.clock.advance(731 * DAY)
    policy = builders.retention(personal_data=730 * DAY, alerts_of_incidents=200 * DAY, notes=30 * DAY)

    await swept_by(team.store, policy, team.clock).sweep("now")

    assert {name: rows for name, rows in (await everything(team.store)).items() if SOMEBODY in rows} == {}
    after = await team.incident(incident)
    assert time_to_mitigate(after.milestones, after.severity, team.clock()) == time_to_mitigate(
        resolved.milestones, resolved.severity, team.clock()
    )
    documents = MarkdownDocuments(ROOT / "postmortems")
    draft = await Reviews(team.store, team.catalog, documents, team.clock, b"k" * 16).draft(incident.id)
    assert draft.review.chain.problems == ()
    texts = [event.text for event in draft.review.timeline.first]
    assert texts[1] == "(redacted: alerts.received)"
    assert "Approved C-1" in texts
    assert "Approved C-1" in draft.markdown


async def test_sqlite_keeps_nothing_of_what_was_erased_in_its_file(sqlite_url: str, clock: Clock) -> None:
    async def enqueue_nothing(*_: object) -> None:
        """Stand in for the engine."""

    store = Store(sqlite_url, now=clock, enqueue=enqueue_nothing)
    await store.open()
    async with store.begin() as tx:
        await add(tx, numbered(1, resolved=NOW), events=50)
        await tx.alerts.put_groups(builders.group(title=SOMEBODY, incident_id=IncidentId("incident-1")))
        await builders.keep(tx, builders.alert(title=SOMEBODY), AlertGroupId("group-1"))
    clock.advance(10 * DAY)
    policy = builders.retention(personal_data=DAY, alerts_of_incidents=DAY)
    await swept_by(store, policy, clock).sweep("now")
    await store.close()
    assert SOMEBODY.encode() not in whole_file(Path(sqlite_url.removeprefix("sqlite:///")))


def whole_file(file: Path) -> bytes:
    """Return a SQLite file with what was in its log."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.read_bytes()
