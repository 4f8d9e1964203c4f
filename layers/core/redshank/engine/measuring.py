"""Which measures does an event feed, and how far back is kept?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redshank.engine import measures, moments
from redshank.engine.inputs import Event
from redshank.engine.measures import Measure, SinceEntry
from redshank.engine.turn import Turn
from redshank.engine.values import dig, zone_of
from redshank.instants import HOUR

#: ``Measure.of``: the hour at which it happened, as the contact's clock shows it.
HOUR_OF_DAY = "@hour"
#: More samples than this (see measures.size) make a standing too large: then all windows are kept by the hour, and
#: the oldest are dropped where that is not enough.
MAX_SAMPLES = 8_000


def feed(turn: Turn, event: Event, fed: Iterable[Measure]) -> None:
    """Count the event in each of the measures whose filter it passes."""
    for measure in fed:
        if not turn.passes(measure.where, event):
            continue
        known = turn.standing.measures.get(measure.key)
        samples = measures.add(
            measure,
            known,
            value=_value(turn, measure, event),
            tag=dig(event.properties, measure.same) if measure.same else None,
            at=event.occurred_at,
            since=_since(turn, measure),
        )
        if samples:
            turn.standing.measures[measure.key] = samples
        elif known:
            del turn.standing.measures[measure.key]
        turn.fed.add(measure.key)
        turn.dirty |= dict.fromkeys(turn.book.truths_on_measure.get(measure.key, ()))


def bound(turn: Turn) -> None:
    """Keep a standing small that would become too large."""
    kept, known = turn.standing.measures, turn.book.measures

    def is_small() -> bool:
        return sum(measures.size(known[key], samples) for key, samples in kept.items()) <= MAX_SAMPLES

    if is_small():
        return
    for key in sorted(kept, key=lambda key: -measures.size(known[key], kept[key])):
        kept[key] = measures.shrunk(known[key], kept[key])
        while not is_small() and len(kept[key]) > 1:
            # Values of a property that differ do not get fewer by the hour.
            kept[key] = kept[key][len(kept[key]) // 2 :]
        if is_small():
            break
    turn.tell("shrunk", why="too_many_samples")


def _value(turn: Turn, measure: Measure, event: Event) -> Any:
    if measure.of == HOUR_OF_DAY:
        return moments.local(event.occurred_at, zone_of(turn.profile, turn.book)).hour
    return dig(event.properties, measure.of) if measure.of else None


def _since(turn: Turn, measure: Measure) -> int | None:
    """The instant up to which samples can be forgotten."""
    if isinstance(measure.window, SinceEntry):
        asking = turn.book.workflows_on_measure.get(measure.key, frozenset())
        entered = (it.entered_at for it in turn.standing.journeys.values() if it.workflow in asking)
        # An event may come a little before the one that starts the journey which asks for it.
        return min(entered, default=turn.now + HOUR) - 1
    return measures.kept_since(measure.window, turn.reach, zone_of(turn.profile, turn.book))
