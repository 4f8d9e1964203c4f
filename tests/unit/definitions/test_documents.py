"""What does a YAML file say, and on which line?"""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.definitions.documents import Percent, read
from redshank.definitions.problems import Place, Problems


def _read(text: str) -> object:
    problems = Problems()
    value = read("a.yaml", dedent(text), problems)
    assert problems.found == []
    return value


def _wrong(text: str) -> list[str]:
    problems = Problems()
    read("a.yaml", dedent(text), problems)
    return [str(problem) for problem in problems.found]


@pytest.mark.parametrize(
    "text",
    [
        "21:00",
        "NO",
        "yes",
        "on",
        "1_000",
        "2026-12-01",
        "0b1",
        ".inf",
        "1.2.3",
        "1e999",
        "9" * 5_000,
        "0x" + "9" * 5_000,
        "007x",
        '"5"',
        "'true'",
        "!!str 5",
    ],
)
def test_what_yaml_1_1_would_turn_into_something_else_stays_text(text: str) -> None:
    assert isinstance(_read(text), str)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-3", -3),
        ("0x10", 16),
        ("0o10", 8),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("~", None),
    ],
)
def test_the_core_schema_has_numbers_and_null(text: str, value: object) -> None:
    assert _read(text) == value


def test_a_percentage_is_a_share_where_a_number_is_wanted_and_text_elsewhere() -> None:
    value = _read("20%")
    assert isinstance(value, Percent)
    assert (value, value.share) == ("20%", 0.2)
    assert not isinstance(_read('"20%"'), Percent)


_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(
            exclude_categories=["Cs", "Cc"], exclude_characters="\x85\u2028\u2029\ufeff\ufffe\uffff"
        )
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(_PLAIN)
def test_json_reads_as_what_it_says(value: object) -> None:
    assert _read(json.dumps(value, ensure_ascii=False)) == value


def test_every_duplicate_key_is_refused_with_both_lines() -> None:
    assert _wrong(
        """\
        a: 1
        b: {c: 1, c: 2}
        a: 2
        """
    ) == [
        "a.yaml:2: `c` is given twice; first on line 2",
        "a.yaml:3: `a` is given twice; first on line 1",
    ]


def test_what_is_not_yaml_is_refused_with_its_line() -> None:
    assert _wrong("a: [1\nb: 2\n") == [
        "a.yaml:2: not valid YAML: expected ',' or ']', but got ':' while parsing a flow sequence"
    ]


def test_a_tag_is_refused() -> None:
    assert _wrong("a: !secret x\n") == ["a.yaml:1: the tag `!secret` means nothing here; leave it out"]


def test_an_anchor_inside_itself_is_refused() -> None:
    assert _wrong("a: &x\n  - *x\n") == ["a.yaml:1: an anchor cannot contain itself"]


def test_mappings_and_lists_know_their_lines() -> None:
    value = read("a.yaml", "a: 1\nb:\n  - x\n  - {c: 1}\n", Problems(), first_line=10)
    assert value.at("b") == Place("a.yaml", 11)
    assert value["b"].lines == [12, 13]
    assert value["b"][1].at("c") == Place("a.yaml", 13)
    assert value["b"][1].at("missing") == Place("a.yaml", 13)


@pytest.mark.parametrize("depth", [61, 200, 5_000])
def test_what_is_nested_beyond_reason_is_refused(depth: int) -> None:
    [found] = _wrong("[" * depth + "]" * depth)
    assert found.endswith("is nested more than 60 deep, which nobody could read")


def test_what_is_nested_a_lot_is_read() -> None:
    value = _read("[" * 60 + "]" * 60)
    for _ in range(59):
        assert isinstance(value, list)
        [value] = value
    assert value == []
