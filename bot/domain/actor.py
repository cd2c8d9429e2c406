"""Who did something: a person in Slack or at a terminal, an alert source, or Stanch itself.

Two actors are equal when they are the same party, whichever way they came: nobody becomes a second person by going to a
terminal.
"""

from enum import StrEnum

from pydantic import Field

from bot.domain.values import Value


class ActorKind(StrEnum):
    """What kind of party acts."""

    PERSON = "person"
    SOURCE = "source"
    STANCH = "stanch"


class Via(StrEnum):
    """The way by which a person acted, where that was not Slack."""

    TERMINAL = "terminal"


class Actor(Value):
    """One party.

    Attributes:
        id: A Slack user id for people, an integration's name for sources.
        via: Left out of what is stored and hashed where it says nothing, as before there was a choice.
    """

    kind: ActorKind
    id: str
    via: Via | None = Field(default=None, exclude_if=lambda via: via is None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Actor) and (self.kind, self.id) == (other.kind, other.id)

    def __hash__(self) -> int:
        return hash((self.kind, self.id))

    @property
    def is_person(self) -> bool:
        """Whether a human acted."""
        return self.kind is ActorKind.PERSON


STANCH = Actor(kind=ActorKind.STANCH, id="stanch")


def person(user_id: str, *, via: Via | None = None) -> Actor:
    """Return the actor for a Slack user id; without a way, they act in Slack."""
    return Actor(kind=ActorKind.PERSON, id=user_id, via=via)


def source(name: str) -> Actor:
    """Return the actor for an alert source."""
    return Actor(kind=ActorKind.SOURCE, id=name)
