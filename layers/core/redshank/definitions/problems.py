"""What is wrong in a book, where, and what would be right?

Nothing stops at the first problem: whoever finds one adds it here and goes on as far as it makes sense.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from redshank.errors import RedshankError


@dataclass(frozen=True, slots=True, order=True)
class Place:
    #: Path inside the book's folder, with forward slashes.
    file: str
    #: Counted from 1; 0 stands for the file as a whole.
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class InvalidBook(RedshankError):
    """The book has errors."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Problems:
    """The problems found so far."""

    found: list[Problem] = field(default_factory=list)

    def add(self, place: Place, message: str) -> None:
        self.found.append(Problem(place, message))

    def in_file(self, file: str) -> bool:
        """Whether a file has problems: what it declares may then be incomplete."""
        return any(problem.place.file == file for problem in self.found)

    def raise_if_any(self) -> None:
        if self.found:
            raise InvalidBook(self.found)


def nearest(given: str, known: Collection[str]) -> str:
    """``; did you mean `signed_up`?``, or nothing if no name is near."""
    lowered = {name.lower(): name for name in sorted(known, reverse=True)}
    near = difflib.get_close_matches(given.lower(), lowered, n=3, cutoff=0.6)
    if not near:
        return ""
    # Among those that are about as near, a wrong letter is likelier than a missing one: `sent` is `send`, not `set`.
    best = _likeness(given, near[0])
    alike = [name for name in near if len(name) == len(given) and _likeness(given, name) > best - 0.15]
    return f"; did you mean `{lowered[next(iter(alike), near[0])]}`?"


def _likeness(given: str, name: str) -> float:
    return difflib.SequenceMatcher(None, name, given.lower()).ratio()


def did_you_mean(given: str, known: Collection[str]) -> str:
    """The nearest name, or what there is when nothing is near and the choice is small."""
    found = nearest(given, known)
    if not found and 0 < len(known) <= 8:
        return f"; there is {listed(sorted(known), 'and')}"
    return found


def listed(names: Iterable[str], word: str = "or") -> str:
    """```a`, `b` or `c```: names as a sentence has them."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"
