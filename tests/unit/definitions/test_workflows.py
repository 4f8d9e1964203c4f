"""What do workflows mean to the engine?"""

from __future__ import annotations

from pathlib import Path

import pytest

from redshank.engine.conditions import All, Compare, Not
from redshank.engine.measures import SinceEntry
from redshank.engine.state import END
from redshank.engine.values import ENTRY, Measured, Property, Trait
from redshank.engine.workflows import Arm, BecomesTrigger, Branch, EventTrigger, Exit, Send, Wait
from redshank.instants import DAY, HOUR
from tests.unit.definitions.writing import FILES, compiled, errors, workflow

LINK = "{{ unsubscribe_url }}"
HINTED = "---\nsubject: '{{ event.x }}'\n---\n"
NEWS = FILES["redshank.yaml"].replace("topics:", "topics:\n  news: {name: News}")


def test_the_steps_of_a_sequence_follow_each_other(tmp_path: Path) -> None:
    made = workflow(tmp_path, FILES["workflows/activation.yaml"])
    assert made.first == "welcome"
    assert dict(made.steps) == {
        "welcome": Send(id="welcome", next="welcome/wait", template="welcome", topic="tips"),
        "welcome/wait": Wait(id="welcome/wait", next="help", span=2 * DAY),
        "help": Send(id="help", next=END, template="help", topic="tips"),
    }


def test_a_workflow_has_defaults(tmp_path: Path) -> None:
    made = workflow(tmp_path, "trigger: {event: signed_up}\nsteps: [{send: welcome}]\n")
    assert (made.name, made.state, made.priority, made.again, made.key) == (
        "activation",
        "live",
        50,
        "never",
        "",
    )
    assert (made.goal, made.exit_if, made.moved) == (None, None, {})


def test_a_workflow_says_who_enters_how_often_and_how_important_it_is(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        state: shadow
        priority: 10
        trigger: {event: cart_updated}
        entry: {again: 30d, key: cart.id}
        exit_if: {trait: plan, eq: pro}
        steps: [{send: welcome}]
        """,
    )
    assert (made.state, made.priority, made.again, made.key) == ("shadow", 10, 30 * DAY, "cart.id")
    assert made.exit_if == Compare(Trait("plan"), "eq", "pro")


def test_an_entry_says_what_a_second_run_does_to_the_first_and_how_many_there_may_be(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger: {event: cart_updated}
        entry: {again: always, key: cart_id, while_active: restart, max_active: 20, when_full: end_oldest}
        holdout: 10%
        steps: [{send: welcome}]
        """,
    )
    assert (made.restarts, made.max_active, made.ends_oldest, made.holdout) == (True, 20, True, 0.1)


