"""What would applying a book change against what is live?"""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from cli.apply import moved, succeeding, whom_to_visit
from cli.backfill import PAGE, SEGMENTS, Contacts
from cli.pausing import paused_of
from redshank.engine import serial
from redshank.engine.book import Book, Template
from redshank.engine.moments import instant_of, zone
from redshank.engine.state import END
from redshank.engine.workflows import ScheduleTrigger, Step, Workflow
from redshank.instants import DAY, HOUR, MINUTE, SECOND, from_datetime
from redshank.ports import EVERYBODY, BookPointer, Spread

#: A clock that shows a time as late as any: a broadcast by each contact's own is over when it is over there.
_LATEST = timezone(-timedelta(hours=12))
#: How the definitions call what the engine's values call otherwise.
_WORDS = {"when": "if", "span": "wait", "condition": "wait_for", "otherwise": "else", "goal_ends": "goal"}
#: Of a step: where it leads is told by the steps themselves.
_LEADS = frozenset({"id", "next", "then", "otherwise", "to"})
_UNITS = (("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowChange:
    name: str
    #: ``added``, ``removed`` or ``changed``.
    kind: str
    #: Its state before and after; None where it was or will not be.
    state: tuple[str | None, str | None]
    added: tuple[str, ...] = ()
    #: Step that vanishes -> where its journeys go on; empty: they end.
    vanishing: Mapping[str, str] = field(default_factory=dict)
    #: Old id -> new id.
    renamed: Mapping[str, str] = field(default_factory=dict)
    #: Step -> what is different.
    changed: Mapping[str, str] = field(default_factory=dict)
    #: What else is different: ``trigger``, ``goal`` …
    other: tuple[str, ...] = ()

    @property
    def touched(self) -> frozenset[str]:
        """The steps at which a journey notices."""
        return frozenset((*self.vanishing, *self.renamed, *self.changed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Names, of segments, measures or templates."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    #: The sequence number of the live book, or None if there is none.
    live: int | None
    workflows: tuple[WorkflowChange, ...] = ()
    segments: Changes = Changes()
    measures: Changes = Changes()
    templates: Changes = Changes()
    #: Layouts, partials and snippets of templates.
    sources: Changes = Changes()
    #: What of the settings is different: ``topics``, ``policy`` …
    settings: tuple[str, ...] = ()
    #: Workflows that are paused by command, which applying does not change.
    paused: tuple[str, ...] = ()
    #: The workflows whose contacts will be visited, or EVERYBODY.
    visits: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything would."""
        parts = (self.workflows, self.segments, self.measures, self.templates, self.sources, self.settings)
        return any(parts)

    @property
    def asks_for_contacts(self) -> bool:
        """Whether the contacts have to be counted to know whom it touches."""
        return bool(self.visits) or any(it.touched or it.kind == "removed" for it in self.workflows)


@dataclass(slots=True, kw_only=True)
class Standings:
    """Where the contacts stand: how many there are, and the journeys at steps that change or vanish."""

    contacts: int = 0
    visited: int = 0
    #: (workflow, step) -> contacts.
    at: Counter[tuple[str, str]] = field(default_factory=Counter)


def planned(book: Book, live: Book | None, pointer: BookPointer | None, *, now: int) -> Plan:
    """What applying the book would change."""
    warnings = tuple(_warnings(book, now))
    if live is None or pointer is None:
        return Plan(live=None, workflows=tuple(_workflows(book, None)), warnings=warnings)
    made = succeeding(book, live, sequence=pointer.sequence + 1, now=now)
    own = {
        source for it in (*book.templates.values(), *live.templates.values()) for source in (it.html, it.text)
    }
    shared = {name: text for name, text in book.sources.items() if name not in own}
    shared_before = {name: text for name, text in live.sources.items() if name not in own}
    return Plan(
        live=pointer.sequence,
        workflows=tuple(_workflows(book, live)),
        segments=_compared(_segments(live), _segments(book)),
        measures=_compared(_texts(live.named), _texts(book.named)),
        templates=_compared(_templates(live), _templates(book)),
        sources=_compared(shared_before, shared),
        settings=tuple(name for name in _SETTINGS if getattr(book, name) != getattr(live, name)),
        paused=tuple(sorted(paused_of(live, pointer))),
        visits=tuple(sorted(whom_to_visit(made, live))),
        warnings=warnings,
    )


_SETTINGS = ("timezone", "postal_address", "topics", "senders", "policy", "holdout", "schema", "lists")


def _compared(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: serial.canonical(value) for name, value in values.items()}


def _segments(book: Book) -> dict[str, str]:
    told = serial.signatures(book)
    return {name: told[f"segment:{name}"] for name in book.segments}


def _templates(book: Book) -> dict[str, str]:
    def said(template: Template) -> str:
        sources = (book.sources.get(template.html, ""), book.sources.get(template.text, ""))
        return "\x1f".join((serial.canonical(template), *sources))

    return {name: said(template) for name, template in book.templates.items()}


# --- workflows


def _workflows(book: Book, live: Book | None) -> Iterator[WorkflowChange]:
    before = live.workflows if live else {}
    for name in sorted(before.keys() | book.workflows.keys()):
        was, now = before.get(name), book.workflows.get(name)
        if was is None and now is not None:
            yield WorkflowChange(name=name, kind="added", state=(None, now.state), added=tuple(now.steps))
        elif was is not None and now is None:
            vanishing = dict.fromkeys(was.steps, END)
            yield WorkflowChange(name=name, kind="removed", state=(was.state, None), vanishing=vanishing)
        elif was is not None and now is not None:
            change = _changed(was, now)
            if change is not None:
                yield change


def _changed(was: Workflow, now: Workflow) -> WorkflowChange | None:
    goes_to = moved(now, was)
    renamed = {old: new for old, new in now.moved.items() if old in was.steps}
    gone = [step for step in was.steps if step not in now.steps and step not in renamed]
    kept = {step: step for step in was.steps if step in now.steps} | renamed
    steps = {old: _difference(was.steps[old], now.steps[new]) for old, new in kept.items()}
    change = WorkflowChange(
        name=now.name,
        kind="changed",
        state=(was.state, now.state),
        added=tuple(step for step in now.steps if step not in kept.values()),
        vanishing={step: goes_to[step] for step in gone},
        renamed=renamed,
        changed={old: text for old, text in steps.items() if text},
        other=tuple(_others(was, now)),
    )
    quiet = not (change.added or change.touched or change.other) and was.state == now.state
    return None if quiet else change


def _others(was: Workflow, now: Workflow) -> Iterator[str]:
    aside = {"name", "state", "steps", "moved", "keeps_event", "remembers", "first"}
    for item in dataclasses.fields(Workflow):
        if item.name not in aside and getattr(was, item.name) != getattr(now, item.name):
            yield _WORDS.get(item.name, item.name)
    before, after = list(_way(was)), list(_way(now))
    if [step for step in before if step in after] != [step for step in after if step in before]:
        yield "order of the steps"


def _way(workflow: Workflow) -> Iterator[str]:
    """The steps that follow one another, whatever lies inside of branches."""
    step = workflow.first
    while step != END:
        yield step
        step = workflow.steps[step].next


def _difference(was: Step, now: Step) -> str:
    """``wait: 1d instead of 2d``, or an empty string."""
    if type(was) is not type(now):
        return f"{type(now).__name__.lower()} instead of {type(was).__name__.lower()}"
    told = []
    for item in dataclasses.fields(now):
        before, after = getattr(was, item.name), getattr(now, item.name)
        if item.name in _LEADS or before == after:
            continue
        word = _WORDS.get(item.name, item.name)
        plain = all(isinstance(it, str | int | float) or it is None for it in (before, after))
        told.append(f"{word}: {_shown(word, after)} instead of {_shown(word, before)}" if plain else word)
    return ", ".join(told)


def _shown(word: str, value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, int) and word in ("wait", "at_most", "hold", "offset"):
        return duration(value)
    return str(value)


def duration(span: int) -> str:
    """``2d``, ``1d12h``: as the definitions write it."""
    left, told = abs(span), ""
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        told += f"{count}{unit}" if count else ""
    return ("-" if span < 0 else "") + (told or "0s")


# --- warnings


def _warnings(book: Book, now: int) -> Iterator[str]:
    for workflow, trigger in book.schedules:
        if trigger.at and _over(trigger) <= now:
            late = (
                "nobody gets it" if trigger.skip_late or _over(trigger) <= now - DAY else "it starts at once"
            )
            yield f"workflow `{workflow.name}` is to start at {trigger.at.replace('T', ' ')}, which is past: {late}"


def _over(trigger: ScheduleTrigger) -> int:
    """The instant at which the moment has come for everybody."""
    wall = datetime.fromisoformat(trigger.at)
    where = zone(trigger.timezone) if trigger.timezone else None
    if where is not None:
        return instant_of(wall, where)
    return from_datetime(wall.replace(tzinfo=_LATEST).astimezone(UTC))


# --- the contacts


def count(
    contacts: Contacts, plan: Plan, spread: Spread, told: Callable[[int], None] = lambda _: None
) -> Standings:
    """Read the standings, and count whom the plan touches; ``told`` hears how many have been read."""
    touched = {it.name: it.touched for it in plan.workflows}
    found = Standings()
    one_at_a_time = threading.Lock()
    whole = any(touched.values()) or EVERYBODY not in plan.visits

    def part(number: int) -> None:
        after: Mapping[str, Any] | None = None
        while True:
            standings, after = contacts.some(number, SEGMENTS, after=after, limit=PAGE, whole=whole)
            with one_at_a_time:
                for standing in standings:
                    journeys = [(it.workflow, it.at) for it in standing.journeys.values()]
                    found.at.update({it for it in journeys if it[1] in touched.get(it[0], ())})
                    found.visited += _is_visited(plan.visits, [workflow for workflow, _ in journeys])
                found.contacts += len(standings)
                told(found.contacts)
            if after is None:
                return

    spread(part, range(SEGMENTS))
    return found


def _is_visited(visits: Collection[str], workflows: Collection[str]) -> bool:
    return EVERYBODY in visits or any(it in visits for it in workflows)


# --- for a person, and for a script


def lines(plan: Plan, standings: Standings | None) -> Iterator[tuple[str, str]]:
    """(``+``, ``-``, ``~``, ``!`` or empty; a line of the plan)."""
    yield from _book_line(plan)
    for change in plan.workflows:
        yield _SIGNS[change.kind], _headline(change)
        yield from (("", f"  {line}") for line in _details(change, standings))
    for noun, changes in (
        ("segment", plan.segments),
        ("measure", plan.measures),
        ("template", plan.templates),
        ("source", plan.sources),
    ):
        for kind, names in (
            ("added", changes.added),
            ("removed", changes.removed),
            ("changed", changes.changed),
        ):
            for name in names:
                yield _SIGNS[kind], f"{noun} {name}"
    if plan.settings:
        yield "~", f"settings: {', '.join(plan.settings)}"
    if plan.visits:
        who = "every contact" if EVERYBODY in plan.visits else f"the contacts in {', '.join(plan.visits)}"
        many = f": {standings.visited:,}" if standings else ""
        yield "", f"{who} will be visited{many}"
    for name in plan.paused:
        yield (
            "!",
            f"workflow {name} is paused by command, and stays so: `redshank resume {name}` lets it go on",
        )
    for warning in plan.warnings:
        yield "!", warning


_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def _book_line(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.live is None:
        yield "", "no book is live: this would be the first"
    elif not plan.changes:
        yield "", f"nothing would change: this is book {plan.live}, which is live"
    else:
        yield "", f"book {plan.live} is live; this would be book {plan.live + 1}"


def _headline(change: WorkflowChange) -> str:
    was, now = change.state
    if change.kind == "added":
        return f"workflow {change.name}" + (f" ({now})" if now != "live" else "")
    if change.kind == "changed" and was != now:
        return f"workflow {change.name}: {now}, was {was}"
    return f"workflow {change.name}"


def _details(change: WorkflowChange, standings: Standings | None) -> Iterator[str]:
    def here(step: str) -> str:
        count = standings.at[change.name, step] if standings else 0
        return f" ({count:,} {'contact stands' if count == 1 else 'contacts stand'} there)" if count else ""

    if change.kind == "added":
        return
    if change.kind == "removed":
        stand = (
            sum(count for (name, _), count in standings.at.items() if name == change.name) if standings else 0
        )
        yield f"its journeys end ({stand:,} now)"
        return
    for step, text in change.changed.items():
        yield f"~ {step}: {text}{here(step)}"
    for old, new in change.renamed.items():
        yield f"~ {old} is now {new}{here(old) if old not in change.changed else ''}"
    for step, to in change.vanishing.items():
        yield f"- {step}: journeys there {f'go on at {to}' if to else 'end'}{here(step)}"
    for step in change.added:
        yield f"+ {step}"
    for other in change.other:
        yield f"~ {other}"


def plain(plan: Plan, standings: Standings | None) -> dict[str, Any]:
    """The plan for ``--json``."""
    found = dataclasses.asdict(plan) | {"changes": plan.changes}
    for change in found["workflows"]:
        at = (
            {step: many for (name, step), many in standings.at.items() if name == change["name"]}
            if standings
            else {}
        )
        change["standing"] = at
    found["contacts"] = standings.contacts if standings else None
    found["visited"] = standings.visited if standings else 0
    return found
