"""Stored incidents, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.incident import Incident
from bot.domain.milestones import Milestones
from bot.domain.values import IncidentId
from bot.errors import Conflict, NotFound, UserError
from bot.store.sql import Store
from tests.builders import COMMANDER, INCIDENT_ID, NOW, RESPONDER, Clock, incident, observed

RESOLVED = Milestones(declared=observed(), mitigated=observed(), resolved=observed())


async def stored(store: Store, *incidents: Incident) -> None:
    async with store.begin() as tx:
        for each in incidents:
            await tx.incidents.add(each)


async def read(store: Store, incident_id: IncidentId = INCIDENT_ID) -> Incident:
    async with store.begin() as tx:
        return await tx.incidents.get(incident_id)


async def test_an_incident_reads_back_as_it_was_stored(store: Store) -> None:
    await stored(store, incident(channel="C1", commander=COMMANDER))
    assert await read(store) == incident(channel="C1", commander=COMMANDER)


async def test_instants_read_back_aware_and_in_utc(store: Store) -> None:
    await stored(store, incident())
    declared = (await read(store)).milestones.declared
    assert declared is not None
    assert declared.at == NOW
    assert declared.at.utcoffset() == timedelta(0)


async def test_numbers_count_from_one(store: Store) -> None:
    async with store.begin() as tx:
        assert [await tx.incidents.next_number() for _ in range(3)] == [1, 2, 3]


async def test_a_rolled_back_declaration_leaves_no_gap(store: Store) -> None:
    async def declare_in_vain() -> None:
        async with store.begin() as tx:
            await tx.incidents.next_number()
            raise UserError("no such system")

    with pytest.raises(UserError):
        await declare_in_vain()
    async with store.begin() as tx:
        assert await tx.incidents.next_number() == 1


async def test_concurrent_declarations_get_different_numbers(store: Store) -> None:
    async def declare() -> int:
        async with store.begin() as tx:
            number = await tx.incidents.next_number()
            await tx.incidents.add(incident(id=IncidentId(f"incident-{number}"), number=number))
            return number

    assert sorted(await asyncio.gather(*(declare() for _ in range(8)))) == list(range(1, 9))


async def test_saving_raises_the_version(store: Store) -> None:
    await stored(store, incident())
    async with store.begin() as tx:
        saved = await tx.incidents.save(incident(title="Assistant gives harmful advice"))
    assert saved.version == 1
    assert saved.title == "Assistant gives harmful advice"
    assert await read(store) == saved


async def test_saving_what_somebody_changed_meanwhile_is_a_conflict(store: Store) -> None:
    await stored(store, incident())
    async with store.begin() as tx:
        await tx.incidents.save(incident(title="First"))
    with pytest.raises(Conflict, match="INC-1"):
        async with store.begin() as tx:
            await tx.incidents.save(incident(title="Second"))
    assert (await read(store)).title == "First"


async def test_of_two_who_save_at_once_exactly_one_has_a_conflict(store: Store) -> None:
    await stored(store, incident())

    async def save(title: str) -> Incident:
        async with store.begin() as tx:
            return await tx.incidents.save((await tx.incidents.get(INCIDENT_ID)).changed(title=title, version=0))

    outcomes = await asyncio.gather(save("First"), save("Second"), return_exceptions=True)
    conflicts = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    winners = [outcome for outcome in outcomes if isinstance(outcome, Incident)]
    assert len(conflicts) == 1
    assert winners == [await read(store)]


async def test_the_channel_is_remembered_without_a_new_version(store: Store) -> None:
    await stored(store, incident())
    async with store.begin() as tx:
        await tx.incidents.set_channel(INCIDENT_ID, "C1")
    assert await read(store) == incident(channel="C1")
    async with store.begin() as tx:
        assert await tx.incidents.in_channel("C1") == incident(channel="C1")
        assert await tx.incidents.in_channel("C2") is None


async def test_a_save_by_someone_who_read_before_the_channel_existed_keeps_the_channel(store: Store) -> None:
    await stored(store, incident())
    async with store.begin() as tx:
        await tx.incidents.set_channel(INCIDENT_ID, "C1")
    async with store.begin() as tx:
        saved = await tx.incidents.save(incident(title="Changed"))
    assert saved.channel == "C1"
    assert (await read(store)).channel == "C1"


async def test_an_unknown_incident_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await read(store)
    async with store.begin() as tx:
        assert await tx.incidents.by_number(1) is None


async def test_an_incident_is_found_by_its_number(store: Store) -> None:
    await stored(store, incident(number=7))
    async with store.begin() as tx:
        assert await tx.incidents.by_number(7) == incident(number=7)


async def test_incidents_are_listed_newest_first_page_by_page(store: Store) -> None:
    numbers = (1, 2, 3, 4)
    await stored(store, *(incident(id=IncidentId(f"incident-{number}"), number=number) for number in numbers))
    async with store.begin() as tx:
        first_page = await tx.incidents.listed(only_open=False, limit=3)
        second_page = await tx.incidents.listed(only_open=False, limit=3, before=2)
    assert [each.number for each in first_page] == [4, 3, 2]
    assert [each.number for each in second_page] == [1]


async def test_a_resolved_incident_is_not_listed_as_open(store: Store) -> None:
    await stored(store, incident(), incident(id=IncidentId("incident-2"), number=2))
    async with store.begin() as tx:
        await tx.incidents.save(incident(milestones=RESOLVED))
        assert [each.number for each in await tx.incidents.listed(only_open=True, limit=10)] == [2]
        assert [each.number for each in await tx.incidents.listed(only_open=False, limit=10)] == [2, 1]


async def test_a_transition_of_the_domain_survives_the_store(store: Store, clock: Clock) -> None:
    await stored(store, incident())
    async with store.begin() as tx:
        led, fact = (await tx.incidents.get(INCIDENT_ID)).led_by(RESPONDER, clock.advance(timedelta(seconds=30)))
        await tx.incidents.save(led)
        await tx.timeline.append(INCIDENT_ID, fact)
    assert await read(store) == led.changed(version=1)
