"""What can a journey do?"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from redshank.definitions.documents import Mapped, Percent
from redshank.definitions.models.base import (
    TOLERANT,
    Definition,
    Kinds,
    not_empty,
    one_or_more,
    refusal,
    shown,
)
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import Count, Duration, Name, PositiveDuration, Share, Text
from redshank.definitions.models.times import Offset, TimeOfDay, Weekday


class _Step(Definition):
    #: What it is called: letters, digits, ``_`` and ``-``.
    id: Name | None = None
    #: Who takes it; for everybody else it is passed over.
    when: Condition | None = Field(None, alias="if")
    #: The id this step had in an earlier book: journeys that stand there go on here.
    was: Text | None = None

    @property
    def given_id(self) -> str | None:
        """The id its author gave it, if any."""
        return self.id


# --- tests


def _confidence(value: float) -> float:
    if not 0.5 < value < 1:
        raise refusal(f"should be more than 50% and less than 100%, not `{value * 100:.6g}%`")
    return value


def _some(value: float) -> float:
    if value <= 0:
        raise refusal("should be more than nothing")
    return value


type PositiveShare = Annotated[Share, AfterValidator(_some)]


class Decide(Definition):
    """When and how the better arm is chosen.

    ``of`` is the step whose email is judged by ``opens`` or ``clicks``; ``within`` how long a conversion counts. A
    broadcast sends to a ``sample`` first, and to the rest once it is decided, ``after`` so long at the latest.
    """

    #: What is compared.
    by: Literal["opens", "clicks", "conversion", "revenue"]
    #: The step whose email is judged, of a split or a send-time test.
    of: Text | None = None
    #: Contacts per arm before anything is decided.
    minimum: Count = Field(1_000, alias="min")
    #: How sure it has to be.
    confidence: Annotated[Share, AfterValidator(_confidence)] = 0.95
    #: How long after the arm a conversion counts.
    within: PositiveDuration | None = None
    #: ``winner``: the rest gets the better arm. ``report``: it is only told.
    then: Literal["winner", "report"] = "report"
    #: Of a broadcast: the share that is sent to first.
    sample: PositiveShare | None = None
    #: Of a broadcast: when the rest is sent to at the latest.
    after: PositiveDuration | None = None

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        if self.within is not None and self.by in ("opens", "clicks"):
            message = "`within` says how long a conversion counts; by `conversion` or `revenue` only"
            self.tell(info, message, "within")
        for key, other in (("sample", "after"), ("after", "sample")):
            if self.gives(key) and not self.gives(other):
                self.tell(
                    info, f"`{key}` needs `{other}`: a sample goes first, the rest after that time", key
                )
        if self.gives("sample") and self.then != "winner":
            self.tell(
                info, "a `sample` goes first so that the rest gets the winner; add `then: winner`", "sample"
            )
        return self


class _Tested(_Step):
    """A step with arms, of which the better one can be chosen."""

    #: When and how the better arm is chosen; without it, all of them go on for ever.
    decide: Decide | None = None

    @model_validator(mode="after")
    def _has_arms(self, info: ValidationInfo) -> Self:
        if self.decide is not None and not self.gives("arms"):
            self.tell(info, "`decide` chooses among `arms`, and there are none", "decide")
        return self


def _arms(value: Any) -> Any:
    if isinstance(value, Mapped) and len(value) < 2:
        raise refusal("should be two or more, each with its name")
    return value


# --- email


class SendArm(Definition):
    """What an email says otherwise in one arm of a test; arms without a share divide the rest equally."""

    #: Of the contacts.
    share: PositiveShare | None = None
    #: Another template.
    template: Name | None = None
    #: Another subject.
    subject: Text | None = None
    #: Another sender.
    sender: Name | None = None


class SendStep(_Tested):
    """Send an email."""

    #: The template; it is the step's id too, unless that has another.
    send: Name
    #: What it is about; else that of the template, of the workflow, or the only marketing topic.
    topic: Name | None = None
    #: Who sends it; else ``default``.
    sender: Name | None = None
    #: Instead of the template's: a line of Jinja.
    subject: Text | None = None
    #: Longest wait for whatever holds it back; else that of ``policy``.
    hold: Duration | None = None
    #: Name -> what it says otherwise.
    arms: Annotated[dict[Name, SendArm], BeforeValidator(_arms)] | None = None

    @property
    def given_id(self) -> str:
        return self.id or self.send


# --- time


class WaitStep(_Step):
    """Wait, counted from when the step before settled."""

    #: How long.
    wait: PositiveDuration


class WaitForStep(_Step):
    """Wait until a condition is true or an event comes, ``at_most`` so long; ``then`` if it did, ``else`` if not."""

    #: Any condition; an event counts from the beginning of this step on, or from its ``since``.
    wait_for: Condition
    #: How long; otherwise for ever.
    at_most: PositiveDuration | None = None
    #: Steps for those for whom it came true.
    then: Annotated[list[Step], BeforeValidator(not_empty)] | None = None
    #: Steps for those for whom it did not.
    otherwise: Annotated[list[Step], BeforeValidator(not_empty)] | None = Field(None, alias="else")

    @model_validator(mode="after")
    def _can_time_out(self, info: ValidationInfo) -> Self:
        if self.gives("else") and not self.gives("at_most"):
            self.tell(info, "`else` is never reached without `at_most`: this waits for ever", "else")
        return self


class Moment(Definition):
    """A time of day, on some weekdays; or a date of the contact (a trait, ``account.x``), moved by ``offset``."""

    #: The time of day, as the contact's clock shows it.
    time: TimeOfDay | None = None
    #: Any of these weekdays; otherwise any day.
    days: Annotated[list[Weekday], BeforeValidator(one_or_more)] | None = None
    #: A trait that is a time, or ``account.x``.
    date: Text | None = None
    #: Moves the date: ``-3d`` is three days before it.
    offset: Offset | None = None

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        if self.gives("offset") and not self.gives("date"):
            self.tell(info, "`offset` moves a `date`, and there is none", "offset")
        if self.gives("days") and self.gives("date"):
            self.tell(info, "`days` go with `time`; a `date` is on whatever day it is", "days")
        return self


class TimeArm(Definition):
    """The time of day in one arm of a send-time test."""

    #: Of the contacts.
    share: PositiveShare | None = None
    #: The time of day.
    time: TimeOfDay


def _moment(value: Any) -> Any:
    if value != "best_hour" and not isinstance(value, Mapped):
        raise refusal(
            f'should be `best_hour`, `{{time: "09:00"}}` or `{{date: trial_ends_at, offset: -3d}}`, not {shown(value)}'
        )
    return value


class WaitUntilStep(_Tested):
    """Wait until a time of day, a date of the contact, or the hour at which the contact opens most."""

    #: The moment, or ``best_hour``.
    wait_until: Annotated[
        Annotated[Literal["best_hour"], Tag("<best_hour>")] | Annotated[Moment, Tag("<moment>")],
        Discriminator(lambda value: "<moment>" if isinstance(value, Mapped) else "<best_hour>"),
        BeforeValidator(_moment),
    ]
    #: Name -> time of day: a send-time test.
    arms: Annotated[dict[Name, TimeArm], BeforeValidator(_arms)] | None = None

    @model_validator(mode="after")
    def _some_moment(self, info: ValidationInfo) -> Self:
        until = self.wait_until
        if self.gives("arms"):
            if not isinstance(until, Moment):
                self.tell(info, "an arm has its own time; test it against `best_hour` with a `split`", "arms")
            elif until.gives("time"):
                self.tell(info, "each arm has its own `time`; leave this one out", "wait_until")
        elif isinstance(until, Moment) and not until.gives("time") and not until.gives("date"):
            message = (
                "`days` need a `time`"
                if until.gives("days")
                else "this waits for nothing; give a `time` or a `date`"
            )
            self.tell(info, message, "wait_until")
        return self


# --- ways


class BranchArm(Definition):
    """One way of a branch; without ``if`` it is the way for everybody else."""

    #: Who goes this way.
    when: Condition | None = Field(None, alias="if")
    #: The steps of this way; it may have none.
    then: list[Step]


class BranchStep(_Step):
    """Go the first way whose condition is true; the ways meet again below."""

    #: The ways, in the order in which they are tried.
    branch: Annotated[list[BranchArm], BeforeValidator(not_empty)]


class SplitArm(Definition):
    """One way of a split; arms without a share divide the rest equally."""

    #: Of the contacts.
    share: PositiveShare | None = None
    #: The steps of this way; it may have none.
    then: list[Step]


class SplitStep(_Tested):
    """Go a way by chance, always the same for the same contact; the ways meet again below.

    Its name is its id, and salts the chance.
    """

    #: Its name.
    split: Name
    #: Name -> way.
    arms: Annotated[dict[Name, SplitArm], BeforeValidator(_arms)]

    @property
    def given_id(self) -> str:
        return self.id or self.split


class UseStep(_Step):
    """Take the steps of a snippet, with values for its parameters."""

    #: The name of the snippet; its steps have ids such as ``n1/mail``.
    use: Name
    #: Parameter -> value.
    values: dict[str, Any] = Field(default_factory=dict, alias="with")

    @property
    def given_id(self) -> str:
        return self.id or self.use


# --- what is written down, or told to others


def _written(value: Any) -> Any:
    if isinstance(value, Percent):
        return value.share
    if isinstance(value, dict | list):
        raise refusal(f"should be text, a number, true, false or null, not {shown(value)}")
    return value


#: Text may have paths in it, such as ``{{ contact.plan }}``.
type Written = Annotated[
    str | int | float | bool | None,
    BeforeValidator(_written),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]


def _filled(value: Any) -> Any:
    if value == {}:
        raise refusal("should not be empty")
    return value


class SetStep(_Step):
    """Write traits of the contact."""

    #: Trait -> value; text may have paths in it, ``null`` removes the trait.
    set: Annotated[dict[Text, Written], BeforeValidator(_filled)]


class SubscribeStep(_Step):
    """Subscribe the contact to a topic."""

    #: The topic.
    subscribe: Name


class UnsubscribeStep(_Step):
    """Unsubscribe the contact from a topic."""

    #: The topic.
    unsubscribe: Name


class EmitStep(_Step):
    """Put an event onto the account's EventBridge bus."""

    #: The detail type of the event.
    emit: Text
    #: Its content; text may have paths in it, such as ``{{ contact.plan }}``.
    detail: dict[Text, Written] = Field(default_factory=dict)


