"""What a declared operation sends, reads and refuses."""

import json
from typing import Any

import httpx
import pytest

from bot.sdk import AuthFailed, JsonObject, Rejected, Unavailable, UserError
from tests.integrations.http.declared import ITEM, TEXT, DeclaredApi, reading, setting
from tests.integrations.wire import body, status

ITEMS: JsonObject = {"documents": {"/v1/items/one": {"value": 50}}}
ONE = reading(item="one")

HOSTILE = [
    "../../admin",
    "one/../two",
    "one?x=1",
    "one#x",
    "a b",
    "%2e%2e",
    "ünï",
    "${values.value}",
    "one\\two",
    "a;b",
]


def sent(request: httpx.Request) -> Any:
    return json.loads(request.content)


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_a_person_types_stays_one_path_segment(text: str) -> None:
    on = DeclaredApi(setting(), ITEMS)
    with pytest.raises(Rejected, match="404"):
        await on.action().read(reading(item=text))
    [request] = on.wire.requests
    assert request.url.host == "http.simulated"
    path = request.url.raw_path.decode().split("/")
    assert len(path) == 4
    assert path[:3] == ["", "v1", "items"]
    assert not set("?#\\ ;") & set(path[3])


@pytest.mark.parametrize("text", ["", ".", "..", "one\ntwo", "x" * 201, "one\u202etwo"])
async def test_what_is_no_segment_or_no_line_is_refused_before_anything_is_sent(text: str) -> None:
    on = DeclaredApi(setting(), ITEMS)
    with pytest.raises(Rejected, match="400"):
        await on.action().read(reading(item=text))
    assert not on.wire.requests


async def test_what_a_person_types_stays_one_value_of_the_query_and_of_the_body() -> None:
    hostile = '1&admin=true", "admin": true'
    look = {"path": "/v1/item", "query": {"of": "${ref.item}"}, "values": {"note": "/note"}}
    write = {"method": "PATCH", "path": "/v1/item", "query": {"of": "${ref.item}"}, "body": {"note": "${values.note}"}}
    operation = setting(read=look, apply=write, params={"note": TEXT}, sets={"note": "${params.note}"})
    on = DeclaredApi(operation, {"documents": {"/v1/item": {"note": ""}}})
    await on.carry_out(reading(item=hostile), note=hostile)
    write_sent = on.wire.writes[0]
    assert dict(write_sent.url.params) == {"of": hostile}
    assert sent(write_sent) == {"note": hostile}


@pytest.mark.parametrize(
    ("declared", "typed", "value"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 100}, "10", 10),
        ({"type": "integer", "minimum": -5, "maximum": 100}, "-5", -5),
        ({"type": "number", "minimum": 0, "maximum": 1}, "0.25", 0.25),
        ({"type": "boolean"}, "false", False),
        ({"type": "choice", "options": ["v17", "v18"]}, "v17", "v17"),
        ({"type": "text"}, "10", "10"),
    ],
)
async def test_a_typed_text_is_sent_as_the_declared_type(declared: JsonObject, typed: str, value: object) -> None:
    on = DeclaredApi(setting(params={"value": declared}), ITEMS)
    await on.carry_out(ONE, value=typed)
    assert sent(on.wire.writes[0]) == {"value": value}
    assert type(sent(on.wire.writes[0])["value"]) is type(value)


@pytest.mark.parametrize(
    ("declared", "typed"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 100}, "250"),
        ({"type": "integer", "minimum": 0, "maximum": 100}, "-5"),
        ({"type": "integer", "minimum": 0, "maximum": 100}, "10.5"),
        ({"type": "integer", "minimum": 0, "maximum": 100}, "\u0661\u0660"),
        ({"type": "integer", "minimum": 0, "maximum": 100}, "1e1"),
        ({"type": "integer", "minimum": 0, "maximum": 100}, ""),
        ({"type": "number", "minimum": 0, "maximum": 1}, "nan"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "inf"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "1.01"),
        ({"type": "boolean"}, "yes"),
        ({"type": "choice", "options": ["v17"]}, "v18"),
        ({"type": "text", "pattern": "v[0-9]+"}, "v1; drop"),
        ({"type": "text", "pattern": "v1|v2"}, "v1x"),
    ],
)
async def test_a_value_out_of_bounds_is_refused_before_the_vendor_sees_it(declared: JsonObject, typed: str) -> None:
    on = DeclaredApi(setting(params={"value": declared}), ITEMS)
    state = await on.action().read(ONE)
    with pytest.raises(UserError, match="`value` must"):
        on.action().plan(ONE, {"value": typed}, state)
    assert not on.wire.writes


