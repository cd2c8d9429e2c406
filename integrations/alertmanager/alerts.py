"""Alertmanager's webhook, version 4, as alerts.

The group's `status` says `firing` as long as one alert fires, so only the status of each alert counts. A repeat has
the same bytes as the delivery before it. Sources:
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and captures of Alertmanager 0.25.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bot.sdk import MAX_LABEL_LENGTH, MAX_LABELS, MAX_TITLE, Alert, AlertStatus, ForeignPayload, digest

_VERSION = "4"
_MAX_TEXT = 4_000
_MAX_GROUP_KEY = 1_000
_MAX_URL = 2_000
_MAX_PLACE = 120
# Alertmanager counts in 64 bits; a longer number would leave no room for the words of the note.
_MAX_LEFT_OUT = 2**64 - 1
_KEPT_CONTROLS = "\n\t"
# Unicode's categories Cc and Cs: controls, and halves of pairs.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_LINKS = frozenset(' <>|"')


def _to_utc_or_unknown(instant: datetime) -> datetime | None:
    """Return Go's zero time as `None`: it means that nobody set it."""
    if instant.year <= 1:
        return None
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the instant is out of range") from error


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    version: str


class _Alert(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    status: AlertStatus
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    started_at: Annotated[AwareDatetime, AfterValidator(_to_utc_or_unknown)] = Field(alias="startsAt")
    generator_url: str = Field(default="", alias="generatorURL")
    fingerprint: str = Field(pattern=r"^[!-~]{1,200}$")


class _Webhook(_Envelope):
    group_key: str = Field(alias="groupKey")
    alerts: list[_Alert]
    truncated: int = Field(default=0, ge=0, le=_MAX_LEFT_OUT, alias="truncatedAlerts")


_Parsed = TypeVar("_Parsed", bound=BaseModel)


def parse(body: bytes, headers: Mapping[str, str], received_at: datetime) -> tuple[Alert, ...]:  # noqa: ARG001 - Alertmanager signs nothing
    """Return the alerts of one webhook, in its order; none when it lists none.

    Raises:
        ForeignPayload: The body is not JSON, not version 4, or lacks what an alert needs; the message says where.
    """
    version = _validated(_Envelope, body).version
    if version != _VERSION:
        raise ForeignPayload(
            f"This is version {_shown(version)} of a webhook; Alertmanager's version {_VERSION} is understood."
        )
    webhook = _validated(_Webhook, body)
    return tuple(_alert(each, webhook, received_at) for each in webhook.alerts)


def _validated(model: type[_Parsed], body: bytes) -> _Parsed:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        where = f" at {_shown(place)}" if place else ""
        raise ForeignPayload(f"This is not an Alertmanager webhook{where}: {first['msg']}.") from error


def _alert(sent: _Alert, webhook: _Webhook, received_at: datetime) -> Alert:
    labels = {_clean(name)[:MAX_LABEL_LENGTH]: _clean(value)[:MAX_LABEL_LENGTH] for name, value in sent.labels.items()}
    title = _clean(sent.annotations.get("summary", "")).strip() or labels.get("alertname", "").strip()
    return Alert(
        source="alertmanager",
        fingerprint=sent.fingerprint,
        group_key=_group_key(webhook.group_key),
        status=sent.status,
        title=title[:MAX_TITLE] or f"Alert {sent.fingerprint}"[:MAX_TITLE],
        text=_text(sent, webhook.truncated),
        labels=dict(sorted(labels.items())[:MAX_LABELS]),
        started_at=sent.started_at,
        received_at=received_at,
        url=_link(sent.generator_url),
    )


def _text(sent: _Alert, truncated: int) -> str:
    description = _clean(sent.annotations.get("description", ""), keep=_KEPT_CONTROLS).strip()
    if not truncated:
        return description[:_MAX_TEXT]
    note = f"Alertmanager left {truncated} more of this group out (its max_alerts)."
    return f"{description[: _MAX_TEXT - len(note) - 2]}\n\n{note}".strip()


def _group_key(sent: str) -> str:
    """Return the key, or its digest when it is too long to keep: cutting it would merge groups."""
    key = _clean(sent)
    return key if len(key) <= _MAX_GROUP_KEY else f"sha256:{digest(key)}"


def _link(sent: str) -> str | None:
    if len(sent) > _MAX_URL or sent != _clean(sent) or not _NOT_IN_LINKS.isdisjoint(sent):
        return None
    try:
        parts = urlsplit(sent)
    except ValueError:
        return None
    return sent if parts.scheme in {"http", "https"} and parts.netloc else None


def _clean(text: str, *, keep: str = "") -> str:
    """Return a text without control characters, which no database column or terminal should meet."""
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else "", text)


def _shown(text: str) -> str:
    """Return foreign text for a refusal: what cannot be printed is left out, a private or turning character too."""
    return "".join(char for char in text if char.isprintable())[:_MAX_PLACE] or "(empty)"
