"""Is an arm the contact's own, whatever happens to the book around it?"""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from redshank.engine import chance


@given(st.lists(st.sampled_from("abcdef"), min_size=1, unique=True), st.text(), st.randoms())
def test_an_arm_does_not_depend_on_the_order_in_which_the_arms_are_written(
    arms: list[str], contact_id: str, shuffled: Random
) -> None:
    shares = dict.fromkeys(arms, 1 / len(arms))
    other = list(arms)
    shuffled.shuffle(other)
    assert chance.pick(shares, contact_id, "step") == chance.pick(
        dict.fromkeys(other, 1 / len(arms)), contact_id, "step"
    )


def test_each_arm_gets_its_share() -> None:
    picked = Counter(chance.pick({"b": 0.25, "a": 0.75}, f"contact-{number}") for number in range(4_000))
    assert 900 < picked["b"] < 1_100
