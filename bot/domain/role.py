"""The roles that the policy speaks of."""

from enum import StrEnum


class Role(StrEnum):
    """What a person may do; one person can have several."""

    ANYONE = "anyone"
    RESPONDER = "responder"
    LEAD = "lead"
    OWNER = "owner"

    @property
    def label(self) -> str:
        """How people read it."""
        return {
            Role.ANYONE: "anyone",
            Role.RESPONDER: "a responder",
            Role.LEAD: "someone who may lead",
            Role.OWNER: "the system's owner",
        }[self]
