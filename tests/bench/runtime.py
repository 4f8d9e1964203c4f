"""A function's own process: the real handler, fed over a socket as Lambda's runtime feeds it.

    python -m tests.bench.runtime NAME DESCRIPTOR

A frame is its length (4 bytes, big endian) and its content. ``E`` and an event as JSON is answered with the
handler's answer; ``S`` with what the process has counted; ``P`` switches a profile on, and off into a file.
"""

from __future__ import annotations

import cProfile
import importlib.util
import json
import os
import resource
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.bench.counting import Counts

ROOT = Path(__file__).resolve().parents[2]


class Context:
    """What a handler is told about its invocation."""

    function_version = "$LATEST"
    memory_limit_in_mb = 1769

    def __init__(self, name: str) -> None:
        self.function_name = f"bench-{name}"
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:bench-{name}"
        self.aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def load(name: str) -> ModuleType:
    """The handler's module."""
    spec = importlib.util.spec_from_file_location("app", ROOT / "functions" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["app"] = module
    spec.loader.exec_module(module)
    return module


def receive(link: socket.socket) -> bytes | None:
    """A frame, or None at the end."""
    head = _exactly(link, 4)
    return None if head is None else _exactly(link, int.from_bytes(head))


def _exactly(link: socket.socket, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        more = link.recv(min(1 << 20, size - len(data)))
        if not more:
            return None
        data += more
    return bytes(data)


def send(link: socket.socket, content: bytes) -> None:
    link.sendall(len(content).to_bytes(4) + content)


def _used() -> dict[str, float]:
    return {"cpu": time.process_time(), "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def main(name: str, descriptor: int) -> None:
    counts = Counts()
    counts.install()
    link = socket.socket(fileno=descriptor)
    handler = load(name).handler
    context = Context(name)
    profile: cProfile.Profile | None = None
    send(link, b"{}")
    while (frame := receive(link)) is not None:
        answer: Any
        if frame[:1] == b"S":
            answer = {**_used(), "threads": threading.active_count(), "counts": counts.so_far()}
        elif frame[:1] == b"P":
            profile = _profiled(profile, frame[1:].decode())
            answer = {}
        else:
            try:
                answer = {"answer": handler(json.loads(frame[1:]), context)}
            except Exception:  # noqa: BLE001 - as Lambda does: the invocation failed, the process goes on
                answer = {"error": traceback.format_exc()}
        send(link, json.dumps(answer).encode())


def _profiled(profile: cProfile.Profile | None, file: str) -> cProfile.Profile | None:
    if profile is None:
        profile = cProfile.Profile()
        profile.enable()
        return profile
    profile.disable()
    profile.dump_stats(file or os.devnull)
    return None


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
