"""What buttons carry: read back strictly, refused when it is not what Stanch wrote."""

import pytest

from bot.domain.values import ContainmentId
from bot.errors import BadCommand
from bot.slack.values import AlertRef, IncidentRef, PlanRef

REF = PlanRef(containment=ContainmentId("c" * 32), fingerprint="0" * 64)


def test_a_value_comes_back_as_it_was_and_fits_a_button() -> None:
    assert PlanRef.parse(REF.text) == REF
    assert len(REF.text) <= 2_000


@pytest.mark.parametrize(
    "text",
    [None, "", "null", "[]", "not json", '{"incident":""}', '{"incident":"x","more":1}', '{"incident":' + '"x' * 900],
)
def test_a_foreign_value_is_refused_with_what_to_do(text: str | None) -> None:
    with pytest.raises(BadCommand, match="nothing was done"):
        IncidentRef.parse(text)


def test_a_value_of_another_button_is_refused() -> None:
    with pytest.raises(BadCommand):
        AlertRef.parse(REF.text)
