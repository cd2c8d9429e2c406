"""What the plans of the AWS WAF actions say, and the cases in which they refuse."""

import copy
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.sdk import AuthFailed, JsonObject, RateLimited, Rejected, Unavailable, UserError
from integrations.aws_waf import INTEGRATION
from integrations.aws_waf.client import Settings
from tests.integrations.aws_waf.contract import ACL_ID, BLOCKED, RULE, SET_ID, document, with_other_limits
from tests.integrations.simulated import Simulated
from tests.integrations.wire import body


def waf(ref: JsonObject, edit: Callable[[JsonObject], object] = lambda found: found) -> Simulated:
    found = document()
    edit(found)
    return Simulated(INTEGRATION, found, ref)


def rate_rule(found: JsonObject) -> Any:
    return found["web_acls"][ACL_ID]["Rules"][1]


def refusing(kind: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(400, json={"__type": kind, "message": "no"}, request=request)


async def test_a_lower_limit_changes_the_limit_and_nothing_else_of_the_web_acl() -> None:
    on = waf(RULE)
    proposal = await on.carry_out("lower_limit", {"limit": "100"})
    assert proposal.summary == "Lower the limit of rule per-client in assistant to 100 requests"
    assert proposal.blast_radius == (
        "limit: 2,000 -> 100 requests in 60 s",
        "counted by IP; above it: Block",
        "the rule's counts start anew, so that up to a minute passes before it holds anything back",
    )
    expected = document()["web_acls"][ACL_ID]
    expected["Rules"][1]["Statement"]["RateBasedStatement"]["Limit"] = 100
    assert {**on.document["web_acls"][ACL_ID], "Id": None} == {**expected, "Id": None}
    await on.undo("lower_limit", proposal)
    assert {**on.document["web_acls"][ACL_ID], "Id": None} == {**document()["web_acls"][ACL_ID], "Id": None}


async def test_what_waf_itself_writes_is_not_sent_back_and_what_is_unknown_is() -> None:
    def later(found: JsonObject) -> None:
        found["web_acls"][ACL_ID].update(LabelNamespace="awswaf:", PartOfALaterVersion={"kept": True}, Empty=None)

    on = waf(RULE, later)
    await on.carry_out("lower_limit", {"limit": 100})
    sent = json.loads(on.wire.requests[-2].content)
    assert sorted(sent) == [
        "DefaultAction",
        "Description",
        "Id",
        "LockToken",
        "Name",
        "PartOfALaterVersion",
        "Rules",
        "Scope",
        "TokenDomains",
        "VisibilityConfig",
    ]


async def test_a_limit_is_never_raised_but_by_undo() -> None:
    with pytest.raises(UserError, match="lets 2,000 requests through already; undo raises it"):
        await waf(RULE).plan("lower_limit", {"limit": 3000})
    assert await waf(RULE).plan("lower_limit", {"limit": 2000}) is None


async def test_a_rule_that_only_counts_holds_nothing_back() -> None:
    on = waf(RULE, lambda found: rate_rule(found).update(Action={"Count": {}}))
    with pytest.raises(UserError, match="Rule per-client only does Count"):
        await on.plan("lower_limit", {"limit": 100})


async def test_a_window_that_is_not_told_is_the_five_minutes_that_waf_takes() -> None:
    on = waf(RULE, lambda found: rate_rule(found)["Statement"]["RateBasedStatement"].pop("EvaluationWindowSec"))
    assert (await on.read("lower_limit"))["window_seconds"] == 300


async def test_a_rule_that_is_not_rate_based_is_rejected() -> None:
    with pytest.raises(Rejected, match="rule geo is not a rate-based one"):
        await waf({**RULE, "rule": "geo"}).read("lower_limit")


async def test_a_change_of_another_rule_between_the_last_read_and_the_write_is_refused_by_waf() -> None:
    on = waf(RULE)
    proposal = await on.planned("lower_limit", {"limit": 100})

    def theirs(found: JsonObject) -> JsonObject:
        changed = copy.deepcopy(found)
        changed["web_acls"][ACL_ID]["Rules"][0]["Priority"] = 7
        return changed

    on.world.meanwhile.append(("aws_waf", theirs))
    with pytest.raises(Rejected, match="WAFOptimisticLockException"):
        await on.apply("lower_limit", proposal)
    assert on.document == theirs(document())
    await on.apply("lower_limit", proposal)
    assert on.document["web_acls"][ACL_ID]["Rules"][0]["Priority"] == 7


async def test_a_client_is_added_in_its_one_spelling_and_the_others_stay() -> None:
    on = waf(BLOCKED)
    proposal = await on.carry_out("block_client", {"client": "203.0.113.7"})
    assert proposal.after["addresses"] == {"198.51.100.0/24": "listed", "203.0.113.7/32": "listed"}
    assert proposal.blast_radius == (
        "client 203.0.113.7/32: 1 address(es)",
        "every rule that refers to IP set blocked, scope REGIONAL",
        "1 address(es) are in it already and stay so",
    )
    assert on.document["ip_sets"][SET_ID]["Description"] == "Blocked clients"
    await on.undo("block_client", proposal)
    assert on.document["ip_sets"][SET_ID]["Addresses"] == ["198.51.100.0/24"]


async def test_a_client_within_a_listed_network_is_blocked_already() -> None:
    assert await waf(BLOCKED).plan("block_client", {"client": "198.51.100.9"}) is None


async def test_a_set_of_the_other_version_of_ip_and_a_full_one_are_told_before() -> None:
    with pytest.raises(UserError, match="holds addresses of IPV4, and 2001:db8::1/128 is none"):
        await waf(BLOCKED).plan("block_client", {"client": "2001:db8::1"})
    full = [f"10.{high}.{low}.0/32" for high in range(40) for low in range(250)]
    on = waf(BLOCKED, lambda found: found["ip_sets"][SET_ID].update(Addresses=full))
    with pytest.raises(UserError, match="is full: WAF takes 10,000 addresses"):
        await on.plan("block_client", {"client": "203.0.113.7"})


async def test_the_order_in_which_waf_returns_addresses_is_no_change() -> None:
    on = waf(BLOCKED)
    proposal = await on.carry_out("block_client", {"client": "203.0.113.7"})
    on.disturb(lambda found: found | {"ip_sets": _turned(found["ip_sets"])})
    await on.undo("block_client", proposal)


def _turned(sets: JsonObject) -> JsonObject:
    return {name: {**each, "Addresses": each["Addresses"][::-1]} for name, each in sets.items()}


async def test_a_set_that_somebody_else_changed_is_refused_before_anything_is_written() -> None:
    on = waf(BLOCKED)
    proposal = await on.planned("block_client", {"client": "203.0.113.7"})
    on.disturb(with_other_limits)
    with pytest.raises(Rejected, match="somebody else changed it"):
        await on.apply("block_client", proposal)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("UnrecognizedClientException", AuthFailed),
        ("com.amazon.coral.service#AccessDeniedException", AuthFailed),
        ("ExpiredTokenException", AuthFailed),
        ("ThrottlingException", RateLimited),
        ("com.amazonaws.wafv2#WAFInvalidParameterException", Rejected),
        ("WAFUnavailableEntityException", Rejected),
    ],
)
async def test_what_aws_answers_with_400_is_told_apart_by_its_kind(kind: str, error: type[Exception]) -> None:
    on = waf(RULE)
    on.wire.break_with(refusing(kind))
    with pytest.raises(error) as raised:
        await on.read("lower_limit")
    assert type(raised.value) is error


