"""What do the tables look like? One PynamoDB model per kind of item.

A test proves that these models and infra/storage.yaml agree. Importing this module reads the environment: a
table's name is the stack's name and its own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.connection import TableConnection
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from redshank import environment, sessions

_STACK = environment.from_variables().stack

PROFILE = "profile"
STANDING = "standing"


def whole(number: float | None) -> int | None:
    """A number attribute that may be missing (PynamoDB's types do not say so), as the int it is."""
    return None if number is None else int(number)


class _Meta:
    """Timeouts are for a neighbour in the same region: better a retry than a waiting batch."""

    connect_timeout_seconds = 2
    read_timeout_seconds = 5
    max_retry_attempts = 3
    max_pool_connections = 64


class Kept(Model):
    """A model that shares its client with all others."""

    _client: ClassVar[Any] = None

    @classmethod
    def _get_connection(cls) -> TableConnection:
        is_new = cls._connection is None
        table = super()._get_connection()
        if is_new:
            connection = table.connection
            connection._local.session = sessions.botocore()
            connection._client = Kept._client = Kept._client or connection.client
        return table

    @staticmethod
    def forget() -> None:
        """Let the next use connect anew."""
        Kept._client = None
        for model in Kept.__subclasses__():
            model._connection = None


class Due(GlobalSecondaryIndex["StandingItem"]):
    """The contacts that wait for an instant: sparse, eventually consistent."""

    class Meta(_Meta):
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    due_at = NumberAttribute(range_key=True)


class StandingItem(Kept):
    """Where a contact stands; what the console must see is plain, the rest is packed."""

    class Meta(_Meta):
        table_name = f"{_STACK}-contacts"

    contact_id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True, default=STANDING)
    version = NumberAttribute()
    profile_version = NumberAttribute(default=0)
    merged_into = UnicodeAttribute(null=True)
    erased_at = NumberAttribute(null=True)
    parked = BooleanAttribute(null=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)
    state = BinaryAttribute(legacy_encoding=False)

    due: ClassVar[Due] = Due()


class ProfileItem(Kept):
    """Who a contact is."""

    class Meta(_Meta):
        table_name = f"{_STACK}-contacts"

    contact_id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True, default=PROFILE)
    version = NumberAttribute()
    email = UnicodeAttribute(null=True)
    traits = JSONAttribute()
    #: Trait -> when it was last said.
    written = JSONAttribute()
    #: Topic -> [subscribed, since].
    consent = JSONAttribute()
    #: [address hash, reason, at].
    block = JSONAttribute(null=True)
    created_at = NumberAttribute()
    account_id = UnicodeAttribute(null=True)
    account = JSONAttribute(null=True)
    #: [why, since].
    suppressed = JSONAttribute(null=True)


class EventItem(Kept):
    """An input that is applied and dispatched."""

    class Meta(_Meta):
        table_name = f"{_STACK}-events"

    stream = UnicodeAttribute(hash_key=True)
    event_id = UnicodeAttribute(range_key=True)
    contact_id = UnicodeAttribute()
    at = NumberAttribute()
    #: Seconds since the epoch, for DynamoDB's time to live.
    expires_at = NumberAttribute()
    event = BinaryAttribute(legacy_encoding=False, null=True)


class MessageItem(Kept):
    """What became of a decided email. ``<fact>_at`` is when that was first noted."""

    class Meta(_Meta):
        table_name = f"{_STACK}-messages"

    message_id = UnicodeAttribute(hash_key=True)
    status = UnicodeAttribute()
    attempt = NumberAttribute(default=0)
    claimed_at = NumberAttribute(null=True)
    #: Whose claim it is: a request that was repeated under us finds its own claim.
    claimed_by = UnicodeAttribute(null=True)
    #: The earliest release of the email that may claim it.
    release = NumberAttribute(null=True)
    provider_id = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    #: Why it was decided against while it was claimed.
    unwanted = UnicodeAttribute(null=True)
    contact_id = UnicodeAttribute(null=True)
    workflow = UnicodeAttribute(null=True)
    run = UnicodeAttribute(null=True)
    step = UnicodeAttribute(null=True)
    topic = UnicodeAttribute(null=True)
    variant = UnicodeAttribute(null=True)
    template = UnicodeAttribute(null=True)
    decided_at = NumberAttribute(null=True)
    settled_at = NumberAttribute(null=True)
    sent_at = NumberAttribute(null=True)
    delivered_at = NumberAttribute(null=True)
    delayed_at = NumberAttribute(null=True)
    bounced_at = NumberAttribute(null=True)
    soft_bounced_at = NumberAttribute(null=True)
    refused_at = NumberAttribute(null=True)
    suppressed_at = NumberAttribute(null=True)
    complained_at = NumberAttribute(null=True)
    rejected_at = NumberAttribute(null=True)
    rendering_failed_at = NumberAttribute(null=True)
    opened_at = NumberAttribute(null=True)
    clicked_at = NumberAttribute(null=True)
    unsubscribed_at = NumberAttribute(null=True)


class MemberItem(Kept):
    """A contact's membership of a segment; one that left stays a while, as a guard against late entries."""

    class Meta(_Meta):
        table_name = f"{_STACK}-members"

    segment_shard = UnicodeAttribute(hash_key=True)
    contact_id = UnicodeAttribute(range_key=True)
    member = BooleanAttribute()
    version = NumberAttribute()
    at = NumberAttribute()
    expires_at = NumberAttribute(null=True)


class SuppressionItem(Kept):
    """An address nothing may be sent to."""

    class Meta(_Meta):
        table_name = f"{_STACK}-suppressions"

    address_hash = UnicodeAttribute(hash_key=True)
    reason = UnicodeAttribute()
    source = UnicodeAttribute()
    at = NumberAttribute()


class SettingItem(Kept):
    """Small things that change while the functions run: ``book``, ``backfill``, ``signing``, ``sweep``,
    ``key#<sha256>``."""

    class Meta(_Meta):
        table_name = f"{_STACK}-settings"

    name = UnicodeAttribute(hash_key=True)
    sequence = NumberAttribute(null=True)
    hash = UnicodeAttribute(null=True)
    listens = JSONAttribute(null=True)
    applied = NumberAttribute(null=True)
    paused = JSONAttribute(null=True)
    visits = JSONAttribute(null=True)
    schema = JSONAttribute(null=True)
    #: How far a back-fill has come.
    progress = JSONAttribute(null=True)
    keys = JSONAttribute(null=True)
    label = UnicodeAttribute(null=True)
    scopes = JSONAttribute(null=True)
    created_at = NumberAttribute(null=True)
    revoked_at = NumberAttribute(null=True)
    until = NumberAttribute(null=True)
