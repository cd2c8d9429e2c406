"""What no single file can know: ids, references between files, and whether systems offer what runbooks need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from bot.content.catalog import ActionSpec, can_run
from bot.content.document import Document, Place, Problem
from bot.content.files import Entry
from bot.content.wording import refusals, worded
from bot.domain.playbook import Playbook
from bot.domain.policy import Policy
from bot.domain.retention import RetentionPolicy
from bot.domain.runbook import Level, Runbook
from bot.domain.system import HarmSignal, System

Named = tuple[Document, Place, str]
"""An id, and where it stands."""
Registered = tuple[Document, Place, System]
"""A system, and where it stands."""


def check_file_names(named: Iterable[Named]) -> Iterator[Problem]:
    """Yield ids that differ from their file's name."""
    for document, place, name in named:
        if document.name != name:
            yield document.problem(place, f"the id is `{name}` and the file is `{document.name}.yaml`; make them equal")


def check_unique(named: Iterable[Named]) -> Iterator[Problem]:
    """Yield ids that something before has already."""
    first: dict[str, str] = {}
    for document, place, name in named:
        if name in first:
            yield document.problem(place, f"`{name}` is there already, at {first[name]}")
        else:
            first[name] = document.where(place)


def check_playbook(entry: Entry[Playbook], runbooks: set[str]) -> Iterator[Problem]:
    """Yield runbooks that do not exist, and ids that are there twice."""
    document, playbook = entry.document, entry.value
    for index, name in enumerate(playbook.runbooks):
        if name not in runbooks:
            yield document.problem(("runbooks", index), f"there is no runbook `{name}`")
    yield from check_unique((document, ("runbooks", i), name) for i, name in enumerate(playbook.runbooks))
    yield from check_unique((document, ("signals", i, "id"), each.id) for i, each in enumerate(playbook.signals))
    rules = enumerate(playbook.severity.rules)
    yield from check_unique((document, ("severity", "rules", i, "id"), rule.id) for i, rule in rules)


def check_policy(entry: Entry[Policy]) -> Iterator[Problem]:
    """Yield levels without a rule, and a break-glass that can never be used."""
    document, policy = entry.document, entry.value
    missing = [level for level in Level if level not in policy.levels]
    if missing:
        yield document.problem(("levels",), f"every level needs a rule; missing: {', '.join(missing)}")
    if policy.break_glass.after >= policy.plan_expires_after:
        message = "break-glass opens only when the plan has expired; make it shorter than `plan_expires_after`"
        yield document.problem(("break_glass", "after"), message)


def check_retention(entry: Entry[RetentionPolicy]) -> Iterator[Problem]:
    """Yield personal data that would stay where nobody expects it, and incidents that are held twice."""
    document, keep = entry.document, entry.value.keep
    for name, what in (("alerts_of_incidents", "alerts hold"), ("evidence", "evidence holds")):
        period, words = getattr(keep, name), keep.personal_data
        if words is not None and (period is None or period > words):
            message = f"{what} personal data too; keep `{name}` no longer than `personal_data`"
            yield document.problem(("keep", name), message)
    yield from check_unique((document, ("hold", index), str(number)) for index, number in enumerate(entry.value.hold))


def check_systems(
    systems: Sequence[Registered], runbooks: Sequence[Runbook], actions: Mapping[str, ActionSpec]
) -> Iterator[Problem]:
    """Yield systems that cannot be told apart, and targets and signals that do not fit the runbooks that use them."""
    for first, second in combinations(systems, 2):
        yield from _told_apart(first, second)
    for document, place, system in systems:
        for name, signal in system.signals.items():
            yield from _signal(document, (*place, "signals", name), signal)
        for runbook in (runbook for runbook in runbooks if can_run(system, runbook)):
            yield from _fits((document, place, system), runbook, actions)


def _told_apart(first: Registered, second: Registered) -> Iterator[Problem]:
    match, other = first[2].match, second[2].match
    if match.keys() == other.keys() and all(set(match[name]) & set(other[name]) for name in match):
        document, place, _ = second
        where = first[0].where((*first[1], "match"))
        message = f"these labels select `{first[2].id}` too ({where}); add a label to one of the two"
        yield document.problem((*place, "match"), message)


def _signal(document: Document, place: Place, signal: HarmSignal) -> Iterator[Problem]:
    if signal.every > signal.window:
        yield document.problem((*place, "every"), "samples are further apart than `window` is long")
    if signal.window > signal.give_up_after:
        yield document.problem((*place, "window"), "the clean window is longer than `give_up_after`")


def _fits(registered: Registered, runbook: Runbook, actions: Mapping[str, ActionSpec]) -> Iterator[Problem]:
    document, place, system = registered
    for name in runbook.signals:
        if name not in system.signals:
            message = f"the runbook `{runbook.id}` fits this system and needs its signal `{name}`"
            yield document.problem((*place, "signals"), message)
    for action, target in runbook.uses:
        spec = actions.get(action)
        if spec is None:
            continue
        details = refusals(spec.ref_model, system.targets[target].ref)
        prefix = f"`{action}` cannot use this target: "
        yield from worded(details, document, (*place, "targets", target, "ref"), prefix)
