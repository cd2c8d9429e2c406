"""What a runbook's own model cannot see: its actions, its inputs, and what the policy lets its level do."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from pydantic_core import ErrorDetails

from bot.content.catalog import ActionSpec
from bot.content.document import Document, Json, Place, Problem
from bot.content.files import Entry
from bot.content.wording import refusals, worded
from bot.domain.policy import Policy
from bot.domain.runbook import ChoiceInput, KeepState, LiveChoiceInput, Runbook, Step, input_named
from bot.domain.values import human_duration


def check_runbook(entry: Entry[Runbook], actions: Mapping[str, ActionSpec], policy: Policy | None) -> Iterator[Problem]:
    """Yield the problems of one runbook; without a policy its durations are not compared with one."""
    yield from _steps(entry, actions)
    yield from _evidence(entry, actions)
    yield from _placeholders(entry)
    yield from _inputs(entry, actions)
    yield from _ends(entry, policy)


def _steps(entry: Entry[Runbook], actions: Mapping[str, ActionSpec]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, step in enumerate(entry.value.steps):
        at: Place = ("steps", index)
        if step.id in seen:
            yield entry.document.problem((*at, "id"), f"another step is called `{step.id}` already")
        seen.add(step.id)
        spec = actions.get(step.action)
        if spec is None:
            known = ", ".join(sorted(actions)) or "none"
            yield entry.document.problem((*at, "action"), f"there is no action `{step.action}`; there are: {known}")
            continue
        if step.level.rank < spec.lowest_level.rank:
            lowest = f"`{step.action}` is at least {spec.lowest_level}: {spec.lowest_level.meaning}"
            yield entry.document.problem((*at, "level"), f"{step.level} is too low; {lowest}")
        yield from worded(_refused_params(step, spec), entry.document, (*at, "params"), f"`{step.action}`: ")


def _evidence(entry: Entry[Runbook], actions: Mapping[str, ActionSpec]) -> Iterator[Problem]:
    for index, keep in enumerate(entry.value.evidence):
        if isinstance(keep, KeepState) and keep.action not in actions:
            known = ", ".join(sorted(actions)) or "none"
            message = f"there is no action `{keep.action}`; there are: {known}"
            yield entry.document.problem(("evidence", index, "action"), message)


def _refused_params(step: Step, spec: ActionSpec) -> list[ErrorDetails]:
    """Return what is wrong with the literal parameters and with all names; the value of an input is not known yet."""
    open_params = {name for name, value in step.params.items() if input_named(value)}

    def is_known(detail: ErrorDetails) -> bool:
        if not detail["loc"]:
            return not open_params
        return detail["type"] == "extra_forbidden" or detail["loc"][0] not in open_params

    return [detail for detail in refusals(spec.params_model, step.params) if is_known(detail)]


def _placeholders(entry: Entry[Runbook]) -> Iterator[Problem]:
    for place, text in _texts(entry.document.data, ()):
        name = input_named(text)
        if not _is_parameter(place):
            message = "`${...}` is replaced only where it is a step's whole parameter"
        elif name is None:
            message = "an input is a whole value, never a part of a text: write `${inputs.name}` and nothing else"
        elif name not in entry.value.inputs:
            message = f"no input is called `{name}`"
        else:
            continue
        yield entry.document.problem(place, message)


def _is_parameter(place: Place) -> bool:
    return len(place) == 4 and place[0] == "steps" and place[2] == "params"


def _texts(data: Json, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(data, str) and "${" in data:
        yield place, data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _texts(value, (*place, name))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*place, index))


def _inputs(entry: Entry[Runbook], actions: Mapping[str, ActionSpec]) -> Iterator[Problem]:
    runbook, document = entry.value, entry.document
    used = set().union(*(step.inputs_used() for step in runbook.steps))
    for name, declared in runbook.inputs.items():
        if name not in used:
            message = f"no step uses this input; write `${{inputs.{name}}}` or remove it"
            yield document.problem(("inputs", name), message)
        if isinstance(declared, LiveChoiceInput):
            yield from _live_choice(document, runbook, actions, name, declared.of_step)
        if isinstance(declared, ChoiceInput):
            yield from _options(entry, actions, name, declared.options)


def _live_choice(
    document: Document, runbook: Runbook, actions: Mapping[str, ActionSpec], name: str, of_step: str
) -> Iterator[Problem]:
    at: Place = ("inputs", name, "of_step")
    step = next((step for step in runbook.steps if step.id == of_step), None)
    if step is None:
        yield document.problem(at, f"no step is called `{of_step}`")
    elif (spec := actions.get(step.action)) and not spec.takes_choices:
        yield document.problem(at, f"`{step.action}` has no values to choose from; use an input of type text or choice")


def _options(
    entry: Entry[Runbook], actions: Mapping[str, ActionSpec], name: str, options: Sequence[str]
) -> Iterator[Problem]:
    uses = [
        (step.action, param)
        for step in entry.value.steps
        for param, value in step.params.items()
        if input_named(value) == name and step.action in actions
    ]
    for (action, param), (index, option) in product(uses, enumerate(options)):
        details = refusals(actions[action].params_model, {param: option})
        refused = [
            detail for detail in details if detail["loc"][:1] == (param,) and detail["type"] != "extra_forbidden"
        ]
        yield from worded(refused, entry.document, ("inputs", name, "options", index), f"`{action}`: ")


def _ends(entry: Entry[Runbook], policy: Policy | None) -> Iterator[Problem]:
    ends = entry.value.ends
    if ends.after > ends.at_most:
        yield entry.document.problem(("ends", "after"), "the usual end is later than the latest one, `at_most`")
    allowed = (
        {level: policy.levels[level].longest for level in entry.value.levels if level in policy.levels}
        if policy
        else {}
    )
    strictest = min(allowed, key=allowed.__getitem__, default=None)
    if strictest and ends.at_most > allowed[strictest]:
        longest = f"the policy lets a {strictest} containment last {human_duration(allowed[strictest])}"
        yield entry.document.problem(("ends", "at_most"), f"{longest}; this asks for {human_duration(ends.at_most)}")
