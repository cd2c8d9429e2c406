"""Runs one command of the terminal: asks the server, prints what it says, and ends with a status for scripts."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TextIO
from urllib.parse import quote

from bot.domain.values import JsonObject
from bot.errors import BadCommand, SettingsError
from bot.terminal import paper
from bot.terminal.access import read_access
from bot.terminal.server import NoAnswer, Refused, Server
from bot.terminal.words import parser

DONE, REFUSED, WORDS, NO_ANSWER, UNSETTLED, STOPPED = range(6)

_POLL_SECONDS = 1.0
_STOPPED = frozenset({"failed", "in_doubt"})
_LET_GO = frozenset({"declined", "expired"})


@dataclass(frozen=True)
class Terminal:
    """Where a person reads and answers.

    Attributes:
        ask: Puts a question and returns what was answered; `None` where nobody sits there.
    """

    out: TextIO
    ask: Callable[[str], str] | None
    as_json: bool

    def show(self, answer: JsonObject, lines: Iterable[str]) -> None:
        """Print an answer."""
        self.out.write(f"{json.dumps(answer)}\n" if self.as_json else "".join(f"{line}\n" for line in lines))
        self.out.flush()

    def tell(self, lines: Iterable[str]) -> None:
        """Print what is for people alone."""
        if not self.as_json:
            self.out.write("".join(f"{line}\n" for line in lines))
            self.out.flush()


def main(argv: Sequence[str]) -> int:
    """Run one command; return the exit status, as `stanch incidents --help` lists them."""
    words = parser().parse_args(argv)
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not words.json
    terminal = Terminal(sys.stdout, input if asks else None, words.json)
    try:
        server = Server(read_access(os.environ))
        try:
            return _COMMANDS[words.command](server, terminal, words)
        finally:
            server.close()
    except NoAnswer as error:
        return _failed(error, NO_ANSWER)
    except (BadCommand, SettingsError) as error:
        return _failed(error, WORDS)
    except Refused as error:
        return _failed(error, REFUSED)
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\nNothing more was asked for; what was begun goes on.\n")
        return UNSETTLED


def _failed(error: Exception, status: int) -> int:
    sys.stderr.write("".join(f"{paper.plain(line)}\n" for line in str(error).splitlines()))
    return status


def _declare(server: Server, terminal: Terminal, words: argparse.Namespace) -> int:
    body = {"title": " ".join(words.title), "dry_run": words.dry_run}
    body |= {name: given for name in ("severity", "system") if (given := getattr(words, name)) is not None}
    answer = server.post("", body, words.key)
    terminal.show(answer, paper.declared(answer))
    return DONE


def _incidents(server: Server, terminal: Terminal, words: argparse.Namespace) -> int:
    if words.incident is None:
        answer = server.get(open=not words.all)
        terminal.show(answer, paper.incidents(answer))
    else:
        answer = server.get(f"/{words.incident}")
        terminal.show(answer, paper.incident(answer))
    return DONE


def _plan(server: Server, terminal: Terminal, words: argparse.Namespace) -> int:
    label = f"INC-{words.incident}"
    if words.runbook is None:
        answer = server.get(f"/{words.incident}/runbooks")
        terminal.show(answer, paper.runbooks(label, answer))
        return DONE
    if not words.reason:
        answer = server.get(f"/{words.incident}/runbooks/{quote(words.runbook, safe='')}")
        terminal.tell(paper.inputs(label, answer))
        raise BadCommand("Say why with --reason: it goes on the timeline.")
    body = {
        "runbook": words.runbook,
        "inputs": dict(words.inputs),
        "reason": words.reason,
        "dry_run": words.dry_run,
    }
    if words.lasts is not None:
        body["lasts_seconds"] = int(words.lasts.total_seconds())
    return _planned(terminal, server.post(f"/{words.incident}/plans", body, words.key))


def _undo(server: Server, terminal: Terminal, words: argparse.Namespace) -> int:
    body = {"reason": words.reason, "dry_run": words.dry_run}
    return _planned(terminal, server.post(f"{_path(words)}/undo", body, words.key))


def _planned(terminal: Terminal, answer: JsonObject) -> int:
    terminal.show(answer, [*paper.standing(answer), *paper.next_step(answer)])
    return DONE


def _decline(server: Server, terminal: Terminal, words: argparse.Namespace) -> int:
    looked_at = server.get(_path(words))
    body = {"fingerprint": looked_at["containment"]["fingerprint"], "dry_run": words.dry_run}
    answer = server.post(f"{_path(words)}/decline", body, words.key)
    terminal.show(answer, [_outcome(answer)])
    return DONE


def _approve(server: Server, terminal: Terminal, words: argparse.Namespace) -> int:
    verb = "approve"
    looked_at = server.get(_path(words))
    fingerprint = _of_what_was_seen(terminal, words, looked_at, verb)
    if fingerprint is None:
        terminal.tell(["Nothing was done."])
        return REFUSED
    body = {"fingerprint": fingerprint, "dry_run": words.dry_run}
    if words.break_glass is not None:
        verb, body = "break-glass", {**body, "reason": words.break_glass}
    answer = server.post(f"{_path(words)}/{verb}", body, words.key)
    terminal.show(answer, [_outcome(answer), *paper.next_step(answer)])
    return DONE


def _of_what_was_seen(terminal: Terminal, words: argparse.Namespace, looked_at: JsonObject, verb: str) -> str | None:
    """Return the fingerprint of the plan that the person has seen; `None` if they would rather not.

    Raises:
        BadCommand: They looked at another plan, or nobody can be asked.
    """
    fingerprint = str(looked_at["containment"]["fingerprint"])
    if words.fingerprint is not None:
        if not fingerprint.startswith(words.fingerprint):
            raise BadCommand("This is not the plan that you looked at: show it again, and decide on what it says now.")
        return fingerprint
    terminal.tell([*paper.standing(looked_at), *paper.next_step(looked_at)])
    if words.dry_run:
        return fingerprint
    if terminal.ask is None:
        raise BadCommand("Nobody can be asked here: look at the plan, and name it with --fingerprint.")
    answered = terminal.ask(f"{verb.capitalize()} {paper.name(looked_at)}? [y/N] ")
    return fingerprint if answered.strip().lower() in {"y", "yes"} else None


def _apply(server: Server, terminal: Terminal, words: argparse.Namespace) -> int:
    """Give the go-ahead where the policy lets whoever planned give it, else wait for who must; then see it through."""
    looked_at = server.get(_path(words))
    waits = looked_at["containment"]["state"] == "proposed"
    if waits and not looked_at["needs_approval"]:
        fingerprint = _of_what_was_seen(terminal, words, looked_at, "apply")
        if fingerprint is None:
            terminal.tell(["Nothing was done."])
            return REFUSED
        body = {"fingerprint": fingerprint, "dry_run": words.dry_run}
        looked_at = server.post(f"{_path(words)}/approve", body, words.key)
    else:
        terminal.tell([*paper.standing(looked_at), *paper.next_step(looked_at)])
    if words.dry_run:
        terminal.show(looked_at, [_outcome(looked_at)])
        return DONE
    return _seen_through(server, terminal, words, looked_at)


def _seen_through(server: Server, terminal: Terminal, words: argparse.Namespace, standing: JsonObject) -> int:
    """Wait until nothing more happens by itself; a server that is away for a while is waited for too."""
    until, said = time.monotonic() + words.wait.total_seconds(), ""
    while True:
        if (now := _outcome(standing)) != said:
            said = now
            terminal.tell([said])
        if standing["settled"]:
            terminal.show(standing, [])
            return _status(standing)
        if time.monotonic() >= until:
            terminal.show(standing, [f"Not settled within {_words(words.wait)}; it goes on without you."])
            return UNSETTLED
        time.sleep(_POLL_SECONDS)
        try:
            standing = server.get(_path(words))
        except NoAnswer as error:
            terminal.tell([f"{error} Still trying."])


def _words(span: timedelta) -> str:
    return f"{span.total_seconds():g} s"


def _status(standing: JsonObject) -> int:
    state = standing["containment"]["state"]
    if state in _STOPPED:
        return STOPPED
    return REFUSED if state in _LET_GO else DONE


def _outcome(answer: JsonObject) -> str:
    tried = "" if answer["stored"] else "Dry run, nothing was stored; it would be: "
    problem = answer["containment"]["problem"]
    return f"{paper.name(answer)}: {tried}{answer['in_words']}{f'. {paper.plain(problem)}' if problem else ''}"


def _path(words: argparse.Namespace) -> str:
    return f"/{words.incident}/containments/{words.containment}"


_COMMANDS: Mapping[str, Callable[[Server, Terminal, argparse.Namespace], int]] = {
    "declare": _declare,
    "incidents": _incidents,
    "plan": _plan,
    "approve": _approve,
    "decline": _decline,
    "apply": _apply,
    "undo": _undo,
}
