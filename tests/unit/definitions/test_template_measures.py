"""Which measures does an email show? They are worked out when it is decided, so the book has to know."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.definitions.writing import FILES, compiled, errors

MEASURES = "usage: {event: report_run}\nbest: {event: report_run, top: name}\n"
LINK = "{{ unsubscribe_url }}"


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        ({}, ()),
        ({"templates/welcome.html": f"---\nsubject: x\n---\n{{{{ measures.usage }}}}{LINK}"}, ("usage",)),
        ({"templates/welcome.html": f"---\nsubject: x\n---\n{{{{ measures['best'] }}}}{LINK}"}, ("best",)),
        ({"templates/welcome.html": f"---\nsubject: You ran {{{{ measures.usage }}}}\n---\n{LINK}"}, ("usage",)),
        ({"templates/welcome.html": f"---\nsubject: x\n---\n{{% for m in measures %}}{{% endfor %}}{LINK}"},
         ("best", "usage")),
        ({"templates/layouts/base.html": f"{{% if measures.best == 'a' %}}{LINK}{{% endif %}}{LINK}"}, ("best",)),
        ({"templates/welcome.txt": f"{{{{ measures.best }}}}{LINK}"}, ("best",)),
        ({"workflows/activation.yaml": "trigger: {event: a}\nsteps:\n- send: welcome\n"
          "  subject: '{{ measures.usage }}'\n"}, ("usage",)),
        ({"workflows/activation.yaml": "trigger: {event: a}\nsteps:\n- send: help\n  arms:\n"
          "    a: {template: welcome, subject: '{{ measures.usage }}'}\n    b: {}\n"}, ("usage",)),
    ],
)  # fmt: skip
def test_a_template_names_the_measures_it_shows(
    tmp_path: Path, files: dict[str, str | None], shown: tuple[str, ...]
) -> None:
    book = compiled(tmp_path, {"measures.yaml": MEASURES, **files})
    assert book.templates["welcome"].measures == shown


def test_an_unknown_measure_in_a_template_is_told_with_its_line(tmp_path: Path) -> None:
    mail = f"---\nsubject: '{{{{ measures.bst }}}}'\n---\n{LINK}\n{{{{ measures.usag }}}}\n"
    text = "trigger: {event: a}\nsteps:\n- send: welcome\n  subject: '{{ measures.uses }}'\n"
    found = errors(
        tmp_path,
        {"measures.yaml": MEASURES, "templates/welcome.html": mail, "workflows/activation.yaml": text},
    )
    assert found == [
        "templates/welcome.html:2: unknown measure `bst`; did you mean `best`?",
        "templates/welcome.html:5: unknown measure `usag`; did you mean `usage`?",
        "workflows/activation.yaml:4: unknown measure `uses`; did you mean `usage`?",
    ]


def test_the_small_book_shows_no_measure(tmp_path: Path) -> None:
    assert {it.measures for it in compiled(tmp_path, FILES).templates.values()} == {()}
