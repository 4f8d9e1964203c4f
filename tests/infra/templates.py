"""The templates as plain data, for tests that read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

ROOT = Path(__file__).resolve().parents[2]

type Resource = dict[str, Any]


class _Constructor(SafeConstructor):
    """``!GetAtt A.B`` as ``{"Fn::GetAtt": "A.B"}``, and likewise for the other short forms."""


def _function(constructor: _Constructor, tag: str, node: Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    match node:
        case ScalarNode():
            value: Any = constructor.construct_scalar(node)
        case SequenceNode():
            value = constructor.construct_sequence(node, deep=True)
        case MappingNode():
            value = constructor.construct_mapping(node, deep=True)
        case _:
            raise TypeError(f"{tag} of {node}")
    return {name: value}


_Constructor.add_multi_constructor("!", _function)


def load(name: str) -> dict[str, Any]:
    """The template at this path of the repository."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    loaded: dict[str, Any] = yaml.load((ROOT / name).read_text())
    return loaded


def resources(name: str, kind: str) -> dict[str, Resource]:
    """Properties of the resources of one type, by logical id."""
    return {
        logical: resource.get("Properties", {})
        for logical, resource in load(name)["Resources"].items()
        if resource["Type"] == kind
    }


def functions() -> dict[str, Resource]:
    """The functions, with what they inherit."""
    inherited = load("template.yaml")["Globals"]["Function"]
    return {
        logical: {
            **inherited,
            **own,
            "Variables": {
                **inherited["Environment"]["Variables"],
                **own.get("Environment", {}).get("Variables", {}),
            },
        }
        for logical, own in resources("template.yaml", "AWS::Serverless::Function").items()
    }


def queues_of(function: Resource) -> Iterator[str]:
    """Logical ids, in infra/storage.yaml, of the queues that feed a function."""
    for event in function["Events"].values():
        if event["Type"] == "SQS":
            output: str = event["Properties"]["Queue"]["Fn::GetAtt"]
            yield output.removeprefix("Storage.Outputs.").removesuffix("Arn")
