"""Is a book compiled or refused, and never a traceback, whatever is written in it?"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redshank.definitions import InvalidBook, compile_book
from redshank.definitions.models.conditions import AGGREGATES, OPERATORS
from redshank.engine.serial import dump, load
from tests.unit.definitions.writing import write

_KEYS = [
    *(
        "trait",
        "account",
        "measure",
        "property",
        "event",
        "where",
        "same",
        "within",
        "ago",
        "during",
        "since",
    ),
    *("in", "subscribed", "sent", "opened", "clicked", "link", "by", "all", "any", "not"),
    *(
        "expr",
        "map",
        "to",
        "points",
        "add",
        "half_life",
        "model",
        "predict",
        "horizon",
        "rescore",
        "at",
        "from",
    ),
    *("traits", "events", "on_mismatch", "one_of", "a", "b"),
    *OPERATORS,
    *AGGREGATES,
]
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**20),
    st.floats(),
    st.sampled_from(
        ["a", "b", "30d", "0d", "today", "entry", "text", "a / b", "contact.a * -2", "warn", "x y"]
    ),
    st.text(max_size=5),
)
_ANYTHING = st.recursive(
    _VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
_NAMED = st.dictionaries(
    st.sampled_from(["a", "b", "x-y"]), st.dictionaries(st.sampled_from(_KEYS), _ANYTHING, max_size=4)
)
_CELLS = st.text(st.sampled_from('ab@.,;" \n\t'), max_size=40)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("file", ["measures.yaml", "models.yaml", "segments.yaml", "schema.yaml"])
@given(written=st.data())
def test_whatever_a_file_says_the_book_is_compiled_or_refused(file: str, written: Any) -> None:
    value = written.draw(_ANYTHING if file == "schema.yaml" else _NAMED | _ANYTHING)
    _compiled_or_refused({file: json.dumps(value)})


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["", "email\n", "userId,email\n"]), _CELLS)
def test_whatever_a_list_says_the_book_is_compiled_or_refused(header: str, cells: str) -> None:
    _compiled_or_refused({"lists/l.csv": header + cells})


def _compiled_or_refused(files: dict[str, str]) -> None:
    others = {"workflows/activation.yaml": None, "measures.yaml": "a: {event: a}\nb: {event: b, sum: a}\n"}
    with TemporaryDirectory() as folder:
        try:
            book = compile_book(write(Path(folder), {**others, **files}))
        except InvalidBook:
            return
    assert load(dump(book)) == book
