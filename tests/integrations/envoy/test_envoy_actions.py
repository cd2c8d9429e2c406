"""What the plans of the Envoy actions say, and the cases in which they refuse."""

import copy
import json
from typing import Any

import httpx
import pytest

from bot.sdk import JsonObject, Rejected, Unavailable, UserError
from integrations.envoy import INTEGRATION
from tests.integrations.envoy.contract import (
    ABORT,
    CANARY,
    ENFORCED,
    LIMIT,
    SPLIT,
    filters,
    fraction,
    listener,
    routes,
    setting,
    world,
)
from tests.integrations.simulated import Simulated
from tests.integrations.wire import body, status

NEW_TO_0 = {"cluster": "new", "weight": 0}


def envoy(ref: JsonObject, document: JsonObject | None = None) -> Simulated:
    return Simulated(INTEGRATION, document or world(), ref)


def admin_values(on: Simulated) -> JsonObject:
    values: JsonObject = on.document["layers"][1]["values"]
    return values


async def test_moving_weight_shows_the_routes_and_every_clusters_share() -> None:
    on = envoy(SPLIT)
    proposal = await on.carry_out("set_weight", {"cluster": "new", "weight": "0"})
    assert proposal.summary == "Set the weight of new to 0 in split routing.split"
    assert proposal.blast_radius == (
        "route public / assistant / / / weighted_clusters",
        "cluster old: 75 % -> 100 % of the traffic",
        "cluster new: 25 % -> 0 % of the traffic",
    )
    assert admin_values(on) == {"routing.split.new": "0"}
    await on.undo("set_weight", proposal)
    assert admin_values(on) == {}


async def test_weights_that_are_all_0_are_refused_because_envoy_would_answer_404() -> None:
    on = envoy(SPLIT)
    await on.carry_out("set_weight", {"cluster": "old", "weight": 0})
    with pytest.raises(UserError, match="no weight left, and Envoy would answer 404 to everybody"):
        await on.plan("set_weight", NEW_TO_0)
    assert len(on.wire.writes) == 1


@pytest.mark.parametrize(
    ("text", "share"),
    [("75", "75 %"), ("2.5", "7.407 %"), ("notanumber", "50 %"), ("-5", "50 %"), ("true", "50 %")],
)
async def test_what_somebody_set_counts_as_envoy_reads_it(text: str, share: str) -> None:
    on = envoy(SPLIT, world([listener(route_list=routes({"old": 25, "new": 25}))], admin={"routing.split.old": text}))
    proposal = await on.planned("set_weight", NEW_TO_0)
    assert proposal.blast_radius[1] == f"cluster old: {share} -> 100 % of the traffic"


async def test_undo_restores_a_text_that_is_no_number_as_it_stood() -> None:
    on = envoy(SPLIT, world(admin={"routing.split.new": "notanumber"}))
    done = await on.carry_out("set_weight", NEW_TO_0)
    await on.undo("set_weight", done)
    assert admin_values(on) == {"routing.split.new": "notanumber"}


async def test_a_lower_layer_counts_where_nothing_is_set_and_its_change_shows() -> None:
    on = envoy(SPLIT, world(static={"routing.split.new": "225"}))
    done = await on.carry_out("set_weight", NEW_TO_0)
    assert done.blast_radius[2] == "cluster new: 75 % -> 0 % of the traffic"

    def changed(document: JsonObject) -> JsonObject:
        other = copy.deepcopy(document)
        other["layers"][0]["values"] = {"routing.split.new": "1"}
        return other

    on.disturb(changed)
    with pytest.raises(Rejected, match=r"somebody else changed split routing\.split, or Envoy was restarted"):
        await on.action("set_weight").apply(SPLIT, done.after, done.before, key="k")


async def test_a_restart_that_forgot_what_was_set_shows() -> None:
    on = envoy(SPLIT)
    done = await on.carry_out("set_weight", NEW_TO_0)
    on.disturb(lambda _: world())
    assert await on.read("set_weight") == done.before != done.after


async def test_routes_that_share_a_prefix_count_once_each_and_must_agree() -> None:
    twice = routes() + routes()
    on = envoy(SPLIT, world([listener(route_list=twice)]))
    assert len((await on.read("set_weight"))["routes"]) == 2
    differing = envoy(SPLIT, world([listener(route_list=[*routes(), *routes({"old": 1, "newest": 1})])]))
    with pytest.raises(Rejected, match="other clusters or weights"):
        await differing.read("set_weight")


