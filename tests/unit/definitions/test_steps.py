"""What do steps mean to the engine, and what is wrong with those that mean nothing?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.definitions.compiling.arms import shares
from redshank.definitions.models import steps as models
from redshank.definitions.problems import Place, Problems
from redshank.engine import workflows as flow
from redshank.engine.conditions import Compare, Email
from redshank.engine.serial import dump, load
from redshank.engine.state import END
from redshank.engine.values import HERE, Account, Constant, Joined, Measured, Property, Trait
from redshank.engine.workflows import Arm, Decide, Step, Variant, WaitFor, WaitUntil, Way
from redshank.instants import DAY, HOUR
from tests.unit.definitions.grammar import NAMED, WORKFLOW
from tests.unit.definitions.writing import FILES, compiled, errors, workflow

MEASURES = "usage: {event: report_run}\n"


def _made(root: Path, steps: str, head: str = "trigger: {event: signed_up}\n") -> flow.Workflow:
    return workflow(root, f"{head}steps:\n{steps}", {"measures.yaml": MEASURES})


def _steps(root: Path, steps: str) -> dict[str, Step]:
    return dict(_made(root, steps).steps)


def _errors(root: Path, steps: str, head: str = "trigger: {event: signed_up}\n") -> list[str]:
    """What is wrong, with the lines counted from the first step."""
    text = f"{head}steps:\n{steps}"
    before = head.count("\n") + 1
    found = errors(root, {"workflows/activation.yaml": text, "measures.yaml": MEASURES})
    parts = [it.removeprefix("workflows/activation.yaml:").partition(":") for it in found]
    return [f"{int(line) - before}:{message}" for line, _, message in parts]


def test_every_step_of_the_grammar_is_compiled_word_for_word(tmp_path: Path) -> None:
    book = compiled(tmp_path, {**NAMED, "workflows/activation.yaml": WORKFLOW})
    made = book.workflows["activation"]
    assert list(made.steps) == [
        *("welcome", "welcome/wait", "welcome/wait_for", "welcome/wait_for/wait", "welcome_again"),
        *("welcome/wait_until", "welcome/branch", "saas", "general", "follow_up"),
        *("persist_or_stop", "e4", "persist_or_stop/exit"),
        *("n1/mail", "n1/mail/wait_for", "n1/mail/wait_for/wait", "n1/again", "n1/again/wait"),
        *("n1/set", "n1/subscribe", "n1/emit", "n1/enroll", "n1/suppress", "n1/exit"),
    ]
    assert load(dump(book)) == book


def test_every_kind_of_step_that_is_modelled_is_compiled() -> None:
    union = get_args(models.Step.__value__)[0]
    verbs = {get_args(member)[1].tag.strip("<>") for member in get_args(union)}
    assert verbs == {
        *("send", "wait", "wait_for", "wait_until", "branch", "split", "use"),
        *("set", "subscribe", "unsubscribe", "emit", "enroll", "suppress", "exit"),
    }


# --- tests of emails


def test_the_arms_of_an_email_say_what_they_say_otherwise(tmp_path: Path) -> None:
    made = _steps(
        tmp_path,
        """\
- send: welcome
  arms:
    plain: {}
    short: {subject: Hi, share: 20%}
    other: {template: help, sender: ann, share: 0.3}
  decide: {by: opens}
""",
    )["welcome"]
    assert isinstance(made, flow.Send)
    assert made.arms == {
        "plain": Variant(share=0.5),
        "short": Variant(share=0.2, subject="Hi"),
        "other": Variant(share=0.3, template="help", sender="ann"),
    }
    assert made.decide == Decide(by="opens", of="welcome")


def test_a_broadcast_may_send_to_a_sample_first(tmp_path: Path) -> None:
    steps = """\
- send: welcome
  arms: {a: {}, b: {subject: Hi}}
  decide: {by: clicks, min: 500, confidence: 90%, then: winner, sample: 20%, after: 4h}
