"""What is a workflow to the engine? Triggers that start a journey, and the steps it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from redshank.engine.conditions import Condition, Reached
from redshank.engine.values import Value
from redshank.instants import DAY

# --- triggers: all take `when`, the condition that must hold too


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrigger:
    """Starts a journey when one of these events arrives."""

    events: tuple[str, ...]
    where: Condition | None = None
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceTrigger:
    """Starts a journey ``span`` after one of ``events``, unless one of ``without`` came from its second on.

    Each further event starts it anew.
    """

    #: Names what is armed in the standing; derived from the definition.
    key: str
    events: tuple[str, ...]
    where: Condition | None = None
    without: tuple[str, ...]
    span: int
    #: Path of the property that both have the same value of, or an empty string.
    same: str = ""
    when: Condition | None = None
    include_existing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BecomesTrigger:
    """Starts a journey when a condition turns true for the contact."""

    #: Names the stored truth; derived from the condition, so that an unchanged one keeps it.
    key: str
    condition: Condition
    when: Condition | None = None
    include_existing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTrigger:
    """Starts a journey when a date of the contact comes: by time alone, not when a past date is written."""

    key: str
    condition: Reached
    when: Condition | None = None
    include_existing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTrigger:
    """Starts a journey for each member of a segment, again and again or once (a broadcast)."""

    key: str
    segment: str
    #: Minutes after midnight, as the clock shows. Of ``every``.
    minutes: int = 0
    #: Weekdays (Monday is 0); none: every day. Of ``every``.
    days: tuple[int, ...] = ()
    #: ``2026-12-08T09:00``, local time: once. Empty for ``every``.
    at: str = ""
    #: Name of a timezone, or empty: each contact's own.
    timezone: str = ""
    #: Whether a contact whose moment had passed when the book was applied is left out.
    skip_late: bool = False
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualTrigger:
    """Starts a journey when somebody, or a step of another workflow, enrols the contact."""

    when: Condition | None = None


type Trigger = EventTrigger | AbsenceTrigger | BecomesTrigger | DateTrigger | ScheduleTrigger | ManualTrigger

# --- steps: ``next`` is the id of the step that follows, or END; ``when`` skips the step if false


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """When and how the better arm is chosen."""

    #: ``opens``, ``clicks``, ``conversion`` or ``revenue``.
    by: str
    #: The step whose email is judged, or an empty string.
    of: str = ""
    #: Contacts per arm before anything is decided.
    minimum: int = 1_000
    confidence: float = 0.95
    #: Span after which a conversion does not count any more, or None.
    within: int | None = None
    #: ``winner`` (the rest follows) or ``report``.
    then: str = "report"
    #: Of a broadcast: the share that is sent to before the decision, and how long it waits for it.
    sample: float = 1.0
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """An arm of a send: what it says otherwise."""

    share: float
    template: str = ""
    subject: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    id: str
    next: str
    template: str
    topic: str
    sender: str = "default"
    #: Overrides the template's subject.
    subject: str = ""
    when: Condition | None = None
    #: Longest wait for whatever holds the email back; after that it is skipped, with the reason.
    hold: int = DAY
    #: Name -> arm; the shares add up to 1.
    arms: Mapping[str, Variant] = field(default_factory=dict)
    decide: Decide | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    id: str
    next: str
    span: int
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitFor:
    """Wait until a condition is true, at most for a span; then one way or the other."""

    id: str
    next: str
    condition: Condition
    #: None: for ever.
    at_most: int | None = None
    #: Where to go when it is true, and when the time is over.
    then: str
    otherwise: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntil:
    """Wait until a time of day, a date of the contact, or the hour at which it opens most."""

    id: str
    next: str
    #: Minutes after midnight, as the clock shows, or None.
    minutes: int | None = None
    #: Weekdays (Monday is 0); none: any.
    days: tuple[int, ...] = ()
    date: Value | None = None
    offset: int = 0
    #: The measure whose value is the hour, or an empty string.
    best_hour: str = ""
    #: A send-time test: name -> (share, minutes).
    arms: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    decide: Decide | None = None
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way of a branch: where to go if the condition holds (None: else)."""

    to: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    id: str
    next: str
    arms: tuple[Arm, ...]
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An arm of a split."""

    share: float
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Ways by chance: the same contact always goes the same."""

    id: str
    next: str
    #: Name -> arm; the shares add up to 1.
    arms: Mapping[str, Way]
    decide: Decide | None = None
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """Write traits, as an identify would."""

    id: str
    next: str
    traits: Mapping[str, Value]
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Subscribe the contact to a topic, or unsubscribe it."""

    id: str
    next: str
    topic: str
    subscribed: bool = True
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """Put an event onto the account's EventBridge bus."""

    id: str
    next: str
    name: str
    detail: Mapping[str, Value] = field(default_factory=dict)
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enroll:
    """Start another workflow."""

    id: str
    next: str
    workflow: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppress:
    """No more marketing, until a click or a new opt-in."""

    id: str
    next: str
    reason: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    id: str
    next: str
    reason: str
    when: Condition | None = None


type Step = (
    Send | Wait | WaitFor | WaitUntil | Branch | Split | Set | Subscribe | Emit | Enroll | Suppress | Exit
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    name: str
    #: ``live``, ``shadow`` (decides, does nothing), ``paused`` (stands still) or ``retired`` (nobody enters).
    state: str = "live"
    topic: str = ""
    priority: int = 50
    triggers: tuple[Trigger, ...] = ()
    #: ``never``, ``always``, or the least span in milliseconds between two entries.
    again: str | int = "never"
    #: Path of the event property that makes one run per value, or an empty string.
    key: str = ""
    #: Whether a new entry ends the run that is under way, instead of being ignored.
    restarts: bool = False
    #: So many runs of a contact at a time.
    max_active: int = 100
    #: Whether one too many ends the oldest, instead of being refused.
    ends_oldest: bool = False
    goal: Condition | None = None
    goal_ends: bool = True
    #: Path of the property of the goal's event that is its value, or an empty string.
    goal_value: str = ""
    exit_if: Condition | None = None
    #: The share of contacts that get no marketing email of it, to compare with.
    holdout: float = 0.0
    #: The first step, or END.
    first: str
    steps: Mapping[str, Step]
    #: Steps of earlier books -> the surviving step where their journeys go on (or END).
    moved: Mapping[str, str] = field(default_factory=dict)
    #: Whether a template, condition or step needs the starting event's properties later.
    keeps_event: bool = False
    #: The steps whose end a ``since`` asks for.
    remembers: tuple[str, ...] = ()
