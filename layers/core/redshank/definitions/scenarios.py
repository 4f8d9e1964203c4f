"""Which scenarios does a book have, and do they name what is there?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from redshank.definitions import documents
from redshank.definitions.documents import Listed
from redshank.definitions.models import scenarios as written
from redshank.definitions.models.base import Definition, shown, validate
from redshank.definitions.models.scenarios import Scenario
from redshank.definitions.models.schema import RESERVED_EVENTS, RESERVED_TRAITS
from redshank.definitions.problems import Place, Problems, did_you_mean
from redshank.engine import moments
from redshank.engine.book import Book
from redshank.engine.workflows import Send, Split, Step, WaitUntil

#: Unsubscribing from everything that is not transactional.
_EVERYTHING = "*"


def read_scenarios(root: Path, book: Book) -> list[Scenario]:
    """The scenarios of the book in a folder, file by file. Raises InvalidBook with everything that is wrong."""
    problems = Problems()
    found: list[Scenario] = []
    for path in sorted((root / "tests").rglob("*")):
        file = path.relative_to(root).as_posix()
        if path.is_dir() or path.name.startswith("."):
            continue
        if path.suffix != ".yaml" or path.parent != root / "tests":
            problems.add(Place(file), "holds no scenarios; write them as `tests/NAME.yaml`")
            continue
        found += _of_file(path, file, problems)
    for scenario in found:
        _Checking(book, problems).check(scenario)
    problems.raise_if_any()
    return found


def _of_file(path: Path, file: str, problems: Problems) -> Iterator[Scenario]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(Place(file), f"is not UTF-8 text: {error.reason} at byte {error.start}")
        return
    before = len(problems.found)
    value = documents.read(file, text, problems)
    if not isinstance(value, Listed):
        if len(problems.found) == before:
            problems.add(Place(file, 1), f"the file should be a list of scenarios, not {shown(value)}")
        return
    for item, line in zip(value, value.lines, strict=True):
        made = validate(Scenario.model_validate, item, problems, at=Place(file, line))
        if made is not None:
            yield made


class _Checking:
    """Is what a scenario names in the book?"""

    def __init__(self, book: Book, problems: Problems) -> None:
        self.book = book
        self.problems = problems

    def check(self, scenario: Scenario) -> None:
        zone = scenario.contact.get("timezone")
        if zone is not None and (not isinstance(zone, str) or moments.zone(zone) is None):
            self.problems.add(
                scenario.at("contact"),
                f"the timezone should be one such as `Europe/Berlin`, not {shown(zone)}",
            )
        for trait in scenario.contact:
            self._declared(scenario, "contact", "trait", trait)
        self._arms(scenario)
        for one in scenario.when:
            self._happening(one)
        for expected in scenario.expect:
            self._expected(expected)

    def _declared(self, source: Definition, key: str, kind: str, name: str) -> None:
        """Report what the app does not send, where it says what it sends."""
        schema = self.book.schema
        if schema is None:
            return
        declared = schema.events if kind == "event" else schema.traits
        reserved = RESERVED_EVENTS if kind == "event" else RESERVED_TRAITS
        roots = {path.partition(".")[0] if kind == "trait" else path for path in declared}
        if declared and name not in reserved | roots:
            self._name(source, key, kind, name, reserved | roots)

    def _arms(self, scenario: Scenario) -> None:
        known: dict[str, set[str]] = {}
        for workflow in self.book.workflows.values():
            for step in workflow.steps.values():
                if isinstance(step, Send | Split | WaitUntil) and step.arms:
                    known.setdefault(step.id, set()).update(step.arms)
        for step_id, arm in scenario.arms.items():
            place = scenario.at("arms")
            if step_id not in known:
                self.problems.add(place, f"no step `{step_id}` has arms{did_you_mean(step_id, known)}")
            elif arm not in known[step_id]:
                self.problems.add(place, f"`{step_id}` has no arm `{arm}`{did_you_mean(arm, known[step_id])}")

    def _happening(self, one: written.Happens) -> None:
        match one:
            case written.EventHappens():
                self._declared(one, "event", "event", one.event)
            case written.TraitsHappen():
                for trait in one.traits:
                    self._declared(one, "traits", "trait", trait)
            case written.OpenHappens():
                self._email(one, "opened", one.opened, one.workflow)
            case written.ClickHappens():
                self._email(one, "clicked", one.clicked, one.workflow)
            case written.BounceHappens():
                self._email(one, "bounced", one.bounced, one.workflow)
            case written.ComplaintHappens():
                self._email(one, "complained", one.complained, one.workflow)
            case written.SubscribeHappens():
                self._name(one, "subscribed", "topic", one.subscribed, self.book.topics)
            case written.UnsubscribeHappens():
                if one.unsubscribed != _EVERYTHING:
                    self._name(one, "unsubscribed", "topic", one.unsubscribed, self.book.topics)
            case written.EnrollHappens():
                self._name(one, "enrolled", "workflow", one.enrolled, self.book.workflows)

    def _expected(self, one: written.Expects) -> None:
        match one:
            case written.SentExpected():
                self._email(one, "sent", one.sent, one.workflow)
            case written.SkippedExpected():
                if self._workflow(one, one.workflow):
                    steps = self._steps(one.workflow)
                    self._name(one, "skipped", "step", one.skipped, {step.id: step for step in steps})
            case written.EnteredExpected():
                self._name(one, "entered", "workflow", one.entered, self.book.workflows)
            case written.ExitedExpected():
                self._workflow(one, one.workflow)

    def _email(self, source: Definition, key: str, step: str, workflow: str | None) -> None:
        if self._workflow(source, workflow):
            emails = {it.id for it in self._steps(workflow) if isinstance(it, Send)}
            if step not in emails:
                where = f" of `{workflow}`" if workflow else ""
                message = f"no step `{step}`{where} sends an email{did_you_mean(step, emails)}"
                self.problems.add(source.at(key), message)

    def _workflow(self, source: Definition, name: str | None) -> bool:
        """Whether the workflow is there, or none is named."""
        return name is None or self._name(source, "workflow", "workflow", name, self.book.workflows)

    def _name(
        self, source: Definition, key: str, kind: str, name: str, known: Collection[str] | Mapping[str, Any]
    ) -> bool:
        if name in known:
            return True
        self.problems.add(source.at(key), f"unknown {kind} `{name}`{did_you_mean(name, known)}")
        return False

    def _steps(self, workflow: str | None) -> list[Step]:
        return [
            step
            for it in self.book.workflows.values()
            if workflow in (None, it.name)
            for step in it.steps.values()
        ]
