"""The draft in Slack: whole where it fits, cut with a count where it does not, and never more than Slack takes."""

import html
import re
from datetime import timedelta

import pytest

from bot.domain.milestones import Basis, Milestone, Milestones
from bot.domain.review import Review
from bot.services.reviews import ReviewDraft
from bot.slack.views.review import review_card, review_ready_note
from tests.builders import NOW, OWNER, fact, incident
from tests.example_review import DOCUMENTS
from tests.unit.slack_views import HOSTILE, markup_of, sent, text_of
from tests.unit.test_review import applied, chain, review
from tests.unit.test_review_documents import spoken


def drafted(drawn: Review) -> ReviewDraft:
    return ReviewDraft(review=drawn, markdown=DOCUMENTS.review(drawn))


def shown(draft: ReviewDraft) -> str:
    """Return the document as a reader of the card can copy it."""
    blocks = re.findall(r"```\n(.*?)\n```", "\0".join(markup_of(sent(review_card(draft)))), re.DOTALL)
    return html.unescape("\n".join(blocks)) + "\n"


def test_a_draft_that_fits_is_shown_whole_to_the_letter() -> None:
    draft = drafted(review(containments=(applied(),), events=chain(fact(), fact(text="Tom & Jerry <b>"))))
    assert shown(draft) == draft.markdown
    assert "more characters" not in text_of(review_card(draft))


def test_a_draft_that_does_not_fit_says_how_much_is_missing_and_where_it_is() -> None:
    draft = drafted(review(events=chain(*(fact(text=f"fact {number} " + "x" * 200) for number in range(1_000)))))
    part = shown(draft)
    assert draft.markdown.startswith(part)
    (rest,) = re.findall(r"(\d+) more characters: `GET /api/v1/incidents/1/review`", text_of(review_card(draft)))
    assert len(part) + int(rest) == len(draft.markdown)


@pytest.mark.parametrize("text", [HOSTILE, "&" * 40_000, "a\n" * 20_000, "🔥" * 40_000])
def test_hostile_and_endless_text_stays_text_within_slacks_limits(text: str) -> None:
    draft = drafted(spoken(text))
    for card in (review_card(draft), review_ready_note(draft)):
        for markup in markup_of(sent(card)):
            assert "<!channel>" not in markup
            assert "\u202e" not in markup


def test_people_are_named_beside_their_ids() -> None:
    card = review_card(drafted(review(events=chain(fact(actor=OWNER)))))
    assert "U0COMMANDER is <@U0COMMANDER>, U0OWNER is <@U0OWNER>" in text_of(card)


def test_the_card_says_whether_the_incident_is_over() -> None:
    assert "Review draft so far" in text_of(review_card(drafted(review())))
    stone = Milestone(at=NOW, basis=Basis.OBSERVED)
    over = incident(milestones=Milestones(detected=stone, mitigated=stone, resolved=stone))
    assert "so far" not in text_of(review_card(drafted(review(incident=over))))


def test_the_note_tells_summary_milestones_clocks_and_the_number_of_gaps() -> None:
    stones = Milestones(
        detected=Milestone(at=NOW - timedelta(hours=1), basis=Basis.OBSERVED),
        mitigated=Milestone(at=NOW, basis=Basis.ATTESTED, note="logs"),
    )
    draft = drafted(review(incident=incident(milestones=stones), system=None))
    note = text_of(review_ready_note(draft))
    assert re.search(r"detected at <!date\^\d+\^", note)
    assert re.search(r"(?<!\|)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", note) is None
    assert f"`/incident review` shows it, with {draft.gaps} gaps for people to fill" in note
    assert "*Gap:* The AI system support-assistant is not in the registry any more" in note
    assert "• mitigated: <!date^" in note
    assert "(attested)" in note
    assert "*TTD* unknown: nobody knows yet when the harm started (target 4 h): target unknown" in note
    assert "*TTM* 1 h (target 1 d, attested by a person): target met" in note


def test_the_note_on_an_incident_without_milestones_is_no_empty_block() -> None:
    bare = review(incident=incident(milestones=Milestones()))
    assert sent(review_ready_note(drafted(bare)))["blocks"]
