"""Is a book sound, and what of it should be looked at again?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.telling import path_of, tell_warnings
from redshank.clock import Clock
from redshank.definitions import InvalidBook, Problem, compile_book
from redshank.definitions.advising import warnings
from redshank.definitions.folder import read_folder
from redshank.definitions.problems import Problems
from redshank.definitions.scenarios import read_scenarios
from redshank.engine.book import Book


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    #: None if it does not compile.
    book: Book | None
    errors: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()

    def passes(self, *, strict: bool) -> bool:
        return not self.errors and not (strict and self.warnings)


def check(folder: Path, *, now: int) -> Checked:
    """Look at a book and its scenarios; warnings only where there are no errors."""
    try:
        book = compile_book(folder, sequence=1)
        read_scenarios(folder, book)
    except InvalidBook as error:
        return Checked(book=None, errors=error.problems)
    return Checked(book=book, warnings=_warnings(folder, book, now))


def warn(folder: Path, book: Book) -> None:
    """Tell what of a book that compiles should be looked at again."""
    tell_warnings(folder, _warnings(folder, book, Clock().now()))


def _warnings(folder: Path, book: Book, now: int) -> list[Problem]:
    return warnings(book, read_folder(folder, Problems()), now=now)


def lines(folder: Path, checked: Checked) -> Iterator[str]:
    """A line of JSON for each error and each warning."""
    for severity, found in (("error", checked.errors), ("warning", checked.warnings)):
        for problem in found:
            line = {
                "severity": severity,
                "file": path_of(folder, problem),
                "line": problem.place.line or None,
                "message": problem.message,
            }
            yield json.dumps(line, ensure_ascii=False)
