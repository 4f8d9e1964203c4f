"""What does a step do, and where does it lead?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from redshank.engine import inputs
from redshank.engine.book import Book, Topic
from redshank.engine.conditions import Compare, Subscribed
from redshank.engine.state import END
from redshank.engine.values import Constant, Joined, Measured, Property, Trait, Value
from redshank.engine.workflows import (
    Arm,
    BecomesTrigger,
    Branch,
    Decide,
    Emit,
    Enroll,
    EventTrigger,
    Exit,
    ManualTrigger,
    Set,
    Split,
    Step,
    Subscribe,
    Suppress,
    Variant,
    WaitFor,
    Way,
    Workflow,
)
from redshank.instants import DAY, HOUR, MINUTE
from tests.books import book, counted, measures, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann, cancels, emissions, mail, mails

PRO = trait("plan", "pro")
CURIOUS = {"curious": Variant(share=0.5, subject="Well?"), "direct": Variant(share=0.5, subject="Buy.")}


def ann_of(*workflows: Workflow, **more: Any) -> Ann:
    return Ann(book(*workflows, **more), email="ann@example.com")


def crowd(live: Book, size: int) -> list[Ann]:
    return [Ann(live, stream=f"user:{n}", email=f"{n}@example.com") for n in range(size)]


def listening(condition: Any, name: str, *taken: Step) -> Workflow:
    """A workflow that begins when a condition turns true."""
    triggers = (BecomesTrigger(key=name, condition=condition),)
    return sequence(*taken, name=name, triggers=triggers, again="always")


# --- `if`, on any step


@pytest.mark.parametrize(
    "step",
    [
        send("a", when=PRO),
        wait("a", DAY, when=PRO),
        Set(id="a", next=END, traits={"x": Constant(1)}, when=PRO),
        Exit(id="a", next=END, reason="pro", when=PRO),
        Branch(id="a", next=END, arms=(Arm(to=END),), when=PRO),
        Split(id="a", next=END, arms={"stop": Way(share=1.0, to=END)}, when=PRO),
        WaitFor(id="a", next=END, condition=PRO, then=END, otherwise=END, when=PRO),
        Emit(id="a", next=END, name="x", when=PRO),
        Enroll(id="a", next=END, workflow="flow", when=PRO),
        Suppress(id="a", next=END, reason="x", when=PRO),
        Subscribe(id="a", next=END, topic="tips", subscribed=False, when=PRO),
    ],
    ids=lambda step: type(step).__name__,
)
def test_a_step_whose_if_is_false_is_passed_over(step: Step) -> None:
    ann = ann_of(sequence(step, send("bye")))
    effects = ann.does("go", 0)
    assert mails(effects) == ["bye"]
    assert len(effects) == 1
    assert not ann.last.profile_changed


# --- branch


def branching(*arms: Arm) -> Workflow:
    ends = [send(name, "bye") for name in ("saas", "shop")]
    return sequence(Branch(id="way", next=END, arms=arms), send("bye"), apart=tuple(ends))


def test_the_first_arm_that_is_true_is_taken_and_arms_rejoin() -> None:
    arms = (Arm(to="saas", when=trait("industry", "saas")), Arm(to="shop"))
    ann = ann_of(branching(*arms))
    ann.says(0, industry="saas")
    assert mails(ann.does("go", 1)) == ["saas", "bye"]
    assert mails(ann_of(branching(*arms)).does("go", 1)) == ["shop", "bye"]


def test_where_no_arm_is_true_and_there_is_no_else_it_goes_on_below() -> None:
    ann = ann_of(branching(Arm(to="saas", when=trait("industry", "saas"))))
    assert mails(ann.does("go", 1)) == ["bye"]


def test_a_branch_may_ask_for_a_property_of_the_starting_event() -> None:
    big = Compare(Property("total"), "gte", 100)
    flow = replace(branching(Arm(to="saas", when=big), Arm(to="shop")), keeps_event=True)
    assert mails(ann_of(flow).does("go", 1, total=150)) == ["saas", "bye"]
    assert mails(ann_of(flow).does("go", 1, total=50)) == ["shop", "bye"]


# --- split


def splitting(share: float = 0.5, **more: Any) -> Workflow:
    arms = {"persist": Way(share=share, to="on"), "stop": Way(share=1 - share, to="out")}
    step = Split(id="persist_or_stop", next=END, arms=arms, **more)
    return sequence(step, send("bye"), apart=(send("on", "bye"), Exit(id="out", next=END, reason="stopped")))


def test_a_split_sends_each_share_its_way() -> None:
    got = Counter(tuple(mails(who.does("go", 1))) for who in crowd(book(splitting(0.25)), 1_000))
    assert set(got) == {("on", "bye"), ()}
    assert 200 <= got[("on", "bye")] <= 300  # 3.6 standard deviations


def test_a_contact_goes_the_same_way_again_also_after_an_edit() -> None:
    flow = replace(splitting(), again="always")
    edited = replace(splitting(0.5), name="renamed", again="always")
    for who in crowd(book(flow), 30):
        first = mails(who.does("go", 1))
        assert mails(who.does("go", 2)) == first
        who.book = book(edited, sequence=2)
        assert mails(who.does("go", 3)) == first


def test_two_splits_are_independent() -> None:
    two = splitting(), replace(splitting(), name="other")
    step = two[1].steps["persist_or_stop"]
    renamed = {**two[1].steps, "other_split": replace(step, id="other_split")}
    other = replace(two[1], first="other_split", steps=renamed)
    got = {
        tuple(it.workflow for it in who.does("go", 1) if mails([it]))
        for who in crowd(book(two[0], other), 80)
    }
    assert len(got) == 4


def test_a_split_that_is_decided_leads_all_the_same_way() -> None:
    flow = splitting(decide=Decide(by="conversion", then="winner"))
    live = book(flow, winners={"flow/persist_or_stop": "persist"})
    assert {tuple(mails(who.does("go", 1))) for who in crowd(live, 20)} == {("on", "bye")}


def test_the_emails_of_an_arm_say_which_arm() -> None:
    assert {mail(who.does("go", 1)[:1]).variant for who in crowd(book(splitting(1.0)), 5)} == {"persist"}


# --- arms of a send


def test_a_send_has_arms_that_differ_in_what_they_say() -> None:
    flow = sequence(send("hello", arms=CURIOUS))
    got = Counter(
        (found.variant, found.subject)
        for who in crowd(book(flow), 400)
        for found in [mail(who.does("go", 1))]
    )
    assert set(got) == {("curious", "Well?"), ("direct", "Buy.")}
    assert all(150 <= count <= 250 for count in got.values())


def test_an_arm_may_have_another_template_and_sender() -> None:
    arms = {"b": Variant(share=1.0, template="other", sender="ceo")}
    found = mail(ann_of(sequence(send("hello", arms=arms))).does("go", 1))
    assert (found.template, found.sender, found.step) == ("other", "ceo", "hello")


def test_a_send_without_arms_says_what_it_says() -> None:
    found = mail(ann_of(sequence(send("hello", subject="Hi", sender="ceo"))).does("go", 1))
    assert (found.subject, found.sender, found.variant) == ("Hi", "ceo", "")


def test_the_winner_is_sent_to_who_has_no_arm_yet() -> None:
    flow = sequence(send("hello", arms=CURIOUS, decide=Decide(by="clicks", then="winner")))
    live = book(flow, winners={"flow/hello": "direct"})
    assert {mail(who.does("go", 1)).variant for who in crowd(live, 20)} == {"direct"}


def test_an_arm_that_was_given_stays_though_another_won() -> None:
    decide = Decide(by="clicks", then="winner")
    flow = sequence(send("hello", arms=CURIOUS, decide=decide), wait("a", DAY))
    for who in crowd(book(flow), 10):
        first = mail(who.does("go", 0))
        other = next(name for name in CURIOUS if name != first.variant)
        message_id, outgoing = next(iter(who.state.standing.outbox.items()))
        given = {"message_id": message_id, "run": outgoing.run, "step": "hello", "retry_at": T0 + HOUR}
        who.hears(inputs.EMAIL_DEFERRED, MINUTE, **given)
        who.visited(2 * MINUTE, book(flow, sequence=2, winners={"flow/hello": other}))
        assert mail(who.wakes(HOUR)).variant == first.variant


# --- a broadcast that tries on a sample first

TRIED = Decide(by="clicks", then="winner", sample=0.2, after=4 * HOUR)


def test_a_sample_is_sent_to_first_and_the_rest_waits() -> None:
    live = book(sequence(send("hello", arms=CURIOUS, decide=TRIED)))
    people = crowd(live, 500)
    sampled = sum(bool(mails(who.does("go", 0))) for who in people)
    assert 60 <= sampled <= 140  # 4.5 standard deviations
    assert {who.due for who in people if who.journeys} == {4 * HOUR}


def unsampled(live: Book) -> Ann:
    """Somebody who waits for the decision."""
    for who in crowd(live, 50):
        who.does("go", 0)
        if who.journeys:
            return who
    raise AssertionError


def test_the_rest_gets_the_winner_when_the_time_is_over() -> None:
    flow = sequence(send("hello", arms=CURIOUS, decide=TRIED))
    who = unsampled(book(flow))
    who.visited(3 * HOUR, book(flow, sequence=2, winners={"flow/hello": "direct"}))
    assert mail(who.wakes(4 * HOUR)).variant == "direct"


def test_the_rest_may_wait_for_the_decision_longer_than_anything_else_may_hold_it() -> None:
    who = unsampled(book(sequence(send("hello", arms=CURIOUS, decide=replace(TRIED, after=3 * DAY)))))
    assert mails(who.wakes(3 * DAY)) == ["hello"]


def test_the_rest_is_sent_without_a_winner_in_the_end() -> None:
    who = unsampled(book(sequence(send("hello", arms=CURIOUS, decide=TRIED))))
    assert mail(who.wakes(4 * HOUR)).variant in CURIOUS


# --- set


def test_set_writes_traits_that_the_next_steps_see() -> None:
    ann = ann_of(
        sequence(
            Set(id="a", next=END, traits={"plan": Constant("pro"), "was": Trait("company")}),
            send("hello", when=PRO),
        )
    )
    ann.says(0, company="Acme")
    assert mails(ann.does("go", 1)) == ["hello"]
    assert ann.state.profile.traits["was"] == "Acme"


def test_set_fires_the_edges_that_depend_on_it() -> None:
    ann = ann_of(
        sequence(Set(id="a", next=END, traits={"plan": Constant("pro")})),
        listening(PRO, "pros", send("hello")),
    )
    assert mails(ann.does("go", 1)) == ["hello"]


def test_set_wakes_the_journeys_that_wait_for_it() -> None:
    look = WaitFor(id="look", next=END, condition=PRO, then="hello", otherwise=END)
    waiting = sequence(look, apart=(send("hello"),), name="waiting")
    setting = sequence(
        Set(id="a", next=END, traits={"plan": Constant("pro")}),
        name="setting",
        triggers=(EventTrigger(events=("later",)),),
    )
    ann = ann_of(waiting, setting)
    ann.does("go", 0)
    assert mails(ann.does("later", 1)) == ["hello"]


def test_set_reaches_the_goals_and_exits_of_others() -> None:
    other = sequence(wait("rest", DAY), name="other", exit_if=PRO)
    setting = sequence(
        Set(id="a", next=END, traits={"plan": Constant("pro")}), triggers=(EventTrigger(events=("later",)),)
    )
    ann = ann_of(other, setting)
    ann.does("go", 0)
    ann.does("later", 1)
    assert ann.journeys == []


def test_set_by_time_alone_is_the_newest_word() -> None:
    ann = ann_of(sequence(wait("rest", DAY), Set(id="a", next=END, traits={"plan": Constant("pro")})))
    ann.says(0, plan="free")
    ann.does("go", 1)
    ann.wakes(DAY + 1)
    ann.says(DAY + 2, said=HOUR, plan="trial")
    assert ann.state.profile.traits["plan"] == "pro"


# --- subscribe and unsubscribe

NEWS = Topic(name="news", title="News", opt_in="single")


def with_news(*workflows: Workflow) -> Ann:
    live = book(*workflows)
    return Ann(replace(live, topics={**live.topics, "news": NEWS}), email="ann@example.com")


def test_subscribing_lets_the_next_email_of_that_topic_out() -> None:
    news = replace(send("news"), topic="news")
    on = Subscribe(id="on", next=END, topic="news")
    assert mails(with_news(sequence(news)).does("go", 1)) == []
    assert mails(with_news(sequence(on, news)).does("go", 1)) == ["news"]


def test_subscribing_fires_the_edges_that_depend_on_it() -> None:
    ann = with_news(
        sequence(Subscribe(id="on", next=END, topic="news")),
        listening(Subscribed("news"), "readers", send("hello")),
    )
    assert mails(ann.does("go", 1)) == ["hello"]


def test_unsubscribing_ends_the_workflows_of_that_topic_and_spares_the_others() -> None:
    off = Subscribe(id="off", next=END, topic="tips", subscribed=False)
    later = (EventTrigger(events=("later",)),)
    ann = with_news(
        sequence(send("hello"), wait("rest", DAY), name="tips_flow"),
        sequence(wait("rest", DAY), name="news_flow", topic="news"),
        sequence(off, wait("rest", DAY), name="off", topic="billing", triggers=later),
    )
    ann.does("go", 0)
    assert cancels(ann.does("later", 1)) == ["unsubscribed"]
    assert [it.workflow for it in ann.journeys] == ["news_flow", "off"]


def test_unsubscribing_from_its_own_topic_ends_the_journey_that_does_it_once() -> None:
    off = Subscribe(id="off", next=END, topic="tips", subscribed=False)
    ann = ann_of(sequence(off))
    ann.does("go", 0)
    assert ann.why("exited") == ["unsubscribed"]
    ann = ann_of(sequence(off, send("bye")))
    assert mails(ann.does("go", 0)) == []


def test_another_journey_skips_the_emails_of_a_topic_that_was_left() -> None:
    news = replace(send("news"), topic="news")
    ann = with_news(sequence(wait("rest", DAY), news, send("bye")))
    ann.hears(inputs.TOPIC_SUBSCRIBED, 0, topic="news")
    ann.does("go", 0)
    ann.hears(inputs.TOPIC_UNSUBSCRIBED, 1, topic="news")
    assert mails(ann.wakes(DAY)) == ["bye"]
    assert ann.why("skipped") == ["unsubscribed"]


def test_resubscribing_resumes_nothing() -> None:
    ann = ann_of(sequence(wait("rest", DAY), send("bye")))
    ann.does("go", 0)
    ann.hears(inputs.TOPIC_UNSUBSCRIBED, 1, topic="tips")
    ann.hears(inputs.TOPIC_SUBSCRIBED, 2, topic="tips")
    assert ann.lives(until=100 * DAY) == []


# --- suppress

SUPPRESS = Suppress(id="enough", next=END, reason="unengaged")


def suppressed() -> Ann:
    receipt = sequence(
        replace(send("receipt"), topic="billing"),
        name="receipt",
        topic="billing",
        triggers=(EventTrigger(events=("paid",)),),
        again="always",
    )
    tips = sequence(send("hello"), name="tips", triggers=(EventTrigger(events=("read",)),), again="always")
    ann = ann_of(sequence(SUPPRESS, send("bye")), receipt, tips)
    assert mails(ann.does("go", HOUR)) == []
    return ann


def test_suppressing_stops_marketing_with_its_reason() -> None:
    ann = suppressed()
    assert mails(ann.does("read", 2 * HOUR)) == []
    assert ann.why("skipped") == ["unengaged", "unengaged"]


def test_suppressing_leaves_transactional_email() -> None:
    assert mails(suppressed().does("paid", 2 * HOUR)) == ["receipt"]


def test_a_click_lifts_it() -> None:
    ann = suppressed()
    ann.hears(inputs.LINK_CLICKED, 2 * HOUR, run="gone", step="old")
    assert mails(ann.does("read", 3 * HOUR)) == ["hello"]


def test_a_scanners_click_does_not_lift_it() -> None:
    ann = suppressed()
    ann.hears(inputs.LINK_CLICKED, 2 * HOUR, run="gone", step="old", by="scanner")
    assert mails(ann.does("read", 3 * HOUR)) == []


def test_an_open_does_not_lift_it() -> None:
    ann = suppressed()
    ann.hears(inputs.EMAIL_OPENED, 2 * HOUR, run="gone", step="old")
    assert mails(ann.does("read", 3 * HOUR)) == []


def test_a_new_opt_in_lifts_it() -> None:
    ann = suppressed()
    ann.hears(inputs.TOPIC_SUBSCRIBED, 2 * HOUR, topic="tips")
    assert mails(ann.does("read", 3 * HOUR)) == ["hello"]


def test_a_subscribe_step_lifts_it() -> None:
    ann = ann_of(sequence(SUPPRESS, Subscribe(id="on", next=END, topic="tips"), send("bye")))
    assert mails(ann.does("go", HOUR)) == ["bye"]


# --- emit


def test_emit_puts_an_event_with_its_values_onto_the_bus() -> None:
    detail: dict[str, Value] = {
        "plan": Trait("plan"),
        "text": Joined((Constant("plan "), Trait("plan"), Trait("none"))),
    }
    ann = ann_of(sequence(Emit(id="tell", next=END, name="trial.rescued", detail=detail)))
    ann.says(0, plan="pro")
    (found,) = emissions(ann.does("go", 1))
    assert (found.name, found.workflow, found.step) == ("trial.rescued", "flow", "tell")
    assert found.detail == {"plan": "pro", "text": "plan pro"}
    assert found.at == T0 + 1


def test_each_run_emits_its_own_event() -> None:
    ann = ann_of(sequence(Emit(id="tell", next=END, name="x"), again="always"))
    first, second = (emissions(ann.does("go", at))[0].id for at in (1, 2))
    assert first != second


# --- enroll

OTHER = sequence(send("hello"), name="other", triggers=(ManualTrigger(),))


def test_enroll_starts_another_workflow_and_goes_on() -> None:
    ann = ann_of(sequence(Enroll(id="on", next=END, workflow="other"), send("bye")), OTHER)
    assert sorted(mails(ann.does("go", 1))) == ["bye", "hello"]


def test_enroll_obeys_the_others_entry_rules() -> None:
    ann = ann_of(sequence(Enroll(id="on", next=END, workflow="other"), again="always"), OTHER)
    assert mails(ann.does("go", 1)) == ["hello"]
    assert mails(ann.does("go", 2)) == []


def test_enroll_hands_the_starting_event_on() -> None:
    flow = sequence(Enroll(id="on", next=END, workflow="other"), keeps_event=True)
    ann = ann_of(flow, replace(OTHER, keeps_event=True))
    assert mail(ann.does("go", 1, coupon="X")).event == {"coupon": "X"}


def test_enroll_by_time_alone_counts_from_then() -> None:
    other = replace(OTHER, first="rest", steps={"rest": wait("rest", DAY, "hello"), **OTHER.steps})
    ann = ann_of(sequence(wait("a", DAY), Enroll(id="on", next=END, workflow="other")), other)
    ann.does("go", 0)
    assert ann.lives(until=100 * DAY) == [(2 * DAY, "hello")]


# --- exit


def test_exit_ends_the_journey_with_its_reason_and_cancels_nothing() -> None:
    ann = ann_of(sequence(send("hello"), Exit(id="out", next=END, reason="done"), send("bye")))
    effects = ann.does("go", 1)
    assert mails(effects) == ["hello"]
    assert cancels(effects) == []
    assert ann.journeys == []
    assert ann.why("exited") == ["done"]


# --- an email


def test_an_email_that_is_skipped_lets_the_rest_go_on() -> None:
    ann = ann_of(sequence(send("hello", when=PRO), wait("rest", DAY), send("bye")))
    ann.does("go", 0)
    assert ann.lives(until=100 * DAY) == [(DAY, "bye")]


def test_a_held_email_whose_if_is_false_by_then_is_skipped() -> None:
    ann = ann_of(sequence(send("hello", when=PRO), wait("rest", DAY)))
    ann.says(0, plan="pro")
    ann.does("go", 0)
    message_id = next(iter(ann.state.standing.outbox))
    ann.hears(inputs.EMAIL_DEFERRED, 1, message_id=message_id, retry_at=T0 + HOUR, reason="quota")
    effects = ann.says(2, plan="free")
    assert cancels(effects) == ["condition"]
    assert mails(ann.wakes(HOUR)) == []


def test_an_address_that_comes_with_the_next_event_is_waited_for() -> None:
    """A client that was offline sends both at once, an hour late."""
    ann = Ann(book(sequence(send("hello"))))
    ann.does("go", HOUR, late=50 * MINUTE)
    assert mails(ann.says(HOUR + 1, email="ann@example.com")) == ["hello"]


def test_an_email_shows_the_measures_of_its_template() -> None:
    live = book(sequence(send("welcome")))
    live = replace(
        live,
        measures=measures(counted("go")),
        named={"times": Measured("go")},
        templates={"welcome": replace(live.templates["welcome"], measures=("times",))},
    )
    ann = Ann(live, email="ann@example.com")
    assert mail(ann.does("go", 1)).measures == {"times": 1}


def test_what_she_said_after_a_step_was_due_and_before_anybody_looked_is_the_newer_word() -> None:
    ann = ann_of(sequence(wait("rest", HOUR), Set(id="a", next=END, traits={"plan": Constant("free")})))
    ann.does("go", 0)
    ann.says(3 * HOUR, said=2 * HOUR, plan="pro")
    assert ann.state.profile.traits["plan"] == "pro"
