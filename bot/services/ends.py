"""A containment's end: a reminder before, then it asks, or is undone where its plan says so and that is safe.

Nothing re-enables the harm quietly. An undo at the end needs a verified effect, a signal that is clean now, and targets
that nobody changed; otherwise the containment stays in force and says why. After any undo the signal is watched.
"""

from datetime import datetime, timedelta

from bot.content import Catalog
from bot.domain.actor import STANCH
from bot.domain.containment import Containment, ContainmentState
from bot.domain.delivery import DeliveryKind
from bot.domain.harm import clean_window
from bot.domain.incident import Incident
from bot.domain.runbook import OnEnd
from bot.domain.system import HarmSignal
from bot.domain.timeline import Fact
from bot.domain.timer import Timer
from bot.domain.values import ContainmentId, Now
from bot.errors import IntegrationError, UserError
from bot.services import plans
from bot.services.containments import CARRY_OUT, record
from bot.services.follow_ups import FollowUps
from bot.services.lanes import incident_lane
from bot.services.paging import want_page
from bot.services.ports import Connections, Transaction, UnitOfWork

END_REACHED = "containment.end"
END_NEAR = "containment.end_near"
REVERT = "containment.revert"
WATCH_AFTER = "containment.watch_after"

_REMINDER = timedelta(minutes=15)
_LONGEST_REVERT = timedelta(minutes=30)
_PAUSE = timedelta(seconds=10)
# How many clean windows a signal is watched for after an undo.
_WINDOWS_AFTER = 2


class Ends:
    """Carries out what a containment's end asks for."""

    def __init__(
        self, uow: UnitOfWork, catalog: Catalog, connections: Connections, follow_ups: FollowUps, now: Now
    ) -> None:
        """Take the store, the content, the connections, what plans an undo, and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._connections = connections
        self._follow_ups = follow_ups
        self._now = now

    async def near(self, timer: Timer) -> None:
        """Remind people that a containment's end is near."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(ContainmentId(timer.subject))
            if containment.is_in_force and not containment.end_reached:
                await _note(tx, containment, "end_near", str(timer.generation))

    async def reached(self, timer: Timer) -> None:
        """Ask what is to become of a containment, or begin to undo it."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(ContainmentId(timer.subject))
            if not containment.is_in_force or containment.end_reached:
                return
            if containment.plan.on_end is OnEnd.REVERT:
                key = f"{REVERT}:{containment.id}:{timer.generation}"
                await tx.jobs.enqueue(REVERT, containment.id, key=key)
                return
            text = f"C-{containment.number} reached its end and stays in force until someone extends or undoes it"
            await record(tx, containment.changed(end_reached=True), self._fact("containment.end_reached", text))
            await _note(tx, containment, "end_reached", str(timer.generation))

    async def revert(self, containment_id: ContainmentId) -> timedelta | None:
        """Undo a containment at its end if that is safe; return the pause before another try, `None` when settled."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(containment_id)
            incident = await tx.incidents.get(containment.plan.incident_id)
        ends_at = containment.ends_at
        if not containment.is_in_force or containment.end_reached or ends_at is None or self._now() < ends_at:
            return None
        try:
            if danger := await self._danger(containment, incident):
                await self._keep(containment, danger)
                return None
            reason = f"its end came, as C-{containment.number} was approved with"
            undo = await self._follow_ups.undo_of(containment, incident, STANCH, reason)
        except IntegrationError as error:
            if error.retryable and self._now() - ends_at < _LONGEST_REVERT:
                return _PAUSE
            await self._keep(containment, str(error))
            return None
        except UserError as error:
            await self._keep(containment, str(error))
            return None
        async with self._uow.begin() as tx:
            proposed = await plans.add(tx, undo.changed(by_itself=True))
            approved = proposed.moved(ContainmentState.APPROVED)
            text = f"C-{containment.number} reached its end: it is undone, as its plan was approved with"
            await record(tx, approved, self._fact("plan.approved", text))
            await record(tx, containment.changed(end_reached=True), self._fact("containment.end_reached", text))
            await tx.jobs.enqueue(CARRY_OUT, approved.id, key=f"{CARRY_OUT}:{approved.id}")
        return None

    async def _danger(self, containment: Containment, incident: Incident) -> str:
        """Return why undoing would not be safe; empty when it is."""
        signal = containment.plan.signal
        if containment.effect_verified_at is None or signal is None:
            return "its effect was not verified"
        now = self._now()
        use = self._connections.for_incident(incident.kind)
        readings = await use.samples(signal, now - signal.window - signal.every, now, signal.every)
        if not clean_window(signal, readings, now).has_passed(signal.window - signal.every):
            return f"the harm signal is not clean ({signal.unit}, must be under {signal.below:g})"
        return ""

    async def _keep(self, containment: Containment, danger: str) -> None:
        async with self._uow.begin() as tx:
            kept = containment.changed(end_reached=True, kept_because=danger)
            text = f"C-{containment.number} reached its end and stays in force: {danger}"
            await record(tx, kept, self._fact("containment.kept", text))
            await _note(tx, kept, "kept_at_end", str(containment.version))
            incident = await tx.incidents.get(kept.plan.incident_id)
            said = f"C-{kept.number} was to be undone at its end and was not: {danger}"
            await want_page(tx, incident, f"kept:{kept.id}:{containment.version}", said)

    async def watch_after(self, undo_id: ContainmentId) -> timedelta | None:
        """Look once at the harm signal after an undo; return the pause before the next look, `None` at the end."""
        async with self._uow.begin() as tx:
            undo = await tx.containments.get(undo_id)
            incident = await tx.incidents.get(undo.plan.incident_id)
        signal, undone_at = undo.plan.signal, undo.applied_at
        if signal is None or undone_at is None or undo.harm_returned_at is not None:
            return None
        now = self._now()
        use = self._connections.for_incident(incident.kind)
        try:
            readings = await use.samples(signal, undone_at, max(now, undone_at), signal.every)
        except IntegrationError as error:
            return _PAUSE if error.retryable and now - undone_at < _LONGEST_REVERT else None
        worst = next((reading for reading in readings if reading.value >= signal.below), None)
        if worst is not None:
            await self._harm_returned(undo, signal, worst.at, worst.value)
            return None
        return signal.every if now - undone_at < signal.window * _WINDOWS_AFTER else None

    async def _harm_returned(self, undo: Containment, signal: HarmSignal, at: datetime, value: float) -> None:
        async with self._uow.begin() as tx:
            back = undo.changed(harm_returned_at=at)
            text = f"The harm is back after C-{undo.number}: {value:.2g} {signal.unit}, must be under {signal.below:g}"
            await record(tx, back, self._fact("containment.harm_returned", text))
            await _note(tx, back, "harm_returned", "1")
            if undo.plan.by_itself:
                incident = await tx.incidents.get(undo.plan.incident_id)
                await want_page(tx, incident, f"harm-returned:{undo.id}", f"the harm is back after C-{undo.number}")

    def _fact(self, kind: str, text: str) -> Fact:
        return Fact(kind=kind, at=self._now(), actor=STANCH, text=text)


