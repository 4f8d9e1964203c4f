"""What happened to each email? Accepts emails, acts on them as a recipient would, and publishes what SES reports."""

from __future__ import annotations

import heapq
import itertools
import json
import re
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from infra.local.ses import notifications
from infra.local.ses.emails import Email, Refused
from infra.local.ses.notifications import Notification

#: What publishes a notification of a configuration set; raises when the stand does not take it.
type Publish = Callable[[str, Notification], None]

_LINK = re.compile(r"""<a\b[^>]*?\bhref\s*=\s*(["'])(https?://.*?)\1""", re.IGNORECASE | re.DOTALL)
_KEPT = 20_000
_ATTEMPTS = 6

#: Addresses of the mailbox simulator, with what they do (a label after "+" is allowed).
_SIMULATOR = {
    "bounce": "hard_bounce",
    "complaint": "complaint",
    "suppressionlist": "suppressed",
    "success": "",
}


def wall() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True, kw_only=True)
class Entry:
    email: Email
    #: What was published about it: wall milliseconds, event type, detail for people.
    history: list[tuple[int, str, str]] = field(default_factory=list)

    def links(self) -> list[str]:
        """The links of the HTML part, each once, in order."""
        return list(dict.fromkeys(unescape(match[2]) for match in _LINK.finditer(self.email.html)))


class Mailbox:
    """All emails that SES accepted, newest last."""

    #: What a recipient can do. ``unsubscribe`` is the mail client's own button, by RFC 8058.
    ACTIONS = ("open", "click", "hard_bounce", "soft_bounce", "complaint", "unsubscribe")

    def __init__(self, publish: Publish, *, region: str, delivery_after: float = 0.3) -> None:
        self._publish = publish
        self._region = region
        self._delivery_after = delivery_after
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        #: address -> (reason, wall milliseconds): the account's suppression list.
        self.suppressed: dict[str, tuple[str, int]] = {}
        #: Whether SES reports by itself that it has taken an email, and that it was delivered.
        self.reports = {"send": True, "delivery": True}
        self._reporter = _Reporter()

    def accept(self, email: Email) -> None:
        """Take an email, and report it as SES does: Send, soon after Delivery (or what became of it)."""
        entry = Entry(email=email)
        with self._lock:
            self._entries[email.id] = entry
            while len(self._entries) > _KEPT:
                del self._entries[next(iter(self._entries))]
        if self.reports["send"]:
            self._report(entry, "Send", notifications.sent(email, self._region))
        self._decide(entry)

    def _decide(self, entry: Entry) -> None:
        email = entry.email
        address = email.recipients[0].lower()
        local, _, domain = address.partition("@")
        simulated = _SIMULATOR.get(local.split("+")[0], "") if domain == "simulator.amazonses.com" else ""
        if simulated == "suppressed" or address in self.suppressed:
            notification = notifications.bounced(
                email, self._region, wall(), permanent=True, sub_type="OnAccountSuppressionList"
            )
            self._report(entry, "Bounce", notification, "on the account's suppression list")
        elif simulated == "hard_bounce":
            self.act(email.id, "hard_bounce")
        elif self.reports["delivery"]:
            now = wall() + round(self._delivery_after * 1000)
            notification = notifications.delivered(email, self._region, now)
            self._report(entry, "Delivery", notification, after=self._delivery_after)
            if simulated == "complaint":
                self.act(email.id, "complaint")

    def act(self, identifier: str, action: str, link: str = "") -> str:
        """Do what a recipient does; returns a sentence about it. Raises KeyError and Refused."""
        entry = self.entry(identifier)
        email, region, now = entry.email, self._region, wall()
        match action:
            case "open":
                self._report(entry, "Open", notifications.opened(email, region, now))
            case "click":
                links = entry.links()
                chosen = link or next(iter(links), "")
                if not chosen:
                    raise Refused("BadRequestException", "This email has no link to click.")
                self._report(entry, "Click", notifications.clicked(email, region, now, chosen), chosen)
            case "hard_bounce":
                self._suppress(email, "BOUNCE", now)
                notification = notifications.bounced(email, region, now, permanent=True)
                self._report(entry, "Bounce", notification, "permanent")
            case "soft_bounce":
                notification = notifications.bounced(email, region, now, permanent=False)
                self._report(entry, "Bounce", notification, "transient: mailbox full")
            case "complaint":
                self._suppress(email, "COMPLAINT", now)
                self._report(entry, "Complaint", notifications.complained(email, region, now))
            case "unsubscribe":
                return self._unsubscribe(entry)
            case _:
                raise Refused("BadRequestException", f"Unknown action {action!r}: {', '.join(self.ACTIONS)}")
        return f"{entry.history[-1][1]} reported"

    def _suppress(self, email: Email, reason: str, now: int) -> None:
        for address in email.recipients:
            self.suppressed[address.lower()] = (reason, now)

    def _unsubscribe(self, entry: Entry) -> str:
        """POST as a mail client does on its own button (RFC 8058)."""
        target = re.search(r"<(https?://[^>]+)>", entry.email.header("List-Unsubscribe"))
        body = entry.email.header("List-Unsubscribe-Post")
        if not target or not body:
            raise Refused("BadRequestException", "This email has no one-click unsubscribe.")
        name, _, value = body.partition("=")
        data = urlencode({name: value}).encode()
        with urlopen(Request(target[1], data=data, method="POST"), timeout=30) as answer:
            status = answer.status
        entry.history.append((wall(), "Unsubscribe", f"one click, answered {status}"))
        return f"one-click unsubscribe answered {status}"

    def _report(
        self, entry: Entry, kind: str, notification: Notification, detail: str = "", after: float = 0.0
    ) -> None:
        email = entry.email
        if not email.configuration_set:
            return

        def publish() -> None:
            self._publish(email.configuration_set, notification)
            if after:
                entry.history.append((wall(), kind, detail))

        if not after:
            entry.history.append((wall(), kind, detail))
        self._reporter.add(publish, after)

    def entry(self, identifier: str) -> Entry:
        """Raises KeyError when no such email was accepted."""
        with self._lock:
            return self._entries[identifier]

    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries.values())

    def clear(self) -> None:
        """Forget all emails and the account's suppression list."""
        with self._lock:
            self._entries.clear()
            self.suppressed.clear()

    def as_json(self, entry: Entry) -> dict[str, object]:
        email = entry.email
        return {
            "id": email.id,
            "from": email.sender,
            "to": ", ".join(email.recipients),
            "subject": email.subject,
            "headers": dict(email.headers),
            "html": email.html,
            "text": email.text,
            "tags": dict(email.tags),
            "sent_at": notifications.iso(email.sent_at),
            "configuration_set": email.configuration_set,
            "links": entry.links(),
            "history": [
                {"at": notifications.iso(at), "event": kind, "detail": detail}
                for at, kind, detail in entry.history
            ],
        }


