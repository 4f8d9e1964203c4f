"""Has an email to wait? Quiet hours and frequency caps, over all workflows; transactional email is exempt.

Quiet hours wait for their end, however long that is. A cap waits up to the step's ``hold``: an email that could only
go after that is skipped. Both are of the contact's own clock, through daylight saving.
"""

from __future__ import annotations

from typing import NamedTuple

from redshank.engine import chance, moments
from redshank.engine.book import Cap
from redshank.engine.state import Journey
from redshank.engine.turn import Turn
from redshank.engine.values import zone_of
from redshank.engine.workflows import Send
from redshank.instants import DAY, MINUTE

#: After quiet hours, contacts are let go one after another over this span, so that their end is no spike.
SPREAD = 15 * MINUTE


class Hold(NamedTuple):
    #: The first instant at which it may go, as far as is known now.
    until: int
    #: ``quiet`` or ``capped``.
    reason: str


def holds(turn: Turn) -> Hold | None:
    """What holds a marketing email to the contact back now, or None."""
    capped = max((_opens(turn, cap) for cap in turn.book.policy.caps), default=turn.now)
    if capped > turn.now:
        return Hold(capped, "capped")
    ends, released = _quiet(turn, turn.now)
    return Hold(released, "quiet") if turn.now < ends else None


def lapses(hold: Hold, journey: Journey, step: Send) -> bool:
    """Whether it would go only after the longest wait that the book allows."""
    return hold.reason != "quiet" and hold.until > journey.since + step.hold


def waited(turn: Turn, latest: int) -> int:
    """The instant up to which an email is on time that may wait until ``latest``: beyond quiet hours too."""
    _, released = _quiet(turn, latest)
    return latest if latest >= released else released + turn.book.policy.entry_grace


def quiet_begins(turn: Turn) -> int | None:
    """When the next quiet hours begin: an email that is on its way by then comes back."""
    quiet = turn.book.policy.quiet
    if quiet is None:
        return None
    return moments.next_time(turn.now, quiet.start, (), zone_of(turn.profile, turn.book))


def remembered(turn: Turn) -> list[int]:
    """The decided emails that a cap or the runaway guard may still count."""
    spans = (_span(cap) for cap in turn.book.policy.caps)
    since = turn.now - max(spans, default=DAY)
    return [at for at in turn.standing.recent if at > min(since, turn.now - DAY)]


def _span(cap: Cap) -> int:
    # A day of the clock may have 25 hours, and begins elsewhere for a contact that moves.
    return 2 * DAY if cap.within is None else cap.within


def _opens(turn: Turn, cap: Cap) -> int:
    """The first instant, not before now, at which one more email keeps within the cap."""
    if cap.within is not None:
        counted = [at for at in turn.standing.recent if at > turn.now - cap.within]
        # One more may go once all but max - 1 of them have left the window.
        return turn.now if len(counted) < cap.max else counted[len(counted) - cap.max] + cap.within
    start, end = moments.boundaries("today", turn.now, zone_of(turn.profile, turn.book))
    return turn.now if sum(start <= at for at in turn.standing.recent) < cap.max else end


def _quiet(turn: Turn, at: int) -> tuple[int, int]:
    """Of the quiet hours that began last, for this contact: when they end, and when it is let go; 0 if there are
    none."""
    quiet = turn.book.policy.quiet
    if quiet is None:
        return 0, 0
    where = zone_of(turn.profile, turn.book)
    began = moments.last_time(at, quiet.start, (), where)
    ends = moments.next_time(began, quiet.end, (), where)
    return ends, ends + int(chance.fraction(turn.standing.contact_id, "quiet") * SPREAD)
