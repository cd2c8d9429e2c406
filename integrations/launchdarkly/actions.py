"""What can be done to a flag of LaunchDarkly to contain harm.

Off is not nothing: a flag that is off serves its off variation, whatever that is. So the off variation is what stands
for the feature's absence in every action here, and one whose value is `true` is refused.
"""

from collections.abc import Sequence

import httpx

from bot.sdk import Guard, JsonObject, Level, NoParams, Proposal, Rejected, UserError, Value, fitting
from integrations.launchdarkly import exposure, serving
from integrations.launchdarkly.client import NAME, TITLE, Api, FlagRef, Settings
from integrations.launchdarkly.params import RolloutParams, SegmentParams, VariationParams
from integrations.launchdarkly.state import patch, reading


class _FlagAction:
    """Reads a flag in one environment and writes what differs; each action adds its plan."""

    ref_model: type[Value] = FlagRef
    reversible = True
    guard = Guard.CONDITIONAL
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = Api(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what decides who gets what; see `state.py`."""
        return reading(await self._api.flag(fitting(FlagRef, ref, whom=TITLE)))

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:
        """Write `after` in one patch, nothing if it is so already; the audit log of LaunchDarkly tells the key.

        Raises:
            Rejected: It reads neither as `before` nor as `after`, or somebody wrote between this read and the write.
        """
        target = fitting(FlagRef, ref, whom=TITLE)
        flag = await self._api.flag(target)
        current = reading(flag)
        if current == after:
            return
        if current != before:
            changed = ", ".join(part for part in current if current[part] != before[part])
            detail = f"somebody else changed {changed} of {target}; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        await self._api.patch(target, flag.config.version, patch(flag, after), f"Stanch, change {key}")

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()


class SwitchOff(_FlagAction):
    """Switches the flag off in its environment; targets and rules stay as they are."""

    name = "switch_off"
    title = "Switch a feature flag off"
    params_model: type[Value] = NoParams
    lowest_level = Level.L6

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the switch-off; `None` when the flag is off.

        Raises:
            UserError: The off variation has the value true.
        """
        flag, _ = fitting(FlagRef, ref, whom=TITLE), fitting(NoParams, params, whom=TITLE)
        off = state["off_variation"]
        if off is not None and state["variations"][off] == "true":
            raise UserError(
                f"{flag} serves {off} while it is off, whose value is true: that would switch the feature on."
            )
        if not state["on"]:
            return None
        return Proposal(
            before=state,
            after={**state, "on": False},
            summary=f"Switch {flag} off for everybody",
            blast_radius=(
                *exposure.lines(flag, state),
                f"afterwards everybody gets {exposure.off_in_words(state)}; targets and rules stay as they are",
            ),
        )


class SetRollout(_FlagAction):
    """Lowers the share of everybody who gets anything but the off variation; this contains and never widens."""

    name = "set_rollout"
    title = "Narrow the rollout of a feature flag"
    params_model: type[Value] = RolloutParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the narrowed shares; `None` when that percentage gets the feature already.

        Raises:
            UserError: The percentage is not a whole number from 0 to 100, is above what is, there is no off variation,
                or shares belong to an experiment.
        """
        flag, given = fitting(FlagRef, ref, whom=TITLE), fitting(RolloutParams, params, whom=TITLE)
        off = _off_variation(flag, state)
        reaches = exposure.reaches(state)
        most = max(reaches.values())
        if most <= given.percent:
            if given.percent in reaches.values():
                return None
            raise UserError(f"{flag} reaches {most:g} % at most already; this only narrows a rollout, undo widens it.")
        rules = exposure.serving_rules(state).items()
        narrowed = {
            place: serving.narrowed(_serves(rule), off, given.percent, given.context_kind) for place, rule in rules
        }
        after = _with_served(state, narrowed)
        share = max(exposure.reaches(after).values())
        return Proposal(
            before=state,
            after=after,
            summary=f"Narrow the rollout of {flag} to {given.percent} %",
            blast_radius=(
                *exposure.lines(flag, state),
                f"largest share of any rule: {most:g} % -> {share:g} %; the others get {exposure.off_in_words(state)}",
            ),
        )


class RollBackVariation(_FlagAction):
    """Gives one variation to everybody who gets any but the off one."""

    name = "roll_back_variation"
    title = "Roll a feature flag back to another variation"
    params_model: type[Value] = VariationParams
    lowest_level = Level.L5
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the flag with one variation in use; `None` when no other is.

        Raises:
            UserError: The flag has no such variation, it is the off one, or shares belong to an experiment.
        """
        flag, chosen = fitting(FlagRef, ref, whom=TITLE), fitting(VariationParams, params, whom=TITLE).variation
        off = _off_variation(flag, state)
        if chosen not in state["variations"]:
            raise UserError(f"{flag} has no variation {chosen}; it has: {', '.join(state['variations'])}.")
        if chosen == off:
            raise UserError(f"{off} is the variation without the feature; switch {flag} off instead.")
        rules = exposure.serving_rules(state).items()
        after = _with_served(state, {place: serving.given(_serves(rule), off, chosen) for place, rule in rules})
        if after == state:
            return None
        return Proposal(
            before=state,
            after=after,
            summary=f"Roll {flag} back from {exposure.variation_in_use(state)} to {chosen}",
            blast_radius=(
                *exposure.lines(flag, state),
                f"variation {chosen} = {state['variations'][chosen]}: everybody who got another",
                f"as before: who got {off}, and whoever is targeted one by one",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the variations that are not in use, the one declared before the one in use first."""
        read = await self.read(ref)
        names = [name for name in read["variations"] if name != read["off_variation"]]
        in_use = exposure.variation_in_use(read) if read["off_variation"] else ""
        place = names.index(in_use) if in_use in names else len(names)
        return [*reversed(names[:place]), *names[place + 1 :]]


class SwitchSegmentOff(_FlagAction):
    """Puts a rule before all others that gives the off variation to one segment."""

    name = "switch_segment_off"
    title = "Switch a feature flag off for one segment"
    params_model: type[Value] = SegmentParams
    lowest_level = Level.L3

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the flag with the rule in front; `None` when it is there or the flag is off.

        Raises:
            UserError: Neither a segment nor a field with a value is named, or there is no off variation.
        """
        flag, segment = fitting(FlagRef, ref, whom=TITLE), fitting(SegmentParams, params, whom=TITLE)
        _off_variation(flag, state)
        if not state["on"] or str(segment) in state["kept_out"]:
            return None
        return Proposal(
            before=state,
            after={**state, "kept_out": {**state["kept_out"], str(segment): segment.clause}},
            summary=f"Switch {flag} off for {segment}",
            blast_radius=(
                *exposure.lines(flag, state),
                f"{segment}: gets {exposure.off_in_words(state)}, unless targeted one by one; all others as before",
            ),
        )


def _off_variation(flag: FlagRef, state: JsonObject) -> str:
    if state["off_variation"] is None:
        raise UserError(
            f"{flag} has no off variation, so nobody can be left without the feature; switch it off instead."
        )
    return str(state["off_variation"])


def _serves(rule: JsonObject) -> JsonObject:
    """Return what a rule serves, without whom it concerns."""
    return {field: rule[field] for field in ("serves", "bucket_by", "context_kind", "experiment") if field in rule}


def _with_served(state: JsonObject, served: JsonObject) -> JsonObject:
    """Return a reading in which rules, by place, and the default rule serve something else."""
    rules = {
        place: {**{field: rule[field] for field in ("description", "disabled", "clauses")}, **served[place]}
        if place in served
        else rule
        for place, rule in state["rules"].items()
    }
    return {**state, "rules": rules, "default": served["default"]}
