"""Is a workflow refused that starts itself for ever, and no other?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.definitions.writing import errors

ALWAYS = "entry: {again: always}\n"


def _loops(root: Path, text: str, **others: str) -> list[str]:
    named: dict[str, str | None] = {f"workflows/{name}.yaml": other for name, other in others.items()}
    return errors(root, {"workflows/activation.yaml": text, **named})


@pytest.mark.parametrize(
    "event",
    ["email_sent", "email_delivered", "email_opened", "link_clicked", "email_bounced", "email_replied"],
)
@pytest.mark.parametrize("again", ["always", "30d"])
def test_what_its_own_emails_bring_about_starts_no_workflow_again_and_again(
    tmp_path: Path, event: str, again: str
) -> None:
    text = (
        f"trigger: {{event: {event}}}\nentry: {{again: {again}}}\nsteps: [{{wait: 1d}}, {{send: welcome}}]\n"
    )
    assert _loops(tmp_path, text) == [
        f"workflows/activation.yaml:1: its own emails cause `{event}`, which starts it again, for ever; leave them "
        "out with `where: {property: workflow, ne: activation}`, or enter with `again: never`"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "trigger: {event: email_opened}\nsteps: [{send: welcome}]",
        "trigger: {event: email_opened}\nentry: {again: never, key: step}\nsteps: [{send: welcome}]",
        f"trigger: {{event: signed_up}}\n{ALWAYS}steps: [{{send: welcome}}]",
        f"trigger: {{event: email_opened}}\n{ALWAYS}steps: [{{set: {{a: 1}}}}]",
        f"trigger: {{event: email_opened}}\n{ALWAYS}state: retired\nsteps: [{{send: welcome}}]",
        f"trigger: {{event: email_opened}}\n{ALWAYS}state: shadow\nsteps: [{{send: welcome}}]",
        f"trigger: {{event: email_complained}}\n{ALWAYS}steps: [{{send: welcome}}]",
        f"trigger: {{event: email_opened, where: {{property: workflow, ne: activation}}}}\n{ALWAYS}"
        "steps: [{send: welcome}]",
        f"trigger: {{event: email_opened, where: {{not: {{property: workflow, eq: activation}}}}}}\n{ALWAYS}"
        "steps: [{send: welcome}]",
        f"trigger: {{event: email_opened, where: {{property: step, one_of: [help, offer]}}}}\n{ALWAYS}"
        "steps: [{send: welcome}]",
        f"trigger: {{event: email_opened, if: [{{trait: a, eq: 1}}, {{property: workflow, eq: other}}]}}\n{ALWAYS}"
        "steps: [{send: welcome}]",
        f"trigger: {{event: email_opened, where: {{any: [{{property: workflow, eq: other}}, "
        f"{{property: step, eq: x}}]}}}}\n{ALWAYS}steps: [{{send: welcome}}]",
    ],
)
def test_a_workflow_that_its_emails_cannot_start_again_is_taken(tmp_path: Path, text: str) -> None:
    assert _loops(tmp_path, text) == []


@pytest.mark.parametrize(
    "trigger",
    [
        "{event: email_opened, where: {property: workflow, like: act*}}",
        "{event: email_opened, where: {property: link, ne: x}}",
        "{event: email_opened, where: {any: [{property: workflow, eq: other}, {property: link, eq: x}]}}",
        "{event: email_opened, if: {trait: plan, eq: trial}}",
        "{event: [signed_up, link_clicked]}",
        "{event: email_sent, without: email_opened, for: 3d}",
    ],
)
def test_a_filter_that_lets_its_own_emails_through_does_not_help(tmp_path: Path, trigger: str) -> None:
    [found] = _loops(tmp_path, f"trigger: {trigger}\n{ALWAYS}steps: [{{send: welcome}}]")
    assert "its own emails cause" in found


def test_a_key_that_differs_for_each_email_lets_a_workflow_start_itself(tmp_path: Path) -> None:
    text = "trigger: {event: email_opened}\nentry: {key: message_id}\nsteps: [{send: welcome}]\n"
    assert _loops(tmp_path, text) == [
        "workflows/activation.yaml:1: its own emails cause `email_opened`, which starts it again, for ever; leave "
        "them out with `where: {property: workflow, ne: activation}`, or enter without the `key`, which differs "
        "each time"
    ]


def test_a_complaint_ends_marketing_but_not_transactional_email(tmp_path: Path) -> None:
    text = f"trigger: {{event: email_complained}}\n{ALWAYS}steps: [{{send: welcome, topic: billing}}]\n"
    [found] = _loops(tmp_path, text)
    assert "its own emails cause `email_complained`" in found


def test_two_workflows_whose_emails_start_each_other_are_refused(tmp_path: Path) -> None:
    def of(other: str) -> str:
        where = f"{{property: workflow, eq: {other}}}"
        return f"trigger: {{event: email_opened, where: {where}}}\n{ALWAYS}steps: [{{send: help}}]\n"

    found = _loops(tmp_path, of("b"), b=of("activation"))
    assert [it.partition(";")[0] for it in found] == [
        "workflows/activation.yaml:1: emails of `b` cause `email_opened`, and so on for ever (b → activation → b)",
        "workflows/b.yaml:1: emails of `activation` cause `email_opened`, and so on for ever (activation → b → "
        "activation)",
    ]


def test_emails_of_another_workflow_that_is_not_started_back_are_no_loop(tmp_path: Path) -> None:
    first = "trigger: {event: signed_up}\nsteps: [{send: welcome}]\n"
    second = (
        f"trigger: {{event: email_opened, where: {{property: workflow, eq: activation}}}}\n{ALWAYS}"
        "steps: [{send: help}]\n"
    )
    assert _loops(tmp_path, first, second=second) == []


def test_emails_of_a_workflow_that_is_enrolled_in_later_are_a_loop_too(tmp_path: Path) -> None:
    first = (
        f"trigger: {{event: email_opened, where: {{property: workflow, eq: b}}}}\n{ALWAYS}"
        "steps: [{wait: 30d}, {enroll: b}]\n"
    )
    found = _loops(tmp_path, first, b=f"trigger: {{manual: true}}\n{ALWAYS}steps: [{{send: help}}]\n")
    assert len(found) == 1
    assert "(b → activation → b)" in found[0]


# --- becomes


@pytest.mark.parametrize(
    ("condition", "loops"),
    [
        ("{event: email_opened, within: 30d, gte: 5}", True),
        ("{event: email_opened, during: today, gt: 1}", True),
        ("{event: email_opened, eq: 5}", False),
        ("{event: email_opened, within: 30d, eq: 5}", True),
        ("{event: email_opened, sum: x, lt: 5}", True),
        ("{not: {event: email_sent, within: 30d, lt: 3}}", True),
        ("{event: email_opened, gte: 5}", False),
        ("{event: email_opened, within: 30d, lt: 5}", False),
        ("{not: {event: email_opened, within: 30d}}", False),
        ("{event: logged_in, within: 30d, gte: 5}", False),
        ("{event: email_opened, within: 30d, where: {property: workflow, ne: activation}}", False),
        ("{in: engaged}", True),
        ("{not: {in: engaged}}", False),
        ("{measure: opens, gte: 2}", True),
        ("{measure: score, gte: 50}", True),
    ],
)
def test_a_count_that_its_own_emails_raise_starts_no_workflow_always(
    tmp_path: Path, condition: str, *, loops: bool
) -> None:
    text = f"trigger: {{becomes: {condition}}}\n{ALWAYS}steps: [{{send: welcome}}]\n"
    others: dict[str, str | None] = {
        "segments.yaml": "engaged: {event: email_opened, within: 30d}\n",
        "measures.yaml": "opens: {event: email_opened, within: 7d}\n"
        "score: {points: [{event: link_clicked, add: 10}], half_life: 30d}\n",
    }
    found = errors(tmp_path, {"workflows/activation.yaml": text, **others})
    assert [it for it in found if "for ever" in it] == found
    assert bool(found) == loops
    assert errors(tmp_path, {"workflows/activation.yaml": text.replace("always", "never"), **others}) == []


# --- at once


def test_a_workflow_that_enrols_in_itself_without_a_wait_is_refused(tmp_path: Path) -> None:
    text = f"trigger: {{event: a}}\n{ALWAYS}steps:\n- send: welcome\n- enroll: activation\n"
    assert _loops(tmp_path, text) == [
        "workflows/activation.yaml:5: this enrols in itself without a wait, which starts it again, for ever; put a "
        "`wait` before, or let nobody enter twice (`again: never`)"
    ]
    assert _loops(tmp_path, text.replace("- enroll", "- wait: 30d\n- enroll")) == []
    assert _loops(tmp_path, text.replace("always", "never")) == []
    assert _loops(tmp_path, text.replace("always", "30d")) == []


def test_workflows_that_enrol_in_each_other_without_a_wait_are_refused(tmp_path: Path) -> None:
    def into(name: str, before: str = "") -> str:
        return f"trigger: {{manual: true}}\n{ALWAYS}steps: [{before}{{enroll: {name}}}]\n"

    found = _loops(tmp_path, into("b"), b=into("c"), c=into("activation"))
    assert len(found) == 3
    assert (
        "this enrols in `b` without a wait, and so on for ever (activation → b → c → activation)" in found[0]
    )
    assert _loops(tmp_path, into("b"), b=into("c"), c=into("activation", "{wait: 1d}, ")) == []
    assert _loops(tmp_path, into("b"), b=into("c"), c="trigger: {manual: true}\nsteps: [{exit: x}]\n") == []


def test_all_ways_have_to_wait(tmp_path: Path) -> None:
    def text(otherwise: str) -> str:
        return (
            f"trigger: {{event: a}}\n{ALWAYS}steps:\n"
            "- branch:\n"
            "  - {if: {trait: a, eq: 1}, then: [{wait: 1d, id: first}]}\n"
            f"  - {{then: [{otherwise}]}}\n"
            "- enroll: activation\n"
        )

    assert len(_loops(tmp_path, text("{send: welcome}"))) == 1
    assert _loops(tmp_path, text("{wait: 2d, id: second}")) == []


def test_what_stands_behind_an_exit_is_never_reached(tmp_path: Path) -> None:
    text = f"trigger: {{event: a}}\n{ALWAYS}steps: [{{exit: done}}, {{enroll: activation}}]\n"
    assert _loops(tmp_path, text) == []


@pytest.mark.parametrize(
    ("steps", "loops"),
    [
        ("[{set: {plan: pro}}, {set: {plan: trial}, id: back}]", True),
        ("[{set: {plan: pro}}, {wait: 1d}, {set: {plan: trial}, id: back}]", False),
        ("[{set: {plan: pro}}]", False),
        ("[{set: {plan: trial}}]", False),
        ("[{set: {plan: pro}}, {set: {size: 3}, id: back}]", False),
    ],
)
def test_a_workflow_that_sets_what_it_waits_for_back_and_forth_is_refused(
    tmp_path: Path, steps: str, *, loops: bool
) -> None:
    text = f"trigger: {{becomes: {{trait: plan, eq: trial}}}}\n{ALWAYS}steps: {steps}\n"
    found = _loops(tmp_path, text)
    assert bool(found) == loops
    if found:
        assert found == [
            "workflows/activation.yaml:1: it sets `plan` itself at `back`, which starts it again, for ever; set it "
            "once, put a `wait` before, or enter with `again: never`"
        ]


def test_two_workflows_that_undo_each_others_traits_are_refused(tmp_path: Path) -> None:
    def turn(old: str, new: str) -> str:
        return (
            f"trigger: {{becomes: {{trait: plan, eq: {old}}}}}\n{ALWAYS}steps: [{{set: {{plan: {new}}}}}]\n"
        )

    found = _loops(tmp_path, turn("a", "b"), other=turn("b", "a"))
    assert len(found) == 2
    assert all("and so on for ever" in it for it in found)
    assert _loops(tmp_path, turn("a", "b"), other=turn("b", "c")) == []
