"""What a simulated proxy remembers, and how its admin API changes it; every edit is a pure function of the document.

It accepts what LiteLLM accepts, a limit of -5 and an unknown topic included, and refuses what LiteLLM refuses.
"""

import copy
import re
from collections.abc import Callable
from datetime import datetime

from bot.sdk import JsonObject

Edit = Callable[[JsonObject, datetime], JsonObject]

_LIMITS = ("rpm_limit", "tpm_limit", "max_budget")
_KEY: JsonObject = {"models": [], "blocked": None, **dict.fromkeys(_LIMITS), "spend": 0.0, "team_id": None}
_TEAM: JsonObject = {"models": [], "blocked": False, **dict.fromkeys(_LIMITS), "spend": 0.0}
_DEPLOYMENT: JsonObject = {"db_model": True, "blocked": False, "rpm": None, "tpm": None, "fails": False}
_GUARDRAIL: JsonObject = {"guardrail": "litellm_content_filter", "mode": "pre_call", "default_on": False}
_LISTS: JsonObject = {"blocked_words": None, "patterns": None, "categories": None}
_VERSION: JsonObject = {"version_status": "published", "guardrails_add": [], "guardrails_remove": []}
_ROUTER: JsonObject = {
    "model_group_alias": {},
    "fallbacks": [],
    "optional_pre_call_checks": ["enforce_model_rate_limits"],
    "from_file": ["optional_pre_call_checks"],
}
_WHOLE: JsonObject = {
    "admin_key": "sk-simulated",
    "keys": {},
    "teams": {},
    "deployments": {},
    "guardrails": {},
    "policies": {},
    "settings": {"store_prompts_in_spend_logs": None},
    "topics": {"harmful_self_harm": {"high": ["how to die"], "medium": ["suicide"], "low": ["hopeless"]}},
    "counted": {},
}


class Refusal(Exception):
    """What the simulated LiteLLM answers instead of doing it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def loaded(document: JsonObject) -> JsonObject:
    """Return the document with all that a seed may leave out."""
    whole = {**copy.deepcopy(_WHOLE), **copy.deepcopy(document)}
    whole["router"] = {**copy.deepcopy(_ROUTER), **whole.get("router", {})}
    for part, defaults in (("keys", _KEY), ("teams", _TEAM), ("deployments", _DEPLOYMENT)):
        whole[part] = {name: {**copy.deepcopy(defaults), **each} for name, each in whole[part].items()}
    whole["guardrails"] = {
        name: {
            "id": f"guardrail-{name}",
            "from_file": False,
            **each,
            "params": {**_GUARDRAIL, **_LISTS, **each["params"]},
        }
        for name, each in whole["guardrails"].items()
    }
    whole["policies"] = {
        name: [{"policy_id": f"{name}-{each['version_number']}", **_VERSION, **each} for each in versions]
        for name, versions in whole["policies"].items()
    }
    return whole


def found(document: JsonObject, part: str, name: str, message: str, status: int = 404) -> JsonObject:
    """Return one thing; refused with LiteLLM's words when it is not there."""
    try:
        thing: JsonObject = document[part][name]
    except KeyError as error:
        raise Refusal(status, message) from error
    return thing


def limiting(part: str, name: str, body: JsonObject) -> Edit:
    """Return the edit that writes limits; null clears one, and a negative one is taken."""
    wanted = {limit: _checked(limit, body[limit]) for limit in _LIMITS if limit in body}

    def edit(document: JsonObject, at: datetime) -> JsonObject:
        message = "Key not found." if part == "keys" else f"Team not found, passed team_id={name}"
        found(document, part, name, message).update(wanted, changed_at=at.isoformat())
        return document

    return edit


def _checked(limit: str, value: object) -> object:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(422, f"{limit}: Input should be a valid number")
    if limit == "max_budget":
        if value < 0:
            raise Refusal(400, f"max_budget must be a non-negative finite number. Received: {value}")
        return float(value)
    if value != int(value):
        raise Refusal(422, f"{limit}: Input should be a valid integer, got a number with a fractional part")
    return int(value)


def blocking_key(key: str, *, blocked: bool) -> Edit:
    """Return the edit that blocks or unblocks a key."""

    def edit(document: JsonObject, at: datetime) -> JsonObject:
        if not re.fullmatch(r"[0-9a-f]{64}", key):
            raise Refusal(400, "Invalid key format.")
        found(document, "keys", key, "Key not found.").update(blocked=blocked, changed_at=at.isoformat())
        return document

    return edit


