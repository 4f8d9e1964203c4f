"""Changing what is live, with the real commands: a book over another, a pause, and asking what happened."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.client import NOTICED, Stand, until
from tests.e2e.conftest import Richer

pytestmark = [pytest.mark.stand, pytest.mark.timeout(300)]

#: Wall seconds of a day at the tests' clock.
DAY = 10.0


@pytest.fixture(scope="module")
def bus(stand: Stand) -> Iterator[str]:
    """The URL of a queue that gets what Redshank emits, as another team would listen to it."""
    session, at = stand.place.session(), stand.place.aws
    sqs, events = session.client("sqs", endpoint_url=at), session.client("events", endpoint_url=at)
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["redshank"], "detail-type": ["cart.left"]})
    events.put_rule(Name="listener", EventPattern=pattern)
    events.put_targets(Rule="listener", Targets=[{"Id": "listener", "Arn": arn}])
    yield url
    events.remove_targets(Rule="listener", Ids=["listener"])
    events.delete_rule(Name="listener")
    sqs.delete_queue(QueueUrl=url)


def test_the_plan_says_what_changes_and_how_many_will_be_visited(richer: Richer) -> None:
    lines = richer.plan.splitlines()
    for line in (
        "book 1 is live; this would be book 2",
        "+ workflow heavy",
        "+ workflow cart",
        "+ workflow course",
        "+ segment heavy",
        "+ measure credits",
        "+ template lesson_two",
        "~ settings: schema",
    ):
        assert line in lines
    assert not [line for line in lines if "activation" in line or "welcome" in line], "they stay as they are"
    assert _number(r"every contact will be visited: ([\d,]+)", richer.plan) >= 2


def test_applying_visits_every_contact_that_there_is_by_then(richer: Richer) -> None:
    assert "book 2 is live on redshank" in richer.apply
    planned = _number(r"every contact will be visited: ([\d,]+)", richer.plan)
    visited = _number(r"([\d,]+) contacts of [\d,]+ will be visited", richer.apply)
    assert visited == _number(r"contacts of ([\d,]+) will be visited", richer.apply) >= planned
    assert "every visit has been made" in richer.apply


@pytest.mark.usefixtures("richer")
def test_whom_a_new_segment_takes_in_is_enrolled_once_and_counted_from_the_log(stand: Stand) -> None:
    email = stand.wait_for("heavy", "heavy", seconds=20)
    assert email["subject"] == "You have used 120 credits"
    # Another visit, and an event, find nothing new.
    stand.track("heavy", "report_run", credits=1)
    time.sleep(3)
    assert stand.steps("heavy") == ["heavy"]
    assert stand.steps("light") == [], "70 credits, of the 100"


@pytest.mark.usefixtures("richer")
def test_segments_are_counted_and_listed(stand: Stand) -> None:
    assert json.loads(stand.redshank("segments", "--json")) == {"heavy": 1, "large": 2}
    large = set(stand.redshank("segments", "large").split())
    heavy = set(stand.redshank("segments", "heavy").split())
    assert len(large) == 2
    assert len(heavy) == 1
    assert heavy < large
    explained = stand.redshank("explain", heavy.pop())
    assert "heavy@example.com" in explained, "a contact id names a contact as a user id does"


@pytest.mark.usefixtures("richer")
def test_what_does_not_fit_the_schema_is_refused_at_the_door(stand: Stand) -> None:
    answer = stand.post("/v1/track", {"userId": "x", "event": "report_run", "properties": {"credits": "ten"}})
    assert answer.status == 400
    (error,) = answer.json["errors"]
    assert error["field"] == "properties.credits"
    assert "a number" in error["reason"]


@pytest.mark.usefixtures("richer")
def test_an_absence_is_noticed_and_told_on_the_bus(stand: Stand, bus: str) -> None:
    stand.identify("shopper")
    for cart in ("bought", "left"):
        stand.track("shopper", "checkout_started", cart_id=cart)
    stand.track("shopper", "order_placed", cart_id="bought")
    assert stand.wait_for("shopper", "cart")["subject"] == "You left left"
    told = _received(stand, bus)
    assert told["detail-type"] == "cart.left"
    assert told["detail"]["cart"] == "left"
    assert told["detail"]["redshank"]["workflow"] == "cart"
    time.sleep(2)
    assert stand.steps("shopper") == ["cart"], "nothing of the cart that was bought"


@pytest.mark.usefixtures("richer")
def test_a_paused_workflow_sends_nothing_and_resumed_loses_and_doubles_nothing(stand: Stand) -> None:
    students = [f"student-{number}" for number in range(4)]
    for student in (*students, "latecomer"):
        stand.identify(student)
    for student in students:
        stand.track(student, "course_started")
    first = [stand.wait_for(student, "lesson_one") for student in students]
    assert "paused within seconds: course" in stand.redshank("pause", "course")
    time.sleep(NOTICED)
    stand.track("latecomer", "course_started")
    due = max(datetime.fromisoformat(email["sent_at"]).timestamp() for email in first) + 1.5 * DAY
    time.sleep(max(0, due + 5 - time.time()))
    assert [stand.steps(student) for student in students] == [["lesson_one"]] * 4
    assert stand.steps("latecomer") == []
    assert "workflow course is paused by command" in stand.redshank("plan", str(stand.place.state / "richer"))
    assert "resumed: course" in stand.redshank("resume", "course")
    for student in students:
        stand.wait_for(student, "lesson_two", seconds=20)
    time.sleep(NOTICED)
    assert [stand.steps(student) for student in students] == [["lesson_one", "lesson_two"]] * 4
    assert stand.steps("latecomer") == [], "nobody enters a workflow that is paused"


def test_what_happened_to_a_contact_is_explained_in_sentences(stand: Stand) -> None:
    stand.wait_for("heavy", "heavy", seconds=20)
    assert _sentences(stand.redshank("explain", "heavy", "--workflow", "heavy")) == [
        "`report_run` happened {credits: 50, note: `the last`}",
        "entered `heavy`: they were in `heavy`: they were in `large`: `team_size` was 80, at least 50 and"
        " `credits` was 120, at least 100",
        "received `heavy` of `heavy`",
        "left `heavy` at `heavy`: no step was left",
    ]
    assert _sentences(stand.redshank("explain", "light", "--workflow", "course")) == [
        "never came to `course`: `course_started` did not happen"
    ]


@pytest.mark.usefixtures("richer")
def test_nothing_of_it_ends_among_the_dead_letters(stand: Stand) -> None:
    assert stand.dead_letters() == {}


def _sentences(explained: str) -> list[str]:
    """What is said, without when and without what concerns the book as a whole."""
    found = (re.sub(r"^\w{3} \d+ \w{3} [\d:]+: ", "", line) for line in explained.splitlines())
    return [text for text in found if not text.startswith("this is what the live book makes of it")]


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def _received(stand: Stand, url: str) -> dict[str, Any]:
    sqs = stand.place.session().client("sqs", endpoint_url=stand.place.aws)
    found = until(
        lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"),
        seconds=20,
        what="an event on the bus",
    )
    assert found is not None
    told: dict[str, Any] = json.loads(found[0]["Body"])
    return told
