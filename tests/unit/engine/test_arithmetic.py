"""What does a table have for a value, and what is arithmetic worth?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine.book import Book
from redshank.engine.state import State
from redshank.engine.values import Arithmetic, Constant, Facts, Mapped, Trait, Value, present


def _mapped(given: Any, to: dict[str, Any], value: Value | None = None) -> Any:
    empty = State.empty("c1")
    profile = replace(empty.profile, traits={} if given is None else {"x": given})
    facts = Facts(book=Book(sequence=1, hash="x"), profile=profile, standing=empty.standing, now=0)
    return present(Mapped(value or Trait("x"), to), facts)


@pytest.mark.parametrize(
    ("given", "key"), [("pro", "pro"), (5, "5"), (5.0, "5"), (0.5, "0.5"), (True, "true"), ("True", "True")]
)
def test_a_value_is_looked_up_as_yaml_writes_it(given: Any, key: str) -> None:
    assert _mapped(given, {key: "found"}) == "found"


def test_what_a_table_does_not_have_is_missing() -> None:
    assert _mapped("trial", {"pro": 1}) is None


def test_a_missing_value_is_in_no_table() -> None:
    assert _mapped(None, {"None": 1, "null": 1, "": 1}) is None


def test_the_result_of_a_division_is_looked_up_as_the_number_it_is() -> None:
    half = Arithmetic("/", Trait("x"), Constant(2))
    assert _mapped(6, {"3": "three"}, half) == "three"


def test_what_is_computed_can_be_stored_and_sent_however_large() -> None:
    """Queues and standings take whole numbers of 64 bits."""
    empty = State.empty("c1")
    facts = Facts(book=Book(sequence=1, hash="x"), profile=empty.profile, standing=empty.standing, now=0)
    worth = present(Arithmetic("*", Constant(2**52), Constant(2**52)), facts)
    assert worth == 2.0**104
    assert isinstance(worth, float)


@pytest.mark.parametrize(
    ("operator", "left", "right", "worth"),
    [
        ("+", 1, 2.5, 3.5),
        ("-", 1, 2, -1),
        ("*", 2, 3, 6),
        ("/", 1, 4, 0.25),
        ("/", 1, 0, None),
        ("/", 1, 0.0, None),
        ("*", 1e200, 1e200, None),
        ("/", 10**400, 3, None),
        ("+", 10**400, 0.5, None),
        ("+", 10**400, 1, None),
        ("+", None, 1, None),
        ("+", "1", 1, None),
        ("+", True, 1, None),
    ],
)
def test_arithmetic_is_worth_a_number_or_missing(operator: str, left: Any, right: Any, worth: Any) -> None:
    empty = State.empty("c1")
    facts = Facts(book=Book(sequence=1, hash="x"), profile=empty.profile, standing=empty.standing, now=0)
    assert present(Arithmetic(operator, Constant(left), Constant(right)), facts) == worth
