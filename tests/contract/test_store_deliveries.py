"""What Slack is owed, as desired state, on both databases."""

import asyncio
from datetime import timedelta

from bot.domain.delivery import Delivery, DeliveryKind
from bot.store.sql import Store
from tests.builders import Clock

CARD, NOTE = DeliveryKind.INCIDENT_CARD, DeliveryKind.NOTE
LANE = "incident:1"
MINUTE = timedelta(minutes=1)


async def want(store: Store, subject: str = "1", *, kind: DeliveryKind = CARD, lane: str = LANE) -> None:
    async with store.begin() as tx:
        await tx.deliveries.want(kind, lane, subject)


async def waiting(store: Store, lane: str = LANE) -> Delivery:
    async with store.begin() as tx:
        found = await tx.deliveries.waiting(lane)
    assert found is not None
    return found


async def nothing_waits(store: Store, lane: str = LANE) -> bool:
    async with store.begin() as tx:
        return await tx.deliveries.waiting(lane) is None


async def attempt(store: Store) -> Delivery:
    async with store.begin() as tx:
        found = await tx.deliveries.waiting(LANE)
        assert found is not None
        return await tx.deliveries.record_attempt(found)


async def sent(store: Store, delivery: Delivery, ts: str = "1.1") -> None:
    async with store.begin() as tx:
        await tx.deliveries.record_sent(delivery, channel="C1", ts=ts)


async def failed(store: Store, delivery: Delivery, *, give_up: bool = False) -> None:
    async with store.begin() as tx:
        await tx.deliveries.record_failure(delivery, "channel_not_found", give_up=give_up)


async def test_what_is_wanted_waits_until_it_was_sent(store: Store) -> None:
    await want(store)
    delivery = await attempt(store)
    assert (delivery.wanted, delivery.done, delivery.attempts) == (1, 0, 1)
    await sent(store, delivery)
    assert await nothing_waits(store)


async def test_where_it_was_delivered_is_known_once_it_was(store: Store) -> None:
    await want(store)
    async with store.begin() as tx:
        assert await tx.deliveries.sent(CARD, "1") is None
    await sent(store, await attempt(store))
    async with store.begin() as tx:
        found = await tx.deliveries.sent(CARD, "1")
    assert found is not None
    assert (found.channel, found.ts, found.attempts) == ("C1", "1.1", 0)


async def test_what_piled_up_is_one_delivery(store: Store) -> None:
    for _ in range(3):
        await want(store)
    delivery = await attempt(store)
    assert delivery.wanted == 3
    await sent(store, delivery)
    assert await nothing_waits(store)


async def test_what_is_wanted_while_it_is_being_sent_still_waits(store: Store) -> None:
    await want(store)
    delivery = await attempt(store)
    await want(store)
    await sent(store, delivery)
    again = await waiting(store)
    assert (again.wanted, again.done, again.channel, again.ts) == (2, 1, "C1", "1.1")


async def test_wanting_again_forgets_attempts_and_error_and_replaces_the_payload(store: Store) -> None:
    async with store.begin() as tx:
        await tx.deliveries.want(NOTE, LANE, "1", payload={"text": "first"})
    await failed(store, await attempt(store), give_up=True)
    async with store.begin() as tx:
        await tx.deliveries.want(NOTE, LANE, "1", payload={"text": "second"})
    again = await waiting(store)
    assert (again.attempts, again.error, again.payload) == (0, "", {"text": "second"})


async def test_a_failed_attempt_still_waits_with_its_error(store: Store) -> None:
    await want(store)
    await failed(store, await attempt(store))
    delivery = await waiting(store)
    assert (delivery.error, delivery.attempts) == ("channel_not_found", 1)


async def test_what_was_given_up_does_not_wait(store: Store) -> None:
    await want(store)
    await failed(store, await attempt(store), give_up=True)
    assert await nothing_waits(store)
    async with store.begin() as tx:
        assert list(await tx.deliveries.lanes_waiting()) == []


async def test_giving_up_does_not_end_what_was_wanted_meanwhile(store: Store) -> None:
    await want(store)
    delivery = await attempt(store)
    await want(store)
    await failed(store, delivery, give_up=True)
    assert (await waiting(store)).wanted == 2


