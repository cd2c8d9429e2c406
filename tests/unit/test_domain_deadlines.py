"""Where shipped deadlines stand.

The worst failure is a false "overdue": whatever is unknown must not make anybody late.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.calendars import PublicHolidays
from bot.domain.deadline_states import StageState
from bot.domain.values import JsonObject
from bot.errors import BadCommand, SettingsError
from tests.unit.deadline_standings import AWARE, BERLIN, HIGH_RISK, NEW_YORK, RULES, due, state, stood


def test_every_period_of_the_sources_is_shipped_as_it_is() -> None:
    pinned = {
        "eu_ai_act_art73_2": [("aware_at", {"days": 15})],
        "eu_ai_act_art73_3": [("aware_at", {"days": 2})],
        "eu_ai_act_art73_4": [("aware_at", {"days": 10})],
        "eu_ai_act_art26_5": [("identified_at", {"at_once": True})],
        "eu_gpai_cop_ci": [("aware_at", {"days": 2})],
        "eu_gpai_cop_cyber": [("aware_at", {"days": 5})],
        "eu_gpai_cop_death": [("aware_at", {"days": 10})],
        "eu_gpai_cop_other": [
            ("aware_at", {"days": 15}),
            ("eu_gpai_cop_other", {"days": 28}),
            ("resolved_at", {"days": 60}),
        ],
        "gdpr_art33": [("aware_at", {"hours": 72})],
        "gdpr_art33_2": [("aware_at", {"at_once": True})],
        "gdpr_art34": [("high_risk_determined_at", {"at_once": True})],
        "nis2_24h": [("aware_at", {"hours": 24})],
        "nis2_72h": [("aware_at", {"hours": 72})],
        "nis2_final": [("nis2_72h", {"months": 1})],
        "dora_initial": [("classified_at", {"hours": 4}), ("aware_at", {"hours": 24})],
        "dora_intermediate": [("dora_initial", {"hours": 72})],
        "dora_final": [("dora_intermediate", {"months": 1})],
        "cra_art14": [
            ("aware_at", {"hours": 24}),
            ("aware_at", {"hours": 72}),
            ("fix_available_at", {"days": 14}),
            ("cra_art14:notification", {"months": 1}),
        ],
        "ca_sb53_15d": [("discovered_at", {"days": 15})],
        "ca_sb53_24h": [("discovered_at", {"hours": 24})],
        "ny_raise_72h": [("determined_at", {"hours": 72})],
        "ny_raise_24h": [("discovered_at", {"hours": 24})],
        "il_sb315": [],
        "sec_8k_105": [("materiality_determined_at", {"business_days": {"count": 4, "calendar": "US"}})],
        "hipaa_404": [("discovered_at", {"days": 60})],
        "hipaa_408c": [("discovered_at", {"days": 60})],
        "co_sb24_205": [],
        "circia": [],
    }

    def first(anchor: JsonObject) -> str:
        named = next(iter(anchor.values()))
        return named if isinstance(named, str) else str(named[0])

    shipped = {
        deadline.id: [
            (first(limit.anchor.model_dump()), limit.period.model_dump())
            for stage in deadline.stages
            for limit in stage.limits
        ]
        for deadline in RULES.deadlines
    }
    assert shipped == pinned


def test_follow_ups_run_from_the_filing_before_and_from_the_latest_one() -> None:
    initial, first, second = "2026-05-04T12:00:00Z", "2026-05-06T12:00:00Z", "2026-05-09T12:00:00Z"

    assert state("dora_intermediate", major=True, aware_at=AWARE) == "not-started"
    assert due("dora_intermediate", filed={"dora_initial": [initial]}) == "2026-05-07T12:00:00Z"
    assert state("dora_final", filed={"dora_initial": [initial]}) == "not-started"
    assert due("dora_final", filed={"dora_intermediate": [second, first]}) == "2026-06-09T12:00:00Z"
    assert state("dora_final", major=False, filed={"dora_intermediate": [first]}) == "not-started"


def test_the_stages_of_the_cyber_resilience_act() -> None:
    noted = "2026-12-02T12:00:00Z"
    given = {"manufacturer": True, "aware_at": "2026-12-01T08:00:00Z", "filed": {"cra_art14:notification": [noted]}}

    incident = stood("cra_art14", now="2026-12-02T12:00:00Z", kind="incident", **given)
    vulnerability = stood(
        "cra_art14", now="2026-12-20T00:00:00Z", kind="vulnerability", fix_available_at="2026-12-10T09:00:00Z", **given
    )

    assert [(each.stage, each.state.value) for each in incident] == [
        ("early_warning", "overdue"),
        ("notification", "filed"),
        ("final_vulnerability", "not-started"),
        ("final_incident", "due"),
    ]
    assert incident[3].due_at == datetime(2027, 1, 2, 12, tzinfo=UTC)
    assert [each.state.value for each in vulnerability[2:]] == ["due", "not-started"]
    assert vulnerability[2].due_at == datetime(2026, 12, 24, 9, tzinfo=UTC)


def test_a_report_every_four_weeks_until_the_final_one() -> None:
    given = {"systemic_risk": True, "serious_harm": True, "aware_at": "2026-05-04T08:00:00Z"}
    filed = {"eu_gpai_cop_other": ["2026-05-10T00:00:00Z"]}
    again = {**filed, "eu_gpai_cop_other:intermediate": ["2026-06-05T00:00:00Z"]}
    ended = {**again, "eu_gpai_cop_other:final": ["2026-07-01T00:00:00Z"]}

    assert [each.state.value for each in stood("eu_gpai_cop_other", **given)] == [
        "overdue",
        "not-started",
        "not-started",
    ]
    assert due("eu_gpai_cop_other", 1, filed=filed, **given) == "2026-06-07T00:00:00Z"
    assert due("eu_gpai_cop_other", 1, filed=again, **given) == "2026-07-03T00:00:00Z"
    assert due("eu_gpai_cop_other", 2, filed=again, resolved_at="2026-06-20T00:00:00Z", **given) == (
        "2026-08-19T00:00:00Z"
    )
    assert [each.state.value for each in stood("eu_gpai_cop_other", filed=ended, **given)] == ["filed"] * 3


@pytest.mark.parametrize(
    ("clock", "given", "expected"),
    [
        ("gdpr_art33", {"aware_at": AWARE, "now": "2026-05-07T08:00:00Z"}, "due"),
        ("gdpr_art33", {"aware_at": AWARE, "now": "2026-05-07T08:00:01Z"}, "overdue"),
        ("gdpr_art33", {"aware_at": AWARE, "filed": {"gdpr_art33": ["2026-05-30T08:00:00Z"]}}, "filed"),
        # Noticing is not becoming aware, and discovering is not determining.
        ("gdpr_art33", {"detected_at": AWARE}, "anchor-missing"),
        ("gdpr_art34", {"aware_at": AWARE}, "not-started"),
        ("gdpr_art34", {"high_risk_determined_at": AWARE}, "due"),
        ("sec_8k_105", {"registrant": True, "discovered_at": AWARE}, "not-started"),
        ("ny_raise_72h", {"critical_safety_incident": True, "discovered_at": "2027-02-01T00:00:00Z"}, "anchor-missing"),
        # What has no period is due at once and never overdue.
        ("gdpr_art33_2", {"role": "processor", "aware_at": AWARE}, "due"),
        ("eu_ai_act_art26_5", {**HIGH_RISK, "role": "deployer", "identified_at": "2028-05-04T08:00:00Z"}, "due"),
        # Scope: nobody said, declared out, declared out by nobody.
        ("gdpr_art33", {"scope": None, "aware_at": AWARE}, "scope-not-declared"),
        ("gdpr_art33", {"scope": False, "rationale": "no personal data", "owner": "dpo"}, "not-applicable"),
        ("gdpr_art33", {"scope": False, "rationale": "no personal data"}, "scope-not-declared"),
        ("gdpr_art33", {"scope": False, "rationale": " ", "owner": "dpo"}, "scope-not-declared"),
        # What is known can only deny.
        ("gdpr_art33", {"role": "processor", "aware_at": AWARE}, "not-applicable"),
        ("gdpr_art33", {"role": "deployer", "aware_at": AWARE}, "overdue"),
        ("hipaa_404", {"covered_entity": False, "discovered_at": AWARE}, "not-applicable"),
        ("hipaa_404", {"discovered_at": AWARE}, "overdue"),
        # Triggers.
        ("eu_gpai_cop_death", {"systemic_risk": True, "death": False, "aware_at": AWARE}, "not-started"),
        ("eu_gpai_cop_death", {"systemic_risk": True, "aware_at": AWARE}, "not-started"),
        ("eu_gpai_cop_death", {"systemic_risk": True, "death": True}, "anchor-missing"),
        ("hipaa_408c", {"covered_entity": True, "individuals": 500, "discovered_at": AWARE}, "not-started"),
        ("hipaa_408c", {"covered_entity": True, "discovered_at": AWARE}, "not-started"),
        ("dora_initial", {"aware_at": AWARE, "classified_at": AWARE}, "not-started"),
        # What is not confirmed is not computed.
        ("il_sb315", {"critical_safety_incident": True, "discovered_at": AWARE}, "disabled"),
        ("co_sb24_205", {"discovered_at": AWARE}, "disabled"),
        ("circia", {"scope": None}, "disabled"),
        # An exercise starts nothing.
        ("gdpr_art33", {"aware_at": AWARE, "exercise": True}, "not-started"),
        ("gdpr_art33", {"aware_at": AWARE, "exercise": True, "scope": None}, "not-started"),
    ],
)
def test_states(clock: str, given: dict[str, Any], expected: str) -> None:
    assert state(clock, **given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"role": "provider"}, "overdue"),
        ({"role": "Provider", "annex": "III"}, "overdue"),
        ({"role": "deployer", "provider_reachable": True}, "not-applicable"),
        ({"role": "deployer"}, "not-applicable"),
        ({"role": None}, "overdue"),
        ({"role": "deployer", "provider_reachable": False}, "overdue"),
        ({"role": "importer"}, "not-applicable"),
        ({"high_risk": False}, "not-applicable"),
    ],
)
def test_article_73_binds_the_provider_or_the_deployer_who_cannot_reach_it(
    given: dict[str, Any], expected: str
) -> None:
    assert state("eu_ai_act_art73_2", **{**HIGH_RISK, "aware_at": "2029-01-01T00:00:00Z", **given}) == expected


@pytest.mark.parametrize(
    ("annex", "aware", "expected"),
    [
        ("annex_iii", "2027-12-01T12:00:00Z", "not-applicable"),
        ("annex_iii", "2027-12-02T12:00:00Z", "overdue"),
        ("annex_i", "2027-12-02T12:00:00Z", "not-applicable"),
        ("annex_i", "2028-08-02T12:00:00Z", "overdue"),
        (None, "2027-12-01T12:00:00Z", "not-applicable"),
        (None, "2028-01-01T12:00:00Z", "scope-not-declared"),
        (None, "2028-08-02T12:00:00Z", "overdue"),
        ("annex_ii", "2029-01-01T12:00:00Z", "not-applicable"),
    ],
)
def test_the_high_risk_rules_bind_from_the_day_of_their_annex(annex: str | None, aware: str, expected: str) -> None:
    assert state("eu_ai_act_art73_2", **{**HIGH_RISK, "annex": annex, "aware_at": aware}) == expected


@pytest.mark.parametrize(
    ("determined", "expected"), [("2027-01-01T04:59:59Z", "not-applicable"), ("2027-01-01T05:00:00Z", "overdue")]
)
def test_a_law_binds_from_a_day_where_the_people_are(determined: str, expected: str) -> None:
    given = {"frontier_developer": True, "critical_safety_incident": True, "determined_at": determined}

    assert state("ny_raise_72h", tz=NEW_YORK, **given) == expected


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"aware_at": "2026-05-05T00:00:00Z"}, "aware_at lies in the future"),
        ({"aware_at": "2026-05-01"}, "aware_at must say its offset from UTC, like 2026-03-02T09:00:00Z"),
        ({"aware_at": 1777881600}, "aware_at must be an instant like 2026-03-02T09:00:00Z"),
        ({"aware_at": "0001-01-01T00:00:00+10:00"}, "aware_at must be an instant like 2026-03-02T09:00:00Z"),
        (
            {"started_at": "2026-05-02T00:00:00Z", "aware_at": "2026-05-01T00:00:00Z"},
            "aware_at is before started_at",
        ),
        ({"individuals": "many"}, "individuals must be a whole number, or null while it is unknown"),
        ({"individuals": True}, "individuals must be a whole number, or null while it is unknown"),
        ({"death": 1}, "death must be true or false, or null while it is unknown"),
        ({"scope": "yes"}, "scope must be true, false or null"),
        ({"owner": 7}, "owner must be text"),
        ({"deaths": True}, "there is no `deaths` here"),
        ({"filed": ["2026-05-01T00:00:00Z"]}, "filed must be an object of lists of instants"),
        ({"filed": {"gdpr_art33": "2026-05-01T00:00:00Z"}}, "filed: gdpr_art33 must be a list of instants"),
        ({"filed": {"gdpr_art33": ["2026-06-01T00:00:00Z"]}}, "filed: gdpr_art33 lies in the future"),
        ({"filed": {"gdpr": []}}, "filed: there is no `gdpr` to file"),
        (
            {"filed": {"eu_gpai_cop_other:first": []}},
            "filed: there is no `eu_gpai_cop_other:first` to file",
        ),
        (
            {"aware_at": "2026-05-02T00:00:00Z", "filed": {"gdpr_art33": ["2026-05-01T00:00:00Z"]}},
            "gdpr_art33 was filed before what it runs from; one of the two instants is wrong",
        ),
        ({"triggers": {"death": True}, "death": False}, "death is given more than once"),
        ({"instants": []}, "instants must be an object"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadCommand) as refused:
        stood("gdpr_art33", now="2026-05-04T00:00:00Z", **given)

    assert str(refused.value) == problem


def test_everything_that_cannot_be_is_told_at_once() -> None:
    with pytest.raises(BadCommand) as refused:
        stood("gdpr_art33", now=AWARE, aware_at="soon", deaths=True, death="no")

    assert str(refused.value).split("; ") == [
        "there is no `deaths` here",
        "death must be true or false, or null while it is unknown",
        "aware_at must be an instant like 2026-03-02T09:00:00Z",
    ]


def test_a_period_that_ends_behind_the_last_year_is_refused() -> None:
    with pytest.raises(BadCommand, match="behind the last year that can be told"):
        stood("gdpr_art33", now="9999-12-31T23:00:00Z", aware_at="9999-12-31T00:00:00Z")


def test_facts_may_be_grouped() -> None:
    given = {"attributes": {"systemic_risk": True}, "triggers": {"death": True}, "instants": {"aware_at": AWARE}}

    assert due("eu_gpai_cop_death", **given) == "2026-05-14T08:00:00Z"


def test_a_country_without_a_calendar_is_named() -> None:
    with pytest.raises(SettingsError, match="asks for a calendar of `QQ`"):
        PublicHolidays(["QQ"])


instants = st.datetimes(datetime(2026, 1, 1), datetime(2031, 1, 1)).map(lambda each: f"{each.isoformat()}Z")  # noqa: DTZ001 - the Z says it
clocks = st.sampled_from([deadline.id for deadline in RULES.deadlines])
some_facts = st.fixed_dictionaries(
    {},
    optional={
        **{kind.id: st.booleans() for kind in RULES.facts if kind.type.value == "truth"},
        **{kind.id: instants for kind in RULES.instants if kind.id != "started_at"},
        "role": st.sampled_from(["provider", "deployer", "controller", "processor"]),
        "annex": st.sampled_from(["annex_i", "annex_iii"]),
        "individuals": st.integers(0, 1000),
    },
)


@given(clock=clocks, facts=some_facts, tz=st.sampled_from(["UTC", BERLIN, NEW_YORK]))
def test_not_knowing_an_instant_or_the_scope_makes_nobody_late(clock: str, facts: dict[str, Any], tz: str) -> None:
    before = stood(clock, tz=tz, **facts)

    for unknown in ("scope", *(name for name in facts if name.endswith("_at"))):
        after = stood(clock, tz=tz, **{**facts, unknown: None})
        late = [now.state for now, then in zip(after, before, strict=True) if then.state is not StageState.OVERDUE]
        assert StageState.OVERDUE not in late


@given(clock=clocks, facts=some_facts)
def test_an_exercise_makes_nobody_late(clock: str, facts: dict[str, Any]) -> None:
    assert {each.state.value for each in stood(clock, exercise=True, **facts)} <= {"not-started", "disabled"}


def test_the_first_line_of_the_file_says_that_it_is_not_legal_advice() -> None:
    file = Path(__file__).parents[2] / "playbooks/rules/deadlines.yaml"

    assert "NOT LEGAL ADVICE" in file.read_text(encoding="utf-8").splitlines()[2]
