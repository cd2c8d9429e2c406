import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import PATTERNS, SETTINGS, TERMINAL_SETTINGS, Setting, read_settings
from bot.trace_settings import TraceSettings

ROOT = Path(__file__).resolve().parents[2]
COMPLETE = {
    "STANCH_SLACK_BOT_TOKEN": "xoxb-1",
    "STANCH_SLACK_APP_TOKEN": "xapp-1",
    "STANCH_TIMELINE_KEY": "k" * 16,
    "PATH": "/usr/bin",
}


def table(settings: Sequence[Setting], patterns: Sequence[Setting] = ()) -> str:
    def row(setting: Setting) -> str:
        default = "must be set" if setting.default is None else f"`{setting.default}`" if setting.default else "none"
        secret = ", secret" if setting.secret else ""
        return f"| `{setting.variable}` | {default}{secret} | {setting.meaning} |"

    rows = [row(setting) for setting in settings] + [row(setting).replace("must be set, ", "") for setting in patterns]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


@pytest.mark.parametrize(
    ("place", "described"),
    [("settings", table(SETTINGS, PATTERNS)), ("terminal settings", table(TERMINAL_SETTINGS))],
)
def test_the_readme_lists_every_setting(place: str, described: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(f"<!-- {place} -->\n(.*)\n<!-- /{place} -->", readme, re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == described


def test_what_the_terminal_reads_is_no_mistake_beside_the_servers_settings() -> None:
    settings = read_settings({**COMPLETE, "STANCH_SERVER_URL": "https://stanch.example.com", "STANCH_TOKEN_FILE": "/x"})
    assert settings.slack_command == "/incident"


@pytest.mark.parametrize(
    ("value", "lasts"), [("30", timedelta(days=30)), ("1", timedelta(days=1)), ("365", timedelta(days=365))]
)
def test_how_long_a_personal_token_lasts_is_set_in_days(value: str, lasts: timedelta) -> None:
    assert read_settings({**COMPLETE, "STANCH_TOKEN_DAYS": value}).token_lasts == lasts


@pytest.mark.parametrize("value", ["0", "366", "-1", "1.5", "for ever", "9" * 40])
def test_a_token_that_would_last_for_ever_or_not_at_all_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="STANCH_TOKEN_DAYS must be a number from 1 to 365"):
        read_settings({**COMPLETE, "STANCH_TOKEN_DAYS": value})


def test_the_least_that_must_be_set_is_enough() -> None:
    settings = read_settings(COMPLETE)
    assert settings.slack_command == "/incident"
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.api_token is None
    assert not settings.slack_is_local


def test_every_problem_is_reported_at_once_with_what_to_set() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"STANCH_PORT": "many", "STANCH_SLACK_COMAND": "/x", "STANCH_CONNECTIONS": "nowhere.yaml"})
    problems = str(refused.value).splitlines()
    assert len(problems) == 6
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "TIMELINE_KEY"):
        assert any(f"STANCH_{name} is missing" in problem for problem in problems)
    assert any("STANCH_PORT must be a number" in problem for problem in problems)
    assert any("STANCH_SLACK_COMAND is not a setting" in problem for problem in problems)
    assert any("nowhere.yaml" in problem for problem in problems)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("xoxb-from-file\n")
    environ = {name: value for name, value in COMPLETE.items() if name != "STANCH_SLACK_BOT_TOKEN"}
    settings = read_settings({**environ, "STANCH_SLACK_BOT_TOKEN_FILE": str(file)})
    assert settings.slack_bot_token.get_secret_value() == "xoxb-from-file"


def test_a_secret_given_twice_contradicts_itself(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="STANCH_SLACK_BOT_TOKEN_FILE are both set: keep one"):
        read_settings({**COMPLETE, "STANCH_SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")})


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    environ = {name: value for name, value in COMPLETE.items() if name != "STANCH_SLACK_BOT_TOKEN"}
    with pytest.raises(SettingsError, match=r"STANCH_SLACK_BOT_TOKEN_FILE names .*absent"):
        read_settings({**environ, "STANCH_SLACK_BOT_TOKEN_FILE": str(tmp_path / "absent")})


def test_two_alert_tokens_are_accepted_while_one_is_replaced() -> None:
    settings = read_settings({**COMPLETE, "STANCH_ALERT_TOKEN_ALERTMANAGER": f"{'a' * 16}, {'b' * 16}"})
    tokens = [token.get_secret_value() for token in settings.alert_tokens["alertmanager"]]
    assert tokens == ["a" * 16, "b" * 16]


def test_a_guessable_alert_token_is_refused() -> None:
    with pytest.raises(SettingsError, match="ALERTMANAGER: a token needs 16 characters"):
        read_settings({**COMPLETE, "STANCH_ALERT_TOKEN_ALERTMANAGER": "secret"})


