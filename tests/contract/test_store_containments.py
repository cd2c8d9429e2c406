"""Stored containments, and one writer for each target, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.containment import Containment, ContainmentState, StepState
from bot.domain.role import Role
from bot.domain.values import ContainmentId, IncidentId
from bot.errors import Conflict, NotFound
from bot.store.sql import Store
from tests.builders import CONTAINMENT_ID, INCIDENT_ID, NOW, approval, change, containment, incident, plan

FLAG, MODEL = change(ref={"flag": "answers"}), change(ref={"model": "answers"})
SECOND_ID = ContainmentId("containment-2")


def second(**fields: object) -> Containment:
    return containment(id=SECOND_ID, number=2, **fields)


@pytest.fixture
async def two_containments(store: Store) -> None:
    """The first writes a flag, the second the same flag and a model."""
    async with store.begin() as tx:
        await tx.incidents.add(incident())
        await tx.containments.add(containment(plan=plan(changes=(FLAG,))))
        await tx.containments.add(second(plan=plan(changes=(MODEL, FLAG))))


async def claim(store: Store, containment_id: ContainmentId) -> ContainmentId | None:
    async with store.begin() as tx:
        holder = await tx.containments.claim_targets(await tx.containments.get(containment_id))
        return holder.id if holder else None


async def release(store: Store, containment_id: ContainmentId) -> None:
    async with store.begin() as tx:
        await tx.containments.release_targets(containment_id)


async def test_a_containment_and_its_fingerprint_read_back_as_stored(store: Store) -> None:
    carried_out = containment(
        state=ContainmentState.WATCHING,
        approvals=(approval(roles=frozenset({Role.LEAD, Role.OWNER})),),
        applied_at=NOW,
        clean_since=NOW + timedelta(seconds=20, microseconds=1),
        last_reading=0.1 + 0.2,
        ends_at=NOW + timedelta(hours=4),
    ).with_progress(0, state=StepState.VERIFIED, attempts=1, attempted_at=NOW)
    async with store.begin() as tx:
        await tx.incidents.add(incident())
        await tx.containments.add(carried_out)
    async with store.begin() as tx:
        found = await tx.containments.get(CONTAINMENT_ID)
    assert found == carried_out
    assert found.plan.fingerprint == carried_out.plan.fingerprint


async def test_an_unknown_containment_is_not_found(store: Store) -> None:
    async with store.begin() as tx:
        with pytest.raises(NotFound):
            await tx.containments.get(CONTAINMENT_ID)


async def test_numbers_count_within_an_incident(store: Store) -> None:
    async with store.begin() as tx:
        assert [await tx.containments.next_number(INCIDENT_ID) for _ in range(2)] == [1, 2]
        assert await tx.containments.next_number(IncidentId("incident-2")) == 1


async def test_concurrent_plans_get_different_numbers(store: Store) -> None:
    async def number() -> int:
        async with store.begin() as tx:
            return await tx.containments.next_number(INCIDENT_ID)

    assert sorted(await asyncio.gather(*(number() for _ in range(6)))) == list(range(1, 7))


async def test_containments_of_an_incident_are_returned_oldest_first(store: Store, two_containments: None) -> None:
    async with store.begin() as tx:
        assert [each.number for each in await tx.containments.of_incident(INCIDENT_ID)] == [1, 2]
        assert list(await tx.containments.of_incident(IncidentId("incident-2"))) == []


async def test_saving_raises_the_version_and_a_stale_save_is_a_conflict(store: Store, two_containments: None) -> None:
    async with store.begin() as tx:
        read = await tx.containments.get(CONTAINMENT_ID)
        saved = await tx.containments.save(read.moved(ContainmentState.DECLINED))
    assert saved.version == 1
    with pytest.raises(Conflict, match="C-1"):
        async with store.begin() as tx:
            await tx.containments.save(read.moved(ContainmentState.APPROVED))
    async with store.begin() as tx:
        assert await tx.containments.get(CONTAINMENT_ID) == saved


async def test_of_two_decisions_at_once_exactly_one_has_a_conflict(store: Store, two_containments: None) -> None:
    async with store.begin() as tx:
        read = await tx.containments.get(CONTAINMENT_ID)

    async def move(state: ContainmentState) -> Containment:
        async with store.begin() as tx:
            return await tx.containments.save(read.moved(state))

    outcomes = await asyncio.gather(
        move(ContainmentState.APPROVED), move(ContainmentState.DECLINED), return_exceptions=True
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    async with store.begin() as tx:
        assert await tx.containments.get(CONTAINMENT_ID) in outcomes


async def test_a_target_has_one_writer_until_it_is_released(store: Store, two_containments: None) -> None:
    assert await claim(store, CONTAINMENT_ID) is None
    assert await claim(store, SECOND_ID) == CONTAINMENT_ID
    await release(store, CONTAINMENT_ID)
    assert await claim(store, SECOND_ID) is None
    assert await claim(store, CONTAINMENT_ID) == SECOND_ID


async def test_claiming_again_is_harmless(store: Store, two_containments: None) -> None:
    assert await claim(store, CONTAINMENT_ID) is None
    assert await claim(store, CONTAINMENT_ID) is None


async def test_a_refused_claim_holds_none_of_its_targets(store: Store, two_containments: None) -> None:
    third = ContainmentId("containment-3")
    async with store.begin() as tx:
        await tx.containments.add(containment(id=third, number=3, plan=plan(changes=(MODEL,))))
    assert await claim(store, CONTAINMENT_ID) is None
    assert await claim(store, SECOND_ID) == CONTAINMENT_ID
    assert await claim(store, third) is None


async def test_a_plan_without_changes_claims_nothing(store: Store) -> None:
    async with store.begin() as tx:
        await tx.incidents.add(incident())
        await tx.containments.add(containment(plan=plan(changes=())))
    assert await claim(store, CONTAINMENT_ID) is None


async def test_of_two_who_claim_at_once_one_gets_the_target(store: Store, two_containments: None) -> None:
    outcomes = tuple(await asyncio.gather(claim(store, CONTAINMENT_ID), claim(store, SECOND_ID)))
    assert outcomes in {(None, CONTAINMENT_ID), (SECOND_ID, None)}
