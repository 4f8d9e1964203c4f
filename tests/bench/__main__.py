"""Measure everything, print it beside the aims, and write ``.redshank/bench.json``. See docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import count
from statistics import median

from tests import dynamodb_local
from tests.bench import cold, place, report, simulating, stages, workload
from tests.bench.deployed import ROOT
from tests.bench.functions import Function, batch
from tests.bench.load import CORES
from tests.bench.place import LATENCY, Place
from tests.bench.report import Figure, Section
from tests.bench.simulating import Simulating
from tests.bench.stages import Measured, Team
from tests.bench.workload import LIFE

OUTPUT = ROOT / ".redshank" / "bench.json"
#: Days until the second email of the book is due, and a little.
_LATER = 2.1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--contacts", type=int, default=2_400, help="who sign up (default: %(default)s)")
    parser.add_argument(
        "--processes", type=int, default=2, help="of evaluate and of send (default: %(default)s)"
    )
    parser.add_argument("--cold-runs", type=int, default=cold.RUNS, help="(default: %(default)s)")
    given = parser.parse_args()
    started = time.monotonic()
    busy_before = os.getloadavg()[0]
    tell("the engine alone")
    sections = [_engine(stages.advancing())]
    tell("a history of 10,000 contacts, simulated")
    sections.append(_simulation(stages.simulating()))
    try:
        with place.prepared() as prepared:
            sections += _measured(prepared, given.contacts, given.processes, given.cold_runs)
    except dynamodb_local.Unavailable as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    took = time.monotonic() - started
    words = (
        f"Python {platform.python_version()}, {CORES} cores, load average {busy_before:.1f} before it began"
        f" (others' work makes rates lower, and CPU times a little higher); {took:.0f} s."
    )
    print(f"\nRedshank, measured\n{words}")
    print(report.table(sections))
    missed = [figure.title for section in sections for figure in section.figures if figure.met is False]
    print(f"\n{len(missed)} aims missed: {'; '.join(missed)}" if missed else "\nall aims met")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({"machine": words, **report.as_json(sections)}, indent=1) + "\n")
    print(f"written to {OUTPUT.relative_to(ROOT)}")
    return 0


def tell(doing: str) -> None:
    print(f"bench: {doing} ...", file=sys.stderr, flush=True)


def _measured(prepared: Place, contacts: int, processes: int, cold_runs: int) -> list[Section]:
    tell(f"cold starts, {cold_runs} of each")
    starts = _cold(prepared, cold_runs)
    tell("counting: one kind of event at a time")
    team = Team(
        place=prepared,
        ingest=[prepared.start("ingest")],
        evaluate=[prepared.start("evaluate") for _ in range(processes)],
        send=[prepared.start("send") for _ in range(processes)],
        bounce=[prepared.start("bounce")],
    )
    kinds = stages.counted(team)
    tell("warming up")
    stages.flow(team, contacts // 6, prefix="warm")
    stages.mail(team, contacts // 6 + stages.COUNTED)
    tell(f"{contacts:,} contacts through the front door")
    flow = stages.flow(team, contacts)
    tell("their first emails to the provider")
    mail = stages.mail(team, contacts)
    late = prepared.ses.stats()
    prepared.ses.ask("/bench/sent")
    team.close()

    tell("two days later: a drip email, all in")
    ahead = stages.jumped(_LATER)
    team = Team(
        place=prepared,
        ingest=[prepared.start("ingest", **ahead)],
        evaluate=[prepared.start("evaluate", **ahead) for _ in range(processes)],
        send=[prepared.start("send", **ahead) for _ in range(processes)],
        bounce=[prepared.start("bounce", **ahead)],
    )
    drip = stages.drip(team)
    kinds |= stages.counted_goal(team)
    team.close()
    return [
        _flow(*flow, contacts, processes),
        _mail(*mail, processes, late),
        _units(kinds, drip),
        _calls(kinds, flow[1], contacts, drip),
        starts,
    ]


def _engine(rates: Sequence[float]) -> Section:
    return Section(
        title="The engine alone",
        words=(
            "advance() in one process on one core, by its CPU time; a book of 50 segments and 20 workflows,",
            "two of which listen.",
        ),
        figures=[
            Figure(
                key="advances_per_second",
                title="events advanced a second",
                value=median(rates),
                spread=(min(rates), max(rates)),
                aim=10_000,
            )
        ],
    )


def _simulation(found: Simulating) -> Section:
    return Section(
        title="Simulating",
        words=(
            f"{simulating.CONTACTS:,} contacts over {simulating.DAYS} days: {found.events:,} messages in a file and the"
            f" instants waited for, {found.steps:,} contact-steps,",
            f"{found.emails:,} emails. In {100 * found.decided:.0f} % of the steps the engine had something to decide;"
            " the rest are events that nobody listens to.",
            "Reading the file included; one process on one core, by its CPU time.",
        ),
        figures=[
            Figure(
                key="simulated_steps_per_second",
                title="contact-steps a second",
                value=median(found.rates),
                spread=(min(found.rates), max(found.rates)),
                aim=20_000,
            ),
            Figure(
                key="simulate_memory_mb",
                title="memory at its peak",
                value=found.memory,
                unit="MB",
                aim=300,
                at_most=True,
            ),
            Figure(
                key="simulate_seconds",
                title="on the clock, with the processes that it takes",
                value=found.seconds,
                unit="s",
            ),
        ],
    )


def _flow(rates: Sequence[float], measured: Measured, contacts: int, processes: int) -> Section:
    events = contacts // stages.ROUNDS * stages.ROUNDS * LIFE
    spent = sum(measured.used[f"cpu:{name}"] for name in ("ingest", "evaluate"))
    return Section(
        title="From the front door to applied",
        words=(
            f"{contacts:,} contacts: each identifies itself, signs up (which starts a journey and decides an email),",
            "uses a feature (the book counts that in a sliding window) and opens a page (nobody listens); when all",
            f"that is applied, comes back and does the last two again. {workload.BATCH} events a request, posted one",
            f"after the other; behind them, at the same time, {processes} processes of evaluate with the template's",
            f"batches. From the first request to the end of the last evaluate, {stages.ROUNDS} rounds.",
            f"Cores kept busy: {measured.load.says()}.",
            f"What held it: {measured.load.bottleneck({'ingest': 1, 'evaluate': processes})}.",
        ),
        figures=[
            Figure(
                key="events_per_second",
                title="events a second",
                value=median(rates),
                spread=(min(rates), max(rates)),
                aim=1_200,
            ),
            Figure(
                key="events_ceiling",
                title=f"the most {CORES} cores can do, with DynamoDB Local on them",
                value=measured.load.ceiling(events),
            ),
            Figure(
                key="events_per_core",
                title="events that one core of ingest and evaluate can do",
                value=events / spent,
            ),
            Figure(
                key="ingest_cpu_ms_per_event",
                title="CPU per event, ingest",
                value=1000 * measured.used["cpu:ingest"] / events,
                unit="ms",
            ),
            Figure(
                key="evaluate_cpu_ms_per_event",
                title="CPU per event, evaluate",
                value=1000 * measured.used["cpu:evaluate"] / events,
                unit="ms",
            ),
            Figure(
                key="dynamodb_local_cpu_ms_per_event",
                title="CPU per event, DynamoDB Local (on AWS somebody else's)",
                value=1000 * measured.load.cpu["DynamoDB Local"] / events,
                unit="ms",
            ),
            *_flow_counts(measured.used, events),
        ],
    )


def _flow_counts(used: Mapping[str, float], events: int) -> list[Figure]:
    return [
        Figure(
            key="mixed_write_units_per_event",
            title="write units per event of this mix",
            value=used["write"] / events,
        ),
        Figure(
            key="mixed_read_units_per_event",
            title="read units per event of this mix",
            value=used["read"] / events,
        ),
        Figure(
            key="mixed_dynamodb_requests_per_event",
            title="DynamoDB requests per event of this mix",
            value=used["http:dynamodb"] / events,
        ),
        Figure(
            key="mixed_sqs_requests_per_event",
            title="SQS requests per event of this mix, Lambda's included",
            value=_sqs_requests(used) / events,
        ),
        Figure(
            key="queued_bytes_per_event",
            title="bytes queued per event, events queue",
            value=used.get("sqs:events:bytes", 0) / events,
        ),
    ]


def _mail(rates: Sequence[float], measured: Measured, processes: int, late: Mapping[str, float]) -> Section:
    emails = int(measured.used["emails"])
    lag = 1000 * late["late"] / max(1, late["emails"])
    return Section(
        title="From the queue to the provider",
        words=(
            f"{emails:,} welcome emails of the example book, {processes} processes of send, the template's batches;",
            f"the provider answers after {LATENCY} ms (on average {lag:.1f} ms late; {late['most_open']:.0f} at once).",
            f"Cores kept busy: {measured.load.says()}.",
            f"What held it: {measured.load.bottleneck({'send': processes})}.",
        ),
        figures=[
            Figure(
                key="emails_per_second",
                title="emails a second",
                value=median(rates),
                spread=(min(rates), max(rates)),
                aim=400,
            ),
            Figure(
                key="emails_ceiling",
                title=f"the most {CORES} cores can do, with DynamoDB Local on them",
                value=measured.load.ceiling(emails),
            ),
            Figure(
                key="emails_per_core",
                title="emails that one core of send can do",
                value=emails / measured.used["cpu:send"],
            ),
            Figure(
                key="send_cpu_ms_per_email",
                title="CPU per email, send",
                value=1000 * measured.used["cpu:send"] / emails,
                unit="ms",
            ),
            Figure(
                key="dynamodb_local_cpu_ms_per_email",
                title="CPU per email, DynamoDB Local (on AWS somebody else's)",
                value=1000 * measured.load.cpu["DynamoDB Local"] / emails,
                unit="ms",
            ),
            Figure(
                key="ses_standin_cpu_ms_per_email",
                title="CPU per email, the provider's stand-in",
                value=1000 * measured.load.cpu["SES stand-in"] / emails,
                unit="ms",
            ),
        ],
    )


def _units(kinds: Mapping[str, Mapping[str, float]], drip: stages.Drip) -> Section:
    used = stages.per(drip.used, drip.emails)
    figures = []
    for kind, it in kinds.items():
        aim = 2.5 if kind == "listened to, counted" else None
        figures += [
            Figure(
                key=f"write_units {kind}", title=f"{kind}: write", value=it["write"], aim=aim, at_most=True
            ),
            Figure(key=f"read_units {kind}", title=f"{kind}: read", value=it["read"]),
        ]
    return Section(
        title="Units of DynamoDB",
        words=(
            f"Each kind of event alone: {stages.COUNTED} contacts, one event each: they share requests, but no units.",
            "As AWS bills: absent reads and failed conditions are added. A drip email, all in: the sweep,",
            "evaluate, send, and two notifications (sent, delivered) in batches of their own;"
            f" {drip.emails:,} emails.",
        ),
        figures=[
            *figures,
            Figure(
                key="write_units drip",
                title="drip email, all in: write",
                value=used["write"],
                aim=7.5,
                at_most=True,
            ),
            Figure(key="read_units drip", title="drip email, all in: read", value=used["read"]),
            *(
                Figure(key=f"drip {name}", title=f"  of that: {name[6:].replace(':', ' of ')}", value=number)
                for name, number in sorted(used.items())
                if name.startswith("units:") and number >= 0.05
            ),
        ],
    )


def _calls(
    kinds: Mapping[str, Mapping[str, float]], flow: Measured, contacts: int, drip: stages.Drip
) -> Section:
    events = contacts // stages.ROUNDS * stages.ROUNDS * LIFE
    columns = {
        "event of the mix": stages.per(flow.used, events),
        **{kind: it for kind, it in kinds.items() if kind.startswith("listened to, ")},
        "drip email, all in": stages.per(drip.used, drip.emails),
    }
    figures = []
    for column, used in columns.items():
        for name, number in sorted(used.items()):
            if name.startswith("call:") and number >= 0.005:
                title = name.removeprefix("call:").replace(":", " ")
                figures.append(Figure(key=f"{column} {title}", title=f"{column}: {title}", value=number))
        figures.append(
            Figure(
                key=f"{column} sqs all", title=f"{column}: SQS, Lambda's included", value=_sqs_requests(used)
            )
        )
    used = columns["drip email, all in"]
    return Section(
        title="Calls of AWS, and bytes queued",
        words=(
            "Per event or email. Lambda's own receives and deletes of SQS are added, ten messages to a request;",
            "a request is billed per 64 KB.",
        ),
        figures=[
            *figures,
            Figure(
                key="queued_bytes_per_email",
                title="bytes queued per drip email, send queue",
                value=used.get("sqs:marketing:bytes", 0),
            ),
            Figure(
                key="queued_bytes_per_wake",
                title="bytes queued per drip email, events queue",
                value=used.get("sqs:events:bytes", 0),
            ),
            *(
                Figure(
                    key=f"{name}_cpu_ms_per_drip_email",
                    title=f"CPU per drip email, {name}",
                    value=1000 * used[f"cpu:{name}"],
                    unit="ms",
                )
                for name in ("evaluate", "send", "bounce")
            ),
        ],
    )


def _sqs_requests(used: Mapping[str, float]) -> float:
    """Billed requests: the functions' own, and Lambda's receive and delete for each ten messages."""
    billed = sum(
        number for name, number in used.items() if name.startswith("sqs:") and name.endswith(":billed")
    )
    messages = sum(
        number for name, number in used.items() if name.startswith("sqs:") and name.endswith(":messages")
    )
    return billed + 2 * messages / 10


def _cold(prepared: Place, runs: int) -> Section:
    events = _FirstEvents(prepared)
    seen = cold.measured({name: prepared.variables(name) for name in prepared.functions}, events, runs)
    events.close()
    figures = [
        Figure(
            key=f"{name}_ms",
            title=title,
            value=1000 * seen.seconds[name][moment][0],
            unit="ms",
            spread=(1000 * seen.seconds[name][moment][1], 1000 * seen.seconds[name][moment][2]),
        )
        for name, title, moment in (
            ("bare", cold.BARE, "running"),
            ("baseline", cold.BASELINE, "ready"),
        )
    ]
    for name in prepared.functions:
        aim = 0.6 if name == "ingest" else 1.0
        middle, least, most = seen.ratios[name]["ready"]
        figures.append(
            Figure(
                key=f"{name}_ratio",
                title=f"{name}: ratio to that",
                value=middle,
                unit="x",
                spread=(least, most),
                aim=aim,
                at_most=True,
            )
        )
        figures.append(
            Figure(
                key=f"{name}_cpu_ratio",
                title=f"{name}: the same by CPU time",
                value=seen.ratios[name]["ready_cpu"][0],
                unit="x",
                spread=seen.ratios[name]["ready_cpu"][1:],
            )
        )
        for moment, title in (
            ("imported", "imported"),
            ("ready", "wired"),
            ("answered", "first event answered"),
        ):
            middle, least, most = seen.seconds[name][moment]
            figures.append(
                Figure(
                    key=f"{name}_{moment}_ms",
                    title=f"{name}: {title}",
                    value=1000 * middle,
                    unit="ms",
                    spread=(1000 * least, 1000 * most),
                )
            )
    return Section(
        title="Cold starts",
        words=(
            f"Whole processes, fresh interpreters, compiled modules in place; {runs} interleaved runs of each.",
            "Wired: the handler's module imported, and every client made that its first event needs (without TLS,",
            "which the stand-ins do not speak).",
        ),
        figures=figures,
    )


class _FirstEvents:
    """A first event for each handler, that no other start has seen: made by the real functions before it."""

    def __init__(self, prepared: Place) -> None:
        self._place = prepared
        self._numbers = count()
        self._made = workload.Contacts("cold", stages.now)
        self._helpers: dict[str, Function] = {}

    def __call__(self, name: str) -> str:
        number = next(self._numbers)
        posts = [self._made.identify(number), self._made.signed_up(number)]
        request = workload.requests(posts, self._place.write_key, stages.now)[0]
        match name:
            case "ingest":
                return request.decode()
            case "evaluate":
                return self._after_ingest(request).decode()
            case "send":
                return self._after_evaluate(request).decode()
            case "bounce":
                return self._after_send(request).decode()
        return workload.page("/u/none").decode()

    def _helper(self, name: str) -> Function:
        if name not in self._helpers:
            self._helpers[name] = self._place.start(name)
        return self._helpers[name]

    def close(self) -> None:
        for helper in self._helpers.values():
            helper.close()

    def _taken(self, name: str) -> bytes:
        source = self._place.functions[name].sources[-1]
        return batch(source, self._place.sqs.take(source, wait=0))

    def _after_ingest(self, request: bytes) -> bytes:
        self._helper("ingest").invoke(request)
        return self._taken("evaluate")

    def _after_evaluate(self, request: bytes) -> bytes:
        self._helper("evaluate").invoke(self._after_ingest(request))
        return self._taken("send")

    def _after_send(self, request: bytes) -> bytes:
        self._helper("send").invoke(self._after_evaluate(request))
        sent = self._place.ses.ask("/bench/sent")
        source = self._place.functions["bounce"].sources[0]
        said = workload.notifications(sent[-1:], stages.now())
        return batch(source, [(str(place), body, 1) for place, body in enumerate(said)])


if __name__ == "__main__":
    sys.exit(main())
