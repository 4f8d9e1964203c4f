"""What about a book's emails should be looked at again?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from jinja2 import ChainableUndefined, DictLoader, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from redshank.definitions.advising.gaps import Path, shown_bare
from redshank.definitions.advising.ways import known_to
from redshank.definitions.advising.workflows import written_steps
from redshank.definitions.folder import Folder
from redshank.definitions.models.front import FrontMatter
from redshank.definitions.models.steps import SendArm, SendStep
from redshank.definitions.problems import Place, Problems
from redshank.definitions.sources import line_of
from redshank.definitions.templates import Email, Source
from redshank.engine import measures, values
from redshank.engine.book import Book

#: Bytes of HTML that Gmail shows; what is beyond is behind a link, and with it the way to unsubscribe.
CLIPPED = 102 * 1024
#: Characters of a subject that inboxes show on a desk; phones show some 40.
LONG_SUBJECT = 60


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line of Jinja that an email shows, and what is known of those who get it, one item for each send."""

    text: str
    place: Place
    known: Sequence[frozenset[Path]]


def advise_on_emails(book: Book, folder: Folder, problems: Problems) -> None:
    """Warn of sizes, subjects, preheaders, and of values that may be missing; that goes to ``problems``."""
    _Advice(book, folder, problems).give()


class _Advice:
    def __init__(self, book: Book, folder: Folder, problems: Problems) -> None:
        self.book = book
        self.folder = folder
        self.library = folder.library
        self.problems = problems
        # As emails are rendered.
        self.jinja = ImmutableSandboxedEnvironment(
            loader=DictLoader(book.sources),
            autoescape=True,
            undefined=ChainableUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        #: Template -> what is known of those who get it.
        self.known: dict[str, list[frozenset[Path]]] = {}
        #: Lines that steps give themselves.
        self.subjects: list[_Line] = []
        for name in sorted(book.workflows.keys() & folder.workflows.keys()):
            self._look_at_sends(name)

    def _look_at_sends(self, name: str) -> None:
        steps = written_steps(self.folder.workflows[name], self.folder)
        for send, known in known_to(self.book.workflows[name], self.book):
            for template in {send.template, *(it.template for it in send.arms.values())} - {""}:
                self.known.setdefault(template, []).append(known)
            step = steps.get(send.id)
            if isinstance(step, SendStep):
                parts: list[SendStep | SendArm] = [step, *(step.arms or {}).values()]
                self.subjects += [
                    _Line(text=part.subject, place=part.at("subject"), known=[known])
                    for part in parts
                    if part.subject is not None
                ]

    def give(self) -> None:
        for line in self.subjects:
            self._subject(line)
        for email in self.library.templates.values():
            self._size(email)
            if email.front is not None:
                self._front(email, email.front)
        for source in self.library.sources.values():
            if not _is_derived(source):
                users = [
                    self._known(name)
                    for name, email in self.library.templates.items()
                    if source.name in self.library.closure(email.html, email.text)
                ]
                known = list(chain.from_iterable(users))
                self._gaps(_Line(text=source.text, place=source.place, known=known))

    def _known(self, template: str) -> Sequence[frozenset[Path]]:
        """What nobody sends yet may go to anybody."""
        return self.known.get(template) or [frozenset()]

    def _front(self, email: Email, front: FrontMatter) -> None:
        known = self._known(email.name)
        self._subject(_Line(text=front.subject, place=front.at("subject"), known=known))
        self._gaps(_Line(text=front.preheader, place=front.at("preheader"), known=known))
        if not front.preheader.strip():
            message = (
                "there is no `preheader`: beside the subject, inboxes show whatever the email begins with;"
                " say there why to open it"
            )
            self.problems.add(front.at(), message)
        elif "preheader" not in self.library.roots(email.html):
            message = (
                "the preheader is shown nowhere: begin the body, here or in its layout, with a hidden element"
                " that has `{{ preheader }}` in it"
            )
            self.problems.add(front.at("preheader"), message)

    def _size(self, email: Email) -> None:
        html = self._rendered(f'{{% extends "{email.html}" %}}')
        size = len((html or "").encode())
        if size > CLIPPED:
            message = (
                f"this email has {size / 1024:,.0f} KB of HTML without anything personal in it; Gmail clips what is"
                f" beyond {CLIPPED // 1024} KB, the unsubscribe link too: shorten it, or link to the rest"
            )
            self.problems.add(Place(email.file), message)

    def _subject(self, line: _Line) -> None:
        length = len(" ".join((self._rendered(line.text) or "").split()))
        if length > LONG_SUBJECT:
            message = (
                f"the subject has {length} characters; inboxes show some {LONG_SUBJECT} of them, phones some 40:"
                " shorten it"
            )
            self.problems.add(line.place, message)
        self._gaps(line)

    def _rendered(self, source: str) -> str | None:
        """What somebody gets of whom nothing is known; None where that cannot be said."""
        try:
            return self.jinja.from_string(source).render()
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError):
            return None

    def _gaps(self, line: _Line) -> None:
        for (root, path), number in shown_bare(self.jinja.parse(line.text)):
            if not self._is_there(root, path, line.known):
                name = f"{root}.{path}"
                message = (
                    f"`{name}` may be missing, and nothing is shown then: give a"
                    f' `{{{{ {name} | default("…", true) }}}}`, or put `{{% if {name} %}}` around it'
                )
                self.problems.add(line_of(line.place, number), message)

    def _is_there(self, root: str, path: str, known: Sequence[frozenset[Path]]) -> bool:
        if (root, path) == ("contact", "email"):
            return True  # it is written to
        if root == "measures":
            value = self.book.named.get(path)
            return value is not None and _is_always_there(value, self.book)
        return all(any(it[0] == root and f"{it[1]}.".startswith(f"{path}.") for it in some) for some in known)


def _is_always_there(value: values.Value, book: Book) -> bool:
    match value:
        case values.Measured():
            return measures.AGGREGATES[book.measures[value.measure].aggregate].nothing is not None
        case values.Points() | values.Constant():
            return True
        case values.Arithmetic():
            return value.operator != "/" and all(
                _is_always_there(it, book) for it in (value.left, value.right)
            )
    return False


def _is_derived(source: Source) -> bool:
    """Whether it is the text that was made of the HTML: what it shows has been looked at there."""
    return source.name.endswith(".txt") and not source.place.file.endswith(".txt")
