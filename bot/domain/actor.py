"""Who did something: a person in Slack, an alert source, or Stanch itself."""

from enum import StrEnum

from bot.domain.values import Value


class ActorKind(StrEnum):
    """What kind of party acts."""

    PERSON = "person"
    SOURCE = "source"
    STANCH = "stanch"


class Actor(Value):
    """One party; `id` is a Slack user id for people and an integration's name for sources."""

    kind: ActorKind
    id: str

    @property
    def is_person(self) -> bool:
        """Whether a human acted."""
        return self.kind is ActorKind.PERSON


STANCH = Actor(kind=ActorKind.STANCH, id="stanch")


def person(user_id: str) -> Actor:
    """Return the actor for a Slack user id."""
    return Actor(kind=ActorKind.PERSON, id=user_id)


def source(name: str) -> Actor:
    """Return the actor for an alert source."""
    return Actor(kind=ActorKind.SOURCE, id=name)
