"""How fast is `redshank simulate`, and how much memory does it take? 10,000 contacts over 30 days, one process.

python -m tests.bench.simulating    a run on a new file, as JSON
"""

from __future__ import annotations

import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.simulate import run
from redshank.definitions import compile_book
from redshank.identity import contact_of
from redshank.instants import DAY, SECOND, iso
from redshank.simulation.events import Reader, index
from redshank.simulation.report import Outcome, until_of
from redshank.simulation.world import play

CONTACTS = 10_000
DAYS = 30
REPETITIONS = 3
_NOW = 1_796_083_200_000
_BOOK = Path(__file__).parents[2] / "examples" / "activation"
#: Of so many contacts the decisions are looked at, to say what the steps are.
_SAMPLE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulating:
    #: Contact-steps a second of CPU time, all in: reading, deciding, counting.
    rates: list[float]
    steps: int
    events: int
    emails: int
    #: Share of the steps in which somebody listened, so that the engine had something to decide.
    decided: float
    #: Peak of the process, in MB.
    memory: float
    #: On the clock, with as many processes as the command takes by itself.
    seconds: float


def history(seed: int = 1) -> Iterator[tuple[int, str]]:
    """Every contact signs up in the first days and does something every day; some activate."""
    chance = random.Random(seed)

    def said(at: int, contact: int, kind: str, **more: object) -> tuple[int, str]:
        message = {"type": kind, "userId": f"user-{contact}", "timestamp": iso(at), **more}
        return at, json.dumps({**message, "messageId": f"{contact}-{at}-{kind}"})

    for contact in range(CONTACTS):
        born = _NOW + chance.randrange(5 * DAY)
        traits = {"email": f"user-{contact}@example.com", "plan": "trial", "first_name": "Ada"}
        yield said(born, contact, "identify", traits=traits)
        yield said(born + SECOND, contact, "track", event="signed_up", properties={"source": "ad"})
        for day in range(DAYS - 5):
            at = born + 2 * SECOND + day * DAY + chance.randrange(DAY)
            name = chance.choice(("logged_in", "report_run", "insight_tagged"))
            yield said(at, contact, "track", event=name, properties={"credits": chance.randrange(10)})
        if chance.random() < 0.4:
            at = born + chance.randrange(DAY, 15 * DAY)
            yield said(at, contact, "track", event="product_activated")


def _write(file: Path) -> None:
    with file.open("w") as out:
        out.writelines(f"{line}\n" for _, line in sorted(history()))


def measure() -> Simulating:
    """Write a history, and simulate it several times."""
    book = compile_book(_BOOK, sequence=1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        # In a process of its own: what this takes is not what simulating takes.
        writing = multiprocessing.get_context("spawn").Process(target=_write, args=(file,))
        writing.start()
        writing.join()
        rates = []
        outcome = Outcome()
        for _ in range(REPETITIONS):
            started = time.process_time()
            outcome = run(book, file, processes=1).outcome
            rates.append(outcome.steps / (time.process_time() - started))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.monotonic()
        run(book, file)
        seconds = time.monotonic() - began
        found = index(file)
        with Reader(file) as reader:
            lives = [reader.events(places, []) for places in list(found.of_stream.values())[:_SAMPLE]]
        moments = [
            moment
            for life in lives
            for moment in play(book, contact_of(life[0].stream), life, until_of(found))
        ]
    return Simulating(
        rates=rates,
        steps=outcome.steps,
        events=found.count,
        emails=len(outcome.emails),
        decided=sum(moment.transition is not None for moment in moments) / len(moments),
        memory=memory,
        seconds=seconds,
    )


if __name__ == "__main__":
    json.dump(asdict(measure()), sys.stdout)
