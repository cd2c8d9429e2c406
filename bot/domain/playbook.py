"""A playbook says what to do for one failure mode; classification asks the playbooks which of them an alert is about.

Severity rules only ever raise: each names the least severity that its condition calls for, and the worst one wins.
"""

from collections.abc import Sequence

from pydantic import Field

from bot.domain.classification import Classification, FiredRule
from bot.domain.predicate import Facts, Predicate
from bot.domain.severity import Severity, worst
from bot.domain.system import Identifier, Sentence, Title
from bot.domain.values import Value


class Signal(Value):
    """A sign that an alert is about this failure mode; labels should weigh more than words."""

    id: Identifier
    when: Predicate
    because: Sentence
    weight: int = Field(default=1, ge=1, le=10)


class SeverityRule(Value):
    """A condition that calls for at least a severity."""

    id: Identifier
    at_least: Severity
    when: Predicate
    because: Sentence


class SeverityRules(Value):
    """Where severity starts, and what raises it."""

    base: Severity
    rules: list[SeverityRule] = Field(default_factory=list)


class AutoDeclare(Value):
    """When an alert opens an incident without a person."""

    at_least: Severity


class Playbook(Value):
    """What to do for one failure mode."""

    id: Identifier
    version: int = Field(ge=1)
    title: Title
    summary: Sentence
    signals: list[Signal] = Field(min_length=1)
    severity: SeverityRules
    auto_declare: AutoDeclare | None = None
    triage_questions: list[Sentence] = Field(default_factory=list)
    evidence: list[Sentence] = Field(default_factory=list)
    runbooks: list[Identifier] = Field(default_factory=list)
    exit_criteria: list[Sentence] = Field(default_factory=list)

    def declares(self, severity: Severity) -> bool:
        """Whether an alert of this severity opens an incident by itself."""
        return self.auto_declare is not None and severity.at_least(self.auto_declare.at_least)


UNCLASSIFIED_SEVERITY = Severity.SEV3


def classify(playbooks: Sequence[Playbook], facts: Facts) -> Classification:
    """Return the failure mode whose signals weigh most, and the severity that its rules give.

    Ties go to the playbook whose id sorts first, so that the order of files does not matter. With no match the failure
    mode is `None` and the severity Sev-3 until a person looks.
    """
    best: tuple[int, Playbook, list[Signal]] | None = None
    for playbook in sorted(playbooks, key=lambda candidate: candidate.id):
        held = [signal for signal in playbook.signals if signal.when.holds(facts)]
        weight = sum(signal.weight for signal in held)
        if held and (best is None or weight > best[0]):
            best = (weight, playbook, held)
    if best is None:
        return Classification(
            failure_mode=None,
            failure_mode_title="Not classified",
            severity=UNCLASSIFIED_SEVERITY,
            unknown=("the failure mode: no playbook's signals match",),
        )
    _, playbook, held = best
    return classify_as(playbook, facts, matched=[signal.because for signal in held])


def classify_as(playbook: Playbook, facts: Facts, *, matched: Sequence[str] = ()) -> Classification:
    """Return the severity that one playbook's rules give, explained."""
    fired = [rule for rule in playbook.severity.rules if rule.when.holds(facts)]
    severity = worst(playbook.severity.base, *(rule.at_least for rule in fired))
    worse = [
        rule for rule in playbook.severity.rules if not rule.when.holds(facts) and not severity.at_least(rule.at_least)
    ]
    unknown = [name for rule in worse if rule.when.holds(facts) is None for name in rule.when.missing(facts)]
    base = FiredRule(
        id=f"{playbook.id}-base",
        severity=playbook.severity.base,
        because=f"{playbook.title} starts at {playbook.severity.base.label}",
    )
    rules = sorted(
        (FiredRule(id=rule.id, severity=rule.at_least, because=rule.because) for rule in fired),
        key=lambda rule: -rule.severity.rank,
    )
    return Classification(
        failure_mode=playbook.id,
        failure_mode_title=playbook.title,
        severity=severity,
        matched=tuple(matched),
        rules=(*rules, base),
        unknown=tuple(dict.fromkeys(unknown)),
        would_change=tuple(f"{rule.at_least.label} if {rule.when.describe()}" for rule in worse),
    )
