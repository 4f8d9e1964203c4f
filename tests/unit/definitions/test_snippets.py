"""What does the use of a snippet stand for?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from redshank.engine.conditions import Compare, Email, Not
from redshank.engine.state import END
from redshank.engine.values import Measured, Trait
from redshank.engine.workflows import Arm, Branch, Send, Set, Split, Wait, WaitFor, Workflow
from redshank.instants import DAY
from tests.unit.definitions.grammar import SNIPPET
from tests.unit.definitions.writing import compiled, errors

HEAD = "trigger: {event: signed_up}\nsteps:\n"


def _files(steps: str, snippets: Mapping[str, str]) -> dict[str, str | None]:
    return {
        "workflows/activation.yaml": HEAD + steps,
        **{f"snippets/{name}.yaml": text for name, text in snippets.items()},
    }


def _made(root: Path, steps: str, **snippets: str) -> Workflow:
    return compiled(root, _files(steps, snippets)).workflows["activation"]


def _errors(root: Path, steps: str, **snippets: str) -> list[str]:
    return errors(root, _files(steps, snippets))


def test_the_snippet_of_the_grammar_is_compiled_word_for_word(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        "- {use: nurture_email, id: n1, with: {template: help, again: Seen this?}}\n- exit: done\n",
        nurture_email=SNIPPET,
    )
    assert dict(made.steps) == {
        "n1/mail": Send(id="n1/mail", next="n1/mail/wait_for", template="help", topic="tips"),
        "n1/mail/wait_for": WaitFor(
            id="n1/mail/wait_for",
            next="n1/exit",
            condition=Email("clicked", "n1/mail"),
            at_most=4 * DAY,
            then="n1/mail/wait_for/wait",
            otherwise="n1/again",
        ),
        "n1/mail/wait_for/wait": Wait(id="n1/mail/wait_for/wait", next="n1/exit", span=DAY),
        "n1/again": Send(
            id="n1/again",
            next="n1/again/wait",
            template="help",
            topic="tips",
            subject="Seen this?",
            when=Not(Email("opened", "n1/mail")),
        ),
        "n1/again/wait": Wait(id="n1/again/wait", next="n1/exit", span=3 * DAY),
        "n1/exit": made.steps["n1/exit"],
    }
    assert made.first == "n1/mail"


def test_a_snippet_is_used_twice_under_two_names(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        "- {use: mail, id: a, with: {template: welcome}}\n- {use: mail, with: {template: help}}\n",
        mail="params: [template]\nsteps: [{send: $template, id: it}, {wait: 1d}]\n",
    )
    assert [(name, step.next) for name, step in made.steps.items()] == [
        ("a/it", "a/it/wait"),
        ("a/it/wait", "mail/it"),
        ("mail/it", "mail/it/wait"),
        ("mail/it/wait", END),
    ]


def test_a_parameter_keeps_what_kind_of_value_it_is(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        "- use: all\n  id: u\n  with: {span: 3d, number: 7, share: 20%, text: '7', yes: true, if_: {trait: a, eq: 1},"
        " then: [{send: help}]}\n",
        all="""\
            params: [span, number, share, text, yes, if_, then]
            steps:
              - wait: $span
              - set: {number: $number, text: $text, yes: $yes, said: "$number of $text, $yes"}
              - split: s
                arms: {a: {share: $share, then: $then}, b: {then: []}}
              - {exit: done, if: $if_}
            """,
    )
    assert made.steps["u/wait"] == Wait(id="u/wait", next="u/set", span=3 * DAY)
    written = made.steps["u/set"]
    assert isinstance(written, Set)
    assert {name: getattr(it, "value", None) for name, it in written.traits.items()} == {
        "number": 7,
        "text": "7",
        "yes": True,
        "said": "7 of 7, true",
    }
    split = made.steps["u/s"]
    assert isinstance(split, Split)
    assert (split.arms["a"].share, split.arms["a"].to) == (0.2, "u/help")
    assert made.steps["u/s/exit"].when == Compare(Trait("a"), "eq", 1)


def test_a_use_with_a_condition_is_a_way_that_only_some_go(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        "- {use: mail, if: {trait: a, eq: 1}}\n- exit: done\n",
        mail="steps: [{send: welcome}]\n",
    )
    assert made.first == "mail"
    assert made.steps["mail"] == Branch(
        id="mail", next="mail/exit", arms=(Arm(to="mail/welcome", when=Compare(Trait("a"), "eq", 1)),)
    )
    assert made.steps["mail/welcome"].next == "mail/exit"


def test_snippets_use_snippets(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        "- send: welcome\n- {use: outer, id: o, with: {mail: help}}\n- exit: done\n",
        outer="params: [mail]\nsteps: [{use: inner, id: i, with: {template: $mail}}, {exit: x, if: {sent: i/it}}]\n",
        inner="""\
            params: [template]
            steps:
              - {send: $template, id: it, if: {not: {clicked: welcome}}}
              - {wait_for: {event: paid, since: it}, at_most: 1d, else: [{exit: $template}]}
            """,
    )
    assert list(made.steps) == [
        *("welcome", "o/i/it", "o/i/it/wait_for", "o/i/it/wait_for/exit", "o/i/exit", "o/exit")
    ]
    assert made.steps["o/i/it"].when == Not(Email("clicked", "welcome"))
    assert made.steps["o/i/exit"].when == Email("sent", "o/i/it")
    waits = made.steps["o/i/it/wait_for"]
    assert isinstance(waits, WaitFor)
    assert isinstance(waits.condition, Compare)
    assert isinstance(waits.condition.value, Measured)
    assert waits.condition.value.since == "o/i/it"
    assert made.remembers == ("o/i/it",)


def test_a_step_may_be_called_by_a_parameter(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        "- send: welcome\n- {use: again, id: u, with: {template: help, before: welcome}}\n",
        again="params: [template, before]\nsteps: [{send: $template}, {exit: x, if: [{opened: $template}, "
        "{opened: $before}]}]\n",
    )
    assert [it.step for it in made.steps["u/help/exit"].when.items] == ["u/help", "welcome"]  # type: ignore[union-attr]


def test_a_step_of_a_snippet_is_judged_by_its_id(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        "- {use: test, id: u}\n",
        test="steps:\n- split: s\n  arms: {a: {then: []}, b: {then: []}}\n  decide: {by: clicks, of: welcome}\n"
        "- send: welcome\n",
    )
    split = made.steps["u/s"]
    assert isinstance(split, Split)
    assert split.decide is not None
    assert split.decide.of == "u/welcome"


def test_what_looks_like_a_reference_in_a_written_value_is_left_alone(tmp_path: Path) -> None:
    made = _made(
        tmp_path, "- {use: s, id: u}\n", s="steps: [{send: welcome}, {set: {sent: welcome, since: x}}]\n"
    )
    written = made.steps["u/welcome/set"]
    assert isinstance(written, Set)
    assert [getattr(it, "value", None) for it in written.traits.values()] == ["welcome", "x"]


def test_a_renamed_use_takes_the_journeys_inside_along(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        "- {use: mail, id: new, was: old}\n",
        mail="steps: [{send: welcome, id: it, was: that}, {wait: 1d}]\n",
    )
    assert made.moved == {
        "old/it": "new/it",
        "new/that": "new/it",
        "old/that": "new/it",
        "old/it/wait": "new/it/wait",
    }


def test_two_workflows_use_one_snippet(tmp_path: Path) -> None:
    text = HEAD + "- {use: mail, id: m}\n"
    files = {"snippets/mail.yaml": "steps: [{send: welcome}]\n", "workflows/other.yaml": text}
    book = compiled(tmp_path, {**files, "workflows/activation.yaml": text})
    assert list(book.workflows["other"].steps) == list(book.workflows["activation"].steps) == ["m/welcome"]


# --- mistakes

MAIL = "params: [template]\nsteps: [{send: $template}]\n"


@pytest.mark.parametrize(
    ("use", "snippet", "message"),
    [
        ("{use: mial, with: {template: help}}", MAIL, "workflows/activation.yaml:3: unknown snippet `mial`; did you "
         "mean `mail`?"),
        ("{use: mail}", MAIL, "workflows/activation.yaml:3: the snippet `mail` needs `template` in `with`"),
        ("{use: mail, with: {template: help, x: 1}}", MAIL, "workflows/activation.yaml:3: the snippet `mail` has no "
         "parameter `x`; there is `template`"),
        ("{use: mail, with: {x: 1}}", "steps: [{send: help}]\n", "workflows/activation.yaml:3: the snippet `mail` has "
         "no parameter `x`; it has no `params`"),
        ("{use: mail, with: {template: halp}}", MAIL, "snippets/mail.yaml:2: unknown template `halp`; did you mean "
         "`help`?"),
        ("{use: mail, with: {template: 7}}", MAIL, "snippets/mail.yaml:2: `send` should be text, not the number `7`"),
        ("{use: mail, with: {template: help}}", "params: [template]\nsteps: [{send: $tamplate}]\n",
         "snippets/mail.yaml:2: unknown parameter `$tamplate`; did you mean `template`?"),
        ("{use: mail}", "steps: [{send: $x}]\n", "snippets/mail.yaml:1: unknown parameter `$x`; it has no `params`"),
        ("{use: mail, with: {template: [a]}}", "params: [template]\nsteps: [{exit: 'a $template'}]\n",
         "snippets/mail.yaml:2: `$template` stands inside of text here, and is a list"),
        ("{use: mail, with: {template: help}}", "params: [template]\nsteps: [{send: $template, if: {sent: halp}}]\n",
         "snippets/mail.yaml:2: no step `halp` sends an email in this workflow; there is `mail/help`"),
        ("{wait: 1d}", "params: [a, a]\nsteps: [{send: $a}]\n", "snippets/mail.yaml:1: `params` should not "
         "name `a` twice"),
        ("{wait: 1d}", "params: [a-b]\nsteps: [{send: help}]\n", "snippets/mail.yaml:1: `params` should be names of "
         "letters, digits and `_`, not `a-b`"),
        ("{wait: 1d}", "params: [a]\nsteps: []\n", "snippets/mail.yaml:2: `steps` should not be empty"),
        ("{wait: 1d}", "params: [a]\nsteps: {send: $a}\n", "snippets/mail.yaml:2: `steps` should be a list, not a "
         "mapping"),
        ("{wait: 1d}", "params: [a]\n", "snippets/mail.yaml:1: `steps` is missing"),
        ("{wait: 1d}", "steps: [{sned: help}]\n", "snippets/mail.yaml:1: this is no step: it has `sned`; did you mean "
         "`send`?"),
        ("{use: mail, id: m}\n- {use: mail, id: m}", "steps: [{send: help}]\n", "workflows/activation.yaml:4: two "
         "steps are called `m`, like the one on line 3; give this one an `id` of its own"),
        ("{use: mail, id: m}\n- wait: 2d", "steps: [{wait: 1d}]\n", "workflows/activation.yaml:4: this step would be "
         "called `m/wait`, like the one on line 1 of snippets/mail.yaml; give it an `id`"),
        ("{use: mail}", "steps: [{use: mail}]\n", "snippets/mail.yaml:1: the snippet `mail` uses itself: mail → mail"),
    ],
)  # fmt: skip
def test_a_mistake_in_or_about_a_snippet_is_told(
    tmp_path: Path, use: str, snippet: str, message: str
) -> None:
    assert message in _errors(tmp_path, f"- {use}\n", mail=snippet)


def test_snippets_that_use_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    found = _errors(
        tmp_path,
        "- use: a\n",
        a="steps: [{use: b}]\n",
        b="steps: [{wait: 1d}, {use: c}]\n",
        c="steps: [{use: a}]\n",
    )
    assert found == ["snippets/c.yaml:1: the snippet `a` uses itself: a → b → c → a"]


def test_a_broken_step_of_a_snippet_causes_no_second_error_about_names(tmp_path: Path) -> None:
    found = _errors(
        tmp_path,
        "- use: mail\n- {exit: x, if: {sent: mail/help}}\n",
        mail="steps: [{send: help, hold: long}]\n",
    )
    assert found == [
        "snippets/mail.yaml:1: `hold` should be a duration such as `15m`, `4h`, `2d` or `3w`, not `long`"
    ]


def test_an_unknown_snippet_causes_no_second_error_about_names(tmp_path: Path) -> None:
    found = _errors(tmp_path, "- {use: mial, id: m}\n- {exit: x, if: {sent: m/help}}\n", mail=MAIL)
    assert found == ["workflows/activation.yaml:3: unknown snippet `mial`; did you mean `mail`?"]


def test_a_snippet_is_a_file_of_its_folder(tmp_path: Path) -> None:
    assert errors(tmp_path, {"snippets/deep/x.yaml": MAIL}) == [
        "snippets/deep/x.yaml: is no snippet; write it as `snippets/NAME.yaml`"
    ]
