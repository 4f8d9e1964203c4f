"""Does a book do what its scenarios expect? Told as timelines, and as JUnit XML for machines that run tests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never
from xml.etree import ElementTree

from redshank.definitions.models import scenarios as written
from redshank.definitions.scenarios import read_scenarios
from redshank.engine import inputs
from redshank.engine.book import Book
from redshank.errors import RedshankError
from redshank.simulation.reasons import span, stamp
from redshank.simulation.scenarios import Done, Expected, Happening, Result, Scenario, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A scenario that was run."""

    name: str
    file: str
    line: int
    seconds: float
    #: None: it could not be run, and ``error`` says why.
    result: Result | None
    error: str = ""

    @property
    def passed(self) -> bool:
        return self.result is not None and self.result.passed


def run_scenarios(root: Path, book: Book) -> Iterator[Tested]:
    """Run the scenarios of the book in a folder, one after the other. Raises InvalidBook first if any is wrong."""
    for source in read_scenarios(root, book):
        started = time.monotonic()
        result, error = None, ""
        try:
            result = run(book, scenario_of(source))
        except RedshankError as problem:
            error = str(problem)
        yield Tested(
            name=source.scenario,
            file=source.at().file,
            line=source.at("scenario").line,
            seconds=time.monotonic() - started,
            result=result,
            error=error,
        )


# --- from what is written


def scenario_of(source: written.Scenario) -> Scenario:
    """A scenario as the simulation knows it."""
    return Scenario(
        name=source.scenario,
        start=source.start,
        traits=source.contact,
        arms=source.arms,
        when=tuple(_happening(it) for it in source.when),
        expect=tuple(_expected(it) for it in source.expect),
        until=source.until,
    )


def _happening(it: written.Happens) -> Happening:
    def about(name: str, step: str, workflow: str | None, **more: Any) -> Happening:
        properties = {"step": step, **({"workflow": workflow} if workflow else {}), **more}
        return Happening(at=it.when, name=name, properties=properties)

    match it:
        case written.EventHappens():
            return Happening(at=it.when, name=it.event, properties=it.properties)
        case written.TraitsHappen():
            return Happening(at=it.when, type="identify", traits=it.traits)
        case written.AccountHappens():
            return Happening(at=it.when, type="group", properties={"group_id": "account"}, traits=it.account)
        case written.OpenHappens():
            return about(inputs.EMAIL_OPENED, it.opened, it.workflow, by=it.by)
        case written.ClickHappens():
            link = {"link": it.link} if it.link else {}
            return about(inputs.LINK_CLICKED, it.clicked, it.workflow, by=it.by, **link)
        case written.BounceHappens():
            return about(inputs.EMAIL_BOUNCED, it.bounced, it.workflow, kind="hard")
        case written.ComplaintHappens():
            return about(inputs.EMAIL_COMPLAINED, it.complained, it.workflow)
        case written.SubscribeHappens():
            return Happening(at=it.when, name=inputs.TOPIC_SUBSCRIBED, properties={"topic": it.subscribed})
        case written.UnsubscribeHappens():
            return Happening(
                at=it.when, name=inputs.TOPIC_UNSUBSCRIBED, properties={"topic": it.unsubscribed}
            )
        case written.EnrollHappens():
            properties: Mapping[str, Any] = {"workflow": it.enrolled, "properties": it.properties}
            return Happening(at=it.when, name=inputs.WORKFLOW_ENROLLED, properties=properties)
        case _:
            assert_never(it)


def _expected(it: written.Expects) -> Expected:
    match it:
        case written.SentExpected():
            return Expected(
                at=it.when, what="sent", workflow=it.workflow or "", step=it.sent, why=it.arm or ""
            )
        case written.SkippedExpected():
            return Expected(
                at=it.when, what="skipped", workflow=it.workflow or "", step=it.skipped, why=it.why or ""
            )
        case written.EnteredExpected():
            return Expected(at=it.when, what="entered", workflow=it.entered)
        case written.ExitedExpected():
            return Expected(at=it.when, what="exited", workflow=it.workflow or "", why=it.exited)
        case _:
            assert_never(it)


# --- telling


def timeline(result: Result) -> list[str]:
    """What was expected (-), what happened and was not (+), and what happened besides."""
    lines = []
    for mark, done in result.timeline:
        local = stamp(done.at, result.zone)
        lines.append(f"{mark} {local:<16} {span(done.at - result.start):>8}  {_said(done)}")
    return lines


def _said(done: Done) -> str:
    about = f" ({done.workflow})" if done.workflow else ""
    match done.what:
        case "sent":
            return f"sent {done.step}{f', arm {done.why}' if done.why else ''}{about}"
        case "skipped":
            return f"skipped {done.step}{f', why: {done.why}' if done.why else ''}{about}"
        case "exited":
            return f"exited {done.why}{about}"
        case _:
            return f"{done.what} {done.workflow}"


def junit(tested: Iterable[Tested]) -> bytes:
    """The scenarios as JUnit XML, a suite per file."""
    root = ElementTree.Element("testsuites", name="redshank test")
    suites: dict[str, list[Tested]] = {}
    for one in tested:
        suites.setdefault(one.file, []).append(one)
    for file, scenarios in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", name=file, tests=str(len(scenarios)))
        suite.set("failures", str(sum(it.result is not None and not it.passed for it in scenarios)))
        suite.set("errors", str(sum(it.result is None for it in scenarios)))
        suite.set("time", f"{sum(it.seconds for it in scenarios):.3f}")
        for it in scenarios:
            case = ElementTree.SubElement(suite, "testcase", name=it.name, classname=file, file=file)
            case.set("line", str(it.line))
            case.set("time", f"{it.seconds:.3f}")
            if it.result is None:
                ElementTree.SubElement(case, "error", message=it.error)
            elif not it.passed:
                failure = ElementTree.SubElement(case, "failure", message="not what was expected")
                failure.text = "\n".join(timeline(it.result))
    ElementTree.indent(root)
    made: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return made