class _Reporter:
    """Publishes in the background, in the order of their times; tries again while the stand does not answer."""

    def __init__(self) -> None:
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, int, Callable[[], None]]] = []
        self._wake = threading.Condition()
        for number in range(4):
            threading.Thread(target=self._work, name=f"reporter-{number}", daemon=True).start()

    def add(self, publish: Callable[[], None], after: float, attempt: int = 1) -> None:
        with self._wake:
            heapq.heappush(self._waiting, (time.monotonic() + after, next(self._order), attempt, publish))
            self._wake.notify()

    def _work(self) -> None:
        while True:
            attempt, publish = self._next()
            try:
                publish()
            except Exception:  # noqa: BLE001 - one notification that fails must not stop the others
                traceback.print_exc()
                if attempt < _ATTEMPTS:
                    self.add(publish, after=0.5 * 2**attempt, attempt=attempt + 1)
                else:
                    print("gave up publishing a notification", flush=True)

    def _next(self) -> tuple[int, Callable[[], None]]:
        with self._wake:
            while True:
                if not self._waiting:
                    self._wake.wait()
                    continue
                until = self._waiting[0][0] - time.monotonic()
                if until <= 0:
                    _, _, attempt, publish = heapq.heappop(self._waiting)
                    return attempt, publish
                self._wake.wait(until)


def dump(notification: Notification) -> str:
    """As SES writes it: one line of JSON."""
    return json.dumps(notification, ensure_ascii=False, separators=(",", ":"))
