"""Stanch's services on a real store and simulated vendors, without Slack: for tests of what services promise.

Time stands still until a job asks to wait; then it jumps by that much. So a clean window of minutes passes at once.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from bot.app import load_catalog
from bot.connections import Connection, ConnectionPool, read_connections
from bot.content import Catalog
from bot.demo import story
from bot.domain.actor import Actor, person
from bot.domain.alert import Alert
from bot.domain.containment import Containment
from bot.domain.delivery import Delivery
from bot.domain.incident import Incident
from bot.domain.timeline import chain_problems
from bot.domain.values import ContainmentId, IncidentId, JsonObject
from bot.durable.timers import Timers
from bot.integration_folders import discover
from bot.sdk import canonical_json
from bot.services.containments import CARRY_OUT, Containments
from bot.services.ends import END_NEAR, END_REACHED, REVERT, WATCH_AFTER, Ends
from bot.services.execution import Execution
from bot.services.follow_ups import FollowUps
from bot.services.incidents import LOOK_BACK, Incidents
from bot.services.intake import Intake
from bot.services.lanes import PAGES
from bot.services.paging import Paging
from bot.services.people import People
from bot.services.planning import Planning, PlanRequest
from bot.services.plans import EXPIRE_PLAN, OFFER_BREAK_GLASS, Plans
from bot.services.preservation import Preservation
from bot.services.standing import STANDS, Standing
from bot.services.watching import WATCH, Watching
from bot.store.sql import Store
from bot.store.world import SimulatedWorld
from tests.builders import Clock
from tests.conftest import Enqueued

COMMANDER = person("U0COMMANDER")
LEADER = person("U0LEADER")
RESPONDER = person("U0RESPONDER")
OWNER = person("U0OWNER")
NEWCOMER = person("U0NEWCOMER")

_GROUPS = {
    "incident-leads": {"U0COMMANDER", "U0LEADER"},
    "incident-responders": {"U0COMMANDER", "U0RESPONDER", "U0OWNER"},
    "support-assistant-owners": {"U0OWNER"},
}
ROLL_BACK = PlanRequest("roll-the-prompt-back", {"variation": "v41"}, "harmful advice since v42")
SWITCH_OFF = PlanRequest("turn-the-feature-off", {}, "harmful advice, cause unknown")


class Members:
    """The directory, as a fixed list."""

    async def members(self, handle: str) -> frozenset[str]:
        return frozenset(_GROUPS.get(handle, ()))


class Responders:
    """Everything that the services need to play an incident through."""

    def __init__(self, store: Store, clock: Clock, enqueued: list[Enqueued], catalog: Catalog | None = None) -> None:
        self.store = store
        self.clock = clock
        self.enqueued = enqueued
        self._owed_pages: list[Delivery] = []
        self.catalog = catalog or shipped_catalog()
        self.world = SimulatedWorld(store, scope="live")
        self.pool = ConnectionPool(_connections(clock), self.world, clock)
        self.people = people = People(Members(), lambda: self.catalog.policy)
        self.incidents = Incidents(store, self.catalog, people, clock)
        self.intake = Intake(store, self.catalog, self.incidents, clock)
        plans = Plans(store, self.catalog, people)
        self.planning = Planning(store, self.catalog, self.pool, plans, clock)
        self.follow_ups = FollowUps(store, self.catalog, self.pool, plans, clock)
        self.containments = Containments(store, self.catalog, people, clock)
        preservation = Preservation(store, self.pool, clock)
        self.execution = Execution(store, self.catalog, self.pool, preservation, clock)
        self.ends = Ends(store, self.catalog, self.pool, self.follow_ups, clock)
        self.watching = Watching(store, self.catalog, self.pool, self.incidents, clock)
        self.timers = Timers(
            store,
            clock,
            {
                EXPIRE_PLAN: self.containments.expire,
                OFFER_BREAK_GLASS: self.containments.offer_break_glass,
                END_REACHED: self.ends.reached,
                END_NEAR: self.ends.near,
                STANDS: Standing(store, self.pool, clock).look,
            },
        )

    async def start(self) -> None:
        await self.pool.seed()

    async def stop(self) -> None:
        await self.pool.close()

    def alerts(self, **changed: Any) -> list[Alert]:
        """The alert of the demo, as its source's parser gives it; `changed` replaces fields of it."""
        parse = discover()["alertmanager"].alerts
        assert parse is not None
        parsed = parse(canonical_json(story.alert(self.clock())), {}, self.clock())
        return [alert.changed(**changed) for alert in parsed]

    async def alerted(self) -> Incident:
        """Take the demo's alert in; its playbook opens an incident."""
        await self.intake.receive(self.alerts())
        await self.run_jobs(LOOK_BACK)
        return (await self.incidents.listed(only_open=True, limit=1))[0]

    async def planned(self, incident: Incident, request: PlanRequest = ROLL_BACK, by: Actor = RESPONDER) -> Containment:
        return await self.planning.plan(by, incident.id, request)

    async def approved(self, containment: Containment, by: Actor = COMMANDER) -> Containment:
        return await self.containments.approve(by, containment.id, containment.plan.fingerprint)

    async def carried_out(self, containment: Containment) -> Containment:
        """Run what was enqueued until nothing is left, and return the containment as it is then."""
        await self.run_jobs(CARRY_OUT, WATCH)
        return await self.containments.get(containment.id)

    async def run_jobs(self, *names: str) -> None:
        """Run the enqueued jobs of these names to their end, moving the clock by every pause that they ask for."""
        handlers: Mapping[str, Any] = {
            CARRY_OUT: lambda subject: self.execution.advance(ContainmentId(subject)),
            WATCH: lambda subject: self.watching.look(ContainmentId(subject)),
            REVERT: lambda subject: self.ends.revert(ContainmentId(subject)),
            WATCH_AFTER: lambda subject: self.ends.watch_after(ContainmentId(subject)),
            LOOK_BACK: lambda subject: self.watching.look_back(IncidentId(subject)),
        }
        while due := [job for job in self.enqueued if job.job in names]:
            for job in due:
                self.enqueued.remove(job)
                for _ in range(1_000):
                    pause: timedelta | None = await handlers[job.job](job.subject)
                    if pause is None:
                        break
                    self.clock.advance(pause)
                else:
                    raise AssertionError(f"{job} never ends")

    async def incident(self, incident: Incident) -> Incident:
        return await self.incidents.numbered(incident.number)

    async def served_prompt(self) -> dict[str, int]:
        """The weights of the prompt flag's variations at the simulated vendor."""
        document = await self.world.read("unleash")
        environment = document["features"][story.PROMPT_FLAG]["environments"]["production"]
        return {variant["name"]: variant["weight"] for variant in environment["strategies"][0]["variants"]}

    async def feature_is_on(self) -> bool:
        document = await self.world.read("unleash")
        return bool(document["features"][story.FEATURE_FLAG]["environments"]["production"]["enabled"])

    async def vendor_writes(self) -> int:
        """How many changes the simulated vendor recorded in its own log."""
        return len((await self.world.read("unleash")).get("events", []))

    async def vendor_fails(self, answer: str, times: int = 1, on: str = "writes") -> None:
        def with_fault(document: JsonObject) -> JsonObject:
            return {**document, "faults": [{"answer": answer, "times": times, "on": on}]}

        await self.world.change("unleash", with_fault)

    async def vendor_recovers(self) -> None:
        await self.world.change("unleash", lambda document: {**document, "faults": []})

    async def somebody_else_serves(self, weights: dict[str, int]) -> None:
        """Change the prompt flag behind Stanch's back."""

        def changed(document: JsonObject) -> JsonObject:
            environment = document["features"][story.PROMPT_FLAG]["environments"]["production"]
            for variant in environment["strategies"][0]["variants"]:
                variant["weight"] = weights[variant["name"]]
            return {**document, "events": [*document.get("events", []), {"type": "by-somebody-else"}]}

        await self.world.change("unleash", changed)

    async def prompt_has_variations(self, weights: dict[str, int]) -> None:
        """Replace the prompt flag's variations before anything has happened."""

        def changed(document: JsonObject) -> JsonObject:
            (strategy,) = document["features"][story.PROMPT_FLAG]["environments"]["production"]["strategies"]
            (sample, *_) = strategy["variants"]
            strategy["variants"] = [
                {**sample, "name": name, "weight": weight, "weightType": "variable" if weight else "fix"}
                for name, weight in weights.items()
            ]
            return document

        await self.world.change("unleash", changed)

    async def harm_goes_on_whatever_is_done(self) -> None:
        """Tie the harm signal to something that no containment changes."""

        def changed(document: JsonObject) -> JsonObject:
            series = document["series"][story.QUERY]
            series["while"] = {"connection": "elsewhere", "pointer": "/cause", "equals": "there"}
            return document

        await self.world.change("elsewhere", lambda _: {"cause": "there"})
        await self.world.change("prometheus", changed)

    async def cause_is_gone(self) -> None:
        """Have the harm signal stay clean whatever is undone."""
        await self.harm_goes_on_whatever_is_done()
        await self.world.change("elsewhere", lambda _: {"cause": "gone"})

    async def sent_pages(self) -> dict[str, JsonObject]:
        """Send the pages that are owed, and return what the simulated pager has, by key."""
        paging = Paging(self.store, self.pool, self.catalog.policy, self.clock)
        async with self.store.begin() as tx:
            while (owed := await tx.deliveries.waiting(PAGES)) is not None:
                await tx.deliveries.record_sent(owed, channel=None, ts=None)
                self._owed_pages.append(owed)
        for page in self._owed_pages:
            await paging.deliver(page)
        return dict((await self.world.read("approvers")).get("pages", {}))

    async def timeline(self, incident: Incident) -> list[str]:
        """The kinds of an incident's events, after checking its chain."""
        async with self.store.begin() as tx:
            events = await tx.timeline.events(incident.id)
        assert chain_problems(events) == []
        return [event.kind for event in events]


@cache
def shipped_catalog() -> Catalog:
    return load_catalog(None)


def _connections(clock: Clock) -> dict[str, Connection]:
    file = Path(__file__).parent / "simulated_connections.yaml"
    connections = read_connections(file, discover(), {})
    worlds = {name: body["world"] for name, body in story.connections(clock()).items()}
    return {
        name: replace(each, simulated=True, world=worlds.get(name, each.world), settings=None)
        for name, each in connections.items()
    }
