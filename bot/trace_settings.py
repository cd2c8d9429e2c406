"""Where traces go: the OpenTelemetry variables that operators set everywhere, checked before anything starts.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
TRACES_HEADERS = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
SERVICE_NAME = "OTEL_SERVICE_NAME"

_PATH = "/v1/traces"
# https://www.rfc-editor.org/rfc/rfc9110#name-tokens, and what may stand in a header's value without folding.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True)
class TraceSettings:
    """A collector.

    Attributes:
        endpoint: The whole address that spans are posted to; it holds no credential.
        headers: What is posted along, as a rule a credential.
        service: What the collector knows this installation as.
    """

    endpoint: str
    headers: Mapping[str, SecretStr]
    service: str

    @property
    def secrets(self) -> frozenset[str]:
        """Every header's value, with and without the scheme before it: `Bearer abc` and `abc`."""
        values = [value.get_secret_value() for value in self.headers.values()]
        return frozenset({*values, *(value.split(" ")[-1] for value in values)})


def read_trace_settings(values: Mapping[str, str], problems: list[str]) -> TraceSettings | None:
    """Return where traces go; `None`, which is nowhere, without an endpoint.

    Args:
        values: The variables above by name; empty for one that is not set.
        problems: What is wrong is added to them.
    """
    own, common = values[TRACES_ENDPOINT], values[ENDPOINT]
    if not own and not common:
        return None
    problems += [
        f"{name} must be an address like http://collector:4318, without account, query or fragment: "
        f"credentials go into {HEADERS}."
        for name in (TRACES_ENDPOINT, ENDPOINT)
        if values[name] and not _is_plain_address(values[name])
    ]
    name = TRACES_HEADERS if values[TRACES_HEADERS] else HEADERS
    return TraceSettings(
        endpoint=own or f"{common.removesuffix('/')}{_PATH}",
        headers=_headers(name, values[name], problems),
        service=values[SERVICE_NAME],
    )


def _is_plain_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(known) and parts.username is None and not parts.query and not parts.fragment and url.isprintable()


def _headers(variable: str, value: str, problems: list[str]) -> dict[str, SecretStr]:
    """Read `name=value,name=value`, each percent-encoded where need be; a problem never shows a value."""
    headers: dict[str, SecretStr] = {}
    for place, entry in enumerate(filter(None, (each.strip() for each in value.split(","))), start=1):
        name, _, written = (part.strip() for part in entry.partition("="))
        said = unquote(written)
        if _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(said):
            headers[name.lower()] = SecretStr(said)
        else:
            problems.append(f"{variable} must be name=value, name=value; entry {place} is not.")
    return headers
