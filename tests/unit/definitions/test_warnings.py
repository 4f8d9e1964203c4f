"""What is a team warned of, and what is it left alone with?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from redshank.definitions import compile_book
from redshank.definitions.advising import warnings
from redshank.definitions.advising.emails import CLIPPED
from redshank.definitions.folder import read_folder
from redshank.definitions.problems import Problems
from redshank.instants import parse
from tests.unit.definitions.grammar import NAMED
from tests.unit.definitions.writing import FILES, write

EXAMPLES = Path(__file__).parents[3] / "examples"
LAYOUT = FILES["templates/layouts/base.html"].replace("<body>", "<body><div hidden>{{ preheader }}</div>")
WORKFLOW = "workflows/activation.yaml"


def email(
    body: str = "Hello", *, subject: str = "Hello", preheader: str = "preheader: Why to open it\n"
) -> str:
    return (
        f"---\nsubject: {subject}\n{preheader}---\n"
        f'{{% extends "layouts/base.html" %}}\n{{% block content %}}{body}{{% endblock %}}\n'
    )


#: A book without a warning.
SOUND: dict[str, str | None] = {
    "templates/layouts/base.html": LAYOUT,
    "templates/welcome.html": email(),
    "templates/help.html": email(),
}


def warned(root: Path, files: Mapping[str, str | None], *, now: str | None = None) -> list[str]:
    write(root, {**SOUND, **{name: text and dedent(text) for name, text in files.items()}})
    book = compile_book(root)
    found = warnings(book, read_folder(root, Problems()), now=None if now is None else parse(now))
    return [str(problem) for problem in found]


def workflow(root: Path, text: str, *, now: str | None = None, **more: str) -> list[str]:
    return warned(root, {**more, WORKFLOW: text}, now=now)


def shown(root: Path, body: str, text: str = FILES[WORKFLOW]) -> list[str]:
    """The warnings for what `welcome` has in it."""
    return warned(root, {"templates/welcome.html": email(body), WORKFLOW: text})


def test_a_sound_book_has_no_warnings(tmp_path: Path) -> None:
    assert warned(tmp_path, {}) == []


@pytest.mark.parametrize("name", sorted(it.parent.name for it in EXAMPLES.glob("*/redshank.yaml")))
def test_an_example_book_has_no_warnings(name: str) -> None:
    root = EXAMPLES / name
    assert warnings(compile_book(root), read_folder(root, Problems()), now=0) == []


# --- goal and exit

GOES_ON = "trigger: {event: signed_up}\nsteps: [{send: welcome}, {wait: 2d}, {send: help}]\n"


def test_a_sequence_without_goal_or_exit_is_warned_of(tmp_path: Path) -> None:
    assert workflow(tmp_path, GOES_ON) == [
        "workflows/activation.yaml:1: there is no `goal` and no `exit_if`: who has done what this is for gets the"
        " rest all the same; add for example `goal: {event: product_activated}`"
    ]


@pytest.mark.parametrize(
    "text",
    [
        GOES_ON + "goal: {event: product_activated}\n",
        GOES_ON + "exit_if: {trait: plan, eq: pro}\n",
        GOES_ON.replace("{wait: 2d}", "{wait: 2d}, {exit: done, if: {trait: plan, eq: pro}}"),
        GOES_ON.replace("{wait: 2d}", "{wait_for: {event: a}, at_most: 2d, then: [{exit: done}]}"),
        GOES_ON + "state: retired\n",
        "trigger: {event: signed_up}\nsteps: [{send: welcome}]\n",
        'trigger: {every: [tue], time: "09:00", to: power_user}\nsteps: [{wait_until: best_hour}, {send: help}]\n',
    ],
)
def test_who_can_leave_or_gets_one_email_only_is_not_warned_of(tmp_path: Path, text: str) -> None:
    assert workflow(tmp_path, text) == []


def test_an_exit_that_everybody_takes_at_the_end_is_no_way_out(tmp_path: Path) -> None:
    [found] = workflow(tmp_path, GOES_ON.replace("{send: help}", "{send: help}, {exit: done}"))
    assert "no `goal`" in found


# --- tests

TESTED = "trigger: {event: a}\nsteps:\n- send: welcome\n  arms: {a: %s, b: %s}\n"


def test_a_test_that_changes_two_things_is_warned_of(tmp_path: Path) -> None:
    assert workflow(tmp_path, TESTED % ("{subject: Hi}", "{subject: Ho, sender: ann}")) == [
        "workflows/activation.yaml:4: the arms differ in `subject` and `sender`: whichever wins, nobody will know"
        " why; test one thing at a time"
    ]


def test_a_test_of_templates_with_their_own_subjects_changes_two_things(tmp_path: Path) -> None:
    arms = TESTED % ("{template: welcome}", "{template: help}")
    [found] = workflow(tmp_path, arms, **{"templates/help.html": email(subject="Help")})
    assert "differ in `template` and `subject`" in found
    assert found.endswith("with one `subject` for the step")


@pytest.mark.parametrize(
    "arms",
    [
        TESTED % ("{subject: Hi}", "{subject: Ho}"),
        TESTED % ("{sender: ann}", "{}"),
        TESTED % ("{template: welcome}", "{template: help}"),
        TESTED % ("{template: welcome}", "{template: help}") + "  subject: One for both\n",
    ],
)
def test_a_test_of_one_thing_is_not_warned_of(tmp_path: Path, arms: str) -> None:
    assert workflow(tmp_path, arms) == []


def test_a_test_with_few_contacts_is_warned_of(tmp_path: Path) -> None:
    few = TESTED % ("{subject: Hi}", "{subject: Ho}") + "  decide: {by: clicks, min: 100}\n"
    [found] = workflow(tmp_path, few)
    assert found.startswith("workflows/activation.yaml:5: with fewer than 1,000 contacts in each arm")
    assert workflow(tmp_path, few.replace("100", "1000")) == []


def test_ways_that_are_judged_by_opens_are_warned_of(tmp_path: Path) -> None:
    text = """\
        trigger: {event: a}
        steps:
        - split: which
          arms: {x: {then: [{send: welcome}]}, y: {then: [{send: help}]}}
          decide: {by: %s, of: %s}
        """
    [found] = workflow(tmp_path, text % ("opens", "welcome"))
    assert found.startswith("workflows/activation.yaml:5: opens judge a subject")


# --- broadcasts

BROADCAST = 'trigger: {at: "2026-12-08 09:00", to: %s}\nsteps: [{send: welcome}]\n'
SEGMENTS = dedent("""\
    everybody: {trait: email, exists: true}
    active: {event: logged_in, within: 30d}
    power_user: {in: active}
    """)


@pytest.mark.parametrize("when", ['at: "2026-12-08 09:00"', 'every: [tue], time: "09:00"'])
def test_a_broadcast_to_everybody_is_warned_of(tmp_path: Path, when: str) -> None:
    text = f"trigger: {{{when}, to: everybody}}\nsteps: [{{send: welcome}}]\n"
    [found] = warned(tmp_path, {"segments.yaml": SEGMENTS, "broadcasts/news.yaml": text})
    assert found.startswith(
        "broadcasts/news.yaml:1: this goes to everybody in `everybody`, also to those who have"
    )
    assert found.endswith("for example `if: {event: [email_opened, link_clicked], within: 180d}`")


def test_a_broadcast_to_a_static_list_is_warned_of(tmp_path: Path) -> None:
    files = {"lists/readers.csv": "email\nann@example.com\n", "broadcasts/news.yaml": BROADCAST % "readers"}
    [found] = warned(tmp_path, files)
    assert "everybody in `readers`" in found


@pytest.mark.parametrize(
    "text",
    [
        BROADCAST % "active",
        BROADCAST % "power_user",
        BROADCAST % "everybody, if: {event: [email_opened, link_clicked], within: 180d}",
        (BROADCAST % "everybody").replace("welcome}", "welcome, if: {event: email_opened, within: 90d}}"),
        "topic: billing\n" + BROADCAST % "everybody",
    ],
)
def test_a_broadcast_to_the_engaged_or_about_what_everybody_must_know_is_not_warned_of(
    tmp_path: Path, text: str
) -> None:
    assert warned(tmp_path, {"segments.yaml": SEGMENTS, "broadcasts/news.yaml": text}) == []


def test_a_broadcast_whose_moment_has_passed_everywhere_is_warned_of(tmp_path: Path) -> None:
    files = {"segments.yaml": SEGMENTS, "broadcasts/news.yaml": BROADCAST % "active, timezone: contact"}
    assert warned(tmp_path, files, now="2026-12-08T20:59:00Z") == []
    assert warned(tmp_path, files, now="2026-12-08T21:01:00Z") == [
        "broadcasts/news.yaml:1: `2026-12-08 09:00` has passed everywhere, and whoever has not got it gets it as soon"
        " as this is applied; if it went out, say `state: retired`"
    ]
    retired = {**files, "broadcasts/news.yaml": "state: retired\n" + BROADCAST % "active"}
    assert warned(tmp_path, retired, now="2026-12-09T00:00:00Z") == []


# --- pace


def test_three_emails_within_a_day_are_warned_of(tmp_path: Path) -> None:
    text = """\
        trigger: {event: a}
        goal: {event: b}
        steps:
        - send: welcome
        - wait: 4h
        - {send: help, id: second}
        - wait: 19h
        - {send: help, id: third}
        """
    assert workflow(tmp_path, text) == [
        "workflows/activation.yaml:8: this is email number 3 of the same day for a contact; give it a longer `wait`"
    ]
    assert workflow(tmp_path, text.replace("19h", "20h")) == []
    assert workflow(tmp_path, text.replace("id: second", "id: second, if: {trait: plan, eq: pro}")) == []
    assert workflow(tmp_path, "topic: billing\n" + dedent(text)) == []


# --- emails


def test_an_email_that_gmail_would_clip_is_warned_of(tmp_path: Path) -> None:
    # The line break after a statement is no part of what is sent.
    nothing = ("{{ preheader }}", "{% block content %}{% endblock %}\n", "{{ unsubscribe_url }}")
    around = len(LAYOUT) - sum(map(len, nothing))
    # Of characters that take two bytes each, half as many are enough.
    room = (CLIPPED - around) // 2
    assert shown(tmp_path, "ä" * room) == []
    [found] = shown(tmp_path, "ä" * (room + 1))
    assert found.startswith("templates/welcome.html: this email has 102 KB of HTML")


def test_what_only_some_get_does_not_make_an_email_too_large(tmp_path: Path) -> None:
    assert shown(tmp_path, "{% if contact.plan == 'pro' %}" + "x" * CLIPPED + "{% endif %}") == []


def test_a_subject_that_inboxes_cut_is_warned_of(tmp_path: Path) -> None:
    assert warned(tmp_path, {"templates/help.html": email(subject="x" * 60)}) == []
    assert warned(tmp_path, {"templates/help.html": email(subject="x" * 61)}) == [
        "templates/help.html:2: the subject has 61 characters; inboxes show some 60 of them, phones some 40: shorten it"
    ]
    [found] = workflow(tmp_path, f"trigger: {{event: a}}\nsteps: [{{send: help, subject: {'y' * 70}}}]\n")
    assert found.startswith("workflows/activation.yaml:2: the subject has 70 characters")


def test_an_email_without_preheader_is_warned_of(tmp_path: Path) -> None:
    [found] = warned(tmp_path, {"templates/help.html": email(preheader="")})
    assert found.startswith("templates/help.html:2: there is no `preheader`")


def test_a_preheader_that_no_source_shows_is_warned_of(tmp_path: Path) -> None:
    found = warned(tmp_path, {"templates/layouts/base.html": FILES["templates/layouts/base.html"]})
    assert [it.partition(":")[0] for it in found] == ["templates/help.html", "templates/welcome.html"]
    assert all("the preheader is shown nowhere" in it for it in found)


# --- values that may be missing


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.first_name }}",
        "{{ contact['first_name'] | title }}",
        "{{ 'Dear ' ~ contact.first_name }}",
        "{{ contact.first_name if contact.plan else 'you' }}",
        "{{ contact.first_name or contact.name }}",
        "{% if contact.plan %}{{ contact.first_name }}{% endif %}",
        "{% for tag in contact.tags %}{{ account.name }}{% endfor %}",
        "{{ event.cart.total }}",
    ],
)
def test_a_value_that_may_be_missing_is_warned_of(tmp_path: Path, source: str) -> None:
    [found] = shown(tmp_path, f"<p>\n{source}</p>")
    assert found.startswith("templates/welcome.html:7: `")
    assert "may be missing, and nothing is shown then" in found


def test_the_warning_names_the_value_and_what_would_be_right(tmp_path: Path) -> None:
    assert shown(tmp_path, "{{ contact.first_name }}") == [
        "templates/welcome.html:6: `contact.first_name` may be missing, and nothing is shown then: give a"
        ' `{{ contact.first_name | default("…", true) }}`, or put `{% if contact.first_name %}` around it'
    ]


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.first_name | default('you', true) }}",
        "{{ contact.first_name | d('you') | title }}",
        "{{ contact.first_name or 'you' }}",
        "{{ contact.first_name if contact.first_name else 'you' }}",
        "{% if contact.first_name %}{{ contact.first_name }}{% endif %}",
        "{% if contact.address %}{{ contact.address.city }}{% endif %}",
        "{% if contact.a %}x{% elif contact.first_name %}{{ contact.first_name }}{% endif %}",
        "{% if not event.total %}free{% else %}{{ event.total }}{% endif %}",
        "{{ contact.tags | length }}",
        "{{ contact.email }}",
        "{{ postal_address }}",
        "{% for event in account.visits %}{{ event.at }}{% endfor %}",
        "{% macro greet(contact) %}{{ contact.name }}{% endmacro %}",
    ],
)
def test_a_value_that_is_taken_care_of_is_not_warned_of(tmp_path: Path, source: str) -> None:
    assert shown(tmp_path, source) == []


@pytest.mark.parametrize(
    "text",
    [
        "trigger: {event: a, if: {trait: plan, exists: true}}\nsteps: [{send: welcome}]\n",
        "trigger: {becomes: {in: power_user}}\nsteps: [{send: welcome}]\n",
        "trigger: {event: a}\nsteps: [{send: welcome, if: [{trait: plan, eq: pro}, {event: b}]}]\n",
        "trigger: {event: a}\nsteps: [{branch: [{if: {trait: plan, eq: pro}, then: [{send: welcome}]}]}]\n",
        "trigger: {event: a}\nsteps: [{set: {plan: pro}}, {send: welcome}]\n",
    ],
)
def test_a_value_that_whoever_gets_the_email_has_is_not_warned_of(tmp_path: Path, text: str) -> None:
    assert shown(tmp_path, "{{ contact.plan }}", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "trigger: {event: a, if: {not: {trait: plan, eq: pro}}}\nsteps: [{send: welcome}]\n",
        "trigger: {event: a, if: {any: [{trait: plan, eq: pro}, {event: b}]}}\nsteps: [{send: welcome}]\n",
        "trigger: {event: a, if: {trait: plan, exists: false}}\nsteps: [{send: welcome}]\n",
        "trigger: [{event: a, if: {trait: plan, eq: pro}}, {event: b}]\nsteps: [{send: welcome}]\n",
        "trigger: {event: a}\nsteps: [{branch: [{if: {trait: plan, eq: pro}, then: []}, {then: [{send: welcome}]}]}]\n",
    ],
)
def test_a_value_that_only_some_have_is_warned_of(tmp_path: Path, text: str) -> None:
    [found] = shown(tmp_path, "{{ contact.plan }}", text)
    assert "`contact.plan` may be missing" in found


def test_the_key_of_a_run_and_what_an_absence_is_told_apart_by_are_there(tmp_path: Path) -> None:
    keyed = "trigger: {event: a}\nentry: {key: cart_id}\nsteps: [{send: welcome}]\n"
    same = "trigger: {event: a, without: b, same: cart_id, for: 4h}\nsteps: [{send: welcome}]\n"
    assert shown(tmp_path, "{{ event.cart_id }}", keyed) == []
    assert shown(tmp_path, "{{ event.cart_id }}", same) == []


def test_a_count_is_never_missing_and_a_ratio_may_be(tmp_path: Path) -> None:
    measures = "usage: {event: run, sum: credits}\nratio: {expr: usage / usage}\ntwice: {expr: usage * 2}\n"
    body = "{{ measures.usage }} {{ measures.twice }} {{ measures.ratio }}"
    [found] = warned(tmp_path, {"measures.yaml": measures, "templates/welcome.html": email(body)})
    assert "`measures.ratio` may be missing" in found


def test_subjects_text_parts_and_layouts_are_looked_at_where_they_stand(tmp_path: Path) -> None:
    files = {
        "templates/help.html": email(
            subject="For {{ contact.a }}", preheader="preheader: For {{ contact.b }}\n"
        ),
        "templates/welcome.txt": "For {{ contact.c }} {{ unsubscribe_url }}\n",
        "templates/layouts/base.html": "\n" + LAYOUT.replace("Unsubscribe", "{{ contact.d }}"),
        WORKFLOW: "trigger: {event: a}\nsteps: [{send: welcome, subject: 'For {{ contact.e }}'}]\n",
    }
    places = [it.partition(" ")[0] for it in warned(tmp_path, files)]
    assert places == [
        "templates/help.html:2:",
        "templates/help.html:3:",
        "templates/layouts/base.html:3:",
        "templates/welcome.txt:1:",
        "workflows/activation.yaml:2:",
    ]


def test_the_steps_of_a_snippet_are_warned_of_where_they_stand(tmp_path: Path) -> None:
    files = {
        **NAMED,
        **SOUND,
        **{name: email() for name in NAMED if name.startswith("templates/")},
        "templates/again.html": email(),
        WORKFLOW: "trigger: {event: a}\ngoal: {event: b}\n"
        f"steps: [{{use: nurture_email, with: {{template: welcome, again: {'x' * 61}}}}}]\n",
    }
    found = [it for it in warned(tmp_path, files) if "characters" in it]
    assert [it.partition(" ")[0] for it in found] == ["snippets/nurture_email.yaml:7:"]


def test_warnings_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    found = warned(
        tmp_path, {"templates/welcome.html": email("{{ contact.b }}\n{{ contact.a }}"), WORKFLOW: GOES_ON}
    )
    assert [it.partition(" ")[0] for it in found] == [
        "templates/welcome.html:6:",
        "templates/welcome.html:7:",
        "workflows/activation.yaml:1:",
    ]
