"""Which arm does a contact get? A stable hash: the same contact, the same arm, also after edits."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b


def fraction(*names: str) -> float:
    """A number in [0, 1) that looks random and is always the same for the same names."""
    hashed = blake2b("\x1f".join(names).encode(), digest_size=7).digest()
    return (int.from_bytes(hashed) >> 3) / 2.0**53


def pick(shares: Mapping[str, float], *names: str) -> str:
    """One of the arms, each with its share, in whatever order they are given; the last takes what rounding leaves."""
    at = fraction(*names)
    reached = 0.0
    arm = ""
    for arm in sorted(shares):
        reached += shares[arm]
        if at < reached:
            break
    return arm
