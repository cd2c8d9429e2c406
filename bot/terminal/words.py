"""The words that a person types at a terminal; light, because every `stanch` command loads it."""

import argparse
import re
from collections.abc import Mapping
from datetime import timedelta

COMMANDS: Mapping[str, str] = {
    "declare": "open an incident",
    "incidents": "show the open incidents, or one of them",
    "plan": "show an incident's runbooks; plan one and see what it would change",
    "approve": "approve somebody else's plan",
    "decline": "turn a plan down",
    "apply": "give the go-ahead where nobody's approval is needed, and wait until it is settled",
    "undo": "plan to restore what was read before a containment",
}
STATUSES = """\
exit status:
  0  done
  1  refused, or there is no such thing; the sentence says what to do
  2  the words were wrong
  3  the server did not answer, or asks to come back; nothing else is wrong
  4  not settled within --wait; it goes on without you
  5  the containment stopped and needs a person

environment: STANCH_SERVER_URL, and STANCH_TOKEN or STANCH_TOKEN_FILE (`/incident token` in Slack issues one).
"""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST = timedelta(days=365)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands of the terminal."""
    top = argparse.ArgumentParser(prog="stanch", epilog=STATUSES, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    made = {
        name: commands.add_parser(
            name,
            help=says,
            description=f"{says[0].upper()}{says[1:]}.",
            epilog=STATUSES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, says in COMMANDS.items()
    }
    for each in made.values():
        each.add_argument("--json", action="store_true", help="print the server's answer as JSON")
    _declaring(made["declare"])
    _listing(made["incidents"])
    _planning(made["plan"])
    for name in ("approve", "decline", "apply"):
        _deciding(made[name], asks=name != "decline")
    made["approve"].add_argument(
        "--break-glass", metavar="REASON", help="go ahead without the approval: who could not be reached, and why now"
    )
    made["apply"].add_argument("--wait", type=_span, default=timedelta(minutes=15), metavar="SPAN", help="such as 10m")
    _of_a_containment(made["undo"])
    made["undo"].add_argument("--reason", required=True, help="why it is undone; it goes on the timeline")
    for name in ("declare", "plan", "approve", "decline", "apply", "undo"):
        _writing(made[name])
    return top


def _declaring(command: argparse.ArgumentParser) -> None:
    command.add_argument("title", nargs="+", help="what is happening")
    command.add_argument("--severity", type=_severity, help="sev1 (worst) to sev4, instead of the playbooks'")
    command.add_argument("--system", help="the AI system it is about; runbooks need one")


def _listing(command: argparse.ArgumentParser) -> None:
    command.add_argument("incident", nargs="?", type=_incident, metavar="INC-7", help="show this one")
    command.add_argument("--all", action="store_true", help="also those that are over")


def _planning(command: argparse.ArgumentParser) -> None:
    command.add_argument("incident", type=_incident, metavar="INC-7")
    command.add_argument("runbook", nargs="?", help="without it, the runbooks on offer are shown")
    command.add_argument(
        "--input", action="append", type=_input, default=[], metavar="NAME=VALUE", dest="inputs", help="repeatable"
    )
    command.add_argument("--reason", default="", help="why; it goes on the timeline")
    command.add_argument("--for", type=_span, metavar="SPAN", dest="lasts", help="such as 4h, instead of the usual")


def _deciding(command: argparse.ArgumentParser, *, asks: bool) -> None:
    _of_a_containment(command)
    if asks:
        command.add_argument(
            "--fingerprint",
            type=_fingerprint,
            metavar="HEX",
            help="of the plan that you looked at, 12 digits or more: you are not asked then",
        )


def _of_a_containment(command: argparse.ArgumentParser) -> None:
    command.add_argument("incident", type=_incident, metavar="INC-7")
    command.add_argument("containment", type=_containment, metavar="C-2")


def _writing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dry-run", action="store_true", help="read and check everything; store and change nothing")
    command.add_argument("--key", type=_key, help="name of the request, to say again what got no answer: done once")


def _incident(text: str) -> int:
    return _numbered("INC", text)


def _containment(text: str) -> int:
    return _numbered("C", text)


def _numbered(prefix: str, text: str) -> int:
    match = re.fullmatch(rf"(?:{prefix}-)?([1-9]\d{{0,8}})", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is none: say {prefix}-7")
    return int(match[1])


def _severity(text: str) -> str:
    match = re.fullmatch(r"(?:sev)?-?([1-4])", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is none: say sev1 (worst) to sev4")
    return f"SEV{match[1]}"


def _input(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} names no value: say NAME=VALUE")
    return name, value


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,8})([smhd])", text, re.ASCII)
    span = timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else timedelta(0)
    if not timedelta(0) < span <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no span: say 30s, 10m, 4h or 2d")
    return span


def _fingerprint(text: str) -> str:
    if re.fullmatch(r"[0-9a-f]{12,64}", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is none: give 12 to 64 of its digits, as the plan shows them")
    return text


def _key(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9._-]{8,100}", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError("8 to 100 letters, digits, dots, dashes and underscores")
    return text
