"""What can be seen of a text decides whether it says anything."""

import pytest

from bot.domain.incident import IncidentKind, opened
from bot.domain.values import is_blank
from tests import builders
from tests.builders import COMMANDER, NOW

NOTHING = ["", " \t\n", "\u200b\u200d\ufeff", "\u202e\u202c", "\u2800", "\u3164\u115f", "\ufe0f\u0301", "\x00\x1b"]


@pytest.mark.parametrize("text", NOTHING)
def test_what_shows_nothing_is_blank(text: str) -> None:
    assert is_blank(text)
    assert is_blank(text * 1_000)


@pytest.mark.parametrize("text", ["x", "\u200bx", "🔥", "\u2764\ufe0f", "שלום", "漢", "*", "0", "\u202e."])
def test_a_single_sign_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize("title", [" ", "\u200b" * 400, "\u202e" * 150 + "seen, but cut off"])
def test_an_incident_whose_title_shows_nothing_is_called_untitled(title: str) -> None:
    incident, _ = opened(
        incident_id=builders.INCIDENT_ID,
        number=1,
        kind=IncidentKind.LIVE,
        title=title,
        system_id=None,
        classification=builders.classification(),
        detected_at=NOW,
        actor=COMMANDER,
        why="declared by a person",
        at=NOW,
    )
    assert incident.title == "Untitled incident"
