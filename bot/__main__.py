"""The `stanch` command: finds the program that its first word names, and loads nothing else.

The workspace must not hold what the bot is made of, nor the bot what the workspace is made of; and what somebody types
at a terminal in the middle of the night answers at once.
"""

import sys
from collections.abc import Sequence
from pkgutil import resolve_name

from bot.terminal.words import COMMANDS

_WORKSPACE = "bot.workspace.server:main"
_TERMINAL = "bot.terminal.program:main"
_INSTALLATION = "bot.commands:main"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit status: 0 done, 1 it could not be done, 2 the words were wrong.

    Those of the terminal have more, see `bot.terminal.words`.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    match arguments:
        case ["workspace", *rest]:
            return int(resolve_name(_WORKSPACE)(rest))
        case [word, *_] if word in COMMANDS:
            return int(resolve_name(_TERMINAL)(arguments))
        case _:
            return int(resolve_name(_INSTALLATION)(arguments))


if __name__ == "__main__":
    sys.exit(main())