def changing_model(model_id: str, changed: JsonObject) -> Edit:
    """Return the edit of a deployment; LiteLLM ignores a null, so a limit cannot be taken away."""

    def edit(document: JsonObject, at: datetime) -> JsonObject:
        deployment = found(document, "deployments", model_id, f"Model {model_id} not found on proxy.")
        if not deployment["db_model"]:
            raise Refusal(400, "Cannot edit config-based model. Store model in DB via /model/new first.")
        deployment.update({name: value for name, value in changed.items() if value is not None})
        deployment["changed_at"] = at.isoformat()
        return document

    return edit


def routing(settings: JsonObject) -> Edit:
    """Return the edit of the router's settings; each given one replaces the old one as a whole."""

    def edit(document: JsonObject, at: datetime) -> JsonObject:
        owned = sorted(set(settings) & set(document["router"]["from_file"]))
        if owned:
            raise Refusal(
                400, f"router_settings key '{owned[0]}' is set in the config file and cannot be changed here."
            )
        document["router"].update(settings, changed_at=at.isoformat())
        return document

    return edit


def falling_back(model: str, to: list[str]) -> Edit:
    """Return the edit that sets a model's fallbacks, or removes them if there are none."""

    def edit(document: JsonObject, at: datetime) -> JsonObject:
        names = {each["model_name"] for each in document["deployments"].values()}
        rules = [rule for rule in document["router"]["fallbacks"] if model not in rule]
        if not to:
            if len(rules) == len(document["router"]["fallbacks"]):
                raise Refusal(404, f"No general fallbacks configured for model '{model}'")
            return routing({"fallbacks": rules})(document, at)
        if model not in names:
            raise Refusal(404, f"Model '{model}' not found in router")
        unknown = [name for name in to if name not in names]
        if unknown or model in to:
            raise Refusal(400, f"Invalid fallback models: {unknown or to}")
        return routing({"fallbacks": [*rules, {model: to}]})(document, at)

    return edit


def changing_guardrail(guardrail_id: str, params: JsonObject) -> Edit:
    """Return the edit of a guardrail's parameters; each given one replaces the old one as a whole."""
    normal = dict(params)
    if normal.get("blocked_words"):
        normal["blocked_words"] = [{"description": None, **word} for word in normal["blocked_words"]]
    if normal.get("categories"):
        usual = {"enabled": True, "severity_threshold": "medium", "category_file": None}
        normal["categories"] = [{**usual, **category} for category in normal["categories"]]
    for pattern in normal.get("patterns") or []:
        try:
            re.compile(pattern.get("pattern") or "")
        except re.error as error:
            raise Refusal(422, f"Invalid guardrail configuration, update rejected: {error}") from error

    def edit(document: JsonObject, at: datetime) -> JsonObject:
        for guardrail in document["guardrails"].values():
            if guardrail["id"] == guardrail_id and not guardrail["from_file"]:
                guardrail["params"].update(normal)
                guardrail["changed_at"] = at.isoformat()
                return document
        raise Refusal(404, f"Guardrail with ID {guardrail_id} not found")

    return edit


def promoting(policy_id: str, status: str) -> Edit:
    """Return the edit that puts a version of a policy in force, and takes the present one out."""

    def edit(document: JsonObject, at: datetime) -> JsonObject:
        versions = next(
            (each for each in document["policies"].values() if any(one["policy_id"] == policy_id for one in each)), None
        )
        if versions is None:
            raise Refusal(404, f"Error updating version status: Policy with ID {policy_id} not found")
        chosen = next(each for each in versions if each["policy_id"] == policy_id)
        if status != "production" or chosen["version_status"] != "published":
            raise Refusal(400, f"Error updating version status: cannot promote '{chosen['version_status']}'.")
        for each in versions:
            if each["version_status"] == "production":
                each["version_status"] = "published"
        chosen.update(version_status="production", production_at=at.isoformat())
        return document

    return edit


def setting(name: str, value: object) -> Edit:
    """Return the edit of a general setting; `None` unsets it."""

    def edit(document: JsonObject, at: datetime) -> JsonObject:  # noqa: ARG001 - no instant is kept of it
        if name not in document["settings"]:
            raise Refusal(400, f"Invalid field={name} passed in.")
        document["settings"][name] = value
        return document

    return edit