"""
    made = _made(tmp_path, steps, 'trigger: {at: "2026-12-08 09:00", to: power_user}\n').steps["welcome"]
    assert isinstance(made, flow.Send)
    assert made.decide == Decide(
        by="clicks",
        of="welcome",
        minimum=500,
        confidence=0.9,
        then="winner",
        sample=0.2,
        after=4 * HOUR,
    )


@given(st.lists(st.one_of(st.none(), st.integers(1, 30)), min_size=2, max_size=6))
def test_shares_that_are_taken_make_up_the_whole_and_keep_what_is_said(percents: list[int | None]) -> None:
    said = {str(index): None if it is None else it / 100 for index, it in enumerate(percents)}
    problems = Problems()
    made = shares(said, Place("x"), problems)
    if problems.found:
        assert None not in percents or sum(it or 0 for it in percents) >= 100
        return
    assert sum(made.values()) == pytest.approx(1)
    assert all(made[name] == share for name, share in said.items() if share is not None)
    assert len({round(made[name], 9) for name, share in said.items() if share is None}) <= 1


# --- time


def test_a_wait_for_a_click_goes_one_way_or_the_other(tmp_path: Path) -> None:
    made = _steps(
        tmp_path,
        """\
- send: welcome
- wait_for: {clicked: welcome}
  at_most: 4d
  then: [{wait: 1d}]
  else: [{send: help}, {exit: cold}]
- exit: done
""",
    )
    assert made["welcome/wait_for"] == WaitFor(
        id="welcome/wait_for",
        next="welcome/exit",
        condition=Email("clicked", "welcome"),
        at_most=4 * DAY,
        then="welcome/wait_for/wait",
        otherwise="help",
    )
    assert made["welcome/wait_for/wait"].next == made["help/exit"].next == "welcome/exit"


def test_a_wait_for_ever_goes_on_below(tmp_path: Path) -> None:
    made = _steps(tmp_path, "- wait_for: {trait: plan, eq: pro}\n- exit: done\n")["wait_for"]
    assert isinstance(made, WaitFor)
    assert (made.at_most, made.then, made.otherwise) == (None, "exit", "exit")


def test_an_event_is_waited_for_from_when_the_step_began(tmp_path: Path) -> None:
    made = _steps(
        tmp_path,
        "- wait_for: {event: paid}\n- {wait_for: {event: paid, within: 30d}, id: window}\n"
        "- {send: welcome, if: {event: paid}}\n",
    )

    def since(condition: object) -> str:
        assert isinstance(condition, Compare)
        assert isinstance(condition.value, Measured)
        return condition.value.since

    first, window = made["wait_for"], made["window"]
    assert isinstance(first, WaitFor)
    assert isinstance(window, WaitFor)
    assert since(first.condition) == HERE
    assert since(window.condition) == since(made["welcome"].when) == ""


def test_a_workflow_remembers_the_steps_that_a_since_asks_for(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        """\
- send: welcome
- wait: 1d
- send: help
- {wait_for: {event: paid, since: welcome/wait}, id: w, at_most: 1d}
- {exit: done, if: {event: paid, since: entry}}
""",
        "trigger: {event: signed_up}\nexit_if: {event: left, since: welcome}\n",
    )
    assert made.remembers == ("welcome", "welcome/wait")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{time: "09:00", days: [tue, thu]}', {"minutes": 540, "days": (1, 3)}),
        ('{time: "18:05"}', {"minutes": 1085}),
        ('{time: "09:00", days: sat}', {"minutes": 540, "days": (5,)}),
        ("{date: trial_ends_at, offset: -3d}", {"date": Trait("trial_ends_at"), "offset": -3 * DAY}),
        ('{date: account.renews, time: "08:00"}', {"date": Account("renews"), "minutes": 480}),
    ],
)
def test_a_wait_until_a_time_or_a_date(tmp_path: Path, written: str, expected: dict[str, Any]) -> None:
    made = _steps(tmp_path, f"- wait_until: {written}\n")["wait_until"]
    assert made == WaitUntil(id="wait_until", next=END, **expected)


def test_a_wait_until_the_best_hour_brings_its_measure(tmp_path: Path) -> None:
    text = "trigger: {event: signed_up}\nsteps: [{wait_until: best_hour}, {send: welcome}]\n"
    book = compiled(tmp_path, {"workflows/activation.yaml": text})
    made = book.workflows["activation"].steps["wait_until"]
    assert isinstance(made, WaitUntil)
    assert book.measures[made.best_hour].aggregate == "top"


def test_a_send_time_test_is_arms_of_a_wait_and_judged_by_the_next_email(tmp_path: Path) -> None:
    made = _steps(
        tmp_path,
        """\
