"""Is a segment or a measure defined by itself?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from redshank.definitions.compiling import expressions
from redshank.definitions.models import conditions as asked
from redshank.definitions.models import measures as written
from redshank.definitions.models.conditions import Condition, parts
from redshank.definitions.models.measures import Measure
from redshank.definitions.problems import Problems

#: (``segment`` or ``measure``, the name)
type _Node = tuple[str, str]


def check_circles(
    segments: Mapping[str, Condition], measures: Mapping[str, Measure], problems: Problems
) -> None:
    """Report whatever leads back to itself, whichever way."""
    uses: dict[_Node, frozenset[_Node]] = {
        **{("segment", name): frozenset(_asked(source)) for name, source in segments.items()},
        **{("measure", name): frozenset(_made_of(source)) for name, source in measures.items()},
    }
    for node in uses:
        if node in _reached(node, uses):
            kind, name = node
            source = segments[name] if kind == "segment" else measures[name]
            problems.add(source.at(), f"the {kind} `{name}` is defined by itself")


def _reached(node: _Node, uses: Mapping[_Node, frozenset[_Node]]) -> set[_Node]:
    reached: set[_Node] = set()
    waiting = [node]
    while waiting:
        found = uses.get(waiting.pop(), frozenset()) - reached
        reached |= found
        waiting += found
    return reached


def _asked(source: Condition) -> Iterator[_Node]:
    for part in parts(source):
        if isinstance(part, asked.InCondition):
            yield "segment", part.segment
        elif isinstance(part, asked.MeasureCondition):
            yield "measure", part.measure


def _made_of(source: Measure) -> Iterator[_Node]:
    if isinstance(source, written.ExpressionMeasure):
        tree = expressions.parse(source.expr, source.at("expr"), Problems())
        yield from (("measure", name) for name in ([] if tree is None else expressions.names(tree)))
    elif isinstance(source, written.MapMeasure):
        yield "measure", source.map
    elif isinstance(source, written.PointsMeasure):
        for item in source.points:
            yield from _asked(item.condition)
