"""The send ledger on DynamoDB: every change is one conditional update."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.condition import Condition

from redshank.engine.effects import Mail
from redshank.errors import Conflict
from redshank.ports import FACTS, LedgerRow, Status
from redshank.store import failing
from redshank.store.tables import MessageItem

_FREE = MessageItem.status.does_not_exist() | (MessageItem.status == Status.OPEN)
_WANTED = MessageItem.unwanted.does_not_exist()
#: Decided against while it was claimed, and now known not to have been sent.
_UNWANTED = (
    MessageItem.status.set(Status.CANCELLED),
    MessageItem.reason.set(MessageItem.unwanted),
)


class DynamoLedger:
    """See ports.Ledger."""

    def rows(self, message_ids: Iterable[str], *, consistent: bool) -> dict[str, LedgerRow]:
        return {item.message_id: _row(item) for item in MessageItem.batch_get(set(message_ids), consistent)}

    def claim(self, mail: Mail, *, now: int) -> int:
        to_this = MessageItem.release.does_not_exist() | (MessageItem.release <= mail.release)
        what = [*_what(mail), MessageItem.decided_at.set(mail.decided_at)]
        return self._claim(mail.message_id, _FREE & to_this, what, now)

    def claim_again(self, message_id: str, *, attempt: int, now: int) -> int:
        try:
            return self._claim(message_id, _mine(attempt) & _WANTED, [], now)
        except Conflict:
            _change(message_id, _mine(attempt) & ~_WANTED, *_UNWANTED)
            raise

    def _claim(self, message_id: str, condition: Condition, actions: list[Any], now: int) -> int:
        owner = uuid4().hex
        item = MessageItem(message_id)
        try:
            item.update(
                [
                    *actions,
                    MessageItem.status.set(Status.CLAIMED),
                    MessageItem.claimed_at.set(now),
                    MessageItem.claimed_by.set(owner),
                    MessageItem.attempt.set((MessageItem.attempt | 0) + 1),
                ],
                condition,
            )
        except UpdateError as error:
            if not failing.by_condition(error):
                raise
            # The SDK may have repeated a request whose answer was lost: then the claim is ours.
            found = _get(message_id)
            if found is None or found.claimed_by != owner:
                raise Conflict from error
            item = found
        return int(item.attempt)

    def mark_sent(self, message_id: str, *, attempt: int, provider_id: str, now: int) -> None:
        _change(
            message_id,
            _mine(attempt),
            MessageItem.status.set(Status.SENT),
            MessageItem.provider_id.set(provider_id),
            MessageItem.settled_at.set(now),
        )

    def give_back(self, message_id: str, *, attempt: int, release: int = 0) -> None:
        opened = [MessageItem.status.set(Status.OPEN)]
        if release:
            opened.append(MessageItem.release.set(release))
        if not _change(message_id, _mine(attempt) & _WANTED, *opened):
            _change(message_id, _mine(attempt) & ~_WANTED, *_UNWANTED)

    def fail(self, mail: Mail, *, reason: str, now: int) -> None:
        _change(mail.message_id, _FREE, *_what(mail), *_over(Status.FAILED, reason, now))

    def fail_attempt(self, message_id: str, *, attempt: int, reason: str, now: int) -> None:
        _change(message_id, _mine(attempt), *_over(Status.FAILED, reason, now))

    def cancel(self, message_id: str, *, contact_id: str, reason: str, now: int) -> bool:
        cancelled = [MessageItem.contact_id.set(contact_id), *_over(Status.CANCELLED, reason, now)]
        claimed = MessageItem.status == Status.CLAIMED
        while True:
            if _change(message_id, _FREE, *cancelled):
                return True
            if _change(message_id, claimed, MessageItem.unwanted.set(reason)):
                return False
            if MessageItem.get(message_id, consistent_read=True).status not in (Status.CLAIMED, Status.OPEN):
                return False

    def note(self, message_id: str, facts: Mapping[str, int]) -> LedgerRow | None:
        noted = [_first(fact, at) for fact, at in facts.items()]
        unsettled = MessageItem.status.is_in(Status.CLAIMED, Status.OPEN)
        item = _change(message_id, MessageItem.status.exists() & ~unsettled, *noted)
        if item is None:
            item = _change(message_id, unsettled, MessageItem.status.set(Status.SENT), *noted)
        if item is None:
            # Settled between the two, or not ours.
            item = _change(message_id, MessageItem.status.exists(), *noted)
        return _row(item) if item else None


def _get(message_id: str) -> MessageItem | None:
    try:
        return MessageItem.get(message_id, consistent_read=True)
    except DoesNotExist:
        return None


def _mine(attempt: int) -> Condition:
    mine: Condition = (MessageItem.status == Status.CLAIMED) & (MessageItem.attempt == attempt)
    return mine


def _what(mail: Mail) -> list[Any]:
    variant = [MessageItem.variant.set(mail.variant)] if mail.variant else []
    return [
        *variant,
        MessageItem.contact_id.set(mail.contact_id),
        MessageItem.workflow.set(mail.workflow),
        MessageItem.run.set(mail.run),
        MessageItem.step.set(mail.step),
        MessageItem.topic.set(mail.topic),
        MessageItem.template.set(mail.template),
    ]


def _over(status: Status, reason: str, now: int) -> list[Any]:
    return [
        MessageItem.status.set(status),
        MessageItem.reason.set(reason),
        MessageItem.settled_at.set(now),
    ]


def _first(fact: str, at: int) -> Any:
    attribute = getattr(MessageItem, f"{fact}_at")
    return attribute.set(attribute | at)


def _change(message_id: str, condition: Condition, *actions: Any) -> MessageItem | None:
    """The item after the update, or None if it was not as the condition asks."""
    item = MessageItem(message_id)
    try:
        item.update(list(actions), condition)
    except UpdateError as error:
        if failing.by_condition(error):
            return None
        raise
    return item


def _row(item: MessageItem) -> LedgerRow:
    facts = {fact: getattr(item, f"{fact}_at") for fact in FACTS}
    return LedgerRow(
        message_id=item.message_id,
        status=Status(item.status),
        attempt=int(item.attempt or 0),
        claimed_at=int(item.claimed_at or 0),
        release=int(item.release or 0),
        reason=item.reason or "",
        unwanted=item.unwanted or "",
        contact_id=item.contact_id or "",
        workflow=item.workflow or "",
        run=item.run or "",
        step=item.step or "",
        topic=item.topic or "",
        variant=item.variant or "",
        facts={fact: int(at) for fact, at in facts.items() if at is not None},
    )
