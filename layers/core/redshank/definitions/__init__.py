"""What did the team write? A folder of YAML and templates, compiled to the engine's Book.

    problems     what is wrong, where, and what would be right?
    documents    what does a YAML file say, and on which line?
    models       which shapes may it have?                    (pydantic; the grammar, one module a topic)
    folder       which files make a book, and what do they hold?
    templates    which emails are there, and which sources are they made of?
    sources      is a Jinja source sound, and what does it use?
    plain_text   what is the text part of an HTML template?
    compiling    what does it mean to the engine?
    advising     what is allowed, and likely to be a mistake?
    descriptions what do the models say of themselves?
    json_schema  which shapes may the files have, to an editor?
    reference    what can a book say? (docs/reference.md)

Only the command line and the tests import this package: it needs pydantic and ruamel.yaml, which a
function must never load to send an email.
"""

from redshank.definitions.compiling import compile_book
from redshank.definitions.problems import InvalidBook, Problem

__all__ = ["InvalidBook", "Problem", "compile_book"]
