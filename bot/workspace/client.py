"""A person of the local workspace, for tests and the demo: acts by what is visible, as somebody at the page would.

Labels, not ids: a renamed button breaks the test that presses it, as it would confuse whoever reads a guide that names
it. A label that is missing or ambiguous is an error that lists what is there.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from bot.workspace.labels import Control, LabelError, View, pick, plain_value, view_controls, visible_labels
from bot.workspace.labels import message_controls as controls_of
from bot.workspace.wire import Json

_POLL_SECONDS = 0.05
Value = str | list[str]


class RejectedError(Exception):
    """What a person did failed in front of them; `outcome` is what the page would show."""

    def __init__(self, doing: str, outcome: Json) -> None:
        reasons = [outcome.get("warning") or outcome.get("error"), *outcome.get("errors", {}).values()]
        super().__init__(f"{doing}: {'; '.join(str(reason) for reason in reasons if reason)}")
        self.outcome = outcome


class Person:
    """Somebody at the workspace's page; `account` is the account's name, such as `commander`.

    Use it as an async context manager, or call `aclose`. Every action raises `RejectedError` if it fails in front of
    the person and `LabelError` if what is to be used is not there.
    """

    def __init__(self, base_url: str, account: str) -> None:
        self.account = account
        self._http = httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False)
        self._entered: dict[str, dict[str, dict[str, Value]]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._http.aclose()

    async def say(self, channel: str, text: str, *, thread_ts: str | None = None) -> str:
        """Post a message and return its `ts`."""
        body = {"channel": channel, "text": text, "thread_ts": thread_ts}
        return str((await self._do("message", body, f"say in #{channel}"))["ts"])

    async def edit(self, message: Json, text: str) -> None:
        """Change a message of one's own."""
        body = {"channel": message["channel"], "ts": message["ts"], "text": text}
        await self._do("edit", body, "edit a message")

    async def delete(self, message: Json) -> None:
        """Take back a message of one's own."""
        await self._do("delete", {"channel": message["channel"], "ts": message["ts"]}, "delete a message")

    async def command(self, channel: str, text: str) -> None:
        """Type a slash command, such as `/incident list`."""
        await self._do("command", {"channel": channel, "text": text}, text)

    async def press(
        self,
        label: str,
        *,
        channel: str | None = None,
        containing: str | None = None,
        message: Json | None = None,
        home: bool = False,
    ) -> None:
        """Press a button: of a message, of the Home tab (`home`), else of the open modal.

        The message is the one given, or the one in `channel` whose text holds `containing`; where a message repeats a
        button, `containing` is looked for beside each of them first.
        """
        controls = await self._controls(channel, message, home=home)
        control = pick([one for one in controls if one.is_button], label, containing)
        await self._use(control, control.option(label), f"press {label!r}")

    async def choose(
        self,
        label: str,
        option: Value,
        *,
        channel: str | None = None,
        containing: str | None = None,
        message: Json | None = None,
        home: bool = False,
    ) -> None:
        """Choose in a menu by the texts of its options; the menu goes by its placeholder or its label."""
        controls = await self._controls(channel, message, home=home)
        control = pick([one for one in controls if not one.is_button], label, containing)
        await self._use(control, await self._value(control, option), f"choose {option!r} in {label!r}")

    async def fill(self, entries: Mapping[str, Value], *, submit: bool = False) -> None:
        """Fill in the open modal, by the labels of its inputs and the texts of options, and submit it if asked to."""
        for label, value in entries.items():
            view = await self._open_view()
            control = pick(view_controls(view), label, None)
            entered = await self._value(control, value)
            if control.tells_app:
                await self._use(control, entered, f"fill {label!r}")
            own = self._entered.setdefault(view["id"], {})
            own.setdefault(control.block_id, {})[control.action_id] = entered
        if submit:
            await self.submit()

    async def submit(self) -> None:
        """Press the submit button of the open modal."""
        view = await self._open_view()
        if not view.get("submit"):
            raise LabelError(f"the open view has no submit button; it shows {visible_labels(view_controls(view))}")
        body = {"view_id": view["id"], "values": self._entered.get(view["id"], {})}
        await self._do("submit", body, f"submit {view['visible'].splitlines()[0]!r}")

    async def close(self, *, clear: bool = False) -> None:
        """Close the open modal, or with `clear` the whole stack."""
        await self._do("close", {"view_id": (await self._open_view())["id"], "clear": clear}, "close the view")

    async def shortcut(self, callback_id: str, *, message: Json | None = None) -> None:
        """Run a shortcut of the app, on a message if one is given."""
        place = {"channel": message["channel"], "ts": message["ts"]} if message else {}
        await self._do("shortcut", {"callback_id": callback_id} | place, f"run {callback_id}")

    async def react(self, message: Json, name: str, *, remove: bool = False) -> None:
        """Add a reaction to a message, or take it back."""
        body = {"channel": message["channel"], "ts": message["ts"], "name": name, "remove": remove}
        await self._do("react", body, f"react with {name}")

    async def join(self, channel: str) -> None:
        """Enter a public channel."""
        await self._do("join", {"channel": channel}, f"join #{channel}")

    async def open_home(self) -> None:
        """Open the app's Home tab."""
        await self._do("home", {}, "open the Home tab")

    async def channels(self) -> list[Json]:
        """Return the channels that this person sees."""
        return list((await self._get("channels"))["channels"])

    async def messages(self, channel: str) -> list[Json]:
        """Return the messages that this person sees in a channel (name or id), oldest first."""
        found = (await self._get(f"channels/{channel.removeprefix('#')}/messages"))["messages"]
        return [message | {"channel": channel} for message in found]

    async def search(self, channel: str, query: str) -> list[Json]:
        """Return the messages in a channel whose visible text holds every word of a query, oldest first."""
        answer = await self._http.get(
            self._path(f"channels/{channel.removeprefix('#')}/search"), params={"query": query}
        )
        answer.raise_for_status()
        return [message | {"channel": channel} for message in answer.json()["messages"]]

    async def view(self) -> Json | None:
        """Return the modal that is open on top, or `None`."""
        return _optional((await self._get("view"))["view"])

    async def home(self) -> Json | None:
        """Return the Home tab as the app last published it, or `None`."""
        return _optional((await self._get("home"))["view"])

    async def wait_for_message(self, channel: str, *, containing: str, timeout: float = 10) -> Json:  # noqa: ASYNC109 - says what was there
        """Return the newest message in a channel whose visible text holds `containing`; raise `TimeoutError`."""

        async def look() -> tuple[Json | None, Any]:
            messages = await self.messages(channel)
            found = [one for one in messages if containing in one["visible"]]
            return (found[-1] if found else None), [one["visible"] for one in messages]

        return await _poll(look, f"a message containing {containing!r} in #{channel}", timeout)

    async def wait_for_view(self, *, containing: str = "", timeout: float = 10) -> Json:  # noqa: ASYNC109 - says what was there
        """Return the open modal as soon as its visible text holds `containing`; raise `TimeoutError`."""

        async def look() -> tuple[Json | None, Any]:
            view = await self.view()
            return (view if view and containing in view["visible"] else None), view and view["visible"]

        return await _poll(look, f"a modal containing {containing!r}", timeout)

    async def wait_for_home(self, *, containing: str = "", timeout: float = 10) -> Json:  # noqa: ASYNC109 - says what was there
        """Return the Home tab as soon as its visible text holds `containing`; raise `TimeoutError`."""

        async def look() -> tuple[Json | None, Any]:
            view = await self.home()
            return (view if view and containing in view["visible"] else None), view and view["visible"]

        return await _poll(look, f"a Home tab containing {containing!r}", timeout)

    @staticmethod
    def visible_text(shown: Json) -> str:
        """Return a message or a view as plain text, as read on screen."""
        return str(shown["visible"])

    @staticmethod
    def labels(shown: Json) -> list[str]:
        """Return the labels of all buttons, menus and inputs of a message or a view."""
        return visible_labels(view_controls(shown) if "root_view_id" in shown else controls_of([shown]))

    async def _controls(self, channel: str | None, message: Json | None, *, home: bool) -> list[Control]:
        if message is not None:
            latest = [one for one in await self.messages(message["channel"]) if one["ts"] == message["ts"]]
            return controls_of(latest or [message])
        if channel is not None:
            return controls_of(await self.messages(channel))
        if home:
            view = await self.home()
            return view_controls(view) if view else []
        return view_controls(await self._open_view())

    async def _value(self, control: Control, value: Value) -> Value:
        if control.asks_app:
            texts = [value] if isinstance(value, str) else value
            return plain_value(
                control, value, [option for text in texts for option in await self._suggest(control, text)]
            )
        if control.names_users:
            users = {one["name"]: one["id"] for one in (await self._get("members"))["members"]}
            return _translate(value, lambda name: users.get(name.lstrip("@"), name))
        if control.names_channels:
            channels = {one["name"]: one["id"] for one in await self.channels() if "name" in one}
            return _translate(value, lambda name: channels.get(name.lstrip("#"), name))
        return plain_value(control, value, control.options)

    async def _suggest(self, control: Control, query: str) -> list[Json]:
        answer = await self._http.post(self._path("suggest"), json={"target": control.target, "query": query})
        answer.raise_for_status()
        return list(answer.json()["options"])

    async def _use(self, control: Control, value: Value | None, doing: str) -> None:
        view_id = str(control.target.get("view_id"))
        body = {"target": control.target, "value": value, "values": self._entered.get(view_id, {})}
        await self._do("press" if control.is_button else "select", body, doing)

    async def _open_view(self) -> View:
        view = await self.view()
        if view is None:
            raise LabelError(f"no modal is open for {self.account}")
        return view

    async def _do(self, action: str, body: Json, doing: str) -> Json:
        answer = await self._http.post(self._path(action), json=body)
        outcome: Json = answer.json()
        if not outcome["ok"]:
            raise RejectedError(f"{self.account} could not {doing}", outcome)
        return outcome

    async def _get(self, what: str) -> Json:
        answer = await self._http.get(self._path(what))
        body: Json = answer.json()
        if not body["ok"]:
            raise RejectedError(f"{self.account} cannot see {what}", body)
        return body

    def _path(self, what: str) -> str:
        return f"/people/{self.account}/{what}"


def _optional(view: Json | None) -> Json | None:
    return view


def _translate(value: Value, one: Callable[[str], str]) -> Value:
    return one(value) if isinstance(value, str) else [one(each) for each in value]


async def _poll(look: Callable[[], Awaitable[tuple[Json | None, Any]]], wanted: str, timeout: float) -> Json:  # noqa: ASYNC109 - says what was there
    deadline = time.monotonic() + timeout
    while True:
        found, there = await look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {wanted} within {timeout} s; there was {there}")
        await asyncio.sleep(_POLL_SECONDS)
