"""Can what the app said be kept? What JSON allows, but JSON, msgpack, SQS or DynamoDB further on do not.

What is refused here would otherwise fail in a queue, where nobody who could mend it would hear of it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from redshank.errors import BadInput

#: Objects and lists inside one another, the outermost included. DynamoDB's own limit is 32.
NESTING = 32
#: msgpack's whole numbers: 64 bits, with or without a sign.
LEAST_INT, GREATEST_INT = -(2**63), 2**64 - 1
#: DynamoDB's numbers, by magnitude. Infinity and NaN are outside, and no JSON (RFC 8259, section 6).
TINY, HUGE = 1e-130, 1e126

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]{0,59}", re.ASCII)


def check(value: Any, depth: int = 0) -> None:
    """Raises BadInput unless the JSON value can be kept; ``field`` is the path inside it (``.items[3]``)."""
    kind = type(value)
    if kind is str:
        if not value.isascii():
            check_text(value)
    elif kind is int:
        if not LEAST_INT <= value <= GREATEST_INT:
            raise BadInput("is a whole number of more than 64 bits; send it as a string")
    elif kind is float:
        # Every comparison with NaN is false.
        if value != 0 and not TINY <= abs(value) < HUGE:
            raise BadInput("is not a number between 1e-130 and 1e126")
    elif kind is dict:
        if depth >= NESTING:
            raise BadInput(f"is nested more than {NESTING} deep")
        for key, inner in value.items():
            try:
                if not key.isascii():
                    check_text(key)
                check(inner, depth + 1)
            except BadInput as flaw:
                raise _under(_step(key), flaw) from None
    elif kind is list:
        if depth >= NESTING:
            raise BadInput(f"is nested more than {NESTING} deep")
        for index, inner in enumerate(value):
            try:
                check(inner, depth + 1)
            except BadInput as flaw:
                raise _under(f"[{index}]", flaw) from None


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key[:60])}]"


def _under(step: str, flaw: BadInput) -> BadInput:
    return BadInput(flaw.reason, field=step + flaw.field)


def check_text(text: str) -> None:
    """Raises BadInput for half a surrogate pair, which is no Unicode text, and for U+FFFE and U+FFFF.

    SQS refuses a whole message for one of the latter (its SendMessage reference: allowed characters).
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput("holds half of a surrogate pair, which is not text") from None
    if "\ufffe" in text or "\uffff" in text:
        raise BadInput("holds U+FFFE or U+FFFF, which are not characters")


def label(value: Any, *, longest: int) -> str:
    """A name or id as text: a string or a whole number; an empty string for null. Raises BadInput.

    Segment's libraries send ids as they were given; a number is taken as its digits.
    """
    if value is None:
        return ""
    if type(value) is int:
        value = str(value)
    if type(value) is not str:
        raise BadInput("is not a string")
    if len(value) > longest:
        raise BadInput(f"is longer than {longest} characters")
    if _CONTROL.search(value):
        raise BadInput("holds a control character")
    if not value.isascii():
        check_text(value)
    return value
