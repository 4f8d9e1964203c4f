"""Are the Jinja sources of a book sound, and what do they use?"""

from __future__ import annotations

from pathlib import Path

import pytest

from redshank.engine.book import Template
from tests.unit.definitions.writing import compiled, errors

MAIL = "templates/welcome.html"


def _mail(body: str, front: str = "subject: x") -> str:
    return f"---\n{front}\n---\n{body}\n{{{{ unsubscribe_url }}}}\n"


def test_front_matter_is_taken_off_and_sources_are_called_by_their_path(tmp_path: Path) -> None:
    book = compiled(tmp_path, {MAIL: _mail("<p>Hi</p>", "subject: Hello\npreheader: A word\ntopic: tips")})
    assert book.templates["welcome"] == Template(
        name="welcome", subject="Hello", preheader="A word", html="welcome.html", text="welcome.txt"
    )
    assert book.sources["welcome.html"] == "<p>Hi</p>\n{{ unsubscribe_url }}\n"
    assert {"help.html", "layouts/base.html", "help.txt", "layouts/base.txt"} <= book.sources.keys()


def test_a_text_part_that_is_written_is_used(tmp_path: Path) -> None:
    book = compiled(tmp_path, {"templates/welcome.txt": "By hand. {{ unsubscribe_url }}\n"})
    assert book.sources["welcome.txt"] == "By hand. {{ unsubscribe_url }}\n"


def test_a_text_part_that_is_not_written_is_derived_with_all_it_refers_to(tmp_path: Path) -> None:
    book = compiled(tmp_path)
    assert '{% extends "layouts/base.txt" %}' in book.sources["welcome.txt"]
    assert "Unsubscribe ({{ unsubscribe_url }})" in book.sources["layouts/base.txt"]


def test_sources_that_no_email_uses_are_not_shipped(tmp_path: Path) -> None:
    book = compiled(tmp_path, {"templates/partials/unused.html": "<p>x</p>"})
    assert "partials/unused.html" not in book.sources


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<p>Hi</p>\n", f"{MAIL}:1: has no front matter; begin with `---`, a `subject:` and another `---`"),
        ("---\n---\n<p>Hi</p>\n", f"{MAIL}:1: `subject` is missing"),
        ("---\npreheader: x\n---\n<p>Hi</p>\n", f"{MAIL}:2: `subject` is missing"),
        ("---\nsubject: x\nsubjet: y\n---\n{{ unsubscribe_url }}", f"{MAIL}:3: unknown key `subjet`; did you mean "
         "`subject`?"),
        ("---\nsubject: x\ntopic: tipps\n---\n{{ unsubscribe_url }}", f"{MAIL}:3: unknown topic `tipps`; did you mean "
         "`tips`?"),
        ("---\nsubject: x\n\npreheader: '{{ contct.x }}'\n---\n{{ unsubscribe_url }}", f"{MAIL}:4: unknown variable "
         "`contct`; did you mean `contact`?"),
        ("---\nsubject: [x\n---\n", f"{MAIL}:3: not valid YAML: expected ',' or ']', but got '<stream end>' while "
         "parsing a flow sequence"),
    ],
)  # fmt: skip
def test_a_mistake_in_front_matter_is_told(tmp_path: Path, text: str, message: str) -> None:
    assert message in errors(tmp_path, {MAIL: text})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("\n{% if contact.x %}", "6: Jinja: Unexpected end of template. Jinja was looking for the following tags: "
         "'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'."),
        ("{{ contact.name | uper }}", "4: Jinja: unknown filter `uper`; did you mean `upper`?"),
        ("\n\n{{ first_name }}", "6: unknown variable `first_name`; a trait is `contact.first_name`, a property of the "
         "starting event `event.first_name`"),
        ("{{ unsubscribe_link }}", "4: unknown variable `unsubscribe_link`; did you mean `unsubscribe_url`?"),
        ('{% include "partials/foter.html" %}', "4: unknown template `partials/foter.html`; did you mean "
         "`partials/footer.html`?"),
        ("{% include contact.partial %}", "4: which template this is must be written out, not computed"),
        ('{% import "partials/footer.html" as footer %}', "4: `partials/footer.html` uses `contact`; add `with "
         "context`"),
    ],
)  # fmt: skip
def test_a_mistake_in_jinja_is_told(tmp_path: Path, body: str, message: str) -> None:
    files = {MAIL: _mail(body), "templates/partials/footer.html": "{{ contact.name }}"}
    found = errors(tmp_path, files)
    assert f"{MAIL}:{message}" in found


