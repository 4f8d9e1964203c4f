"""What is the text part of an HTML template?"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from redshank.definitions.plain_text import to_text
from redshank.definitions.sources import environment


def _text(source: str) -> str:
    return to_text(source, environment()).strip("\n")


def _rendered(source: str, **context: object) -> str:
    """The text as it is sent: the renderer leaves no more than one line empty."""
    jinja = Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    text = jinja.from_string(to_text(source, environment())).render(context)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>Hello</h1><p>One</p>\n<p>Two</p>", "Hello\n\nOne\n\nTwo"),
        ("<p>One  line\n of <b>bold</b> text.</p>", "One line of bold text."),
        ("<p>One<br>Two</p>", "One\nTwo"),
        ("<ul><li>One</li><li>Two</li></ul>", "- One\n- Two"),
        ("<table><tr><td>Total</td><td>9 EUR</td></tr><tr><td>Tax</td><td>1</td></tr></table>", "Total 9 EUR\nTax 1"),
        ('<a href="https://a.example/?x=1&amp;y=2">Go</a>', "Go (https://a.example/?x=1&y=2)"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:ann@a.example">Write to Ann</a>', "Write to Ann (ann@a.example)"),
        ('<a href="https://a.example"><img src="x.png" alt="Our shop"></a>', "Our shop (https://a.example)"),
        ('<a href="https://a.example"><img src="x.png"></a>', "https://a.example"),
        ('<a href="#top">Top</a>', "Top"),
        ("<p>A</p><hr><p>B</p>", "A\n\n----\n\nB"),
        ("<head><title>x</title><style>p { color: red }</style></head><p>A</p><script>1 < 2</script>", "A"),
        ('<div style="display: none">Preheader <b>x</b></div><p>A</p>', "A"),
        ("<!--[if mso]><table><tr><td><![endif]--><p>A</p><!-- note -->", "A"),
        ("<p>A &amp; B &lt; C &nbsp;D</p>", "A & B < C D"),
    ],
)  # fmt: skip
def test_html_reads_as_a_person_would_write_it(html: str, text: str) -> None:
    assert _text(html) == text


def test_jinja_stays_where_it_is() -> None:
    html = (
        '{% extends "layouts/base.html" %}{# a note #}'
        "<p>Hi {{ contact.name | default('<there>') }}</p>"
        '<a href="{{ event["url"] }}">Go</a>'
    )
    assert _text(html) == (
        '{% extends "layouts/base.txt" %}\n\n\n'
        "Hi {{ contact.name | default('<there>') }}\n\n"
        'Go ({{ event["url"] }})'
    )


def test_what_is_included_or_imported_is_the_text_of_the_same_name() -> None:
    html = "{% include 'a.html' %}{% from \"b.html\" import c %}{% import 'd.html' as e %}{{ 'f.html' }}"
    assert (
        _text(html)
        == "{% include 'a.txt' %}{% from \"b.txt\" import c %}{% import 'd.txt' as e %}{{ 'f.html' }}"
    )


def test_an_absent_paragraph_leaves_no_gap() -> None:
    html = "<p>A</p>{% if x %}<p>B</p>{% endif %}<p>C</p>"
    assert _rendered(html, x=True) == "A\n\nB\n\nC"
    assert _rendered(html, x=False) == "A\n\nC"


def test_what_stands_before_a_choice_stands_before_each_of_its_outcomes() -> None:
    assert _rendered("<div>A</div>{% if x %}B{% else %}C{% endif %}", x=False) == "A\nC"
    assert _rendered("<p>A {% if x %}B{% endif %}C</p>", x=False) == "A C"


def test_a_loop_makes_lines() -> None:
    html = "<ul>{% for x in xs %}<li>{{ x }}</li>{% endfor %}</ul>"
    assert _rendered(html, xs=["a", "b"]) == "- a\n- b"


def test_what_a_macro_writes_keeps_its_distance_whatever_its_white_space_control() -> None:
    html = "{% macro p(x) -%}\n<p>{{ x }}</p>\n{%- endmacro %}<div>A</div>{{- p('B') -}}<div>C</div>"
    assert _rendered(html) == "A\n\nB\n\nC"


def test_characters_nobody_sees_are_left_out() -> None:
    assert _text("<p>A</p><td>&#8203;</td><p>&#847;&zwnj;B</p>") == "A\n\nB"


def test_raw_jinja_stays_raw() -> None:
    assert _rendered("<p>{% raw %}{{ x }}{% endraw %}</p>") == "{{ x }}"


_WORDS = st.sampled_from(["alpha", "beta", "gamma &amp; delta", "{{ x }}", "{% if x %}yes{% endif %}"])
_HTML = st.recursive(
    _WORDS,
    lambda inner: st.one_of(
        st.builds(
            lambda tag, parts: f"<{tag}>{' '.join(parts)}</{tag}>",
            st.sampled_from(["p", "div", "b", "td", "tr", "table", "ul", "li", "h1", "span"]),
            st.lists(inner, max_size=3),
        ),
        st.builds(lambda part: f'<a href="https://a.example/{{{{ x }}}}">{part}</a>', inner),
        st.builds(lambda part: f"{{% for x in xs %}}{part}{{% endfor %}}", inner),
    ),
    max_leaves=12,
)


@given(_HTML)
def test_every_word_survives_and_no_tag_does(html: str) -> None:
    jinja = Environment(trim_blocks=True, lstrip_blocks=True)
    context = {"x": "value", "xs": ["one", "two"]}
    text = _rendered(html, **context)
    seen = re.sub(r"<[^>]*>", " ", jinja.from_string(html).render(context)).replace("&amp;", "&")
    assert "<" not in text
    # Letter by letter: whether a space stands between two inline tags is for the tests above to say.
    without_links = re.sub(r"\(?https://[^\s)]*\)?", "", text)
    assert "".join(re.findall(r"\w", without_links)) == "".join(re.findall(r"\w", seen))
