"""Addresses nothing may be sent to, on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.exceptions import PutError

from redshank.store import failing
from redshank.store.tables import SuppressionItem


class DynamoSuppressions:
    """See ports.Suppressions."""

    def reasons(self, address_hashes: Iterable[str]) -> dict[str, str]:
        return {item.address_hash: item.reason for item in SuppressionItem.batch_get(set(address_hashes))}

    def add(self, address_hash: str, *, reason: str, source: str, at: int) -> None:
        item = SuppressionItem(address_hash=address_hash, reason=reason, source=source, at=at)
        try:
            item.save(SuppressionItem.reason.does_not_exist())
        except PutError as error:
            if not failing.by_condition(error):
                raise
