"""What did the app say? The body of a call of the Segment HTTP API -> events and errors.

Pure: the time is an argument. Sources: Segment's HTTP API source and its spec (common fields, track,
identify, page, screen, group, alias, batch). Where Segment answers 200 and drops the event, the answer
here names the field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redshank import instants
from redshank.clock import Clock
from redshank.engine.inputs import RESERVED, Event
from redshank.errors import BadInput, TooLarge
from redshank.identity import event_id_of, stream_of
from redshank.ingest import declared, values

#: Segment: "32KB per event" and "500KB per request", in bytes of JSON before compression.
EVENT_BYTES = 32 * 1024
BATCH_BYTES = 500 * 1024
#: Segment: "Each batch request can only have up to 2500 events".
BATCH_EVENTS = 2_500
#: A key of the log is at most 1,024 bytes in DynamoDB, and a character at most four.
LONGEST_ID = 255
LONGEST_NAME = 255

PAGE_VIEWED = "page_viewed"
SCREEN_VIEWED = "screen_viewed"

#: The calls that carry many events. Several libraries post to ``import`` what others post to ``batch``.
MANY = frozenset({"batch", "import"})

#: Written out, ``1e15`` becomes four times as long: a smaller body holds no event beyond EVENT_BYTES.
_SURELY_SMALL = EVENT_BYTES // 5


class Flaw(NamedTuple):
    """What is wrong with a request, and where: ``batch[3].userId``."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a body said: the valid events in order, and one flaw for each of the others."""

    events: list[Event]
    flaws: list[Flaw]
    #: What is not as the app declared it, be it taken or not.
    oddities: list[Flaw] = field(default_factory=list)


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; raises BadInput."""
    try:
        document = json.loads(body.decode())
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8", field="body") from None
    except RecursionError:
        raise BadInput("is nested too deeply", field="body") from None
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise BadInput(reason, field="body") from None
    except ValueError:
        # Beyond Python's limit on converting digits (4,300).
        raise BadInput("has a number that is too long", field="body") from None
    if type(document) is not dict:
        raise BadInput("is not a JSON object", field="body")
    return document


def read(
    call: str,
    document: Mapping[str, Any],
    *,
    size: int,
    clock: Clock,
    received_at: int,
    schema: Mapping[str, Any] | None = None,
) -> Reading:
    """The events of a call: ``track`` … ``alias`` carry one, ``batch`` and ``import`` a list.

    ``size`` is the body's in bytes. Client timestamps are wall time and pass through the clock;
    ``received_at`` is Redshank's time already, ``schema`` what the app declared (see ``declared``). Raises
    BadInput if the request as a whole is not valid.
    """
    if call not in MANY:
        if size > EVENT_BYTES:
            raise TooLarge(f"is larger than {EVENT_BYTES // 1024} KB", field="body")
        posts = [("", call, document)]
        sent_at = None
    else:
        if size > BATCH_BYTES:
            raise TooLarge(f"is larger than {BATCH_BYTES // 1024} KB", field="body")
        batch = document.get("batch")
        if type(batch) is not list:
            raise BadInput("is not a list of events", field="batch")
        if len(batch) > BATCH_EVENTS:
            raise TooLarge(f"has more than {BATCH_EVENTS:,} events", field="batch")
        posts = [(f"batch[{index}]", "", post) for index, post in enumerate(batch)]
        sent_at = _instant(document, "sentAt")
    measured = size > _SURELY_SMALL

    events: list[Event] = []
    flaws: list[Flaw] = []
    oddities: list[Flaw] = []
    for index, (where, kind, post) in enumerate(posts):
        try:
            if type(post) is not dict:
                raise BadInput("is not an object")
            if measured:
                _check_size(post)
            moment = _Moment(clock, received_at, sent_at, index)
            event = _event(kind or _kind(post), post, moment)
            odd = list(declared.mismatches(schema, event)) if schema else []
            oddities += [Flaw(f"{where}.{path}" if where else path, reason) for path, reason in odd]
            if odd and schema and schema["rejects"]:
                raise BadInput(odd[0][1], field=odd[0][0])
            events.append(event)
        except BadInput as flaw:
            path = f"{where}.{flaw.field}" if where and flaw.field else where or flaw.field or "body"
            flaws.append(Flaw(path, flaw.reason))
    return Reading(events=events, flaws=flaws, oddities=oddities)


def recall(post: Any) -> Event:
    """The event of a message that was kept, as of when it happened. Raises BadInput.

    Its timestamp is needed, and right; and what only Redshank makes (``email_opened``) is no forgery here.
    """
    if type(post) is not dict:
        raise BadInput("is not a JSON object")
    at = _instant(post, "timestamp")
    if at is None:
        at = _instant(post, "originalTimestamp")
    if at is None:
        raise BadInput("is missing: when did it happen?", field="timestamp")
    return _event(_kind(post), post, _Moment(_WALL, at, None, 0), kept=True)


_WALL = Clock()


class _Moment(NamedTuple):
    """When a post came, and as which of its request."""

    clock: Clock
    received_at: int
    #: The batch's ``sentAt``, an instant of the wall.
    sent_at: int | None
    place: int


def _check_size(post: dict[str, Any]) -> None:
    try:
        text = json.dumps(post, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        raise BadInput("is nested too deeply") from None
    if len(text.encode("utf-8", "surrogatepass")) > EVENT_BYTES:
        raise TooLarge(f"is larger than {EVENT_BYTES // 1024} KB")


def _kind(post: Mapping[str, Any]) -> str:
    kind = post.get("type")
    if type(kind) is not str or kind not in _SAID:
        raise BadInput(f"is not one of {', '.join(_SAID)}", field="type")
    return kind


def _event(kind: str, post: Mapping[str, Any], moment: _Moment, *, kept: bool = False) -> Event:
    user_id, anonymous_id = _label(post, "userId"), _label(post, "anonymousId")
    if not user_id and not anonymous_id:
        raise BadInput("is missing, and so is anonymousId", field="userId")
    said = _SAID[kind](post)
    if said.name in RESERVED and not kept:
        raise BadInput(f"{said.name} is an event that only Redshank makes", field="event")
    stream = stream_of(user_id, anonymous_id)
    event_id = _label(post, "messageId")
    if event_id.startswith("w:"):
        raise BadInput("begins with w:, as only wake-ups do", field="messageId")
    return Event(
        id=event_id or _content_id(kind, stream, said, post, moment),
        stream=stream,
        type=kind,
        name=said.name,
        occurred_at=moment.received_at if kept else _occurred_at(post, moment),
        received_at=moment.received_at,
        properties=said.properties,
        traits=said.traits,
    )


def _content_id(kind: str, stream: str, said: _Said, post: Mapping[str, Any], moment: _Moment) -> str:
    """The id of an event without a ``messageId``: a post of the same content is the same event.

    Without a timestamp a retry cannot be told from doing the same thing again. Segment counts both, and
    so it is here: the moment it came and its place in the request stand in for the timestamp.
    """
    posted = post.get("timestamp") or post.get("originalTimestamp")
    return event_id_of(
        stream,
        said.name or kind,
        posted if isinstance(posted, str) else f"{moment.received_at}#{moment.place}",
        {**said.properties, **said.traits},
    )


def _occurred_at(post: Mapping[str, Any], moment: _Moment) -> int:
    """``receivedAt - (sentAt - timestamp)``: the difference of two client times is right even where the
    client's clock is not. Never after ``receivedAt``.

    ``originalTimestamp`` is the client's time where ``timestamp`` is missing (some libraries); where both
    are there, Segment has been through it already and ``timestamp`` is corrected.
    """
    timestamp, original = _instant(post, "timestamp"), _instant(post, "originalTimestamp")
    sent_at = _instant(post, "sentAt")
    if sent_at is None:
        sent_at = moment.sent_at
    at, received_at = moment.clock.at, moment.received_at
    said = original if timestamp is None else timestamp
    if said is None:
        return received_at
    if sent_at is None or (timestamp is not None and original is not None):
        occurred_at = at(said)
    else:
        occurred_at = received_at - (at(sent_at) - at(said))
    return max(0, min(occurred_at, received_at))


def _instant(post: Mapping[str, Any], field: str) -> int | None:
    text = post.get(field)
    if text is None:
        return None
    try:
        instant = instants.parse(text) if type(text) is str else None
    except (ValueError, OverflowError):
        instant = None
    if instant is None or instant < 0:
        raise BadInput("is not an ISO 8601 timestamp with a zone, since 1970", field=field)
    return instant


def _label(post: Mapping[str, Any], field: str, *, longest: int = LONGEST_ID) -> str:
    try:
        return values.label(post.get(field), longest=longest)
    except BadInput as flaw:
        raise BadInput(flaw.reason, field=field) from None


def _needed(post: Mapping[str, Any], field: str) -> str:
    text = _label(post, field)
    if not text:
        raise BadInput("is missing", field=field)
    return text


def _object(post: Mapping[str, Any], field: str) -> dict[str, Any]:
    """An object that may be missing. PHP writes an empty one as ``[]``."""
    found = post.get(field)
    if found is None or found == []:
        return {}
    if type(found) is not dict:
        raise BadInput("is not an object", field=field)
    try:
        values.check(found)
    except BadInput as flaw:
        raise BadInput(flaw.reason, field=field + flaw.field) from None
    return found


# --- what each type of call says


class _Said(NamedTuple):
    name: str
    properties: dict[str, Any]
    traits: dict[str, Any]


def _track(post: Mapping[str, Any]) -> _Said:
    name = post.get("event")
    if type(name) is not str or not name:
        raise BadInput("is missing or not a string", field="event")
    name = _label(post, "event", longest=LONGEST_NAME)
    return _Said(name, _object(post, "properties"), {})


def _identify(post: Mapping[str, Any]) -> _Said:
    return _Said("", {}, _object(post, "traits"))


def _viewed(name: str) -> Callable[[Mapping[str, Any]], _Said]:
    def said(post: Mapping[str, Any]) -> _Said:
        properties = dict(_object(post, "properties"))
        for label in ("name", "category"):
            if text := _label(post, label, longest=LONGEST_NAME):
                properties[label] = text
        return _Said(name, properties, {})

    return said


def _group(post: Mapping[str, Any]) -> _Said:
    # The traits are the group's, not the contact's: the event's type says so.
    return _Said("", {"group_id": _needed(post, "groupId")}, _object(post, "traits"))


def _alias(post: Mapping[str, Any]) -> _Said:
    _needed(post, "userId")
    return _Said("", {"previousId": _needed(post, "previousId")}, {})


_SAID: dict[str, Callable[[Mapping[str, Any]], _Said]] = {
    "track": _track,
    "identify": _identify,
    "page": _viewed(PAGE_VIEWED),
    "screen": _viewed(SCREEN_VIEWED),
    "group": _group,
    "alias": _alias,
}

#: What may be posted: ``POST /v1/{call}``.
CALLS = frozenset(_SAID) | MANY
