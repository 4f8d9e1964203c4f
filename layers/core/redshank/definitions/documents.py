"""What does a YAML file say, and on which line?

YAML 1.2's core schema, strictly: ``21:00``, ``NO``, ``1_000`` and ``2026-12-01`` are text. Duplicate keys are
refused. Mappings and lists remember their lines, so that whoever finds something wrong can say where.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from redshank.definitions.problems import Place, Problems

#: Source: YAML 1.2.2, section 10.3.2, Core Schema (infinities are left out: JSON has none).
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
#: What is longer is no number that anybody counts with.
_DIGITS = 100
_PERCENT = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?%")

_DEEPEST = 60
_TOO_DEEP = f"is nested more than {_DEEPEST} deep, which nobody could read"

_TEXT = "tag:yaml.org,2002:str"


class Percent(str):
    """``20%`` without quotes: text where text is wanted, 0.2 where a number is."""

    __slots__ = ()

    @property
    def share(self) -> float:
        return float(self[:-1]) / 100


class Mapped(dict[str, Any]):
    """A mapping that knows its lines."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        #: Key -> its line.
        self.lines: dict[str, int] = {}

    def at(self, key: str) -> Place:
        """Where a key stands; where the mapping begins if it has no such key."""
        return Place(self.place.file, self.lines.get(key, self.place.line))

    def without(self, *keys: str) -> Mapped:
        """A copy that lacks some keys and keeps the places."""
        copy = Mapped(self.place)
        copy.update((key, value) for key, value in self.items() if key not in keys)
        copy.lines = self.lines
        return copy


class Listed(list[Any]):
    """A list that knows its lines."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.lines: list[int] = []


def read(file: str, text: str, problems: Problems, *, first_line: int = 1) -> Any:
    """The plain value of a document, or None where it has none; what is wrong goes to ``problems``.

    ``first_line`` is the line of the file at which the text begins.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + mark.line if mark else 0
        said = " ".join(part for part in (error.problem, error.context) if part)
        problems.add(Place(file, line), f"not valid YAML: {said}")
        return None
    except YAMLError as error:
        problems.add(Place(file), f"not valid YAML: {error}")
        return None
    except RecursionError:
        problems.add(Place(file), _TOO_DEEP)
        return None
    return None if root is None else _Reader(file, first_line, problems).value(root)


class _Reader:
    def __init__(self, file: str, first_line: int, problems: Problems) -> None:
        self.file = file
        self.first_line = first_line
        self.problems = problems
        self.open: set[int] = set()

    def place(self, node: Node) -> Place:
        return Place(self.file, self.first_line + node.start_mark.line)

    def value(self, node: Node) -> Any:
        if id(node) in self.open:
            self.problems.add(self.place(node), "an anchor cannot contain itself")
            return None
        if len(self.open) == _DEEPEST:
            self.problems.add(self.place(node), _TOO_DEEP)
            return None
        if (node.tag or "").startswith("!"):
            self.problems.add(self.place(node), f"the tag `{node.tag}` means nothing here; leave it out")
        self.open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node)
            if isinstance(node, SequenceNode):
                return self.sequence(node)
            return self.scalar(node)
        finally:
            self.open.remove(id(node))

    def mapping(self, node: MappingNode) -> Mapped:
        made = Mapped(self.place(node))
        for key_node, value_node in node.value:
            place = self.place(key_node)
            if not isinstance(key_node, ScalarNode):
                self.problems.add(place, "a key must be plain text")
                continue
            key = self.text(key_node)
            if key in made:
                self.problems.add(place, f"`{key}` is given twice; first on line {made.lines[key]}")
                continue
            made.lines[key] = place.line
            made[key] = self.value(value_node)
        return made

    def sequence(self, node: SequenceNode) -> Listed:
        made = Listed(self.place(node))
        for item in node.value:
            made.lines.append(self.place(item).line)
            made.append(self.value(item))
        return made

    def text(self, node: Node) -> str:
        """The text of a scalar; JSON writes what is beyond 16 bits as two escapes, which YAML takes as two."""
        text = str(node.value)
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.problems.add(self.place(node), "half of a surrogate pair is no character")
            return ""

    def scalar(self, node: Node) -> Any:
        text = self.text(node)
        if getattr(node, "style", None) is not None or (node.tag == _TEXT and _is_number(text)):
            return text
        if _NULL.fullmatch(text):
            return None
        if _TRUE.fullmatch(text):
            return True
        if _FALSE.fullmatch(text):
            return False
        if _INTEGER.fullmatch(text) and len(text) <= _DIGITS:
            return int(text)
        if (_OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text)) and len(text) <= _DIGITS:
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            number = float(text)
            return number if isfinite(number) else text
        if _PERCENT.fullmatch(text):
            return Percent(text)
        return text


def _is_number(text: str) -> bool:
    """Whether unquoted text looks like a number; with the tag ``!!str`` it is text all the same."""
    return bool(_INTEGER.fullmatch(text) or _FLOAT.fullmatch(text))
