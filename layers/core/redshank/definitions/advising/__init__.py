"""What is allowed, and likely to be a mistake? Warnings: they never keep a book from being applied.

ways       under which conditions does a workflow send which email?
gaps       which values that a Jinja source shows may be missing?
workflows  what about goals, tests, broadcasts and pace
emails     what about sizes, subjects and values that may be missing
warnings   all of it
"""

from __future__ import annotations

from redshank.definitions.advising.emails import advise_on_emails
from redshank.definitions.advising.workflows import Advice
from redshank.definitions.folder import Folder
from redshank.definitions.problems import Problem, Problems
from redshank.engine.book import Book


def warnings(book: Book, folder: Folder, *, now: int | None = None) -> list[Problem]:
    """What to look at again in a book that compiles, in the order of its files.

    ``folder`` is what the book was compiled from. ``now`` is an instant, or None where whether a moment has passed
    does not matter.
    """
    problems = Problems()
    for name in sorted(book.workflows.keys() & folder.workflows.keys()):
        if book.workflows[name].state != "retired":
            Advice(book, folder, name, problems).give(now)
    advise_on_emails(book, folder, problems)
    return sorted(set(problems.found))
