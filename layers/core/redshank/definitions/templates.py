"""Which emails does a book have, and which sources are they made of?

``templates/NAME.html`` is an email with front matter, ``templates/NAME.txt`` its text part; what they extend,
include or import lies in ``templates/layouts`` and ``templates/partials``. A text source that is not written by
hand is derived from the HTML source of the same name. Sources are called by their path below ``templates``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from jinja2 import TemplateError, nodes

from redshank.definitions import documents
from redshank.definitions.documents import Mapped
from redshank.definitions.models.base import validate
from redshank.definitions.models.front import FrontMatter
from redshank.definitions.plain_text import to_text
from redshank.definitions.problems import Place, Problems, did_you_mean, listed
from redshank.definitions.sources import (
    DECLARED,
    EVENT,
    check_line,
    environment,
    line_of,
    members_of,
    names_in,
    parse,
    parses,
    references,
    roots_of,
)

_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_SHARED = ("layouts", "partials")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One Jinja source, parsed."""

    name: str
    text: str
    #: Where its first line stands.
    place: Place
    #: What it uses of ROOTS.
    roots: frozenset[str] = frozenset()
    #: Root -> the names below it that are used, each with the line of its first use; what is derived has those of
    #: the HTML.
    members: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    #: The sources it extends, includes or imports.
    refers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Email:
    """A template that can be sent."""

    name: str
    file: str
    #: None if the front matter is missing or wrong.
    front: FrontMatter | None
    html: str
    text: str
    #: What subject and preheader use of ROOTS.
    roots: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Library:
    templates: Mapping[str, Email]
    sources: Mapping[str, Source]
    #: Sources that exist but could not be read: what they lack cannot be known.
    unread: frozenset[str] = field(default_factory=frozenset)

    def closure(self, *names: str) -> set[str]:
        """The sources an email is made of: these, and all they refer to."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.sources[name].refers if name in self.sources else ()
        return found

    def roots(self, *names: str) -> frozenset[str]:
        """What the sources and all they refer to use of ROOTS."""
        used = (self.sources[name].roots for name in self.closure(*names) if name in self.sources)
        return frozenset().union(*used)

    def is_whole(self, *names: str) -> bool:
        """Whether all of it could be read."""
        closure = self.closure(*names)
        return not closure & self.unread and closure <= self.sources.keys()


def read_library(root: Path, problems: Problems) -> Library:
    """Read ``templates/``; what is wrong goes to ``problems``."""
    return _Reader(root, problems).read()


class _Reader:
    def __init__(self, root: Path, problems: Problems) -> None:
        self.root = root
        self.problems = problems
        self.jinja = environment()
        self.texts: dict[str, tuple[str, Place]] = {}
        self.fronts: dict[str, FrontMatter | None] = {}
        self.front_roots: dict[str, frozenset[str]] = {}
        self.trees: dict[str, nodes.Template] = {}
        self.unread: set[str] = set()

    def read(self) -> Library:
        for path in sorted((self.root / "templates").rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                self._file(path)
        sources: dict[str, Source] = {}
        waiting = sorted(self.texts) + [f"{name}.txt" for name in sorted(self.fronts)]
        while waiting:
            name = waiting.pop(0)
            if name in sources or name in self.unread or not self._exists(name):
                continue
            source = self._source(name)
            if source is None:
                self.unread.add(name)
                continue
            sources[name] = source
            waiting += source.refers
        self._check_isolation(sources)
        self._check_cycles(sources)
        templates = {
            name: Email(
                name=name,
                file=f"templates/{name}.html",
                front=front,
                html=f"{name}.html",
                text=f"{name}.txt",
                roots=self.front_roots.get(name, frozenset()),
            )
            for name, front in self.fronts.items()
        }
        return Library(templates, sources, frozenset(self.unread))

    # --- files

    def _file(self, path: Path) -> None:
        file = path.relative_to(self.root).as_posix()
        name = path.relative_to(self.root / "templates").as_posix()
        folder = PurePosixPath(name).parts[0] if "/" in name else ""
        complain = self.problems.add
        if folder == "images":
            complain(Place(file), "`templates/images` is not supported yet; link to images on the web")
        elif path.suffix == ".mjml":
            complain(Place(file), "MJML is not supported yet; write HTML")
        elif path.suffix not in (".html", ".txt"):
            complain(Place(file), "is no template; templates end in `.html` or `.txt`")
        elif folder and folder not in _SHARED:
            complain(Place(file), f"templates lie in `templates`, `layouts` or `partials`, not in `{folder}`")
        elif not folder and "." in path.stem:
            complain(Place(file), "templates per language are not supported yet")
        elif not folder and path.suffix == ".txt" and not path.with_suffix(".html").is_file():
            complain(Place(file), f"is the text part of `{path.stem}.html`, which does not exist")
        else:
            self._take(path, file, name, is_email=not folder and path.suffix == ".html")

    def _take(self, path: Path, file: str, name: str, *, is_email: bool) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            self.problems.add(Place(file), f"is not UTF-8 text: {error.reason} at byte {error.start}")
            self.unread.add(name)
            return
        first = 1
        if is_email:
            text, first = self._front(path.stem, file, text)
        self.texts[name] = (text, Place(file, first))

    def _front(self, name: str, file: str, text: str) -> tuple[str, int]:
        """Take the front matter off; the rest, and the line it begins at."""
        self.fronts[name] = None
        found = _FRONT.match(text)
        if found is None:
            message = "has no front matter; begin with `---`, a `subject:` and another `---`"
            self.problems.add(Place(file, 1), message)
            return text, 1
        first = found[0].count("\n") + 1
        before = len(self.problems.found)
        value = documents.read(file, found[1], self.problems, first_line=2)
        if isinstance(value, Mapped):
            front = validate(FrontMatter.model_validate, value, self.problems, at=value.place)
            self.fronts[name] = front
            if front is not None:
                lines = ((front.subject, "subject"), (front.preheader, "preheader"))
                used = [check_line(line, front.at(key), self.problems) for line, key in lines]
                self.front_roots[name] = frozenset().union(*used)
        elif len(self.problems.found) == before:
            self.problems.add(Place(file, 1), "`subject` is missing")
        return text[found.end() :], first

    # --- sources

    def _exists(self, name: str) -> bool:
        return name in self.texts or (name.endswith(".txt") and self._html_of(name) in self.texts)

    @staticmethod
    def _html_of(name: str) -> str:
        return name.removesuffix(".txt") + ".html"

    def _source(self, name: str) -> Source | None:
        """Parse a source, deriving the text where none was written; None if it cannot be read."""
        if name in self.texts:
            text, place = self.texts[name]
        else:
            html, place = self.texts[self._html_of(name)]
            try:
                text = to_text(html, self.jinja)
                self.jinja.compile(text)
            except TemplateError as error:
                if parses(html, self.jinja):
                    message = f"no text part can be derived ({error.message}); write `templates/{name}`"
                    self.problems.add(place, message)
                return None
        tree = parse(text, place, self.problems, self.jinja)
        if tree is None:
            return None
        self.trees[name] = tree
        derived = name not in self.texts
        scratch = Problems() if derived else self.problems
        return Source(
            name=name,
            text=text,
            place=place,
            roots=roots_of(tree, place, scratch, self.jinja),
            members={} if derived else {root: members_of(root, tree) for root in (*DECLARED, EVENT)},
            refers=self._refers(tree, place, scratch),
        )

    def _refers(self, tree: nodes.Template, place: Place, problems: Problems) -> tuple[str, ...]:
        found: list[str] = []
        for node in references(tree):
            at = line_of(place, node.lineno)
            for given in names_in(node.template):
                if given is None:
                    problems.add(at, "which template this is must be written out, not computed")
                elif self._exists(given) or given in self.unread:
                    found.append(given)
                else:
                    known = set(self.texts)
                    problems.add(at, f"unknown template `{given}`{did_you_mean(given, known)}")
        return tuple(dict.fromkeys(found))

    def _check_isolation(self, sources: Mapping[str, Source]) -> None:
        """What is imported without context sees no contact: it would be empty without a word."""
        for name in self.texts.keys() & self.trees.keys():
            for node in references(self.trees[name]):
                if isinstance(node, nodes.Extends) or node.with_context:
                    continue
                for given in filter(None, names_in(node.template)):
                    used = sources[given].roots if given in sources else None
                    if used:
                        at = line_of(sources[name].place, node.lineno)
                        message = f"`{given}` uses {listed(sorted(used), 'and')}; add `with context`"
                        self.problems.add(at, message)

    def _check_cycles(self, sources: Mapping[str, Source]) -> None:
        done: set[str] = set()

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                if name in self.texts:
                    way = " -> ".join([*path[path.index(name) :], name])
                    self.problems.add(
                        sources[name].place, f"templates refer to each other in a circle: {way}"
                    )
                return
            if name in done or name not in sources:
                return
            for other in sources[name].refers:
                visit(other, (*path, name))
            done.add(name)

        for name in sorted(sources):
            visit(name, ())
