"""The stand that the end-to-end tests share: `make run`'s own code, in a folder and on ports of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import run
from infra.local.place import ROOT
from tests.e2e.client import Stand


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
