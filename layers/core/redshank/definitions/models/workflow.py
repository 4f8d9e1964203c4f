"""What is a workflow?"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from redshank.definitions.documents import Listed, Mapped
from redshank.definitions.models.base import Definition, not_empty, one_or_more, refusal, shown
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import Name, Text, duration
from redshank.definitions.models.steps import Step
from redshank.definitions.models.triggers import Trigger

#: Where a goal keeps its condition: not a key that a file can have.
_CONDITION = "<condition>"


def _again(value: Any) -> Any:
    if value in ("never", "always"):
        return value
    if not isinstance(value, str) or not value[:1].isdigit():
        raise refusal(f"should be `never`, `always` or a duration such as `30d`, not {shown(value)}")
    return duration(value)


class Entry(Definition):
    """Who may enter again, and how many runs a contact may have at a time."""

    later: ClassVar[frozenset[str]] = frozenset({"while_active"})

    again: Annotated[str | int, BeforeValidator(_again)] = "never"
    key: Text | None = None


class Goal(Definition):
    """What the workflow is for. An event counts only after the journey's start."""

    later: ClassVar[frozenset[str]] = frozenset({"value"})

    #: The rest of the mapping: any condition.
    condition: Condition = Field(alias="<condition>")
    ends: bool = True


def _goal(value: Any) -> Any:
    """A goal's options stand beside its condition; a list of conditions has no options."""
    if not isinstance(value, Mapped | Listed):
        return value
    own = [key for key in value if key == "ends" or key in Goal.later] if isinstance(value, Mapped) else []
    made = Mapped(value.place)
    made[_CONDITION] = value
    if isinstance(value, Mapped):
        made.lines = {**value.lines}
        made.update((key, value[key]) for key in own)
        made[_CONDITION] = value.without(*own)
    made.lines[_CONDITION] = value.place.line
    return made


class Workflow(Definition):
    """A file of ``workflows/``."""

    later: ClassVar[frozenset[str]] = frozenset({"holdout"})

    state: Literal["live", "shadow", "paused", "retired"] = "live"
    topic: Name | None = None
    priority: int = 50
    trigger: Annotated[list[Trigger], BeforeValidator(one_or_more)]
    entry: Entry | None = None
    goal: Annotated[Goal, BeforeValidator(_goal)] | None = None
    exit_if: Condition | None = None
    steps: Annotated[list[Step], BeforeValidator(not_empty)]
