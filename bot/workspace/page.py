"""The page in which a person uses the workspace: server-rendered fragments that a small script keeps up to date.

Each fragment is complete by itself and rendered for one person, so that what somebody may not see is never sent.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.workspace import screen
from bot.workspace.api import workspace_of
from bot.workspace.emoji import emoji_table, emojify, shown
from bot.workspace.feed import Entry, arrange
from bot.workspace.files import PICTURES
from bot.workspace.html import mrkdwn_html, rich_text_html, text_html
from bot.workspace.interactions import Actor
from bot.workspace.model import Channel
from bot.workspace.mrkdwn import Names
from bot.workspace.people_routes import actor_of
from bot.workspace.plain import names_of
from bot.workspace.text import as_typed
from bot.workspace.widgets import attachment_colour, current, current_options, faces, grouped
from bot.workspace.wire import Json, Refused

_HERE = Path(__file__).parent
_TINTS = 8
_SHOWN = 100
_OWN_FILE = re.compile(r"/files-pri/(F[0-9A-Z]+)/")
_REACTIONS = ("white_check_mark", "eyes", "+1", "raised_hands")


def page_headers(*, form_action: str = "'none'") -> dict[str, str]:
    """Return the headers of every page; `form_action` is where its forms may lead, as a CSP source list."""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action {form_action}; "
            "img-src 'self' data: http://127.0.0.1:* http://localhost:*; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


_HEADERS = page_headers()


@cache
def templates() -> Environment:
    """Return the page's templates, with what they call."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "attachment_colour": attachment_colour,
        "emojify": emojify,
        "initials": _initials,
        "moment": lambda ts: datetime.fromtimestamp(float(ts), UTC),
        "tint": lambda user: sum(user.encode()) % _TINTS,
    }
    environment.globals |= {
        "emoji": lambda name: emoji_table().get(name, f":{name}:"),
        "reactions": _REACTIONS,
        "every_emoji": emoji_table(),
        "pictures": PICTURES,
    }
    environment.globals |= {"current": current, "current_options": current_options, "faces": faces, "shown": shown}
    return environment


class Page:
    """One person's view of one place: a channel, a direct conversation or the app's Home tab."""

    def __init__(self, actor: Actor, place: str, asked: Mapping[str, str]) -> None:
        """Take who looks where; `asked` may name a `thread`, words to `search` and the mark up to which was `seen`."""
        self.actor = actor
        self.workspace = actor.workspace
        self.place = place
        self.thread_ts = asked.get("thread")
        self.search = asked.get("search", "").strip()
        self._seen = asked.get("seen")
        self.names: Names = names_of(actor.workspace.state)

    @property
    def channel(self) -> Channel | None:
        """The channel shown, or `None` for the Home tab; raise `Refused`."""
        if self.place == "home":
            return None
        channel = self.workspace.state.channel(self.place)
        if channel not in screen.visible_channels(self.actor):
            raise Refused("channel_not_found", status=404)
        return channel

    def render(self, template: str) -> str:
        """Return a template rendered for this person and place."""
        viewer = self.actor.member.id
        return (
            templates()
            .get_template(template)
            .render(
                page=self,
                me=self.actor.member,
                seed=self.workspace.seed,
                members=self.workspace.state.members,
                grouped=lambda element: grouped(self.workspace.state, element, viewer),
                typed=lambda source: as_typed(source, self.names.users, self.names.groups, self.names.channels),
                mrkdwn=lambda source: mrkdwn_html(source, self.names, viewer),
                rich=lambda block: rich_text_html(block, self.names, viewer),
                text=lambda text: text_html(text, self.names, viewer) if text else Markup(),
            )
        )

    def sidebar(self) -> list[tuple[Channel, int, int]]:
        """Return the channels, each with how much is unread and how much of that is for this person.

        The one on screen counts as read.
        """
        return [
            (one, 0, 0)
            if one.id == self.place
            else (one, screen.unread(self.actor, one), screen.mentions(self.actor, one))
            for one in sorted(screen.visible_channels(self.actor), key=lambda one: one.name)
            if not one.archived or one.id == self.place
        ]

    def entries(self) -> list[Entry]:
        """Return the messages of the channel, arranged under days."""
        channel = self.channel
        if channel is None:
            return []
        if self.search:
            return arrange(screen.found(self.actor, channel, self.search)[-_SHOWN:])
        shown = screen.messages_screen(self.actor, channel, _SHOWN)
        return arrange(
            [one for one in shown if "parent_user_id" not in one or one.get("subtype") == "thread_broadcast"]
        )

    @property
    def seen(self) -> str:
        """The mark up to which this person had read the channel when the page was opened; empty if never."""
        channel = self.channel
        if self._seen is not None or channel is None:
            return self._seen or ""
        return channel.read.get(self.actor.member.id, "")

    def first_new(self, entries: list[Entry]) -> str:
        """Return the `ts` of the first message that somebody else wrote after that mark; empty if there is none."""
        me, seen = self.actor.member.id, self.seen
        new = (one.message["ts"] for one in entries if one.message["ts"] > seen and one.message["user"] != me)
        return next(new, "") if seen and not self.search else ""

    def picture(self, image: Json) -> str:
        """Return where the page finds an image: in the workspace's own files, or on loopback; empty if elsewhere."""
        given = image.get("slack_file") or {}
        url = str(image.get("image_url") or given.get("url") or "")
        own = _OWN_FILE.search(url)
        file_id = str(given.get("id") or (own[1] if own else ""))
        if file_id:
            return f"/people/{self.actor.member.name}/files/{file_id}"
        return url if _is_local(url) else ""

    def is_closed(self) -> bool:
        """Tell whether nobody can write here any more."""
        channel = self.channel
        return channel is None or channel.archived

    def is_cut(self) -> bool:
        """Tell whether older messages of the channel are left out."""
        channel = self.channel
        return channel is not None and len(screen.visible_messages(self.actor, channel)) > _SHOWN

    def thread(self) -> list[Entry]:
        """Return the open thread, its first message first; empty if none is open."""
        channel = self.channel
        if channel is None or self.thread_ts is None:
            return []
        thread = [
            one for one in screen.visible_messages(self.actor, channel) if self.thread_ts in (one.ts, one.thread_ts)
        ]
        return arrange([screen.message_screen(self.actor, channel, one) for one in thread])

    def pinned(self) -> list[Json]:
        """Return the pinned messages of the channel."""
        channel = self.channel
        if channel is None:
            return []
        return [screen.message_screen(self.actor, channel, channel.messages[pin["ts"]]) for pin in channel.pins]

    def modal(self) -> Json | None:
        """Return the modal on top, or `None`."""
        return screen.view_screen(self.actor)

    def home(self) -> Json | None:
        """Return the Home tab, or `None`."""
        return screen.home_screen(self.actor)

    def completions(self) -> list[dict[str, str]]:
        """Return what the composer completes: commands, people, groups, channels."""
        state, seed = self.workspace.state, self.workspace.seed
        commands = [
            {"text": one.command, "hint": one.usage_hint, "about": one.description} for one in seed.app.commands
        ]
        people = [{"text": f"@{one.name}", "hint": "", "about": one.real_name} for one in state.members.values()]
        groups = [{"text": f"@{one.handle}", "hint": "", "about": one.name} for one in seed.groups]
        channels = [
            {"text": f"#{one.name}", "hint": "", "about": ""}
            for one in state.channels.values()
            if one.kind == "channel"
        ]
        return [*commands, *people, *groups, *channels]


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split()[:2]).upper() or "?"


