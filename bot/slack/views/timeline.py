"""An incident's timeline as text, and whether its chain verifies."""

from slack_sdk.models.blocks import Block

from bot.domain.timeline import TimelineEvent
from bot.services.board import TimelineView
from bot.slack.text import SECTION, date_to_the_second, escape, party, with_local_instants
from bot.slack.views.card import Card, context, header, section

# With the title, the count of older ones and the verdict well within a message; Slack refuses very long answers.
_MOST_SECTIONS = 12
_EVENT = 700


def timeline_card(view: TimelineView) -> Card:
    """Return the newest events, oldest of them first, with a count of the older ones that do not fit."""
    label = view.incident.label
    sections, shown = _sections([_line(event) for event in view.events])
    blocks: list[Block] = [header(f"{label} · Timeline")]
    older = len(view.events) - shown
    if older:
        blocks.append(context(f"{older} older events are not shown."))
    blocks.extend(section(text) for text in sections)
    blocks.append(context(chain_words(view)))
    return Card(text=f"{label}: timeline of {len(view.events)} events", blocks=blocks)


def chain_words(view: TimelineView) -> str:
    """Return the verdict on the chain."""
    if view.problems:
        problems = "; ".join(escape(problem, 200) for problem in view.problems[:5])
        return f":warning: *The chain does not verify:* {problems}"
    if not view.events:
        return "The timeline is empty."
    head = view.events[-1].hash[:12]
    return f"Chain verified: {len(view.events)} events, head {head}, signature {view.head_signature}"


def _line(event: TimelineEvent) -> str:
    return f"{date_to_the_second(event.at)} *{party(event.actor)}:* {with_local_instants(escape(event.text, _EVENT))}"


def _sections(lines: list[str]) -> tuple[list[str], int]:
    """Pack the newest lines into sections; return these in order, and how many lines they hold."""
    packed: list[list[str]] = []
    shown = 0
    for line in reversed(lines):
        if packed and sum(len(each) + 1 for each in packed[-1]) + len(line) <= SECTION:
            packed[-1].append(line)
        elif len(packed) < _MOST_SECTIONS:
            packed.append([line])
        else:
            break
        shown += 1
    return ["\n".join(reversed(part)) for part in reversed(packed)], shown
