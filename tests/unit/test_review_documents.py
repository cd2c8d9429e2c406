"""The document of a draft: whatever is written, its structure is the template's, and what is missing shows.

A Markdown parser is the judge: with hostile words it must find exactly what it finds with harmless ones.
"""

import re
from datetime import timedelta
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import meta
from markdown_it import MarkdownIt

from bot.documents import MISSING, MOST_CHARACTERS, MarkdownDocuments, escape, utc
from bot.domain.actor import person, source
from bot.domain.classification import FiredRule
from bot.domain.containment import ContainmentState
from bot.domain.milestones import Basis, Milestone, Milestones
from bot.domain.review import Review
from bot.domain.severity import Severity
from bot.services.reviews import GAP, ReviewDraft
from tests.builders import NOW, approval, change, classification, containment, fact, group, incident, plan, signal
from tests.effort import examples
from tests.example_review import DOCUMENTS, POSTMORTEMS
from tests.unit.test_review import applied, chain, review

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = (
    "# x",
    "## heading\n\n***",
    "](http://evil.example) [click](http://evil.example)",
    "![picture](http://evil.example/p.png)",
    "<script>alert(1)</script><!-- <b>",
    "a | b | c\n|---|---|",
    "`code` ```fence``` ~~~",
    "- item\n1. one\n+ plus\n> quote\n=====",
    "1. 2) -",
    "**Gap:** **bold** __b__ ~~struck~~ $x$",
    "\\",
    "\\| \\` \\[",
    "&lt;b&gt; &#42; &amp;",
    "@everyone @org/team a@b.example <@U0OWNER> <!channel>",
    "{{ 7 * 7 }} {% raw %} {# c #}",
    "\u202etxt.exe \u200b\u2066 \x00\x1b[31m",
    "שלום עולם مرحبا",
    "x" * 40_000,
    "|`*<[" * 8_000,
)


def structure(document: str) -> list[tuple[str, str]]:
    """Return the kinds of all blocks and inline parts, in order, but the words."""
    kinds = []
    for token in PARSER.parse(document):
        kinds.append((token.type, token.tag))
        kinds += [(part.type, part.tag) for part in token.children or () if part.type != "text"]
    # An escape makes a part of its own, which is words all the same.
    return [kind for kind in kinds if kind[0] != "text_special"]


def words(document: str) -> str:
    """Return what a reader sees."""
    parts = [part for token in PARSER.parse(document) for part in token.children or ()]
    return "".join(part.content for part in parts)


def spoken(text: str) -> Review:
    """Return a draft in which every word that comes from outside is the given text."""
    stone = Milestone(at=NOW, basis=Basis.ATTESTED, note=text)
    planned = plan(
        title=text,
        reason=text,
        warnings=(text,),
        expected_effect=text,
        risk_if_wrong=text,
        signal=signal(query=text, unit=text[:75]),
        requested_by=person(text),
        changes=(
            change(before={"k": text}, after={"k": f"{text}2"}, summary=text, ref={"k": text}, blast_radius=(text,)),
        ),
    )
    return review(
        incident=incident(
            title=text[:150],
            severity=Severity.SEV1,
            severity_reason=text,
            opened_by=source(text),
            opened_why=text,
            commander=person(text),
            milestones=Milestones(started=stone, detected=stone, mitigated=stone),
            classification=classification(
                failure_mode_title=text,
                rules=(FiredRule(id=text, severity=Severity.SEV2, because=text),),
                matched=(text,),
                unknown=(text,),
                would_change=(text,),
            ),
        ),
        groups=(group(source=text, title=text, labels={text: text}, verdict_reason=text, verdict="not_actionable"),),
        containments=(
            applied(
                ContainmentState.IN_DOUBT,
                plan=planned,
                problem=text,
                approvals=(approval(break_glass_reason=text, actor=person(text)),),
                effect_verified_at=None,
                last_reading=1.0,
            ),
        ),
        events=chain(
            *(
                fact(text=text, actor=person("U1"), kind=kind)
                for kind in ("note.added", "severity.changed", "milestone.started")
            )
        ),
    )


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_change_nothing_of_the_documents_structure(text: str) -> None:
    document = DOCUMENTS.review(spoken(text))
    assert structure(document) == structure(DOCUMENTS.review(spoken("harmless")))
    assert not {kind for kind, _ in structure(document)} & {"link_open", "image", "html_block", "html_inline", "fence"}
    document.encode()


