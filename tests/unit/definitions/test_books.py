"""Is a compiled book a value: named by its content, and the same after it was written and read?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from redshank.definitions import compile_book
from redshank.engine.serial import dump, load
from tests.unit.definitions.writing import FILES, compiled, write


def test_a_book_is_named_by_its_content_and_not_by_its_sequence(tmp_path: Path) -> None:
    write(tmp_path)
    one, other = compile_book(tmp_path, sequence=1), compile_book(tmp_path, sequence=7)
    assert (one.sequence, other.sequence) == (1, 7)
    assert one.hash == other.hash
    assert replace(one, sequence=7) == other


def test_any_change_of_content_gives_another_name(tmp_path: Path) -> None:
    one = compiled(tmp_path / "one")
    other = compiled(
        tmp_path / "other", {"templates/help.html": FILES["templates/help.html"] + "<p>More</p>\n"}
    )
    assert one.hash != other.hash


def test_a_comment_changes_nothing(tmp_path: Path) -> None:
    one = compiled(tmp_path / "one")
    other = compiled(tmp_path / "other", {"redshank.yaml": FILES["redshank.yaml"] + "# a comment\n"})
    assert one.hash == other.hash


_OPERANDS = st.text(min_size=1, max_size=8).filter(str.strip) | st.integers(-1000, 1000) | st.booleans()
_COMPARISONS = st.one_of(
    st.builds(lambda name, wanted: {name: wanted}, st.sampled_from(["eq", "ne", "has"]), _OPERANDS),
    st.builds(
        lambda name, wanted: {name: wanted}, st.sampled_from(["lt", "lte", "gt", "gte"]), st.integers(0, 99)
    ),
    st.builds(lambda wanted: {"one_of": wanted}, st.lists(_OPERANDS, min_size=1, max_size=3)),
    st.builds(lambda wanted: {"exists": wanted}, st.booleans()),
    st.builds(lambda name: {name: "3d"}, st.sampled_from(["in_next", "in_last"])),
)
_LEAVES = st.one_of(
    st.builds(lambda path, rest: {"trait": path, **rest}, st.sampled_from(["plan", "a.b"]), _COMPARISONS),
    st.builds(lambda path, rest: {"account": path, **rest}, st.sampled_from(["plan", "a.b"]), _COMPARISONS),
    st.builds(lambda path, rest: {"property": path, **rest}, st.sampled_from(["path"]), _COMPARISONS),
    st.builds(
        lambda events, span, rest: {"event": events, **span, **rest},
        st.sampled_from(["a", "b", ["a", "b"]]),
        st.sampled_from(
            [
                {},
                {"within": "7d"},
                {"within": "1h", "where": {"property": "p", "eq": 1}},
                {"within": "30d", "ago": "30d"},
                {"during": "last_month"},
                {"since": "entry"},
                {"since": "welcome", "same": "cart_id"},
            ]
        ),
        st.sampled_from([{}, {"gte": 3}, {"eq": 0}, {"sum": "total", "gt": 9.5}, {"top": "b", "like": "x*"}]),
    ),
    st.sampled_from(
        [
            {"in": "power_user"},
            {"in": "vips"},
            {"subscribed": "tips"},
            {"opened": "welcome", "by": "anyone"},
            {"clicked": "welcome", "link": "*/pricing"},
            {"sent": "help"},
            {"measure": "score", "gte": 5},
        ]
    ),
)
_CONDITIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda item: {"not": item}, inner),
        st.builds(lambda items: {"any": items}, st.lists(inner, min_size=1, max_size=3)),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(_CONDITIONS)
def test_whatever_the_conditions_a_book_is_the_same_after_it_was_written_and_read(condition: Any) -> None:
    made = {
        "trigger": {"event": "signed_up"},
        "exit_if": condition,
        "steps": [
            {"send": "welcome", "if": condition},
            {"branch": [{"if": condition, "then": [{"wait": "1d"}]}, {"then": [{"exit": "done"}]}]},
            {"send": "help"},
        ],
    }
    with TemporaryDirectory() as folder:
        # JSON is YAML: what a program writes is read like what a person writes.
        files = {
            "workflows/activation.yaml": json.dumps(made, ensure_ascii=True),
            "lists/vips.csv": "email\nann@example.com\n",
            "measures.yaml": "score: {points: [{event: a, add: 1}, {trait: b, eq: 1, add: 2}], half_life: 3d}\n",
        }
        book = compiled(Path(folder), files)
    assert load(dump(book)) == book
    assert dump(load(dump(book))) == dump(book)
