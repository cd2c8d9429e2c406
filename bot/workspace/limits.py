"""Slack's limits, as numbers with their source; a test may replace those that cost time.

Sizes: https://docs.slack.dev/reference/block-kit and https://docs.slack.dev/reference/methods/chat.postMessage
"""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict


class Limits(BaseModel):
    """What the workspace enforces.

    `post_burst` messages may follow one another in a channel before `post_rate` (a second) applies; 0 switches the
    rate limit off. https://docs.slack.dev/apis/web-api/rate-limits - `file_bytes` is what this process may hold of one
    file in memory; Slack takes more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ack_within: timedelta = timedelta(seconds=3)
    trigger_lives: timedelta = timedelta(seconds=3)
    socket_ticket_lives: timedelta = timedelta(seconds=30)
    response_url_lives: timedelta = timedelta(minutes=30)
    response_url_uses: int = 5
    retry_pauses: tuple[timedelta, ...] = (timedelta(0), timedelta(minutes=1), timedelta(minutes=5))
    sign_in_code_lives: timedelta = timedelta(minutes=10)
    id_token_lives: timedelta = timedelta(minutes=5)
    post_rate: float = 1.0
    post_burst: int = 5
    sockets: int = 10
    file_bytes: int = 50_000_000
    stacked_views: int = 3
    requests_kept: int = 20_000


MESSAGE_TEXT = 40_000
MESSAGE_BLOCKS = 50
ATTACHMENTS = 100
METADATA_BYTES = 16_000
VIEW_BLOCKS = 100
VIEW_BYTES = 250_000
VIEW_TITLE = 24
VIEW_BUTTON = 24
PRIVATE_METADATA = 3_000
CALLBACK_ID = 255
CHANNEL_NAME = 80
TOPIC = 250
PINS = 100
