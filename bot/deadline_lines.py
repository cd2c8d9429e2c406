"""`stanch deadlines`: facts in, states of deadlines out, so that the rules can be checked from outside.

A program of its own, found by name: the calendars of public holidays cost more than all else that `stanch` loads.
"""

from collections.abc import Callable, Iterator

from bot.calendars import PublicHolidays
from bot.domain.deadline import BusinessDays, Deadline, DeadlineRules
from bot.domain.deadline_facts import read_facts, read_instant, read_zone
from bot.domain.deadline_states import Standing, standings
from bot.domain.periods import Calendars
from bot.domain.values import JsonObject
from bot.errors import BadCommand
from bot.json_lines import answer_lines

_OWN = frozenset({"id", "clock", "stage", "now", "tz"})


def state_lines(rules: DeadlineRules, source: str, write: Callable[[str], object]) -> int:
    """Write where the deadline of every line of facts stands; return 1 if a line cannot be read.

    Raises:
        SettingsError: The file cannot be read, or there is no calendar of a country.
    """
    calendars = PublicHolidays(set(_countries(rules)))
    return answer_lines(source, lambda case: _states(rules, calendars, case), write)


def _countries(rules: DeadlineRules) -> Iterator[str]:
    for deadline in rules.deadlines:
        for stage in deadline.stages:
            for limit in stage.limits:
                if isinstance(limit.period, BusinessDays):
                    yield limit.period.business_days.calendar


def _states(rules: DeadlineRules, calendars: Calendars, case: JsonObject) -> JsonObject:
    deadline = _deadline(rules, case.get("clock"))
    zone = read_zone(case.get("tz"))
    try:
        now = read_instant(case.get("now"))
    except BadCommand as error:
        raise BadCommand(f"now {error}") from error
    facts = read_facts(rules, {name: value for name, value in case.items() if name not in _OWN}, now)
    found = standings(deadline, facts, now, zone, calendars)
    return {"deadlines": [_said(each) for each in _wanted(deadline, found, case.get("stage"))]}


def _deadline(rules: DeadlineRules, name: object) -> Deadline:
    found = rules.deadline(name) if isinstance(name, str) else None
    if found is None:
        raise BadCommand(f"clock must be one of {', '.join(each.id for each in rules.deadlines)}")
    return found


def _wanted(deadline: Deadline, found: tuple[Standing, ...], stage: object) -> tuple[Standing, ...]:
    if stage is None or not deadline.stages:
        return found
    wanted = tuple(each for each in found if each.stage == stage)
    if not wanted:
        names = ", ".join(each.stage for each in found if each.stage) or "none with a name"
        raise BadCommand(f"{deadline.id} has no such stage; it has: {names}")
    return wanted


def _said(standing: Standing) -> JsonObject:
    due_at = standing.due_at
    return {
        "clock": standing.deadline,
        "stage": standing.stage,
        "state": standing.state.value,
        "due_utc": due_at.strftime("%Y-%m-%dT%H:%M:%SZ") if due_at else None,
    }
