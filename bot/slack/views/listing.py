"""Open incidents as a list, newest first."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block

from bot.domain.incident import Incident
from bot.slack.text import channel_link, date, one_line, party
from bot.slack.views.card import Card, context, header, section

SHOWN = 20


def incident_list(incidents: Sequence[Incident]) -> Card:
    """Return at most twenty of the given open incidents; more are counted as `more`."""
    if not incidents:
        return Card(
            "No incident is open.", [section("No incident is open. `/incident declare <what is happening>` opens one.")]
        )
    blocks: list[Block] = [header("Open incidents"), *(section(_line(each)) for each in incidents[:SHOWN])]
    if len(incidents) > SHOWN:
        blocks.append(context("Older ones are open too and not shown."))
    return Card(f"{min(len(incidents), SHOWN)} open incidents", blocks)


def _line(incident: Incident) -> str:
    where = f" in {channel_link(incident.channel)}" if incident.channel else ""
    led = f"led by {party(incident.commander)}" if incident.commander else "nobody leads it yet"
    stone = incident.milestones.declared
    since = f" since {date(stone.at)}" if stone else ""
    return (
        f"*{incident.label}* {incident.severity.label} · {one_line(incident.title, 200)}{where}\n"
        f"{incident.status.value.capitalize()}, open{since}; {led}"
    )
