"""What is special about containment with Flagsmith; what every integration proves is in tests/contract."""

import json
from collections import Counter

import httpx
import pytest

from bot.sdk import AuthFailed, JsonObject, RateLimited, Rejected, Unavailable, UserError
from tests.integrations.flagsmith.contract import PROMPT, REVALUED
from tests.integrations.flagsmith.simulated import SimulatedFlagsmith
from tests.integrations.wire import status

VERSIONED: JsonObject = {"versioned": True}
ALL = [
    ("switch_off", {}),
    ("set_rollout", {"percent": 10}),
    ("roll_back_value", {"value": "prompts/17"}),
    ("switch_segment_off", {"segment": "4 free tier"}),
    ("switch_segment_off", {"segment": "5"}),
]


def sent(flagsmith: SimulatedFlagsmith) -> list[tuple[str, str, JsonObject]]:
    """Return what was written: method, path below the API, and body."""
    return [
        (write.method, write.url.path.removeprefix("/api/v1"), json.loads(write.content or "{}"))
        for write in flagsmith.wire.writes
    ]


async def test_switching_off_reaches_the_segments_whose_override_would_keep_the_feature_on() -> None:
    flagsmith = SimulatedFlagsmith()
    done = await flagsmith.carry_out("switch_off")
    all_of_v18 = "on, variants prompts/17 0 %, prompts/18 100 %; value prompts/16 for the rest"
    assert done.summary == "Switch assistant-prompt off for everybody"
    assert done.blast_radius == (
        "environment production-key, feature assistant-prompt",
        "everybody: on, variants prompts/17 10 %, prompts/18 80.5 %; value prompts/16 for the rest",
        f"segment 5, before those that follow: {all_of_v18}",
        "segment 6, before those that follow: off",
        "not touched: overrides of single identities keep what they get",
        "afterwards: off for everybody, also for 1 segment(s) with an override",
    )
    assert {await flagsmith.serves(identity) for identity in ("user-1", "staff-1", "both-1")} == {None}
    await flagsmith.undo("switch_off", done)
    assert await flagsmith.serves("staff-1") == "prompts/18"


async def test_without_versions_a_switch_is_a_patch_and_nothing_else_is_sent() -> None:
    flagsmith = SimulatedFlagsmith()
    await flagsmith.carry_out("switch_off")
    (method, path, body), (other_method, other_path, other_body) = sent(flagsmith)
    assert (method, body) == ("PATCH", {"enabled": False})
    assert path.startswith("/environments/production-key/featurestates/")
    assert (other_method, other_body) == ("PATCH", {"enabled": False})
    assert other_path.startswith("/features/featurestates/")


async def test_without_versions_shares_are_put_with_their_ids() -> None:
    flagsmith = SimulatedFlagsmith(overrides={})
    await flagsmith.carry_out("set_rollout", {"percent": 10})
    ((method, path, body),) = sent(flagsmith)
    assert method == "PUT"
    identity = int(path.split("/")[-2])
    assert body == {
        "feature": 11,
        "enabled": True,
        "feature_state_value": "prompts/16",
        "multivariate_feature_state_values": [
            {"id": identity * 1_000 + 33, "multivariate_feature_option": 33, "percentage_allocation": 1.1},
            {"id": identity * 1_000 + 34, "multivariate_feature_option": 34, "percentage_allocation": 8.9},
        ],
    }


@pytest.mark.parametrize(("name", "params"), ALL, ids=lambda each: each if isinstance(each, str) else None)
async def test_with_versions_every_change_is_one_version_and_so_is_its_undo(name: str, params: JsonObject) -> None:
    flagsmith = SimulatedFlagsmith(environment=VERSIONED)
    done = await flagsmith.carry_out(name, params)
    await flagsmith.undo(name, done)
    assert [(method, path) for method, path, _ in sent(flagsmith)] == [
        ("POST", "/environments/7/features/11/versions/")
    ] * 2
    assert flagsmith.served["version"] == 3
    assert flagsmith.served["overrides"].keys() == {"5", "6"}


async def test_a_version_holds_what_differs_and_is_published_at_once() -> None:
    flagsmith = SimulatedFlagsmith(environment=VERSIONED)
    done = await flagsmith.carry_out("switch_segment_off", {"segment": "4"})
    await flagsmith.undo("switch_segment_off", done)
    value = {"type": "unicode", "string_value": "prompts/16", "integer_value": None, "boolean_value": None}
    created = {"enabled": False, "feature_state_value": value, "feature_segment": {"segment": 4}}
    nothing: JsonObject = {
        "feature_states_to_create": [],
        "feature_states_to_update": [],
        "segment_ids_to_delete_overrides": [],
        "publish_immediately": True,
    }
    assert [body for _, _, body in sent(flagsmith)] == [
        {**nothing, "feature_states_to_create": [created]},
        {**nothing, "segment_ids_to_delete_overrides": [4]},
    ]