def test_hostile_words_forge_no_gap() -> None:
    forged, honest = (DOCUMENTS.review(spoken(text)) for text in (f"{GAP} x", "x"))
    assert forged.count(GAP) == honest.count(GAP)


@settings(max_examples=examples(150))
@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_stays_text_wherever_a_template_writes_it(text: str) -> None:
    shown = escape(text)
    for place in ("{}", "# {}", "- {}", "- x\n  - {}", "| a | b |\n|---|---|\n| {} | x |", "x\n{}", "**b** {} `c`"):
        assert structure(place.format(shown)) == structure(place.format("x" if shown != MISSING else MISSING))


@given(st.text(st.sampled_from("ab 1.-+=:|\\`*_[]<>&#~$!@/w\n"), max_size=30))
@settings(max_examples=examples(150))
def test_a_reader_sees_the_words_as_they_were_written(text: str) -> None:
    seen = " ".join(text.split()) or "Gap: not on record"
    assert words(escape(text)).replace("\u200b", "") == seen


@pytest.mark.parametrize(
    "text", ["http://evil.example", "HTTPS://evil.example", "www.evil.example", "WWW.evil.example"]
)
def test_an_address_does_not_become_a_link_by_itself(text: str) -> None:
    assert not re.search(r"(?i)https?://|www\.", escape(text).replace("\\", "\\\\\\"))
    assert words(escape(text)) == text


@pytest.mark.parametrize("text", ["&lt;b&gt; &#42;", "<b", "[a](b", "a](b)", "x](<b>)"])
def test_entities_and_halves_of_markup_are_seen_as_written(text: str) -> None:
    assert words(escape(text)) == text


def test_a_mention_reaches_nobody() -> None:
    assert escape("@everyone") == "@&#8203;everyone"
    assert escape("<!channel> <@U0OWNER>") == "&lt;\\!channel&gt; &lt;@&#8203;U0OWNER&gt;"


def test_characters_that_hide_or_turn_words_are_left_out_and_right_to_left_words_stay() -> None:
    assert escape("a\u202eb\u200b\u2066c\x00\x1b\ud800") == "abc"
    assert escape("שלום مرحبا") == "שלום مرحبا"


@pytest.mark.parametrize("value", [None, "", "  \n", "\u200b"])
def test_what_is_missing_comes_out_as_a_gap(value: str | None) -> None:
    assert escape(value) == MISSING
    assert MISSING.startswith(GAP)


@pytest.mark.parametrize("value", [0, 0.5, False])
def test_zero_is_no_gap(value: object) -> None:
    assert escape(value) == str(value)


def test_a_very_long_value_is_cut_with_a_count() -> None:
    assert escape("x" * 40_000) == "x" * MOST_CHARACTERS + " … (38000 more characters)"


def test_an_unknown_instant_is_a_gap_and_a_known_one_is_to_the_second() -> None:
    assert (utc(None), utc(NOW + timedelta(seconds=1))) == (None, "2026-03-02 09:00:01")


