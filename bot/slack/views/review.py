"""The review's draft in Slack: a note that it is there, and the whole document to read and copy.

The document is Markdown, which Slack does not render: it is shown as it is written, to be copied to where reviews are
kept.
"""

from collections.abc import Iterator

from slack_sdk.models.blocks import Block

from bot.domain.review import ClockReading, Review, TargetVerdict
from bot.services.reviews import ReviewDraft
from bot.slack.text import SECTION, code_block, date, escape, mention, one_line, with_local_instants
from bot.slack.views.card import Card, bullets, context, header, section
from bot.slack.views.clocks import ttd_words, ttm_words

# As many as the timeline's card has, for the same reason: Slack refuses very long answers.
_MOST_SECTIONS = 12
_FENCE = 8
# One character becomes five at most, so a piece of this length always fits a section.
_PIECE = 500
_MOST_PEOPLE = 50
_SENTENCE = 400


def review_ready_note(draft: ReviewDraft) -> Card:
    """Return the message that tells the incident's channel that its draft can be read."""
    review = draft.review
    label = review.incident.label
    reached = [
        f"{reading.name.value}: {date(reading.stone.at)} ({reading.stone.basis.value})" if reading.stone else ""
        for reading in review.milestones
    ]
    return Card(
        text=f"{label}: the review's draft is ready",
        blocks=[
            section(f"*Review draft is ready:* `/incident review` shows it, with {_gaps(draft)} for people to fill."),
            section(bullets(_summary(review))),
            section(f"*Milestones*\n{bullets(line for line in reached if line)}"),
            section(f"*Clocks*\n{bullets(_clock(reading, review) for reading in review.clocks)}"),
        ],
    )


def review_card(draft: ReviewDraft) -> Card:
    """Return the draft as it is written, cut where Slack takes no more."""
    incident = draft.review.incident
    sections, shown = _sections(draft.markdown)
    so_far = " so far" if incident.is_open else ""
    blocks: list[Block] = [
        header(f"{incident.label} · Review draft{so_far}"),
        context(f"{_gaps(draft)}, each marked as *Gap*. Copy the text to where your team keeps its reviews."),
    ]
    if draft.review.people:
        named = [f"{escape(user, 60)} is {mention(user)}" for user in draft.review.people[:_MOST_PEOPLE]]
        blocks.append(context(", ".join(named)))
    blocks.extend(section(text) for text in sections)
    if shown < len(draft.markdown):
        rest = len(draft.markdown) - shown
        blocks.append(
            context(f"{rest} more characters: `GET /api/v1/incidents/{incident.number}/review` answers with all of it.")
        )
    return Card(text=f"{incident.label}: review draft with {_gaps(draft)}", blocks=blocks)


def _gaps(draft: ReviewDraft) -> str:
    return f"{draft.gaps} gap{'' if draft.gaps == 1 else 's'}"


def _summary(review: Review) -> Iterator[str]:
    for statement in review.summary:
        gap = "*Gap:* " if statement.is_gap else ""
        yield f"{gap}{with_local_instants(one_line(statement.text, _SENTENCE))}"


def _clock(reading: ClockReading, review: Review) -> str:
    clock = reading.clock
    words = ttd_words(clock) if clock.name == "TTD" else ttm_words(clock, review.incident.milestones)
    against = "" if reading.verdict is TargetVerdict.NO_TARGET else "target "
    return f"*{clock.name.value}* {words}: {against}{reading.verdict.value}"


def _sections(document: str) -> tuple[list[str], int]:
    """Return the document in code blocks, cut between lines where it can be, and how many characters these hold."""
    room = SECTION - _FENCE
    packed = [""]
    for piece in _pieces(document):
        if len(escape(packed[-1] + piece, SECTION * 5)) > room:
            if len(packed) == _MOST_SECTIONS:
                break
            packed.append("")
        packed[-1] += piece
    return [code_block(part.rstrip("\n")) for part in packed], sum(len(part) for part in packed)


def _pieces(document: str) -> Iterator[str]:
    for line in document.splitlines(keepends=True):
        for start in range(0, len(line), _PIECE):
            yield line[start : start + _PIECE]