def test_what_a_template_defines_itself_is_known(tmp_path: Path) -> None:
    body = """\
{% extends "layouts/base.html" %}
{% from "partials/kit.html" import button as knob %}
{% import "partials/kit.html" as kit %}
{% set who, where = contact.name, account.name %}
{% macro row(label) %}<td>{{ label }}</td>{% endmacro %}
{% block content %}
{% for item in event.items %}{{ loop.index }} {{ item.name }} {{ row(item) }}{% endfor %}
{{ who }} {{ where }} {{ knob("x") }} {{ kit.button("y") }} {{ range(3) }} {{ super() }}
{% with total = 3 %}{{ total }}{% endwith %}
{% endblock %}"""
    kit = "{% macro button(label) %}<b>{{ label }}{{ caller() if caller }}</b>{% endmacro %}"
    assert errors(tmp_path, {MAIL: _mail(body), "templates/partials/kit.html": kit}) == []


def test_templates_that_refer_to_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    files = {
        MAIL: _mail('{% include "partials/a.html" %}'),
        "templates/partials/a.html": '{% include "partials/b.html" %}',
        "templates/partials/b.html": '{% include "partials/a.html" %}',
    }
    assert errors(tmp_path, files) == [
        "templates/partials/a.html:1: templates refer to each other in a circle: "
        "partials/a.html -> partials/b.html -> partials/a.html"
    ]


# --- marketing email says how to leave


def test_a_marketing_email_without_a_way_to_unsubscribe_is_refused(tmp_path: Path) -> None:
    assert errors(tmp_path, {MAIL: "---\nsubject: x\n---\n<p>Hi</p>\n"}) == [
        f"{MAIL}:4: a marketing email needs a link to `{{{{ unsubscribe_url }}}}`, here or in its layout"
    ]


def test_so_is_one_whose_text_part_has_none(tmp_path: Path) -> None:
    assert errors(tmp_path, {"templates/welcome.txt": "Hi\n"}) == [
        "templates/welcome.txt:1: the text part of a marketing email needs a link to `{{ unsubscribe_url }}`, "
        "here or in its layout"
    ]


def test_the_link_may_stand_in_a_partial_of_the_layout(tmp_path: Path) -> None:
    files = {
        "templates/layouts/base.html": '{% block content %}{% endblock %}{% include "partials/footer.html" %}',
        "templates/partials/footer.html": "{{ unsubscribe_url }}",
    }
    assert errors(tmp_path, files) == []


def test_a_transactional_email_needs_no_link_to_unsubscribe(tmp_path: Path) -> None:
    assert (
        errors(
            tmp_path,
            {
                MAIL: "---\nsubject: x\n---\n<p>Hi</p>\n",
                "workflows/activation.yaml": "trigger: {event: a}\nsteps: [{send: welcome, topic: billing}]\n",
            },
        )
        == []
    )


def test_a_template_that_nothing_sends_is_looked_at_all_the_same(tmp_path: Path) -> None:
    found = errors(tmp_path, {"templates/draft.html": "---\nsubject: x\n---\n{{ nme }}\n"})
    assert found == [
        "templates/draft.html:4: unknown variable `nme`; a trait is `contact.nme`, "
        "a property of the starting event `event.nme`"
    ]
