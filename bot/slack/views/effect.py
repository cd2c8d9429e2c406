"""Whether a containment helped: the harm signal's reading and its clean window, in words."""

from bot.domain.containment import Containment, ContainmentState
from bot.domain.values import Instant, human_duration
from bot.slack.text import date, escape, one_line, party


def effect_words(containment: Containment, at: Instant) -> list[str]:
    """Return lines about the effect of a containment that is in force; none before it was applied."""
    signal = containment.plan.signal
    if containment.applied_at is None:
        return []
    if containment.confirmed_by is not None and containment.effect_verified_at is not None:
        when = date(containment.effect_verified_at)
        return [f"Confirmed by {party(containment.confirmed_by)} {when}: {escape(containment.confirmed_on, 600)}"]
    if signal is None:
        return ["No harm signal measures its effect: a person must say what shows that the harm stopped."]
    unit = one_line(signal.unit, 75)
    reading = "no sample yet" if containment.last_reading is None else f"{containment.last_reading:.4g} {unit}"
    lines = [f"Harm signal: {reading} (must stay under {signal.below:g})"]
    since = containment.clean_since
    if containment.effect_verified_at is not None and since is not None:
        lines.append(f"Clean for {human_duration(signal.window)}, since {date(since)}")
    elif since is not None:
        passed = human_duration(at - since)
        lines.append(f"Clean for {passed} of {human_duration(signal.window)}, since {date(since)}")
    elif containment.state is ContainmentState.WATCHING:
        lines.append(f"Not clean yet; it must stay under for {human_duration(signal.window)}")
    return lines
