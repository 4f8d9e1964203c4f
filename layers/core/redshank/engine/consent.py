"""May we write to this contact about that?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from redshank.engine.state import Profile
from redshank.identity import address_hash

if TYPE_CHECKING:
    from redshank.engine.book import Topic

#: The topic that stands for everything that is not transactional.
EVERYTHING = "*"


def allows(topic: Topic, profile: Profile) -> bool:
    """Transactional topics always; others by opt-in and as long as nobody unsubscribed.

    ``opt_in: none`` means that signing up to the product was the invitation, until an unsubscribe.
    """
    if topic.transactional:
        return True
    everything, everything_at = profile.consent.get(EVERYTHING, (True, -1))
    subscribed, since = profile.consent.get(topic.name, (topic.opt_in == "none", -1))
    if not everything and since <= everything_at:
        return False
    return subscribed


def say(profile: Profile, topic: str, subscribed: bool, at: int) -> Profile:
    """The profile after the contact subscribed or unsubscribed; the newest word per topic wins."""
    known = profile.consent.get(topic)
    if known is not None and known[1] > at:
        return profile
    return replace(profile, consent={**profile.consent, topic: (subscribed, at)})


def suppress(profile: Profile, reason: str, at: int) -> Profile:
    """The profile of a contact that gets no marketing email until it shows interest again."""
    return profile if profile.suppressed else replace(profile, suppressed=(reason, at))


def lift(profile: Profile, at: int) -> Profile:
    """The profile after a click or a new opt-in; one from before the suppression does not lift it."""
    if profile.suppressed is None or at < profile.suppressed[1]:
        return profile
    return replace(profile, suppressed=None)


def barred(profile: Profile, topic: Topic) -> str:
    """Why nothing about this topic may go to the contact's present address, or an empty string.

    A hard bounce bars everything; a complaint bars all but transactional email.
    """
    block = profile.block
    bars = block is not None and (block.reason == "hard_bounce" or not topic.transactional)
    if block is not None and bars and block.address_hash == address_hash(profile.email):
        return block.reason
    if profile.suppressed is not None and not topic.transactional:
        return profile.suppressed[0]
    return ""
