"""Shows an instant by Slack's date tokens, in UTC; the page's script shows it again in the reader's own zone.

https://docs.slack.dev/messaging/formatting-message-text#date-formatting
"""

import re
from datetime import UTC, datetime

_TOKEN = re.compile(r"\{(\w+)\}")
_SUFFIXES = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def show(at: int, pattern: str) -> str:
    """Return the pattern with its tokens filled in; `at` is in seconds since the epoch."""
    instant = datetime.fromtimestamp(at, UTC)
    day = f"{instant.day}{_SUFFIXES.get(instant.day, 'th')}"
    hour = instant.hour % 12 or 12
    half = "AM" if instant.hour < 12 else "PM"
    values = {
        "date_num": f"{instant:%Y-%m-%d}",
        "date_slash": f"{instant:%m/%d/%Y}",
        "date": f"{instant:%B} {day}, {instant.year}",
        "date_short": f"{instant:%b} {instant.day}, {instant.year}",
        "date_long": f"{instant:%A}, {instant:%B} {day}, {instant.year}",
        "time": f"{hour}:{instant:%M} {half}",
        "time_secs": f"{hour}:{instant:%M:%S} {half}",
        "day_divider_pretty": f"{instant:%A}, {instant:%B} {day}",
    }
    values["ago"] = values["date_short"]
    return _TOKEN.sub(lambda token: values.get(token.group(1).removesuffix("_pretty"), token.group()), pattern)
