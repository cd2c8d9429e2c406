"""`stanch doctor`: tries everything that Stanch depends on and says how to mend what is wrong.

It changes nothing and needs no running server. Each part is looked at even when another is broken, so that one run
shows all there is to do.
"""

from collections.abc import AsyncIterator, Callable, Mapping

from bot.app import ROOT, load_catalog, refuse_local_slack_beside_live
from bot.connections import Connection, ConnectionPool, read_connections
from bot.content import Catalog
from bot.doctor.database import examine_database
from bot.doctor.findings import Finding, State, ok, problem, warning
from bot.doctor.reach import Reach
from bot.doctor.slack import SlackExamination
from bot.doctor.traces import examine_traces
from bot.domain.values import JsonObject, Now
from bot.errors import ContentError, SettingsError
from bot.integration_folders import discover
from bot.sdk import Integration
from bot.settings import PREFIX, Settings, read_settings

__all__ = ["Finding", "State", "examine", "run_doctor"]


async def run_doctor(environ: Mapping[str, str], now: Now, write: Callable[[str], object]) -> int:
    """Write one line for each finding as it comes, and a sum; return 1 if there is a problem, else 0."""
    counts = dict.fromkeys(State, 0)
    async for finding in examine(environ, now):
        counts[finding.state] += 1
        write(f"{finding.line}\n")
    problems, warnings = counts[State.PROBLEM], counts[State.WARNING]
    write(f"{problems} problem(s), {warnings} warning(s).\n")
    return 1 if problems else 0


async def examine(environ: Mapping[str, str], now: Now) -> AsyncIterator[Finding]:
    """Give one finding after the other; without sound settings, what is wrong with them and nothing else."""
    try:
        settings = read_settings(environ)
    except SettingsError as error:
        for each in str(error).splitlines():
            yield problem("settings", each)
        return
    yield ok("settings", "complete")
    integrations = discover()
    for finding in _alert_sources(settings, integrations):
        yield finding
    catalog, said = _content(settings)
    for finding in said:
        yield finding
    for finding in await examine_database(settings, now):
        yield finding
    async for finding in SlackExamination(settings, catalog, ROOT / "slack-manifest.yaml", now).findings():
        yield finding
    for finding in await _connections(settings, catalog, integrations, now):
        yield finding
    for finding in await examine_traces(settings.traces):
        yield finding


def _alert_sources(settings: Settings, integrations: Mapping[str, Integration]) -> list[Finding]:
    sources = {name for name, each in integrations.items() if each.alerts}
    accepted = sorted(sources & set(settings.alert_tokens))
    found = [
        problem(
            "alerts",
            f"{PREFIX}ALERT_TOKEN_{source.upper()} is for no source: there are {', '.join(sorted(sources))}",
        )
        for source in sorted(set(settings.alert_tokens) - sources)
    ]
    if accepted:
        return [*found, ok("alerts", f"accepted from {', '.join(accepted)}")]
    mend = f"set {PREFIX}ALERT_TOKEN_<SOURCE> for one of {', '.join(sorted(sources))}"
    return [*found, warning("alerts", f"no source may send any: {mend}")]


def _content(settings: Settings) -> tuple[Catalog | None, list[Finding]]:
    try:
        catalog = load_catalog(settings.content)
    except ContentError as error:
        return None, [problem("content", each) for each in error.problems]
    counts = f"{len(catalog.playbooks)} playbooks, {len(catalog.runbooks)} runbooks, {len(catalog.systems)} systems"
    return catalog, [ok("content", counts)]


async def _connections(
    settings: Settings, catalog: Catalog | None, integrations: Mapping[str, Integration], now: Now
) -> list[Finding]:
    try:
        connections = read_connections(settings.connections, integrations, settings.connection_secrets)
        refuse_local_slack_beside_live(settings, connections)
    except SettingsError as error:
        return [problem("connections", each) for each in str(error).splitlines()]
    return await _reach(catalog, connections, now) if catalog else []


async def _reach(catalog: Catalog, connections: Mapping[str, Connection], now: Now) -> list[Finding]:
    pool = ConnectionPool(connections, _NoWorld(), now)
    try:
        return await Reach(catalog, connections, pool, now).findings()
    finally:
        await pool.close()


class _NoWorld:
    """The `World` of simulators that are not asked."""

    async def read(self, _connection: str) -> JsonObject:
        """Return nothing."""
        return {}

    async def change(self, connection: str, _change: Callable[[JsonObject], JsonObject]) -> JsonObject:
        """Refuse.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(f"an examination changes nothing, and not {connection}")
