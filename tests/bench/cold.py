"""How long does a first event wait? Each handler in a fresh interpreter, beside ``import boto3`` and one client.

Three moments, in seconds since the process was asked for: the handler's module is there; its clients are made, all
that its first event needs; that event has been answered (by the stand-ins, hence after the network). In CPU
seconds too, which a busy machine disturbs less. The interpreter alone and the baseline are measured in between.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.deployed import ROOT
from tests.bench.functions import environment

RUNS = 7

#: (median, least, most)
type Spread = tuple[float, float, float]

BARE, BASELINE = "interpreter alone", "boto3 and one client"

#: What the first event of each handler needs.
_MODELS = {
    "ingest": (),
    "evaluate": ("SettingItem", "StandingItem", "EventItem"),
    "send": ("SettingItem", "ProfileItem", "SuppressionItem", "MessageItem"),
    "bounce": ("SettingItem", "MessageItem"),
    "preferences": ("SettingItem", "ProfileItem"),
}
_WIRED = {
    "ingest": (),
    "evaluate": ("doors", "_s3"),
    "send": ("sender", "_s3"),
    "bounce": (),
    "preferences": ("_s3",),
}


@dataclass(frozen=True, kw_only=True)
class Starts:
    #: Process -> moment -> seconds since it was asked for (CPU seconds, where the moment ends in ``_cpu``).
    seconds: Mapping[str, Mapping[str, Spread]]
    #: Handler -> moment -> its ratio to the baseline that was measured beside it.
    ratios: Mapping[str, Mapping[str, Spread]]


def once(name: str, variables: Mapping[str, str], event: str | None) -> dict[str, float]:
    """One cold start: seconds since the process was asked for."""
    made = (" ".join(_MODELS.get(name, ())), " ".join(_WIRED.get(name, ())))
    asked = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", "tests/bench/starting.py", name, *made],
        cwd=ROOT,
        env=environment(variables),
        input=event or "",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{name} does not start: {done.stderr[-3000:]}")
    said = dict(line.split(" ", 1) for line in done.stdout.rpartition("\n\n")[2].splitlines())
    unforeseen = said.pop("clients")
    if unforeseen != "-":
        raise RuntimeError(f"{name} makes clients of {unforeseen} at its first event; add them to _MODELS")
    moments = {moment: float(at) for moment, at in said.items()}
    return {moment: at if moment.endswith("_cpu") else at - asked for moment, at in moments.items()}


def measured(
    variables: Mapping[str, Mapping[str, str]], events: Callable[[str], str], runs: int = RUNS
) -> Starts:
    """Medians of interleaved runs by handler, and each run's ratio to the baseline run beside it.

    ``events`` makes an event that a handler has not seen yet.
    """
    names = ("bare", "baseline", *variables)
    for name in names:  # writes the compiled modules
        once(name, variables.get(name, {}), events(name) if name in variables else None)
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(runs):
        for name in names:
            event = events(name) if name in variables else None
            seen[name].append(once(name, variables.get(name, {}), event))
    return Starts(
        seconds={
            name: {moment: _spread([it[moment] for it in moments]) for moment in moments[0]}
            for name, moments in seen.items()
        },
        ratios={
            name: {
                moment: _spread(_ratios(seen[name], seen["baseline"], moment))
                for moment in ("ready", "ready_cpu")
            }
            for name in variables
        },
    )


def _ratios(
    seen: Sequence[Mapping[str, float]], baseline: Sequence[Mapping[str, float]], moment: str
) -> list[float]:
    return [it[moment] / base[moment] for it, base in zip(seen, baseline, strict=True)]


def _spread(numbers: Sequence[float]) -> Spread:
    return median(numbers), min(numbers), max(numbers)
