"""What every domain value shares: frozen, strict about unknown fields, instants aware and in UTC.

A newcomer would mutate a value: they never change, `changed()` returns a new, validated one.
"""

import hashlib
import json
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NewType, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

JsonObject = dict[str, Any]

# Categories of Unicode without ink of their own: controls, formats, unassigned, halves, marks, spaces.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Cs", "Me", "Mn", "Zl", "Zp", "Zs"})
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols by category, empty by design

ERASED = "(redacted)"
"""Stands where words were erased under the retention policy."""

IncidentId = NewType("IncidentId", str)
AlertGroupId = NewType("AlertGroupId", str)
PlanId = NewType("PlanId", str)
ContainmentId = NewType("ContainmentId", str)
EvidenceId = NewType("EvidenceId", str)
RemediationId = NewType("RemediationId", str)


def _to_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the instant is outside the years that can be told in UTC") from error


def _whole_number(value: object) -> object:
    """Refuse what pydantic would turn into a whole number and nobody means by one: `true`, `10.0`."""
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdecimal())):
        raise ValueError("must be a whole number")
    return value


def _scalar(value: object) -> object:
    if not isinstance(value, bool | int | str):
        raise ValueError("must be text, a whole number, true or false")  # noqa: TRY004 - pydantic reports ValueError
    return value


Scalar = Annotated[bool | int | str, BeforeValidator(_scalar)]
"""A plain value as it is written; `true` and 1 are two."""
Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
Now = Callable[[], datetime]


class Value(BaseModel):
    """Base of all domain values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **fields: object) -> Self:
        """Return a validated copy with the given fields replaced."""
        return type(self).model_validate({**dict(self), **fields})


def storable(text: str) -> str:
    """Return text with what no PostgreSQL column can hold (NUL, lone surrogates) replaced: two spellings, one key."""
    return text.replace("\x00", "\ufffd").encode(errors="surrogatepass").decode(errors="replace")


def is_blank(text: str) -> bool:
    """Return whether nothing of a text can be seen, whatever characters it has: a title or a reason must be read."""
    return all(unicodedata.category(char) in _UNSEEN or char in _FILLERS for char in text)


def utc_text(instant: datetime) -> str:
    """Return an instant to the second in UTC, as every text that is kept names it."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def canonical_json(value: object) -> bytes:
    """Return the one JSON spelling that hashes are taken over: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")


def digest(value: object) -> str:
    """Return the SHA-256 of a JSON value's canonical spelling, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def human_duration(duration: timedelta) -> str:
    """Return a duration as people say it, two units at most: `45 s`, `12 min`, `2 h 5 min`, `3 d 4 h`."""
    seconds = int(duration.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return sign + " ".join(parts[:2]) if parts else "0 s"
