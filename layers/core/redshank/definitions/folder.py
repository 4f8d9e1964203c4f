"""Which files make a book, and what do they hold?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from redshank.definitions import documents
from redshank.definitions.documents import Mapped
from redshank.definitions.models.base import Definition, shown, validate
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.measures import Measure
from redshank.definitions.models.prediction import Model
from redshank.definitions.models.scalars import Identifier, Name
from redshank.definitions.models.schema import RESERVED_EVENTS, RESERVED_TRAITS, Schema
from redshank.definitions.models.settings import BookSettings
from redshank.definitions.models.snippets import Snippet
from redshank.definitions.models.workflow import Workflow
from redshank.definitions.problems import Place, Problems, did_you_mean
from redshank.definitions.templates import Library, read_library

_FILES = {"redshank.yaml", "schema.yaml", "measures.yaml", "models.yaml", "segments.yaml"}
#: ``tests`` holds scenarios, which are no part of what is compiled.
_FOLDERS = {"workflows", "broadcasts", "snippets", "templates", "lists", "tests"}

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
_MEASURE: TypeAdapter[Measure] = TypeAdapter(Measure)
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_NAMES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[Name, Any])
_IDENTIFIERS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[Identifier, Any])


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What a book's files say, each on its own; what refers to what is not yet looked at."""

    #: None if ``redshank.yaml`` is missing or wrong.
    settings: BookSettings | None
    segments: Mapping[str, Condition]
    #: Those of ``workflows/`` and of ``broadcasts/``.
    workflows: Mapping[str, Workflow]
    library: Library
    snippets: Mapping[str, Snippet] = field(default_factory=dict)
    schema: Schema | None = None
    measures: Mapping[str, Measure] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    #: The text of each static list.
    lists: Mapping[str, str] = field(default_factory=dict)
    #: Kind (``topic``, ``segment``, ``event`` …) -> the names that are declared, also where what is
    #: declared is wrong; no such kind where nobody knows. So one mistake is not told twice.
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)


def read_folder(root: Path, problems: Problems) -> Folder:
    """Read every file of a book; what is wrong goes to ``problems``."""
    if not root.is_dir():
        problems.add(Place("."), "is not a folder; a book is a folder with a `redshank.yaml`")
        return Folder(settings=None, segments={}, workflows={}, library=Library({}, {}))
    _look_for_strangers(root, problems)
    about = _mapping(root, "redshank.yaml", problems, required=True)
    settings = _validated(BookSettings, about, problems)
    raw_schema = _mapping(root, "schema.yaml", problems)
    raw_measures = _mapping(root, "measures.yaml", problems)
    raw_models = _mapping(root, "models.yaml", problems)
    raw_segments = _mapping(root, "segments.yaml", problems)
    lists = _files(root, ("lists",), "list", problems, suffix=".csv")
    library = read_library(root, problems)
    workflows = _files(root, ("workflows", "broadcasts"), "workflow", problems)
    snippets = _files(root, ("snippets",), "snippet", problems)
    return Folder(
        settings=settings,
        schema=_validated(Schema, raw_schema, problems),
        measures=_items(raw_measures, _MEASURE.validate_python, problems, names=_IDENTIFIERS),
        models=_items(raw_models, Model.model_validate, problems),
        segments=_items(raw_segments, _CONDITION.validate_python, problems),
        lists=_texts(root, lists, problems),
        workflows=_workflows(root, workflows, problems),
        library=library,
        snippets=_snippets(root, snippets, problems),
        names={
            **_keys(about, "topic", "topics"),
            **_keys(about, "sender", "senders"),
            **_declared(raw_schema, "event", "events", RESERVED_EVENTS),
            **_declared(raw_schema, "trait", "traits", RESERVED_TRAITS),
            **_of_file(root, "measures.yaml", "measure", raw_measures),
            **_of_file(root, "models.yaml", "model", raw_models),
            **_of_file(root, "segments.yaml", "segment", raw_segments, lists),
            "snippet": frozenset(snippets),
            "template": frozenset(library.templates),
            "workflow": frozenset(workflows),
        },
    )


