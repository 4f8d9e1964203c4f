"""Is all work over, and in order, when the pool returns?"""

from __future__ import annotations

import threading
import time

import pytest

from redshank.ports import Spread, inline
from redshank.threads import Pool


@pytest.fixture(params=["inline", "pool"])
def spread(request: pytest.FixtureRequest) -> Spread:
    return Pool(4) if request.param == "pool" else inline


class Failed(Exception):
    pass


def _fails(number: int) -> int:
    if number in (3, 5):
        raise Failed(str(number))
    return number


def test_results_come_in_the_order_of_the_items(spread: Spread) -> None:
    def work(number: int) -> int:
        time.sleep((7 - number) / 500)
        return number * 2

    assert spread(work, iter(range(8))) == [0, 2, 4, 6, 8, 10, 12, 14]


@pytest.mark.parametrize("items", [[], ["one"]])
def test_few_items_need_no_thread(spread: Spread, items: list[str]) -> None:
    assert spread(lambda item: (item, threading.current_thread()), items) == [
        (item, threading.current_thread()) for item in items
    ]


def test_the_first_failure_of_all_is_raised(spread: Spread) -> None:
    with pytest.raises(Failed, match="3"):
        spread(_fails, range(8))


def test_the_failure_of_one_item_alone_is_raised(spread: Spread) -> None:
    with pytest.raises(Failed, match="3"):
        spread(_fails, [3])


def test_a_spread_inside_a_spread_does_not_wait_for_itself(spread: Spread) -> None:
    def outer(number: int) -> list[int]:
        return spread(lambda inner: number * 10 + inner, range(3))

    assert spread(outer, range(9)) == [[number * 10 + inner for inner in range(3)] for number in range(9)]


def test_the_pool_works_on_several_items_at_once() -> None:
    together = threading.Barrier(4, timeout=5)
    assert sorted(Pool(4)(lambda _: together.wait(), range(4))) == [0, 1, 2, 3]


def test_it_raises_only_after_all_have_ended() -> None:
    ended: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            raise Failed
        time.sleep(0.05)
        ended.append(number)

    with pytest.raises(Failed):
        Pool(3)(work, range(7))
    assert sorted(ended) == [1, 2, 3, 4, 5, 6]


def test_after_a_failure_the_pool_goes_on_working() -> None:
    pool = Pool(2)
    with pytest.raises(Failed):
        pool(_fails, range(8))
    assert pool(_fails, range(3)) == [0, 1, 2]


def test_threads_start_with_the_first_work_and_stay() -> None:
    before = threading.active_count()
    pool = Pool(2)
    assert threading.active_count() <= before
    first = set(pool(lambda _: threading.get_ident(), range(20)))
    second = set(pool(lambda _: threading.get_ident(), range(20)))
    assert len(first | second) <= 2
    assert threading.get_ident() not in first | second
