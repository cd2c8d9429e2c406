"""The commands of whoever runs an installation: they read its settings, and most need its database."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name

from bot import clock, logs
from bot.app import Application, load_catalog
from bot.custody import show_evidence
from bot.demo import run_demo
from bot.doctor import run_doctor
from bot.domain.deadline import NOT_LEGAL_ADVICE
from bot.errors import ContentError, StanchError
from bot.settings import read_settings
from bot.severity_lines import grade_lines
from bot.store.backup import back_up
from bot.terminal.words import COMMANDS
from bot.upkeep import show_retention
from bot.workspace import DEFAULT_PORT

# Found when it is asked for: it needs 45 MB that nothing else here needs.
_DEADLINES = "bot.deadline_lines:state_lines"


def main(argv: Sequence[str]) -> int:
    """Run one command; return the process's exit status: 0 done, 1 it could not be done, 2 the words were wrong."""
    parsed = _parser().parse_args(argv)
    logs.configure(logs.FORMATS[0])
    try:
        return int(parsed.run(parsed))
    except ContentError as error:
        sys.stderr.write(f"{error}\n{len(error.problems)} problem(s) found.\n")
    except StanchError as error:
        sys.stderr.write(f"{error}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stanch", description="The Slack bot that stops AI harm fast.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run Stanch with the settings of the environment")
    run.set_defaults(run=_run)
    check = commands.add_parser("check", help="check runbooks, playbooks and rules; exit 1 with every problem")
    check.add_argument("--content", type=Path, help="folder with content of your own, beside the shipped one")
    check.set_defaults(run=_check)
    doctor = commands.add_parser("doctor", help="try everything that Stanch depends on; exit 1 if there is a problem")
    doctor.set_defaults(run=_doctor)
    backup = commands.add_parser("backup", help="copy the SQLite database into a new file, also while Stanch runs")
    backup.add_argument("file", type=Path, help="where to; nothing may be there yet")
    backup.set_defaults(run=_backup)
    retention = commands.add_parser("retention", help="say how long what is kept and what would go now; change nothing")
    retention.set_defaults(run=_retention)
    severity = commands.add_parser("severity", help="compute severities by the rubric: JSON lines in, JSON lines out")
    severity.add_argument(
        "--answers", required=True, metavar="FILE", help="answers, a case a line; - is standard input"
    )
    severity.add_argument("--content", type=Path, help="folder with a rubric of your own")
    severity.set_defaults(run=_severity)
    deadlines = commands.add_parser(
        "deadlines",
        help="compute regulatory deadlines: JSON lines in, JSON lines out; not legal advice",
        description=NOT_LEGAL_ADVICE,
    )
    deadlines.add_argument("--facts", required=True, metavar="FILE", help="facts, a case a line; - is standard input")
    deadlines.add_argument("--content", type=Path, help="folder with deadlines of your own")
    deadlines.set_defaults(run=_deadlines)
    evidence = commands.add_parser("evidence", help="check an incident's evidence; with a folder, write it out")
    evidence.add_argument("incident", help="such as INC-7")
    evidence.add_argument("folder", type=Path, nargs="?", help="where to; it must not be there yet")
    evidence.set_defaults(run=_evidence)
    demo = commands.add_parser("demo", help="a local Slack workspace with Stanch in it, on simulated integrations")
    demo.add_argument("--script", action="store_true", help="walk the demo without a person and print the transcript")
    demo.add_argument("--database-url", help="use this database instead of a SQLite file that is thrown away")
    demo.add_argument("--port", type=int, default=DEFAULT_PORT, help="port of the workspace's page")
    demo.set_defaults(run=_demo)
    commands.add_parser("workspace", help="run only the local Slack workspace")
    for name, says in COMMANDS.items():
        commands.add_parser(name, help=f"{says} (from a terminal, at a running Stanch)")
    return parser


def _run(_: argparse.Namespace) -> int:
    return asyncio.run(_serve())


async def _serve() -> int:
    settings = read_settings(os.environ)
    logs.configure(settings.log_format, settings.secrets)
    application = Application(settings, clock.now)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stopping.set)
    try:
        await application.start()
        sys.stdout.write(f"Stanch serves alerts and the API at {application.url}\n")
        sys.stdout.flush()
        await stopping.wait()
    finally:
        await application.stop()
    return 0


def _check(arguments: argparse.Namespace) -> int:
    catalog = load_catalog(arguments.content)
    counts = f"{len(catalog.playbooks)} playbooks, {len(catalog.runbooks)} runbooks, {len(catalog.systems)} systems"
    sys.stdout.write(f"{counts}: no problem.\n")
    return 0


def _doctor(_: argparse.Namespace) -> int:
    logging.getLogger().setLevel(logging.WARNING)
    return asyncio.run(run_doctor(os.environ, clock.now, sys.stdout.write))


def _backup(arguments: argparse.Namespace) -> int:
    pages = back_up(read_settings(os.environ).database_url.get_secret_value(), arguments.file)
    sys.stdout.write(f"{arguments.file}: {pages} pages, checked.\n")
    return 0


def _retention(_: argparse.Namespace) -> int:
    logging.getLogger().setLevel(logging.WARNING)
    return asyncio.run(show_retention(os.environ, clock.now, sys.stdout.write))


def _severity(arguments: argparse.Namespace) -> int:
    return grade_lines(load_catalog(arguments.content).rubric, arguments.answers, sys.stdout.write)


def _deadlines(arguments: argparse.Namespace) -> int:
    sys.stderr.write(f"{NOT_LEGAL_ADVICE}\n")
    rules = load_catalog(arguments.content).deadlines
    return int(resolve_name(_DEADLINES)(rules, arguments.facts, sys.stdout.write))


def _evidence(arguments: argparse.Namespace) -> int:
    logging.getLogger().setLevel(logging.WARNING)
    return asyncio.run(show_evidence(os.environ, arguments.incident, arguments.folder, clock.now, sys.stdout.write))


def _demo(arguments: argparse.Namespace) -> int:
    return run_demo(script=arguments.script, database_url=arguments.database_url, port=arguments.port)
