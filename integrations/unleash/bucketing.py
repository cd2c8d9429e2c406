"""Unleash's own assignment of users to percentages.

The same user lands in the same place in every SDK, in the server and in the simulator.

Source: https://docs.getunleash.io/concepts/stickiness and the seeds of Unleash's SDKs.
"""

_STRATEGY_SEED = 0
_VARIANT_SEED = 86_028_157
_MASK = 0xFFFFFFFF


def percent_of(identity: str, group: str) -> int:
    """Return a user's place in a rollout, 1 to 100; the user is in when it is not above the percentage."""
    return _normalized(identity, group, 100, _STRATEGY_SEED)


def weight_of(identity: str, group: str, total: int) -> int:
    """Return a user's place among variants whose weights add up to `total`, 1 to `total`."""
    return _normalized(identity, group, total, _VARIANT_SEED)


def _normalized(identity: str, group: str, size: int, seed: int) -> int:
    return _murmur3(f"{group}:{identity}".encode(), seed) % size + 1


def _murmur3(data: bytes, seed: int) -> int:
    """Return the 32-bit x86 variant of MurmurHash3, which is in the public domain."""
    state = seed
    tail_start = len(data) - len(data) % 4
    for start in range(0, tail_start, 4):
        state ^= _scrambled(int.from_bytes(data[start : start + 4], "little"))
        state = (_rotated(state, 13) * 5 + 0xE6546B64) & _MASK
    state ^= _scrambled(int.from_bytes(data[tail_start:], "little"))
    return _finished(state ^ len(data))


def _scrambled(block: int) -> int:
    return (_rotated((block * 0xCC9E2D51) & _MASK, 15) * 0x1B873593) & _MASK


def _rotated(value: int, by: int) -> int:
    return ((value << by) | (value >> (32 - by))) & _MASK


def _finished(state: int) -> int:
    state = ((state ^ (state >> 16)) * 0x85EBCA6B) & _MASK
    state = ((state ^ (state >> 13)) * 0xC2B2AE35) & _MASK
    return state ^ (state >> 16)