def _is_local(url: str) -> bool:
    return url.startswith("data:image/") or urlsplit(url).hostname in ("127.0.0.1", "localhost")


def _page_of(request: Request) -> Page:
    return Page(actor_of(request), request.path_params.get("place", "home"), request.query_params)


def _fragment(template: str) -> Callable[[Request], Awaitable[Response]]:
    async def show(request: Request) -> Response:
        try:
            return HTMLResponse(_page_of(request).render(template), headers=_HEADERS)
        except Refused as exc:
            return HTMLResponse(Markup("<p>{}</p>").format(exc.error), 404, headers=_HEADERS)

    return show


async def _start(request: Request) -> Response:
    seed = workspace_of(request).seed
    channel = workspace_of(request).state.channel(seed.channel)
    return RedirectResponse(f"/client/{seed.person}/{channel.id}", 303)


async def _archive(request: Request) -> Response:
    """Show a permalink to the person who was last active in this browser."""
    workspace = workspace_of(request)
    person = request.cookies.get("person", workspace.seed.person)
    known = any(one.name == person for one in workspace.seed.accounts)
    channel = request.path_params["channel"]
    thread = request.query_params.get("thread_ts")
    query = f"?thread={thread}" if thread and thread.replace(".", "").isdecimal() else ""
    if channel not in workspace.state.channels:
        return HTMLResponse("<p>channel_not_found</p>", 404, headers=_HEADERS)
    who = person if known else workspace.seed.person
    return RedirectResponse(f"/client/{who}/{channel}{query}#{request.path_params['message']}", 303)


async def _shell(request: Request) -> Response:
    response = await _fragment("page.html")(request)
    response.set_cookie("person", request.path_params["user"], httponly=True, samesite="strict")
    return response


ROUTES: list[Any] = [
    Route("/", _start),
    Route("/archives/{channel}/{message}", _archive),
    Route("/client/{user}/{place}", _shell),
    *(
        Route(f"/client/{{user}}/{{place}}/{name}", _fragment(f"{name}.html"))
        for name in ("composer", "header", "main", "modal", "sidebar", "thread")
    ),
    Mount("/static", StaticFiles(directory=_HERE / "static")),
]
