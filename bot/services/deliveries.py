"""The delivery pump: sends what is owed, lane by lane and in order, as soon as a commit wants it.

A lane belongs to one process at a time, by a claim that ends by itself. What this process does not manage before it
dies is found by the enqueued `DRAIN` job of the commit, in whichever process lives.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from contextvars import Context
from datetime import datetime, timedelta
from types import MappingProxyType

from bot import tracing
from bot.domain.delivery import Delivery, DeliveryKind
from bot.errors import IntegrationError, RateLimited, StanchError, StoreUnavailable
from bot.logs import about
from bot.services.ports import Messages, Posted, Transaction, UnitOfWork
from bot.tracing import Kind, Span

DRAIN = "deliveries.drain"

logger = logging.getLogger(__name__)

_CLAIM = timedelta(seconds=60)
# Slack allows about one message a second in a channel (https://docs.slack.dev/apis/web-api/rate-limits).
_PACE = timedelta(seconds=1)
_MAX_ATTEMPTS = 30
_MAX_BROKEN_ATTEMPTS = 3
_LONGEST_PAUSE = timedelta(minutes=1)


_SAFETY_NET_SECONDS = 5
_ONE_MATTER_SECONDS = 5


def safety_net(lane: str, at: datetime) -> tuple[str, timedelta]:
    """Return the key and delay of the `DRAIN` job that covers what a lane is owed by a commit now.

    All commits of a few seconds share one job, which runs once they are over.
    """
    period, into = divmod(at.timestamp(), _SAFETY_NET_SECONDS)
    return f"{DRAIN}:{lane}:{int(period)}", timedelta(seconds=_SAFETY_NET_SECONDS - into + 1)


GivenUp = Callable[[Transaction, Delivery, Exception], Awaitable[None]]
"""Says what a delivery that is given up leaves undone, within the transaction that ends it."""


class ByKind:
    """The port `Messages`, shared out: some kinds of delivery have a way of their own."""

    def __init__(self, usual: Messages, others: Mapping[DeliveryKind, Messages]) -> None:
        """Take the usual way, and the ways of the kinds that have another."""
        self._usual = usual
        self._others = others

    async def deliver(self, delivery: Delivery) -> Posted:
        """Bring one thing up to date, the way that its kind goes."""
        return await self._others.get(delivery.kind, self._usual).deliver(delivery)


class DeliveryPump:
    """Drains lanes."""

    def __init__(
        self,
        uow: UnitOfWork,
        messages: Messages,
        *,
        owner: str,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        given_up: Mapping[DeliveryKind, GivenUp] = MappingProxyType({}),
    ) -> None:
        """Take the store, the way to Slack, this process's identity, and what to do about kinds that are given up."""
        self._uow = uow
        self._messages = messages
        self._owner = owner
        self._pause = pause
        self._given_up = given_up
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._woken_by: dict[str, tuple[Span | None, float]] = {}

    def wake(self, lanes: Iterable[str]) -> None:
        """Have lanes drained soon; never waits, never raises."""
        for lane in lanes:
            self._note_waker(lane)
            if lane in self._running:
                self._again.add(lane)
            else:
                # A context of its own: it goes on with what others want, long after whoever woke it has gone.
                self._running[lane] = asyncio.get_running_loop().create_task(
                    self._drain_here(lane), name=f"deliveries {lane}", context=Context()
                )

    def _note_waker(self, lane: str) -> None:
        """Remember who woke a lane, for its traces: what is wanted there within seconds is taken for one matter."""
        now = asyncio.get_running_loop().time()
        _, since = self._woken_by.get(lane, (None, -math.inf))
        if now - since > _ONE_MATTER_SECONDS:
            self._woken_by[lane] = (tracing.here(), now)

    async def wake_all(self) -> None:
        """Wake every lane that has something to do: at start, and after Slack was away."""
        async with self._uow.begin() as tx:
            self.wake(await tx.deliveries.lanes_waiting())

    async def owners(self) -> frozenset[str]:
        """Return the other processes that hold lanes."""
        async with self._uow.begin() as tx:
            return frozenset(await tx.deliveries.lane_owners()) - {self._owner}

    async def take_over(self, owner: str) -> None:
        """Go on with the lanes of a process that is gone."""
        async with self._uow.begin() as tx:
            await tx.deliveries.release_lanes_of(owner)
        await self.wake_all()

    async def stop(self) -> None:
        """Stop after the deliveries that are under way; the rest stays owed."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def settled(self) -> None:
        """Return when no lane is being drained here."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def drain(self, lane: str) -> timedelta | None:
        """Make sure a lane gets drained: wake it here, and return when to look again; `None` once nothing is owed."""
        async with self._uow.begin() as tx:
            if await tx.deliveries.waiting(lane) is None:
                return None
        self.wake([lane])
        return timedelta(seconds=5)

    async def _drain_here(self, lane: str) -> None:
        try:
            again = True
            while again:
                self._again.discard(lane)
                await self._drain(lane)
                again = lane in self._again
        except StanchError as error:  # the enqueued job comes back to this lane
            logger.warning("deliveries.interrupted lane=%s: %s", lane, error)
        finally:
            self._again.discard(lane)
            self._woken_by.pop(lane, None)
            self._running.pop(lane, None)

    async def _drain(self, lane: str) -> None:
        while True:
            async with self._uow.begin() as tx:
                if not await tx.deliveries.claim_lane(lane, self._owner, _CLAIM):
                    return
                delivery = await tx.deliveries.waiting(lane)
                if delivery is None:
                    await tx.deliveries.release_lane(lane, self._owner)
                    return
                delivery = await tx.deliveries.record_attempt(delivery)
            with about(lane=lane, delivery=delivery.key), self._span(delivery):
                leave_alone = await self._send(delivery)
            await self._pause(leave_alone.total_seconds())

    def _span(self, delivery: Delivery) -> AbstractContextManager[Span]:
        """Return a span in the trace of whoever woke its lane, where that was here and for something."""
        waker, _ = self._woken_by[delivery.lane]
        return tracing.apart(
            "delivery.send",
            {"stanch.delivery.kind": delivery.kind.value, "stanch.delivery.attempt": delivery.attempts},
            kind=Kind.CONSUMER,
            within=waker,
        )

    async def _send(self, delivery: Delivery) -> timedelta:
        """Make one attempt and record its outcome; return how long to leave the lane alone."""
        try:
            posted = await self._messages.deliver(delivery)
        except IntegrationError as error:
            return await self._failed(delivery, error, retryable=error.retryable)
        except StoreUnavailable:
            raise
        except StanchError as error:
            return await self._failed(delivery, error, retryable=False)
        except Exception as error:  # a job runner's catch: one card that cannot be rendered must not hold up its lane
            logger.exception("delivery.broken key=%s", delivery.key)
            return await self._failed(delivery, error, retryable=delivery.attempts < _MAX_BROKEN_ATTEMPTS)
        async with self._uow.begin() as tx:
            await tx.deliveries.record_sent(delivery, channel=posted.channel, ts=posted.ts)
        return _PACE if posted.ts and delivery.ts is None else timedelta(0)

    async def _failed(self, delivery: Delivery, error: Exception, *, retryable: bool) -> timedelta:
        tracing.mark(error)
        give_up = not retryable or delivery.attempts >= _MAX_ATTEMPTS
        log = logger.error if give_up else logger.warning
        log("delivery.failed key=%s attempt=%d give_up=%s: %s", delivery.key, delivery.attempts, give_up, error)
        async with self._uow.begin() as tx:
            await tx.deliveries.record_failure(delivery, str(error), give_up=give_up)
            if give_up and (say := self._given_up.get(delivery.kind)) is not None:
                await say(tx, delivery, error)
        if give_up:
            return timedelta(0)
        if isinstance(error, RateLimited):
            return error.retry_after
        return min(timedelta(seconds=2 ** min(delivery.attempts, 6)) / 2, _LONGEST_PAUSE)
