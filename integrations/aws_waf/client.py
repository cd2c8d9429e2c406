"""The calls of the WAFv2 API that the actions make, and what the actions share.

WAF hands out a lock token with every read and refuses a write with an old one (`WAFOptimisticLockException`): a write
is conditional on all that was read. It answers 400 to nearly everything that it refuses; the kind of refusal is in the
body.
Source: https://docs.aws.amazon.com/waf/latest/APIReference/, checked against botocore's model of the API.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx
from pydantic import Field

from bot.sdk import (
    AuthFailed,
    ConnectionSettings,
    Guard,
    JsonObject,
    RateLimited,
    Rejected,
    SecretStr,
    Unavailable,
    Value,
    request,
)
from integrations.aws_waf.signing import Credentials, signed

NAME = "aws_waf"
TITLE = "AWS WAF"
SERVICE = "wafv2"
TARGET = "AWSWAF_20190729"
CONTENT_TYPE = "application/x-amz-json-1.1"
# Names and ids. WAF's own `\w` with a count in it would cost every start 18 MB: all letters of Unicode, 128 times.
ENTITY = r"^[A-Za-z0-9_-]+$"

_KIND = re.compile(r'"__type"\s*:\s*"(?:[^"#]*#)?(\w+)"')
_REFUSED_CREDENTIALS = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_TOO_MANY = frozenset({"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})


class Settings(ConnectionSettings):
    """Which region's WAF, and the credentials of a user or a session.

    Attributes:
        url: Without a path, because the signature is of a request to the root.
        region: As signatures name it; `us-east-1` for web ACLs of CloudFront.
    """

    url: str = Field(pattern=r"^https?://[^\s/?#]+/?$")
    region: str = Field(pattern=r"^[a-z]{2,}(-[a-z]+)+-\d$")
    access_key_id: SecretStr
    secret_access_key: SecretStr
    session_token: SecretStr | None = None


class EntityRef(Value):
    """A web ACL or an IP set, as WAF names it."""

    scope: Literal["REGIONAL", "CLOUDFRONT"]
    name: str = Field(pattern=ENTITY, max_length=128)
    id: str = Field(pattern=ENTITY, max_length=36)

    @property
    def named(self) -> JsonObject:
        """What every call about it holds."""
        return {"Name": self.name, "Scope": self.scope, "Id": self.id}


@dataclass(frozen=True)
class Locked:
    """A web ACL or an IP set as read, and the token that a write of it must show."""

    entity: JsonObject
    token: str


class WafApi:
    """The WAFv2 API."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._credentials = Credentials(
            settings.access_key_id, settings.secret_access_key, settings.session_token, settings.region, SERVICE
        )

    async def get(self, operation: str, entity: str, ref: EntityRef) -> Locked:
        """Return an entity with its token.

        Raises:
            Rejected: There is none.
        """
        body = await self.call(operation, ref.named)
        found, token = (body.get(entity), body.get("LockToken")) if isinstance(body, dict) else (None, None)
        if not isinstance(found, dict) or not isinstance(token, str):
            raise Unavailable(NAME, operation, "the answer is not that of AWS WAF")
        return Locked(found, token)

    async def call(self, operation: str, body: JsonObject) -> object:
        """Make one signed call and return its JSON body.

        Raises:
            AuthFailed: Also for the refusals of a credential that AWS answers with 400.
            RateLimited: Also for a throttled call, which AWS answers with 400.
        """
        content = json.dumps(body).encode()
        named = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": f"{TARGET}.{operation}"}
        host = self._client.base_url.netloc.decode()
        headers = signed(self._credentials, "POST", {"Host": host, **named}, content, datetime.now(UTC))
        try:
            return await request(self._client, NAME, operation, "POST", "/", content=content, headers=headers)
        except Rejected as refusal:
            kind = _KIND.search(str(refusal))
            if kind and kind[1] in _REFUSED_CREDENTIALS:
                raise AuthFailed(NAME, operation, f"the credential was refused ({kind[1]})") from refusal
            if kind and kind[1] in _TOO_MANY:
                raise RateLimited(NAME, operation, retry_after=timedelta(seconds=1)) from refusal
            raise


class WafAction(ABC):
    """Reads one entity, and writes it only as it was read."""

    name: str
    reversible = True
    guard = Guard.CONDITIONAL
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = WafApi(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what the action manages."""
        return self._state(ref, (await self._look(ref)).entity)

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - WAF takes none
        """Write `after` in one call, nothing if it is so already.

        Raises:
            Rejected: It reads neither as `before` nor as `after`, or somebody wrote between this read and the write.
        """
        seen = await self._look(ref)
        current = self._state(ref, seen.entity)
        if current == after:
            return
        if current != before:
            raise Rejected(NAME, "compare", status=409, detail="somebody else changed it; nothing was written")
        await self._write(ref, seen, after)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free."""
        return ()

    @abstractmethod
    async def _look(self, ref: JsonObject) -> Locked:
        """Return the entity."""

    @abstractmethod
    def _state(self, ref: JsonObject, entity: JsonObject) -> JsonObject:
        """Return what the action manages of it."""

    @abstractmethod
    async def _write(self, ref: JsonObject, seen: Locked, after: JsonObject) -> None:
        """Bring the entity from what was seen to `after`."""
