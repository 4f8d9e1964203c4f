"""Every port twice: in memory, and on AWS as moto plays it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from redshank.memory import (
    MemoryContacts,
    MemoryLedger,
    MemoryLog,
    MemorySuppressions,
)
from redshank.ports import Contacts, Ledger, Log, Suppressions, inline
from tests.contracts import adapters

IN_MEMORY, ON_AWS = "memory", "aws"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with our tables, queues and a bucket, all empty."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in adapters.VARIABLES.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        adapters.build()
        yield


@pytest.fixture(params=[IN_MEMORY, ON_AWS])
def side(request: pytest.FixtureRequest) -> str:
    """Which implementation of a port a test runs against."""
    chosen: str = request.param
    if chosen == ON_AWS:
        request.getfixturevalue("account")
    return chosen


@pytest.fixture
def contacts(side: str) -> Contacts:
    return MemoryContacts() if side == IN_MEMORY else adapters.DynamoContacts()


@pytest.fixture
def log(side: str) -> Log:
    return MemoryLog() if side == IN_MEMORY else adapters.DynamoLog(inline, ttl=1)


@pytest.fixture
def ledger(side: str) -> Ledger:
    return MemoryLedger() if side == IN_MEMORY else adapters.DynamoLedger()


@pytest.fixture
def suppressions(side: str) -> Suppressions:
    return MemorySuppressions() if side == IN_MEMORY else adapters.DynamoSuppressions()
