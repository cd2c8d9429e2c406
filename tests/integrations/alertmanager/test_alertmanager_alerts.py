"""The Alertmanager parser on captures of a real one, on hostile bodies, and on whatever Hypothesis thinks of."""

import contextlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sdk import Alert, AlertStatus, ForeignPayload, JsonObject
from integrations.alertmanager.alerts import parse
from tests.hostile import ANY_JSON, as_json
from tests.integrations.alertmanager.contract import captured
from tests.integrations.contract import NOW

FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED


def parsed(body: bytes) -> Sequence[Alert]:
    return parse(body, {}, NOW)


def webhook(*alerts: JsonObject, **fields: object) -> bytes:
    return json.dumps({"version": "4", "groupKey": "{}:{}", "alerts": alerts, **fields}).encode()


def alert(**fields: object) -> JsonObject:
    return {
        "status": "firing",
        "labels": {"alertname": "HarmRateHigh"},
        "annotations": {},
        "startsAt": "2026-11-23T14:57:16.872Z",
        "generatorURL": "",
        "fingerprint": "51f74d0b440c777d",
        **fields,
    }


def test_a_captured_alert_is_understood_whole() -> None:
    (found,) = parsed(captured("firing_single"))
    assert found == Alert(
        source="alertmanager",
        fingerprint="51f74d0b440c777d",
        group_key='{}:{alertname="LLMErrorRateHigh", service="assistant"}',
        status=FIRING,
        title="Error ratio on gpt-x is 0.45",
        text="The model gpt-x in eu fails.",
        labels={
            "alertname": "LLMErrorRateHigh",
            "cluster": "test-eu1",
            "instance": "127.0.0.1:9900",
            "job": "llm-gateway",
            "model": "gpt-x",
            "region": "eu",
            "service": "assistant",
            "severity": "critical",
            "team": "ai-platform",
        },
        started_at=datetime(2026, 11, 23, 14, 57, 16, 872_000, tzinfo=UTC),
        received_at=NOW,
        url="http://vm:9090/graph?g0.expr=llm_error_ratio+%3E+0.2&g0.tab=1",
    )


def test_the_status_of_each_alert_counts_and_not_that_of_the_group() -> None:
    assert [(each.status, each.labels["model"]) for each in parsed(captured("mixed_one_resolved_one_firing"))] == [
        (RESOLVED, "gpt-x"),
        (FIRING, "gpt-y"),
    ]
    assert [each.status for each in parsed(captured("resolved"))] == [RESOLVED]


def test_a_repeat_is_equal_to_what_it_repeats() -> None:
    assert parsed(captured("repeat_interval_repeat")) == parsed(captured("firing_grouped_two_alerts"))


def test_alerts_that_were_left_out_are_mentioned() -> None:
    found = parsed(captured("truncated"))
    assert len(found) == 2
    assert all("left 2 more of this group out" in each.text for each in found)


def test_a_note_of_what_was_left_out_survives_a_long_description() -> None:
    long = webhook(alert(annotations={"description": "x" * 9_000}), truncatedAlerts=3)
    (found,) = parsed(long)
    assert len(found.text) <= 4_000
    assert "left 3 more" in found.text


def test_without_a_summary_the_name_is_the_title_and_without_both_the_fingerprint() -> None:
    named, nameless = parsed(webhook(alert(annotations={"summary": " \n "}), alert(labels={})))
    assert named.title == "HarmRateHigh"
    assert nameless.title == "Alert 51f74d0b440c777d"


def test_what_is_too_long_is_cut_and_too_many_labels_are_left_out_in_order() -> None:
    labels = {f"label{number:03}": "v" * 5_000 for number in range(150)}
    (found,) = parsed(webhook(alert(labels=labels, annotations={"summary": "s" * 5_000, "description": "d" * 9_000})))
    assert (len(found.title), len(found.text), len(found.labels)) == (300, 4_000, 100)
    assert {len(value) for value in found.labels.values()} == {1_000}
    assert list(found.labels) == sorted(labels)[:100]


def test_a_long_group_key_stays_distinct() -> None:
    keys = [parsed(webhook(alert(), groupKey="k" * 2_000 + end))[0].group_key for end in "ab"]
    assert keys[0] != keys[1]
    assert all(len(key) < 100 for key in keys)


def test_markup_stays_and_control_characters_go() -> None:
    hostile = "<!channel> <@U1> &amp; *x* \x00\x1b[31m\u202e"
    (found,) = parsed(
        webhook(alert(labels={"a\x07b": hostile}, annotations={"summary": hostile, "description": "a\nb\x00\tc"}))
    )
    assert found.title == "<!channel> <@U1> &amp; *x* [31m\u202e"
    assert found.labels == {"ab": "<!channel> <@U1> &amp; *x* [31m\u202e"}
    assert found.text == "a\nb\tc"


