"""What can be done to a flag to contain harm.

All of them read one environment whole and write only what differs, so that undo is the same with the readings
swapped. Unleash has no optimistic lock on its switch; the guard is to read again right before writing, and a JSON
patch that tests what it replaces.
"""

from collections.abc import Sequence
from typing import Annotated

import httpx
from pydantic import Field

from bot.sdk import (
    Guard,
    IntegrationError,
    JsonObject,
    Level,
    NoParams,
    Proposal,
    UserError,
    Value,
    WholeNumber,
    fitting,
)
from integrations.unleash import exposure
from integrations.unleash.client import TITLE, AdminApi, FlagRef, Settings
from integrations.unleash.state import Reading, Writer, whole, without_ids


class RolloutParams(Value):
    """How many percent of users may keep the feature; Unleash itself would take 250."""

    percent: Annotated[WholeNumber, Field(ge=0, le=100)]


class VariationParams(Value):
    """The variation that everybody shall get."""

    variation: str = Field(min_length=1, max_length=200)


class SegmentParams(Value):
    """Whom to take the feature from: those whose context has this value in this field."""

    field: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=100)
    value: str = Field(min_length=1, max_length=200)


class _FlagAction:
    """Reads and writes a flag; each action adds its plan."""

    ref_model: type[Value] = FlagRef
    reversible = True
    guard = Guard.REREAD
    offers_choices = False
    _reading: Reading = staticmethod(whole)

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = AdminApi(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the flag's switch and strategies; see `state.py`."""
        flag = fitting(FlagRef, ref, whom=TITLE)
        return self._reading(flag, await self._api.environment(flag))

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - Unleash takes none
        """Write what differs from `after`, or nothing if something reads neither as `before` nor as `after`."""
        flag = fitting(FlagRef, ref, whom=TITLE)
        environment = await self._api.environment(flag)
        await Writer(self._api, flag, environment).write(self._reading(flag, environment), before, after)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()


class SwitchOff(_FlagAction):
    """Switches the flag off in its environment; its strategies stay as they are."""

    name = "switch_off"
    title = "Switch a feature flag off"
    params_model: type[Value] = NoParams
    lowest_level = Level.L6

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the switch-off; `None` when the flag is off."""
        flag, _ = fitting(FlagRef, ref, whom=TITLE), fitting(NoParams, params, whom=TITLE)
        if not state["enabled"]:
            return None
        return Proposal(
            before=state,
            after={**state, "enabled": False},
            summary=f"Switch {flag} off for everybody",
            blast_radius=(
                *exposure.lines(flag, state),
                f"share of traffic: {exposure.share(state)} -> none; the strategies stay as they are",
            ),
        )


class SetRollout(_FlagAction):
    """Lowers every active gradual rollout above a percentage to it; this contains and never widens."""

    name = "set_rollout"
    title = "Narrow the rollout of a feature flag"
    params_model: type[Value] = RolloutParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the narrowed rollout; `None` when every rollout is at that percentage already.

        Raises:
            UserError: The percentage is not a whole number from 0 to 100, is above every rollout, or there is nothing
                to narrow.
        """
        flag, percent = fitting(FlagRef, ref, whom=TITLE), fitting(RolloutParams, params, whom=TITLE).percent
        rollouts = exposure.rollouts(state)
        if not rollouts:
            raise UserError(f"{flag} has no active strategy with a rollout percentage; switch it off instead.")
        lowered = {place for place, current in rollouts.items() if current is None or current > percent}
        if not lowered:
            if percent in rollouts.values():
                return None
            raise UserError(
                f"{flag} is at {exposure.share(state)} already; this only narrows a rollout, undo widens it."
            )
        after = _with_strategies(state, {place: _with_rollout(state, place, percent) for place in lowered})
        return Proposal(
            before=state,
            after=after,
            summary=f"Narrow the rollout of {flag} to {percent} %",
            blast_radius=(
                *exposure.lines(flag, state),
                f"share of traffic: {exposure.share(state)} -> {exposure.share(after)}",
            ),
        )


class RollBackVariation(_FlagAction):
    """Gives one variation to everybody whom the flag reaches."""

    name = "roll_back_variation"
    title = "Roll a feature flag back to another variation"
    params_model: type[Value] = VariationParams
    lowest_level = Level.L5
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the new weights; `None` when everybody gets that variation already.

        Raises:
            UserError: An active strategy does not have that variation; the message says which it has.
        """
        flag, chosen = fitting(FlagRef, ref, whom=TITLE), fitting(VariationParams, params, whom=TITLE).variation
        offered = exposure.variations(state)
        if not offered:
            raise UserError(f"{flag} has no variations on its active strategies.")
        lacking = [place for place, names in offered.items() if chosen not in names]
        if lacking:
            names = ", ".join(exposure.common_variations(state)) or "none in common"
            raise UserError(f"Strategy {', '.join(lacking)} of {flag} has no such variation; choose one of: {names}.")
        after = _with_strategies(state, {place: _with_variation(state, place, chosen) for place in offered})
        if after == state:
            return None
        in_use = exposure.variation_in_use(state)
        return Proposal(
            before=state,
            after=after,
            summary=f"Roll {flag} back from {in_use} to {chosen}",
            blast_radius=(
                *exposure.lines(flag, state),
                f"variation {chosen}: everybody whom the flag reaches; share of traffic: {exposure.share(state)}",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the variations that are not in use; the one in use before comes first if the history can be read."""
        flag = fitting(FlagRef, ref, whom=TITLE)
        state = whole(flag, await self._api.environment(flag))
        in_use = exposure.variation_in_use(state)
        others = [name for name in exposure.common_variations(state) if name != in_use]
        previous = await self._previous(flag, in_use)
        return sorted(others, key=lambda name: name != previous)

    async def _previous(self, flag: FlagRef, in_use: str) -> str | None:
        try:
            updates = await self._api.strategy_updates(flag)
        except IntegrationError:
            return None  # the history only orders the choices
        past = (exposure.heaviest(update.before.variants) for update in updates if update.before)
        return next((name for name in past if name and name != in_use), None)


class SwitchSegmentOff(_FlagAction):
    """Keeps one group out of every active strategy; they are alternatives, so leaving out one would not do."""

    name = "switch_segment_off"
    title = "Switch a feature flag off for one segment"
    params_model: type[Value] = SegmentParams
    lowest_level = Level.L3

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the constraints; `None` when the flag is off or every active strategy keeps that group out already.

        Raises:
            UserError: There is no active strategy to add it to.
        """
        flag, segment = fitting(FlagRef, ref, whom=TITLE), fitting(SegmentParams, params, whom=TITLE)
        active = exposure.active(state)
        if not active:
            raise UserError(f"{flag} has no active strategy that could leave a segment out; switch it off instead.")
        open_to = [place for place, each in active.items() if not _keeps_out(each, segment)]
        if not state["enabled"] or not open_to:
            return None
        after = _with_strategies(state, {place: _without_segment(state, place, segment) for place in open_to})
        return Proposal(
            before=state,
            after=after,
            summary=f"Switch {flag} off where {segment.field} is {segment.value}",
            blast_radius=(
                *exposure.lines(flag, state),
                f"segment {segment.field} = {segment.value}: none get the feature; everybody else as before",
            ),
        )


class PullKillSwitch(_FlagAction):
    """Switches on a kill-switch flag of its own, so that the targeting of the feature's flag is not touched."""

    name = "pull_kill_switch"
    title = "Pull a kill switch"
    params_model: type[Value] = NoParams
    lowest_level = Level.L6
    _reading: Reading = staticmethod(without_ids)

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the switch-on; `None` when the kill switch is on for everybody.

        A flag without an active strategy gets one for everybody: Unleash would add its default one unasked.

        Raises:
            UserError: The kill switch is on, but only for a part of the traffic.
        """
        flag, _ = fitting(FlagRef, ref, whom=TITLE), fitting(NoParams, params, whom=TITLE)
        if state["enabled"]:
            if exposure.reaches_everybody(state):
                return None
            raise UserError(
                f"{flag} is on already, but reaches only {exposure.share(state)}; widen its strategies in Unleash."
            )
        active = exposure.active(state)
        added = {} if active else {str(len(state["strategies"]) + 1): _for_everybody(flag)}
        after = {**_with_strategies(state, added), "enabled": True}
        return Proposal(
            before=state,
            after=after,
            summary=f"Pull the kill switch {flag}",
            blast_radius=(
                *exposure.lines(flag, after),
                f"share of traffic that is cut off: none -> {exposure.share(after)}",
            ),
        )


def _with_strategies(state: JsonObject, changed: JsonObject) -> JsonObject:
    return {**state, "strategies": {**state["strategies"], **changed}}


def _with_rollout(state: JsonObject, place: str, percent: int) -> JsonObject:
    strategy = state["strategies"][place]
    return {**strategy, "parameters": {**strategy["parameters"], "rollout": str(percent)}}


def _keeps_out(strategy: JsonObject, segment: SegmentParams) -> bool:
    """Whether a constraint of the strategy lets nobody of the segment through."""
    return any(
        constraint.get("contextName") == segment.field
        and segment.value in (constraint.get("values") or [])
        and (constraint.get("operator"), bool(constraint.get("inverted"))) in {("NOT_IN", False), ("IN", True)}
        for constraint in strategy["constraints"]
    )


def _without_segment(state: JsonObject, place: str, segment: SegmentParams) -> JsonObject:
    strategy = state["strategies"][place]
    constraint = {
        "contextName": segment.field,
        "operator": "NOT_IN",
        "values": [segment.value],
        "inverted": False,
        "caseInsensitive": False,
    }
    return {**strategy, "constraints": [*strategy["constraints"], constraint]}


def _with_variation(state: JsonObject, place: str, chosen: str) -> JsonObject:
    """Return a strategy whose chosen variation takes all.

    Unleash spreads what is left evenly over the `variable` ones and wants at least one: the chosen one is the only one.
    """
    strategy = state["strategies"][place]
    variants = {
        name: {**variant, "weight": 1000, "weightType": "variable"}
        if name == chosen
        else {**variant, "weight": 0, "weightType": "fix"}
        for name, variant in strategy["variants"].items()
    }
    return {**strategy, "variants": variants}


def _for_everybody(flag: FlagRef) -> JsonObject:
    return {
        "name": "flexibleRollout",
        "title": "",
        "disabled": False,
        "parameters": {"groupId": flag.feature, "rollout": "100", "stickiness": "default"},
        "constraints": [],
        "segments": [],
        "variants": {},
    }
