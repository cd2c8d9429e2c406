"""What a review says in sentences: the summary, and the questions that the record itself leaves open.

Sentences are plain text with foreign words in them; whoever shows them escapes them.
"""

from collections.abc import Sequence

from bot.domain.alert import AlertGroup, Verdict
from bot.domain.containment import Containment, ContainmentState
from bot.domain.incident import Incident
from bot.domain.milestones import Basis
from bot.domain.system import System
from bot.domain.values import Instant, Value

# Enough to know an alert by; whole texts stand in their own places.
_BRIEF = 120


class Statement(Value):
    """One sentence of the summary; `is_gap` says that it tells what is missing."""

    text: str
    is_gap: bool = False


def summary(incident: Incident, system: System | None) -> tuple[Statement, ...]:
    """Return what happened: what, where, how bad and by which rules, how it was detected, when it stopped."""
    return (
        Statement(text=f"{incident.label} ({incident.kind.value}, {incident.status.value}): {incident.title}"),
        _system(incident, system),
        *_severity(incident),
        _detected(incident),
        _stopped(incident),
    )


def questions(
    incident: Incident, groups: Sequence[AlertGroup], containments: Sequence[Containment], problems: Sequence[str]
) -> tuple[str, ...]:
    """Return what the record leaves open, as questions to people."""
    return (
        *(
            f"Nobody has stated {unknown}. What is it, and does it change the severity?"
            for unknown in _unknown(incident)
        ),
        *(
            f"Was the alert “{_brief(group.title)}” actionable? Nobody has said."
            for group in groups
            if group.verdict is Verdict.UNADJUDICATED
        ),
        *(question for each in containments for question in _about(each)),
        *(f"The timeline does not verify: {problem}. What happened to it?" for problem in problems[:5]),
    )


def _system(incident: Incident, system: System | None) -> Statement:
    if system is not None:
        return Statement(
            text=f"The AI system is {system.title}, tier {system.tier}; the user group {system.owners} answers for it."
        )
    if incident.system_id is not None:
        text = f"The AI system {incident.system_id} is not in the registry any more: what is its tier, and whose is it?"
        return Statement(text=text, is_gap=True)
    return Statement(text="No AI system is on record: which one was it, of which tier, and whose is it?", is_gap=True)


def _severity(incident: Incident) -> tuple[Statement, ...]:
    classification = incident.classification
    rules = "; ".join(f"{rule.because} ({rule.severity.label}, {rule.id})" for rule in classification.rules)
    sentences = []
    if classification.failure_mode is None:
        sentences.append(Statement(text="The failure mode is not classified: what failed?", is_gap=True))
    else:
        sentences.append(Statement(text=f"The failure mode is {classification.failure_mode_title}."))
    if rules:
        sentences.append(Statement(text=f"The rules gave {classification.severity.label}: {rules}."))
    else:
        sentences.append(Statement(text=f"No rule is on record for {classification.severity.label}.", is_gap=True))
    if incident.severity is not classification.severity:
        reason = incident.severity_reason or "no reason is on record"
        sentences.append(Statement(text=f"A person set {incident.severity.label}: {reason}"))
    return tuple(sentences)


def _detected(incident: Incident) -> Statement:
    detected = incident.milestones.detected
    if detected is None:
        return Statement(text="When it was detected is not on record: who or what noticed it first?", is_gap=True)
    opener = incident.opened_by
    by = f"the person {opener.id}" if opener.is_person else f"the alert source {opener.id}"
    when = f"at {_utc(detected.at)} ({detected.basis.value})"
    return Statement(text=f"It was detected {when}, and declared by {by}: {incident.opened_why}.")


def _stopped(incident: Incident) -> Statement:
    mitigated = incident.milestones.mitigated
    if mitigated is None:
        return Statement(text="Nothing on record shows that the harm has stopped.", is_gap=True)
    if mitigated.basis is Basis.ATTESTED:
        return Statement(text=f"A person attested at {_utc(mitigated.at)} that the harm had stopped: {mitigated.note}")
    if mitigated.provisional:
        return Statement(
            text=f"The harm stopped at {_utc(mitigated.at)}, provisionally: its clean window has not passed."
        )
    return Statement(text=f"The harm stopped at {_utc(mitigated.at)} ({mitigated.basis.value}: {mitigated.note}).")


def _unknown(incident: Incident) -> tuple[str, ...]:
    return incident.classification.unknown


def _about(containment: Containment) -> list[str]:
    name = f"C-{containment.number}"
    asked = []
    if containment.break_glass is not None:
        asked.append(f"{name} went ahead without the approval it needs. Who could have approved it, and was asked how?")
    if containment.state is ContainmentState.IN_DOUBT:
        asked.append(f"{name} is in doubt. What do its targets read now?")
    if containment.state is ContainmentState.FAILED:
        asked.append(f"{name} failed. What did people expect to happen, and what did they see instead?")
    if containment.is_in_force:
        past = " past its end" if containment.end_reached else ""
        asked.append(f"{name} is still in force{past}. Until when, and who decides that?")
    return asked


def _brief(text: str) -> str:
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF - 1]}…"


def _utc(at: Instant) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
