"""When does the clock start a journey? ``every`` and ``at``, at each contact's own moment."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from redshank.engine import entering, moments
from redshank.engine.book import SEGMENT
from redshank.engine.turn import Turn
from redshank.engine.values import zone_of
from redshank.engine.workflows import ScheduleTrigger, Workflow
from redshank.instants import DAY


def coming(turn: Turn) -> list[tuple[int, Workflow, ScheduleTrigger]]:
    """The next moments, of the schedules over segments that the contact is in."""
    found = []
    for workflow, trigger in turn.book.schedules:
        if _is_member(turn, trigger):
            at = _next(turn, trigger)
            if at is not None:
                found.append((at, workflow, trigger))
    return found


def catch_up(turn: Turn, workflow: Workflow, trigger: ScheduleTrigger) -> None:
    """A broadcast whose moment for this contact had just passed when it was applied."""
    if not trigger.at or trigger.skip_late or not _is_member(turn, trigger):
        return
    at = _moment(turn, trigger)
    if _applied(turn, trigger) - DAY < at <= _applied(turn, trigger):
        entering.enter(turn, workflow, trigger, turn.now, {})


def overtaken(turn: Turn, was: ZoneInfo) -> list[tuple[Workflow, ScheduleTrigger]]:
    """Broadcasts whose moment was still to come where the contact was, and has passed where it is now."""
    return [
        (workflow, trigger)
        for workflow, trigger in turn.book.schedules
        if trigger.at
        and not trigger.timezone
        and _is_member(turn, trigger)
        and max(turn.heard, _applied(turn, trigger)) < moments.instant_of(_wall(trigger.at), was)
        and _moment(turn, trigger) <= turn.heard
    ]


def _is_member(turn: Turn, trigger: ScheduleTrigger) -> bool:
    return turn.standing.truths.get(SEGMENT + trigger.segment, (False, None))[0]


def _next(turn: Turn, trigger: ScheduleTrigger) -> int | None:
    """The first moment after all that has passed already, for the contact or before the book was applied."""
    after = max(turn.heard, _applied(turn, trigger))
    if trigger.at:
        at = _moment(turn, trigger)
        return at if at > after else None
    where = moments.zone(trigger.timezone) if trigger.timezone else None
    where = where or zone_of(turn.profile, turn.book)
    return moments.next_time(after, trigger.minutes, trigger.days, where)


def _applied(turn: Turn, trigger: ScheduleTrigger) -> int:
    born = turn.book.born.get(trigger.key)
    return born[1] if born else 0


def _moment(turn: Turn, trigger: ScheduleTrigger) -> int:
    where = moments.zone(trigger.timezone) if trigger.timezone else None
    return moments.instant_of(_wall(trigger.at), where or zone_of(turn.profile, turn.book))


@lru_cache(maxsize=1_000)
def _wall(at: str) -> datetime:
    return datetime.fromisoformat(at)
