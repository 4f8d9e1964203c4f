"""What does a book mean to the engine?

references   is what one definition calls another by really there?
schema       what the app declared, and whether a question fits it
conditions   questions about a contact, and the measures they need
measures     what the names of measures.yaml stand for; expressions: the arithmetic in them
circles      is a segment or a measure defined by itself?
lists        who is on a static list
predictions  can the models be trained from what the book knows?
workflows    what a workflow is: entry, goal, and all of the following
triggers     what starts its journeys
snippets     the steps that the use of a snippet stands for
steps        what its steps are called; journeys: what they mean; arms: how tests are divided and decided
texts        written values, with paths such as {{ contact.plan }} in them
loops        can a workflow start itself for ever? (outlooks: what can become of a condition)
emails       templates, with what the law asks of them
compile_book all of it
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from redshank.definitions.compiling.circles import check_circles
from redshank.definitions.compiling.conditions import SEGMENT, Conditions
from redshank.definitions.compiling.emails import compile_templates
from redshank.definitions.compiling.lists import compile_lists
from redshank.definitions.compiling.loops import check_loops
from redshank.definitions.compiling.predictions import check_models
from redshank.definitions.compiling.references import References
from redshank.definitions.compiling.schema import Declared, compile_schema
from redshank.definitions.compiling.settings import compile_policy, compile_senders, compile_topics
from redshank.definitions.compiling.snippets import check_snippets
from redshank.definitions.compiling.workflows import compile_workflow, lists_sent_to
from redshank.definitions.folder import read_folder
from redshank.definitions.problems import Problems
from redshank.engine import book, serial
from redshank.identity import digest


def compile_book(folder: Path, *, sequence: int = 0) -> book.Book:
    """The book in a folder. Its hash is a hash of its content: equal books, equal hash, whatever the sequence.

    Raises InvalidBook with everything that is wrong.
    """
    problems = Problems()
    read = read_folder(folder, problems)
    references = References(read.names, problems)
    schema = compile_schema(read.schema)
    conditions = Conditions(
        references,
        problems,
        Declared(references, schema or book.Schema()),
        sources=read.measures,
        lists=read.lists.keys(),
    )
    check_circles(read.segments, read.measures, problems)
    topics = compile_topics(read.settings)
    segments = {name: conditions.compile(source, SEGMENT) for name, source in read.segments.items()}
    named = conditions.named.all()
    check_models(read.models, conditions)
    lists = compile_lists(read.lists, read.segments, problems)
    check_snippets(read.snippets, problems)
    compiled = {
        name: compile_workflow(name, source, read, topics, conditions, problems)
        for name, source in read.workflows.items()
    }
    workflows = {name: made for name, (made, _) in compiled.items()}
    segments |= lists_sent_to(workflows, lists)
    templates, sources = compile_templates(read, workflows, topics, conditions.declared, problems)
    problems.raise_if_any()
    written = {name: places for name, (_, places) in compiled.items()}
    check_loops(workflows, written, topics, segments, conditions.measures, problems)
    problems.raise_if_any()
    assert read.settings is not None
    made = book.Book(
        sequence=0,
        hash="",
        timezone=read.settings.timezone,
        postal_address=read.settings.postal_address or "",
        topics=topics,
        senders=compile_senders(read.settings),
        policy=compile_policy(read.settings),
        holdout=read.settings.holdout,
        schema=schema,
        measures=dict(sorted(conditions.measures.items())),
        named=named,
        segments=segments,
        lists=lists,
        workflows=workflows,
        templates=templates,
        sources=sources,
    )
    return replace(made, sequence=sequence, hash=hash_of(made))


def hash_of(made: book.Book) -> str:
    """A hash of all that a book says; its sequence number, its hash and what is as old as what are aside."""
    return digest(serial.dump(replace(made, sequence=0, hash="", born={})))
