"""A desk with what stands behind it, for tests."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from redshank import wire
from redshank.clock import Clock
from redshank.engine.book import Book, Topic
from redshank.engine.inputs import Event
from redshank.engine.state import Profile
from redshank.instants import parse
from redshank.memory import MemoryBooks, MemoryContacts, MemoryQueues, MemorySettings
from redshank.ports import Queue
from redshank.preferences.desk import Desk
from redshank.preferences.links import Link, Purpose, token
from tests.raw import event as raw

NOW = parse("2026-12-01T12:00:00Z")
CONTACT = "contact-1"
BOOK = Book(
    sequence=1,
    hash="x",
    topics={
        topic.name: topic
        for topic in (
            Topic(name="tips", title="Tips & tricks"),
            Topic(name="news", title="Product news"),
            Topic(name="offers", title="Offers", opt_in="single"),
            Topic(name="account", title="Your account", transactional=True),
        )
    },
)


@dataclass(slots=True)
class Office:
    contacts: MemoryContacts = field(default_factory=MemoryContacts)
    books: MemoryBooks = field(default_factory=lambda: MemoryBooks(BOOK))
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    settings: MemorySettings = field(default_factory=MemorySettings)
    now: int = NOW

    def desk(self) -> Desk:
        return Desk(
            contacts=self.contacts,
            books=self.books,
            queues=self.queues,
            settings=self.settings,
            clock=Clock(wall=lambda: self.now),
        )

    def knows(self, consent: Mapping[str, tuple[bool, int]]) -> None:
        self.contacts.held_profiles[CONTACT] = Profile(contact_id=CONTACT, version=1, consent=consent)

    def token(self, purpose: str, topic: str = "tips") -> str:
        link = Link(contact_id=CONTACT, topic=topic, message_id="message-1")
        return token(self.settings.secrets, Purpose(purpose), link)

    def get(self, purpose: str, text: str = "", *, topic: str = "tips") -> tuple[int, str]:
        name = {"u": "unsubscribe_page", "p": "preferences_page"}[purpose]
        return self._ask(raw(f"http/{name}"), purpose, text or self.token(purpose, topic))

    def post(self, purpose: str, text: str = "", *, form: Any = None, topic: str = "tips") -> tuple[int, str]:
        name = {"u": "unsubscribe_one_click", "p": "preferences_save"}[purpose]
        request = raw(f"http/{name}")
        if form is not None:
            request["body"] = base64.b64encode(urlencode(form, doseq=True).encode()).decode()
        return self._ask(request, purpose, text or self.token(purpose, topic))

    def _ask(self, request: dict[str, Any], purpose: str, text: str) -> tuple[int, str]:
        answer = self.desk().answer(request | {"rawPath": f"/{purpose}/{text}"})
        assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
        return answer["statusCode"], answer["body"]

    def told(self) -> list[Event]:
        bodies = [message.body for message in self.queues.sent[Queue.EVENTS]]
        return [one for body in bodies for one in wire.unpack(body) if isinstance(one, Event)]

    def said(self) -> list[tuple[str, str]]:
        return [(event.name, event.properties["topic"]) for event in self.told()]
