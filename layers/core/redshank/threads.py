"""How is waiting for AWS shared? A pool of threads, all joined before its caller goes on.

A thread that outlives the handler is frozen with the function and may go on minutes later, in the middle of
a send: so nothing is left running, also when one of them fails.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait


class Pool:
    """See ports.Spread. Its threads start with the first work and stay.

    Work that spreads work of its own does it on its own thread: threads that wait for each other would
    wait for ever.
    """

    def __init__(self, size: int) -> None:
        self._here = threading.local()
        self._executor = ThreadPoolExecutor(size, "redshank", initializer=self._mark)

    def _mark(self) -> None:
        self._here.inside = True

    def __call__[T, R](self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Results in order; if some fail, the first failure, after all have ended."""
        given = list(items)
        if len(given) <= 1 or hasattr(self._here, "inside"):
            return [work(item) for item in given]
        futures = [self._executor.submit(work, item) for item in given]
        wait(futures)
        return [future.result() for future in futures]
