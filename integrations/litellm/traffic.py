"""Chat completions of a simulated proxy: who is refused, which model answers, and what counts against limits.

An answer takes ten tokens and costs nothing; a limit of requests counts refused ones too, as LiteLLM's does.
"""

import hashlib
import re
from datetime import datetime

from bot.sdk import JsonObject
from integrations.litellm.proxy import Refusal

_TOKENS = 10
_SEVERITIES = ("high", "medium", "low")


def hashed(key: str) -> str:
    """Return how LiteLLM knows a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def completed(document: JsonObject, key: str, body: JsonObject, at: datetime) -> tuple[JsonObject, JsonObject]:
    """Return the document after a call, and the answer.

    Raises:
        Refusal: The call is refused; the document stays as it was.
    """
    owner = document["keys"].get(hashed(key))
    if owner is None:
        raise Refusal(401, "Authentication Error, Invalid proxy server token passed.")
    if owner["blocked"]:
        raise Refusal(401, "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.")
    asked, said = str(body["model"]), str(body["messages"][-1]["content"])
    team = document["teams"].get(owner["team_id"] or "")
    for holder in filter(None, (owner, team)):
        _require_allowed(holder, asked)
    _require_harmless(document, said)
    limited = [(f"key {hashed(key)}", owner), (f"team {owner['team_id']}", team)]
    for name, holder in limited:
        if holder:
            _count(document, name, holder["rpm_limit"], holder["tpm_limit"], at)
    deployment = _answering(document, asked, at)
    upstream = document["deployments"][deployment].get("upstream", document["deployments"][deployment]["model_name"])
    message = {"role": "assistant", "content": f"{upstream} heard: {said}"}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    return document, {
        "object": "chat.completion",
        "model": asked,
        "choices": choices,
        "usage": {"total_tokens": _TOKENS},
    }


def _require_allowed(holder: JsonObject, model: str) -> None:
    if holder["models"] and model not in holder["models"]:
        raise Refusal(403, f"key not allowed to access model. Tried to access {model}")
    if holder["max_budget"] is not None and holder["spend"] >= holder["max_budget"]:
        raise Refusal(
            422, f"Budget has been exceeded! Current cost: {holder['spend']}, Max budget: {holder['max_budget']}"
        )


def _require_harmless(document: JsonObject, said: str) -> None:
    for name in _active(document):
        params = document["guardrails"][name]["params"]
        for word in params["blocked_words"] or []:
            if word["action"] == "BLOCK" and re.search(rf"\b{re.escape(word['keyword'])}\b", said, re.IGNORECASE):
                raise Refusal(400, f"Content blocked: keyword '{word['keyword']}' detected")
        for pattern in params["patterns"] or []:
            if pattern["action"] == "BLOCK" and pattern.get("pattern") and re.search(pattern["pattern"], said):
                raise Refusal(400, f"Content blocked: {pattern['name']} pattern detected")
        for category in params["categories"] or []:
            if category["enabled"] and _on_topic(document["topics"].get(category["category"], {}), category, said):
                raise Refusal(400, f"Content blocked: {category['category']} detected")


def _active(document: JsonObject) -> list[str]:
    """Return the guardrails that check every request: switched on, or added by a policy that is in force."""
    active = {name for name, each in document["guardrails"].items() if each["params"]["default_on"]}
    for versions in document["policies"].values():
        for version in versions:
            if version["version_status"] == "production":
                active |= set(version["guardrails_add"]) & set(document["guardrails"])
                active -= set(version["guardrails_remove"])
    return sorted(active)


def _on_topic(words: JsonObject, category: JsonObject, said: str) -> bool:
    from_here = _SEVERITIES[: _SEVERITIES.index(category["severity_threshold"]) + 1]
    return any(word in said.lower() for severity in from_here for word in words.get(severity, []))


def _answering(document: JsonObject, asked: str, at: datetime) -> str:
    """Return the deployment that answers: the route's, or that of a fallback when all of its deployments fail."""
    alias = document["router"]["model_group_alias"].get(asked, asked)
    model = alias["model"] if isinstance(alias, dict) else alias
    fallbacks = [to for rule in document["router"]["fallbacks"] for to in rule.get(model, [])]
    for name in (model, *fallbacks):
        serving = _serving(document, name, at)
        if serving:
            return serving
    raise Refusal(500, f"model group '{model}' failed and no fallback answered")


def _serving(document: JsonObject, model: str, at: datetime) -> str | None:
    deployments = {name: each for name, each in document["deployments"].items() if each["model_name"] == model}
    unblocked = {name: each for name, each in deployments.items() if not each["blocked"]}
    if deployments and not unblocked:
        raise Refusal(403, "litellm.PermissionDeniedError: Model is blocked")
    for name, each in unblocked.items():
        if not each["fails"]:
            _count(document, f"model {name}", each["rpm"], each["tpm"], at)
            return str(name)
    return None


def _count(document: JsonObject, name: str, requests: int | None, tokens: int | None, at: datetime) -> None:
    minute = at.strftime("%Y-%m-%dT%H:%M")
    since, seen = document["counted"].get(name, [minute, 0])
    seen = seen if since == minute else 0
    if requests is not None and seen >= requests:
        raise Refusal(429, f"Rate limit exceeded for {name}. Limit type: requests. Current limit: {requests}")
    if tokens is not None and (seen + 1) * _TOKENS > tokens:
        raise Refusal(429, f"Rate limit exceeded for {name}. Limit type: tokens. Current limit: {tokens}")
    document["counted"][name] = [minute, seen + 1]
