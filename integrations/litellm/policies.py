"""Policies and logging: put a kept revision of a policy in force again, keep prompts as evidence."""

from collections.abc import Sequence

from pydantic import Field

from bot.sdk import JsonObject, Level, NoParams, Proposal, UserError, Value, fitting
from integrations.litellm.action import Limit, LiteLlmAction, Name
from integrations.litellm.client import TITLE, PolicyVersion

_IN_FORCE, _KEPT = "production", "published"


class PolicyRef(Value):
    """A policy by its name."""

    policy: Name

    def __str__(self) -> str:
        return f"policy {self.policy}"


class VersionParams(Value):
    """The number of a kept version."""

    version: Limit


class RollBackPolicy(LiteLlmAction[PolicyRef]):
    """Puts a kept version of a policy in force instead of the present one, which is kept."""

    name = "roll_back_policy"
    title = "Roll a policy back to a kept version"
    ref_model: type[Value] = PolicyRef
    params_model: type[Value] = VersionParams
    lowest_level = Level.L5
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the exchange; `None` when that version is in force.

        Raises:
            UserError: That version is not kept as published, or none is in force now: undo could not restore that.
        """
        target, version = self._target(ref), str(fitting(VersionParams, params, whom=TITLE).version)
        in_force = _with_status(state, _IN_FORCE)
        if in_force == [version]:
            return None
        kept = _with_status(state, _KEPT)
        if version not in kept:
            raise UserError(f"{target} has no published version {version}; choose one of: {', '.join(kept) or 'none'}.")
        if len(in_force) != 1:
            raise UserError(f"{target} has no version in force, so there is nothing to roll back.")
        after = {
            **state,
            in_force[0]: {**state[in_force[0]], "status": _KEPT},
            version: {**state[version], "status": _IN_FORCE},
        }
        return Proposal(
            before=state,
            after=after,
            summary=f"Roll {target} back from version {in_force[0]} to {version}",
            blast_radius=(
                f"every request that {target} applies to",
                f"version {in_force[0]}: {_described(state[in_force[0]])}",
                f"version {version}: {_described(state[version])}",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the published versions, the one that was in force last first."""
        versions = await self._api.policy_versions(self._target(ref).policy)
        kept = [each for each in versions if each.version_status == _KEPT]
        kept.sort(key=lambda each: (each.production_at or "", each.version_number), reverse=True)
        return [str(each.version_number) for each in kept]

    def _target(self, ref: JsonObject) -> PolicyRef:
        return fitting(PolicyRef, ref, whom=TITLE)

    async def _read(self, target: PolicyRef) -> JsonObject:
        versions = await self._api.policy_versions(target.policy)
        return {str(each.version_number): _version(each) for each in sorted(versions, key=lambda v: v.version_number)}

    async def _write(self, target: PolicyRef, current: JsonObject, after: JsonObject) -> None:  # noqa: ARG002 - the version's id says which
        for number in _with_status(after, _IN_FORCE):
            if current[number]["status"] != _IN_FORCE:
                # LiteLLM takes the version that is in force out of force in the same step.
                path = f"/policies/{current[number]['id']}/status"
                await self._api.call("promote version", "PUT", path, {"version_status": _IN_FORCE})


def _version(version: PolicyVersion) -> JsonObject:
    content = version.model_dump(include={"description", "inherit", "pipeline"})
    return {
        "id": version.policy_id,
        "status": version.version_status,
        "adds": version.guardrails_add or [],
        "removes": version.guardrails_remove or [],
        "condition": version.condition or {},
        **content,
    }


def _with_status(state: JsonObject, status: str) -> list[str]:
    return [number for number, version in state.items() if version["status"] == status]


def _described(version: JsonObject) -> str:
    parts = [
        f"adds {', '.join(version['adds']) or 'nothing'}",
        *([f"removes {', '.join(version['removes'])}"] if version["removes"] else []),
        *([f"'{version['description']}'"] if version["description"] else []),
    ]
    return "; ".join(parts)


class SettingRef(Value):
    """The general setting that decides what LiteLLM keeps of a request."""

    setting: str = Field(pattern=r"^store_[a-z_]+_in_spend_logs$", max_length=100)

    def __str__(self) -> str:
        return self.setting


class LogPrompts(LiteLlmAction[SettingRef]):
    """Keeps prompts and answers in the spend logs from now on, as evidence."""

    name = "log_prompts"
    title = "Keep prompts and answers in the logs"
    ref_model: type[Value] = SettingRef
    params_model: type[Value] = NoParams
    lowest_level = Level.L0

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the setting switched on; `None` when it is on.

        Raises:
            UserError: The configuration file owns it.
        """
        target, _ = self._target(ref), fitting(NoParams, params, whom=TITLE)
        if state["value"] is True:
            return None
        if not state["changeable"]:
            raise UserError(f"LiteLLM's configuration file sets {target}, so its API cannot change it.")
        return Proposal(
            before=state,
            after={**state, "value": True},
            summary="Keep prompts and answers in LiteLLM's spend logs",
            blast_radius=(
                "every request of everybody from now on; nothing is refused",
                "personal data in prompts is stored; undo stops that and deletes nothing",
            ),
        )

    def _target(self, ref: JsonObject) -> SettingRef:
        return fitting(SettingRef, ref, whom=TITLE)

    async def _read(self, target: SettingRef) -> JsonObject:
        setting = await self._api.general_setting(target.setting)
        return {"value": setting.field_value, "changeable": setting.editable}

    async def _write(self, target: SettingRef, current: JsonObject, after: JsonObject) -> None:  # noqa: ARG002 - the value is written as a whole
        body: JsonObject = {"field_name": target.setting, "config_type": "general_settings"}
        if after["value"] is None:
            await self._api.call("unset setting", "POST", "/config/field/delete", body)
        else:
            await self._api.call("set setting", "POST", "/config/field/update", {**body, "field_value": after["value"]})
