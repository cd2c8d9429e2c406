"""The writes of the simulated admin API: each turns one environment into another and says what the audit log keeps.

An edit may run several times before the world takes it, so it is a pure function of what it is given.
"""

from collections.abc import Callable
from datetime import datetime

from bot.sdk import JsonObject, Value
from integrations.unleash.flags import (
    FlagEnvironment,
    Refusal,
    Strategy,
    patched,
    strategy_from,
    switched,
    with_strategies,
)


class Edited(Value):
    """What came of an edit.

    Attributes:
        answer: Body of the answer; `None` for an empty one.
    """

    environment: FlagEnvironment
    events: tuple[JsonObject, ...] = ()
    answer: JsonObject | None = None


Edit = Callable[[FlagEnvironment, str, datetime], Edited]
"""Takes the environment, an id for a strategy that has to be added, and the instant."""


def switching(feature: str, *, on: bool) -> Edit:
    """Return the edit behind `/on` and `/off`."""

    def edit(environment: FlagEnvironment, new_id: str, at: datetime) -> Edited:
        changed = switched(environment, feature, on=on, new_id=new_id, at=at)
        kind = "feature-environment-enabled" if on else "feature-environment-disabled"
        return Edited(environment=changed, events=({"type": kind, "data": None, "preData": None},))

    return edit


def added(feature: str, body: object) -> Edit:
    """Return the edit that appends a strategy; an id in the body is not taken over."""
    sent = _object(body)

    def edit(environment: FlagEnvironment, new_id: str, at: datetime) -> Edited:
        place = max((strategy.sortOrder for strategy in environment.strategies), default=-1) + 1
        strategy = strategy_from(feature, {"sortOrder": place, **sent, "id": new_id})
        changed = environment.changed(strategies=(*environment.strategies, strategy), changed_at=at)
        event = {"type": "feature-strategy-add", "data": strategy.public(), "preData": None}
        return Edited(environment=changed, events=(event,), answer=strategy.public())

    return edit


def overwritten(feature: str, strategy_id: str, body: object) -> Edit:
    """Return the edit behind PUT: what is left out goes, parameters to their defaults, which let everybody in."""
    sent = _object(body)

    def replace(strategy: Strategy) -> Strategy:
        kept = {"title": strategy.title, "disabled": strategy.disabled, "sortOrder": strategy.sortOrder}
        return strategy_from(feature, {**kept, **sent, "id": strategy.id})

    return _replacing(strategy_id, replace)


def patching(feature: str, strategy_id: str, body: object) -> Edit:
    """Return the edit behind PATCH."""
    if not isinstance(body, list):
        raise Refusal(400, "BadDataError", "Request validation failed: the body must be a list of operations")
    operations = [_object(each) for each in body]
    return _replacing(strategy_id, lambda strategy: patched(feature, strategy, operations))


def deleted(strategy_id: str) -> Edit:
    """Return the edit that removes a strategy."""

    def edit(environment: FlagEnvironment, _: str, at: datetime) -> Edited:
        gone = environment.strategy(strategy_id)
        left = tuple(strategy for strategy in environment.strategies if strategy.id != strategy_id)
        event = {"type": "feature-strategy-remove", "data": None, "preData": gone.public()}
        return Edited(environment=with_strategies(environment, left, at), events=(event,))

    return edit


def _replacing(strategy_id: str, replace: Callable[[Strategy], Strategy]) -> Edit:
    def edit(environment: FlagEnvironment, _: str, at: datetime) -> Edited:
        old = environment.strategy(strategy_id)
        new = replace(old)
        strategies = tuple(new if strategy.id == strategy_id else strategy for strategy in environment.strategies)
        event = {"type": "feature-strategy-update", "data": new.public(), "preData": old.public()}
        changed = with_strategies(environment, strategies, at)
        return Edited(environment=changed, events=(event,), answer=new.public())

    return edit


def _object(body: object) -> JsonObject:
    if not isinstance(body, dict):
        raise Refusal(400, "BadDataError", "Request validation failed: the body must be an object")
    return body
