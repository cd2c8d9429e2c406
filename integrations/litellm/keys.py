"""What can be done to a virtual key or a team: limit it, cap its budget, block it.

All read the same state of it, so that containments on one key can be stacked and taken back one by one. What it has
spent is no part of that state: it changes with every request.
"""

from typing import Self

from pydantic import Field, model_validator

from bot.sdk import JsonObject, Level, NoParams, Proposal, UserError, Value, fitting
from integrations.litellm.action import Dollars, Limit, LiteLlmAction, Name, lowered, shown
from integrations.litellm.client import TITLE, Limits


class KeyRef(Value):
    """A virtual key by its hash, as LiteLLM's logs and pages show it, or by its alias."""

    hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    alias: Name | None = None

    @model_validator(mode="after")
    def _by_one(self) -> Self:
        if (self.hash is None) == (self.alias is None):
            raise ValueError("give either hash or alias")
        return self

    def __str__(self) -> str:
        return f"key {self.alias or (self.hash or '')[:12]}"


class TeamRef(Value):
    """A team by its id."""

    team: Name

    def __str__(self) -> str:
        return f"team {self.team}"


class LimitParams(Value):
    """The most that may still pass in a minute; LiteLLM itself would take -5."""

    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.wanted:
            raise ValueError("give requests_per_minute or tokens_per_minute")
        return self

    @property
    def wanted(self) -> dict[str, int]:
        """The given limits by LiteLLM's names."""
        given = {"rpm_limit": self.requests_per_minute, "tpm_limit": self.tokens_per_minute}
        return {name: value for name, value in given.items() if value is not None}


class BudgetParams(Value):
    """The most that may be spent, in US dollars, what is spent already included."""

    dollars: Dollars


def limited(target: object, wanted: dict[str, int], state: JsonObject) -> Proposal | None:
    """Return the lowered limits; this contains and never widens.

    Raises:
        UserError: All limits are lower already.
    """
    stricter = {name: value for name, value in wanted.items() if lowered(state[name], value)}
    if not stricter:
        if all(state[name] == value for name, value in wanted.items()):
            return None
        now = ", ".join(f"{_WORDS[name]} {shown(state[name])}" for name in wanted)
        raise UserError(f"{target} is at {now} already; this only lowers a limit, undo raises it.")
    changes = [f"{_WORDS[name]}: {shown(state[name])} -> {shown(value)}" for name, value in stricter.items()]
    return Proposal(
        before=state,
        after={**state, **stricter},
        summary=f"Limit {target} to " + ", ".join(f"{shown(each)} {_WORDS[name]}" for name, each in stricter.items()),
        blast_radius=(*whom(state), *changes, _STOPS if 0 in stricter.values() else _REFUSES),
    )


_WORDS = {"rpm_limit": "requests a minute", "tpm_limit": "tokens a minute"}
_REFUSES = "what is over the limit is refused with 429; what was sent this minute counts"
_STOPS = "every request is refused with 429"


def capped(target: object, dollars: float, state: JsonObject) -> Proposal | None:
    """Return the lowered budget.

    Raises:
        UserError: The budget is lower already.
    """
    now = state["max_budget"]
    if now == dollars:
        return None
    if not lowered(now, dollars):
        raise UserError(f"{target} has a budget of {shown(now)} dollars already; this only lowers it, undo raises it.")
    return Proposal(
        before=state,
        after={**state, "max_budget": dollars},
        summary=f"Cap the budget of {target} at {dollars:g} dollars",
        blast_radius=(
            *whom(state),
            f"budget in dollars: {shown(now)} -> {dollars:g}",
            "what has been spent counts; above it every request is refused",
        ),
    )


def whom(state: JsonObject) -> tuple[str, ...]:
    """Return who is concerned, from a reading."""
    models = ", ".join(state["models"]) or "all"
    lines = [f"{word} {state[field]}" for field, word in _IDENTITY.items() if state.get(field)]
    return (*lines, f"models: {models}", *(["blocked"] if state["blocked"] else []))


