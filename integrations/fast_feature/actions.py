"""What can be done to a flag of fast-feature to contain harm.

"Disabled" is not "off": a disabled flag skips its targeting and serves its default variant to everybody. So off means
that the default variant is the off one; where targeting could still give another, the flag is disabled besides, which
leaves the targeting as it is.
"""

import json
from collections.abc import Sequence

import httpx

from bot.sdk import Guard, JsonObject, Level, Proposal, UserError, Value, fitting
from integrations.fast_feature import targeting
from integrations.fast_feature.client import TITLE, AdminApi, FlagRef, Settings
from integrations.fast_feature.params import (
    OffParams,
    OnParams,
    RolloutParams,
    SegmentParams,
    VariationParams,
)


class _FlagAction:
    """Reads a flag whole and replaces it whole; each action adds its plan."""

    ref_model: type[Value] = FlagRef
    reversible = True
    guard = Guard.REREAD
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = AdminApi(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the flag's state, default variant, variants, targeting and metadata."""
        return await self._api.flag(fitting(FlagRef, ref, whom=TITLE))

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - fast-feature takes none
        """Replace the flag by `after` if it still reads as `before`."""
        await self._api.replace(fitting(FlagRef, ref, whom=TITLE), before, after)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()


class SwitchOff(_FlagAction):
    """Serves the off variant to everybody; the targeting stays and is skipped."""

    name = "switch_off"
    title = "Switch a feature flag off"
    params_model: type[Value] = OffParams
    lowest_level = Level.L6

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the switch-off; `None` when everybody gets the off variant.

        Raises:
            UserError: The flag has no such variant, or its value is true.
        """
        flag, off = fitting(FlagRef, ref, whom=TITLE), fitting(OffParams, params, whom=TITLE).off
        if _value(flag, state, off) is True:
            raise UserError(f"Variant {off} of {flag} has the value true, so serving it would switch the feature on.")
        return _for_everybody(flag, state, off, f"Switch {flag} off for everybody")


class PullKillSwitch(_FlagAction):
    """Serves the on variant of a kill-switch flag to everybody, so that the feature's own flag is not touched."""

    name = "pull_kill_switch"
    title = "Pull a kill switch"
    params_model: type[Value] = OnParams
    lowest_level = Level.L6

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the switch-on; `None` when everybody gets the on variant.

        Raises:
            UserError: The flag has no such variant, or its value is false.
        """
        flag, on = fitting(FlagRef, ref, whom=TITLE), fitting(OnParams, params, whom=TITLE).on
        if _value(flag, state, on) is False:
            raise UserError(f"Variant {on} of {flag} has the value false, so serving it would pull nothing.")
        return _for_everybody(flag, state, on, f"Pull the kill switch {flag}")


class SetRollout(_FlagAction):
    """Lowers the share of everybody who gets anything but the off variant; this contains and never widens."""

    name = "set_rollout"
    title = "Narrow the rollout of a feature flag"
    params_model: type[Value] = RolloutParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the narrowed targeting; `None` when that percentage gets the feature already.

        Raises:
            UserError: The percentage is not a whole number from 0 to 100 or above what is, or the targeting cannot be
                understood.
        """
        flag, given = fitting(FlagRef, ref, whom=TITLE), fitting(RolloutParams, params, whom=TITLE)
        _value(flag, state, given.off)
        _require_enabled(flag, state)
        default, rule = state["default_variant"], state["targeting"]
        shares = targeting.shares(rule, default, given.off)
        if max(shares) <= given.percent:
            if given.percent in shares:
                return None
            raise UserError(
                f"{flag} reaches {max(shares):g} % at most already; this only narrows a rollout, undo widens it."
            )
        after = {**state, "targeting": targeting.narrowed(rule, default, given.off, given.percent)}
        share = max(targeting.shares(after["targeting"], default, given.off))
        return Proposal(
            before=state,
            after=after,
            summary=f"Narrow the rollout of {flag} to {given.percent} %",
            blast_radius=(
                *_lines(flag, state),
                f"largest share of any group: {max(shares):g} % -> {share:g} %; the others get {given.off}",
            ),
        )


class RollBackVariation(_FlagAction):
    """Gives one variant to everybody who gets any but the off one."""

    name = "roll_back_variation"
    title = "Roll a feature flag back to another variation"
    params_model: type[Value] = VariationParams
    lowest_level = Level.L5
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the flag with one variant in use; `None` when no other is.

        Raises:
            UserError: The flag has no such variant, or the targeting cannot be understood.
        """
        flag, given = fitting(FlagRef, ref, whom=TITLE), fitting(VariationParams, params, whom=TITLE)
        _value(flag, state, given.variation)
        if given.variation == given.off:
            raise UserError(f"{given.off} is the variant without the feature; switch {flag} off instead.")
        default = state["default_variant"]
        after = {
            **state,
            "default_variant": default if default == given.off else given.variation,
            "targeting": targeting.renamed(state["targeting"], given.off, given.variation),
        }
        if after == state:
            return None
        return Proposal(
            before=state,
            after=after,
            summary=f"Roll {flag} back from {_in_use(state, given.off)} to {given.variation}",
            blast_radius=(
                *_lines(flag, state),
                f"variant {given.variation}: everybody who got another; who got {given.off} still does",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the variants that are not in use, the one declared before the one in use first; no history is kept."""
        state = await self.read(ref)
        off = OffParams().off
        names = [name for name in state["variants"] if name != off]
        in_use = _in_use(state, off)
        place = names.index(in_use) if in_use in names else len(names)
        return [*reversed(names[:place]), *names[place + 1 :]]


class SwitchSegmentOff(_FlagAction):
    """Puts a rule before all others that gives the off variant to one group."""

    name = "switch_segment_off"
    title = "Switch a feature flag off for one segment"
    params_model: type[Value] = SegmentParams
    lowest_level = Level.L3

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the targeting with the rule in front; `None` when it is there.

        Raises:
            UserError: The flag has no off variant, or is disabled and skips its targeting.
        """
        flag, given = fitting(FlagRef, ref, whom=TITLE), fitting(SegmentParams, params, whom=TITLE)
        _value(flag, state, given.off)
        _require_enabled(flag, state)
        condition = {"==": [{"var": given.field}, given.value]}
        rule = targeting.excluding(state["targeting"], condition, given.off)
        if rule == state["targeting"]:
            return None
        return Proposal(
            before=state,
            after={**state, "targeting": rule},
            summary=f"Switch {flag} off where {given.field} is {given.value}",
            blast_radius=(*_lines(flag, state), f"segment {given.field} = {given.value}: gets {given.off}"),
        )


def _value(flag: FlagRef, state: JsonObject, variant: str) -> object:
    if variant not in state["variants"]:
        raise UserError(f"{flag} has no variant {variant}; it has: {', '.join(state['variants'])}.")
    return state["variants"][variant]


def _require_enabled(flag: FlagRef, state: JsonObject) -> None:
    if state["state"] != "ENABLED":
        raise UserError(
            f"{flag} is disabled, so everybody gets {state['default_variant']} and no rule counts; "
            "switch it off instead."
        )


def _for_everybody(flag: FlagRef, state: JsonObject, variant: str, summary: str) -> Proposal | None:
    skip = {"state": "DISABLED"} if state["targeting"] else {}
    after = {**state, "default_variant": variant, **skip}
    if after == state:
        return None
    return Proposal(
        before=state,
        after=after,
        summary=summary,
        blast_radius=(
            *_lines(flag, state),
            f"variant {variant} = {_shown(state['variants'][variant])}: everybody; the targeting stays as it is",
        ),
    )


def _in_use(state: JsonObject, off: str) -> str:
    """Return the variant that most get, apart from the off one; empty when that cannot be told."""
    try:
        rule = state["targeting"] if state["state"] == "ENABLED" else None
        weights = targeting.variants(rule, state["default_variant"])
    except UserError:
        return ""
    return max((name for name in sorted(weights) if name != off), key=lambda name: weights[name], default="")


def _lines(flag: FlagRef, state: JsonObject) -> list[str]:
    values = ", ".join(f"{name} = {_shown(value)}" for name, value in state["variants"].items())
    everybody = f"everybody gets {state['default_variant']}"
    if not state["targeting"]:
        served = f"{everybody}; no targeting"
    elif state["state"] == "DISABLED":
        served = f"{everybody}; the flag is disabled and its targeting skipped"
    else:
        served = f"by targeting; without a match {state['default_variant']}"
    return [f"flag {flag}; variants {values}", f"now: {served}"]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
