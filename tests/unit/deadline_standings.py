"""Where shipped deadlines stand, for tests; a deadline binds unless `scope` says otherwise."""

from typing import Any

from bot.calendars import PublicHolidays
from bot.domain.deadline_facts import read_facts, read_instant, read_zone
from bot.domain.deadline_states import Standing, standings
from tests.builders import deadlines

RULES = deadlines()
CALENDARS = PublicHolidays(["US"])
NEVER = "2099-01-01T00:00:00Z"
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
AWARE = "2026-05-04T08:00:00Z"
HIGH_RISK = {"role": "provider", "high_risk": True, "annex": "annex_iii", "serious_harm": True}


def stood(clock: str, *, now: str = NEVER, tz: str = "UTC", **given: Any) -> tuple[Standing, ...]:
    """Return where every stage of a deadline stands."""
    deadline = RULES.deadline(clock)
    assert deadline is not None
    at = read_instant(now)
    return standings(deadline, read_facts(RULES, {"scope": True, **given}, at), at, read_zone(tz), CALENDARS)


def state(clock: str, **given: Any) -> str:
    """Return the state of a deadline's first stage."""
    return stood(clock, **given)[0].state.value


def due(clock: str, stage: int = 0, **given: Any) -> str | None:
    """Return when a stage is due."""
    due_at = stood(clock, **given)[stage].due_at
    return due_at.strftime("%Y-%m-%dT%H:%M:%SZ") if due_at else None
