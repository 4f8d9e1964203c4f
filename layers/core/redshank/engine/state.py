"""What is known about a contact? The profile (who they are) and the standing (where they stand)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from redshank.engine.effects import Effect

#: Where a journey stands that has taken its last step, while an email of it may still be deferred.
END = ""


def _copied[T](value: T) -> T:
    """A copy whose dicts and lists are its own; what is in them is shared."""
    made = object.__new__(type(value))
    for name in type(value).__slots__:  # type: ignore[attr-defined]
        inner = getattr(value, name)
        kind = type(inner)
        setattr(made, name, inner.copy() if kind is dict or kind is list else inner)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Why nothing may be sent to an address any more."""

    address_hash: str
    #: ``hard_bounce`` or ``complaint``.
    reason: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who a contact is. It changes only when somebody says so; every trait keeps when it was said."""

    contact_id: str
    #: 0: there is no such item yet.
    version: int = 0
    #: ``email`` and ``timezone`` are traits like any other.
    traits: Mapping[str, Any] = field(default_factory=dict)
    #: Trait -> the ``occurred_at`` of its last writer: the newest write wins, in whatever order they come.
    written: Mapping[str, int] = field(default_factory=dict)
    #: Topic -> (subscribed?, since when). The topic ``*`` is everything that is not transactional.
    consent: Mapping[str, tuple[bool, int]] = field(default_factory=dict)
    block: Block | None = None
    created_at: int = 0
    #: The account (a Segment group) the contact belongs to, and what is known of it.
    account_id: str = ""
    account: Mapping[str, Any] = field(default_factory=dict)
    #: (why marketing is suppressed, since when): by a step; a click or a new opt-in lifts it.
    suppressed: tuple[str, int] | None = None

    @property
    def email(self) -> str:
        """The address, or an empty string."""
        address = self.traits.get("email")
        return address if isinstance(address, str) else ""


@dataclass(slots=True, kw_only=True)
class Journey:
    """One run of a contact through a workflow; it stands at one step."""

    run: str
    workflow: str
    #: The value of the entry key (a cart id), or an empty string.
    key: str
    #: When the event that started it occurred.
    entered_at: int
    #: The step it stands at, or END.
    at: str
    #: When the step before settled: waits count from here.
    since: int
    #: When to go on, or None if only an event can tell.
    until: int | None = None
    #: Step -> when its email was decided, opened, clicked.
    sent: dict[str, int] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    clicked: dict[str, int] = field(default_factory=dict)
    #: Step -> (how often its email came back deferred, when it was first decided).
    releases: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: Properties of the starting event, where a template or condition of the workflow uses them.
    event: Mapping[str, Any] = field(default_factory=dict)
    #: As ``opened`` and ``clicked``, of machines: privacy proxies and link scanners.
    opened_by_machine: dict[str, int] = field(default_factory=dict)
    clicked_by_machine: dict[str, int] = field(default_factory=dict)
    #: Step -> the links of its email that were clicked by humans, where a condition asks for them.
    links: dict[str, list[str]] = field(default_factory=dict)
    #: Step -> when it was left, of those that a ``since`` asks for.
    passed: dict[str, int] = field(default_factory=dict)
    #: Split, send or wait -> the arm it went.
    arms: dict[str, str] = field(default_factory=dict)
    #: Whether it gets no marketing email, to compare with.
    held_out: bool = False
    #: Whether the goal has been counted (of a goal that does not end it).
    reached: bool = False
    #: As ``links``, of machines.
    links_by_machine: dict[str, list[str]] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether it still has a step to take."""
        return self.at != END

    def go(self, to: str, since: int) -> None:
        """Stand at that step; the one before settled then."""
        self.at, self.since, self.until = to, since, None

    def copy(self) -> Journey:
        return _copied(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What an absence trigger waits from (None: nothing), and what it last saw of what would disarm it."""

    at: int | None = None
    #: The latest of the events that disarm.
    disarmed: int | None = None
    #: Properties of the anchoring event, where the workflow uses them.
    event: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hopeful:
    """An entry that was refused by a trigger's ``if`` and may still come true in time."""

    workflow: str
    #: Which of the workflow's triggers.
    trigger: int
    #: When what triggered it occurred.
    at: int
    #: The last instant at which it may come true.
    until: int
    event: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An input that is applied but not yet known to be dispatched and logged."""

    #: The stream its log record belongs to.
    stream: str
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A decided email whose claim the ledger has not yet shown."""

    #: The pending input that decided it.
    cause: str
    run: str
    step: str


@dataclass(slots=True, kw_only=True)
class Standing:
    """Where a contact stands. Versioned; written with every relevant event, so kept small."""

    contact_id: str
    #: 0: there is no such item yet.
    version: int = 0
    #: The version of the profile that the truths below were computed with.
    profile_version: int = 0
    #: The latest ``now`` it was advanced to; never decreases.
    as_of: int = 0
    #: Sequence number of the newest book that evaluated it.
    book: int = 0
    #: Set on a tombstone: the contact this one was merged into.
    merged_into: str | None = None
    #: Set on a tombstone: when the contact was erased.
    erased_at: int | None = None
    #: Whether a user id has been seen: anonymous contacts start no journeys.
    identified: bool = False
    #: Input id -> what is still to be finished for it.
    pending: dict[str, Pending] = field(default_factory=dict)
    #: Message id -> a decided email that can still be cancelled or come back deferred.
    outbox: dict[str, Outgoing] = field(default_factory=dict)
    #: Run id -> journey.
    journeys: dict[str, Journey] = field(default_factory=dict)
    #: ``workflow`` or ``workflow#key`` -> when it was last entered.
    entries: dict[str, int] = field(default_factory=dict)
    #: Measure key -> its samples (see measures).
    measures: dict[str, list[Any]] = field(default_factory=dict)
    #: Trait -> when its value was last said again without changing it.
    confirmed: dict[str, int] = field(default_factory=dict)
    #: Truth key -> (truth, until when it holds or None): edges compare with these. (False, None) is left out.
    truths: dict[str, tuple[bool, int | None]] = field(default_factory=dict)
    #: The identities as posted whose events are this contact's: partitions of the event log.
    streams: list[str] = field(default_factory=list)
    #: Absence trigger, ``#``, value of its ``same`` -> what it waits from.
    anchors: dict[str, Anchor] = field(default_factory=dict)
    hopefuls: list[Hopeful] = field(default_factory=list)
    #: When the emails of the last 24 hours were decided that are not transactional.
    recent: list[int] = field(default_factory=list)
    #: The next instant at which time alone changes something.
    due: int | None = None
    #: The instant the index holds; it may be earlier than ``due``, never later unless past.
    indexed: int | None = None

    @property
    def is_tombstone(self) -> bool:
        return self.merged_into is not None or self.erased_at is not None

    def copy(self) -> Standing:
        """A standing that can be changed without changing this one (samples and truths are replaced, never
        changed in place)."""
        made = _copied(self)
        made.journeys = {run: journey.copy() for run, journey in self.journeys.items()}
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything a decision about one contact can depend on."""

    profile: Profile
    standing: Standing

    @classmethod
    def empty(cls, contact_id: str) -> State:
        """A contact of whom nothing is known yet."""
        return cls(profile=Profile(contact_id=contact_id), standing=Standing(contact_id=contact_id))


def say(profile: Profile, standing: Standing, traits: Mapping[str, Any], at: int) -> Profile:
    """The profile after an identify: per trait the newest write wins; equal times go to the later arrival.

    A value that is only said again does not change the profile (a transaction, 5 write units); that it
    was still true at ``at`` is noted in the standing, which is written anyway, so that an older, different
    value that arrives late still loses. None removes a trait.
    """
    changed: dict[str, Any] = {}
    for name, value in traits.items():
        if at < max(profile.written.get(name, at), standing.confirmed.get(name, at)):
            continue
        if profile.traits.get(name) == value:
            if at > profile.written.get(name, -1):
                standing.confirmed[name] = at
        else:
            changed[name] = value
    if not changed:
        return profile
    traits_now = {**profile.traits, **changed}
    written = {**profile.written, **standing.confirmed, **dict.fromkeys(changed, at)}
    standing.confirmed = {}
    return replace(
        profile,
        traits={name: value for name, value in traits_now.items() if value is not None},
        written=written,
    )


def say_account(profile: Profile, account_id: str, traits: Mapping[str, Any], at: int) -> Profile:
    """The profile after a group call: the contact is of this account, of which the newest write per trait wins."""
    moved = bool(account_id) and account_id != profile.account_id
    if moved and at < profile.written.get(_ACCOUNT, at):
        return profile
    known = {} if moved else profile.account
    written = {
        name: then for name, then in profile.written.items() if not (moved and name.startswith(_ACCOUNT))
    }
    newer = {name: value for name, value in traits.items() if at >= written.get(_ACCOUNT + name, at)}
    account = {name: value for name, value in {**known, **newer}.items() if value is not None}
    if not moved and account == profile.account:
        return profile
    return replace(
        profile,
        account_id=account_id or profile.account_id,
        account=account,
        written={**written, **{_ACCOUNT + name: at for name in newer}, **({_ACCOUNT: at} if moved else {})},
    )


#: Prefix, in ``written``, of the account's traits; alone: when the contact came to it. No trait is called so.
_ACCOUNT = "\x1faccount."
