"""All content after checking: what the rest of Stanch asks for playbooks, runbooks, systems and the policies.

A newcomer would pick a runbook's target anywhere: targets come from the one system that an alert's labels select, and
when two select it equally well, from none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.deadline import DeadlineRules
from bot.domain.playbook import Playbook
from bot.domain.policy import Policy
from bot.domain.retention import RetentionPolicy
from bot.domain.rubric import Rubric
from bot.domain.runbook import Level, Runbook
from bot.domain.system import System
from bot.domain.values import Value


@dataclass(frozen=True)
class ActionSpec:
    """What content must know of an action, without a connection.

    Attributes:
        takes_choices: Whether a form can offer values that the target has now.
    """

    ref_model: type[Value]
    params_model: type[Value]
    lowest_level: Level
    takes_choices: bool = True


@dataclass(frozen=True)
class Catalog:
    """Checked content, by id."""

    playbooks: Mapping[str, Playbook]
    runbooks: Mapping[str, Runbook]
    systems: Mapping[str, System]
    policy: Policy
    retention: RetentionPolicy
    rubric: Rubric
    deadlines: DeadlineRules

    def system_for(self, labels: dict[str, str]) -> System | None:
        """Return the system that matches most labels; `None` when none does, or when two match equally many."""
        selecting = [system for system in self.systems.values() if system.selects(labels)]
        most = max((len(system.match) for system in selecting), default=0)
        best = [system for system in selecting if len(system.match) == most]
        return best[0] if len(best) == 1 else None

    def runbooks_for(self, playbook_id: str | None, system: System | None) -> list[Runbook]:
        """Return the runbooks whose targets the system has, in the playbook's order; none while the system is unknown.

        Without a playbook, or with one that is gone, all runbooks are considered, smallest blast radius first.
        """
        if system is None:
            return []
        playbook = self.playbooks.get(playbook_id) if playbook_id else None
        if playbook is None:
            offered = sorted(self.runbooks.values(), key=lambda runbook: (runbook.level.rank, runbook.id))
        else:
            offered = [self.runbooks[name] for name in playbook.runbooks]
        return [runbook for runbook in offered if can_run(system, runbook)]


def can_run(system: System, runbook: Runbook) -> bool:
    """Whether the system has every target that the runbook names."""
    return all(name in system.targets for name in runbook.targets)
