"""What can be done to a guardrail: deny a word, a pattern or a topic, tighten a threshold, switch it on.

Denying works on LiteLLM's own content filter, which checks words, regular expressions and topics without any other
service. It accepts topics that it does not know and then blocks nothing, so what it knows is read first.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bot.sdk import JsonObject, Level, NoParams, Proposal, UserError, Value, digest, fitting
from integrations.litellm.action import LiteLlmAction, Name
from integrations.litellm.client import TITLE
from integrations.litellm.filters import as_sent, by_topic, by_word, named_patterns

_FILTER = "litellm_content_filter"
_SHORTEST, _LONGEST = 3, 500
_STRICTER = {"high": 2, "medium": 1, "low": 0}


class GuardrailRef(Value):
    """A guardrail by its name."""

    guardrail: Name

    def __str__(self) -> str:
        return f"guardrail {self.guardrail}"


def _word(text: str) -> str:
    word = text.strip().lower()
    if len(word) < _SHORTEST:
        raise ValueError(f"must have at least {_SHORTEST} letters, or it is in every text")
    return word


def _expression(text: str) -> str:
    try:
        compiled = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression ({error})") from error
    if compiled.search(""):
        raise ValueError("matches the empty text, so it would block every request")
    return text


class PatternParams(Value):
    """What shall be refused: a word or phrase, or a regular expression."""

    word: Annotated[str, Field(max_length=_LONGEST), AfterValidator(_word)] | None = None
    pattern: Annotated[str, Field(max_length=_LONGEST), AfterValidator(_expression)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.word is None) == (self.pattern is None):
            raise ValueError("give either word or pattern")
        return self


class TopicParams(Value):
    """A topic that the content filter knows, such as `harmful_self_harm`."""

    topic: str = Field(pattern=r"^[a-z0-9_]{1,100}$")


class ThresholdParams(TopicParams):
    """From which severity on a topic shall be refused."""

    severity: Literal["medium", "low"]


class _GuardrailAction(LiteLlmAction[GuardrailRef]):
    ref_model: type[Value] = GuardrailRef

    def _target(self, ref: JsonObject) -> GuardrailRef:
        return fitting(GuardrailRef, ref, whom=TITLE)

    async def _read(self, target: GuardrailRef) -> JsonObject:
        found = await self._api.guardrail(target.guardrail)
        params = found.litellm_params
        return {
            "id": found.guardrail_id,
            "kind": params.guardrail,
            "mode": params.mode,
            "changeable": found.guardrail_definition_location == "db",
            "on": bool(params.default_on),
            "words": by_word(params.blocked_words),
            "patterns": named_patterns(params.patterns),
            "topics": by_topic(params.categories),
            "known_topics": await self._api.topics(),
        }

    async def _write(self, target: GuardrailRef, current: JsonObject, after: JsonObject) -> None:  # noqa: ARG002 - the reading holds its id
        changed: JsonObject = {
            name: as_sent(current[part], after[part])
            for part, name in (("words", "blocked_words"), ("patterns", "patterns"), ("topics", "categories"))
            if current[part] != after[part]
        }
        if current["on"] != after["on"]:
            changed["default_on"] = after["on"]
        await self._api.call("change guardrail", "PATCH", f"/guardrails/{current['id']}", {"litellm_params": changed})


def _refuse(target: GuardrailRef, state: JsonObject, *, needs_filter: bool) -> None:
    """Refuse what LiteLLM cannot change or does not look at."""
    if not state["changeable"]:
        raise UserError(f"{target} comes from LiteLLM's configuration file, which its API cannot change.")
    if needs_filter and state["kind"] != _FILTER:
        raise UserError(f"{target} is a {state['kind']}; words, patterns and topics are those of a {_FILTER}.")


def _whom(state: JsonObject) -> tuple[str, ...]:
    who = (
        "every request" if state["on"] else "only requests, keys and policies that ask for it: it is not on by default"
    )
    return (f"checked on: {state['mode']}", f"checks {who}")


def _changed(target: GuardrailRef, state: JsonObject, part: str, name: str, entry: JsonObject) -> Proposal | None:
    if state[part].get(name) == entry:
        return None
    return Proposal(
        before=state,
        after={**state, part: {**state[part], name: entry}},
        summary=f"Let {target} refuse {name}",
        blast_radius=(*_whom(state), "matching requests are refused with 400"),
    )


class DenyPattern(_GuardrailAction):
    """Refuses requests with a word, a phrase or what a regular expression matches."""

    name = "deny_pattern"
    title = "Deny a word or a pattern"
    params_model: type[Value] = PatternParams
    lowest_level = Level.L2

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the added word or pattern; `None` when it is refused already.

        Raises:
            UserError: It would block everything, or the guardrail is not one that knows patterns.
        """
        target, wanted = self._target(ref), fitting(PatternParams, params, whom=TITLE)
        _refuse(target, state, needs_filter=True)
        if wanted.word is not None:
            description = (state["words"].get(wanted.word) or {}).get("description")
            entry = {"keyword": wanted.word, "action": "BLOCK", "description": description}
            return _changed(target, state, "words", wanted.word, entry)
        if any(each["pattern"] == wanted.pattern and each["action"] == "BLOCK" for each in state["patterns"].values()):
            return None
        name = f"stanch-{digest(wanted.pattern)[:8]}"
        entry = {
            "pattern_type": "regex",
            "pattern_name": None,
            "pattern": wanted.pattern,
            "name": name,
            "action": "BLOCK",
        }
        proposal = _changed(target, state, "patterns", name, entry)
        return proposal and proposal.changed(summary=f"Let {target} refuse what matches {wanted.pattern}")