@pytest.mark.parametrize(
    "setting", [{"secret_access_key": "another"}, {"access_key_id": "AKIDOTHER"}, {"region": "us-east-1"}]
)
async def test_a_request_that_is_signed_with_anything_else_is_refused(setting: dict[str, str]) -> None:
    with pytest.raises(AuthFailed, match="InvalidSignatureException"):
        await waf(RULE).action("lower_limit", **setting).read(RULE)


async def test_a_session_token_is_part_of_the_signature_and_lets_in() -> None:
    on = waf(RULE)
    await on.action("lower_limit", session_token="of-a-session").read(RULE)
    assert on.wire.requests[-1].headers["X-Amz-Security-Token"] == "of-a-session"


async def test_a_waf_that_says_yes_and_does_nothing_shows_when_it_is_read() -> None:
    on = waf(BLOCKED)
    proposal = await on.planned("block_client", {"client": "203.0.113.7"})
    on.wire.break_with(lambda request: body("{}")(request) if b"Addresses" in request.content else None)
    await on.apply("block_client", proposal)
    assert await on.read("block_client") == proposal.before


@pytest.mark.parametrize("addresses", [["everybody"], ["10.0.0.1/8"], None, "10.0.0.0/8"])
async def test_a_set_that_holds_no_addresses_is_not_one(addresses: object) -> None:
    on = waf(BLOCKED)
    answer = {"IPSet": {"Addresses": addresses, "IPAddressVersion": "IPV4"}, "LockToken": "1"}
    on.wire.break_with(body(json.dumps(answer)))
    with pytest.raises(Unavailable):
        await on.read("block_client")


@pytest.mark.parametrize("url", ["https://waf.example/path", "https://waf.example/?a", "waf.example"])
def test_an_address_with_a_path_cannot_be_signed_for(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Settings.model_validate({**INTEGRATION.simulated, "url": url})
