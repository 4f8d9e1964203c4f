"""What does a new book find true already?

Applying one fires no edge: what is new to a contact starts from what is true. A contact meets a book at its next
input, or by a visit. Measures and absences that are new are counted from the event log; a new condition is judged in
silence, unless its trigger includes who already matches.
"""

from __future__ import annotations

from collections.abc import Sequence

from redshank.engine import absences, entering, journeys, measuring, schedules
from redshank.engine.book import SEGMENT, Book
from redshank.engine.inputs import Event
from redshank.engine.state import Standing
from redshank.engine.turn import Turn


def asks_history(book: Book, standing: Standing) -> bool:
    """Whether the book counts what the standing did not, so that the contact's events have to be read again."""
    return (
        standing.version > 0
        and standing.book != book.sequence
        and any(book.is_new(key, standing.book) for key in (*book.measures, *book.absences))
    )


def take(turn: Turn, history: Sequence[Event] | None) -> None:
    """Bring the standing to the turn's book."""
    standing, book = turn.standing, turn.book
    seen, standing.book = standing.book, book.sequence
    existing = standing.version > 1
    standing.measures = {
        key: kept
        for key, kept in standing.measures.items()
        if key in book.measures and not book.is_new(key, seen)
    }
    absences.forget(turn)
    if existing and history:
        _recount(turn, history, seen)
    for journey in journeys.active(turn):
        journeys.adapt(turn, journey)
    _judge_anew(turn, seen, existing=existing)
    for workflow, trigger in book.schedules:
        if existing and book.is_new(trigger.key, seen):
            schedules.catch_up(turn, workflow, trigger)
    turn.due = 0


def _recount(turn: Turn, history: Sequence[Event], seen: int) -> None:
    book = turn.book
    fresh = {key for key in (*book.measures, *book.absences) if book.is_new(key, seen)}
    for key in [key for key in turn.standing.anchors if absences.trigger_of(key) in fresh]:
        del turn.standing.anchors[key]
    for event in sorted(history, key=lambda event: event.occurred_at):
        measuring.feed(turn, event, [it for it in book.measures_of.get(event.name, ()) if it.key in fresh])
        for workflow, trigger in book.absences_of.get(event.name, ()):
            if trigger.key in fresh:
                not_before = 0 if trigger.include_existing else turn.now
                absences.note(
                    turn, workflow, trigger, event, not_before=None if event.historical else not_before
                )
    turn.dirty = {}
    for at, key in absences.due(turn):
        # Of who is included though it is long over: it would not be late, but begins now.
        if absences.trigger_of(key) in fresh and at <= turn.now:
            absences.fire(turn, key, turn.now)


def _judge_anew(turn: Turn, seen: int, *, existing: bool) -> None:
    standing, book = turn.standing, turn.book
    if not existing:
        standing.truths = dict(book.truths_of_nobody)
        for key in standing.truths.keys() | set(book.truths_on_identity):
            verdict = turn.verdict(book.truths[key])
            turn.hold(key, verdict)
            if verdict[0] and key.startswith(SEGMENT):
                turn.join(key, member=True)
        return
    for key, (was, _) in standing.truths.items():
        if was and key.startswith(SEGMENT) and key not in book.truths:
            # Else whoever was in it would be again, should a segment of that name come back.
            turn.join(key, member=False)
    standing.truths = {key: truth for key, truth in standing.truths.items() if key in book.truths}
    # What turned true or false before the book was there is no edge of it.
    reach = turn.reach
    for key, condition in book.truths.items():
        new = book.is_new(key, seen)
        if new is False or (new is None and key in standing.truths):
            continue
        born = book.born.get(key)
        turn.reach = max(reach, min(born[1], turn.now) if born else turn.now)
        verdict = turn.verdict(condition)
        changed = turn.hold(key, verdict)
        if key.startswith(SEGMENT):
            if changed:
                turn.join(key, member=verdict[0])
        elif verdict[0] and book.edges[key][1].include_existing:
            entering.enter(turn, *book.edges[key], turn.now, {})
    turn.reach = reach
