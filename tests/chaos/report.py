"""What a campaign counted, and whether it is what it must be."""

from collections import Counter
from dataclasses import dataclass, field

MUST_BE_EMPTY = (
    "alerts lost",
    "chain problems",
    "vendor writes doubled",
    "messages doubled",
    "channels doubled",
    "containments without an end",
    "cards that say otherwise",
    "deliveries still owed",
    "acknowledged presses lost",
    "paths stuck",
    "programs that ended by themselves",
)


@dataclass
class Report:
    """The counts of one campaign.

    Attributes:
        wrong: Sentences under each of `MUST_BE_EMPTY`.
        done: Disturbances by name.
        ends: How many containments came to each end.
        private_doubled: Private answers beyond those asked for; one a kill or hang may be.
    """

    name: str
    paths: int = 0
    seconds: float = 0.0
    alerts: int = 0
    messages: int = 0
    writes: int = 0
    private_doubled: int = 0
    errors_logged: int = 0
    done: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in MUST_BE_EMPTY})

    @property
    def is_as_it_must_be(self) -> bool:
        """Whether nothing that must not happen did."""
        crashes = self.done["kills"] + self.done["hangs"] + self.done["terms"] + self.done["database stops"]
        return not any(self.wrong.values()) and self.private_doubled <= crashes

    def table(self) -> str:
        """Return the counts, one a line, and what is wrong in full."""
        counted: list[tuple[str, object]] = [(name, self.done[name]) for name in sorted(self.done)]
        counted += [("paths walked", self.paths), ("alerts promised", self.alerts), ("messages", self.messages)]
        counted += [("vendor writes", self.writes)]
        counted += [(f"containments {end}", count) for end, count in sorted(self.ends.items())]
        counted += [("private answers doubled", self.private_doubled), ("errors logged", self.errors_logged)]
        counted += [(name, len(sentences)) for name, sentences in self.wrong.items()]
        counted += [("seconds", round(self.seconds))]
        width = max(len(name) for name, _ in counted)
        lines = [self.name, *(f"  {name:<{width}}  {value:>7}" for name, value in counted)]
        lines += [f"  WRONG {sentence}" for sentences in self.wrong.values() for sentence in sentences]
        return "\n".join(lines) + "\n"
