"""A process may die before or after any of its calls to AWS: redelivery makes up for it, once.

The handlers and adapters are the real ones; the calls of one undisturbed journey are recorded, and then the journey is
made again for each of them, by a contact of its own, with a crash right there.

Before a call is after the one before it, for all that AWS can see; so the short run crashes before the first call of
each invocation and after every call. With ``REDSHANK_SCHEDULES`` above 1 both are done everywhere.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.integration.journeys import Traveller, travel, wrong
from tests.integration.stack import Crash, Stack

pytestmark = pytest.mark.timeout(300)


EVERYWHERE = float(os.environ.get("REDSHANK_SCHEDULES", "1")) > 1


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    name: str
    #: Whether it is the first of its invocation.
    first: bool


def _recorded(stack: Stack, name: str) -> list[Call]:
    """The calls that the functions make on one journey on which nothing fails."""
    calls: list[Call] = []
    invocation = 0

    def watch(function: str, call: str, after: bool) -> None:
        nonlocal invocation
        if not after:
            calls.append(Call(function, call, first=stack.invocations != invocation))
            invocation = stack.invocations

    stack.watch = watch
    travel(stack, Traveller(name))
    return calls


def test_a_journey_on_which_nothing_fails_ends_as_it_should(stack: Stack) -> None:
    calls = _recorded(stack, "calm")
    assert list(wrong(stack, Traveller("calm"))) == []
    sent = {step: stack.sent()[message_id] for step, message_id in Traveller("calm").emails.items()}
    assert sent == {"welcome": 1, "help": 0, "thanks": 1, "receipt": 1}
    made = {it.function: Counter(one.name for one in calls if one.function == it.function) for it in calls}
    assert set(made) == {"evaluate", "send", "bounce"}
    assert set(made["evaluate"]) >= {
        "BatchGetItem",
        "PutItem",
        "TransactWriteItems",
        "BatchWriteItem",
        "SendMessageBatch",
        "UpdateItem",
        "Query",
    }
    assert set(made["send"]) >= {"BatchGetItem", "UpdateItem", "SendEmail"}
    assert set(made["bounce"]) >= {"UpdateItem"}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("function", ["evaluate", "send", "bounce"])
def test_a_crash_at_any_call_loses_and_doubles_nothing(stack: Stack, function: str, moment: str) -> None:
    calls = _recorded(stack, f"recorded-{function}-{moment}")
    problems = []
    for index, call in enumerate(calls):
        if call.function != function or not (EVERYWHERE or call.first or moment == "after"):
            continue
        traveller = Traveller(f"{function}-{moment}-{index}")
        crashed = stack.crashes
        _crash_at(stack, index, after=moment == "after")
        travel(stack, traveller)
        where = f"crash {moment} {call.name} of {function} (call {index})"
        assert stack.crashes == crashed + 1, f"no {where}"
        problems += [f"{where}: {it}" for it in wrong(stack, traveller)]
    assert problems == []


def _crash_at(stack: Stack, index: int, *, after: bool) -> None:
    made = 0

    def watch(function: str, call: str, is_after: bool) -> None:
        nonlocal made
        if not is_after:
            made += 1
        if made == index + 1 and is_after is after:
            made = 10**9  # this once
            raise Crash

    stack.watch = watch
