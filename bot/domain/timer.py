"""An instant at which something must be looked at again.

The row is the truth and its wake-up only a knock: moving a timer raises its generation, and a knock of an older
generation finds nothing.
"""

from bot.domain.values import Instant, Value


class Timer(Value):
    """One timer; `job` is run for `subject` when `due_at` has passed."""

    key: str
    job: str
    subject: str
    due_at: Instant
    generation: int = 1
