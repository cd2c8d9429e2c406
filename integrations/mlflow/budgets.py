"""Capping a budget of the AI gateway: less may be spent, and what goes beyond is refused."""

from collections.abc import Sequence
from typing import Annotated

import httpx
from pydantic import Field

from bot.sdk import Guard, JsonObject, Level, Proposal, Rejected, UserError, Value, fitting
from integrations.mlflow.client import NAME, TITLE, Api, Number, Settings

_REFUSE = "REJECT"


class BudgetRef(Value):
    """A budget policy, by its id."""

    budget: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")]


class AmountParams(Value):
    """How much may be spent in a period; MLflow itself would take -5."""

    amount: Annotated[float, Number, Field(ge=0, le=1_000_000)]


class CapBudget:
    """Lowers a budget and has the gateway refuse what goes beyond."""

    name = "cap_budget"
    title = "Cap a budget of the gateway"
    ref_model: type[Value] = BudgetRef
    params_model: type[Value] = AmountParams
    lowest_level = Level.L4
    reversible = True
    guard = Guard.REREAD
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        """Take the connection's settings and client."""
        self._api = Api(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the budget: amount, unit, period, whom it concerns, what happens when it is spent."""
        return (await self._api.budget(fitting(BudgetRef, ref, whom=TITLE).budget)).model_dump()

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the cap; `None` when it is so.

        Raises:
            UserError: The amount is above the budget: this only lowers it.
        """
        budget, amount = fitting(BudgetRef, ref, whom=TITLE).budget, fitting(AmountParams, params, whom=TITLE).amount
        current = state["budget_amount"]
        if amount > current:
            raise UserError(f"The budget {budget} is {current:g} already; this only lowers it, undo raises it.")
        after = {**state, "budget_amount": amount, "budget_action": _REFUSE}
        if after == state:
            return None
        unit = state["budget_unit"]
        period = f"{state['duration'].get('value', '?')} {str(state['duration'].get('unit', '?')).lower()}"
        scope = f"{state['target_scope'].lower()} {state['target_value']}".strip()
        return Proposal(
            before=state,
            after=after,
            summary=f"Cap the budget {budget} at {amount:g} {unit}",
            blast_radius=(
                f"scope: {scope}",
                f"{current:g} -> {amount:g} {unit} in {period}",
                f"when it is spent: {state['budget_action']} -> {_REFUSE}",
                "in force when the gateway reads its budgets again: up to ten minutes after it reads back",
            ),
        )

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - MLflow takes none
        """Set amount and action, unless the budget reads so or as neither."""
        policy = fitting(BudgetRef, ref, whom=TITLE).budget
        current = await self.read(ref)
        if current == after:
            return
        if current != before:
            raise Rejected(NAME, "compare", status=409, detail=f"somebody else changed {policy}; nothing was written")
        await self._api.update_budget(policy, after["budget_amount"], after["budget_action"])

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - the amount is free
        """Return nothing: the amount is free."""
        return ()
