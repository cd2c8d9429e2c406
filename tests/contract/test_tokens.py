"""Personal tokens: issued, found again by their digest, ended, and never known to the database."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.domain.actor import Via, person
from bot.domain.timeline import chain_problems
from bot.errors import InvalidTransition, NotFound
from bot.services.tokens import Tokens
from bot.store.sql import Store
from tests.builders import INCIDENT_ID, Clock, fact, incident
from tests.conftest import Enqueued
from tests.responders import COMMANDER, NEWCOMER, RESPONDER, Responders

LASTS = timedelta(days=30)


@pytest.fixture
def tokens(store: Store, clock: Clock, enqueued: list[Enqueued]) -> Tokens:
    return Tokens(store, Responders(store, clock, enqueued).people, LASTS, clock)


async def test_a_token_tells_who_holds_it_until_it_expires(tokens: Tokens, clock: Clock) -> None:
    token, spelling = await tokens.issue(NEWCOMER)
    clock.advance(LASTS - timedelta(seconds=1))
    assert await tokens.told_by(spelling) == token
    assert token.user_id == NEWCOMER.id
    clock.advance(timedelta(seconds=1))
    assert await tokens.told_by(spelling) is None


async def test_the_database_never_holds_a_token(tokens: Tokens, store: Store) -> None:
    _, spelling = await tokens.issue(NEWCOMER)
    async with store.session() as session:
        stored = (await session.execute(text("SELECT * FROM stanch_token"))).one()
    secret = spelling.rpartition("_")[2]
    assert len(spelling) > 50
    assert secret not in str(stored)


@pytest.mark.parametrize("change", ["other secret", "other name", "no secret", "no token", "empty", "hostile"])
async def test_what_is_nearly_a_token_opens_nothing(tokens: Tokens, change: str) -> None:
    token, spelling = await tokens.issue(RESPONDER)
    other, _ = await tokens.issue(RESPONDER)
    presented = {
        "other secret": spelling[:-1] + ("A" if spelling[-1] != "A" else "B"),
        "other name": spelling.replace(token.name, other.name),
        "no secret": f"stanch_{token.name}_",
        "no token": "xoxb-1-2",
        "empty": "",
        "hostile": f"stanch_{token.name}_\x00\ud800' OR 1=1 --",
    }[change]
    assert await tokens.told_by(presented) is None
    assert await tokens.told_by(spelling) == token


async def test_a_revoked_token_opens_nothing_and_the_others_still_do(tokens: Tokens) -> None:
    first, first_spelling = await tokens.issue(RESPONDER)
    second, second_spelling = await tokens.issue(RESPONDER)
    assert [each.name for each in await tokens.revoke(RESPONDER, first.name)] == [first.name]
    assert await tokens.told_by(first_spelling) is None
    assert await tokens.told_by(second_spelling) == second
    with pytest.raises(NotFound, match="no such token in force"):
        await tokens.revoke(RESPONDER, first.name)


async def test_all_of_a_persons_tokens_end_at_once_and_nobody_elses(tokens: Tokens) -> None:
    mine = {(await tokens.issue(RESPONDER))[0].name for _ in range(2)}
    _, anothers = await tokens.issue(NEWCOMER)
    assert {each.name for each in await tokens.revoke(RESPONDER)} == mine
    assert await tokens.in_force(RESPONDER) == []
    assert await tokens.told_by(anothers) is not None
    with pytest.raises(NotFound, match="You have no token in force"):
        await tokens.revoke(RESPONDER)


async def test_anothers_token_is_ended_by_who_may_lead_and_by_nobody_else(tokens: Tokens) -> None:
    token, spelling = await tokens.issue(NEWCOMER)
    with pytest.raises(NotFound):
        await tokens.revoke(RESPONDER, token.name)
    assert await tokens.told_by(spelling) == token
    ended = await tokens.revoke(COMMANDER, token.name)
    assert [each.revoked_by for each in ended] == [COMMANDER.id]
    assert await tokens.told_by(spelling) is None


async def test_a_person_has_a_few_at_most_and_gets_another_when_one_ends(tokens: Tokens, clock: Clock) -> None:
    oldest, _ = await tokens.issue(RESPONDER)
    clock.advance(timedelta(days=1))
    for _ in range(2):
        await tokens.issue(RESPONDER)
    with pytest.raises(InvalidTransition, match="3 tokens in force"):
        await tokens.issue(RESPONDER)
    clock.advance(LASTS - timedelta(days=1))
    newest, _ = await tokens.issue(RESPONDER)
    names = [each.name for each in await tokens.in_force(RESPONDER)]
    assert (len(names), names[-1], oldest.name in names) == (3, newest.name, False)


async def test_the_timeline_keeps_that_somebody_acted_at_a_terminal_and_verifies(store: Store) -> None:
    there = person(RESPONDER.id, via=Via.TERMINAL)
    async with store.begin() as tx:
        await tx.incidents.add(incident())
        await tx.timeline.append(INCIDENT_ID, fact(actor=RESPONDER), fact(actor=there))
    async with store.begin() as tx:
        events = await tx.timeline.events(INCIDENT_ID)
    assert [event.actor.via for event in events] == [None, Via.TERMINAL]
    assert "via" not in events[0].model_dump()["actor"]
    assert chain_problems(events) == []
    assert chain_problems([events[0], events[1].changed(actor=RESPONDER)]) == [
        "event 2 was changed after it was recorded"
    ]
