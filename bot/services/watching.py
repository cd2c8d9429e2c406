"""Watching the harm signal: whether a containment helped, and when the harm began.

Each look asks for the whole span since the change, so a look that was missed costs nothing: the clean window is what
the samples say, not what this process happened to see.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.content import Catalog
from bot.domain.actor import STANCH
from bot.domain.containment import Containment, ContainmentState
from bot.domain.harm import CleanWindow, Sample, clean_window, harm_began
from bot.domain.incident import Incident
from bot.domain.milestones import Basis, MilestoneName
from bot.domain.system import HarmSignal
from bot.domain.timeline import Fact
from bot.domain.values import ContainmentId, IncidentId, Now, human_duration
from bot.errors import Conflict, IntegrationError
from bot.services.containments import record
from bot.services.incidents import Incidents, change_in
from bot.services.ports import Connections, Transaction, UnitOfWork

WATCH = "containment.watch"

_LOOK_BACK_GIVES_UP = timedelta(minutes=10)
_LOOK_BACK_PAUSE = timedelta(seconds=15)


class Watching:
    """Looks at harm signals."""

    def __init__(
        self, uow: UnitOfWork, catalog: Catalog, connections: Connections, incidents: Incidents, now: Now
    ) -> None:
        """Take the store, the content, the connections, the incident service and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._connections = connections
        self._incidents = incidents
        self._now = now

    async def look(self, containment_id: ContainmentId) -> timedelta | None:
        """Look once at a containment's effect; return the pause before the next look, `None` when it is settled."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(containment_id)
            incident = await tx.incidents.get(containment.plan.incident_id)
        signal, applied_at = containment.plan.signal, containment.applied_at
        if containment.state is not ContainmentState.WATCHING or signal is None or applied_at is None:
            return None
        if self._now() < applied_at:  # the clock was set back, or the replica that applied it is ahead of this one
            return signal.every
        try:
            readings = await self._readings(incident, signal, applied_at, self._now(), signal.every)
        except IntegrationError as error:
            return await self._blind(containment, signal, error)
        try:
            return await self._judge(containment, signal, clean_window(signal, readings, self._now()))
        except Conflict:
            return timedelta(0)

    async def _judge(self, containment: Containment, signal: HarmSignal, window: CleanWindow) -> timedelta | None:
        reading = window.last.value if window.last else None
        seen = containment.changed(clean_since=window.since, last_reading=reading)
        if window.has_passed(signal.window):
            await self._verified(seen, signal)
            return None
        applied_at = containment.applied_at or self._now()
        if window.since is None and self._now() - applied_at >= signal.give_up_after:
            await self._gave_up(seen, signal)
            return None
        if window.since != containment.clean_since:
            await self._window_moved(seen, signal)
        return signal.every

    async def _window_moved(self, seen: Containment, signal: HarmSignal) -> None:
        at = self._now()
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(seen.plan.incident_id)
            await record(tx, seen, self._fact("containment.signal_read", _said(signal, seen), at))
            await self._move_milestone(tx, incident, seen, signal, at)

    async def _move_milestone(
        self, tx: Transaction, incident: Incident, seen: Containment, signal: HarmSignal, at: datetime
    ) -> None:
        """Keep the incident's provisional mitigation where the clean window starts."""
        mitigated = incident.milestones.mitigated
        since = _clean_since(incident, seen)
        settled = mitigated is not None and (not mitigated.provisional or mitigated.at == since)
        if settled or not incident.is_open:
            return
        if since is not None:
            await change_in(tx, incident.id, lambda each: each.harm_stopped(since, _note(signal), seen.id, at, STANCH))
        elif mitigated is not None:
            await change_in(tx, incident.id, lambda each: each.harm_returned(at, STANCH, _said(signal, seen)))

    async def _verified(self, seen: Containment, signal: HarmSignal) -> None:
        at = self._now()
        async with self._uow.begin() as tx:
            await self._move_milestone(tx, await tx.incidents.get(seen.plan.incident_id), seen, signal, at)
            text = f"C-{seen.number} verified: under {signal.below:g} {signal.unit} for {human_duration(signal.window)}"
            verified = seen.moved(ContainmentState.VERIFIED, effect_verified_at=at)
            await record(tx, verified, self._fact("containment.verified", text, at))
            mitigated = (await tx.incidents.get(seen.plan.incident_id)).milestones.mitigated
            if mitigated is not None and mitigated.provisional:
                await change_in(tx, seen.plan.incident_id, lambda each: each.harm_stop_confirmed(at, STANCH))

    async def _gave_up(self, seen: Containment, signal: HarmSignal) -> None:
        problem = (
            f"Applied and read back, but the harm goes on: {_said(signal, seen)}. "
            "Undo it if it does not help, and take the next step up the ladder."
        )
        await self._fail(seen, problem)

    async def _blind(self, containment: Containment, signal: HarmSignal, error: IntegrationError) -> timedelta | None:
        applied_at = containment.applied_at or self._now()
        if error.retryable and self._now() - applied_at < signal.give_up_after + signal.window:
            return max(signal.every, timedelta(seconds=1))
        await self._fail(containment, f"Applied and read back, but its effect could not be measured. {error}")
        return None

    async def _fail(self, containment: Containment, problem: str) -> None:
        at = self._now()
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(containment.plan.incident_id)
            failed = containment.moved(ContainmentState.FAILED, problem=problem, clean_since=None)
            text = f"C-{containment.number} failed: {problem}"
            await record(tx, failed, self._fact("containment.failed", text, at))
            if containment.plan.signal:
                await self._move_milestone(tx, incident, failed, containment.plan.signal, at)

    async def look_back(self, incident_id: IncidentId) -> timedelta | None:
        """Ask when the harm signal first crossed its threshold, and set the incident's start from it.

        A start that a person has set stays. Returns the pause before another try, `None` when there is nothing more to
        do.
        """
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(incident_id)
        system = self._catalog.systems.get(incident.system_id) if incident.system_id else None
        detected = incident.milestones.detected
        if incident.milestones.started or detected is None or system is None or not system.signals:
            return None
        signal = next(iter(system.signals.values()))
        step = signal.look_back_every
        try:
            began = await self._began(incident, signal, detected.at - signal.look_back, detected.at, step)
            if began is not None and step > signal.every:
                # Coarse over the whole span, then as fine as the signal is within the step that holds the crossing.
                began = await self._began(incident, signal, began - step, began, signal.every) or began
        except IntegrationError as error:
            waited = self._now() - detected.at
            return _LOOK_BACK_PAUSE if error.retryable and waited < _LOOK_BACK_GIVES_UP else None
        if began is None:
            return None
        note = f"first sample at or above {signal.below:g} {signal.unit}, read every {human_duration(signal.every)}"
        await self._incidents.change(
            incident_id, lambda each: each.with_started(began, Basis.OBSERVED, note, STANCH, self._now())
        )
        return None

    async def _began(
        self, incident: Incident, signal: HarmSignal, start: datetime, end: datetime, step: timedelta
    ) -> datetime | None:
        return harm_began(signal, await self._readings(incident, signal, start, end, step))

    async def _readings(
        self, incident: Incident, signal: HarmSignal, start: datetime, end: datetime, step: timedelta
    ) -> Sequence[Sample]:
        use = self._connections.for_incident(incident.kind)
        return await use.samples(signal, start, end, step)

    def _fact(self, kind: str, text: str, at: datetime) -> Fact:
        return Fact(kind=kind, at=at, actor=STANCH, text=text)


def _clean_since(incident: Incident, seen: Containment) -> datetime | None:
    """Return when the clean window starts; never before the detection, whatever the clocks of signal and sender say."""
    if seen.clean_since is None:
        return None
    return incident.milestones.not_before_others(MilestoneName.MITIGATED, seen.clean_since)


def _note(signal: HarmSignal) -> str:
    return f"start of the clean window: under {signal.below:g} {signal.unit}"


def _said(signal: HarmSignal, containment: Containment) -> str:
    if containment.last_reading is None:
        return "the harm signal has no samples"
    return f"{containment.last_reading:.2g} {signal.unit}, must be under {signal.below:g}"