class DenyTopic(_GuardrailAction):
    """Refuses requests on a topic that the content filter knows, from medium severity on."""

    name = "deny_topic"
    title = "Deny a topic"
    params_model: type[Value] = TopicParams
    lowest_level = Level.L2
    offers_choices = True

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the added topic; `None` when it is refused already.

        Raises:
            UserError: The content filter does not know it, and would silently block nothing.
        """
        target, topic = self._target(ref), fitting(TopicParams, params, whom=TITLE).topic
        _refuse(target, state, needs_filter=True)
        if topic not in (*state["known_topics"], *state["topics"]):
            raise UserError(f"LiteLLM knows no topic {topic}; choose one of: {', '.join(state['known_topics'])}.")
        new = {"category": topic, "severity_threshold": "medium", "category_file": None}
        entry = {**new, **state["topics"].get(topic, {}), "enabled": True, "action": "BLOCK"}
        return _changed(target, state, "topics", topic, entry)

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the topics that the content filter knows and that are not denied yet."""
        state = await self._read(self._target(ref))
        return [topic for topic in state["known_topics"] if topic not in state["topics"]]


class TightenThreshold(_GuardrailAction):
    """Lowers the severity from which on a topic is refused."""

    name = "tighten_threshold"
    title = "Tighten the threshold of a topic"
    params_model: type[Value] = ThresholdParams
    lowest_level = Level.L2

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the lowered threshold; `None` when it is in force.

        Raises:
            UserError: The topic is not refused at all, or is refused from a lower severity on.
        """
        target, wanted = self._target(ref), fitting(ThresholdParams, params, whom=TITLE)
        _refuse(target, state, needs_filter=True)
        entry = state["topics"].get(wanted.topic)
        if not entry or not entry.get("enabled", True):
            denied = ", ".join(name for name, each in state["topics"].items() if each.get("enabled", True))
            raise UserError(f"{target} does not refuse {wanted.topic}; it refuses: {denied or 'no topic'}.")
        now = entry.get("severity_threshold") or "medium"
        if now == wanted.severity:
            return None
        if _STRICTER[wanted.severity] > _STRICTER.get(now, 1):
            raise UserError(f"{target} refuses {wanted.topic} from {now} severity on already; undo loosens it.")
        proposal = _changed(target, state, "topics", wanted.topic, {**entry, "severity_threshold": wanted.severity})
        return proposal and proposal.changed(
            summary=f"Let {target} refuse {wanted.topic} from {wanted.severity} severity on",
            blast_radius=(*proposal.blast_radius, f"severity: {now} -> {wanted.severity}"),
        )


class EnableGuardrail(_GuardrailAction):
    """Lets a guardrail check every request, whoever sends it."""

    name = "enable_guardrail"
    title = "Switch a guardrail on for everybody"
    params_model: type[Value] = NoParams
    lowest_level = Level.L2

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the guardrail switched on; `None` when it is on.

        Raises:
            UserError: The guardrail comes from the configuration file.
        """
        target, _ = self._target(ref), fitting(NoParams, params, whom=TITLE)
        _refuse(target, state, needs_filter=False)
        if state["on"]:
            return None
        after = {**state, "on": True}
        return Proposal(
            before=state,
            after=after,
            summary=f"Switch {target} on for every request",
            blast_radius=(
                *_whom(after),
                f"{len(state['words'])} words, {len(state['patterns'])} patterns, {len(state['topics'])} topics",
            ),
        )
