"""Which content files there are, where they lie, and how each becomes a value or a list of problems.

A newcomer would let the second root replace the first: they add up. Policies, the rubric among them, are taken from
the last root that has one, because two of a kind cannot both hold.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from bot.content.document import Document, Problem, read
from bot.content.wording import refusals, worded
from bot.domain.deadline import DeadlineRules
from bot.domain.playbook import Playbook
from bot.domain.policy import Policy
from bot.domain.retention import RetentionPolicy
from bot.domain.rubric import Rubric
from bot.domain.runbook import Runbook
from bot.domain.system import System
from bot.domain.values import Value

V = TypeVar("V", bound=Value)


class Registry(Value):
    """The file `systems.yaml`."""

    systems: list[System]


@dataclass(frozen=True)
class Kind(Generic[V]):
    """One kind of content file.

    Attributes:
        folder: Below a root.
        pattern: Of the file names.
        model: What one file must be.
        schema: Path of its JSON Schema in the repository.
    """

    folder: str
    pattern: str
    model: type[V]
    schema: str


PLAYBOOKS = Kind("playbooks", "*.yaml", Playbook, "playbooks/schema.json")
RUNBOOKS = Kind("runbooks", "*.yaml", Runbook, "runbooks/schema.json")
POLICY = Kind("runbooks/rules", "policy.yaml", Policy, "runbooks/rules/policy.schema.json")
SYSTEMS = Kind("playbooks/rules", "systems.yaml", Registry, "playbooks/rules/systems.schema.json")
RETENTION = Kind("playbooks/rules", "retention.yaml", RetentionPolicy, "playbooks/rules/retention.schema.json")
RUBRIC = Kind("playbooks/rules", "severity.yaml", Rubric, "playbooks/rules/severity.schema.json")
DEADLINES = Kind("playbooks/rules", "deadlines.yaml", DeadlineRules, "playbooks/rules/deadlines.schema.json")
KINDS: Sequence[
    Kind[Playbook]
    | Kind[Runbook]
    | Kind[Policy]
    | Kind[Registry]
    | Kind[RetentionPolicy]
    | Kind[Rubric]
    | Kind[DeadlineRules]
] = (
    PLAYBOOKS,
    RUNBOOKS,
    POLICY,
    SYSTEMS,
    RETENTION,
    RUBRIC,
    DEADLINES,
)


@dataclass(frozen=True)
class Entry(Generic[V]):
    """A value and the file that it came from."""

    document: Document
    value: V


@dataclass(frozen=True)
class Found(Generic[V]):
    """All files of one kind.

    Attributes:
        entries: Those that fit their model.
        names: Of every file, without `.yaml`, so that a file with a mistake in it is not reported as missing too.
    """

    entries: list[Entry[V]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    @property
    def held(self) -> V | None:
        """What holds where two cannot: that of the last root that has one."""
        return self.entries[-1].value if self.entries else None


def find(kind: Kind[V], roots: Iterable[Path], shown_from: Path) -> Found[V]:
    """Read the files of one kind in every root, in order of root and name."""
    found: Found[V] = Found()
    for file in (file for root in roots for file in _files(root / kind.folder, kind.pattern)):
        document, problems = read(file, shown(file, shown_from))
        found.names.add(file.stem)
        found.problems.extend(problems)
        if document is not None:
            _take(found, kind.model, document)
    return found


def _files(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a folder by name; hidden ones are what editors leave while somebody writes."""
    return sorted(file for file in folder.glob(pattern) if not file.name.startswith("."))


def _take(found: Found[V], model: type[V], document: Document) -> None:
    if not isinstance(document.data, dict):
        found.problems.append(document.problem((), "it must be a mapping (lines like `name: value`)"))
        return
    details = refusals(model, document.data, strict=True)
    found.problems.extend(worded(details, document))
    if not details:
        found.entries.append(Entry(document, model.model_validate(document.data)))


def strays(roots: Iterable[Path], shown_from: Path) -> Iterator[Problem]:
    """Name YAML files in content folders that would silently not be read."""
    for root in roots:
        wanted = {file for kind in KINDS for file in _files(root / kind.folder, kind.pattern)}
        for folder in dict.fromkeys(kind.folder for kind in KINDS):
            holds = ", ".join(kind.pattern for kind in KINDS if kind.folder == folder)
            for file in _files(root / folder, "*.y*ml"):
                if file not in wanted:
                    yield Problem(
                        shown(file, shown_from), 1, "file", f"it would not be read; this folder holds {holds}"
                    )


def shown(file: Path, shown_from: Path) -> str:
    """Return a path as problems show it: short below the first root, whole elsewhere."""
    return str(file.relative_to(shown_from) if file.is_relative_to(shown_from) else file)
