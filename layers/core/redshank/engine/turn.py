"""What is being worked out in one advance? The copies it may change, and what it has decided so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from redshank.engine.book import ACCOUNT, CONSENT, SEGMENT, Book
from redshank.engine.conditions import Condition, Verdict, verdict
from redshank.engine.effects import Effect, Membership
from redshank.engine.inputs import Event
from redshank.engine.state import Journey, Profile, Standing
from redshank.engine.values import Facts


class Trace(NamedTuple):
    """One thing that was decided, and why: `redshank explain` makes sentences of it."""

    what: str
    workflow: str = ""
    run: str = ""
    step: str = ""
    why: str = ""
    at: int = 0


@dataclass(slots=True, kw_only=True)
class Turn:
    book: Book
    profile: Profile
    standing: Standing
    #: When it is worked out: what is decided is decided now.
    now: int
    #: Up to when time has passed for this contact: conditions are judged as of then. It catches up with ``now``.
    reach: int
    #: Up to when schedules have been heard: what strikes with ``reach`` may come after an event of that instant.
    heard: int = 0
    #: The profile before the event at hand.
    earlier: Profile | None = None
    #: What time brings before this instant starts nothing.
    silent_until: int = 0
    #: The next instant at which time alone changes something; None: never. In the past: to be worked out.
    due: int | None = 0
    #: The id of the input whose consequences are being worked out.
    cause: str = ""
    #: Input id -> its effects, in order.
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    trace: list[Trace] = field(default_factory=list)
    #: Keys of stored truths that have to be judged anew.
    dirty: dict[str, None] = field(default_factory=dict)
    #: Since journeys were last looked at: whether the profile, or what became of an email, has changed …
    moved: bool = False
    #: … and the keys of the measures that have.
    fed: set[str] = field(default_factory=set)
    #: Workflows to be entered by a step, and the journey that asks.
    enrolling: list[tuple[str, Journey]] = field(default_factory=list)
    #: The runs that have begun, and what began them: (entry, cause, instant).
    runs: set[str] = field(default_factory=set)
    begun: set[tuple[str, str, int]] = field(default_factory=set)

    def do(self, effect: Effect) -> None:
        self.effects.setdefault(self.cause, []).append(effect)

    def change(self, profile: Profile) -> None:
        """The contact's profile from now on."""
        before = self.profile
        if profile is before:
            return
        self.profile = profile
        self.moved = True
        depending = self.book.truths_on_profile
        for name in before.traits.keys() | profile.traits.keys():
            if name in depending and before.traits.get(name) != profile.traits.get(name):
                self.dirty |= dict.fromkeys(depending[name])
        if profile.account != before.account:
            self.dirty |= dict.fromkeys(depending.get(ACCOUNT, ()))
        if profile.consent != before.consent:
            self.dirty |= dict.fromkeys(depending.get(CONSENT, ()))

    def hold(self, key: str, verdict: Verdict) -> bool:
        """Keep a truth; whether it is another than before."""
        was, _ = self.standing.truths.pop(key, (False, None))
        if verdict != (False, None):
            self.standing.truths[key] = verdict
        return was != verdict[0]

    def join(self, key: str, *, member: bool) -> None:
        """The contact is in, or no longer in, the segment of this truth."""
        self.do(Membership(segment=key.removeprefix(SEGMENT), member=member))

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left that follows from what has been decided."""
        return not (self.moved or self.fed or self.dirty or self.enrolling)

    def tell(
        self, what: str, journey: Journey | None = None, *, step: str = "", why: str = "", workflow: str = ""
    ) -> None:
        """Note what was decided about a journey, or about a workflow that started none."""
        if journey is not None:
            step = step or journey.at
            self.trace.append(Trace(what, journey.workflow, journey.run, step, why, self.reach))
        else:
            self.trace.append(Trace(what, workflow, "", step, why, self.reach))

    def facts(self, journey: Journey | None = None, properties: Mapping[str, Any] | None = None) -> Facts:
        """All that a condition may look at; the properties are the journey's event's if none are given."""
        if properties is None:
            properties = journey.event if journey else {}
        return Facts(
            book=self.book,
            profile=self.profile,
            standing=self.standing,
            now=self.reach,
            properties=properties,
            journey=journey,
        )

    def verdict(
        self,
        condition: Condition | None,
        journey: Journey | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Verdict:
        """The condition's verdict now; no condition is true for ever."""
        if condition is None:
            return True, None
        return verdict(condition, self.facts(journey, properties))

    def holds(
        self,
        condition: Condition | None,
        journey: Journey | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> bool:
        return condition is None or next(condition.course(self.facts(journey, properties)))[1]

    def passes(self, where: Condition | None, event: Event) -> bool:
        """Whether the filter lets an event through, judged as of when it happened: the same however late."""
        if where is None:
            return True
        facts = self.facts(properties=event.properties)
        return next(where.course(replace(facts, now=event.occurred_at)))[1]
