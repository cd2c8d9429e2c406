"""Buttons that do something at once: a durable change, and the card that shows it follows by delivery.

Nothing is said to the person who pressed but what went wrong: the card they pressed on changes before their eyes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.domain.actor import Actor
from bot.domain.policy import approvers
from bot.slack.services import Services
from bot.slack.values import AlertRef, IncidentRef, PlanRef


@dataclass(frozen=True)
class Press:
    """A button that was pressed.

    Attributes:
        value: What the button carried.
        trigger_id: Opens one modal within three seconds.
    """

    actor: Actor
    value: str | None
    trigger_id: str


Button = Callable[[Services, Press], Awaitable[None]]


async def _declare(services: Services, press: Press) -> None:
    await services.incidents.declare_group(press.actor, AlertRef.parse(press.value).group)


async def _dismiss(services: Services, press: Press) -> None:
    await services.incidents.dismiss_group(press.actor, AlertRef.parse(press.value).group, "not actionable")


async def _lead(services: Services, press: Press) -> None:
    await services.incidents.take_lead(press.actor, IncidentRef.parse(press.value).incident)


async def _approve(services: Services, press: Press) -> None:
    ref = PlanRef.parse(press.value)
    await services.containments.approve(press.actor, ref.containment, ref.fingerprint)


async def _decline(services: Services, press: Press) -> None:
    ref = PlanRef.parse(press.value)
    await services.containments.decline(press.actor, ref.containment, ref.fingerprint)


async def _retry(services: Services, press: Press) -> None:
    await services.resumptions.retry(press.actor, PlanRef.parse(press.value).containment)


async def _again(services: Services, press: Press) -> None:
    """Plan it again; where nobody's approval is needed, carry it out at once: the harm is back."""
    ref = PlanRef.parse(press.value)
    planned = await services.planning.plan_again(press.actor, ref.containment)
    if not approvers(services.catalog.policy, planned.plan.levels):
        await services.containments.approve(press.actor, planned.id, planned.plan.fingerprint)


BUTTONS: dict[str, Button] = {
    "alert.declare": _declare,
    "alert.dismiss": _dismiss,
    "incident.lead": _lead,
    "containment.approve": _approve,
    "containment.decline": _decline,
    "containment.retry": _retry,
    "containment.again": _again,
}
