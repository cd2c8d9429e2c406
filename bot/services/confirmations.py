"""A person's word that a containment helped, where no harm signal measures it."""

from bot.content import Catalog
from bot.domain.actor import Actor
from bot.domain.containment import Containment
from bot.domain.role import Role
from bot.domain.timeline import Fact
from bot.domain.values import ContainmentId, Now
from bot.services.containments import record
from bot.services.incidents import change_in
from bot.services.people import People
from bot.services.ports import UnitOfWork


class Confirmations:
    """Takes such words down."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, people: People, now: Now) -> None:
        """Take the store, the content, the roles and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._people = people
        self._now = now

    async def confirm(self, actor: Actor, containment_id: ContainmentId, evidence: str) -> Containment:
        """Record that the effect holds, and stop TTM as attested if nothing has stopped it yet.

        Raises:
            NotPermitted: The person is no responder.
            BadCommand: There is no evidence.
            InvalidTransition: A signal measures its effect, or it is not in force, or somebody told already.
        """
        async with self._uow.begin() as tx:
            plan = (await tx.containments.get(containment_id)).plan
        system = self._catalog.systems.get(plan.system_id)
        await self._people.require(actor.id, Role.RESPONDER, "confirm an effect", system)
        at = self._now()
        async with self._uow.begin() as tx:
            confirmed = (await tx.containments.get(containment_id)).effect_confirmed(actor, evidence, at)
            text = f"Confirmed that C-{confirmed.number} helped: {confirmed.confirmed_on}"
            saved = await record(tx, confirmed, Fact(kind="containment.confirmed", at=at, actor=actor, text=text))
            incident = await tx.incidents.get(plan.incident_id)
            mitigated = incident.milestones.mitigated
            if incident.is_open and (mitigated is None or mitigated.provisional):
                await change_in(tx, incident.id, lambda each: each.attested_mitigated(evidence, actor, at))
            return saved
