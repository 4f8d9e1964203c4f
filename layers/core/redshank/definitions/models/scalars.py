"""How are durations, names and operands written?"""

from __future__ import annotations

import keyword
import re
import zoneinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from redshank.definitions.documents import Percent
from redshank.definitions.models.base import later, refusal, shown
from redshank.definitions.problems import did_you_mean
from redshank.instants import parse_duration

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PERCENT = re.compile(r"[0-9]+(\.[0-9]+)?%")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: What means something else in an expression.
_TAKEN = frozenset({"account", "contact", *keyword.kwlist})
_ADDRESS = re.compile(r"[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;.]+")


def duration(value: Any) -> Any:
    if not isinstance(value, str):
        raise refusal(f"should be a duration such as `15m`, `4h`, `2d` or `3w`, not {shown(value)}")
    try:
        return parse_duration(value)
    except ValueError:
        raise refusal(f"should be a duration such as `15m`, `4h`, `2d` or `3w`, not {shown(value)}") from None


def _positive(value: int) -> int:
    if value <= 0:
        raise refusal("should be longer than nothing")
    return value


def _name(value: Any) -> Any:
    if isinstance(value, str) and not _NAME.fullmatch(value):
        raise refusal(f"should be a name of letters, digits, `_` and `-`, not {shown(value)}")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal(f"should be a number, not {shown(value)}")
    return value


def _count(value: Any) -> Any:
    if isinstance(value, int) and value < 1:
        raise refusal(f"should be 1 or more, not {shown(value)}")
    return value


def _share(value: Any) -> Any:
    found = value.share if isinstance(value, Percent) else value
    if isinstance(found, str) and _PERCENT.fullmatch(found):
        raise refusal(f"should be {shown(found)} without quotes")
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        raise refusal(f"should be a share such as `20%`, not {shown(value)}")
    return float(found)


def _identifier(value: Any) -> Any:
    if isinstance(value, str) and (not _IDENTIFIER.fullmatch(value) or value in _TAKEN):
        raise refusal(
            f"should be a name of letters, digits and `_` that an expression can use, not {shown(value)}"
        )
    return value


def _text(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise refusal("should not be empty")
    return value


def is_address(text: str) -> bool:
    """Whether a text looks like an email address."""
    return _ADDRESS.fullmatch(text) is not None


def _address(value: Any) -> Any:
    if isinstance(value, str) and not is_address(value):
        raise refusal(f"should be an email address such as `hello@mail.acme.example`, not {shown(value)}")
    return value


def _timezone(value: Any) -> Any:
    if isinstance(value, str) and value not in zoneinfo.available_timezones():
        hint = did_you_mean(value, zoneinfo.available_timezones())
        raise refusal(f"should be a timezone such as `Europe/Berlin`, not {shown(value)}{hint}")
    return value


def _operand(value: Any) -> Any:
    """``20%`` is 0.2; nothing else is changed."""
    if isinstance(value, Percent):
        return value.share
    if value is None or isinstance(value, dict | list):
        raise refusal(f"should be text, a number, or true or false, not {shown(value)}")
    return value


def refuse_double(value: Any) -> Any:
    if value == "double":
        raise later("opt_in: double")
    return value


#: How it is written, for editors and for the reference.
_DURATION = {
    "type": "string",
    "pattern": "^([0-9]+[smhdw])+$",
    "title": "duration",
    "examples": ["2d", "4h", "15m"],
}
_SHARE = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$"},
    ],
    "title": "share",
    "examples": ["20%"],
}
_OPERAND = {"type": ["string", "number", "boolean"], "title": "text, number, true or false"}
_ORDERED = {"type": ["string", "number"], "title": "number, share or text"}

#: A span in milliseconds.
Duration = Annotated[int, BeforeValidator(duration), WithJsonSchema(_DURATION)]
#: A span in milliseconds that is not zero.
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
#: What a workflow, step, topic, sender or segment is called.
Name = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$", "title": "name"}),
]
#: What a measure is called: a name that can stand in an expression and in a template.
Identifier = Annotated[
    str,
    BeforeValidator(_identifier),
    WithJsonSchema({"type": "string", "pattern": f"^{_IDENTIFIER.pattern}$", "title": "name"}),
]
Number = Annotated[int | float, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
#: A whole number from 1.
Count = Annotated[
    int,
    BeforeValidator(_count),
    WithJsonSchema({"type": "integer", "minimum": 1, "title": "whole number from 1"}),
]
#: ``20%`` or 0.2: from 0 to 1.
Share = Annotated[float, BeforeValidator(_share), WithJsonSchema(_SHARE)]
#: Text that says something.
Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string", "pattern": "\\S"})]
Address = Annotated[
    str,
    BeforeValidator(_address),
    WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS.pattern}$", "title": "email address"}),
]
Timezone = Annotated[
    str,
    BeforeValidator(_timezone),
    WithJsonSchema({"type": "string", "title": "timezone", "examples": ["Europe/Berlin"]}),
]
#: What a value is compared with.
Operand = Annotated[str | int | float | bool, BeforeValidator(_operand), WithJsonSchema(_OPERAND)]
#: What a value is compared with that has an order.
Ordered = Annotated[int | float | str, BeforeValidator(_operand), WithJsonSchema(_ORDERED)]
