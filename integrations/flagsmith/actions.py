"""What can be done to a feature of Flagsmith in one environment to contain harm.

A segment's override wins over the default, so a flag that is switched off by default goes on for every segment whose
override is on. Every action here therefore looks at the overrides too. Flagsmith has no optimistic lock; the guard is
to read again right before writing.
"""

import json
from collections.abc import Callable, Sequence

import httpx

from bot.sdk import Guard, IntegrationError, JsonObject, Level, NoParams, Proposal, UserError, Value, fitting
from integrations.flagsmith import exposure
from integrations.flagsmith.client import TITLE, Api, Flag, FlagRef, Scalar, Settings
from integrations.flagsmith.params import RolloutParams, SegmentParams, ValueParams
from integrations.flagsmith.state import plain, reading, shown
from integrations.flagsmith.writing import Writer

_HISTORY_LENGTH = 5


class _FlagAction:
    """Reads a feature and its overrides, and writes what differs; each action adds its plan."""

    ref_model: type[Value] = FlagRef
    reversible = True
    guard = Guard.REREAD
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = Api(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what everybody and each overriding segment is served; see `state.py`."""
        return reading(await self._api.flag(fitting(FlagRef, ref, whom=TITLE)))

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - Flagsmith takes none
        """Write what differs from `after`, or nothing if something reads neither as `before` nor as `after`."""
        target = fitting(FlagRef, ref, whom=TITLE)
        await Writer(self._api, target, await self._api.flag(target)).write(before, after)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()


class SwitchOff(_FlagAction):
    """Switches the flag off for everybody, segments with an override included; values and shares stay."""

    name = "switch_off"
    title = "Switch a feature flag off"
    params_model: type[Value] = NoParams
    lowest_level = Level.L6

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the switch-off; `None` when it is off for everybody."""
        flag, _ = fitting(FlagRef, ref, whom=TITLE), fitting(NoParams, params, whom=TITLE)
        on = exposure.in_force(state)
        if not on:
            return None
        return Proposal(
            before=state,
            after={
                **state,
                "default": {**state["default"], "enabled": False},
                "overrides": {place: _off(each) for place, each in state["overrides"].items()},
            },
            summary=f"Switch {flag} off for everybody",
            blast_radius=(
                *exposure.lines(flag, state),
                f"afterwards: off for everybody, also for {len(on.keys() - {'default'})} segment(s) with an override",
            ),
        )


class SetRollout(_FlagAction):
    """Lowers the share of variants, by default and for every segment; this contains and never widens."""

    name = "set_rollout"
    title = "Narrow the rollout of a feature flag"
    params_model: type[Value] = RolloutParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the narrowed shares; `None` when that percentage gets a variant already.

        Raises:
            UserError: The percentage is not a whole number from 0 to 100 or above what is, or there are no variants.
        """
        flag, percent = fitting(FlagRef, ref, whom=TITLE), fitting(RolloutParams, params, whom=TITLE).percent
        if not state["default"]["variants"]:
            raise UserError(f"{flag} has no variants whose share could be lowered; switch it or a segment off instead.")
        shares = [exposure.share(each) for each in exposure.in_force(state).values()]
        most = max(shares, default=0)
        if most <= percent:
            if percent in shares or not shares:
                return None
            raise UserError(f"{flag} reaches {most:g} % at most already; this only narrows a rollout, undo widens it.")
        after = _with_served(state, lambda served: _narrowed(served, percent))
        own = shown(state["default"]["value"])
        return Proposal(
            before=state,
            after=after,
            summary=f"Narrow the rollout of {flag} to {percent} %",
            blast_radius=(
                *exposure.lines(flag, state),
                f"largest share that gets a variant: {most:g} % -> {percent} %; by default the others get {own}",
            ),
        )


class RollBackValue(_FlagAction):
    """Gives one value to everybody whom the feature reaches."""

    name = "roll_back_value"
    title = "Roll a feature flag back to another value"
    params_model: type[Value] = ValueParams
    lowest_level = Level.L5
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the feature with one value in use; `None` when no other is.

        Raises:
            UserError: The feature has variants and this is none of them, or the value is of another type.
        """
        flag, chosen = fitting(FlagRef, ref, whom=TITLE), fitting(ValueParams, params, whom=TITLE).value
        default = state["default"]
        known = {shown(default["value"]): default["value"]}
        if default["variants"] and chosen not in {*known, *default["variants"]}:
            names = ", ".join([*known, *default["variants"]])
            raise UserError(f"{flag} has no such value; choose one of: {names}.")
        own = known[chosen] if chosen in known else _as_typed(chosen, default["value"])
        after = _with_served(state, lambda served: _given(served, chosen, own))
        if after == state:
            return None
        return Proposal(
            before=state,
            after=after,
            summary=f"Roll {flag} back from {exposure.value_in_use(state)} to {shown(chosen)}",
            blast_radius=(
                *exposure.lines(flag, state),
                f"value {shown(chosen)}: everybody whom the feature reaches; it stays off where it is off",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the values that are not in use: of the variants, else of earlier versions if there are any."""
        target = fitting(FlagRef, ref, whom=TITLE)
        flag = await self._api.flag(target)
        state = reading(flag)
        default, in_use = state["default"], exposure.value_in_use(state)
        names = [*default["variants"], shown(default["value"])] if default["variants"] else await self._earlier(flag)
        return [name for name in dict.fromkeys(names) if name != in_use]

    async def _earlier(self, flag: Flag) -> list[str]:
        if not flag.environment.versioned:
            return []
        found: list[str] = []
        try:
            for version in (await self._api.versions(flag.environment.id, flag.feature))[:_HISTORY_LENGTH]:
                states = await self._api.version(flag.environment.id, flag.feature, version)
                found += [_written(each.value) for each in states if each.feature_segment is None]
        except IntegrationError:
            return found  # the history only offers choices
        return found


class SwitchSegmentOff(_FlagAction):
    """Keeps one segment out by an override that is off."""

    name = "switch_segment_off"
    title = "Switch a feature flag off for one segment"
    params_model: type[Value] = SegmentParams
    lowest_level = Level.L3
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the override; `None` when the flag is off for that segment.

        A new override comes after those that there are, as Flagsmith puts it.
        """
        flag, segment = fitting(FlagRef, ref, whom=TITLE), fitting(SegmentParams, params, whom=TITLE)
        current = state["overrides"].get(segment.id)
        served = current or state["default"]
        if not served["enabled"]:
            return None
        before_it = list(state["overrides"])
        if current is not None:
            before_it = before_it[: before_it.index(segment.id)]
        earlier = [place for place in before_it if state["overrides"][place]["enabled"]]
        unless = f", unless they are also in segment {' or '.join(earlier)}" if earlier else ""
        return Proposal(
            before=state,
            after={**state, "overrides": {**state["overrides"], segment.id: _off(served)}},
            summary=f"Switch {flag} off for segment {segment.segment}",
            blast_radius=(
                *exposure.lines(flag, state),
                f"segment {segment.segment}: none get the feature{unless}; everybody else as before",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the segments of the project, each with its id first."""
        environment = await self._api.environment(fitting(FlagRef, ref, whom=TITLE))
        return [f"{segment.id} {segment.name}" for segment in await self._api.segments(environment.project)]


def _with_served(state: JsonObject, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
    """Return a reading in which whatever is in force, the default or an override, is changed."""
    changed = {place: change(each) for place, each in exposure.in_force(state).items()}
    return {
        **state,
        "default": changed.get("default", state["default"]),
        "overrides": {place: changed.get(place, each) for place, each in state["overrides"].items()},
    }


def _off(served: JsonObject) -> JsonObject:
    """Return an override that is off, as it is read."""
    return {**served, "enabled": False, "variants": {}}


def _narrowed(served: JsonObject, percent: int) -> JsonObject:
    """Return shares that add up to a percentage at most, in the proportion that they had, to a hundredth."""
    reached = exposure.share(served)
    if reached <= percent:
        return served
    narrowed: dict[str, float] = {}
    passed, given = 0.0, 0
    for name, share in served["variants"].items():
        passed += share
        until = round(passed * percent * 100 / reached)
        narrowed[name] = plain((until - given) / 100)
        given = until
    return {**served, "variants": narrowed}


def _given(served: JsonObject, chosen: str, own: Scalar) -> JsonObject:
    """Return what serves one value to all: a variant at 100 %, or the feature's own value and no variant."""
    is_variant = chosen in served["variants"]
    variants = {name: 100 if name == chosen else 0 for name in served["variants"]}
    return {**served, "variants": variants, **({} if is_variant else {"value": own})}


def _as_typed(chosen: str, now: Scalar) -> Scalar:
    """Return a value that was given as text as one of the type that the feature's value has now.

    Raises:
        UserError: It cannot be one.
    """
    if isinstance(now, str) or now is None:
        return chosen
    try:
        value: object = json.loads(chosen)
    except ValueError:
        value = None
    if isinstance(value, bool | int) and isinstance(value, bool) == isinstance(now, bool):
        return value
    wanted = "true or false" if isinstance(now, bool) else "a whole number"
    raise UserError(f"The feature's value is {shown(now)}, so the new one must be {wanted}.")


def _written(value: Scalar) -> str:
    return value if isinstance(value, str) else json.dumps(value)
