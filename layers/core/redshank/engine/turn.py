"""What is being worked out in one advance? The copies it may change, and what it has decided so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redshank.engine.book import Book
from redshank.engine.conditions import Condition, Facts, Verdict
from redshank.engine.effects import Effect
from redshank.engine.state import Journey, Profile, Standing

#: More steps than this in one advance is a loop, not a journey.
FUEL = 1_000


class Trace(NamedTuple):
    """One thing that was decided, and why: `redshank explain` makes sentences of it."""

    what: str
    workflow: str = ""
    run: str = ""
    step: str = ""
    why: str = ""


@dataclass(slots=True, kw_only=True)
class Turn:
    book: Book
    profile: Profile
    standing: Standing
    now: int
    #: The id of the input whose consequences are being worked out.
    cause: str = ""
    #: Input id -> its effects, in order.
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    trace: list[Trace] = field(default_factory=list)
    fuel: int = FUEL

    def do(self, effect: Effect) -> None:
        self.effects.setdefault(self.cause, []).append(effect)

    def tell(
        self, what: str, journey: Journey | None = None, *, step: str = "", why: str = "", workflow: str = ""
    ) -> None:
        """Note what was decided about a journey, or about a workflow that started none."""
        if journey is not None:
            self.trace.append(Trace(what, journey.workflow, journey.run, step or journey.at, why))
        else:
            self.trace.append(Trace(what, workflow, "", step, why))

    def verdict(
        self,
        condition: Condition | None,
        journey: Journey | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Verdict:
        """The condition's verdict now; no condition is true for ever."""
        if condition is None:
            return True, None
        if properties is None:
            properties = journey.event if journey else {}
        return condition.verdict(
            Facts(
                book=self.book,
                profile=self.profile,
                standing=self.standing,
                now=self.now,
                properties=properties,
                journey=journey,
            )
        )

    def holds(
        self,
        condition: Condition | None,
        journey: Journey | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> bool:
        return self.verdict(condition, journey, properties)[0]
