"""What is a workflow?"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from redshank.definitions.models.base import (
    Definition,
    not_empty,
    one_or_more,
    options_beside,
    refusal,
    shown,
)
from redshank.definitions.models.conditions import (
    AllCondition,
    AnyCondition,
    Condition,
    EventCondition,
)
from redshank.definitions.models.scalars import Count, Duration, Name, Share, Text, duration
from redshank.definitions.models.steps import Step
from redshank.definitions.models.triggers import Trigger

#: Where a goal keeps its condition: not a key that a file can have.
_CONDITION = "<condition>"
#: A contact's standing has to stay small.
MAX_ACTIVE = 500


def _again(value: Any) -> Any:
    if value in ("never", "always"):
        return value
    if not isinstance(value, str) or not value[:1].isdigit():
        raise refusal(f"should be `never`, `always` or a duration such as `30d`, not {shown(value)}")
    return duration(value)


def _at_most(value: int) -> int:
    if value > MAX_ACTIVE:
        raise refusal(f"should be {MAX_ACTIVE} or less: all that a contact is in must be looked at together")
    return value


class Entry(Definition):
    """Who may enter again, and how many runs a contact may have at a time."""

    #: If nothing is said: ``always`` where nothing but a schedule starts it, again and again (a weekly newsletter
    #: goes out each week), else ``never`` (a broadcast that is edited after it went out does not reach anybody twice).
    again: (
        Annotated[
            str | int,
            BeforeValidator(_again, json_schema_input_type=Literal["never", "always"] | Duration),
        ]
        | None
    ) = None
    #: The property of the event that makes one run per value: one per cart.
    key: Text | None = None
    #: What a new entry does to the run that is under way.
    while_active: Literal["ignore", "restart"] = "ignore"
    #: How many runs, told apart by ``key``, a contact may have at a time.
    max_active: Annotated[Count, AfterValidator(_at_most)] = 100
    #: What happens when a contact has so many runs.
    when_full: Literal["refuse", "end_oldest"] = "refuse"


class Goal(Definition):
    """What the workflow is for. An event counts only after the journey's start."""

    #: The rest of the mapping: any condition.
    condition: Condition = Field(alias="<condition>")
    #: Whether it ends the journey, or only counts.
    ends: bool = True
    #: The property of its event that says what it is worth.
    value: Text | None = None

    @model_validator(mode="after")
    def _has_event(self, info: ValidationInfo) -> Self:
        if self.value is not None and not _asks_for_event(self.condition):
            self.tell(info, "`value` is a property of the goal's event, and this goal is none", "value")
        return self


def _asks_for_event(condition: Condition) -> bool:
    if isinstance(condition, AllCondition):
        return any(_asks_for_event(item) for item in condition.all)
    if isinstance(condition, AnyCondition):
        return any(_asks_for_event(item) for item in condition.any)
    return isinstance(condition, EventCondition)


class Workflow(Definition):
    """A file of ``workflows/`` or ``broadcasts/``."""

    #: ``shadow`` decides and sends nothing, ``paused`` stands still, ``retired`` lets nobody in.
    state: Literal["live", "shadow", "paused", "retired"] = "live"
    #: What its emails are about; unsubscribing from it ends the journey.
    topic: Name | None = None
    #: Who goes first under a cap.
    priority: int = 50
    #: What starts it, or several: any of them.
    trigger: Annotated[list[Trigger], BeforeValidator(one_or_more)]
    #: Who may enter, how often.
    entry: Entry | None = None
    #: What it is for: reached, the journey ends.
    goal: Annotated[Goal, options_beside(_CONDITION, "ends", "value")] | None = None
    #: Bars entry, ends the journey at once, and counts nothing.
    exit_if: Condition | None = None
    #: The share of contacts that get no marketing email of it, to compare with.
    holdout: Share = 0.0
    #: What happens, one after the other.
    steps: Annotated[list[Step], BeforeValidator(not_empty)]
