"""Bearer credentials: compared in constant time, kept as digests, never taken from an address.

An address ends up in access logs and proxies, so `?token=` is no credential (https://www.rfc-editor.org/rfc/rfc6750#section-2.3).
"""

import hashlib
import hmac
from collections.abc import Iterable

from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import Request

_SCHEME = "bearer"


class Credentials:
    """The tokens that open one door; an empty token opens none."""

    def __init__(self, tokens: Iterable[SecretStr]) -> None:
        """Take the tokens; only their digests stay."""
        secrets = (token.get_secret_value().encode() for token in tokens)
        self._digests = tuple(hashlib.sha256(secret).digest() for secret in secrets if secret)

    @property
    def open_nothing(self) -> bool:
        """Whether there is no token at all."""
        return not self._digests

    def accept(self, request: Request) -> bool:
        """Whether a request carries one of the tokens."""
        presented = hashlib.sha256(bearer(request)).digest()
        # A sum compares with every digest; `any` would stop early and so tell which one fits.
        return bool(sum(hmac.compare_digest(presented, digest) for digest in self._digests))

    def check(self, request: Request) -> None:
        """Let a request pass that carries one of the tokens.

        Raises:
            HTTPException: 401; it does not say whether the token was missing, malformed or wrong.
        """
        if not self.accept(request):
            raise unauthorized()


def unauthorized() -> HTTPException:
    """Return the answer to whoever shows no credential that opens this."""
    return HTTPException(
        401,
        "This needs the header `Authorization: Bearer <token>` with a token that is in force.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def bearer(request: Request) -> bytes:
    """Return the presented token; empty, which opens nothing, unless exactly one is well-formed."""
    presented = request.headers.getlist("Authorization")
    scheme, _, token = (presented[0] if len(presented) == 1 else "").partition(" ")
    return token.strip().encode("latin-1") if scheme.lower() == _SCHEME else b""
