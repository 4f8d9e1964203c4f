"""What an app, a recipient and SES do to a running stand, over HTTP alone."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from infra.local.place import ROOT, STACK, Place
from infra.local.run import Keys

type Email = dict[str, Any]

#: Within how many wall seconds every function works by the book that was applied, and by what is paused.
NOTICED = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(method: str, url: str, *, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """One request; JSON unless the body is bytes already. A refusal is an answer too."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(url, data=data, method=method, headers=dict(headers or {}))
    try:
        with urlopen(request, timeout=60) as answer:
            return _answer(answer.status, answer.headers, answer.read())
    except HTTPError as refusal:
        return _answer(refusal.code, refusal.headers, refusal.read())


def _answer(status: int, headers: Message, body: bytes) -> Answer:
    return Answer(status=status, headers={name.lower(): value for name, value in headers.items()}, body=body)


def until[T](look: Callable[[], T], *, seconds: float, what: str) -> T:
    """The first truthy thing that ``look`` finds; fails by saying what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}")
        time.sleep(0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    place: Place
    keys: Keys

    def post(self, path: str, body: Any, *, key: str | None = None, **headers: str) -> Answer:
        """POST to the front door with the write key, as curl does."""
        password = b64encode(f"{self.keys.write if key is None else key}:".encode()).decode()
        given = {"authorization": f"Basic {password}", "content-type": "application/json", **headers}
        return ask("POST", f"{self.place.api}{path}", body=body, headers=given)

    def sign_up(self, user: str) -> None:
        """What the app posts when somebody signs up."""
        answer = self.post(
            "/v1/batch",
            {
                "batch": [
                    {"type": "identify", "userId": user, "traits": {"email": address(user)}},
                    {"type": "track", "userId": user, "event": "signed_up"},
                ]
            },
        )
        assert answer.status == 200, answer.body

    def identify(self, user: str, **traits: Any) -> None:
        answer = self.post("/v1/identify", {"userId": user, "traits": {"email": address(user), **traits}})
        assert answer.status == 200, answer.body

    def track(self, user: str, event: str, **properties: Any) -> None:
        answer = self.post("/v1/track", {"userId": user, "event": event, "properties": properties})
        assert answer.status == 200, answer.body

    def begin(self, *arguments: str, out: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Start a command; what it says on either stream goes to ``out``."""
        command = [str(ROOT / ".venv" / "bin" / "redshank"), *arguments, "--stack", STACK]
        return subprocess.Popen(
            command, env=self.place.environment(), stdout=out, stderr=subprocess.STDOUT, cwd=ROOT
        )

    def redshank(self, *arguments: str) -> str:
        """What a command says, on either stream."""
        with self.begin(*arguments, out=subprocess.PIPE) as process:
            said = process.communicate()[0].decode()
        assert process.returncode == 0, said
        return said

    def has_logged(self, user: str, what: str, *, book: Path) -> bool:
        """Whether something is explained, by this book, of a user who may not be known yet."""
        try:
            return what in self.redshank("explain", user, "--book", str(book))
        except AssertionError:
            return False

    def emails(self, user: str) -> list[Email]:
        """What SES accepted for this user, oldest first."""
        found: list[Email] = ask("GET", f"{self.place.mailbox}/messages?to={address(user)}").json
        return found

    def steps(self, user: str) -> list[str]:
        return [email["tags"]["step"] for email in self.emails(user)]

    def wait_for(self, user: str, step: str, *, seconds: float = 40) -> Email:
        def look() -> Email | None:
            return next((email for email in self.emails(user) if email["tags"]["step"] == step), None)

        found = until(look, seconds=seconds, what=f"{step} to {user}")
        assert found is not None
        return found

    def press(self, email: Email, action: str, **more: str) -> None:
        """A button of the mailbox page."""
        answer = ask("POST", f"{self.place.mailbox}/messages/{email['id']}/{action}", body=more)
        assert answer.status == 200, answer.body

    def fault(self, kind: str, user: str, *, times: int = 1) -> None:
        """SES misbehaves towards this user."""
        answer = ask(
            "POST",
            f"{self.place.mailbox}/faults",
            body={"kind": kind, "times": times, "to": address(user)},
        )
        assert answer.status == 200, answer.body

    def suppressed(self, user: str) -> str | None:
        """Why this user's address is on Redshank's own suppression list."""
        from redshank.identity import address_hash

        table = (
            self.place.session()
            .resource("dynamodb", endpoint_url=self.place.aws)
            .Table("redshank-suppressions")
        )
        item = table.get_item(Key={"address_hash": address_hash(address(user))}).get("Item")
        return str(item["reason"]) if item else None

    def dead_letters(self) -> dict[str, int]:
        """How many messages each dead-letter queue holds, the empty ones left out."""
        sqs = self.place.session().client("sqs", endpoint_url=self.place.aws)
        name = "ApproximateNumberOfMessages"
        counts = {
            url.rpartition("/")[2]: int(
                sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][name]  # type: ignore[index]
            )
            for url in sqs.list_queues()["QueueUrls"]
            if url.endswith("-dead-letters")
        }
        return {queue: count for queue, count in counts.items() if count}


def address(user: str) -> str:
    return f"{user}@example.com"
