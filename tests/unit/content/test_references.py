"""What no single field shows, references between files above all, is told where somebody has to write something."""

from pathlib import Path

import pytest

from bot.content import load
from tests.unit.content.sample import ACTIONS, SYSTEMS, Mistake, change, problems, write

MISTAKES = {
    "an id that is not the file's name": Mistake(
        "runbooks/go-back.yaml",
        "id: go-back",
        "id: go-forward",
        "1: id",
        "the id is `go-forward` and the file is `go-back.yaml`; make them equal",
    ),
    "a playbook that offers a runbook which does not exist": Mistake(
        "playbooks/bad-answers.yaml",
        "  - go-back\n",
        "  - go-back\n  - go-home\n",
        "24: runbooks[1]",
        "there is no runbook `go-home`",
    ),
    "a runbook offered twice": Mistake(
        "playbooks/bad-answers.yaml",
        "  - go-back\n",
        "  - go-back\n  - go-back\n",
        "24: runbooks[1]",
        "`go-back` is there already, at playbooks/bad-answers.yaml:23",
    ),
    "alerts kept longer than personal data": Mistake(
        "playbooks/rules/retention.yaml",
        "alerts_of_incidents: 200d",
        "alerts_of_incidents: 800d",
        "8: keep.alerts_of_incidents",
        "alerts hold personal data too; keep `alerts_of_incidents` no longer than `personal_data`",
    ),
    "alerts of incidents kept for ever though personal data is not": Mistake(
        "playbooks/rules/retention.yaml",
        "  alerts_of_incidents: 200d\n",
        "",
        "2: keep",
        "alerts hold personal data too; keep `alerts_of_incidents` no longer than `personal_data`",
    ),
    "an incident that is held twice": Mistake(
        "playbooks/rules/retention.yaml",
        "hold: [3]",
        "hold: [3, 3]",
        "11: hold[1]",
        "`3` is there already, at playbooks/rules/retention.yaml:11",
    ),
    "a step with an unknown action": Mistake(
        "runbooks/go-back.yaml",
        "action: flags.pick",
        "action: flags.delete",
        "12: steps[0].action",
        "there is no action `flags.delete`; there are: flags.off, flags.pick",
    ),
    "evidence from an unknown action": Mistake(
        "runbooks/go-back.yaml",
        "harm_signal: harm_rate\n",
        "evidence:\n  - {kind: target_state, action: flags.peek, target: prompt}\nharm_signal: harm_rate\n",
        "19: evidence[0].action",
        "there is no action `flags.peek`; there are: flags.off, flags.pick",
    ),
    "a level below the action's lowest": Mistake(
        "runbooks/go-back.yaml",
        "level: L5",
        "level: L4",
        "13: steps[0].level",
        "L4 is too low; `flags.pick` is at least L5: roll back one version",
    ),
    "a parameter that the action does not have": Mistake(
        "runbooks/go-back.yaml",
        "percent: 50",
        "share: 50",
        "17: steps[0].params.share",
        "`flags.pick`: there is no field `share` here",
    ),
    "a literal parameter that the action refuses": Mistake(
        "runbooks/go-back.yaml",
        "percent: 50",
        "percent: half",
        "17: steps[0].params.percent",
        "`flags.pick`: must be a whole number, not `half`",
    ),
    "a parameter that is missing": Mistake(
        "runbooks/go-back.yaml",
        "      variation: ${inputs.version_wanted}\n",
        "",
        "15: steps[0].params",
        "`flags.pick`: the field `variation` is missing",
    ),
    "an input that is not declared": Mistake(
        "runbooks/go-back.yaml",
        "percent: 50",
        "percent: ${inputs.share}",
        "17: steps[0].params.percent",
        "no input is called `share`",
    ),
    "an input inside a longer text": Mistake(
        "runbooks/go-back.yaml",
        "variation: ${inputs.version_wanted}",
        'variation: "v ${inputs.version_wanted}"',
        "16: steps[0].params.variation",
        "an input is a whole value, never a part of a text: write `${inputs.name}` and nothing else",
    ),
    "an input outside the parameters": Mistake(
        "runbooks/go-back.yaml",
        "title: Go back",
        "title: Go back to ${inputs.version_wanted}",
        "3: title",
        "`${...}` is replaced only where it is a step's whole parameter",
    ),
    "an input that no step uses": Mistake(
        "runbooks/go-back.yaml",
        "      variation: ${inputs.version_wanted}\n",
        "      variation: v1\n",
        "6: inputs.version_wanted",
        "no step uses this input; write `${inputs.version_wanted}` or remove it",
    ),
    "a live choice of a step that does not exist": Mistake(
        "runbooks/go-back.yaml",
        "of_step: pick",
        "of_step: choose",
        "9: inputs.version_wanted.of_step",
        "no step is called `choose`",
    ),
    "a live choice of an action that has no choices": Mistake(
        "runbooks/go-back.yaml",
        "    of_step: pick\nsteps:\n",
        "    of_step: off\nsteps:\n  - {id: off, action: flags.off, level: L6, target: prompt}\n",
        "9: inputs.version_wanted.of_step",
        "`flags.off` has no values to choose from; use an input of type text or choice",
    ),
    "two steps with one id": Mistake(
        "runbooks/go-back.yaml",
        "harm_signal: harm_rate\n",
        "  - {id: pick, action: flags.off, level: L6, target: prompt}\nharm_signal: harm_rate\n",
        "18: steps[1].id",
        "another step is called `pick` already",
    ),
    "a usual end after the latest one": Mistake(
        "runbooks/go-back.yaml",
        "after: 4h",
        "after: 25h",
        "20: ends.after",
        "the usual end is later than the latest one, `at_most`",
    ),
    "an end later than the policy lets the level last": Mistake(
        "runbooks/go-back.yaml",
        "at_most: 24h",
        "at_most: 2d",
        "21: ends.at_most",
        "the policy lets a L5 containment last 1 d; this asks for 2 d",
    ),
    "a policy without a level": Mistake(
        "runbooks/rules/policy.yaml",
        "  L3: {approval: none, longest: 1d}\n",
        "",
        "8: levels",
        "every level needs a rule; missing: L3",
    ),
    "a break-glass that opens after the plan has expired": Mistake(
        "runbooks/rules/policy.yaml",
        "after: 5m",
        "after: 15m",
        "7: break_glass.after",
        "break-glass opens only when the plan has expired; make it shorter than `plan_expires_after`",
    ),
    "a target that the action cannot use": Mistake(
        "playbooks/rules/systems.yaml",
        "          feature: prompt\n",
        "          flag: prompt\n",
        "13: systems[0].targets.prompt.ref.flag",
        "`flags.pick` cannot use this target: there is no field `flag` here",
    ),
    "samples further apart than the window is long": Mistake(
        "playbooks/rules/systems.yaml",
        "every: 2s",
        "every: 30s",
        "20: systems[0].signals.harm_rate.every",
        "samples are further apart than `window` is long",
    ),
    "a window longer than the patience": Mistake(
        "playbooks/rules/systems.yaml",
        "give_up_after: 10m",
        "give_up_after: 10s",
        "21: systems[0].signals.harm_rate.window",
        "the clean window is longer than `give_up_after`",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_at_its_line(root: Path, mistake: Mistake) -> None:
    expected = mistake.made_in(root)

    assert expected in problems(root)


def test_a_system_without_a_signal_that_a_fitting_runbook_preserves_is_a_mistake(root: Path) -> None:
    kept = "evidence:\n  - {kind: signal_readings, signal: leak_rate}\nharm_signal: harm_rate\n"
    change(root, "runbooks/go-back.yaml", "harm_signal: harm_rate\n", kept)
    (problem,) = problems(root)
    assert problem.endswith(": the runbook `go-back` fits this system and needs its signal `leak_rate`")


def test_a_system_without_the_harm_signal_of_a_runbook_that_fits_it_is_a_mistake(root: Path) -> None:
    change(root, "runbooks/go-back.yaml", "harm_signal: harm_rate", "harm_signal: leak_rate")

    expected = "the runbook `go-back` fits this system and needs its signal `leak_rate`"
    assert problems(root) == [f"playbooks/rules/systems.yaml:14: systems[0].signals: {expected}"]


def test_a_runbook_with_a_mistake_in_it_is_not_reported_as_missing_too(root: Path) -> None:
    change(root, "runbooks/go-back.yaml", "version: 1\n", "version: one\n")

    assert problems(root) == ["runbooks/go-back.yaml:2: version: must be a whole number, not `one`"]


def test_a_runbook_that_no_system_can_run_is_no_mistake(root: Path) -> None:
    change(root, "runbooks/go-back.yaml", "target: prompt", "target: retrieval_index")

    assert load([root], ACTIONS).runbooks["go-back"].steps[0].target == "retrieval_index"


def test_two_systems_that_the_same_labels_select_are_a_mistake(root: Path) -> None:
    second = SYSTEMS.removeprefix("systems:\n").replace("id: assistant", "id: helper")
    write(root, {"playbooks/rules/systems.yaml": SYSTEMS + second})

    assert problems(root) == [
        (
            "playbooks/rules/systems.yaml:28: systems[1].match: these labels select `assistant` too "
            "(playbooks/rules/systems.yaml:6); add a label to one of the two"
        )
    ]


def test_an_option_that_the_action_refuses_is_told_before_somebody_chooses_it(root: Path) -> None:
    change(root, "runbooks/go-back.yaml", "percent: 50", "percent: ${inputs.share}")
    options = "  share:\n    type: choice\n    label: Share\n    options:\n      - '10'\n      - half\n"
    change(root, "runbooks/go-back.yaml", "inputs:\n", f"inputs:\n{options}")

    assert problems(root) == [
        "runbooks/go-back.yaml:11: inputs.share.options[1]: `flags.pick`: must be a whole number, not `half`"
    ]
