"""Which shapes may a book's files have, in the words of JSON Schema? Editors complete and check with it.

Generated from the models. What only a look at other keys or other files can tell (does that template exist?) is
left to ``redshank validate``. A key without a value is allowed there and marked here: in an editor it is one that
somebody has not finished writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from redshank.definitions import descriptions
from redshank.definitions.models.base import Definition, not_empty, one_or_more
from redshank.definitions.models.conditions import list_means_all
from redshank.definitions.models.front import FrontMatter
from redshank.definitions.models.measures import Measure
from redshank.definitions.models.prediction import Model
from redshank.definitions.models.scalars import Identifier, Name
from redshank.definitions.models.scenarios import Scenario
from redshank.definitions.models.schema import Schema, nothing
from redshank.definitions.models.settings import BookSettings, Segments
from redshank.definitions.models.snippets import Snippet
from redshank.definitions.models.steps import Step
from redshank.definitions.models.workflow import Workflow
from redshank.instants import DAY, HOUR, MINUTE, SECOND

#: What editors know best.
_DIALECT = "http://json-schema.org/draft-07/schema#"
#: Where a mapping keeps what it has around its own options; see ``base.options_beside``.
_AROUND = "<condition>"
#: Marks what a list of means all of, until its name is known.
_SEVERAL = "<several>"
#: Any value inside a snippet.
_PARAMETER = {"type": "string", "pattern": "\\$[A-Za-z_]", "description": "With a parameter of the snippet."}


class _WrittenSnippet(Snippet):
    __doc__ = Snippet.__doc__

    #: Steps, with ``$name`` in the place of what differs.
    steps: Annotated[list[Step], BeforeValidator(not_empty)]


#: What is called so -> (the files of a book it describes, what they hold).
_FILES: Mapping[str, tuple[tuple[str, ...], Any]] = {
    "redshank": (("redshank.yaml",), BookSettings),
    "schema": (("schema.yaml",), Schema),
    "measures": (("measures.yaml",), dict[Identifier, Measure]),
    "models": (("models.yaml",), dict[Name, Model]),
    "segments": (("segments.yaml",), Segments),
    "workflow": (("workflows/*.yaml", "broadcasts/*.yaml"), Workflow),
    "snippet": (("snippets/*.yaml",), _WrittenSnippet),
    "tests": (("tests/*.yaml",), list[Scenario]),
    "front_matter": ((), FrontMatter),
}


def patterns() -> Mapping[str, tuple[str, ...]]:
    """Name of a schema -> the files of a book that it describes; none for what is inside of templates."""
    return {name: files for name, (files, _) in _FILES.items()}


def types() -> Mapping[str, Any]:
    """Name of a schema -> the type of the models that it describes."""
    return {name: type_ for name, (_, type_) in _FILES.items()}


def schemas() -> dict[str, JsonSchemaValue]:
    """Every schema by its name."""
    return {name: _schema(name) for name in _FILES}


def _schema(name: str) -> JsonSchemaValue:
    files, type_ = _FILES[name]
    made = schema_of(type_)
    if name == "snippet":
        made["properties"]["steps"] = _with_parameters(made["properties"]["steps"])
        made["definitions"] = {key: _with_parameters(it) for key, it in made["definitions"].items()}
    title = "the front matter of a template" if not files else f"{' and '.join(files)} of a Redshank book"
    return {"$schema": _DIALECT, **made, "title": title}


def schema_of(type_: Any) -> JsonSchemaValue:
    """The schema of one of the models' types, as its YAML is written."""
    made = TypeAdapter(type_).json_schema(
        schema_generator=_Generator, ref_template="#/definitions/{model}", by_alias=True
    )
    definitions = made.pop("$defs", {})
    for key, definition in definitions.items():
        if definition.pop(_SEVERAL, False):
            items = {"$ref": f"#/definitions/{key}"}
            several = {"type": "array", "items": items, "minItems": 1, "description": "All of them."}
            definition["anyOf"].append(several)
    around = {key: it for key, it in definitions.items() if _AROUND in it.get("properties", {})}
    for key, definition in around.items():
        definitions[key] = _merged(definition, definitions)
    return {**made, "definitions": definitions} if definitions else made


class _Generator(GenerateJsonSchema):
    """What the validators accept, where pydantic only knows what they make of it."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        made = super().function_before_schema(schema)
        accepts = _ACCEPTED.get(schema["function"]["function"])
        return accepts(made) if accepts else made

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        # No other keys than those of the pattern.
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        return {"anyOf": [self.generate_inner(choice) for choice in schema["choices"].values()]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        default = made.get("default")
        if default is None or default == {} or default == []:
            made.pop("default", None)
        elif made.get("title") in ("duration", "offset"):
            made["default"] = written_span(default)
        elif made.get("title") == "share":
            made["default"] = f"{default:.0%}"
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model = schema["cls"]
        made.pop("title", None)
        if issubclass(model, Definition):
            made["description"] = descriptions.of_model(model)
            for name, field in model.model_fields.items():
                said = descriptions.of_field(model, name)
                if said:
                    made["properties"][field.alias or name]["description"] = said
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def get_title_from_name(self, name: str) -> str:
        return name


def _one_or_a_list(made: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [deepcopy(made["items"]), {**made, "minItems": 1}]}


def _several_mean_all(made: JsonSchemaValue) -> JsonSchemaValue:
    return {**made, _SEVERAL: True}


def _filled(made: JsonSchemaValue) -> JsonSchemaValue:
    return {**made, "minItems": 1}


def _or_nothing(made: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [made, {"type": "null"}]}


_ACCEPTED: Mapping[Callable[..., Any], Callable[[JsonSchemaValue], JsonSchemaValue]] = {
    one_or_more: _one_or_a_list,
    not_empty: _filled,
    list_means_all: _several_mean_all,
    nothing: _or_nothing,
}


def written_span(span: int) -> str:
    """``1d``, ``10m``: a span as a book has it."""
    for unit, length in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if span and not span % length:
            return f"{span // length}{unit}"
    return f"{span // SECOND}s"


def _merged(definition: JsonSchemaValue, definitions: Mapping[str, JsonSchemaValue]) -> JsonSchemaValue:
    """A condition with options beside it, as one mapping for each kind of condition."""
    own = {key: it for key, it in definition["properties"].items() if key != _AROUND}
    required = [key for key in definition.get("required", ()) if key != _AROUND]
    kinds = []
    for choice in _choices(definition["properties"][_AROUND], definitions):
        if choice.get("type") == "object":
            needs = [*choice.get("required", ()), *required]
            kinds.append({**choice, "properties": {**choice["properties"], **own}, "required": needs})
        elif not required:
            kinds.append(choice)
    return {"description": definition.get("description", ""), "anyOf": kinds}


def _choices(
    schema: JsonSchemaValue, definitions: Mapping[str, JsonSchemaValue]
) -> Iterator[JsonSchemaValue]:
    if "$ref" in schema:
        yield from _choices(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in schema and "properties" not in schema:
        for choice in schema["anyOf"]:
            yield from _choices(choice, definitions)
    else:
        yield schema


def _with_parameters(schema: Any) -> Any:
    """Inside a snippet, a parameter can stand for any value of a step, and for any item of a list."""
    if isinstance(schema, list):
        return [_with_parameters(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _with_parameters(value) for key, value in schema.items()}
    if isinstance(made.get("items"), dict):
        made["items"] = _or_parameter(made["items"])
    if isinstance(made.get("properties"), dict):
        made["properties"] = {key: _or_parameter(value) for key, value in made["properties"].items()}
    return made


def _or_parameter(schema: JsonSchemaValue) -> JsonSchemaValue:
    made = {"anyOf": [schema, _PARAMETER]}
    return {**made, "description": schema["description"]} if "description" in schema else made
