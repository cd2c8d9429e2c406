"""How bad an incident is: Sev-1 (worst) to Sev-4.

Never compare severities with `<`: the number falls as the harm rises. Ask `at_least`.
"""

from enum import StrEnum


class Severity(StrEnum):
    """The four levels; stored as `SEV1`, shown as `Sev-1`."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"
    SEV4 = "SEV4"

    @property
    def label(self) -> str:
        """How people read it: `Sev-1`."""
        return f"Sev-{self.value[-1]}"

    @property
    def rank(self) -> int:
        """Badness, 1 (Sev-4) to 4 (Sev-1)."""
        return 5 - int(self.value[-1])

    def at_least(self, other: "Severity") -> bool:
        """Whether this is as bad as `other`, or worse."""
        return self.rank >= other.rank

    @classmethod
    def parse(cls, text: str) -> "Severity":
        """Read `sev1`, `Sev-1`, `SEV 1` or `1`.

        Raises:
            ValueError: The text names no severity.
        """
        digit = text.strip().lower().removeprefix("sev").lstrip("- ")
        return cls(f"SEV{digit}")


def worst(first: Severity, *others: Severity) -> Severity:
    """Return the worst of the given severities."""
    return max((first, *others), key=lambda severity: severity.rank)
