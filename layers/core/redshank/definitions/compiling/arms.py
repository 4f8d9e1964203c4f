"""How is a test divided, and by what is it decided?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redshank.definitions.compiling.steps import Names, ways
from redshank.definitions.models import steps as written
from redshank.definitions.models.steps import Step
from redshank.definitions.problems import Place, Problems, did_you_mean
from redshank.engine import workflows as flow

#: So far from 100 % may what people round be off.
_NEARLY = 1e-6


def shares(given: Mapping[str, float | None], place: Place, problems: Problems) -> dict[str, float]:
    """The share of each arm; those without one divide the rest equally."""
    total = sum(share for share in given.values() if share is not None)
    free = [name for name, share in given.items() if share is None]
    if not free and abs(total - 1) > _NEARLY:
        problems.add(place, f"the shares of the arms add up to {_percent(total)}, not to 100%")
    if free and total > 1 - _NEARLY:
        problems.add(place, f"the shares of the other arms leave nothing for `{free[0]}`")
    rest = (1 - total) / len(free) if free else 0.0
    return {name: rest if share is None else share for name, share in given.items()}


def _percent(share: float) -> str:
    return f"{share * 100:.6g}%"


@dataclass(frozen=True)
class Tests:
    """What the tests of a workflow are decided by; what is wrong goes to ``problems``."""

    names: Names
    #: Whether the names are known to be all.
    is_whole: bool
    #: Whether a schedule starts all journeys: a sample can go first.
    is_broadcast: bool
    problems: Problems

    def decide(
        self, step: written.SendStep | written.SplitStep | written.WaitUntilStep, following: Step | None
    ) -> flow.Decide | None:
        """``following`` is the step after, on the same level."""
        source = step.decide
        if source is None:
            return None
        if source.sample is not None and not isinstance(step, written.SendStep):
            message = "a `sample` is of the arms of a `send`: its rest waits for the winner"
            self.problems.add(source.at("sample"), message)
        elif source.sample is not None and not self.is_broadcast:
            message = "a `sample` goes first where all are sent to at once: with a trigger `at` or `every`"
            self.problems.add(source.at("sample"), message)
        return flow.Decide(
            by=source.by,
            of=self._judged(step, source, following),
            minimum=source.minimum,
            confidence=source.confidence,
            within=source.within,
            then=source.then,
            sample=1.0 if source.sample is None else source.sample,
            after=source.after or 0,
        )

    def _judged(
        self,
        step: written.SendStep | written.SplitStep | written.WaitUntilStep,
        source: written.Decide,
        following: Step | None,
    ) -> str:
        """The step whose email is judged; an empty string: whatever the arm sent, or nothing in particular."""
        if source.of is not None:
            if self.is_whole and source.of not in self.names.emails:
                hint = did_you_mean(source.of, self.names.emails)
                message = f"no step `{source.of}` sends an email in this workflow{hint}"
                self.problems.add(source.at("of"), message)
            return source.of
        if isinstance(step, written.SendStep):
            return self.names.of(step)
        if source.by not in ("opens", "clicks"):
            return ""
        if isinstance(step, written.SplitStep):
            self._check_split(step, source)
            return ""
        if isinstance(following, written.SendStep):
            return self.names.of(following)
        message = f"`by: {source.by}` judges an email; say with `of` which step's"
        self.problems.add(source.at(), message)
        return ""

    def _check_split(self, step: written.SplitStep, source: written.Decide) -> None:
        """Without ``of``, each arm has to send the one email that it is judged by."""
        for name, arm in step.arms.items():
            sent = _emails(arm.then)
            if sent is None or sent == 1:
                continue
            said = "sends several emails" if sent else "sends no email"
            self.problems.add(
                source.at(),
                f"the arm `{name}` {said}; say with `of` which step's {source.by} decide, or decide by "
                "`conversion`",
            )
            return


def _emails(steps: list[Step]) -> int | None:
    """How many emails there are in an arm; None where a snippet has them."""
    found = 0
    for step in steps:
        if isinstance(step, written.UseStep):
            return None
        found += isinstance(step, written.SendStep)
        for way in ways(step):
            inside = _emails(way)
            if inside is None:
                return None
            found += inside
    return found