async def test_an_operation_is_carried_out_at_its_own_level_only() -> None:
    on = DeclaredApi(setting(level="L6"), ITEMS)
    with pytest.raises(Rejected, match=r"declared at L6, so only http\.switch_off"):
        await on.action("L1").read(ONE)
    assert await on.action("L6").read(ONE) == {"value": 50}


async def test_an_operation_that_is_not_declared_is_named() -> None:
    with pytest.raises(Rejected, match="declares no operation sett; it has set"):
        await DeclaredApi(setting(), ITEMS).action().read(reading("sett", item="one"))


BLOCK = setting(
    params={},
    read={"path": ITEM, "not_found": "absent", "values": {"listed": {"at": "/id", "reads": "presence"}}},
    sets={"listed": True},
    apply={"method": "PUT", "path": ITEM, "body": {"id": "${ref.item}"}},
    undo={"method": "DELETE", "path": ITEM},
)


async def test_an_entry_of_a_list_is_put_and_its_undo_deletes_it() -> None:
    on = DeclaredApi(BLOCK, {"documents": {}})
    ref = reading(item="203.0.113.7")
    proposal = await on.carry_out(ref)
    assert (proposal.before, proposal.after) == ({"listed": False}, {"listed": True})
    assert on.document["documents"] == {"/v1/items/203.0.113.7": {"id": "203.0.113.7"}}
    await on.undo(ref, proposal)
    assert on.document["documents"] == {}


async def test_an_undo_whose_target_was_deleted_is_refused() -> None:
    on = DeclaredApi(setting(), ITEMS)
    proposal = await on.carry_out(ONE, value=10)
    on.disturb(lambda document: document["documents"].clear())
    with pytest.raises(Rejected, match="404"):
        await on.undo(ONE, proposal)
    assert len(on.wire.writes) == 1


DENY = setting(
    params={"topic": TEXT},
    read={"path": ITEM, "values": {"denied": {"at": "/denied", "optional": True}}},
    apply={"method": "PATCH", "path": ITEM, "body": {"denied": "${values.denied}"}},
)


async def test_something_is_added_to_a_list_and_undo_restores_the_list() -> None:
    on = DeclaredApi(
        {**DENY, "sets": {"denied": {"add": "${params.topic}"}}}, {"documents": {"/v1/items/one": {"denied": ["a"]}}}
    )
    proposal = await on.carry_out(ONE, topic="b")
    assert on.document["documents"]["/v1/items/one"] == {"denied": ["a", "b"]}
    assert on.action().plan(ONE, {"topic": "a"}, proposal.after) is None
    await on.undo(ONE, proposal)
    assert on.document["documents"]["/v1/items/one"] == {"denied": ["a"]}


async def test_something_is_removed_from_a_list() -> None:
    operation = {**DENY, "sets": {"denied": {"remove": "${params.topic}"}}}
    on = DeclaredApi(operation, {"documents": {"/v1/items/one": {"denied": ["a", "b"]}}})
    assert (await on.carry_out(ONE, topic="a")).after == {"denied": ["b"]}


async def test_what_is_no_list_cannot_be_added_to() -> None:
    operation = {**DENY, "sets": {"denied": {"add": "${params.topic}"}}}
    on = DeclaredApi(operation, {"documents": {"/v1/items/one": {"denied": "all"}}})
    with pytest.raises(UserError, match="holds no list for `denied`"):
        await on.plan(ONE, topic="a")


VERIFIED = setting(verify={"path": "/v1/effective", "values": {"value": "/value"}})


async def test_a_change_that_is_not_in_force_elsewhere_does_not_read_as_planned() -> None:
    on = DeclaredApi(VERIFIED, {"documents": {"/v1/items/one": {"value": 50}, "/v1/effective": {"value": 50}}})
    proposal = await on.carry_out(ONE, value=10)
    assert await on.action().read(ONE) == {"value": 10, "in_force": {"value": 50}} != proposal.after
    await on.action().apply(ONE, proposal.before, proposal.after, key="k")
    assert len(on.wire.writes) == 1
    on.disturb(lambda document: document["documents"]["/v1/effective"].update(value=10))
    assert await on.action().read(ONE) == proposal.after


