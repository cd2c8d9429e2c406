"""Every row says the same in its columns as in its body, whichever way it was written."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.domain.alert import AlertStatus
from bot.domain.containment import ContainmentState
from bot.domain.delivery import DeliveryKind
from bot.domain.milestones import Milestones
from bot.services.ports import Transaction
from bot.store.mapping import (
    ALERT_GROUPS,
    ALERTS,
    CONTAINMENTS,
    DELIVERIES,
    EVENTS,
    EVIDENCE,
    INCIDENTS,
    REMEDIATIONS,
    TIMERS,
    Mapped,
)
from bot.store.sql import Store
from tests.builders import (
    COMMANDER,
    CONTENT,
    GROUP_ID,
    INCIDENT_ID,
    NOW,
    alert,
    containment,
    evidence,
    fact,
    group,
    incident,
    keep,
    observed,
    remediation,
    timer,
)

MAPPED: list[Mapped[Any]] = [
    INCIDENTS,
    ALERT_GROUPS,
    ALERTS,
    EVENTS,
    CONTAINMENTS,
    EVIDENCE,
    REMEDIATIONS,
    DELIVERIES,
    TIMERS,
]


async def write_everything(tx: Transaction) -> None:
    await tx.incidents.add(incident())
    await tx.alerts.put_groups(group())
    await keep(tx, alert(), GROUP_ID)
    await tx.timeline.append(INCIDENT_ID, fact())
    await tx.containments.add(containment())
    await tx.evidence.add(evidence(), CONTENT)
    await tx.remediations.add(remediation())
    await tx.deliveries.want(DeliveryKind.NOTE, "triage", "1", payload={"text": "a"})
    await tx.timers.set(timer())


async def change_everything(tx: Transaction) -> None:
    await tx.incidents.set_channel(INCIDENT_ID, "C1")
    await tx.incidents.save(incident(milestones=Milestones(declared=observed(), resolved=observed())))
    await tx.alerts.put_groups(group(incident_id=INCIDENT_ID, key="other", first_at=NOW - timedelta(hours=1)))
    await keep(tx, alert(status=AlertStatus.RESOLVED, received_at=NOW + timedelta(seconds=1)), GROUP_ID)
    await keep(tx, alert(received_at=NOW + timedelta(seconds=2)), GROUP_ID)
    await tx.timeline.append(INCIDENT_ID, fact(at=NOW + timedelta(seconds=1)))
    await tx.containments.save(containment(state=ContainmentState.DECLINED))
    await tx.evidence.remove([evidence()], NOW)
    await tx.remediations.save(remediation().done(COMMANDER, "the retriever filters", NOW))
    await tx.deliveries.want(DeliveryKind.NOTE, "triage", "1", payload={"text": "b"})
    await tx.timers.set(timer(due_at=NOW))


async def disagreements(session: AsyncSession, mapped: Mapped[Any]) -> list[str]:
    rows = (await session.execute(mapped.select())).mappings().all()
    assert rows, mapped.table.name
    return [
        f"{mapped.table.name}.{column}: {row[column]!r} is not {expected!r}"
        for row in rows
        for column, expected in mapped.columns(mapped.load(row)).items()
        if row[column] != expected
    ]


@pytest.mark.parametrize("mapped", MAPPED, ids=lambda mapped: mapped.table.name)
async def test_columns_agree_with_the_value_after_every_write(store: Store, mapped: Mapped[Any]) -> None:
    for write in (write_everything, change_everything):
        async with store.begin() as tx:
            await write(tx)
        async with store.session() as session:
            assert await disagreements(session, mapped) == []


@pytest.mark.parametrize("mapped", MAPPED, ids=lambda mapped: mapped.table.name)
def test_every_field_that_a_row_owns_is_a_field_of_the_value(mapped: Mapped[Any]) -> None:
    assert set(mapped.owned) <= set(mapped.value.model_fields)
    assert set(mapped.owned) | set(mapped.keys) <= set(mapped.table.c.keys())
