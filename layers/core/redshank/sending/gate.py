"""May it be sent, as things are now? The last look, moments before SES.

The engine decided with what it knew; between then and now somebody may have bounced, complained or
unsubscribed, or the email may have waited past its time.
"""

from __future__ import annotations

from redshank.engine import consent
from redshank.engine.book import Book
from redshank.engine.effects import Mail
from redshank.engine.state import Profile

#: Suppressed whatever the email is about; a complaint bars marketing alone.
_BARS_ALL = frozenset({"hard_bounce", "manual", "imported"})


def refusal(mail: Mail, profile: Profile | None, suppression: str | None, book: Book) -> str:
    """Why it must never be sent, or an empty string."""
    if profile is None or not profile.email:
        return "no_address"
    if suppression and (suppression in _BARS_ALL or not mail.transactional):
        return suppression
    topic = book.topics.get(mail.topic)
    if topic is None:
        return "topic_removed"
    if not consent.allows(topic, profile):
        return "unsubscribed"
    if mail.template not in book.templates:
        return "template_removed"
    return ""


def is_paused(mail: Mail, book: Book) -> bool:
    """Whether its workflow stands still, and the email with it."""
    workflow = book.workflows.get(mail.workflow)
    return workflow is not None and workflow.state == "paused"


def is_late(mail: Mail, now: int) -> bool:
    """Whether it may not be sent any more without asking the engine again."""
    return mail.not_after is not None and now > mail.not_after
