"""A field that its model refuses is told at its line, in words for people who write YAML."""

from pathlib import Path

import pytest

from tests.unit.content.sample import Mistake, problems

MISTAKES = {
    "a missing field": Mistake(
        "runbooks/go-back.yaml",
        "title: Go back\n",
        "",
        "1: file",
        "the field `title` is missing",
    ),
    "an unknown field": Mistake(
        "runbooks/go-back.yaml",
        "    target: prompt\n",
        "    target: prompt\n    retries: 3\n",
        "15: steps[0].retries",
        "there is no field `retries` here",
    ),
    "a number in quotes": Mistake(
        "runbooks/go-back.yaml",
        "version: 1\n",
        'version: "1"\n',
        "2: version",
        "must be a whole number, not `1`",
    ),
    "an empty title": Mistake(
        "runbooks/go-back.yaml",
        "title: Go back",
        'title: ""',
        "3: title",
        "must not be empty",
    ),
    "a title that no Slack menu could show": Mistake(
        "runbooks/go-back.yaml",
        "title: Go back",
        "title: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "3: title",
        "must be shorter; characters at most: 75",
    ),
    "a level that is not on the ladder": Mistake(
        "runbooks/go-back.yaml",
        "level: L5",
        "level: L8",
        "13: steps[0].level",
        "must be one of 'L0', 'L1', 'L2', 'L3', 'L4', 'L5', 'L6' or 'L7', not `L8`",
    ),
    "a duration without a unit": Mistake(
        "runbooks/go-back.yaml",
        "after: 4h",
        "after: 4",
        "20: ends.after",
        "4 is not a duration; write a number and s, m, h or d, like 15m",
    ),
    "a duration of nothing": Mistake(
        "runbooks/go-back.yaml",
        "after: 4h",
        "after: 0s",
        "20: ends.after",
        "must be greater than 0 s",
    ),
    "a period shorter than what Slack repeats": Mistake(
        "playbooks/rules/retention.yaml",
        "requests: 7d",
        "requests: 2h",
        "3: keep.requests",
        "must be at least 1 d",
    ),
    "a class of data that nobody keeps": Mistake(
        "playbooks/rules/retention.yaml",
        "  jobs: 7d\n",
        "  jobs: 7d\n  cookies: 7d\n",
        "5: keep.cookies",
        "there is no field `cookies` here",
    ),
    "a type of input that does not exist": Mistake(
        "runbooks/go-back.yaml",
        "type: live_choice",
        "type: dropdown",
        "6: inputs.version_wanted",
        "the field `type` must be one of 'text', 'choice', 'live_choice'",
    ),
    "an input without a type": Mistake(
        "runbooks/go-back.yaml",
        "    type: live_choice\n",
        "",
        "6: inputs.version_wanted",
        "the field `type` is missing",
    ),
    "steps that are no list": Mistake(
        "playbooks/bad-answers.yaml",
        "runbooks:\n  - go-back\n",
        "runbooks: go-back\n",
        "22: runbooks",
        "must be a list (lines that begin with `- `), not `go-back`",
    ),
    "a condition that does not exist": Mistake(
        "playbooks/bad-answers.yaml",
        "- text_mentions: [bad answer]",
        "- title_matches: .*",
        "10: signals[0].when.any[1]",
        "a condition has exactly one of the keys all, any, not, label_is, text_mentions, tier_at_most",
    ),
    "a condition that is no mapping": Mistake(
        "playbooks/bad-answers.yaml",
        "- text_mentions: [bad answer]",
        "- always",
        "10: signals[0].when.any[1]",
        "a condition has exactly one of the keys all, any, not, label_is, text_mentions, tier_at_most",
    ),
    "a word that YAML takes for a truth value": Mistake(
        "playbooks/bad-answers.yaml",
        'any_of: ["true"]',
        "any_of: [true]",
        "20: severity.rules[0].when.label_is.any_of[0]",
        "must be text, not true; put it in quotes",
    ),
    "an id with capitals": Mistake(
        "playbooks/bad-answers.yaml",
        "id: hurt",
        "id: Hurt",
        "15: severity.rules[0].id",
        "`Hurt` does not fit: use lower-case letters and digits, with single hyphens between words",
    ),
    "a user group written as a mention": Mistake(
        "runbooks/rules/policy.yaml",
        "leads: leads",
        'leads: "@leads"',
        "4: groups.leads",
        "`@leads` does not fit: write the handle of a Slack user group, in lower case and without the @",
    ),
    "a threshold that every reading is under": Mistake(
        "playbooks/rules/systems.yaml",
        "below: 0.5",
        "below: .inf",
        "18: systems[0].signals.harm_rate.below",
        "must be a number, not `.inf`",
    ),
    "a tier above 3": Mistake(
        "playbooks/rules/systems.yaml",
        "tier: 1",
        "tier: 4",
        "4: systems[0].tier",
        "must be at most 3",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_at_its_line_and_causes_no_other_complaint(root: Path, mistake: Mistake) -> None:
    expected = mistake.made_in(root)

    assert problems(root) == [expected]
