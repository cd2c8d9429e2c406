"""The Kubernetes actions on kmock's emulator of the API, whose deployments have a controller that the tests play."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr

from bot.sdk import Action, JsonObject, Rejected
from integrations.kubernetes.client import DeploymentRef, KubernetesApi, Settings
from integrations.kubernetes.rollouts import REVISION, UndoRollout
from integrations.kubernetes.scaling import Scale, Stop
from tests.integrations.kubernetes.contract import ASSISTANT, NEW, OLD, OLDEST, SCALED, document
from tests.real.acting import Acting
from tests.real.processes import REPOSITORY, NotStarted, answers_at, free_port, running

pytestmark = pytest.mark.real

_KMOCK = REPOSITORY / ".cache" / "real" / "kmock"
_PLACES = {
    "deployments": "/apis/apps/v1/namespaces/ai/deployments",
    "replicasets": "/apis/apps/v1/namespaces/ai/replicasets",
    "autoscalers": "/apis/autoscaling/v2/namespaces/ai/horizontalpodautoscalers",
}


@dataclass(frozen=True)
class Cluster:
    """A running emulator with the objects of one test."""

    client: httpx.AsyncClient

    @property
    def settings(self) -> Settings:
        return Settings(url=str(self.client.base_url), token=SecretStr("unread"))

    def acting(self, made: type[Action], ref: JsonObject = ASSISTANT) -> Acting:
        return Acting(made(self.settings, self.client), ref)

    async def deployment(self) -> JsonObject:
        return await KubernetesApi(self.settings, self.client).deployment(DeploymentRef.model_validate(ASSISTANT))

    async def patch(self, kind: str, name: str, body: JsonObject) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        answer = await self.client.patch(f"{_PLACES[kind]}/{name}", json=body, headers=headers)
        answer.raise_for_status()

    async def number(self, replica_set: str, revision: int) -> None:
        """Give a revision a number, as the deployment's controller does once it has seen the template."""
        await self.patch("replicasets", replica_set, {"metadata": {"annotations": {REVISION: str(revision)}}})


@pytest.fixture
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator of this test alone."""
    if not _KMOCK.exists():
        raise NotStarted("kmock is not installed: run `.ci/real-setup` first.")
    folder, port = tmp_path_factory.mktemp("kmock"), free_port()
    command = [str(REPOSITORY / ".venv" / "bin" / "python"), "-m", "tests.real.kubernetes_emulator", str(port)]
    url = f"http://127.0.0.1:{port}"
    env = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(_KMOCK)])}
    with running(command, answers_at(f"{url}/version"), log=folder / "kmock.log", env=env):
        yield url


@pytest.fixture
async def cluster(address: str) -> AsyncIterator[Cluster]:
    async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client:
        for kind, objects in document().items():
            for each in objects.values():
                (await client.post(_PLACES[kind], json=each)).raise_for_status()
        yield Cluster(client)


async def test_a_deployment_is_scaled_and_back_and_nothing_else_of_it_changes(cluster: Cluster) -> None:
    scale, before = cluster.acting(Scale), await cluster.deployment()
    done = await scale.carry_out(replicas=2)
    assert (await cluster.deployment())["spec"] == {**before["spec"], "replicas": 2}
    await scale.undo(done)
    assert (await cluster.deployment())["spec"] == before["spec"]


async def test_a_deployment_with_an_autoscaler_is_stopped_and_started_again(cluster: Cluster) -> None:
    stop = cluster.acting(Stop, SCALED)
    done = await stop.carry_out()
    assert await stop.read() == {"replicas": 0, "autoscalers": ["embedder-by-load"]}
    await stop.undo(done)


async def test_a_rollout_is_undone_field_by_field_and_the_undo_is_taken_back(cluster: Cluster) -> None:
    undo, before = cluster.acting(UndoRollout), await cluster.deployment()
    done = await undo.carry_out(replica_set=OLD)
    rolled = (await cluster.deployment())["spec"]["template"]["spec"]
    assert rolled["containers"][0]["image"] == "registry.example/assistant:2"
    assert "nodeSelector" not in rolled
    await cluster.number(OLD, 4)
    assert await undo.read() == done.after
    assert await undo.action.choices(ASSISTANT) == [NEW, OLDEST]
    await undo.undo(done)
    assert (await cluster.deployment())["spec"]["template"]["spec"] == before["spec"]["template"]["spec"]


async def test_a_write_with_an_old_resource_version_is_refused(cluster: Cluster) -> None:
    seen = await cluster.deployment()
    done = await cluster.acting(Scale).carry_out(replicas=2)
    api, ref = KubernetesApi(cluster.settings, cluster.client), DeploymentRef.model_validate(ASSISTANT)
    with pytest.raises(Rejected) as refused:
        await api.patch(ref, seen, {"replicas": 9}, part="/scale")
    assert refused.value.status == 409
    assert await cluster.acting(Scale).read() == done.after


async def test_a_status_of_a_controller_is_no_drift_and_a_scaling_by_somebody_else_is(cluster: Cluster) -> None:
    scale = cluster.acting(Scale)
    proposal = await scale.plan(replicas=2)
    await cluster.patch("deployments", "assistant", {"status": {"readyReplicas": 5}})
    await scale.apply(proposal)
    await cluster.patch("deployments", "assistant", {"spec": {"replicas": 9}})
    with pytest.raises(Rejected, match="somebody else changed deployment ai/assistant"):
        await scale.undo(proposal)


async def test_a_deployment_that_is_not_there_is_rejected(cluster: Cluster) -> None:
    with pytest.raises(Rejected) as refused:
        await cluster.acting(Scale, {"namespace": "ai", "deployment": "gone"}).read()
    assert refused.value.status == 404
