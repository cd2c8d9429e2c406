"""The configured connections, and the one place that decides by an incident's kind whether a call leaves this process.

A live incident uses what the connections file says. Every other kind gets simulators only, whatever the file says:
there is no client in reach.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from bot.content.document import Document, Place, Problem, read, spell
from bot.domain.harm import Sample
from bot.domain.incident import IncidentKind
from bot.domain.system import HarmSignal
from bot.domain.values import JsonObject, Now, digest
from bot.errors import NotFound, SettingsError
from bot.probing import Probing
from bot.sdk import Action, AsgiApp, ConnectionSettings, Integration, Pager, SignalReader, Simulator, World
from bot.services.ports import IncidentConnections


class Entry(BaseModel):
    """One connection in the file; what is not listed here is a setting of the integration.

    Attributes:
        simulated: Play the vendor from the database instead of calling it.
        world: What the simulator starts with, where it has nothing yet.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    integration: str
    simulated: bool = False
    world: JsonObject = {}

    @property
    def settings(self) -> JsonObject:
        """The integration's own settings."""
        return dict(self.model_extra or {})


@dataclass(frozen=True)
class Connection:
    """One configured integration instance.

    Attributes:
        settings: `None` when only its simulator may be used.
        simulator_settings: What the simulator's client gets: the file's, with the integration's own address and
            credential of the simulator in their place; `None` when it has no simulator.
    """

    name: str
    integration: Integration
    simulated: bool
    world: JsonObject
    settings: ConnectionSettings | None
    simulator_settings: ConnectionSettings | None

    @property
    def url(self) -> str:
        """Where a live one goes; empty for a simulated one."""
        return self.settings.url if self.settings else ""


def read_connections(
    path: Path | None, integrations: Mapping[str, Integration], secrets: Mapping[str, SecretStr]
) -> dict[str, Connection]:
    """Read the connections file; secrets come from the environment only.

    Raises:
        SettingsError: Names every problem, with file, line and place.
    """
    if path is None:
        return {}
    document, problems = read(path, str(path))
    if document is None or problems:
        raise SettingsError("\n".join(str(problem) for problem in problems))
    if not isinstance(document.data, dict):
        raise SettingsError(f"{path}: must map connection names to their settings.")
    connections: dict[str, Connection] = {}
    for name, body in document.data.items():
        try:
            connections[name] = _connection(name, body, integrations, secrets)
        except SettingsError as error:
            problems.append(document.problem((name,), str(error)))
        except ValidationError as error:
            problems += [_problem(document, name, detail["loc"], detail["msg"]) for detail in error.errors()]
    unknown = [key for key in secrets if not any(key.startswith(f"{name}_") for name in document.data)]
    complaints = [str(problem) for problem in sorted(problems)]
    complaints += [
        f"STANCH_CONNECTION_{key.upper()}: no connection in {path} is named like that." for key in sorted(unknown)
    ]
    if complaints:
        raise SettingsError("\n".join(complaints))
    return connections


def _connection(
    name: str, body: object, integrations: Mapping[str, Integration], secrets: Mapping[str, SecretStr]
) -> Connection:
    entry = Entry.model_validate(body)
    integration = integrations.get(entry.integration)
    if integration is None or integration.settings is None:
        known = ", ".join(sorted(key for key, each in integrations.items() if each.settings))
        raise SettingsError(f"there is no integration {entry.integration!r} to connect; there are {known}.")
    secret_fields = [field for field, info in integration.settings.model_fields.items() if _is_secret(info.annotation)]
    written = sorted(set(secret_fields) & set(entry.settings))
    if written:
        variable = f"STANCH_CONNECTION_{name}_{written[0]}".upper()
        raise SettingsError(
            f"{written[0]} is a secret and does not belong in a file: set {variable} or {variable}_FILE."
        )
    settings = None
    if not entry.simulated:
        given = {field: secrets[f"{name}_{field}"] for field in secret_fields if f"{name}_{field}" in secrets}
        settings = integration.settings.model_validate({**entry.settings, **given})
    return Connection(
        name=name,
        integration=integration,
        simulated=entry.simulated,
        world=entry.world if entry.simulated else {},
        settings=settings,
        simulator_settings=_simulator_settings(integration, entry.settings),
    )


def _simulator_settings(integration: Integration, written: JsonObject) -> ConnectionSettings | None:
    if integration.simulator is None or integration.settings is None:
        return None
    return integration.settings.model_validate({**written, **integration.simulated})


def _is_secret(annotation: Any) -> bool:
    return "SecretStr" in str(annotation)


def _problem(document: Document, name: str, at: Place, message: str) -> Problem:
    """Return a problem at its line; a field that is missing has none, and its name is told all the same."""
    known = document.nearest((name, *at))
    place = known if known[-1:] == (name, *at)[-1:] else (name, *at)
    return Problem(document.path, document.lines.get(known, 1), spell(place), message.removeprefix("Value error, "))


