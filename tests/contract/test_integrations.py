"""What every integration proves, against its simulator, through the client code that talks to the vendor.

An integration is found by its folder; what the suite needs to know of it stands in
`tests/integrations/<name>/contract.py`.
"""

import copy
import json
import logging
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import integrations
from bot.sdk import (
    MAX_LABEL_LENGTH,
    MAX_LABELS,
    Alert,
    AuthFailed,
    ForeignPayload,
    Guard,
    IntegrationError,
    Level,
    Proposal,
    RateLimited,
    Rejected,
    Unavailable,
    UserError,
)
from tests.effort import examples
from tests.hostile import ANY_JSON, as_json, spoiled
from tests.integrations.bench import NAMES, Bench, Planned, bench, contract_of, declared_by
from tests.integrations.contract import NOW, AlertCase, SignalCase
from tests.integrations.wire import Answer, body, refused, status, timeout

FOLDER = Path(integrations.__path__[0])
ACTIONS = [(name, action.name) for name in NAMES for action in declared_by(name).actions]
REVERSIBLE = [(name, action.name) for name in NAMES for action in declared_by(name).actions if action.reversible]
IRREVERSIBLE = sorted(set(ACTIONS) - set(REVERSIBLE))
WITH_SIGNALS = [name for name in NAMES if declared_by(name).signals]
WITH_ALERTS = [name for name in NAMES if declared_by(name).alerts]
WITH_SETTINGS = [name for name in NAMES if declared_by(name).settings]

Fault = Callable[[httpx.Request], Answer]
FAULTS: list[tuple[str, Fault, type[IntegrationError]]] = [
    ("401", status(401, "bad token"), AuthFailed),
    ("403", status(403, "not for you"), AuthFailed),
    ("429", status(429, "slow down", **{"Retry-After": "7"}), RateLimited),
    ("500", status(500, "oops"), Unavailable),
    ("503", status(503, "later"), Unavailable),
    ("504", status(504, "upstream"), Unavailable),
    ("400", status(400, "no"), Rejected),
    ("409", status(409, "no"), Rejected),
    ("redirect", status(302, "", Location="https://elsewhere.example/"), Rejected),
    ("time-out", timeout, Unavailable),
    ("refused connection", refused, Unavailable),
]
GARBAGE = [
    "<html>hello</html>",
    "[]",
    "{}",
    '"text"',
    "null",
    "12",
    '{"status": 5, "environments": 7}',
    "[" * 100_000,
    "\x00",
]
each_fault = pytest.mark.parametrize(("fault", "error"), [pytest.param(*each[1:], id=each[0]) for each in FAULTS])
each_garbage = pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: text[:12].replace("\x00", "NUL"))


@pytest.fixture(params=ACTIONS, ids=".".join)
def planned(request: pytest.FixtureRequest) -> Planned:
    return Planned(*request.param)


@pytest.fixture(params=REVERSIBLE, ids=".".join)
def reversible(request: pytest.FixtureRequest) -> Planned:
    return Planned(*request.param)


@pytest.fixture(params=IRREVERSIBLE, ids=".".join)
def irreversible(request: pytest.FixtureRequest) -> Planned:
    return Planned(*request.param)


@pytest.fixture(params=WITH_SIGNALS)
def measured(request: pytest.FixtureRequest) -> Bench:
    return bench(request.param)


@pytest.fixture(params=WITH_SETTINGS)
def connected(request: pytest.FixtureRequest) -> Bench:
    return bench(request.param)


