"""A stack per module: making one takes longer than a journey through it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.journeys import BOOK
from tests.integration.stack import Stack, running


@pytest.fixture(scope="module")
def _module_stack() -> Iterator[Stack]:
    with running(BOOK) as stack:
        yield stack


@pytest.fixture
def stack(_module_stack: Stack) -> Iterator[Stack]:
    """The module's stack, with nothing switched off and SES in a good mood."""
    yield _module_stack
    _module_stack.paused.clear()
    _module_stack.feedback_after = 2_000
    _module_stack.ses.moods.clear()
    _module_stack.watch = lambda function, call, after: None