@pytest.mark.parametrize("url", ["http://slack.example.com/api/", "ftp://127.0.0.1/", "slack.com"])
def test_slack_is_reached_over_tls_unless_it_is_on_this_machine(url: str) -> None:
    with pytest.raises(SettingsError, match="STANCH_SLACK_API_URL must be https"):
        read_settings({**COMPLETE, "STANCH_SLACK_API_URL": url})


def test_a_workspace_on_loopback_is_known_as_local() -> None:
    assert read_settings({**COMPLETE, "STANCH_SLACK_API_URL": "http://127.0.0.1:8765/api"}).slack_is_local


def test_no_secret_shows_in_the_representation() -> None:
    assert "xoxb-1" not in repr(read_settings(COMPLETE))


def test_slack_is_heard_by_one_way_and_not_by_both() -> None:
    posted = {name: value for name, value in COMPLETE.items() if name != "STANCH_SLACK_APP_TOKEN"}
    secret = {"STANCH_SLACK_SIGNING_SECRET": "s" * 32}
    settings = read_settings({**posted, **secret})
    assert settings.slack_app_token is None
    assert settings.slack_signing_secret is not None
    assert settings.slack_signing_secret.get_secret_value() == "s" * 32
    with pytest.raises(SettingsError, match=r"SLACK_APP_TOKEN and STANCH_SLACK_SIGNING_SECRET are both set: keep"):
        read_settings({**COMPLETE, **secret})
    with pytest.raises(SettingsError, match=r"SLACK_APP_TOKEN is missing: .* or set STANCH_SLACK_SIGNING_SECRET"):
        read_settings(posted)
    with pytest.raises(SettingsError, match="SLACK_SIGNING_SECRET is too short"):
        read_settings({**posted, "STANCH_SLACK_SIGNING_SECRET": "short"})


def test_an_empty_app_token_is_none() -> None:
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN is missing"):
        read_settings({**COMPLETE, "STANCH_SLACK_APP_TOKEN": ""})


def traced(**variables: str) -> TraceSettings:
    traces = read_settings({**COMPLETE, **variables}).traces
    assert traces is not None
    return traces


def test_without_an_endpoint_traces_go_nowhere() -> None:
    nothing = {"OTEL_SERVICE_NAME": "stanch", "OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}
    assert read_settings(COMPLETE | nothing).traces is None


@pytest.mark.parametrize("base", ["http://collector:4318", "http://collector:4318/"])
def test_traces_go_to_their_door_at_the_collector(base: str) -> None:
    settings = traced(OTEL_EXPORTER_OTLP_ENDPOINT=base)
    assert (settings.endpoint, settings.service) == ("http://collector:4318/v1/traces", "stanch")
    assert settings.headers == {}


def test_what_is_set_for_traces_alone_goes_before_what_is_set_for_all() -> None:
    settings = traced(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="https://traces.example.com/ingest",
        OTEL_EXPORTER_OTLP_HEADERS="x-key=of-all",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS="x-key=of-traces",
        OTEL_SERVICE_NAME="stanch-eu",
    )
    assert settings.endpoint == "https://traces.example.com/ingest"
    assert settings.headers["x-key"].get_secret_value() == "of-traces"
    assert settings.service == "stanch-eu"


def test_headers_may_be_percent_encoded_and_are_secrets(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("Authorization=Basic%20bWFkZTp1cA==, x-tenant = made-up-tenant\n")
    environ = {**COMPLETE, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    settings = read_settings({**environ, "OTEL_EXPORTER_OTLP_HEADERS_FILE": str(file)})
    assert settings.traces is not None
    headers = {name: value.get_secret_value() for name, value in settings.traces.headers.items()}
    assert headers == {"authorization": "Basic bWFkZTp1cA==", "x-tenant": "made-up-tenant"}
    assert {"Basic bWFkZTp1cA==", "bWFkZTp1cA==", "made-up-tenant"} <= settings.secrets
    assert "made-up-tenant" not in repr(settings)


@pytest.mark.parametrize(
    "address",
    [
        "collector:4318",
        "grpc://collector:4317",
        "http://",
        "http://user:made-up-secret@collector:4318",
        "http://made-up-secret@collector:4318",
        "http://collector:4318?key=made-up-secret",
        "http://collector:4318#made-up-secret",
        "http://collector:port",
        "http://collector\n:4318",
        "http://[collector",
    ],
)
@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_a_collectors_address_is_plain_and_an_error_shows_no_credential(variable: str, address: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} must be an address like http://collector:4318") as refused:
        read_settings({**COMPLETE, variable: address})
    assert "made-up-secret" not in str(refused.value)


@pytest.mark.parametrize(
    "entry", ["made-up-secret", "=made-up-secret", "a b=made-up-secret", "a=", "a=made-up%0asecret"]
)
def test_a_header_that_cannot_be_sent_is_told_by_its_place_alone(entry: str) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_EXPORTER_OTLP_HEADERS": f"a=b,,{entry}"}
    with pytest.raises(SettingsError, match="HEADERS must be name=value, name=value; entry 2 is not") as refused:
        read_settings({**COMPLETE, **environ})
    assert "secret" not in str(refused.value)
