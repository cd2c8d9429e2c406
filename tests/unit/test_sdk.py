"""What integrations are given to read content with."""

import re

import pytest

from bot.sdk import UserError, Value, WholeNumber, fitting


class Limits(Value):
    requests: WholeNumber


class Target(Value):
    name: str
    limits: Limits


@pytest.mark.parametrize("number", [7, "7"])
def test_what_fits_is_a_model(number: object) -> None:
    target = fitting(Target, {"name": "key", "limits": {"requests": number}}, whom="The gateway")
    assert target == Target(name="key", limits=Limits(requests=7))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "key"}, "The gateway cannot take limits: Field required."),
        (
            {"name": "key", "limits": {"requests": 1}, "x": 1},
            "The gateway cannot take x: Extra inputs are not permitted.",
        ),
        ([], "The gateway cannot take the parameters: Input should be a valid dictionary or instance of Target."),
        *(
            (
                {"name": "key", "limits": {"requests": number}},
                "The gateway cannot take limits.requests: must be a whole number.",
            )
            for number in (True, 7.0, "7.5", "-7", "", None, [7])
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place_and_the_problem(given: object, told: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(told)}$"):
        fitting(Target, given, whom="The gateway")  # type: ignore[arg-type] # content may hold anything


def test_what_was_given_is_not_told() -> None:
    with pytest.raises(UserError) as raised:
        fitting(Limits, {"requests": "sk-secret"}, whom="The gateway")
    assert "sk-secret" not in str(raised.value)
