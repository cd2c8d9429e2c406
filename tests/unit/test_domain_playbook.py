"""The failure mode whose signals weigh most is meant; severity rules only raise."""

from bot.domain.playbook import AutoDeclare, Playbook, SeverityRule, SeverityRules, Signal, classify, classify_as
from bot.domain.predicate import Facts, LabelIs, Predicate, TextMentions
from bot.domain.severity import Severity


def label(name: str, *values: str) -> LabelIs:
    return LabelIs(label_is=LabelIs.Body(name=name, any_of=list(values)))


def playbook(name: str, *signals: Signal, rules: tuple[SeverityRule, ...] = ()) -> Playbook:
    return Playbook(
        id=name,
        version=1,
        title=name.title(),
        summary="An example.",
        signals=list(signals),
        severity=SeverityRules(base=Severity.SEV3, rules=list(rules)),
        auto_declare=AutoDeclare(at_least=Severity.SEV2),
    )


def signal(name: str, when: Predicate, weight: int = 1) -> Signal:
    return Signal(id=name, when=when, because=f"because of {name}", weight=weight)


def rule(name: str, severity: Severity, when: Predicate) -> SeverityRule:
    return SeverityRule(id=name, at_least=severity, when=when, because=f"because of {name}")


HARM = signal("harm", TextMentions(text_mentions=["harm"]))
LEAK = signal("leak", TextMentions(text_mentions=["leak"]))


def test_the_playbook_whose_signals_weigh_most_together_is_meant() -> None:
    by_words = playbook("by-words", HARM, LEAK)
    by_label = playbook("by-label", signal("mode", label("mode", "x"), weight=3))
    facts = Facts(labels={"mode": "x"}, text="harm and leak")

    classification = classify([by_words, by_label], facts)

    assert classification.failure_mode == "by-label"
    assert classification.matched == ("because of mode",)


def test_a_tie_goes_to_the_id_that_sorts_first_whatever_the_order() -> None:
    first, second = playbook("a-first", HARM), playbook("b-second", HARM)
    facts = Facts(text="harm")

    assert classify([first, second], facts).failure_mode == "a-first"
    assert classify([second, first], facts).failure_mode == "a-first"


def test_an_unknown_signal_does_not_speak_for_a_playbook() -> None:
    classification = classify([playbook("one", signal("mode", label("mode", "x")))], Facts())

    assert classification.failure_mode is None
    assert classification.severity is Severity.SEV3
    assert classification.provisional


def test_the_worst_rule_that_holds_wins_and_all_that_hold_are_named_worst_first() -> None:
    rules = (
        rule("milder", Severity.SEV4, label("a", "1")),
        rule("bad", Severity.SEV2, label("a", "1")),
        rule("worst", Severity.SEV1, label("b", "1")),
    )

    classification = classify_as(playbook("one", HARM, rules=rules), Facts(labels={"a": "1", "b": "1"}))

    assert classification.severity is Severity.SEV1
    assert [fired.id for fired in classification.rules] == ["worst", "bad", "milder", "one-base"]
    assert classification.would_change == ()
    assert not classification.provisional


def test_a_rule_that_might_hold_is_told_as_unknown_and_as_what_would_change() -> None:
    rules = (
        rule("hurt", Severity.SEV1, label("hurt", "yes")),
        rule("spread", Severity.SEV2, label("reach", "mass")),
        rule("mild", Severity.SEV3, label("nobody-asks", "x")),
    )

    classification = classify_as(playbook("one", HARM, rules=rules), Facts(labels={"reach": "few"}))

    assert classification.severity is Severity.SEV3
    assert classification.unknown == ("label `hurt`",)
    assert classification.would_change == ("Sev-1 if label `hurt` is `yes`", "Sev-2 if label `reach` is `mass`")
    assert classification.provisional


def test_an_alert_declares_from_the_playbooks_severity_on() -> None:
    declaring = playbook("one", HARM)

    assert [severity for severity in Severity if declaring.declares(severity)] == [Severity.SEV1, Severity.SEV2]
    assert not declaring.changed(auto_declare=None).declares(Severity.SEV1)