class TestDeclaration:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_folder_declares_the_integration_of_its_name_and_offers_something(self, name: str) -> None:
        declared = declared_by(name)
        assert declared.name == name
        assert declared.title
        offers = (declared.alerts, declared.actions, declared.signals, declared.prober, declared.pager)
        assert any(offers)

    @pytest.mark.parametrize("name", NAMES)
    def test_what_it_offers_is_what_its_contract_covers(self, name: str) -> None:
        declared, contract = declared_by(name), contract_of(name)
        assert {action.name for action in declared.actions} == set(contract.actions)
        assert (declared.signals is None) == (contract.signals is None)
        assert (declared.alerts is None) == (contract.alerts is None)

    @pytest.mark.parametrize("name", NAMES)
    def test_what_acts_or_measures_can_be_simulated(self, name: str) -> None:
        declared = declared_by(name)
        if declared.actions or declared.signals or declared.prober:
            assert declared.settings
            assert declared.simulator
            assert declared.settings(**{**contract_of(name).settings, **declared.simulated}).url

    @pytest.mark.parametrize("name", NAMES)
    def test_its_readme_names_every_setting_and_every_action_and_says_what_undo_means(self, name: str) -> None:
        declared, readme = declared_by(name), (FOLDER / name / "README.md").read_text(encoding="utf-8")
        if declared.settings:
            for field, info in declared.settings.model_fields.items():
                assert f"`{field}`" in readme
                if "SecretStr" in str(info.annotation):
                    assert f"STANCH_CONNECTION_{name.upper()}_{field.upper()}" in readme
        for action in declared.actions:
            assert f"`{name}.{action.name}`" in readme
            assert action.lowest_level.value in readme
        assert not declared.actions or "undo" in readme.lower()
        assert "Limits" in readme

    @pytest.mark.parametrize(("name", "action"), ACTIONS)
    def test_an_action_says_what_it_is_and_takes_nothing_unknown(self, name: str, action: str) -> None:
        made = next(each for each in declared_by(name).actions if each.name == action)
        case = contract_of(name).actions[action]
        assert re.fullmatch(r"[a-z][a-z0-9_]*", made.name)
        assert made.title
        assert isinstance(made.lowest_level, Level)
        assert isinstance(made.guard, Guard)
        made.ref_model.model_validate(case.ref)
        made.params_model.model_validate(case.params)
        with pytest.raises(ValidationError):
            made.ref_model.model_validate({**case.ref, "something_else": 1})
        if not case.open_params:
            with pytest.raises(ValidationError):
                made.params_model.model_validate({**case.params, "something_else": 1})


class TestPlan:
    async def test_planning_only_reads(self, planned: Planned) -> None:
        before = planned.on.world.document(planned.name)
        await planned.plan()
        await planned.action.choices(planned.case.ref)
        assert planned.on.wire.requests
        assert not planned.on.wire.writes
        assert planned.on.world.document(planned.name) == before

    async def test_the_same_state_reads_equal_and_plans_equal(self, planned: Planned) -> None:
        assert await planned.read() == await planned.read()
        assert await planned.plan() == await planned.plan()

    async def test_a_plan_survives_json(self, planned: Planned) -> None:
        proposal = await planned.plan()
        assert Proposal.model_validate_json(proposal.model_dump_json()) == proposal

    async def test_a_plan_says_what_it_does_and_whom_it_touches(self, planned: Planned) -> None:
        proposal = await planned.plan()
        assert proposal.summary
        assert proposal.blast_radius
        assert all(proposal.blast_radius)
        assert proposal.before == await planned.read()
        assert proposal.after != proposal.before

    async def test_planning_does_not_touch_the_reading_it_is_given(self, planned: Planned) -> None:
        state = await planned.read()
        given = copy.deepcopy(state)
        planned.action.plan(planned.case.ref, planned.case.params, given)
        assert given == state

    async def test_there_is_nothing_to_plan_once_it_is_done(self, planned: Planned) -> None:
        await planned.apply(await planned.plan())
        assert planned.action.plan(planned.case.ref, planned.case.params, await planned.read()) is None

    async def test_wrong_parameters_are_refused_with_a_sentence(self, planned: Planned) -> None:
        state = await planned.read()
        for params in (*planned.case.bad_params, {**planned.case.params, "something_else": 1}):
            with pytest.raises(UserError, match=r"\.$"):
                planned.action.plan(planned.case.ref, params, state)

    async def test_a_target_that_does_not_exist_is_rejected(self, planned: Planned) -> None:
        with pytest.raises(Rejected):
            await planned.action.read(planned.case.missing)


