"""One walk of the demo's path, from a fresh alert to a resolved incident, whatever happens to Stanch meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.demo import story
from bot.domain.containment import Containment, ContainmentState
from bot.domain.incident import Incident
from bot.domain.plan import PlanKind
from bot.workspace.client import Person
from tests.chaos.people import Actor, Broken, wait_until
from tests.chaos.record import Record
from tests.chaos.sender import Sender
from tests.chaos.setting import fresh_alert

_RUNBOOK = "Roll the prompt back"
_REFUSAL = "cannot approve it"


@dataclass(frozen=True)
class Cast:
    """Who and what a path is played with.

    Attributes:
        storms: Whether alerts pour in while the incident is being contained.
    """

    commander: Person
    responder: Person
    sender: Sender
    record: Record
    broken: Broken
    storms: bool


@dataclass(frozen=True)
class Walked:
    """A path that was walked to its end.

    Attributes:
        private_doubled: Private refusals beyond the one that was asked for; a repeated press may cause one.
    """

    incident: Incident
    private_doubled: int


class Path:
    """One walk; `walk` may be called once."""

    def __init__(self, cast: Cast) -> None:
        """Take the cast."""
        self._cast = cast
        self._title = ""
        self._commander: Actor
        self._responder: Actor
        self._incident: Incident

    async def walk(self) -> Walked:
        """Walk to the end.

        Raises:
            Stuck: A step did not come to its end.
            NotTaken: An alert was not taken.
        """
        await self._alert()
        await self._lead()
        if self._cast.storms:
            self._cast.sender.storm(self._title)
        planned = await self._planned()
        doubled = await self._refused(planned)
        await self._approved(planned)
        contained = await self._settled(planned)
        if contained.is_in_force:
            undo = await self._undo_planned(contained)
            await self._approved(undo)
            await self._settled(undo)
        await self._decline_the_rest()
        await self._cast.sender.calm()
        await self._resolve()
        return Walked(await self._now(), doubled)

    async def _alert(self) -> None:
        known = len(await self._cast.record.incidents())
        self._title = f"Chaos {known + 1}: harmful answers"
        await self._cast.sender.send(fresh_alert(self._title))

        async def has_channel() -> bool:
            incidents = await self._cast.record.incidents()
            return len(incidents) > known and incidents[-1].channel is not None

        await wait_until(has_channel, f"the channel of incident {known + 1}")
        self._incident = (await self._cast.record.incidents())[-1]
        channel = self._incident.channel or ""
        self._commander = Actor(self._cast.commander, channel, self._cast.broken)
        self._responder = Actor(self._cast.responder, channel, self._cast.broken)

    async def _lead(self) -> None:
        async def led() -> bool:
            return (await self._now()).commander is not None

        await self._commander.act("lead", lambda: self._commander.press("Take the lead", _RUNBOOK), led)

    async def _planned(self) -> Containment:
        entries = {"Prompt version to go back to": story.GOOD_PROMPT, "Why": "Harmful advice since v42"}

        async def plan() -> None:
            await self._responder.fill("Plan", _RUNBOOK, "Prompt version", entries)

        async def planned() -> bool:
            return bool(await self._of_kind(PlanKind.APPLY))

        await self._responder.act("plan", plan, planned, promises=False)
        return (await self._of_kind(PlanKind.APPLY))[-1]

    async def _refused(self, planned: Containment) -> int:
        """Have the requester's own approval refused; return how many refusals too many were shown."""

        async def refusals() -> int:
            return sum(_REFUSAL in text for text in await self._responder.told())

        async def told() -> bool:
            return await refusals() > 0

        card = f"C-{planned.number} "
        await self._responder.act("refusal", lambda: self._responder.press("Approve", card), told)
        return await refusals() - 1

    async def _approved(self, planned: Containment) -> None:
        async def approved() -> bool:
            return bool((await self._same(planned)).approvals)

        card = f"C-{planned.number} "
        await self._commander.act(f"approve {card}", lambda: self._commander.press("Approve", card), approved)

    async def _settled(self, approved: Containment) -> Containment:
        async def settled() -> bool:
            return (await self._same(approved)).state.is_settled

        await wait_until(settled, f"the end of {self._incident.label} C-{approved.number}")
        return await self._same(approved)

    async def _undo_planned(self, contained: Containment) -> Containment:
        card = f"C-{contained.number} "

        async def plan() -> None:
            await self._responder.fill("Undo", card, "Undo a containment", {"Why undo it": "the next path needs it"})

        async def planned() -> bool:
            return bool(await self._of_kind(PlanKind.UNDO))

        await self._responder.act("plan undo", plan, planned, promises=False)
        return (await self._of_kind(PlanKind.UNDO))[-1]

    async def _decline_the_rest(self) -> None:
        """Turn down what was planned twice, because a form that was lost had been taken after all."""
        for each in await self._cast.record.containments(self._incident.id):
            if each.state is ContainmentState.PROPOSED:
                await self._decline(each)

    async def _decline(self, planned: Containment) -> None:
        async def declined() -> bool:
            return (await self._same(planned)).state is not ContainmentState.PROPOSED

        card = f"C-{planned.number} "
        await self._responder.act(f"decline {card}", lambda: self._responder.press("Decline", card), declined)

    async def _resolve(self) -> None:
        async def resolved() -> bool:
            return not (await self._now()).is_open

        command = self._commander.person.command
        channel = self._incident.channel or ""
        await self._commander.act(
            "resolve", lambda: command(channel, "/incident resolve"), resolved, answer="is resolved"
        )

    async def _now(self) -> Incident:
        return await self._cast.record.incident(self._incident.number)

    async def _of_kind(self, kind: PlanKind) -> Sequence[Containment]:
        return [each for each in await self._cast.record.containments(self._incident.id) if each.plan.kind is kind]

    async def _same(self, containment: Containment) -> Containment:
        found = await self._cast.record.containments(self._incident.id)
        return next(each for each in found if each.id == containment.id)