async def test_choices_are_the_clusters() -> None:
    assert await envoy(SPLIT).action("set_weight").choices(SPLIT) == ["old", "new"]


async def test_a_cluster_that_the_route_does_not_have_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(UserError, match="has no cluster newer; it has old, new"):
        await envoy(SPLIT).plan("set_weight", {"cluster": "newer", "weight": 1})


@pytest.mark.parametrize(
    ("action", "ref", "says", "others"),
    [
        ("set_share", CANARY, "50 % -> 7 % of the requests take the route", ()),
        ("limit_rate", LIMIT, "0 % -> 7 % of the requests are rate limited", ("filter_enforced is 100 %",)),
        ("abort_requests", ABORT, "0 % -> 7 % of the requests are aborted with the filter's status", ()),
    ],
)
async def test_a_share_shows_before_and_after_and_what_reads_it(
    action: str, ref: JsonObject, says: str, others: tuple[str, ...]
) -> None:
    proposal = await envoy(ref).carry_out(action, {"percent": 7})
    assert proposal.blast_radius[0] == says
    assert proposal.blast_radius[1].startswith("public / ")
    assert proposal.blast_radius[2:] == others


@pytest.mark.parametrize(
    ("text", "shown"),
    [("300", "100 %"), ("2.5", "2 %"), ("notanumber", "“notanumber”"), ("{numerator: 5}", "“{numerator: 5}”")],
)
async def test_a_share_that_somebody_set_shows_as_envoy_takes_it(text: str, shown: str) -> None:
    on = envoy(CANARY, world(admin={"routing.canary": text}))
    done = await on.carry_out("set_share", {"percent": 1})
    assert done.blast_radius[0] == f"{shown} -> 1 % of the requests take the route"
    await on.undo("set_share", done)
    assert admin_values(on) == {"routing.canary": text}


async def test_a_share_that_the_configuration_says_already_needs_nothing() -> None:
    assert await envoy(CANARY).plan("set_share", {"percent": 50}) is None
    on = envoy(CANARY, world(static={"routing.canary": "0"}))
    assert await on.plan("set_share", {"percent": 0}) is None


@pytest.mark.parametrize(
    ("values", "ref", "says"),
    [
        ({"limit.enforced": "0"}, LIMIT, "has no effect while filter_enforced is 0 %"),
        ({}, ENFORCED, "has no effect while filter_enabled is 0 %"),
    ],
)
async def test_a_limit_that_is_switched_off_elsewhere_is_refused(
    values: JsonObject, ref: JsonObject, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        await envoy(ref, world(static=values)).plan("limit_rate", {"percent": 100})


async def test_a_limit_with_one_key_for_both_of_its_shares_can_be_turned_on() -> None:
    limit = filters()[0]
    limit["typed_config"].update(filter_enabled=fraction("limit", 0), filter_enforced=fraction("limit", 0))
    on = envoy({"runtime_key": "limit"}, world([listener(filter_list=[limit])]))
    done = await on.carry_out("limit_rate", {"percent": 100})
    assert done.blast_radius[0] == "0 % -> 100 % of the requests are rate limited"


async def test_a_limit_without_the_other_share_is_off_as_envoy_takes_it() -> None:
    limit = filters()[0]
    del limit["typed_config"]["filter_enforced"]
    with pytest.raises(UserError, match="has no effect while filter_enforced is 0 %"):
        await envoy(LIMIT, world([listener(filter_list=[limit])])).plan("limit_rate", {"percent": 100})


async def test_a_fault_filter_that_names_its_own_key_is_found_by_it_alone() -> None:
    fault = filters()[1]
    fault["typed_config"]["abort_percent_runtime"] = "assistant.abort"
    on = envoy({"runtime_key": "assistant.abort"}, world([listener(filter_list=[fault])]))
    await on.carry_out("abort_requests", {"percent": 100})
    with pytest.raises(Rejected, match="no abort of a fault filter in the configuration reads"):
        await envoy(ABORT, on.document).read("abort_requests")


@pytest.mark.parametrize("without", ["abort", "filter"])
async def test_a_fault_filter_that_aborts_nothing_is_no_target(without: str) -> None:
    fault = filters()[1]
    del fault["typed_config"]["abort"]
    given = [fault] if without == "abort" else []
    with pytest.raises(Rejected) as refused:
        await envoy(ABORT, world([listener(filter_list=given)])).read("abort_requests")
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("denominator", "shown"), [("HUNDRED", "30 %"), ("TEN_THOUSAND", "0.3 %"), ("MILLION", "0.003 %")]
)
async def test_a_default_shows_in_percent(denominator: str, shown: str) -> None:
    given = routes()
    given[0]["match"]["runtime_fraction"]["default_value"] = {"numerator": 30, "denominator": denominator}
    state = await envoy(CANARY, world([listener(route_list=given)])).read("set_share")
    assert state["underneath"] == shown


