"""Books for tests, built of the engine's own values: small, and readable next to what they prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from redshank.engine.book import Book, Sender, Template, Topic
from redshank.engine.conditions import Compare, Condition
from redshank.engine.measures import Measure, Rolling, SinceEntry, Window
from redshank.engine.state import END
from redshank.engine.values import ENTRY, Measured, Trait
from redshank.engine.workflows import BecomesTrigger, EventTrigger, Send, Step, Wait, Workflow
from redshank.instants import DAY

ACTIVATED = Measure(key="activated", events=("product_activated",), window=SinceEntry())
SINCE_ENTRY = Compare(Measured("activated", ENTRY), "gte", 1)


def steps(*given: Step) -> dict[str, Step]:
    """The steps by id."""
    return {step.id: step for step in given}


def sequence(*given: Step, apart: tuple[Step, ...] = (), name: str = "flow", **more: Any) -> Workflow:
    """A workflow that takes these steps one after the other; it begins with the event ``go``. Those ``apart`` are
    reached by arms only."""
    following = (*(step.id for step in given[1:]), END)
    chain = [replace(step, next=then) for step, then in zip(given, following, strict=True)]
    fields = {"topic": "tips", "triggers": (EventTrigger(events=("go",)),), "first": given[0].id}
    return Workflow(name=name, steps=steps(*chain, *apart), **{**fields, **more})


def wait(step: str, span: int, then: str = END, **more: Any) -> Wait:
    return Wait(id=step, next=then, span=span, **more)


def counted(event: str, window: Window | int | None = None, **more: Any) -> Measure:
    """How often an event came, of that name; a number is a rolling window."""
    kept = Rolling(length=window) if isinstance(window, int) else window
    return Measure(**{"key": event, "events": (event,), "window": kept, **more})


def measures(*given: Measure) -> dict[str, Measure]:
    return {measure.key: measure for measure in given}


def trait(path: str, equals: Any) -> Condition:
    return Compare(Trait(path), "eq", equals)


def happened(measure: str, times: int = 1) -> Condition:
    return Compare(Measured(measure), "gte", times)


def send(step: str, then: str = END, **more: Any) -> Send:
    return Send(id=step, next=then, template=step, topic="tips", **more)


ACTIVATION = Workflow(
    name="activation",
    topic="tips",
    triggers=(EventTrigger(events=("signed_up",)),),
    goal=SINCE_ENTRY,
    first="welcome",
    steps=steps(
        send("welcome", "pause"),
        Wait(id="pause", next="help", span=2 * DAY),
        send("help", "pause_2"),
        Wait(id="pause_2", next="proof", span=3 * DAY),
        send("proof"),
    ),
)

UPGRADE = Workflow(
    name="upgrade",
    topic="tips",
    triggers=(BecomesTrigger(key="upgrade#0", condition=Compare(Trait("plan"), "eq", "pro")),),
    again="always",
    first="thanks",
    steps=steps(send("thanks")),
)

_NAMES = ("welcome", "help", "proof", "thanks")


def book(*workflows: Workflow, sequence: int = 1, **more: Any) -> Book:
    """A book of these workflows, with a topic, a sender and plain templates for the usual steps."""
    made = Book(
        sequence=sequence,
        hash=f"hash-{sequence}",
        postal_address="1 Main St, Springfield",
        topics={
            "tips": Topic(name="tips", title="Product tips"),
            "billing": Topic(name="billing", title="Billing", transactional=True),
        },
        senders={"default": Sender(name="Acme", email="hello@mail.acme.example")},
        measures={ACTIVATED.key: ACTIVATED},
        workflows={workflow.name: workflow for workflow in workflows},
        templates=_templates(),
        sources=_sources(),
    )
    return replace(made, **more)


def _templates() -> Mapping[str, Template]:
    return {
        name: Template(
            name=name,
            subject=f"{name} {{{{ contact.first_name }}}}",
            preheader="",
            html=f"{name}.html",
            text=f"{name}.txt",
        )
        for name in _NAMES
    }


def _sources() -> Mapping[str, str]:
    html = {f"{name}.html": f"<p>{name} {{{{ contact.first_name }}}}</p>" for name in _NAMES}
    text = {f"{name}.txt": f"{name} {{{{ unsubscribe_url }}}}" for name in _NAMES}
    return html | text
