"""The writes of the simulated Admin API: each turns the document into another one.

An edit may run several times before the world takes it, so it is a pure function of what it is given.
"""

from collections.abc import Callable
from datetime import datetime

from bot.sdk import JsonObject
from integrations.flagsmith.flags import Feature, Flags, Refusal, Served, State, edited, found_state

Edit = Callable[[Flags, datetime], Flags]


def editing_default(key: str, state: int, body: JsonObject, *, partial: bool) -> Edit:
    """Return the edit of an environment's feature state; PATCH looks at the switch and the value, and no further."""

    def edit(flags: Flags, at: datetime) -> Flags:
        name, where, segment = found_state(flags, state)
        if where != key or segment:
            raise Refusal(404, "No FeatureState matches the given query.")
        _require_direct(flags, key)
        served, feature = flags.served(name, key), flags.features[name]
        seen = {field: each for field, each in body.items() if not (partial and field.startswith("multivariate"))}
        return flags.with_served(name, key, served.changed(default=edited(feature, served.default, seen)), at)

    return edit


def editing_state(state: int, body: JsonObject) -> Edit:
    """Return the edit of any feature state, a segment's override included."""

    def edit(flags: Flags, at: datetime) -> Flags:
        name, key, segment = found_state(flags, state)
        _require_direct(flags, key)
        return flags.with_served(name, key, _changed(flags.features[name], flags.served(name, key), segment, body), at)

    return edit


def overriding(key: str, feature: int, body: JsonObject) -> Edit:
    """Return the edit that adds a segment's override behind those that there are."""

    def edit(flags: Flags, at: datetime) -> Flags:
        name = flags.name_of(feature)
        _require_direct(flags, key)
        return flags.with_served(name, key, _added(flags, name, flags.served(name, key), body), at)

    return edit


def unlinking(link: int) -> Edit:
    """Return the edit that deletes what links an override to its segment, and the override with it."""

    def edit(flags: Flags, at: datetime) -> Flags:
        name, key, segment = found_state(flags, link)
        _require_direct(flags, key)
        return flags.with_served(name, key, _without(flags.served(name, key), [segment]), at)

    return edit


def publishing(environment: int, feature: int, body: JsonObject) -> Edit:
    """Return the edit that publishes a version."""

    def edit(flags: Flags, at: datetime) -> Flags:
        key, name = flags.key_of(environment), flags.name_of(feature)
        if not flags.environments[key].versioned:
            raise Refusal(400, "Feature versioning is not enabled for this environment.")
        _require_no_approvals(flags, key)
        served = flags.served(name, key)
        for state in body.get("feature_states_to_create") or []:
            served = _added(flags, name, served, state)
        for state in body.get("feature_states_to_update") or []:
            segment = (state.get("feature_segment") or {}).get("segment", 0)
            served = _changed(flags.features[name], served, segment, state)
        served = _without(served, body.get("segment_ids_to_delete_overrides") or [])
        # A draft changes nothing that anybody is served.
        return flags.with_served(name, key, served, at) if body.get("publish_immediately") else flags

    return edit


def _require_direct(flags: Flags, key: str) -> None:
    if flags.environment(key).versioned:
        detail = "This environment uses v2 feature versioning. Use the environment feature version endpoint instead."
        raise Refusal(400, detail)
    _require_no_approvals(flags, key)


def _require_no_approvals(flags: Flags, key: str) -> None:
    if flags.environments[key].approvals is not None:
        raise Refusal(400, "Cannot update a flag when change requests are enabled.")


def _changed(feature: Feature, served: Served, segment: int, body: JsonObject) -> Served:
    if not segment:
        return served.changed(default=edited(feature, served.default, body))
    if segment not in served.overrides:
        raise Refusal(400, "FeatureState matching query does not exist.")
    overrides = {**served.overrides, segment: edited(feature, served.overrides[segment], body)}
    return served.changed(overrides=overrides)


def _added(flags: Flags, name: str, served: Served, body: JsonObject) -> Served:
    segment = body["feature_segment"]["segment"]
    if segment not in flags.segments:
        raise Refusal(400, f'Invalid pk "{segment}" - object does not exist.')
    if segment in served.overrides:
        raise Refusal(400, f"Segment override already exists for Segment {segment}")
    return served.changed(overrides={**served.overrides, segment: edited(flags.features[name], State(), body)})


def _without(served: Served, segments: list[int]) -> Served:
    left = {segment: state for segment, state in served.overrides.items() if segment not in segments}
    return served.changed(overrides=left)
