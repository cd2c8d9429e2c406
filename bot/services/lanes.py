"""The lanes that deliveries queue in: what shares a Slack channel shares a lane, and stays in order."""

from bot.domain.values import IncidentId

TRIAGE = "triage"
PAGES = "pages"


def incident_lane(incident_id: IncidentId) -> str:
    """Return the lane of an incident's channel."""
    return f"incident:{incident_id}"
