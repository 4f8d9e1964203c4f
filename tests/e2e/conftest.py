"""The stand that the end-to-end tests share: `make run`'s own code, in a folder and on ports of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from infra.local import run
from infra.local.place import ROOT
from tests.e2e.client import NOTICED, Stand, until

_RICHER = Path(__file__).with_name("richer")


def _patient(state: Path) -> Path:
    """The activation example, with emails that may be held for long: with a day in ten seconds, a machine that
    stalls for a minute has held them for a week."""
    book = state / "activation"
    shutil.copytree(ROOT / "examples" / "activation", book)
    settings = book / "redshank.yaml"
    settings.write_text(settings.read_text().replace("hold: 7d", "hold: 30d"))
    return book


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    state = ROOT / ".redshank" / "e2e"
    run.stop(state)
    shutil.rmtree(state, ignore_errors=True)
    place, keys = run.start(state, book=str(_patient(state)), preferred_ports=False)
    yield Stand(place=place, keys=keys)
    if "KEEP_STAND" not in os.environ:
        run.stop(state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Richer:
    """What the commands said."""

    plan: str
    apply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Applying:
    plan: str
    process: subprocess.Popen[bytes]
    said: Path


@pytest.fixture(scope="session")
def applying(stand: Stand) -> Iterator[_Applying]:
    """A book with more in it is applied over the live one; two contacts are there to whom nothing happens after that.

    Who was known waits for more than a minute, since it counts a new measure. Who comes after this fixture does not.
    """
    book = stand.place.state / "richer"
    shutil.copytree(stand.place.state / "activation", book)
    shutil.copytree(_RICHER, book, dirs_exist_ok=True)
    for user, used in (("heavy", 70), ("light", 20)):
        stand.identify(user, team_size=80)
        stand.track(user, "report_run", credits=used)
        stand.track(user, "report_run", credits=50, note="the last")
    for user in ("heavy", "light"):
        known = partial(stand.has_logged, user, "the last", book=book)
        until(known, seconds=30, what=f"what happened to {user}")
    plan = stand.redshank("plan", str(book))
    said = stand.place.state / "apply.log"
    with said.open("wb") as log:
        process = stand.begin("apply", str(book), out=log)
    until(lambda: "is live" in said.read_text(), seconds=30, what="the richer book to be live")
    time.sleep(NOTICED)
    yield _Applying(plan=plan, process=process, said=said)
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def richer(applying: _Applying) -> Richer:
    """The richer book, when everybody it has something for has met it."""
    failed = applying.process.wait(timeout=150)
    said = applying.said.read_text()
    assert not failed, said
    return Richer(plan=applying.plan, apply=said)
