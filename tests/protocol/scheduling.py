"""Workers that stop at every call to the outside world, so that a schedule can be chosen and replayed.

A worker is the real code on a thread of its own, but only one thread ever runs: the world lets a worker go on
to its next call (``step``), or ends it there as a crash would (``kill``). So the same choices give the same
run, to the letter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Crash(BaseException):
    """The process is gone. No code may catch it, and none of its calls reaches the world any more."""


class Worker:
    """One invocation of a function."""

    def __init__(
        self, name: str, work: Callable[[Worker], None], *, born: int, until: int | None = None
    ) -> None:
        self.name = name
        #: The instant (wall) it began …
        self.born = born
        #: … and the one at which it is ended, or None: Lambda allows a function so much time.
        self.until = until
        #: The instant before which it is not let on: a thread that got no processor, a slow connection.
        self.asleep_until = born
        #: The call it stands before.
        self.at = "its start"
        self.over = False
        #: What its work raised, if it was not a crash.
        self.error: Exception | None = None
        self._doomed = False
        self._work = work
        # Locks as signals: each is held except for the moment in which the other side is let on.
        self._go, self._stopped = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._stopped.acquire()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._doomed:
                self._work(self)
        except Crash:
            pass
        except Exception as error:  # noqa: BLE001 - kept for the world, which is what Lambda is here
            self.error = error
        self.over = True
        self._stopped.release()

    def pause(self, call: str) -> None:
        """To be called on the worker's own thread, before each call to the outside world."""
        if self._doomed:
            raise Crash
        self.at = call
        self._stopped.release()
        self._go.acquire()
        if self._doomed:
            raise Crash

    def step(self) -> None:
        """Let it go on until it is before its next call, or has ended."""
        self._go.release()
        self._stopped.acquire()

    def kill(self) -> None:
        """End it where it stands."""
        self._doomed = True
        self.step()