def _look_for_strangers(root: Path, problems: Problems) -> None:
    """A file that looks like a part of the book and is not would be ignored in silence."""
    known = _FILES | _FOLDERS
    for path in sorted(root.iterdir()):
        name = path.name
        if name.startswith(".") or name in known:
            continue
        if path.is_dir() or path.suffix in {".yaml", ".yml", ".html", ".mjml"}:
            problems.add(Place(name), f"is no part of a book{did_you_mean(name, known)}")


def _text(root: Path, file: str, problems: Problems) -> str | None:
    try:
        return (root / file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(Place(file), f"is not UTF-8 text: {error.reason} at byte {error.start}")
        return None


def _mapping(root: Path, file: str, problems: Problems, *, required: bool = False) -> Mapped | None:
    """The mapping a file holds; None if there is none."""
    if not (root / file).is_file():
        if required:
            problems.add(Place(file), "is missing; it names the book's version, senders and topics")
        return None
    text = _text(root, file, problems)
    if text is None:
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


def _of_file(
    root: Path, file: str, kind: str, raw: Mapped | None, others: Collection[str] = ()
) -> dict[str, frozenset[str]]:
    """What a file of definitions names; nobody knows what one that cannot be read would."""
    if raw is None and (root / file).is_file():
        return {}
    return {kind: frozenset(raw or ()) | frozenset(others)}


def _declared(
    schema: Mapped | None, kind: str, section: str, reserved: frozenset[str]
) -> dict[str, frozenset[str]]:
    """What may be named: nobody knows where the app declares nothing."""
    names = _keys(schema, kind, section)
    if not names.get(kind):
        return {}
    # A trait is looked into with dots, and is checked by what comes before them.
    roots = {name.partition(".")[0] for name in names[kind]} if kind == "trait" else names[kind]
    return {kind: reserved | roots}


def _items[D](
    raw: Mapped | None,
    validator: Callable[..., D],
    problems: Problems,
    *,
    names: TypeAdapter[dict[str, Any]] = _NAMES,
) -> dict[str, D]:
    """The definitions of a file that is a mapping of names."""
    found: dict[str, D] = {}
    if raw is None:
        return found
    validate(names.validate_python, raw, problems, at=raw.place)
    for key, value in raw.items():
        made = validate(validator, value, problems, at=raw.at(key))
        if made is not None:
            found[key] = made
    return found


def _files(
    root: Path, folders: tuple[str, ...], what: str, problems: Problems, *, suffix: str = ".yaml"
) -> dict[str, str]:
    """The files of some folders that share their names: what each is called -> its path in the book."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            file = path.relative_to(root).as_posix()
            if path.is_dir() or path.name.startswith("."):
                continue
            if path.suffix != suffix or path.parent != root / folder:
                problems.add(Place(file), f"is no {what}; write it as `{folder}/NAME{suffix}`")
                continue
            validate(_NAME.validate_python, path.stem, problems, at=Place(file))
            first = found.setdefault(path.stem, file)
            if first != file:
                problems.add(Place(file), f"is called like `{first}`; give it another name")
    return found


def _texts(root: Path, files: Mapping[str, str], problems: Problems) -> dict[str, str]:
    read = {name: _text(root, file, problems) for name, file in files.items()}
    return {name: text for name, text in read.items() if text is not None}


def _workflows(root: Path, files: Mapping[str, str], problems: Problems) -> dict[str, Workflow]:
    read = {
        name: _validated(Workflow, _mapping(root, file, problems), problems) for name, file in files.items()
    }
    return {name: workflow for name, workflow in read.items() if workflow is not None}


def _snippets(root: Path, files: Mapping[str, str], problems: Problems) -> dict[str, Snippet]:
    read = {
        name: _validated(Snippet, _mapping(root, file, problems), problems) for name, file in files.items()
    }
    return {name: snippet for name, snippet in read.items() if snippet is not None}
