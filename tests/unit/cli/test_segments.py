"""Who is in a segment?"""

from __future__ import annotations

import pytest

from cli import segments
from cli.segments import Unknown, counts, listed
from redshank.engine.conditions import Compare
from redshank.engine.values import Trait
from redshank.memory import MemoryMembers
from redshank.ports import inline
from tests.books import book

BOOK = book(segments={name: Compare(Trait("plan"), "eq", name) for name in ("pro", "trial")})


def _members(pro: int) -> MemoryMembers:
    members = MemoryMembers()
    for number in range(pro):
        members.put("pro", f"c{number}", member=True, version=1, now=0)
    members.put("pro", "left", member=False, version=1, now=0)
    members.put("of_an_earlier_book", "c1", member=True, version=1, now=0)
    return members


def test_every_segment_of_the_book_is_counted() -> None:
    assert counts(BOOK, _members(7), inline) == {"pro": 7, "trial": 0}


@pytest.mark.parametrize("page", [1, 3, 7, 100])
def test_all_members_are_listed_page_after_page(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(segments, "PAGE", page)
    assert sorted(listed(BOOK, _members(7), "pro")) == [f"c{number}" for number in range(7)]


@pytest.mark.parametrize(("limit", "found"), [(1, 1), (3, 3), (4, 4), (99, 7)])
def test_no_more_are_listed_than_asked_for(monkeypatch: pytest.MonkeyPatch, limit: int, found: int) -> None:
    monkeypatch.setattr(segments, "PAGE", 3)
    assert len(list(listed(BOOK, _members(7), "pro", limit=limit))) == found


def test_an_unknown_segment_is_said_so_at_once() -> None:
    with pytest.raises(Unknown, match="unknown segment `pr`; did you mean `pro`"):
        listed(BOOK, _members(1), "pr")
