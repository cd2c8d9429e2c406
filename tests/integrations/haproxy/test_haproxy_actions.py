"""What the plans of the HAProxy actions say, and the cases in which they refuse."""

import copy

import pytest

from bot.sdk import AuthFailed, JsonObject, Rejected, Unavailable, UserError
from integrations.haproxy import INTEGRATION
from tests.integrations.haproxy.contract import BACKEND, CLIENTS, LIMIT, TENANTS, WORLD, with_other_servers
from tests.integrations.simulated import Simulated
from tests.integrations.wire import body


def haproxy(ref: JsonObject, document: JsonObject | None = None, **more: object) -> Simulated:
    return Simulated(INTEGRATION, {**(document or WORLD), **more}, ref)


def with_servers(servers: JsonObject, **backend: object) -> JsonObject:
    return {**WORLD, "backends": {"assistant": {"servers": servers, **backend}}}


def with_lines(kind: str, path: str, *lines: str) -> JsonObject:
    return {**WORLD, kind: {path: list(lines)}}


async def test_moving_weight_shows_every_servers_share() -> None:
    proposal = await haproxy(BACKEND).planned("set_weight", {"server": "new", "weight": "0"})
    assert proposal.summary == "Set the weight of new to 0 in backend assistant"
    assert proposal.blast_radius == (
        "backend assistant, 2 servers",
        "server old: 75 % -> 100 % of the traffic",
        "server new: 25 % -> 0 % of the traffic",
    )
    assert proposal.after["servers"]["new"] == {"weight": 0, "state": "ready"}


@pytest.mark.parametrize("action", ["drain", "take_out"])
async def test_a_server_that_is_not_ready_gets_nothing_whatever_its_weight(action: str) -> None:
    proposal = await haproxy(BACKEND).planned(action, {"server": "old"})
    assert proposal.blast_radius[1:3] == (
        "server old: 75 % -> 0 % of the traffic",
        "server new: 25 % -> 100 % of the traffic",
    )


@pytest.mark.parametrize(
    ("action", "params"), [("set_weight", {"weight": 0}), ("drain", {}), ("take_out", {})], ids=str
)
@pytest.mark.parametrize("other", [{"weight": 0}, {"weight": 5, "state": "drain"}, {"weight": 5, "state": "maint"}])
async def test_the_last_server_that_gets_traffic_is_left_alone(
    action: str, params: JsonObject, other: JsonObject
) -> None:
    on = haproxy(BACKEND, with_servers({"old": other, "new": {"weight": 10}}))
    with pytest.raises(UserError, match="no server left that gets traffic"):
        await on.plan(action, {"server": "new", **params})


async def test_a_server_that_the_backend_does_not_have_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(UserError, match="has no server newer; it has old, new"):
        await haproxy(BACKEND).plan("drain", {"server": "newer"})


async def test_choices_are_the_servers() -> None:
    assert await haproxy(BACKEND).action("drain").choices(BACKEND) == ["old", "new"]


async def test_a_drained_server_can_be_taken_out_and_is_drained_again_after_undo() -> None:
    on = haproxy(BACKEND)
    await on.carry_out("drain", {"server": "new"})
    taken_out = await on.carry_out("take_out", {"server": "new"})
    await on.undo("take_out", taken_out)
    assert (await on.read("drain"))["servers"]["new"] == {"weight": 25, "state": "drain"}


async def test_a_static_algorithm_takes_0_and_back_and_nothing_else() -> None:
    on = haproxy(BACKEND, with_servers({"old": {"weight": 75}, "new": {"weight": 25}}, static=True))
    await on.undo("set_weight", await on.carry_out("set_weight", {"server": "new", "weight": 0}))
    with pytest.raises(Rejected, match="static LB algorithm"):
        await on.apply("set_weight", await on.planned("set_weight", {"server": "new", "weight": 5}))
    assert (await on.read("set_weight"))["servers"]["new"]["weight"] == 25


async def test_a_refusal_of_one_of_several_commands_leaves_the_effect_unknown() -> None:
    on = haproxy(BACKEND, with_servers({"old": {"weight": 75}, "new": {"weight": 25}}, static=True))
    before = await on.read("drain")
    after = {"servers": {**before["servers"], "new": {"weight": 5, "state": "drain"}}}
    with pytest.raises(Unavailable, match="one of 2 commands was refused"):
        await on.action("drain").apply(BACKEND, before, after, key="k")
    assert (await on.read("drain"))["servers"]["new"] == {"weight": 25, "state": "drain"}


async def test_a_socket_of_too_low_a_level_is_a_credential_that_was_refused() -> None:
    on = haproxy(BACKEND, level="user")
    proposal = await on.planned("drain", {"server": "new"})
    with pytest.raises(AuthFailed, match="the stats socket needs `level admin`"):
        await on.apply("drain", proposal)
    assert await on.read("drain") == proposal.before


async def test_a_haproxy_that_says_yes_and_does_nothing_shows_when_it_is_read() -> None:
    on = haproxy(BACKEND)
    proposal = await on.planned("drain", {"server": "new"})
    on.wire.break_with(body("\n"), concerns="writes")
    await on.apply("drain", proposal)
    assert await on.read("drain") == proposal.before


@pytest.mark.parametrize(
    "text", ["0x1 192.0.2.1", "0x1 192.0.2.1\n", "0x1 192.0.2.1\n0x2 192\n", "", "1\n\n", "0x1\n\n"]
)
async def test_a_list_that_was_cut_off_is_not_a_list(text: str) -> None:
    on = haproxy(CLIENTS)
    on.wire.break_with(body(text))
    with pytest.raises(Unavailable):
        await on.read("block_client")


