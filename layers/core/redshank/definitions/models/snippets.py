"""What is a snippet? Steps with parameters, for many workflows to use."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from redshank.definitions.documents import Listed
from redshank.definitions.models.base import Definition, not_empty, refusal, shown

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _parameter(value: Any) -> Any:
    if not isinstance(value, str) or not _PARAMETER.fullmatch(value):
        raise refusal(f"should be names of letters, digits and `_`, not {shown(value)}")
    return value


def _distinct(value: Any) -> Any:
    if isinstance(value, list):
        twice = next((it for it in value if value.count(it) > 1), None)
        if twice is not None:
            raise refusal(f"should not name {shown(twice)} twice")
    return value


def _steps(value: Any) -> Any:
    if not isinstance(value, Listed):
        raise refusal(f"should be a list, not {shown(value)}")
    return not_empty(value)


class Snippet(Definition):
    """A file of ``snippets/``. Inside, ``$name`` stands for the value of a parameter."""

    #: Names; each use gives every one of them a value in ``with``.
    params: Annotated[list[Annotated[str, BeforeValidator(_parameter)]], BeforeValidator(_distinct)] = Field(
        default_factory=list
    )
    #: As written: what they are is known once the parameters have values.
    steps: Annotated[Any, BeforeValidator(_steps)]
