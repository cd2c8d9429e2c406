"""Carrying a containment out: change after change, each attempt recorded before its call, doubts settled by reading.

`advance` takes one small step from what the rows say and returns how long to wait before the next, `None` when there is
none. It can be killed
anywhere: whoever calls it again goes on from the rows. A change that was attempted is never written again before it was
    read.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from uuid import uuid4

from bot import tracing
from bot.content import Catalog
from bot.domain import policy as rules
from bot.domain.actor import STANCH, Actor
from bot.domain.change import Change
from bot.domain.containment import Containment, ContainmentState, Progress, StepState
from bot.domain.incident import Incident
from bot.domain.plan import Plan, PlanKind, Promise, Rebase
from bot.domain.remediation import Remediation
from bot.domain.timeline import Fact
from bot.domain.values import ContainmentId, JsonObject, Now, RemediationId
from bot.errors import Conflict, IntegrationError, RateLimited, Unavailable, UserError
from bot.sdk import Action
from bot.services.containments import record
from bot.services.ends import WATCH_AFTER, clear_end, set_end, undo_stopped
from bot.services.ports import Connections, Transaction, UnitOfWork
from bot.services.preservation import Preservation
from bot.services.standing import look_later, look_no_more
from bot.services.watching import WATCH
from bot.tracing import Span, Value

AT_ONCE = timedelta(0)
_PAUSE = timedelta(seconds=1)
# After a lost answer the request may still be running at the vendor, so "reads as before" proves nothing until this
# has passed.
_SETTLE = timedelta(seconds=10)
_READ_BACK_WITHIN = timedelta(seconds=60)
_GIVE_UP_AFTER = timedelta(minutes=5)
# The harm goes on while evidence is waited for.
_PRESERVE_WITHIN = timedelta(seconds=30)
_MAX_ATTEMPTS = 5


class Execution:
    """Carries containments out."""

    def __init__(
        self, uow: UnitOfWork, catalog: Catalog, connections: Connections, preservation: Preservation, now: Now
    ) -> None:
        """Take the store, the content, the connections, what preserves evidence, and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._connections = connections
        self._preservation = preservation
        self._now = now

    async def advance(self, containment_id: ContainmentId) -> timedelta | None:
        """Take the next step; return the pause before the one after it, `None` when there is nothing left to do."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(containment_id)
            incident = await tx.incidents.get(containment.plan.incident_id)
        try:
            if containment.state is ContainmentState.APPROVED:
                return await self._begin(containment)
            if containment.state is ContainmentState.APPLYING:
                return await self._step(containment, incident)
        except Conflict:
            return AT_ONCE
        return None

    async def _begin(self, containment: Containment) -> timedelta | None:
        plan = containment.plan
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(plan.incident_id)
            try:
                await self._check_approved(tx, containment, incident)
                if await tx.containments.claim_targets(containment) is not None:
                    return _PAUSE
                await _check_stack(tx, plan)
            except UserError as error:
                await tx.containments.release_targets(containment.id)
                refused = containment.moved(ContainmentState.FAILED, problem=str(error))
                fact = self._fact("containment.refused", f"C-{refused.number} refused: {error}")
                await undo_stopped(tx, await record(tx, refused, fact))
                return None
            begun = containment.moved(ContainmentState.APPLYING, has_begun=True)
            fact = self._fact("containment.begun", f"Carrying out C-{containment.number} “{plan.title}”")
            await record(tx, begun, fact)
        return AT_ONCE

    async def _check_approved(self, tx: Transaction, containment: Containment, incident: Incident) -> None:
        """Refuse what is not, or no longer, approved as it stands.

        Raises:
            PlanExpired, ApprovalMissing: See `policy`.
        """
        plan, policy = containment.plan, self._catalog.policy
        if plan.by_itself and plan.kind is PlanKind.UNDO and plan.of is not None:
            original = await tx.containments.get(plan.of)
            rules.check_may_revert(policy, original.plan, original.approvals)
            return
        rules.check_may_carry_out(policy, plan, containment.approvals, incident.severity, self._now())

    async def _step(self, containment: Containment, incident: Incident) -> timedelta | None:
        index = containment.next_step
        if index is None:
            return await self._finish(containment)
        change, progress = containment.plan.changes[index], containment.progress[index]
        if progress.state is StepState.PENDING and containment.evidence_wanted:
            return await self._preserve(containment, incident)
        action = self._connections.for_incident(incident.kind).action(change.action, change.connection)
        reading = "containment.verify" if progress.state is StepState.APPLIED else "containment.read"
        try:
            with _span(reading, containment, index):
                current = await action.read(change.ref)
        except IntegrationError as error:
            return await self._unreadable(containment, progress, error)
        if progress.state is StepState.PENDING:
            return await self._write(containment, index, action, current)
        if progress.state is StepState.ATTEMPTED:
            return await self._probe(containment, index, action, current)
        return await self._read_back(containment, index, current)

    async def _preserve(self, containment: Containment, incident: Incident) -> timedelta | None:
        """Preserve what the next change may destroy; what cannot be preserved stops it after a short while."""
        shortfall = await self._preservation.preserve(containment, incident)
        if shortfall is None:
            return AT_ONCE
        async with self._uow.begin() as tx:
            current = await tx.containments.get(containment.id)
        at = self._now()
        failing = current.changed(unpreserved_since=current.unpreserved_since or at)
        if shortfall.is_final or at - (failing.unpreserved_since or at) >= _PRESERVE_WITHIN:
            return await self._fail(failing, f"{shortfall.problem} The change that waits for it was not written.")
        if failing != current:
            async with self._uow.begin() as tx:
                await tx.containments.save(failing)
        return _PAUSE

    async def _write(
        self, containment: Containment, index: int, action: Action, current: JsonObject
    ) -> timedelta | None:
        """Attempt a change whose target still reads as planned."""
        change = containment.plan.changes[index]
        if current != change.before:
            return await self._fail(containment, _drift(change))
        progress = containment.progress[index]
        if progress.attempts >= _MAX_ATTEMPTS:
            return await self._fail(containment, f"“{change.summary}” did not go through in {_MAX_ATTEMPTS} attempts.")
        attempted = containment.with_progress(
            index, state=StepState.ATTEMPTED, attempts=progress.attempts + 1, attempted_at=self._now()
        )
        async with self._uow.begin() as tx:
            attempted = await tx.containments.save(attempted)
        key = f"{containment.id}/{index}"
        try:
            with _span("containment.apply", attempted, index):
                await action.apply(change.ref, change.before, change.after, key=key)
        except RateLimited as error:
            return await self._not_written(attempted, index, error.retry_after)
        except Unavailable:
            return _PAUSE
        except (IntegrationError, UserError) as error:
            return await self._fail(attempted.with_progress(index, state=StepState.FAILED), str(error))
        return await self._applied(attempted, index)

    async def _not_written(self, containment: Containment, index: int, pause: timedelta) -> timedelta:
        async with self._uow.begin() as tx:
            await tx.containments.save(containment.with_progress(index, state=StepState.PENDING))
        return pause

    async def _probe(
        self, containment: Containment, index: int, action: Action, current: JsonObject
    ) -> timedelta | None:
        """Find out what became of an attempt whose answer is not known."""
        change, progress = containment.plan.changes[index], containment.progress[index]
        if current == change.after:
            return await self._applied(containment, index)
        attempted_at = progress.attempted_at or self._now()
        if self._now() - attempted_at < _SETTLE:
            return _PAUSE
        if current == change.before:
            return await self._write(containment, index, action, current)
        return await self._doubt(
            containment,
            f"“{change.summary}” was attempted and the target now reads as neither before nor after. "
            "Look at the vendor, then undo or plan again.",
        )

    async def _applied(self, containment: Containment, index: int) -> timedelta:
        change = containment.plan.changes[index]
        applied = containment.with_progress(index, state=StepState.APPLIED, applied_at=self._now())
        async with self._uow.begin() as tx:
            await record(tx, applied, self._fact("change.applied", f"Applied: {change.summary}", change))
        return AT_ONCE

    async def _read_back(self, containment: Containment, index: int, current: JsonObject) -> timedelta | None:
        change, progress = containment.plan.changes[index], containment.progress[index]
        if current == change.after:
            verified = containment.with_progress(index, state=StepState.VERIFIED, verified_at=self._now())
            async with self._uow.begin() as tx:
                await record(tx, verified, self._fact("change.verified", f"Reads back: {change.summary}", change))
            return AT_ONCE
        if progress.applied_at and self._now() - progress.applied_at < _READ_BACK_WITHIN:
            return _PAUSE
        return await self._fail(containment, f"The vendor accepted “{change.summary}” but does not show it.")

    async def _unreadable(
        self, containment: Containment, progress: Progress, error: IntegrationError
    ) -> timedelta | None:
        began = progress.attempted_at or containment.plan.requested_at
        since = max(began, containment.resumed_at or began)
        if error.retryable and self._now() - since < _GIVE_UP_AFTER:
            return error.retry_after if isinstance(error, RateLimited) else _PAUSE
        if progress.state is StepState.PENDING:
            return await self._fail(containment, str(error))
        return await self._doubt(containment, f"A change was attempted and cannot be read back. {error}")

    async def _finish(self, containment: Containment) -> timedelta | None:
        """Every change reads back: hand over to the watch of the effect, or settle what an undo or extend was about."""
        at, plan = self._now(), containment.plan
        done = containment.changed(applied_at=at, state_verified_at=at)
        async with self._uow.begin() as tx:
            await tx.containments.release_targets(containment.id)
            if plan.kind is not PlanKind.APPLY:
                await self._settle_original(tx, done, at)
                text = f"C-{done.number} “{plan.title}” is done and reads back"
                await record(tx, done.moved(ContainmentState.VERIFIED), self._fact("containment.verified", text))
                return None
            ends_at = at + plan.duration
            await set_end(tx, containment, ends_at, at)
            await look_later(tx, containment.id, at)
            state = ContainmentState.WATCHING if plan.signal else ContainmentState.VERIFIED
            text = f"C-{done.number}: every change reads back"
            fact = self._fact("containment.state_verified", text)
            await record(tx, done.moved(state, ends_at=ends_at), fact)
            if plan.signal:
                await tx.jobs.enqueue(WATCH, containment.id, key=f"{WATCH}:{containment.id}")
        return None

    async def _settle_original(self, tx: Transaction, done: Containment, at: datetime) -> None:
        """Mark what was undone as undone, or move the end of what was extended."""
        if done.plan.of is None:
            return
        original = await tx.containments.get(done.plan.of)
        if done.plan.kind is PlanKind.UNDO:
            await clear_end(tx, original.id)
            await look_no_more(tx, original.id)
            undone = original.moved(ContainmentState.UNDONE, undone_by=done.id)
            await record(tx, undone, self._fact("containment.undone", f"C-{original.number} was undone"))
            await self._rebase(tx, original, done.plan.rebases)
            if done.plan.signal:
                await tx.jobs.enqueue(WATCH_AFTER, done.id, key=f"{WATCH_AFTER}:{done.id}")
            return
        ends_at = at + done.plan.duration
        await set_end(tx, original, ends_at, at)
        if done.plan.remediation is not None:
            await self._keep(tx, original, done.plan.remediation, ends_at, done.plan.requested_by)
            return
        text = f"C-{original.number} now ends {ends_at:%Y-%m-%d %H:%M} UTC"
        extended = original.changed(ends_at=ends_at, end_reached=False, kept_because="")
        await record(tx, extended, self._fact("containment.extended", text))

    async def _keep(
        self, tx: Transaction, original: Containment, promise: Promise, due_at: datetime, by: Actor
    ) -> None:
        """Open the remediation for whose sake a containment stays in force."""
        remediation = Remediation(
            id=RemediationId(uuid4().hex),
            incident_id=original.plan.incident_id,
            containment_id=original.id,
            number=await tx.remediations.next_number(original.plan.incident_id),
            title=promise.title,
            owner=promise.owner,
            due_at=due_at,
            opened_at=self._now(),
            opened_by=by,
        )
        await tx.remediations.add(remediation)
        text = (
            f"C-{original.number} is kept until R-{remediation.number} “{remediation.title}” is due, "
            f"{due_at:%Y-%m-%d %H:%M} UTC"
        )
        payload = {"remediation": remediation.id, "owner": remediation.owner.id}
        kept = original.changed(ends_at=due_at, end_reached=False, kept_because="", kept_for=remediation.number)
        fact = self._fact("remediation.opened", text)
        await record(tx, kept, fact.changed(payload=payload))

    async def _rebase(self, tx: Transaction, undone: Containment, rebases: Sequence[Rebase]) -> None:
        """Have the younger containments on the same targets start from what the undone one had found."""
        for rebase in rebases:
            younger = (await tx.containments.get(rebase.containment)).rebased_by(rebase)
            text = (
                f"C-{younger.number} stays in force and now starts from what C-{undone.number} had found, "
                "which was undone from under it"
            )
            payload = {"before": rebase.becomes.before, "after": rebase.becomes.after, "target": rebase.becomes.ref}
            fact = Fact(kind="containment.rebased", at=self._now(), actor=STANCH, text=text, payload=payload)
            await record(tx, younger, fact)

    async def _fail(self, containment: Containment, problem: str) -> timedelta | None:
        return await self._stop(containment, ContainmentState.FAILED, problem)

    async def _doubt(self, containment: Containment, problem: str) -> timedelta | None:
        return await self._stop(containment, ContainmentState.IN_DOUBT, problem)

    async def _stop(self, containment: Containment, state: ContainmentState, problem: str) -> timedelta | None:
        """Stop where things stand and say so; what is in force stays until a person undoes it. No step follows."""
        async with self._uow.begin() as tx:
            await tx.containments.release_targets(containment.id)
            stopped = containment.moved(state, problem=problem)
            label = state.value.replace("_", " ")
            fact = self._fact(f"containment.{state.value}", f"C-{stopped.number} {label}: {problem}")
            await undo_stopped(tx, await record(tx, stopped, fact))
        return None

    def _fact(self, kind: str, text: str, change: Change | None = None) -> Fact:
        payload = {"before": change.before, "after": change.after, "target": change.ref} if change else {}
        return Fact(kind=kind, at=self._now(), actor=STANCH, text=text, payload=payload)


def _span(name: str, containment: Containment, index: int) -> AbstractContextManager[Span]:
    change = containment.plan.changes[index]
    known: dict[str, Value] = {
        "stanch.incident": containment.plan.incident_id,
        "stanch.containment": containment.id,
        "stanch.step": change.step,
        "stanch.action": change.action,
        "stanch.connection": change.connection,
        "stanch.attempt": containment.progress[index].attempts,
    }
    return tracing.span(name, known)


async def _check_stack(tx: Transaction, plan: Plan) -> None:
    """Refuse an undo from under containments that have changed since it was planned."""
    for rebase in plan.rebases:
        (await tx.containments.get(rebase.containment)).rebased_by(rebase)


def _drift(change: Change) -> str:
    return f"Somebody changed the target after the plan was read, so “{change.summary}” was not written. Plan again."
