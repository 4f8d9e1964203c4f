"""How does a person hear of what takes long?"""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from cli.telling import counted, waiting


def test_where_no_bar_can_be_drawn_a_line_is_said_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    out = io.StringIO()
    with waiting(Console(file=out, force_terminal=False), "visiting contacts") as told:
        for done in range(0, 4_000, 1_000):
            now += 3
            told(done, 4_000)
    assert out.getvalue().splitlines() == [
        "visiting contacts: 1,000 of about 4,000",
        "visiting contacts: 3,000 of about 4,000",
    ]


def test_on_a_terminal_a_bar_is_drawn_once_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    out = io.StringIO()
    terminal = Console(file=out, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    with waiting(terminal, "visiting contacts") as told:
        told(1, 4)
        assert out.getvalue() == ""
        now += 2
        told(2, 4)
    assert "visiting contacts" in out.getvalue()


def test_one_is_not_many() -> None:
    assert (counted(1, "contact"), counted(1_200, "contact")) == ("1 contact", "1,200 contacts")
