"""Adding a period to an instant.

Hours and days are elapsed time, so that summer time never shortens one. Months and business days are counted where the
people are. EU law lets a period in days run on when it ends on a weekend (Regulation 1182/71); the strict end is given
here, because that is the one to aim for.
"""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.domain.deadline import AtOnce, BusinessDays, Days, Hours, Months, Period
from bot.domain.values import Instant

_LAST_SECOND = time(23, 59, 59)
_SATURDAY = 5


class Calendars(Protocol):
    """The days on which a country's offices are closed."""

    def is_holiday(self, country: str, day: date) -> bool:
        """Whether a day is a public holiday, or the day on which one is observed."""
        ...


def end_of(period: Period, start: Instant, zone: ZoneInfo, calendars: Calendars) -> datetime | None:
    """Return when a period ends that starts at an instant; `None` when it is due at once.

    Raises:
        OverflowError: The end lies behind the last year that can be told.
        ValueError: The same, for months.
    """
    match period:
        case Hours():
            return start + timedelta(hours=period.hours)
        case Days():
            return start + timedelta(days=period.days)
        case Months():
            return _months_later(start.astimezone(zone), period.months)
        case BusinessDays():
            return _business_days_later(start.astimezone(zone), period.business_days, calendars)
        case AtOnce():
            return None


def end_of_year(instant: Instant, zone: ZoneInfo) -> datetime:
    """Return the last second of the calendar year in which an instant lies."""
    return _resolved(datetime.combine(date(instant.astimezone(zone).year, 12, 31), _LAST_SECOND, zone))


def _months_later(start: datetime, months: int) -> datetime:
    """Return the same day and time of day; the last day of a month that is too short (Regulation 1182/71, 3(2)(c))."""
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return _resolved(start.replace(year=year, month=month + 1, day=day))


def _business_days_later(start: datetime, wanted: BusinessDays.Body, calendars: Calendars) -> datetime:
    """Return the end of a business day; the day of the start is day 0, whether or not it is a business day itself."""
    day, left = start.date(), wanted.count
    while left:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY and not calendars.is_holiday(wanted.calendar, day):
            left -= 1
    return _resolved(datetime.combine(day, _LAST_SECOND, start.tzinfo))


def _resolved(local: datetime) -> datetime:
    """Return a local time as an instant: the later one where clocks are changed, so that nothing is early."""
    return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
