"""Profiles and standings on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import PutError, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from redshank.engine import packing
from redshank.engine.state import Block, Profile, Standing
from redshank.errors import Conflict
from redshank.identity import due_shard
from redshank.store import failing
from redshank.store.tables import PROFILE, STANDING, ProfileItem, StandingItem, whole


class DynamoContacts:
    """See ports.Contacts."""

    def standings(self, contact_ids: Iterable[str], *, consistent: bool) -> dict[str, Standing]:
        keys = [(contact_id, STANDING) for contact_id in contact_ids]
        return {item.contact_id: _standing(item) for item in StandingItem.batch_get(keys, consistent)}

    def profiles(self, contact_ids: Iterable[str], *, consistent: bool) -> dict[str, Profile]:
        keys = [(contact_id, PROFILE) for contact_id in contact_ids]
        return {item.contact_id: _profile(item) for item in ProfileItem.batch_get(keys, consistent)}

    def write(self, standing: Standing, profile: Profile | None = None) -> None:
        item = _standing_item(standing)
        unchanged = _follows(StandingItem, standing.version)
        try:
            if profile is None:
                item.save(unchanged)
                return
            with TransactWrite(connection=_connection()) as transaction:
                transaction.save(item, condition=unchanged)
                transaction.save(_profile_item(profile), condition=_follows(ProfileItem, profile.version))
        except (PutError, TransactWriteError) as error:
            if failing.by_condition(error):
                raise Conflict from error
            raise

    def park(self, contact_id: str, *, until: int) -> None:
        try:
            StandingItem(contact_id, STANDING).update(
                actions=[
                    StandingItem.parked.set(True),
                    StandingItem.due_shard.set(str(due_shard(contact_id))),
                    StandingItem.due_at.set(until),
                ],
                condition=StandingItem.version.exists(),
            )
        except UpdateError as error:
            # Whoever has no standing is in no index.
            if not failing.by_condition(error):
                raise

    def due(self, shard: int, after: int, until: int) -> Iterator[tuple[str, int]]:
        if until <= after:
            return
        # BETWEEN includes both ends (and is refused if they are the wrong way round); instants are whole.
        for item in StandingItem.due.query(str(shard), StandingItem.due_at.between(after + 1, until)):
            yield item.contact_id, int(item.due_at)

    # --- for the command line

    def about(self) -> int:
        """About how many contacts there are; DynamoDB counts every six hours. Each has two items."""
        return int(StandingItem.describe_table()["ItemCount"]) // 2

    def some(
        self, segment: int, segments: int, *, after: Mapping[str, Any] | None, limit: int, whole: bool
    ) -> tuple[list[Standing], Mapping[str, Any] | None]:
        """The next standings of a segment of all contacts, and where to go on (None: that was all).

        Tombstones are left out; unless ``whole``, a standing is its contact id alone.
        """
        found = StandingItem.scan(
            (StandingItem.kind == STANDING)
            & StandingItem.merged_into.does_not_exist()
            & StandingItem.erased_at.does_not_exist(),
            segment=segment,
            total_segments=segments,
            limit=limit,
            page_size=limit,
            last_evaluated_key=None if after is None else dict(after),
            attributes_to_get=None if whole else ["contact_id"],
        )
        standings = [_standing(item) if whole else Standing(contact_id=item.contact_id) for item in found]
        return standings, found.last_evaluated_key


@cache
def _connection() -> Connection:
    return StandingItem._get_connection().connection


def _follows(model: type[StandingItem] | type[ProfileItem], version: int):  # type: ignore[no-untyped-def]
    """The condition that the item is the one before this version (1: there is none)."""
    return model.version == version - 1 if version > 1 else model.version.does_not_exist()


def _standing_item(standing: Standing) -> StandingItem:
    indexed = standing.indexed is not None
    return StandingItem(
        contact_id=standing.contact_id,
        version=standing.version,
        profile_version=standing.profile_version,
        merged_into=standing.merged_into,
        erased_at=standing.erased_at,
        due_shard=str(due_shard(standing.contact_id)) if indexed else None,
        due_at=standing.indexed,
        state=packing.pack(standing),
    )


def _standing(item: StandingItem) -> Standing:
    standing = Standing(
        contact_id=item.contact_id,
        version=int(item.version),
        profile_version=int(item.profile_version),
        merged_into=item.merged_into,
        erased_at=whole(item.erased_at),
        indexed=whole(item.due_at),
    )
    packing.unpack(standing, item.state)
    return standing


def _profile_item(profile: Profile) -> ProfileItem:
    block = profile.block
    return ProfileItem(
        contact_id=profile.contact_id,
        version=profile.version,
        email=profile.email or None,
        traits=dict(profile.traits),
        written=dict(profile.written),
        consent={topic: list(said) for topic, said in profile.consent.items()},
        block=None if block is None else [block.address_hash, block.reason, block.at],
        created_at=profile.created_at,
        account_id=profile.account_id or None,
        account=dict(profile.account) or None,
        suppressed=None if profile.suppressed is None else list(profile.suppressed),
    )


def _profile(item: ProfileItem) -> Profile:
    block = item.block
    return Profile(
        contact_id=item.contact_id,
        version=int(item.version),
        traits=item.traits,
        written=item.written,
        consent={topic: (subscribed, since) for topic, (subscribed, since) in item.consent.items()},
        block=None if block is None else Block(address_hash=block[0], reason=block[1], at=block[2]),
        created_at=int(item.created_at),
        account_id=item.account_id or "",
        account=item.account or {},
        suppressed=None if item.suppressed is None else (item.suppressed[0], item.suppressed[1]),
    )
