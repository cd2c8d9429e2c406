"""Kubernetes for the contract suite: a deployment with three kept revisions, and another one with an autoscaler."""

import copy

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

ASSISTANT: JsonObject = {"namespace": "ai", "deployment": "assistant"}
SCALED: JsonObject = {"namespace": "ai", "deployment": "embedder"}
NEW, OLD, OLDEST = "assistant-7d9f8b6c5d", "assistant-5c4b7a9e8f", "assistant-684d5f7b9c"


def template(image: str, **spec: object) -> JsonObject:
    container = {"name": "app", "image": image, "resources": {"limits": {"memory": "1Gi"}}}
    return {
        "metadata": {"creationTimestamp": None, "labels": {"app": "assistant"}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 30, **spec},
    }


def _templates() -> dict[str, JsonObject]:
    return {
        NEW: template("registry.example/assistant:3", nodeSelector={"pool": "gpu"}),
        OLD: template("registry.example/assistant:2"),
        OLDEST: template("registry.example/assistant:1", priorityClassName="low"),
    }


def deployment(name: str, replicas: int, pods: JsonObject) -> JsonObject:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "ai", "uid": f"uid-of-{name}", "resourceVersion": "4711"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "assistant"}}, "template": pods},
        "status": {"replicas": replicas},
    }


def replica_set(name: str, number: int, pods: JsonObject) -> JsonObject:
    """Return a ReplicaSet as the deployment's controller makes it."""
    labels = {**pods["metadata"]["labels"], "pod-template-hash": name.rpartition("-")[2]}
    owner = {"kind": "Deployment", "name": "assistant", "uid": "uid-of-assistant", "controller": True}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": "ai",
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [owner],
        },
        "spec": {"replicas": 0, "template": {**pods, "metadata": {**pods["metadata"], "labels": labels}}},
    }


def autoscaler(of: str) -> JsonObject:
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": of}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{of}-by-load", "namespace": "ai"},
        "spec": {"scaleTargetRef": scaled, "minReplicas": 2, "maxReplicas": 9},
    }


def document() -> JsonObject:
    sets = {name: replica_set(name, 3 - place, pods) for place, (name, pods) in enumerate(_templates().items())}
    return {
        "deployments": {
            "ai/assistant": deployment("assistant", 6, _templates()[NEW]),
            "ai/embedder": deployment("embedder", 4, template("registry.example/embedder:1")),
        },
        "replicasets": {f"ai/{name}": each for name, each in sets.items()},
        "autoscalers": {"ai/embedder-by-load": autoscaler("embedder")},
    }


def with_another_rollout(found: JsonObject) -> JsonObject:
    """Scale, and roll out a version that nobody planned with, as somebody else would."""
    disturbed = copy.deepcopy(found)
    theirs = disturbed["deployments"]["ai/assistant"]
    theirs["spec"] |= {"replicas": 9, "template": template("registry.example/assistant:4")}
    theirs["metadata"]["resourceVersion"] += "1"
    disturbed["replicasets"]["ai/assistant-theirs"] = replica_set("assistant-theirs", 9, theirs["spec"]["template"])
    return disturbed


_MISSING: JsonObject = {"namespace": "ai", "deployment": "nothing"}

CONTRACT = Contract(
    world={"kubernetes": document()},
    actions={
        "scale": ActionCase(
            ASSISTANT,
            {"replicas": 1},
            with_another_rollout,
            _MISSING,
            (
                {},
                {"replicas": 0},
                {"replicas": -5},
                {"replicas": 1001},
                {"replicas": 2.5},
                {"replicas": True},
                {"replicas": "x"},
            ),
        ),
        "stop": ActionCase(ASSISTANT, {}, with_another_rollout, _MISSING, ({"replicas": 0},)),
        "undo_rollout": ActionCase(
            ASSISTANT,
            {"replica_set": OLD},
            with_another_rollout,
            _MISSING,
            ({}, {"replica_set": "assistant-gone"}, {"replica_set": ""}, {"replica_set": "../x"}),
        ),
    },
)
