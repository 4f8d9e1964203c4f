"""How busy was everything, and so: what held it?"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has used, all its threads; nothing where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def cpu_of_machine() -> float:
    """CPU seconds that the whole machine has been busy."""
    try:
        fields = [int(it) for it in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0
    idle, waiting = fields[3], fields[4]
    return (sum(fields) - idle - waiting) / _TICK


@dataclass(kw_only=True)
class Load:
    """Who used how much CPU over a stretch of time. Use it as a context."""

    #: Name -> process ids.
    pids: Mapping[str, list[int]]
    seconds: float = 0.0
    #: Name -> CPU seconds; ``bench`` is this process, ``others`` is what ran here besides.
    cpu: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Load:
        self._before = self._now()
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
        after = self._now()
        self.cpu = {name: after[name] - before for name, before in self._before.items()}
        machine = self.cpu.pop("machine")
        self.cpu["others"] = max(0.0, machine - sum(self.cpu.values()))

    def _now(self) -> dict[str, float]:
        used = {name: sum(map(cpu_of, pids)) for name, pids in self.pids.items()}
        return {**used, "bench": time.process_time(), "machine": cpu_of_machine()}

    def busy(self, name: str) -> float:
        """Cores that it kept busy."""
        return self.cpu.get(name, 0.0) / self.seconds if self.seconds else 0.0

    def all_busy(self) -> float:
        return sum(self.busy(name) for name in self.cpu)

    def ceiling(self, things: int) -> float:
        """Things a second that this machine's cores could do if nothing else ran on them and none ever waited."""
        ours = sum(used for name, used in self.cpu.items() if name != "others")
        return CORES * things / ours if ours else 0.0

    def says(self) -> str:
        """Cores kept busy, the busiest first."""
        busiest = sorted(self.cpu, key=self.busy, reverse=True)
        return ", ".join(f"{name} {self.busy(name):.2f}" for name in busiest if self.busy(name) >= 0.01)

    def bottleneck(self, functions: Mapping[str, int]) -> str:
        """What held it. ``functions``: name -> its processes, each of which can use one core and no more (Python)."""
        singles = {**functions, "DynamoDB Local": 1}
        full = [name for name, count in singles.items() if self.busy(name) >= 0.85 * count]
        crowded = self.all_busy() >= 0.9 * CORES
        shares = ", ".join(
            f"{name} {self.busy(name) / self.all_busy():.0%}"
            for name in sorted(self.cpu, key=self.busy, reverse=True)
            if self.busy(name) >= 0.1 * self.all_busy()
        )
        if "DynamoDB Local" in full:
            return f"DynamoDB Local, which writes one thing at a time (so this measures it, not the handlers): {shares}"
        if full:
            return f"{full[0]}: each of its processes kept a core busy: {shares}"
        if crowded:
            return f"this machine's {CORES} cores, all of them busy: {shares}"
        return f"waiting: neither a process nor the cores were full: {shares}"
