"""A small root without mistakes, for tests to put one mistake into."""

from pathlib import Path
from typing import NamedTuple

import pytest

from bot.content import ActionSpec, load
from bot.domain.runbook import Level
from bot.domain.values import Value
from bot.errors import ContentError


class FlagRef(Value):
    project: str
    feature: str


class VariationParams(Value):
    variation: str
    percent: int = 100


class NoParams(Value):
    pass


ACTIONS = {
    "flags.pick": ActionSpec(FlagRef, VariationParams, Level.L5),
    "flags.off": ActionSpec(FlagRef, NoParams, Level.L6, takes_choices=False),
}

RUNBOOK = """\
id: go-back
version: 1
title: Go back
summary: Serve the earlier version.
inputs:
  version_wanted:
    type: live_choice
    label: Version
    of_step: pick
steps:
  - id: pick
    action: flags.pick
    level: L5
    target: prompt
    params:
      variation: ${inputs.version_wanted}
      percent: 50
harm_signal: harm_rate
ends:
  after: 4h
  at_most: 24h
expected_effect: The earlier version is served.
risk_if_wrong: The newer one is missed.
"""
PLAYBOOK = """\
id: bad-answers
version: 1
title: Bad answers
summary: Answers that harm.
signals:
  - id: named
    when:
      any:
        - label_is: {name: failure_mode, any_of: [bad-answers]}
        - text_mentions: [bad answer]
    because: it says so
severity:
  base: SEV3
  rules:
    - id: hurt
      at_least: SEV1
      when:
        label_is:
          name: user_harmed
          any_of: ["true"]
      because: somebody was hurt
runbooks:
  - go-back
"""
SYSTEMS = """\
systems:
  - id: assistant
    title: Assistant
    tier: 1
    owners: assistant-owners
    match:
      service: [assistant]
    targets:
      prompt:
        connection: flags
        ref:
          project: default
          feature: prompt
    signals:
      harm_rate:
        connection: metrics
        query: rate
        below: 0.5
        unit: bad answers
        every: 2s
        window: 20s
        give_up_after: 10m
        look_back: 24h
"""
POLICY = """\
version: 1
groups:
  responders: responders
  leads: leads
plan_expires_after: 15m
break_glass:
  after: 5m
levels:
  L0: {approval: none, longest: 1d}
  L1: {approval: none, longest: 1d}
  L2: {approval: none, longest: 1d}
  L3: {approval: none, longest: 1d}
  L4: {approval: none, longest: 1d}
  L5: {approval: lead, longest: 1d}
  L6: {approval: none, longest: 1d}
  L7: {approval: lead_and_owner, longest: 1d}
"""
RETENTION = """\
version: 1
keep:
  requests: 7d
  jobs: 7d
  group_members: 7d
  notes: 30d
  alerts_without_incident: 90d
  alerts_of_incidents: 200d
  evidence: 200d
  personal_data: 730d
hold: [3]
"""
RUBRIC = """\
version: 1
questions:
  - kind: modifier
    id: reached
    title: Reach
    ask: Did it reach anybody?
    answers_from_mildest:
      - {value: false, means: nobody}
      - {value: true, means: somebody}
    unknown_as: true
  - kind: dimension
    id: people
    title: People
    ask: Was anybody hurt?
    levels: [nobody, somebody, many]
facts:
  - {id: death, means: somebody died}
  - {id: rumour, means: somebody heard of it}
severity_by_level: [SEV4, SEV3, SEV1]
unknown_dimension:
  level: 0
  worse:
    level: 1
    when:
      answer_at_least: {reached: true}
near_miss:
  unless:
    answer_at_least: {reached: true}
  severity_by_level: [SEV4, SEV4, SEV3]
  because: it reached nobody
raises:
  levels_at_most: 1
  rules:
    - id: known-outside
      from_level: 1
      when:
        all:
          - fact: rumour
          - any:
              - answer_at_least: {people: 1}
      because: it is known outside
floors:
  - id: somebody-died
    at_least: SEV1
    when:
      fact: death
    because: somebody died
contradictions:
  - id: dead-and-not-reached
    answers: {death: true, reached: false}
    ask: Did somebody die of what reached nobody?
downgrade:
  levels_at_most: 1
"""
DEADLINES = """\
version: 1
facts:
  - {id: role, type: text, means: what it is}
  - {id: leaked, type: truth, means: data leaked}
  - {id: people, type: number, means: how many}
instants:
  - {id: aware_at, means: somebody was aware}
deadlines:
  - id: first_law
    regime: First law
    verified: text
    binds:
      fact_is_not: {role: [guest]}
    applies_from:
      - day: "2026-01-01"
        when:
          all:
            - fact_is: {leaked: [true]}
            - any:
                - fact_below: {people: 500}
    stages:
      - id: warning
        what: warn
        trigger:
          fact_is: {leaked: [true]}
        limits:
          - anchor: {instant: [aware_at]}
            period: {hours: 24}
            gone_if_passed_by: aware_at
      - id: report
        what: report
        limits:
          - anchor: {filing: [first_law:warning]}
            period: {months: 1}
      - id: yearly
        what: count
        limits:
          - anchor: {end_of_year_of: aware_at}
            period: {days: 60}
  - id: second_law
    regime: Second law
    verified: unconfirmed
    disabled_because: nobody knows
"""
FILES = {
    "runbooks/go-back.yaml": RUNBOOK,
    "playbooks/bad-answers.yaml": PLAYBOOK,
    "playbooks/rules/systems.yaml": SYSTEMS,
    "runbooks/rules/policy.yaml": POLICY,
    "playbooks/rules/retention.yaml": RETENTION,
    "playbooks/rules/severity.yaml": RUBRIC,
    "playbooks/rules/deadlines.yaml": DEADLINES,
}


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def change(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is not there exactly once"
    (root / path).write_text(text.replace(old, new), encoding="utf-8")


def problems(*roots: Path) -> list[str]:
    with pytest.raises(ContentError) as caught:
        load(roots, ACTIONS)
    return caught.value.problems


class Mistake(NamedTuple):
    """Text of one file to replace, and what is said about it, where."""

    path: str
    old: str
    new: str
    at: str
    message: str

    def made_in(self, root: Path) -> str:
        """Make the mistake; return the problem that it must cause."""
        change(root, self.path, self.old, self.new)
        return f"{self.path}:{self.at}: {self.message}"