def test_go_s_zero_time_is_unknown_and_every_other_instant_is_utc() -> None:
    unset, shifted = parsed(
        webhook(alert(startsAt="0001-01-01T00:00:00Z"), alert(startsAt="2026-11-23T16:57:16.123456789+02:00"))
    )
    assert unset.started_at is None
    assert shifted.started_at == datetime(2026, 11, 23, 14, 57, 16, 123_456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://prometheus.example/graph?x=1", True),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("//elsewhere.example/", False),
        ("https://", False),
        ("http://[broken", False),
        ("https://a.example/|click", False),
        ("https://a.example/<!channel>", False),
        ("https://a.example/\u0000x", False),
        ("https://a.example/ x", False),
        ("https://a.example/" + "x" * 3_000, False),
        ("", False),
    ],
)
def test_only_web_links_survive(sent: str, *, kept: bool) -> None:
    assert parsed(webhook(alert(generatorURL=sent)))[0].url == (sent if kept else None)


def test_a_webhook_without_alerts_has_none() -> None:
    assert parsed(webhook()) == ()


def test_fields_that_a_later_version_may_add_are_ignored() -> None:
    assert len(parsed(webhook(alert(silencedBy=[]), receiver="x", notificationReason="y"))) == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b'{"version": "4"', "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b'{"version": "4", "groupKey": "", "alerts": ' + b"[" * 100_000, "Invalid JSON"),
        (b"[]", "object"),
        (b"{}", "version"),
        (b'{"version": 4}', "version"),
        (b'{"version": "3"}', "version 3"),
        (b'{"version": "\\u0000<!channel>' + b"9" * 500 + b'"}', "version <!channel>999"),
        (webhook("no object"), "alerts.0"),  # type: ignore[arg-type]
        (webhook(alert(), alert(status="pending")), "alerts.1.status"),
        (webhook(alert(labels={"a": 1})), "alerts.0.labels.a"),
        (webhook(alert(labels=None)), "alerts.0.labels"),
        (webhook(alert(startsAt="yesterday")), "alerts.0.startsAt"),
        (webhook(alert(startsAt="2026-11-23T14:57:16")), "alerts.0.startsAt"),
        (webhook(alert(startsAt=1_700_000_000)), "alerts.0.startsAt"),
        (webhook(alert(startsAt="9999-12-31T23:59:59-12:00")), "alerts.0.startsAt"),
        (webhook(alert(fingerprint="")), "alerts.0.fingerprint"),
        (webhook(alert(fingerprint="x" * 201)), "alerts.0.fingerprint"),
        (webhook(alert(fingerprint="a b")), "alerts.0.fingerprint"),
        (webhook({name: value for name, value in alert().items() if name != "startsAt"}), "alerts.0.startsAt"),
        (webhook(alert(), truncatedAlerts=-1), "truncatedAlerts"),
        (webhook(alert(), truncatedAlerts=True), "truncatedAlerts"),
        (webhook(alert(), truncatedAlerts=10**4_000), "truncatedAlerts"),
        (webhook(alert(labels={"\ue000private\u202e": None})), "labels.private"),
        (webhook(alert(), groupKey=None), "groupKey"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_a_foreign_body_is_refused_with_a_sentence_that_says_where(body: bytes, where: str) -> None:
    with pytest.raises(ForeignPayload) as refused:
        parsed(body)
    sentence = str(refused.value)
    assert where in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 400
    assert sentence.isprintable()


NEARLY_AN_ALERT = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "resolved", "pending"]) | ANY_JSON,
        "labels": st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3) | ANY_JSON,
        "annotations": st.dictionaries(st.sampled_from(["summary", "description"]), st.text()) | ANY_JSON,
        "startsAt": st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | st.text(max_size=10),
        "generatorURL": st.text(max_size=30) | st.text(max_size=20).map(lambda text: f"https://{text}"),
        "fingerprint": st.text(max_size=20),
    },
)
NEARLY_A_WEBHOOK = st.fixed_dictionaries(
    {"version": st.just("4") | ANY_JSON, "groupKey": st.text(max_size=20) | ANY_JSON},
    optional={"alerts": st.lists(NEARLY_AN_ALERT | st.builds(alert, labels=ANY_JSON), max_size=3) | ANY_JSON},
)


@given(st.one_of(st.binary(max_size=200), (ANY_JSON | NEARLY_A_WEBHOOK).map(as_json)))
def test_any_bytes_give_alerts_or_a_refusal(body: bytes) -> None:
    with contextlib.suppress(ForeignPayload):
        assert all(each.model_dump_json().encode() for each in parsed(body))
