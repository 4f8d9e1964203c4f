"""Who is on a static list? ``lists/NAME.csv``: a column ``email``, ``userId`` or both; or addresses alone."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import chain

from redshank.definitions.models.base import shown
from redshank.definitions.models.scalars import is_address
from redshank.definitions.problems import Place, Problems
from redshank.engine.book import list_entry
from redshank.identity import contact_of, normalized_address, stream_of

#: So many contacts can be on a list; a longer one is better a trait.
LONGEST = 100_000
#: So many lines of a list that are wrong are told of.
_TOLD = 10

_EMAIL = ("email",)
_USER_ID = ("userid", "user_id")


def compile_lists(texts: Mapping[str, str], segments: Collection[str], problems: Problems) -> dict[str, str]:
    """The entries of each list, sorted and joined."""
    for name in texts:
        if name in segments:
            problems.add(Place(f"lists/{name}.csv"), f"`{name}` is a segment too; `in` could mean either")
    return {
        name: "".join(sorted(_entries(f"lists/{name}.csv", text, problems))) for name, text in texts.items()
    }


class _WrongRow(Exception):
    """The message says what is wrong."""


@dataclass(frozen=True)
class _Columns:
    """Where in a row the address and the user's id stand."""

    email: int | None = None
    user_id: int | None = None

    def entries(self, row: Sequence[str]) -> Iterator[str]:
        email, user_id = _cell(row, self.email), _cell(row, self.user_id)
        if not email and not user_id:
            names = " nor ".join(f"`{name}`" for name in self.names)
            raise _WrongRow(f"this row has {'neither' if len(self.names) > 1 else 'no'} {names}")
        if email and not is_address(email):
            raise _WrongRow(f"{shown(email)} is no email address")
        if email:
            yield list_entry(normalized_address(email))
        if user_id:
            yield list_entry(contact_of(stream_of(user_id, None)))

    @property
    def names(self) -> list[str]:
        return [name for name, at in (("email", self.email), ("userId", self.user_id)) if at is not None]


def _entries(file: str, text: str, problems: Problems) -> set[str]:
    found: set[str] = set()
    rows = _rows(file, text, problems)
    first = next(rows, None)
    if first is None:
        if not problems.in_file(file):
            problems.add(Place(file), "is empty; a list has a column `email` or `userId`")
        return found
    line, header = first
    columns = _columns(header)
    if columns is None and len(header) == 1 and is_address(header[0]):
        columns, rows = _Columns(email=0), chain([first], rows)
    if columns is None:
        problems.add(Place(file, line), _no_header(header))
        return found
    wrong = 0
    for count, (line, row) in enumerate(rows):
        if count == LONGEST:
            problems.add(
                Place(file, line), f"a list has {LONGEST:,} rows at most; a trait can say it of more"
            )
            break
        try:
            found.update(columns.entries(row))
        except _WrongRow as message:
            wrong += 1
            if wrong <= _TOLD:
                problems.add(Place(file, line), str(message))
    if wrong > _TOLD:
        problems.add(Place(file), f"{wrong - _TOLD:,} more rows are wrong")
    return found


def _rows(file: str, text: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row that is not blank."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        problems.add(Place(file, reader.line_num), f"is not CSV: {error}")


def _columns(header: Sequence[str]) -> _Columns | None:
    """What a header names, or None if it is none."""
    lowered = [name.lower() for name in header]
    email = next((at for at, name in enumerate(lowered) if name in _EMAIL), None)
    user_id = next((at for at, name in enumerate(lowered) if name in _USER_ID), None)
    return None if email is None and user_id is None else _Columns(email, user_id)


def _no_header(header: Sequence[str]) -> str:
    given = ",".join(header)
    hint = "; separate columns with commas" if ";" in given or "\t" in given else ""
    return f"a list begins with a header that has `email` or `userId`, not {shown(given)}{hint}"


def _cell(row: Sequence[str], at: int | None) -> str:
    return row[at] if at is not None and at < len(row) else ""
