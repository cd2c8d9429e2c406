"""Following remediations until they are done."""

from collections.abc import Sequence

from bot.domain.actor import Actor
from bot.domain.remediation import Remediation
from bot.domain.role import Role
from bot.domain.timeline import Fact
from bot.domain.values import IncidentId, Now
from bot.errors import NotFound
from bot.services.people import People
from bot.services.ports import UnitOfWork


class Remediations:
    """Use cases of remediations."""

    def __init__(self, uow: UnitOfWork, people: People, now: Now) -> None:
        """Take the store, the roles and the clock."""
        self._uow = uow
        self._people = people
        self._now = now

    async def of_incident(self, incident_id: IncidentId) -> Sequence[Remediation]:
        """Return an incident's remediations, oldest first."""
        async with self._uow.begin() as tx:
            return await tx.remediations.of_incident(incident_id)

    async def done(self, actor: Actor, incident_id: IncidentId, number: int, how: str) -> Remediation:
        """Note that one is done; its owner may say so, and any responder.

        Raises:
            NotFound: The incident has no such remediation.
            NotPermitted: The person is neither its owner nor a responder.
            BadCommand: It is not said what was done.
            InvalidTransition: It is done already.
        """
        found = next((each for each in await self.of_incident(incident_id) if each.number == number), None)
        if found is None:
            raise NotFound(f"There is no remediation R-{number} of this incident; `/incident remediation` lists them.")
        if actor != found.owner:
            await self._people.require(actor.id, Role.RESPONDER, "say that a remediation is done")
        done = found.done(actor, how, self._now())
        async with self._uow.begin() as tx:
            saved = await tx.remediations.save(done)
            text = f"R-{done.number} “{done.title}” is done: {done.done_how}"
            fact = Fact(kind="remediation.done", at=self._now(), actor=actor, text=text)
            await tx.timeline.append(incident_id, fact)
        return saved
