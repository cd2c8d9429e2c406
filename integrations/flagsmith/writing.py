"""Brings a feature from one reading to another, in the way that its environment's feature versioning asks for.

In a versioned environment all of it is one published version; elsewhere it is one call for each state that differs.
"""

from typing import Any

from bot.sdk import JsonObject, Rejected
from integrations.flagsmith.client import NAME, Api, FeatureState, Flag, FlagRef, Override, Scalar
from integrations.flagsmith.state import reading, variants


class Writer:
    """Writes what differs between a feature as it is and a reading."""

    def __init__(self, api: Api, ref: FlagRef, flag: Flag) -> None:
        self._api = api
        self._ref = ref
        self._flag = flag
        self._options = {name: option for option, name in variants(flag).items()}
        self._current = reading(flag)

    async def write(self, before: JsonObject, after: JsonObject) -> None:
        """Write what differs from `after`; nothing when it is so already.

        Raises:
            Rejected: Something reads neither as `before` nor as `after`: somebody else changed it, and nothing was
                written.
        """
        self._refuse_drift(before, after)
        if self._current == after:
            return
        if self._flag.environment.versioned:
            await self._publish(after)
        else:
            await self._write_states(after)

    def _refuse_drift(self, before: JsonObject, after: JsonObject) -> None:
        old, new, now = _parts(before), _parts(after), _parts(self._current)
        drifted = [part for part in {**old, **new, **now} if now.get(part) not in (old.get(part), new.get(part))]
        if drifted:
            detail = f"somebody else changed {', '.join(drifted)} of {self._ref}; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)

    async def _publish(self, after: JsonObject) -> None:
        updated: list[JsonObject] = []
        created: list[JsonObject] = []
        deleted: list[int] = []
        if after["default"] != self._current["default"]:
            updated.append({**self._sent(after["default"]), "feature_segment": None})
        for segment in _segments(self._current, after):
            current, wanted = self._current["overrides"].get(segment), after["overrides"].get(segment)
            if wanted is None:
                deleted.append(int(segment))
            elif current != wanted:
                state = {**self._sent(wanted), "feature_segment": {"segment": int(segment)}}
                (created if current is None else updated).append(state)
        body = {
            "feature_states_to_create": created,
            "feature_states_to_update": updated,
            "segment_ids_to_delete_overrides": deleted,
            "publish_immediately": True,
        }
        path = f"/environments/{self._flag.environment.id}/features/{self._flag.feature}/versions/"
        await self._call("publish version", "POST", path, body)

    async def _write_states(self, after: JsonObject) -> None:
        if after["default"] != self._current["default"]:
            await self._write_default(self._current["default"], after["default"])
        links = {str(override.segment): override for override in self._flag.overrides}
        for segment in _segments(self._current, after):
            current, wanted = self._current["overrides"].get(segment), after["overrides"].get(segment)
            if current == wanted:
                continue
            if wanted is None:
                path = f"/features/feature-segments/{links[segment].link}/"
                await self._call("remove override", "DELETE", path, None)
            elif current is None:
                path = f"/environments/{self._ref.environment}/features/{self._flag.feature}/create-segment-override/"
                body = {**self._sent(wanted), "feature_segment": {"segment": int(segment)}}
                await self._call("add override", "POST", path, body)
            else:
                await self._write_override(links[segment], wanted)

    async def _write_default(self, current: JsonObject, wanted: JsonObject) -> None:
        state = self._flag.default
        path = f"/environments/{self._ref.environment}/featurestates/{state.id}/"
        if {**current, "enabled": wanted["enabled"]} == wanted:
            await self._call("switch flag", "PATCH", path, {"enabled": wanted["enabled"]})
            return
        body = {
            "feature": self._flag.feature,
            "enabled": wanted["enabled"],
            "feature_state_value": wanted["value"],
            "multivariate_feature_state_values": self._shares(wanted, state),
        }
        await self._call("change flag", "PUT", path, body)

    async def _write_override(self, override: Override, wanted: JsonObject) -> None:
        body: JsonObject = {"enabled": wanted["enabled"]}
        if wanted["enabled"] and override.state.enabled:
            body["feature_state_value"] = _typed(wanted["value"])
            body["multivariate_feature_state_values"] = self._shares(wanted, override.state)
        await self._call("change override", "PATCH", f"/features/featurestates/{override.state.id}/", body)

    def _sent(self, wanted: JsonObject) -> JsonObject:
        """Return a state as a version takes it; without shares its variants stay as they are."""
        sent = {"enabled": wanted["enabled"], "feature_state_value": _typed(wanted["value"])}
        return {**sent, **({"multivariate_feature_state_values": self._shares(wanted)} if wanted["variants"] else {})}

    def _shares(self, wanted: JsonObject, state: FeatureState | None = None) -> list[JsonObject]:
        """Return shares as they are sent: with the ids of those that a state has, for Flagsmith drops all others."""
        ids = {share.multivariate_feature_option: share.id for share in state.shares} if state else {}
        return [
            {
                **({"id": ids[option]} if (option := self._options[name]) in ids else {}),
                "multivariate_feature_option": option,
                "percentage_allocation": share,
            }
            for name, share in wanted["variants"].items()
        ]

    async def _call(self, operation: str, method: str, path: str, body: JsonObject | None) -> None:
        guarded = self._flag.environment.approvals is not None
        await self._api.write(operation, method, path, body, guarded=guarded)


def _parts(read: JsonObject) -> dict[str, Any]:
    overrides = {f"the override of segment {segment}": each for segment, each in read["overrides"].items()}
    return {"archived": read["archived"], "the default": read["default"], **overrides}


def _segments(current: JsonObject, after: JsonObject) -> list[str]:
    return list({**current["overrides"], **after["overrides"]})


def _typed(value: Scalar) -> JsonObject:
    """Return a value with its type; Flagsmith holds one in three fields."""
    kind = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "unicode"
    fields = {"bool": "boolean_value", "int": "integer_value", "unicode": "string_value"}
    return {"type": kind, "string_value": None, "integer_value": None, "boolean_value": None, fields[kind]: value}
