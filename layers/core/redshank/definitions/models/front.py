"""What does a template say about itself? Its front matter."""

from __future__ import annotations

from redshank.definitions.models.base import Definition
from redshank.definitions.models.scalars import Name, Text


class FrontMatter(Definition):
    """The YAML between two lines of ``---`` at the top of a template."""

    #: Jinja source, as is the preheader.
    subject: Text
    #: What an inbox shows beside the subject.
    preheader: str = ""
    #: What it is about, unless the step says otherwise; else that of the workflow.
    topic: Name | None = None
