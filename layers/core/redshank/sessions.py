"""Which AWS session do all clients share? Each of its own takes tens of milliseconds of a cold start to make."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3
    from botocore.session import Session


@cache
def botocore() -> Session:
    """The session of every client that is made by an SDK: what PynamoDB makes and what boto3 makes."""
    from botocore.session import get_session

    return get_session()


@cache
def aws() -> boto3.Session:
    """The same session as boto3 has it."""
    import boto3

    return boto3.Session(botocore_session=botocore())
