"""What the plans of the Kubernetes actions say, and the cases in which they refuse."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.sdk import JsonObject, Rejected, Unavailable, UserError
from integrations.kubernetes import INTEGRATION
from integrations.kubernetes.client import Settings
from tests.integrations.kubernetes.contract import (
    ASSISTANT,
    NEW,
    OLD,
    OLDEST,
    SCALED,
    document,
    template,
    with_another_rollout,
)
from tests.integrations.simulated import Simulated
from tests.integrations.wire import body


def kubernetes(ref: JsonObject = ASSISTANT, edit: Callable[[JsonObject], object] = lambda found: found) -> Simulated:
    found = document()
    edit(found)
    return Simulated(INTEGRATION, found, ref)


def spec_of(on: Simulated) -> JsonObject:
    spec: JsonObject = on.document["deployments"]["ai/assistant"]["spec"]
    return spec


def assistant(found: JsonObject) -> Any:
    return found["deployments"]["ai/assistant"]


def touched(found: JsonObject) -> JsonObject:
    """Write a status, as controllers do all the time."""
    changed = copy.deepcopy(found)
    assistant(changed)["status"]["replicas"] += 1
    assistant(changed)["metadata"]["resourceVersion"] += "0"
    return changed


async def test_scaling_changes_the_number_of_replicas_and_nothing_else() -> None:
    on = kubernetes()
    proposal = await on.carry_out("scale", {"replicas": "2"})
    assert proposal.summary == "Scale deployment ai/assistant to 2 replicas"
    assert proposal.blast_radius[0] == "replicas: 6 -> 2"
    assert json.loads(on.wire.writes[-1].content) == {
        "metadata": {"resourceVersion": "4711"},
        "spec": {"replicas": 2},
    }
    assert on.wire.writes[-1].url.path.endswith("/deployments/assistant/scale")
    await on.undo("scale", proposal)
    assert spec_of(on) == assistant(document())["spec"]


async def test_a_number_that_an_autoscaler_sets_cannot_be_set_by_hand() -> None:
    on = kubernetes(SCALED)
    with pytest.raises(UserError, match=r"The autoscaler embedder-by-load sets the replicas of deployment ai/embedder"):
        await on.plan("scale", {"replicas": 2})
    proposal = await on.carry_out("stop")
    assert proposal.blast_radius[-1] == "autoscaler embedder-by-load rests until this is undone"
    await on.undo("stop", proposal)


async def test_an_autoscaler_that_comes_after_the_plan_stops_it() -> None:
    on = kubernetes()
    proposal = await on.planned("scale", {"replicas": 2})

    def scaled_by_load(found: JsonObject) -> JsonObject:
        added = copy.deepcopy(found["autoscalers"]["ai/embedder-by-load"])
        added["spec"]["scaleTargetRef"]["name"] = "assistant"
        return {**found, "autoscalers": {**found["autoscalers"], "ai/assistant-by-load": added}}

    on.disturb(scaled_by_load)
    with pytest.raises(Rejected, match="somebody else changed deployment ai/assistant"):
        await on.apply("scale", proposal)


async def test_what_is_stopped_is_not_scaled() -> None:
    on = kubernetes()
    await on.carry_out("stop")
    with pytest.raises(UserError, match="is stopped; undo what stopped it"):
        await on.plan("scale", {"replicas": 3})


async def test_a_deployment_without_a_number_has_one_replica_as_kubernetes_counts_it() -> None:
    on = kubernetes(edit=lambda found: assistant(found)["spec"].pop("replicas"))
    assert (await on.read("scale"))["replicas"] == 1


async def test_a_rollback_shows_the_images_and_restores_every_field_of_the_pods() -> None:
    on = kubernetes()
    proposal = await on.carry_out("undo_rollout", {"replica_set": OLD})
    assert proposal.summary == f"Roll deployment ai/assistant back from {NEW} to {OLD}"
    assert proposal.blast_radius[0] == "container app: registry.example/assistant:3 -> registry.example/assistant:2"
    assert spec_of(on)["template"]["spec"] == template("registry.example/assistant:2")["spec"]
    await on.undo("undo_rollout", proposal)
    assert spec_of(on) == assistant(document())["spec"]


async def test_revisions_are_offered_from_the_one_before_on_and_a_second_step_back_can_be_taken() -> None:
    on = kubernetes()
    assert await on.action("undo_rollout").choices(ASSISTANT) == [OLD, OLDEST]
    await on.carry_out("undo_rollout", {"replica_set": OLD})
    assert await on.action("undo_rollout").choices(ASSISTANT) == [NEW, OLDEST]
    proposal = await on.carry_out("undo_rollout", {"replica_set": OLDEST})
    assert spec_of(on)["template"]["spec"]["priorityClassName"] == "low"
    await on.undo("undo_rollout", proposal)
    assert "priorityClassName" not in spec_of(on)["template"]["spec"]


async def test_rollouts_that_are_paused_or_have_not_begun_are_told() -> None:
    on = kubernetes(edit=lambda found: assistant(found)["spec"].update(paused=True))
    with pytest.raises(UserError, match="Rollouts of deployment ai/assistant are paused"):
        await on.plan("undo_rollout", {"replica_set": OLD})
    on = kubernetes(edit=lambda found: assistant(found)["spec"].update(template=template("assistant:new")))
    with pytest.raises(Rejected, match="no ReplicaSet of deployment ai/assistant has its template yet"):
        await on.read("undo_rollout")


async def test_a_replica_set_of_another_deployment_is_no_revision() -> None:
    def foreign(found: JsonObject) -> None:
        found["replicasets"][f"ai/{OLD}"]["metadata"]["ownerReferences"] = [
            {"uid": "uid-of-another", "controller": True}
        ]
        found["replicasets"][f"ai/{OLDEST}"]["metadata"]["ownerReferences"][0]["controller"] = False

    assert await kubernetes(edit=foreign).action("undo_rollout").choices(ASSISTANT) == []


async def test_a_status_that_a_controller_writes_in_between_does_not_stop_a_change() -> None:
    on = kubernetes()
    proposal = await on.planned("scale", {"replicas": 2})
    on.world.meanwhile.append(("kubernetes", touched))
    await on.apply("scale", proposal)
    assert await on.read("scale") == proposal.after
    assert len(on.wire.writes) == 2


async def test_a_rollout_by_somebody_else_between_the_last_read_and_the_write_is_not_overwritten() -> None:
    on = kubernetes()
    proposal = await on.planned("undo_rollout", {"replica_set": OLD})
    on.world.meanwhile.append(("kubernetes", with_another_rollout))
    with pytest.raises(Rejected, match="somebody else changed deployment ai/assistant"):
        await on.apply("undo_rollout", proposal)
    assert on.document == with_another_rollout(document())


async def test_a_deployment_that_is_written_without_end_is_given_up() -> None:
    on = kubernetes()
    proposal = await on.planned("scale", {"replicas": 2})
    on.world.meanwhile.extend([("kubernetes", touched)] * 3)
    with pytest.raises(Rejected) as refused:
        await on.apply("scale", proposal)
    assert refused.value.status == 409
    assert spec_of(on)["replicas"] == 6


async def test_a_kubernetes_that_says_yes_and_does_nothing_shows_when_it_is_read() -> None:
    on = kubernetes()
    proposal = await on.planned("stop")
    on.wire.break_with(body("{}"), concerns="writes")
    await on.apply("stop", proposal)
    assert await on.read("stop") == proposal.before


@pytest.mark.parametrize(
    "answer", ['{"spec": {}, "metadata": {}}', '{"spec": 5, "metadata": {"resourceVersion": "1"}}']
)
async def test_what_has_no_version_or_no_specification_is_no_deployment(answer: str) -> None:
    on = kubernetes()
    on.wire.break_with(body(answer))
    with pytest.raises(Unavailable, match="not that of Kubernetes"):
        await on.read("scale")


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "A", "a b", "a%2Fb", "", "a?b", "-a", "a\n"])
async def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="Kubernetes cannot take namespace"):
        await kubernetes().action("scale").read({**ASSISTANT, "namespace": name})
    with pytest.raises(UserError, match="Kubernetes cannot take deployment"):
        await kubernetes().action("scale").read({**ASSISTANT, "deployment": name})


def test_an_authority_that_is_not_there_is_told_when_the_connection_is_declared(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ca_file"):
        Settings.model_validate({**INTEGRATION.simulated, "ca_file": str(tmp_path / "missing.pem")})
