"""What is the text part of an HTML template?

Works on the Jinja source, not on one rendered email: expressions and statements stay where they are, so the
text part has the same loops, blocks and personalisation. Every template that is extended, included or
imported is expected under the same name ending in ``.txt``. What a statement leaves out leaves its empty lines
behind: whoever renders the text makes one of many.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

from jinja2 import Environment

#: Elements without content.
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
#: Elements that are not read.
_UNREAD = frozenset({"head", "style", "script", "title", "template", "svg"})
#: Element -> line breaks around it.
_BREAKS = {
    **dict.fromkeys(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "table", "pre"), 2),
    **dict.fromkeys(("div", "tr", "li", "section", "article", "header", "footer", "center", "dt", "dd"), 1),
}
_CELLS = frozenset({"td", "th"})

# Jinja is masked with private-use characters while the HTML is read.
_MASK = re.compile("([\ue000\ue001])([0-9]+)\ue002")
_STATEMENT, _EXPRESSION, _END = "\ue000", "\ue001", "\ue002"

_WITHOUT_CONTROL = {
    "block_begin": "{%",
    "block_end": "%}",
    "variable_begin": "{{",
    "variable_end": "}}",
    "raw_begin": "{% raw %}",
    "raw_end": "{% endraw %}",
}
_INVISIBLE = str.maketrans("", "", "\u200b\u200c\u200d\u034f\ufeff")
_WORD = re.compile("[a-z]+")
_OTHER_SOURCE = re.compile(r"^(['\"])(.*)\.html\1$")


def to_text(source: str, environment: Environment) -> str:
    """The text version of an HTML Jinja source, itself a Jinja source."""
    masked, kept = _mask(source, environment)
    reader = _Reader(lambda mark: _WORD.findall(kept[int(mark[1:-1])])[0])
    reader.feed(masked)
    reader.close()
    text = _MASK.sub(lambda found: kept[int(found[2])], reader.text())
    return text.strip("\n") + "\n"


def _mask(source: str, environment: Environment) -> tuple[str, list[str]]:
    """The source with every piece of Jinja replaced by a mark, and the pieces.

    White space control (``{%- … -%}``) has had its effect on the HTML and would now eat the text's line breaks.
    """
    parts: list[str] = []
    kept: list[str] = []
    piece: list[str] = []
    refers = False
    for _, token, value in environment.lex(source):
        if token == "data":
            parts.append(value)
            continue
        if token.startswith("comment"):
            continue
        if token in ("block_begin", "variable_begin"):
            piece, refers = [], False
        elif token == "name" and value in ("extends", "include", "import", "from"):
            refers = True
        elif token == "string" and refers:
            value = _OTHER_SOURCE.sub(r"\1\2.txt\1", value)
        piece.append(_WITHOUT_CONTROL.get(token, value))
        if token in ("block_end", "variable_end", "raw_begin", "raw_end"):
            mark = _EXPRESSION if token == "variable_end" else _STATEMENT
            parts.append(f"{mark}{len(kept)}{_END}")
            kept.append("".join(piece))
            piece = []
    return "".join(parts), kept


class _Reader(HTMLParser):
    def __init__(self, first_word: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=True)
        #: Mark of a statement -> its first word, such as ``for``.
        self.first_word = first_word
        #: Where in ``out`` the rounds of the open loops begin.
        self.loops: list[int] = []
        self.out: list[str] = []
        #: Line breaks and space that come before the next text, if one comes.
        self.breaks = 0
        self.space = False
        #: The element that is being skipped, and how deep inside its like we are.
        self.skipping = ""
        self.depth = 0
        #: Open links: where their text began in ``out``, and where they lead.
        self.links: list[tuple[int, str]] = []
        self.fresh_row = True

    def text(self) -> str:
        return "".join(self.out)

    # --- what HTMLParser calls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.skipping:
            self.depth += tag == self.skipping
            return
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID and (tag in _UNREAD or _is_hidden(given)):
            self.skipping, self.depth = tag, 1
        elif tag == "br":
            self._new_lines(1)
            self.space = False
        elif tag == "hr":
            self._break(2)
            self._say("----")
            self._break(2)
        elif tag == "img":
            self._flow(given.get("alt", ""))
        elif tag == "a":
            self.links.append((len(self.out), given.get("href", "").strip()))
        elif tag in _CELLS:
            self.space = self.space or not self.fresh_row
            self.fresh_row = False
        else:
            self._break(_BREAKS.get(tag, 0))
            self.fresh_row = self.fresh_row or tag == "tr"
            if tag == "li":
                self._say("- ")
                self.space = False

    def handle_endtag(self, tag: str) -> None:
        if self.skipping:
            self.depth -= tag == self.skipping
            if not self.depth:
                self.skipping = ""
        elif tag == "a" and self.links:
            self._close_link(*self.links.pop())
        else:
            self._break(_BREAKS.get(tag, 0))

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self._flow(data.translate(_INVISIBLE))

    # --- writing

    def _flow(self, text: str) -> None:
        """Text of a line: white space is one space, statements take no room."""
        for piece in re.split(f"({_STATEMENT}[0-9]+{_END})", text):
            if piece.startswith(_STATEMENT):
                self._keep(piece)
                continue
            words = " ".join(piece.split())
            self.space = self.space or piece[:1].isspace()
            if words:
                self._say(words)
                self.space = piece[-1].isspace()

    def _keep(self, statement: str) -> None:
        """A statement as it is; what comes before it comes once, whatever it does with what is inside.

        Only a loop whose rounds begin on new lines needs none at their end: the items of a list stay together.
        """
        word = self.first_word(statement)
        if word != "endfor" or not (self.loops and self._begins_on_new_line(self.loops.pop())):
            self._part()
        self.out.append(statement)
        if word == "for":
            self.loops.append(len(self.out))

    def _begins_on_new_line(self, start: int) -> bool:
        written = (piece for piece in self.out[start:] if not piece.startswith(_STATEMENT))
        return next(written, "").startswith("\n")

    def _say(self, words: str) -> None:
        self._part()
        self.out.append(words)

    def _part(self) -> None:
        """Write the line breaks or the space that are due."""
        if self.breaks:
            self._new_lines(self.breaks)
        elif self.space and self.out and not self.out[-1].endswith(("\n", " ")):
            self.out.append(" ")
        self.breaks, self.space = 0, False

    def _new_lines(self, count: int) -> None:
        # Jinja (trim_blocks) takes the first line break after a statement away.
        after_statement = bool(self.out) and self.out[-1].startswith(_STATEMENT)
        self.out.append("\n" * (count + after_statement))

    def _break(self, count: int) -> None:
        self.breaks = max(self.breaks, count)

    def _close_link(self, start: int, href: str) -> None:
        said = "".join(self.out[start:]).strip()
        shown = _MASK.sub(lambda found: found[0] if found[1] == _EXPRESSION else "", said).strip()
        target = href.removeprefix("mailto:")
        if not target or target.startswith("#") or target == shown:
            return
        if not shown:
            self._say(target)
        else:
            self.out.append(f" ({target})")


def _is_hidden(attributes: dict[str, str]) -> bool:
    """Whether mail clients do not show the element, as with a preheader."""
    style = attributes.get("style", "").replace(" ", "").lower()
    return "hidden" in attributes or "display:none" in style or attributes.get("aria-hidden") == "true"
