"""What do operators see? Structured log lines, and metrics as lines of the log (EMF): no calls, no personal data."""

from __future__ import annotations

import json
import sys
import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

NAMESPACE = "Redshank"


@cache
def logger(service: str) -> Logger:
    """The function's logger; what modules write with ``logging.getLogger(__name__)`` goes through it too."""
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

    made = Logger(service=service)
    copy_config_to_registered_loggers(source_logger=made, include={"redshank"})
    return made


def count(name: str, number: int = 1, **dimensions: str) -> None:
    """A count, as CloudWatch's embedded metric format (one line on standard output)."""
    if not number:
        return
    line = {
        "_aws": {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [sorted(dimensions)],
                    "Metrics": [{"Name": name, "Unit": "Count"}],
                }
            ],
        },
        name: number,
        **dimensions,
    }
    sys.stdout.write(json.dumps(line) + "\n")
