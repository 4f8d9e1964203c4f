"""Is a workflow compiled to steps that lead somewhere, or refused at a line, whatever is changed in it?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from redshank.definitions import InvalidBook, compile_book
from redshank.definitions.compiling.outlooks import successors
from redshank.engine.book import Book
from redshank.engine.serial import dump, load
from redshank.engine.state import END
from redshank.engine.workflows import Workflow
from tests.unit.definitions.grammar import NAMED, SNIPPET, TRIGGERS, WORKFLOW
from tests.unit.definitions.writing import write

_YAML = YAML(typ="safe", pure=True)
_WORKFLOW: dict[str, Any] = _YAML.load(WORKFLOW) | {
    "trigger": _YAML.load(TRIGGERS),
    "entry": {"again": "never"},
}
_SNIPPET: dict[str, Any] = _YAML.load(SNIPPET)

_KEYS = st.sampled_from(
    [
        *(
            "send",
            "wait",
            "wait_for",
            "wait_until",
            "branch",
            "split",
            "use",
            "set",
            "subscribe",
            "unsubscribe",
            "emit",
        ),
        *("enroll", "suppress", "exit", "arms", "decide", "then", "else", "if", "id", "was", "at_most"),
        *("with", "detail", "share", "time", "date", "offset", "days", "by", "of", "min", "sample"),
        *("after", "event", "without", "for", "same", "becomes", "every", "at", "to", "manual", "late"),
        *("timezone", "include_existing", "subject", "template", "params", "key"),
    ]
)
_VALUES = st.sampled_from(
    [
        *(None, True, 0, -1, 10**25, 0.5, "", "a", "welcome", "n1/mail", "2d", "-3d", "0d", "20%", "150%"),
        *(
            "best_hour",
            "$template",
            "$x",
            "{{ contact.a }}",
            "{{",
            "{{ measures.usage }}",
            "mon",
            "day",
            "09:00",
        ),
        *(
            "2026-12-08 09:00",
            "power_user",
            "readers",
            "nurture_email",
            "activation",
            "nurture",
            "tips",
            "billing",
        ),
        *([], {}, ["a"], {"a": 1}, {"event": "a"}, {"clicked": "welcome"}, [{"wait": "1d"}]),
        *([{"use": "nurture_email"}], {"a": {"then": []}, "b": {"then": [{"send": "welcome"}]}}),
    ]
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (mapping or list, key or index) inside."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _change(draw: st.DataObject, document: dict[str, Any]) -> dict[str, Any]:
    made = deepcopy(document)
    for _ in range(draw.draw(st.integers(1, 3))):
        within, key = draw.draw(st.sampled_from(list(_places(made))))
        match draw.draw(st.sampled_from(["replace", "remove", "add", "repeat"])):
            case "replace":
                within[key] = deepcopy(draw.draw(_VALUES))
            case "remove":
                del within[key]
            case "add" if isinstance(within, dict):
                within[draw.draw(_KEYS)] = deepcopy(draw.draw(_VALUES))
            case _:
                other, at = draw.draw(st.sampled_from(list(_places(made)) or [(within, key)]))
                within[key] = deepcopy(other[at])
        if not made:
            break
    return made


def _written(document: dict[str, Any]) -> str:
    return re.sub(r'"(\d+%)"', r"\1", json.dumps(document))


def _leads_somewhere(made: Workflow) -> None:
    known = {*made.steps, END}
    assert made.first in known
    assert set(made.moved.values()) <= known
    assert set(made.remembers) <= known
    for step in made.steps.values():
        assert {step.next, *successors(step)} <= known


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_workflow_is_compiled_or_refused_at_a_line_whatever_is_changed_in_it(data: st.DataObject) -> None:
    document, snippet = _WORKFLOW, _SNIPPET
    if data.draw(st.integers(0, 3)):
        document = _change(data, document)
    else:
        snippet = _change(data, snippet)
    with TemporaryDirectory() as folder:
        root = write(
            Path(folder),
            {
                **NAMED,
                "workflows/activation.yaml": _written(document),
                "snippets/nurture_email.yaml": _written(snippet),
            },
        )
        found = _compiled(root)
    if isinstance(found, InvalidBook):
        assert all(it.place.line for it in found.problems)
        assert not any("is not valid:" in it.message for it in found.problems)
        return
    assert load(dump(found)) == found
    for made in found.workflows.values():
        _leads_somewhere(made)


def _compiled(root: Path) -> Book | InvalidBook:
    try:
        return compile_book(root)
    except InvalidBook as error:
        return error
