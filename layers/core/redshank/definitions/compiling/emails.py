"""What do a book's emails need, and do they have it?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from redshank.definitions.compiling.references import References
from redshank.definitions.compiling.schema import Declared
from redshank.definitions.compiling.triggers import events_of
from redshank.definitions.folder import Folder
from redshank.definitions.problems import Place, Problems
from redshank.definitions.sources import ALL, DECLARED, EVENT, line_of, members_in_line
from redshank.definitions.templates import Email, Library
from redshank.engine import book
from redshank.engine import workflows as flow
from redshank.engine.measures import Measure
from redshank.engine.values import Measured, Property


def compile_templates(
    folder: Folder,
    workflows: Mapping[str, flow.Workflow],
    topics: Mapping[str, book.Topic],
    declared: Declared,
    problems: Problems,
) -> tuple[dict[str, book.Template], dict[str, str]]:
    """The engine's templates and all the sources they are made of; what is wrong goes to ``problems``."""
    library = folder.library
    references = declared.references
    shown = _measures(folder, workflows, references)
    _check_properties(library, workflows, declared)
    for email in library.templates.values():
        if email.front is not None and email.front.topic is not None:
            references.check("topic", email.front.topic, email.front.at("topic"))
    _check_marketing(folder, workflows, topics, problems)
    templates = {
        name: book.Template(
            name=name,
            subject=email.front.subject,
            preheader=email.front.preheader,
            html=email.html,
            text=email.text,
            measures=tuple(sorted(shown[name])),
        )
        for name, email in library.templates.items()
        if email.front is not None
    }
    used = library.closure(*(name for email in templates.values() for name in (email.html, email.text)))
    sources = {name: library.sources[name].text for name in sorted(used & library.sources.keys())}
    return templates, sources


def _measures(
    folder: Folder, workflows: Mapping[str, flow.Workflow], references: References
) -> dict[str, set[str]]:
    """Template -> the measures that it shows, also in the subjects that steps give it."""
    library = folder.library
    for source in library.sources.values():
        for root, kind in DECLARED.items():
            for name, line in source.members.get(root, {}).items():
                if name != ALL:
                    references.check(kind, name, line_of(source.place, line))
    found: dict[str, set[str]] = {}
    for name, email in library.templates.items():
        closure = library.closure(email.html, email.text) & library.sources.keys()
        found[name] = {
            shown for source in closure for shown in library.sources[source].members.get("measures", ())
        }
        if email.front is not None:
            for key, text in (("subject", email.front.subject), ("preheader", email.front.preheader)):
                check_members(text, email.front.at(key), references)
                found[name] |= members_in_line("measures", text)
    for workflow in workflows.values():
        for step in _sends(workflow):
            subjects = (step.subject, *(arm.subject for arm in step.arms.values()))
            for name in _templates_of(step) & found.keys():
                found[name] |= {shown for line in subjects for shown in members_in_line("measures", line)}
    everything = set(folder.measures)
    return {name: everything if ALL in shown else shown for name, shown in found.items()}


def _check_properties(library: Library, workflows: Mapping[str, flow.Workflow], declared: Declared) -> None:
    """Report properties that an email shows and none of the events has that it may be sent after."""
    shown: dict[tuple[str, Place], set[tuple[str, ...]]] = {}
    for workflow in workflows.values():
        events = events_of(workflow.triggers)
        for name in {
            name for step in _sends(workflow) for name in _templates_of(step)
        } & library.templates.keys():
            for place, path in _properties(library.templates[name], library):
                shown.setdefault((path, place), set()).add(events)
    for (path, place), sent_after in shown.items():
        if all(sent_after):
            declared.property(sorted({event for events in sent_after for event in events}), path, place)


def _properties(email: Email, library: Library) -> Iterator[tuple[Place, str]]:
    """The properties of the starting event that an email shows, and where."""
    for source in library.closure(email.html, email.text) & library.sources.keys():
        for name, line in library.sources[source].members.get(EVENT, {}).items():
            if name != ALL:
                yield line_of(library.sources[source].place, line), name
    if email.front is not None:
        for key, text in (("subject", email.front.subject), ("preheader", email.front.preheader)):
            for name in members_in_line(EVENT, text) - {ALL}:
                yield email.front.at(key), name


def check_members(text: str, place: Place, references: References) -> None:
    """Report measures and traits that a line shows and nobody declares."""
    for root, kind in DECLARED.items():
        for name in sorted(members_in_line(root, text) - {ALL}):
            references.check(kind, name, place)


def _check_marketing(
    folder: Folder,
    workflows: Mapping[str, flow.Workflow],
    topics: Mapping[str, book.Topic],
    problems: Problems,
) -> None:
    """Marketing email says how to leave and who sent it."""
    marketing = {
        template
        for workflow in workflows.values()
        for step in _sends(workflow)
        if step.topic in topics and not topics[step.topic].transactional
        for template in _templates_of(step)
    }
    for name in sorted(marketing & folder.library.templates.keys()):
        email = folder.library.templates[name]
        what = "a marketing email"
        for source in (email.html, email.text):
            if folder.library.is_whole(source) and "unsubscribe_url" not in folder.library.roots(source):
                message = f"{what} needs a link to `{{{{ unsubscribe_url }}}}`, here or in its layout"
                problems.add(folder.library.sources[source].place, message)
                break
            what = "the text part of a marketing email"
    settings = folder.settings
    if (
        settings is not None
        and settings.postal_address is None
        and any(not topic.transactional for topic in topics.values())
    ):
        message = "`postal_address` is missing; the law asks for it in marketing email"
        problems.add(settings.at(), message)


def uses_event(
    workflow: flow.Workflow,
    subject_roots: Collection[str],
    folder: Folder,
    measures: Mapping[str, Measure],
) -> bool:
    """Whether an email, a later condition or a step of a workflow looks at the event that started it.

    ``subject_roots`` is what the subjects in the steps themselves use.
    """
    later = (workflow.goal, workflow.exit_if, *workflow.steps.values())
    if any(_looks_at_event(node, measures) for part in later for node in book.nodes(part)):
        return True
    named = (template for step in _sends(workflow) for template in _templates_of(step))
    emails = (folder.library.templates.get(name) for name in named)
    return "event" in subject_roots or any(
        "event" in _roots_of(email, folder) for email in emails if email is not None
    )


def _looks_at_event(node: object, measures: Mapping[str, Measure]) -> bool:
    """A property is the event's; so is what a measure that is kept per value of one is asked for."""
    if isinstance(node, Measured):
        return bool(measures[node.measure].same)
    return isinstance(node, Property)


def _roots_of(email: Email, folder: Folder) -> frozenset[str]:
    return email.roots | folder.library.roots(email.html, email.text)


def _sends(workflow: flow.Workflow) -> Iterator[flow.Send]:
    return (step for step in workflow.steps.values() if isinstance(step, flow.Send))


def _templates_of(step: flow.Send) -> set[str]:
    """What it may send: its template, and those of its arms."""
    given = {arm.template or step.template for arm in step.arms.values()}
    return given or {step.template}
