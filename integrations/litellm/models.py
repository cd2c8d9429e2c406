"""What can be done to one deployment of a model: limit it, block it.

LiteLLM changes only deployments that are kept in its database. It can lower or raise a limit of one, but never take
it away again, so a limit is lowered only where there is one: anything else could not be undone.
"""

from bot.sdk import JsonObject, Level, NoParams, Proposal, Rejected, UserError, Value, fitting
from integrations.litellm.action import LiteLlmAction, Name
from integrations.litellm.client import NAME, TITLE
from integrations.litellm.keys import LimitParams, limited

_ENFORCES = "enforce_model_rate_limits"
_PARAMS = {"rpm_limit": "rpm", "tpm_limit": "tpm"}


class DeploymentRef(Value):
    """One deployment by its id (`model_info.id`)."""

    deployment: Name

    def __str__(self) -> str:
        return f"deployment {self.deployment}"


class _DeploymentAction(LiteLlmAction[DeploymentRef]):
    ref_model: type[Value] = DeploymentRef

    def _target(self, ref: JsonObject) -> DeploymentRef:
        return fitting(DeploymentRef, ref, whom=TITLE)

    async def _read(self, target: DeploymentRef) -> JsonObject:
        deployments = await self._api.deployments()
        found = next((each for each in deployments if each.model_info.id == target.deployment), None)
        if found is None:
            raise Rejected(NAME, "read model", status=404, detail=f"there is no {target}")
        checks = (await self._api.router()).current_values.optional_pre_call_checks or []
        return {
            "model": found.model_name,
            "changeable": found.model_info.db_model,
            "blocked": bool(found.model_info.blocked),
            "rpm_limit": found.litellm_params.rpm,
            "tpm_limit": found.litellm_params.tpm,
            "limits_enforced": _ENFORCES in checks,
        }

    async def _write(self, target: DeploymentRef, current: JsonObject, after: JsonObject) -> None:
        if current["blocked"] != after["blocked"]:
            verb = "block" if after["blocked"] else "unblock"
            await self._api.call(f"{verb} model", "POST", f"/model/{verb}", {"model_id": target.deployment})
        changed = {name: after[limit] for limit, name in _PARAMS.items() if current[limit] != after[limit]}
        if changed:
            path = f"/model/{target.deployment}/update"
            await self._api.call("change model", "PATCH", path, {"litellm_params": changed})


def _refuse_from_file(target: DeploymentRef, state: JsonObject) -> None:
    if not state["changeable"]:
        raise UserError(
            f"{target} comes from LiteLLM's configuration file, which its API cannot change. "
            "Keep the model in its database, or limit or block the keys that use it."
        )


class LimitModel(_DeploymentAction):
    """Lowers how many requests or tokens of a deployment may pass in a minute, whoever sends them."""

    name = "limit_model"
    title = "Limit the rate of a model"
    params_model: type[Value] = LimitParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the lowered limits; `None` when they are in force.

        Raises:
            UserError: LiteLLM could not change, enforce or restore the limit, or all are lower already.
        """
        target, wanted = self._target(ref), fitting(LimitParams, params, whom=TITLE).wanted
        _refuse_from_file(target, state)
        if not state["limits_enforced"]:
            raise UserError(
                f"This LiteLLM does not enforce limits of models: its optional_pre_call_checks lack {_ENFORCES}. "
                "Limit the keys or teams instead."
            )
        unlimited = [_PARAMS[name] for name in wanted if state[name] is None]
        if unlimited:
            raise UserError(
                f"{target} has no {' and no '.join(unlimited)}, and LiteLLM cannot take a limit away again, "
                "so this could not be undone. Limit the keys or teams, or set a wide limit in LiteLLM beforehand."
            )
        proposal = limited(target, wanted, {**state, "models": [state["model"]]})
        return proposal and proposal.changed(
            before=state,
            after={name: value for name, value in proposal.after.items() if name != "models"},
            blast_radius=(f"model {state['model']}", *proposal.blast_radius[-len(wanted) - 1 :]),
        )


class BlockModel(_DeploymentAction):
    """Takes a deployment out of service; where it is the last of its model, callers are refused."""

    name = "block_model"
    title = "Block a model"
    params_model: type[Value] = NoParams
    lowest_level = Level.L6

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the block; `None` when the deployment is blocked.

        Raises:
            UserError: The deployment comes from the configuration file.
        """
        target, _ = self._target(ref), fitting(NoParams, params, whom=TITLE)
        _refuse_from_file(target, state)
        if state["blocked"]:
            return None
        return Proposal(
            before=state,
            after={**state, "blocked": True},
            summary=f"Block {target} of {state['model']}",
            blast_radius=(
                f"model {state['model']}, for everybody who calls it",
                "its other deployments take over; without another one, callers are refused with 403",
            ),
        )