class TestApplyAndUndo:
    async def test_it_reads_as_planned_after_and_not_before(self, planned: Planned) -> None:
        proposal = await planned.plan()
        assert await planned.read() == proposal.before != proposal.after
        await planned.apply(proposal)
        assert await planned.read() == proposal.after

    async def test_applying_twice_is_applying_once(self, planned: Planned) -> None:
        proposal = await planned.plan()
        await planned.apply(proposal)
        once = planned.on.world.document(planned.name)
        await planned.apply(proposal)
        assert planned.on.world.document(planned.name) == once

    async def test_undo_restores_exactly_what_was_read_and_twice_is_once(self, reversible: Planned) -> None:
        proposal = await reversible.plan()
        await reversible.apply(proposal)
        await reversible.undo(proposal)
        assert await reversible.read() == proposal.before
        once = reversible.on.world.document(reversible.name)
        await reversible.undo(proposal)
        assert reversible.on.world.document(reversible.name) == once

    async def test_after_undo_the_same_plan_can_be_made_and_applied_again(self, reversible: Planned) -> None:
        proposal = await reversible.plan()
        await reversible.apply(proposal)
        await reversible.undo(proposal)
        assert await reversible.plan() == proposal
        await reversible.apply(proposal)
        assert await reversible.read() == proposal.after

    async def test_what_cannot_be_undone_refuses_to_be_and_stays(self, irreversible: Planned) -> None:
        proposal = await irreversible.plan()
        await irreversible.apply(proposal)
        with pytest.raises(Rejected):
            await irreversible.undo(proposal)
        assert await irreversible.read() == proposal.after

    async def test_what_somebody_else_changed_is_not_overwritten_by_apply(self, planned: Planned) -> None:
        proposal = await planned.plan()
        planned.on.world.disturb(planned.name, planned.case.disturb)
        with pytest.raises(Rejected):
            await planned.apply(proposal)
        assert not planned.on.wire.writes

    async def test_what_somebody_else_changed_is_not_overwritten_by_undo(self, reversible: Planned) -> None:
        proposal = await reversible.plan()
        await reversible.apply(proposal)
        reversible.on.world.disturb(reversible.name, reversible.case.disturb)
        disturbed = reversible.on.world.document(reversible.name)
        with pytest.raises(Rejected):
            await reversible.undo(proposal)
        assert reversible.on.world.document(reversible.name) == disturbed

    async def test_a_lost_answer_is_unavailable_and_applying_again_completes(self, planned: Planned) -> None:
        proposal = await planned.plan()
        planned.on.wire.break_with(timeout, concerns="writes", after_passing_on=True)
        with pytest.raises(Unavailable):
            await planned.apply(proposal)
        planned.on.wire.mend()
        await planned.apply(proposal)
        assert await planned.read() == proposal.after


class TestFailures:
    @each_fault
    async def test_a_failing_read_maps_to_the_error_tree(
        self, planned: Planned, fault: Fault, error: type[IntegrationError]
    ) -> None:
        planned.on.wire.break_with(fault)
        with pytest.raises(error) as raised:
            await planned.read()
        _check(raised.value, planned.on)

    @each_fault
    async def test_a_failing_write_maps_to_the_error_tree_and_changes_nothing(
        self, planned: Planned, fault: Fault, error: type[IntegrationError]
    ) -> None:
        proposal = await planned.plan()
        planned.on.wire.break_with(fault, concerns="writes")
        with pytest.raises(error) as raised:
            await planned.apply(proposal)
        _check(raised.value, planned.on)
        planned.on.wire.mend()
        assert await planned.read() == proposal.before

    @each_garbage
    async def test_garbage_is_an_answer_that_cannot_be_used(self, planned: Planned, garbage: str) -> None:
        planned.on.wire.break_with(body(garbage))
        with pytest.raises(Unavailable):
            await planned.read()

    @each_fault
    async def test_a_failing_measurement_maps_to_the_error_tree(
        self, measured: Bench, fault: Fault, error: type[IntegrationError]
    ) -> None:
        measured.wire.break_with(fault)
        with pytest.raises(error) as raised:
            await _samples(measured, _signal_case(measured).query)
        _check(raised.value, measured)

    @each_garbage
    async def test_a_garbled_measurement_is_not_a_measurement(self, measured: Bench, garbage: str) -> None:
        measured.wire.break_with(body(garbage))
        with pytest.raises(Unavailable):
            await _samples(measured, _signal_case(measured).query)

    async def test_the_vendors_wish_to_wait_is_passed_on(self, planned: Planned) -> None:
        planned.on.wire.break_with(status(429, **{"Retry-After": "7"}))
        with pytest.raises(RateLimited) as raised:
            await planned.read()
        assert raised.value.retry_after == timedelta(seconds=7)


