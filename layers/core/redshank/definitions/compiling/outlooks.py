"""What can become of a condition when only some of what it asks for is known?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from redshank.engine import book, conditions
from redshank.engine import workflows as flow
from redshank.engine.conditions import Condition
from redshank.engine.measures import Measure
from redshank.engine.values import Measured, Property, Trait

#: What is known of the values that a condition asks for.
type Known = Mapping[Property | Trait, Any]

#: Comparisons that a growing number makes true, and those that it makes false.
_UP = frozenset({"gt", "gte"})
_DOWN = frozenset({"lt", "lte"})
#: Aggregates that an event makes greater and never less.
_GROWING = frozenset({"count", "distinct", "fading"})


def inlined(condition: Condition, segments: Mapping[str, Condition]) -> Condition:
    """A condition with those of the segments that it asks for in their place."""
    match condition:
        case conditions.InSegment(segment=name):
            return inlined(segments[name], segments)
        case conditions.Not(item=item):
            return conditions.Not(inlined(item, segments))
        case conditions.All(items=items):
            return conditions.All(tuple(inlined(item, segments) for item in items))
        case conditions.Any_(items=items):
            return conditions.Any_(tuple(inlined(item, segments) for item in items))
        case _:
            return condition


def can_be(truth: bool, condition: Condition | None, known: Known) -> bool:
    """Whether a condition can have that truth where these values are known, and anything else may be."""
    found = True if condition is None else _judged(condition, known)
    return found is None or found == truth


def _judged(condition: Condition, known: Known) -> bool | None:
    match condition:
        case conditions.Compare(value=value, operator=operator, wanted=wanted):
            if not isinstance(value, Property | Trait) or value not in known or operator in conditions.TIMELY:
                return None
            return conditions.compare(known[value], operator, wanted)
        case conditions.Not(item=item):
            found = _judged(item, known)
            return None if found is None else not found
        case conditions.All(items=items):
            return _joined(items, known, decisive=False)
        case conditions.Any_(items=items):
            return _joined(items, known, decisive=True)
        case _:
            return None


def _joined(items: Collection[Condition], known: Known, *, decisive: bool) -> bool | None:
    found = [_judged(item, known) for item in items]
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def can_rise(
    condition: Condition,
    fed: Collection[str],
    measures: Mapping[str, Measure],
    *,
    rising: bool = True,
) -> bool:
    """Whether events that feed some measures can turn a condition true (or false) again and again."""
    match condition:
        case conditions.Not(item=item):
            return can_rise(item, fed, measures, rising=not rising)
        case conditions.All(items=items) | conditions.Any_(items=items):
            return any(can_rise(item, fed, measures, rising=rising) for item in items)
        case conditions.Compare(value=Measured() as measured, operator=operator):
            return measured.measure in fed and _turns(measures[measured.measure], operator, rising)
        case conditions.Compare(value=value):
            return any(isinstance(node, Measured) and node.measure in fed for node in book.nodes(value))
        case _:
            return False


def _turns(measure: Measure, operator: str, rising: bool) -> bool:
    if measure.aggregate not in _GROWING:
        return True
    if measure.window is None and not measure.half_life:
        return False  # what is never forgotten grows past a bound once
    return operator not in _UP | _DOWN or operator in (_UP if rising else _DOWN)


def successors(step: flow.Step) -> Iterator[str]:
    """The steps that a journey can go to from this one."""
    match step:
        case flow.Exit():
            if step.when is not None:
                yield step.next
        case flow.WaitFor():
            yield from (step.then, step.otherwise) if step.at_most is not None else (step.then,)
            if step.when is not None:
                yield step.next
        case flow.Branch():
            yield from (arm.to for arm in step.arms)
            if step.when is not None or all(arm.when is not None for arm in step.arms):
                yield step.next
        case flow.Split():
            yield from (way.to for way in step.arms.values())
            if step.when is not None:
                yield step.next
        case _:
            yield step.next
