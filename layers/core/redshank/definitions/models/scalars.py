"""How are durations, names and operands written?"""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from redshank.definitions.documents import Percent
from redshank.definitions.models.base import later, refusal, shown
from redshank.definitions.problems import did_you_mean
from redshank.instants import parse_duration

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
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


def _text(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise refusal("should not be empty")
    return value


def _address(value: Any) -> Any:
    if isinstance(value, str) and not _ADDRESS.fullmatch(value):
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


#: A span in milliseconds.
Duration = Annotated[int, BeforeValidator(duration)]
#: A span in milliseconds that is not zero.
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
#: What a workflow, step, topic, sender or segment is called.
Name = Annotated[str, BeforeValidator(_name)]
#: Text that says something.
Text = Annotated[str, BeforeValidator(_text)]
Address = Annotated[str, BeforeValidator(_address)]
Timezone = Annotated[str, BeforeValidator(_timezone)]
#: What a value is compared with.
Operand = Annotated[str | int | float | bool, BeforeValidator(_operand)]
#: What a value is compared with that has an order.
Ordered = Annotated[int | float | str, BeforeValidator(_operand)]
