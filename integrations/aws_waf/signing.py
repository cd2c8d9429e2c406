"""AWS Signature Version 4 of a POST or GET to the root of a service, as the JSON services of AWS are called.

Own code, because botocore, whose signer is the well-kept one, costs every start 20 MB and half a second whether or not
anybody uses AWS, and the small libraries have no releases or no users. The tests hold it to the vectors that AWS
publishes and to a server that checks signatures with botocore.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.sdk import SecretStr

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """Whose signature it is, and for which service.

    Attributes:
        session_token: Of credentials that last for some hours; `None` for those of a user.
    """

    access_key_id: SecretStr
    secret_access_key: SecretStr
    session_token: SecretStr | None
    region: str
    service: str


def signed(
    credentials: Credentials, method: str, headers: Mapping[str, str], body: bytes, at: datetime
) -> dict[str, str]:
    """Return the headers of a signed request.

    Args:
        credentials: Who signs.
        method: Of a request to `/` without a query.
        headers: All that are to be signed, `Host` included.
        body: Exactly as it is sent.
        at: When; AWS refuses what is more than five minutes from its own clock.
    """
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "X-Amz-Date": stamp}
    if credentials.session_token:
        sent["X-Amz-Security-Token"] = credentials.session_token.get_secret_value()
    canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    names = ";".join(sorted(canonical))
    lines = "".join(f"{name}:{canonical[name]}\n" for name in sorted(canonical))
    request = "\n".join([method, "/", "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{credentials.region}/{credentials.service}/aws4_request"
    text = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signature = hmac.new(_key(credentials, stamp[:8]), text.encode(), hashlib.sha256).hexdigest()
    whose = f"Credential={credentials.access_key_id.get_secret_value()}/{scope}"
    return {**sent, "Authorization": f"{_ALGORITHM} {whose}, SignedHeaders={names}, Signature={signature}"}


def _key(credentials: Credentials, day: str) -> bytes:
    key = f"AWS4{credentials.secret_access_key.get_secret_value()}".encode()
    for part in (day, credentials.region, credentials.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
