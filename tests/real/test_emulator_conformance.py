"""The local workspace and a public emulator of Slack answer alike: same `ok`, same error, same keys of the same types.

Where they differ, Slack's own reference decides. What is listed in `EXPLAINED` is the emulator's doing, or left out of
the workspace on purpose; a difference that is not listed fails, and so does one that is listed and gone.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.workspace.seed import DEFAULT_SEED
from tests.contract.workspace_fixtures import run_workspace
from tests.real.emulator import running_emulator
from tests.real.emulator_walk import UPLOAD, WALK, Step

Json = dict[str, Any]
_REFERENCE = "https://docs.slack.dev/reference/methods/"
_NO_PICTURES = "people and apps of the workspace have no pictures"
_NO_MARKS = "a bot reads nothing, so it has no reading mark; the reference shows it for people"
_ONLY_IM = f"for direct conversations only: {_REFERENCE}conversations.open"
_INVALID = "a missing argument is `invalid_arguments`, with the name in `response_metadata`"

EXPLAINED: Mapping[str, str] = {
    "app_id": f"not in the reference: {_REFERENCE}auth.test",
    "bot.icons.image_48": _NO_PICTURES,
    "channel.is_open": _ONLY_IM,
    "channel.last_read": _NO_MARKS,
    "channel.num_members": f"only with include_num_members: {_REFERENCE}conversations.info",
    "channels[].is_open": _ONLY_IM,
    "channels[].last_read": _NO_MARKS,
    "members[].profile.huddle_state": f"not in the reference: {_REFERENCE}users.list",
    "members[].profile.huddle_state_expiration_ts": f"not in the reference: {_REFERENCE}users.list",
    "members[].profile.image_192": _NO_PICTURES,
    "members[].profile.image_48": _NO_PICTURES,
    "messages[].metadata": f"only with include_all_metadata: {_REFERENCE}conversations.history",
    "paging": f"not in the reference: {_REFERENCE}files.info",
    "response_metadata": f"the workspace gives a cursor only where there is more: {_REFERENCE}conversations.history",
    "user.profile.email": "a bot has no address; the emulator makes one up",
    "user.profile.huddle_state": f"not in the reference: {_REFERENCE}users.info",
    "user.profile.huddle_state_expiration_ts": f"not in the reference: {_REFERENCE}users.info",
    "user.profile.image_192": _NO_PICTURES,
    "user.profile.image_48": _NO_PICTURES,
    "chat.postMessage: invalid_arguments here, channel_not_found there": _INVALID,
    "conversations.create: invalid_name_required here, invalid_name_specials there": (
        f"an empty name is invalid_name_required: {_REFERENCE}conversations.create"
    ),
    "conversations.kick: not_in_channel here, user_not_in_channel there": (
        f"only not_in_channel exists: {_REFERENCE}conversations.kick"
    ),
    "conversations.replies: thread_not_found here, ok there": (
        f"no such thread is thread_not_found: {_REFERENCE}conversations.replies"
    ),
    "users.info: invalid_arguments here, user_not_found there": _INVALID,
}


class Side:
    """One of the two, and what its answers gave so far."""

    def __init__(self, base_url: str) -> None:
        token = DEFAULT_SEED.app.bot_token
        self._http = httpx.AsyncClient(
            base_url=base_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30
        )
        self._kept: dict[str, Any] = {}

    async def aclose(self) -> None:
        await self._http.aclose()

    async def take(self, step: Step) -> Json:
        """Make one call and return its answer."""
        arguments = self._filled(step.arguments)
        if step.method == UPLOAD:
            answer = await self._http.post(arguments["url"], content=arguments["content"])
            return {"ok": answer.is_success}
        body: Json = (await self._http.post(f"/api/{step.method}", json=arguments)).json()
        for name, path in step.keep.items():
            self._kept[name] = _at(body, path)
        return body

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str):
            name = re.fullmatch(r"\{(\w+)\}", value)
            return self._kept[name[1]] if name else value
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        if isinstance(value, Mapping):
            return {name: self._filled(one) for name, one in value.items()}
        return value


def _at(body: Json, path: str) -> Any:
    found: Any = body
    for name in path.split("."):
        found = found[name]
    return found


def differences(step: Step, ours: Json, theirs: Json) -> Iterator[str]:
    """Yield what the emulator answers otherwise, or beyond what the workspace answers."""
    here, there = (one.get("error", "ok") for one in (ours, theirs))
    if here != there:
        yield f"{step.method}: {here} here, {there} there"
    elif ours["ok"]:
        yield from _shape("", ours, theirs)


def _shape(path: str, ours: Any, theirs: Any) -> Iterator[str]:
    if ours is None or theirs is None:
        return
    if type(ours) is not type(theirs):
        yield f"{path}: {type(ours).__name__} here, {type(theirs).__name__} there"
    elif isinstance(ours, dict):
        for name, value in theirs.items():
            place = f"{path}.{name}".removeprefix(".")
            if name in ours:
                yield from _shape(place, ours[name], value)
            elif not _is_id(name):
                yield place
    elif isinstance(ours, list) and ours and theirs:
        yield from _shape(f"{path}[]", ours[0], theirs[0])


def _is_id(name: str) -> bool:
    """Tell whether a key is the id of a channel, which each side gives as it likes."""
    return re.fullmatch(r"[CGD][0-9A-Z]{8,}", name) is not None


@pytest.mark.real
async def test_the_workspace_and_a_public_emulator_answer_alike(tmp_path: Path) -> None:
    found: set[str] = set()
    async with run_workspace() as slack:
        with running_emulator(tmp_path) as emulator:
            ours, theirs = Side(slack.base_url), Side(emulator)
            for step in WALK:
                found.update(differences(step, await ours.take(step), await theirs.take(step)))
            await ours.aclose()
            await theirs.aclose()
    assert sorted(found - EXPLAINED.keys()) == [], "these are not explained"
    assert sorted(EXPLAINED.keys() - found) == [], "these are explained and gone"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({"ok": True, "a": 1}, {"ok": True, "a": 2}, []),
        ({"ok": True}, {"ok": True, "a": {"b": 1}}, ["a"]),
        (
            {"ok": True, "a": [{"b": 1}]},
            {"ok": True, "a": [{"b": "1", "c": 1}]},
            ["a[].b: int here, str there", "a[].c"],
        ),
        ({"ok": False, "error": "x"}, {"ok": True}, ["m: x here, ok there"]),
        ({"ok": False, "error": "x", "a": 1}, {"ok": False, "error": "x"}, []),
    ],
)
def test_a_difference_is_told_by_its_place(ours: Json, theirs: Json, expected: list[str]) -> None:
    assert list(differences(Step("m"), ours, theirs)) == expected
