"""Settings, read once from the environment with the prefix `STANCH_`, and for traces with OpenTelemetry's own names.

Every secret may come from a file instead, named by its `_FILE` twin.
All that is missing or contradictory is reported at once, each with what to set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from bot.errors import SettingsError
from bot.logs import FORMATS
from bot.trace_settings import (
    ENDPOINT,
    HEADERS,
    SERVICE_NAME,
    TRACES_ENDPOINT,
    TRACES_HEADERS,
    TraceSettings,
    read_trace_settings,
)

PREFIX = "STANCH_"
_STANDARD_PREFIX = "OTEL_"
SLACK_API = "https://slack.com/api/"
_ALERT_TOKEN = f"{PREFIX}ALERT_TOKEN_"
_CONNECTION = f"{PREFIX}CONNECTION_"
_MIN_SECRET_LENGTH = 16


@dataclass(frozen=True)
class Setting:
    """One documented setting; `default` is `None` when it must be set."""

    name: str
    default: str | None
    meaning: str
    secret: bool = False

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return self.name if self.name.startswith(_STANDARD_PREFIX) else f"{PREFIX}{self.name}"


SETTINGS = (
    Setting(
        "DATABASE_URL",
        "sqlite:///var/stanch.db",
        "Where Stanch keeps everything: `sqlite:///path` or `postgresql://...`",
        secret=True,
    ),
    Setting("SLACK_BOT_TOKEN", None, "Bot token of the Slack app, `xoxb-...`", secret=True),
    Setting(
        "SLACK_APP_TOKEN",
        "",
        "App-level token, `xapp-...`: Slack is heard over Socket Mode. This or the signing secret must be set",
        secret=True,
    ),
    Setting(
        "SLACK_SIGNING_SECRET",
        "",
        "Signing secret of the Slack app: Slack posts to `/slack/events`, in place of Socket Mode",
        secret=True,
    ),
    Setting("SLACK_API_URL", SLACK_API, "Base URL of Slack's Web API; the local workspace's in rehearsals"),
    Setting("SLACK_COMMAND", "/incident", "The slash command, as the app manifest declares it"),
    Setting("TRIAGE_CHANNEL", "ai-alerts", "Name or id of the channel that gets one card for each alert group"),
    Setting("CONNECTIONS", "", "YAML file of the connections that runbooks act through; none without it"),
    Setting("CONTENT", "", "Folder with your own `runbooks/` and `playbooks/`, beside the shipped ones"),
    Setting("HOST", "127.0.0.1", "Address that alerts and the API are served on"),
    Setting("PORT", "8085", "Port that alerts and the API are served on; 0 takes a free one"),
    Setting(
        "API_TOKEN",
        "",
        "Bearer credential by which programs read the JSON API, 16 characters or more; people have tokens of their own",
        secret=True,
    ),
    Setting("TOKEN_DAYS", "30", "How many days a personal token for the terminal is in force, 1 to 365"),
    Setting("LOG_FORMAT", FORMATS[0], "How log lines are written to standard error: `text`, or `json` for a collector"),
    Setting(
        "TIMELINE_KEY",
        None,
        "Key that signs timeline heads, 16 characters or more; keep it out of the database",
        secret=True,
    ),
    Setting(
        ENDPOINT, "", "Base address of an OpenTelemetry collector (OTLP over HTTP): traces go to `/v1/traces` there"
    ),
    Setting(
        TRACES_ENDPOINT, "", "Whole address that traces go to, in place of the one before; no traces without either"
    ),
    Setting(HEADERS, "", "Headers for the collector, as a rule its credential: `name=value,name=value`", secret=True),
    Setting(TRACES_HEADERS, "", "The same for traces alone, in place of the ones before", secret=True),
    Setting(SERVICE_NAME, "stanch", "What traces name this installation"),
)
PATTERNS = (
    Setting(
        "ALERT_TOKEN_<SOURCE>",
        None,
        "Bearer token that an alert source must send, such as `STANCH_ALERT_TOKEN_ALERTMANAGER`; two while one is "
        "being replaced, with a comma between them; a source without one is not accepted",
        secret=True,
    ),
    Setting(
        "CONNECTION_<NAME>_<SETTING>",
        None,
        "A secret of a connection, such as `STANCH_CONNECTION_UNLEASH_TOKEN`",
        secret=True,
    ),
)

SERVER_URL = Setting("SERVER_URL", None, "Address at which Stanch serves its API, such as `https://stanch.example.com`")
TOKEN = Setting("TOKEN", None, "Your personal token; `/incident token` in Slack issues one", secret=True)
TERMINAL_SETTINGS = (SERVER_URL, TOKEN)
"""Read by the commands of the terminal; whoever runs Stanch may have them beside its own."""


@dataclass(frozen=True)
class Settings:
    """What the environment said.

    Attributes:
        slack_app_token: Of this and the signing secret, one is set.
        traces: Where traces go; `None` for nowhere.
        alert_tokens: Accepted bearer tokens by source.
        connection_secrets: Values by `<NAME>_<SETTING>` in lower case.
    """

    database_url: SecretStr
    slack_bot_token: SecretStr
    slack_app_token: SecretStr | None
    slack_signing_secret: SecretStr | None
    slack_api_url: str
    slack_command: str
    triage_channel: str
    connections: Path | None
    content: Path | None
    host: str
    port: int
    log_format: str
    api_token: SecretStr | None
    token_lasts: timedelta
    timeline_key: SecretStr
    traces: TraceSettings | None
    alert_tokens: Mapping[str, tuple[SecretStr, ...]]
    connection_secrets: Mapping[str, SecretStr]

    @property
    def slack_is_local(self) -> bool:
        """Whether Slack is played by a workspace on this machine, where anybody can be anyone."""
        return is_loopback(self.slack_api_url)

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret value, the database's password included: what no log may hold."""
        alone = [self.slack_bot_token, self.slack_app_token, self.slack_signing_secret, self.api_token]
        alone += [self.timeline_key, *self.connection_secrets.values()]
        tokens = [token for source in self.alert_tokens.values() for token in source]
        password = urlsplit(self.database_url.get_secret_value()).password or ""
        named = {each.get_secret_value() for each in (*alone, *tokens) if each}
        sent = self.traces.secrets if self.traces else frozenset[str]()
        return frozenset({*named, *sent, password, unquote(password)})


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read and check all settings.

    Raises:
        SettingsError: Names every problem with what to set.
    """
    return _Reader(environ).read()


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine: by address, as `localhost`, or as a Unix socket."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return True
    host = parts.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secret_from(environ: Mapping[str, str], variable: str, problems: list[str]) -> str | None:
    """Return a secret from its variable or the file that its twin names; add what is wrong to `problems`."""
    value, path = environ.get(variable), environ.get(f"{variable}_FILE")
    if value is not None and path is not None:
        problems.append(f"{variable} and {variable}_FILE are both set: keep one.")
    if value is not None or path is None:
        return value
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{variable}_FILE names {path}, which cannot be read: {error}.")
        return ""


class _Reader:
    """Collects values and problems."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        # The standard takes an empty variable for one that is not set.
        self._environ |= {name: value for name, value in environ.items() if name.startswith(_STANDARD_PREFIX) and value}
        self._problems: list[str] = []

    def read(self) -> Settings:
        values = {setting.name: self._value(setting) for setting in SETTINGS}
        self._refuse_unknown()
        self._one_way_to_hear_slack(values)
        settings = Settings(
            database_url=SecretStr(values["DATABASE_URL"]),
            slack_bot_token=SecretStr(values["SLACK_BOT_TOKEN"]),
            slack_app_token=SecretStr(values["SLACK_APP_TOKEN"]) if values["SLACK_APP_TOKEN"] else None,
            slack_signing_secret=self._secret("SLACK_SIGNING_SECRET", values),
            slack_api_url=self._base_url(values["SLACK_API_URL"]),
            slack_command=self._command(values["SLACK_COMMAND"]),
            triage_channel=values["TRIAGE_CHANNEL"].lstrip("#"),
            connections=self._existing("CONNECTIONS", values),
            content=self._existing("CONTENT", values),
            host=values["HOST"],
            port=self._number("PORT", values, 0, 65_535),
            log_format=self._log_format(values["LOG_FORMAT"]),
            api_token=self._secret("API_TOKEN", values),
            token_lasts=timedelta(days=self._number("TOKEN_DAYS", values, 1, 365)),
            timeline_key=self._secret("TIMELINE_KEY", values) or SecretStr(""),
            traces=read_trace_settings(values, self._problems),
            alert_tokens=self._alert_tokens(),
            connection_secrets=self._prefixed(_CONNECTION),
        )
        if self._problems:
            raise SettingsError("\n".join(sorted(self._problems)))
        return settings

    def _value(self, setting: Setting) -> str:
        value = self._raw(setting.variable) if setting.secret else self._environ.get(setting.variable)
        if value is None and setting.default is None:
            twin = f" (or {setting.variable}_FILE)" if setting.secret else ""
            self._problems.append(f"{setting.variable} is missing: set it{twin}. {setting.meaning}.")
        return value if value is not None else setting.default or ""

    def _raw(self, variable: str) -> str | None:
        return secret_from(self._environ, variable, self._problems)

    def _prefixed(self, prefix: str) -> dict[str, SecretStr]:
        names = {name.removesuffix("_FILE") for name in self._environ if name.startswith(prefix)}
        return {name.removeprefix(prefix).lower(): SecretStr(self._raw(name) or "") for name in sorted(names)}

    def _alert_tokens(self) -> dict[str, tuple[SecretStr, ...]]:
        tokens: dict[str, tuple[SecretStr, ...]] = {}
        for source, value in self._prefixed(_ALERT_TOKEN).items():
            each = [token.strip() for token in value.get_secret_value().split(",")]
            if any(len(token) < _MIN_SECRET_LENGTH for token in each):
                self._problems.append(
                    f"{_ALERT_TOKEN}{source.upper()}: a token needs {_MIN_SECRET_LENGTH} characters or more."
                )
            tokens[source] = tuple(SecretStr(token) for token in each)
        return tokens

    def _secret(self, name: str, values: Mapping[str, str]) -> SecretStr | None:
        value = values[name]
        if value and len(value) < _MIN_SECRET_LENGTH:
            self._problems.append(f"{PREFIX}{name} is too short: use {_MIN_SECRET_LENGTH} characters or more.")
        return SecretStr(value) if value else None

    def _one_way_to_hear_slack(self, values: Mapping[str, str]) -> None:
        socket, posted = f"{PREFIX}SLACK_APP_TOKEN", f"{PREFIX}SLACK_SIGNING_SECRET"
        if values["SLACK_APP_TOKEN"] and values["SLACK_SIGNING_SECRET"]:
            self._problems.append(
                f"{socket} and {posted} are both set: keep the first for Socket Mode, else the second."
            )
        elif not values["SLACK_APP_TOKEN"] and not values["SLACK_SIGNING_SECRET"]:
            self._problems.append(
                f"{socket} is missing: set it (or {socket}_FILE) for Socket Mode, or set {posted} (or {posted}_FILE) "
                "to have Slack post its requests."
            )

    def _base_url(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
            self._problems.append(f"{PREFIX}SLACK_API_URL must be https, or http on this machine; it is {url!r}.")
        return url if url.endswith("/") else f"{url}/"

    def _command(self, command: str) -> str:
        if not command.startswith("/") or " " in command or len(command) < 2:
            self._problems.append(
                f"{PREFIX}SLACK_COMMAND must be a slash and one word, like /incident; it is {command!r}."
            )
        return command

    def _existing(self, name: str, values: Mapping[str, str]) -> Path | None:
        if not values[name]:
            return None
        path = Path(values[name])
        if not path.exists():
            self._problems.append(f"{PREFIX}{name} names {path}, which does not exist.")
        return path

    def _number(self, name: str, values: Mapping[str, str], least: int, most: int) -> int:
        value = values[name]
        if value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most:
            return int(value)
        self._problems.append(f"{PREFIX}{name} must be a number from {least} to {most}; it is {value!r}.")
        return least

    def _log_format(self, value: str) -> str:
        if value not in FORMATS:
            self._problems.append(f"{PREFIX}LOG_FORMAT must be {' or '.join(FORMATS)}; it is {value!r}.")
        return value

    def _refuse_unknown(self) -> None:
        settings = (*SETTINGS, *TERMINAL_SETTINGS)
        known = {setting.variable for setting in settings}
        known |= {f"{setting.variable}_FILE" for setting in settings if setting.secret}
        for variable in sorted(self._environ):
            ours = variable.startswith(PREFIX) and not variable.startswith((_ALERT_TOKEN, _CONNECTION))
            if ours and variable not in known:
                self._problems.append(f"{variable} is not a setting of Stanch: remove it, or mend its name.")