- wait_until: {days: [tue]}
  id: when
  arms: {morning: {time: "09:00"}, evening: {time: "18:00", share: 30%}}
  decide: {by: clicks, then: winner}
- send: welcome
""",
    )["when"]
    assert isinstance(made, WaitUntil)
    assert made.arms == {"morning": (0.7, 540), "evening": (0.3, 1080)}
    assert (made.minutes, made.days) == (None, (1,))
    assert made.decide == Decide(by="clicks", of="welcome", then="winner")


# --- ways


def test_the_ways_of_a_split_meet_again_below(tmp_path: Path) -> None:
    made = _steps(
        tmp_path,
        """\
- split: offer
  arms: {none: {then: []}, mail: {share: 90%, then: [{send: welcome}, {wait: 1d}]}}
  decide: {by: revenue, within: 7d, min: 50, confidence: 99%}
- exit: done
""",
    )
    offer = made["offer"]
    assert isinstance(offer, flow.Split)
    assert offer.arms["mail"] == Way(share=0.9, to="welcome")
    assert offer.arms["none"].to == "offer/exit"
    assert offer.arms["none"].share == pytest.approx(0.1)
    assert offer.decide == Decide(by="revenue", within=7 * DAY, minimum=50, confidence=0.99)
    assert made["welcome/wait"].next == "offer/exit"


def test_steps_nest_as_deep_as_one_likes(tmp_path: Path) -> None:
    made = _steps(
        tmp_path,
        """\
- split: s
  arms:
    a:
      then:
        - branch:
            - if: {trait: x, eq: 1}
              then:
                - wait_for: {event: e}
                  at_most: 1d
                  else:
                    - split: inner
                      arms: {c: {then: [{send: welcome}]}, d: {then: [{wait: 2d}]}}
                - wait: 3d
    b: {then: []}
- exit: done
""",
    )
    assert {name: step.next for name, step in made.items()} == {
        "s": "s/exit",
        "s/branch": "s/exit",
        "s/branch/wait_for": "s/branch/wait",
        "inner": "s/branch/wait",
        "welcome": "s/branch/wait",
        "inner/wait": "s/branch/wait",
        "s/branch/wait": "s/exit",
        "s/exit": END,
    }
    assert made["s/branch"].arms == (Arm(to="s/branch/wait_for", when=Compare(Trait("x"), "eq", 1)),)  # type: ignore[union-attr]


# --- what is written down, or told to others


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("customer", Constant("customer")),
        ("7", Constant(7)),
        ("20%", Constant(0.2)),
        ("true", Constant(True)),
        ("null", Constant(None)),
        ("''", Constant("")),
        ("'{{ contact.plan }}'", Trait("plan")),
        ("'{{contact.address.city}}'", Trait("address.city")),
        ("'{{ account.tier }}'", Account("tier")),
        ("'{{ event.cart.id }}'", Property("cart.id")),
        ("'{{ contact.a }} of {{ event.b }}'", Joined((Trait("a"), Constant(" of "), Property("b")))),
        ("'Plan {{ contact.plan }}'", Joined((Constant("Plan "), Trait("plan")))),
    ],
)
@pytest.mark.parametrize("verb", ["set", "emit"])
def test_a_written_value_is_a_constant_or_has_paths_in_it(
    tmp_path: Path, verb: str, written: str, value: object
) -> None:
    text = f"- {{set: {{x: {written}}}}}\n" if verb == "set" else f"- {{emit: e, detail: {{x: {written}}}}}\n"
    [made] = _steps(tmp_path, text).values()
    assert isinstance(made, flow.Set | flow.Emit)
    given = made.traits if isinstance(made, flow.Set) else made.detail
    assert given == {"x": value}


def test_a_written_value_may_be_a_measure(tmp_path: Path) -> None:
    text = "trigger: {event: a}\nsteps: [{set: {uses: '{{ measures.usage }}'}}]\n"
    book = compiled(tmp_path, {"workflows/activation.yaml": text, "measures.yaml": MEASURES})
    made = book.workflows["activation"].steps["set"]
    assert isinstance(made, flow.Set)
    assert made.traits == {"uses": book.named["usage"]}


def test_a_written_value_of_the_event_keeps_it(tmp_path: Path) -> None:
    assert _made(tmp_path / "a", "- set: {x: '{{ event.plan }}'}\n").keeps_event
    assert _made(tmp_path / "b", "- emit: e\n  detail: {x: 'Plan {{ event.plan }}'}\n").keeps_event
    assert not _made(tmp_path / "c", "- set: {x: '{{ contact.plan }}'}\n").keeps_event


def test_an_event_with_the_same_property_keeps_the_one_that_started(tmp_path: Path) -> None:
    assert _made(tmp_path / "a", "- wait_for: {event: paid, same: cart_id}\n").keeps_event
    assert not _made(tmp_path / "b", "- wait_for: {event: paid}\n").keeps_event


def test_the_other_actions(tmp_path: Path) -> None:
    made = _steps(
        tmp_path,
        """\
