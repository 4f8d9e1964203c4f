"""What does the template say? Nothing about the deployment is written twice: not here either."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode

ROOT = Path(__file__).resolve().parents[2]
STACK = "bench"
#: The queues' and the bucket's names, by the variables that hold them.
QUEUES = {
    "REDSHANK_EVENTS_QUEUE": "events",
    "REDSHANK_TRANSACTIONAL_QUEUE": "transactional",
    "REDSHANK_MARKETING_QUEUE": "marketing",
    "REDSHANK_FEEDBACK_QUEUE": "feedback",
    "REDSHANK_FEEDBACK_DEAD_LETTERS": "feedback-dead-letters",
}
BUCKET = "bench-bucket"


class _Constructor(SafeConstructor):
    """CloudFormation's YAML; ``!Ref x`` and the like become ``{"Ref": x}``."""


def _tagged(constructor: _Constructor, suffix: str, node: Node) -> dict[str, Any]:
    if isinstance(node, ScalarNode):
        return {suffix: constructor.construct_scalar(node)}
    if isinstance(node, SequenceNode):
        return {suffix: constructor.construct_sequence(node, deep=True)}
    return {suffix: constructor.construct_mapping(node, deep=True)}


_Constructor.add_multi_constructor("!", _tagged)


def _read(path: str) -> dict[str, Any]:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    found: dict[str, Any] = yaml.load(ROOT / path)
    return found


@dataclass(frozen=True, kw_only=True)
class Source:
    """An event source of a function that is a queue."""

    queue: str
    batch: int
    #: Seconds.
    window: float


@dataclass(frozen=True, kw_only=True)
class Function:
    name: str
    #: The environment as the template sets it, with local addresses.
    environment: dict[str, str]
    sources: tuple[Source, ...]


def functions(public_url: str = "https://bench.example") -> dict[str, Function]:
    """The template's functions by the name of their folder."""
    template = _read("template.yaml")
    common = template["Globals"]["Function"]["Environment"]["Variables"]
    values = {
        "REDSHANK_STACK": STACK,
        "REDSHANK_CLOCK_SPEED": "1",
        "REDSHANK_CLOCK_SINCE": "0",
        "REDSHANK_BUCKET": BUCKET,
        "REDSHANK_CONFIGURATION_SET": STACK,
        "REDSHANK_EVENT_BUS": "default",
        "REDSHANK_PUBLIC_URL": public_url,
        **{
            name: f"https://sqs.us-east-1.amazonaws.com/123456789012/{STACK}-{queue}"
            for name, queue in QUEUES.items()
        },
    }
    found = {}
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        name = properties["CodeUri"].rstrip("/").rpartition("/")[2]
        asked = {**common, **properties.get("Environment", {}).get("Variables", {})}
        environment = {it: values.get(it, said) for it, said in asked.items()}
        unknown = [it for it, said in environment.items() if not isinstance(said, str)]
        if unknown:
            raise LookupError(f"the bench does not know what {name} needs as {', '.join(unknown)}")
        sources = tuple(
            Source(
                queue=f"{STACK}-" + _queue(event["Properties"]["Queue"]),
                batch=event["Properties"]["BatchSize"],
                window=event["Properties"]["MaximumBatchingWindowInSeconds"],
            )
            for event in properties.get("Events", {}).values()
            if event["Type"] == "SQS"
        )
        found[name] = Function(name=name, environment=environment, sources=sources)
    return found


def _queue(reference: dict[str, str]) -> str:
    """``!GetAtt Storage.Outputs.EventsQueueArn`` -> ``events``."""
    name: str = reference["GetAtt"].rpartition(".")[2]
    return name.removesuffix("Arn").removesuffix("Queue").lower()


def tables() -> list[dict[str, Any]]:
    """CreateTable's arguments, from what the template creates."""
    wanted = ("TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    made = []
    for resource in _read("infra/storage.yaml")["Resources"].values():
        if resource["Type"] != "AWS::DynamoDB::Table":
            continue
        arguments = {name: resource["Properties"][name] for name in wanted if name in resource["Properties"]}
        arguments["TableName"] = arguments["TableName"]["Sub"].replace("${Stack}", STACK)
        made.append(arguments)
    return made
