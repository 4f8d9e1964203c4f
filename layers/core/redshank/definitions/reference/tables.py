"""How do the models read as tables of keys?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from pydantic import Tag
from pydantic.fields import FieldInfo

from redshank.definitions import descriptions
from redshank.definitions.json_schema import schema_of
from redshank.definitions.models.base import Definition

#: Name of a definition -> where the page tells of it.
_SECTIONS: Mapping[str, str] = {
    "Condition": "[condition](#conditions)",
    "Trigger": "[trigger](#triggers)",
    "Step": "[step](#steps)",
    "Decide": "[decision](#decide)",
    "Entry": "[entry rules](#entry)",
    "Goal": "[goal](#goal)",
    "Kind": "[type](#schemayaml)",
    "Properties": "names with [types](#schemayaml)",
    "Sender": "[sender](#senders)",
    "Topic": "[topic](#topics)",
    "Policy": "[policy](#policy)",
    "Cap": "[cap](#caps)",
    "Quiet": "[quiet hours](#quiet-hours)",
    "Happens": "[happening](#what-happens)",
    "Expects": "[expectation](#what-is-expected)",
    "PositiveShare": "share",
    "Written": "text, number, true, false or null",
    "BranchArm": "way (`if`, `then`)",
    "SplitArm": "way (`share`, `then`)",
    "SendArm": "arm (`share`, `template`, `subject`, `sender`)",
    "TimeArm": "arm (`share`, `time`)",
    "Moment": "moment (`time`, `days`, `date`, `offset`)",
    "PointsItem": "condition with `add`",
}


#: What a value of one of several types may be.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "string": ("text",),
    "number": ("number",),
    "boolean": ("true", "false"),
    "null": ("null",),
}


def kinds(union: Any) -> Iterator[tuple[str, type[Definition]]]:
    """The key that names each shape of a union, and the shape."""
    annotated = get_args(union.__value__)[0]
    for member in get_args(annotated):
        model, *rest = get_args(member)
        tag = next(it.tag for it in rest if isinstance(it, Tag))
        yield tag.strip("<>"), model


def table(model: type[Definition], *, without: Collection[str] = (), only: Collection[str] = ()) -> str:
    """The keys of a model, as a table in Markdown: all, without some, or only some; empty if none is left."""
    schemas = _properties(model)
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    # Its own keys first, those that it shares with others after them.
    fields = sorted(model.model_fields.items(), key=lambda item: item[0] not in model.__annotations__)
    for name, field in fields:
        key = field.alias or name
        if key in schemas and key not in without and not key.startswith("<") and (not only or key in only):
            cells = (f"`{key}`", _words(schemas[key]), _default(field, schemas[key]), _said(model, name))
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) if len(rows) > 2 else ""


def _properties(model: type[Definition]) -> Mapping[str, Any]:
    """The schemas of a model's keys; of what stands beside a condition, those of the first kind of condition too."""
    made = schema_of(model)
    if "$ref" in made:
        made = made["definitions"][made["$ref"].rpartition("/")[2]]
    found: Mapping[str, Any] = made["properties"] if "properties" in made else made["anyOf"][0]["properties"]
    return found


def _said(model: type[Definition], name: str) -> str:
    return descriptions.of_field(model, name)


def _default(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    if field.is_required():
        return "*needed*"
    default = schema.get("default")
    if default is None or default == "":
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _words(schema: Mapping[str, Any]) -> str:
    """What a value may be."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _SECTIONS.get(name, f"`{name}`")
    if "title" in schema:
        return str(schema["title"])
    if "anyOf" in schema:
        return _one_of(schema["anyOf"])
    if "const" in schema:
        return f"`{str(schema['const']).lower()}`"
    if "enum" in schema:
        return _joined([f"`{it}`" for it in schema["enum"]])
    match schema.get("type"):
        case "array":
            return f"list of {_plural(_words(schema['items']))}" if "items" in schema else "list"
        case "object":
            inner = next(
                iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties")
            )
            return f"names, each with: {_words(inner)}" if isinstance(inner, dict) and inner else "mapping"
        case "string":
            return "text"
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return "whole number"
        case "number":
            return "number"
        case list(types):
            return _joined([word for it in types for word in _NAMES[it]])
        case "null":
            return "nothing"
    return "anything"


def _one_of(choices: list[Mapping[str, Any]]) -> str:
    words = [_words(it) for it in choices]
    for index, choice in enumerate(choices):
        if choice.get("type") == "array" and "items" in choice and _words(choice["items"]) in words:
            words[index] = "a list of them"
    return _joined(words)


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _plural(words: str) -> str:
    if words.startswith("[") and "](" in words and not words.startswith("[type"):
        label, _, rest = words.partition("]")
        return f"{label}s]{rest}"
    plurals = {
        "condition": "conditions",
        "name": "names",
        "text": "texts",
        "way": "ways",
        "weekday": "weekdays",
    }
    first, space, rest = words.partition(" ")
    return f"{plurals.get(first, first)}{space}{rest}"