async def test_shares_are_narrowed_in_proportion_and_add_up() -> None:
    flagsmith = SimulatedFlagsmith()
    done = await flagsmith.carry_out("set_rollout", {"percent": 33})
    assert done.after["default"]["variants"] == {"prompts/17": 3.65, "prompts/18": 29.35}
    assert done.after["overrides"]["5"]["variants"] == {"prompts/17": 0, "prompts/18": 33}
    assert done.after["overrides"]["6"] == done.before["overrides"]["6"]
    assert (
        done.blast_radius[-1]
        == "largest share that gets a variant: 100 % -> 33 %; by default the others get prompts/16"
    )
    narrower = await SimulatedFlagsmith().planned("set_rollout", {"percent": 95})
    assert narrower.after["default"] == narrower.before["default"]
    counted = Counter(await flagsmith.serves_users())
    assert 220 < counted["prompts/16"] < 310


async def test_a_wider_rollout_is_refused_and_so_is_one_of_a_feature_without_variants() -> None:
    with pytest.raises(UserError, match=r"reaches 90.5 % at most already; this only narrows"):
        await SimulatedFlagsmith(overrides={}).plan("set_rollout", {"percent": 95})
    with pytest.raises(UserError, match="has no variants whose share could be lowered"):
        await SimulatedFlagsmith("assistant-model").plan("set_rollout", {"percent": 10})
    off = {"enabled": False, "value": "x", "shares": {"33": 50}}
    assert await SimulatedFlagsmith(default=off, overrides={}).plan("set_rollout", {"percent": 10}) is None


@pytest.mark.parametrize(("value", "variants"), [("prompts/17", (100, 0)), ("prompts/16", (0, 0))])
async def test_a_variant_is_given_to_all_and_the_feature_s_own_value_by_taking_the_variants_away(
    value: str, variants: tuple[int, int]
) -> None:
    flagsmith = SimulatedFlagsmith()
    done = await flagsmith.carry_out("roll_back_value", {"value": value})
    assert done.summary == f"Roll assistant-prompt back from prompts/18 to {value}"
    assert tuple(done.after["default"]["variants"].values()) == variants
    assert {await flagsmith.serves(identity) for identity in ("user-1", "user-2", "staff-1")} == {value}
    assert await flagsmith.serves("trial-1") is None
    await flagsmith.undo("roll_back_value", done)


async def test_a_feature_without_variants_gets_the_value_and_keeps_its_type() -> None:
    flagsmith = SimulatedFlagsmith(
        "assistant-model", default={"enabled": True, "value": 40}, overrides={"5": {"enabled": True, "value": 80}}
    )
    done = await flagsmith.carry_out("roll_back_value", {"value": "20"})
    assert (await flagsmith.serves("user-1"), await flagsmith.serves("staff-1")) == (20, 20)
    await flagsmith.undo("roll_back_value", done)
    assert (await flagsmith.serves("user-1"), await flagsmith.serves("staff-1")) == (40, 80)
    for wrong in ("much", "1.5", "true"):
        with pytest.raises(UserError, match="is 40, so the new one must be a whole number"):
            await flagsmith.plan("roll_back_value", {"value": wrong})


async def test_a_feature_whose_value_is_true_or_false_takes_no_other() -> None:
    flagsmith = SimulatedFlagsmith("assistant-model", default={"enabled": True, "value": True})
    with pytest.raises(UserError, match="is true, so the new one must be true or false"):
        await flagsmith.plan("roll_back_value", {"value": "1"})
    done = await flagsmith.carry_out("roll_back_value", {"value": False})
    assert done.after["default"]["value"] is False
    assert await SimulatedFlagsmith("assistant-model").plan("roll_back_value", {"value": "large"}) is None


async def test_a_long_value_is_told_by_its_beginning_and_restored_whole() -> None:
    prompt = "You are a helpful assistant. " * 20
    flagsmith = SimulatedFlagsmith("assistant-model", default={"enabled": True, "value": prompt})
    done = await flagsmith.carry_out("roll_back_value", {"value": "You are terse."})
    assert len(done.blast_radius[1]) < 200
    await flagsmith.undo("roll_back_value", done)
    assert await flagsmith.serves("user-1") == prompt


async def test_values_that_are_not_in_use_are_offered() -> None:
    flagsmith = SimulatedFlagsmith()
    assert await flagsmith.action("roll_back_value").choices(PROMPT) == ["prompts/17", "prompts/16"]
    plain = SimulatedFlagsmith("assistant-model")
    assert await plain.action("roll_back_value").choices(plain.ref) == []
    assert await flagsmith.action("switch_off").choices(PROMPT) == ()


