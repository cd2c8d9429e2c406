"""Which variant the simulated fast-feature gives to whom: the parts of JsonLogic that flags are commonly made of.

Buckets differ from the real server's: the simulated one hashes by SHA-256.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from bot.sdk import JsonObject


class NotUnderstood(Exception):
    """The rule uses what the simulator, or fast-feature, does not know."""


def evaluated(key: str, flag: JsonObject, context: Mapping[str, Any]) -> tuple[str, str]:
    """Return the variant and the reason, as OFREP tells it.

    Raises:
        NotUnderstood: The targeting cannot be worked out, or leads to no variant of the flag.
    """
    default: str = flag["default_variant"]
    if flag["state"] == "DISABLED":
        return default, "DISABLED"
    if not flag["targeting"]:
        return default, "STATIC"
    result = _applied(flag["targeting"], {**context, "$flag": {"key": key}})
    if result is None:
        return default, "DEFAULT"
    if not isinstance(result, str) or result not in flag["variants"]:
        raise NotUnderstood(f"targeting resolved to {result!r}, which is not a defined variant")
    return result, "TARGETING_MATCH"


def _applied(rule: Any, data: Mapping[str, Any]) -> Any:
    if isinstance(rule, list):
        return [_applied(each, data) for each in rule]
    if not isinstance(rule, dict) or len(rule) != 1:
        return rule
    ((name, raw),) = rule.items()
    arguments = raw if isinstance(raw, list) else [raw]
    match name:
        case "if" | "?:":
            return _chosen(arguments, data)
        case "fractional":
            return _bucket(arguments, data)
        case "var":
            return _looked_up(str(_applied(arguments[0], data)), data)
        case _:
            return _computed(name, [_applied(each, data) for each in arguments])


def _chosen(arguments: list[Any], data: Mapping[str, Any]) -> Any:
    for place in range(0, len(arguments) - 1, 2):
        if _applied(arguments[place], data):
            return _applied(arguments[place + 1], data)
    return _applied(arguments[-1], data) if len(arguments) % 2 else None


def _looked_up(path: str, data: Mapping[str, Any]) -> Any:
    found: Any = data
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _computed(name: str, values: list[Any]) -> Any:
    operator = _OPERATORS.get(name)
    if operator is None:
        raise NotUnderstood(f"Unrecognized operation {name!r}")
    return operator(*values)


def _bucket(arguments: list[Any], data: Mapping[str, Any]) -> str | None:
    has_key = bool(arguments) and not isinstance(arguments[0], list)
    key = _text(_applied(arguments[0], data)) if has_key else f"{data['$flag']['key']}{data.get('targetingKey', '')}"
    buckets = [(str(name), float(*weight or (1,))) for name, *weight in arguments[has_key:]]
    total = sum(weight for _, weight in buckets)
    if total <= 0:
        return None
    point = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 2**32 * total
    for name, weight in buckets:
        point -= weight
        if point < 0:
            return name
    return buckets[-1][0]


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _is_in(needle: Any, haystack: Any) -> bool:
    if isinstance(haystack, str):
        return _text(needle) in haystack
    return isinstance(haystack, list) and needle in haystack


_OPERATORS: dict[str, Callable[..., Any]] = {
    "==": lambda left, right: _text(left) == _text(right),
    "!=": lambda left, right: _text(left) != _text(right),
    "===": lambda left, right: type(left) is type(right) and left == right,
    "!": lambda value: not value,
    "and": lambda *values: all(values),
    "or": lambda *values: any(values),
    "in": _is_in,
}
