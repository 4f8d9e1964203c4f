"""What does an events file hold?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from redshank.engine.inputs import Event
from redshank.errors import RedshankError
from redshank.instants import DAY, HOUR
from redshank.simulation.events import BadLine, Reader, index
from tests.unit.simulation.histories import T0, done, known, said, write


def _read(path: Path) -> tuple[dict[str, list[Event]], list[BadLine]]:
    found = index(path)
    bad = list(found.bad)
    with Reader(path) as reader:
        events = {stream: reader.events(places, bad) for stream, places in found.of_stream.items()}
    return events, sorted(bad)


def test_events_are_grouped_by_contact_and_in_the_order_they_happened(tmp_path: Path) -> None:
    file = write(
        tmp_path / "e.jsonl",
        done("ann", "b", HOUR),
        done("bob", "x", 0),
        known("ann"),
        done("ann", "c", HOUR),
    )
    events, bad = _read(file)
    assert not bad
    assert {stream: [event.name for event in some] for stream, some in events.items()} == {
        "user:ann": ["", "b", "c"],
        "user:bob": ["x"],
    }
    assert [event.occurred_at for event in events["user:ann"]] == [T0, T0 + HOUR, T0 + HOUR]


def test_a_message_happened_and_was_received_at_its_timestamp(tmp_path: Path) -> None:
    """Also where the library's ``sentAt`` is kept: the file's timestamps have been corrected."""
    message = {**done("ann", "b", HOUR), "sentAt": "2027-01-01T00:00:00Z"}
    (event,) = _read(write(tmp_path / "e.jsonl", message))[0]["user:ann"]
    assert (event.occurred_at, event.received_at) == (T0 + HOUR, T0 + HOUR)


def test_a_message_that_is_there_twice_is_one_event(tmp_path: Path) -> None:
    twice = {**done("ann", "b", 0), "messageId": "m1"}
    events, _ = _read(write(tmp_path / "e.jsonl", twice, twice, done("ann", "b", 0), done("ann", "b", 0)))
    assert len(events["user:ann"]) == 2


def test_who_has_no_user_id_is_known_by_the_anonymous_one_and_numbers_are_their_digits(
    tmp_path: Path,
) -> None:
    anonymous = {"type": "page", "anonymousId": "a1", "timestamp": "2026-12-01T09:00:00Z"}
    events, _ = _read(write(tmp_path / "e.jsonl", anonymous, {**known("7"), "userId": 7}, known("7", HOUR)))
    assert {stream: len(some) for stream, some in events.items()} == {"anon:a1": 1, "user:7": 2}


def test_what_only_redshank_makes_may_be_in_a_history(tmp_path: Path) -> None:
    opened = done("ann", "email_opened", HOUR, step="welcome", workflow="activation")
    (event,) = _read(write(tmp_path / "e.jsonl", opened))[0]["user:ann"]
    assert (event.name, dict(event.properties)) == (
        "email_opened",
        {"step": "welcome", "workflow": "activation"},
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[]", "is not a JSON object"),
        ('{"userId": "7", "type": "track"}', "timestamp: is missing: when did it happen?"),
        (
            {**done("ann", "x", 0), "timestamp": "yesterday"},
            "timestamp: is not an ISO 8601 timestamp with a zone, since 1970",
        ),
        (
            {**done("ann", "x", 0), "timestamp": "2026-12-01T09:00:00"},
            "timestamp: is not an ISO 8601 timestamp with a zone, since 1970",
        ),
        (said("tracked", "ann", 0), "type: is not one of track, identify, page, screen, group, alias"),
        (said("track", "ann", 0), "event: is missing or not a string"),
        ({**done("ann", "x", 0), "userId": None}, "userId: is missing, and so is anonymousId"),
        ({**done("ann", "x", 0), "properties": 7}, "properties: is not an object"),
    ],
)
def test_a_line_that_is_no_event_is_told_with_its_number(
    tmp_path: Path, line: dict[str, Any] | str, message: str
) -> None:
    file = write(tmp_path / "e.jsonl", known("ann"), "", line, known("bob"))
    assert _read(file)[1] == [BadLine(3, message)]


def test_a_line_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_bytes(b'{"userId": "\xff"}\n')
    assert _read(file)[1] == [BadLine(1, "is not UTF-8")]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    file = write(tmp_path / "e.jsonl", known("ann"), known("bob"))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    events, bad = _read(file)
    assert (set(events), bad) == ({"user:ann", "user:bob"}, [])


def test_the_index_knows_how_many_events_there_are_and_the_last_instant(tmp_path: Path) -> None:
    found = index(write(tmp_path / "e.jsonl", done("ann", "x", 2 * DAY), known("bob")))
    assert (found.count, found.last) == (2, T0 + 2 * DAY)


def test_a_file_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(RedshankError, match="cannot be read: No such file or directory"):
        index(tmp_path / "none.jsonl")
