"""Does an editor with our JSON Schemas agree with `redshank validate`?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pydantic import TypeAdapter

from redshank.definitions import documents
from redshank.definitions.json_schema import patterns, schemas, types, written_span
from redshank.definitions.models.base import validate
from redshank.definitions.problems import Place, Problems
from redshank.definitions.scenarios import read_scenarios
from redshank.instants import DAY, HOUR, parse_duration
from tests.unit.definitions.grammar import MEASURES, NAMED, SEGMENTS, SNIPPET, TRIGGERS, WORKFLOW
from tests.unit.definitions.writing import FILES, compiled, errors

EXAMPLES = Path(__file__).parents[3] / "examples"
VALIDATORS = {name: Draft7Validator(schema) for name, schema in schemas().items()}

SCHEMA = dedent("""\
    on_mismatch: warn                                # warn | reject
    traits: {plan: {one_of: [trial, pro]}, trial_ends_at: time, tags: [text]}
    events: {cart_updated: {cart_id: text, total: number}}
    """)
ALL_MEASURES = dedent("""\
    usage: {event: report_run, sum: credits, within: 30d}
    usage_prev: {event: report_run, sum: credits, within: 30d, ago: 30d}
    usage_ratio: {expr: usage / usage_prev}          # x / 0 is missing
    plan_limit: {map: plan, to: {free: 100, pro: 5000}}
    plan_usage: {expr: account.credits_used / plan_limit}
    top_feature: {event: feature_used, top: feature, within: 30d}
    lead_score: {points: [{event: pricing_viewed, add: 10}, {trait: size, gte: 50, add: 20}], half_life: 30d}
    churn_60d: {model: churn_60d}
    """)
MODELS = dedent("""\
    churn_60d: {predict: {not: {event: logged_in}}, horizon: 60d, rescore: 1d, from: [usage_ratio, plan]}
    will_buy: {predict: {event: purchase_completed}, horizon: 30d, at: signed_up, from: [source, size]}
    """)
SCENARIO = dedent("""\
    - scenario: whoever activates is left alone
      start: "2026-03-27 20:00"
      contact: {email: ann@example.com, timezone: Europe/Berlin}
      when: [{at: 1h, opened: welcome}, {at: 1d, event: product_activated}]
      expect: [{at: 0s, sent: welcome}, {at: 1d, exited: goal}]
    """)


def _value(text: str) -> Any:
    problems = Problems()
    found = documents.read("x.yaml", text, problems)
    assert not problems.found
    return found


def _mistakes(name: str, text: str) -> list[str]:
    return [error.message for error in VALIDATORS[name].iter_errors(_value(text))]


def _book_files(root: Path) -> Iterator[tuple[str, Path]]:
    for name, files in patterns().items():
        for file in files:
            yield from ((name, path) for path in root.glob(file))


@pytest.mark.parametrize("name", sorted(VALIDATORS))
def test_a_schema_is_one(name: str) -> None:
    Draft7Validator.check_schema(schemas()[name])


@pytest.mark.parametrize("name", sorted(VALIDATORS))
def test_every_reference_leads_somewhere(name: str) -> None:
    schema = schemas()[name]

    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for inner in part.values():
                yield from references(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from references(inner)

    known = {f"#/definitions/{key}" for key in schema.get("definitions", {})}
    assert set(references(schema)) <= known


def test_every_file_of_the_examples_fits_its_schema() -> None:
    files = [item for root in EXAMPLES.iterdir() if root.is_dir() for item in _book_files(root)]
    assert len(files) >= 3
    for name, path in files:
        assert _mistakes(name, path.read_text()) == [], path


def test_the_front_matter_of_the_examples_fits_its_schema() -> None:
    templates = list(EXAMPLES.glob("*/templates/*.html"))
    assert templates
    for path in templates:
        assert _mistakes("front_matter", path.read_text().split("---\n")[1]) == [], path


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("workflows/activation.yaml", WORKFLOW),
        ("schema.yaml", SCHEMA),
        ("measures.yaml", ALL_MEASURES),
        ("models.yaml", MODELS),
        ("segments.yaml", SEGMENTS),
        ("snippets/nurture_email.yaml", SNIPPET),
        *(
            (
                "broadcasts/news.yaml" if "at:" in line or "every:" in line else "workflows/other.yaml",
                f"trigger:\n{line}\nsteps: [{{send: welcome}}]\n",
            )
            for line in TRIGGERS.splitlines()
        ),
    ],
)
def test_what_the_grammar_shows_compiles_and_fits_its_schema(tmp_path: Path, file: str, text: str) -> None:
    known = {"schema.yaml": None, "models.yaml": MODELS, "measures.yaml": ALL_MEASURES}
    found = errors(tmp_path, {**NAMED, **known, "workflows/activation.yaml": None, file: text})
    # What a schema does not declare is an error where it is used.
    assert [it for it in found if file != "schema.yaml" or it.startswith(file)] == []
    [name] = [name for name, files in patterns().items() if any(fnmatch(file, it) for it in files)]
    assert _mistakes(name, text) == []


def test_what_the_grammar_shows_of_scenarios_compiles_and_fits_its_schema(tmp_path: Path) -> None:
    book = compiled(tmp_path, {"tests/activation.yaml": SCENARIO})
    assert len(read_scenarios(tmp_path, book)) == 1
    assert _mistakes("tests", SCENARIO) == []


#: What validate accepts in more than one way.
WAYS = [
    "trigger: {event: a, if: [{trait: x, eq: 1}, {in: power_user}]}\nsteps: [{send: welcome}]\n",
    "trigger: [{event: [a, b]}]\nsteps: [{send: welcome}]\n",
    "trigger: {event: a}\nentry: {again: 1d12h}\nsteps: [{wait: 1w}]\n",
    "trigger: {every: day, time: '09:00', to: power_user}\nsteps: [{send: welcome}]\n",
    "trigger: {every: [mon, tue], time: '09:00', to: power_user}\nsteps: [{send: welcome}]\n",
    "trigger: {every: mon, time: '09:00', to: power_user}\nsteps: [{send: welcome}]\n",
    "trigger: {event: a}\ngoal: [{event: b}, {trait: plan, eq: pro}]\nsteps: [{send: welcome}]\n",
    "trigger: {event: a}\ngoal: {event: b, ends: false, value: total}\nsteps: [{send: welcome}]\n",
    "trigger: {event: a}\nholdout: 0.1\nsteps: [{wait_until: best_hour}]\n",
    "trigger: {event: a}\nsteps: [{wait_until: {date: trial_ends_at, offset: -3d}}]\n",
    "trigger: {event: a}\nsteps: [{set: {a: 1, b: x, c: true, d: null, e: 20%}}]\n",
]


@pytest.mark.parametrize("text", WAYS)
def test_every_way_of_writing_fits(tmp_path: Path, text: str) -> None:
    assert errors(tmp_path, {"workflows/activation.yaml": text}) == []
    assert _mistakes("workflow", text) == []


#: Schema, and what neither takes.
WRONG = [
    ("workflow", "trigger: {event: a}\nstepps: []\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {event: a}\nsteps: []\n"),
    ("workflow", "trigger: {event: a}\nsteps: [{wait: 2 days}]\n"),
    ("workflow", "trigger: {event: a}\nsteps: [{wait: 2}]\n"),
    ("workflow", "trigger: {event: a}\nsteps: [{send: welcome, wait: 2d}]\n"),
    ("workflow", "trigger: {event: a}\nsteps: [{sned: welcome}]\n"),
    ("workflow", "trigger: {event: a, if: {trait: x, equals: 1}}\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {event: a, if: {}}\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {event: a, if: {trait: plan}}\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {event: a}\nsteps: [{send: welcome, if: {sent: welcome, opened: welcome}}]\n"),
    ("workflow", "trigger: {event: a, if: []}\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {event: a}\nsteps: [{wait_until: {time: '9:00'}}]\n"),
    ("workflow", "trigger: {event: a}\nstate: alive\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {event: a}\ngoal: {event: b, end: false}\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {event: a}\nholdout: 110%\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {every: monday, time: '09:00', to: power_user}\nsteps: [{send: welcome}]\n"),
    ("workflow", "trigger: {event: a}\nsteps: [{send: welcome, arms: {'a b': {subject: x}, c: {}}}]\n"),
    ("workflow", "steps: [{send: welcome}]\n"),
    ("segments", "power_user: {trait: plan}\nwith space: {trait: plan, eq: pro}\n"),
    ("segments", "power_user: pro\n"),
    ("measures", "usage: {event: a, within: soon}\n"),
    ("measures", "a-b: {event: a}\n"),
    ("measures", "score: {points: [{event: a}]}\n"),
    ("schema", "traits: {plan: string}\n"),
    ("redshank", FILES["redshank.yaml"].replace("version: 1", "version: 2")),
    ("redshank", FILES["redshank.yaml"].replace("hello@mail.acme.example", "hello")),
    ("snippet", "steps: [{send: welcome, wait: 1d}]\n"),
    (
        "tests",
        "- {scenario: x, start: '2026-03-27 20:00', contact: {}, expect: [{at: later, sent: welcome}]}\n",
    ),
    ("models", "churn: {predict: {event: a}, horizon: 30d}\n"),
]
_FILE = {"workflow": "workflows/activation.yaml", "snippet": "snippets/x.yaml", "tests": "tests/x.yaml"}


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_mistake_fits_neither_the_schema_nor_validate(tmp_path: Path, name: str, text: str) -> None:
    assert _mistakes(name, text)
    if name == "tests":
        return
    assert errors(tmp_path, {_FILE.get(name, f"{name}.yaml"): text})


def test_a_parameter_of_a_snippet_can_stand_for_any_value() -> None:
    text = """\
        params: [a]
        steps:
          - {send: $a, if: $a, hold: $a}
          - {wait: $a}
          - {wait_until: {time: $a, days: [$a]}}
          - {wait_for: {trait: plan, eq: $a}, at_most: $a, then: $a}
        """
    assert _mistakes("snippet", dedent(text)) == []
    assert _mistakes("snippet", "steps: [{wait: later}]\n")


def test_the_keys_of_a_step_say_what_they_mean() -> None:
    definitions = schemas()["workflow"]["definitions"]
    assert definitions["SendStep"]["description"] == "Send an email."
    assert (
        "journeys that stand there go on here" in definitions["SendStep"]["properties"]["was"]["description"]
    )


def test_defaults_are_as_a_book_writes_them() -> None:
    redshank = schemas()["redshank"]
    policy = redshank["definitions"]["Policy"]["properties"]
    assert (policy["hold"]["default"], policy["entry_grace"]["default"]) == ("1d", "10m")
    assert redshank["properties"]["holdout"]["default"] == "0%"


@pytest.mark.parametrize("span", [0, DAY, 36 * HOUR, 90_000])
def test_a_span_is_written_as_it_is_read(span: int) -> None:
    assert parse_duration(written_span(span)) == span


def test_the_grammar_of_measures_fits_its_schema() -> None:
    assert _mistakes("measures", MEASURES) == []


# --- whatever validate takes

_SEEDS = [
    ("workflow", WORKFLOW),
    *(("workflow", text) for text in WAYS),
    *(("workflow", f"trigger:\n{line}\nsteps: [{{send: welcome}}]\n") for line in TRIGGERS.splitlines()),
    ("segments", SEGMENTS),
    ("measures", ALL_MEASURES),
    ("models", MODELS),
    ("schema", SCHEMA),
    ("tests", SCENARIO),
    ("redshank", FILES["redshank.yaml"]),
]
_MODELS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(type_) for name, type_ in types().items()}
_VALUES = st.sampled_from(
    [
        *(
            "2d",
            "-3d",
            "20%",
            5,
            0,
            -1,
            0.5,
            1.0,
            True,
            False,
            "",
            "09:00",
            "mon",
            "day",
            "never",
            "a b",
            "$x",
        ),
        *("2026-12-08 09:00", "contact", "best_hour", "x@y.example", "Europe/Berlin", "text", [], ["a"], {}),
        *(["mon"], ["text"], {"trait": "plan", "eq": 1}, {"event": "a"}, {"one_of": ["a"]}),
    ]
)
_KEYS = st.sampled_from(
    ["if", "id", "where", "same", "hold", "late", "offset", "sum", "within", "min", "ends", "at"]
)


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def _plain(value: Any) -> Any:
    """A copy without places."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_the_models_take_fits_the_schema(data: st.DataObject) -> None:
    name, text = data.draw(st.sampled_from(_SEEDS))
    changed = _plain(_value(text))
    for _ in range(data.draw(st.integers(1, 2))):
        within = data.draw(st.sampled_from([it for it in _containers(changed) if it] or [{}]))
        if isinstance(within, list):
            within[data.draw(st.integers(0, len(within) - 1))] = _plain(data.draw(_VALUES))
        elif data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(within)) | _KEYS if within else _KEYS)
            within[key] = _plain(data.draw(_VALUES))
        elif within:
            del within[data.draw(st.sampled_from(sorted(within)))]
    problems = Problems()
    document = documents.read("x.yaml", json.dumps(changed), problems)
    validate(_MODELS[name].validate_python, document, problems, at=Place("x.yaml", 1))
    if not problems.found:
        assert [error.message for error in VALIDATORS[name].iter_errors(document)] == []
