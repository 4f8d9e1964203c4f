"""Who is on a static list, and which mistakes in its file are told?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from redshank.definitions.compiling import lists
from redshank.engine.book import Book
from redshank.engine.conditions import InList
from redshank.engine.serial import dump, load
from redshank.engine.state import Profile, State
from redshank.identity import contact_of
from tests.unit.definitions.writing import compiled, errors


def _book(root: Path, text: str) -> Book:
    return compiled(root, {"workflows/activation.yaml": None, "lists/vips.csv": text})


def _errors(root: Path, text: str) -> list[str]:
    return errors(root, {"workflows/activation.yaml": None, "lists/vips.csv": text})


def _profile(stream: str = "user:1", email: str = "") -> Profile:
    empty = State.empty(contact_of(stream)).profile
    return replace(empty, traits={"email": email}) if email else empty


@pytest.mark.parametrize(
    "text",
    [
        "email\nann@example.com\nbob@example.com\n",
        "name,email\nAnn,ann@example.com\nBob,bob@example.com\n",
        "Email\r\nANN@Example.com \r\nbob@example.com",
        '"email"\n"ann@example.com"\n\n  \nbob@example.com\n',
        "\ufeffemail\nann@example.com\nbob@example.com\n",
        "ann@example.com\nbob@example.com\n",
        "email\nann@example.com\nann@example.com\nbob@example.com\n",
    ],
)
def test_whoever_has_one_of_the_addresses_is_on_the_list(tmp_path: Path, text: str) -> None:
    book = _book(tmp_path, text)
    assert book.is_listed("vips", _profile(email="Ann@example.com"))
    assert book.is_listed("vips", _profile(email="bob@example.com"))
    assert not book.is_listed("vips", _profile(email="eve@example.com"))
    assert not book.is_listed("vips", _profile())


@pytest.mark.parametrize("header", ["userId", "user_id", "USERID"])
def test_whoever_has_one_of_the_user_ids_is_on_the_list(tmp_path: Path, header: str) -> None:
    book = _book(tmp_path, f"{header}\n7\nann\n")
    assert book.is_listed("vips", _profile("user:7"))
    assert book.is_listed("vips", _profile("user:ann"))
    assert not book.is_listed("vips", _profile("user:8"))
    assert not book.is_listed("vips", _profile("anon:7"))


def test_a_row_may_have_an_address_a_user_id_or_both(tmp_path: Path) -> None:
    book = _book(tmp_path, "email,userId\nann@example.com,\n,7\nbob@example.com,8\n")
    assert book.is_listed("vips", _profile("user:7"))
    assert book.is_listed("vips", _profile("user:8"))
    assert book.is_listed("vips", _profile(email="ann@example.com"))
    assert book.is_listed("vips", _profile(email="bob@example.com"))


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    one = _book(tmp_path / "one", "email\na@example.com\nb@example.com\n")
    other = _book(tmp_path / "other", "b@example.com\na@example.com\n")
    assert one.hash == other.hash


def test_a_list_is_used_like_a_segment(tmp_path: Path) -> None:
    book = compiled(
        tmp_path,
        {
            "workflows/activation.yaml": None,
            "lists/vips.csv": "email\nann@example.com\n",
            "segments.yaml": "invited: {in: vips}\n",
        },
    )
    assert book.segments["invited"] == InList("vips")
    assert load(dump(book)) == book


def test_a_name_that_is_a_segment_and_a_list_is_refused(tmp_path: Path) -> None:
    found = errors(
        tmp_path,
        {"lists/power_user.csv": "email\nann@example.com\n", "workflows/activation.yaml": None},
    )
    assert found == ["lists/power_user.csv: `power_user` is a segment too; `in` could mean either"]


def test_an_unknown_list_or_segment_is_told_with_the_nearest_of_both(tmp_path: Path) -> None:
    found = errors(
        tmp_path,
        {
            "workflows/activation.yaml": None,
            "lists/vips.csv": "email\nann@example.com\n",
            "segments.yaml": "invited: {in: vip}\n",
        },
    )
    assert found == ["segments.yaml:1: unknown segment `vip`; did you mean `vips`?"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists/vips.csv: is empty; a list has a column `email` or `userId`"),
        ("\n \n", "lists/vips.csv: is empty; a list has a column `email` or `userId`"),
        ("name\nann@example.com\n", "lists/vips.csv:1: a list begins with a header that has `email` or `userId`, not "
         "`name`"),
        ("7\n8\n", "lists/vips.csv:1: a list begins with a header that has `email` or `userId`, not `7`"),
        ("ann@example.com,Ann\n", "lists/vips.csv:1: a list begins with a header that has `email` or `userId`, not "
         "`ann@example.com,Ann`"),
        ("email;name\nann@example.com;Ann\n", "lists/vips.csv:1: a list begins with a header that has `email` or "
         "`userId`, not `email;name`; separate columns with commas"),
        ("email\nann@example.com\nann\n", "lists/vips.csv:3: `ann` is no email address"),
        ("ann@example.com\n\nbob\n", "lists/vips.csv:3: `bob` is no email address"),
        ("name,email\nAnn,\n", "lists/vips.csv:2: this row has no `email`"),
        ("name,email\nAnn\n", "lists/vips.csv:2: this row has no `email`"),
        ("name,email,userId\nAnn,,\n", "lists/vips.csv:2: this row has neither `email` nor `userId`"),
        ('email\n"ann@example.com\n', "lists/vips.csv:2: is not CSV: unexpected end of data"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_list_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert _errors(tmp_path, text) == [message]


def test_of_many_wrong_rows_the_first_are_told(tmp_path: Path) -> None:
    found = _errors(tmp_path, "email\n" + "x\n" * 1_234)
    assert len(found) == 11
    assert "lists/vips.csv: 1,224 more rows are wrong" in found


def test_a_list_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LONGEST", 3)
    rows = "email\n" + "".join(f"{name}@example.com\n" for name in "abcd")
    assert _errors(tmp_path / "four", rows) == [
        "lists/vips.csv:5: a list has 3 rows at most; a trait can say it of more"
    ]
    assert _errors(tmp_path / "three", rows.removesuffix("d@example.com\n")) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lists/vips.txt", "lists/vips.txt: is no list; write it as `lists/NAME.csv`"),
        ("lists/deep/vips.csv", "lists/deep/vips.csv: is no list; write it as `lists/NAME.csv`"),
        ("lists/v i p.csv", "lists/v i p.csv: should be a name of letters, digits, `_` and `-`, not `v i p`"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, name: str, message: str) -> None:
    found = errors(tmp_path, {"workflows/activation.yaml": None, name: "email\nann@example.com\n"})
    assert found == [message]
