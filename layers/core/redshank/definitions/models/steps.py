"""What can a journey do?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, Tag

from redshank.definitions.models.base import TOLERANT, Definition, Kinds, not_empty
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import Duration, Name, PositiveDuration, Text


class _Step(Definition):
    id: Name | None = None
    when: Condition | None = Field(None, alias="if")
    #: The id this step had in an earlier book: journeys that stand there go on here.
    was: Text | None = None

    @property
    def given_id(self) -> str | None:
        """The id its author gave it, if any."""
        return self.id


class SendStep(_Step):
    """Send an email."""

    later: ClassVar[frozenset[str]] = frozenset({"arms", "decide"})

    send: Name
    topic: Name | None = None
    sender: Name | None = None
    subject: Text | None = None
    hold: Duration | None = None

    @property
    def given_id(self) -> str:
        return self.id or self.send


class WaitStep(_Step):
    """Wait, counted from when the step before settled."""

    wait: PositiveDuration


class BranchArm(Definition):
    """One way of a branch; without ``if`` it is the way for everybody else."""

    when: Condition | None = Field(None, alias="if")
    then: list[Step]


class BranchStep(_Step):
    """Go the first way whose condition is true; the ways meet again below."""

    branch: Annotated[list[BranchArm], BeforeValidator(not_empty)]


class ExitStep(_Step):
    """End the journey."""

    exit: Text


_STEP = Kinds(
    "step",
    {"send": "<send>", "wait": "<wait>", "branch": "<branch>", "exit": "<exit>"},
    {
        *("wait_for", "wait_until", "split", "use", "set", "subscribe", "unsubscribe"),
        *("emit", "enroll", "suppress"),
    },
    example="send: welcome",
)

type Step = Annotated[
    Annotated[SendStep, Tag("<send>")]
    | Annotated[WaitStep, Tag("<wait>")]
    | Annotated[BranchStep, Tag("<branch>")]
    | Annotated[ExitStep, Tag("<exit>")],
    _STEP.discriminator,
    _STEP.check,
    TOLERANT,
]