def test_a_run_under_way_is_left_alone_if_nothing_is_said(tmp_path: Path) -> None:
    made = workflow(tmp_path, "trigger: {event: a}\nentry: {key: cart_id}\nsteps: [{send: welcome}]\n")
    assert (made.restarts, made.max_active, made.ends_oldest, made.holdout) == (False, 100, False, 0.0)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("entry: {key: a, max_active: 501}", "`max_active` should be 500 or less: all that a contact is in must be "
         "looked at together"),
        ("entry: {key: a, max_active: 0}", "`max_active` should be 1 or more, not the number `0`"),
        ("entry: {max_active: 5}", "`max_active` is of runs that differ by their `key`; without one there is one run "
         "at a time"),
        ("entry: {when_full: end_oldest}", "`when_full` is of runs that differ by their `key`; without one there is "
         "one run at a time"),
        ("entry: {while_active: ignored}", "`while_active` should be `ignore` or `restart`, not `ignored`; did you "
         "mean `ignore`?"),
        ("entry: {again: -3d}", "`again` should be `never`, `always` or a duration such as `30d`, not `-3d`"),
        ("holdout: 110%", "`holdout` should be a share such as `20%`, not `110%`"),
        ("goal: {trait: plan, eq: pro, value: total}", "`value` is a property of the goal's event, and this goal is "
         "none"),
        ("goal: {event: b, ends: maybe}", "`ends` should be true or false, not `maybe`"),
        ("exit_if: {event: b, since: welcom}", "no step `welcom` is in this workflow; did you mean `welcome`?"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_entry_or_goal_is_told(tmp_path: Path, head: str, message: str) -> None:
    text = f"trigger: {{event: a}}\n{head}\nsteps: [{{send: welcome}}]\n"
    assert errors(tmp_path, {"workflows/activation.yaml": text}) == [
        f"workflows/activation.yaml:2: {message}"
    ]


# --- triggers


def test_an_event_trigger_filters_the_event_and_asks_about_the_contact(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger:
          event: [page_viewed, screen_viewed]
          where: {property: path, eq: /pricing}
          if: {not: {trait: plan, eq: pro}}
        steps: [{send: welcome}]
        """,
    )
    assert made.triggers == (
        EventTrigger(
            events=("page_viewed", "screen_viewed"),
            where=Compare(Property("path"), "eq", "/pricing"),
            when=Not(Compare(Trait("plan"), "eq", "pro")),
        ),
    )


def test_a_workflow_can_have_many_triggers(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger:
          - {event: signed_up}
          - {becomes: [{trait: plan, eq: pro}, {trait: size, gte: 50}], if: {trait: email, exists: true}}
        steps: [{send: welcome}]
        """,
    )
    event, becomes = made.triggers
    assert isinstance(event, EventTrigger)
    assert isinstance(becomes, BecomesTrigger)
    assert becomes.condition == All((Compare(Trait("plan"), "eq", "pro"), Compare(Trait("size"), "gte", 50)))
    assert becomes.when == Compare(Trait("email"), "exists", True)


def test_an_edge_keeps_its_key_while_its_condition_stays_the_same(tmp_path: Path) -> None:
    def key(folder: str, text: str, name: str = "activation") -> str:
        book = compiled(tmp_path / folder, {f"workflows/{name}.yaml": text})
        [trigger] = book.workflows[name].triggers
        assert isinstance(trigger, BecomesTrigger)
        return trigger.key

    steps = "steps: [{send: welcome}]\n"
    first = key("a", "trigger: {becomes: {trait: plan, eq: pro}}\n" + steps)
    edited = key(
        "b", "trigger: {becomes: [{trait: plan, eq: pro}], if: {trait: a, eq: 1}}\npriority: 3\n" + steps
    )
    other = key("c", "trigger: {becomes: {trait: plan, eq: free}}\n" + steps)
    elsewhere = key("d", "trigger: {becomes: {trait: plan, eq: pro}}\n" + steps, name="upsell")
    assert first == edited
    assert len({first, other, elsewhere}) == 3


# --- goals


def _since_entry(condition: object) -> Measured:
    assert isinstance(condition, Compare)
    assert isinstance(condition.value, Measured)
    return condition.value


def test_an_event_as_a_goal_counts_from_entry_on(tmp_path: Path) -> None:
    text = "trigger: {event: signed_up}\ngoal: {event: activated, within: 30d}\nsteps: [{send: welcome}]\n"
    book = compiled(tmp_path, {"workflows/activation.yaml": text})
    made = book.workflows["activation"]
    measure = next(measure for measure in book.measures.values() if measure.events == ("activated",))
    assert made.goal == Compare(Measured(measure.key, ENTRY, 30 * DAY, False), "gte", 1)
    assert measure.window == SinceEntry()
    assert made.goal_ends


def test_the_starting_event_does_not_count_towards_a_goal_of_its_own_kind(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger: {event: [signed_up, logged_in]}
        goal: {event: logged_in}
        steps: [{send: welcome}]
        """,
    )
    assert _since_entry(made.goal).strictly


def test_a_goal_may_count_without_ending_the_journey(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        "trigger: {event: a}\ngoal: {event: b, ends: false}\nsteps: [{send: welcome}]\n",
    )
    assert _since_entry(made.goal).since == ENTRY
    assert not made.goal_ends


@pytest.mark.parametrize(
    "goal",
    ["{event: paid, value: cart.total}", "{any: [{event: paid}, {in: power_user}], value: cart.total}"],
)
def test_a_goal_may_be_worth_what_its_event_says(tmp_path: Path, goal: str) -> None:
    made = workflow(tmp_path, f"trigger: {{event: a}}\ngoal: {goal}\nsteps: [{{send: welcome}}]\n")
    assert made.goal_value == "cart.total"


def test_a_goal_can_be_any_condition(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        "trigger: {event: a}\ngoal: [{trait: plan, eq: pro}, {event: b}]\nsteps: [{send: welcome}]\n",
    )
    assert isinstance(made.goal, All)
    assert made.goal.items[0] == Compare(Trait("plan"), "eq", "pro")
    assert _since_entry(made.goal.items[1]).since == ENTRY


# --- steps


def test_the_arms_of_a_branch_meet_again_below(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger: {event: signed_up}
        steps:
          - branch:
              - {if: {trait: a, eq: 1}, then: [{send: welcome}, {wait: 1d}]}
              - {if: {trait: a, eq: 2}, then: []}
              - then: [{send: help}, {exit: done}]
            id: by_a
          - send: welcome
            id: last
        """,
    )
    assert made.first == "by_a"
    assert list(made.steps) == ["by_a", "welcome", "welcome/wait", "help", "help/exit", "last"]
    assert made.steps["by_a"] == Branch(
        id="by_a",
        next="last",
        arms=(
            Arm(to="welcome", when=Compare(Trait("a"), "eq", 1)),
            Arm(to="last", when=Compare(Trait("a"), "eq", 2)),
            Arm(to="help"),
        ),
    )
    assert made.steps["welcome/wait"].next == "last"
    assert made.steps["help/exit"] == Exit(id="help/exit", next="last", reason="done")


def test_branches_nest(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger: {event: signed_up}
        steps:
          - send: welcome
          - branch:
              - if: {trait: a, eq: 1}
                then:
                  - branch: [{if: {trait: b, eq: 1}, then: [{wait: 1h}]}]
                    id: inner
          - send: help
        """,
    )
    assert made.steps["welcome"].next == "welcome/branch"
    assert made.steps["inner"].next == "help"
    assert made.steps["inner/wait"].next == "help"


def test_an_unnamed_step_is_called_after_the_nearest_named_one_on_its_level(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger: {event: signed_up}
        steps:
          - wait: 1h
          - send: welcome
          - branch:
              - {if: {trait: a, eq: 1}, then: [{wait: 1d}, {send: help}, {wait: 2d}]}
          - exit: done
        """,
    )
    assert list(made.steps) == [
        "wait",
        "welcome",
        "welcome/branch",
        "welcome/branch/wait",
        "help",
        "help/wait",
        "welcome/exit",
    ]


def test_every_step_takes_an_id_and_a_condition_and_its_old_id(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger: {event: signed_up}
        steps:
          - {send: welcome, id: a, if: {trait: x, eq: 1}, was: old_a}
          - {wait: 1d, id: b, if: {trait: x, eq: 2}, was: old_a/wait}
          - {branch: [{then: []}], id: c, if: {trait: x, eq: 3}, was: old_c}
          - {exit: done, id: d, if: {trait: x, eq: 4}, was: old_d}
        """,
    )
    conditions = [Compare(Trait("x"), "eq", number) for number in (1, 2, 3, 4)]
    assert [step.when for step in made.steps.values()] == conditions
    assert made.moved == {"old_a": "a", "old_a/wait": "b", "old_c": "c", "old_d": "d"}


def test_a_send_takes_options(tmp_path: Path) -> None:
    made = workflow(
        tmp_path,
        """\
        trigger: {event: signed_up}
        steps:
          - {send: welcome, id: hello, sender: ann, topic: billing, subject: "Hi {{ contact.name }}", hold: 4h}
        """,
    )
    assert made.steps["hello"] == Send(
        id="hello",
        next=END,
        template="welcome",
        topic="billing",
        sender="ann",
        subject="Hi {{ contact.name }}",
        hold=4 * HOUR,
    )


def test_the_books_policy_says_how_long_email_is_held(tmp_path: Path) -> None:
    settings = FILES["redshank.yaml"] + "policy: {hold: 12h, entry_grace: 1m}\n"
    book = compiled(tmp_path, {"redshank.yaml": settings})
    step = book.workflows["activation"].steps["welcome"]
    assert isinstance(step, Send)
    assert step.hold == book.policy.hold == 12 * HOUR
    assert book.policy.entry_grace == 60_000


# --- topics


@pytest.mark.parametrize(
    ("step", "template", "of_workflow", "topic"),
    [
        ("billing", "news", "tips", "billing"),
        (None, "news", "tips", "news"),
        (None, None, "tips", "tips"),
    ],
)
def test_a_topic_is_the_steps_else_the_templates_else_the_workflows(
    tmp_path: Path, step: str | None, template: str | None, of_workflow: str, topic: str
) -> None:
    mail = "---\nsubject: x\n" + (f"topic: {template}\n" if template else "") + "---\n{{ unsubscribe_url }}\n"
    made = workflow(
        tmp_path,
        f"topic: {of_workflow}\ntrigger: {{event: a}}\nsteps:\n- send: welcome\n"
        + (f"  topic: {step}\n" if step else ""),
        {"redshank.yaml": NEWS, "templates/welcome.html": mail},
    )
    sent = made.steps["welcome"]
    assert isinstance(sent, Send)
    assert (sent.topic, made.topic) == (topic, of_workflow)


def test_without_any_topic_it_is_the_only_marketing_one(tmp_path: Path) -> None:
    made = workflow(tmp_path, "trigger: {event: a}\nsteps: [{send: welcome}, {send: help, topic: billing}]\n")
    assert made.topic == "tips"


def test_without_any_topic_and_more_than_one_to_choose_from_the_author_is_asked(tmp_path: Path) -> None:
    text = "trigger: {event: a}\nsteps:\n- send: welcome\n"
    assert errors(tmp_path, {"redshank.yaml": NEWS, "workflows/activation.yaml": text}) == [
        "workflows/activation.yaml:3: `welcome` has no topic; give the workflow a `topic`"
    ]


def test_unsubscribing_from_marketing_does_not_end_a_workflow_that_only_sends_bills(tmp_path: Path) -> None:
    made = workflow(tmp_path, "trigger: {event: a}\nsteps: [{send: welcome, topic: billing}]\n")
    assert made.topic == "billing"


# --- the starting event


@pytest.mark.parametrize(
    ("text", "files", "keeps"),
    [
        ("steps: [{send: welcome}]", {}, False),
        ("steps: [{send: welcome, if: {property: plan, eq: pro}}]", {}, True),
        ("exit_if: {property: plan, eq: pro}\nsteps: [{send: welcome}]", {}, True),
        ("exit_if: {event: b, where: {property: plan, eq: pro}}\nsteps: [{send: welcome}]", {}, False),
        ("steps: [{send: welcome, subject: 'About {{ event.plan }}'}]", {}, True),
        ("steps: [{send: welcome}]", {"templates/layouts/base.html": "{{ unsubscribe_url }}{{ event.x }}"}, True),
        ("steps: [{send: welcome}]", {"templates/help.html": HINTED}, False),
        ("steps: [{send: welcome}]", {"templates/welcome.html": HINTED + LINK}, True),
        ("steps: [{send: welcome}]", {"templates/welcome.txt": f"{{{{ event.x }}}}{LINK}"}, True),
    ],
)  # fmt: skip
def test_the_starting_event_is_kept_only_where_it_is_used_later(
    tmp_path: Path, text: str, files: dict[str, str | None], keeps: bool
) -> None:
    made = workflow(tmp_path, f"trigger: {{event: a, where: {{property: q, eq: 1}}}}\n{text}\n", files)
    assert made.keeps_event == keeps
