"""What does a request to the public pages do? GET shows, POST acts; success is said once SQS has accepted it.

Link scanners follow every link of an email, so nothing a GET does may change anything. RFC 8058: mailbox
providers POST ``List-Unsubscribe=One-Click`` to the same URL, without cookies, and must not be redirected.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

from redshank import wire
from redshank.clock import Clock
from redshank.engine import consent
from redshank.engine.inputs import TOPIC_SUBSCRIBED, TOPIC_UNSUBSCRIBED, Event
from redshank.engine.state import Profile
from redshank.errors import BookMissing
from redshank.identity import contact_stream, digest
from redshank.instants import SECOND
from redshank.ports import Books, Contacts, Outbound, Queue, Queues, Settings
from redshank.preferences import pages
from redshank.preferences.links import BadLink, Link, Purpose, read, token
from redshank.preferences.pages import Choice

log = logging.getLogger(__name__)

#: Twice the same within this span of the wall is a double click. Longer, and somebody who changes their mind
#: and then changes it back would not be heard.
DOUBLE_CLICK = 10 * SECOND
#: A form here has a few short fields.
FORM_BYTES = 16 * 1024
FORM_FIELDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    contacts: Contacts
    books: Books
    queues: Queues
    settings: Settings
    clock: Clock

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The response to an API Gateway request (HTTP API, payload format 2.0). Raises nothing."""
        try:
            return self._answer(request)
        except Exception:
            # Whatever a service raised: nothing has been promised. Mailbox providers repeat after a 503.
            log.exception("a request could not be answered")
            return _page(503, pages.try_again(), {"retry-after": "60"})

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        path, _, text = request["rawPath"].rstrip("/").rpartition("/")
        keys = self.settings.signing_keys()
        try:
            purpose = Purpose(path.rpartition("/")[2])
            link = read(keys, purpose, text)
        except (BadLink, ValueError):
            return _page(404, pages.bad_link())
        acts = request["requestContext"]["http"]["method"] == "POST"
        if purpose is Purpose.UNSUBSCRIBE:
            # Relative: the pages may live behind a path of somebody else's domain.
            preferences = f"../{Purpose.PREFERENCES}/{token(keys, Purpose.PREFERENCES, link)}"
            return self._unsubscribe(link, preferences) if acts else self._ask(link, preferences)
        return self._save(link, request) if acts else self._show(link)

    def _ask(self, link: Link, preferences: str) -> dict[str, Any]:
        return _page(200, pages.ask_unsubscribe(title=self._title(link.topic), preferences=preferences))

    def _unsubscribe(self, link: Link, preferences: str) -> dict[str, Any]:
        """Any POST: the link says it all, and providers differ in how they encode the form."""
        self._tell([self._event(link, TOPIC_UNSUBSCRIBED, link.topic or consent.EVERYTHING)])
        return _page(200, pages.unsubscribed(title=self._title(link.topic), preferences=preferences))

    def _show(self, link: Link) -> dict[str, Any]:
        return _page(200, pages.preferences(self._choices(link.contact_id)))

    def _save(self, link: Link, request: Mapping[str, Any]) -> dict[str, Any]:
        form = _form(request)
        choices = self._choices(link.contact_id)
        match form.get("do"):
            case ["everything"]:
                self._tell([self._event(link, TOPIC_UNSUBSCRIBED, consent.EVERYTHING)])
                return _page(200, pages.preferences(_chosen(choices, ()), saved="everything"))
            case ["save"]:
                wanted = form.get("topic", ())
                changes = _changes(choices, shown=form.get("was", ()), wanted=wanted)
                self._tell([self._event(link, name, topic) for name, topic in changes])
                return _page(200, pages.preferences(_chosen(choices, wanted), saved="choices"))
        return _page(400, pages.bad_link())

    def _choices(self, contact_id: str) -> list[Choice]:
        """The topics one may leave, and where the contact stands; none while no book is live."""
        try:
            book = self.books.current()
        except BookMissing:
            return []
        profile = self.contacts.profiles([contact_id], consistent=True).get(contact_id)
        profile = profile or Profile(contact_id=contact_id)
        return [
            Choice(name=topic.name, title=topic.title, subscribed=consent.allows(topic, profile))
            for topic in book.topics.values()
            if not topic.transactional
        ]

    def _title(self, topic: str) -> str:
        """What the team calls the topic; its name if that cannot be had: it is worth no unsubscription."""
        try:
            known = self.books.current().topics.get(topic)
        except BookMissing:
            known = None
        except Exception:
            log.exception("the title of a topic could not be had")
            known = None
        return known.title if known else topic

    def _event(self, link: Link, name: str, topic: str) -> Event:
        now = self.clock.now()
        properties = {"topic": topic}
        if link.message_id:
            properties["message_id"] = link.message_id
        moment = str(self.clock.wall() // DOUBLE_CLICK)
        return Event(
            id=digest("preferences", link.contact_id, name, topic, link.message_id, moment),
            stream=contact_stream(link.contact_id),
            type="track",
            name=name,
            occurred_at=now,
            received_at=now,
            properties=properties,
        )

    def _tell(self, events: Sequence[Event]) -> None:
        if events:
            self.queues.send(Queue.EVENTS, [Outbound(body=pack) for pack in wire.pack(events)])


def _changes(
    choices: Sequence[Choice], *, shown: Sequence[str], wanted: Sequence[str]
) -> list[tuple[str, str]]:
    """(event, topic) for what somebody changed on the page they saw.

    What they saw counts, not what is stored: evaluate may not have heard the last change yet, and a box left
    checked on an old page is no consent. Leaving, on the other hand, is heard either way.
    """
    changes = []
    for choice in choices:
        if choice.name in wanted:
            if choice.name not in shown:
                changes.append((TOPIC_SUBSCRIBED, choice.name))
        elif choice.subscribed or choice.name in shown:
            changes.append((TOPIC_UNSUBSCRIBED, choice.name))
    return changes


def _chosen(choices: Sequence[Choice], wanted: Sequence[str]) -> list[Choice]:
    return [replace(choice, subscribed=choice.name in wanted) for choice in choices]


def _form(request: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """The fields of a form (application/x-www-form-urlencoded); none if it is not readable."""
    text = request.get("body") or ""
    try:
        if request.get("isBase64Encoded"):
            text = base64.b64decode(text).decode()
        return parse_qs(text, max_num_fields=FORM_FIELDS) if len(text) <= FORM_BYTES else {}
    except ValueError:
        return {}


def _page(status: int, html: str, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"statusCode": status, "headers": {**pages.headers(), **(more or {})}, "body": html}
