"""Public holidays by country, from `holidays`, which is kept up to date with what parliaments decide.

It costs some 45 MB and most of a second, so only programs that count business days import this module.
"""

from collections.abc import Iterable
from datetime import date

import holidays

from bot.errors import SettingsError


class PublicHolidays:
    """The days on which countries' public offices are closed; the days on which a holiday is observed are too."""

    def __init__(self, countries: Iterable[str]) -> None:
        """Prepare the calendars of countries.

        Raises:
            SettingsError: There is no calendar of one of them.
        """
        self._by_country: dict[str, holidays.HolidayBase] = {}
        for country in countries:
            try:
                self._by_country[country] = holidays.country_holidays(country)
            except NotImplementedError as error:
                raise SettingsError(f"deadlines.yaml asks for a calendar of `{country}`, and there is none.") from error

    def is_holiday(self, country: str, day: date) -> bool:
        """Whether a day is a public holiday, or the day on which one is observed."""
        return day in self._by_country[country]