- subscribe: tips
- unsubscribe: tips
- enroll: activation
- suppress: unengaged
- emit: trial.rescued
""",
    )
    assert [
        flow.Subscribe(id="subscribe", next="unsubscribe", topic="tips"),
        flow.Subscribe(id="unsubscribe", next="enroll", topic="tips", subscribed=False),
        flow.Enroll(id="enroll", next="suppress", workflow="activation"),
        flow.Suppress(id="suppress", next="emit", reason="unengaged"),
        flow.Emit(id="emit", next=END, name="trial.rescued"),
    ] == list(made.values())


VERBS = [
    ("send: welcome", ""),
    ("wait: 1d", ""),
    ("wait_for: {trait: a, eq: 1}", ""),
    ("wait_until: best_hour", ""),
    ("branch: [{then: []}]", ""),
    ("split: s", ", arms: {a: {then: []}, b: {then: []}}"),
    ("set: {a: 1}", ""),
    ("subscribe: tips", ""),
    ("unsubscribe: tips", ""),
    ("emit: e", ""),
    ("enroll: activation", ""),
    ("suppress: x", ""),
    ("exit: done", ""),
]


@pytest.mark.parametrize(("verb", "rest"), VERBS)
def test_every_step_takes_an_id_a_condition_and_its_old_id(tmp_path: Path, verb: str, rest: str) -> None:
    made = _made(tmp_path, f"- {{{verb}{rest}, id: new, if: {{trait: x, eq: 1}}, was: old}}\n")
    assert list(made.steps) == ["new"]
    assert made.steps["new"].when == Compare(Trait("x"), "eq", 1)
    assert made.moved == {"old": "new"}


# --- mistakes


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("- {send: welcome, arms: {a: {share: 60%}, b: {share: 50%}}}", "1: the shares of the arms add up to 110%, not "
         "to 100%"),
        ("- {send: welcome, arms: {a: {share: 60%}, b: {share: 30%}}}", "1: the shares of the arms add up to 90%, not "
         "to 100%"),
        ("- {send: welcome, arms: {a: {share: 100%}, b: {}}}", "1: the shares of the other arms leave nothing for `b`"),
        ("- {send: welcome, arms: {a: {share: 120%}, b: {}}}", "1: `share` should be a share such as `20%`, not "
         "`120%`"),
        ("- {send: welcome, arms: {a: {share: 0%}, b: {}}}", "1: `share` should be more than nothing"),
        ("- {send: welcome, arms: {a: {}}}", "1: `arms` should be two or more, each with its name"),
        ("- {send: welcome, arms: {a: {template: helpp}, b: {}}}", "1: unknown template `helpp`; did you mean `help`?"),
        ("- {send: welcome, arms: {a: {sender: anne}, b: {}}}", "1: unknown sender `anne`; did you mean `ann`?"),
        ("- {send: welcome, arms: {a: {subjekt: x}, b: {}}}", "1: unknown key `subjekt`; did you mean `subject`?"),
        ("- send: welcome\n  decide: {by: clicks}", "2: `decide` chooses among `arms`, and there are none"),
        ("- send: welcome\n  arms: {a: {}, b: {}}\n  decide: {by: click}", "3: `by` should be `opens`, `clicks`, "
         "`conversion` or `revenue`, not `click`; did you mean `clicks`?"),
        ("- send: welcome\n  arms: {a: {}, b: {}}\n  decide: {by: clicks, of: welcom}", "3: no step `welcom` sends an "
         "email in this workflow; did you mean `welcome`?"),
        ("- send: welcome\n  arms: {a: {}, b: {}}\n  decide: {by: clicks, within: 3d}", "3: `within` says how long a "
         "conversion counts; by `conversion` or `revenue` only"),
        ("- send: welcome\n  arms: {a: {}, b: {}}\n  decide: {by: clicks, min: 0}", "3: `min` should be 1 or more, not "
         "the number `0`"),
        ("- send: welcome\n  arms: {a: {}, b: {}}\n  decide: {by: clicks, confidence: 100%}", "3: `confidence` should "
         "be more than 50% and less than 100%, not `100%`"),
        ("- send: welcome\n  arms: {a: {}, b: {}}\n  decide: {by: clicks, then: winner, sample: 20%}", "3: `sample` "
         "needs `after`: a sample goes first, the rest after that time"),
        ("- send: welcome\n  arms: {a: {}, b: {}}\n  decide: {by: clicks, sample: 20%, after: 4h}", "3: a `sample` "
         "goes first so that the rest gets the winner; add `then: winner`"),
        ("- send: welcome\n  arms: {a: {}, b: {}}\n  decide: {by: clicks, then: winner, sample: 20%, after: 4h}",
         "3: a `sample` goes first where all are sent to at once: with a trigger `at` or `every`"),
        ("- split: s\n  arms: {a: {then: [{send: welcome}, {send: help}]}, b: {then: [{send: help, id: x}]}}\n"
         "  decide: {by: clicks}", "3: the arm `a` sends several emails; say with `of` which step's clicks decide, or "
         "decide by `conversion`"),
        ("- split: s\n  arms: {a: {then: [{send: welcome}]}, b: {then: []}}\n  decide: {by: opens}", "3: the arm `b` "
         "sends no email; say with `of` which step's opens decide, or decide by `conversion`"),
        ("- split: s", "1: `arms` is missing"),
        ("- {split: s, arms: {a: {then: []}}}", "1: `arms` should be two or more, each with its name"),
        ("- {split: s, arms: {a: {}, b: {then: []}}}", "1: `then` is missing"),
        ("- wait_for: {event: a}\n  then: []", "2: `then` should not be empty"),
        ("- wait_for: {event: a}\n  else: [{wait: 1d}]", "2: `else` is never reached without `at_most`: this waits for "
         "ever"),
        ("- wait_for: {event: a}\n  at_most: 0d", "2: `at_most` should be longer than nothing"),
        ("- wait_for: {event: a}\n  at_most: -1d", "2: `at_most` should be a duration such as `15m`, `4h`, `2d` or "
         "`3w`, not `-1d`"),
        ("- wait_for: {clicked: welcom}\n- send: welcome", "1: no step `welcom` sends an email in this workflow; did "
         "you mean `welcome`?"),
        ("- wait_for: {event: a, since: welcom}\n- send: welcome", "1: no step `welcom` is in this workflow; did you "
         "mean `welcome`?"),
        ("- wait_until: {}", "1: this waits for nothing; give a `time` or a `date`"),
        ("- wait_until: {days: [tue]}", "1: `days` need a `time`"),
        ("- wait_until: {time: 09:00, offset: -3d}", "1: `offset` moves a `date`, and there is none"),
        ("- wait_until: {date: a, days: [tue]}", "1: `days` go with `time`; a `date` is on whatever day it is"),
        ("- wait_until: {time: 9}", "1: `time` should be a time of day such as `09:00`, not the number `9`"),
        ("- wait_until: {time: 09:00, days: [tuesday]}", "1: `days` should be a weekday such as `mon`, not `tuesday`; "
         "did you mean `tue`?"),
        ("- wait_until: best_our", "1: `wait_until` should be `best_hour`, `{time: \"09:00\"}` or "
         "`{date: trial_ends_at, offset: -3d}`, not `best_our`"),
        ("- wait_until: best_hour\n  arms: {a: {time: 09:00}, b: {time: 10:00}}", "2: an arm has its own time; test it "
         "against `best_hour` with a `split`"),
        ("- wait_until: {time: 09:00}\n  arms: {a: {time: 09:00}, b: {time: 10:00}}", "1: each arm has its own `time`; "
         "leave this one out"),
        ("- wait_until: {}\n  arms: {a: {time: 09:00}, b: {}}", "2: `time` is missing"),
        ("- wait_until: {}\n  arms: {a: {time: 09:00}, b: {time: 10:00}}\n  decide: {by: opens}\n- wait: 1d",
         "3: `by: opens` judges an email; say with `of` which step's"),
        ("- set: {}", "1: `set` should not be empty"),
        ("- set: {a: [1]}", "1: `a` should be text, a number, true, false or null, not a list"),
        ("- set:\n    a: '{{ contact.plan | upper }}'", "1: `{{ contact.plan | upper }}` is more than a path; a value "
         "can have `{{ contact.x }}`, `{{ account.x }}`, `{{ event.x }}` or `{{ measures.x }}`"),
        ("- set: {a: '{{ contact }}'}", "1: `{{ contact }}` is more than a path; a value can have `{{ contact.x }}`, "
         "`{{ account.x }}`, `{{ event.x }}` or `{{ measures.x }}`"),
        ("- set: {a: '{% if x %}1{% endif %}'}", "1: `{% if x %}1{% endif %}` is a template; a value has paths such as "
         "`{{ contact.plan }}` only"),
        ("- set: {a: 'x {{ contact.plan'}", "1: `x {{ contact.plan` opens `{{` and does not close it"),
        ("- set: {a: '{{ contcat.plan }}'}", "1: unknown variable `contcat`; did you mean `contact`?"),
        ("- emit: e\n  detail: {a: '{{ measures.usge }}'}", "2: unknown measure `usge`; did you mean `usage`?"),
        ("- subscribe: tip", "1: unknown topic `tip`; did you mean `tips`?"),
        ("- unsubscribe: billing", "1: `billing` is transactional: nobody subscribes to it, and nobody can "
         "unsubscribe"),
        ("- enroll: activatoin", "1: unknown workflow `activatoin`; did you mean `activation`?"),
        ("- {wait: 1d, wait_for: {event: a}}", "1: this has `wait` and `wait_for`; a step is one of them"),
        ("- {split: s, arms: {a: {then: [{wait: 1d}]}, b: {then: [{wait: 2d}]}}}", "1: this step would be called "
         "`s/wait`, like the one on line 3; give it an `id`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_step_is_told(tmp_path: Path, steps: str, message: str) -> None:
    assert message in _errors(tmp_path, steps + "\n")


def test_a_mistake_deep_inside_is_told_with_its_line_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    found = _errors(
        tmp_path,
        """\
