"""The live book, keys and pointers, on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pynamodb.exceptions import DoesNotExist, PutError, UpdateError

from redshank.errors import Conflict, RedshankError
from redshank.ports import ApiKey, BookPointer
from redshank.store import failing
from redshank.store.tables import SettingItem, whole

_BOOK, _BACKFILL, _SIGNING, _SWEEP = "book", "backfill", "signing", "sweep"


class DynamoSettings:
    """See ports.Settings; the methods after ``move_sweep`` are for the command line."""

    def pointer(self) -> BookPointer | None:
        # Consistently: what was paused must not flip back.
        item = _get(_BOOK, consistent=True)
        if item is None:
            return None
        return BookPointer(
            sequence=int(item.sequence),
            hash=item.hash,
            listens=frozenset(item.listens or ()),
            applied=whole(item.applied) or 0,
            paused=frozenset(item.paused or ()),
            visits=frozenset(item.visits or ()),
            schema=item.schema,
        )

    def signing_keys(self) -> Sequence[str]:
        item = _get(_SIGNING)
        if item is None:
            raise RedshankError("there is no signing key: run `redshank apply`")
        keys: list[str] = item.keys
        return keys

    def api_key(self, key_hash: str) -> ApiKey | None:
        item = _get(f"key#{key_hash}")
        if item is None or whole(item.revoked_at) is not None:
            return None
        return ApiKey(label=item.label, scopes=frozenset(item.scopes))

    def swept_until(self) -> int:
        item = _get(_SWEEP, consistent=True)
        return int(item.until) if item else 0

    def move_sweep(self, *, until: int, before: int) -> bool:
        condition = SettingItem.until == before if before else SettingItem.until.does_not_exist()
        try:
            SettingItem(_SWEEP).update([SettingItem.until.set(until)], condition)
        except UpdateError as error:
            if failing.by_condition(error):
                return False
            raise
        return True

    # --- for the command line

    def publish(self, pointer: BookPointer) -> None:
        """Make this book the live one; raises Conflict unless its sequence follows the live one's."""
        before = pointer.sequence - 1
        item = SettingItem(
            _BOOK,
            sequence=pointer.sequence,
            hash=pointer.hash,
            listens=sorted(pointer.listens),
            applied=pointer.applied or None,
            paused=sorted(pointer.paused) or None,
            visits=sorted(pointer.visits) or None,
            schema=pointer.schema,
        )
        try:
            item.save(SettingItem.sequence == before if before else SettingItem.sequence.does_not_exist())
        except PutError as error:
            if failing.by_condition(error):
                raise Conflict("somebody else applied a book at the same time; apply again") from error
            raise

    def pause(self, names: Iterable[str], *, sequence: int) -> None:
        """Pause exactly these workflows of the live book; raises Conflict if another is live."""
        try:
            SettingItem(_BOOK).update(
                [SettingItem.paused.set(sorted(names))], SettingItem.sequence == sequence
            )
        except UpdateError as error:
            if failing.by_condition(error):
                raise Conflict("somebody else applied a book at the same time; try again") from error
            raise

    def backfill(self) -> tuple[int, Mapping[str, Any]] | None:
        """(sequence of the book, how far it has come) of the last back-fill."""
        item = _get(_BACKFILL, consistent=True)
        return None if item is None else (int(item.sequence), item.progress)

    def note_backfill(self, sequence: int, progress: Mapping[str, Any]) -> None:
        """Note how far it has come; raises Conflict if that of a newer book has begun."""
        item = SettingItem(_BACKFILL, sequence=sequence, progress=progress)
        try:
            item.save(SettingItem.sequence.does_not_exist() | (SettingItem.sequence <= sequence))
        except PutError as error:
            if failing.by_condition(error):
                raise Conflict("a newer book is being back-filled") from error
            raise

    def add_signing_key(self, secret: str) -> bool:
        """Keep the first signing key; whether there was none yet."""
        try:
            SettingItem(_SIGNING, keys=[secret]).save(SettingItem.name.does_not_exist())
        except PutError as error:
            if failing.by_condition(error):
                return False
            raise
        return True

    def add_api_key(self, key_hash: str, *, label: str, scopes: Iterable[str], now: int) -> None:
        SettingItem(f"key#{key_hash}", label=label, scopes=sorted(scopes), created_at=now).save()

    def api_keys(self) -> list[tuple[str, ApiKey, int, int | None]]:
        """(hash, key, created at, revoked at), revoked ones included: the table is small, and this is the
        command line."""
        return [
            (
                item.name.removeprefix("key#"),
                ApiKey(label=item.label, scopes=frozenset(item.scopes)),
                int(item.created_at),
                whole(item.revoked_at),
            )
            for item in SettingItem.scan(SettingItem.name.startswith("key#"))
        ]

    def revoke_api_key(self, key_hash: str, *, now: int) -> bool:
        """Revoke a key; whether there was such a key."""
        try:
            SettingItem(f"key#{key_hash}").update(
                [SettingItem.revoked_at.set(now)], SettingItem.label.exists()
            )
        except UpdateError as error:
            if failing.by_condition(error):
                return False
            raise
        return True


def _get(name: str, *, consistent: bool = False) -> SettingItem | None:
    try:
        return SettingItem.get(name, consistent_read=consistent)
    except DoesNotExist:
        return None
