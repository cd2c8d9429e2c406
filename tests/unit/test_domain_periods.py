"""When shipped deadlines end, against tables that were computed by hand, with a calendar on the desk."""

from typing import Any

import pytest

from tests.unit.deadline_standings import AWARE, BERLIN, HIGH_RISK, NEW_YORK, due, state


@pytest.mark.parametrize(
    ("clock", "given", "expected"),
    [
        # Hours and days are elapsed time: the clocks that are put forward on 29 March 2026 change nothing.
        ("gdpr_art33", {"aware_at": "2026-03-27T12:00:00+01:00", "tz": BERLIN}, "2026-03-30T11:00:00Z"),
        ("nis2_24h", {"aware_at": "2026-10-24T12:00:00+02:00", "tz": BERLIN}, "2026-10-25T10:00:00Z"),
        ("nis2_72h", {"aware_at": "2026-12-30T08:00:00Z"}, "2027-01-02T08:00:00Z"),
        ("hipaa_404", {"covered_entity": True, "discovered_at": "2026-01-01T00:00:00Z"}, "2026-03-02T00:00:00Z"),
        ("hipaa_404", {"covered_entity": True, "discovered_at": "2028-01-01T00:00:00Z"}, "2028-03-01T00:00:00Z"),
        (
            "eu_ai_act_art73_2",
            {**HIGH_RISK, "aware_at": "2028-03-20T09:00:00Z", "tz": BERLIN},
            "2028-04-04T09:00:00Z",
        ),
        (
            "eu_ai_act_art73_4",
            {**HIGH_RISK, "death": True, "aware_at": "2028-02-20T00:00:00Z"},
            "2028-03-01T00:00:00Z",
        ),
        (
            "eu_ai_act_art73_4",
            {**HIGH_RISK, "death": True, "aware_at": "2029-02-20T00:00:00Z"},
            "2029-03-02T00:00:00Z",
        ),
        (
            "eu_ai_act_art73_3",
            {**HIGH_RISK, "critical_infrastructure": True, "aware_at": "2028-02-28T06:00:00Z"},
            "2028-03-01T06:00:00Z",
        ),
        (
            "eu_gpai_cop_cyber",
            {"systemic_risk": True, "weights_exfiltrated": True, "aware_at": "2026-02-26T00:00:00Z"},
            "2026-03-03T00:00:00Z",
        ),
        (
            "ca_sb53_24h",
            {"frontier_developer": True, "imminent_risk": True, "discovered_at": "2026-03-07T20:00:00-08:00"},
            "2026-03-09T04:00:00Z",
        ),
    ],
)
def test_hours_and_days_are_elapsed_time(clock: str, given: dict[str, Any], expected: str) -> None:
    assert due(clock, **given) == expected


