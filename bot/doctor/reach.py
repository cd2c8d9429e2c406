"""Looks at what runbooks act on: each target and each harm signal of the registry is read once, through its connection.

A simulated connection is named and not read: what it plays begins with the first start.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from datetime import timedelta

from bot.connections import Connection, ConnectionPool
from bot.content import Catalog
from bot.content.catalog import can_run
from bot.doctor.findings import Finding, ok, problem, warning
from bot.domain.incident import IncidentKind
from bot.domain.runbook import Runbook
from bot.domain.system import HarmSignal, System, Target
from bot.domain.values import Now
from bot.errors import StanchError

_SPAN = timedelta(minutes=15)
_MISSING = "add it to the file that STANCH_CONNECTIONS names"


class Reach:
    """Reads everything in reach; changes nothing."""

    def __init__(self, catalog: Catalog, connections: Mapping[str, Connection], pool: ConnectionPool, now: Now) -> None:
        """Take the content, what is configured, the opened connections and the clock."""
        self._catalog = catalog
        self._connections = connections
        self._use = pool.for_incident(IncidentKind.LIVE)
        self._now = now

    async def findings(self) -> list[Finding]:
        """Return one finding for each connection, target, signal, the pager, and runbook without a system."""
        looks: list[Awaitable[Finding]] = []
        for system in self._catalog.systems.values():
            looks += [self._target(system, name, target) for name, target in system.targets.items()]
            looks += [self._signal(system, name, signal) for name, signal in system.signals.items()]
        return [*self._kinds(), *await asyncio.gather(*looks), self._pager(), *self._runbooks()]

    def _kinds(self) -> Iterator[Finding]:
        used = {each.connection for system in self._catalog.systems.values() for each in system.targets.values()}
        used |= {each.connection for system in self._catalog.systems.values() for each in system.signals.values()}
        used.add(self._catalog.policy.break_glass.page or "")
        for name, connection in sorted(self._connections.items()):
            about = f"connection {name}"
            if connection.simulated:
                yield ok(about, f"simulated: nothing reaches {connection.integration.title}")
            elif name not in used:
                yield warning(about, "no target and no signal of the registry uses it, so it was not tried")
            else:
                yield ok(about, f"{connection.integration.title} at {connection.url}")

    async def _target(self, system: System, name: str, target: Target) -> Finding:
        about = f"target {system.id}.{name}"
        if target.connection not in self._connections:
            return problem(about, f"its connection `{target.connection}` is not configured: {_MISSING}")
        if self._connections[target.connection].simulated:
            return ok(about, "simulated")
        actions = sorted({step.action for book in self._books(system) for step in book.steps if step.target == name})
        if not actions:
            return warning(about, "no runbook acts on it, so it was not read")
        try:
            for action in actions:
                await self._use.action(action, target.connection).read(target.ref)
        except StanchError as error:
            return problem(about, f"{error}; see the connection's address and credential, and the registry's `ref`")
        return ok(about, f"reads, as {', '.join(actions)} would")

    async def _signal(self, system: System, name: str, signal: HarmSignal) -> Finding:
        about = f"signal {system.id}.{name}"
        if signal.connection not in self._connections:
            return problem(about, f"its connection `{signal.connection}` is not configured: {_MISSING}")
        if self._connections[signal.connection].simulated:
            return ok(about, "simulated")
        at = self._now()
        try:
            samples = await self._use.samples(signal, at - max(_SPAN, signal.every), at, max(signal.every, _SPAN / 60))
        except StanchError as error:
            return problem(about, f"{error}; see the connection's address and credential, and the registry's `query`")
        if not samples:
            return warning(about, "the query answers, with no reading of late: without readings nothing is verified")
        return ok(about, f"reads {samples[-1].value:g} ({signal.unit}); harm has stopped below {signal.below:g}")

    def _pager(self) -> Finding:
        """Look whether break-glass could wake somebody, without waking anybody."""
        name = self._catalog.policy.break_glass.page
        about = f"pager {name or 'of the policy'}"
        if name is None:
            return warning(about, "the policy's `break_glass.page` names none, so break-glass wakes nobody")
        if name not in self._connections:
            return warning(about, f"not configured, so break-glass wakes nobody: {_MISSING}, or take `page` away")
        if self._connections[name].integration.pager is None:
            return problem(about, f"{self._connections[name].integration.title} wakes nobody: name another connection")
        return ok(about, "configured; nobody was woken to try it")

    def _books(self, system: System) -> list[Runbook]:
        return [book for book in self._catalog.runbooks.values() if can_run(system, book)]

    def _runbooks(self) -> Iterator[Finding]:
        for book in self._catalog.runbooks.values():
            if not any(can_run(system, book) for system in self._catalog.systems.values()):
                targets = ", ".join(sorted({step.target for step in book.steps}))
                yield warning(f"runbook {book.id}", f"no system of the registry has all its targets ({targets})")
