"""Lowers the limit of one rate-based rule of a web ACL.

A web ACL is updated as a whole, and what a request leaves out is gone. So everything that was read is sent back, but
what WAF itself writes; a part that a later WAF adds is thereby kept or refused, never lost.
"""

from typing import Annotated, Any

from pydantic import Field

from bot.sdk import JsonObject, Level, Proposal, Rejected, Unavailable, UserError, Value, WholeNumber, fitting
from integrations.aws_waf.client import ENTITY, NAME, TITLE, EntityRef, Locked, WafAction

LOWEST, HIGHEST = 10, 2_000_000_000
_WRITTEN_BY_WAF = frozenset(
    {
        "ARN",
        "Capacity",
        "LabelNamespace",
        "LockToken",
        "ManagedByFirewallManager",
        "PostProcessFirewallManagerRuleGroups",
        "PreProcessFirewallManagerRuleGroups",
        "RetrofittedByFirewallManager",
    }
)
_DEFAULT_WINDOW = 300


class RuleRef(EntityRef):
    """A rate-based rule of a web ACL."""

    rule: str = Field(pattern=ENTITY, max_length=128)


class LimitParams(Value):
    """How many requests of one client, or of whatever the rule counts by, may pass within its window."""

    limit: Annotated[WholeNumber, Field(ge=LOWEST, le=HIGHEST)]


class LowerLimit(WafAction):
    """Lowers the limit of a rate-based rule; what it counts, how long and what it does then stay."""

    name = "lower_limit"
    title = "Lower a rate limit"
    ref_model: type[Value] = RuleRef
    params_model: type[Value] = LimitParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the lower limit; `None` when it holds.

        Raises:
            UserError: It would raise the limit, or the rule only counts.
        """
        rule, limit = fitting(RuleRef, ref, whom=TITLE), fitting(LimitParams, params, whom=TITLE).limit
        if state["action"] in {"Count", "Allow"}:
            raise UserError(f"Rule {rule.rule} only does {state['action']}, so no limit of it holds anything back.")
        if limit == state["limit"]:
            return None
        if limit > state["limit"]:
            raise UserError(f"Rule {rule.rule} lets {state['limit']:,} requests through already; undo raises it.")
        return Proposal(
            before=state,
            after={**state, "limit": limit},
            summary=f"Lower the limit of rule {rule.rule} in {rule.name} to {limit:,} requests",
            blast_radius=(
                f"limit: {state['limit']:,} -> {limit:,} requests in {state['window_seconds']} s",
                f"counted by {state['counted_by']}; above it: {state['action']}",
                "the rule's counts start anew, so that up to a minute passes before it holds anything back",
            ),
        )

    async def _look(self, ref: JsonObject) -> Locked:
        return await self._api.get("GetWebACL", "WebACL", fitting(RuleRef, ref, whom=TITLE))

    def _state(self, ref: JsonObject, entity: JsonObject) -> JsonObject:
        rule = _found(entity, fitting(RuleRef, ref, whom=TITLE))
        rate = rule["Statement"]["RateBasedStatement"]
        return {
            "limit": rate["Limit"],
            "window_seconds": rate.get("EvaluationWindowSec", _DEFAULT_WINDOW),
            "counted_by": str(rate.get("AggregateKeyType", "IP")),
            "action": next(iter(rule.get("Action") or {}), "nothing"),
        }

    async def _write(self, ref: JsonObject, seen: Locked, after: JsonObject) -> None:
        target = fitting(RuleRef, ref, whom=TITLE)
        rules = [
            _limited(rule, after["limit"]) if rule["Name"] == target.rule else rule for rule in seen.entity["Rules"]
        ]
        kept = {name: value for name, value in seen.entity.items() if name not in _WRITTEN_BY_WAF and value is not None}
        await self._api.call("UpdateWebACL", {**kept, **target.named, "Rules": rules, "LockToken": seen.token})


def _found(entity: JsonObject, ref: RuleRef) -> JsonObject:
    rules: Any = entity.get("Rules")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) and "Name" in rule for rule in rules):
        raise Unavailable(NAME, "GetWebACL", "the answer is not that of AWS WAF")
    for rule in rules:
        if rule["Name"] == ref.rule:
            rate = (rule.get("Statement") or {}).get("RateBasedStatement")
            if isinstance(rate, dict) and isinstance(rate.get("Limit"), int):
                found: JsonObject = rule
                return found
            raise Rejected(NAME, "GetWebACL", status=404, detail=f"rule {ref.rule} is not a rate-based one")
    raise Rejected(NAME, "GetWebACL", status=404, detail=f"web ACL {ref.name} has no rule {ref.rule}")


def _limited(rule: JsonObject, limit: int) -> JsonObject:
    rate = {**rule["Statement"]["RateBasedStatement"], "Limit": limit}
    return {**rule, "Statement": {**rule["Statement"], "RateBasedStatement": rate}}
