"""Which files make a book, and what do they hold?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from redshank.definitions import documents
from redshank.definitions.documents import Mapped
from redshank.definitions.models.base import Definition, shown, validate
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import Name
from redshank.definitions.models.settings import BookSettings
from redshank.definitions.models.workflow import Workflow
from redshank.definitions.problems import Place, Problems, did_you_mean
from redshank.definitions.templates import Library, read_library

_FILES = {"redshank.yaml", "segments.yaml"}
_FOLDERS = {"workflows", "templates"}
_LATER = {"schema.yaml", "measures.yaml", "models.yaml", "broadcasts", "snippets", "lists", "tests"}

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What a book's files say, each on its own; what refers to what is not yet looked at."""

    #: None if ``redshank.yaml`` is missing or wrong.
    settings: BookSettings | None
    segments: Mapping[str, Condition]
    workflows: Mapping[str, Workflow]
    library: Library
    #: Kind (``topic``, ``sender``, ``segment``, ``template``) -> the names that are declared, also where
    #: what is declared is wrong; no such kind where nobody knows. So one mistake is not told twice.
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)


def read_folder(root: Path, problems: Problems) -> Folder:
    """Read every file of a book; what is wrong goes to ``problems``."""
    if not root.is_dir():
        problems.add(Place(str(root)), "is not a folder; a book is a folder with a `redshank.yaml`")
        return Folder(settings=None, segments={}, workflows={}, library=Library({}, {}))
    _look_for_strangers(root, problems)
    about = _mapping(root, "redshank.yaml", problems, required=True)
    settings = _validated(BookSettings, about, problems)
    raw_segments = _mapping(root, "segments.yaml", problems)
    library = read_library(root, problems)
    return Folder(
        settings=settings,
        segments=_segments(raw_segments, problems),
        workflows=_workflows(root, problems),
        library=library,
        names={
            **_keys(about, "topic", "topics"),
            **_keys(about, "sender", "senders"),
            "segment": frozenset(raw_segments or ()),
            "template": frozenset(library.templates),
        },
    )


def _look_for_strangers(root: Path, problems: Problems) -> None:
    """A file that looks like a part of the book and is not would be ignored in silence."""
    known = _FILES | _FOLDERS | _LATER
    for path in sorted(root.iterdir()):
        name = path.name
        if name in _LATER:
            problems.add(Place(name), f"`{name}` is not supported yet")
        elif name.startswith(".") or name in known:
            continue
        elif path.is_dir() or path.suffix in {".yaml", ".yml", ".html", ".mjml"}:
            problems.add(Place(name), f"is no part of a book{did_you_mean(name, known)}")


def _mapping(root: Path, file: str, problems: Problems, *, required: bool = False) -> Mapped | None:
    """The mapping a file holds; None if there is none."""
    path = root / file
    if not path.is_file():
        if required:
            problems.add(Place(file), "is missing; it names the book's version, senders and topics")
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(Place(file), f"is not UTF-8 text: {error.reason} at byte {error.start}")
        return None
    before = len(problems.found)
    value = documents.read(file, text, problems)
    if isinstance(value, Mapped):
        return value
    if len(problems.found) == before:
        problems.add(Place(file, 1), f"the file should be a mapping, not {shown(value)}")
    return None


def _validated[D: Definition](model: type[D], value: Mapped | None, problems: Problems) -> D | None:
    return None if value is None else validate(model.model_validate, value, problems, at=value.place)


def _keys(about: Mapped | None, kind: str, section: str) -> dict[str, frozenset[str]]:
    value = None if about is None else about.get(section)
    return {kind: frozenset(value)} if isinstance(value, Mapped) else {}


def _segments(raw: Mapped | None, problems: Problems) -> dict[str, Condition]:
    found: dict[str, Condition] = {}
    if raw is None:
        return found
    for name, value in raw.items():
        at = raw.at(name)
        validate(_NAME.validate_python, name, problems, at=at)
        condition = validate(_CONDITION.validate_python, value, problems, at=at)
        if condition is not None:
            found[name] = condition
    return found


def _workflows(root: Path, problems: Problems) -> dict[str, Workflow]:
    found = {}
    for path in sorted((root / "workflows").rglob("*")):
        file = path.relative_to(root).as_posix()
        if path.is_dir() or path.name.startswith("."):
            continue
        if path.suffix != ".yaml" or path.parent != root / "workflows":
            problems.add(Place(file), "is no workflow; write it as `workflows/NAME.yaml`")
            continue
        validate(_NAME.validate_python, path.stem, problems, at=Place(file))
        workflow = _validated(Workflow, _mapping(root, file, problems), problems)
        if workflow is not None:
            found[path.stem] = workflow
    return found
