"""Signature Version 4 against the vectors of AWS's own test suite, of requests to `/` without a query.

Source: aws-sig-v4-test-suite, as https://github.com/awslabs/aws-c-auth holds it; botocore computes the same.
"""

from datetime import UTC, datetime

import pytest

from bot.sdk import SecretStr
from integrations.aws_waf.signing import Credentials, signed

HOST = {"Host": "example.amazonaws.com"}
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"
    "Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAki"
    "Y9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


def credentials(token: str | None = None) -> Credentials:
    return Credentials(
        SecretStr("AKIDEXAMPLE"),
        SecretStr("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        SecretStr(token) if token else None,
        "us-east-1",
        "service",
    )


@pytest.mark.parametrize(
    ("method", "headers", "body", "names", "signature"),
    [
        pytest.param(
            "GET",
            {},
            b"",
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            id="get-vanilla",
        ),
        pytest.param(
            "POST",
            {},
            b"",
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            id="post-vanilla",
        ),
        pytest.param(
            "POST",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            id="post-x-www-form-urlencoded",
        ),
        pytest.param(
            "POST",
            {"My-Header1": "VALUE1"},
            b"",
            "host;my-header1;x-amz-date",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
            id="post-header-value-case",
        ),
        pytest.param(
            "GET",
            {"My-Header1": " value1", "My-Header2": ' "a   b   c"'},
            b"",
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            id="get-header-value-trim",
        ),
    ],
)
def test_a_request_of_the_published_suite_gets_the_published_signature(
    method: str, headers: dict[str, str], body: bytes, names: str, signature: str
) -> None:
    sent = signed(credentials(), method, {**HOST, **headers}, body, AT)
    assert sent["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    assert sent["X-Amz-Date"] == "20150830T123600Z"


def test_a_session_token_is_sent_and_signed_as_post_sts_header_before() -> None:
    sent = signed(credentials(TOKEN), "POST", HOST, b"", AT)
    assert sent["X-Amz-Security-Token"] == TOKEN
    assert sent["Authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    )


def test_another_body_another_time_or_another_key_is_another_signature() -> None:
    first = signed(credentials(), "POST", HOST, b"", AT)["Authorization"]
    assert signed(credentials(), "POST", HOST, b"x", AT)["Authorization"] != first
    assert signed(credentials(), "POST", HOST, b"", AT.replace(second=1))["Authorization"] != first


def test_credentials_do_not_show_themselves() -> None:
    assert not [part for part in ("AKIDEXAMPLE", "wJalrX", TOKEN) if part in repr(credentials(TOKEN))]
