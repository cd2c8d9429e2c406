"""`stanch severity`: answers in, explained severities out, so that the rubric can be judged from outside."""

from collections.abc import Callable

from bot.domain.answers import contradictions, read_answers
from bot.domain.questions import classify
from bot.domain.rubric import Rubric
from bot.domain.values import JsonObject
from bot.errors import BadCommand
from bot.json_lines import answer_lines


def grade_lines(rubric: Rubric, source: str, write: Callable[[str], object]) -> int:
    """Write the severity of every line of answers; return 1 if a line contradicts itself or cannot be read.

    Raises:
        SettingsError: The file cannot be read.
    """
    return answer_lines(source, lambda case: _severity(rubric, case), write)


def _severity(rubric: Rubric, case: JsonObject) -> JsonObject:
    given = case.get("answers")
    if not isinstance(given, dict):
        raise BadCommand("a line needs `answers`: an object of answers by question")
    answers = read_answers(rubric, given)
    if asked := contradictions(rubric, answers):
        raise BadCommand(f"the answers contradict each other: {' '.join(asked)}")
    found = classify(rubric, answers)
    return {
        "severity": found.severity.value,
        "provisional": found.provisional,
        "rules": [f"{rule.id}: {rule.severity}, {rule.because}" for rule in found.rules],
        "unknown": list(found.unknown),
        "would_change": list(found.would_change),
    }
