"""Did a write fail because of its condition? Everything else is an error."""

from __future__ import annotations

from pynamodb.exceptions import PynamoDBException, TransactWriteError

_CODES = {"ConditionalCheckFailedException", "TransactionConflictException"}
_REASONS = {"ConditionalCheckFailed", "TransactionConflict"}


def by_condition(error: PynamoDBException) -> bool:
    """Whether the item was not as the condition asked, or another transaction was at it."""
    if isinstance(error, TransactWriteError) and error.cause_response_code == "TransactionCanceledException":
        return any(reason is not None and reason.code in _REASONS for reason in error.cancellation_reasons)
    return error.cause_response_code in _CODES
