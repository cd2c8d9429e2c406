"""From folders to a checked catalog; all problems come at once, so that a person fixes them in one go."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.content.catalog import ActionSpec, Catalog
from bot.content.checks import (
    Named,
    Registered,
    check_file_names,
    check_playbook,
    check_policy,
    check_retention,
    check_systems,
    check_unique,
)
from bot.content.deadline_checks import check_deadlines
from bot.content.document import Problem
from bot.content.files import (
    DEADLINES,
    PLAYBOOKS,
    POLICY,
    RETENTION,
    RUBRIC,
    RUNBOOKS,
    SYSTEMS,
    Entry,
    Found,
    Registry,
    find,
    shown,
    strays,
)
from bot.content.rubric_checks import check_rubric
from bot.content.runbook_checks import check_runbook
from bot.domain.deadline import DeadlineRules
from bot.domain.playbook import Playbook
from bot.domain.policy import Policy
from bot.domain.retention import RetentionPolicy
from bot.domain.rubric import Rubric
from bot.domain.runbook import Runbook
from bot.errors import ContentError


@dataclass(frozen=True)
class _Files:
    playbooks: Found[Playbook]
    runbooks: Found[Runbook]
    policies: Found[Policy]
    registries: Found[Registry]
    retentions: Found[RetentionPolicy]
    rubrics: Found[Rubric]
    deadlines: Found[DeadlineRules]

    @property
    def systems(self) -> list[Registered]:
        """Every system, with where it stands."""
        return [
            (entry.document, ("systems", index), system)
            for entry in self.registries.entries
            for index, system in enumerate(entry.value.systems)
        ]


def load(roots: Sequence[Path], actions: Mapping[str, ActionSpec]) -> Catalog:
    """Read and check the content of all roots.

    Args:
        roots: Folders that hold `runbooks/` and `playbooks/`, the shipped one first; problems show its paths short.
        actions: By `integration.action`.

    Raises:
        ContentError: With every problem, as `path:line: place: message`.
    """
    roots = list(dict.fromkeys(root.resolve() for root in roots))
    files = _Files(
        playbooks=find(PLAYBOOKS, roots, roots[0]),
        runbooks=find(RUNBOOKS, roots, roots[0]),
        policies=find(POLICY, roots, roots[0]),
        registries=find(SYSTEMS, roots, roots[0]),
        retentions=find(RETENTION, roots, roots[0]),
        rubrics=find(RUBRIC, roots, roots[0]),
        deadlines=find(DEADLINES, roots, roots[0]),
    )
    problems = {*_read_problems(files, roots), *_problems_between(files, actions)}
    policy, retention = files.policies.held, files.retentions.held
    rubric, deadlines = files.rubrics.held, files.deadlines.held
    if problems or policy is None or retention is None or rubric is None or deadlines is None:
        raise ContentError([str(problem) for problem in sorted(problems)])
    return Catalog(
        playbooks={entry.value.id: entry.value for entry in files.playbooks.entries},
        runbooks={entry.value.id: entry.value for entry in files.runbooks.entries},
        systems={system.id: system for _, _, system in files.systems},
        policy=policy,
        retention=retention,
        rubric=rubric,
        deadlines=deadlines,
    )


def _read_problems(files: _Files, roots: Sequence[Path]) -> Iterator[Problem]:
    for root in roots:
        if not root.is_dir():
            yield Problem(str(root), 1, "file", "there is no such folder")
    yield from strays(roots, roots[0])
    for read in (files.playbooks, files.runbooks, files.registries):
        yield from read.problems
    for found, kind, consequence in (
        (files.policies, POLICY, "nothing could be approved"),
        (files.retentions, RETENTION, "nobody could say how long anything is kept"),
        (files.rubrics, RUBRIC, "nobody could say how bad an incident is"),
        (files.deadlines, DEADLINES, "nobody could say what must be reported by when"),
    ):
        yield from found.problems
        if not found.names:
            path = shown(roots[0] / kind.folder / kind.pattern, roots[0])
            yield Problem(path, 1, "file", f"it is missing: {consequence}")


def _problems_between(files: _Files, actions: Mapping[str, ActionSpec]) -> Iterator[Problem]:
    playbooks = _named(files.playbooks.entries)
    runbooks = _named(files.runbooks.entries)
    for named in (playbooks, runbooks):
        yield from check_file_names(named)
        yield from check_unique(named)
    yield from check_unique((document, (*place, "id"), system.id) for document, place, system in files.systems)
    known = files.runbooks.names | {name for _, _, name in runbooks}
    for playbook in files.playbooks.entries:
        yield from check_playbook(playbook, known)
    for runbook in files.runbooks.entries:
        yield from check_runbook(runbook, actions, files.policies.held)
    for policy in files.policies.entries:
        yield from check_policy(policy)
    for retention in files.retentions.entries:
        yield from check_retention(retention)
    for rubric in files.rubrics.entries:
        yield from check_rubric(rubric)
    for deadlines in files.deadlines.entries:
        yield from check_deadlines(deadlines)
    yield from check_systems(files.systems, [entry.value for entry in files.runbooks.entries], actions)


def _named(entries: Iterable[Entry[Playbook]] | Iterable[Entry[Runbook]]) -> list[Named]:
    return [(entry.document, ("id",), entry.value.id) for entry in entries]
