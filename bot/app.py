"""The composition root: settings in, a running Stanch out. The only module that knows everything.

Order matters: the database is taken before it is migrated, the engine starts before anything may enqueue, and Slack
comes last, so that nobody is answered by a bot that cannot keep its word.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tracing
from bot.connections import Connection, ConnectionPool, read_connections
from bot.content import Catalog, load
from bot.documents import MarkdownDocuments
from bot.domain.delivery import DeliveryKind
from bot.domain.values import ContainmentId, IncidentId, Now
from bot.durable.engine import Engine, Handler, new_executor_id
from bot.durable.replicas import Replicas
from bot.durable.timers import Timers
from bot.errors import SettingsError, StoreUnavailable
from bot.integration_folders import action_specs, discover
from bot.schedule import Schedule, daily, every_six_hours
from bot.services.board import Board
from bot.services.confirmations import Confirmations
from bot.services.containments import CARRY_OUT, Containments
from bot.services.deliveries import DRAIN, ByKind, DeliveryPump
from bot.services.ends import END_NEAR, END_REACHED, REVERT, WATCH_AFTER, Ends
from bot.services.execution import Execution
from bot.services.follow_ups import FollowUps
from bot.services.incidents import LOOK_BACK, Incidents
from bot.services.intake import Intake
from bot.services.paging import Paging
from bot.services.people import KEEP_MEMBERS, People
from bot.services.planning import Planning
from bot.services.plans import EXPIRE_PLAN, OFFER_BREAK_GLASS, Plans
from bot.services.preservation import Preservation
from bot.services.remediations import Remediations
from bot.services.resumptions import Resumptions
from bot.services.retention import SWEEP, Retention
from bot.services.reviews import Reviews
from bot.services.standing import STANDS, Standing
from bot.services.tokens import Tokens
from bot.services.watching import WATCH, Watching
from bot.serving import WebServer
from bot.settings import Settings, is_loopback
from bot.slack.app import Services, build_app
from bot.slack.chat import SlackChat
from bot.slack.directory import SlackDirectory
from bot.slack.http_mode import HttpMode
from bot.slack.socket_mode import SocketMode
from bot.store.database import blocking_url, libpq_url, sqlite_file
from bot.store.directory import DirectorySnapshots
from bot.store.migrations import migrate
from bot.store.sql import Store
from bot.store.world import SimulatedWorld
from bot.web.app import WebParts, create_web

if TYPE_CHECKING:
    from bot.otlp import Otlp

ROOT = Path(__file__).resolve().parent.parent
TIMER = "timer"
# In UTC, and in the night of most; never at the full hour, when everybody else's nightly work begins.
RECURRENCES = (daily(SWEEP, hour=3, minute=17), every_six_hours(KEEP_MEMBERS, minute=41))

logger = logging.getLogger(__name__)


def load_catalog(second_root: Path | None) -> Catalog:
    """Load the shipped content and a second root's.

    Raises:
        ContentError: Holds all problems.
    """
    roots = [ROOT] if second_root is None else [ROOT, second_root]
    return load(roots, action_specs(discover()))


class Application:
    """One running Stanch."""

    def __init__(self, settings: Settings, now: Now) -> None:
        """Build everything; nothing is contacted before `start`.

        Raises:
            SettingsError: Settings contradict each other.
            ContentError: Content does not check.
        """
        self._settings = settings
        self._now = now
        integrations = discover()
        connections = read_connections(settings.connections, integrations, settings.connection_secrets)
        refuse_local_slack_beside_live(settings, connections)
        catalog = load_catalog(settings.content)
        url = settings.database_url.get_secret_value()
        self.store = Store(url, now=now, enqueue=self._enqueue, on_commit=self._wake)
        self._world = SimulatedWorld(self.store, scope="live")
        self.connections = ConnectionPool(connections, self._world, now)
        self._slack = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            timeout=10,
            retry_handlers=[AsyncConnectionErrorRetryHandler()],
        )
        directory = SlackDirectory(self._slack, DirectorySnapshots(self.store), now=now)
        self._systems = tuple(catalog.systems.values())
        self.people = People(directory, lambda: catalog.policy)
        self.incidents = Incidents(self.store, catalog, self.people, now)
        self.intake = Intake(self.store, catalog, self.incidents, now)
        plans = Plans(self.store, catalog, self.people)
        self.planning = Planning(self.store, catalog, self.connections, plans, now)
        self.follow_ups = FollowUps(self.store, catalog, self.connections, plans, now)
        self.containments = Containments(self.store, catalog, self.people, now)
        preservation = Preservation(self.store, self.connections, now)
        self.execution = Execution(self.store, catalog, self.connections, preservation, now)
        self.ends = Ends(self.store, catalog, self.connections, self.follow_ups, now)
        self.watching = Watching(self.store, catalog, self.connections, self.incidents, now)
        key = settings.timeline_key.get_secret_value().encode()
        self.board = Board(self.store, catalog, self.incidents, now, key)
        documents = MarkdownDocuments(ROOT / "postmortems")
        self.reviews = Reviews(self.store, catalog, documents, now, key)
        self.tokens = Tokens(self.store, self.people, settings.token_lasts, now)
        self.timers = Timers(
            self.store,
            now,
            {
                EXPIRE_PLAN: self.containments.expire,
                OFFER_BREAK_GLASS: self.containments.offer_break_glass,
                END_REACHED: self.ends.reached,
                END_NEAR: self.ends.near,
                STANDS: Standing(self.store, self.connections, now).look,
            },
        )
        self._tracer: Otlp | None = None
        on_sqlite = sqlite_file(url) is not None
        executor_id = "embedded" if on_sqlite else new_executor_id()
        self.engine = Engine(blocking_url(url), executor_id=executor_id, handlers=self._handlers())
        self.retention = Retention(self.store, catalog.retention, self.engine, now)
        self._schedule = Schedule(self.store, now, RECURRENCES)
        chat = SlackChat(
            self._slack,
            self.board,
            self.store,
            self.people,
            self.reviews,
            triage_channel=settings.triage_channel,
            now=now,
            policy=catalog.policy,
            command=settings.slack_command,
        )
        paging = Paging(self.store, self.connections, catalog.policy, now)
        self.pump = DeliveryPump(
            self.store,
            ByKind(chat, {DeliveryKind.PAGE: paging}),
            owner=executor_id,
            given_up={DeliveryKind.PAGE: paging.given_up},
        )
        self._replicas = None if on_sqlite else Replicas(libpq_url(url), executor_id, [self.engine, self.pump])
        services = Services(
            uow=self.store,
            incidents=self.incidents,
            board=self.board,
            planning=self.planning,
            containments=self.containments,
            follow_ups=self.follow_ups,
            resumptions=Resumptions(self.store, catalog, self.people, now),
            confirmations=Confirmations(self.store, catalog, self.people, now),
            remediations=Remediations(self.store, self.people, now),
            reviews=self.reviews,
            people=self.people,
            tokens=self.tokens,
            catalog=catalog,
            now=now,
        )
        bolt = build_app(self._slack, services, command=settings.slack_command)
        app_token, signing_secret = settings.slack_app_token, settings.slack_signing_secret
        self._socket_mode = SocketMode(bolt, app_token.get_secret_value()) if app_token else None
        http_mode = HttpMode(bolt, signing_secret.get_secret_value(), self.store, now) if signing_secret else None
        self._web = WebServer(settings.host, settings.port)
        self._web_app = create_web(
            WebParts(
                intake=self.intake,
                board=self.board,
                incidents=self.incidents,
                reviews=self.reviews,
                tokens=self.tokens,
                planning=self.planning,
                containments=self.containments,
                follow_ups=self.follow_ups,
                parsers={name: each.alerts for name, each in integrations.items() if each.alerts},
                alert_tokens=settings.alert_tokens,
                api_tokens=(settings.api_token,) if settings.api_token else (),
                ready=self._readiness,
                now=now,
                slack=http_mode.receive if http_mode else None,
                simulators=self.connections.simulators,
            )
        )

    @property
    def url(self) -> str:
        """Where alerts and the API are served."""
        return self._web.url

    async def start(self) -> None:
        """Start; return when requests are served.

        Raises:
            SettingsError: The database is taken, too old, or newer than this program.
            StoreUnavailable: The database cannot be reached.
        """
        self._begin_to_trace()
        await self.store.open()
        await asyncio.to_thread(migrate, self._settings.database_url.get_secret_value())
        await self.engine.start()
        if self._replicas is not None:
            await self._replicas.start()
        await self.connections.seed()
        await self._web.start(self._web_app)
        if self._socket_mode is not None:
            await self._socket_mode.start()
        await self.pump.wake_all()
        await self._schedule.start()
        logger.info("stanch.ready url=%s executor=%s", self.url, self.engine.executor_id)

    async def stop(self) -> None:
        """Stop taking requests, finish what is under way, let everything go; what is owed stays owed."""
        await self._schedule.stop()
        if self._socket_mode is not None:
            await self._socket_mode.stop()
        await self._web.stop()
        await self.pump.stop()
        if self._replicas is not None:
            await self._replicas.stop()
        await self.engine.stop()
        await self.connections.close()
        await self.store.close()
        if self._tracer is not None:
            tracing.use(None)
            await self._tracer.stop()

    def _begin_to_trace(self) -> None:
        """Put a tracer in place if traces go anywhere: the SDK takes time and memory that nobody else is to pay for."""
        if self._settings.traces is not None:
            from bot.otlp import Otlp  # noqa: PLC0415 - see above

            self._tracer = Otlp(self._settings.traces, self.engine.executor_id)
            tracing.use(self._tracer)

    def _handlers(self) -> Mapping[str, Handler]:
        return {
            CARRY_OUT: lambda subject: self.execution.advance(ContainmentId(subject)),
            WATCH: lambda subject: self.watching.look(ContainmentId(subject)),
            REVERT: lambda subject: self.ends.revert(ContainmentId(subject)),
            WATCH_AFTER: lambda subject: self.ends.watch_after(ContainmentId(subject)),
            LOOK_BACK: lambda subject: self.watching.look_back(IncidentId(subject)),
            DRAIN: self._drain,
            TIMER: self.timers.knock,
            SWEEP: self._sweep,
            KEEP_MEMBERS: lambda _: self.people.keep_members(self._systems),
        }

    async def _drain(self, lane: str) -> timedelta | None:
        return await self.pump.drain(lane)

    async def _sweep(self, instant: str) -> timedelta | None:
        return await self.retention.sweep(instant)

    async def _enqueue(self, session: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
        await self.engine.enqueue(session, job, subject, key, delay)

    def _wake(self, lanes: frozenset[str]) -> None:
        self.pump.wake(lanes)

    async def _readiness(self) -> Mapping[str, str]:
        try:
            await self.store.ping()
        except StoreUnavailable as error:
            database = str(error)
        else:
            database = "ok"
        heard = self._socket_mode is None or self._socket_mode.connected
        return {"database": database, "slack": "ok" if heard else "not connected"}


def refuse_local_slack_beside_live(settings: Settings, connections: Mapping[str, Connection]) -> None:
    """In a local workspace anybody can be anyone, so nothing beyond this machine may be in reach.

    Raises:
        SettingsError: Names the connections that are.
    """
    if not settings.slack_is_local:
        return
    outside = sorted(name for name, each in connections.items() if each.url and not is_loopback(each.url))
    if outside:
        raise SettingsError(
            f"The local workspace lets anybody be anyone, so it may not be used beside {', '.join(outside)}: make them "
            "`simulated: true`, or connect a real Slack with STANCH_SLACK_API_URL."
        )
