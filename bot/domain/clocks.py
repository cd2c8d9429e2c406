"""The two clocks, TTD and TTM, against their targets.

`TTD = detected - started`, `TTM = mitigated - detected`. An unknown end makes the clock `None`, never zero: an alert
tells when harm was detected, not when it started.
"""

from datetime import timedelta
from enum import StrEnum

from bot.domain.milestones import Milestones
from bot.domain.severity import Severity
from bot.domain.values import Instant, Value


class ClockName(StrEnum):
    """Which clock."""

    TTD = "TTD"
    TTM = "TTM"


class ClockState(StrEnum):
    """Where a clock stands."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    STOPPED = "stopped"


class Clock(Value):
    """One clock as it reads at an instant.

    Attributes:
        elapsed: `None` while unknown.
        target: `None` where no target is set for the severity.
        provisional: Stopped by a clean window that has not passed yet.
        attested: Stopped on a person's word rather than on a measurement.
    """

    name: ClockName
    state: ClockState
    elapsed: timedelta | None
    target: timedelta | None
    provisional: bool = False
    attested: bool = False

    @property
    def is_late(self) -> bool:
        """Whether the target is missed already."""
        return self.elapsed is not None and self.target is not None and self.elapsed > self.target


# Targets from the product's definition: Sev-1 detected in 30 min and mitigated in 2 h, Sev-2 in 4 h and 1 day.
TARGETS: dict[Severity, tuple[timedelta, timedelta]] = {
    Severity.SEV1: (timedelta(minutes=30), timedelta(hours=2)),
    Severity.SEV2: (timedelta(hours=4), timedelta(days=1)),
}


def time_to_detect(milestones: Milestones, severity: Severity) -> Clock:
    """Return TTD. It never runs: it is known once both ends are."""
    started, detected = milestones.started, milestones.detected
    target = TARGETS[severity][0] if severity in TARGETS else None
    if started is None or detected is None:
        return Clock(name=ClockName.TTD, state=ClockState.UNKNOWN, elapsed=None, target=target)
    return Clock(
        name=ClockName.TTD,
        state=ClockState.STOPPED,
        elapsed=detected.at - started.at,
        target=target,
        attested=started.is_attested,
    )


def time_to_mitigate(milestones: Milestones, severity: Severity, at: Instant) -> Clock:
    """Return TTM at an instant: running until the harm verifiably stopped.

    A clock that was set back, or another replica's that lags, may read less than the detection: nothing has passed yet.
    """
    target = TARGETS[severity][1] if severity in TARGETS else None
    detected, mitigated = milestones.detected, milestones.mitigated
    if detected is None:
        return Clock(name=ClockName.TTM, state=ClockState.UNKNOWN, elapsed=None, target=target)
    if mitigated is None:
        elapsed = max(at - detected.at, timedelta(0))
        return Clock(name=ClockName.TTM, state=ClockState.RUNNING, elapsed=elapsed, target=target)
    return Clock(
        name=ClockName.TTM,
        state=ClockState.STOPPED,
        elapsed=mitigated.at - detected.at,
        target=target,
        provisional=mitigated.provisional,
        attested=mitigated.is_attested,
    )