async def undo_stopped(tx: Transaction, undo: Containment) -> None:
    """Tell the channel and wake the approvers when an undo that began by itself has stopped; of any other, nobody."""
    if not undo.plan.by_itself or undo.plan.of is None:
        return
    original = await tx.containments.get(undo.plan.of)
    incident = await tx.incidents.get(undo.plan.incident_id)
    await _note(tx, undo, "undo_stopped", str(undo.version))
    said = (
        f"C-{original.number} was to be undone at its end and C-{undo.number}, which does so, stopped: {undo.problem}"
    )
    await want_page(tx, incident, f"undo-stopped:{undo.id}:{undo.version}", said)


async def set_end(tx: Transaction, containment: Containment, ends_at: datetime, now: datetime) -> None:
    """Set or move the timers of a containment's end."""
    lasts = ends_at - now
    due = {END_REACHED: ends_at, END_NEAR: ends_at - min(_REMINDER, lasts / 4)}
    for job, due_at in due.items():
        await tx.timers.set(Timer(key=f"{job}:{containment.id}", job=job, subject=containment.id, due_at=due_at))


async def clear_end(tx: Transaction, containment_id: ContainmentId) -> None:
    """Forget the timers of a containment's end."""
    for job in (END_REACHED, END_NEAR):
        await tx.timers.cancel(f"{job}:{containment_id}")


async def _note(tx: Transaction, containment: Containment, what: str, occasion: str) -> None:
    await tx.deliveries.want(
        DeliveryKind.NOTE,
        incident_lane(containment.plan.incident_id),
        f"{what}:{containment.id}:{occasion}",
        payload={"containment": containment.id, "what": what},
    )
