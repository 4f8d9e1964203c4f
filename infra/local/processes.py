"""What did we start, and how does it end? Background processes by pid file; nobody else's is ever touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = 8.0
_PROC = Path("/proc")
#: Those that this very process started: they are its own to bury.
_children: dict[int, subprocess.Popen[bytes]] = {}


class DidNotStart(Exception):
    """A process ended, or did not answer in time. The message has the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    #: Folder of ``<name>.pid`` and ``<name>.log``.
    state: Path
    name: str

    @property
    def _pid_file(self) -> Path:
        return self.state / f"{self.name}.pid"

    def start(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        """Start in a session of its own, so that it outlives the terminal and ends with its children."""
        with (self.state / f"{self.name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _children[process.pid] = process
        self._pid_file.write_text(json.dumps({"pid": process.pid, "started": _started(process.pid)}))

    def pid(self) -> int | None:
        """The process if it still runs; None when it ended or its number went to another."""
        try:
            noted = json.loads(self._pid_file.read_text())
        except FileNotFoundError:
            return None
        pid: int = noted["pid"]
        return pid if noted["started"] and _started(pid) == noted["started"] else None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until it answers; raises DidNotStart."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.pid() is None:
                raise DidNotStart(f"{self.name} ended at once. {self._tail()}")
            if time.monotonic() > deadline:
                raise DidNotStart(f"{self.name} does not answer after {seconds:.0f} s. {self._tail()}")
            time.sleep(0.05)

    def stop(self) -> bool:
        """End it and its children, and say whether it ran."""
        pid = self.pid()
        if pid is not None:
            _signal(pid, signal.SIGTERM)
            deadline = time.monotonic() + _PATIENCE
            while self.pid() is not None and time.monotonic() < deadline:
                time.sleep(0.05)
            # Whoever of them is left, the leader included.
            _signal(pid, signal.SIGKILL)
            _reap(pid)
        self._pid_file.unlink(missing_ok=True)
        return pid is not None

    def _tail(self) -> str:
        log = self.state / f"{self.name}.log"
        lines = log.read_text(errors="replace").splitlines()[-15:]
        return f"The end of {log}:\n" + "\n".join(lines)


def _started(pid: int) -> str:
    """When a process began, in whatever words the system has; empty when there is none (or only its corpse)."""
    if (_PROC / "self" / "stat").exists():
        try:
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        state, begun = fields[0], fields[19]
    else:
        found = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        state, _, begun = found.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else begun.strip()


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _reap(pid: int) -> None:
    child = _children.pop(pid, None)
    if child is not None:
        child.wait()