def test_the_readme_lists_the_values_that_a_template_is_given() -> None:
    readme = (POSTMORTEMS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_]+)` \|", readme, re.MULTILINE)
    assert listed == list(Review.model_fields)


def test_the_templates_ask_for_nothing_else() -> None:
    environment = jinja2.Environment(autoescape=True)
    environment.filters.update(dict.fromkeys(("utc", "duration", "party", "pairs"), str))
    parse = environment.parse
    asked = meta.find_undeclared_variables(parse((POSTMORTEMS / "review.md.j2").read_text(encoding="utf-8")))
    assert asked == set(Review.model_fields)
    events = meta.find_undeclared_variables(parse((POSTMORTEMS / "events.md.j2").read_text(encoding="utf-8")))
    assert events == {"excerpt", "incident"}


def test_a_name_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "review.md.j2").write_text("{{ incident.weather }}", encoding="utf-8")
    with pytest.raises(jinja2.UndefinedError, match="weather"):
        MarkdownDocuments(tmp_path).review(review())


def test_a_template_that_cannot_be_parsed_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "review.md.j2").write_text("{% if %}", encoding="utf-8")
    with pytest.raises(jinja2.TemplateSyntaxError):
        MarkdownDocuments(tmp_path)


def test_an_incident_without_milestones_and_containments_is_drafted_with_its_gaps() -> None:
    drawn = review(incident=incident(milestones=Milestones()), events=())
    document = DOCUMENTS.review(drawn)
    for gap in (
        f"| started | {MISSING} |",
        f"| mitigated | {MISSING} |",
        f"| TTD | {MISSING} | 4 h | **unknown** |",
        "- **Gap:** No alert is attached.",
        "- **Gap:** No containment is on record.",
        "- **Gap:** The timeline is empty.",
        f"- Head: {MISSING}",
    ):
        assert gap in document
    assert ReviewDraft(review=drawn, markdown=document).gaps == document.count("Gap:")


def test_a_missed_target_a_running_clock_and_an_attested_end_are_said() -> None:
    late = Milestones(detected=Milestone(at=NOW - timedelta(days=2), basis=Basis.OBSERVED))
    assert "| TTM | 2 d 1 h and running | 1 d | **missed** |" in DOCUMENTS.review(
        review(incident=incident(milestones=late))
    )
    attested = late.changed(mitigated=Milestone(at=NOW, basis=Basis.ATTESTED, note="logs"))
    document = DOCUMENTS.review(review(incident=incident(milestones=attested)))
    assert "| TTM | 2 d | 1 d | **missed** | from observed to attested: rests on a person's word |" in document


def test_a_severity_without_a_target_says_so() -> None:
    document = DOCUMENTS.review(review(incident=incident(severity=Severity.SEV4)))
    assert "| Target for Sev-4 |" in document
    assert "| none set | **no target** |" in document


@pytest.mark.parametrize(
    ("stopped", "expected"),
    [
        (applied(approvals=(approval(break_glass_reason="asleep"),)), "- **BREAK-GLASS** by U0COMMANDER"),
        (containment(state=ContainmentState.FAILED, problem="It broke."), "- State: **failed**: It broke."),
        (containment(state=ContainmentState.IN_DOUBT, problem="Look."), "- State: **in doubt**: Look."),
        (containment(state=ContainmentState.DECLINED, declined_by=person("U0OWNER")), "- Declined by U0OWNER"),
        (containment(state=ContainmentState.EXPIRED), "- **Gap:** Nobody's decision is on record."),
        (applied(effect_verified_at=None), "- **Gap:** Its effect was not verified. Last reading: none"),
        (
            applied(plan=plan(signal=None), confirmed_by=person("U0OWNER"), confirmed_on="400 clean answers"),
            "- Effect confirmed by U0OWNER: 2026-03-02 09:01:00, on this: 400 clean answers",
        ),
        (applied(plan=plan(signal=None)), "- Effect verified: 2026-03-02 09:01:00"),
        (applied(plan=plan(signal=None), effect_verified_at=None), "- **Gap:** No harm signal measured its effect."),
        (applied(end_reached=True), "- End: 2026-03-02 13:00:00, which has passed with it in force"),
        (
            applied(),
            "| C-1 | unleash: project=default, environment=production, flag=assistant-answers | enabled | on | off |",
        ),
    ],
)
def test_every_containment_is_told_with_what_became_of_it(stopped: object, expected: str) -> None:
    assert expected in DOCUMENTS.review(review(containments=(stopped,)))


def test_an_exercise_is_said_to_be_one() -> None:
    assert "This was no live incident (exercise)" in DOCUMENTS.review(review(incident=incident(kind="exercise")))
    assert "no live incident" not in DOCUMENTS.review(review())


def test_ten_thousand_events_are_cut_in_the_middle_with_a_count_and_where_the_rest_is() -> None:
    events = chain(*(fact(text=f"fact {number}") for number in range(1, 10_001)))
    document = DOCUMENTS.review(review(events=events))
    assert "| 9800 events are left out here. All are in `GET /api/v1/incidents/1`. |" in document
    assert document.index("fact 100 |") < document.index("9800 events") < document.index("fact 9901 |")
    assert "The chain of 10000 events verifies." in document
    assert len(document) < 50_000
