"""The stand that the end-to-end tests share: `make run`'s own code, in a folder and on ports of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from infra.local import run
from infra.local.place import ROOT
from tests.e2e.client import Stand


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    state = ROOT / ".redshank" / "e2e"
    run.stop(state)
    shutil.rmtree(state, ignore_errors=True)
    place, keys = run.start(state, book=str(ROOT / "examples" / "activation"), preferred_ports=False)
    yield Stand(place=place, keys=keys)
    if "KEEP_STAND" not in os.environ:
        run.stop(state)
