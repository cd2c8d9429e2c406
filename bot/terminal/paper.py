"""How answers look on a terminal: plain lines, in which nothing that a stranger wrote can move the cursor.

Whoever reads this was woken up. No colour, no table that wraps, one thing a line.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import timedelta

from bot.domain.change import difference
from bot.domain.role import Role
from bot.domain.severity import Severity
from bot.domain.values import JsonObject, human_duration

_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_THEN = {"ask": "then it asks and stays in force", "revert": "then it is undone where that is safe"}
_SHORT = 12
_NEWEST = 25


def plain(text: object) -> str:
    """Return foreign text on one line, without what moves a cursor, hides or turns what is read."""
    words = " ".join(str(text).split())
    return "".join(char for char in words if unicodedata.category(char) not in _UNSHOWN)


def declared(answer: JsonObject) -> Iterator[str]:
    """Say what was declared, or would be."""
    incident, label = answer["incident"], Severity(answer["severity"]).label
    yield f"{incident['label']} is open as {label}." if incident else f"Dry run: it would be open as {label}."
    yield from (f"  because {plain(reason)}" for reason in answer["because"])
    if incident:
        yield f"Next: stanch plan {incident['label']}"


def incidents(answer: JsonObject) -> Iterator[str]:
    """List incidents."""
    yield from (_incident_line(each) for each in answer["incidents"])
    if not answer["incidents"]:
        yield "No incident is open."
    if answer["next_before"]:
        yield "Older ones are not shown."


def _incident_line(incident: JsonObject) -> str:
    led = f"led by {plain(incident['commander']['id'])}" if incident["commander"] else "nobody leads it"
    seconds = incident["ttm"]["seconds"]
    clock = f"TTM {incident['ttm']['state']} {human_duration(timedelta(seconds=seconds))}" if seconds else "TTM unknown"
    severity = Severity(incident["severity"]).label
    return f"{incident['label']}  {severity}  {incident['status']}  {plain(incident['title'])}  ({clock}, {led})"


def incident(answer: JsonObject) -> Iterator[str]:
    """Show one incident."""
    yield _incident_line(answer)
    yield f"System: {plain(answer['system'] or 'none, so no runbook has a target')}"
    for each in answer["containments"]:
        yield f"  C-{each['number']}  {each['state'].replace('_', ' ')}  {plain(each['title'])} ({each['level']})"
    timeline = answer["timeline"]
    events = timeline["events"]
    if len(events) > _NEWEST:
        yield f"  ... {len(events) - _NEWEST} older events"
    for event in events[-_NEWEST:]:
        said = plain(event["content"]["text"]) if event["content"] else "(redacted)"
        via = f" (from the {event['actor']['via']})" if event["actor"]["via"] else ""
        yield f"  {event['at'][:19].replace('T', ' ')}  {plain(event['actor']['id'])}{via}: {said}"
    verdict = "verified" if timeline["verified"] else f"DOES NOT VERIFY: {plain('; '.join(timeline['problems']))}"
    yield f"Chain {verdict}, signature {timeline['head_signature']}"


def runbooks(label: str, answer: JsonObject) -> Iterator[str]:
    """List runbooks, with how each is planned."""
    if not answer["runbooks"]:
        yield f"No runbook is on offer for {label}: it is over, or names no AI system of the registry."
    for each in answer["runbooks"]:
        yield from _runbook(label, each)


def inputs(label: str, runbook: JsonObject) -> Iterator[str]:
    """Show one runbook with what its inputs may be."""
    yield from _runbook(label, runbook)


def _runbook(label: str, runbook: JsonObject) -> Iterator[str]:
    yield f"{runbook['id']}  ({runbook['level']})  {plain(runbook['title'])}: {plain(runbook['summary'])}"
    for item in runbook["inputs"]:
        yield f"    {item['name']}: {plain(item['label'])}{_of(item['options'])}"
    words = "".join(f" --input {item['name']}=..." for item in runbook["inputs"])
    yield f"    stanch plan {label} {runbook['id']}{words} --reason '...'"


def _of(options: Sequence[str] | None) -> str:
    return f", one of {', '.join(plain(each) for each in options)}" if options else ""


def standing(answer: JsonObject) -> Iterator[str]:
    """Show a plan with all that a decision rests on, or what became of it."""
    plan = answer["containment"]
    title = f"{plain(plan['title'])} ({plan['level']})"
    yield f"{name(answer)}  {title}: {answer['in_words']}" if answer["stored"] else f"DRY RUN, not stored  {title}"
    if plan["problem"]:
        yield f"Problem: {plain(plan['problem'])}"
    yield f"System {plain(answer['system'])}, asked for by {plain(plan['requested_by'])}: {plain(plan['reason'])}"
    for change in plan["changes"]:
        yield from _change(change)
    if not plan["changes"]:
        yield f"  {plain(answer['expected_effect'])}"
    yield f"Expected: {plain(answer['expected_effect'])}"
    yield f"Risk if it is wrong: {plain(answer['risk_if_wrong'])}"
    if plan["kind"] != "undo":
        yield f"Lasts {human_duration(timedelta(seconds=answer['lasts_seconds']))}, {_THEN[plan['on_end']]}"
    yield from (f"WARNING: {plain(warning)}" for warning in answer["warnings"])
    yield f"Made under {Severity(answer['made_under']).label}, fingerprint {plan['fingerprint'][:_SHORT]}"


def _change(change: JsonObject) -> Iterator[str]:
    state = "" if change["state"] == "pending" else f"  [{change['state']}]"
    yield f"  {plain(change['summary'])}{state}"
    for path, before, after in difference(change["before"], change["after"]):
        yield f"    {plain(path)}: {plain(before)} -> {plain(after)}"
    yield from (f"    touches {plain(each)}" for each in change["blast_radius"] or ["what is not stated"])
    yield "    undo restores what was read" if change["reversible"] else "    CANNOT BE UNDONE"


def next_step(answer: JsonObject) -> Iterator[str]:
    """Say what a plan that waits needs now."""
    plan = answer["containment"]
    if plan["state"] != "proposed":
        return
    needed = " and ".join(Role(role).label for role in answer["missing"])
    if needed:
        yield f"Needs the approval of {needed}, other than {plain(plan['requested_by'])}."
    if answer["stored"]:
        yield f"Expires {answer['expires_at'][11:19]} UTC unless decided."
        verb = "approve" if answer["needs_approval"] else "apply"
        words = f"{answer['incident']} C-{plan['number']} --fingerprint {plan['fingerprint'][:_SHORT]}"
        yield f"Next: stanch {verb} {words}"


def name(answer: JsonObject) -> str:
    """Return `INC-7 C-2`."""
    return f"{answer['incident']} C-{answer['containment']['number']}"
