"""What the delivery pump promises, on a real store, with a Slack that answers as a test says."""

from datetime import timedelta

import pytest

from bot.domain.delivery import Delivery, DeliveryKind
from bot.errors import IntegrationError, RateLimited, Rejected, Unavailable
from bot.services.deliveries import DeliveryPump, safety_net
from bot.services.lanes import TRIAGE
from bot.services.ports import Posted
from bot.store.sql import Store
from tests.builders import NOW, Clock

CARD = DeliveryKind.ALERT_CARD


class Slack:
    """Takes deliveries, or fails with what it was given, one failure a call."""

    def __init__(self) -> None:
        self.delivered: list[str] = []
        self.failures: list[Exception] = []

    async def deliver(self, delivery: Delivery) -> Posted:
        if self.failures:
            raise self.failures.pop(0)
        self.delivered.append(delivery.subject)
        return Posted(channel="C1", ts=f"{len(self.delivered)}.0")


class Pumps:
    """Pumps of several processes on one store; their pauses only move the clock."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.slack = Slack()
        self.paused: list[float] = []

    def pump(self, owner: str = "one") -> DeliveryPump:
        async def pause(seconds: float) -> None:
            self.paused.append(seconds)
            self.clock.advance(timedelta(seconds=seconds))

        return DeliveryPump(self.store, self.slack, owner=owner, pause=pause)

    async def want(self, *subjects: str, lane: str = TRIAGE) -> None:
        async with self.store.begin() as tx:
            for subject in subjects:
                await tx.deliveries.want(CARD, lane, subject)

    async def drained(self, pump: DeliveryPump, lane: str = TRIAGE) -> None:
        pump.wake([lane])
        await pump.settled()

    async def waiting(self, lane: str = TRIAGE) -> Delivery | None:
        async with self.store.begin() as tx:
            return await tx.deliveries.waiting(lane)


@pytest.fixture
def pumps(store: Store, clock: Clock) -> Pumps:
    return Pumps(store, clock)


async def test_a_lane_is_sent_in_order_and_only_once(pumps: Pumps) -> None:
    await pumps.want("a", "b", "c")
    pump = pumps.pump()
    await pumps.drained(pump)
    await pumps.drained(pump)
    assert pumps.slack.delivered == ["a", "b", "c"]
    assert await pumps.waiting() is None


async def test_what_piled_up_is_sent_once(pumps: Pumps) -> None:
    for _ in range(5):
        await pumps.want("a")
    await pumps.drained(pumps.pump())
    assert pumps.slack.delivered == ["a"]


async def test_new_messages_of_a_lane_are_a_second_apart(pumps: Pumps) -> None:
    await pumps.want("a", "b")
    await pumps.drained(pumps.pump())
    assert pumps.paused == [1.0, 1.0]


async def test_slack_is_given_the_time_that_it_asks_for(pumps: Pumps) -> None:
    pumps.slack.failures = [RateLimited("slack", "chat.postMessage", retry_after=timedelta(seconds=7))]
    await pumps.want("a")
    await pumps.drained(pumps.pump())
    assert pumps.paused == [7.0, 1.0]
    assert pumps.slack.delivered == ["a"]


async def test_a_slack_that_is_away_is_asked_again_and_ever_less_often(pumps: Pumps) -> None:
    pumps.slack.failures = [Unavailable("slack", "chat.postMessage", "no answer") for _ in range(4)]
    await pumps.want("a")
    await pumps.drained(pumps.pump())
    assert pumps.paused == [1.0, 2.0, 4.0, 8.0, 1.0]
    assert pumps.slack.delivered == ["a"]


@pytest.mark.parametrize(
    "failures",
    [
        [Rejected("slack", "chat.postMessage", status=200, detail="channel_not_found")],
        [KeyError("a bug in a card")] * 3,
    ],
)
async def test_what_cannot_be_sent_does_not_hold_up_its_lane(
    pumps: Pumps, failures: list[IntegrationError | KeyError]
) -> None:
    pumps.slack.failures = list(failures)
    await pumps.want("broken", "next")
    await pumps.drained(pumps.pump())
    assert pumps.slack.delivered == ["next"]


async def test_what_was_given_up_is_sent_when_it_is_wanted_again(pumps: Pumps) -> None:
    pumps.slack.failures = [Rejected("slack", "chat.postMessage", status=200, detail="channel_not_found")]
    await pumps.want("a")
    pump = pumps.pump()
    await pumps.drained(pump)
    assert await pumps.waiting() is None
    await pumps.want("a")
    await pumps.drained(pump)
    assert pumps.slack.delivered == ["a"]


async def test_a_lane_that_another_process_sends_is_left_to_it(pumps: Pumps) -> None:
    await pumps.want("a")
    async with pumps.store.begin() as tx:
        assert await tx.deliveries.claim_lane(TRIAGE, "another", timedelta(minutes=1))
    pump = pumps.pump()
    await pumps.drained(pump)
    assert pumps.slack.delivered == []
    assert await pump.drain(TRIAGE) == timedelta(seconds=5)
    assert await pump.owners() == {"another"}

    await pump.take_over("another")
    await pump.settled()
    assert pumps.slack.delivered == ["a"]
    assert await pump.drain(TRIAGE) is None


async def test_a_claim_that_ran_out_is_free(pumps: Pumps) -> None:
    await pumps.want("a")
    async with pumps.store.begin() as tx:
        await tx.deliveries.claim_lane(TRIAGE, "another", timedelta(0))
    await pumps.drained(pumps.pump())
    assert pumps.slack.delivered == ["a"]


async def test_everything_that_is_owed_is_found_at_start(pumps: Pumps) -> None:
    await pumps.want("a", lane="incident:1")
    await pumps.want("b", lane="incident:2")
    pump = pumps.pump()
    await pump.wake_all()
    await pump.settled()
    assert sorted(pumps.slack.delivered) == ["a", "b"]


def test_commits_of_the_same_seconds_share_one_safety_net() -> None:
    first, delay = safety_net(TRIAGE, NOW)
    again, later = safety_net(TRIAGE, NOW + timedelta(seconds=3))
    other, _ = safety_net(TRIAGE, NOW + timedelta(seconds=6))
    assert first == again != other
    assert delay - later == timedelta(seconds=3)
