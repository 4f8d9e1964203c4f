"""What does ``redshank.yaml`` mean to the engine?"""

from __future__ import annotations

from pathlib import Path

import pytest

from redshank.definitions.problems import InvalidBook
from redshank.engine.book import Book, Cap, Policy, Quiet
from redshank.instants import DAY, HOUR, MINUTE
from tests.unit.definitions.writing import FILES, compiled


def _book(root: Path, more: str = "") -> Book:
    return compiled(root, {"workflows/activation.yaml": None, "redshank.yaml": FILES["redshank.yaml"] + more})


def test_a_book_that_says_nothing_of_it_has_the_usual_policy_and_no_holdout(tmp_path: Path) -> None:
    book = _book(tmp_path)
    assert book.policy == Policy(hold=DAY, entry_grace=10 * MINUTE, max_emails_per_day=10)
    assert book.holdout == 0


def test_the_policy_is_what_the_book_says(tmp_path: Path) -> None:
    book = _book(tmp_path, "policy: {hold: 4h, entry_grace: 5m, max_emails_per_day: 3}\n")
    assert book.policy == Policy(hold=4 * HOUR, entry_grace=5 * MINUTE, max_emails_per_day=3)


def test_caps_and_quiet_hours_are_what_the_book_says(tmp_path: Path) -> None:
    policy = (
        'policy: {caps: [{max: 1, per: day}, {max: 3, within: 7d}], quiet: {from: "21:00", to: "08:00"}}\n'
    )
    book = _book(tmp_path, policy)
    assert book.policy.caps == (Cap(max=1), Cap(max=3, within=7 * DAY))
    assert book.policy.quiet == Quiet(start=21 * 60, end=8 * 60)


@pytest.mark.parametrize(
    ("policy", "wrong"),
    [
        ("caps: [{max: 1}]", "a cap is `per: day` or `within` a duration such as `7d`"),
        ("caps: [{max: 1, per: day, within: 7d}]", "a cap is `per: day` or `within` a duration such as `7d`"),
        ("caps: [{max: 0, per: day}]", "`max` should be 1 or more, not the number `0`"),
        ("caps: [{max: 2, per: week}]", "`per` should be `day`, not `week`"),
        ('quiet: {from: "21:00"}', "`to` is missing"),
        ('quiet: {from: "9pm", to: "08:00"}', "`from` should be a time of day such as `09:00`, not `9pm`"),
        (
            'quiet: {from: "21:00", to: "21:00"}',
            "`from` and `to` are the same time; leave `quiet` out if no hour is quiet",
        ),
    ],
)
def test_a_mistake_in_the_policy_is_told(tmp_path: Path, policy: str, wrong: str) -> None:
    with pytest.raises(InvalidBook) as told:
        _book(tmp_path, f"policy: {{{policy}}}\n")
    assert [problem.message for problem in told.value.problems] == [wrong]


@pytest.mark.parametrize(("written", "share"), [("5%", 0.05), ("0.25", 0.25), ("0", 0.0)])
def test_a_share_of_contacts_can_be_held_out(tmp_path: Path, written: str, share: float) -> None:
    assert _book(tmp_path, f"holdout: {written}\n").holdout == share
