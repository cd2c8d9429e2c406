"""What an examination finds: one line each, with how to mend it where something is wrong.

Texts hold what vendors answered, so a line is escaped when it is printed.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.logs import one_line


class State(StrEnum):
    """How bad a finding is; only a problem makes the examination fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    state: State
    about: str
    text: str

    @property
    def line(self) -> str:
        """The finding as one line."""
        return one_line(f"{self.state:<8} {self.about}: {self.text}")


def ok(about: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(State.OK, about, text)


def warning(about: str, text: str) -> Finding:
    """Return that something works and deserves a look."""
    return Finding(State.WARNING, about, text)


def problem(about: str, text: str) -> Finding:
    """Return that something does not work, with how to mend it."""
    return Finding(State.PROBLEM, about, text)