async def test_an_attempt_is_made_at_what_is_wanted_now(store: Store) -> None:
    await want(store)
    stale = await waiting(store)
    async with store.begin() as tx:
        await tx.deliveries.want(CARD, LANE, "1", payload={"fresh": True})
    async with store.begin() as tx:
        fresh = await tx.deliveries.record_attempt(stale)
    assert (fresh.wanted, fresh.attempts, fresh.payload) == (2, 1, {"fresh": True})


async def test_a_lane_is_served_oldest_first(store: Store) -> None:
    await want(store, "first")
    await want(store, "second")
    await want(store, "first")
    assert (await waiting(store)).subject == "first"
    await sent(store, await attempt(store))
    assert (await waiting(store)).subject == "second"


async def test_one_subject_may_have_a_card_and_a_note(store: Store) -> None:
    await want(store, kind=CARD)
    await want(store, kind=NOTE)
    await sent(store, await attempt(store))
    assert (await waiting(store)).kind is NOTE


async def test_lanes_that_wait_are_listed_longest_waiting_first(store: Store) -> None:
    await want(store, "1", lane="b")
    await want(store, "2", lane="a")
    await want(store, "3", lane="b")
    async with store.begin() as tx:
        assert list(await tx.deliveries.lanes_waiting()) == ["b", "a"]


async def test_a_commit_tells_the_lanes_that_were_wanted(store: Store, woken: list[frozenset[str]]) -> None:
    async with store.begin() as tx:
        await tx.deliveries.want(CARD, "a", "1")
        await tx.deliveries.want(CARD, "b", "2")
        assert woken == []
    async with store.begin() as tx:
        await tx.deliveries.waiting("a")
    assert woken == [frozenset({"a", "b"})]


async def test_wanting_the_same_at_once_loses_no_generation(store: Store) -> None:
    await asyncio.gather(*(want(store) for _ in range(6)))
    assert (await waiting(store)).wanted == 6


async def test_a_lane_belongs_to_one_process_until_its_claim_ends(store: Store) -> None:
    async with store.begin() as tx:
        assert await tx.deliveries.claim_lane(LANE, "replica-a", MINUTE)
        assert not await tx.deliveries.claim_lane(LANE, "replica-b", MINUTE)
        assert await tx.deliveries.claim_lane(LANE, "replica-a", timedelta(0))
        assert await tx.deliveries.claim_lane(LANE, "replica-b", MINUTE)


async def test_a_replica_whose_clock_is_ahead_takes_no_lane_from_another(
    store: Store, database_url: str, clock: Clock
) -> None:
    async with store.begin() as tx:
        assert await tx.deliveries.claim_lane(LANE, "replica-a", MINUTE)
    clock.advance(timedelta(hours=1))
    async with store.begin() as tx:
        assert await tx.deliveries.claim_lane(LANE, "replica-b", MINUTE) is database_url.startswith("sqlite")


async def test_only_its_owner_can_let_a_lane_go(store: Store) -> None:
    async with store.begin() as tx:
        await tx.deliveries.claim_lane(LANE, "replica-a", MINUTE)
        await tx.deliveries.release_lane(LANE, "replica-b")
        assert not await tx.deliveries.claim_lane(LANE, "replica-b", MINUTE)
        await tx.deliveries.release_lane(LANE, "replica-a")
        assert await tx.deliveries.claim_lane(LANE, "replica-b", MINUTE)


async def test_of_two_who_claim_a_lane_at_once_one_gets_it(store: Store) -> None:
    async def claim(owner: str) -> bool:
        async with store.begin() as tx:
            return await tx.deliveries.claim_lane(LANE, owner, MINUTE)

    assert sorted(await asyncio.gather(*(claim(f"replica-{number}") for number in range(4)))) == [False] * 3 + [True]


async def test_an_error_that_the_database_cannot_hold_is_made_storable(store: Store) -> None:
    await want(store)
    delivery = await attempt(store)
    async with store.begin() as tx:
        await tx.deliveries.record_failure(delivery, "bad \x00 and \ud800 \U0001f525", give_up=False)
    assert (await waiting(store)).error == "bad \ufffd and \ufffd\ufffd\ufffd \U0001f525"
