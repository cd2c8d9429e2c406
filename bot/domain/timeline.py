"""The timeline: append-only facts of one incident, hash-chained so that a change, a removal or a reordering shows.

The hash covers a salted commitment of the payload, not the payload: erasing payload and salt (redaction) leaves the
chain valid, as long as a later event says which events were erased. A cut tail does not break a chain by itself; it
shows against a head that was signed and posted elsewhere, see `sign_head`.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Self

from pydantic import Field

from bot.domain.actor import Actor
from bot.domain.values import IncidentId, Instant, JsonObject, Value, canonical_json

GENESIS = "0" * 64
REDACTED = "timeline.redacted"
"""Kind of the event that says which events were erased; its payload lists their numbers as `events`."""


class Fact(Value):
    """What happened, before it has a place on a timeline.

    Attributes:
        kind: `noun.verb` in the past tense, for machines: `severity.changed`.
        at: When it happened, which may be before it was recorded.
        text: One sentence for people, plain text.
        payload: The facts behind the sentence, as JSON.
    """

    kind: str
    at: Instant
    actor: Actor
    text: str
    payload: JsonObject = Field(default_factory=dict)


class TimelineEvent(Value):
    """One fact in its place on the chain.

    Attributes:
        seq: 1, 2, 3 ... without gaps.
        recorded_at: When Stanch wrote it down.
        content: `text` and `payload`; `None` once redacted.
        salt: Random hex; `None` once redacted.
        commitment: SHA-256 over salt and content.
        previous: Hash of the event before; 64 zeros for the first.
        hash: SHA-256 over everything above but content and salt.
    """

    incident_id: IncidentId
    seq: int
    kind: str
    at: Instant
    recorded_at: Instant
    actor: Actor
    content: JsonObject | None
    salt: str | None
    commitment: str
    previous: str
    hash: str

    @property
    def text(self) -> str:
        """The sentence for people."""
        return str(self.content["text"]) if self.content else f"(redacted: {self.kind})"

    @property
    def payload(self) -> JsonObject:
        """The facts behind the sentence; empty once redacted."""
        return dict(self.content["payload"]) if self.content else {}

    def redacted(self) -> Self:
        """Return the tombstone: content and salt erased, commitment and hash kept."""
        return self.changed(content=None, salt=None)


def _commit(salt: str, content: JsonObject) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + canonical_json(content)).hexdigest()


def _chain_hash(event: TimelineEvent) -> str:
    covered = event.model_dump(mode="json", exclude={"content", "salt", "hash"})
    return hashlib.sha256(canonical_json(covered)).hexdigest()


def append(
    incident_id: IncidentId, last: TimelineEvent | None, fact: Fact, *, recorded_at: Instant, salt: str
) -> TimelineEvent:
    """Return the fact as the next event after `last`; `salt` is 32 random hex digits or more.

    Events are recorded in their order: where a clock was set back, or another replica's is ahead, `recorded_at` keeps
    up with the event before.
    """
    content: JsonObject = {"text": fact.text, "payload": fact.payload}
    draft = TimelineEvent(
        incident_id=incident_id,
        seq=last.seq + 1 if last else 1,
        kind=fact.kind,
        at=fact.at,
        recorded_at=max(recorded_at, last.recorded_at) if last else recorded_at,
        actor=fact.actor,
        content=content,
        salt=salt,
        commitment=_commit(salt, content),
        previous=last.hash if last else GENESIS,
        hash="",
    )
    return draft.changed(hash=_chain_hash(draft))


def chain_problems(events: Iterable[TimelineEvent]) -> list[str]:
    """Return what is wrong with a chain, in order; empty when it verifies."""
    problems: list[str] = []
    expected_seq, previous = 1, GENESIS
    erased: set[int] = set()
    for event in events:
        if event.seq != expected_seq:
            problems.append(f"event {expected_seq} is missing before event {event.seq}")
        elif event.previous != previous:
            problems.append(f"event {event.seq} does not follow from the event before it")
        if event.hash != _chain_hash(event):
            problems.append(f"event {event.seq} was changed after it was recorded")
        if event.content is None:
            erased.add(event.seq)
        elif event.salt is None or event.commitment != _commit(event.salt, event.content):
            problems.append(f"the content of event {event.seq} was changed after it was recorded")
        elif event.kind == REDACTED:
            erased -= set(event.payload.get("events", ()))
        expected_seq, previous = event.seq + 1, event.hash
    return problems + [f"the content of event {seq} was erased, and no later event says so" for seq in sorted(erased)]


def sign_head(head: TimelineEvent, key: bytes) -> str:
    """Return a short signature of a chain's head (HMAC-SHA256, 16 hex digits) that the database alone cannot forge."""
    message = f"{head.incident_id}:{head.seq}:{head.hash}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:16]
