"""How fast is the pure engine? One process, one core, a book of 50 segments and 20 workflows of which two listen.

python -m tests.bench.advancing    events a second of each repetition, as JSON
"""

from __future__ import annotations

import json
import sys
import time

from redshank.engine.advance import advance
from redshank.engine.book import Book, Sender, Topic
from redshank.engine.conditions import All, Compare, Condition
from redshank.engine.inputs import Event
from redshank.engine.measures import Measure, Rolling, SinceEntry
from redshank.engine.state import END, State
from redshank.engine.values import ENTRY, Measured, Trait
from redshank.engine.workflows import BecomesTrigger, EventTrigger, Send, Step, Wait, Workflow
from redshank.instants import DAY, SECOND

_NOW = 1_796_115_600_000
_CONTACTS = 200
_EVENTS = 20
_SEGMENTS = 50
REPETITIONS = 5


def book() -> Book:
    """Two workflows listen to ``used``: one is entered by it, one when it has been counted often. 18 do not.

    Of the 50 segments, one asks how often it was used, one in five something of the profile, the rest other events.
    """
    uses = Measure(key="uses", events=("used",), window=Rolling(length=30 * DAY))
    bought = Measure(key="bought", events=("bought",), window=SinceEntry())
    others = [
        Measure(key=f"other_{number}", events=(f"other_{number}",), window=Rolling(length=7 * DAY))
        for number in range(_SEGMENTS)
    ]
    steps: dict[str, Step] = {
        "first": Send(id="first", next="pause", template="first", topic="tips"),
        "pause": Wait(id="pause", next="second", span=2 * DAY),
        "second": Send(id="second", next=END, template="second", topic="tips"),
    }

    def workflow(name: str, trigger: EventTrigger | BecomesTrigger) -> Workflow:
        return Workflow(
            name=name,
            topic="tips",
            triggers=(trigger,),
            goal=Compare(Measured(bought.key, ENTRY), "gte", 1),
            first="first",
            steps=steps,
        )

    def segment(number: int) -> Condition:
        if number == 0:
            return Compare(Measured(uses.key), "gte", 5)
        if number % 5 == 0:
            return All((Compare(Trait("plan"), "eq", "pro"), Compare(Trait("seats"), "gte", number)))
        return All((Compare(Measured(f"other_{number}"), "gte", 3), Compare(Trait("plan"), "eq", "pro")))

    often = BecomesTrigger(key="often#0", condition=Compare(Measured("uses"), "gte", 10))
    workflows = [
        workflow("user", EventTrigger(events=("used",))),
        workflow("often", often),
        *(workflow(f"other_{number}", EventTrigger(events=(f"other_{number}",))) for number in range(18)),
    ]
    return Book(
        sequence=1,
        hash="advancing",
        topics={"tips": Topic(name="tips", title="Tips")},
        senders={"default": Sender(name="Acme", email="hello@acme.example")},
        measures={it.key: it for it in (uses, bought, *others)},
        segments={f"segment_{number}": segment(number) for number in range(_SEGMENTS)},
        workflows={it.name: it for it in workflows},
    )


def _lives() -> list[tuple[str, list[Event]]]:
    found = []
    for contact in range(_CONTACTS):
        events = [
            Event(
                id=f"e{contact}-{number}",
                stream=f"user:{contact}",
                type="track" if number else "identify",
                name="used" if number else "",
                occurred_at=_NOW + number * SECOND,
                received_at=_NOW + number * SECOND,
                properties={"feature": "interview", "minutes": number},
                traits={} if number else {"email": f"ann{contact}@example.com", "plan": "free"},
            )
            for number in range(_EVENTS + 1)
        ]
        found.append((f"c{contact}", events))
    return found


def once(compiled: Book) -> float:
    """Events a second, by CPU time: each event alone, the state it leaves being the next one's."""
    lives = _lives()
    started = time.process_time()
    for contact_id, events in lives:
        state = State.empty(contact_id)
        for event in events:
            state = advance(state, [event], compiled, event.received_at).state
            # As evaluate does once the log has been seen to hold them.
            state.standing.pending.clear()
            state.standing.outbox.clear()
    return _CONTACTS * (_EVENTS + 1) / (time.process_time() - started)


if __name__ == "__main__":
    compiled = book()
    once(compiled)
    json.dump([once(compiled) for _ in range(REPETITIONS)], sys.stdout)
