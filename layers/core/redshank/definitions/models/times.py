"""How are times of day, weekdays, dates and offsets written?"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from redshank.definitions.models.base import refusal, shown
from redshank.definitions.problems import did_you_mean
from redshank.instants import parse_duration

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}")


def _time(value: Any) -> Any:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise refusal(f"should be a time of day such as `09:00`, not {shown(value)}")
    return int(found[1]) * 60 + int(found[2])


def _weekday(value: Any) -> Any:
    if value not in WEEKDAYS:
        hint = did_you_mean(value[:3], WEEKDAYS) if isinstance(value, str) else ""
        raise refusal(f"should be a weekday such as `mon`, not {shown(value)}{hint}")
    return WEEKDAYS.index(value)


def _offset(value: Any) -> Any:
    refused = refusal(f"should be a duration such as `-3d`, `12h` or `2w`, not {shown(value)}")
    if not isinstance(value, str):
        raise refused
    try:
        span = parse_duration(value.removeprefix("-").removeprefix("+"))
    except ValueError:
        raise refused from None
    return -span if value.startswith("-") else span


def _moment(value: Any) -> Any:
    refused = refusal(f"should be a date with a time such as `2026-12-08 09:00`, not {shown(value)}")
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise refused
    try:
        return datetime.fromisoformat(value).isoformat(timespec="minutes")
    except ValueError:
        raise refused from None


#: Minutes after midnight, as the clock shows.
TimeOfDay = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
            "title": "time of day",
            "examples": ["09:00"],
        }
    ),
]
#: Monday is 0.
Weekday = Annotated[
    int,
    BeforeValidator(_weekday),
    WithJsonSchema({"type": "string", "enum": list(WEEKDAYS), "title": "weekday"}),
]
#: A span in milliseconds, before (-3d) or after.
Offset = Annotated[
    int,
    BeforeValidator(_offset),
    WithJsonSchema(
        {"type": "string", "pattern": "^[-+]?([0-9]+[smhdw])+$", "title": "offset", "examples": ["-3d"]}
    ),
]
#: ``2026-12-08T09:00``: a local time of a day.
Moment = Annotated[
    str,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_MOMENT.pattern}$",
            "title": "local time",
            "examples": ["2026-12-08 09:00"],
        }
    ),
]