@pytest.mark.parametrize("text", ["1\n\n", "2\n# srv_name\n\n", "1\n# srv_name\na\n\n", "1\nx\n\n"])
async def test_servers_in_another_format_are_not_understood(text: str) -> None:
    on = haproxy(BACKEND)
    on.wire.break_with(body(text))
    with pytest.raises(Unavailable):
        await on.read("drain")


@pytest.mark.parametrize("spelt", ["203.0.113.7/32", "203.0.113.7"])
async def test_a_client_that_is_on_the_list_in_any_spelling_is_blocked(spelt: str) -> None:
    on = haproxy(CLIENTS, with_lines("acls", CLIENTS["acl"], spelt))
    assert await on.plan("block_client", {"client": "203.0.113.7/32"}) is None


async def test_an_address_is_put_on_the_list_in_one_spelling_and_a_network_with_its_size() -> None:
    on = haproxy(CLIENTS)
    one = await on.carry_out("block_client", {"client": "2001:DB8:0::1"})
    many = await on.carry_out("block_client", {"client": "203.0.113.0/28"})
    assert on.document["acls"][CLIENTS["acl"]] == ["192.0.2.1", "2001:db8::1", "203.0.113.0/28"]
    assert many.blast_radius[1:] == (
        "client 203.0.113.0/28: 16 address(es)",
        "2 entries are on it already and stay so",
    )
    await on.undo("block_client", many)
    await on.undo("block_client", one)
    assert on.document["acls"][CLIENTS["acl"]] == ["192.0.2.1"]


async def test_an_entry_that_somebody_spelt_otherwise_meanwhile_is_deleted_as_it_is_spelt() -> None:
    on = haproxy(CLIENTS)
    done = await on.carry_out("block_client", {"client": "203.0.113.7"})
    on.disturb(lambda document: {**document, "acls": {CLIENTS["acl"]: ["192.0.2.1", "203.0.113.7/32", "203.0.113.7"]}})
    await on.undo("block_client", done)
    assert on.document["acls"][CLIENTS["acl"]] == ["192.0.2.1"]


async def test_a_list_that_no_plan_could_show_is_rejected() -> None:
    on = haproxy(TENANTS, with_lines("acls", TENANTS["acl"], *(f"tenant-{number}" for number in range(1_001))))
    with pytest.raises(Rejected, match="more than 1000 entries"):
        await on.read("block_value")


async def test_a_text_with_spaces_that_somebody_listed_is_kept_as_it_is() -> None:
    on = haproxy(TENANTS, with_lines("acls", TENANTS["acl"], "tenant 12"))
    assert await on.read("block_value") == {"entries": {"tenant 12": "listed"}}
    await on.undo("block_value", await on.carry_out("block_value", {"value": "tenant"}))


async def test_a_key_without_a_limit_gets_an_entry_and_undo_deletes_it() -> None:
    on = haproxy({**LIMIT, "key": "translate"})
    done = await on.carry_out("set_limit", {"limit": 40})
    assert done.blast_radius[0] == (
        "limit of translate in map /etc/haproxy/limits.map: what the configuration says where there is no entry -> 40"
    )
    assert on.document["maps"][LIMIT["map"]] == ["assistant 1000", "search 50", "translate 40"]
    await on.undo("set_limit", done)
    assert on.document["maps"][LIMIT["map"]] == ["assistant 1000", "search 50"]


async def test_other_keys_of_the_map_may_change_in_between() -> None:
    on = haproxy(LIMIT)
    done = await on.carry_out("set_limit", {"limit": 0})
    on.disturb(lambda document: {**document, "maps": {LIMIT["map"]: ["assistant 0", "search 1"]}})
    await on.undo("set_limit", done)
    assert on.document["maps"][LIMIT["map"]] == ["assistant 1000", "search 1"]


@pytest.mark.parametrize(
    "lines", [("assistant 10", "assistant 20"), ("assistant many",), ("assistant",), ("assistant -1",)]
)
async def test_an_entry_that_undo_could_not_restore_is_rejected(lines: tuple[str, ...]) -> None:
    with pytest.raises(Rejected, match="more than once, or with something that is no number"):
        await haproxy(LIMIT, with_lines("maps", LIMIT["map"], *lines)).read("set_limit")


@pytest.mark.parametrize("name", ["a b", "a;show info", "a\nb", "", "a/b", "#1", "a" * 101, "<<"])
async def test_a_name_that_could_be_another_command_is_refused(name: str) -> None:
    for ref, action in (
        ({"backend": name}, "drain"),
        ({"acl": f"{name};"}, "block_client"),
        ({**LIMIT, "map": f"#{name}"}, "set_limit"),
        ({**LIMIT, "key": f"{name} "}, "set_limit"),
    ):
        on = haproxy(ref)
        with pytest.raises(UserError, match="HAProxy cannot take"):
            await on.read(action)
        assert not on.wire.requests


async def test_a_reload_shows_in_what_is_read_and_its_other_file_is_not_overwritten() -> None:
    on = haproxy(BACKEND)
    done = await on.carry_out("set_weight", {"server": "new", "weight": 0})
    on.disturb(lambda _: with_other_servers(copy.deepcopy(WORLD)))
    assert await on.read("set_weight") != done.after
    with pytest.raises(Rejected, match="somebody else changed backend assistant, or HAProxy was reloaded"):
        await on.undo("set_weight", done)