class ConnectionPool:
    """Opens connections once and hands them out by the incident's kind."""

    def __init__(self, connections: Mapping[str, Connection], world: World, now: Now) -> None:
        """Take what is configured, what simulators remember, and the clock."""
        self._live: dict[str, _Opened] = {}
        self._simulated: dict[str, _Opened] = {}
        self._clients: list[httpx.AsyncClient] = []
        self.simulators: dict[str, AsgiApp] = {}
        self._world = world
        self._now = now
        self._seeds = {name: each.world for name, each in connections.items() if each.simulated}
        for name, connection in connections.items():
            played = self._play(connection, now)
            self._simulated[name] = played
            self._live[name] = played if connection.settings is None else self._call(connection, connection.settings)

    async def seed(self) -> None:
        """Start simulators from their worlds: where they have none yet, and where the file's is another one now."""
        for name, seed in self._seeds.items():
            mark = f"{name}/seed"
            if (await self._world.read(mark)).get("digest") != digest(seed):
                await self._world.change(name, lambda _, seed=seed: seed)  # type: ignore[misc]
                await self._world.change(mark, lambda _, seed=seed: {"digest": digest(seed)})  # type: ignore[misc]

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients:
            await client.aclose()

    def for_incident(self, kind: IncidentKind) -> IncidentConnections:
        """Return live ones for a live incident and simulated ones for every other."""
        return _Opens(self._live if kind is IncidentKind.LIVE else self._simulated)

    def _play(self, connection: Connection, now: Now) -> "_Opened":
        integration, settings = connection.integration, connection.simulator_settings
        if integration.simulator is None or settings is None:
            return _Opened({}, None, None)
        app = integration.simulator(Simulator(connection=connection.name, world=self._world, now=now))
        if connection.simulated:
            self.simulators[connection.name] = app
        return self._open(integration, settings, httpx.ASGITransport(app=app))

    def _call(self, connection: Connection, settings: ConnectionSettings) -> "_Opened":
        integration = connection.integration
        return self._open(integration, settings, integration.transport(settings) if integration.transport else None)

    def _open(
        self, integration: Integration, settings: ConnectionSettings, transport: httpx.AsyncBaseTransport | None
    ) -> "_Opened":
        client = httpx.AsyncClient(
            base_url=settings.url,
            timeout=settings.timeout,
            transport=transport,
            trust_env=False,
            follow_redirects=False,
        )
        host = client.base_url.host

        async def stay(request: httpx.Request) -> None:
            if request.url.host != host:
                raise httpx.UnsupportedProtocol(f"requests of this connection go to {host} only")

        client.event_hooks = {"request": [stay]}
        self._clients.append(client)
        actions = {f"{integration.name}.{each.name}": each(settings, client) for each in integration.actions}
        pager = integration.pager(settings, client) if integration.pager else None
        return _Opened(actions, self._reader(integration, settings, client), pager)

    def _reader(
        self, integration: Integration, settings: ConnectionSettings, client: httpx.AsyncClient
    ) -> SignalReader | None:
        if integration.prober is not None:
            return Probing(integration.prober(settings, client), self._now)
        return integration.signals(settings, client) if integration.signals else None


@dataclass(frozen=True)
class _Opened:
    actions: Mapping[str, Action]
    signals: SignalReader | None
    pager: Pager | None


class _Opens:
    """The connections of one kind of incident."""

    def __init__(self, opened: Mapping[str, _Opened]) -> None:
        self._opened = opened

    def action(self, name: str, connection: str) -> Action:
        """Return an action on a connection.

        Raises:
            NotFound: There is no such connection, or it has no such action.
        """
        action = self._get(connection).actions.get(name)
        if action is None:
            raise NotFound(f"The connection `{connection}` has no action `{name}`; mend the runbook or the registry.")
        return action

    async def samples(self, signal: HarmSignal, start: datetime, end: datetime, step: timedelta) -> Sequence[Sample]:
        """Return a harm signal's readings, oldest first.

        Raises:
            NotFound: There is no such connection, or it reads no signals.
        """
        reader = self._get(signal.connection).signals
        if reader is None:
            raise NotFound(f"The connection `{signal.connection}` reads no signals; mend the registry.")
        return await reader.samples(signal.query, start, end, step)

    def pager(self, connection: str) -> Pager:
        """Return what wakes people on a connection.

        Raises:
            NotFound: There is no such connection, or it wakes nobody.
        """
        pager = self._get(connection).pager
        if pager is None:
            raise NotFound(f"The connection `{connection}` wakes nobody; name one that does in the policy.")
        return pager

    def _get(self, connection: str) -> _Opened:
        opened = self._opened.get(connection)
        if opened is None:
            raise NotFound(
                f"No connection `{connection}` is configured; add it to the file that STANCH_CONNECTIONS names."
            )
        return opened
