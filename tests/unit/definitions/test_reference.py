"""Does the reference page say what the models say, and is what it shows right?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

from redshank.definitions import descriptions
from redshank.definitions.models.base import Definition
from redshank.definitions.models.schema import RESERVED_EVENTS
from redshank.definitions.reference import examples, reference
from redshank.definitions.scenarios import read_scenarios
from redshank.definitions.sources import ROOTS
from tests.unit.definitions.grammar import NAMED
from tests.unit.definitions.test_json_schema import ALL_MEASURES, MODELS, VALIDATORS
from tests.unit.definitions.test_json_schema import _value as value
from tests.unit.definitions.writing import compiled, errors

ROOT = Path(__file__).parents[3]
PAGE = reference()
BOOK: dict[str, str | None] = {**NAMED, "measures.yaml": ALL_MEASURES, "models.yaml": MODELS}


def _definitions(model: type[Definition] = Definition) -> Iterator[type[Definition]]:
    for made in model.__subclasses__():
        if made.__module__.startswith("redshank."):
            yield made
            yield from _definitions(made)


def _section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_committed_page_is_the_one_the_models_make() -> None:
    """If this fails: ``make reference``."""
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == PAGE


def test_every_key_says_what_it_means() -> None:
    silent = [
        f"{model.__name__}.{name}"
        for model in _definitions()
        for name in model.model_fields
        if not descriptions.of_field(model, name)
    ]
    assert silent == []


def test_every_shape_says_what_it_is() -> None:
    assert [it.__name__ for it in _definitions() if not it.__name__.startswith("_") and not it.__doc__] == []


@pytest.mark.parametrize("name", examples.STEPS)
def test_an_example_of_a_step_compiles(tmp_path: Path, name: str) -> None:
    text = f"trigger: {{event: signed_up}}\ngoal: {{event: bought}}\nsteps:\n{examples.STEPS[name]}\n"
    assert errors(tmp_path, {**BOOK, "workflows/activation.yaml": text}) == []


@pytest.mark.parametrize(
    "trigger", [line for text in examples.TRIGGERS.values() for line in text.splitlines()]
)
def test_an_example_of_a_trigger_compiles(tmp_path: Path, trigger: str) -> None:
    text = f"trigger:\n{trigger}\nsteps: [{{send: welcome}}]\n"
    assert errors(tmp_path, {**BOOK, "workflows/activation.yaml": text}) == []


@pytest.mark.parametrize("name", examples.CONDITIONS)
def test_an_example_of_a_condition_compiles(tmp_path: Path, name: str) -> None:
    step = f"- {{send: help, if: {examples.CONDITIONS[name]}}}"
    text = f"trigger: {{event: signed_up}}\nsteps:\n- send: welcome\n{step}\n"
    assert errors(tmp_path, {**BOOK, "workflows/activation.yaml": text}) == []


@pytest.mark.parametrize("name", examples.MEASURES)
def test_an_example_of_a_measure_compiles(tmp_path: Path, name: str) -> None:
    files: dict[str, str | None] = {"measures.yaml": examples.MEASURES[name] + "\n"}
    if name == "ModelMeasure":
        files["models.yaml"] = "churn_60d: {predict: {event: a}, horizon: 60d, rescore: 1d, from: [plan]}\n"
    assert errors(tmp_path, files) == []


@pytest.mark.parametrize("name", examples.HAPPENINGS)
def test_an_example_of_what_happens_can_be_read(tmp_path: Path, name: str) -> None:
    _read(tmp_path, when=examples.HAPPENINGS[name], expect="")


@pytest.mark.parametrize("name", examples.EXPECTATIONS)
def test_an_example_of_what_is_expected_can_be_read(tmp_path: Path, name: str) -> None:
    _read(tmp_path, when="", expect=examples.EXPECTATIONS[name])


def _read(root: Path, *, when: str, expect: str) -> None:
    text = f"- scenario: x\n  start: '2026-03-27 20:00'\n  contact: {{}}\n  when: [{when}]\n  expect: [{expect}]\n"
    workflow = "trigger: {event: a}\nsteps: [{send: welcome}]\n"
    book = compiled(root, {**BOOK, "workflows/activation.yaml": workflow, "tests/x.yaml": text})
    [scenario] = read_scenarios(root, book)
    assert len(scenario.when) + len(scenario.expect) == 1


@pytest.mark.parametrize(
    ("title", "schema"),
    [
        ("redshank.yaml", "redshank"),
        ("schema.yaml", "schema"),
        ("models.yaml", "models"),
        ("segments.yaml", "segments"),
        ("Workflows and broadcasts", "workflow"),
        ("Scenarios", "tests"),
    ],
)
def test_the_example_of_a_file_fits_its_schema(title: str, schema: str) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", _section(title), re.DOTALL)
    assert list(VALIDATORS[schema].iter_errors(value(block))) == []


def test_the_examples_of_tests_and_snippets_fit_their_schemas() -> None:
    decide, snippet = re.findall(
        r"```yaml\n(.*?)```", _section("Steps").partition("### Decide")[2], re.DOTALL
    )
    workflow = f"trigger: {{event: a}}\nsteps:\n{indent(decide, '  ')}"
    assert list(VALIDATORS["workflow"].iter_errors(value(workflow))) == []
    assert list(VALIDATORS["snippet"].iter_errors(value(snippet))) == []


def test_every_reserved_event_and_every_variable_of_a_template_is_told() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", _section("Reserved events"), re.MULTILINE)) == RESERVED_EVENTS
    told = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| [^|]* \|$", _section("Templates"), re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(told))) == ROOTS


def test_every_link_within_the_page_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", it.lower()).replace(" ", "-") for it in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors
