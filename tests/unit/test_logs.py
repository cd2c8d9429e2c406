"""Log lines: one a record, whatever a stranger wrote, and never a secret."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bot import logs
from bot.errors import SettingsError
from bot.settings import read_settings

HOSTILE = "fine\r\n2026-01-01T00:00:00.000+00:00 INFO bot.app forged\u2028again\x1b[2J\x85"
SECRET = "xoxb-made-up-token"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the logging of the test run as it was."""
    kept = [(each, each.handlers, each.level, each.propagate) for each in map(logging.getLogger, ("", "dbos", "httpx"))]
    yield
    for logger, handlers, level, propagate in kept:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_a_line_has_instant_level_logger_and_message(stream: io.StringIO) -> None:
    logs.configure("text", stream=stream)
    logging.getLogger("bot.app").warning("ready at %s", "http://127.0.0.1")
    instant, level, logger, message = stream.getvalue().rstrip("\n").split(" ", 3)
    assert datetime.fromisoformat(instant).utcoffset() == UTC.utcoffset(None)
    assert (level, logger, message) == ("WARNING", "bot.app", "ready at http://127.0.0.1")


def test_a_json_line_is_one_ascii_object(stream: io.StringIO) -> None:
    logs.configure("json", stream=stream)
    with logs.about(request="r1"):
        logging.getLogger("bot.app").info("größer %s", HOSTILE)
    line = stream.getvalue()
    assert line.isascii()
    assert line.count("\n") == 1
    said = json.loads(line)
    assert set(said) == {"time", "level", "logger", "message", "request"}
    assert said["message"] == f"größer {HOSTILE}"


def test_hostile_text_cannot_begin_a_line(stream: io.StringIO) -> None:
    logs.configure("text", stream=stream)
    with logs.about(channel=HOSTILE):
        logging.getLogger("bot.app").info("title %s", HOSTILE)
    written = stream.getvalue()
    assert len(written.splitlines()) == 1
    assert "\x1b" not in written


def test_a_traceback_is_indented_whatever_its_error_says(stream: io.StringIO) -> None:
    logs.configure("text", stream=stream)
    logging.getLogger("bot.app").error("job.failed", exc_info=ValueError(HOSTILE))
    first, *others = stream.getvalue().splitlines()
    assert first.endswith("ERROR bot.app job.failed")
    assert others
    assert [line for line in others if not line.startswith("    ")] == []


@pytest.mark.parametrize("style", logs.FORMATS)
def test_no_line_holds_a_secret(style: str, stream: io.StringIO) -> None:
    logs.configure(style, [SECRET, f"{SECRET}-longer", "", "a"], stream)
    with logs.about(subject=SECRET):
        logging.getLogger("bot.app").error("refused %s", f"{SECRET}-longer", exc_info=ValueError(SECRET))
    assert SECRET not in stream.getvalue()
    assert "longer" not in stream.getvalue()
    assert "refused ***" in stream.getvalue()


async def test_lines_of_one_request_carry_its_names_and_no_other_do(stream: io.StringIO) -> None:
    logs.configure("json", stream=stream)
    both_inside = asyncio.Barrier(2)

    async def request(name: str) -> None:
        with logs.about(request=name):
            await both_inside.wait()
            with logs.about(subject=f"of {name}"):
                await asyncio.create_task(work())

    async def work() -> None:
        logging.getLogger("bot").info("inside")

    await asyncio.gather(request("r1"), request("r2"))
    logging.getLogger("bot").info("outside")
    *inside, outside = map(json.loads, stream.getvalue().splitlines())
    assert {(line["request"], line["subject"]) for line in inside} == {("r1", "of r1"), ("r2", "of r2")}
    assert "request" not in outside


def test_a_name_cannot_take_the_place_of_a_field(stream: io.StringIO) -> None:
    logs.configure("json", stream=stream)
    with logs.about(level="NONE", message="nothing"):
        logging.getLogger("bot").error("something")
    said = json.loads(stream.getvalue())
    assert (said["level"], said["message"]) == ("ERROR", "something")


def test_the_engine_s_lines_look_alike(stream: io.StringIO) -> None:
    logs.configure("json", stream=stream)
    logging.getLogger("dbos").error("queue")
    assert json.loads(stream.getvalue())["logger"] == "dbos"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no log format 'xml'; there are text, json"):
        logs.configure("xml")


def test_the_settings_know_every_secret_that_a_log_must_not_hold() -> None:
    settings = read_settings(
        {
            "STANCH_DATABASE_URL": "postgresql://stanch:p%40ssword@db/stanch",
            "STANCH_SLACK_BOT_TOKEN": "xoxb-1",
            "STANCH_SLACK_SIGNING_SECRET": "signing-secret-16",
            "STANCH_TIMELINE_KEY": "timeline-key-16-b",
            "STANCH_API_TOKEN": "api-token-16-bytes",
            "STANCH_ALERT_TOKEN_ALERTMANAGER": f"{'a' * 16},{'b' * 16}",
            "STANCH_CONNECTION_UNLEASH_TOKEN": "unleash-token",
        }
    )
    assert {
        "p%40ssword",
        "p@ssword",
        "xoxb-1",
        "signing-secret-16",
        "timeline-key-16-b",
        "api-token-16-bytes",
        "a" * 16,
        "b" * 16,
        "unleash-token",
    } <= settings.secrets


def test_a_log_format_that_does_not_exist_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="STANCH_LOG_FORMAT must be text or json; it is 'xml'"):
        read_settings({"STANCH_LOG_FORMAT": "xml"})