_IDENTITY = {"key_name": "key", "key_alias": "alias", "team_id": "of team", "team_alias": "team"}


def _state(of: Limits) -> JsonObject:
    return {**of.model_dump(), "blocked": bool(of.blocked), "models": sorted(of.models)}


class _KeyAction(LiteLlmAction[KeyRef]):
    ref_model: type[Value] = KeyRef

    def _target(self, ref: JsonObject) -> KeyRef:
        return fitting(KeyRef, ref, whom=TITLE)

    async def _read(self, target: KeyRef) -> JsonObject:
        return _state(await self._api.key(await self._hash(target)))

    async def _hash(self, target: KeyRef) -> str:
        return target.hash or await self._api.key_hash(target.alias or "")

    async def _write(self, target: KeyRef, current: JsonObject, after: JsonObject) -> None:
        key = await self._hash(target)
        if current["blocked"] != after["blocked"]:
            verb = "block" if after["blocked"] else "unblock"
            await self._api.call(f"{verb} key", "POST", f"/key/{verb}", {"key": key})
        changed = _changed(current, after)
        if changed:
            await self._api.call("change key", "POST", "/key/update", {"key": key, **changed})


class _TeamAction(LiteLlmAction[TeamRef]):
    ref_model: type[Value] = TeamRef

    def _target(self, ref: JsonObject) -> TeamRef:
        return fitting(TeamRef, ref, whom=TITLE)

    async def _read(self, target: TeamRef) -> JsonObject:
        return _state(await self._api.team(target.team))

    async def _write(self, target: TeamRef, current: JsonObject, after: JsonObject) -> None:
        await self._api.call(
            "change team", "POST", "/team/update", {"team_id": target.team, **_changed(current, after)}
        )


def _changed(current: JsonObject, after: JsonObject) -> JsonObject:
    """Return the limits to write; LiteLLM clears those that are sent as null."""
    return {name: after[name] for name in ("rpm_limit", "tpm_limit", "max_budget") if current[name] != after[name]}


class LimitKey(_KeyAction):
    """Lowers how many requests or tokens of a key may pass in a minute."""

    name = "limit_key"
    title = "Limit the rate of a key"
    params_model: type[Value] = LimitParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the lowered limits; `None` when they are in force."""
        return limited(self._target(ref), fitting(LimitParams, params, whom=TITLE).wanted, state)


class LimitTeam(_TeamAction):
    """Lowers how many requests or tokens of all keys of a team together may pass in a minute."""

    name = "limit_team"
    title = "Limit the rate of a team"
    params_model: type[Value] = LimitParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the lowered limits; `None` when they are in force."""
        return limited(self._target(ref), fitting(LimitParams, params, whom=TITLE).wanted, state)


class CapKeyBudget(_KeyAction):
    """Lowers how much a key may spend."""

    name = "cap_key_budget"
    title = "Cap the budget of a key"
    params_model: type[Value] = BudgetParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the lowered budget; `None` when it is in force."""
        return capped(self._target(ref), fitting(BudgetParams, params, whom=TITLE).dollars, state)


class CapTeamBudget(_TeamAction):
    """Lowers how much all keys of a team together may spend."""

    name = "cap_team_budget"
    title = "Cap the budget of a team"
    params_model: type[Value] = BudgetParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the lowered budget; `None` when it is in force."""
        return capped(self._target(ref), fitting(BudgetParams, params, whom=TITLE).dollars, state)


class BlockKey(_KeyAction):
    """Refuses every request with a key, until it is unblocked."""

    name = "block_key"
    title = "Block a key"
    params_model: type[Value] = NoParams
    lowest_level = Level.L1

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the block; `None` when the key is blocked."""
        target, _ = self._target(ref), fitting(NoParams, params, whom=TITLE)
        if state["blocked"]:
            return None
        return Proposal(
            before=state,
            after={**state, "blocked": True},
            summary=f"Block {target}",
            blast_radius=(*whom(state), "every request with it is refused with 401; other keys are not touched"),
        )
