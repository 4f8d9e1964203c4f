"""The run, stage by stage. Each returns plain numbers; ``report`` says what they mean."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redshank.instants import DAY
from tests.bench import workload
from tests.bench.deployed import ROOT, Source
from tests.bench.functions import Function, FunctionFailed, deliver, drain, environment
from tests.bench.load import Load
from tests.bench.place import Place
from tests.bench.simulating import Simulating
from tests.bench.workload import LIFE, Contacts, Post

#: Contacts of each counted kind.
COUNTED = 200
ROUNDS = 3
#: Seconds that a batch may gather: less than the template's window, which matters only while little comes.
WINDOW = 0.1


def now() -> int:
    return time.time_ns() // 1_000_000


@dataclass(kw_only=True)
class Team:
    """The processes of the functions that take part, and what they use up."""

    place: Place
    ingest: list[Function] = field(default_factory=list)
    evaluate: list[Function] = field(default_factory=list)
    send: list[Function] = field(default_factory=list)
    bounce: list[Function] = field(default_factory=list)

    @property
    def all(self) -> list[Function]:
        return [*self.ingest, *self.evaluate, *self.send, *self.bounce]

    def load(self) -> Load:
        names: dict[str, list[int]] = {name: [pid] for name, pid in self.place.pids.items()}
        for function in self.all:
            names.setdefault(function.name, []).append(function.pid)
        return Load(pids=names)

    def used(self) -> dict[str, float]:
        """Counts of all processes together, with their CPU seconds, and what the stand-ins counted."""
        total: dict[str, float] = {}

        def add(name: str, number: float) -> None:
            total[name] = total.get(name, 0.0) + number

        for function in self.all:
            used = function.used()
            add("cpu", used["cpu"])
            add(f"cpu:{function.name}", used["cpu"])
            for name, number in used["counts"].items():
                add(name, number)
        for queue, sent in self.place.sqs.stats()["sent"].items():
            for name, number in sent.items():
                add(f"sqs:{queue.partition('-')[2]}:{name}", number)
        return total

    def close(self) -> None:
        for function in self.all:
            function.close()


class Measured:
    """What a team used up over a stretch of work. Use it as a context."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self.used: dict[str, float] = {}

    def __enter__(self) -> Measured:
        self._before = self._team.used()
        self.load = self._team.load().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.load.__exit__()
        after = self._team.used()
        self.used = {name: number - self._before.get(name, 0.0) for name, number in after.items()}


def per(used: Mapping[str, float], things: int) -> dict[str, float]:
    """The same for one event, or one email."""
    return {name: number / things for name, number in used.items() if number}


# --- the engine alone


def advancing() -> list[float]:
    """Events a second of each repetition, in a process of its own."""
    found: list[float] = _alone("advancing")
    return found


def simulating() -> Simulating:
    """A large history, in a process of its own."""
    return Simulating(**_alone("simulating"))


