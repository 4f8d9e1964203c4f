"""What does a trigger mean to the engine?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from redshank.definitions.compiling.conditions import EDGE, ENTRY, Conditions
from redshank.definitions.compiling.texts import compile_date
from redshank.definitions.models import triggers as written
from redshank.definitions.models.settings import BookSettings
from redshank.engine import serial
from redshank.engine import workflows as flow
from redshank.engine.conditions import Reached
from redshank.identity import digest

#: A condition about the contact: nothing happened that has properties.
_WITHOUT_EVENT = replace(ENTRY, has_event=False)


@dataclass(frozen=True)
class Triggers:
    """Compiles the triggers of a workflow; what is wrong goes to the problems of ``conditions``."""

    workflow: str
    settings: BookSettings | None
    conditions: Conditions

    def compile(self, sources: Sequence[written.Trigger]) -> tuple[flow.Trigger, ...]:
        made: list[flow.Trigger] = []
        keys: set[str] = set()
        for source in sources:
            trigger = self._trigger(source)
            key = getattr(trigger, "key", "")
            if key and key in keys:
                what = "condition" if isinstance(source, written.BecomesTrigger) else "content"
                message = f"another trigger of this workflow has the same {what}"
                self.conditions.problems.add(source.at(), message)
            keys.add(key)
            made.append(trigger)
        return tuple(made)

    def _trigger(self, source: written.Trigger) -> flow.Trigger:
        if isinstance(source, written.EventTrigger):
            return self._event(source)
        if isinstance(source, written.BecomesTrigger):
            condition = self.conditions.compile(source.becomes, EDGE)
            return flow.BecomesTrigger(
                key=self._key("becomes", condition),
                condition=condition,
                when=self.conditions.optional(source.when, _WITHOUT_EVENT),
                include_existing=source.include_existing,
            )
        if isinstance(source, written.DateTrigger):
            date = compile_date(source.date, source.at("date"), self.conditions)
            reached = Reached(date, source.offset, source.time)
            return flow.DateTrigger(
                key=self._key("date", reached),
                condition=reached,
                when=self.conditions.optional(source.when, _WITHOUT_EVENT),
                include_existing=source.include_existing,
            )
        if isinstance(source, written.EveryTrigger | written.AtTrigger):
            return self._scheduled(source)
        if isinstance(source, written.ManualTrigger):
            return flow.ManualTrigger(when=self.conditions.optional(source.when, ENTRY))
        assert_never(source)

    def _event(self, source: written.EventTrigger) -> flow.EventTrigger | flow.AbsenceTrigger:
        events = self.conditions.declared.events(source.event, source.at("event"))
        where = self.conditions.filter(source.where, events)
        when = self.conditions.optional(source.when, replace(ENTRY, events=events))
        if source.without is None:
            return flow.EventTrigger(events=events, where=where, when=when)
        without = self.conditions.declared.events(source.without, source.at("without"))
        if source.same is not None:
            for names in (events, without):
                self.conditions.declared.property(names, source.same, source.at("same"))
        unnamed = flow.AbsenceTrigger(
            key="",
            events=events,
            where=where,
            without=without,
            # Where it is missing, that has been reported.
            span=source.span or 0,
            same=source.same or "",
        )
        return replace(
            unnamed,
            key=self._key("without", unnamed),
            when=when,
            include_existing=source.include_existing,
        )

    def _scheduled(self, source: written.EveryTrigger | written.AtTrigger) -> flow.ScheduleTrigger:
        self.conditions.references.check("segment", source.to, source.at("to"))
        zone = source.timezone or (self.settings.timezone if self.settings else "UTC")
        timezone = "" if zone == "contact" else zone
        unnamed = flow.ScheduleTrigger(key="", segment=source.to, timezone=timezone)
        if isinstance(source, written.EveryTrigger):
            days = tuple(sorted(set(source.every)))
            unnamed = replace(unnamed, minutes=source.time, days=days if len(days) < 7 else ())
        else:
            unnamed = replace(unnamed, at=source.at_)
        return replace(
            unnamed,
            key=self._key("schedule", unnamed),
            skip_late=isinstance(source, written.AtTrigger) and source.late == "skip",
            when=self.conditions.optional(source.when, _WITHOUT_EVENT),
        )

    def _key(self, kind: str, content: object) -> str:
        """Named by what it asks, so that an unchanged one keeps what is stored for it."""
        return digest(kind, self.workflow, serial.canonical(content), size=5)


def events_of(triggers: Sequence[flow.Trigger]) -> tuple[str, ...]:
    """The events that start journeys, where nothing else does."""
    found: set[str] = set()
    for trigger in triggers:
        if not isinstance(trigger, flow.EventTrigger | flow.AbsenceTrigger):
            return ()
        found.update(trigger.events)
    return tuple(sorted(found))
