"""The stored chain: in order, without gaps, and tampering shows, on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.domain.timeline import TimelineEvent, chain_problems
from bot.domain.values import ContainmentId, IncidentId
from bot.errors import NotFound
from bot.store.sql import Store
from tests.builders import INCIDENT_ID, NOW, Clock, containment, fact, incident


@pytest.fixture
async def chain(store: Store, clock: Clock) -> None:
    """Three events of one incident."""
    async with store.begin() as tx:
        await tx.incidents.add(incident())
        await tx.timeline.append(INCIDENT_ID, fact(text="one"), fact(text="two"))
    clock.advance(timedelta(seconds=1))
    async with store.begin() as tx:
        await tx.timeline.append(INCIDENT_ID, fact(text="three"))


async def events(store: Store, *, newest: int | None = None) -> list[TimelineEvent]:
    async with store.begin() as tx:
        return list(await tx.timeline.events(INCIDENT_ID, newest=newest))


async def tamper(store: Store, statement: str) -> None:
    async with store.session() as session:
        await session.execute(text(statement))


async def test_events_read_back_in_order_and_verify(store: Store, chain: None) -> None:
    found = await events(store)
    assert [(event.seq, event.text) for event in found] == [(1, "one"), (2, "two"), (3, "three")]
    assert chain_problems(found) == []
    assert [event.recorded_at for event in found] == [NOW, NOW, NOW + timedelta(seconds=1)]


async def test_only_the_newest_events_are_read_in_order(store: Store, chain: None) -> None:
    assert [event.text for event in await events(store, newest=2)] == ["two", "three"]


async def test_the_newest_event_of_some_kinds_is_found_among_others(store: Store, chain: None) -> None:
    async with store.begin() as tx:
        await tx.timeline.append(INCIDENT_ID, fact(kind="pager.nobody"), fact(kind="pager.paged"), fact(text="last"))
        newest = await tx.timeline.newest_of(INCIDENT_ID, ("pager.nobody", "pager.paged"))
        assert newest is not None
        assert (newest.kind, newest.seq) == ("pager.paged", 5)
        assert await tx.timeline.newest_of(INCIDENT_ID, ("lead.taken",)) is None
        assert await tx.timeline.newest_of(IncidentId("incident-2"), ("pager.paged",)) is None


async def test_every_event_has_a_salt_of_its_own(store: Store, chain: None) -> None:
    assert len({event.salt for event in await events(store)}) == 3


async def test_appending_to_an_unknown_incident_is_refused(store: Store) -> None:
    with pytest.raises(NotFound):
        async with store.begin() as tx:
            await tx.timeline.append(INCIDENT_ID, fact())


async def test_chains_of_two_incidents_are_apart(store: Store, chain: None) -> None:
    other = IncidentId("incident-2")
    async with store.begin() as tx:
        await tx.incidents.add(incident(id=other, number=2))
        await tx.timeline.append(other, fact())
        found = await tx.timeline.events(other)
    assert [event.seq for event in found] == [1]
    assert chain_problems(found) == []


async def test_appending_at_once_leaves_no_gap_and_no_fork(store: Store, chain: None) -> None:
    async def append(name: str) -> None:
        async with store.begin() as tx:
            await tx.timeline.append(INCIDENT_ID, fact(text=f"{name} a"), fact(text=f"{name} b"))

    await asyncio.gather(*(append(f"writer {number}") for number in range(8)))
    found = await events(store)
    assert [event.seq for event in found] == list(range(1, 20))
    assert chain_problems(found) == []


async def test_appending_beside_rows_that_refer_to_the_incident_does_not_deadlock(store: Store, chain: None) -> None:
    is_postgres = store.engine.dialect.name == "postgresql"
    # On SQLite the second begins when the first has ended.
    both_referred = asyncio.Barrier(2 if is_postgres else 1)

    async def refer_and_append(number: int) -> None:
        async with store.begin() as tx:
            await tx.containments.add(containment(id=ContainmentId(f"containment-{number}"), number=number))
            await both_referred.wait()
            await tx.timeline.append(INCIDENT_ID, fact())

    await asyncio.gather(refer_and_append(1), refer_and_append(2))
    assert chain_problems(await events(store)) == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM stanch_event WHERE seq = 2", "event 2 is missing before event 3"),
        (
            'UPDATE stanch_event SET body = replace(body, \'"text":"two"\', \'"text":"2"\') WHERE seq = 2',
            "the content of event 2 was changed after it was recorded",
        ),
        (
            "UPDATE stanch_event SET body = replace(body, 'U0RESPONDER', 'U0COMMANDER') WHERE seq = 2",
            "event 2 was changed after it was recorded",
        ),
    ],
)
async def test_what_was_changed_in_the_database_itself_shows(
    store: Store, chain: None, statement: str, problem: str
) -> None:
    await tamper(store, statement)
    assert problem in chain_problems(await events(store))


async def test_hostile_text_is_stored_exactly_and_verifies(store: Store, chain: None) -> None:
    hostile = "NUL \x00, \\u0000, quote \" ' `, \u202e reversed, \U0001f525 <!channel> " + "x" * 100_000
    async with store.begin() as tx:
        await tx.timeline.append(INCIDENT_ID, fact(text=hostile, payload={hostile[:50]: [hostile, None, 0.1, True]}))
    newest = (await events(store))[-1]
    assert newest.text == hostile
    assert newest.payload == {hostile[:50]: [hostile, None, 0.1, True]}
    assert chain_problems(await events(store)) == []
