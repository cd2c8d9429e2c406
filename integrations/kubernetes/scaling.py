"""How many replicas a deployment has: fewer or more of them, or none.

An autoscaler that looks after the deployment would take the number back within seconds; it rests only while there are
no replicas at all. So autoscalers are part of what is read.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.sdk import JsonObject, Level, NoParams, Proposal, UserError, Value, WholeNumber, fitting
from integrations.kubernetes.client import TITLE, DeploymentRef, KubernetesAction, target

_MOST = 1_000


class ReplicasParams(Value):
    """How many replicas there shall be; none is what `stop` is for."""

    replicas: Annotated[WholeNumber, Field(ge=1, le=_MOST)]


@dataclass(frozen=True)
class Scaled:
    """A deployment, and the names of the autoscalers that look after it."""

    deployment: JsonObject
    autoscalers: list[str]


class _ScaleAction(KubernetesAction[Scaled]):
    async def _look(self, ref: DeploymentRef) -> Scaled:
        deployment = await self._api.deployment(ref)
        found = await self._api.listed("autoscaling/v2", ref, "horizontalpodautoscalers")
        return Scaled(deployment, sorted(_name(each) for each in found if _scales(each, ref)))

    def _state(self, seen: Scaled) -> JsonObject:
        # Kubernetes takes a missing number for 1, and fills it in.
        return {"replicas": seen.deployment["spec"].get("replicas", 1), "autoscalers": seen.autoscalers}

    async def _write(self, ref: DeploymentRef, seen: Scaled, after: JsonObject) -> None:
        await self._api.patch(ref, seen.deployment, {"replicas": after["replicas"]}, part="/scale")


class Scale(_ScaleAction):
    """Gives a deployment another number of replicas, one at least."""

    name = "scale"
    title = "Scale a deployment"
    params_model: type[Value] = ReplicasParams
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the other number; `None` when there are so many.

        Raises:
            UserError: An autoscaler would take it back, or the deployment is stopped.
        """
        deployment, replicas = target(ref), fitting(ReplicasParams, params, whom=TITLE).replicas
        if state["replicas"] == replicas:
            return None
        if not state["replicas"]:
            raise UserError(f"The {deployment} is stopped; undo what stopped it instead of scaling it.")
        if state["autoscalers"]:
            raise UserError(
                f"The autoscaler {', '.join(state['autoscalers'])} sets the replicas of {deployment} and would take "
                "this back; change its bounds instead, or stop the deployment."
            )
        return Proposal(
            before=state,
            after={**state, "replicas": replicas},
            summary=f"Scale {deployment} to {replicas:,} replicas",
            blast_radius=(
                f"replicas: {state['replicas']:,} -> {replicas:,}",
                "requests on pods that end are served for as long as their grace period lasts",
            ),
        )


class Stop(_ScaleAction):
    """Takes all replicas of a deployment away; autoscalers rest until it is undone."""

    name = "stop"
    title = "Stop a deployment"
    params_model: type[Value] = NoParams
    lowest_level = Level.L7

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return no replicas; `None` when there are none."""
        deployment, _ = target(ref), fitting(NoParams, params, whom=TITLE)
        if not state["replicas"]:
            return None
        return Proposal(
            before=state,
            after={**state, "replicas": 0},
            summary=f"Stop {deployment}",
            blast_radius=(
                f"replicas: {state['replicas']:,} -> 0",
                "nothing answers for it any more; whoever calls it must have a fallback",
                *(f"autoscaler {name} rests until this is undone" for name in state["autoscalers"]),
            ),
        )


def _name(found: JsonObject) -> str:
    return str((found.get("metadata") or {}).get("name", ""))


def _scales(autoscaler: JsonObject, ref: DeploymentRef) -> bool:
    scaled = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return scaled.get("kind") == "Deployment" and scaled.get("name") == ref.deployment
