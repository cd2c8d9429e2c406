"""`/incident token`: a personal token for the terminal, shown once and only to who asks."""

from collections.abc import Sequence

from bot.domain.token import Token
from bot.errors import BadCommand
from bot.slack.commands.verb import Typed, Verb, quoted, said
from bot.slack.services import Services
from bot.slack.text import date
from bot.slack.views.card import Card, bullets


async def _token(services: Services, typed: Typed) -> Card:
    match typed.rest.split():
        case []:
            return await _issued(services, typed)
        case ["list"]:
            return _listed(await services.tokens.in_force(typed.actor))
        case ["revoke"]:
            return _revoked(await services.tokens.revoke(typed.actor))
        case ["revoke", name]:
            return _revoked(await services.tokens.revoke(typed.actor, name))
        case _:
            raise BadCommand(
                f"{quoted(typed.rest)} is nothing that a token can be told. Say `/incident token` for a new one, "
                "`/incident token list`, or `/incident token revoke [name]`."
            )


async def _issued(services: Services, typed: Typed) -> Card:
    token, spelling = await services.tokens.issue(typed.actor)
    return said(
        f"Your personal token for the terminal is shown this once:\n`{spelling}`\n"
        "Put it into `STANCH_TOKEN`, or into a file that only you can read and its path into `STANCH_TOKEN_FILE`; then "
        "`stanch incidents` works, also while Slack does not. Whoever has it acts as you, until "
        f"{date(token.expires_at)} or until you say `/incident token revoke {token.name}`."
    )


def _listed(tokens: Sequence[Token]) -> Card:
    if not tokens:
        return said("You have no token in force. `/incident token` issues one.")
    lines = [f"`{each.name}` issued {date(each.issued_at)}, until {date(each.expires_at)}" for each in tokens]
    return said(f"*Your tokens in force*\n{bullets(lines)}\n`/incident token revoke [name]` ends one, or all.")


def _revoked(tokens: Sequence[Token]) -> Card:
    names = ", ".join(f"`{each.name}`" for each in tokens)
    return said(f"Revoked, and opens nothing from now on: {names}.")


VERB = Verb(
    name="token",
    usage="[list | revoke [name]]",
    says="get a personal token for the terminal, for when Slack is down",
    needs_incident=False,
    run=_token,
)
