"""The invariants hold, whatever the schedule: the real code, in random interleavings of everything that goes wrong.

``REDSHANK_SCHEDULES=20`` runs twenty times as many. A run that fails is replayed by its seed or by hypothesis,
and its last moments are in the traceback's notes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings

from tests.protocol import scenarios
from tests.protocol.rules import RULES
from tests.protocol.scenarios import (
    Post,
    Scenario,
    anything,
    back_fill,
    crowd,
    fine_day,
    late_index,
    new_book,
    new_contact,
    play,
    stopped,
    unnoticed,
)
from tests.protocol.world import EVERYTHING, Faults, Violation

TIMES = float(os.environ.get("REDSHANK_SCHEDULES", "1"))
LONG = 120 + round(120 * TIMES)

#: Runs within which a rule left out must have been noticed. Most are within the first twenty.
NOTICED_WITHIN = 400


@pytest.mark.timeout(LONG)
@given(scenario=scenarios.scenarios())
@settings(
    max_examples=round(80 * TIMES),
    deadline=None,
    # In the short run the same ones every time: a red build is then about the change.
    derandomize=TIMES <= 1,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_the_invariants_hold_in_whatever_scenario_hypothesis_can_think_of(scenario: Scenario) -> None:
    play(scenario)


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize(
    ("family", "runs"),
    [
        (anything, 160),
        (crowd, 60),
        (fine_day, 60),
        (late_index, 40),
        (new_book, 40),
        (new_contact, 40),
        (back_fill, 40),
        (stopped, 50),
        (unnoticed, 20),
    ],
)
def test_the_invariants_hold_in_many_schedules(family: Callable[[int], Scenario], runs: int) -> None:
    for seed in range(round(runs * TIMES)):
        try:
            play(family(seed))
        except AssertionError as error:
            error.add_note(f"replay with play({family.__name__}({seed}))")
            raise


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("trouble", [knob.name for knob in fields(Faults)])
def test_the_invariants_hold_when_only_one_thing_goes_wrong(trouble: str) -> None:
    for seed in range(round(12 * TIMES)):
        play(replace(anything(seed), faults=replace(Faults(), **{trouble: True})))


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_left_out_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out, family = RULES[name]
    leave_out(monkeypatch)
    for seed in range(NOTICED_WITHIN):
        try:
            play(family(seed))
        except Violation as violation:
            if not _is_of_the_protocol(violation):
                # What was left out is more than the rule: the code broke.
                raise
            return
    pytest.fail(f"{NOTICED_WITHIN} schedules without this rule, and nothing was wrong: is it needed?")


def _is_of_the_protocol(violation: Violation) -> bool:
    found = str(violation)
    return re.match(r"I\d+: ", found) is not None or found == "it does not come to rest"


def test_a_schedule_can_be_replayed_to_the_letter() -> None:
    assert play(crowd(7)).journal == play(crowd(7)).journal


def test_the_troubles_of_a_schedule_really_happen() -> None:
    """Else all of the above would prove little."""
    told = "\n".join(line for seed in range(40) for line in play(_everything(seed)).journal)
    for trouble in (
        "dies before",
        "times out before",
        "the answer was lost",
        "never arrived",
        "arrived')",
        "goes to the dead letters",
        "before ledger.claim_again",
        "before ledger.give_back",
        "before ledger.cancel",
        "before ledger.fail",
        "before members.put",
        "before suppressions.add",
        "before queues.hide",
        "before contacts.due",
    ):
        assert trouble in told, trouble


def _everything(seed: int) -> Scenario:
    return replace(anything(seed), faults=EVERYTHING)


def test_on_a_fine_day_each_email_of_the_activation_sequence_goes_out_once_and_in_order() -> None:
    world = play(Scenario(posts=(Post(who="ann", what="signed_up", at=1),), faults=Faults(), seed=3))
    steps = [world.history.mails[message_id].step for message_id in world.history.taken]
    assert steps == ["welcome", "help", "proof"]


def test_on_a_fine_day_activation_ends_the_sequence() -> None:
    posts = (Post(who="ann", what="signed_up", at=1), Post(who="ann", what="product_activated", at=60))
    world = play(Scenario(posts=posts, faults=Faults(), seed=3))
    steps = [world.history.mails[message_id].step for message_id in world.history.taken]
    assert steps == ["welcome", "help"]
