"""What a simulated feature serves to an identity: the first override of a segment that it is in, else the default.

Identities fall into other shares than with the real one, and always into the same.
"""

import hashlib

from integrations.flagsmith.client import Scalar
from integrations.flagsmith.flags import Flags, State


def evaluated(flags: Flags, name: str, key: str, identity: str | None) -> tuple[bool, Scalar]:
    """Return whether a feature is on for an identity, and its value; without one, what everybody is served."""
    served = flags.served(name, key)
    if identity is None:
        return served.default.enabled, served.default.value
    state = served.default
    for segment, override in served.overrides.items():
        if identity in flags.segments[segment].identities:
            state = override
            break
    return state.enabled, _value(flags, name, state, identity)


def _value(flags: Flags, name: str, state: State, identity: str) -> Scalar:
    place = int(hashlib.md5(f"{name},{identity}".encode(), usedforsecurity=False).hexdigest(), 16) % 10_000 / 100
    reached = 0.0
    for option in flags.features[name].options:
        reached += state.shares.get(option.id, 0)
        if place < reached:
            return option.value
    return state.value