async def test_a_vendor_that_says_yes_and_does_nothing_does_not_read_as_planned() -> None:
    on = DeclaredApi(
        setting(), {**ITEMS, "writes": {"PATCH /v1/items/one": {"document": "/v1/items/one", "merge": {}}}}
    )
    proposal = await on.carry_out(ONE, value=10)
    assert await on.action().read(ONE) == proposal.before


async def test_a_stale_write_is_refused_by_the_vendor_when_the_declaration_asks_for_it() -> None:
    on = DeclaredApi(setting(if_match=True), ITEMS)
    proposal = await on.plan(ONE, value=10)
    on.world.meanwhile.append(("http", lambda _: {"documents": {"/v1/items/one": {"value": 77}}}))
    with pytest.raises(Rejected, match="412"):
        await on.action().apply(ONE, proposal.before, proposal.after, key="k")
    assert on.document["documents"]["/v1/items/one"] == {"value": 77}


async def test_a_vendor_without_etags_is_not_written_to_when_the_declaration_asks_for_one() -> None:
    on = DeclaredApi(setting(if_match=True), ITEMS)
    proposal = await on.plan(ONE, value=10)
    on.wire.break_with(body('{"value": 50}'))
    with pytest.raises(Rejected, match="sent no ETag"):
        await on.action().apply(ONE, proposal.before, proposal.after, key="k")
    assert not on.wire.writes


@pytest.mark.parametrize("answer", ['{"value": NaN}', '{"value": {"a": [Infinity]}}', '{"values": 1}', '"value"'])
async def test_an_answer_without_the_declared_value_cannot_be_used(answer: str) -> None:
    on = DeclaredApi(setting(), ITEMS)
    on.wire.break_with(body(answer))
    with pytest.raises(Unavailable):
        await on.action().read(ONE)


async def test_choices_come_from_where_the_declaration_says() -> None:
    choices = {"path": "/v1/versions", "items": "/versions", "value": "/id"}
    versions = {"/v1/versions": {"versions": [{"id": "v18"}, {"id": "v17"}, {"id": 16}]}}
    on = DeclaredApi(setting(choices=choices), {"documents": versions})
    assert list(await on.action().choices(ONE)) == ["v18", "v17", "16"]
    assert list(await DeclaredApi(setting(), ITEMS).action().choices(ONE)) == []


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({}, "Authorization", "Bearer token-of-the-simulator"),
        ({"scheme": "Api-Key"}, "Authorization", "Api-Key token-of-the-simulator"),
        ({"header": "X-Vendor-Key", "scheme": ""}, "X-Vendor-Key", "token-of-the-simulator"),
    ],
)
async def test_the_token_is_sent_as_declared_and_cut_out_of_what_the_vendor_answers(
    auth: JsonObject, header: str, value: str
) -> None:
    on = DeclaredApi(setting(), ITEMS, auth=auth, headers={"X-Reason": "incident"})
    await on.action().read(ONE)
    assert on.wire.requests[0].headers[header] == value
    assert on.wire.requests[0].headers["X-Reason"] == "incident"

    def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, text=f"bad key {request.headers[header]}", request=request)

    on.wire.break_with(echo)
    with pytest.raises(Rejected, match="bad key") as refused:
        await on.action().read(ONE)
    assert "token-of-the-simulator" not in str(refused.value)
    on.wire.break_with(status(401))
    with pytest.raises(AuthFailed):
        await on.action().read(ONE)


async def test_half_of_what_was_to_be_written_is_completed_and_taken_back() -> None:
    two = setting(
        read={"path": ITEM, "values": {"value": "/value", "flagged": "/flagged"}},
        sets={"value": "${params.value}", "flagged": True},
        apply={"method": "PATCH", "path": ITEM, "body": {"value": "${values.value}", "flagged": "${values.flagged}"}},
    )
    on = DeclaredApi(two, {"documents": {"/v1/items/one": {"value": 50, "flagged": False}}})
    proposal = await on.plan(ONE, value=10)
    on.disturb(lambda document: document["documents"]["/v1/items/one"].update(flagged=True))
    await on.action().apply(ONE, proposal.before, proposal.after, key="k")
    assert await on.action().read(ONE) == proposal.after
    on.disturb(lambda document: document["documents"]["/v1/items/one"].update(flagged=False))
    await on.undo(ONE, proposal)
    assert await on.action().read(ONE) == proposal.before
