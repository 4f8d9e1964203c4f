"""What can a book say? The reference page, made from the models.

examples  how is each kind of step, trigger, condition and measure written?
tables    how do the models read as tables of keys?
page.md   what is told in between, with the places where these go
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from redshank.definitions import descriptions
from redshank.definitions.advising.emails import CLIPPED, LONG_SUBJECT
from redshank.definitions.advising.workflows import ENOUGH
from redshank.definitions.compiling.lists import LONGEST
from redshank.definitions.json_schema import written_span
from redshank.definitions.models.base import Definition
from redshank.definitions.models.conditions import (
    AGGREGATES,
    Comparison,
    Condition,
    EventCondition,
    EventValue,
)
from redshank.definitions.models.front import FrontMatter
from redshank.definitions.models.measures import Measure
from redshank.definitions.models.prediction import Model
from redshank.definitions.models.scenarios import Expects, Happens, Scenario
from redshank.definitions.models.schema import OneOf, Schema
from redshank.definitions.models.settings import BookSettings, Cap, Policy, Quiet, Sender, Topic
from redshank.definitions.models.snippets import Snippet
from redshank.definitions.models.steps import Decide, Moment, SendStep, Step
from redshank.definitions.models.triggers import EventTrigger, Trigger
from redshank.definitions.models.workflow import Entry, Goal, Workflow
from redshank.definitions.problems import listed
from redshank.definitions.reference import examples
from redshank.definitions.reference.tables import kinds, table
from redshank.engine import absences, entering, holding, measures, measuring
from redshank.engine.book import Policy as Rules
from redshank.instants import MINUTE

_UNIONS: Mapping[str, tuple[Any, Mapping[str, str]]] = {
    "steps": (Step, examples.STEPS),
    "triggers": (Trigger, examples.TRIGGERS),
    "conditions": (Condition, examples.CONDITIONS),
    "measures": (Measure, examples.MEASURES),
    "happenings": (Happens, examples.HAPPENINGS),
    "expectations": (Expects, examples.EXPECTATIONS),
}
_MODELS: tuple[type[Definition], ...] = (
    *(BookSettings, Comparison, Decide, Entry, EventCondition, EventTrigger, EventValue, FrontMatter),
    *(
        Cap,
        Goal,
        Model,
        Moment,
        OneOf,
        Policy,
        Quiet,
        Scenario,
        Schema,
        SendStep,
        Sender,
        Snippet,
        Topic,
        Workflow,
    ),
)
#: What several kinds have in common is told once.
_SHARED: Mapping[str, Collection[str]] = {
    "steps": ("id", "if", "was"),
    "triggers": ("if",),
    "measures": (*EventValue.model_fields,),
    "conditions": (*Comparison.model_fields, *EventValue.model_fields),
}


def reference() -> str:
    """The page, as Markdown."""
    # The page itself speaks of Jinja.
    jinja = Environment(
        undefined=StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        keep_trailing_newline=True,
    )
    page = (Path(__file__).parent / "page.md").read_text(encoding="utf-8")
    return jinja.from_string(page).render(
        table=table,
        about=descriptions.of_model,
        each=_each,
        compact=_compact,
        models={model.__name__: model for model in _MODELS},
        aggregates=listed(AGGREGATES),
        limits=_limits(),
    )


def _each(what: str) -> str:
    """A section for every kind of a union: what it does, an example, its keys."""
    union, written = _UNIONS[what]
    shared = _SHARED.get(what, ())
    parts = []
    for tag, model in kinds(union):
        name = " / ".join(f"`{it}`" for it in _names(tag, model))
        example = f"```yaml\n{written[model.__name__]}\n```"
        keys = table(model, without=shared)
        parts += [f"### {name}", descriptions.of_model(model), example, *([keys] if keys else [])]
    return "\n\n".join(parts)


def _names(tag: str, model: type[Definition]) -> list[str]:
    """The keys that name the kind: one, or those of which one is given."""
    keys = [field.alias or name for name, field in model.model_fields.items()]
    return [tag] if tag in keys else ["sent", "opened", "clicked"]


def _compact(what: str) -> str:
    """A table of the kinds of a union: an example and what it means."""
    union, written = _UNIONS[what]
    rows = ["| for example | meaning |", "|---|---|"]
    for _, model in kinds(union):
        example = written[model.__name__].replace("|", "\\|")
        rows.append(f"| `{example}` | {descriptions.of_model(model).replace(chr(10), ' ')} |")
    return "\n".join(rows)


def _limits() -> Mapping[str, str]:
    rules = Rules()
    numbers = {
        "exact_counts": measures.EXACT["count"],
        "exact": measures.EXACT_OTHERWISE,
        "different": measures.MAX_VALUES,
        "tags": measures.MAX_TAGS,
        "samples": measuring.MAX_SAMPLES,
        "journeys": entering.MAX_JOURNEYS,
        "entries": entering.MAX_ENTRIES,
        "hopefuls": entering.MAX_HOPEFULS,
        "anchors": absences.MAX_ANCHORS,
        "rows": LONGEST,
        "emails": rules.max_emails_per_day,
        "spread": holding.SPREAD // MINUTE,
        "subject": LONG_SUBJECT,
        "clipped": CLIPPED // 1024,
        "enough": ENOUGH,
    }
    spans = {"lateness": rules.lateness, "grace": rules.entry_grace, "hold": rules.hold}
    return {
        **{name: f"{number:,}" for name, number in numbers.items()},
        **{name: written_span(span) for name, span in spans.items()},
    }
