"""Where the server is and who asks it, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.errors import SettingsError
from bot.settings import SERVER_URL, TOKEN, is_loopback, secret_from


@dataclass(frozen=True)
class Access:
    """A server's base address, and a personal token for it."""

    url: str
    token: SecretStr


def read_access(environ: Mapping[str, str]) -> Access:
    """Read the settings of the terminal.

    Raises:
        SettingsError: Says what to set.
    """
    problems: list[str] = []
    url = environ.get(SERVER_URL.variable, "").rstrip("/")
    token = (secret_from(environ, TOKEN.variable, problems) or "").strip()
    if not url:
        problems.append(f"{SERVER_URL.variable} is missing: set it to the address at which Stanch serves its API.")
    elif not _keeps_secrets(url):
        problems.append(
            f"{SERVER_URL.variable} must be https, or http on this machine, as your token goes there; it is {url!r}."
        )
    if not token and not problems:
        problems.append(
            f"{TOKEN.variable} is missing: say `/incident token` in Slack, and set it (or {TOKEN.variable}_FILE)."
        )
    elif not token.isascii() or not token.isprintable():
        problems.append(f"{TOKEN.variable} is no token: copy it again, from `stanch_` to its end.")
    if problems:
        raise SettingsError("\n".join(problems))
    return Access(url, SecretStr(token))


def _keeps_secrets(url: str) -> bool:
    scheme = urlsplit(url).scheme
    return scheme == "https" or (scheme == "http" and is_loopback(url))