def _alone(module: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


# --- one kind of event at a time, each alone with its contact


def counted(team: Team) -> dict[str, dict[str, float]]:
    """What one event of each kind uses up: one event a contact and batch, so that nothing is shared."""
    made = Contacts("counted", now)
    kinds: dict[str, Callable[[int], Post]] = {
        "identify: a new contact": made.identify,
        "identify: a trait changes": lambda it: made.identify(it, plan="pro"),
        "identify: nothing new": lambda it: made.identify(it, plan="pro"),
        "listened to, starts a journey that emails": made.signed_up,
        "listened to, counted": made.listened,
        "nobody listens": made.unlistened,
    }
    return {kind: _counted(team, make) for kind, make in kinds.items()}


def counted_goal(team: Team) -> dict[str, dict[str, float]]:
    """The same of the event that ends the journeys of those contacts; after their drip emails."""
    return {"listened to, ends a journey": _counted(team, Contacts("counted", now).activated)}


def _counted(team: Team, make: Callable[[int], Post]) -> dict[str, float]:
    posts = workload.requests(map(make, range(COUNTED)), team.place.write_key, now)
    with Measured(team) as measured:
        post(team.ingest[0], posts)
        drain(team.evaluate[:1], _events(team), team.place.sqs)
    return per(measured.used, COUNTED)


def post(ingest: Function, requests: Iterable[bytes]) -> None:
    for request in requests:
        answer = ingest.invoke(request)
        said = json.loads(answer["body"])
        if answer["statusCode"] != 200 or said.get("errors"):
            raise FunctionFailed(f"ingest answered {answer['statusCode']}: {answer['body'][:500]}")


def _events(team: Team) -> Source:
    return team.place.functions["evaluate"].sources[0]


# --- from the front door to applied


def flow(team: Team, contacts: int, prefix: str = "round") -> tuple[list[float], Measured]:
    """Events a second of each round: from the first request to the end of the last evaluate."""
    rates = []
    some = contacts // ROUNDS
    rounds = []
    for number in range(ROUNDS):
        both = workload.visits(Contacts(f"{prefix}{number}-", now), some)
        rounds.append([workload.requests(posts, team.place.write_key, now) for posts in both])
    with Measured(team) as measured:
        for visits in rounds:
            started = time.perf_counter()
            for requests in visits:
                _flow(team, requests)
            rates.append(some * LIFE / (time.perf_counter() - started))
    return rates, measured


def _flow(team: Team, requests: Sequence[bytes]) -> None:
    """Post and evaluate at the same time, with the batches of the template's event source."""
    source = _events(team)
    wrong: list[Exception] = []
    posted = threading.Event()

    def front_door() -> None:
        try:
            post(team.ingest[0], requests)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that asked
            wrong.append(error)
        posted.set()

    def behind(function: Function) -> None:
        try:
            while not wrong:
                was_posted = posted.is_set()
                messages = team.place.sqs.take(source, wait=min(source.window, WINDOW))
                if messages:
                    deliver(function, source, messages)
                elif was_posted:
                    return
        except Exception as error:  # noqa: BLE001 - likewise
            wrong.append(error)

    threads = [threading.Thread(target=front_door)]
    threads += [threading.Thread(target=behind, args=(function,)) for function in team.evaluate]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


# --- from the queue to the provider


def mail(team: Team, emails: int) -> tuple[list[float], Measured]:
    """Emails a second of each round, the marketing queue being full."""
    source = next(it for it in team.place.functions["send"].sources if it.queue.endswith("marketing"))
    rates = []
    done = 0
    with Measured(team) as measured:
        for number in range(1, ROUNDS + 1):
            wanted = emails * number // ROUNDS - done
            started = time.perf_counter()
            sent = drain(team.send, source, team.place.sqs, most=wanted if number < ROUNDS else None)
            rates.append(sent / (time.perf_counter() - started))
            done += sent
    measured.used["emails"] = done
    return rates, measured


def feedback(team: Team) -> tuple[int, int]:
    """Tell bounce what SES says of what was sent: (emails, notifications)."""
    sent = team.place.ses.ask("/bench/sent")
    source = team.place.functions["bounce"].sources[0]
    said = workload.notifications(sent, now())
    team.place.sqs.put(source.queue, said)
    drain(team.bounce, source, team.place.sqs)
    return len(sent), len(said)


# --- a drip email, all in


def jumped(days: float) -> dict[str, str]:
    """The clock's variables that put a function this many days ahead, at hardly more than the wall's speed."""
    since = time.time() - 100 * DAY / 1000
    return {"REDSHANK_CLOCK_SINCE": f"{since:.3f}", "REDSHANK_CLOCK_SPEED": f"{1 + days / 100:.6f}"}


@dataclass(kw_only=True)
class Drip:
    emails: int
    #: What everything used up, from the sweep to the last notification.
    used: dict[str, float]
    #: Seconds of the sweep with evaluate, of send, and of bounce.
    seconds: dict[str, float]


def drip(team: Team) -> Drip:
    """The schedule finds who is due; evaluate decides, send sends, SES reports, bounce notes."""
    seconds = {}
    marketing = next(it for it in team.place.functions["send"].sources if it.queue.endswith("marketing"))
    with Measured(team) as measured:
        started = time.perf_counter()
        team.evaluate[0].invoke(
            json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"}).encode()
        )
        drain(team.evaluate, _events(team), team.place.sqs)
        seconds["wake"] = time.perf_counter() - started
        started = time.perf_counter()
        emails = drain(team.send, marketing, team.place.sqs)
        seconds["send"] = time.perf_counter() - started
        started = time.perf_counter()
        told, _ = feedback(team)
        seconds["bounce"] = time.perf_counter() - started
    if told != emails or not emails:
        raise FunctionFailed(f"{emails} emails were decided, {told} were sent")
    return Drip(emails=emails, used=measured.used, seconds=seconds)