class TestSecrets:
    def test_settings_do_not_show_them(self, connected: Bench) -> None:
        shown = repr(connected.settings) + str(connected.settings) + connected.settings.model_dump_json()
        assert not [secret for secret in connected.secrets if secret in shown]

    async def test_actions_and_logs_do_not_show_them(self, planned: Planned, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        proposal = await planned.plan()
        await planned.apply(proposal)
        shown = caplog.text + repr(planned.action) + repr(proposal)
        assert len(planned.on.secrets) == len(planned.on.secret_fields)
        assert not [secret for secret in planned.on.secrets if secret in shown]

    async def test_a_signal_reader_and_its_logs_do_not_show_them(
        self, measured: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await _samples(measured, _signal_case(measured).query)
        shown = caplog.text + repr(measured.signals())
        assert not [secret for secret in measured.secrets if secret in shown]


class TestSignals:
    async def test_reading_only_reads_and_is_ordered(self, measured: Bench) -> None:
        samples = await _samples(measured, _signal_case(measured).query)
        assert len(samples) > 1
        assert samples == sorted(samples)
        assert not measured.wire.writes

    async def test_a_query_that_measures_nothing_is_a_gap(self, measured: Bench) -> None:
        assert await _samples(measured, _signal_case(measured).empty) == []

    async def test_a_wrong_query_is_rejected(self, measured: Bench) -> None:
        with pytest.raises(Rejected):
            await _samples(measured, _signal_case(measured).wrong)


class TestAlerts:
    @pytest.mark.parametrize("name", WITH_ALERTS)
    def test_what_the_vendor_sends_is_understood(self, name: str) -> None:
        for each in _alert_case(name).wanted:
            alerts = _parse(name, each)
            assert alerts
            assert {alert.source for alert in alerts} == {name}
            assert {alert.received_at for alert in alerts} == {NOW}

    @pytest.mark.parametrize("name", WITH_ALERTS)
    def test_known_events_that_nobody_wants_are_ignored(self, name: str) -> None:
        assert [_parse(name, each) for each in _alert_case(name).ignored] == [()] * len(_alert_case(name).ignored)

    @pytest.mark.parametrize("name", WITH_ALERTS)
    @pytest.mark.parametrize(
        "given",
        [b"", b"null", b"[]", b"{}", b"12", b"\xff\xfe", b"{", b"[" * 200_000, b'{"a":' * 200_000],
        ids=lambda given: repr(given[:8]),
    )
    def test_what_no_vendor_sends_is_refused_with_a_sentence(self, name: str, given: bytes) -> None:
        with pytest.raises(ForeignPayload, match=r"\.$"):
            _parse(name, given)

    @pytest.mark.parametrize("name", WITH_ALERTS)
    def test_foreign_payloads_are_refused(self, name: str) -> None:
        others = [each for other in WITH_ALERTS if other != name for each in _alert_case(other).wanted]
        for each in (*_alert_case(name).foreign, *others):
            with pytest.raises(ForeignPayload):
                _parse(name, each)

    @pytest.mark.parametrize("name", WITH_ALERTS)
    @settings(max_examples=examples(150))
    @given(data=st.data())
    def test_any_body_gives_alerts_that_can_be_kept_or_a_refusal(self, name: str, data: st.DataObject) -> None:
        honest = spoiled(st.sampled_from([json.loads(each) for each in _alert_case(name).wanted])).map(as_json)
        body, refusal = data.draw(st.binary() | ANY_JSON.map(as_json) | honest | honest), ""
        try:
            alerts = _parse(name, body)
        except ForeignPayload as error:
            alerts, refusal = (), str(error)
        assert refusal.isprintable()
        assert len(refusal) < 400
        for alert in alerts:
            assert (alert.source, alert.received_at) == (name, NOW)
            kept = alert.model_dump_json()
            assert Alert.model_validate_json(kept) == alert
            assert "\\u0000" not in kept
            assert len(alert.labels) <= MAX_LABELS
            assert {len(text) <= MAX_LABEL_LENGTH for label in alert.labels.items() for text in label} <= {True}


def _check(error: IntegrationError, on: Bench) -> None:
    """An error names its integration, shows no secret, and the redirect was not followed."""
    assert error.integration == on.declared.name
    assert error.operation
    assert not [secret for secret in on.secrets if secret in f"{error} {error!r} {vars(error)}"]
    assert {request.url.host for request in on.wire.requests} == {httpx.URL(on.settings.url).host}


async def _samples(on: Bench, query: str) -> list[tuple[str, float]]:
    found = await on.signals().samples(query, NOW - timedelta(minutes=30), NOW, timedelta(minutes=1))
    return [(sample.at.isoformat(), sample.value) for sample in found]


def _signal_case(on: Bench) -> SignalCase:
    assert on.contract.signals
    return on.contract.signals


def _alert_case(name: str) -> AlertCase:
    case = contract_of(name).alerts
    assert case
    return case


def _parse(name: str, given: bytes) -> Sequence[Alert]:
    parse = declared_by(name).alerts
    assert parse
    return tuple(parse(given, {}, NOW))
