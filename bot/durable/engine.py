"""Durable jobs: enqueued in the transaction that calls for them, run again until they say that nothing is left to do.

A job is a name and a subject. Its handler goes on from the rows, so the workflow records no steps: recovered after a
crash, it simply asks the handler again. DBOS is one per process and ignores a second configuration silently; `stop`
clears it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import uuid4

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from bot import tracing
from bot.durable.ended import ENDED
from bot.errors import NotFound, StanchError
from bot.logs import about
from bot.tracing import Kind, Span

logger = logging.getLogger(__name__)

Handler = Callable[[str], Awaitable[timedelta | None]]

_QUEUE = "stanch-jobs"
_WORKFLOW = "stanch.job"
# Constant, because DBOS strands pending workflows of another version; the workflow below is generic so that it need
# not change.
_APPLICATION_VERSION = "stanch-1"
_POLL_SECONDS = 0.1
_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=5)
_MOST_CAUSES = 1_000


class Engine:
    """Runs jobs."""

    def __init__(self, url: str, *, executor_id: str, handlers: Mapping[str, Handler]) -> None:
        """Take the database that the rows live in, this process's identity, and a handler for each job name."""
        self._url = url
        self._handlers = handlers
        self.executor_id = executor_id
        self._client: DBOSClient | None = None
        # What led to jobs that this process enqueued, for their traces: a job that another runs names no cause.
        self._causes: dict[str, Span] = {}

    async def start(self) -> None:
        """Launch inside the running loop, so that jobs run on it; jobs that this executor left behind go on."""
        config: DBOSConfig = {
            "name": "stanch",
            "system_database_url": self._url,
            "application_version": _APPLICATION_VERSION,
            "executor_id": self.executor_id,
            "serializer": DBOSPortableJSONSerializer(),
            "max_executor_threads": 8,
            "log_level": "ERROR",
        }
        DBOS(config=config)

        async def run(job: str, subject: str) -> None:
            cause = self._causes.pop(DBOS.workflow_id or "", None)
            # A trace of its own: a job may run hours after what it comes from.
            with (
                about(job=job, subject=subject),
                tracing.apart(f"job {job}", kind=Kind.CONSUMER, cause=cause),
            ):
                await self._run(job, subject)

        DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)(run)
        DBOS.launch()
        await DBOS.register_queue_async(_QUEUE, polling_interval_sec=_POLL_SECONDS)
        self._client = await asyncio.to_thread(
            DBOSClient, system_database_url=self._url, serializer=DBOSPortableJSONSerializer()
        )

    async def stop(self) -> None:
        """Stop taking jobs and drop those under way; they stay pending and go on at the next start or elsewhere."""
        if self._client is not None:
            await asyncio.to_thread(self._client.destroy)
            self._client = None
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        # DBOS made its own pool the loop's default executor and has just shut it down.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())

    async def enqueue(self, session: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
        """Enqueue a job within a transaction; a key that was used before enqueues nothing.

        Raises:
            KeyError: No handler has that job's name.
        """
        if job not in self._handlers:
            raise KeyError(job)
        if self._client is None:
            raise RuntimeError("the engine is not started")
        client = self._client
        options: EnqueueOptions = {
            "workflow_name": _WORKFLOW,
            "queue_name": _QUEUE,
            "workflow_id": key,
            "app_version": _APPLICATION_VERSION,
        }
        if delay:
            options["delay_seconds"] = delay.total_seconds()

        def within(sync_session: Session) -> None:
            client.enqueue_in_transaction(sync_session, options, job, subject)

        self._remember(key)
        await session.run_sync(within)

    def _remember(self, key: str) -> None:
        cause = tracing.here()
        if cause is not None:
            self._causes[key] = cause
            if len(self._causes) > _MOST_CAUSES:
                del self._causes[next(iter(self._causes))]

    async def take_over(self, owner: str) -> None:
        """Put the pending jobs of an executor that is gone back on the queue."""
        pending = await DBOS.list_workflows_async(
            status="PENDING", executor_id=owner, load_input=False, load_output=False
        )
        if pending:
            await DBOS.resume_workflows_async([each.workflow_id for each in pending], queue_name=_QUEUE)

    async def owners(self) -> frozenset[str]:
        """Return the executors, other than this one, that have pending jobs."""
        pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        return frozenset(each.executor_id for each in pending if each.executor_id) - {self.executor_id}

    async def forget(self, before: datetime, *, most: int) -> int:
        """Forget some jobs that ended before an instant; return how many. DBOS itself keeps them for ever."""
        ended = await DBOS.list_workflows_async(
            status=list(ENDED),
            completed_before=before.isoformat(),
            limit=most,
            load_input=False,
            load_output=False,
        )
        if ended:
            await DBOS.delete_workflows_async([each.workflow_id for each in ended])
        return len(ended)

    async def _run(self, job: str, subject: str) -> None:
        failures = 0
        while True:
            try:
                pause = await self._handlers[job](subject)
                failures = 0
            except NotFound as error:
                logger.warning("job.subject_gone job=%s subject=%s: %s", job, subject, error)
                return
            except StanchError as error:
                failures += 1
                pause = _backoff(failures)
                logger.warning("job.retried job=%s subject=%s failures=%d: %s", job, subject, failures, error)
            except Exception:  # one of the three broad catches: an unexpected error must not end a containment silently
                failures += 1
                pause = _backoff(failures)
                logger.exception("job.failed job=%s subject=%s failures=%d", job, subject, failures)
            if pause is None:
                return
            await asyncio.sleep(pause.total_seconds())


def _backoff(failures: int) -> timedelta:
    doubled: timedelta = _FIRST_PAUSE * (1 << min(failures - 1, 10))
    return min(doubled, _LONGEST_PAUSE)


def new_executor_id() -> str:
    """Return an identity for this process's life."""
    return f"stanch-{uuid4().hex[:12]}"
