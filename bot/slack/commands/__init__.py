"""The verbs of the slash command, one file each; a new one is added to `VERBS`.

The order is the order of `help`.
"""

from bot.slack.commands import (
    contain,
    declare,
    lead,
    listing,
    mitigated,
    remediation,
    resolve,
    review,
    severity,
    status,
    timeline,
    token,
)
from bot.slack.commands.verb import Verb

VERBS: tuple[Verb, ...] = (
    declare.VERB,
    listing.VERB,
    status.VERB,
    severity.VERB,
    lead.VERB,
    contain.VERB,
    mitigated.VERB,
    resolve.VERB,
    timeline.VERB,
    remediation.VERB,
    review.VERB,
    token.VERB,
)

__all__ = ["VERBS", "Verb"]
