"""Block Kit's limits: each breach is refused with the JSON pointer of its place."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from tests.contract.workspace_fixtures import RunningWorkspace, actions, button, options, plain, section

Json = dict[str, Any]


def context(count: int) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * count}


def fields(count: int, text: str = "x") -> Json:
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": text}] * count}


def select(count: int) -> Json:
    return {"type": "static_select", "action_id": "s", "options": options(*(f"o{number}" for number in range(count)))}


TOO_MUCH = [
    pytest.param([{"type": "divider"}] * 51, "no more than 50 items allowed", "/blocks", id="51 blocks"),
    pytest.param([section("x" * 3_001)], "must be less than 3001 characters", "/blocks/0/text/text", id="section text"),
    pytest.param([section("")], "must be more than 0 characters", "/blocks/0/text/text", id="empty section"),
    pytest.param([fields(11)], "no more than 10 items allowed", "/blocks/0/fields", id="11 fields"),
    pytest.param([fields(1, "x" * 2_001)], "must be less than 2001", "/blocks/0/fields/0/text", id="field text"),
    pytest.param(
        [{"type": "header", "text": plain("x" * 151)}], "must be less than 151", "/blocks/0/text", id="header"
    ),
    pytest.param(
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        "plain_text",
        "/blocks/0/text/type",
        id="mrkdwn header",
    ),
    pytest.param([context(11)], "no more than 10 items allowed", "/blocks/0/elements", id="11 context elements"),
    pytest.param(
        [actions(*(button("b", f"a{n}") for n in range(26)))], "no more than 25", "/blocks/0/elements", id="26 buttons"
    ),
    pytest.param(
        [actions(button("x" * 76, "a"))], "must be less than 76", "/blocks/0/elements/0/text/text", id="button text"
    ),
    pytest.param(
        [actions(button("x", "a" * 256))], "must be less than 256", "/blocks/0/elements/0/action_id", id="action id"
    ),
    pytest.param(
        [actions(button("x", "a", value="v" * 2_001))], "must be less than 2001", "/elements/0/value", id="value"
    ),
    pytest.param([actions(button("x", "a", style="green"))], "valid enum", "/blocks/0/elements/0/style", id="style"),
    pytest.param(
        [actions(button("x", "a"), button("y", "a"))], "already exists", "/elements/1/action_id", id="twin ids"
    ),
    pytest.param([actions(select(101))], "no more than 100", "/blocks/0/elements/0/options", id="101 options"),
    pytest.param([actions(select(0))], "no fewer than 1", "/blocks/0/elements/0/options", id="no options"),
    pytest.param([{"type": "marquee"}], "unsupported type: marquee", "/blocks/0/type", id="unknown block"),
    pytest.param(
        [actions({"type": "plain_text_input", "action_id": "a"})],
        "unsupported type",
        "/elements/0/type",
        id="input in actions",
    ),
    pytest.param(
        [{"type": "image", "image_url": "https://example.com/a.png"}],
        "missing required field: alt_text",
        "/blocks/0",
        id="no alt text",
    ),
    pytest.param(
        [section("a") | {"block_id": "b"}, section("c") | {"block_id": "b"}],
        "already exists",
        "/blocks/1/block_id",
        id="twin blocks",
    ),
    pytest.param(["text"], "must be an object", "/blocks/0", id="no object"),
]


@pytest.mark.parametrize(("blocks", "problem", "pointer"), TOO_MUCH)
async def test_blocks_beyond_a_limit_are_refused_with_their_place(
    slack: RunningWorkspace, blocks: list[Json], problem: str, pointer: str
) -> None:
    with pytest.raises(SlackApiError) as caught:
        await slack.web.chat_postMessage(channel="C0AIALERTS", text="x", blocks=blocks)
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    message = next(one for one in answer["response_metadata"]["messages"] if problem in one)
    assert message.startswith("[ERROR] ")
    assert pointer in message
    assert message.removeprefix("[ERROR] ") in answer["errors"]


async def test_blocks_at_their_limits_are_accepted(slack: RunningWorkspace) -> None:
    blocks = [
        section("x" * 3_000),
        fields(10, "x" * 2_000),
        {"type": "header", "text": plain("x" * 150)},
        context(10),
        actions(*(button("x" * 75, f"{n}".rjust(255, "a"), value="v" * 2_000) for n in range(25))),
        {"type": "actions", "elements": [select(100)]},
        *([{"type": "divider"}] * 44),
    ]
    assert len(blocks) == 50
    await slack.web.chat_postMessage(channel="C0AIALERTS", text="full", blocks=blocks)


async def test_a_bad_block_in_an_attachment_is_refused_with_its_place(slack: RunningWorkspace) -> None:
    bad = [{"blocks": [{"type": "image", "image_url": "https://example.com/a.png"}]}]
    with pytest.raises(SlackApiError) as caught:
        await slack.web.chat_postMessage(channel="C0AIALERTS", text="x", attachments=bad)
    assert caught.value.response["error"] == "invalid_attachments"
    assert caught.value.response["errors"] == [
        "missing required field: alt_text [json-pointer:/attachments/0/blocks/0]"
    ]
