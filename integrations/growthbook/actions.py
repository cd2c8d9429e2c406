"""What can be done to a feature of GrowthBook in one environment to contain harm.

A feature's default value is the same in all environments, so it is never touched: what everybody or a segment shall
get in one environment stands in a rule before all others. GrowthBook has no optimistic lock; the guard is to read
again right before writing.
"""

from collections.abc import Sequence

import httpx

from bot.sdk import Guard, JsonObject, Level, NoParams, Proposal, Rejected, UserError, Value, fitting
from integrations.growthbook import exposure
from integrations.growthbook.client import NAME, TITLE, Api, FlagRef, Settings
from integrations.growthbook.params import RolloutParams, SegmentParams, ValueParams
from integrations.growthbook.state import fits, reading, require_writable, rules


class _FlagAction:
    """Reads a feature in one environment and writes what differs; each action adds its plan."""

    ref_model: type[Value] = FlagRef
    reversible = True
    guard = Guard.REREAD
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = Api(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what decides who gets what; see `state.py`."""
        target = fitting(FlagRef, ref, whom=TITLE)
        return reading(await self._api.feature(target), target.environment)

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:
        """Write `after` in one call, nothing if it is so already.

        Raises:
            Rejected: It reads neither as `before` nor as `after`.
        """
        target = fitting(FlagRef, ref, whom=TITLE)
        feature = await self._api.feature(target)
        current = reading(feature, target.environment)
        if current == after:
            return
        if current != before:
            changed = ", ".join(part for part in current if current[part] != before[part])
            detail = f"somebody else changed {changed} of {target}; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        if {**current, "enabled": after["enabled"]} == after:
            await self._api.toggle(target, enabled=after["enabled"], reason=f"Stanch, change {key}")
        else:
            wanted = rules(feature, target.environment, after)
            await self._api.replace(target, enabled=after["enabled"], rules=wanted)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()


class SwitchOff(_FlagAction):
    """Switches the feature off in its environment; its rules stay as they are."""

    name = "switch_off"
    title = "Switch a feature flag off"
    params_model: type[Value] = NoParams
    lowest_level = Level.L6

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the switch-off; `None` when the feature is off."""
        flag, _ = fitting(FlagRef, ref, whom=TITLE), fitting(NoParams, params, whom=TITLE)
        if not state["enabled"]:
            return None
        return Proposal(
            before=state,
            after={**state, "enabled": False},
            summary=f"Switch {flag} off for everybody",
            blast_radius=(
                *exposure.lines(flag, state),
                "afterwards everybody gets no value at all, or the default in the application's code; the rules stay",
            ),
        )


class SetRollout(_FlagAction):
    """Lowers every rollout rule in force above a percentage to it; this contains and never widens."""

    name = "set_rollout"
    title = "Narrow the rollout of a feature flag"
    params_model: type[Value] = RolloutParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the narrowed rules; `None` when every rollout is at that percentage already.

        Raises:
            UserError: The percentage is not a whole number from 0 to 100, is above every rollout, there is nothing to
                narrow, or a rule cannot be written back.
        """
        flag, percent = fitting(FlagRef, ref, whom=TITLE), fitting(RolloutParams, params, whom=TITLE).percent
        rollouts = exposure.rollouts(state)
        if not rollouts:
            raise UserError(f"{flag} has no rollout rule in force; switch it off instead.")
        most = max(rollouts.values())
        lowered = {place for place, share in rollouts.items() if share > percent}
        if not lowered:
            if percent in rollouts.values():
                return None
            raise UserError(f"{flag} is at {most:g} % already; this only narrows a rollout, undo widens it.")
        require_writable(flag, state)
        narrowed = {
            place: {**rule, "coverage": percent / 100} if place in lowered else rule
            for place, rule in state["rules"].items()
        }
        return Proposal(
            before=state,
            after={**state, "rules": narrowed},
            summary=f"Narrow the rollout of {flag} to {percent} %",
            blast_radius=(
                *exposure.lines(flag, state),
                f"largest rollout: {most:g} % -> {percent} % of those whom the rule selects; the others pass it by",
            ),
        )


class RollBackValue(_FlagAction):
    """Gives one value to everybody in the environment, by a rule before all others."""

    name = "roll_back_value"
    title = "Roll a feature flag back to another value"
    params_model: type[Value] = ValueParams
    lowest_level = Level.L5
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the feature with one value for everybody; `None` when everybody gets it by such a rule already.

        Raises:
            UserError: The feature is true or false, the value is of another type, or a rule cannot be written back.
        """
        flag, value = fitting(FlagRef, ref, whom=TITLE), fitting(ValueParams, params, whom=TITLE).value
        if state["value_type"] == "boolean":
            raise UserError(f"{flag} is true or false and has no values to go back to; switch it off or narrow it.")
        _require_fitting(flag, state, value)
        after = {**state, "everybody": {"value": value}}
        if after == state:
            return None
        require_writable(flag, state)
        return Proposal(
            before=state,
            after=after,
            summary=f"Roll {flag} back from {exposure.shown(exposure.value_in_use(state))} to {exposure.shown(value)}",
            blast_radius=(
                *exposure.lines(flag, state),
                f"value {exposure.shown(value)}: everybody in {flag.environment} but segments that are kept out",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the values that are not in use: of rules, the default, and the defaults of earlier revisions."""
        target = fitting(FlagRef, ref, whom=TITLE)
        feature = await self._api.feature(target, history=True)
        state = reading(feature, target.environment)
        if state["value_type"] == "boolean":
            return ()
        newest_first = sorted(feature.revisions, key=lambda each: -each.version)
        earlier = [each.defaultValue for each in newest_first if each.defaultValue is not None]
        in_use = exposure.value_in_use(state)
        return [value for value in dict.fromkeys([*exposure.values(state), *earlier]) if value != in_use]


class SwitchSegmentOff(_FlagAction):
    """Puts a rule before all others that gives one segment the value for off."""

    name = "switch_segment_off"
    title = "Switch a feature flag off for one segment"
    params_model: type[Value] = SegmentParams
    lowest_level = Level.L3

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the feature with the rule in front; `None` when it is there or the feature is off.

        Raises:
            UserError: Neither a group nor a field with a value is named, the value for off is missing or of another
                type, or a rule cannot be written back.
        """
        flag, segment = fitting(FlagRef, ref, whom=TITLE), fitting(SegmentParams, params, whom=TITLE)
        off = segment.off or ("false" if state["value_type"] == "boolean" else None)
        if off is None:
            raise UserError(f"{flag} holds a {state['value_type']}; say by `off` which value the segment shall get.")
        if state["value_type"] == "boolean" and off != "false":
            raise UserError(f"{off} would not switch {flag} off for the segment.")
        _require_fitting(flag, state, off)
        after = {**state, "kept_out": {**state["kept_out"], str(segment): segment.kept_out(off)}}
        if not state["enabled"] or after == state:
            return None
        require_writable(flag, state)
        return Proposal(
            before=state,
            after=after,
            summary=f"Switch {flag} off for {segment}",
            blast_radius=(
                *exposure.lines(flag, state),
                f"{segment}: gets {exposure.shown(off)}; everybody else as before",
            ),
        )


def _require_fitting(flag: FlagRef, state: JsonObject, value: str) -> None:
    if not fits(state["value_type"], value):
        raise UserError(f"{flag} holds a {state['value_type']}, which {exposure.shown(value)} is not.")