@pytest.mark.parametrize(
    ("tz", "filed", "expected"),
    [
        ("UTC", "2026-03-15T10:00:00Z", "2026-04-15T10:00:00Z"),
        ("UTC", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"),
        ("UTC", "2028-01-31T10:00:00Z", "2028-02-29T10:00:00Z"),
        ("UTC", "2026-05-31T10:00:00Z", "2026-06-30T10:00:00Z"),
        ("UTC", "2026-12-05T10:00:00Z", "2027-01-05T10:00:00Z"),
        ("UTC", "2026-02-28T10:00:00Z", "2026-03-28T10:00:00Z"),
        # Half an hour into the 31st in Berlin, and still the 30th in UTC.
        (BERLIN, "2026-01-30T23:30:00Z", "2026-02-27T23:30:00Z"),
        ("UTC", "2026-01-30T23:30:00Z", "2026-02-28T23:30:00Z"),
        # The time of day stays, so summer time takes an hour.
        (BERLIN, "2026-03-10T09:00:00Z", "2026-04-10T08:00:00Z"),
        (BERLIN, "2026-10-10T08:00:00Z", "2026-11-10T09:00:00Z"),
        # 02:30 on 26 March 2028 does not exist, and on 25 October 2026 it comes twice: the later one counts.
        (BERLIN, "2028-02-26T01:30:00Z", "2028-03-26T01:30:00Z"),
        (BERLIN, "2026-09-25T00:30:00Z", "2026-10-25T01:30:00Z"),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_one(tz: str, filed: str, expected: str) -> None:
    assert due("nis2_final", tz=tz, filed={"nis2_72h": [filed]}) == expected


@pytest.mark.parametrize(
    ("determined", "expected"),
    [
        # Monday to Friday of the same week.
        ("2026-03-02T10:00:00-05:00", "2026-03-07T04:59:59Z"),
        # Late on Monday in New York, which is Tuesday in UTC.
        ("2026-03-03T03:00:00Z", "2026-03-07T04:59:59Z"),
        # From Thursday over a weekend on which summer time begins.
        ("2026-03-05T10:00:00-05:00", "2026-03-12T03:59:59Z"),
        # 4 July 2026 is a Saturday, so Friday the 3rd is a holiday: 2, 6, 7, 8 July.
        ("2026-07-01T09:00:00-04:00", "2026-07-09T03:59:59Z"),
        # Thanksgiving is on Thursday, 26 November 2026: 24, 25, 27, 30 November.
        ("2026-11-23T09:00:00-05:00", "2026-12-01T04:59:59Z"),
        # On Saturday, before Memorial Day: 26, 27, 28, 29 May.
        ("2026-05-23T09:00:00-04:00", "2026-05-30T03:59:59Z"),
        # New Year's Day of 2028 is a Saturday, so the last day of 2027 is a holiday: 30 December, 3, 4, 5 January.
        ("2027-12-29T09:00:00-05:00", "2028-01-06T04:59:59Z"),
    ],
)
def test_business_days_end_with_the_fourth_day_on_which_offices_are_open(determined: str, expected: str) -> None:
    assert due("sec_8k_105", tz=NEW_YORK, registrant=True, materiality_determined_at=determined) == expected


@pytest.mark.parametrize(
    ("classified", "expected"),
    [
        ("2026-05-04T10:00:00Z", "2026-05-04T14:00:00Z"),
        ("2026-05-05T04:00:00Z", "2026-05-05T08:00:00Z"),
        ("2026-05-05T07:00:00Z", "2026-05-05T08:00:00Z"),
        ("2026-05-05T08:00:00Z", "2026-05-05T08:00:00Z"),
        # More than 24 hours after becoming aware: four hours from the classification alone.
        ("2026-05-05T08:00:01Z", "2026-05-05T12:00:01Z"),
        ("2026-05-07T09:00:00Z", "2026-05-07T13:00:00Z"),
    ],
)
def test_dora_takes_the_earlier_limit_unless_it_was_classified_late(classified: str, expected: str) -> None:
    assert due("dora_initial", major=True, aware_at=AWARE, classified_at=classified) == expected


def test_a_late_classification_under_dora_is_never_overdue_before_it_is_due() -> None:
    given = {"major": True, "aware_at": AWARE, "classified_at": "2026-05-07T09:00:00Z"}

    assert state("dora_initial", now="2026-05-07T13:00:00Z", **given) == "due"
    assert state("dora_initial", now="2026-05-07T13:00:01Z", **given) == "overdue"


def test_without_the_awareness_dora_runs_from_the_classification_and_not_the_other_way_round() -> None:
    assert due("dora_initial", major=True, classified_at="2026-05-04T10:00:00Z") == "2026-05-04T14:00:00Z"
    assert state("dora_initial", major=True, aware_at=AWARE) == "anchor-missing"


@pytest.mark.parametrize(
    ("discovered", "expected"),
    [
        ("2025-06-01T12:00:00Z", "2026-03-02T04:59:59Z"),
        ("2027-06-01T12:00:00Z", "2028-03-01T04:59:59Z"),
        ("2026-01-01T02:00:00Z", "2026-03-02T04:59:59Z"),  # New Year's Eve of 2025 in New York
    ],
)
def test_sixty_days_after_the_year_end_where_the_people_are(discovered: str, expected: str) -> None:
    assert due("hipaa_408c", tz=NEW_YORK, covered_entity=True, individuals=499, discovered_at=discovered) == expected