- split: s
  arms:
    a:
      then:
        - wait_for: {event: e}
          at_most: soon
        - send: welcome
          hold: long
    b:
      then:
        - branch: [{if: {trait: a, eqq: 1}, then: []}]
- enrol: x
""",
    )
    assert found == [
        "6: `at_most` should be a duration such as `15m`, `4h`, `2d` or `3w`, not `soon`",
        "8: `hold` should be a duration such as `15m`, `4h`, `2d` or `3w`, not `long`",
        "11: this compares with nothing; add `eq`, `ne`, `one_of`, `lt`, `lte`, `gt`, `gte`, `has`, `like`, "
        "`exists`, `in_next` or `in_last`",
        "11: unknown key `eqq`; did you mean `eq`?",
        "12: this is no step: it has `enrol`; did you mean `enroll`?",
    ]


def test_a_trait_that_is_set_or_shown_is_checked_against_the_schema(tmp_path: Path) -> None:
    text = (
        "trigger: {event: a}\nsteps:\n- set: {lifecicle: x}\n- emit: e\n  detail: {p: '{{ contact.pln }}'}\n"
    )
    found = errors(
        tmp_path,
        {
            **FILES,
            "schema.yaml": "traits: {plan: text, lifecycle: text}\n",
            "workflows/activation.yaml": text,
        },
    )
    assert found == [
        "workflows/activation.yaml:3: unknown trait `lifecicle`; did you mean `lifecycle`?",
        "workflows/activation.yaml:5: unknown trait `pln`; did you mean `plan`?",
    ]
