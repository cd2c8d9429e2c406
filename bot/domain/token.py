"""A personal token: what proves in the terminal who somebody is, as Slack does everywhere else.

Only a digest of it is kept. A plain SHA-256 is enough, because nobody chose the secret: 32 random bytes cannot be tried
out, however fast the hash is.
"""

import hashlib
import hmac
from typing import Self

from bot.domain.values import Instant, Value

PREFIX = "stanch"
MOST = 3
"""How many of one person are in force at once."""


class Token(Value):
    """One personal token.

    Attributes:
        name: What it is called when it is listed, revoked or logged; it opens nothing.
        user_id: The Slack user who acts with it.
        digest: SHA-256 of the whole token, in hex.
        revoked_by: Slack user id.
    """

    name: str
    user_id: str
    digest: str
    issued_at: Instant
    expires_at: Instant
    revoked_at: Instant | None = None
    revoked_by: str | None = None

    def is_in_force(self, at: Instant) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and at < self.expires_at

    def is_told_by(self, presented: str) -> bool:
        """Whether somebody presented this very token; takes the same time whatever they presented."""
        return hmac.compare_digest(self.digest, digest_of(presented))

    def revoked(self, by: str, at: Instant) -> Self:
        """Return a copy that opens nothing any more."""
        return self.changed(revoked_at=at, revoked_by=by)


def spelled(name: str, secret: str) -> str:
    """Return a token as people keep it: `stanch_<name>_<secret>`."""
    return f"{PREFIX}_{name}_{secret}"


def name_in(presented: str) -> str | None:
    """Return the name in what somebody presented; `None` when it is no token, whatever is in it."""
    match presented.split("_", 2):
        case [prefix, name, secret] if prefix == PREFIX and name.isalnum() and name.isascii() and secret:
            return name
        case _:
            return None


def digest_of(presented: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(presented.encode(errors="surrogatepass")).hexdigest()