class EnrollStep(_Step):
    """Start another workflow for the contact."""

    #: The workflow.
    enroll: Name


class SuppressStep(_Step):
    """No more marketing for the contact, until a click or a new opt-in."""

    #: Why, for reports.
    suppress: Text


class ExitStep(_Step):
    """End the journey."""

    #: Why, for reports.
    exit: Text


_STEP = Kinds(
    "step",
    {
        name: f"<{name}>"
        for name in (
            *("send", "wait", "wait_for", "wait_until", "branch", "split", "use"),
            *("set", "subscribe", "unsubscribe", "emit", "enroll", "suppress", "exit"),
        )
    },
    (),
    example="send: welcome",
)

type Step = Annotated[
    Annotated[SendStep, Tag("<send>")]
    | Annotated[WaitStep, Tag("<wait>")]
    | Annotated[WaitForStep, Tag("<wait_for>")]
    | Annotated[WaitUntilStep, Tag("<wait_until>")]
    | Annotated[BranchStep, Tag("<branch>")]
    | Annotated[SplitStep, Tag("<split>")]
    | Annotated[UseStep, Tag("<use>")]
    | Annotated[SetStep, Tag("<set>")]
    | Annotated[SubscribeStep, Tag("<subscribe>")]
    | Annotated[UnsubscribeStep, Tag("<unsubscribe>")]
    | Annotated[EmitStep, Tag("<emit>")]
    | Annotated[EnrollStep, Tag("<enroll>")]
    | Annotated[SuppressStep, Tag("<suppress>")]
    | Annotated[ExitStep, Tag("<exit>")],
    _STEP.discriminator,
    _STEP.check,
    TOLERANT,
]
