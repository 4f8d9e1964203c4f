"""Who is in a segment? Asked of the members themselves, whose rows follow the contacts: nothing is scanned."""

from __future__ import annotations

from collections.abc import Iterator

from redshank.definitions.problems import did_you_mean
from redshank.engine.book import Book
from redshank.errors import RedshankError
from redshank.ports import Members, Spread

#: Members asked for at a time.
PAGE = 1_000


class Unknown(RedshankError):
    """There is no such segment."""


def counts(book: Book, members: Members, spread: Spread) -> dict[str, int]:
    """How many members each segment of the book has."""
    names = sorted(book.segments)
    return dict(zip(names, spread(members.count, names), strict=True))


def listed(book: Book, members: Members, name: str, *, limit: int | None = None) -> Iterator[str]:
    """The members (contact ids) of a segment, in no order that means anything. Raises Unknown."""
    if name not in book.segments:
        raise Unknown(f"unknown segment `{name}`{did_you_mean(name, book.segments.keys())}")
    return _pages(members, name, limit)


def _pages(members: Members, name: str, limit: int | None) -> Iterator[str]:
    left, after = limit, ""
    while left is None or left > 0:
        asked = PAGE if left is None else min(PAGE, left)
        some = members.page(name, after=after, limit=asked)
        yield from some
        if len(some) < asked:
            return
        after = some[-1]
        left = None if left is None else left - len(some)