async def test_variants_of_the_same_value_are_told_apart() -> None:
    flagsmith = SimulatedFlagsmith()
    flagsmith.edit(lambda document: document["features"]["assistant-prompt"]["options"][1].update(value="prompts/17"))
    done = await flagsmith.carry_out("roll_back_value", {"value": "prompts/17 (34)"})
    assert done.after["default"]["variants"] == {"prompts/17": 0, "prompts/17 (34)": 100}


async def test_with_versions_earlier_values_are_offered_the_newest_first() -> None:
    flagsmith = SimulatedFlagsmith("assistant-model", VERSIONED)
    for value in ("medium", "small"):
        await flagsmith.carry_out("roll_back_value", {"value": value})
    action = flagsmith.action("roll_back_value")
    assert await action.choices(flagsmith.ref) == ["medium", "large"]
    flagsmith.wire.break_with(status(500), concerns="all")
    with pytest.raises(Unavailable):
        await action.choices(flagsmith.ref)


async def test_a_history_that_cannot_be_read_offers_nothing() -> None:
    flagsmith = SimulatedFlagsmith("assistant-model", VERSIONED)

    def fails(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500, request=request) if request.url.path.endswith("/versions/") else None

    flagsmith.wire.break_with(fails)
    assert await flagsmith.action("roll_back_value").choices(flagsmith.ref) == []


async def test_a_segment_without_an_override_gets_one_that_is_off_behind_the_others() -> None:
    flagsmith = SimulatedFlagsmith()
    done = await flagsmith.carry_out("switch_segment_off", {"segment": "4 free tier"})
    assert done.blast_radius[-1] == (
        "segment 4 free tier: none get the feature, unless they are also in segment 5; everybody else as before"
    )
    assert await flagsmith.serves("free-1") is None
    assert await flagsmith.serves("both-1") == "prompts/18"
    assert list(flagsmith.served["overrides"]) == ["5", "6", "4"]
    await flagsmith.undo("switch_segment_off", done)
    assert list(flagsmith.served["overrides"]) == ["5", "6"]


async def test_a_segment_with_an_override_has_it_switched_off_and_on_again() -> None:
    flagsmith = SimulatedFlagsmith()
    done = await flagsmith.carry_out("switch_segment_off", {"segment": 5})
    assert done.blast_radius[-1] == "segment 5: none get the feature; everybody else as before"
    assert await flagsmith.serves("staff-1") is None
    await flagsmith.undo("switch_segment_off", done)
    assert await flagsmith.serves("staff-1") == "prompts/18"
    assert await flagsmith.plan("switch_segment_off", {"segment": "6"}) is None


async def test_a_segment_that_does_not_exist_is_refused_by_flagsmith() -> None:
    flagsmith = SimulatedFlagsmith()
    proposal = await flagsmith.planned("switch_segment_off", {"segment": "99"})
    with pytest.raises(Rejected, match="object does not exist"):
        await flagsmith.apply("switch_segment_off", proposal)


async def test_segments_are_offered_with_their_ids_however_many_pages_they_fill() -> None:
    flagsmith = SimulatedFlagsmith()
    flagsmith.edit(
        lambda document: document.update(segments={str(number): {"name": f"s{number}"} for number in range(1, 25)})
    )
    offered = await flagsmith.action("switch_segment_off").choices(PROMPT)
    assert offered == [f"{number} s{number}" for number in range(1, 25)]


async def test_a_flag_that_is_off_needs_no_switch_off_and_no_segment_off() -> None:
    flagsmith = SimulatedFlagsmith(default={"enabled": False}, overrides={})
    assert await flagsmith.plan("switch_off") is None
    assert await flagsmith.plan("switch_segment_off", {"segment": "4"}) is None


async def test_half_an_application_is_completed_and_can_be_undone() -> None:
    flagsmith = SimulatedFlagsmith()
    proposal = await flagsmith.planned("switch_off")
    flagsmith.edit(
        lambda document: document["features"]["assistant-prompt"]["environments"]["production-key"]["default"].update(
            enabled=False
        )
    )
    await flagsmith.apply("switch_off", proposal)
    assert await flagsmith.read() == proposal.after
    await flagsmith.undo("switch_off", proposal)


async def test_a_change_by_somebody_else_is_said_to_be_one() -> None:
    flagsmith = SimulatedFlagsmith()
    proposal = await flagsmith.planned("switch_off")
    flagsmith.disturb(REVALUED)
    with pytest.raises(Rejected, match="somebody else changed the default of assistant-prompt; nothing was written"):
        await flagsmith.apply("switch_off", proposal)