@pytest.mark.parametrize("key", ["routing.split.new", "routing.canary"])
async def test_a_stronger_layer_makes_what_could_be_set_count_for_nothing_so_it_is_refused(key: str) -> None:
    document = world(last={key: "3"})
    action, ref = ("set_share", CANARY) if key == "routing.canary" else ("set_weight", SPLIT)
    with pytest.raises(Rejected, match=f"the runtime layer last has a value for {key}, and overrules"):
        await envoy(ref, document).read(action)


async def test_undo_restores_a_text_with_all_that_a_query_could_garble() -> None:
    text = "{numerator: 1, denominator: MILLION} +&=%20"
    on = envoy(CANARY, world(admin={"routing.canary": text}))
    await on.undo("set_share", await on.carry_out("set_share", {"percent": 0}))
    assert admin_values(on) == {"routing.canary": text}


@pytest.mark.parametrize("layers", [[], [{"name": "static", "values": {}}]])
async def test_an_envoy_without_a_layer_for_the_admin_api_is_told_as_such(layers: list[Any]) -> None:
    with pytest.raises(Rejected, match="has no admin_layer"):
        await envoy(SPLIT, {**world(), "layers": layers}).read("set_weight")


async def test_an_envoy_that_says_ok_and_does_nothing_shows_when_it_is_read() -> None:
    on = envoy(SPLIT)
    proposal = await on.planned("set_weight", NEW_TO_0)
    on.wire.break_with(body("OK\n"), concerns="writes")
    await on.apply("set_weight", proposal)
    assert await on.read("set_weight") == proposal.before


@pytest.mark.parametrize(
    "dump",
    [
        {"configs": 5},
        {"configs": [5]},
        {"configs": [{"bootstrap": 5}]},
        {"configs": [{"bootstrap": {"layered_runtime": {"layers": [5]}}}]},
    ],
    ids=str,
)
async def test_a_configuration_that_is_not_envoys_cannot_be_used(dump: JsonObject) -> None:
    on = envoy(SPLIT)

    def answer(request: httpx.Request) -> httpx.Response | None:
        is_dump = request.url.path == "/config_dump"
        return httpx.Response(200, text=json.dumps(dump), request=request) if is_dump else None

    on.wire.break_with(answer)
    with pytest.raises(Unavailable):
        await on.read("set_weight")


async def test_a_proxy_in_front_gets_the_token_and_no_error_shows_it() -> None:
    on = envoy(SPLIT)
    on.wire.break_with(status(400, "no"))
    with pytest.raises(Rejected) as refused:
        await on.action("set_weight", token="token-in-front").read(SPLIT)
    assert on.wire.requests[-1].headers["Authorization"] == "Bearer token-in-front"
    assert "token-in-front" not in f"{refused.value} {refused.value!r}"


@pytest.mark.parametrize("key", ["a b", "a&b=1", "a=b", "", "a/b", "a%20b"])
async def test_a_key_that_could_be_another_one_is_refused(key: str) -> None:
    for ref, action in (({"runtime_key_prefix": key}, "set_weight"), ({"runtime_key": key}, "set_share")):
        on = envoy(ref)
        with pytest.raises(UserError, match="Envoy cannot take"):
            await on.read(action)
        assert not on.wire.requests


async def test_a_change_by_somebody_else_is_not_overwritten() -> None:
    on = envoy(ABORT)
    done = await on.carry_out("abort_requests", {"percent": 100})
    on.disturb(setting(fault__http__abort__abort_percent="50"))
    with pytest.raises(Rejected, match=r"somebody else changed share fault\.http\.abort\.abort_percent"):
        await on.action("abort_requests").apply(ABORT, done.after, done.before, key="k")
    assert admin_values(on) == {"fault.http.abort.abort_percent": "50"}
