"""Durations as people write them, and which labels select a system."""

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from bot.domain.system import Duration, HarmSignal, System

DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("20s", timedelta(seconds=20)),
        ("15m", timedelta(minutes=15)),
        ("4h", timedelta(hours=4)),
        ("2d", timedelta(days=2)),
        (" 4 H ", timedelta(hours=4)),
        ("PT4H", timedelta(hours=4)),
        (timedelta(minutes=1), timedelta(minutes=1)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: object, duration: timedelta) -> None:
    assert DURATION.validate_python(text) == duration


@pytest.mark.parametrize(
    "text", [4, 4.5, True, None, "", "4", "h", "4 weeks", "1.5h", "-4h", "0s", "PT0S", "9999999d", "4h30m", "٤h"]
)
def test_what_leaves_its_unit_open_or_lasts_no_time_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        DURATION.validate_python(text)


def test_a_duration_reads_back_from_its_own_json() -> None:
    assert DURATION.validate_json(DURATION.dump_json(timedelta(hours=26))) == timedelta(hours=26)


@pytest.mark.parametrize(
    ("labels", "selects"),
    [
        ({"service": "chat", "region": "eu"}, True),
        ({"service": "chat-old", "region": "eu", "more": "x"}, True),
        ({"service": "chat"}, False),
        ({"service": "search", "region": "eu"}, False),
        ({}, False),
    ],
)
def test_every_label_name_must_have_one_of_its_values(labels: dict[str, str], selects: bool) -> None:  # noqa: FBT001
    system = System(
        id="chat",
        title="Chat",
        tier=1,
        owners="chat-owners",
        match={"service": ["chat", "chat-old"], "region": ["eu"]},
    )

    assert system.selects(labels) is selects


@pytest.mark.parametrize("match", [{}, {"service": []}])
def test_a_system_that_nothing_or_everything_would_select_is_refused(match: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        System(id="chat", title="Chat", tier=1, owners="chat-owners", match=match)


@pytest.mark.parametrize("below", [float("nan"), float("inf")])
def test_a_threshold_that_can_tell_nothing_is_refused(below: float) -> None:
    span = timedelta(seconds=20)
    with pytest.raises(ValidationError):
        HarmSignal(
            connection="metrics",
            query="rate",
            below=below,
            unit="answers",
            every=span,
            window=span,
            give_up_after=span,
            look_back=span,
        )
