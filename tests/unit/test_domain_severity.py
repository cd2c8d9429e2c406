"""Sev-1 is the worst, and is never compared by its number."""

from itertools import pairwise

import pytest

from bot.domain.severity import Severity, worst


def test_each_severity_is_at_least_itself_and_all_that_are_milder() -> None:
    for worse, milder in pairwise(Severity):
        assert worse.at_least(worse)
        assert worse.at_least(milder)
        assert not milder.at_least(worse)


def test_the_worst_of_several_is_the_one_with_the_lowest_number() -> None:
    assert worst(Severity.SEV3, Severity.SEV1, Severity.SEV4) is Severity.SEV1
    assert worst(Severity.SEV4) is Severity.SEV4


@pytest.mark.parametrize("text", ["sev2", "Sev-2", "SEV 2", " sev2 ", "2"])
def test_people_may_write_it_in_several_ways(text: str) -> None:
    assert Severity.parse(text) is Severity.SEV2


@pytest.mark.parametrize("text", ["", "sev", "sev0", "sev5", "sev12", "critical", "two"])
def test_what_names_no_severity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SEV"):
        Severity.parse(text)


def test_a_severity_is_shown_with_a_hyphen() -> None:
    assert [severity.label for severity in Severity] == ["Sev-1", "Sev-2", "Sev-3", "Sev-4"]
