"""What happens: contacts who sign up and use a product, as a Segment library posts it, and what SES says after.

The book is the activation sequence of examples/, and one thing more that listens: a workflow for who used a
feature a hundred times within 30 days, so that its events are counted in a sliding window.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import batched
from typing import Any

from redshank.definitions import compile_book
from redshank.engine.book import Book
from redshank.engine.conditions import Compare
from redshank.engine.measures import Measure, Rolling
from redshank.engine.state import END
from redshank.engine.values import Measured
from redshank.engine.workflows import BecomesTrigger, Exit, Workflow
from redshank.instants import DAY, iso
from tests.bench.deployed import ROOT

#: Events of one request, as a library on a server gathers them.
BATCH = 50
LISTENED = "feature_used"
UNLISTENED = "page_opened"
#: A goal of the activation sequence: it ends the journey.
GOAL = "product_activated"

type Post = dict[str, Any]


def book() -> Book:
    uses = Measure(key="uses", events=(LISTENED,), window=Rolling(length=30 * DAY))
    regulars = Workflow(
        name="regulars",
        topic="onboarding",
        triggers=(BecomesTrigger(key="regulars#0", condition=Compare(Measured("uses"), "gte", 100)),),
        first="leave",
        steps={"leave": Exit(id="leave", next=END, reason="counted")},
    )
    example = compile_book(ROOT / "examples" / "activation")
    return replace(
        example,
        hash="bench",
        measures={**example.measures, uses.key: uses},
        workflows={**example.workflows, regulars.name: regulars},
    )


class Contacts:
    """The events of some contacts; equal seeds, equal events."""

    def __init__(self, prefix: str, now: Callable[[], int]) -> None:
        self._prefix = prefix
        self._now = now
        self._random = random.Random(prefix)
        self._made = 0

    def identify(self, contact: int, **traits: Any) -> Post:
        user = self._user(contact)
        given = {
            "email": f"{user}@example.com",
            "first_name": f"Ann{contact}",
            "last_name": "Example",
            "plan": "free",
            "company": "Example GmbH",
            "timezone": "Europe/Berlin",
            **traits,
        }
        return self._post(contact, "identify", traits=given)

    def signed_up(self, contact: int) -> Post:
        return self._track(contact, "signed_up", plan="free", source="website")

    def listened(self, contact: int) -> Post:
        return self._track(contact, LISTENED, feature="interview", project=f"p-{contact % 97}", minutes=12)

    def unlistened(self, contact: int) -> Post:
        return self._track(
            contact,
            UNLISTENED,
            path=f"/projects/{contact % 97}/notes",
            title="Notes",
            referrer="",
            width=1440,
        )

    def activated(self, contact: int) -> Post:
        return self._track(contact, GOAL, insight="first")

    def _track(self, contact: int, name: str, **properties: Any) -> Post:
        return self._post(contact, "track", event=name, properties=properties)

    def _user(self, contact: int) -> str:
        return f"{self._prefix}{contact}"

    def _post(self, contact: int, kind: str, **more: Any) -> Post:
        self._made += 1
        about = more.get("event", kind)
        return {
            "type": kind,
            "userId": self._user(contact),
            "messageId": f"{self._prefix}-{about}-{self._random.getrandbits(64):016x}-{self._made:06d}",
            "timestamp": iso(self._now()),
            "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
            "integrations": {},
            **more,
        }


def visits(contacts: Contacts, count: int) -> tuple[list[Post], list[Post]]:
    """Six events of each contact: four of the first visit, and two when they come back, in another order."""
    first = []
    for contact in range(count):
        first += [
            contacts.identify(contact),
            contacts.signed_up(contact),
            contacts.listened(contact),
            contacts.unlistened(contact),
        ]
    later = list(range(count))
    random.Random(count).shuffle(later)
    back = [post for contact in later for post in (contacts.listened(contact), contacts.unlistened(contact))]
    return first, back


#: Events of a life.
LIFE = 6


def requests(posts: Iterable[Post], write_key: str, now: Callable[[], int]) -> list[bytes]:
    """The posts as what API Gateway hands to ingest (HTTP API, payload format 2.0), ``BATCH`` to a request."""
    credentials = base64.b64encode(f"{write_key}:".encode()).decode()
    made = []
    for some in batched(posts, BATCH, strict=False):
        body = json.dumps({"batch": some, "sentAt": iso(now()), "writeKey": write_key})
        made.append(
            json.dumps(_request("POST", "/v1/batch", body, authorization=f"Basic {credentials}")).encode()
        )
    return made


def page(path: str) -> bytes:
    """A look at a public page, as API Gateway hands it to preferences."""
    return json.dumps(_request("GET", path, None)).encode()


def _request(method: str, path: str, body: str | None, **headers: str) -> Mapping[str, Any]:
    request: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-type": "application/json",
            "host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "user-agent": "analytics-python/2.4.0",
            "x-forwarded-for": "192.0.2.44",
            **headers,
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.44"},
            "requestId": "Uabc0iXxjoEEPxw=",
            "stage": "$default",
        },
        "pathParameters": {"proxy": path.rpartition("/")[2], "token": path.rpartition("/")[2]},
        "isBase64Encoded": False,
    }
    if body is not None:
        request["body"] = body
    return request


def notifications(sent: Sequence[Mapping[str, Any]], now: int) -> list[str]:
    """What SES says of each email: that it took it, and that it arrived (tests/events has them in full)."""
    folder = ROOT / "tests" / "events" / "ses"
    said = []
    for name, detail in (("send", "send"), ("delivery", "delivery")):
        form = json.loads((folder / f"{name}.json").read_text())
        for email in sent:
            mail = {
                **form["mail"],
                "timestamp": iso(now),
                "messageId": email["id"],
                "destination": email["to"],
                "tags": {**form["mail"]["tags"], **{tag: [value] for tag, value in email["tags"].items()}},
            }
            about = dict(form[detail])
            if "timestamp" in about:
                about |= {"timestamp": iso(now), "recipients": email["to"]}
            said.append(json.dumps({**form, "mail": mail, detail: about}))
    return said
