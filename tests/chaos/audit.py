"""Counts what really happened, from outside Stanch: rows, the vendor's own log, and what stands in the channels.

A count that must be zero is a list of sentences here, so that a campaign that fails says what is wrong and where.
"""

from collections.abc import Sequence
from itertools import pairwise

from bot.domain.containment import Containment, ContainmentState, StepState
from bot.domain.incident import Incident
from bot.domain.plan import PlanKind
from bot.domain.timeline import TimelineEvent, chain_problems
from tests.chaos.channels import Channels
from tests.chaos.record import Record

_ENDS = frozenset(
    {
        ContainmentState.VERIFIED,
        ContainmentState.FAILED,
        ContainmentState.UNDONE,
        ContainmentState.DECLINED,
        ContainmentState.EXPIRED,
        ContainmentState.IN_DOUBT,
    }
)
_CARDS = {
    ContainmentState.VERIFIED: "Contained and verified",
    ContainmentState.FAILED: "Failed",
    ContainmentState.UNDONE: "Undone: the targets read as before",
    ContainmentState.DECLINED: "Declined; nothing was changed",
    ContainmentState.EXPIRED: "Expired undecided",
    ContainmentState.IN_DOUBT: "In doubt",
}
_ORDER = (
    "plan.proposed",
    "plan.approved",
    "containment.begun",
    "change.applied",
    "change.verified",
    "containment.state_verified",
    "containment.verified",
    "containment.undone",
)
_WRITTEN = frozenset({StepState.APPLIED, StepState.VERIFIED})


class Audit:
    """Looks at what the campaign left behind; each question returns what is wrong, in sentences."""

    def __init__(self, record: Record, channels: Channels, triage: str) -> None:
        """Take the rows, the channels, and the triage channel's name."""
        self._record = record
        self._channels = channels
        self._triage = triage

    async def alerts_lost(self, promised: frozenset[str]) -> list[str]:
        """Return the alerts that were answered with 200 and are not stored."""
        stored = await self._record.fingerprints()
        return [f"alert {fingerprint} was promised and is not stored" for fingerprint in sorted(promised - stored)]

    async def chains(self, incident: Incident) -> list[str]:
        """Return what is wrong with an incident's timeline."""
        events = await self._record.events(incident.id)
        problems = [*chain_problems(events), *disorder(events)]
        return [f"{incident.label}: {problem}" for problem in problems]

    async def unsettled(self, incident: Incident) -> list[str]:
        """Return the containments that came to no end, and the incident's that has none."""
        found = await self._record.containments(incident.id)
        wrong = [f"{incident.label} C-{each.number} is {each.state.value}" for each in found if each.state not in _ENDS]
        return wrong + ([f"{incident.label} is open"] if incident.is_open else [])

    async def cards(self, incident: Incident) -> list[str]:
        """Return the cards that do not say what is stored."""
        if incident.channel is None:
            return [f"{incident.label} has no channel"]
        shown = await self._channels.shown(incident.channel)
        expected = {f"incident_card:{incident.id}": f"{incident.status.value}"}
        for each in await self._record.containments(incident.id):
            expected[f"containment_card:{each.id}"] = _words(each)
        return [
            f"{incident.label}: {key} does not say {words!r}: {shown.get(key, '(no card)')[:200]!r}"
            for key, words in expected.items()
            if words not in shown.get(key, "")
        ]

    async def messages_doubled(self, incidents: Sequence[Incident]) -> list[str]:
        """Return the deliveries that stand in a channel more than once."""
        places = [self._triage, *(each.channel for each in incidents if each.channel)]
        return [
            f"#{place}: {key} stands there {count} times"
            for place in places
            for key, count in (await self._channels.keys(place)).items()
            if count > 1
        ]

    async def channels_doubled(self) -> list[str]:
        """Return the incidents that have more than one channel."""
        counted = await self._channels.of_incidents()
        return [f"INC-{number} has {count} channels" for number, count in counted.items() if count > 1]

    async def writes_doubled(self) -> list[str]:
        """Compare the vendor's own log with what was planned: one write a change, each from its before to its after."""
        written = await self._record.vendor_events()
        planned = [
            change
            for each in await self._record.containments()
            for change, progress in zip(each.plan.changes, each.progress, strict=True)
            if progress.state in _WRITTEN
        ]
        wrong = [] if len(written) == len(planned) else [f"{len(written)} writes of {len(planned)} changes"]
        wrong += [
            f"write {event['id']} changed nothing" for event in written if event.get("data") == event.get("preData")
        ]
        wrong += [
            f"write {later['id']} does not follow from write {earlier['id']}"
            for earlier, later in pairwise(written)
            if later.get("preData") != earlier.get("data")
        ]
        return wrong

    async def owed(self) -> list[str]:
        """Return the deliveries that were not made."""
        return [
            f"{each.key} is owed after {each.attempts} attempts: {each.error}" for each in await self._record.owed()
        ]


def _words(containment: Containment) -> str:
    if containment.state is ContainmentState.VERIFIED and containment.plan.kind is not PlanKind.APPLY:
        return "Done and reads back"
    return _CARDS.get(containment.state, containment.state.value)


def disorder(events: Sequence[TimelineEvent]) -> list[str]:
    """Return where events are recorded before the ones that they follow from."""
    wrong = [
        f"event {later.seq} was recorded before event {earlier.seq}"
        for earlier, later in pairwise(events)
        if later.recorded_at < earlier.recorded_at
    ]
    reached: dict[str, tuple[int, str]] = {}
    for event in events:
        containment = str(event.payload.get("containment", ""))
        if event.kind not in _ORDER or not containment:
            continue
        place = _ORDER.index(event.kind)
        last, before = reached.get(containment, (-1, ""))
        if place < last:
            wrong.append(f"event {event.seq} {event.kind} comes after {before}")
        reached[containment] = (place, event.kind)
    return wrong
