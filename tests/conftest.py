"""What holds for all tests: where CI installs everything, nothing is skipped."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With REDSHANK_NOTHING_SKIPS, as .ci/run sets it, a test that skips has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("REDSHANK_NOTHING_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"nothing may skip here, but this did: {report.longrepr}"
    return report
