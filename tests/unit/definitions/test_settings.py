"""What does ``redshank.yaml`` mean to the engine?"""

from __future__ import annotations

from pathlib import Path

import pytest

from redshank.engine.book import Book, Policy
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


@pytest.mark.parametrize(("written", "share"), [("5%", 0.05), ("0.25", 0.25), ("0", 0.0)])
def test_a_share_of_contacts_can_be_held_out(tmp_path: Path, written: str, share: float) -> None:
    assert _book(tmp_path, f"holdout: {written}\n").holdout == share