@pytest.mark.parametrize("versioned", [False, True])
async def test_where_change_requests_are_demanded_the_error_says_so(*, versioned: bool) -> None:
    flagsmith = SimulatedFlagsmith(environment={"approvals": 1, "versioned": versioned})
    proposal = await flagsmith.planned("switch_off")
    with pytest.raises(Rejected, match="demands change requests, and a direct change was refused"):
        await flagsmith.apply("switch_off", proposal)
    flagsmith.wire.break_with(status(403), concerns="writes")
    with pytest.raises(AuthFailed, match="demands change requests, and a direct change was refused"):
        await flagsmith.apply("switch_off", proposal)


async def test_an_archived_feature_is_served_still_and_can_be_switched_off() -> None:
    flagsmith = SimulatedFlagsmith()
    flagsmith.edit(lambda document: document["features"]["assistant-prompt"].update(archived=True))
    done = await flagsmith.carry_out("switch_off")
    assert done.blast_radius[0] == "environment production-key, feature assistant-prompt, archived"
    assert await flagsmith.serves("user-1") is None


async def test_a_feature_that_an_environment_never_changed_is_read_as_off() -> None:
    flagsmith = SimulatedFlagsmith()
    read = await flagsmith.action("switch_off").read({"environment": "production-key", "feature": "assistant"})
    assert read == {"archived": False, "default": {"enabled": False, "value": None, "variants": {}}, "overrides": {}}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/versions/", {"results": []}),
        ("/features/11/", {"id": 11}),
        ("/featurestates/", {"results": [{"id": 1, "feature": 11, "enabled": True, "feature_state_value": "x"}]}),
    ],
)
async def test_an_answer_that_lacks_what_it_must_have_cannot_be_used(path: str, answer: JsonObject) -> None:
    flagsmith = SimulatedFlagsmith(environment=VERSIONED)

    def lacks(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, json=answer, request=request) if path in request.url.path else None

    flagsmith.wire.break_with(lacks)
    with pytest.raises(Unavailable, match="not that of Flagsmith"):
        await flagsmith.read()


async def test_an_override_without_its_segment_and_pages_without_end_cannot_be_used() -> None:
    flagsmith = SimulatedFlagsmith()

    def links(request: httpx.Request) -> httpx.Response | None:
        found = "/feature-segments/" in request.url.path
        return httpx.Response(200, json={"results": [], "next": None}, request=request) if found else None

    flagsmith.wire.break_with(links)
    with pytest.raises(Unavailable, match="belongs to no segment"):
        await flagsmith.read()
    flagsmith.wire.break_with(
        lambda request: (
            httpx.Response(200, json={"results": [], "next": "more"}, request=request)
            if "/segments/" in request.url.path
            else None
        )
    )
    with pytest.raises(Unavailable, match="more than 50 pages"):
        await flagsmith.action("switch_segment_off").choices(PROMPT)


async def test_an_environment_that_the_key_may_not_see_is_a_refused_credential() -> None:
    with pytest.raises(AuthFailed, match="403"):
        await SimulatedFlagsmith().action("switch_off").read({**PROMPT, "environment": "other-key"})
    with pytest.raises(AuthFailed, match="401"):
        await SimulatedFlagsmith().action("switch_off", token="wrong").read(PROMPT)


async def test_a_user_s_token_is_sent_as_one() -> None:
    flagsmith = SimulatedFlagsmith()
    await flagsmith.action("switch_off", scheme="Token").read(PROMPT)
    assert {request.headers["Authorization"] for request in flagsmith.wire.requests} == {"Token ser-simulated"}


async def test_a_limited_rate_is_passed_on_with_its_wish() -> None:
    flagsmith = SimulatedFlagsmith()
    proposal = await flagsmith.planned("switch_off")
    flagsmith.wire.break_with(status(429, **{"Retry-After": "17"}), concerns="writes")
    with pytest.raises(RateLimited) as limited:
        await flagsmith.apply("switch_off", proposal)
    assert limited.value.retry_after.total_seconds() == 17


@pytest.mark.parametrize("environment", ["../x", "..", ".", "a/b", "a b", "a%2Fb", "", "ä", "x" * 101, "a?b", "a#b"])
async def test_a_key_that_could_lead_elsewhere_is_refused(environment: str) -> None:
    with pytest.raises(UserError, match="Flagsmith cannot take environment"):
        await SimulatedFlagsmith().action("switch_off").read({**PROMPT, "environment": environment})


async def test_another_feature_s_answer_is_not_taken_for_the_one_that_was_asked_for() -> None:
    flagsmith = SimulatedFlagsmith()
    path, headers = "/api/v1/environments/production-key/featurestates/", {"Authorization": "Api-Key ser-simulated"}
    unfiltered = (await flagsmith.client.get(path, headers=headers)).json()

    def ignores_the_filter(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, json=unfiltered, request=request) if request.url.path == path else None

    flagsmith.wire.break_with(ignores_the_filter)
    with pytest.raises(Unavailable, match="not that of Flagsmith"):
        await flagsmith.read()
