"""Applies the retention policy: removes what is beyond its time, and of old incidents the words, never the record.

Everything goes in small commits, and each query finds what is still there, so a sweep that is killed is simply begun
again. Whatever the policy says, an open incident is not touched: every query asks for resolved ones, and the domain
refuses the rest.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby

from bot.domain.retention import DataClass, RetentionPolicy, holds_words, redaction, removal
from bot.domain.values import IncidentId, Now
from bot.errors import Conflict
from bot.services.ports import UnitOfWork
from bot.services.upkeep_ports import FinishedJobs

SWEEP = "retention.sweep"

logger = logging.getLogger(__name__)

# A commit of so many takes a few hundredths of a second, which is what others wait for on SQLite.
_MOST = 200


class Retention:
    """Sweeps."""

    def __init__(self, uow: UnitOfWork, policy: RetentionPolicy, jobs: FinishedJobs, now: Now) -> None:
        """Take the store, the policy, the ended jobs and the clock."""
        self._uow = uow
        self._policy = policy
        self._jobs = jobs
        self._now = now

    async def sweep(self, instant: str) -> timedelta | None:
        """Remove all that is beyond its time now; `instant` names the occasion in the log. Always done in one go."""
        at = self._now()
        counts = {what: await self._removed(what, at) for what in DataClass}
        said = " ".join(f"{what.value}={count}" for what, count in counts.items())
        logger.info("retention.swept due=%s policy=%d %s", instant, self._policy.version, said)
        return None

    async def _removed(self, what: DataClass, at: datetime) -> int:
        before = self._policy.cutoff(what, at)
        if before is None:
            return 0
        match what:
            case DataClass.PERSONAL_DATA:
                return await self._words_erased(before, at)
            case DataClass.EVIDENCE:
                return await self._evidence_removed(before, at)
            case DataClass.JOBS:
                return await self._jobs_forgotten(before)
            case _:
                return await self._rows_removed(what, before, at)

    async def _rows_removed(self, what: DataClass, before: datetime, at: datetime) -> int:
        removed = 0
        while True:
            try:
                async with self._uow.begin() as tx:
                    await tx.leftovers.overwrite()
                    some = await tx.leftovers.remove(what, before, self._policy.hold, most=_MOST, at=at)
            except Conflict:
                continue  # an alert of one of these came in at the same moment: they are looked at again
            if not some:
                return removed
            removed += some

    async def _evidence_removed(self, before: datetime, at: datetime) -> int:
        removed = 0
        while True:
            async with self._uow.begin() as tx:
                await tx.leftovers.overwrite()
                found = await tx.leftovers.evidence(before, self._policy.hold, most=_MOST)
                await tx.evidence.remove(found, at)
                for incident_id, some in groupby(found, key=lambda each: each.incident_id):
                    await tx.timeline.append(incident_id, removal(list(some), self._policy.version, at))
            if not found:
                return removed
            removed += len(found)

    async def _jobs_forgotten(self, before: datetime) -> int:
        forgotten = 0
        while some := await self._jobs.forget(before, most=_MOST):
            forgotten += some
        return forgotten

    async def _words_erased(self, before: datetime, at: datetime) -> int:
        erased, number = 0, 0
        while True:
            async with self._uow.begin() as tx:
                found = await tx.leftovers.incidents_with_words(before, self._policy.hold, after=number, most=_MOST)
            if not found:
                return erased
            for number, incident_id in found:  # noqa: B007 - the last number is where the next look begins
                erased += await self._redacted(incident_id, before, at)

    async def _redacted(self, incident_id: IncidentId, before: datetime, at: datetime) -> bool:
        """Erase the words of one incident in one commit; leave it to the next sweep if somebody changes it meanwhile.

        Raises:
            InvalidTransition: It is open.
        """
        try:
            async with self._uow.begin() as tx:
                if not await tx.leftovers.has_words(incident_id, before, self._policy.hold):
                    return False
                await tx.leftovers.overwrite()
                incident = await tx.incidents.get(incident_id)
                await tx.incidents.save(incident.redacted(at))
                for containment in await tx.containments.of_incident(incident_id):
                    if containment.redacted() != containment:
                        await tx.containments.save(containment.redacted())
                for remediation in await tx.remediations.of_incident(incident_id):
                    if remediation.redacted() != remediation:
                        await tx.remediations.save(remediation.redacted())
                events = [event for event in await tx.timeline.events(incident_id) if holds_words(event)]
                await tx.timeline.redact(incident_id, events, redaction(events, self._policy.version, at))
        except Conflict as error:
            logger.info("retention.left_alone incident=%s: %s", incident_id, error)
            return False
        return True


async def due(uow: UnitOfWork, policy: RetentionPolicy, at: datetime) -> Mapping[DataClass, int]:
    """Return how much of each class would go now, without the jobs; nothing is changed."""
    counts: dict[DataClass, int] = {}
    for what in DataClass:
        before = policy.cutoff(what, at)
        if before is not None and what is not DataClass.JOBS:
            async with uow.begin() as tx:
                counts[what] = await tx.leftovers.count(what, before, policy.hold)
    return counts
