"""Stored alerts and their groups: what repeats and overtaken deliveries mean, on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.domain.alert import Alert, AlertGroup, AlertStatus
from bot.domain.milestones import Milestones
from bot.domain.values import AlertGroupId
from bot.errors import Conflict, NotFound
from bot.store.sql import Store
from tests.builders import (
    GROUP_ID,
    INCIDENT_ID,
    NOW,
    alert,
    group,
    group_of_episode,
    incident,
    keep,
    observed,
)

FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
OTHER_GROUP = AlertGroupId("group-2")
SECOND = timedelta(seconds=1)


async def received(store: Store, *alerts: Alert, group_id: AlertGroupId = GROUP_ID) -> list[bool]:
    """Store alerts one after another; return which said something new."""
    async with store.begin() as tx:
        await tx.alerts.put_groups(group(id=group_id))
        return [await keep(tx, each, group_id) for each in alerts]


async def counts(store: Store, group_id: AlertGroupId = GROUP_ID) -> tuple[int, int]:
    async with store.begin() as tx:
        return (await tx.alerts.count_by_status([group_id]))[group_id]


async def deliveries_counted(store: Store) -> int:
    async with store.session() as session:
        return int((await session.execute(text("SELECT count FROM stanch_alert"))).scalar_one())


async def test_a_new_alert_is_news_and_its_repeat_only_counts(store: Store) -> None:
    assert await received(store, alert(), alert(received_at=NOW + timedelta(hours=4))) == [True, False]
    assert await counts(store) == (1, 0)
    assert await deliveries_counted(store) == 2


async def test_the_same_fingerprint_of_two_sources_is_two_alerts(store: Store) -> None:
    assert await received(store, alert(), alert(source="datadog")) == [True, True]
    assert await counts(store) == (2, 0)


async def test_a_resolution_is_news(store: Store) -> None:
    resolved = alert(status=RESOLVED, received_at=NOW + SECOND)
    assert await received(store, alert(), resolved) == [True, True]
    assert await counts(store) == (0, 1)


async def test_a_changed_title_is_news(store: Store) -> None:
    assert await received(store, alert(), alert(title="HarmfulAnswers (20 a minute)")) == [True, True]


async def test_the_same_labels_in_another_order_are_no_news(store: Store) -> None:
    labels = {"a": "1", "b": "2"}
    reordered = dict(reversed(labels.items()))
    assert await received(store, alert(labels=labels), alert(labels=reordered)) == [True, False]


async def test_a_new_firing_reopens_a_resolved_alert_at_once(store: Store) -> None:
    resolved = alert(status=RESOLVED, received_at=NOW + SECOND)
    again = alert(started_at=NOW + SECOND, received_at=NOW + 2 * SECOND)
    assert await received(store, alert(), resolved, again) == [True, True, True]
    assert await counts(store) == (1, 0)


async def test_a_firing_that_its_resolution_overtook_does_not_reopen_it(store: Store) -> None:
    resolved = alert(status=RESOLVED, received_at=NOW)
    overtaken = alert(received_at=NOW + 2 * SECOND)
    assert await received(store, resolved, overtaken) == [True, False]
    assert await counts(store) == (0, 1)
    assert await deliveries_counted(store) == 2


async def test_the_same_firing_a_minute_after_its_resolution_is_believed(store: Store) -> None:
    resolved = alert(status=RESOLVED, received_at=NOW)
    insists = alert(received_at=NOW + timedelta(minutes=1))
    assert await received(store, resolved, insists) == [True, True]
    assert await counts(store) == (1, 0)


async def test_what_is_said_of_an_earlier_firing_and_was_overtaken_is_only_counted(store: Store) -> None:
    newer = alert(started_at=NOW, received_at=NOW)
    older = alert(status=RESOLVED, started_at=NOW - timedelta(hours=1), received_at=NOW + SECOND)
    assert await received(store, newer, older) == [True, False]
    assert await counts(store) == (1, 0)


async def test_a_resolution_whose_start_was_corrected_backwards_is_believed_after_a_minute(store: Store) -> None:
    corrected = alert(status=RESOLVED, started_at=NOW - timedelta(minutes=6), received_at=NOW + timedelta(minutes=2))
    assert await received(store, alert(), corrected) == [True, True]
    assert await counts(store) == (0, 1)


async def test_without_a_start_the_sender_is_believed_at_once(store: Store) -> None:
    resolved = alert(status=RESOLVED, started_at=None, received_at=NOW)
    firing = alert(started_at=None, received_at=NOW + SECOND)
    assert await received(store, resolved, firing) == [True, True]
    assert await counts(store) == (1, 0)


async def test_a_sender_that_begins_to_say_when_is_believed(store: Store) -> None:
    assert await received(store, alert(started_at=None), alert(received_at=NOW + SECOND)) == [True, True]


async def test_an_alert_moves_to_the_group_it_is_received_for(store: Store) -> None:
    await received(store, alert())
    assert await received(store, alert(received_at=NOW + SECOND), group_id=OTHER_GROUP) == [True]
    assert await counts(store) == (0, 0)
    assert await counts(store, OTHER_GROUP) == (1, 0)


async def test_an_alert_may_be_stored_before_its_group_in_one_transaction(store: Store) -> None:
    async with store.begin() as tx:
        await keep(tx, alert(), GROUP_ID)
        await tx.alerts.put_groups(group())
    assert await counts(store) == (1, 0)


async def test_repeats_that_arrive_at_once_are_one_row_and_one_piece_of_news(store: Store) -> None:
    await received(store)

    async def receive() -> bool:
        try:
            async with store.begin() as tx:
                return await keep(tx, alert(), GROUP_ID)
        except Conflict:
            return await receive()

    assert sorted(await asyncio.gather(*(receive() for _ in range(6)))) == [False] * 5 + [True]
    assert await deliveries_counted(store) == 6


@pytest.mark.parametrize("status", [FIRING, RESOLVED])
async def test_a_delivery_of_the_same_start_belongs_to_the_episode(store: Store, status: AlertStatus) -> None:
    await received(store, alert())
    async with store.begin() as tx:
        assert await group_of_episode(tx, alert(status=status)) == GROUP_ID
        assert await group_of_episode(tx, alert(started_at=NOW, status=status)) is None
        assert await group_of_episode(tx, alert(fingerprint="f2", status=status)) is None
        assert await group_of_episode(tx, alert(source="datadog", status=status)) is None


async def test_without_a_start_an_episode_lasts_until_it_is_resolved(store: Store) -> None:
    firing, resolved = alert(started_at=None), alert(started_at=None, status=RESOLVED)
    await received(store, firing)
    async with store.begin() as tx:
        assert await group_of_episode(tx, firing) == GROUP_ID
        assert await group_of_episode(tx, resolved) == GROUP_ID
    await received(store, resolved)
    async with store.begin() as tx:
        assert await group_of_episode(tx, resolved) == GROUP_ID
        assert await group_of_episode(tx, firing) is None


async def test_a_group_reads_back_as_it_was_put_last(store: Store) -> None:
    async with store.begin() as tx:
        await tx.alerts.put_groups(group())
        await tx.alerts.put_groups(group(firing=3, labels={"team": "support"}))
        assert await tx.alerts.group(GROUP_ID) == group(firing=3, labels={"team": "support"})


async def test_an_unknown_group_is_not_found(store: Store) -> None:
    async with store.begin() as tx:
        assert await tx.alerts.group_by_key("known:harmful-content") is None
        with pytest.raises(NotFound):
            await tx.alerts.group(GROUP_ID)


async def test_the_newest_group_of_a_key_collects_while_its_incident_is_open(store: Store) -> None:
    newer = group(id=OTHER_GROUP, first_at=NOW + SECOND, incident_id=INCIDENT_ID)
    async with store.begin() as tx:
        await tx.incidents.add(incident())
        await tx.alerts.put_groups(group())
        await tx.alerts.put_groups(newer)
        assert await tx.alerts.group_by_key(newer.key) == newer
        await tx.incidents.save(
            incident(milestones=Milestones(declared=observed(), mitigated=observed(), resolved=observed()))
        )
        assert await tx.alerts.group_by_key(newer.key) == group()


async def test_of_two_who_look_for_a_group_at_once_one_makes_it(store: Store) -> None:
    async def find_or_make(name: str) -> AlertGroup:
        async with store.begin() as tx:
            found = await tx.alerts.group_by_key(group().key)
            if found is None:
                found = group(id=AlertGroupId(name))
                await tx.alerts.put_groups(found)
            return found

    found = await asyncio.gather(*(find_or_make(f"group-{number}") for number in range(5)))
    assert len({each.id for each in found}) == 1


async def test_changes_of_a_group_at_once_are_all_kept(store: Store) -> None:
    await received(store)

    async def count_one_more() -> None:
        async with store.begin() as tx:
            known = await tx.alerts.group(GROUP_ID)
            await tx.alerts.put_groups(known.changed(received=known.received + 1))

    await asyncio.gather(*(count_one_more() for _ in range(6)))
    async with store.begin() as tx:
        assert (await tx.alerts.group(GROUP_ID)).received == group().received + 6


async def test_the_groups_of_an_incident_are_returned_oldest_first(store: Store) -> None:
    older = group(incident_id=INCIDENT_ID)
    newer = group(id=OTHER_GROUP, first_at=NOW + SECOND, incident_id=INCIDENT_ID)
    async with store.begin() as tx:
        await tx.incidents.add(incident())
        await tx.alerts.put_groups(newer)
        await tx.alerts.put_groups(older)
        await tx.alerts.put_groups(group(id=AlertGroupId("group-3")))
        assert list(await tx.alerts.groups_of(INCIDENT_ID)) == [older, newer]


@pytest.mark.parametrize("text", ["NUL \x00", "half a pair \ud83d", "\U0001f525" * 100, "<!channel> ' \" ; --"])
async def test_hostile_labels_are_stored_and_recognised_again(store: Store, text: str) -> None:
    hostile = alert(labels={"label": text}, fingerprint=text.replace("\ud83d", ""))
    assert await received(store, hostile, hostile) == [True, False]
    async with store.begin() as tx:
        await tx.alerts.put_groups(group(labels=hostile.labels))
        assert (await tx.alerts.group(GROUP_ID)).labels == hostile.labels
        assert await group_of_episode(tx, hostile) == GROUP_ID
