"""What does ``redshank.yaml`` mean to the engine?"""

from __future__ import annotations

from redshank.definitions.models.settings import BookSettings
from redshank.engine import book


def compile_topics(settings: BookSettings | None) -> dict[str, book.Topic]:
    if settings is None:
        return {}
    return {
        name: book.Topic(
            name=name,
            title=topic.name,
            opt_in=topic.opt_in,
            transactional=topic.kind == "transactional",
        )
        for name, topic in settings.topics.items()
    }


def compile_senders(settings: BookSettings) -> dict[str, book.Sender]:
    return {
        name: book.Sender(name=sender.name, email=sender.email, reply_to=sender.reply_to or "")
        for name, sender in settings.senders.items()
    }


def compile_policy(settings: BookSettings) -> book.Policy:
    if settings.policy is None:
        return book.Policy()
    quiet = settings.policy.quiet
    return book.Policy(
        hold=settings.policy.hold,
        entry_grace=settings.policy.entry_grace,
        max_emails_per_day=settings.policy.max_emails_per_day,
        caps=tuple(book.Cap(max=cap.max, within=cap.within) for cap in settings.policy.caps),
        quiet=None if quiet is None else book.Quiet(start=quiet.start, end=quiet.end),
    )
