"""Files, as slack_sdk uploads them: announced, uploaded, shared, seen by whom they were shared with, and deleted."""

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.workspace.client import Person
from bot.workspace.limits import Limits
from tests.contract.workspace_fixtures import RunningWorkspace, run_workspace, section

ALERTS = "C0AIALERTS"
PNG = b"\x89PNG\r\n\x1a\n and then whatever: nobody here looks inside"
Json = dict[str, Any]


async def shared(slack: RunningWorkspace, **more: Any) -> Json:
    """Upload a file as the SDK does and return it."""
    given = {"filename": "chart.png", "content": PNG, "channel": ALERTS} | more
    answer = await slack.web.files_upload_v2(**given)
    return dict(answer["files"][0])


async def announced(slack: RunningWorkspace, length: int = 3) -> Json:
    answer = await slack.web.files_getUploadURLExternal(filename="notes.txt", length=length)
    return {"id": answer["file_id"], "url": answer["upload_url"]}


async def refusal(awaitable: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await awaitable
    return str(caught.value.response["error"])


async def test_a_file_is_uploaded_and_shared_with_its_title_and_comment(
    slack: RunningWorkspace, commander: Person
) -> None:
    file = await shared(slack, title="Harm rate", initial_comment="*The chart*")
    message = await commander.wait_for_message("ai-alerts", containing="Harm rate")
    assert message["visible"] == "The chart\nHarm rate"
    (in_history,) = (await slack.web.conversations_history(channel=ALERTS))["messages"][0]["files"]
    assert in_history["id"] == file["id"]
    told = (await slack.web.files_info(file=file["id"]))["file"]
    assert (told["mimetype"], told["size"], told["channels"]) == ("image/png", len(PNG), [ALERTS])


async def test_several_files_make_one_message_and_may_answer_in_a_thread(
    slack: RunningWorkspace, commander: Person
) -> None:
    parent = await slack.web.chat_postMessage(channel=ALERTS, text="parent")
    uploads = [{"content": "a,b", "filename": "rows.csv"}, {"content": "why", "filename": "why.txt", "title": "Why"}]
    await slack.web.files_upload_v2(channel=ALERTS, file_uploads=uploads, thread_ts=parent["ts"])
    message = await commander.wait_for_message("ai-alerts", containing="Why")
    assert [one["name"] for one in message["files"]] == ["rows.csv", "why.txt"]
    assert message["thread_ts"] == parent["ts"]


async def test_the_app_downloads_what_was_uploaded_with_its_token_only(slack: RunningWorkspace) -> None:
    file = await shared(slack)
    with_token = await slack.http.get(file["url_private"], headers={"Authorization": "Bearer xoxb-local"})
    assert with_token.content == PNG
    assert (await slack.http.get(file["url_private"])).status_code == 403
    wrong = await slack.http.get(file["url_private"], headers={"Authorization": "Bearer xapp-local"})
    assert wrong.status_code == 403


async def test_a_picture_is_on_the_page_of_whoever_sees_the_channel(slack: RunningWorkspace) -> None:
    channel = (await slack.web.conversations_create(name="inc-private", is_private=True))["channel"]["id"]
    await slack.web.conversations_invite(channel=channel, users="U0COMMANDER")
    file = await shared(slack, channel=channel, alt_txt="A rising line")
    html = (await slack.http.get(f"/client/commander/{channel}")).text
    assert f'<img src="/people/commander/files/{file["id"]}" alt="A rising line">' in html
    seen = await slack.http.get(f"/people/commander/files/{file['id']}")
    assert (seen.content, seen.headers["Content-Type"]) == (PNG, "image/png")
    assert (await slack.http.get(f"/people/responder/files/{file['id']}")).status_code == 404


async def test_an_image_block_shows_the_workspaces_own_file(slack: RunningWorkspace) -> None:
    file = await shared(slack)
    blocks: list[Json] = [
        {"type": "image", "alt_text": "by id", "slack_file": {"id": file["id"]}},
        {"type": "image", "alt_text": "by url", "slack_file": {"url": file["url_private"]}},
        section("text") | {"accessory": {"type": "image", "alt_text": "beside", "slack_file": {"id": file["id"]}}},
    ]
    await slack.web.chat_postMessage(channel=ALERTS, text="x", blocks=blocks)
    html = (await slack.http.get(f"/client/commander/{ALERTS}")).text
    assert html.count(f'src="/people/commander/files/{file["id"]}"') == 4


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "run.exe", "no-ending", 'odd"name;.html'])
async def test_what_is_no_picture_is_downloaded_and_never_run(slack: RunningWorkspace, name: str) -> None:
    file = await shared(slack, filename=name, content="<script>alert(1)</script>")
    answer = await slack.http.get(f"/people/commander/files/{file['id']}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "<img" not in (await slack.http.get(f"/client/commander/{ALERTS}/main")).text


async def test_a_deleted_file_leaves_a_tombstone(slack: RunningWorkspace, commander: Person) -> None:
    file = await shared(slack)
    await slack.web.files_delete(file=file["id"])
    (message,) = await commander.messages("ai-alerts")
    assert message["visible"] == "This file was deleted."
    assert message["files"] == [{"id": file["id"], "mode": "tombstone"}]
    assert "This file was deleted." in (await slack.http.get(f"/client/commander/{ALERTS}")).text
    assert (await slack.http.get(f"/people/commander/files/{file['id']}")).status_code == 404
    assert await refusal(slack.web.files_info(file=file["id"])) == "file_deleted"
    assert await refusal(slack.web.files_delete(file=file["id"])) == "file_deleted"


async def test_an_upload_takes_what_was_announced_and_only_once(slack: RunningWorkspace) -> None:
    file = await announced(slack)
    for wrong in (b"", b"to", b"four"):
        assert (await slack.http.post(file["url"], content=wrong)).status_code == 400
    assert (await slack.http.post(file["url"], content=b"all")).text == "OK - 3"
    assert (await slack.http.post(file["url"], content=b"all")).status_code == 404
    assert (await slack.http.post("/upload/made-up", content=b"all")).status_code == 404


async def test_a_form_upload_is_taken_too(slack: RunningWorkspace) -> None:
    file = await announced(slack)
    assert (await slack.http.post(file["url"], files={"filename": ("notes.txt", b"four")})).status_code == 400
    assert (await slack.http.post(file["url"], data={"filename": "no file"})).status_code == 400
    assert (await slack.http.post(file["url"], files={"filename": ("notes.txt", b"all")})).status_code == 200
    await slack.web.files_completeUploadExternal(files=[{"id": file["id"]}], channel_id=ALERTS)


async def test_a_file_is_seen_by_nobody_before_it_is_complete(slack: RunningWorkspace) -> None:
    file = await announced(slack)
    complete: list[dict[str, str | None]] = [{"id": file["id"], "title": "Notes"}]
    assert await refusal(slack.web.files_completeUploadExternal(files=complete)) == "file_not_found"
    await slack.http.post(file["url"], content=b"all")
    assert await refusal(slack.web.files_info(file=file["id"])) == "file_not_found"
    await slack.web.files_completeUploadExternal(files=complete)
    assert (await slack.web.files_info(file=file["id"]))["file"]["channels"] == []
    assert (await slack.http.get(f"/people/commander/files/{file['id']}")).status_code == 404
    assert await refusal(slack.web.files_completeUploadExternal(files=complete)) == "file_not_found"


async def test_what_is_wrong_with_an_upload_has_slacks_names(slack: RunningWorkspace) -> None:
    async def ask(**arguments: Any) -> str:
        return await refusal(slack.web.api_call("files.getUploadURLExternal", params=arguments))

    assert await ask(filename="x", length="0") == "missing_argument"
    assert await ask(filename="x", length="many") == "invalid_arguments"
    assert await ask(filename="x", length="50000001") == "file_upload_size_restricted"
    assert await ask(filename="x", length="3", alt_txt="x" * 1_001) == "alt_txt_too_large"
    assert await ask(length="3") == "invalid_arguments"
    for files in ("nonsense", "[]", "[1]", "{}"):
        answer = slack.web.api_call("files.completeUploadExternal", params={"files": files})
        assert await refusal(answer) == "invalid_arguments"


async def test_a_file_goes_only_where_the_app_is(slack: RunningWorkspace) -> None:
    channel = (await slack.web.conversations_create(name="inc-1"))["channel"]["id"]
    await slack.web.conversations_invite(channel=channel, users="U0COMMANDER")
    await slack.web.conversations_leave(channel=channel)
    assert await refusal(shared(slack, channel=channel)) == "not_in_channel"
    assert await refusal(shared(slack, channel="C0NOWHERE")) == "channel_not_found"


async def test_more_than_may_be_held_or_than_was_announced_is_refused() -> None:
    async with run_workspace(limits=Limits(post_rate=0, file_bytes=10)) as slack:
        assert await refusal(shared(slack)) == "file_upload_size_restricted"
        file = await announced(slack)

        async def too_much() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 10_000

        assert (await slack.http.post(file["url"], content=too_much())).json()["error"] == "length_mismatch"
        assert (await slack.http.post(file["url"], content=b"all")).status_code == 200


async def test_sharing_a_file_is_an_event(slack: RunningWorkspace) -> None:
    async with slack.socket() as socket:
        await shared(slack)
        envelope = await socket.receive()
        await socket.acknowledge(envelope)
    event = envelope["payload"]["event"]
    assert (event["subtype"], event["files"][0]["name"]) == ("file_share", "chart.png")
