"""Who is in a segment, on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence

from pynamodb.exceptions import PutError

from redshank.identity import MEMBER_SHARDS, member_shard
from redshank.instants import DAY, SECOND
from redshank.ports import Spread, inline
from redshank.store import failing
from redshank.store.tables import MemberItem

#: Who left stays as a row for a while.
_INSIDE = MemberItem.member == True  # noqa: E712 - an expression for DynamoDB

#: How long one that left is remembered: longer than a dead-lettered entry can come back.
_LEFT_TTL = 30 * DAY


class DynamoMembers:
    """See ports.Members."""

    def __init__(self, spread: Spread = inline) -> None:
        self._spread = spread

    def put(self, segment: str, contact_id: str, *, member: bool, version: int, now: int) -> None:
        item = MemberItem(
            segment_shard=_shard(segment, member_shard(contact_id)),
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

    def page(self, segment: str, *, after: str = "", limit: int) -> Sequence[str]:
        found: list[str] = []
        for number in range(member_shard(after) if after else 0, MEMBER_SHARDS):
            later = MemberItem.contact_id > after if after and number == member_shard(after) else None
            some = MemberItem.query(_shard(segment, number), later, _INSIDE, limit=limit - len(found))
            found += [item.contact_id for item in some]
            if len(found) >= limit:
                break
        return found

    def count(self, segment: str) -> int:
        return sum(self._spread(lambda number: _count(segment, number), range(MEMBER_SHARDS)))


def _shard(segment: str, number: int) -> str:
    return f"{segment}#{number}"


def _count(segment: str, number: int) -> int:
    return MemberItem.count(_shard(segment, number), filter_condition=_INSIDE)
