"""Is what one definition calls another by really there?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redshank.definitions.problems import Place, Problems, did_you_mean


@dataclass(frozen=True)
class References:
    #: Kind (``topic``, ``sender``, ``segment``, ``template``) -> declared names; none where they are unknown.
    names: Mapping[str, frozenset[str]]
    problems: Problems

    def check(self, kind: str, name: str, place: Place) -> None:
        """Report a name that nothing is declared under."""
        known = self.names.get(kind)
        if known is not None and name not in known:
            self.problems.add(place, f"unknown {kind} `{name}`{did_you_mean(name, known)}")
