"""Does the arithmetic of an expression give what Python gives?"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from redshank.definitions.compiling import expressions
from redshank.definitions.problems import Place, Problems
from redshank.engine.book import Book
from redshank.engine.state import State
from redshank.engine.values import Constant, Facts, present

_NAMES = {"a": 2, "b": 0.5, "c": 0, "account.seats": 7, "contact.a.b": -3}

_EXPRESSIONS = st.recursive(
    st.integers(0, 9).map(str) | st.sampled_from(sorted(_NAMES)),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from("+-*/"), inner),
        inner.map("({})".format),
        inner.map("-{}".format),
        inner.map("+{}".format),
    ),
    max_leaves=12,
)


def _worth(text: str) -> Any:
    problems = Problems()
    tree = expressions.parse(text, Place("x"), problems)
    assert tree is not None, problems.found
    empty = State.empty("c1")
    facts = Facts(book=Book(sequence=1, hash="x"), profile=empty.profile, standing=empty.standing, now=0)
    return present(expressions.evaluated(tree, lambda name: Constant(_NAMES[name])), facts)


@given(_EXPRESSIONS)
def test_an_expression_is_worth_what_python_says_and_a_division_by_zero_is_missing(text: str) -> None:
    plain = text.replace("account.seats", "7").replace("contact.a.b", "(-3)")
    try:
        # Only digits, the three names above and signs: nothing that could do harm.
        wanted = eval(plain, {"a": 2, "b": 0.5, "c": 0})
    except ZeroDivisionError:
        wanted = None
    assert _worth(text) == wanted


@given(st.text(st.sampled_from("ab1. +-*/()%'\"[]{}:,=\n\\@λ")) | st.text())
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    problems = Problems()
    tree = expressions.parse(text, Place("x", 1), problems)
    assert (tree is None) == bool(problems.found)
    if tree is not None:
        assert all(isinstance(name, str) for name in expressions.names(tree))
