"""Whether what a containment wrote still is in place, for as long as it is in force.

A vendor may forget a run-time change when it is reloaded or restarted, and anybody may change a target: no harm signal
is watched any more once the effect is verified, so the targets themselves are read. Twice in a row, because an undo or
another containment may be writing at that very moment.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from bot.domain.actor import STANCH
from bot.domain.change import Change
from bot.domain.containment import Containment, ContainmentState
from bot.domain.delivery import DeliveryKind
from bot.domain.incident import Incident
from bot.domain.timeline import Fact
from bot.domain.timer import Timer
from bot.domain.values import ContainmentId, JsonObject, Now
from bot.errors import Conflict, IntegrationError, UserError
from bot.services.containments import record
from bot.services.lanes import incident_lane
from bot.services.paging import want_page
from bot.services.plans import by_age
from bot.services.ports import Connections, Transaction, UnitOfWork

STANDS = "containment.stands"

_EVERY = timedelta(minutes=2)
_LOOKED_AT = frozenset({ContainmentState.WATCHING, ContainmentState.VERIFIED})


class Standing:
    """Looks whether containments still stand."""

    def __init__(self, uow: UnitOfWork, connections: Connections, now: Now) -> None:
        """Take the store, the connections and the clock."""
        self._uow = uow
        self._connections = connections
        self._now = now

    async def look(self, timer: Timer) -> None:
        """Read the targets of a containment in force, tell once what is not in place any more, and look again later."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(ContainmentId(timer.subject))
            incident = await tx.incidents.get(containment.plan.incident_id)
            last = {change.target_key: change for change in containment.touched}.values()
            own = [change for change in last if await _is_on_top(tx, containment, change)]
        if not containment.is_in_force:
            return
        if containment.state in _LOOKED_AT:
            reads = [(change, await self._read(incident, change)) for change in own]
            with suppress(Conflict):  # the next look sees what became of it
                await self._compare(containment, incident, reads)
        async with self._uow.begin() as tx:
            await look_later(tx, containment.id, self._now())

    async def _read(self, incident: Incident, change: Change) -> JsonObject | None:
        """Return what a target reads, `None` where it cannot be read now or its connection is gone."""
        try:
            action = self._connections.for_incident(incident.kind).action(change.action, change.connection)
            return await action.read(change.ref)
        except (IntegrationError, UserError):
            return None

    async def _compare(
        self, seen: Containment, incident: Incident, reads: Sequence[tuple[Change, JsonObject | None]]
    ) -> None:
        if not reads or any(read is None for _, read in reads):
            return
        missing = "; ".join(_missing(change, read) for change, read in reads if read != change.after)
        if not missing and seen.missing_since is not None:
            await self._stands_again(seen)
        elif missing and seen.missing_since is None:
            async with self._uow.begin() as tx:
                await tx.containments.save(seen.changed(missing_since=self._now()))
        elif missing and missing != seen.missing:
            gone = any(read == change.before for change, read in reads)
            await self._tell(seen.changed(missing=missing), incident, wakes=gone)

    async def _stands_again(self, seen: Containment) -> None:
        back = seen.changed(missing_since=None, missing="")
        async with self._uow.begin() as tx:
            if seen.missing:
                text = f"C-{seen.number} reads as it was written again"
                await record(tx, back, Fact(kind="containment.stands", at=self._now(), actor=STANCH, text=text))
            else:
                await tx.containments.save(back)

    async def _tell(self, missing: Containment, incident: Incident, *, wakes: bool) -> None:
        """Tell the channel; wake the approvers where a target reads as before, so that the harm may be back."""
        text = f"C-{missing.number} is not in place any more, without having been undone: {missing.missing}"
        async with self._uow.begin() as tx:
            fact = Fact(kind="containment.missing", at=self._now(), actor=STANCH, text=text)
            saved = await record(tx, missing, fact)
            await tx.deliveries.want(
                DeliveryKind.NOTE,
                incident_lane(incident.id),
                f"missing:{saved.id}:{saved.version}",
                payload={"containment": saved.id, "what": "missing"},
            )
            if wakes:
                await want_page(tx, incident, f"missing:{saved.id}:{saved.version}", text)


async def look_later(tx: Transaction, containment_id: ContainmentId, now: datetime) -> None:
    """Have a containment in force looked at again."""
    timer = Timer(key=f"{STANDS}:{containment_id}", job=STANDS, subject=containment_id, due_at=now + _EVERY)
    await tx.timers.set(timer)


async def look_no_more(tx: Transaction, containment_id: ContainmentId) -> None:
    """Forget about looking."""
    await tx.timers.cancel(f"{STANDS}:{containment_id}")


async def _is_on_top(tx: Transaction, containment: Containment, change: Change) -> bool:
    """Whether no younger containment has written to the change's target."""
    stack = by_age(await tx.containments.in_force_on({change.target_key}))
    return bool(stack) and stack[-1].id == containment.id


def _missing(change: Change, read: JsonObject | None) -> str:
    how = "as before it" if read == change.before else "otherwise"
    return f"“{change.summary}” was written, and the target reads {how} now"
