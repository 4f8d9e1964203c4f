"""What do Redshank's own events mean for the profile and the journeys?"""

from __future__ import annotations

from dataclasses import replace

from redshank.engine import consent, emails, entering, inputs, journeys
from redshank.engine.inputs import Event
from redshank.engine.state import Block
from redshank.engine.turn import Turn
from redshank.identity import address_hash

#: What the property ``by`` of an open or a click says of machines; whoever is not one of them is human.
MACHINES = frozenset({"proxy", "scanner"})
#: So many links of an email are remembered.
MAX_LINKS = 20


def learn(turn: Turn, event: Event) -> None:
    """Take note of one event."""
    properties = event.properties
    match event.name:
        case inputs.TOPIC_SUBSCRIBED | inputs.TOPIC_UNSUBSCRIBED:
            topic = str(properties.get("topic") or consent.EVERYTHING)
            subscribed = event.name == inputs.TOPIC_SUBSCRIBED
            turn.change(consent.say(turn.profile, topic, subscribed, event.occurred_at))
            if subscribed:
                turn.change(consent.lift(turn.profile, event.occurred_at))
            else:
                journeys.leave_topic(turn, topic)
        case inputs.EMAIL_BOUNCED if properties.get("kind") == "hard":
            _block(turn, event, "hard_bounce")
        case inputs.EMAIL_COMPLAINED:
            _block(turn, event, "complaint")
        case inputs.EMAIL_OPENED | inputs.LINK_CLICKED:
            _see(turn, event)
        case inputs.EMAIL_DEFERRED:
            emails.deferred(turn, event)
        case inputs.EMAIL_FAILED:
            turn.standing.outbox.pop(str(properties.get("message_id")), None)
        case inputs.WORKFLOW_ENROLLED:
            given = properties.get("properties")
            entering.enroll(
                turn,
                str(properties.get("workflow")),
                event.occurred_at,
                given if isinstance(given, dict) else {},
            )


def _see(turn: Turn, event: Event) -> None:
    """An email was opened, or a link in it clicked."""
    human = str(event.properties.get("by")) not in MACHINES
    clicked = event.name == inputs.LINK_CLICKED
    if clicked and human:
        turn.change(consent.lift(turn.profile, event.occurred_at))
    journey = turn.standing.journeys.get(str(event.properties.get("run")))
    if journey is None:
        return
    step = str(event.properties.get("step"))
    if clicked:
        seen = journey.clicked if human else journey.clicked_by_machine
        link = event.properties.get("link")
        links = journey.links if human else journey.links_by_machine
        known = links.get(step, [])
        if isinstance(link, str) and link not in known and turn.book.asks_links:
            links[step] = [*known, link][-MAX_LINKS:]
    else:
        seen = journey.opened if human else journey.opened_by_machine
    seen.setdefault(step, event.occurred_at)
    turn.moved = True


def _block(turn: Turn, event: Event, reason: str) -> None:
    """Nothing may be sent to this address any more: all that mails ends, if it is still the contact's."""
    hashed = str(event.properties.get("address_hash", ""))
    if not turn.profile.email or hashed != address_hash(turn.profile.email):
        return
    turn.change(replace(turn.profile, block=Block(address_hash=hashed, reason=reason, at=event.occurred_at)))
    for journey in list(turn.standing.journeys.values()):
        journeys.end(turn, journey, reason)
