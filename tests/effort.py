"""How much Hypothesis tries: a few examples, always the same, in the ordinary suite; many new ones in `make fuzz`."""

from hypothesis import settings

ORDINARY, LONG = "ordinary", "long"
_USUAL_EXAMPLES = 100
_TIMES_LONGER = 40

settings.register_profile(ORDINARY, max_examples=_USUAL_EXAMPLES, deadline=None, derandomize=True)
settings.register_profile(
    LONG, settings.get_profile(ORDINARY), max_examples=_USUAL_EXAMPLES * _TIMES_LONGER, derandomize=False
)
settings.load_profile(ORDINARY)


def examples(few: int) -> int:
    """Return how many examples a test tries that tries a few in the ordinary suite."""
    return few * settings().max_examples // _USUAL_EXAMPLES
