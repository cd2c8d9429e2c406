"""What the actions read of a feature in an environment.

A reading holds what everybody is served, and what each segment is that overrides it. Variants go by their value, in
percent; what they leave is served the feature's own value. Of an override that is off the shares are not read: nobody
gets them, and a new override's are Flagsmith's to set. Overrides stand in the order in which they win.
"""

import json

from bot.sdk import JsonObject, digest
from integrations.flagsmith.client import FeatureState, Flag, Scalar

_LONG = 100


def reading(flag: Flag) -> JsonObject:
    """Return what is read of a feature."""
    names = variants(flag)
    return {
        "archived": flag.archived,
        "default": _served(flag.default, names),
        "overrides": {str(override.segment): _overriding(override.state, names) for override in flag.overrides},
    }


def variants(flag: Flag) -> dict[int, str]:
    """Return what people call a feature's variants: their values, which need not differ."""
    names: dict[int, str] = {}
    for option, value in flag.options.items():
        name = shown(value)
        names[option] = f"{name} ({option})" if name in names.values() else name
    return names


def shown(value: Scalar) -> str:
    """Return a value in a short spelling that is another one when the value is."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}... ({digest(value)[:12]})"


def plain(share: float) -> float:
    """Return a percentage as people write it: 10, not 10.0."""
    return int(share) if float(share).is_integer() else share


def _served(state: FeatureState, names: dict[int, str]) -> JsonObject:
    shares = {share.multivariate_feature_option: share.percentage_allocation for share in state.shares}
    return {
        "enabled": state.enabled,
        "value": state.value,
        "variants": {name: plain(shares.get(option, 0)) for option, name in names.items()},
    }


def _overriding(state: FeatureState, names: dict[int, str]) -> JsonObject:
    served = _served(state, names)
    return served if state.enabled else {**served, "variants": {}}
