"""What simulated vendors remember, and snapshots of user groups, on both databases."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from bot.domain.values import JsonObject
from bot.store.database import sync_engine
from bot.store.directory import DirectorySnapshots
from bot.store.sql import Store
from bot.store.world import SimulatedWorld
from tests.builders import NOW


def one_more(document: JsonObject) -> JsonObject:
    return {**document, "count": document.get("count", 0) + 1}


def write_from_elsewhere(url: str, body: str) -> None:
    engine = sync_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE stanch_world SET version = version + 1, body = :body"), {"body": body})
    engine.dispose()


async def test_an_untouched_world_is_empty(store: Store) -> None:
    assert await SimulatedWorld(store, "live-demo").read("unleash") == {}


async def test_a_change_is_returned_and_remembered(store: Store) -> None:
    world = SimulatedWorld(store, "live-demo")
    assert await world.change("unleash", lambda _: {"flags": {"answers": True}}) == {"flags": {"answers": True}}
    assert await world.change("unleash", one_more) == {"flags": {"answers": True}, "count": 1}
    assert await world.read("unleash") == {"flags": {"answers": True}, "count": 1}


async def test_scopes_and_connections_are_apart(store: Store) -> None:
    await SimulatedWorld(store, "exercise-1").change("unleash", one_more)
    await SimulatedWorld(store, "exercise-1").change("prometheus", one_more)
    await SimulatedWorld(store, "exercise-2").change("unleash", one_more)
    assert await SimulatedWorld(store, "exercise-1").read("unleash") == {"count": 1}


async def test_changes_at_once_are_all_kept(store: Store) -> None:
    world = SimulatedWorld(store, "live-demo")
    await asyncio.gather(*(world.change("unleash", one_more) for _ in range(8)))
    assert await world.read("unleash") == {"count": 8}


async def test_a_change_is_made_again_when_somebody_interfered(store: Store, database_url: str) -> None:
    world = SimulatedWorld(store, "live-demo")
    await world.change("unleash", one_more)
    seen: list[JsonObject] = []

    def change(document: JsonObject) -> JsonObject:
        if not seen:
            write_from_elsewhere(database_url, """{"theirs":true}""")
        seen.append(document)
        return {**document, "mine": True}

    assert await world.change("unleash", change) == {"theirs": True, "mine": True}
    assert seen == [{"count": 1}, {"theirs": True}]


async def test_a_first_change_is_made_again_when_somebody_was_first(store: Store) -> None:
    world = SimulatedWorld(store, "live-demo")
    changes = await asyncio.gather(world.change("unleash", one_more), world.change("unleash", one_more))
    assert sorted(each["count"] for each in changes) == [1, 2]


async def test_a_snapshot_reads_back_with_its_instant(store: Store) -> None:
    snapshots = DirectorySnapshots(store)
    assert await snapshots.load("responders") is None
    await snapshots.save("responders", frozenset({"U2", "U1"}), NOW)
    assert await snapshots.load("responders") == (NOW, frozenset({"U1", "U2"}))


async def test_a_newer_snapshot_replaces_an_older_one_and_not_the_reverse(store: Store) -> None:
    snapshots = DirectorySnapshots(store)
    await snapshots.save("responders", frozenset({"U1"}), NOW)
    await snapshots.save("responders", frozenset(), NOW + timedelta(minutes=1))
    await snapshots.save("responders", frozenset({"U1"}), NOW)
    assert await snapshots.load("responders") == (NOW + timedelta(minutes=1), frozenset())
