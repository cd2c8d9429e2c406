"""The content that is shipped: it checks against the real actions, and it decides what its authors meant."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content import ActionSpec, Catalog, json_schemas, load
from bot.domain.playbook import classify, classify_as
from bot.domain.policy import ApprovalRule
from bot.domain.predicate import Facts
from bot.domain.retention import DataClass
from bot.domain.role import Role
from bot.domain.runbook import Level
from bot.domain.severity import Severity
from bot.domain.system import System
from integrations.unleash import INTEGRATION

ROOT = Path(__file__).parents[3]
ACTIONS = {
    f"{INTEGRATION.name}.{action.name}": ActionSpec(action.ref_model, action.params_model, action.lowest_level)
    for action in INTEGRATION.actions
}
CATALOG = load([ROOT], ACTIONS)
DEMO_ALERT = Facts(
    labels={
        "alertname": "HarmfulAdviceRateHigh",
        "service": "support-assistant",
        "failure_mode": "harmful-output",
        "harm_class": "medical",
        "release": "prompt-v42",
        "severity": "critical",
    },
    text="Support assistant: 4.1 harmful answers per 1,000 since prompt v42",
    tier=1,
)
VOCABULARY = {
    "failure_mode": ["harmful-output", "pii-leakage"],
    "harm_class": ["medical", "legal", "sexual-minor"],
    "user_harmed": ["true", "false"],
    "reach": ["one", "mass", "public"],
    "exposure": ["internal", "cross-user", "public"],
    "data_class": ["contact", "payment", "health"],
}
labels = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VOCABULARY.items()})
tiers = st.none() | st.integers(0, 3)


@pytest.fixture
def catalog() -> Catalog:
    return CATALOG


@pytest.fixture
def assistant(catalog: Catalog) -> System:
    return catalog.systems["support-assistant"]


def test_the_demo_alert_is_harmful_output_at_sev_2_with_its_reasons(catalog: Catalog) -> None:
    classification = classify(list(catalog.playbooks.values()), DEMO_ALERT)

    assert classification.failure_mode == "harmful-output"
    assert classification.severity is Severity.SEV2
    assert classification.matched == (
        "the alert says `failure_mode` is `harmful-output`",
        "the alert's rule watches the rate of harmful answers",
        "the alert names a class of harm",
        "the text speaks of harmful answers",
    )
    assert [(rule.id, rule.severity) for rule in classification.rules] == [
        ("advice-that-injures", Severity.SEV2),
        ("harmful-output-base", Severity.SEV3),
    ]
    assert classification.unknown == ("label `user_harmed`",)
    assert classification.would_change[0] == "Sev-1 if label `user_harmed` is `true`"
    assert catalog.playbooks["harmful-output"].declares(classification.severity)


def test_the_demo_alert_with_somebody_hurt_is_sev_1(catalog: Catalog) -> None:
    labels = {**DEMO_ALERT.labels, "user_harmed": "true"}

    classification = classify(list(catalog.playbooks.values()), DEMO_ALERT.changed(labels=labels))

    assert classification.severity is Severity.SEV1
    assert not classification.provisional


@pytest.mark.parametrize(
    ("text", "failure_mode", "severity"),
    [
        ("Users report dangerous advice about medication", "harmful-output", Severity.SEV3),
        ("A customer sees another customer's order history", "pii-leakage", Severity.SEV3),
        ("Latency of the checkout is high", None, Severity.SEV3),
    ],
)
def test_words_alone_name_a_failure_mode_and_declare_nothing(
    catalog: Catalog, text: str, failure_mode: str | None, severity: Severity
) -> None:
    classification = classify(list(catalog.playbooks.values()), Facts(text=text))

    assert (classification.failure_mode, classification.severity) == (failure_mode, severity)
    assert not any(playbook.declares(severity) for playbook in catalog.playbooks.values())


def test_sensitive_data_of_many_that_reached_others_is_sev_1(catalog: Catalog) -> None:
    facts = {"failure_mode": "pii-leakage", "data_class": "health", "exposure": "cross-tenant", "reach": "mass"}

    assert classify(list(catalog.playbooks.values()), Facts(labels=facts)).severity is Severity.SEV1


@given(known=labels, more=labels, tier=tiers, text=st.sampled_from(["", "toxic", "PII"]))
def test_adding_facts_never_lowers_severity(
    known: dict[str, str], more: dict[str, str], tier: int | None, text: str
) -> None:
    before = Facts(labels=known)
    after = Facts(labels={**more, **known}, tier=tier, text=text)

    for playbook in CATALOG.playbooks.values():
        assert classify_as(playbook, after).severity.at_least(classify_as(playbook, before).severity)


@given(known=labels, tier=st.integers(1, 3))
def test_a_more_critical_tier_never_lowers_severity(known: dict[str, str], tier: int) -> None:
    for playbook in CATALOG.playbooks.values():
        more_critical = classify_as(playbook, Facts(labels=known, tier=tier - 1))
        assert more_critical.severity.at_least(classify_as(playbook, Facts(labels=known, tier=tier)).severity)


@given(known=labels, tier=tiers)
def test_what_is_called_unknown_could_make_it_worse(known: dict[str, str], tier: int | None) -> None:
    for playbook in CATALOG.playbooks.values():
        classification = classify_as(playbook, Facts(labels=known, tier=tier))
        assert classification.would_change or not classification.unknown
        assert not (classification.severity is Severity.SEV1 and classification.unknown)


def test_a_playbook_offers_its_runbooks_in_its_order(catalog: Catalog, assistant: System) -> None:
    assert [runbook.id for runbook in catalog.runbooks_for("harmful-output", assistant)] == [
        "roll-the-prompt-back",
        "turn-the-feature-off",
    ]
    assert [runbook.id for runbook in catalog.runbooks_for("pii-leakage", assistant)] == ["stop-the-leak"]


@pytest.mark.parametrize("playbook", [None, "gone-since"])
def test_without_a_playbook_the_smallest_blast_radius_comes_first(
    catalog: Catalog, assistant: System, playbook: str | None
) -> None:
    offered = catalog.runbooks_for(playbook, assistant)

    assert [runbook.id for runbook in offered] == ["roll-the-prompt-back", "stop-the-leak", "turn-the-feature-off"]


def test_a_runbook_is_offered_only_for_targets_that_the_system_has(catalog: Catalog, assistant: System) -> None:
    only_feature = assistant.changed(targets={"feature": assistant.targets["feature"]})

    assert [runbook.id for runbook in catalog.runbooks_for("harmful-output", only_feature)] == ["turn-the-feature-off"]
    assert catalog.runbooks_for("harmful-output", None) == []


def test_a_leak_is_never_verified_by_the_rate_of_harmful_answers(catalog: Catalog) -> None:
    for name in catalog.playbooks["pii-leakage"].runbooks:
        assert catalog.runbooks[name].harm_signal is None


@pytest.mark.parametrize(
    ("level", "approval", "days"),
    [
        (Level.L0, ApprovalRule.NONE, 7),
        (Level.L1, ApprovalRule.NONE, 7),
        (Level.L2, ApprovalRule.NONE, 7),
        (Level.L3, ApprovalRule.NONE, 3),
        (Level.L4, ApprovalRule.NONE, 3),
        (Level.L5, ApprovalRule.LEAD, 3),
        (Level.L6, ApprovalRule.NONE, 1),
        (Level.L7, ApprovalRule.LEAD_AND_OWNER, 1),
    ],
)
def test_the_shipped_policy_at_each_level(catalog: Catalog, level: Level, approval: ApprovalRule, days: int) -> None:
    rule = catalog.policy.levels[level]

    assert (rule.plan, rule.approval, rule.longest.days) == (Role.RESPONDER, approval, days)


@pytest.mark.parametrize("path", json_schemas())
def test_the_schemas_beside_the_content_are_fresh(path: str) -> None:
    written = json.loads((ROOT / path).read_text(encoding="utf-8"))

    assert written == json_schemas()[path], "the models changed; run `python -m bot.content` in the repository root"


@pytest.mark.parametrize("folder", ["playbooks", "runbooks"])
def test_every_field_is_in_the_folders_readme(folder: str) -> None:
    readme = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    schemas = [schema for path, schema in json_schemas().items() if path.startswith(folder)]
    models = [model for schema in schemas for model in (schema, *schema["$defs"].values())]
    fields = {name for model in models for name in model.get("properties", {})}

    assert {name for name in fields if f"`{name}`" not in readme} == set()


@pytest.mark.parametrize("folder", ["playbooks", "runbooks"])
def test_the_example_in_the_readme_checks(folder: str, tmp_path: Path) -> None:
    readme = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    example = readme.split("```yaml\n")[1].split("```")[0]
    name = example.split("id: ")[1].split("\n")[0]
    file = tmp_path / folder / f"{name}.yaml"
    file.parent.mkdir()
    file.write_text(example, encoding="utf-8")

    assert name in {**load([ROOT, tmp_path], ACTIONS).runbooks, **load([ROOT, tmp_path], ACTIONS).playbooks}


def test_what_operators_read_about_retention_is_what_the_policy_says(catalog: Catalog) -> None:
    guide = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([a-z_]+)` \| (\d+) days ", guide, re.MULTILINE))

    assert told == {what.value: str((catalog.retention.keep.period(what) or timedelta()).days) for what in DataClass}
