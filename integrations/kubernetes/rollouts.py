"""Rolls a deployment back to a revision that it keeps, as `kubectl rollout undo` does.

A revision is a ReplicaSet that the deployment keeps. Which one is in force is told by the pod template, not by its
number: the deployment's controller gives a revision that comes back a new number, some time after the write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.sdk import JsonObject, Level, Proposal, Rejected, Unavailable, UserError, Value, digest, fitting
from integrations.kubernetes.client import NAME, TITLE, DeploymentRef, KubernetesAction, Name, target

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"


@dataclass(frozen=True)
class Revision:
    """A ReplicaSet of the deployment; its template without what the controller adds."""

    name: str
    number: int
    template: JsonObject

    @property
    def shown(self) -> JsonObject:
        """What a plan says of it."""
        containers = (self.template.get("spec") or {}).get("containers") or []
        images = {str(each.get("name")): str(each.get("image")) for each in containers if isinstance(each, dict)}
        return {"images": images, "template": digest(self.template)}


@dataclass(frozen=True)
class Rolled:
    """A deployment, the revision in force, and all that are kept, the newest first."""

    deployment: JsonObject
    in_force: Revision
    kept: list[Revision]


class RevisionParams(Value):
    """The ReplicaSet whose pod template shall be in force."""

    replica_set: Name


class UndoRollout(KubernetesAction[Rolled]):
    """Puts the pod template of a kept revision in force; the deployment rolls it out as it rolls out any."""

    name = "undo_rollout"
    title = "Roll a deployment back to a kept revision"
    params_model: type[Value] = RevisionParams
    lowest_level = Level.L5
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the exchange; `None` when that revision is in force.

        Raises:
            UserError: That revision is not kept, or rollouts are paused.
        """
        deployment, wanted = target(ref), fitting(RevisionParams, params, whom=TITLE).replica_set
        now, kept = state["in_force"], state["kept"]
        if wanted == now:
            return None
        if wanted not in kept:
            others = ", ".join(name for name in kept if name != now) or "none"
            raise UserError(f"The {deployment} keeps no ReplicaSet {wanted}; choose one of: {others}.")
        if state["paused"]:
            raise UserError(f"Rollouts of {deployment} are paused, so nothing would happen; resume them first.")
        return Proposal(
            before=state,
            after={**state, "in_force": wanted},
            summary=f"Roll {deployment} back from {now} to {wanted}",
            blast_radius=(
                *_images(kept[now]["images"], kept[wanted]["images"]),
                "pods are replaced step by step, by the deployment's own strategy",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the kept ReplicaSets that are not in force, the revision before first."""
        seen = await self._look(target(ref))
        return [each.name for each in seen.kept if each is not seen.in_force]

    async def _look(self, ref: DeploymentRef) -> Rolled:
        deployment = await self._api.deployment(ref)
        found = await self._api.listed("apps/v1", ref, "replicasets", **_selected(deployment))
        owner = deployment["metadata"].get("uid")
        kept = [_revision(each) for each in found if owner and _owner(each) == owner]
        template = _plain(deployment["spec"].get("template"))
        in_force = next((each for each in kept if each.template == template), None)
        if in_force is None:
            detail = f"no ReplicaSet of {ref} has its template yet; wait until its rollout has begun"
            raise Rejected(NAME, "read revisions", status=409, detail=detail)
        return Rolled(deployment, in_force, sorted(kept, key=lambda each: each.number, reverse=True))

    def _state(self, seen: Rolled) -> JsonObject:
        return {
            "in_force": seen.in_force.name,
            "kept": {each.name: each.shown for each in seen.kept},
            "paused": bool(seen.deployment["spec"].get("paused")),
        }

    async def _write(self, ref: DeploymentRef, seen: Rolled, after: JsonObject) -> None:
        wanted = next(each for each in seen.kept if each.name == after["in_force"])
        change = _merge_patch(seen.in_force.template, wanted.template)
        await self._api.patch(ref, seen.deployment, {"template": change})


def _revision(found: JsonObject) -> Revision:
    metadata = found["metadata"]
    number = str((metadata.get("annotations") or {}).get(REVISION, ""))
    template = _plain((found.get("spec") or {}).get("template"))
    return Revision(str(metadata.get("name")), int(number) if number.isdecimal() else 0, template)


def _owner(found: JsonObject) -> object:
    owners = (found.get("metadata") or {}).get("ownerReferences") or []
    return next((each.get("uid") for each in owners if isinstance(each, dict) and each.get("controller")), None)


def _selected(deployment: JsonObject) -> dict[str, str]:
    """Return the query that leaves other deployments' ReplicaSets out, as far as labels tell."""
    labels = (deployment["spec"].get("selector") or {}).get("matchLabels") or {}
    return {"labelSelector": ",".join(f"{name}={value}" for name, value in sorted(labels.items()))}


def _plain(template: Any) -> JsonObject:
    """Return a pod template without the label that the controller adds and what is null."""
    if not isinstance(template, dict):
        raise Unavailable(NAME, "read revisions", "the answer is not that of Kubernetes")
    plain: JsonObject = _without_nulls(template)
    metadata = plain.get("metadata", {})
    labels = {name: value for name, value in metadata.get("labels", {}).items() if name != HASH}
    return {**plain, "metadata": {**metadata, "labels": labels}}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _merge_patch(before: JsonObject, after: JsonObject) -> JsonObject:
    """Return what makes `after` of `before` (RFC 7386): null for what goes; lists change as a whole."""
    patch: JsonObject = {name: None for name in before if name not in after}
    for name, wanted in after.items():
        now = before.get(name)
        if isinstance(now, dict) and isinstance(wanted, dict):
            inner = _merge_patch(now, wanted)
            if inner:
                patch[name] = inner
        elif now != wanted:
            patch[name] = wanted
    return patch


def _images(now: JsonObject, then: JsonObject) -> list[str]:
    return [
        f"container {name}: {now.get(name, 'none')} -> {then.get(name, 'none')}" for name in sorted({**now, **then})
    ]
