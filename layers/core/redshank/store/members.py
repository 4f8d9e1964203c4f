"""Who is in a segment, on DynamoDB."""

from __future__ import annotations

from zlib import crc32

from pynamodb.exceptions import PutError

from redshank.instants import DAY, SECOND
from redshank.store import failing
from redshank.store.tables import MemberItem

#: Partitions of one segment's members.
SHARDS = 8
#: How long one that left is remembered: longer than a dead-lettered entry can come back.
_LEFT_TTL = 30 * DAY


class DynamoMembers:
    """See ports.Members."""

    def put(self, segment: str, contact_id: str, *, member: bool, version: int, now: int) -> None:
        item = MemberItem(
            segment_shard=f"{segment}#{crc32(contact_id.encode()) % SHARDS}",
            contact_id=contact_id,
            member=member,
            version=version,
            at=now,
            expires_at=None if member else (now + _LEFT_TTL) // SECOND,
        )
        try:
            item.save(MemberItem.version.does_not_exist() | (MemberItem.version < version))
        except PutError as error:
            if not failing.by_condition(error):
                raise
